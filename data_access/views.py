"""What each page shows, read in one transaction: filter in, frozen tables out.

A page asks one function here and draws the answer. All figures of a view share one
snapshot and one effective instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection

from data_access import flows, lists, queries
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.periods import (
    Span,
    last_complete_month,
    last_months,
    month_span,
    previous,
    year_ago,
    year_start,
)

SPARK_MONTHS: Final = 12
STOCKS: Final = ("open", "overdue", "due_soon")
RATES: Final = ("on_time_closure_rate", "closure_rate", "unit_satisfaction_rate")
TILES: Final = ("open", "overdue", "due_soon", *RATES)
MEETING_ROWS: Final = (
    "registered",
    "closed",
    "on_time_closure_rate",
    "closure_rate",
    "resolution_rate",
    "office_satisfaction_rate",
    "unit_satisfaction_rate",
)
QUALITY: Final = (
    "on_time_closure_rate",
    "on_time_answer_rate",
    "closure_rate",
    "resolution_rate",
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


@dataclass(frozen=True)
class _Measured:
    """Indicators over several spans, by span."""

    table: dict[tuple[str, int], Figure]
    spans: tuple[Span, ...]

    def figure(self, key: str, span: Span | None, before: Span | None = None, then: Span | None = None) -> Figure:
        """The figure of `key` in `span`, compared with `before` and `then` (a year ago)."""
        now, earlier, last_year = (self._at(key, each) for each in (span, before, then))
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


def _measured(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    spans: Sequence[Span | None],
) -> _Measured:
    different = tuple(dict.fromkeys(span for span in spans if span))
    table = queries.measure_spans(connection, database, case_filter, keys, different)
    return _Measured({(row.indicator, row.span): _figure(row) for row in table.itertuples()}, different)  # type: ignore[misc]


def _figure(row: Any) -> Figure:
    """A row of `queries.measure_spans`."""

    def known(value: Any) -> Any:
        return None if pd.isna(value) else value

    return Figure(row.indicator, known(row.value), known(row.numerator), known(row.denominator))


@dataclass(frozen=True)
class Overview:
    """The overview. `tiles` by key with `sparks` (month -> value); `meeting` and `meeting_spans` for the month's table.

    `by_unit` and `by_field`: group, open (on a clock), overdue, share. `late_now`: overdue that
    fell due in the period, and before it. `accusations`: registered and closed, county totals only.
    """

    balance: flows.Balance
    tiles: dict[str, Figure]
    not_yet_due: int
    sparks: dict[str, pd.Series[float]]
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
    months = last_months(today, SPARK_MONTHS, rule)
    month = last_complete_month(today, rule)
    in_month = [month_span(month - back, month - back, rule) for back in (0, 1, 12)]
    first = year_start(month, rule)
    in_year = [month_span(first, month, rule), month_span(first - 12, month - 12, rule)]
    compared = (span, earlier, last_year)

    def read(keys: Sequence[str], *spans: Span | None) -> _Measured:
        return _measured(connection, database, case_filter, keys, spans)

    rates = read(RATES, *compared, *months, *in_month, *in_year)
    rest = read([key for key in MEETING_ROWS if key not in RATES], *in_month, *in_year)
    days = [min(month.end, today) for month in months]
    stocks = read(STOCKS, *compared, *(Span(None, day) for day in days))
    late = lists.overdue_by_day(connection, database, case_filter)

    def figures(*spans: Span | None) -> tuple[Figure, ...]:
        return tuple((rates if key in RATES else rest).figure(key, *spans) for key in MEETING_ROWS)

    def spark(key: str) -> pd.Series[float]:
        where = [*months] if key in RATES else [Span(None, day) for day in days]
        values = [(rates if key in RATES else stocks).figure(key, each).value for each in where]
        return pd.Series(values, index=days, dtype="float64")

    return Overview(
        balance=flows.balance(connection, database, case_filter),
        tiles={key: (rates if key in RATES else stocks).figure(key, *compared) for key in TILES},
        not_yet_due=read(["not_yet_due"], span).figure("not_yet_due", span).numerator or 0,
        sparks={key: spark(key) for key in TILES},
        late_now=_late_now(late, case_filter),
        by_unit=_shares(queries.measure(connection, database, case_filter, ["overdue_share"], by="unit")),
        by_field=_shares(queries.measure(connection, database, case_filter, ["overdue_share"], by="field")),
        month=month,
        meeting=figures(*in_month),
        year_to_date=figures(in_year[0], None, in_year[1]),
        previous=earlier,
        accusations=None if case_filter.narrowed else flows.accusations(connection, database, case_filter),
    )


def _late_now(late: pd.DataFrame, case_filter: CaseFilter) -> tuple[int, int]:
    """Overdue now that fell due in the period, and before it (本期到期 + 以前到期)."""
    start = case_filter.span.start
    total = int(late["n"].sum())
    before = int(late.loc[late["due_day"] < pd.Timestamp(start), "n"].sum()) if start else 0
    return total - before, before


def _shares(table: pd.DataFrame) -> pd.DataFrame:
    """group, open, overdue, share."""
    return table.rename(columns={"numerator": "overdue", "denominator": "open", "value": "share"})[
        ["group", "open", "overdue", "share"]
    ]
