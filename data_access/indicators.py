"""Every indicator, defined once.

A rate is a numerator among a denominator, both conditions on cases at an instant; the
moment decides the period it belongs to (none: a stock figure, as of the instant). The
words are in the catalogue under `indicator.<key>.`; formulas and articles follow
DOMAIN.md "Indicators" and 《信访工作条例》2022.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import and_, false, func, not_, or_

from data_access.accountability import ACCOUNTABILITY
from data_access.appeals import APPEALS, APPEALS_SOON, ends_soon
from data_access.dialect import end_of_day
from data_access.indicator import Indicator, Rule, never
from data_access.settings import Settings
from data_access.state import Cases, Condition


def _late_extended(cases: Cases) -> Condition:
    """Extended after the deadline that the extension moved: until then it was late, and then no longer."""
    return and_(cases.extended_at > cases.first_due)


def _due_too_soon(cases: Cases) -> Condition:
    """Of cases past their deadline: extended, registered, or gone by an exit that leaves the rate, only afterwards."""
    late = [cases.registered_at > cases.final_due, and_(cases.left_at > cases.final_due)]
    return or_(_late_extended(cases), *late)


def _registered_after(moment: str) -> Rule:
    return lambda cases: and_(cases.registered_at > getattr(cases, moment))


def _rated_after(whose: str) -> Rule:
    """Rated, or registered, after the end of the window for rating."""
    rated_at, due = f"{whose}_rated_at", f"{whose}_rating_due"
    return lambda cases: or_(*(getattr(cases, each) > getattr(cases, due) for each in ("registered_at", rated_at)))


OUT_OF_ORDER: Final[dict[str, Rule]] = {
    "due": _due_too_soon,
    **{
        moment: _registered_after(moment)
        for moment in ("forwarding_due", "acceptance_due", "office_rated_at", "unit_rated_at")
    },
    **{f"{whose}_rating_due": _rated_after(whose) for whose in ("office", "unit")},
}
"""By the moment that a case is counted on: what has not happened as it should have by then."""


def _unless_prepared(moment: str, rule: Rule) -> Rule:
    def prepared(cases: Cases) -> Condition:
        if not cases.database.prepared:
            return rule(cases)
        some = moment in cases.database.out_of_order
        return cases.columns.prepared_out_of_order.is_(True) if some else false()

    return prepared


_UNSETTLED: Final = {moment: _unless_prepared(moment, rule) for moment, rule in OUT_OF_ORDER.items()}


def _rating(whose: str) -> tuple[Indicator, Indicator]:
    rating, rated_at, expires_at = f"{whose}_rating", f"{whose}_rated_at", f"{whose}_rating_expires_at"

    def is_rated(cases: Cases) -> Condition:
        return and_(cases.exists, getattr(cases, rated_at) <= cases.at)

    response = Indicator(
        f"{whose}_rating_response_rate",
        needs=(rated_at, expires_at),
        moment=f"{whose}_rating_due",
        denominator=lambda cases: and_(cases.exists, or_(getattr(cases, expires_at) <= cases.at, is_rated(cases))),
        numerator=is_rated,
        better="more",
        office=whose == "office",
        unsettled=_UNSETTLED[f"{whose}_rating_due"],
    )
    satisfaction = Indicator(
        f"{whose}_satisfaction_rate",
        needs=(rating, rated_at),
        moment=rated_at,
        denominator=lambda cases: and_(is_rated(cases), cases.has_rating(whose)),
        numerator=lambda cases: cases.is_satisfied(whose),
        better="more",
        office=whose == "office",
        confidential=True,
        unsettled=_UNSETTLED[rated_at],
    )
    return response, satisfaction


def _on_time_base(cases: Cases) -> Condition:
    return and_(cases.exists, cases.on_clock, cases.due <= cases.at)


def _open_on_clock(cases: Cases) -> Condition:
    return and_(cases.is_open, cases.on_clock_while_open)


def _is_late(cases: Cases) -> Condition:
    return and_(cases.due <= cases.at)


def _became_overdue(cases: Cases) -> Condition:
    """Still open as its deadline passed."""
    still = or_(cases.columns.closed_at.is_(None), cases.columns.closed_at > cases.due)
    return and_(cases.exists, cases.on_clock_while_open, cases.due <= cases.at, still)


def _closed_overdue(cases: Cases) -> Condition:
    """Closed, by whatever exit, after its deadline."""
    return and_(cases.is_closed, cases.on_clock_while_open, cases.due < cases.closed_at)


def _closing_base(cases: Cases) -> Condition:
    return and_(cases.exists, cases.counts_for_closing)


def _is_open(cases: Cases) -> Condition:
    return cases.is_open


def _is_overdue(cases: Cases) -> Condition:
    return and_(cases.on_clock_while_open, _is_late(cases))


def _closed_base(cases: Cases) -> Condition:
    return and_(cases.is_closed, cases.counts_for_closing)


def _was_first(cases: Cases) -> Condition:
    """A first petition of its matter: flagged so, or, where that flag is empty, not flagged as a repeat."""
    return or_(cases.is_first.is_(True), and_(cases.is_first.is_(None), cases.is_repeat.is_(False)))


def _closed_first_time(cases: Cases) -> Condition:
    """First petitions whose closing is old enough to tell whether the matter came back."""
    days = cases.database.settings.thresholds.first_time_days
    return and_(_was_first(cases), cases.closed_at <= end_of_day(cases.at, -days))


def _did_not_come_back(cases: Cases) -> Condition:
    """No repeat by the end of the N months after the closing, nor before it; one after the instant is yet to come."""
    back, days = cases.next_repeat_at, cases.database.settings.thresholds.first_time_days
    return or_(back.is_(None), back > cases.at, back > end_of_day(cases.closed_at, days))


def _due_within(days: Callable[[Settings], int]) -> Rule:
    def rule(cases: Cases) -> Condition:
        until = end_of_day(cases.at, days(cases.database.settings))
        return and_(cases.on_clock_while_open, cases.due > cases.at, cases.due <= until)

    return rule


def _soon(settings: Settings) -> int:
    return settings.thresholds.due_soon_days[0]


def _later(settings: Settings) -> int:
    return settings.thresholds.due_soon_days[-1]


_office_response, _office_satisfaction = _rating("office")
_unit_response, _unit_satisfaction = _rating("unit")
_DUE = ("due_at", "accepted_at", "closed_at")

_REGISTERED: Final = Indicator(
    "registered",
    needs=("registered_at",),
    moment="registered_at",
    denominator=lambda cases: cases.exists,
    county_wide=True,
    is_rate=False,
    unsettled=never,
)
_CLOSED: Final = Indicator(
    "closed",
    needs=("closed_at",),
    moment="closed_at",
    denominator=lambda cases: cases.is_closed,
    county_wide=True,
    is_rate=False,
    unsettled=never,
)
_LATE: Final = (
    Indicator("became_overdue", needs=_DUE, moment="due", denominator=_became_overdue, is_rate=False, unsettled=never),
    Indicator(
        "closed_overdue", needs=_DUE, moment="closed_at", denominator=_closed_overdue, is_rate=False, unsettled=never
    ),
)
"""What makes the stock of overdue cases grow and shrink, but for those of `_due_too_soon`."""

_ALL: Final = (
    Indicator(
        "on_time_closure_rate",
        needs=_DUE,
        moment="due",
        denominator=_on_time_base,
        numerator=lambda cases: cases.closed_by(cases.due),
        better="more",
        unsettled=_UNSETTLED["due"],
    ),
    Indicator(
        "on_time_answer_rate",
        needs=(*_DUE, "answered_at"),
        moment="due",
        denominator=_on_time_base,
        numerator=lambda cases: or_(
            cases.answered_at <= cases.due, and_(cases.answered_at.is_(None), cases.closed_by(cases.due))
        ),
        better="more",
        unsettled=_UNSETTLED["due"],
    ),
    Indicator(
        "office_timely_forwarding_rate",
        needs=("registered_at", "forwarded_at"),
        moment="forwarding_due",
        denominator=lambda cases: and_(cases.exists, cases.forwarding_due <= cases.at),
        numerator=lambda cases: cases.forwarded_by(cases.forwarding_due),
        better="more",
        unsettled=_UNSETTLED["forwarding_due"],
        office=True,
    ),
    Indicator(
        "unit_timely_acceptance_rate",
        needs=("unit_received_at", "noticed_at"),
        moment="acceptance_due",
        denominator=lambda cases: and_(
            cases.exists, cases.unit_received_at.is_not(None), cases.acceptance_due <= cases.at
        ),
        numerator=lambda cases: cases.noticed_by(cases.acceptance_due),
        better="more",
        unsettled=_UNSETTLED["acceptance_due"],
    ),
    Indicator(
        "closure_rate",
        needs=("registered_at", "closed_at"),
        moment="registered_at",
        denominator=_closing_base,
        numerator=lambda cases: cases.is_closed,
        better="more",
    ),
    Indicator(
        "resolution_rate",
        needs=("closed_at", "resolved_at"),
        moment="closed_at",
        denominator=_closed_base,
        numerator=lambda cases: cases.resolved_at <= cases.at,
        better="more",
    ),
    Indicator(
        "first_time_resolution_rate",
        needs=("closed_at", "is_first", "next_repeat_at"),
        moment="closed_at",
        denominator=_closed_base,
        only=_closed_first_time,
        numerator=_did_not_come_back,
    ),
    Indicator(
        "overdue_share",
        needs=_DUE,
        denominator=_open_on_clock,
        numerator=_is_late,
        better="less",
    ),
    _office_response,
    _unit_response,
    _office_satisfaction,
    _unit_satisfaction,
    Indicator(
        "repeat_share",
        needs=("is_repeat",),
        moment="registered_at",
        denominator=lambda cases: and_(cases.exists, cases.is_repeat.is_not(None)),
        numerator=lambda cases: cases.is_repeat.is_(True),
        unsettled=never,
    ),
    Indicator(
        "collective_share",
        needs=("is_collective",),
        moment="registered_at",
        denominator=lambda cases: and_(cases.exists, cases.is_collective.is_not(None)),
        numerator=lambda cases: cases.is_collective.is_(True),
        unsettled=never,
    ),
    Indicator(
        "extension_rate",
        needs=("accepted_at", "extended_at"),
        moment="accepted_at",
        denominator=lambda cases: and_(cases.exists, cases.accepted_at <= cases.at),
        numerator=lambda cases: cases.extended_at <= cases.at,
        better="less",
    ),
    Indicator(
        "follow_up_rate",
        needs=("closed_at", "followed_up_at"),
        moment="closed_at",
        denominator=_closed_base,
        only=lambda cases: (
            cases.closed_at <= end_of_day(cases.at, -cases.database.settings.thresholds.follow_up_after_days)
        ),
        numerator=lambda cases: cases.followed_up_at <= cases.at,
        better="more",
    ),
    Indicator(
        "slip_return_rate",
        needs=("reminder_slip.case_id", "reminder_slip.due_at", "reminder_slip.answered_at"),
        table="reminder_slip",
        moment="slip_due_at",
        denominator=lambda cases: and_(cases.exists, cases.slip.issued_at <= cases.at, cases.slip.due_at <= cases.at),
        numerator=lambda cases: cases.slip.answered_at <= cases.slip.due_at,
        better="more",
    ),
    Indicator(
        "slip_effect_rate",
        needs=("reminder_slip.case_id", "reminder_slip.effect_checked_at", "reminder_slip.effective"),
        table="reminder_slip",
        moment="slip_checked_at",
        denominator=lambda cases: and_(cases.exists, cases.slip.effect_checked_at <= cases.at),
        numerator=lambda cases: cases.slip.effective.is_(True),
        better="more",
    ),
    _REGISTERED,
    _CLOSED,
    Indicator(
        "open",
        needs=("registered_at", "closed_at"),
        denominator=_is_open,
        county_wide=True,
        is_rate=False,
        unsettled=never,
        flow=(_REGISTERED, _CLOSED),
    ),
    Indicator(
        "overdue",
        needs=_DUE,
        denominator=_is_open,
        numerator=_is_overdue,
        better="less",
        is_rate=False,
        unsettled=_UNSETTLED["due"],
        flow=_LATE,
    ),
    Indicator(
        "due_soon",
        needs=_DUE,
        denominator=_is_open,
        numerator=_due_within(_soon),
        is_rate=False,
        ahead=_soon,
    ),
    Indicator(
        "acceptance_overdue",
        needs=("unit_received_at", "noticed_at"),
        denominator=lambda cases: cases.acceptance_overdue,
        better="less",
        is_rate=False,
    ),
)

# Figures that pages show beside an indicator; not indicators of their own.
_BESIDE: Final = (
    Indicator(
        "not_yet_due",
        needs=_DUE,
        moment="registered_at",
        denominator=_closing_base,
        numerator=lambda cases: and_(cases.is_open, not_(func.coalesce(cases.due <= cases.at, False))),
        is_rate=False,
    ),
    Indicator(
        "due_later",
        needs=_DUE,
        denominator=_is_open,
        numerator=_due_within(_later),
        is_rate=False,
        ahead=_later,
    ),
    Indicator(
        "stage_late",
        needs=("registered_at",),
        denominator=_is_open,
        numerator=lambda cases: and_(cases.stage_due_at <= cases.at),
        is_rate=False,
    ),
    Indicator(
        "stage_soon",
        needs=("registered_at",),
        denominator=_is_open,
        numerator=ends_soon("stage_due_at"),
        is_rate=False,
    ),
    *APPEALS_SOON,
)

INDICATORS: Final[dict[str, Indicator]] = {indicator.key: indicator for indicator in (*_ALL, *APPEALS, *ACCOUNTABILITY)}
MEASURES: Final[dict[str, Indicator]] = INDICATORS | {indicator.key: indicator for indicator in _BESIDE}
