"""Periods as SQL: which cases belong to one, in ways that an index can find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, literal, literal_column, or_, true

from data_access import schema
from data_access.deadlines import Limit
from data_access.dialect import end_of_day
from data_access.few import are_few, few
from data_access.filters import CaseFilter
from data_access.indicator import Indicator
from data_access.periods import Span
from data_access.state import BEGINNING, Cases, Condition

END: Final = datetime(9999, 12, 31)


@dataclass(frozen=True)
class Window:
    """A period as SQL: its first and last moment and the instant it is seen at."""

    first: Any
    last: Any
    at: Any

    def holds(self, moment: ColumnElement[Any]) -> Condition:
        """Whether `moment` is inside."""
        return and_(moment >= self.first, moment <= self.last)

    def holds_end(self, limit: Limit, event: ColumnElement[Any], end: ColumnElement[Any]) -> Condition:
        """Whether `end`, the end of `limit` after `event`, is inside; as a range of the event, which an index can find.

        Periods are whole days, so that for a plain limit the range says it all.
        """
        if limit.working or limit.rollover:
            return and_(self.may_hold(event, limit), self.holds(end))
        before, last = (
            end_of_day(moment, literal_column(str(days)))
            for moment, days in ((self.first, -limit.days - 1), (self.last, -limit.days))
        )
        return and_(event > before, event <= last)

    def may_hold(self, event: ColumnElement[Any], limit: Limit) -> Condition:
        """Whether the end of `limit` after `event` may be inside: a wider range, which an index can find."""
        return and_(event >= end_of_day(self.first, literal_column(str(-limit.at_most - 1))), event <= self.last)


def window_at(span: Span, at: datetime) -> Window:
    """`span`, seen at `at`."""
    return Window(*(literal(moment, schema.Moment) for moment in (span.first or BEGINNING, span.last, at)))


def window_of(case_filter: CaseFilter) -> Window:
    """The filter's own period."""
    return window_at(case_filter.span, case_filter.at)


@dataclass(frozen=True)
class Way:
    """One way for a case to belong to a window: its conditions, and the deadline or closing in force they decide.

    `moment`: what decides the day that the case is counted on; None for stock figures.
    """

    conditions: tuple[Condition, ...]
    moment: ColumnElement[Any] | None = None
    due: ColumnElement[Any] | None = None
    closed_at: ColumnElement[Any] | None = None


def ways(cases: Cases, indicator: Indicator, window: Window) -> list[Way]:
    """The ways in which a case can belong to a window, each of them one that an index can find.

    No two ways hold for the same case, so that their counts add up. Stock figures: the
    cases open at the instant.
    """
    columns, clock = cases.columns, cases.database.clock
    if indicator.ahead:
        until = end_of_day(window.at, literal_column(str(indicator.ahead(cases.database.settings))))
        return _due_ways(cases, Window(window.at, until, window.at))
    prepared = cases.database.prepared  # what is one moment there is found with one condition
    if indicator.moment is None and not indicator.of_open:
        return [Way((true(),))]
    if indicator.moment is None:
        never, later = (columns.closed_at.is_(None),), (_after(columns.closed_at, window.at),)
        if cases.nothing_after("closed_at"):
            return [Way(never)]
        return [Way((or_(*never, *later),))] if prepared else [Way(never), Way(later)]
    if indicator.moment == "due":
        return _due_ways(cases, window)
    if prepared and indicator.moment != "closed_at":
        moment = getattr(cases, indicator.moment)
        return [Way((window.holds(moment),), moment)]
    if indicator.moment == "closed_at":
        return _closing_ways(cases, window)
    if indicator.moment == "forwarding_due":
        petitioned, registered, due = columns.petitioned_at, columns.registered_at, cases.forwarding_due
        return [
            Way((window.holds_end(clock.forwarding, petitioned, due),), due),
            Way((petitioned.is_(None), window.holds_end(clock.forwarding, registered, due)), due),
        ]
    if indicator.moment == "acceptance_due":
        stated, received, due = columns.acceptance_due_at, columns.unit_received_at, cases.acceptance_due
        computed = window.holds_end(clock.acceptance, received, due)
        return [Way((window.holds(stated),), stated), Way((stated.is_(None), computed), due)]
    if indicator.moment in ("office_rating_due", "unit_rating_due"):
        whose = indicator.moment.removesuffix("_rating_due")
        expires, rated = getattr(columns, f"{whose}_rating_expires_at"), getattr(columns, f"{whose}_rated_at")
        return [Way((window.holds(expires),), expires), Way((expires.is_(None), window.holds(rated)), rated)]
    moment = getattr(cases, indicator.moment)
    return [Way((window.holds(moment),), moment)]


def _closing_ways(cases: Cases, window: Window) -> list[Way]:
    """By the closing on record, which counts from the registration where it is earlier, or one that was undone."""
    closed, registered = cases.columns.closed_at, cases.columns.registered_at
    happened = closed <= window.at
    if cases.database.prepared:
        recorded = cases.recorded_closing
        found = [Way((window.holds(recorded), recorded <= window.at), recorded, closed_at=recorded)]
    else:
        found = [Way((window.holds(closed), happened, closed >= registered), closed, closed_at=closed)]
        if few(cases.database, _closed_too_soon) != ():
            too_soon = are_few(cases, _closed_too_soon)
            found.append(Way((too_soon, happened, window.holds(registered)), registered, closed_at=registered))
    if cases.undone_closings is not None:
        undone, not_again = cases.undone_closing, or_(closed.is_(None), closed > window.at)
        found.append(Way((window.holds(undone), not_again), undone))
    return found


def _closed_too_soon(cases: Cases) -> Condition:
    """Closed before it was registered, as no case can be."""
    return cases.columns.closed_at < cases.columns.registered_at  # type: ignore[no-any-return]


def _due_ways(cases: Cases, window: Window) -> list[Way]:
    """By the latest deadline, by the first one where the extension came after the instant, by a computed one."""
    columns, database = cases.columns, cases.database
    if database.prepared:
        return [Way((window.holds(cases.due),), cases.due)]
    stated, original, extended_at = columns.due_at, columns.original_due_at, columns.extended_at
    first, final = cases.first_due, cases.final_due
    as_recorded = or_(extended_at.is_(None), extended_at <= window.at)
    before_extension = Way((_after(extended_at, window.at), window.holds(first)), first, first)
    found = [Way((window.holds(stated), as_recorded), stated, stated), before_extension]
    if database.computed_tracks:
        accepted = window.may_hold(columns.accepted_at, database.clock.extended_closing)
        unstated = and_(stated.is_(None), or_(original.is_(None), extended_at.is_not(None)))
        found.append(Way((unstated, accepted, as_recorded, window.holds(final)), final, final))
    if database.states_original_only:
        only = (stated.is_(None), extended_at.is_(None), window.holds(original))
        found.append(Way(only, original, original))
    return found


def in_window(cases: Cases, indicator: Indicator, window: Window) -> Condition:
    """Whether a case belongs to the window in any way."""
    return or_(*(and_(*way.conditions) for way in ways(cases, indicator, window)))


def _after(moment: ColumnElement[Any], at: Any) -> Condition:
    """Later than `at`, as a range with two ends: planners prefer its index to one with a single end."""
    return and_(moment > at, moment <= literal(END, schema.Moment))
