"""Spans of days: presets, statistical months, and the span to compare with.

The statistical month may close on a set day and the assessment year may begin in
another month (settings). Spans are inclusive; an unfinished one is compared with the
same number of elapsed days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from data_access.deadlines import last_moment
from data_access.settings import PeriodRule

PRESETS: Final = ("this_month", "last_month", "this_quarter", "this_year", "last_12_months", "all", "custom")
DEFAULT_PRESET: Final = "this_year"


@dataclass(frozen=True)
class Span:
    """Days from `start` to `end`, both included; `start` None = from the beginning.

    `months` gives the first and last statistical month (year * 12 + month - 1) where the
    span is made of whole ones.
    """

    start: date | None
    end: date
    months: tuple[int, int] | None = None

    @property
    def first(self) -> datetime | None:
        """The first moment of the span."""
        return datetime.combine(self.start, time()) if self.start else None

    @property
    def last(self) -> datetime:
        """The last moment of the span."""
        return last_moment(self.end)

    @property
    def before(self) -> datetime | None:
        """The last moment before the span: its opening balance is as of this."""
        return last_moment(self.start - timedelta(days=1)) if self.start else None

    def until(self, day: date) -> Span:
        """The part of the span up to `day`."""
        return replace(self, end=min(self.end, day))


def month_of(day: date, rule: PeriodRule) -> int:
    """The statistical month that `day` belongs to, as year * 12 + month - 1."""
    month = day.year * 12 + day.month - 1
    return month + 1 if rule.month_closes_on and day.day > rule.month_closes_on else month


def month_span(first: int, last: int, rule: PeriodRule) -> Span:
    """The days of the statistical months `first` to `last`."""
    return Span(_end_of(first - 1, rule) + timedelta(days=1), _end_of(last, rule), (first, last))


def _end_of(month: int, rule: PeriodRule) -> date:
    if rule.month_closes_on:
        return date(month // 12, month % 12 + 1, rule.month_closes_on)
    return date((month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)


def month_key(month: int) -> str:
    """`2026-11`."""
    return f"{month // 12}-{month % 12 + 1:02d}"


def preset_span(preset: str, today: date, rule: PeriodRule) -> Span:
    """The days that a preset means on `today`; `all` ends today."""
    now = month_of(today, rule)
    if preset == "this_month":
        return month_span(now, now, rule)
    if preset == "last_month":
        return month_span(now - 1, now - 1, rule)
    if preset == "this_quarter":
        first = now - (now - (rule.year_starts_in - 1)) % 3
        return month_span(first, first + 2, rule)
    if preset == "this_year":
        first = year_start(now, rule)
        return month_span(first, first + 11, rule)
    if preset == "last_12_months":
        return month_span(now - 11, now, rule)
    return Span(None, today)


def year_start(month: int, rule: PeriodRule) -> int:
    """The first statistical month of the assessment year that `month` is in."""
    return month - (month - (rule.year_starts_in - 1)) % 12


def previous(span: Span, today: date, rule: PeriodRule) -> Span | None:
    """The same length before (环比); None for a span without a beginning."""
    if span.start is None:
        return None
    if span.months is None:
        length = span.end - span.start
        return Span(span.start - length - timedelta(days=1), span.start - timedelta(days=1))
    first, last = span.months
    return _shifted(span, first - last - 1, today, rule)


def year_ago(span: Span, today: date, rule: PeriodRule) -> Span | None:
    """The same days of last year (同比)."""
    if span.start is None:
        return None
    if span.months is None:
        return Span(_year_before(span.start), _year_before(span.end))
    return _shifted(span, -12, today, rule)


def _shifted(span: Span, by: int, today: date, rule: PeriodRule) -> Span:
    assert span.months and span.start
    other = month_span(span.months[0] + by, span.months[1] + by, rule)
    if today >= span.end:
        return other
    assert other.start
    return other.until(other.start + (today - span.start))


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def last_months(today: date, count: int, rule: PeriodRule) -> tuple[Span, ...]:
    """The `count` statistical months that end with the one of `today`, which may be unfinished."""
    now = month_of(today, rule)
    return tuple(month_span(month, month, rule) for month in range(now - count + 1, now + 1))


def last_complete_month(today: date, rule: PeriodRule) -> int:
    """The last statistical month that is over by the end of `today`."""
    now = month_of(today, rule)
    return now if month_span(now, now, rule).end <= today else now - 1
