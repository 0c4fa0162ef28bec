"""Time to close with open cases counted: of 100 registered, how many are handled by a day.

Spells count whole days: day 0 is the day of registration; a closed case ends at the closing in
force, an open one is followed to the instant. The rule for how a spell ends:

- handled: the event;
- withdrawn: a competing exit, neither handled nor open any longer;
- not accepted, transferred, merged (`left`): followed until that day and no longer (censored);
- open: followed until the instant (censored).

On one day what is handled or withdrawn comes before what is censored. The share handled by a
day is the cumulative incidence (Aalen & Johansen 1978, Scand. J. Statist. 5:141-150), which
without withdrawals is one minus the product limit (Kaplan & Meier 1958, JASA 53:457-481). Its
variance is that of the delta method (Marubini & Valsecchi 1995, ch. 10), which without
withdrawals is Greenwood's (1926, Reports on Public Health 33).

The database counts, grouped by days and ending; what is left to do does not grow with the cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    null,
    select,
    union_all,
)

from data_access import schema
from data_access.database import CaseDatabase
from data_access.dialect import day_number, end_of_day, month_number
from data_access.dimensions import DIMENSIONS, source_of
from data_access.filters import CaseFilter
from data_access.periods import Span, last_complete_month, month_of, month_span, year_ago, year_start
from data_access.settings import PeriodRule
from data_access.state import Cases, Condition, as_then

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

ENDINGS: Final = ("handled", "withdrawn", "left", "open")
"""How a spell ends; the last two are censored."""
DAYS: Final = (15, 30, 60, 90)
"""The days whose shares are told."""
GROUPINGS: Final = ("unit", "field", "channel", "year")
YEARS: Final = 5
COHORTS: Final = 12
"""Months of registration with a curve of their own."""
Z: Final = 1.959963984540054
"""A standard normal lies within this with 95 %."""


@dataclass(frozen=True)
class Share:
    """The share handled by `day` (0-1), its standard error and 95 % band; no band at 0 and 1."""

    day: int
    value: float
    error: float
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class Curve:
    """The share handled by each day from 0 to the longest spell.

    `counts`: spells by ending (`ENDINGS`) and day. `at_risk`: neither ended nor censored before
    the day. `share` 0-1 with `error` (standard error) and the pointwise 95 % band `low`, `high`, made on the
    log-log scale of what is not handled (Kalbfleisch & Prentice 2002, sec. 1.4); NaN where the share is 0 or 1.
    """

    counts: Counts
    at_risk: Counts
    share: Array
    error: Array
    low: Array
    high: Array
    is_complete: bool
    """Whether every spell has ended, none of them cut short: the last share then holds for ever."""

    def _total(self, ending: str) -> int:
        return int(self.counts[ENDINGS.index(ending)].sum())

    @property
    def handled(self) -> int:
        """Cases handled."""
        return self._total("handled")

    @property
    def withdrawn(self) -> int:
        """Cases withdrawn."""
        return self._total("withdrawn")

    @property
    def left(self) -> int:
        """Cases not accepted, transferred or merged."""
        return self._total("left")

    @property
    def still_open(self) -> int:
        """Cases open at the instant."""
        return self._total("open")

    @property
    def n(self) -> int:
        """The denominator of the closure rate: all but those that left."""
        return self.handled + self.withdrawn + self.still_open

    @property
    def longest(self) -> int:
        """The longest spell in days; -1 without any case."""
        return len(self.share) - 1

    def by(self, day: int) -> Share | None:
        """The share handled by `day`; None where no case was followed that long."""
        if self.longest < 0 or (day > self.longest and not self.is_complete):
            return None
        at = min(day, self.longest)
        low, high = float(self.low[at]), float(self.high[at])
        known = not np.isnan(low)
        return Share(day, float(self.share[at]), float(self.error[at]), low if known else None, high if known else None)

    def at_risk_on(self, day: int) -> int:
        """Cases neither ended nor censored before `day`."""
        return int(self.at_risk[day]) if day <= self.longest else 0

    @property
    def median(self) -> int | None:
        """The first day by which half of the cases are handled; None where that is not reached."""
        reached = np.flatnonzero(self.share >= 0.5 - 1e-12)
        return int(reached[0]) if len(reached) else None


def curve_of(counts: Counts) -> Curve:
    """The curve of spells counted by ending (rows: `ENDINGS`) and day (columns, from day 0)."""
    handled, withdrawn = counts[0].astype(np.float64), counts[1].astype(np.float64)
    by_day = counts.sum(axis=0)
    at_risk: Counts = by_day[::-1].cumsum()[::-1]
    n = at_risk.astype(np.float64)
    ended = handled + withdrawn
    remaining = np.cumprod(1 - ended / n) if len(n) else np.empty(0)
    before = np.concatenate(([1.0], remaining[:-1])) if len(n) else remaining
    share = np.cumsum(before * handled / n)
    error = np.sqrt(np.maximum(_variance(share, before, n, handled, ended), 0.0))
    if len(n) and ended[-1] == n[-1] and not withdrawn.any():
        share[-1], error[-1] = 1.0, 0.0
    is_complete = bool(len(n)) and not counts[2:].any()
    low, high = _band(share, error)
    return Curve(counts, at_risk, share, error, low, high, is_complete)


def _variance(share: Array, before: Array, n: Array, handled: Array, ended: Array) -> Array:
    """The delta method's variance of the cumulative incidence at each day.

    sum over s <= t of (F(t)-F(s))^2 d/(n(n-d)) + S(s-)^2 (n-h)h/n^3 - 2 (F(t)-F(s)) S(s-) h/n^2, with d ended,
    h handled. Where all that are left end on one day the first term is 0: F does not change any more.
    """
    survivors = n - ended
    hazard = np.divide(ended, n * survivors, out=np.zeros_like(n), where=survivors > 0)
    step = before * handled / n**2
    squares = share**2 * np.cumsum(hazard) - 2 * share * np.cumsum(share * hazard) + np.cumsum(share**2 * hazard)
    own = np.cumsum(before**2 * (n - handled) * handled / n**3)
    mixed = share * np.cumsum(step) - np.cumsum(share * step)
    found: Array = squares + own - 2 * mixed
    return found


def _band(share: Array, error: Array) -> tuple[Array, Array]:
    """Pointwise 95 % limits, symmetric on the log-log scale of the share that is not handled."""
    inside = (share > 0) & (share < 1) & (error > 0)
    rest = np.where(inside, 1 - share, 0.5)
    width = Z * error / (rest * np.abs(np.log(rest)))
    low, high = 1 - rest ** np.exp(-width), 1 - rest ** np.exp(width)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)


# --- what the database counts

Counted = tuple[Any, int, int, int]
"""group, days, ending (place in `ENDINGS`), cases"""
MONTH: Final = "month"
"""What `spells` groups by beside the dimensions: the statistical month of registration."""


def spells(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    over: Span,
    by: str = "",
) -> list[Counted]:
    """Spells of the cases registered in the days of `over`, as of the effective instant: group, days, ending, cases.

    Group: that of the dimension `by`; or for `MONTH` the statistical month of registration. One statement.
    """
    # A row a case first: what is grouped by must be columns, since some servers compare no expressions with values.
    each = [_each(database, case_filter, cases, where, over, by) for cases, where in as_then(database, case_filter.at)]
    rows = (union_all(*each) if len(each) > 1 else each[0]).subquery("spell").c
    statement = select(rows.of_group, rows.days, rows.ending, func.count()).group_by(
        rows.of_group, rows.days, rows.ending
    )
    return [(group, int(days), int(ending), int(n)) for group, days, ending, n in connection.execute(statement)]


def _each(
    database: CaseDatabase, case_filter: CaseFilter, cases: Cases, where: Sequence[Condition], over: Span, by: str
) -> Select[Any]:
    """A row for each of `cases` that `spells` counts: of_group, days, ending."""
    registered = cases.columns.registered_at
    ending = _ending(cases)
    days = func.coalesce(day_number(cases.closed_at), literal(_number(case_filter.today))) - day_number(registered)
    within = [
        *case_filter.where(cases),
        *where,
        cases.exists,
        registered <= literal(over.last, schema.Moment),
        ~cases.is_outside,
        ~cases.is_accusation,
    ]
    if over.first:
        within.append(registered >= literal(over.first, schema.Moment))
    group: ColumnElement[Any] = null()
    if by == MONTH:
        group = _month(registered, database.settings.period)
    elif by:
        group = DIMENSIONS[by].group(cases)
    source = source_of(cases, None, [by] if by in DIMENSIONS else [])
    columns = group.label("of_group"), days.label("days"), ending.label("ending")
    return select(*columns).select_from(source).where(*within)


def _ending(cases: Cases) -> ColumnElement[Any]:
    """How a case stands at the instant, by its place in `ENDINGS`. A closing that was undone later was a handling."""
    recorded: Condition = cases.columns.closed_at <= cases.at
    withdrawn = and_(recorded, func.coalesce(cases.columns.closed_how, "") == "withdrawn")
    ways = ((cases.closed_at.is_(None), "open"), (cases.has_left, "left"), (withdrawn, "withdrawn"))
    return case(*((holds, ENDINGS.index(how)) for holds, how in ways), else_=ENDINGS.index("handled"))


def _month(moment: ColumnElement[Any], rule: PeriodRule) -> ColumnElement[Any]:
    """The statistical month of a moment, as `periods.month_of` numbers it."""
    if not rule.month_closes_on:
        return month_number(moment)
    return month_number(end_of_day(moment, -rule.month_closes_on)) + 1


def _number(day: date) -> int:
    """The day as `dialect.day_number` counts it."""
    return (day - date(2000, 1, 1)).days


def _by_group(found: Iterable[Counted]) -> dict[Any, Counts]:
    """The counts of each group as a table of endings and days."""
    cells: dict[Any, list[tuple[int, int, int]]] = {}
    for group, days, ending, n in found:
        cells.setdefault(group, []).append((ending, max(days, 0), n))
    tables = {}
    for group, each in cells.items():
        endings, days_taken, numbers = np.array(each, dtype=np.int64).T
        tables[group] = np.zeros((len(ENDINGS), int(days_taken.max()) + 1), dtype=np.int64)
        np.add.at(tables[group], (endings, days_taken), numbers)
    return tables


def _sum(tables: Iterable[Counts]) -> Counts:
    """All groups together."""
    tables = list(tables)
    whole = np.zeros((len(ENDINGS), max((table.shape[1] for table in tables), default=0)), dtype=np.int64)
    for table in tables:
        whole[:, : table.shape[1]] += table
    return whole


# --- what pages ask


@dataclass(frozen=True, eq=False)
class Duration:
    """The curve of the cases registered in the period, and of each group of them.

    `groups`: by key of the dimension ('' = unknown), or by the first day of the assessment year, of which there are
    the last five whatever the period; `spans` has their days.
    """

    whole: Curve
    groups: dict[str, Curve]
    spans: dict[str, Span]


def duration(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, by: str = "") -> Duration:
    """Time to close in the filter's period, for the whole and by one of `GROUPINGS`."""
    dimension = by if by in DIMENSIONS and database.has(*DIMENSIONS[by].needs) else ""
    tables = _by_group(spells(connection, database, case_filter, case_filter.span, dimension))
    whole = curve_of(_sum(tables.values()))
    if by != "year":
        merged: dict[str, list[Counts]] = {}
        for group, table in tables.items():
            merged.setdefault(group or "", []).append(table)
        found = {group: curve_of(_sum(each)) for group, each in merged.items()} if dimension else {}
        return Duration(whole, found, {})
    years = _years(database, case_filter)
    months = _by_group(spells(connection, database, case_filter, Span(years[0].start, years[-1].end), MONTH))
    counted = {year: [months[month] for month in _months(year) if month in months] for year in years}
    spans = {str(year.start): year for year, tables in counted.items() if tables}
    return Duration(whole, {start: curve_of(_sum(counted[year])) for start, year in spans.items()}, spans)


def _months(span: Span) -> range:
    """The statistical months that a span of whole ones is made of."""
    assert span.months
    return range(span.months[0], span.months[1] + 1)


def _years(database: CaseDatabase, case_filter: CaseFilter) -> list[Span]:
    """The last assessment years, the last one up to the effective instant."""
    rule = database.settings.period
    now = year_start(month_of(case_filter.today, rule), rule)
    years = [month_span(now - 12 * back, now - 12 * back + 11, rule) for back in reversed(range(YEARS))]
    return [*years[:-1], years[-1].until(case_filter.today)]


def year_before(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Curve | None:
    """The curve of the same days of last year, seen after as many days; None for a period without a beginning."""
    then = year_ago(case_filter.span, case_filter.today, database.settings.period)
    if then is None:
        return None
    earlier = case_filter.over(then)
    return curve_of(_sum(_by_group(spells(connection, database, earlier, then)).values()))


@dataclass(frozen=True, eq=False)
class Cohort:
    """The cases registered in one statistical month (year * 12 + month - 1) and their curve.

    All of them have been observed for `observed` days, so that no open case hides behind the curve up to there.
    """

    month: int
    span: Span
    observed: int
    curve: Curve

    def by(self, day: int) -> Share | None:
        """The share handled by `day`; None where not all cases have been observed for so long."""
        return self.curve.by(day) if day <= self.observed else None


@dataclass(frozen=True, eq=False)
class Cohorts:
    """`recent`: the months shown, oldest first; `before`: by each of these months the same month a year earlier."""

    recent: tuple[Cohort, ...]
    before: dict[int, Cohort]


def cohorts(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Cohorts:
    """The curves of the last whole months of registration, and of the same months a year before. One statement."""
    rule, today = database.settings.period, case_filter.today
    last = last_complete_month(today, rule)
    spans = {month: month_span(month, month, rule) for month in range(last - 2 * COHORTS + 1, last + 1)}
    every = month_span(min(spans), max(spans), rule)
    counted = _by_group(spells(connection, database, case_filter, every, MONTH))
    found = {
        month: Cohort(month, span, (today - span.end).days, curve_of(counted[month]))
        for month, span in spans.items()
        if month in counted
    }
    recent = tuple(each for month, each in found.items() if month > last - COHORTS)
    return Cohorts(recent, {month + 12: each for month, each in found.items() if month <= last - COHORTS})
