"""Is this database usable? What is missing, wrong or suspicious, how often, and what it costs on which page.

Findings name columns, unknown codes and case numbers, never anything about a person;
the numbers of accusations (检举控告) are not named either, only counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import reduce
from typing import Any, Final, Literal

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
    and_,
    case,
    false,
    func,
    inspect,
    literal_column,
    or_,
    select,
)
from sqlalchemy.schema import CreateIndex

from data_access import schema
from data_access.database import CaseDatabase
from data_access.deadlines import Limit, last_known_year
from data_access.dialect import day_of, end_of_day, plain
from data_access.filters import FIELDS
from data_access.indicators import INDICATORS
from data_access.ledger_words import masked
from data_access.queries import DIMENSIONS, can_feed
from data_access.state import LEAVING, OTHER_CLOCKS, OUTSIDE_DISPOSITIONS, Condition, cases_at
from data_access.texts import text

Severity = Literal["missing", "wrong", "suspicious"]
SEVERITIES: Final[tuple[Severity, ...]] = ("missing", "wrong", "suspicious")
SHOWN: Final = 3
INDEXED_FROM: Final = 50_000
"""Cases from which on the recommended indexes are worth their space."""

CODES: Final[dict[str, tuple[str, ...]]] = {
    "petition_case.channel": schema.CHANNELS,
    "petition_case.purpose": schema.PURPOSES,
    "petition_case.petitioned_level": schema.LEVELS,
    "petition_case.handling_level": schema.HANDLING_LEVELS,
    "petition_case.disposition": schema.DISPOSITIONS,
    "petition_case.track": schema.TRACKS,
    "petition_case.extension_reason_code": schema.EXTENSION_REASONS,
    "petition_case.closed_how": schema.CLOSED_HOW,
    "petition_case.outcome": schema.OUTCOMES,
    "petition_case.assigned_from": schema.INSTRUCTION_LEVELS,
    "unit.kind": schema.UNIT_KINDS,
    "post.level": schema.POST_LEVELS,
    "case_event.kind": schema.EVENT_KINDS,
    "listing.kind": schema.LISTING_KINDS,
    "listing.milestone_code": schema.MILESTONES,
    "instruction.level": schema.INSTRUCTION_LEVELS,
    "progress.code": schema.PROGRESS_CODES,
    "reminder_slip.reason_code": schema.SLIP_REASONS,
    "meeting_decision.result": schema.DECISION_RESULTS,
}
RATED: Final = ("office_rating", "unit_rating")
IN_ORDER: Final = (
    ("petitioned_at", "registered_at"),
    ("registered_at", "forwarded_at"),
    ("forwarded_at", "unit_received_at"),
    ("unit_received_at", "noticed_at"),
    ("unit_received_at", "accepted_at"),
    ("accepted_at", "answered_at"),
    ("answered_at", "closed_at"),
    ("closed_at", "followed_up_at"),
)
"""Neighbours on a case's way. The notice may be written before or after accepting, so these two are no pair."""

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
        if cases:
            found += _in_cases(connection, usable, now)
            found += _duplicates(connection, usable)
            found += _in_events(connection, usable)
        else:
            found.append(Finding("no_cases", "missing", 0))
        found += _unknown_codes(connection, usable)
        if connection.dialect.name == "sqlite":
            found += _ill_written(connection, database)
        if cases > INDEXED_FROM and connection.dialect.name != "duckdb":
            found += _indexes(connection, database)
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity))


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


@dataclass(frozen=True, eq=False)
class _Rule:
    """A condition on a case that is a fault; asked where `columns` exist.

    `each`: the faults it is made of, by column. `shown`: what examples show instead of the number of the case.
    """

    finding: str
    severity: Severity
    columns: tuple[str, ...]
    fault: Condition
    each: tuple[tuple[str, Condition], ...] = ()
    shown: ColumnElement[Any] | None = None


def _in_cases(connection: Connection, database: CaseDatabase, now: datetime) -> list[Finding]:
    """The faults of single cases, and the columns that are empty in all of them."""
    rules = [rule for rule in _rules(database, now) if database.has(*rule.columns)]
    names = [name for name in sorted(database.columns) if name.startswith("petition_case.")]
    filled = [func.count(schema.petition_case.c[name.partition(".")[2]]) for name in names]
    counts = _sums(connection, schema.petition_case, [rule.fault for rule in rules], filled)
    empty = [name for name, count in zip(names, counts[len(rules) :], strict=True) if not count]
    poorer = replace(database, columns=database.columns - frozenset(empty))
    found = [each for each in _grouped("column_empty", poorer, empty) if not set(each.parts) <= _SELDOM_FILLED]
    for rule, count in zip(rules, counts[: len(rules)], strict=True):
        if count:
            columns: Iterable[str] = rule.columns
            if rule.each:
                each = _sums(connection, schema.petition_case, [fault for _, fault in rule.each])
                columns = dict.fromkeys(name for (name, _), n in zip(rule.each, each, strict=True) if n)
            full = tuple(f"petition_case.{name}" for name in columns)
            found.append(Finding(rule.finding, rule.severity, count, full, _examples(connection, database, rule)))
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


def _examples(connection: Connection, database: CaseDatabase, rule: _Rule) -> tuple[str, ...]:
    case_columns = database.read("petition_case")
    shown = case_columns.case_no if rule.shown is None else rule.shown
    statement = select(shown).where(rule.fault).distinct().order_by(shown).limit(SHOWN)
    if rule.shown is None:
        statement = statement.where(func.coalesce(case_columns.purpose, "") != "accusation")
    return tuple(masked(str(value)) for value in connection.scalars(statement) if value is not None)


def _rules(database: CaseDatabase, now: datetime) -> Iterator[_Rule]:
    """Everything that can be wrong with a single case."""
    cases = cases_at(database, now)
    columns = cases.columns
    rules = database.settings.deadlines
    outside = func.coalesce(columns.disposition, "").in_(OUTSIDE_DISPOSITIONS)

    def empty(name: str) -> Condition:
        column = getattr(columns, name)
        return or_(column.is_(None), column == "")

    def before(earlier: str, later: str) -> Condition:
        """`later` is before `earlier`; by day where one of them holds dates only."""
        first, second = getattr(columns, earlier), getattr(columns, later)
        if {f"petition_case.{earlier}", f"petition_case.{later}"} & database.dates_only:
            return day_of(second) < day_of(first)
        return second < first  # type: ignore[no-any-return]

    yield _Rule("no_registration", "wrong", ("registered_at",), columns.registered_at.is_(None))
    yield _Rule(
        "no_responsible_unit",
        "wrong",
        ("lead_unit_id",),
        and_(empty("lead_unit_id"), ~outside, func.coalesce(columns.purpose, "") != "accusation"),
    )
    waited = now - timedelta(days=rules.forwarding_days + rules.acceptance_days)
    on_track = and_(
        func.coalesce(columns.track, "") != "other",
        ~func.coalesce(columns.purpose, "").in_(OTHER_CLOCKS),
        ~outside,
        ~func.coalesce(columns.closed_how, "").in_((*LEAVING, "withdrawn")),
        columns.not_accepted_at.is_(None),
    )
    # Before its acceptance is due, a case may well have no deadline yet.
    no_deadline = and_(
        on_track,
        cases.final_due.is_(None),
        or_(columns.closed_at.is_not(None), columns.accepted_at.is_not(None), columns.registered_at <= waited),
    )
    stated = tuple(name for name in schema.DEADLINE_SOURCES if database.has(name))
    yield _Rule("no_deadline", "wrong", stated, no_deadline)
    unit, category = database.read("unit"), database.read("category")
    for name in ("lead_unit_id", "township_id", "registering_unit_id"):
        known = select(unit.unit_id).where(unit.unit_id.is_not(None))
        yield _Rule("unknown_unit", "wrong", (name,), _not_among(getattr(columns, name), known))
    known = select(category.category_id).where(category.category_id.is_not(None))
    fault = _not_among(columns.category_id, known)
    if database.has("category.category_id"):
        yield _Rule("unknown_category", "wrong", ("category_id",), fault)
    for name in RATED:
        fault = _not_among(getattr(columns, name), schema.RATINGS)
        yield _Rule("rating_outside_scale", "wrong", (name,), fault, shown=getattr(columns, name))
        rated_at = f"{name.removesuffix('_rating')}_rated_at"
        fault = and_(~empty(name), getattr(columns, rated_at).is_(None))
        yield _Rule("rating_without_moment", "wrong", (name, rated_at), fault)
    yield _Rule(
        "closed_before_registered", "wrong", ("registered_at", "closed_at"), before("registered_at", "closed_at")
    )
    moments = [
        column.name
        for column in schema.petition_case.columns
        if isinstance(column.type, type(schema.Moment)) and database.has(column.name)
    ]
    late = [(name, getattr(columns, name) > now) for name in moments if name not in schema.DEADLINES]
    yield _any("future_moment", "wrong", late)
    pairs = [(later, before(earlier, later)) for earlier, later in IN_ORDER if database.has(earlier, later)]
    yield _any("moments_out_of_order", "wrong", pairs)
    longest = end_of_day(columns.original_due_at, literal_column(str(rules.extension_days)))
    yield _Rule("extension_too_long", "suspicious", ("original_due_at", "due_at"), columns.due_at > longest)
    fault = and_(columns.extended_at.is_not(None), empty("extension_reason_code"))
    yield _Rule("extension_without_reason", "suspicious", ("extended_at", "extension_reason_code"), fault)
    fault = and_(
        on_track, columns.closed_at.is_not(None), columns.closed_how == "handled", columns.answered_at.is_(None)
    )
    yield _Rule("closed_without_answer", "suspicious", ("closed_how", "answered_at"), fault)
    unknown = _beyond_calendar(database, cases)
    if unknown is not None:
        yield _Rule("calendar_unknown", "suspicious", (), unknown)


def _any(finding: str, severity: Severity, each: list[tuple[str, Condition]]) -> _Rule:
    return _Rule(finding, severity, (), or_(false(), *(fault for _, fault in each)), tuple(each))


def _not_among(column: ColumnElement[Any], known: Any) -> Condition:
    return and_(column.is_not(None), column != "", column.not_in(known))


def _beyond_calendar(database: CaseDatabase, cases: Any) -> Condition | None:
    """Cases with a limit in working days that ends in a year whose shifted workdays are not known."""
    columns, clock = cases.columns, database.clock
    limits: list[tuple[Limit, ColumnElement[Any], Condition]] = [
        (clock.objection, columns.unit_received_at, columns.objected_at.is_not(None)),
        (clock.summary_closing, columns.accepted_at, and_(columns.track == "summary", columns.due_at.is_(None))),
        (clock.forwarding, cases.received_at, columns.registered_at.is_not(None)),
        (clock.acceptance, columns.unit_received_at, columns.acceptance_due_at.is_(None)),
        (clock.closing, columns.accepted_at, columns.due_at.is_(None)),
    ]
    return or_(
        *(
            and_(event >= _first_unknown(limit), where)
            for limit, event, where in limits
            if limit.working or limit.rollover
        )
    )


def _first_unknown(limit: Limit) -> datetime:
    """The first day after which the limit ends in a year that the calendar does not know."""
    day = date(last_known_year() + 1, 1, 1)
    while (limit.after(datetime.combine(day - timedelta(days=1), time()))).year > last_known_year():
        day -= timedelta(days=1)
    return datetime.combine(day, time())


# --- what one case alone does not show


def _duplicates(connection: Connection, database: CaseDatabase) -> Iterator[Finding]:
    columns = database.read("petition_case")
    numbers = columns.case_no
    twice = select(numbers).select_from(columns.source).group_by(numbers).having(func.count() > 1).subquery()
    count = connection.execute(select(func.count()).select_from(twice)).scalar() or 0
    if count:
        rule = _Rule("duplicate_number", "wrong", ("case_no",), numbers.in_(select(twice.c.case_no)))
        examples = _examples(connection, database, rule)
        yield Finding("duplicate_number", "wrong", int(count), ("petition_case.case_no",), examples)


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


def _unknown_codes(connection: Connection, database: CaseDatabase) -> Iterator[Finding]:
    """Values of code columns that are not on their lists: one statement a table, one more a column with faults."""
    for table in dict.fromkeys(name.partition(".")[0] for name in CODES):
        names = [name for name in CODES if name.startswith(f"{table}.") and name in database.columns]
        if not names:
            continue
        defined = schema.metadata.tables[table]
        faults = {name: _not_among(defined.c[name.partition(".")[2]], CODES[name]) for name in names}
        for name, count in zip(names, _sums(connection, defined, list(faults.values())), strict=True):
            if count:
                column = defined.c[name.partition(".")[2]]
                codes = connection.scalars(select(column).where(faults[name]).distinct().order_by(column).limit(SHOWN))
                yield Finding("unknown_code", "wrong", count, (name,), tuple(masked(str(code)) for code in codes))


def _ill_written(connection: Connection, database: CaseDatabase) -> Iterator[Finding]:
    """SQLite keeps moments as text: those that would compare wrongly."""
    for table in schema.metadata.tables.values():
        names = [
            column.name
            for column in table.columns
            if isinstance(column.type, type(schema.Moment)) and f"{table.name}.{column.name}" in database.columns
        ]
        if not names:
            continue
        conditions: list[Condition] = []
        for name in names:
            written = plain(table.c[name])
            is_day, is_moment = written.like("____-__-__"), written.like("____-__-__ __:__:__")
            conditions += [is_day, is_moment, and_(written.is_not(None), ~is_day, ~is_moment)]
        counts = _sums(connection, table, conditions)
        for place, name in enumerate(names):
            days, moments, others = counts[3 * place : 3 * place + 3]
            full = (f"{table.name}.{name}",)
            if others:
                yield Finding("moments_not_text_format", "wrong", others, full)
            if days and moments:
                yield Finding("dates_and_moments_mixed", "wrong", min(days, moments), full)


def _indexes(connection: Connection, database: CaseDatabase) -> Iterator[Finding]:
    """The contract's indexes that a big database lacks, each as its statement."""
    inspector = inspect(connection)
    views = set(inspector.get_view_names())
    statements = []
    for table in schema.metadata.tables.values():
        if table.name in views or not database.has(f"{table.name}."):
            continue
        there = [index["column_names"] for index in inspector.get_indexes(table.name)]
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            names = [c.name for c in index.columns if f"{table.name}.{c.name}" in database.columns]
            if index.columns[0].name in names and not any(list(each[: len(names)]) == names for each in there):
                copy = Table(table.name, MetaData(), *(Column(name, String) for name in names))
                statement = CreateIndex(Index(index.name, *copy.columns))
                statements.append(" ".join(str(statement.compile(dialect=connection.dialect)).split()))
    if statements:
        yield Finding("no_index", "suspicious", len(statements), examples=tuple(statements))
