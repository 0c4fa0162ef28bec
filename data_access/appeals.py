"""The indicators of reviews and re-reviews (复查、复核; Regulation Art. 35, 36): undecided, late, decided in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from sqlalchemy import and_

from data_access.dialect import end_of_day
from data_access.indicator import Indicator, Rule
from data_access.state import Cases, Condition


def _appeal(which: Literal["review", "rereview"]) -> tuple[Indicator, Indicator, Indicator]:
    """How many reviews (Art. 35) or re-reviews (Art. 36) are undecided, how many of them late, and the timely share."""
    applied, decided, due = f"{which}_applied_at", f"{which}_decided_at", f"{which}_due"
    needs = (applied, decided)

    def waits(cases: Cases) -> Condition:
        return getattr(cases, f"in_{which}")  # type: ignore[no-any-return]

    def is_past(cases: Cases) -> Condition:
        return and_(getattr(cases, due) <= cases.at)

    return (
        Indicator(f"in_{which}", needs=needs, denominator=waits, of_open=False, is_rate=False),
        Indicator(
            f"{which}_overdue",
            needs=needs,
            denominator=waits,
            numerator=is_past,
            better="less",
            of_open=False,
            is_rate=False,
        ),
        Indicator(
            f"{which}_timely_rate",
            needs=needs,
            moment=due,
            denominator=lambda cases: and_(cases.exists, getattr(cases, applied) <= cases.at, is_past(cases)),
            numerator=lambda cases: getattr(cases, decided) <= getattr(cases, due),
            better="more",
        ),
    )


def ends_soon(limit: str) -> Rule:
    """Whether a limit, an attribute of Cases, passes within the days of 即将到期."""

    def rule(cases: Cases) -> Condition:
        days = cases.database.settings.thresholds.due_soon_days[0]
        return and_(getattr(cases, limit) > cases.at, getattr(cases, limit) <= end_of_day(cases.at, days))

    return rule


_REVIEW, _REREVIEW = _appeal("review"), _appeal("rereview")
APPEALS: Final = (*_REVIEW, *_REREVIEW)
APPEALS_SOON: Final = (
    replace(_REVIEW[1], key="review_soon", numerator=ends_soon("review_due"), better=None),
    replace(_REREVIEW[1], key="rereview_soon", numerator=ends_soon("rereview_due"), better=None),
)
"""Shown beside them; not indicators of their own."""
