"""Spreadsheet or CSV -> case database: whole or not at all, with a report of what could not be read.

A ledger is read cell by cell as text and numbers, never guessed at. Columns that hold
identities or free text are not read; what is kept goes through an allow-list of fields.
"""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import time
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple

from python_calamine import CalamineError, CalamineWorkbook, PasswordError
from sqlalchemy import Boolean, Connection, Integer, Table, bindparam, delete, inspect, select, update
from sqlalchemy.sql.elements import ColumnElement

from data_access import schema
from data_access import ledger_words as words
from data_access.deadlines import last_moment
from data_access.engine import parsed, sentences, shown_url, writing_engine
from data_access.problems import Problem
from data_access.settings import Settings
from data_access.texts import text

Progress = Callable[[int, int], None]
Cell = Any  # what a file holds: text, number, bool, date, datetime, time

_CASE: Final = schema.petition_case
_TABLES: Final = (schema.unit, schema.unit_alias, schema.category, schema.post, _CASE, schema.case_unit, schema.contract)
_UNIT_FIELDS: Final = ("lead_unit_id", "registering_unit_id", words.ASSISTING)
_SPREADSHEETS: Final = (".xlsx", ".xlsm", ".xls")
_HEADER_WITHIN: Final = 20  # rows
_ID: Final = 40  # characters of a key, as the contract has it
_NAME: Final = 120  # characters of a name
_BATCH: Final = 1_000
_SHOWN: Final = 20  # characters of a value in the report, names in a sentence


# --- what comes back ---------------------------------------------------------------------


class Finding(NamedTuple):
    """One line of the report; `reason` and `action` are keys of the catalogue."""

    sheet: str
    row: int | None
    column: str
    value: str
    reason: str
    action: str
    n: int = 0


@dataclass(frozen=True)
class ImportReport:
    """What an import did, in rows of the file unless another unit is named.

    rows = inserted + updated + unchanged + rejected + merged + conflicts.
    """

    dry_run: bool
    sheets: tuple[str, ...]  # read
    sheets_skipped: tuple[str, ...]  # without a header that is known
    rows: int  # without blank rows and sums
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    merged: int  # exact duplicates
    conflicts: int  # superseded by a later row of the same number
    unreadable: int  # values left empty
    names_dropped: int  # values of 包案领导 that are no post
    several_units: int  # cells that name more than one unit
    assisting: int  # assisting units of the cases in the file
    closed_without_moment: int  # said to be closed, but with no moment
    new_units: tuple[str, ...]
    new_categories: tuple[str, ...]
    new_posts: tuple[str, ...]
    dropped: Mapping[str, tuple[str, ...]]  # headers by reason: see `DROPPED`
    missing: tuple[str, ...]  # fields of the contract that the pages need and no column feeds
    report_file: Path | None = None
    report_failed: Path | None = None  # the report that could not be written

    def sentences(self) -> list[str]:
        """The result for the screen, a sentence each, in the language in use."""
        said = [text("import.read", n=self.rows, sheets=_listed(self.sheets))]
        if self.dry_run:
            said.append(text("import.dry_run"))
        said.append(
            text("import.result", inserted=self.inserted, updated=self.updated, unchanged=self.unchanged)
        )
        counts = ("rejected", "merged", "conflicts", "unreadable", "closed_without_moment", "names_dropped")
        for name in (*counts, "several_units", "assisting"):
            if n := getattr(self, name):
                said.append(text(f"import.{name}", n=n))
        for name in ("new_units", "new_categories", "new_posts"):
            if names := getattr(self, name):
                said.append(text(f"import.{name}", n=len(names), names=_listed(names)))
        said += [text(f"import.dropped.{why}", columns=_listed(self.dropped[why])) for why in DROPPED if why in self.dropped]
        if self.sheets_skipped:
            said.append(text("import.sheets_skipped", sheets=_listed(self.sheets_skipped)))
        if self.missing:
            said.append(text("import.missing", columns=_listed([text(f"import.field.{each}") for each in self.missing])))
        if self.report_file:
            said.append(text("import.report", file=str(self.report_file)))
        if self.report_failed:
            said.append(text("import.report_failed", file=str(self.report_failed)))
        return said


DROPPED: Final = ("identity", "free_text", "other_column", "not_loaded", "unknown")
"""Why a column is not read."""


def _listed(names: Sequence[str]) -> str:
    shown = text("import.and").join(words.masked(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else text("import.and_more", names=shown, n=len(names))


# --- the mapping file --------------------------------------------------------------------


@dataclass(frozen=True)
class _Mapping:
    """The mapping file: headers by field, codes and posts by cell, names of units by alias; keys are folded."""

    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    posts: dict[str, str] = field(default_factory=dict)

    def field_of(self, key: str) -> str | None:
        return next((name for name, headers in self.columns.items() if key in headers), None)


def _read_mapping(path: Path | None) -> _Mapping:
    if path is None:
        return _Mapping()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Problem("mapping_unreadable", file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem("mapping_not_toml", file=str(path), detail=str(error)) from error
    mistakes: list[str] = []
    sections = {name: values.pop(name, {}) for name in ("columns", "codes", "units", "posts")}
    mistakes += [text("import.mistake.section", name=name) for name in values]
    for name, section in sections.items():
        if not isinstance(section, dict):
            mistakes.append(text("import.mistake.not_a_table", name=name))
            sections[name] = {}
    found = _Mapping(
        _mapped_columns(sections["columns"], mistakes),
        _mapped_codes(sections["codes"], mistakes),
        _mapped_names("units", sections["units"], mistakes),
        _mapped_names("posts", sections["posts"], mistakes),
    )
    _stop_at(mistakes, path)
    return found


def _stop_at(mistakes: list[str], path: Path) -> None:
    if mistakes:
        raise Problem("mapping_wrong", file=str(path), mistakes="\n".join(f"- {each}" for each in mistakes))


def _mapped_columns(section: dict[str, Any], mistakes: list[str]) -> dict[str, tuple[str, ...]]:
    columns: dict[str, tuple[str, ...]] = {}
    for name, headers in section.items():
        listed = headers if isinstance(headers, list) else [headers]
        keys = tuple(words.header_key(header) for header in listed)
        if name not in words.FIELDS:
            mistakes.append(text("import.mistake.field", field=name))
        elif not keys or not all(keys):
            mistakes.append(text("import.mistake.header_text", field=name))
        else:
            for header, key in zip(listed, keys, strict=True):
                why = words.known_header(key)
                if isinstance(why, words.Unread) and (
                    why.reason == "identity" or (why.reason == "free_text" and _keeps_text(name))
                ):
                    mistakes.append(text("import.mistake.private", field=name, header=header))
            columns[name] = keys
    return columns


def _keeps_text(name: str) -> bool:
    """Whether the words of a cell themselves are stored, not only a code, flag, number or moment."""
    return name in (*_UNIT_FIELDS, "case_no", "category_id", words.SUBCATEGORY, "township_id", "task_force")


def _mapped_codes(section: dict[str, Any], mistakes: list[str]) -> dict[str, dict[str, Any]]:
    codes: dict[str, dict[str, Any]] = {}
    for name, table in section.items():
        flag = name in words.FLAGS
        allowed: tuple[Any, ...] = (True, False, "") if flag else (*words.CODES.get(name, ()), "")
        if name not in words.CODES and not flag:
            mistakes.append(text("import.mistake.code_list", name=name, lists=_listed((*words.CODES, *words.FLAGS))))
        elif not isinstance(table, dict):
            mistakes.append(text("import.mistake.not_a_table", name=f"codes.{name}"))
        else:
            for word, code in table.items():
                if type(code) not in (str, bool) or code not in allowed:
                    shown = "true, false" if flag else ", ".join(map(str, allowed[:-1]))
                    mistakes.append(text("import.mistake.code", name=name, word=word, code=str(code), codes=shown))
            codes[name] = {words.folded(word): None if code == "" else code for word, code in table.items()}
    return codes


def _mapped_names(name: str, section: dict[str, Any], mistakes: list[str]) -> dict[str, str]:
    for alias, meant in section.items():
        if not isinstance(meant, str) or not meant.strip() or len(meant) > _NAME or words.is_personal(meant):
            mistakes.append(text("import.mistake.name", section=name, name=alias))
    return {words.folded(alias): str(meant).strip() for alias, meant in section.items()}


# --- the file ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sheet:
    name: str
    rows: list[list[Cell]]


@dataclass(frozen=True)
class _Column:
    """One field of a sheet: where its cells are, the first that is not empty counts."""

    field: str
    places: tuple[int, ...]
    headers: tuple[str, ...]  # as the file writes them
    key: str  # the first header, folded
    private: bool  # the header is one of free text: its values never leave the cell


@dataclass(frozen=True)
class _Layout:
    """A sheet whose header is understood."""

    sheet: _Sheet
    header: int  # index of the header row
    columns: dict[str, _Column]
    dropped: dict[str, list[str]]
    running_number: int | None  # 序号: a row that holds nothing else is blank
    year: int | None  # for dates without one


def _read_file(file: Path, mapping: _Mapping) -> list[_Sheet]:
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise Problem("ledger_missing", file=str(file)) from error
    except OSError as error:
        raise Problem("ledger_unreadable", file=str(file)) from error
    kind = file.suffix.lower()
    if not data.strip():
        raise Problem("ledger_empty", file=str(file))
    if kind == ".csv":
        return [_Sheet(file.name, _csv_rows(file, data, mapping))]
    if kind in _SPREADSHEETS:
        return _workbook(file, data)
    raise Problem("ledger_format", file=str(file))


def _workbook(file: Path, data: bytes) -> list[_Sheet]:
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise Problem("ledger_encrypted", file=str(file))
    try:
        with CalamineWorkbook.from_filelike(BytesIO(data)) as book:
            sheets = (book.get_sheet_by_name(name) for name in book.sheet_names)
            return [
                _Sheet(sheet.name, _filled(sheet.to_python(skip_empty_area=False), sheet.merged_cell_ranges or ()))
                for sheet in sheets
            ]
    except PasswordError as error:
        raise Problem("ledger_encrypted", file=str(file)) from error
    except CalamineError as error:
        raise Problem("ledger_format", file=str(file)) from error


def _filled(rows: list[list[Cell]], merged: Iterable[tuple[tuple[int, int], tuple[int, int]]]) -> list[list[Cell]]:
    """`rows` with each vertical merge filled down, except into rows that hold nothing else."""
    blank = [all(_is_blank(cell) for cell in row) for row in rows]
    for (top, left), (bottom, _) in merged:
        for row in range(top + 1, min(bottom + 1, len(rows))):
            if not blank[row]:
                rows[row][left] = rows[top][left]
    return rows


def _is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip("\u200b\ufeff \t\r\n\u3000\xa0"))


def _csv_rows(file: Path, data: bytes, mapping: _Mapping) -> list[list[Cell]]:
    content = _decoded(file, data)
    csv.field_size_limit(1 << 24)  # a cell of free text can be long
    lines = content[:200_000].split("\n")[: 2 * _HEADER_WITHIN]

    def known(delimiter: str) -> int:
        return max((_known_headers(row, mapping) for row in csv.reader(lines, delimiter=delimiter)), default=0)

    try:
        return list(csv.reader(StringIO(content, newline=""), delimiter=max(",;\t", key=known)))
    except csv.Error as error:
        raise Problem("ledger_format", file=str(file)) from error


def _decoded(file: Path, data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data:
        encodings = ()
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Problem("ledger_format", file=str(file))


def _known_headers(row: Sequence[Cell], mapping: _Mapping) -> int:
    keys = {words.header_key(cell) for cell in row} - {""}
    return sum(mapping.field_of(key) is not None or words.known_header(key) is not None for key in keys)


def _feeds_case_no(row: Sequence[Cell], mapping: _Mapping) -> bool:
    return any(_field_of(words.header_key(cell), mapping) == "case_no" for cell in row)


def _field_of(key: str, mapping: _Mapping) -> str | None:
    known = words.known_header(key)
    return mapping.field_of(key) or (known[0] if isinstance(known, tuple) and not isinstance(known, words.Unread) else None)


def _header_row(rows: list[list[Cell]], mapping: _Mapping) -> int | None:
    """The row with the most known headers, the lower of two in a header of several rows."""
    known = [
        _known_headers(row, mapping) if _feeds_case_no(row, mapping) else 0 for row in rows[: _HEADER_WITHIN]
    ]
    most = max(known, default=0)
    if most < 2:
        return None
    best = known.index(most)
    while best + 1 < len(known) and known[best + 1] == most:
        best += 1
    return best


def _layout(sheet: _Sheet, mapping: _Mapping) -> _Layout | None:
    header = _header_row(sheet.rows, mapping)
    if header is None:
        return None
    labels = [str(cell).strip() if isinstance(cell, str) else "" for cell in sheet.rows[header]]
    keys = [words.header_key(label) for label in labels]
    ranked: dict[str, list[tuple[int, int]]] = defaultdict(list)  # field -> (rank, place)
    dropped: dict[str, list[str]] = defaultdict(list)
    for place, key in enumerate(keys):
        if not key:
            continue
        mapped = mapping.field_of(key)
        known = words.known_header(key)
        if mapped:
            ranked[mapped].append((mapping.columns[mapped].index(key), place))
        elif known is None:
            dropped["unknown"].append(_short_header(labels[place]))
        elif isinstance(known, words.Unread):
            dropped[known.reason].append(_short_header(labels[place]))
        elif known[0] in mapping.columns:
            dropped["other_column"].append(_short_header(labels[place]))
        else:
            ranked[known[0]].append((known[1], place))
    columns = {}
    for name, places in ranked.items():
        chosen = [place for _, place in sorted(places)]
        if name not in mapping.columns and name not in words.EITHER:
            dropped["other_column"] += [labels[place] for place in chosen[1:]]
            chosen = chosen[:1]
        columns[name] = _Column(
            name,
            tuple(chosen),
            tuple(_short_header(labels[place]) for place in chosen),
            keys[chosen[0]],
            any(isinstance(words.known_header(keys[place]), words.Unread) for place in chosen),
        )
    titles = [cell for row in sheet.rows[:header] for cell in row if isinstance(cell, str)]
    return _Layout(
        sheet=sheet,
        header=header,
        columns=columns,
        dropped=dropped,
        running_number=keys.index("序号") if "序号" in keys else None,
        year=words.only_year([sheet.name]) or words.only_year(titles),
    )


def _short_header(label: str) -> str:
    """A header for the report, without what a person may have written after it (填表人：…)."""
    return words.masked(" ".join(label.replace("：", ":").split(":")[0].split())[:_SHOWN])


def _layouts(file: Path, mapping: _Mapping, mapping_file: Path | None) -> tuple[list[_Layout], list[str]]:
    """The sheets that are ledgers, and the names of those that are not."""
    sheets = _read_file(file, mapping)
    both = [(sheet, _layout(sheet, mapping)) for sheet in sheets]
    if mapping_file:
        held = {words.header_key(cell) for sheet in sheets for row in sheet.rows[:_HEADER_WITHIN] for cell in row}
        absent = [(name, key) for name, keys in mapping.columns.items() for key in keys if key not in held]
        _stop_at([text("import.mistake.header", field=name, header=key) for name, key in absent], mapping_file)
    layouts = [layout for _, layout in both if layout]
    if not layouts:
        raise Problem("ledger_no_header", file=str(file))
    return layouts, [sheet.name for sheet, layout in both if not layout and any(map(any, sheet.rows))]
