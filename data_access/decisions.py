"""A sheet of a meeting's decisions (议定事项) -> the table `meeting_decision`, whole or not at all.

A decision is known by its meeting, its words and its unit: importing again updates its
deadline and what became of it. Columns of names and whatever else a sheet holds are not read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, inspect, select, update

from data_access import ledger, schema
from data_access import ledger_words as words
from data_access.deadlines import last_moment
from data_access.engine import shown_url
from data_access.problems import Problem
from data_access.settings import Settings
from data_access.texts import text

_TABLE: Final = schema.meeting_decision
_HEADERS: Final[dict[str, str]] = {
    "item": "议定事项 事项 决定事项 交办事项 item",
    "unit_id": "责任单位 牵头单位 主办单位 承办单位 落实单位 unit_id",
    "due_at": "完成时限 办理期限 完成期限 办理时限 时限 due_at",
    "done_at": "完成时间 完成日期 办结时间 done_at",
    "result": "完成情况 落实情况 办理情况 进展情况 result",
    "meeting_on": "会议日期 会议时间 meeting_on",
}
_FIELD_OF: Final = {header: name for name, headers in _HEADERS.items() for header in headers.split()}
_RESULTS: Final[dict[str, str]] = {
    "done": "已完成 完成 已办结 办结 已落实 落实 done",
    "under_way": "进行中 正在办理 办理中 推进中 正在推进 正在落实 under_way",
    "not_done": "未完成 未办结 未落实 未启动 not_done",
}
_RESULT_OF: Final = {word: code for code, spelt in _RESULTS.items() for word in spelt.split()}
_RUNNING_NUMBER: Final = ("序号", "编号", "no.")
_HEADER_WITHIN: Final = 20  # rows
_LONGEST: Final = 120  # characters of an item, as the contract has it
_MOMENTS: Final = ("due_at", "done_at", "result")
"""What an import may change of a decision that is known."""


@dataclass(frozen=True)
class Refused:
    """A row or value that was not taken: where it is and why (a key under `decisions.reason`)."""

    sheet: str
    row: int
    reason: str
    value: str = ""

    def sentence(self) -> str:
        """Where and why, for the screen."""
        why = text(f"decisions.reason.{self.reason}", value=words.masked(self.value)[:20])
        return text("decisions.row", sheet=words.masked(self.sheet), row=self.row, why=why)


@dataclass
class DecisionReport:
    """What an import did, in rows of the file; `unreadable` values were left empty."""

    dry_run: bool
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Refused] = field(default_factory=list)
    unreadable: list[Refused] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)  # headers of columns that are not read
    only_in_database: int = 0  # decisions of the same meetings that the file does not have

    def sentences(self) -> list[str]:
        """The result for the screen, in the language in use."""
        rows = self.inserted + self.updated + self.unchanged + len(self.rejected)
        said = [text("decisions.read", n=rows)]
        if self.dry_run:
            said.append(text("import.dry_run"))
        said.append(text("decisions.result", inserted=self.inserted, updated=self.updated, unchanged=self.unchanged))
        if self.rejected:
            said.append(text("decisions.rejected", n=len(self.rejected)))
        said += [refused.sentence() for refused in (*self.rejected, *self.unreadable)]
        if self.only_in_database:
            said.append(text("decisions.only_in_database", n=self.only_in_database))
        if self.dropped:
            columns = text("common.comma").join(map(words.masked, dict.fromkeys(self.dropped)))
            said.append(text("decisions.dropped", columns=columns))
        return said


def import_decisions(
    file: Path, url: str, settings: Settings, *, meeting: date | None, dry_run: bool = False
) -> DecisionReport:
    """Load the sheets of `file` that have a column of decisions into the case database `url`.

    `meeting`: the day of the meeting where no column says it. Raises Problem for a file or
    database that cannot be used.
    """
    sheets = [(sheet, header) for sheet in _sheets(file) if (header := _header(sheet.rows)) is not None]
    if not sheets:
        raise Problem("decisions_no_header", file=str(file))
    report = DecisionReport(dry_run)
    with ledger._transaction(url, dry_run) as connection:
        units = ledger._Units({})
        if connection:
            ledger._check_database(connection, url)
            _check_table(connection, url)
            present = ledger._present(connection)
            known = {
                table.name: connection.execute(select(table)).all() if table.name in present else ()
                for table in (schema.unit, schema.unit_alias)
            }
            units.add_known(known["unit"], known["unit_alias"])
        rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        for sheet, header in sheets:
            _read(sheet, header, _Context(units, settings, meeting, report), rows)
        _write(connection, rows, report, dry_run)
    return report


def _sheets(file: Path) -> list[Any]:
    return ledger._read_file(file, ledger._Mapping())


def _check_table(connection: Connection, url: str) -> None:
    if _TABLE.name in ledger._present(connection):
        held = {column["name"] for column in inspect(connection).get_columns(_TABLE.name)}
        if lacking := [column.name for column in _TABLE.c if column.name not in held]:
            columns = ", ".join(lacking)
            raise Problem("import_old_tables", url=shown_url(url), table=_TABLE.name, columns=columns)


def _header(rows: Sequence[Sequence[Any]]) -> int | None:
    """The row that names a column of decisions and one more."""
    for position, row in enumerate(rows[:_HEADER_WITHIN]):
        fields = {_FIELD_OF.get(words.header_key(cell)) for cell in row} - {None}
        if "item" in fields and len(fields) > 1:
            return position
    return None


# --- a row


@dataclass(frozen=True)
class _Context:
    units: Any
    settings: Settings
    meeting: date | None
    report: DecisionReport


class _Rejected(Exception):
    """The row cannot be taken, for the reason of this key; with the value that is to blame."""

    def __init__(self, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.reason, self.value = reason, value


def _read(sheet: Any, header: int, context: _Context, rows: dict[tuple[Any, ...], dict[str, Any]]) -> None:
    places: dict[str, int] = {}
    for place, cell in enumerate(sheet.rows[header]):
        header_key = words.header_key(cell)
        name = _FIELD_OF.get(header_key)
        if name and name not in places:
            places[name] = place
        elif header_key and header_key not in _RUNNING_NUMBER:
            context.report.dropped.append(str(cell).strip()[:20])
    for number, row in enumerate(sheet.rows[header + 1 :], start=header + 2):
        cells = {name: row[place] if place < len(row) else None for name, place in places.items()}
        said = [cell for cell in cells.values() if not ledger._is_blank(cell)]
        if not said or words.is_total(str(row[0])):
            continue
        try:
            values = _decision(cells, context, sheet.name, number)
        except _Rejected as why:
            context.report.rejected.append(Refused(sheet.name, number, why.reason, why.value))
            continue
        key = (values["meeting_on"], words.folded(values["item"]), values["unit_id"])
        if key in rows:
            context.report.rejected.append(Refused(sheet.name, number, "repeated"))
        else:
            rows[key] = values


def _decision(cells: Mapping[str, Any], context: _Context, sheet: str, number: int) -> dict[str, Any]:
    item = " ".join(words.plain(cells["item"]).split()) if not ledger._is_blank(cells["item"]) else ""
    if words.says_nothing(item):
        raise _Rejected("no_item")
    if words.is_personal(item):
        raise _Rejected("personal")
    if len(item) > _LONGEST:
        raise _Rejected("too_long")
    zone = context.settings.time_zone

    def moment(name: str) -> words.Instant | None:
        cell = cells.get(name)
        if ledger._is_blank(cell) or words.says_nothing(words.plain(cell)):
            return None
        found = words.read_moment(cell, context.meeting.year if context.meeting else None, zone)
        if found is None and name != "meeting_on":
            context.report.unreadable.append(Refused(sheet, number, f"unread_{name}", words.plain(cell)))
        return found

    met = moment("meeting_on")
    day = met.at.date() if met else context.meeting
    if day is None:
        raise _Rejected("no_meeting")
    due, done = moment("due_at"), moment("done_at")
    return {
        "meeting_on": datetime.combine(day, time()),
        "item": item,
        "unit_id": _unit(cells.get("unit_id"), context.units),
        # A file that writes a date as a moment means the end of the day, as one that writes a date.
        "due_at": due and (due.at if due.has_time and due.at.time() != time() else last_moment(due.at.date())),
        "done_at": done and done.at,
        "result": _result(cells.get("result"), context.report, sheet, number),
    }


def _unit(cell: Any, units: Any) -> str | None:
    """The unit that has to act, the first where a cell names several; one that is not known is an error."""
    if ledger._is_blank(cell) or words.says_nothing(words.plain(cell)):
        return None
    named = words.plain(cell)
    name = named if units.knows(named) else next(iter(words.unit_names(named)), named)
    if not units.knows(name):
        raise _Rejected("unknown_unit", name)
    return str(units.id_of(name))


def _result(cell: Any, report: DecisionReport, sheet: str, number: int) -> str | None:
    if ledger._is_blank(cell) or words.says_nothing(words.plain(cell)):
        return None
    code = _RESULT_OF.get(words.folded(words.plain(cell)))
    if code is None:
        report.unreadable.append(Refused(sheet, number, "unread_result"))
    return code


# --- the database


def _write(
    connection: Connection | None, rows: Mapping[tuple[Any, ...], dict[str, Any]], report: DecisionReport, dry: bool
) -> None:
    known: dict[tuple[Any, ...], Any] = {}
    taken: set[str] = set()
    if connection and _TABLE.name in ledger._present(connection):
        meetings = {values["meeting_on"] for values in rows.values()}
        for row in connection.execute(select(_TABLE)):
            taken.add(row.decision_id)
            met = row.meeting_on and datetime.combine(row.meeting_on.date(), time())
            if met in meetings:
                known[met, words.folded(row.item or ""), row.unit_id] = row
    report.only_in_database = len(known.keys() - rows.keys())
    if connection and not dry:
        schema.metadata.create_all(connection)
    counts = Counter[str]()
    for key, values in rows.items():
        before = known.get(key)
        if before is None:
            counts["inserted"] += 1
            if connection and not dry:
                connection.execute(_TABLE.insert(), values | {"decision_id": _new_id(key, taken)})
        elif changed := {name: values[name] for name in _MOMENTS if values[name] != getattr(before, name)}:
            counts["updated"] += 1
            if connection and not dry:
                connection.execute(update(_TABLE).where(_TABLE.c.decision_id == before.decision_id).values(changed))
        else:
            counts["unchanged"] += 1
    report.inserted, report.updated, report.unchanged = counts["inserted"], counts["updated"], counts["unchanged"]


def _new_id(key: tuple[Any, ...], taken: set[str]) -> str:
    """`20261118-1f0c9a2b33d4`: the same for the same decision on every machine."""
    met, item, unit = key
    digest = hashlib.sha256(f"{item}\n{unit or ''}".encode()).hexdigest()
    found = f"{met:%Y%m%d}-{digest[:12]}"
    while found in taken:
        digest = hashlib.sha256(digest.encode()).hexdigest()
        found = f"{met:%Y%m%d}-{digest[:12]}"
    taken.add(found)
    return found
