"""The contract: the tables and columns that the dashboard reads, each documented.

A case database is a set of tables or views with these names. Only the columns in
`REQUIRED` must exist; a page says which of its parts a database cannot feed.
There is no column for a petitioner's identity, for a number of persons or for
free text, and every statement names its columns, so none can slip in.

Moments are timestamps without zone in local time. A column that holds dates only
means the end of that day for a deadline and its beginning for anything else.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, MetaData, String, Table
from sqlalchemy.dialects import sqlite

VERSION: Final = 1

# Codes: short strings in the database, words in the catalogue under `code.<list>.<code>`.
UNIT_KINDS: Final = ("department", "township", "other")
CHANNELS: Final = ("letter", "visit", "web", "mobile", "wechat", "phone", "mailbox")
PURPOSES: Final = ("appeal", "suggestion", "accusation", "other")
LEVELS: Final = ("national", "province", "prefecture", "county", "township")
HANDLING_LEVELS: Final = ("county", "township", "village", "group")
DISPOSITIONS: Final = (
    "forwarded",  # 转送
    "assigned",  # 交办
    "self_handled",  # 自办
    "not_accepted",  # 不予受理
    "no_longer_accepted",  # 不再受理
    "returned",  # 退回
    "merged",  # 并件
    "filed",  # 存
)
TRACKS: Final = ("statutory", "summary", "other")
CLOSED_HOW: Final = ("handled", "not_accepted", "withdrawn", "transferred", "merged")
OUTCOMES: Final = ("supported", "explained", "not_supported")
SATISFIED: Final = ("satisfied", "basically_satisfied")
RATINGS: Final = (*SATISFIED, "dissatisfied")
EXTENSION_REASONS: Final = ("complex", "investigation", "expert_opinion", "coordination", "other")
EVENT_KINDS: Final = ("closed", "reopened", "reassigned", "returned", "extended")
LISTING_KINDS: Final = ("supervised", "backlog")
INSTRUCTION_LEVELS: Final = ("province", "prefecture", "county")
POST_LEVELS: Final = ("county", "township")
MILESTONES: Final = ("plan", "investigated", "agreed", "carried_out", "verified")
PROGRESS_CODES: Final = ("contacted", "on_site", "coordinated", "plan_made", "carried_out", "report_given")
SLIP_REASONS: Final = ("due_soon", "overdue", "not_accepted_in_time", "low_quality", "repeat")
DECISION_RESULTS: Final = ("done", "under_way", "not_done")

metadata = MetaData()

# Whole seconds on every engine, so that the last moment of a day is 23:59:59 everywhere.
Moment: Final = DateTime().with_variant(
    sqlite.DATETIME(truncate_microseconds=True),  # type: ignore[no-untyped-call]
    "sqlite",
)


def _code(name: str, comment: str, **kwargs: object) -> Column[str]:
    return Column(name, String(40), comment=comment, **kwargs)  # type: ignore[arg-type]


def _text(name: str, comment: str) -> Column[str]:
    return Column(name, String(120), comment=comment)


def _moment(name: str, comment: str) -> Column[object]:
    return Column(name, Moment, comment=comment)


def _flag(name: str, comment: str) -> Column[bool]:
    return Column(name, Boolean, comment=comment)


def _whole(name: str, comment: str) -> Column[int]:
    return Column(name, Integer, comment=comment)


unit = Table(
    "unit",
    metadata,
    _code("unit_id", "key of the unit", primary_key=True),
    _text("name", "the unit's name as the screen shows it"),
    _code("kind", "department | township | other"),
    _code("parent_id", "the unit it belongs to, if any"),
    _whole("sort_order", "fixed order of units, used wherever units must not be ranked"),
    _moment("valid_from", "first moment the unit existed"),
    _moment("valid_to", "last moment the unit existed; empty = still there"),
)

unit_alias = Table(
    "unit_alias",
    metadata,
    Column("alias", String(120), primary_key=True, comment="another way the unit's name is written"),
    _code("unit_id", "the unit meant"),
)

post = Table(
    "post",
    metadata,
    _code("post_id", "key of the post", primary_key=True),
    _text("name", "title of the post, never a person's name"),
    _code("level", "county | township"),
)

category = Table(
    "category",
    metadata,
    _code("category_id", "key of the category", primary_key=True),
    _text("name", "the category's name (内容分类)"),
    _code("parent_id", "the wider category"),
    _code("functional_unit_id", "the department responsible for the field (归口)"),
)

petition_case = Table(
    "petition_case",
    metadata,
    # what
    _code("case_id", "key of the case; case_no where the source has no other", primary_key=True),
    _code("case_no", "registration number (信访件编号)", nullable=False),
    _code("channel", "letter | visit | web | mobile | wechat | phone | mailbox (信访形式)"),
    _code("purpose", "appeal | suggestion | accusation | other (信访目的)"),
    _code("petitioned_level", "where it was brought: national | province | prefecture | county | township"),
    _code("handling_level", "where it is handled: county | township | village | group"),
    _code("category_id", "category (内容分类)"),
    _code("township_id", "the unit of the place concerned (属地)"),
    _code("registering_unit_id", "the office that registered it; answers for late forwarding"),
    _code("lead_unit_id", "responsible unit (责任单位)"),
    _code("disposition", "how the petition office disposed of it (办理方式)"),
    _code("track", "statutory | summary | other; empty = statutory"),
    _flag("is_collective", "group petition (集体访), as the source flags it"),
    _flag("is_first", "first petition on the matter (初次), as the source flags it"),
    _flag("is_repeat", "repeat petition (重复), as the source flags it"),
    _moment("next_repeat_at", "when the matter came back, as the source links it"),
    _code("task_force", "code of the task force (专班) the case belongs to"),
    # way through
    _moment("petitioned_at", "received by the petition office; starts the Art. 22 limit"),
    _moment("registered_at", "registered (登记)"),
    _moment("forwarded_at", "sent to the responsible unit (转送, 交办)"),
    _moment("unit_received_at", "received by the responsible unit; starts the Art. 23 limit"),
    _moment("acceptance_due_at", "stated deadline of the acceptance notice"),
    _moment("noticed_at", "written notice of acceptance given to the petitioner"),
    _moment("accepted_at", "accepted (受理); starts the 60 days of Art. 34"),
    _moment("not_accepted_at", "decided not to accept (不予受理)"),
    _moment("objected_at", "the unit objected to jurisdiction (Art. 23)"),
    _moment("original_due_at", "deadline before an extension"),
    _moment("due_at", "latest deadline for closing (办理期限)"),
    _moment("extended_at", "when the extension was approved (延期)"),
    _code("extension_reason_code", "why it was extended"),
    _moment("answered_at", "written opinion given (答复)"),
    _moment("closed_at", "handled to the end, or left by another exit (办结)"),
    _code("closed_how", "handled | not_accepted | withdrawn | transferred | merged"),
    _code("outcome", "supported | explained | not_supported (Art. 32)"),
    _moment("resolved_at", "the matter itself is settled (化解)"),
    _moment("outcome_accepted_at", "the outcome was accepted (息诉息访); county total only"),
    # appeals
    _moment("review_applied_at", "review applied for (复查)"),
    _moment("review_due_at", "review decision due"),
    _moment("review_decided_at", "review decided"),
    _moment("rereview_applied_at", "re-review applied for (复核)"),
    _moment("rereview_due_at", "re-review decision due"),
    _moment("rereview_decided_at", "re-review decided"),
    _whole("hearing_days", "days of hearing, not counted in the re-review (Art. 36)"),
    # afterwards
    _moment("follow_up_due_at", "call-back due (回访)"),
    _moment("followed_up_at", "called back"),
    _code("office_rating", "rating of the petition office: satisfied | basically_satisfied | dissatisfied"),
    _moment("office_rated_at", "the petition office was rated"),
    _moment("office_rating_expires_at", "end of the window for rating the petition office"),
    _code("unit_rating", "rating of the responsible unit"),
    _moment("unit_rated_at", "the responsible unit was rated"),
    _moment("unit_rating_expires_at", "end of the window for rating the responsible unit"),
    # accountability
    _code("responsible_post_id", "post of the leader who owns the case (包案领导)"),
    _code("assigned_from", "level it was assigned from (上级交办): province | prefecture | county"),
    _moment("report_due_at", "report to the assigning level due"),
    _moment("reported_at", "reported"),
    _moment("legal_reviewed_at", "legal review given (合法性审查)"),
    _moment("last_reopened_at", "last reopened, as in case_event; past figures are found faster with it"),
    _moment("last_reassigned_at", "last reassigned, as in case_event; past figures are found faster with it"),
    _moment("updated_at", "last change of this record"),
)

case_unit = Table(
    "case_unit",
    metadata,
    _code("case_id", "the case", primary_key=True),
    _code("unit_id", "assisting unit (协办单位)", primary_key=True),
    _moment("asked_at", "asked to assist"),
    _moment("due_at", "its answer is due"),
    _moment("answered_at", "it answered"),
)

case_event = Table(
    "case_event",
    metadata,
    _code("case_id", "the case"),
    _code("kind", "closed (a closing that was later undone) | reopened | reassigned | returned | extended"),
    _moment("at", "when it happened"),
    _code("from_unit_id", "responsible unit before a reassignment"),
    _code("to_unit_id", "responsible unit after a reassignment"),
    _moment("from_due_at", "deadline before"),
    _moment("to_due_at", "deadline after"),
)

listing = Table(
    "listing",
    metadata,
    _code("case_id", "the case"),
    _code("kind", "supervised (挂账督办) | backlog (积案)"),
    _code("list_id", "the batch list"),
    _moment("listed_at", "put on the list"),
    _code("milestone_code", "next milestone"),
    _moment("milestone_due_at", "when the milestone is due"),
    _moment("verified_at", "closure verified"),
    _moment("signed_off_at", "signed off (销号)"),
)

instruction = Table(
    "instruction",
    metadata,
    _code("case_id", "the case"),
    _code("level", "province | prefecture | county"),
    _code("post_id", "post that gave the instruction (领导批示)"),
    _moment("issued_at", "given"),
    _moment("due_at", "reply due"),
    _moment("answered_at", "replied"),
)

progress = Table(
    "progress",
    metadata,
    _code("case_id", "the case"),
    _moment("at", "recorded"),
    _code("code", "kind of progress"),
)

reminder_slip = Table(
    "reminder_slip",
    metadata,
    _code("slip_id", "number of the slip (开单提示)", primary_key=True),
    _code("case_id", "the case"),
    _code("unit_id", "unit that was reminded"),
    _moment("issued_at", "issued"),
    _moment("due_at", "return slip due (回单)"),
    _moment("answered_at", "returned"),
    _moment("effect_checked_at", "checked for effect (问效)"),
    _flag("effective", "found effective"),
    _code("reason_code", "why it was issued"),
)

checklist_item = Table(
    "checklist_item",
    metadata,
    _code("case_id", "the listed case"),
    _code("item", "item of the checklist (七个一), labels from the settings"),
    _moment("done_at", "done"),
)

meeting_decision = Table(
    "meeting_decision",
    metadata,
    _code("decision_id", "key of the decision (议定事项)", primary_key=True),
    _moment("meeting_on", "day of the meeting"),
    _text("item", "what was decided, as the minutes word it; no person's name"),
    _code("unit_id", "unit that has to act"),
    _moment("due_at", "due"),
    _moment("done_at", "done"),
    _code("result", "done | under_way | not_done"),
)

contract = Table(
    "contract",
    metadata,
    _whole("version", "version of this contract"),
    _moment("demo_as_of", "set in a demo database only: the moment its newest data stands for"),
    _moment("extracted_at", "set in an extract only: when the database was copied into it"),
    _text("prepared_for", "set in copies of our own only: what their prepared columns were made with"),
)

PREPARED: Final = (
    _moment("prepared_first_due", "the deadline before an extension"),
    _moment("prepared_final_due", "the latest deadline, stated or computed"),
    _moment("prepared_closed_at", "closed, and not before it was registered"),
    _moment("prepared_left_at", "closed by an exit that leaves the closing denominators"),
    _moment("prepared_forwarding_due", "when the petition office must have forwarded it"),
    _moment("prepared_acceptance_due", "when the unit must have given notice"),
    _moment("prepared_office_rating_due", "end of the window for rating the petition office, or its rating"),
    _moment("prepared_unit_rating_due", "end of the window for rating the responsible unit, or its rating"),
    _moment("prepared_forwarded_at", "first forwarded, or otherwise disposed of"),
    _moment("prepared_noticed_at", "first accepted, not accepted, or objected to in time"),
    _flag("prepared_office_satisfied", "whether the rating of the petition office is a satisfied one"),
    _flag("prepared_unit_satisfied", "whether the rating of the responsible unit is a satisfied one"),
    _flag("prepared_on_clock", "on the closing clock for as long as it is open, given a deadline"),
    _flag("prepared_accusation", "an accusation (检举控告): in county totals only"),
    _flag("prepared_outside", "disposed of in a way that is outside every closing denominator"),
    _moment("prepared_first_instructed_at", "first instruction of a leader"),
    _moment("prepared_first_supervised_at", "first put on the supervision list"),
    _moment("prepared_first_slip_at", "first reminder slip"),
    _flag("prepared_out_of_order", "registered, extended, rated or gone only after the day it is counted on"),
)
"""Columns that only copies of our own have (`prepared`): no part of the contract."""


def _cases(name: str, *more: Column[Any]) -> Table:
    every = (*petition_case.columns, *PREPARED, *more)
    return Table(name, MetaData(), *(Column(each.name, each.type, comment=each.comment) for each in every))


ENTRY: Final = "entry_"
"""How the columns of an entry begin in the table of `prepared_parts` that holds cases and their entries."""


def _entries(table: Table) -> Table:
    columns = (Column(ENTRY + each.name, each.type, comment=each.comment) for each in table.columns)
    again = _flag(f"{ENTRY}again", "the case had such an entry before: the same kind of list, a slip")
    return _cases(f"prepared_{table.name}", *columns, again)


prepared_case = _cases("petition_case")
"""`petition_case` with them."""
ENTRIES: Final = (listing, instruction, reminder_slip, case_unit, checklist_item)
prepared_parts = {table.name: table for table in (_cases("prepared_apart"), *map(_entries, ENTRIES))}
"""The cases of it that have been reopened, reassigned, or are out of order; and each entry of the tables with several
rows a case, together with its case: which are read without a join."""
former_unit = Table(
    "prepared_former_unit",
    MetaData(),
    _text("case_id", "the case"),
    _text("unit_id", "the responsible unit of that time"),
    _moment("since", "from when"),
    _moment("until", "until just before when"),
)
undone_closing = Table(
    "prepared_undone_closing",
    MetaData(),
    _text("case_id", "the case"),
    _moment("closed_at", "when it was closed"),
    _moment("reopened_at", "when that closing was undone"),
)
"""What events say of the past, worked out: `Cases.former_units` and `Cases.undone_closings`."""
OWN: Final = (*prepared_parts.values(), former_unit, undone_closing)
"""The tables that only copies of our own have (`prepared`)."""

# Where the server decides what a text may hold and which texts are equal: every character, and a code
# in capitals is another code, as on the other engines. A county's server may well be latin1 or gbk.
for _table in metadata.tables.values():
    for _dialect, _collation in (("mysql", "utf8mb4_bin"), ("mariadb", "utf8mb4_nopad_bin")):
        _table.kwargs[f"{_dialect}_charset"] = "utf8mb4"
        _table.kwargs[f"{_dialect}_collate"] = _collation

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "petition_case": ("case_no", "registered_at", "closed_at", "lead_unit_id"),
    "unit": ("unit_id", "name"),
}
DEADLINE_SOURCES: Final = ("due_at", "accepted_at")  # at least one: stated or computable

DEADLINES: Final = frozenset(
    column.name
    for table in metadata.tables.values()
    for column in table.columns
    if column.name.endswith(("due_at", "expires_at")) or column.name == "valid_to"
)
"""Names of the columns whose date alone means the end of that day."""

# One covering index for each moment that the pages count by: it starts with the moment and
# carries what the filters and the verdicts read, so that no row of the table is touched.
_CHANGED = ("last_reopened_at", "last_reassigned_at")
_VERDICT = (
    *("case_id", "registered_at", "closed_at", "due_at", "accepted_at", "extended_at", "original_due_at"),
    *_CHANGED,
)
_SCOPE = (
    "purpose",
    "disposition",
    "closed_how",
    "track",
    "lead_unit_id",
    "category_id",
    "township_id",
    "channel",
    "petitioned_level",
    "is_repeat",
    "is_collective",
)


_UNIT = ("case_id", "registered_at", "purpose", "lead_unit_id", "registering_unit_id", *_CHANGED)
_NOTICE = ("forwarded_at", "noticed_at", "accepted_at", "not_accepted_at", "objected_at", "closed_at")


def _covering(name: str, *first: str, verdict: tuple[str, ...] = _VERDICT, scope: tuple[str, ...] = _SCOPE) -> None:
    rest = (column for column in (*verdict, *scope) if column not in first)
    Index(name, *(petition_case.c[column] for column in (*first, *rest)))


_covering("ix_case_registered", "registered_at")
_ENDING = ("resolved_at", "followed_up_at", "is_first", "next_repeat_at")
_covering("ix_case_closed", "closed_at", verdict=(*_VERDICT, *_ENDING))
_covering("ix_case_due", "due_at", "accepted_at", verdict=(*_VERDICT, "answered_at"))
_covering("ix_case_extended", "extended_at", "original_due_at")
for _whose in ("unit", "office"):
    _rated = (f"{_whose}_rated_at", f"{_whose}_rating")
    _of_rating = ("case_id", "registered_at", "registering_unit_id", *_CHANGED)
    _covering(f"ix_case_{_whose}_rated", *_rated, verdict=_of_rating)
    _covering(f"ix_case_{_whose}_rating_expires", f"{_whose}_rating_expires_at", verdict=_rated, scope=_UNIT)
_covering("ix_case_petitioned", "petitioned_at", verdict=_NOTICE, scope=_UNIT)
_covering("ix_case_received", "unit_received_at", "acceptance_due_at", verdict=_NOTICE, scope=_UNIT)
_covering("ix_case_acceptance_due", "acceptance_due_at", "unit_received_at", verdict=_NOTICE, scope=_UNIT)
_covering("ix_case_accepted", "accepted_at", "extended_at", verdict=(), scope=_UNIT)
_covering("ix_case_review", "review_applied_at", verdict=("review_decided_at", "closed_at"), scope=_UNIT)
_covering("ix_case_rereview", "rereview_applied_at", verdict=("rereview_decided_at", "closed_at"), scope=_UNIT)
for _when in _CHANGED:  # finds the few cases that events have changed
    Index(f"ix_case_{_when.removesuffix('_at')}", petition_case.c[_when])
Index("ix_case_no", petition_case.c.case_no)
Index("ix_event_case", *(case_event.c[name] for name in ("case_id", "at", "kind", "from_unit_id")))
Index("ix_listing_case", listing.c.case_id)
Index("ix_slip_case", reminder_slip.c.case_id)
Index("ix_instruction_case", instruction.c.case_id, instruction.c.issued_at)
Index("ix_progress_case", *(progress.c[name] for name in ("case_id", "at", "code")))
