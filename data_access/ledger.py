"""Spreadsheet or CSV -> case database: whole or not at all, with a report of what could not be read.

A ledger is read cell by cell as text and numbers, never guessed at. Columns that hold
identities or free text are not read; what is kept goes through an allow-list of fields.
"""

from __future__ import annotations

import csv
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import time
from functools import reduce
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from python_calamine import CalamineError, CalamineWorkbook, PasswordError
from sqlalchemy import Connection, Table, bindparam, delete, inspect, select, update
from sqlalchemy.sql.elements import ColumnElement

from data_access import ledger_words as words
from data_access import schema
from data_access.deadlines import last_moment
from data_access.engine import parsed, sentences, shown_url, writing_engine
from data_access.problems import Problem
from data_access.settings import Settings
from data_access.texts import LANGUAGES, catalogue, text

Progress = Callable[[int, int], None]
Item = TypeVar("Item")
Cell = Any  # what a file holds: text, number, bool, date, datetime, time

_CASE: Final = schema.petition_case
_NAMES: Final = (schema.unit, schema.unit_alias, schema.category, schema.post)
_TABLES: Final = (*_NAMES, _CASE, schema.case_unit, schema.contract)
_UNIT_FIELDS: Final = ("lead_unit_id", "registering_unit_id", words.ASSISTING)
_SPREADSHEETS: Final = (".xlsx", ".xlsm", ".xls")
_HEADER_WITHIN: Final = 20  # rows
_ID: Final = 40  # characters of a key, as the contract has it
_NAME: Final = 120  # characters of a name
_BATCH: Final = 1_000
_CODE: Final = 12  # characters of a word for a code: longer ones are text
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
    about: tuple[str, int] = ("", 0)  # sheet and row, or a number, that the reason speaks of


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
        said.append(text("import.result", inserted=self.inserted, updated=self.updated, unchanged=self.unchanged))
        counts = ("rejected", "merged", "conflicts", "unreadable", "closed_without_moment", "names_dropped")
        for name in (*counts, "several_units", "assisting"):
            if n := getattr(self, name):
                said.append(text(f"import.{name}", n=n))
        for name in ("new_units", "new_categories", "new_posts"):
            if names := getattr(self, name):
                said.append(text(f"import.{name}", n=len(names), names=_listed(names)))
        for why in DROPPED:
            if headers := self.dropped.get(why):
                said.append(text(f"import.dropped.{why}", columns=_listed(headers)))
        if self.sheets_skipped:
            said.append(text("import.sheets_skipped", sheets=_listed(self.sheets_skipped)))
        if self.missing:
            columns = [text(f"import.field.{each}") for each in self.missing]
            said.append(text("import.missing", columns=_listed(columns)))
        if self.report_file:
            said.append(text("import.report", file=str(self.report_file)))
        if self.report_failed:
            said.append(text("import.report_failed", file=str(self.report_failed)))
        return said


DROPPED: Final = ("identity", "free_text", "other_column", "not_loaded", "unknown")
"""Why a column is not read."""


def _listed(names: Sequence[str]) -> str:
    shown = reduce(
        lambda first, second: text("import.pair", first=first, second=second), map(words.masked, names[:_SHOWN])
    )
    return shown if len(names) <= _SHOWN else text("import.and_more", names=shown, n=len(names))


# --- the mapping file --------------------------------------------------------------------


@dataclass(frozen=True)
class _Mapping:
    """The mapping file: headers by field, codes and posts by cell, names of units by alias; keys are folded."""

    columns: dict[str, dict[str, str]] = field(default_factory=dict)  # header as the mapping writes it, by its key
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    posts: dict[str, str] = field(default_factory=dict)

    def fields_of(self, key: str) -> list[str]:
        return [name for name, headers in self.columns.items() if key in headers]


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


def _mapped_columns(section: dict[str, Any], mistakes: list[str]) -> dict[str, dict[str, str]]:
    columns: dict[str, dict[str, str]] = {}
    for name, headers in section.items():
        listed = headers if isinstance(headers, list) else [headers]
        columns[name] = {words.header_key(header): str(header) for header in listed}
        if name not in words.FIELDS:
            mistakes.append(text("import.mistake.field", field=name))
        if not listed or not all(columns[name]):
            mistakes.append(text("import.mistake.header_text", field=name))
        mistakes += [
            text("import.mistake.private", field=name, header=header)
            for key, header in columns[name].items()
            if (why := _why_unread(key)) == "identity" or (why == "free_text" and _keeps_text(name))
        ]
    return columns


def _why_unread(key: str) -> str | None:
    known = words.known_header(key)
    return known.reason if isinstance(known, words.Unread) else None


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
        usable = isinstance(meant, str) and meant.strip() and max(len(alias), len(meant)) <= _NAME
        if not usable or words.is_personal(f"{alias} {meant}"):
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
    lines = content[:200_000].splitlines()[: 2 * _HEADER_WITHIN]

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


def _fields_of(key: str, mapping: _Mapping) -> list[str]:
    known = words.known_header(key)
    return mapping.fields_of(key) or ([known.field] if isinstance(known, words.Feeds) else [])


def _known_headers(row: Sequence[Cell], mapping: _Mapping) -> int:
    keys = {words.header_key(cell) for cell in row} - {""}
    return sum(bool(mapping.fields_of(key)) or words.known_header(key) is not None for key in keys)


def _feeds_case_no(cell: Cell, mapping: _Mapping) -> bool:
    return "case_no" in _fields_of(words.header_key(cell), mapping)


def _header_row(rows: list[list[Cell]], mapping: _Mapping) -> int | None:
    """The row with the most known headers, the lower of two in a header of several rows."""
    known = [
        _known_headers(row, mapping) if any(_feeds_case_no(cell, mapping) for cell in row) else 0
        for row in rows[:_HEADER_WITHIN]
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
        known = words.known_header(key)
        if mapped := mapping.fields_of(key):
            for name in mapped:
                ranked[name].append((list(mapping.columns[name]).index(key), place))
        elif isinstance(known, words.Feeds) and known.field not in mapping.columns:
            ranked[known.field].append((known.rank, place))
        else:
            why = "unknown" if known is None else "other_column" if isinstance(known, words.Feeds) else known.reason
            dropped[why].append(_short_header(labels[place]))
    columns = {}
    for name, found in ranked.items():
        places = [place for _, place in sorted(found)]
        if name not in mapping.columns and name not in words.EITHER:
            dropped["other_column"] += [_short_header(labels[place]) for place in places[1:]]
            places = places[:1]
        columns[name] = _Column(
            name,
            tuple(places),
            tuple(_short_header(labels[place]) for place in places),
            keys[places[0]],
            any(_why_unread(keys[place]) for place in places),
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
        absent = [
            (name, header)
            for name, listed in mapping.columns.items()
            for key, header in listed.items()
            if key not in held
        ]
        _stop_at([text("import.mistake.header", field=name, header=header) for name, header in absent], mapping_file)
    layouts = [layout for _, layout in both if layout]
    if not layouts:
        raise Problem("ledger_no_header", file=str(file))
    return layouts, [sheet.name for sheet, layout in both if not layout and any(map(any, sheet.rows))]


# --- names that become keys --------------------------------------------------------------


def _free_key(wanted: str, taken: dict[str, str]) -> str:
    """`wanted` cut to a key that is not taken yet."""
    key, n = wanted[:_ID], 1
    while words.folded(key) in taken:
        n += 1
        key = f"{wanted[: _ID - 1 - len(str(n))]}~{n}"
    return key


@dataclass
class _Units:
    """Units by every way their names are written; the new ones are written if a case needs them."""

    mapped: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)  # by folded id, name or alias
    kinds: dict[str, str] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)  # name by id
    new_aliases: dict[str, str] = field(default_factory=dict)  # id by alias
    last_order: int = 0

    def add_known(self, units: Iterable[Any], aliases: Iterable[Any]) -> None:
        rows = list(units)
        for alias in aliases:
            self.ids[words.folded(alias.alias)] = alias.unit_id
        for row in rows:  # a unit's own name wins over another's alias
            self.ids[words.folded(row.name or row.unit_id)] = row.unit_id
            self.kinds[row.unit_id] = row.kind
            self.last_order = max(self.last_order, row.sort_order or 0)
        for row in rows:
            self.ids.setdefault(words.folded(row.unit_id), row.unit_id)

    def knows(self, name: str) -> bool:
        return (key := words.folded(name)) in self.mapped or key in self.ids

    def id_of(self, name: str, kind: str = "") -> str:
        """The id of a unit, a new one where the name is not known."""
        key = words.folded(name)
        if meant := self.mapped.get(key):
            unit_id = self._id_of_own_name(meant, kind)
            if key not in self.ids and key != words.folded(meant):
                self.new_aliases[name] = unit_id
            return unit_id
        return self._id_of_own_name(name, kind)

    def _id_of_own_name(self, name: str, kind: str) -> str:
        key = words.folded(name)
        if key not in self.ids:
            unit_id = _free_key(name, self.ids)
            self.ids[key] = unit_id
            self.ids.setdefault(words.folded(unit_id), unit_id)
            self.kinds[unit_id] = kind or words.kind_of_unit(name)
            self.new[unit_id] = name
        return self.ids[key]

    def township_of(self, value: str, header: str) -> str | None:
        """The township of a place; None where none can be told."""
        parts = words.places(value)
        for name in (value, *parts):
            if self.knows(name) and self.kinds.get(found := self.id_of(name)) == "township":
                return found
        township = words.township_name(parts, header)
        if township is None or len(township) > _NAME or words.is_personal(township):
            return None
        kind = words.kind_of_unit(township)
        return self.id_of(township, "township" if kind == "department" else kind)


@dataclass
class _Categories:
    """Categories by parent and name."""

    ids: dict[str, str] = field(default_factory=dict)  # by folded id or name; a top category wins
    below: dict[tuple[str | None, str], str] = field(default_factory=dict)  # by parent's id and folded name
    new: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # name and parent by id

    def add_known(self, categories: Iterable[Any]) -> None:
        for row in sorted(categories, key=lambda row: row.parent_id is not None):
            self._remember(row.category_id, row.name or row.category_id, row.parent_id)

    def _remember(self, category_id: str, name: str, parent_id: str | None) -> None:
        self.below[parent_id, words.folded(name)] = category_id
        self.ids.setdefault(words.folded(name), category_id)
        self.ids.setdefault(words.folded(category_id), category_id)

    def id_of(self, path: Sequence[str]) -> str | None:
        """The id of the last category of `path`, new ones where names are not known."""
        parent: str | None = None
        for name in path:
            key = words.folded(name)
            known = self.below.get((parent, key)) or (self.ids.get(key) if parent is None else None)
            if known is None:
                known = _free_key(name if key not in self.ids else f"{parent}/{name}", self.ids)
                self.new[known] = (name, parent)
                self._remember(known, name, parent)
            parent = known
        return parent

    def with_parents(self, used: set[str]) -> list[str]:
        """The new categories among `used` and above them, parents first."""
        needed: set[str] = set()
        for each in used:
            above: str | None = each
            while above in self.new:
                needed.add(above)
                above = self.new[above][1]
        return [each for each in self.new if each in needed]


@dataclass
class _Posts:
    """Posts by id or name; `mapped` holds the post's title by what the cells say."""

    mapped: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)

    def add_known(self, posts: Iterable[Any]) -> None:
        for row in posts:
            self.ids[words.folded(row.post_id)] = row.post_id
            self.ids[words.folded(row.name or row.post_id)] = row.post_id

    def id_of(self, value: str) -> str | None:
        """The id of the post that a cell names; None for anything else, which may be a person's name."""
        title = self.mapped.get(words.folded(value))
        key = words.folded(title or value)
        if title and key not in self.ids:
            post_id = _free_key(title, self.ids)
            self.ids[key] = post_id
            self.new[post_id] = title
        return self.ids.get(key)


# --- the rows ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Record:
    """One case as the file tells it."""

    sheet: str
    row: int
    values: dict[str, Any]  # columns of petition_case that the file feeds
    assisting: tuple[str, ...]
    lists_assisting: bool  # the file has a column for them, so that it also says who does not assist
    registered_is_petitioned: bool = False  # no moment of registration of its own
    says_closed: bool = False


class _Value(NamedTuple):
    """What a cell means; `reason` where it cannot be read."""

    value: Any
    reason: str | None = None


_EMPTY: Final = _Value(None)


@dataclass
class _Reading:
    """The state of reading a file."""

    settings: Settings
    mapping: _Mapping
    units: _Units
    categories: _Categories
    posts: _Posts
    dates_only: frozenset[str]  # deadlines that the file gives as dates, if as midnights
    records: dict[str, _Record] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def read(self, layout: _Layout, advance: Callable[[int], None]) -> None:
        """Read the rows of a sheet into `records`, `findings` and `counts`."""
        caches: dict[str, dict[Cell, _Value]] = {name: {} for name in layout.columns}
        rest = [column for name, column in layout.columns.items() if name not in _READ_FIRST]
        for index in range(layout.header + 1, len(layout.sheet.rows)):
            advance(1)
            row = layout.sheet.rows[index]
            if self._is_no_case(row, layout):
                continue
            self.counts["rows"] += 1
            record = self._begun(row, index + 1, layout, caches)
            if record is None:
                continue
            for column in rest:
                self._take(record, column.field, self._found(row, record, column, layout, caches), layout)
            self._finish(record, row, layout)
        self._report_names(layout)

    def _report_names(self, layout: _Layout) -> None:
        """One line for all values of a sheet that are no posts: they are names, so none is shown."""
        if dropped := self.counts["names_dropped"] - self.counts["names_reported"]:
            self.counts["names_reported"] += dropped
            header = layout.columns["responsible_post_id"].headers[0]
            self.findings.append(Finding(layout.sheet.name, None, header, "", "no_post", "left_empty", ("", dropped)))

    def _is_no_case(self, row: list[Cell], layout: _Layout) -> bool:
        """Whether a row is blank, a sum or the header again."""
        first = next((place for place, cell in enumerate(row) if not _is_blank(cell)), None)
        if first is None:
            return True
        if first == layout.running_number and all(_is_blank(cell) for cell in row[first + 1 :]):
            return True
        case_no = _cell(row, layout.columns["case_no"])
        if any(isinstance(cell, str) and words.is_total(cell) for cell in (row[first], case_no)):
            return True
        return case_no is not None and _feeds_case_no(case_no, self.mapping)

    def _begun(
        self, row: list[Cell], number: int, layout: _Layout, caches: dict[str, dict[Cell, _Value]]
    ) -> _Record | None:
        """The record of a row with its number and moment of registration; None where it cannot be stored."""
        sheet, column = layout.sheet.name, layout.columns["case_no"]
        cell = _cell(row, column)
        case_no = "" if cell is None else "".join(words.plain(cell).split())
        record = _Record(sheet, number, {"case_no": case_no}, (), words.ASSISTING in layout.columns)
        reason = None
        if words.has_lost_digits(cell):
            reason = "lost_digits"
        elif words.says_nothing(case_no):
            reason = "no_case_no"
        elif len(case_no) > _ID:
            reason = "case_no_too_long"
        if reason:
            self.counts["rejected"] += 1
            self.findings.append(Finding(sheet, number, column.headers[0], "", reason, "rejected"))
            return None
        before = len(self.findings)
        for name in ("registered_at", "petitioned_at"):
            if name in layout.columns:
                record.values[name] = self._found(row, record, layout.columns[name], layout, caches)
        if record.values.get("registered_at") is None:
            record.values["registered_at"] = record.values.get("petitioned_at")
            record.registered_is_petitioned = True
        if record.values["registered_at"] is None:
            unread = self.findings[before:]
            del self.findings[before:]
            self.counts["unreadable"] -= len(unread)
            self.counts["rejected"] += 1
            value = unread[0].value if unread else ""
            dated = layout.columns.get("registered_at") or layout.columns.get("petitioned_at")
            header = dated.headers[0] if dated else ""
            self.findings.append(Finding(sheet, number, header, value, "no_registered_at", "rejected"))
            return None
        return record

    def _found(
        self, row: list[Cell], record: _Record, column: _Column, layout: _Layout, caches: dict[str, dict[Cell, _Value]]
    ) -> Any:
        """What a row says in `column`; what cannot be read is reported and None."""
        cell = _cell(row, column)
        if cell is None:
            return None
        found = caches[column.field].get(cell)
        if found is None:
            found = caches[column.field][cell] = self._value(cell, column, layout)
        if found.reason == "no_post":
            self.counts["names_dropped"] += 1
        elif found.reason:
            self._unreadable(record, column, _shown(cell, column), found.reason)
        return found.value

    def _unreadable(self, record: _Record, column: _Column, value: str, reason: str) -> None:
        self.counts["unreadable"] += 1
        self.findings.append(Finding(record.sheet, record.row, column.headers[0], value, reason, "left_empty"))

    def _value(self, cell: Cell, column: _Column, layout: _Layout) -> _Value:
        name, said = column.field, words.plain(cell)
        key = words.folded(said)
        mapped = self.mapping.codes.get(name, {})
        if key in mapped:
            return _Value(mapped[key])
        if name in words.CODES:
            code = words.code_words(name, column.key).get(key)
            return _EMPTY if code == "" or (code is None and words.says_nothing(said)) else _known(code, "code")
        if name in (*words.FLAGS, words.FIRST_OR_REPEAT, words.CLOSED_STATE):
            flag = words.flag_words(name).get(key)
            quiet = name == words.CLOSED_STATE or words.says_nothing(said)
            return _EMPTY if flag is None and quiet else _known(flag, "flag")
        if words.says_nothing(said):
            return _EMPTY
        if name in _MOMENTS:
            return self._moment(cell, said, name, layout)
        if name in _UNIT_FIELDS:
            return self._units_in(str(cell))
        if name == "township_id":
            return _known(self.units.township_of(" ".join(str(cell).split()), column.key), "township")
        if name == "responsible_post_id":
            return _known(self.posts.id_of(said), "no_post")
        if name in (words.PERSONS, "hearing_days"):
            return _known(words.read_number(said), "number")
        return _Value(said) if len(said) <= _ID and not words.is_personal(said) else _Value(None, "text")

    def _moment(self, cell: Cell, said: str, name: str, layout: _Layout) -> _Value:
        found = words.read_moment(cell, layout.year, self.settings.time_zone)
        if found is None:
            return _Value(None, "year" if words.is_yearless(said) and layout.year is None else "moment")
        is_date = not found.has_time or (name in self.dates_only and found.at.time() == time.min)
        return _Value(last_moment(found.at.date()) if is_date and name in schema.DEADLINES else found.at)

    def _units_in(self, said: str) -> _Value:
        """The ids of the units that a cell names, without repetition."""
        names = [said.strip()] if self.units.knows(said) else words.unit_names(said)
        if any(len(name) > _NAME or words.is_personal(name) for name in names):
            return _Value(None, "unit")
        return _Value(tuple(dict.fromkeys(self.units.id_of(name) for name in names)) or None)

    def _take(self, record: _Record, name: str, value: Any, layout: _Layout) -> None:
        """Put what one column says where it belongs."""
        if name == "lead_unit_id":
            record.values[name] = value[0] if value else None
            record.assisting += value[1:] if value else ()
            self.counts["several_units"] += bool(value and len(value) > 1)
        elif name == words.ASSISTING:
            record.assisting += value or ()
        elif name == "registering_unit_id":
            record.values[name] = value[0] if value else None
        elif name == words.PERSONS:
            if "is_collective" not in layout.columns:
                least = 5 if self.settings.group.rule == "at_least_5" else 6
                record.values["is_collective"] = None if value is None else value >= least
        elif name == words.FIRST_OR_REPEAT:
            for flag, meant in (("is_first", False), ("is_repeat", True)):
                if flag not in layout.columns:
                    record.values[flag] = None if value is None else value is meant
        elif name == words.CLOSED_STATE:
            record.says_closed = bool(value)
        else:
            record.values[name] = value

    def _finish(self, record: _Record, row: list[Cell], layout: _Layout) -> None:
        """Complete a record and put it with the others."""
        self._take_category(record, row, layout)
        lead = record.values.get("lead_unit_id")
        record.assisting = tuple(dict.fromkeys(unit for unit in record.assisting if unit != lead))
        if record.says_closed and record.values.get("closed_at") is None:
            self.counts["closed_without_moment"] += 1
            header = layout.columns[words.CLOSED_STATE].headers[0]
            self.findings.append(Finding(record.sheet, record.row, header, "", "closed_without_moment", "loaded"))
        case_no = record.values["case_no"]
        earlier = self.records.get(case_no)
        self.records[case_no] = record if earlier is None else self._joined(earlier, record)

    def _take_category(self, record: _Record, row: list[Cell], layout: _Layout) -> None:
        columns = [layout.columns[name] for name in ("category_id", words.SUBCATEGORY) if name in layout.columns]
        if not columns:
            return
        said = [words.plain(_cell(row, column) or "") for column in columns]
        path = [level for each, column in zip(said, columns, strict=True) for level in _levels(each, column.field)]
        if any(len(level) > _NAME or words.is_personal(level) for level in path):
            self._unreadable(record, columns[0], "", "category")
            path = []
        record.values["category_id"] = self.categories.id_of(tuple(path))

    def _joined(self, earlier: _Record, later: _Record) -> _Record:
        """One record of two rows with the same number: where they differ, the later one holds."""
        if later.registered_is_petitioned and not earlier.registered_is_petitioned:
            later.values["registered_at"] = earlier.values["registered_at"]
            later.registered_is_petitioned = False
        common = earlier.values.keys() & later.values.keys()
        if earlier.registered_is_petitioned:
            common -= {"registered_at"}
        same = all(earlier.values[name] == later.values[name] for name in common)
        if earlier.lists_assisting == later.lists_assisting:
            same = same and set(earlier.assisting) == set(later.assisting)
        elif earlier.lists_assisting:
            later.assisting, later.lists_assisting = earlier.assisting, True
        self.counts["merged" if same else "conflicts"] += 1
        if not same:
            self.findings.append(
                Finding(
                    earlier.sheet,
                    earlier.row,
                    "",
                    words.masked(later.values["case_no"]),
                    "conflict",
                    "superseded",
                    (later.sheet, later.row),
                )
            )
        later.values = earlier.values | later.values
        return later


_READ_FIRST: Final = ("case_no", "registered_at", "petitioned_at", "category_id", words.SUBCATEGORY)
_MOMENTS: Final = frozenset(column.name for column in _CASE.c if column.name.endswith("_at"))


def _cell(row: list[Cell], column: _Column) -> Cell:
    """The first cell of a column's places that is not blank."""
    for place in column.places:
        if place < len(row) and not _is_blank(row[place]):
            return row[place]
    return None


def _known(value: Any, reason: str) -> _Value:
    return _Value(value, None if value is not None else reason)


def _levels(said: str, name: str) -> list[str]:
    if words.says_nothing(said):
        return []
    return words.category_path(said) if name == "category_id" else [said]


def _shown(cell: Cell, column: _Column) -> str:
    """A value for the report; nothing where it could be more than a code, flag or moment."""
    said = words.plain(cell)
    if column.field in _MOMENTS:
        tells_only_that = words.says_date(said)
    else:
        tells_only_that = column.field in (*words.CODES, *words.FLAGS) and len(said) <= _CODE
    return said[:_SHOWN] if tells_only_that and not column.private and not words.is_personal(said) else ""


def _dates_only(layouts: Sequence[_Layout], zone: str) -> frozenset[str]:
    """The deadline columns in which every time of day is midnight: a program wrote dates as moments."""
    with_time = {
        name
        for layout in layouts
        for name, column in layout.columns.items()
        if name in schema.DEADLINES
        for row in layout.sheet.rows[layout.header + 1 :]
        if (found := words.read_moment(_cell(row, column), layout.year, zone)) and found.at.time() != time.min
    }
    return schema.DEADLINES - with_time


# --- the database ------------------------------------------------------------------------


def import_ledger(
    file: Path,
    url: str,
    settings: Settings,
    *,
    mapping: Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Load the ledger `file` into the case database `url`, whole or not at all.

    `mapping` names a TOML file for headers and words that are not known; `dry_run` changes
    nothing but writes the report; `progress` is called with the steps done and their total.
    Raises Problem for a file, mapping or database that cannot be used.
    """
    mapped = _read_mapping(mapping)
    layouts, skipped = _layouts(file, mapped, mapping)
    with _transaction(url, dry_run) as connection:
        if connection:
            _check_database(connection, url)
        reading = _Reading(
            settings,
            mapped,
            _Units(mapped.units),
            _Categories(),
            _Posts(mapped.posts),
            _dates_only(layouts, settings.time_zone),
        )
        _add_known(connection, reading)
        total = 2 * sum(len(layout.sheet.rows) - layout.header - 1 for layout in layouts)
        advance = _advancing(progress, total)
        for layout in layouts:
            reading.read(layout, advance)
        loading = _compared(connection, reading)
        if connection and not dry_run:
            _write(connection, reading, loading, advance)
        if progress:
            progress(total, total)
    report = _report(reading, loading, layouts, skipped, dry_run)
    return _with_file(report, file, reading.findings)


def _advancing(progress: Progress | None, total: int) -> Callable[[int], None]:
    done = told = 0

    def advance(steps: int) -> None:
        nonlocal done, told
        done += steps
        if progress and done - told >= _BATCH:
            told = done
            progress(min(done, total), total)

    return advance


@contextmanager
def _transaction(url: str, dry_run: bool) -> Iterator[Connection | None]:
    """One transaction; a database file that it made is removed if it fails. None: a dry run without database."""
    parts = parsed(url)
    in_file = parts.get_backend_name() in ("sqlite", "duckdb") and parts.database not in (None, "", ":memory:")
    path = Path(parts.database or "")
    is_new = in_file and not path.exists()
    if dry_run and is_new:
        yield None
        return
    engine = writing_engine(url)
    try:
        with sentences(url), engine.begin() as connection:
            yield connection
    except BaseException:
        engine.dispose()
        if is_new:
            path.unlink(missing_ok=True)
        raise
    finally:
        engine.dispose()


def _present(connection: Connection) -> set[str]:
    found = inspect(connection)
    return {*found.get_table_names(), *found.get_view_names()}


def _check_database(connection: Connection, url: str) -> None:
    """Refuse the demo, and tables that lack columns of the contract."""
    present = _present(connection)
    if schema.contract.name in present:
        demo = select(schema.contract.c.demo_as_of).where(schema.contract.c.demo_as_of.is_not(None))
        if connection.execute(demo).first():
            raise Problem("import_into_demo", url=shown_url(url))
    for table in _TABLES:
        if table.name in present:
            held = {column["name"] for column in inspect(connection).get_columns(table.name)}
            # Extracts alone are marked; a database from before there were any lacks the column.
            if lacking := [each.name for each in table.c if each.name not in held and each.name != "extracted_at"]:
                raise Problem("import_old_tables", url=shown_url(url), table=table.name, columns=", ".join(lacking))


def _add_known(connection: Connection | None, reading: _Reading) -> None:
    """Tell `reading` the units, categories and posts that the database has."""
    present = _present(connection) if connection else set()

    def rows(table: Table) -> Sequence[Any]:
        return connection.execute(select(table)).all() if connection and table.name in present else ()

    reading.units.add_known(rows(schema.unit), rows(schema.unit_alias))
    reading.categories.add_known(rows(schema.category))
    reading.posts.add_known(rows(schema.post))


@dataclass
class _Loading:
    """What has to be written: records by what becomes of them, with the key of each case."""

    new: list[_Record] = field(default_factory=list)
    changed: list[tuple[str, _Record]] = field(default_factory=list)
    unchanged: int = 0
    assisting: list[tuple[str, str]] = field(default_factory=list)  # to add: case, unit
    no_longer_assisting: list[tuple[str, str]] = field(default_factory=list)


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _compared(connection: Connection | None, reading: _Reading) -> _Loading:
    """Compare the records with the cases that the database has, by number."""
    loading = _Loading()
    records = list(reading.records.values())
    if connection is None or _CASE.name not in _present(connection):
        loading.new = records
    else:
        fed = {name for record in records for name in record.values}
        columns = [_CASE.c.case_id, *(column for column in _CASE.c if column.name in fed)]
        for batch in _batches(records):
            _compare(connection, batch, columns, loading)
    for record in loading.new:
        loading.assisting += [(record.values["case_no"], unit) for unit in record.assisting]
    return loading


def _compare(
    connection: Connection, batch: Sequence[_Record], columns: Sequence[ColumnElement[Any]], loading: _Loading
) -> None:
    numbers = [record.values["case_no"] for record in batch]
    known = {
        row["case_no"]: row
        for row in connection.execute(select(*columns).where(_CASE.c.case_no.in_(numbers))).mappings()
    }
    assisting: dict[str, set[str]] = defaultdict(set)
    link = schema.case_unit.c
    if known and schema.case_unit.name in _present(connection):
        ids = [row["case_id"] for row in known.values()]
        for case_id, unit_id in connection.execute(select(link.case_id, link.unit_id).where(link.case_id.in_(ids))):
            assisting[case_id].add(unit_id)
    for record in batch:
        row = known.get(record.values["case_no"])
        if row is None:
            loading.new.append(record)
            continue
        if record.registered_is_petitioned and row["registered_at"] is not None:
            record.values["registered_at"] = row["registered_at"]  # the file only knows a stand-in
        case_id, now, before = row["case_id"], set(record.assisting), assisting[row["case_id"]]
        added = sorted(now - before)
        removed = sorted(before - now) if record.lists_assisting else []
        loading.assisting += [(case_id, unit) for unit in added]
        loading.no_longer_assisting += [(case_id, unit) for unit in removed]
        if added or removed or any(row[name] != value for name, value in record.values.items()):
            loading.changed.append((case_id, record))
        else:
            loading.unchanged += 1


def _used(reading: _Reading, fields: Sequence[str]) -> set[str]:
    return {value for record in reading.records.values() for name in fields if (value := record.values.get(name))}


def _new_units(reading: _Reading) -> list[str]:
    used = _used(reading, ("lead_unit_id", "registering_unit_id", "township_id"))
    used |= {unit for record in reading.records.values() for unit in record.assisting}
    return [unit_id for unit_id in reading.units.new if unit_id in used]


def _new_categories(reading: _Reading) -> list[str]:
    return reading.categories.with_parents(_used(reading, ("category_id",)))


def _new_posts(reading: _Reading) -> list[str]:
    used = _used(reading, ("responsible_post_id",))
    return [post_id for post_id in reading.posts.new if post_id in used]


def _write(connection: Connection, reading: _Reading, loading: _Loading, advance: Callable[[int], None]) -> None:
    """Make the tables that are missing and write everything."""
    schema.metadata.create_all(connection)
    if connection.execute(select(schema.contract)).first() is None:
        connection.execute(schema.contract.insert(), {"version": schema.VERSION, "demo_as_of": None})
    _write_names(connection, reading)
    names = dict.fromkeys(name for record in loading.new for name in record.values)
    for batch in _batches(loading.new):
        rows = [names | {"case_id": record.values["case_no"]} | record.values for record in batch]
        connection.execute(_CASE.insert(), rows)
        advance(len(batch))
    by_columns: dict[tuple[str, ...], list[tuple[str, _Record]]] = defaultdict(list)
    for case_id, record in loading.changed:
        by_columns[tuple(sorted(record.values))].append((case_id, record))
    for columns, changed in by_columns.items():
        statement = (
            update(_CASE)
            .where(_CASE.c.case_id == bindparam("key"))
            .values({name: bindparam(f"new_{name}") for name in columns})
        )
        for part in _batches(changed):
            connection.execute(
                statement,
                [{"key": key} | {f"new_{name}": record.values[name] for name in columns} for key, record in part],
            )
            advance(len(part))
    link = schema.case_unit
    for pairs in _batches(loading.no_longer_assisting):
        gone = delete(link).where(link.c.case_id == bindparam("case"), link.c.unit_id == bindparam("unit"))
        connection.execute(gone, [{"case": case_id, "unit": unit_id} for case_id, unit_id in pairs])
    for pairs in _batches(loading.assisting):
        connection.execute(link.insert(), [{"case_id": case_id, "unit_id": unit_id} for case_id, unit_id in pairs])


def _write_names(connection: Connection, reading: _Reading) -> None:
    """Write the units, aliases, categories and posts that the file names first."""
    units, categories, posts = reading.units, reading.categories, reading.posts
    new_units = _new_units(reading)
    rows: dict[Table, list[dict[str, Any]]] = {
        schema.unit: [
            {"unit_id": unit_id, "name": units.new[unit_id], "kind": units.kinds[unit_id], "sort_order": order}
            for order, unit_id in enumerate(new_units, start=units.last_order + 1)
        ],
        schema.unit_alias: [
            {"alias": alias, "unit_id": unit_id}
            for alias, unit_id in units.new_aliases.items()
            if unit_id in new_units or unit_id not in units.new
        ],
        schema.category: [
            {"category_id": each, "name": categories.new[each][0], "parent_id": categories.new[each][1]}
            for each in _new_categories(reading)
        ],
        schema.post: [
            {"post_id": post_id, "name": posts.new[post_id], "level": _level_of_post(posts.new[post_id])}
            for post_id in _new_posts(reading)
        ],
    }
    for table, values in rows.items():
        if values:
            connection.execute(table.insert(), values)


def _level_of_post(title: str) -> str:
    return "township" if any(word in title for word in ("镇", "乡", "街道")) else "county"


# --- the report --------------------------------------------------------------------------


def _report(
    reading: _Reading, loading: _Loading, layouts: Sequence[_Layout], skipped: Sequence[str], dry_run: bool
) -> ImportReport:
    counts, fed = reading.counts, {name for layout in layouts for name in layout.columns}
    missing = [name for name in ("lead_unit_id", "closed_at") if name not in fed]
    if not fed & set(schema.DEADLINE_SOURCES):
        missing.append("due_at")
    dropped = {
        why: tuple(dict.fromkeys(header for layout in layouts for header in layout.dropped.get(why, ())))
        for why in DROPPED
    }
    return ImportReport(
        dry_run=dry_run,
        sheets=tuple(layout.sheet.name for layout in layouts),
        sheets_skipped=tuple(skipped),
        inserted=len(loading.new),
        updated=len(loading.changed),
        unchanged=loading.unchanged,
        assisting=sum(len(record.assisting) for record in reading.records.values()),
        new_units=tuple(reading.units.new[each] for each in _new_units(reading)),
        new_categories=tuple(reading.categories.new[each][0] for each in _new_categories(reading)),
        new_posts=tuple(reading.posts.new[each] for each in _new_posts(reading)),
        dropped={why: headers for why, headers in dropped.items() if headers},
        missing=tuple(missing),
        rows=counts["rows"],
        rejected=counts["rejected"],
        merged=counts["merged"],
        conflicts=counts["conflicts"],
        unreadable=counts["unreadable"],
        names_dropped=counts["names_dropped"],
        several_units=counts["several_units"],
        closed_without_moment=counts["closed_without_moment"],
    )


def _with_file(report: ImportReport, file: Path, findings: Sequence[Finding]) -> ImportReport:
    """Write the report beside the file if there is anything to say, else remove an older one."""
    path = file.with_name(f"{file.stem}.rejected.csv")
    try:
        if findings:
            with path.open("w", encoding="utf-8-sig", newline="") as target:
                lines = csv.writer(target)
                lines.writerow(text("import.report.header").split(","))
                lines.writerows(_line(finding) for finding in findings)
            return replace(report, report_file=path)
        if path.is_file() and _is_our_report(path):
            path.unlink()
    except OSError:
        return replace(report, report_failed=path)
    return report


def _is_our_report(path: Path) -> bool:
    headers = {catalogue(each).gettext("import.report.header") for each in LANGUAGES}
    with path.open(encoding="utf-8-sig", errors="replace") as older:
        return older.readline().strip() in headers


def _line(finding: Finding) -> list[str]:
    sheet, number = finding.about
    reason = text(f"import.reason.{finding.reason}", sheet=words.masked(sheet), row=str(number), n=number)
    value = f"'{finding.value}" if finding.value[:1] in tuple("=+-@") else finding.value  # never a formula
    row = "" if finding.row is None else str(finding.row)
    return [words.masked(finding.sheet), row, finding.column, value, reason, text(f"import.action.{finding.action}")]
