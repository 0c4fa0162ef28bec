"""The indicators of accountability: supervised, instructed, assigned, reminded, assisted, signed off.

Counts and rates like all others (`indicators`), of cases or of entries that a case may have
several of: listings, instructions, slips, answers of assisting units, checklist items.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select

from data_access.dialect import end_of_day
from data_access.indicator import Indicator, never
from data_access.state import Cases, Condition

LOWEST_LEVELS: Final = ("village", "group")
_LISTED: Final = ("listing.case_id", "listing.kind", "listing.listed_at")
_SIGNED: Final = (*_LISTED, "listing.verified_at", "listing.signed_off_at")


def _missing(cases: Cases, answer: ColumnElement[object]) -> Condition:
    """Not happened by the instant."""
    return or_(answer.is_(None), answer > cases.at)


def _late(cases: Cases, due: ColumnElement[object], answer: ColumnElement[object]) -> Condition:
    """Due by the instant, and not answered by it."""
    return and_(cases.exists, due <= cases.at, _missing(cases, answer))


def _is_supervised(cases: Cases) -> Condition:
    return and_(cases.is_on_list, cases.listing.kind == "supervised")


def _milestone_passed(cases: Cases) -> Condition:
    """On the list and past the day of the next milestone; a verification that is done is no longer ahead."""
    listing = cases.listing
    verified = and_(listing.milestone_code == "verified", listing.verified_at <= cases.at)
    return and_(_is_supervised(cases), listing.milestone_due_at <= cases.at, ~func.coalesce(verified, false()))


def _listed_earlier(cases: Cases) -> Condition:
    """The case was on the same kind of list before."""
    if cases.listing.source is cases.columns.source:
        return cases.listing.again.is_(True)  # type: ignore[no-any-return]
    earlier = cases.database.read("listing", "earlier_listing")
    listing = cases.listing
    before = [earlier.case_id == listing.case_id, earlier.kind == listing.kind, earlier.listed_at < listing.listed_at]
    return exists(select(earlier.case_id).where(*before).correlate_except(earlier.source))


def _has(cases: Cases, table: str, moment: str, *more: Condition) -> Condition:
    """The case has an entry in `table` by the instant."""
    entry = cases.database.read(table, f"any_{table}")
    here = [entry.case_id == cases.case_id, getattr(entry, moment) <= cases.at, *more]
    return exists(select(entry.case_id).where(*here).correlate_except(entry.source))


def _was_instructed(cases: Cases) -> Condition:
    if cases.database.prepared:
        return cases.columns.prepared_first_instructed_at <= cases.at  # type: ignore[no-any-return]
    return _has(cases, "instruction", "issued_at")


def _was_supervised(cases: Cases) -> Condition:
    if cases.database.prepared:
        return cases.columns.prepared_first_supervised_at <= cases.at  # type: ignore[no-any-return]
    listing = cases.database.read("listing", "any_listing")
    return _has(cases, "listing", "listed_at", listing.kind == "supervised")


def _had_slip(cases: Cases) -> Condition:
    if cases.database.prepared:
        return func.coalesce(cases.columns.prepared_first_slip_at <= cases.at, false())
    return _has(cases, "reminder_slip", "issued_at")


def is_listed_now(cases: Cases) -> Condition:
    """On the supervision list at the instant: listed, and not verified and signed off since; a condition on the case.

    Where the database keeps no verification, signing off alone ends it.
    """
    if not cases.database.has(*_LISTED):
        return false()
    listing = cases.database.read("listing", "any_listing")
    ended = _ended(cases, listing) if cases.database.has(*_SIGNED) else listing.signed_off_at <= cases.at
    return _has(cases, "listing", "listed_at", listing.kind == "supervised", ~func.coalesce(ended, false()))


def _was_signed_off(cases: Cases) -> Condition:
    """Once listed for supervision, verified and signed off."""
    listing = cases.database.read("listing", "any_listing")
    return _has(cases, "listing", "listed_at", listing.kind == "supervised", _ended(cases, listing))


def _ended(cases: Cases, listing: Any) -> Condition:
    return and_(listing.verified_at <= cases.at, listing.signed_off_at <= cases.at)


def _stands_still(cases: Cases) -> Condition:
    """Open and listed for longer than some days (a setting), in which no progress was recorded."""
    progress = cases.database.read("progress", "any_progress")
    since = end_of_day(cases.at, -cases.database.settings.thresholds.progress_days)
    progressed = _has(cases, "progress", "at", progress.at > since)
    return and_(_is_supervised(cases), cases.listing_began_at <= since, cases.is_open, ~progressed)


def _reported(cases: Cases) -> Condition:
    """A written progress report was given after the deadline had passed."""
    progress = cases.database.read("progress", "any_progress")
    return _has(cases, "progress", "at", progress.code == "report_given", progress.at > cases.due)


def _is_important(cases: Cases) -> Condition:
    """Assigned from above, instructed by a leader, or listed for supervision."""
    return or_(cases.assigned_from.is_not(None), _was_instructed(cases), _was_supervised(cases))


def _slipped_earlier(cases: Cases) -> Condition:
    if cases.slip.source is cases.columns.source:
        return cases.slip.again.is_(True)  # type: ignore[no-any-return]
    earlier = cases.database.read("reminder_slip", "earlier_slip")
    before = [earlier.case_id == cases.slip.case_id, earlier.issued_at < cases.slip.issued_at]
    return exists(select(earlier.case_id).where(*before).correlate_except(earlier.source))


def _closed_as_handled(cases: Cases) -> Condition:
    return and_(cases.is_closed, cases.counts_for_closing, func.coalesce(cases.closed_how, "handled") == "handled")


def _was_put_on_list(cases: Cases) -> Condition:
    return and_(cases.exists, cases.listing.kind == "supervised", cases.listing_began_at <= cases.at)


_PUT_ON_LIST: Final = Indicator(
    "put_on_list",
    needs=_SIGNED,
    table="listing",
    moment="listing_began_at",
    denominator=_was_put_on_list,
    is_rate=False,
    unsettled=never,
)
_SIGNED_OFF: Final = Indicator(
    "signed_off",
    needs=_SIGNED,
    table="listing",
    moment="listing_ended_at",
    denominator=lambda cases: and_(_was_put_on_list(cases), cases.listing_ended_at <= cases.at),
    better="more",
    is_rate=False,
    unsettled=never,
)

ACCOUNTABILITY: Final = (
    # 挂账督办: the list's balance and what stands on it
    Indicator(
        "supervised",
        needs=_SIGNED,
        table="listing",
        of_open=False,
        denominator=_is_supervised,
        is_rate=False,
        unsettled=never,
        flow=(_PUT_ON_LIST, _SIGNED_OFF),
    ),
    Indicator(
        "supervised_new",
        needs=_SIGNED,
        table="listing",
        moment="listing_began_at",
        denominator=lambda cases: and_(_was_put_on_list(cases), ~_listed_earlier(cases)),
        is_rate=False,
        unsettled=never,
    ),
    Indicator(
        "supervised_again",
        needs=_SIGNED,
        table="listing",
        moment="listing_began_at",
        denominator=lambda cases: and_(_was_put_on_list(cases), _listed_earlier(cases)),
        better="less",
        is_rate=False,
        unsettled=never,
    ),
    _SIGNED_OFF,
    Indicator(
        "signed_off_open",
        needs=(*_SIGNED, "closed_at"),
        denominator=lambda cases: and_(cases.is_open, _was_signed_off(cases), ~is_listed_now(cases)),
        better="less",
        is_rate=False,
    ),
    Indicator(
        "milestone_overdue",
        needs=(*_SIGNED, "listing.milestone_due_at"),
        table="listing",
        of_open=False,
        denominator=_milestone_passed,
        better="less",
        is_rate=False,
    ),
    Indicator(
        "supervised_unowned",
        needs=(*_SIGNED, "responsible_post_id"),
        table="listing",
        of_open=False,
        denominator=lambda cases: and_(_is_supervised(cases), cases.responsible_post_id.is_(None)),
        better="less",
        is_rate=False,
    ),
    Indicator(
        "supervised_still",
        needs=(*_SIGNED, "progress.case_id", "progress.at"),
        table="listing",
        of_open=False,
        denominator=_stands_still,
        better="less",
        is_rate=False,
    ),
    Indicator(
        "checklist_rate",
        needs=(*_SIGNED, "checklist_item.case_id", "checklist_item.item", "checklist_item.done_at"),
        table="checklist_item",
        of_open=False,
        denominator=lambda cases: and_(cases.exists, is_listed_now(cases)),
        numerator=lambda cases: cases.item.done_at <= cases.at,
        better="more",
    ),
    # 领导批示、上级交办
    Indicator(
        "instructed",
        needs=("instruction.case_id", "instruction.issued_at"),
        table="instruction",
        moment="instruction_issued_at",
        denominator=lambda cases: and_(cases.exists, cases.instruction.issued_at <= cases.at),
        is_rate=False,
    ),
    Indicator(
        "instruction_answer_rate",
        needs=("instruction.case_id", "instruction.due_at", "instruction.answered_at"),
        table="instruction",
        moment="instruction_due_at",
        denominator=lambda cases: and_(cases.exists, cases.instruction.due_at <= cases.at),
        numerator=lambda cases: cases.instruction.answered_at <= cases.instruction.due_at,
        better="more",
    ),
    Indicator(
        "instruction_overdue",
        needs=("instruction.case_id", "instruction.due_at", "instruction.answered_at"),
        table="instruction",
        of_open=False,
        denominator=lambda cases: _late(cases, cases.instruction.due_at, cases.instruction.answered_at),
        better="less",
        is_rate=False,
    ),
    Indicator(
        "assigned",
        needs=("assigned_from",),
        denominator=lambda cases: and_(cases.is_open, cases.assigned_from.is_not(None)),
        is_rate=False,
    ),
    Indicator(
        "report_rate",
        needs=("report_due_at", "reported_at"),
        moment="report_due_at",
        denominator=lambda cases: and_(cases.exists, cases.report_due_at <= cases.at),
        numerator=lambda cases: cases.reported_at <= cases.report_due_at,
        better="more",
    ),
    Indicator(
        "report_overdue",
        needs=("report_due_at", "reported_at"),
        of_open=False,
        denominator=lambda cases: _late(cases, cases.report_due_at, cases.reported_at),
        better="less",
        is_rate=False,
    ),
    Indicator(
        "progress_report_rate",
        needs=("due_at", "accepted_at", "closed_at", "progress.case_id", "progress.at", "progress.code"),
        denominator=lambda cases: cases.is_overdue,
        numerator=_reported,
        better="more",
    ),
    Indicator(
        "legal_review_rate",
        needs=(
            *("closed_at", "legal_reviewed_at", "assigned_from"),
            *("instruction.case_id", "instruction.issued_at", *_LISTED),
        ),
        moment="closed_at",
        denominator=lambda cases: and_(_closed_as_handled(cases), _is_important(cases)),
        numerator=lambda cases: cases.legal_reviewed_at <= cases.at,
        better="more",
    ),
    # 开单提示、回单问效
    Indicator(
        "slips",
        needs=("reminder_slip.case_id", "reminder_slip.issued_at"),
        table="reminder_slip",
        moment="slip_issued_at",
        denominator=lambda cases: and_(cases.exists, cases.slip.issued_at <= cases.at),
        is_rate=False,
    ),
    Indicator(
        "slips_again",
        needs=("reminder_slip.case_id", "reminder_slip.issued_at"),
        table="reminder_slip",
        moment="slip_issued_at",
        denominator=lambda cases: and_(cases.exists, cases.slip.issued_at <= cases.at, _slipped_earlier(cases)),
        better="less",
        is_rate=False,
    ),
    Indicator(
        "slip_overdue",
        needs=(
            "reminder_slip.case_id",
            "reminder_slip.issued_at",
            "reminder_slip.due_at",
            "reminder_slip.answered_at",
        ),
        table="reminder_slip",
        of_open=False,
        denominator=lambda cases: and_(
            cases.slip.issued_at <= cases.at, _late(cases, cases.slip.due_at, cases.slip.answered_at)
        ),
        better="less",
        is_rate=False,
    ),
    Indicator(
        "overdue_without_slip",
        needs=("due_at", "accepted_at", "closed_at", "reminder_slip.case_id", "reminder_slip.issued_at"),
        denominator=lambda cases: and_(cases.is_overdue, ~_had_slip(cases)),
        better="less",
        is_rate=False,
    ),
    # 协办: never charged to the lead
    Indicator(
        "assisting_answer_rate",
        needs=("case_unit.case_id", "case_unit.unit_id", "case_unit.due_at", "case_unit.answered_at"),
        table="case_unit",
        moment="assisting_due_at",
        denominator=lambda cases: and_(cases.exists, cases.assisting.due_at <= cases.at),
        numerator=lambda cases: cases.assisting.answered_at <= cases.assisting.due_at,
        better="more",
    ),
    Indicator(
        "assisting_overdue",
        needs=("case_unit.case_id", "case_unit.unit_id", "case_unit.due_at", "case_unit.answered_at"),
        table="case_unit",
        of_open=False,
        denominator=lambda cases: _late(cases, cases.assisting.due_at, cases.assisting.answered_at),
        better="less",
        is_rate=False,
    ),
    # 积案、四级、两评议
    Indicator(
        "backlog_resolution_rate",
        needs=(*_LISTED, "resolved_at"),
        table="listing",
        moment="listing_began_at",
        denominator=lambda cases: and_(
            cases.exists, cases.listing.kind == "backlog", cases.listing_began_at <= cases.at
        ),
        numerator=lambda cases: cases.resolved_at <= cases.at,
        better="more",
    ),
    Indicator(
        "lowest_level_rate",
        needs=("closed_at", "handling_level"),
        moment="closed_at",
        denominator=lambda cases: and_(_closed_as_handled(cases), cases.handling_level.is_not(None)),
        numerator=lambda cases: cases.handling_level.in_(LOWEST_LEVELS),
    ),
    Indicator(
        "no_second_look",
        needs=("unit_rated_at", "unit_rating", "followed_up_at"),
        moment="unit_rated_at",
        denominator=lambda cases: and_(
            cases.exists,
            cases.unit_rated_at <= cases.at,
            cases.unit_rating == "dissatisfied",
            or_(
                cases.followed_up_at.is_(None),
                cases.followed_up_at > cases.at,
                cases.followed_up_at < cases.unit_rated_at,
            ),
        ),
        confidential=True,
        is_rate=False,
    ),
    # 程序规范: leads, not verdicts
    Indicator(
        "extension_unreasoned",
        needs=("extended_at", "extension_reason_code"),
        moment="extended_at",
        denominator=lambda cases: and_(
            cases.exists, cases.extended_at <= cases.at, cases.extension_reason_code.is_(None)
        ),
        better="less",
        is_rate=False,
    ),
    Indicator(
        "extension_over_limit",
        needs=("extended_at", "original_due_at", "due_at"),
        moment="extended_at",
        denominator=lambda cases: and_(
            cases.exists,
            cases.extended_at <= cases.at,
            cases.columns.due_at > end_of_day(cases.original_due_at, cases.database.settings.deadlines.extension_days),
        ),
        better="less",
        is_rate=False,
    ),
    Indicator(
        "closed_unanswered",
        needs=("closed_at", "answered_at"),
        moment="closed_at",
        denominator=lambda cases: and_(_closed_as_handled(cases), cases.on_clock),
        numerator=lambda cases: _missing(cases, cases.answered_at),
        better="less",
        is_rate=False,
    ),
)
