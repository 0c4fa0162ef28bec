"""What is wrong with the data of a period and how far it could move the headline; what no denominator holds.

Bounds: were all cases in doubt closed on time, and were all of them late (the worst-case
bounds of Manski 1990, "Nonparametric bounds on treatment effects"). They say nothing about
what is likely. Nothing is dropped silently: every case is in a denominator or in a ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, Connection, case, false, func, literal, literal_column, or_, select

from data_access import faults, flows, lists, views
from data_access.database import CaseDatabase
from data_access.deadlines import last_moment
from data_access.dimensions import DIMENSIONS
from data_access.faults import ANY, Fault, Scope
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.queries import can_feed, measure
from data_access.state import LEFT_OUT, cases_at
from data_access.windows import in_window, window_of

RATE: Final = "on_time_closure_rate"


@dataclass(frozen=True)
class Doubt:
    """One fault in a period. `cases`: registered in it (accusations, which no list shows, among them `unlisted`).

    `doubted`: the cases through which it can move the on-time closure rate; `low` and `high`: the rate
    if all of these were late, and if all were on time (share 0-1); None where it cannot move the rate.
    """

    key: str
    severity: str
    cases: int
    unlisted: int
    doubted: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Deadlines:
    """Open cases on a clock by where their deadline comes from."""

    stated: int
    computed: int


@dataclass(frozen=True)
class Doubts:
    """The faults of the filter's period at its effective instant, in cases.

    `on_time`, `counted`: the on-time closure rate. `found`: the faults that there are; `together`: all that can
    move the rate, a case with several once; None where none can. `reach_days`: how long before the period a
    case may have been registered that fell due in it. `today`: the day after which moments are in the future.
    `moving_only`: only the part of each fault that can move the rate was looked for.
    """

    on_time: int
    counted: int
    found: tuple[Doubt, ...]
    together: Doubt | None
    reach_days: int
    today: date
    moving_only: bool = False

    @property
    def rate(self) -> float | None:
        """The on-time closure rate, as a share."""
        return self.on_time / self.counted if self.counted else None


@dataclass(frozen=True)
class DataQuality:
    """The data of the filter's period at its effective instant, in cases.

    `not_yet_due`: due in the period and after the instant. `left_out`: registered in the period by
    `state.LEFT_OUT`; `accusations` are in none of these (None where the filter narrows: they are in no
    narrowed figure).
    """

    doubts: Doubts
    not_yet_due: int
    registered: int
    left_out: dict[str, int]
    accusations: int | None
    deadlines: Deadlines


def bounds(on_time: int, counted: int, doubted: int, counted_among: int, on_time_among: int) -> tuple[float, float]:
    """The rate if all `doubted` cases were late, and if all were on time.

    `counted_among`, `on_time_among`: those of them that are in the denominator and the numerator now.
    """
    certain = on_time - on_time_among
    among = counted - counted_among + doubted
    return (certain / among, (certain + doubted) / among) if among else (0.0, 1.0)


@dataclass(frozen=True)
class Standing:
    """What only a look at the whole database tells, whatever the filter.

    `ill`: the columns of cases with moments that would compare wrongly, as `table.column`. `duplicates`:
    whether a number occurs more than once.
    """

    ill: frozenset[str] = frozenset()
    duplicates: bool = True


def standing(connection: Connection, database: CaseDatabase) -> Standing:
    """What faults that can move the rate to look for: those that most databases have not take a scan each.

    Takes no filter: ask once. Of moments only those that decide the rate are looked at.
    """
    return _standing(connection, database, faults.CLOCK_MOMENTS)


def standing_in_full(connection: Connection, database: CaseDatabase) -> Standing:
    """The same for all faults, every moment looked at."""
    return _standing(connection, database, tuple(faults.moment_columns(database, "petition_case")))


def _standing(connection: Connection, database: CaseDatabase, moments: Sequence[str]) -> Standing:
    columns = database.read("petition_case")
    several = select(columns.case_no).group_by(columns.case_no).having(func.count() > 1).limit(1)
    return Standing(_ill_written(connection, database, moments), connection.execute(several).first() is not None)


def _ill_written(connection: Connection, database: CaseDatabase, moments: Sequence[str]) -> frozenset[str]:
    """The columns of cases with moments that would compare wrongly, as `table.column`; SQLite only. A whole scan."""
    if not faults.is_text(database):
        return frozenset()
    names = [name for name in faults.moment_columns(database, "petition_case") if name in moments]
    wrong = [func.sum(case((faults.ill_written(database, "petition_case", name), 1), else_=0)) for name in names]
    counts = connection.execute(select(*wrong).select_from(database.read("petition_case").source)).one()
    return frozenset(f"petition_case.{name}" for name, count in zip(names, counts, strict=True) if count)


def data_quality(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    today: date | None = None,
    known: Standing | None = None,
    moving_only: bool = False,
) -> DataQuality:
    """The faults of the period with their bounds, and the ledgers; see `doubts`."""
    found = doubts(connection, database, case_filter, today, known, moving_only)
    left_out = measure(connection, database, case_filter, ["registered"], by="left_out")
    accusations = None if case_filter.narrowed else flows.accusations(connection, database, case_filter)[0]
    groups = {str(group): int(n) for group, n in zip(left_out["group"], left_out["numerator"], strict=True)}
    return DataQuality(
        found,
        not_yet_due=not_yet_due(connection, database, case_filter),
        registered=sum(groups.values()) + (accusations or 0),
        left_out={code: groups.get(code, 0) for code in LEFT_OUT},
        accusations=accusations,
        deadlines=deadlines(connection, database, case_filter),
    )


def doubts(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    today: date | None = None,
    known: Standing | None = None,
    moving_only: bool = False,
) -> Doubts:
    """The faults of the period with their bounds.

    `today`: later moments are in the future; else the day of the filter's as-of. `known`: what
    `standing_in_full` says, or `standing` where `moving_only`. `moving_only`: leave out faults that cannot.
    """
    day, known = today or case_filter.as_of.date(), known or standing_in_full(connection, database)
    now = last_moment(day)
    seen = faults.scope(database, case_filter, now)
    asked = [
        each
        for each in faults.faults(database, now, case_filter.at, known.ill)
        if (each.key != "mixed_date_text" or known.ill)
        and (each.key != "duplicate_case_no" or known.duplicates)
        and (each.moves != "no" or not moving_only)
    ]
    if moving_only:
        asked = [replace(each, holds=each.moving, only=None) for each in asked]
    kinds = _kinds_of_cases(connection, case_filter, seen, asked)
    whole = measure(connection, database, case_filter, [RATE])
    on_time, counted = (int(whole[part].iloc[0]) if len(whole) else 0 for part in ("numerator", "denominator"))

    def doubt(key: str, severity: str, concerned: list[Kind], touched: list[Kind]) -> Doubt:
        among = [sum(n for kind, n in touched if flags <= kind) for flags in ({"counted"}, {"counted", "met"})]
        doubted = sum(n for _, n in touched)
        low, high = bounds(on_time, counted, doubted, *among) if doubted else (None, None)
        unlisted = sum(n for kind, n in concerned if "accusation" in kind)
        return Doubt(key, severity, sum(n for _, n in concerned), unlisted, doubted, low, high)

    found = []
    for fault in asked:
        concerned = [(kind, n) for kind, n in kinds if fault.key in kind and "registered" in kind]
        touched = [(kind, n) for kind, n in kinds if _touches(fault, kind)]
        found.append(doubt(fault.key, fault.severity, concerned, touched))
    in_doubt = [(kind, n) for kind, n in kinds if any(_touches(fault, kind) for fault in asked)]
    return Doubts(
        on_time,
        counted,
        tuple(each for each in found if each.cases or each.doubted),
        doubt(ANY, "wrong", [], in_doubt) if in_doubt else None,
        faults.reach_days(database),
        day,
        moving_only,
    )


Kind = tuple[frozenset[str], int]
"""What holds for some cases (conditions of the scope, keys of faults), and how many there are."""


def _touches(fault: Fault, kind: frozenset[str]) -> bool:
    """Whether the rate may move through cases of this kind because of the fault: `Scope.touched`."""
    moving = fault.key if fault.only is None else f"{fault.key}.moving"
    if fault.moves == "no" or moving not in kind:
        return False
    return "counted" in kind or (fault.moves == "period" and "near" in kind)


def _kinds_of_cases(connection: Connection, case_filter: CaseFilter, seen: Scope, asked: list[Fault]) -> list[Kind]:
    """What kinds of cases with a fault the scope has: all are looked at once, and only those few further."""
    cases = seen.cases
    conditions = {
        "counted": seen.counted,
        "met": seen.met,
        "near": seen.near,
        "registered": seen.registered,
        "accusation": cases.is_accusation,
        **{fault.key: fault.holds for fault in asked},
        **{f"{fault.key}.moving": fault.only for fault in asked if fault.only is not None},
    }
    bits: ColumnElement[int] = sum(
        (case((condition, 1 << place), else_=0) for place, condition in enumerate(conditions.values())),
        literal_column("0"),
    )
    where = [*case_filter.where(cases), or_(false(), *(fault.holds for fault in asked))]
    if case_filter.narrowed:
        where.append(~cases.is_accusation)
    found: dict[int, int] = {}
    for place, part in enumerate(seen.parts):
        any_there = select(literal(1)).select_from(cases.source).where(part, *where).limit(1)
        if place and connection.execute(any_there).first() is None:
            continue  # asking further takes longer than this
        kinds = select(bits.label("bits")).select_from(cases.source).where(part, *where).subquery("kind_of_case")
        for kind, n in connection.execute(select(kinds.c.bits, func.count()).group_by(kinds.c.bits)):
            found[int(kind)] = found.get(int(kind), 0) + int(n)
    names = list(conditions)
    return [
        (frozenset(name for place, name in enumerate(names) if each & (1 << place)), n) for each, n in found.items()
    ]


def not_yet_due(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> int:
    """On a clock, due in the period but after the instant: outside the on-time closure rate for now."""
    if not case_filter.is_unfinished:
        return 0
    cases = cases_at(database, case_filter.at)
    due = in_window(cases, MEASURES[RATE], window_of(case_filter))
    where = [*case_filter.where(cases), due, cases.exists, cases.on_clock, cases.due > cases.at]
    return int(connection.execute(select(func.count()).select_from(cases.source).where(*where)).scalar() or 0)


def deadlines(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Deadlines:
    """How many open cases on a clock have a stated and how many a computed deadline."""
    cases = cases_at(database, case_filter.at)
    where = [*case_filter.where(cases), cases.is_open, cases.on_clock]
    sums = [func.sum(case((cases.due_is_stated, 1), else_=0)), func.count()]
    found, whole = connection.execute(select(*sums).select_from(cases.source).where(*where)).one()
    return Deadlines(int(found or 0), int(whole) - int(found or 0))


# --- figures that must not contradict each other


@dataclass(frozen=True)
class Check:
    """Two ways to the same number, in cases; `at_most`: the first may be smaller."""

    key: str
    first: int
    second: int
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether the two agree; anything else is a defect of the dashboard, not of the data."""
        return self.first <= self.second if self.at_most else self.first == self.second


def contradictions(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> tuple[Check, ...]:
    """Figures that different screens show, each worked out in two ways; as far as the database can feed them."""
    strip = flows.balance(connection, database, case_filter)
    received = strip.opening + strip.registered + strip.reopened + strip.moved_in
    found = [Check("balance", received - strip.moved_out - strip.closed, strip.closing)]
    in_totals_only = 0 if case_filter.narrowed else flows.accusations(connection, database, case_filter)[0]

    def total(key: str, part: str = "numerator", by: str | None = None) -> int:
        table = measure(connection, database, case_filter, [key], by)
        return int(table[part].fillna(0).sum())

    found.append(Check("ledger", total("registered", by="left_out") + in_totals_only, strip.registered))
    for by in ("unit", "field"):
        if database.has(*DIMENSIONS[by].needs):
            found.append(Check(f"registered_{by}", total("registered", by=by) + in_totals_only, strip.registered))
    listed = lists.case_list(connection, database, case_filter, Question("registered"), limit=1).total
    found.append(Check("registered_list", listed + in_totals_only, strip.registered))
    if not can_feed(database, "overdue"):
        return tuple(found)
    overdue = total("overdue")
    found.append(Check("overdue_open", overdue, strip.closing, at_most=True))
    for by in ("unit", "field"):
        if database.has(*DIMENSIONS[by].needs):
            found.append(Check(f"overdue_{by}", total("overdue", by=by), overdue))
            found.append(Check(f"on_time_{by}", total(RATE, "denominator", by), total(RATE, "denominator")))
    late = views.late_now(lists.overdue_by_day(connection, database, case_filter), case_filter)
    found.append(Check("overdue_split", sum(late), overdue))
    found.append(
        Check(
            "overdue_list",
            lists.case_list(connection, database, case_filter, Question("overdue"), limit=1).total,
            overdue,
        )
    )
    cases, rate = cases_at(database, case_filter.at), MEASURES[RATE]
    window = in_window(cases, rate, window_of(case_filter))
    narrowed = [*case_filter.where(cases), cases.exists, window]
    still_open, due = (
        int(connection.execute(select(func.count()).select_from(cases.source).where(*narrowed, *more)).scalar() or 0)
        for more in ([rate.base(cases), cases.is_open], [cases.on_clock])
    )
    found.append(Check("late_open", still_open, late[0]))
    later = not_yet_due(connection, database, case_filter)
    found.append(Check("due", total(RATE, "denominator") + later, due))
    return tuple(found)
