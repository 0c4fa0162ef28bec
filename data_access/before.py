"""What must move before the next meeting: deadlines that pass by then, and how many cases will be overdue.

About the lateness of cases that are open now. Nothing here says what petitioners will do.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil, floor, prod, sqrt
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import (
    Connection,
    Select,
    Subquery,
    and_,
    case,
    false,
    func,
    literal,
    select,
    true,
    union_all,
)

from data_access import lists, queries, schema
from data_access.database import CaseDatabase
from data_access.deadlines import is_working_day, last_known_year
from data_access.dialect import day_number, day_of
from data_access.filters import CaseFilter
from data_access.limits import PASSING, passing
from data_access.lists import Question
from data_access.state import Condition, cases_at

CURVE_MONTHS: Final = 24
"""Closing curves are made of the cases accepted in so many months before the instant."""
USUAL_DAYS: Final = 30
"""Days to the next meeting where nothing says when it is."""
FARTHEST_DAYS: Final = 120
"""How far ahead a meeting may be chosen."""
BAND: Final = 1.96
"""Standard deviations to both sides: 95 of 100 outcomes, were the curve exactly right."""


# --- how soon cases move, from what happened to earlier ones

Spell = tuple[int, int, int, int]
"""First and last day relative to the deadline, 1 where it ended by moving, how many cases."""


@dataclass(frozen=True)
class Curve:
    """How cases moved, by day relative to their deadline (0 = the day it falls on; Kaplan-Meier with late entry).

    From day `first` on: `at_risk` cases that were open on the day, `moved` of them closed or extended on it.
    """

    first: int
    at_risk: tuple[int, ...]
    moved: tuple[int, ...]

    def on(self, day: int) -> tuple[int, int]:
        """How many moved on a day, of how many."""
        place = day - self.first
        return (self.moved[place], self.at_risk[place]) if 0 <= place < len(self.at_risk) else (0, 0)


NO_CURVE: Final = Curve(0, (), ())


def closing_curve(spells: Sequence[Spell]) -> Curve:
    """The curve of spells."""
    if not spells:
        return NO_CURVE
    start, end, has_moved, n = np.array(spells, dtype="int64").T
    end = np.maximum(start, end)
    first, days = int(start.min()), int(end.max() - start.min()) + 1

    def by_day(day: npt.NDArray[np.int64], cases: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.bincount(day - first, cases, days).astype("int64")

    entered, left = by_day(start, n), by_day(end, n)
    at_risk = np.cumsum(entered - left) + left  # who leaves on a day is open on it
    return Curve(first, tuple(at_risk.tolist()), tuple(by_day(end, n * has_moved).tolist()))


def still_open(own: Curve, county: Curve, days: range, small_n: int) -> list[float]:
    """Day by day, the share of the cases open before it that neither are closed nor extended on it.

    Days on which the unit had fewer than `small_n` open cases, and units with fewer that moved, follow the county.
    """
    known = sum(own.moved) >= small_n
    shares = []
    for day in days:
        moved, at_risk = own.on(day)
        if not known or at_risk < small_n:
            moved, at_risk = county.on(day)
        shares.append(1 - moved / at_risk if at_risk else 1.0)
    return shares


def chance_to_move(own: Curve, county: Curve, day: int, days: int, small_n: int) -> float:
    """Of cases open at the end of `day`, the share that is closed or extended in the `days` that follow: 1 - S(b)/S(a).

    See `still_open`.
    """
    return 1 - prod(still_open(own, county, range(day + 1, day + days + 1), small_n))


@dataclass(frozen=True)
class Expected:
    """Of `n` cases, how many will be overdue: the mean and its variance, in cases."""

    n: int
    mean: float
    variance: float

    @property
    def low(self) -> int:
        """The lower end of the band."""
        return max(0, floor(self.mean - BAND * sqrt(self.variance)))

    @property
    def high(self) -> int:
        """The upper end of the band."""
        return min(self.n, ceil(self.mean + BAND * sqrt(self.variance)))


def expected(cells: Iterable[tuple[int, float]]) -> Expected:
    """What is left of cases given as (how many, chance of each to move in time)."""
    n, mean, variance = 0, 0.0, 0.0
    for count, chance in cells:
        n += count
        mean += count * (1 - chance)
        variance += count * chance * (1 - chance)
    return Expected(n, mean, variance)


# --- the meeting


def next_meeting(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> date:
    """The next meeting's day: as the settings say, else a month after the last one, else in 30 days."""
    today, said = case_filter.today, database.settings.meeting.next_on
    if said and said > today:
        return said
    if database.has("meeting_decision.meeting_on"):
        meeting_on = database.read("meeting_decision").meeting_on
        last = connection.execute(select(func.max(meeting_on)).where(meeting_on <= case_filter.at)).scalar()
        following = _months_later(last.date(), 1) if last else today
        if following > today:
            return following
    return today + timedelta(days=USUAL_DAYS)


def _months_later(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 + months
    year, month = month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


@dataclass(frozen=True)
class Before:
    """What passes by the end of the meeting's day if nothing happens, and what is expected to.

    `working_days`: from tomorrow to the meeting's day; `calendar_known`: whether shifted workdays are known that far.
    `days`: day, is_working, closing, acceptance (cases whose limit falls on it), one row a day.
    `units`: unit, overdue, closing, acceptance, acceptance_overdue (cases), low, high (the band of what will
    be overdue), in the units' fixed order. `overdue`, `closing`, `acceptance`, `acceptance_overdue`: their sums.
    `expected`: overdue on the meeting's day, of those overdue now and those that fall due by then.
    `page`: the first cases that fall due.
    """

    meeting_on: date
    working_days: int
    calendar_known: bool
    days: pd.DataFrame
    units: pd.DataFrame
    overdue: int
    closing: int
    acceptance: int
    acceptance_overdue: int
    expected: Expected
    page: lists.CasePage


def before(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, meeting_on: date) -> Before:
    """Everything on the page, for a meeting after the effective instant."""
    today = case_filter.today
    deadlines = _deadlines(connection, database, case_filter, meeting_on)
    forecast = _forecast(connection, database, case_filter, deadlines, (meeting_on - today).days)
    units = _units(database, deadlines, forecast)
    ahead = [today + timedelta(days=n) for n in range(1, (meeting_on - today).days + 1)]
    coming = deadlines[~deadlines["late"]]
    shown = [*([today] if (coming["day"] == today).any() else []), *ahead]
    by_day = coming.groupby(["day", "stage"])["n"].sum()
    count = {name: int(units[name].sum()) for name in ("overdue", "closing", "acceptance", "acceptance_overdue")}
    return Before(
        meeting_on=meeting_on,
        working_days=sum(map(is_working_day, ahead)),
        calendar_known=meeting_on.year <= last_known_year(),
        days=pd.DataFrame(
            {
                "day": pd.to_datetime(shown),
                "is_working": [is_working_day(day) for day in shown],
                **{stage: [int(by_day.get((day, stage), 0)) for day in shown] for stage in PASSING.values()},
            }
        ),
        units=units,
        expected=expected(cell for cells in forecast.values() for cell in cells),
        page=lists.case_list(
            connection, database, case_filter, Question("open", at=(("due_by", meeting_on.isoformat()),))
        ),
        **count,
    )


def _deadlines(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, meeting_on: date
) -> pd.DataFrame:
    """Deadlines of open cases up to the meeting's day: stage, unit, day, late (past at the instant), n."""
    feeds = {"due_by": "overdue", "notice_by": "acceptance_overdue"}
    found = []
    for name, stage in PASSING.items():
        if not queries.can_feed(database, feeds[name]):
            continue
        cases = cases_at(database, case_filter.at)
        due = cases.due if stage == "closing" else cases.acceptance_due
        where = [*case_filter.where(cases), ~cases.is_accusation, passing(cases, name, f"..{meeting_on.isoformat()}")]
        late = case((due <= cases.at, 1), else_=0)
        each = select(cases.lead_unit_id.label("unit"), day_of(due).label("day"), late.label("late"))
        rows = each.select_from(cases.source).where(*where).subquery("passing_case")
        found += [(stage, unit or "", day, bool(late), n) for unit, day, late, n in _counted(connection, rows)]
    table = pd.DataFrame(found, columns=["stage", "unit", "day", "late", "n"])
    return table.astype({"day": object, "late": bool, "n": "int64"})


def _forecast(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, deadlines: pd.DataFrame, days: int
) -> dict[str, list[tuple[int, float]]]:
    """By unit: the cases that can be overdue at the meeting, and the chance of each to move before."""
    counts = deadlines[deadlines["stage"] == "closing"].groupby(["unit", "day"], as_index=False)["n"].sum()
    if counts.empty:
        return {}
    spells = _spells(connection, database, case_filter.at)
    county = closing_curve([spell for of_unit in spells.values() for spell in of_unit])
    curves = {unit: closing_curve(spells.get(unit, ())) for unit in counts["unit"].unique()}
    small_n, today = database.settings.comparison.small_n, case_filter.today
    found: dict[str, list[tuple[int, float]]] = {}
    for unit, of_unit in counts.groupby("unit", sort=False):
        since = [(today - day).days for day in of_unit["day"]]
        first = min(since)
        stays = still_open(curves[unit], county, range(first + 1, max(since) + days + 1), small_n)
        chances = (1 - prod(stays[day - first : day - first + days]) for day in since)
        found[str(unit)] = list(zip(of_unit["n"].tolist(), chances, strict=True))
    return found


def _spells(connection: Connection, database: CaseDatabase, at: datetime) -> dict[str, list[Spell]]:
    """By unit, how long cases were open under one deadline, in days relative to it, as known at the instant.

    A spell begins with acceptance (registration where none is known) or with the extension, and ends with
    closing or with an extension; those under way at the instant are open until then. Counted over all cases
    on a clock, whatever the filter: a unit has one pace.
    """
    since = datetime.combine(_months_later(at.date(), -CURVE_MONTHS), at.time())

    def spells(until_extension: bool) -> Select[Any]:
        cases = cases_at(database, at)
        moment, extended_at = literal(at, schema.Moment), cases.columns.extended_at
        is_extended = func.coalesce(extended_at <= moment, false())
        began = case((cases.columns.accepted_at <= moment, cases.columns.accepted_at), else_=cases.registered_at)
        where = [cases.exists, cases.on_clock, began > literal(since, schema.Moment)]
        has_moved: Condition
        if until_extension:
            start, due, end, has_moved = began, cases.first_due, extended_at, true()
            where += [is_extended, cases.first_due < cases.final_due]
        else:
            start, due, end = case((is_extended, extended_at), else_=began), cases.due, cases.closed_at
            has_moved = end.is_not(None)
        zero = day_number(due)
        columns = (
            cases.lead_unit_id.label("unit"),
            (day_number(start) - zero).label("began_on"),
            (day_number(func.coalesce(end, moment)) - zero).label("ended_on"),
            case((has_moved, 1), else_=0).label("has_moved"),
        )
        return select(*columns).select_from(cases.source).where(and_(*where))

    found: dict[str, list[Spell]] = {}
    for unit, began, ended, has, n in _counted(connection, union_all(spells(False), spells(True)).subquery("spell")):
        found.setdefault(unit or "", []).append((began, ended, has, n))
    return found


def _counted(connection: Connection, rows: Subquery) -> Sequence[Any]:
    """How many rows are alike in every column: the columns and n."""
    return connection.execute(select(*rows.c, func.count().label("n")).group_by(*rows.c)).all()


def _units(
    database: CaseDatabase, deadlines: pd.DataFrame, forecast: dict[str, list[tuple[int, float]]]
) -> pd.DataFrame:
    """The table `units` of `Before`."""
    there = set(deadlines["unit"])
    order = [unit for unit in database.names.units if unit in there]
    order += sorted(there.difference(order))
    counted = deadlines.groupby(["unit", "stage", "late"])["n"].sum().to_dict()
    bands = {unit: expected(forecast.get(unit, ())) for unit in order}

    def column(stage: str, late: bool) -> list[int]:
        return [int(counted.get((unit, stage, late), 0)) for unit in order]

    return pd.DataFrame(
        {
            "unit": pd.Series(order, dtype=object),
            "overdue": column("closing", True),
            "closing": column("closing", False),
            "acceptance": column("acceptance", False),
            "acceptance_overdue": column("acceptance", True),
            "low": [bands[unit].low for unit in order],
            "high": [bands[unit].high for unit in order],
        }
    )
