"""Is this database usable? What is missing, wrong or suspicious, how often, and what it costs on which page.

Findings name columns, unknown codes and case numbers, never anything about a person;
the numbers of accusations (检举控告) are not named either, only counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    case,
    func,
    inspect,
    or_,
    select,
)
from sqlalchemy.schema import CreateIndex, DropIndex

from data_access import schema
from data_access.database import CaseDatabase
from data_access.deadlines import last_known_year
from data_access.dimensions import DIMENSIONS
from data_access.faults import CODES, Fault, Severity, faults, ill_written, is_text, moment_columns, not_among
from data_access.filters import FIELDS
from data_access.indicators import INDICATORS
from data_access.ledger_words import masked
from data_access.queries import can_feed
from data_access.state import Condition
from data_access.texts import text

SEVERITIES: Final[tuple[Severity, ...]] = ("missing", "wrong", "suspicious")
SHOWN: Final = 3
IN_OTHER_TABLES: Final = ("unknown_code", "mixed_date_text")
"""Findings that count cases and rows of other tables together."""
INDEXED_FROM: Final = 50_000
"""Cases from which on the recommended indexes are worth their space."""

# What columns feed beside indicators, filters and groupings: `check.part.<word>`.
_FEEDS: Final = {
    "purpose": "accusations",
    "disposition": "denominators",
    "closed_how": "denominators",
    "track": "denominators",
    "due_at": "stated_deadlines",
    "original_due_at": "former_deadlines",
    "extended_at": "former_deadlines",
    "extension_reason_code": "extension_reasons",
    "registering_unit_id": "offices",
    "acceptance_due_at": "stated_acceptance",
    "not_accepted_at": "acceptance",
    "objected_at": "acceptance",
    "next_repeat_at": "first_time",
    "updated_at": "freshness",
}
_SELDOM_FILLED: Final = frozenset({"check.part.timeline", "check.part.freshness", "check.part.acceptance"})
_UNUSED: Final = frozenset({"contract", "petition_case.case_id", "unit.parent_id", "unit.valid_from", "unit.valid_to"})


@dataclass(frozen=True)
class Finding:
    """One thing found. `count`: cases, or what `what` says; `parts`: keys of the words for what it costs."""

    finding: str
    severity: Severity
    count: int
    columns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """What was found, in a sentence of the language in use."""
        return self._said(f"check.{self.finding}.what")

    @property
    def cost(self) -> str:
        """What it costs on which page, in a sentence."""
        return self._said(f"check.{self.finding}.cost")

    def _said(self, key: str) -> str:
        return text(
            key,
            n=self.count,
            columns=listed(self.columns),
            parts=_joined("check.parts", [text(part) for part in self.parts]),
            year=str(last_known_year()),
        )


def listed(names: Sequence[str]) -> str:
    """`names` in a row, as the language in use writes it."""
    return _joined("check.pair", names)


def _joined(key: str, words: Sequence[str]) -> str:
    return reduce(lambda first, second: text(key, first=first, second=second), words) if words else ""


def findings(database: CaseDatabase, now: datetime) -> list[Finding]:
    """What is missing, wrong or suspicious at `now`, in this order. Raises Problem where the database fails."""
    with database.reading() as connection:
        types = _types(connection, database)
        mistyped = _mistyped(connection, types)
        usable = replace(database, columns=database.columns - mistyped)
        found = [*_missing(database)]
        if mistyped:
            found.append(Finding("wrong_type", "wrong", len(mistyped), tuple(sorted(mistyped))))
        cases = connection.execute(select(func.count()).select_from(schema.petition_case)).scalar() or 0
        ill = _ill_written(connection, database) if is_text(database) else {}
        if cases:
            found += _in_cases(connection, usable, now, ill)
            found += _in_events(connection, usable)
        else:
            found.append(Finding("no_cases", "missing", 0))
        found += _elsewhere(connection, usable, ill)
        if cases > INDEXED_FROM and connection.dialect.name != "duckdb":
            found += _indexes(connection, database)
    return sorted(_together(found), key=lambda each: SEVERITIES.index(each.severity))


def _together(found: Iterable[Finding]) -> Iterator[Finding]:
    """One finding for what is wrong with cases and with rows of other tables in the same way."""
    first: dict[str, Finding] = {}
    for each in found:
        before = first.get(each.finding) if each.finding in IN_OTHER_TABLES else None
        if before is None:
            first[each.finding if each.finding in IN_OTHER_TABLES else f"{each.finding} {len(first)}"] = each
        else:
            first[each.finding] = replace(
                before,
                count=before.count + each.count,
                columns=(*before.columns, *each.columns),
                examples=(*before.examples, *each.examples)[:SHOWN],
            )
    yield from first.values()


# --- what the database lacks


def _missing(database: CaseDatabase) -> Iterator[Finding]:
    for table in schema.metadata.tables.values():
        if table.name in _UNUSED:
            continue
        if not database.has(f"{table.name}."):
            parts = (f"check.part.table.{table.name}", *_starved(database, [f"{table.name}.{c.name}" for c in table.c]))
            yield Finding("table_missing", "missing", 1, (table.name,), parts=parts)
    lacking = [
        f"{table.name}.{column.name}"
        for table in schema.metadata.tables.values()
        if table.name not in _UNUSED and database.has(f"{table.name}.")
        for column in table.columns
    ]
    yield from _grouped("column_missing", database, [name for name in lacking if name not in database.columns])


def _grouped(finding: str, database: CaseDatabase, lacking: Iterable[str]) -> Iterator[Finding]:
    """A finding for each set of columns whose lack costs the same."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in lacking:
        if name not in _UNUSED:
            groups.setdefault(tuple(_parts_of(database, name)), []).append(name)
    for parts, names in groups.items():
        yield Finding(finding, "missing", len(names), tuple(names), parts=parts)


def _parts_of(database: CaseDatabase, name: str) -> list[str]:
    """What the lack of one column costs."""
    table, _, column = name.partition(".")
    short = column if table == "petition_case" else name
    parts = _starved(database, [name])
    by = {key for key, field in FIELDS.items() if field.needs == short}
    by |= {key for key, dimension in DIMENSIONS.items() if short in dimension.needs}
    parts += [f"check.part.by.{key}" for key in sorted(by) if not _can_group(database, key)]
    if short in _FEEDS:
        parts.append(f"check.part.{_FEEDS[short]}")
    if parts:
        return parts
    if table == "petition_case":
        return ["check.part.timeline"]
    return [f"check.part.table.{table}"]


def _starved(database: CaseDatabase, names: list[str]) -> list[str]:
    """The indicators that need one of `names` and that the database cannot feed."""
    return [
        f"indicator.{key}.label"
        for key, indicator in INDICATORS.items()
        if not can_feed(database, key)
        and any(need in names or f"petition_case.{need}" in names for need in indicator.needs)
    ]


def _can_group(database: CaseDatabase, key: str) -> bool:
    needs = [FIELDS[key].needs] if key in FIELDS else []
    return database.has(*needs, *(DIMENSIONS[key].needs if key in DIMENSIONS else ()))


def _types(connection: Connection, database: CaseDatabase) -> dict[str, Any]:
    inspector = inspect(connection)
    return {
        f"{table}.{column['name']}": column["type"]
        for table in schema.metadata.tables
        if database.has(f"{table}.")
        for column in inspector.get_columns(table)
        if f"{table}.{column['name']}" in database.columns
    }


def _mistyped(connection: Connection, types: dict[str, Any]) -> frozenset[str]:
    """Columns of a type that cannot be compared with the contract's; SQLite compares everything."""
    if connection.dialect.name == "sqlite":
        return frozenset()
    flags = (Boolean,) if connection.dialect.name == "postgresql" else (Boolean, Integer)
    expected = ((DateTime, (DateTime, Date)), (Boolean, flags), (Integer, (Integer,)), (String, (String,)))
    wrong = []
    for name, found in types.items():
        table, column = name.split(".")
        defined = schema.metadata.tables[table].c[column].type
        fits = next((allowed for kind, allowed in expected if isinstance(defined, kind)), ())
        # A type that SQLAlchemy does not know, such as DuckDB's own, is given the benefit of the doubt.
        if isinstance(found, DateTime | Date | Boolean | Integer | String) and not isinstance(found, fits):
            wrong.append(name)
    return frozenset(wrong)


# --- the cases, in one scan


def _in_cases(connection: Connection, database: CaseDatabase, now: datetime, ill: dict[str, int]) -> list[Finding]:
    """The faults of single cases, and the columns that are empty in all of them."""
    rules = faults(database, now, ill=frozenset(ill))
    names = [name for name in sorted(database.columns) if name.startswith("petition_case.")]
    table = database.read("petition_case").source
    filled = [func.count(table.c[name.partition(".")[2]]) for name in names]
    counts = _sums(connection, table, [rule.holds for rule in rules], filled)
    empty = [name for name, count in zip(names, counts[len(rules) :], strict=True) if not count]
    poorer = replace(database, columns=database.columns - frozenset(empty))
    found = [each for each in _grouped("column_empty", poorer, empty) if not set(each.parts) <= _SELDOM_FILLED]
    for rule, count in zip(rules, counts[: len(rules)], strict=True):
        if count:
            columns: Iterable[str] = rule.columns
            if rule.each:
                each = _sums(connection, table, [fault for _, fault in rule.each])
                columns = dict.fromkeys(name for (name, _), n in zip(rule.each, each, strict=True) if n)
            if rule.key == "unknown_code":
                full = [f"petition_case.{name}" for name in columns]
                examples = tuple(code for name in full for code in _codes(connection, name))[:SHOWN]
            else:
                examples = _examples(connection, database, rule)
            full = [f"petition_case.{name}" for name in columns]
            found.append(Finding(rule.key, rule.severity, count, tuple(full), examples))
    return found


def _sums(
    connection: Connection, table: Table, faults: list[Condition], others: Sequence[ColumnElement[Any]] = ()
) -> list[int]:
    """How many rows each of `faults` holds for, then `others`: one scan."""
    if not (faults or others):
        return []
    sums = [func.sum(case((fault, 1), else_=0)) for fault in faults]
    columns = [column.label(f"n{place}") for place, column in enumerate([*sums, *others])]
    return [int(count or 0) for count in connection.execute(select(*columns).select_from(table)).one()]


def _examples(connection: Connection, database: CaseDatabase, rule: Fault) -> tuple[str, ...]:
    case_columns = database.read("petition_case")
    shown = case_columns.case_no if rule.shown is None else rule.shown
    statement = select(shown).where(rule.holds).distinct().order_by(shown).limit(SHOWN)
    if rule.shown is None:
        statement = statement.where(func.coalesce(case_columns.purpose, "") != "accusation")
    return tuple(masked(str(value)) for value in connection.scalars(statement) if value is not None)


# --- what one case alone does not show


def _in_events(connection: Connection, database: CaseDatabase) -> Iterator[Finding]:
    """Reopenings without the closing they undo, transfers without their units or to another than the case has."""
    if not database.has("case_event.case_id", "case_event.kind", "case_event.at"):
        return
    event, columns = database.read("case_event"), database.read("petition_case")
    purpose = func.coalesce(columns.purpose, "")

    def found(finding: str, names: tuple[str, ...], events: Any) -> Iterator[Finding]:
        count = connection.execute(select(func.count()).select_from(events)).scalar() or 0
        if count:
            numbers = (
                select(columns.case_no)
                .select_from(columns.source.join(events, events.c.case_id == columns.case_id))
                .where(purpose != "accusation")
                .distinct()
                .order_by(columns.case_no)
                .limit(SHOWN)
            )
            examples = tuple(masked(str(number)) for number in connection.scalars(numbers))
            yield Finding(finding, "wrong", int(count), names, examples)

    before = func.lag(event.kind).over(partition_by=event.case_id, order_by=event.at)
    turns = select(event.case_id, event.kind, before.label("before")).where(event.kind.in_(("closed", "reopened")))
    turn = turns.subquery("turn").c
    alone = select(turn.case_id).where(turn.kind == "reopened", func.coalesce(turn.before, "") != "closed")
    yield from found("reopened_without_closing", ("case_event.kind",), alone.subquery("alone"))
    if not database.has("case_event.from_unit_id", "case_event.to_unit_id"):
        return
    ends = (event.from_unit_id, event.to_unit_id)
    halves = or_(*(func.coalesce(end, "") == "" for end in ends))
    names = ("case_event.from_unit_id", "case_event.to_unit_id")
    half = select(event.case_id).where(event.kind == "reassigned", halves)
    yield from found("transfer_without_units", names, half.subquery("half"))
    place = func.row_number().over(partition_by=event.case_id, order_by=event.at.desc())
    transfers = select(event.case_id, event.to_unit_id, place.label("place")).where(event.kind == "reassigned")
    last = transfers.subquery("last_transfer")
    elsewhere = (
        select(last.c.case_id)
        .select_from(last.join(columns.source, columns.case_id == last.c.case_id))
        .where(last.c.place == 1, last.c.to_unit_id != "", last.c.to_unit_id != func.coalesce(columns.lead_unit_id, ""))
    )
    names = ("case_event.to_unit_id", "petition_case.lead_unit_id")
    yield from found("transfer_elsewhere", names, elsewhere.subquery("elsewhere"))


def _elsewhere(connection: Connection, database: CaseDatabase, ill: dict[str, int]) -> Iterator[Finding]:
    """Rows of the other tables with a code that is not on its list or a moment that compares wrongly."""
    for table in schema.metadata.tables.values():
        names = [name for name in CODES if name.startswith(f"{table.name}.") and name in database.columns]
        if table.name != "petition_case" and names:
            unknown = {name: _unknown(name) for name in names}
            whole, *each = _sums(connection, table, [or_(*unknown.values()), *unknown.values()])
            if whole:
                at_fault = [name for name, count in zip(names, each, strict=True) if count]
                examples = [code for name in at_fault for code in _codes(connection, name)]
                yield Finding("unknown_code", "wrong", whole, tuple(at_fault), tuple(examples))
        moments = [name for name in ill if name.startswith(f"{table.name}.")]
        if moments and table.name != "petition_case":
            conditions = [ill_written(database, table.name, name.partition(".")[2]) for name in moments]
            (rows,) = _sums(connection, table, [or_(*conditions)])
            yield Finding("mixed_date_text", "wrong", rows, tuple(moments))


def _unknown(name: str) -> Condition:
    return not_among(_column(name), CODES[name])


def _column(name: str) -> Column[Any]:
    table, _, column = name.partition(".")
    return schema.metadata.tables[table].c[column]


def _codes(connection: Connection, name: str) -> tuple[str, ...]:
    """Some codes of a column that are not on its list."""
    column = _column(name)
    codes = connection.scalars(select(column).where(_unknown(name)).distinct().order_by(column).limit(SHOWN))
    return tuple(masked(str(code)) for code in codes)


def _ill_written(connection: Connection, database: CaseDatabase) -> dict[str, int]:
    """The columns of a database that keeps moments as text, with how many of them would compare wrongly."""
    found: dict[str, int] = {}
    for table in schema.metadata.tables.values():
        names = moment_columns(database, table.name)
        counts = _sums(connection, table, [ill_written(database, table.name, name) for name in names])
        found |= {f"{table.name}.{name}": count for name, count in zip(names, counts, strict=True) if count}
    return found


def _indexes(connection: Connection, database: CaseDatabase) -> Iterator[Finding]:
    """The contract's indexes that a big database lacks, or has with other columns, each as its statements."""
    inspector = inspect(connection)
    views = set(inspector.get_view_names())
    lacking, statements = 0, []
    for table in schema.metadata.tables.values():
        if table.name in views or not database.has(f"{table.name}."):
            continue
        there = {str(index["name"]): index["column_names"] for index in inspector.get_indexes(table.name)}
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            names = [c.name for c in index.columns if f"{table.name}.{c.name}" in database.columns]
            if index.columns[0].name in names and not any(list(each[: len(names)]) == names for each in there.values()):
                copy = Table(table.name, MetaData(), *(Column(name, String) for name in names))
                wanted = Index(index.name, *copy.columns)
                replaced = [DropIndex(wanted)] if str(index.name) in there else []
                for statement in (*replaced, CreateIndex(wanted)):
                    statements.append(" ".join(str(statement.compile(dialect=connection.dialect)).split()))
                lacking += 1
    if lacking:
        yield Finding("no_index", "suspicious", lacking, examples=tuple(statements))
