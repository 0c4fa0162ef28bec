"""What each page shows, read in one transaction: filter in, frozen tables out.

A page asks one function here and draws the answer. All figures of a view share one
snapshot and one effective instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

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
STOCKS: Final = ("open", "overdue", "due_soon", "overdue_share")
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


def _figure(table: pd.DataFrame, key: str) -> Figure:
    """The row of `key` in a table of `queries.measure`."""
    rows = table[table["indicator"] == key]
    if rows.empty:
        return Figure(key, None, None, None)
    row = rows.iloc[0]

    def whole(name: str) -> int | None:
        return None if pd.isna(row[name]) else int(row[name])

    return Figure(key, None if pd.isna(row["value"]) else float(row["value"]), whole("numerator"), whole("denominator"))


def _compared(key: str, now: pd.DataFrame, before: pd.DataFrame | None, then: pd.DataFrame | None) -> Figure:
    current = _figure(now, key)
    earlier = _figure(before, key) if before is not None else None
    last_year = _figure(then, key) if then is not None else None
    return Figure(
        key,
        current.value,
        current.numerator,
        current.denominator,
        earlier.value if earlier else None,
        last_year.value if last_year else None,
        earlier.denominator if earlier else None,
        last_year.denominator if last_year else None,
    )


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
    rule, today = database.settings.period, case_filter.today
    earlier = previous(case_filter.span, today, rule)
    last_year = year_ago(case_filter.span, today, rule)

    def read(keys: Sequence[str], span: Span | None) -> pd.DataFrame | None:
        return queries.measure(connection, database, case_filter.over(span), keys) if span else None

    flow_keys = [*RATES, "not_yet_due"]
    now = queries.measure(connection, database, case_filter, [*STOCKS, *flow_keys])
    before, then = read([*STOCKS, *RATES], earlier), read([*STOCKS, *RATES], last_year)
    months = last_months(today, SPARK_MONTHS + 2, rule)
    monthly = queries.measure_spans(
        connection, database, case_filter, list(dict.fromkeys([*MEETING_ROWS, *RATES])), months
    )
    month = last_complete_month(today, rule)
    place = {span.months[0]: position for position, span in enumerate(months) if span.months}
    first = year_start(month, rule)
    spans = (month_span(first - 12, month - 12, rule), month_span(first, month, rule))
    yearly = queries.measure_spans(connection, database, case_filter, MEETING_ROWS, spans)
    late = lists.overdue_by_day(connection, database, case_filter)
    stocks = ["overdue_share"]
    return Overview(
        balance=flows.balance(connection, database, case_filter),
        tiles={key: _compared(key, now, before, then) for key in TILES},
        not_yet_due=_figure(now, "not_yet_due").numerator or 0,
        sparks=_sparks(connection, database, case_filter, monthly, months),
        late_now=_late_now(late, case_filter),
        by_unit=_shares(queries.measure(connection, database, case_filter, stocks, by="unit")),
        by_field=_shares(queries.measure(connection, database, case_filter, stocks, by="field")),
        month=month,
        meeting=tuple(
            _compared(key, *(_at(monthly, place.get(month - back)) for back in (0, 1, 12))) for key in MEETING_ROWS
        ),
        year_to_date=tuple(_compared(key, _at(yearly, 1), None, _at(yearly, 0)) for key in MEETING_ROWS),
        previous=earlier,
        accusations=None if case_filter.narrowed else flows.accusations(connection, database, case_filter),
    )


def _at(table: pd.DataFrame, position: int | None) -> pd.DataFrame:
    return table[table["span"] == position]


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


def _sparks(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    monthly: pd.DataFrame,
    months: Sequence[Span],
) -> dict[str, pd.Series[float]]:
    """The last months of each tile, by their last day; stock figures as of it."""
    recent = range(len(months) - SPARK_MONTHS, len(months))
    days = [min(months[position].end, case_filter.today) for position in recent]
    sparks = {}
    for key in RATES:
        values = monthly[monthly["indicator"] == key].set_index("span")["value"]
        sparks[key] = pd.Series(values.reindex(recent).to_numpy(dtype="float64", na_value=float("nan")), index=days)
    for key, values in _stock_series(connection, database, case_filter, ("open", "overdue", "due_soon"), days).items():
        sparks[key] = values
    return sparks


def _stock_series(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    days: Sequence[date],
) -> dict[str, pd.Series[float]]:
    """Stock figures at the end of each of `days`."""
    tables = [queries.measure(connection, database, case_filter.over(Span(None, day)), keys) for day in days]
    return {
        key: pd.Series([_figure(table, key).value for table in tables], index=list(days), dtype="float64")
        for key in keys
        if queries.can_feed(database, key)
    }
