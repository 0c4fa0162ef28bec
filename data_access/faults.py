"""What can be wrong with a single case, once: `check`, the page on the data and its lists use these conditions.

A fault is one of the record as it stands, whatever the instant that a screen shows: a moment
is in the future where it is later than now. Whether a fault can move the on-time closure
rate, and how, is part of its definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, and_, case, false, func, literal_column, or_, select

from data_access import schema
from data_access.database import CaseDatabase
from data_access.deadlines import Limit, last_known_year, last_moment
from data_access.dialect import day_of, end_of_day, plain, written_well
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.problems import Problem
from data_access.state import LEAVING, OTHER_CLOCKS, OUTSIDE_DISPOSITIONS, Cases, Condition, cases_at
from data_access.windows import in_window, ways, window_of

Severity = Literal["missing", "wrong", "suspicious"]
Moves = Literal["no", "verdict", "period"]

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
UNITS: Final = ("lead_unit_id", "township_id", "registering_unit_id")
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

_CLOCK_CODES: Final = ("purpose", "disposition", "track", "closed_how")
"""Code columns that decide whether a case is on the closing clock."""
CLOCK_MOMENTS: Final = ("registered_at", "closed_at", "due_at", "accepted_at", "original_due_at", "extended_at")
"""Moments that decide whether a case was closed on time, and in which period."""

KEYS: Final = (
    "registered_in_future",
    "no_registration",
    "no_deadline",
    "closed_before_registered",
    "extension_over_limit",
    "mixed_date_text",
    "duplicate_case_no",
    "unknown_code",
    "moments_out_of_order",
    "future_moment",
    "calendar_unknown",
    "no_responsible_unit",
    "unknown_unit",
    "unknown_category",
    "rating_outside_scale",
    "rating_without_moment",
    "extension_without_reason",
    "closed_without_answer",
)
"""Every fault of a single case, those that can move the on-time closure rate first."""
ASKED: Final = ("fault", "moving", "doubt")
"""What can be asked of a fault: its cases registered in the period, those of them with the part that can move the
on-time closure rate, and the cases through which it can move the period's rate."""
ANY: Final = "any"
"""In a question: at least one of the faults that can move the rate."""


@dataclass(frozen=True, eq=False)
class Fault:
    """Something that can be wrong with a case; asked where `columns` exist.

    `each`: the faults it is made of, by column. `shown`: what examples show instead of the number of the case.
    `moves`: whether it can move the on-time closure rate: `verdict` = whether a case that is counted was on
    time, or is rightly counted; `period` = also whether a case is counted at all. `moving`: the part of it that can.
    """

    key: str
    severity: Severity
    columns: tuple[str, ...]
    holds: Condition
    each: tuple[tuple[str, Condition], ...] = ()
    shown: ColumnElement[Any] | None = None
    moves: Moves = "no"
    only: Condition | None = None

    @property
    def moving(self) -> Condition:
        """The part of the fault that can move the rate."""
        return self.holds if self.only is None else self.only


def faults(
    database: CaseDatabase, now: datetime, at: datetime | None = None, ill: frozenset[str] | None = None
) -> tuple[Fault, ...]:
    """What can be wrong with a case of `database`, in the order of `KEYS`: what it has the columns for.

    `now`: later moments are in the future. `at`: the instant at which a deadline should be known, else `now`.
    `ill`: columns of SQLite, as `table.column`, with moments that do not compare; they are left aside
    wherever a rule compares. None: any column may be such.
    """
    found = [each for each in _rules(database, now, at or now, ill) if database.has(*each.columns)]
    return tuple(sorted(found, key=lambda each: KEYS.index(each.key)))


def is_text(database: CaseDatabase) -> bool:
    """Whether the engine keeps moments as text, which may be written in any way."""
    return database.engine.dialect.name == "sqlite"


def moment_columns(database: CaseDatabase, table: str) -> list[str]:
    """The moments among the columns of a table that the database has."""
    return [
        column.name
        for column in schema.metadata.tables[table].columns
        if isinstance(column.type, type(schema.Moment)) and f"{table}.{column.name}" in database.columns
    ]


def ill_written(database: CaseDatabase, table: str, name: str) -> Condition:
    """A moment that is not written like those of its column: it would compare wrongly as text."""
    column = schema.metadata.tables[table].c[name]
    return and_(column.is_not(None), ~written_well(plain(column), day=f"{table}.{name}" in database.dates_only))


def not_among(column: ColumnElement[Any], known: Any) -> Condition:
    """Filled, and not among the `known` codes or keys. Not to be negated: of an empty one it may say nothing."""
    if isinstance(known, tuple):
        return column.not_in(("", *known))
    return and_(column.is_not(None), column != "", column.not_in(known))


def _rules(database: CaseDatabase, now: datetime, at: datetime, ill: frozenset[str] | None) -> Iterator[Fault]:
    cases = cases_at(database, at)
    columns, rules = cases.columns, database.settings.deadlines
    text = is_text(database)

    def doubtful(name: str) -> bool:
        return text and (ill is None or f"petition_case.{name}" in ill)

    def comparable(name: str) -> ColumnElement[Any]:
        """The moment, empty where it is written in a way that does not compare."""
        column: ColumnElement[Any] = getattr(columns, name)
        if not doubtful(name):
            return column
        raw = plain(schema.petition_case.c[name])
        return case((or_(written_well(raw, day=True), written_well(raw, day=False)), column))

    def empty(name: str) -> Condition:
        column = getattr(columns, name)
        return or_(column.is_(None), column == "")

    def before(earlier: str, later: str) -> Condition:
        """`later` is before `earlier`; by day where one of them is a date only."""
        first, second = comparable(earlier), comparable(later)
        by_day: Condition = day_of(second) < day_of(first)
        if {f"petition_case.{earlier}", f"petition_case.{later}"} & database.dates_only:
            return by_day
        if doubtful(earlier) or doubtful(later):
            of_days = [
                written_well(plain(schema.petition_case.c[name]), day=True)
                for name in (earlier, later)
                if doubtful(name)
            ]
            return and_(second < first, or_(by_day, ~func.coalesce(or_(*of_days), false())))
        return second < first

    outside = func.coalesce(columns.disposition, "").in_(OUTSIDE_DISPOSITIONS)
    on_track = and_(
        func.coalesce(columns.track, "") != "other",
        ~func.coalesce(columns.purpose, "").in_(OTHER_CLOCKS),
        ~outside,
        ~func.coalesce(columns.closed_how, "").in_((*LEAVING, "withdrawn")),
        columns.not_accepted_at.is_(None),
    )
    registered = comparable("registered_at")
    yield Fault("registered_in_future", "wrong", ("registered_at",), registered > now, moves="period")
    yield Fault("no_registration", "wrong", ("registered_at",), columns.registered_at.is_(None), moves="period")
    # Before its acceptance is due, a case may well have no deadline yet.
    waited = at - timedelta(days=rules.forwarding_days + rules.acceptance_days)
    no_deadline = and_(
        on_track,
        cases.final_due.is_(None),
        or_(columns.closed_at.is_not(None), columns.accepted_at.is_not(None), registered <= waited),
    )
    stated = tuple(name for name in schema.DEADLINE_SOURCES if database.has(name))
    yield Fault("no_deadline", "wrong", stated, no_deadline, moves="period")
    yield Fault(
        "closed_before_registered",
        "wrong",
        ("registered_at", "closed_at"),
        before("registered_at", "closed_at"),
        moves="verdict",
    )
    longest = end_of_day(comparable("original_due_at"), literal_column(str(rules.extension_days)))
    too_long = comparable("due_at") > longest
    yield Fault("extension_over_limit", "suspicious", ("original_due_at", "due_at"), too_long, moves="period")
    moments = moment_columns(database, "petition_case")
    if text:
        written = [
            (name, ill_written(database, "petition_case", name))
            for name in moments
            if ill is None or f"petition_case.{name}" in ill
        ]
        decisive = [condition for name, condition in written if name in CLOCK_MOMENTS]
        yield _made_of("mixed_date_text", "wrong", written, moves="period", only=or_(false(), *decisive))
    numbers = columns.case_no
    several = select(numbers).select_from(columns.source).group_by(numbers).having(func.count() > 1)
    yield Fault("duplicate_case_no", "wrong", ("case_no",), numbers.in_(several), moves="verdict")
    codes = [
        (name, not_among(getattr(columns, name), known))
        for name, known in ((full.partition(".")[2], CODES[full]) for full in CODES if full.startswith("petition_case"))
        if database.has(name)
    ]
    decisive = [condition for name, condition in codes if name in _CLOCK_CODES]
    yield _made_of("unknown_code", "wrong", codes, moves="verdict", only=or_(false(), *decisive))
    pairs = [((earlier, later), before(earlier, later)) for earlier, later in IN_ORDER if database.has(earlier, later)]
    decisive = [condition for pair, condition in pairs if {"closed_at", "accepted_at"} & set(pair)]
    yield _made_of(
        "moments_out_of_order",
        "wrong",
        [(pair[1], condition) for pair, condition in pairs],
        moves="verdict",
        only=or_(false(), *decisive),
    )
    later = [
        (name, comparable(name) > now)
        for name in moments
        if name != "registered_at" and name not in schema.DEADLINES and database.has(name)
    ]
    decisive = [condition for name, condition in later if name == "closed_at"]
    yield _made_of("future_moment", "wrong", later, moves="verdict", only=or_(false(), *decisive))
    unknown = _beyond_calendar(database, cases)
    if unknown is not None:
        yield Fault("calendar_unknown", "suspicious", (), unknown, moves="verdict")
    yield Fault(
        "no_responsible_unit",
        "wrong",
        ("lead_unit_id",),
        and_(empty("lead_unit_id"), ~outside, ~cases.is_accusation),
    )
    unit, category = database.read("unit"), database.read("category")
    known_units = select(unit.unit_id).where(unit.unit_id.is_not(None))
    units = [(name, not_among(getattr(columns, name), known_units)) for name in UNITS if database.has(name)]
    yield _made_of("unknown_unit", "wrong", units)
    if database.has("category.category_id"):
        known = select(category.category_id).where(category.category_id.is_not(None))
        yield Fault("unknown_category", "wrong", ("category_id",), not_among(columns.category_id, known))
    ratings = [(name, not_among(getattr(columns, name), schema.RATINGS)) for name in RATED if database.has(name)]
    shown = case(*((condition, getattr(columns, name)) for name, condition in ratings)) if ratings else None
    yield _made_of("rating_outside_scale", "wrong", ratings, shown=shown)
    undated = []
    for name in RATED:
        rated_at = f"{name.removesuffix('_rating')}_rated_at"
        if database.has(name, rated_at):
            missing = and_(~empty(name), getattr(columns, rated_at).is_(None))
            undated += [(name, missing), (rated_at, missing)]
    yield _made_of("rating_without_moment", "wrong", undated)
    fault = and_(columns.extended_at.is_not(None), empty("extension_reason_code"))
    yield Fault("extension_without_reason", "suspicious", ("extended_at", "extension_reason_code"), fault)
    fault = and_(
        on_track, columns.closed_at.is_not(None), columns.closed_how == "handled", columns.answered_at.is_(None)
    )
    yield Fault("closed_without_answer", "suspicious", ("closed_how", "answered_at"), fault)


def _made_of(key: str, severity: Severity, each: Sequence[tuple[str, Condition]], **more: Any) -> Fault:
    return Fault(key, severity, (), or_(false(), *(condition for _, condition in each)), tuple(each), **more)


def _beyond_calendar(database: CaseDatabase, cases: Cases) -> Condition | None:
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
        false(),
        *(
            and_(event >= _first_unknown(limit), where)
            for limit, event, where in limits
            if limit.working or limit.rollover
        ),
    )


def _first_unknown(limit: Limit) -> datetime:
    """The first day after which the limit ends in a year that the calendar does not know."""
    day = date(last_known_year() + 1, 1, 1)
    while (limit.after(datetime.combine(day - timedelta(days=1), time()))).year > last_known_year():
        day -= timedelta(days=1)
    return datetime.combine(day, time())


# --- the cases of a fault on a screen


def reach_days(database: CaseDatabase) -> int:
    """How long after its registration a case can fall due, each step taken in time (Art. 22, 23, 34)."""
    rules = database.settings.deadlines
    return rules.forwarding_days + rules.acceptance_days + rules.closing_days + rules.extension_days


@dataclass(frozen=True, eq=False)
class Scope:
    """The cases of a filter's period as conditions, for counting faults and for listing them alike.

    `registered`: registered in it; or, where nobody knows when, at all. `counted`: in the on-time closure
    rate's denominator, and if `met` in its numerator. `near`: may have fallen due in it, had the record been right.
    `parts`: conditions of which one holds for each case that any of these holds for, each easy to find by an index.
    """

    cases: Cases
    registered: Condition
    counted: Condition
    met: Condition
    near: Condition
    parts: tuple[Condition, ...]

    def touched(self, fault: Fault) -> Condition:
        """The cases through which a fault can move the rate."""
        if fault.moves == "no":
            return false()
        return and_(fault.moving, self.counted if fault.moves == "verdict" else or_(self.counted, self.near))


def scope(database: CaseDatabase, case_filter: CaseFilter, now: datetime) -> Scope:
    """The cases of the filter's period at its effective instant."""
    cases = cases_at(database, case_filter.at)
    rate = MEASURES["on_time_closure_rate"]
    counted = and_(in_window(cases, rate, window_of(case_filter)), rate.base(cases))
    assert rate.numerator is not None
    registered_at, first = cases.columns.registered_at, case_filter.span.first
    unknown, later = registered_at.is_(None), and_(registered_at > now, registered_at > cases.at)
    nobody_knows = or_(unknown, later)
    since = [registered_at >= first] if first else []
    earliest = first - timedelta(days=reach_days(database)) if first else None
    within = and_(cases.exists, *([registered_at >= earliest] if earliest else []))
    long_ago = []
    if earliest:
        before = and_(cases.exists, registered_at < earliest, rate.base(cases))
        long_ago = [and_(*way.conditions, before) for way in ways(cases, rate, window_of(case_filter))]
    return Scope(
        cases,
        or_(and_(cases.exists, *since), nobody_knows),
        counted,
        rate.numerator(cases),
        and_(or_(within, nobody_knows), cases.left_out.in_(("in", "no_deadline"))),
        (within, *long_ago, unknown, later),
    )


def fault_where(
    database: CaseDatabase, case_filter: CaseFilter, asked: str, key: str, today: date | None
) -> tuple[Cases, list[Condition]]:
    """The cases with a fault of the filter's period, as a WHERE clause; `asked`: one of `ASKED`.

    `today`: the day after which moments are in the future, else that of the filter. Raises Problem for an unknown key.
    """
    now = last_moment(today or case_filter.as_of.date())
    seen = scope(database, case_filter, now)
    chosen = [each for each in faults(database, now, case_filter.at) if key in (each.key, ANY)]
    if key not in (*KEYS, ANY):
        raise Problem("unknown_question")
    if key == ANY:
        chosen = [each for each in chosen if each.moves != "no"]
    wrong = [
        seen.touched(each)
        if asked == "doubt"
        else and_(each.moving if asked == "moving" else each.holds, seen.registered)
        for each in chosen
    ]
    return seen.cases, [*case_filter.where(seen.cases), or_(false(), *wrong)]
