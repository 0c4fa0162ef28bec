"""What one view of the wall shows, each read in one transaction and no wider than the wall needs.

The conditions are those of the pages (`views`), so that no number on the wall differs from
the same number on a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd
from sqlalchemy import Connection

from data_access import lists, queries, signals, since, views
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.periods import last_months, year_ago
from data_access.views import Figure

MONTHS: Final = 13
"""Months on the wall: a year, and the month of last year beside this one."""
CONTEXT: Final = ("repeat_share", "collective_share")


@dataclass(frozen=True)
class Changes:
    """Overdue cases at the last meeting (`then`) and `now`.

    `since`: the last meeting's day, or the end of the last complete statistical month where
    the database holds no meetings (`is_meeting` false). `newly`: overdue now and not then;
    `cleared`: overdue then and not now. `by_unit`: group, now, then.
    """

    since: date
    is_meeting: bool
    then: int
    now: int
    newly: int
    cleared: int
    by_unit: pd.DataFrame


def changes(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Changes:
    """What has changed since the last meeting."""
    day, is_meeting = since.last_meeting(connection, database, case_filter)
    then, now = since.late_between(connection, database, case_filter, day)
    newly, cleared = len(now.keys() - then.keys()), len(then.keys() - now.keys())
    by_unit = since.by_unit(then, now, database)[["group", "now", "then"]]
    return Changes(day, is_meeting, len(then), len(now), newly, cleared, by_unit)


@dataclass(frozen=True)
class Volume:
    """Figures of the period with `year_ago` (`VOLUMES`) and the last months.

    `series`: start, end, unfinished, registered, closed, as far back as a series is judged by;
    the wall shows `MONTHS` of them.
    """

    figures: dict[str, Figure]
    series: pd.DataFrame


VOLUMES: Final = ("registered", "closed", "open", "overdue")


def volume(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Volume:
    """How much came in, was closed and is open: context, never a judgement."""
    rule, today, span = database.settings.period, case_filter.today, case_filter.span
    then = year_ago(span, today, rule)
    months = last_months(today, signals.MONTHS, rule)
    read = views.measured(connection, database, case_filter, VOLUMES, [span, then])
    flow = views.measured(connection, database, case_filter, ("registered", "closed"), months)
    columns = {key: [flow.figure(key, month).numerator or 0 for month in months] for key in ("registered", "closed")}
    series = pd.DataFrame(
        {
            "start": pd.to_datetime([month.start or today for month in months]),
            "end": pd.to_datetime([min(month.end, today) for month in months]),
            "unfinished": [month.end > today for month in months],
            **columns,
        }
    )
    return Volume({key: read.figure(key, span, None, then) for key in VOLUMES}, series)


@dataclass(frozen=True)
class Makeup:
    """What the cases of the period are made of. `groups`: group, now, year_ago (None: no such data).

    `registered`: all of them, with what is never broken down. `shares`: repeat and collective
    share with `year_ago`. Context only, in fixed order.
    """

    registered: int
    groups: pd.DataFrame
    shares: dict[str, Figure]


def makeup(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, dimension: str) -> Makeup:
    """Registered cases by `dimension`, and a year ago."""
    span = case_filter.span
    then = year_ago(span, case_filter.today, database.settings.period)
    spans = [span, then] if then else [span]
    table = queries.measure_spans(connection, database, case_filter, ["registered"], spans, by=dimension)
    table = table.assign(group=table["group"].fillna(""))
    wide = table.pivot_table(index="group", columns="span", values="numerator", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=range(len(spans)), fill_value=0)
    last_year = wide[1].tolist() if then else [None] * len(wide)
    context = views.measured(connection, database, case_filter, ("registered", *CONTEXT), spans)
    return Makeup(
        context.figure("registered", span).numerator or 0,
        pd.DataFrame({"group": wide.index, "now": wide[0].tolist(), "year_ago": last_year}),
        {key: context.figure(key, span, None, then) for key in CONTEXT},
    )


def quality(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> dict[str, Figure]:
    """The rates of the resolution page with `year_ago`, by key; those that the database can feed."""
    rule, today, span = database.settings.period, case_filter.today, case_filter.span
    compared = (span, year_ago(span, today, rule))
    read = views.measured(connection, database, case_filter, views.QUALITY, compared)
    return {key: read.figure(key, span, None, compared[1]) for key in views.QUALITY if queries.can_feed(database, key)}


def late_by(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, by: str) -> pd.DataFrame:
    """Where late cases are: group, open (on a clock), overdue, share."""
    return views.shares(queries.measure(connection, database, case_filter, ["overdue_share"], by=by))


@dataclass(frozen=True)
class Late:
    """What is late now. `by_day`: unit, due_day, days_overdue, n. `late_now`: fell due in the period, before it.

    `acceptance`: open cases whose acceptance notice is late; None where the database cannot say.
    """

    by_day: pd.DataFrame
    late_now: tuple[int, int]
    acceptance: int | None


def late(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Late:
    """How late what is late is."""
    by_day = lists.overdue_by_day(connection, database, case_filter)
    read = views.measured(connection, database, case_filter, ["acceptance_overdue"], [case_filter.span])
    waiting = read.figure("acceptance_overdue", case_filter.span).numerator
    return Late(by_day, views.late_now(by_day, case_filter), waiting)


def figures(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, keys: Sequence[str]
) -> dict[str, Figure]:
    """The indicators of the filter that the database can feed, by key."""
    read = views.measured(connection, database, case_filter, keys, [case_filter.span])
    return {key: read.figure(key, case_filter.span) for key in keys if queries.can_feed(database, key)}


def by_group(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, keys: Sequence[str], by: str
) -> pd.DataFrame:
    """The indicators by a dimension: indicator, group, numerator, denominator, value (`queries.measure`)."""
    return queries.measure(connection, database, case_filter, keys, by=by)
