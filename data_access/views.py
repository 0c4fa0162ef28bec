"""What each page shows, read in one transaction: filter in, frozen tables out.

A page asks one function here and draws the answer. All figures of a view share one
snapshot and one effective instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, func, select

from data_access import fair, flows, lists, queries, schema
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.periods import (
    Span,
    last_complete_month,
    last_months,
    month_of,
    month_span,
    previous,
    year_ago,
    year_start,
)
from data_access.settings import PeriodRule, Settings

SPARK_MONTHS: Final = 12
JUDGED_MONTHS: Final = 18
"""Months that a rate is judged by: twelve to judge from, the unfinished one, two of a season, three to mature."""
STOCKS: Final = ("open", "overdue", "due_soon")
RATES: Final = ("on_time_closure_rate", "closure_rate", "unit_satisfaction_rate")
TILES: Final = ("open", "overdue", "due_soon", *RATES)
MEETING_ROWS: Final = (
    "registered",
    "closed",
    "on_time_closure_rate",
    "office_satisfaction_rate",
    "unit_satisfaction_rate",
)
COHORTS: Final = {
    "closure_rate": 90,
    "resolution_rate": 60,
    "extension_rate": 90,
    "follow_up_rate": 60,
    "first_time_resolution_rate": 0,
}
"""Rates of a cohort that goes on after its period, and the days until its figure can be compared.

First-time resolution waits for the months in which the matter may come back (`days_to_compare`)."""
QUALITY: Final = (
    "on_time_closure_rate",
    "on_time_answer_rate",
    "closure_rate",
    "resolution_rate",
    "first_time_resolution_rate",
    "office_timely_forwarding_rate",
    "unit_timely_acceptance_rate",
    "extension_rate",
    "follow_up_rate",
    "office_satisfaction_rate",
    "unit_satisfaction_rate",
    "office_rating_response_rate",
    "unit_rating_response_rate",
)


@dataclass(frozen=True)
class Figure:
    """One indicator now and at the spans it is compared with; shares 0-1 or cases.

    `numerator` and `denominator` are those of now; None where unavailable.
    """

    key: str
    value: float | None
    numerator: int | None
    denominator: int | None
    before: float | None = None
    year_ago: float | None = None
    before_n: int | None = None
    year_ago_n: int | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """Indicators over several spans: the columns of `queries.measure_spans`, and the spans."""

    rows: pd.DataFrame
    spans: tuple[Span, ...]

    @cached_property
    def table(self) -> dict[tuple[str, int], Figure]:
        """The figures by indicator and position of the span."""
        places = zip(self.rows["indicator"].tolist(), self.rows["span"].tolist(), strict=True)
        return dict(zip(places, figures(self.rows), strict=True))

    def figure(self, key: str, span: Span | None, before: Span | None = None, then: Span | None = None) -> Figure:
        """The figure of `key` in `span`, compared with `before` and `then` (a year ago)."""
        now = self._at(key, span)
        if before is None and then is None:
            return now
        earlier, last_year = self._at(key, before), self._at(key, then)
        return replace(
            now,
            before=earlier.value,
            year_ago=last_year.value,
            before_n=earlier.denominator,
            year_ago_n=last_year.denominator,
        )

    def _at(self, key: str, span: Span | None) -> Figure:
        missing = Figure(key, None, None, None)
        return self.table.get((key, self.spans.index(span)), missing) if span else missing


def measured(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    spans: Sequence[Span | None],
    seen_at: datetime | None = None,
) -> Measured:
    """The indicators over the spans there are."""
    return measured_together(connection, database, case_filter, asked(keys, *spans, seen_at=seen_at))[0]


def asked(keys: Sequence[str], *spans: Span | None, seen_at: datetime | None = None) -> queries.Asked:
    """A question for `queries.measure_together` about the spans there are, each once."""
    return queries.Asked(tuple(keys), tuple(dict.fromkeys(span for span in spans if span)), seen_at=seen_at)


def measured_together(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, *questions: queries.Asked
) -> list[Measured]:
    """The answers to several questions; empty where one has no spans."""
    some = [each for each in questions if each.spans]
    tables = iter(queries.measure_together(connection, database, case_filter, some) if some else ())
    return [Measured(next(tables), each.spans) if each.spans else Measured(pd.DataFrame(), ()) for each in questions]


def days_to_compare(key: str, settings: Settings) -> int:
    """The days after a period until the figure of its cohort can be compared."""
    return settings.thresholds.first_time_days if key == "first_time_resolution_rate" else COHORTS[key]


def _matured(months: Sequence[Span], days: int, at: datetime) -> tuple[Span, ...]:
    """The months that ended `days` ago, whose cohort's figure can be compared by now."""
    return tuple(month for month in months if month.last + timedelta(days=days) <= at)


def figures(rows: pd.DataFrame) -> list[Figure]:
    """The rows of `queries.measure` or `measure_spans` as figures."""

    def whole(n: Any) -> int | None:
        return None if pd.isna(n) else int(n)

    columns = (rows[name].tolist() for name in ("indicator", "value", "numerator", "denominator"))
    return [
        Figure(key, None if pd.isna(value) else float(value), whole(met), whole(among))
        for key, value, met, among in zip(*columns, strict=True)
    ]


@dataclass(frozen=True)
class Overview:
    """The overview. `tiles` by key with `sparks` (month -> value); `meeting` and `meeting_spans` for the month's table.

    `monthly`: the rates among the tiles by complete month, by key: start, end, unfinished, value, denominator.

    `by_unit` and `by_field`: group, open (on a clock), overdue, share. `late_now`: overdue that
    fell due in the period, and before it. `accusations`: registered and closed, county totals only.
    """

    balance: flows.Balance
    tiles: dict[str, Figure]
    not_yet_due: int
    sparks: dict[str, pd.Series[float]]
    monthly: dict[str, pd.DataFrame]
    late_now: tuple[int, int]
    by_unit: pd.DataFrame
    by_field: pd.DataFrame
    month: int
    meeting: tuple[Figure, ...]
    year_to_date: tuple[Figure, ...]
    previous: Span | None
    accusations: tuple[int, int] | None


def overview(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Overview:
    """Everything on the overview page."""
    rule, today, span = database.settings.period, case_filter.today, case_filter.span
    earlier, last_year = previous(span, today, rule), year_ago(span, today, rule)
    months = last_months(today, JUDGED_MONTHS, rule)
    month = last_complete_month(today, rule)
    in_month = [month_span(month - back, month - back, rule) for back in (0, 1, 12)]
    first = year_start(month, rule)
    in_year = [month_span(first, month, rule), month_span(first - 12, month - 12, rule)]
    compared = (span, earlier, last_year)

    cohorts = _matured(months, COHORTS["closure_rate"], case_filter.at)
    days = [Span(None, min(month.end, today)) for month in months[-SPARK_MONTHS:]]
    rest_keys = [key for key in MEETING_ROWS if key not in RATES]
    rates, closed, closure, rest, stocks, *strip = measured_together(
        connection,
        database,
        case_filter,
        asked([key for key in RATES if key != "closure_rate"], *compared, *in_month, *in_year, *months),
        asked(["closure_rate", "not_yet_due"], *compared),
        asked(["closure_rate"], *cohorts, seen_at=case_filter.at),
        asked(rest_keys, *in_month, *in_year),
        asked(STOCKS, *compared, *days),
        *flows.asked_for_balance(case_filter),
    )
    late = lists.overdue_by_unit_and_field(connection, database, case_filter)

    def source(key: str) -> Measured:
        return closed if key == "closure_rate" else rates if key in RATES else stocks

    def figures(*spans: Span | None) -> tuple[Figure, ...]:
        return tuple((rates if key in RATES else rest).figure(key, *spans) for key in MEETING_ROWS)

    complete = [each for each in months if each.end <= today]
    monthly = {
        key: _by_month(key, closure, cohorts) if key in COHORTS else _by_month(key, rates, complete) for key in RATES
    }

    def spark(key: str) -> pd.Series[float]:
        if key in RATES:
            return monthly[key]["value"].tail(SPARK_MONTHS)
        return pd.Series([stocks.figure(key, day).value for day in days], dtype="float64")

    return Overview(
        balance=flows.balance_of(connection, database, case_filter, [each.rows for each in strip]),
        tiles={key: source(key).figure(key, *compared) for key in TILES},
        not_yet_due=closed.figure("not_yet_due", span).numerator or 0,
        sparks={key: spark(key) for key in TILES},
        monthly=monthly,
        late_now=(int(late["overdue"].sum() - late["before"].sum()), int(late["before"].sum())),
        by_unit=_shares_by(late, "unit"),
        by_field=_shares_by(late, "field") if database.has("category_id") else _shares_by(late.iloc[:0], "field"),
        month=month,
        meeting=figures(*in_month),
        year_to_date=figures(in_year[0], None, in_year[1]),
        previous=earlier,
        accusations=None if case_filter.narrowed else flows.accusations(connection, database, case_filter),
    )


def _by_month(key: str, measure: Measured, months: Sequence[Span]) -> pd.DataFrame:
    """A rate in whole months: indicator, start, end, unfinished (never), value, denominator."""
    found = [(month, measure.figure(key, month)) for month in months]
    columns = {
        "indicator": pd.Series([key] * len(found), dtype=object),
        "start": pd.to_datetime([month.start or month.end for month, _ in found]),
        "end": pd.to_datetime([month.end for month, _ in found]),
        "unfinished": pd.Series([False] * len(found), dtype=bool),
        "value": pd.Series([figure.value for _, figure in found], dtype="float64"),
        "denominator": pd.Series([figure.denominator for _, figure in found], dtype="float64"),
    }
    return pd.DataFrame(columns)


def late_now(late: pd.DataFrame, case_filter: CaseFilter) -> tuple[int, int]:
    """Overdue now that fell due in the period, and before it (本期到期 + 以前到期)."""
    start = case_filter.span.start
    total = int(late["n"].sum())
    before = int(late.loc[late["due_day"] < pd.Timestamp(start), "n"].sum()) if start else 0
    return total - before, before


def _shares_by(late: pd.DataFrame, column: str) -> pd.DataFrame:
    """The columns of `shares`, of `lists.overdue_by_unit_and_field`."""
    found = late.groupby(column, dropna=False, sort=False)[["open", "overdue"]].sum().reset_index(names="group")
    group = found["group"].astype(object).where(found["group"].notna(), None)
    found = found.assign(group=group, share=found["overdue"] / found["open"])
    return found[["group", "open", "overdue", "share"]].astype(
        {"open": "Int64", "overdue": "Int64", "share": "Float64"}
    )


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """group, open, overdue, share."""
    return table.rename(columns={"numerator": "overdue", "denominator": "open", "value": "share"})[
        ["group", "open", "overdue", "share"]
    ]


@dataclass(frozen=True)
class Trends:
    """Flows and stock over time.

    `series`: start, end, unfinished, registered, closed, open (at the end), one row a span.
    `by_year`: year, month (1-12), start, end, registered, unfinished. `multiples`: group,
    start, end, registered, closed, unfinished by month, for one dimension.
    """

    series: pd.DataFrame
    by_year: pd.DataFrame
    multiples: pd.DataFrame


BUCKETS: Final = {"day": 60, "week": 53, "month": 36, "quarter": 20, "year": 10}
"""How many spans of each length a trend shows at least, as far as there are data."""
MULTIPLE_MONTHS: Final = 24
QUALITY_MONTHS: Final = JUDGED_MONTHS


def trends(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, length: str = "month", by: str = "channel"
) -> Trends:
    """Everything on the trends page, up to the effective instant, in spans of `length`."""
    rule, today = database.settings.period, case_filter.today
    first = database.first_registered_at.date() if database.first_registered_at else today
    spans = buckets(length, first, case_filter, rule)
    months, recent = buckets("month", first, case_filter, rule, whole=True), last_months(today, MULTIPLE_MONTHS, rule)
    flow, monthly, groups = queries.measure_together(
        connection,
        database,
        case_filter,
        [
            queries.Asked(("registered", "closed"), spans),
            queries.Asked(("registered",), months),
            queries.Asked(("registered", "closed"), tuple(recent), by),
        ],
    )
    wide = flow.pivot(index="span", columns="indicator", values="numerator").reindex(range(len(spans)), fill_value=0)
    monthly = monthly.set_index("span")
    daily = flows.open_by_day(connection, database, case_filter)
    ends = [min(span.end, today) for span in spans]
    series = pd.DataFrame(
        {
            "start": pd.to_datetime([span.start or first for span in spans]),
            "end": pd.to_datetime(ends),
            "unfinished": [span.end > today for span in spans],
            "registered": wide["registered"].to_numpy(dtype="int64"),
            "closed": wide["closed"].to_numpy(dtype="int64"),
            "open": daily.reindex(pd.to_datetime(ends)).fillna(0).to_numpy(dtype="int64"),
        }
    )
    keys = [month for span in months if span.months for month in span.months[:1]]
    by_year = pd.DataFrame(
        {
            "year": [month // 12 for month in keys],
            "month": [month % 12 + 1 for month in keys],
            "start": pd.to_datetime([span.start or first for span in months]),
            "end": pd.to_datetime([span.end for span in months]),
            "registered": monthly["numerator"].reindex(range(len(keys)), fill_value=0).to_numpy(dtype="int64"),
            "unfinished": [span.end > today for span in months],
        }
    )
    multiples = groups.pivot_table(
        index=["group", "span"], columns="indicator", values="numerator", aggfunc="sum", fill_value=0
    ).reset_index()
    multiples["start"] = [pd.Timestamp(recent[position].start or today) for position in multiples.get("span", [])]
    multiples["end"] = [pd.Timestamp(recent[position].end) for position in multiples.get("span", [])]
    multiples["unfinished"] = [recent[position].end > today for position in multiples.get("span", [])]
    return Trends(series, by_year, multiples)


def buckets(
    length: str, first: date, case_filter: CaseFilter, rule: PeriodRule, *, whole: bool = False
) -> tuple[Span, ...]:
    """Spans of one length, the last one holding the effective instant, back to the period's start or further.

    `whole`: back to the first registration. Days and weeks are calendar ones, the others statistical.
    """
    today = case_filter.today
    start = case_filter.span.start or first
    if length in ("day", "week"):
        days = 1 if length == "day" else 7
        last = today if length == "day" else today + timedelta(days=6 - today.weekday())
        wanted = min(max(BUCKETS[length], (last - start).days // days + 1), 4 * BUCKETS[length])
        possible = (last - first).days // days + 1
        count = max(1, min(wanted, possible))
        ends = [last - timedelta(days=days * back) for back in reversed(range(count))]
        return tuple(Span(end - timedelta(days=days - 1), end) for end in ends)
    size = {"month": 1, "quarter": 3, "year": 12}[length]
    now = month_of(today, rule)
    now -= (now - (rule.year_starts_in - 1)) % size
    wanted = max(BUCKETS[length], (now - month_of(start, rule)) // size + 1)
    possible = (now - month_of(first, rule) + size - 1) // size + 1
    count = max(1, possible if whole else min(wanted, possible))
    starts = [now - size * back for back in reversed(range(count))]
    return tuple(month_span(month, month + size - 1, rule) for month in starts)


@dataclass(frozen=True)
class Overdue:
    """What is late now. `by_day`: unit, due_day, days_overdue, n. `late_now`: fell due in the period, before it.

    `acceptance`: open cases whose acceptance notice is late, by unit (group, numerator).
    `soon`: cases due within each threshold, in days. `rows`, `soon_rows`: the first cases of each list.
    """

    by_day: pd.DataFrame
    late_now: tuple[int, int]
    acceptance: pd.DataFrame
    soon: tuple[int, int]
    page: lists.CasePage
    soon_page: lists.CasePage
    share: Figure
    steps: Steps


@dataclass(frozen=True)
class Steps:
    """Where cases stand on the statutory clock.

    `by_step`: open cases by step (`lists.open_by_step`). `appeals`: cases in review and re-review, those past
    their limit and those due within 7 days, by indicator; empty where the database has no reviews.
    """

    by_step: pd.DataFrame
    appeals: dict[str, int]


APPEALS: Final = ("in_review", "review_overdue", "review_soon", "in_rereview", "rereview_overdue", "rereview_soon")


def steps(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Steps:
    """How many cases are at each step, past its limit, or soon past it."""
    return _steps(connection, database, case_filter, queries.measure(connection, database, case_filter, APPEALS))


def _steps(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, appeals: pd.DataFrame) -> Steps:
    """The same with the counts of `APPEALS`."""
    counted = zip(appeals["indicator"].tolist(), appeals["numerator"].tolist(), strict=True)
    return Steps(lists.open_by_step(connection, database, case_filter), {key: int(n) for key, n in counted})


def overdue(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Overdue:
    """Everything on the overdue page."""
    late = lists.overdue_by_day(connection, database, case_filter)
    read, acceptance, appeals = measured_together(
        connection,
        database,
        case_filter,
        asked(("overdue_share", "due_soon", "due_later"), case_filter.span),
        queries.Asked(("acceptance_overdue",), (case_filter.span,), "unit"),
        asked(APPEALS, case_filter.span),
    )

    def count(key: str) -> int:
        return read.figure(key, case_filter.span).numerator or 0

    def page(of: str) -> lists.CasePage:
        return lists.case_list(connection, database, case_filter, lists.Question(of))

    return Overdue(
        by_day=late,
        late_now=late_now(late, case_filter),
        acceptance=acceptance.rows.drop(columns="span"),
        soon=(count("due_soon"), count("due_later")),
        page=page("overdue"),
        soon_page=page("due_later"),
        share=read.figure("overdue_share", case_filter.span),
        steps=_steps(connection, database, case_filter, appeals.rows),
    )


@dataclass(frozen=True)
class Resolution:
    """How well cases are handled: `figures` by key; `monthly`: indicator, start, end, unfinished, value, denominator.

    Rates of a cohort are seen from the effective instant, the others from the end of each month.

    `by_field`: indicator, group, numerator, denominator, value.
    """

    figures: dict[str, Figure]
    monthly: pd.DataFrame
    by_field: pd.DataFrame


def resolution(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Resolution:
    """Everything on the resolution page."""
    rule, today, span = database.settings.period, case_filter.today, case_filter.span
    earlier, last_year = previous(span, today, rule), year_ago(span, today, rule)
    months = last_months(today, QUALITY_MONTHS, rule)
    at_end = [key for key in QUALITY if key not in COHORTS]
    compared = (span, earlier, last_year)
    ended, ongoing, cohorts, fields = measured_together(
        connection,
        database,
        case_filter,
        asked(at_end, *compared, *months),
        asked(tuple(COHORTS), *compared),
        asked(tuple(COHORTS), *months, seen_at=case_filter.at),
        queries.Asked(BY_FIELD, (span,), "field"),
    )
    matured = {key: _matured(months, days_to_compare(key, database.settings), case_filter.at) for key in COHORTS}
    fed = [key for key in QUALITY if queries.can_feed(database, key)]
    return Resolution(
        figures={key: (ongoing if key in COHORTS else ended).figure(key, *compared) for key in fed},
        monthly=pd.DataFrame(
            [
                (
                    key,
                    pd.Timestamp(month.start or today),
                    pd.Timestamp(month.end),
                    month not in matured[key] if key in COHORTS else month.end > today,
                    figure.value,
                    figure.denominator,
                )
                for key in fed
                for month in months
                for figure in [(cohorts if key in COHORTS else ended).figure(key, month)]
            ],
            columns=["indicator", "start", "end", "unfinished", "value", "denominator"],
        ),
        by_field=fields.rows.drop(columns="span"),
    )


BY_FIELD: Final = ("on_time_closure_rate", "resolution_rate", "unit_satisfaction_rate")
UNIT_KEYS: Final = (
    "registered",
    "closed",
    "overdue_share",
    "on_time_closure_rate",
    "unit_timely_acceptance_rate",
    "unit_satisfaction_rate",
)


@dataclass(frozen=True)
class Departments:
    """Units beside each other. `places`, `functional`: indicator, group, numerator, denominator, value.

    `monthly`: group, start, value of the on-time rate of the last months. `standing`: how each unit does beside
    the county (`fair.Standing`).
    """

    places: pd.DataFrame
    functional: pd.DataFrame
    monthly: pd.DataFrame
    standing: fair.Standing

    @property
    def units(self) -> pd.DataFrame:
        """indicator, group, numerator, denominator, value."""
        return self.standing.units

    @property
    def heat(self) -> pd.DataFrame:
        """unit, field, open (on a clock), overdue."""
        return self.standing.heat


def departments(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Departments:
    """Everything on the departments page."""
    months = tuple(last_months(case_filter.today, SPARK_MONTHS, database.settings.period))
    own = [
        *(queries.Asked(UNIT_KEYS, (case_filter.span,), dimension) for dimension in ("township", "functional")),
        queries.Asked(("on_time_closure_rate",), months, "unit"),
    ]
    whole, beside = fair.whole(case_filter), fair.asked(database, case_filter, UNIT_KEYS)
    at_once = [(whole, [*own, *beside])] if whole == case_filter else [(case_filter, own), (whole, beside)]
    places, functional, monthly, *told = (
        table for seen, asks in at_once for table in queries.measure_together(connection, database, seen, asks)
    )
    monthly["start"] = [pd.Timestamp(months[position].start or case_filter.today) for position in monthly["span"]]
    return Departments(
        places=places.drop(columns="span"),
        functional=functional.drop(columns="span"),
        monthly=monthly,
        standing=fair.standing_of(connection, database, case_filter, UNIT_KEYS, told),
    )


MULTIPLES: Final = ("channel", "level", "field", "unit", "township", "repeat", "group", "track", "disposition")
"""What trends can be split by, as far as the database has it."""


def row_counts(connection: Connection, database: CaseDatabase) -> dict[str, int]:
    """Rows of each table of the contract that the database has."""
    counts = {}
    for table in schema.metadata.tables.values():
        if database.has(f"{table.name}."):
            counts[table.name] = connection.execute(select(func.count()).select_from(table)).scalar() or 0
    return counts
