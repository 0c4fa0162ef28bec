"""The statutory clock: limits in days, the working calendar, and both as SQL.

A limit counts from the day of an event, which is day 0, and ends with the last second
of its last day. Rules: 《信访工作条例》2022, Art. 22, 23, 34; days and the roll-over on a
day off are settings. Working days follow the mainland calendar with shifted workdays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, Final

import holidays
from sqlalchemy import Integer, and_, case, cast, func, literal, literal_column
from sqlalchemy.sql.elements import ColumnElement

from data_access.dialect import day_number, end_of_day
from data_access.settings import DeadlineRules

FIRST_KNOWN_YEAR: Final = 2010
DIGITS: Final = 3
"""Room for the length of a limit in calendar days; the settings allow up to 366."""


@cache
def _calendar(year: int) -> Any:
    return holidays.country_holidays("CN", years=(year - 1, year, year + 1))


@cache
def last_known_year() -> int:
    """The last year whose shifted workdays the calendar knows; later ones have weekends and festivals only."""
    year = FIRST_KNOWN_YEAR
    while any(day.year == year + 1 for day in holidays.country_holidays("CN", years=year + 1).weekend_workdays):
        year += 1
    return year


def is_working_day(day: date) -> bool:
    """Whether `day` is worked on the mainland, shifted workdays included."""
    return bool(_calendar(day.year).is_working_day(day))


def last_moment(day: date) -> datetime:
    """The last second of `day`: an as-of date, or a deadline given as a date, means this."""
    return datetime.combine(day, time(23, 59, 59))


@dataclass(frozen=True)
class Limit:
    """A number of days after an event; `working` days or calendar days, rolled over from days off or not."""

    days: int
    working: bool = False
    rollover: bool = False

    def calendar_days(self, event: date) -> int:
        """How many calendar days after the day of the event the limit ends."""
        day = event
        if self.working:
            left = self.days
            while left:
                day += timedelta(days=1)
                left -= is_working_day(day)
            return (day - event).days
        day += timedelta(days=self.days)
        while self.rollover and not is_working_day(day):
            day += timedelta(days=1)
        return (day - event).days

    @property
    def at_most(self) -> int:
        """No fewer calendar days than the limit ever takes: long holidays are a dozen days at most."""
        return self.days * 2 + 20 if self.working else self.days + 20 * self.rollover

    def after(self, event: datetime) -> datetime:
        """The last moment in time: `event` plus the limit."""
        return last_moment(event.date() + timedelta(days=self.calendar_days(event.date())))

    def sql(self, event: ColumnElement[Any], years: tuple[int, int]) -> ColumnElement[Any]:
        """The same moment as SQL, for events in `years` (first, last)."""
        if not (self.working or self.rollover):
            return end_of_day(event, literal_column(str(self.days)))
        first, lengths = _lengths(self, *years)
        position = day_number(event) - first
        known = cast(func.substr(literal(lengths), position * DIGITS + 1, DIGITS), Integer)
        inside = and_(position >= 0, position < len(lengths) // DIGITS)
        return end_of_day(event, case((inside, known), else_=literal_column(str(self.days))))


@cache
def _lengths(limit: Limit, first: int, last: int) -> tuple[int, str]:
    """For each day of the years: how long the limit is in calendar days, as one string of three digits a day.

    A statement looks a day up in it by position: no list of days off, no table.
    """
    start, end = date(first, 1, 1), date(last, 12, 31)
    days = (start + timedelta(days=n) for n in range((end - start).days + 1))
    return (start - date(2000, 1, 1)).days, "".join(f"{limit.calendar_days(day):0{DIGITS}d}" for day in days)


@dataclass(frozen=True)
class Clock:
    """The limits of the regulation as the settings have them."""

    forwarding: Limit
    acceptance: Limit
    objection: Limit
    closing: Limit
    extended_closing: Limit
    summary_closing: Limit

    @classmethod
    def of(cls, rules: DeadlineRules) -> Clock:
        """The clock that `rules` describe."""
        return cls(
            forwarding=Limit(rules.forwarding_days, rollover=rules.holiday_rollover),
            acceptance=Limit(rules.acceptance_days, rollover=rules.holiday_rollover),
            objection=Limit(rules.objection_working_days, working=True),
            closing=Limit(rules.closing_days, rollover=rules.holiday_rollover),
            extended_closing=Limit(rules.closing_days + rules.extension_days, rollover=rules.holiday_rollover),
            summary_closing=Limit(rules.summary_working_days, working=True),
        )
