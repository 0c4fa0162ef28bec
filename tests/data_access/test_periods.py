"""Presets, statistical months and the spans to compare with, worked out on a calendar."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from data_access.periods import (
    PRESETS,
    Span,
    last_complete_month,
    last_months,
    month_key,
    month_of,
    month_span,
    preset_span,
    previous,
    year_ago,
    year_start,
)
from data_access.settings import PeriodRule

CALENDAR = PeriodRule(month_closes_on=0, year_starts_in=1)
ON_THE_25TH = PeriodRule(month_closes_on=25, year_starts_in=1)
FROM_DECEMBER = PeriodRule(month_closes_on=25, year_starts_in=12)


def day(written: str) -> dt.date:
    return dt.date.fromisoformat(written)


def shown(span: Span | None) -> str | None:
    return span and f"{span.start or ''}..{span.end}"


@pytest.mark.parametrize(
    ("preset", "rule", "today", "days"),
    [
        ("this_month", CALENDAR, "2026-11-24", "2026-11-01..2026-11-30"),
        ("last_month", CALENDAR, "2026-11-24", "2026-10-01..2026-10-31"),
        ("last_month", CALENDAR, "2026-01-01", "2025-12-01..2025-12-31"),
        ("this_month", CALENDAR, "2024-02-29", "2024-02-01..2024-02-29"),
        ("this_quarter", CALENDAR, "2026-11-24", "2026-10-01..2026-12-31"),
        ("this_quarter", CALENDAR, "2026-03-31", "2026-01-01..2026-03-31"),
        ("this_year", CALENDAR, "2026-11-24", "2026-01-01..2026-12-31"),
        ("last_12_months", CALENDAR, "2026-11-24", "2025-12-01..2026-11-30"),
        ("all", CALENDAR, "2026-11-24", "..2026-11-24"),
        # Months that close on the 25th: the 26th belongs to the next one.
        ("this_month", ON_THE_25TH, "2026-11-25", "2026-10-26..2026-11-25"),
        ("this_month", ON_THE_25TH, "2026-11-26", "2026-11-26..2026-12-25"),
        ("last_month", ON_THE_25TH, "2026-11-26", "2026-10-26..2026-11-25"),
        ("this_month", ON_THE_25TH, "2026-12-31", "2026-12-26..2027-01-25"),
        ("this_year", ON_THE_25TH, "2026-11-24", "2025-12-26..2026-12-25"),
        ("this_year", ON_THE_25TH, "2026-12-26", "2026-12-26..2027-12-25"),
        ("this_quarter", ON_THE_25TH, "2026-03-26", "2026-03-26..2026-06-25"),
        # An assessment year from December on: quarters begin in December, March, June, September.
        ("this_year", FROM_DECEMBER, "2026-11-24", "2025-11-26..2026-11-25"),
        ("this_year", FROM_DECEMBER, "2026-11-26", "2026-11-26..2027-11-25"),
        ("this_quarter", FROM_DECEMBER, "2026-11-24", "2026-08-26..2026-11-25"),
        ("this_quarter", FROM_DECEMBER, "2027-01-10", "2026-11-26..2027-02-25"),
    ],
)
def test_presets(preset: str, rule: PeriodRule, today: str, days: str) -> None:
    assert shown(preset_span(preset, day(today), rule)) == days


def test_every_preset_but_a_custom_one_has_its_days() -> None:
    days = {shown(preset_span(preset, day("2026-11-24"), CALENDAR)) for preset in PRESETS if preset != "custom"}
    assert len(days) == len(PRESETS) - 1


@pytest.mark.parametrize(
    ("preset", "rule", "today", "before", "last_year"),
    [
        # Unfinished: the same days elapsed. 24 days of November, 24 of October, 24 of last November.
        ("this_month", CALENDAR, "2026-11-24", "2026-10-01..2026-10-24", "2025-11-01..2025-11-24"),
        ("this_year", CALENDAR, "2026-11-24", "2025-01-01..2025-11-24", "2025-01-01..2025-11-24"),
        ("this_quarter", CALENDAR, "2026-11-24", "2026-07-01..2026-08-24", "2025-10-01..2025-11-24"),
        # 328 days have passed on the 24th of November; in a leap year they end a day earlier.
        ("this_year", CALENDAR, "2025-11-24", "2024-01-01..2024-11-23", "2024-01-01..2024-11-23"),
        # A month shorter than the days that have passed is whole.
        ("this_month", CALENDAR, "2026-03-30", "2026-02-01..2026-02-28", "2025-03-01..2025-03-30"),
        # Finished, today included.
        ("this_month", CALENDAR, "2026-11-30", "2026-10-01..2026-10-31", "2025-11-01..2025-11-30"),
        ("last_month", CALENDAR, "2026-11-24", "2026-09-01..2026-09-30", "2025-10-01..2025-10-31"),
        ("last_month", CALENDAR, "2025-03-10", "2025-01-01..2025-01-31", "2024-02-01..2024-02-29"),
        ("last_12_months", CALENDAR, "2026-11-24", "2024-12-01..2025-11-24", "2024-12-01..2025-11-24"),
        ("this_month", ON_THE_25TH, "2026-11-10", "2026-09-26..2026-10-11", "2025-10-26..2025-11-10"),
        ("all", CALENDAR, "2026-11-24", None, None),
    ],
)
def test_compared_with(preset: str, rule: PeriodRule, today: str, before: str | None, last_year: str | None) -> None:
    span = preset_span(preset, day(today), rule)
    assert shown(previous(span, day(today), rule)) == before
    assert shown(year_ago(span, day(today), rule)) == last_year


@pytest.mark.parametrize(
    ("days", "before", "last_year"),
    [
        ("2026-05-11..2026-05-20", "2026-05-01..2026-05-10", "2025-05-11..2025-05-20"),
        ("2026-05-11..2026-05-11", "2026-05-10..2026-05-10", "2025-05-11..2025-05-11"),
        ("2024-02-29..2024-03-10", "2024-02-18..2024-02-28", "2023-02-28..2023-03-10"),
    ],
)
def test_days_of_any_number_compared_with(days: str, before: str, last_year: str) -> None:
    start, end = days.split("..")
    span = Span(day(start), day(end))
    assert shown(previous(span, day("2026-11-24"), CALENDAR)) == before
    assert shown(year_ago(span, day("2026-11-24"), CALENDAR)) == last_year


@pytest.mark.parametrize("closes_on", range(29))
def test_months_follow_each_other_without_gap(closes_on: int) -> None:
    rule = PeriodRule(month_closes_on=closes_on, year_starts_in=1)
    months = last_months(day("2026-11-24"), 36, rule)
    for one, following in pairwise(months):
        assert following.start == one.end + dt.timedelta(days=1)
    assert months[-1].start <= day("2026-11-24") <= months[-1].end
    for month in months:
        number, last = month.months
        assert number == last == month_of(month.start, rule) == month_of(month.end, rule)
        assert month_span(number, number, rule) == month


def test_the_names_of_months() -> None:
    assert month_key(month_of(day("2026-11-24"), CALENDAR)) == "2026-11"
    assert month_key(month_of(day("2026-12-26"), ON_THE_25TH)) == "2027-01"
    assert month_key(year_start(month_of(day("2026-11-24"), FROM_DECEMBER), FROM_DECEMBER)) == "2025-12"


@pytest.mark.parametrize(
    ("rule", "today", "month"),
    [
        (CALENDAR, "2026-11-24", "2026-10"),
        (CALENDAR, "2026-11-30", "2026-11"),
        (CALENDAR, "2026-12-01", "2026-11"),
        (ON_THE_25TH, "2026-11-24", "2026-10"),
        (ON_THE_25TH, "2026-11-25", "2026-11"),
        (ON_THE_25TH, "2026-11-26", "2026-11"),
    ],
)
def test_the_last_complete_month(rule: PeriodRule, today: str, month: str) -> None:
    assert month_key(last_complete_month(day(today), rule)) == month


def test_the_moments_of_a_span() -> None:
    span = Span(day("2026-03-01"), day("2026-03-31"))
    assert span.first == dt.datetime(2026, 3, 1)
    assert span.last == dt.datetime(2026, 3, 31, 23, 59, 59)
    assert span.before == dt.datetime(2026, 2, 28, 23, 59, 59)
    assert shown(span.until(day("2026-03-10"))) == "2026-03-01..2026-03-10"
    assert span.until(day("2026-04-10")) == span
    whole = Span(None, day("2026-03-31"))
    assert (whole.first, whole.before) == (None, None)
