"""Seasons: the weeks around Spring Festival, the Two Sessions, or what the settings name.

A season hangs on an anchor that may move (lunar new year's day, by the `holidays` library's
calendar) or on a day of the year. Years are compared by days around it, since January and
February of one year are not those of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final

import holidays
import pandas as pd
from sqlalchemy import Connection, and_, case, func, literal, or_, select

from data_access import schema
from data_access.database import CaseDatabase
from data_access.dimensions import counts_accusations, source_of
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.periods import Span
from data_access.queries import measure_spans
from data_access.settings import SPRING_FESTIVAL, Season, Settings
from data_access.state import cases_at

LEAVES_OUT: Final = 7
"""A month that holds so many days of a season is that season's."""
WEEKS: Final = 6
"""Weeks before the anchor, and as many after it."""
YEARS: Final = 4


@dataclass(frozen=True)
class Occurrence:
    """A season in one year: its days, both included, and the anchor they hang on."""

    code: str
    year: int
    anchor: date
    start: date
    end: date


def anchor_in(season: Season, year: int) -> date | None:
    """The day that `season` hangs on in `year`; None beyond the years the lunar calendar is known for (1900-2100)."""
    if season.anchor != SPRING_FESTIVAL:
        month, _, day = season.anchor.partition("-")
        return date(year, int(month), int(day))
    return _new_year(year)


@cache
def _new_year(year: int) -> date | None:
    """Lunar new year's day: the first day of 春节 (its eve bears another name)."""
    known = holidays.country_holidays("CN", years=year, language="zh_CN")
    return min((day for day in known.get_named("春节", lookup="exact") if day.year == year), default=None)


def occurrences(settings: Settings, years: Iterable[int]) -> tuple[Occurrence, ...]:
    """Every season in each of `years`, in time's order."""
    found = [
        Occurrence(code, year, anchor, anchor - timedelta(days=season.before), anchor + timedelta(days=season.after))
        for year in years
        for code, season in settings.seasons.items()
        for anchor in [anchor_in(season, year)]
        if anchor
    ]
    return tuple(sorted(found, key=lambda each: each.start))


def over(settings: Settings, first: date, last: date) -> tuple[Occurrence, ...]:
    """The seasons that have a day from `first` to `last`."""
    years = range(first.year - 1, last.year + 2)
    return tuple(each for each in occurrences(settings, years) if each.start <= last and each.end >= first)


def left_out(settings: Settings, spans: Sequence[tuple[date, date]]) -> list[str]:
    """For each span of days the code of the season that it is left out of the limits for, or ""."""
    if not spans:
        return []
    found = [
        each
        for each in over(settings, min(start for start, _ in spans), max(end for _, end in spans))
        if settings.seasons[each.code].leave_out
    ]

    def of(start: date, end: date) -> str:
        for each in found:
            if (min(end, each.end) - max(start, each.start)).days + 1 >= LEAVES_OUT:
                return each.code
        return ""

    return [of(start, end) for start, end in spans]


def weeks(anchor: date) -> tuple[tuple[int, Span], ...]:
    """The weeks around `anchor`: -6 to -1 before it, 1 to 6 from it on, each with its days."""
    numbers = [*range(-WEEKS, 0), *range(1, WEEKS + 1)]
    starts = (anchor + timedelta(days=7 * (number - (number > 0))) for number in numbers)
    return tuple(
        (number, Span(start, start + timedelta(days=6))) for number, start in zip(numbers, starts, strict=True)
    )


def newest(season: Season, today: date) -> int | None:
    """The last year whose weeks around the season have begun by `today`."""
    for year in (today.year + 1, today.year, today.year - 1):
        anchor = anchor_in(season, year)
        if anchor and anchor - timedelta(days=7 * WEEKS) <= today:
            return year
    return None


def nearest(settings: Settings, today: date) -> str | None:
    """The season whose weeks `today` is in, the nearest one of several; else the first of the settings, if any."""
    inside = [
        (abs((anchor - today).days), code)
        for code, season in settings.seasons.items()
        for year in [newest(season, today)]
        for anchor in [anchor_in(season, year) if year else None]
        if anchor and today <= anchor + timedelta(days=7 * WEEKS)
    ]
    return min(inside)[1] if inside else next(iter(settings.seasons), None)


def around(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, code: str) -> pd.DataFrame:
    """Registered cases by week around a season, in the last four years with data, as of each week's end.

    year, week (-6 to -1, 1 to 6), anchor, start, end, unfinished, registered (cases). Weeks that
    have not begun by the effective instant and those before the first registration are left out.
    One statement; counts are those of the indicator `registered` over the same days.
    """
    today, season = case_filter.today, database.settings.seasons[code]
    first = database.first_registered_at.date() if database.first_registered_at else today
    year = newest(season, today)
    rows = [
        (each, number, anchor, span)
        for each in (range(year - YEARS + 1, year + 1) if year else ())
        for anchor in [anchor_in(season, each)]
        if anchor
        for number, span in weeks(anchor)
        if span.start and first <= span.start <= today
    ]
    counted = _registered(connection, database, case_filter, [span for *_, span in rows])
    return pd.DataFrame(
        {
            "year": [row[0] for row in rows],
            "week": [row[1] for row in rows],
            "anchor": pd.to_datetime([row[2] for row in rows]),
            "start": pd.to_datetime([row[3].start or today for row in rows]),
            "end": pd.to_datetime([min(row[3].end, today) for row in rows]),
            "unfinished": pd.Series([row[3].end > today for row in rows], dtype=bool),
            "registered": pd.Series(counted, dtype="int64"),
        }
    )


def _registered(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, spans: Sequence[Span]
) -> list[int]:
    """The indicator `registered` of many short spans that do not overlap, in time's order.

    `measure_spans` joins every case with every span, which half a hundred of them make slow. Here each
    case is put into its span by its moment; where units are chosen, who had it at each span's end matters.
    """
    if not spans:
        return []
    if case_filter.unit or case_filter.kind:
        table = measure_spans(connection, database, case_filter, ["registered"], spans)
        return table["numerator"].astype("int64").tolist()
    cases = cases_at(database, case_filter.at)
    registered_at = cases.columns.registered_at
    place = case(*((registered_at <= literal(span.last, schema.Moment), at) for at, span in enumerate(spans)))
    together: list[tuple[Span, Span]] = []  # spans that follow on each other are one range
    for span in spans:
        if together and span.start == together[-1][1].end + timedelta(days=1):
            together[-1] = (together[-1][0], span)
        else:
            together.append((span, span))
    ranges = [
        and_(registered_at >= literal(low.first, schema.Moment), registered_at <= literal(high.last, schema.Moment))
        for low, high in together
    ]
    where = [or_(*ranges), cases.exists, *case_filter.where(cases)]
    if not counts_accusations(case_filter, MEASURES["registered"], None):
        where.append(~cases.is_accusation)
    found = dict.fromkeys(range(len(spans)), 0)
    statement = select(place, func.count()).select_from(source_of(cases, None, [])).where(*where)
    found |= {row[0]: int(row[1]) for row in connection.execute(statement.group_by(place))}
    return list(found.values())
