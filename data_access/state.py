"""The state of cases at an instant, derived from their moments.

State is never stored. A case closed after the instant is open at it; an extension after
the instant has not happened yet; where the source keeps events, a closing that was later
undone and the responsible unit of the time are used too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    case,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from data_access import schema
from data_access.database import CaseDatabase
from data_access.deadlines import Limit
from data_access.dialect import likely, once

BEGINNING: Final = datetime(1900, 1, 1)
"""Before every event."""

# Outside every closing denominator (DOMAIN.md "Deadlines"; Regulation Art. 22, 29-31).
OUTSIDE_DISPOSITIONS: Final = ("not_accepted", "no_longer_accepted", "returned", "merged", "filed")
LEAVING: Final = ("not_accepted", "transferred", "merged")
OTHER_CLOCKS: Final = ("suggestion", "accusation")

STAGES: Final = ("forwarding", "acceptance", "closing", "outside", "closed", "review", "rereview")
"""Where a case is (`Cases.stage`): a step that has a limit, or open outside the closing clock, or closed."""
OF_CLOSED: Final = ("closed", "review", "rereview")
"""Those of `STAGES` that only closed cases can be at."""
LEFT_OUT: Final = ("in", "other_purpose", "other_track", "disposition", "left", "no_deadline")
"""Whether a case is on the closing clock, and if not, why (`Cases.left_out`)."""

ENTRIES: Final = {
    "reminder_slip": "slip",
    "listing": "listing",
    "instruction": "instruction",
    "case_unit": "assisting",
    "checklist_item": "item",
}
"""Tables with several rows a case, and what `Cases` calls their columns."""

Instant = datetime | ColumnElement[Any]
Condition = ColumnElement[bool]


@dataclass(frozen=True)
class AtStep:
    """A step with a limit: which cases are at it, since when, until when, and whether the source states that."""

    code: str
    holds: Condition
    began_at: ColumnElement[Any]
    due: ColumnElement[Any]
    is_stated: Condition


def _is_in(column: ColumnElement[Any], codes: tuple[str, ...]) -> Condition:
    """Whether `column` holds one of `codes`; an empty one does not."""
    return func.coalesce(column, "").in_(codes)


@dataclass(frozen=True, eq=False)
class Cases:
    """Cases at the instant `at`, as SQL. `earliest` is the smallest value that `at` takes."""

    database: CaseDatabase
    at: Any
    earliest: datetime
    as_recorded: bool = False
    """Leave the events aside: right for cases without any event after the instant, and cheaper."""
    part: str = ""
    """Look only at the cases with an entry in this table, or `apart`, as `prepared` has tables of them.

    With an entry: once for each, its columns beside those of the case."""
    rows: Any = None
    """Look only at these rows of the cases (`those`)."""
    known_due: ColumnElement[Any] | None = None
    known_closed_at: ColumnElement[Any] | None = None
    """The deadline and the closing in force, where the conditions already say which of the recorded ones they are."""
    known_open: bool = False
    """Whether it is already said elsewhere that all are open: that no closing, undone since or not, is in force."""
    among: Any = None
    """The only cases that are asked about, case_ids or a select of them: the events of others are not read."""

    @cached_property
    def columns(self) -> Any:
        """The columns of `petition_case` by name."""
        if self.rows is not None:
            return self.rows
        return self.database.read(f"prepared_{self.part}" if self.part and self.database.prepared else "petition_case")

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        column: ColumnElement[Any] = getattr(self.columns, name)
        return column

    # what to select from

    @property
    def source(self) -> FromClause:
        """`petition_case`, with what the events say about the instant; ask for it after the conditions."""
        return self.joined(self.columns.source)

    def joined(self, source: FromClause) -> FromClause:
        """`source`, which holds `petition_case`, with what the events say about the instant.

        Only what a condition made before has asked for is joined: most statements need neither
        former units nor closings that were undone.
        """
        if self._closing_matters:
            assert self.undone_closings is not None
            undone = self.undone_closings.c
            then = and_(
                undone.case_id == self.columns.case_id,
                undone.closed_at <= self.at,
                undone.reopened_at > self.at,
                undone.reopened_at > self.columns.registered_at,
            )
            source = source.outerjoin(self.undone_closings, then)
        return self.with_units(source) if self._unit_matters else source

    @property
    def _closing_matters(self) -> bool:
        unsaid = {"is_open"} if self.known_closed_at is not None else {"is_open", "closed_at"}
        asked = bool(vars(self).keys() & unsaid)
        return asked and self.undone_closings is not None

    @property
    def _unit_matters(self) -> bool:
        return "lead_unit_id" in vars(self) and self.former_units is not None

    def with_units(self, source: FromClause) -> FromClause:
        """`source`, which holds `petition_case`, joined with the responsible unit of the instant."""
        if self.former_units is None:
            return source
        former = self.former_units.c
        then = and_(
            former.case_id == self.columns.case_id,
            former.until > self.at,
            former.since <= self.at,  # no OR here: with one, DuckDB compares every case with every event
        )
        return source.outerjoin(self.former_units, then)

    def _asked_about(self, event: Any) -> list[Condition]:
        return [] if self.among is None else [likely(event.case_id.in_(self.among))]

    @cached_property
    def former_units(self) -> FromClause | None:
        """Responsible units of the past: case_id, unit_id, since, until; None where none matters."""
        last = self.database.last_event_at.get("reassigned")
        if (
            self.as_recorded
            or last is None
            or last <= self.earliest
            or not self.database.has("case_event.from_unit_id")
        ):
            return None
        if self.database.prepared:
            return schema.former_unit.alias("former_unit")
        event = self.database.read("case_event", "reassignment")
        before = func.lag(event.at).over(partition_by=event.case_id, order_by=event.at)
        since = func.coalesce(before, literal(BEGINNING, schema.Moment))
        return (
            select(event.case_id, event.from_unit_id.label("unit_id"), since.label("since"), event.at.label("until"))
            .where(event.kind == "reassigned", *self._asked_about(event))
            .subquery("former_unit")
        )

    @cached_property
    def undone_closings(self) -> FromClause | None:
        """Closings that were undone: case_id, closed_at, reopened_at; None where none matters."""
        last = self.database.last_event_at.get("reopened")
        if self.as_recorded or self.known_open or last is None or last <= self.earliest:
            return None
        if "closed" not in self.database.last_event_at:
            return None
        if self.database.prepared:
            return schema.undone_closing.alias("undone_closing")
        event = self.database.read("case_event", "reopening")
        following = func.lead(event.at).over(partition_by=event.case_id, order_by=event.at)
        pairs = (
            select(event.case_id, event.kind, event.at.label("closed_at"), following.label("reopened_at"))
            .where(event.kind.in_(("closed", "reopened")), *self._asked_about(event))
            .subquery("closing_pair")
        )
        return (
            select(pairs.c.case_id, pairs.c.closed_at, pairs.c.reopened_at)
            .where(pairs.c.kind == "closed", pairs.c.reopened_at.is_not(None))
            .subquery("undone_closing")
        )

    @property
    def kinds_in_force(self) -> tuple[bool, bool]:
        """Whether there are reopenings, and reassignments, after the instant."""
        return self.undone_closings is not None, self.former_units is not None

    @property
    def changing_kinds(self) -> frozenset[str]:
        """The kinds of events that can change what the conditions made so far have asked for."""
        kinds = {"reopened": self._closing_matters, "reassigned": self._unit_matters}
        return frozenset(kind for kind, matters in kinds.items() if matters)

    def knows_last(self, kinds: Iterable[str]) -> bool:
        """Whether each case says itself when the last event of each of `kinds` was."""
        return self.database.has(*(f"last_{kind}_at" for kind in kinds))

    def changed_after(self, moment: datetime, kinds: Iterable[str]) -> list[Condition]:
        """The cases that an event of `kinds` has changed after `moment`: conditions of which one holds for them."""
        found: list[Condition] = []
        for kind in sorted(kinds):
            after = literal(moment, schema.Moment)
            last = f"last_{kind}_at"
            if self.database.has(last):
                found.append(getattr(self.columns, last) > after)
            else:
                event = self.database.read("case_event", "change")
                found.append(self.case_id.in_(select(event.case_id).where(event.kind == kind, event.at > after)))
        return found

    def nothing_after(self, column: str) -> bool:
        """Whether no case has a moment in `column` after the instant, so that all there are have happened."""
        return self.database.nothing_after(column, self.earliest)

    # what they are at the instant

    @cached_property
    def lead_unit_id(self) -> ColumnElement[Any]:
        """The responsible unit at the instant."""
        if self.former_units is None:
            return self.columns.lead_unit_id  # type: ignore[no-any-return]
        return func.coalesce(self.former_units.c.unit_id, self.columns.lead_unit_id)

    @cached_property
    def exists(self) -> Condition:
        """Registered by the instant."""
        return self.columns.registered_at <= self.at  # type: ignore[no-any-return]

    @cached_property
    def recorded_closing(self) -> ColumnElement[Any]:
        """The closing on record. One before its registration counts from the registration,
        so that flows balance; `check` lists such records."""
        if self.database.prepared:
            return self.columns.prepared_closed_at  # type: ignore[no-any-return]
        return self._not_before_registration(self.columns.closed_at)

    @cached_property
    def undone_closing(self) -> ColumnElement[Any]:
        """The closing of `undone_closings`, counted like a recorded one."""
        assert self.undone_closings is not None
        return self._not_before_registration(self.undone_closings.c.closed_at)

    def _not_before_registration(self, closing: ColumnElement[Any]) -> ColumnElement[Any]:
        registered = self.columns.registered_at
        return case((closing < registered, registered), else_=closing)

    @cached_property
    def closed_at(self) -> ColumnElement[Any]:
        """When the closing in force at the instant happened; empty while open."""
        if self.known_closed_at is not None:
            return self.known_closed_at
        recorded, all_happened = self.recorded_closing, self.nothing_after("closed_at")
        happened = recorded.is_not(None) if all_happened else self._recorded_by(self.at)
        if self.undone_closings is not None:
            return case((happened, recorded), else_=self.undone_closing)
        return recorded if all_happened else case((happened, recorded))

    def _recorded_by(self, limit: Any) -> Condition:
        """The closing on record was by `limit`, for cases registered by then."""
        recorded = self.recorded_closing if self.database.prepared else self.columns.closed_at
        by_then: Condition = recorded <= limit
        return by_then

    def closed_by(self, limit: ColumnElement[Any]) -> Condition:
        """Closed by `limit`, a moment that is not after the instant."""
        if self.undone_closings is None:
            return and_(self._recorded_by(limit), self.columns.registered_at <= limit)
        return self.closed_at <= limit

    @cached_property
    def is_open(self) -> Condition:
        """Registered and not closed."""
        if self.known_open:
            return self.exists
        recorded = self.columns.closed_at
        still: Condition = recorded.is_(None)
        if not self.nothing_after("closed_at"):
            still = or_(still, recorded > self.at)
        if self.undone_closings is not None:
            still = and_(still, self.undone_closings.c.closed_at.is_(None))
        return and_(self.exists, still)

    @cached_property
    def is_closed(self) -> Condition:
        """Registered and closed, whatever the exit."""
        return and_(self.exists, self.closed_at.is_not(None))

    @cached_property
    def has_left(self) -> Condition:
        """Closed by an exit that leaves the closing denominators: not accepted, transferred, merged."""
        if self.nothing_after("closed_at"):
            return self.left_at.is_not(None)
        if self.database.prepared:
            return func.coalesce(self.left_at <= self.at, false())
        recorded = self.columns.closed_at
        return and_(_is_in(self.columns.closed_how, LEAVING), func.coalesce(recorded <= self.at, false()))

    @cached_property
    def left_at(self) -> ColumnElement[Any]:
        """When it was closed by an exit that leaves the closing denominators; empty for all others."""
        if self.database.prepared:
            return self.columns.prepared_left_at  # type: ignore[no-any-return]
        return case((_is_in(self.columns.closed_how, LEAVING), self.columns.closed_at))

    @cached_property
    def counts_for_closing(self) -> Condition:
        """Inside the closing denominators."""
        return and_(~self.is_outside, ~self.has_left)

    @cached_property
    def is_outside(self) -> Condition:
        """Disposed of in a way that is outside every closing denominator."""
        if self.database.prepared:
            return self.columns.prepared_outside.is_(True)  # type: ignore[no-any-return]
        return _is_in(self.columns.disposition, OUTSIDE_DISPOSITIONS)

    def _computed(self, statutory: Limit) -> ColumnElement[Any] | None:
        """The deadline that follows from acceptance (Art. 34), for the tracks that state none."""
        tracks = self.database.computed_tracks
        clock, years, accepted = self.database.clock, self.database.years, self.columns.accepted_at
        due = statutory.sql(accepted, years)
        if "summary" not in tracks:
            return due if tracks else None
        return case((self.columns.track == "summary", clock.summary_closing.sql(accepted, years)), else_=due)

    @cached_property
    def final_due(self) -> ColumnElement[Any]:
        """The latest deadline: a stated one wins over a computed one."""
        if self.database.prepared:
            return self.columns.prepared_final_due  # type: ignore[no-any-return]
        extended_at = self.columns.extended_at
        stated = func.coalesce(self.columns.due_at, case((extended_at.is_(None), self.columns.original_due_at)))
        usual, extended = (
            self._computed(self.database.clock.closing),
            self._computed(self.database.clock.extended_closing),
        )
        if usual is None or extended is None:
            return stated if self.database.states_original_only else self.columns.due_at
        return func.coalesce(stated, case((extended_at.is_not(None), extended), else_=usual))

    @cached_property
    def first_due(self) -> ColumnElement[Any]:
        """The deadline before an extension."""
        if self.database.prepared:
            return self.columns.prepared_first_due  # type: ignore[no-any-return]
        original, stated = self.columns.original_due_at, self.columns.due_at
        computed = self._computed(self.database.clock.closing)
        if computed is None:
            return func.coalesce(original, stated)
        return func.coalesce(original, case((stated.is_(None), computed)), stated)

    @cached_property
    def due(self) -> ColumnElement[Any]:
        """The deadline in force at the instant."""
        if self.known_due is not None:
            return self.known_due
        if self.nothing_after("extended_at"):
            return self.final_due
        return case((self.columns.extended_at > self.at, self.first_due), else_=self.final_due)

    @cached_property
    def on_clock(self) -> Condition:
        """On the closing clock: has a deadline and a track inside the 60-day rule or the summary one."""
        return and_(self.on_clock_while_open, ~self.has_left)

    @cached_property
    def on_clock_while_open(self) -> Condition:
        """On the closing clock for as long as it is open, by whatever exit it leaves."""
        return and_(self.has_clock, self.due.is_not(None))

    @cached_property
    def has_clock(self) -> Condition:
        """Of a purpose, track and disposition inside the 60-day rule or the summary one."""
        columns = self.columns
        if self.database.prepared:
            return columns.prepared_on_clock.is_(True)  # type: ignore[no-any-return]
        return and_(
            func.coalesce(columns.track, "") != "other",
            ~_is_in(columns.purpose, OTHER_CLOCKS),
            ~self.is_outside,
        )

    @cached_property
    def left_out(self) -> ColumnElement[Any]:
        """Why a case is outside the closing clock, as a code of `LEFT_OUT`; `in` where it is on it (`on_clock`).

        The first reason of several: so that the counts by reason add up to all cases.
        """
        columns = self.columns
        return case(
            (_is_in(columns.purpose, OTHER_CLOCKS), "other_purpose"),
            (func.coalesce(columns.track, "") == "other", "other_track"),
            (self.is_outside, "disposition"),
            (self.has_left, "left"),
            (self.due.is_(None), "no_deadline"),
            else_="in",
        )

    @cached_property
    def is_overdue(self) -> Condition:
        """Open past its deadline."""
        return and_(self.is_open, self.on_clock_while_open, self.due <= self.at)

    # acceptance

    @cached_property
    def received_at(self) -> ColumnElement[Any]:
        """Received by the petition office."""
        return func.coalesce(self.columns.petitioned_at, self.columns.registered_at)

    @cached_property
    def forwarding_due(self) -> ColumnElement[Any]:
        """When the petition office must have forwarded it (Art. 22)."""
        if self.database.prepared:
            return self.columns.prepared_forwarding_due  # type: ignore[no-any-return]
        return self.database.clock.forwarding.sql(self.received_at, self.database.years)

    @property
    def ways_forward(self) -> tuple[ColumnElement[Any], ...]:
        """Moments of which any tells that it has been forwarded or otherwise disposed of."""
        if self.database.prepared:
            return (self.columns.prepared_forwarded_at,)
        columns = self.columns
        disposed = (columns.noticed_at, columns.accepted_at, columns.not_accepted_at, columns.closed_at)
        return (columns.forwarded_at, *disposed)

    def forwarded_by(self, limit: Any) -> Condition:
        """Forwarded, or otherwise disposed of, by `limit`."""
        return or_(*(way <= limit for way in self.ways_forward))

    @cached_property
    def acceptance_due(self) -> ColumnElement[Any]:
        """When the unit must have given notice (Art. 23); stated, else computed from its receipt."""
        if self.database.prepared:
            return self.columns.prepared_acceptance_due  # type: ignore[no-any-return]
        computed = self.database.clock.acceptance.sql(self.columns.unit_received_at, self.database.years)
        return func.coalesce(self.columns.acceptance_due_at, computed)

    @cached_property
    def objection_due(self) -> ColumnElement[Any]:
        """Until when the unit may object to jurisdiction (Art. 23)."""
        return self.database.clock.objection.sql(self.columns.unit_received_at, self.database.years)

    @property
    def ways_of_notice(self) -> tuple[ColumnElement[Any], ...]:
        """Moments of which any tells that the unit has accepted, not accepted, or objected in time (Art. 23)."""
        columns = self.columns
        if self.database.prepared:
            return (columns.prepared_noticed_at,)
        objected = case((columns.objected_at <= self.objection_due, columns.objected_at))
        return columns.noticed_at, columns.accepted_at, columns.not_accepted_at, objected

    def noticed_by(self, limit: Any) -> Condition:
        """Accepted, not accepted, or objected to within the working days of Art. 23, by `limit`."""
        return or_(*(way <= limit for way in self.ways_of_notice))

    @cached_property
    def acceptance_overdue(self) -> Condition:
        """Open, its acceptance limit past, no notice given."""
        return and_(
            self.is_open,
            self.columns.unit_received_at.is_not(None),
            self.acceptance_due <= self.at,
            ~func.coalesce(self.noticed_by(self.at), false()),
        )

    # review and re-review

    @cached_property
    def review_apply_due(self) -> ColumnElement[Any]:
        """Until when a review can be applied for (Art. 35), from the written opinion, else the closing."""
        told = func.coalesce(self.columns.answered_at, self.columns.closed_at)
        return self.database.clock.review_apply.sql(told, self.database.years)

    @cached_property
    def review_due(self) -> ColumnElement[Any]:
        """When the review must be decided (Art. 35); stated, else computed from the application."""
        computed = self.database.clock.review.sql(self.columns.review_applied_at, self.database.years)
        return func.coalesce(self.columns.review_due_at, computed)

    @cached_property
    def rereview_apply_due(self) -> ColumnElement[Any]:
        """Until when a re-review can be applied for (Art. 36), from the decision of the review."""
        return self.database.clock.rereview_apply.sql(self.columns.review_decided_at, self.database.years)

    @cached_property
    def rereview_due(self) -> ColumnElement[Any]:
        """When the re-review must be decided (Art. 36); stated, else computed. Days of hearing are not counted."""
        days = self.columns.hearing_days
        hearing = case((days > 0, days), else_=literal_column("0"))
        computed = self.database.clock.rereview.sql(self.columns.rereview_applied_at, self.database.years, hearing)
        return func.coalesce(self.columns.rereview_due_at, computed)

    def _waits_for(self, decision: str) -> Condition:
        """Closed, `decision` (review or rereview) applied for and not yet made."""
        applied, decided = (getattr(self.columns, f"{decision}_{what}_at") for what in ("applied", "decided"))
        return and_(self.is_closed, applied <= self.at, or_(decided.is_(None), decided > self.at))

    # the step a case is at

    @cached_property
    def in_rereview(self) -> Condition:
        """Closed, its re-review not yet decided."""
        return self._waits_for("rereview")

    @cached_property
    def in_review(self) -> Condition:
        """Closed, its review not yet decided."""
        return and_(self._waits_for("review"), ~func.coalesce(self.in_rereview, false()))

    @cached_property
    def awaits_notice(self) -> Condition:
        """Open, with the unit or on its way to it, no notice given. Whatever is `acceptance_overdue` is among them."""
        columns = self.columns
        if not self.database.has("unit_received_at", "noticed_at"):
            return false()
        on_its_way = or_(columns.unit_received_at <= self.at, columns.forwarded_at <= self.at)
        there = or_(on_its_way, self.acceptance_due <= self.at)
        return and_(
            self.is_open,
            columns.unit_received_at.is_not(None),
            there,
            ~func.coalesce(self.noticed_by(self.at), false()),
        )

    @cached_property
    def awaits_forwarding(self) -> Condition:
        """Open, not yet sent to a unit nor disposed of otherwise (Art. 22)."""
        columns = self.columns
        if not self.database.has("forwarded_at"):
            return false()
        return and_(
            self.is_open,
            ~self.is_outside,
            ~func.coalesce(or_(self.forwarded_by(self.at), columns.unit_received_at <= self.at), false()),
        )

    @cached_property
    def due_is_stated(self) -> Condition:
        """Whether the source states the closing deadline in force; else it is computed."""
        columns = self.columns
        first = or_(columns.extended_at.is_(None), columns.extended_at > self.at)
        return or_(columns.due_at.is_not(None), and_(columns.original_due_at.is_not(None), first))

    @cached_property
    def _accepted(self) -> ColumnElement[Any]:
        """Since when the unit has the case, as far as recorded by the instant."""
        columns = self.columns
        moments = (columns.accepted_at, columns.noticed_at, columns.unit_received_at, columns.forwarded_at)
        return func.coalesce(*(case((moment <= self.at, moment)) for moment in moments), columns.registered_at)

    @cached_property
    def steps(self) -> tuple[AtStep, ...]:
        """The steps with a limit that a case can be at; the first whose condition holds is the one (`stage`)."""
        columns = self.columns
        received = case((columns.unit_received_at <= self.at, columns.unit_received_at), else_=columns.forwarded_at)
        on_clock = and_(self.is_open, self.on_clock)
        review, rereview = columns.review_due_at.is_not(None), columns.rereview_due_at.is_not(None)
        return (
            AtStep("rereview", self.in_rereview, columns.rereview_applied_at, self.rereview_due, rereview),
            AtStep("review", self.in_review, columns.review_applied_at, self.review_due, review),
            AtStep(
                "acceptance",
                self.awaits_notice,
                received,
                self.acceptance_due,
                columns.acceptance_due_at.is_not(None),
            ),
            AtStep("forwarding", self.awaits_forwarding, self.received_at, self.forwarding_due, false()),
            AtStep("closing", on_clock, self._accepted, self.due, self.due_is_stated),
        )

    @cached_property
    def stage(self) -> ColumnElement[Any]:
        """Where the case is, as a code of `STAGES`.

        An open case is `outside` where no step with a limit is ahead of it: see `left_out`.
        """
        rest = case((self.is_open, "outside"), else_="closed")
        return case(*((step.holds, literal_column(f"'{step.code}'")) for step in self.steps), else_=rest)

    @cached_property
    def stage_due_at(self) -> ColumnElement[Any]:
        """When its step must be done; empty where the step has no limit."""
        return case(*((step.holds, step.due) for step in self.steps))

    # ratings, and the tables with several entries a case

    @cached_property
    def office_rating_due(self) -> ColumnElement[Any]:
        """End of the window for rating the petition office; the rating itself where no window is known."""
        if self.database.prepared:
            return self.columns.prepared_office_rating_due  # type: ignore[no-any-return]
        return func.coalesce(self.columns.office_rating_expires_at, self.columns.office_rated_at)

    @cached_property
    def unit_rating_due(self) -> ColumnElement[Any]:
        """End of the window for rating the responsible unit; the rating itself where no window is known."""
        if self.database.prepared:
            return self.columns.prepared_unit_rating_due  # type: ignore[no-any-return]
        return func.coalesce(self.columns.unit_rating_expires_at, self.columns.unit_rated_at)

    def is_satisfied(self, whose: str) -> Condition:
        """Whether the rating of the `office` or the `unit` is a satisfied one; empty where there is none."""
        if self.database.prepared:
            return getattr(self.columns, f"prepared_{whose}_satisfied")  # type: ignore[no-any-return]
        return getattr(self.columns, f"{whose}_rating").in_(schema.SATISFIED)  # type: ignore[no-any-return]

    def has_rating(self, whose: str) -> Condition:
        """Whether there is one."""
        column = f"prepared_{whose}_satisfied" if self.database.prepared else f"{whose}_rating"
        return getattr(self.columns, column).is_not(None)  # type: ignore[no-any-return]

    def entry(self, table: str) -> Any:
        """The columns of a table that may have several rows a case, by name."""
        return getattr(self, ENTRIES[table])

    def _entries(self, table: str) -> Any:
        beside = self.database.prepared and self.part == table and self.rows is None
        return self.database.entries(table) if beside else self.database.read(table)

    @cached_property
    def slip(self) -> Any:
        """The columns of `reminder_slip` by name."""
        return self._entries("reminder_slip")

    @cached_property
    def listing(self) -> Any:
        """The columns of `listing` by name."""
        return self._entries("listing")

    @cached_property
    def instruction(self) -> Any:
        """The columns of `instruction` by name."""
        return self._entries("instruction")

    @cached_property
    def assisting(self) -> Any:
        """The columns of `case_unit` by name."""
        return self._entries("case_unit")

    @cached_property
    def item(self) -> Any:
        """The columns of `checklist_item` by name."""
        return self._entries("checklist_item")

    @cached_property
    def field(self) -> Any:
        """The columns of `category`, to join by category_id."""
        return self.database.read("category", "field")

    @cached_property
    def lead(self) -> Any:
        """The columns of `unit`, to join by the responsible unit."""
        return self.database.read("unit", "lead")

    @cached_property
    def slip_due_at(self) -> ColumnElement[Any]:
        """When the return slip is due."""
        return self.slip.due_at  # type: ignore[no-any-return]

    @cached_property
    def slip_checked_at(self) -> ColumnElement[Any]:
        """When the effect was checked."""
        return self.slip.effect_checked_at  # type: ignore[no-any-return]

    @cached_property
    def slip_issued_at(self) -> ColumnElement[Any]:
        """When the slip was issued."""
        return self.slip.issued_at  # type: ignore[no-any-return]

    @cached_property
    def instruction_issued_at(self) -> ColumnElement[Any]:
        """When the instruction was given."""
        return self.instruction.issued_at  # type: ignore[no-any-return]

    @cached_property
    def instruction_due_at(self) -> ColumnElement[Any]:
        """When the reply to the instruction is due."""
        return self.instruction.due_at  # type: ignore[no-any-return]

    @cached_property
    def assisting_due_at(self) -> ColumnElement[Any]:
        """When the assisting unit's answer is due."""
        return self.assisting.due_at  # type: ignore[no-any-return]

    @cached_property
    def listing_began_at(self) -> ColumnElement[Any]:
        """Put on the list; not before the registration, so that the balance of the list adds up."""
        listed = self.listing.listed_at
        return case((listed < self.columns.registered_at, self.columns.registered_at), else_=listed)

    @cached_property
    def listing_ended_at(self) -> ColumnElement[Any]:
        """Signed off and verified (销号); empty while one of the two is missing. Not before the listing."""
        listing, began = self.listing, self.listing_began_at
        later = case((listing.verified_at > listing.signed_off_at, listing.verified_at), else_=listing.signed_off_at)
        ended = case((listing.verified_at.is_not(None), later))
        return case((ended < began, began), else_=ended)

    @cached_property
    def is_on_list(self) -> Condition:
        """Listed, and not yet signed off."""
        ended = self.listing_ended_at
        return and_(self.exists, self.listing_began_at <= self.at, or_(ended.is_(None), ended > self.at))

    @cached_property
    def is_accusation(self) -> Condition:
        """检举控告: counted in county totals only."""
        if self.database.prepared:
            return self.columns.prepared_accusation.is_(True)  # type: ignore[no-any-return]
        return func.coalesce(self.columns.purpose, "") == "accusation"


def cases_at(database: CaseDatabase, at: datetime) -> Cases:
    """The cases of `database` as they are at `at`."""
    return Cases(database, literal(at, schema.Moment), at)


def cases_by(database: CaseDatabase, at: ColumnElement[Any], earliest: datetime) -> Cases:
    """The cases, each seen at its own instant `at`, an expression that is never before `earliest`."""
    return Cases(database, at, earliest)


def as_then(database: CaseDatabase, at: datetime) -> list[tuple[Cases, list[Condition]]]:
    """The cases at `at`, in parts that make up all of them: each part and what says that a case belongs to it.

    In a copy the few that an event has changed since stand apart, so that the others are as they are on record.
    """
    then = cases_at(database, at)
    changes = [kind for kind, matter in zip(("reopened", "reassigned"), then.kinds_in_force, strict=True) if matter]
    if not (database.prepared and changes and then.knows_last(changes)):
        return [(then, [])]
    settled, apart = replace(then, as_recorded=True), replace(then, part="apart")
    changed = or_(*settled.changed_after(at, changes))
    return [
        (settled, [~func.coalesce(changed, false())]),
        (apart, [or_(*apart.changed_after(at, changes))]),
    ]


def those(cases: Cases, condition: Condition) -> Any:
    """The rows that meet a condition, to look at no others (`Cases.rows`): for few among very many."""
    every = cases.columns
    columns = {name: column for name, column in vars(every).items() if name != "source"}
    found = select(*(column.label(name) for name, column in columns.items())).select_from(every.source).where(condition)
    rows = once(found, "petition_case_apart")
    return SimpleNamespace(source=rows, **{name: rows.c[name] for name in columns})
