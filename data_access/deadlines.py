"""The statutory clock: limits in days, the working calendar, and both as SQL.

A limit counts from the day of an event, which is day 0, and ends with the last second
of its last day. Rules: 《信访工作条例》2022, Art. 22, 23, 34-36 (`STEPS`); days and the roll-over
on a day off are settings. Working days follow the mainland calendar with shifted workdays.
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

    def after(self, event: datetime, not_counted: int = 0) -> datetime:
        """The last moment in time: `event` plus the limit; `not_counted` days, such as a hearing's, come on top."""
        counted_from = event.date() + timedelta(days=not_counted)
        return last_moment(counted_from + timedelta(days=self.calendar_days(counted_from)))

    def sql(
        self, event: ColumnElement[Any], years: tuple[int, int], not_counted: ColumnElement[Any] | None = None
    ) -> ColumnElement[Any]:
        """The same moment as SQL, for events in `years` (first, last); `not_counted`: whole days, not negative."""
        plain: ColumnElement[Any] = literal_column(str(self.days))
        if not (self.working or self.rollover):
            return end_of_day(event, plain if not_counted is None else plain + not_counted)
        first, lengths = _lengths(self, *years)
        position = day_number(event) - first
        if not_counted is not None:
            position = position + not_counted
        known = cast(func.substr(literal(lengths), position * DIGITS + 1, DIGITS), Integer)
        inside = and_(position >= 0, position < len(lengths) // DIGITS)
        length = case((inside, known), else_=plain)
        return end_of_day(event, length if not_counted is None else length + not_counted)


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
    review_apply: Limit
    review: Limit
    rereview_apply: Limit
    rereview: Limit

    @classmethod
    def of(cls, rules: DeadlineRules) -> Clock:
        """The clock that `rules` describe."""

        def days(count: int) -> Limit:
            return Limit(count, rollover=rules.holiday_rollover)

        return cls(
            forwarding=days(rules.forwarding_days),
            acceptance=days(rules.acceptance_days),
            objection=Limit(rules.objection_working_days, working=True),
            closing=days(rules.closing_days),
            extended_closing=days(rules.closing_days + rules.extension_days),
            summary_closing=Limit(rules.summary_working_days, working=True),
            review_apply=days(rules.review_apply_days),
            review=days(rules.review_days),
            rereview_apply=days(rules.rereview_apply_days),
            rereview=days(rules.rereview_days),
        )


@dataclass(frozen=True)
class Step:
    """One step that has a limit: its key, the article of the Regulation, the limit's name in `Clock`.

    `begins`: the moment of the case that is day 0. `stated`: the column of the source that wins
    over the computed limit, if there is one. `window`: somebody may act until then; nobody is late after it.
    `setting`: the key of `[deadlines]`. No article: the trial of 2016 (summary handling).
    """

    key: str
    article: int | None
    limit: str
    begins: str
    setting: str
    stated: str | None = None
    window: bool = False

    def limit_of(self, clock: Clock) -> Limit:
        """The limit in force."""
        return getattr(clock, self.limit)  # type: ignore[no-any-return]


_TOLD: Final = ("acceptance", "unit_received_at", "acceptance_days", "acceptance_due_at")
STEPS: Final = (
    Step("forwarding", 22, "forwarding", "petitioned_at", "forwarding_days"),
    Step("acceptance_direct", 23, *_TOLD),
    Step("acceptance_forwarded", 23, *_TOLD),
    Step("objection", 23, "objection", "unit_received_at", "objection_working_days", window=True),
    Step("closing", 34, "closing", "accepted_at", "closing_days", "due_at"),
    Step("extension", 34, "extended_closing", "accepted_at", "extension_days", "due_at"),
    Step("review_apply", 35, "review_apply", "answered_at", "review_apply_days", window=True),
    Step("review", 35, "review", "review_applied_at", "review_days", "review_due_at"),
    Step("rereview_apply", 36, "rereview_apply", "review_decided_at", "rereview_apply_days", window=True),
    Step("rereview", 36, "rereview", "rereview_applied_at", "rereview_days", "rereview_due_at"),
    Step("summary", None, "summary_closing", "accepted_at", "summary_working_days", "due_at"),
)
"""Every step with a limit, in the order of the way (DOMAIN.md "Deadlines")."""
