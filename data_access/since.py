"""Since the last meeting: cases at the end of an earlier day beside the same cases now.

Every number is a set of cases that compares two states, and opens them. Where a read-only
copy was kept for the earlier day (`frozen`), that state is what was really shown then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Select, and_, case, false, func, or_, select, true

from data_access import frozen, queries
from data_access.database import CaseDatabase
from data_access.deadlines import last_moment
from data_access.dialect import one_of
from data_access.filters import CaseFilter
from data_access.flows import between_where
from data_access.frozen import Frozen
from data_access.periods import Span, last_complete_month, month_span
from data_access.state import Cases, Condition, cases_at

CLEARED: Final = ("cleared_closed", "cleared_extended", "cleared_other")
LATE: Final = ("overdue_then", "newly_overdue", "no_longer_overdue", *CLEARED, "still_overdue")
CHANGED: Final = ("changed_closing", "changed_unit", "changed_due", "changed_added")
"""Why the state of a case at the earlier day differs between the copy and today's records."""
SINCE: Final = (*LATE, "reopened_since", "extended_since", *CHANGED)
"""Numbers that compare the end of an earlier day (`since_day` of a question) with now."""
FLOWS: Final = ("registered", "closed", "supervised_new", "supervised_again", "signed_off")
"""Indicators of the days in between."""
NEEDS: Final = {
    "reopened_since": ("case_event.case_id", "case_event.kind", "case_event.at"),
    "extended_since": ("extended_at",),
    "cleared_extended": ("extended_at",),
}
_IN_ONE_STATEMENT: Final = 500
_KEYS_AT_ONCE: Final = 20_000


def can_tell(database: CaseDatabase, item: str) -> bool:
    """Whether the database has what an item of `SINCE` needs."""
    return database.has(*NEEDS.get(item, ()))


# --- the day that is compared


def last_meeting(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> tuple[date, bool]:
    """The day of the last meeting before the effective day, and True.

    Where no meeting is on record, the end of the last complete statistical month before that day, and False.
    """
    met = _last_meeting(connection, database, case_filter)
    if met:
        return met, True
    rule = database.settings.period
    month = last_complete_month(case_filter.today, rule)
    day = month_span(month, month, rule).end
    return (day if day < case_filter.today else month_span(month - 1, month - 1, rule).end), False


def _last_meeting(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> date | None:
    if not database.has("meeting_decision.meeting_on"):
        return None
    held = database.read("meeting_decision").meeting_on
    latest = connection.execute(select(func.max(held)).where(held < last_moment(case_filter.today - timedelta(1))))
    day: datetime | None = latest.scalar()
    return day.date() if day else None


def _met_on(connection: Connection, database: CaseDatabase, day: date) -> bool:
    if not database.has("meeting_decision.meeting_on"):
        return False
    held = database.read("meeting_decision").meeting_on
    on_that_day = [held > last_moment(day - timedelta(1)), held <= last_moment(day)]
    return connection.execute(select(held).where(*on_that_day).limit(1)).first() is not None


# --- the cases of an item


def since_where(
    database: CaseDatabase, case_filter: CaseFilter, item: str, then: date, unit: str | None = None
) -> tuple[Cases, list[Condition]]:
    """The cases that an item of `SINCE` counts, as a WHERE clause; of one responsible unit (of either day) if given."""
    now, earlier = cases_at(database, case_filter.at), last_moment(then)
    if earlier >= case_filter.at:
        return now, [false()]
    if item in CHANGED:
        ids = record_changes(database, case_filter, then)[item]
        return now, [now.exists, now.case_id.in_(sorted(ids))]
    here = [*case_filter.where(now), *_of_unit(now, unit)]
    if item == "reopened_since":
        between = case_filter.over(Span(then + timedelta(1), case_filter.today))
        now, where = between_where(database, between, "reopened")
        return now, [*where, *_of_unit(now, unit)]
    if item == "extended_since":
        return now, [*here, now.exists, _extended(now, earlier)]
    were_late = now.case_id.in_(_overdue_then(database, case_filter, then, unit))
    if item == "overdue_then":
        return now, [now.exists, were_late]
    if item == "newly_overdue":
        return now, [*here, now.is_overdue, ~were_late]
    if item == "still_overdue":
        return now, [*here, now.is_overdue, were_late]
    cleared = [now.exists, were_late, ~_surely(and_(now.is_overdue, *here))]
    return now, [*cleared, *({} if item == "no_longer_overdue" else _ways_out(now, earlier)[item])]


def _ways_out(now: Cases, earlier: datetime) -> dict[str, list[Condition]]:
    """How a case that is not overdue any more came to be so, by `CLEARED`."""
    extended = _surely(and_(_extended(now, earlier), ~_surely(now.is_overdue)))
    ways = ([now.is_closed], [now.is_open, extended], [now.is_open, ~extended])
    return dict(zip(CLEARED, ways, strict=True))


def _surely(condition: Condition) -> Condition:
    return func.coalesce(condition, false())


def _extended(now: Cases, earlier: datetime) -> Condition:
    return and_(now.extended_at > earlier, now.extended_at <= now.at)


def _of_unit(cases: Cases, unit: str | None) -> list[Condition]:
    if unit is None:
        return []
    lead = cases.lead_unit_id
    return [lead == unit if unit else or_(lead.is_(None), lead == "")]


def _overdue_then(
    database: CaseDatabase, case_filter: CaseFilter, then: date, unit: str | None
) -> Select[Any] | list[str]:
    """The keys of the cases that were overdue at the end of `then`, by the copy of that day where there is one."""
    copy = frozen.opened(database, then)
    cases = cases_at(copy or database, last_moment(then))
    where = [*case_filter.where(cases), *_of_unit(cases, unit), cases.is_overdue, ~cases.is_accusation]
    statement = select(cases.case_id).select_from(cases.source).where(*where).correlate(None)
    if copy is None:
        return statement
    with copy.reading() as connection:
        return list(connection.execute(statement).scalars())


# --- what the records say of the earlier day, beside what was shown on it


@dataclass(frozen=True)
class _Open:
    """An open case at the earlier day: its responsible unit and the deadline of its clock."""

    unit: str | None
    due: datetime | None


def record_changes(database: CaseDatabase, case_filter: CaseFilter, then: date) -> dict[str, frozenset[str]]:
    """The keys of cases whose state at the end of `then` differs between the copy and today's records, by `CHANGED`.

    Open cases are compared; one counts where the filter holds it in either of the two. `gone`:
    open in the copy and no longer on record. Empty without a copy.
    """
    names = (*CHANGED, "gone")
    copy = frozen.opened(database, then)
    if copy is None:
        return dict.fromkeys(names, frozenset())
    shown, recorded = _open_at(copy, then), _open_at(database, then)
    inside = _inside(copy, case_filter, then) | _inside(database, case_filter, then)
    left = {key for key in shown.keys() - recorded.keys() if key in inside}
    came = {key for key in recorded.keys() - shown.keys() if key in inside}
    both = shown.keys() & recorded.keys() & inside
    on_record, in_copy = _existing(database, left), _existing(copy, came)
    moved = {key for key in both if shown[key].unit != recorded[key].unit}
    return {
        "changed_closing": frozenset(left & on_record | came & in_copy),
        "changed_unit": frozenset(moved),
        "changed_due": frozenset(key for key in both - moved if shown[key].due != recorded[key].due),
        "changed_added": frozenset(came - in_copy),
        "gone": frozenset(left - on_record),
    }


def _open_at(database: CaseDatabase, day: date) -> dict[str, _Open]:
    cases = cases_at(database, last_moment(day))
    where = [cases.is_open, ~cases.is_accusation]
    columns = (cases.case_id, cases.lead_unit_id, cases.due)
    with database.reading() as connection:
        rows = connection.execute(select(*columns).select_from(cases.source).where(*where))
        return {case_id: _Open(unit, due) for case_id, unit, due in rows}


def _inside(database: CaseDatabase, case_filter: CaseFilter, day: date) -> set[str]:
    cases = cases_at(database, last_moment(day))
    where = [*case_filter.where(cases), cases.is_open, ~cases.is_accusation]
    with database.reading() as connection:
        return set(connection.execute(select(cases.case_id).select_from(cases.source).where(*where)).scalars())


def _existing(database: CaseDatabase, keys: set[str]) -> set[str]:
    """Those of `keys` that the database has a case of, whatever its state."""
    case, listed, present = database.read("petition_case"), sorted(keys), set()
    with database.reading() as connection:
        for start in range(0, len(listed), _IN_ONE_STATEMENT):
            part = listed[start : start + _IN_ONE_STATEMENT]
            present |= set(connection.execute(select(case.case_id).where(case.case_id.in_(part))).scalars())
    return present


# --- the whole page


@dataclass(frozen=True)
class Since:
    """What changed between the end of the day `then` and now, in cases.

    `is_meeting`: a meeting was held on that day. `counts` by item of `SINCE`, as far as the
    database can tell; `then` + `newly_overdue` − `no_longer_overdue` − `gone` = `overdue`, where
    `gone` were overdue in the copy and are not on record any more. `flows` by indicator of
    `FLOWS`, of the days from `first_day` to `last_day`. `by_unit`: group, then, newly, cleared,
    now of overdue cases, in the units' fixed order; a case that was reassigned is cleared at one
    unit and new at the other. `copy`: what was kept for that day.
    """

    day: date
    is_meeting: bool
    then: int
    overdue: int
    counts: dict[str, int]
    flows: dict[str, int]
    by_unit: pd.DataFrame
    first_day: date
    last_day: date
    gone: int = 0
    copy: Frozen | None = None

    @property
    def net(self) -> int:
        """More overdue cases now than then; negative where there are fewer."""
        return self.overdue - self.then


def changes_between(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, then: date, _copy_made: str = ""
) -> Since:
    """What changed since the end of `then`. `_copy_made` only tells answers before and after a copy apart."""
    before, now = late_between(connection, database, case_filter, then)
    others = [item for item in SINCE if item not in LATE and can_tell(database, item)]
    counts = _late_counts(connection, database, case_filter, then, before, now)
    counts |= {item: count(connection, database, case_filter, item, then) for item in others}
    copy = frozen.found(database, then)
    between = case_filter.over(Span(then + timedelta(1), case_filter.today))
    flows = queries.measure(connection, database, between, FLOWS)
    return Since(
        day=then,
        is_meeting=_met_on(connection, database, then),
        then=len(before),
        overdue=len(now),
        counts=counts,
        flows={key: int(n or 0) for key, n in zip(flows["indicator"], flows["numerator"], strict=True)},
        by_unit=by_unit(before, now, database),
        first_day=then + timedelta(1),
        last_day=case_filter.today,
        gone=len(before) - counts["overdue_then"],
        copy=copy,
    )


def _late_counts(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    then: date,
    before: dict[str, str],
    now: dict[str, str],
) -> dict[str, int]:
    """The counts of `LATE`, as far as the database can tell, given `late_between`: what became of the others is asked.

    As long as the lists of `since_where`.
    """
    left = sorted(before.keys() - now.keys())
    items = ["no_longer_overdue", *CLEARED]
    cases, found = cases_at(database, case_filter.at), [0] * len(items)
    is_how = [and_(true(), *each) for each in ((), *_ways_out(cases, last_moment(then)).values())]
    for start in range(0, max(len(left), 1), _KEYS_AT_ONCE):
        those = one_of(database.engine.dialect.name, cases.case_id, left[start : start + _KEYS_AT_ONCE])
        counted = [func.sum(case((each, 1), else_=0)) for each in is_how]
        statement = select(*counted).where(those, cases.exists, ~cases.is_accusation).select_from(cases.source)
        found = [total + int(n or 0) for total, n in zip(found, connection.execute(statement).one(), strict=True)]
    still = len(before.keys() & now.keys())
    counts = {
        "overdue_then": still + found[0],
        "newly_overdue": len(now.keys() - before.keys()),
        "still_overdue": still,
    }
    counts |= dict(zip(items, found, strict=True))
    return {item: counts[item] for item in LATE if can_tell(database, item)}


def count(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, item: str, then: date) -> int:
    """How many cases an item counts; accusations are in none."""
    cases, where = since_where(database, case_filter, item, then)
    where = [*where, ~cases.is_accusation]
    return int(connection.execute(select(func.count()).select_from(cases.source).where(*where)).scalar() or 0)


def late_between(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, then: date
) -> tuple[dict[str, str], dict[str, str]]:
    """The cases overdue at the end of `then`, and those overdue now: the responsible unit by the case's key."""
    copy, earlier = frozen.opened(database, then), last_moment(then)
    now = _late_by_case(connection, database, case_filter, case_filter.at)
    if copy is None:
        return _late_by_case(connection, database, case_filter, earlier), now
    with copy.reading() as shown:
        return _late_by_case(shown, copy, case_filter, earlier), now


def _late_by_case(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, at: datetime
) -> dict[str, str]:
    """The responsible unit of each case that is overdue at the instant, by the case's key."""
    cases = cases_at(database, at)
    where = [*case_filter.where(cases), cases.is_overdue, ~cases.is_accusation]
    columns = (cases.case_id, cases.lead_unit_id)
    rows = connection.execute(select(*columns).select_from(cases.source).where(*where))
    return {case_id: unit or "" for case_id, unit in rows}


def by_unit(then: dict[str, str], now: dict[str, str], database: CaseDatabase) -> pd.DataFrame:
    """Overdue cases of `late_between`: group, then, newly, cleared, now, in the units' fixed order."""
    units = dict.fromkeys(unit for unit in database.names.units if unit in {*then.values(), *now.values()})
    units |= dict.fromkeys(sorted({*then.values(), *now.values()} - units.keys()))
    before, after = set(then.items()), set(now.items())

    def by(cases: set[tuple[str, str]]) -> list[int]:
        found = pd.Series([unit for _, unit in cases], dtype=object).value_counts()
        return [int(found.get(unit, 0)) for unit in units]

    columns = {"then": by(before), "newly": by(after - before), "cleared": by(before - after), "now": by(after)}
    return pd.DataFrame({"group": list(units), **columns})


# --- decisions


@dataclass(frozen=True)
class Decisions:
    """What the last meeting decided (议定事项), and what earlier ones did and is still not done.

    `rows`: meeting, item, unit, due, done, state, the last meeting first and in the order of its
    minutes. States: done, done_late, done_undated (said to be done, no day), late (due and not
    done), running.
    """

    meeting: date
    rows: pd.DataFrame

    def count(self, *states: str) -> int:
        """How many decisions of the last meeting are in one of these states."""
        of_it = self.rows["meeting"] == self.meeting
        return int((of_it & self.rows["state"].isin(states)).sum())


def decisions(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Decisions | None:
    """The decisions for the filter's units as they stand now; None where no meeting is on record."""
    met = _last_meeting(connection, database, case_filter)
    if met is None or not database.has("meeting_decision.item"):
        return None
    read, at = database.read("meeting_decision"), case_filter.at
    columns = ("meeting_on", "item", "unit_id", "due_at", "done_at", "result")
    statement = (
        select(*(getattr(read, name).label(name) for name in columns))
        .where(read.meeting_on <= last_moment(met))
        .order_by(read.meeting_on.desc(), read.decision_id)
    )
    kinds, rows = database.names.kinds, []
    for meeting_on, item, unit, due, done, result in connection.execute(statement):
        if case_filter.unit and unit not in case_filter.unit:
            continue
        if case_filter.kind and kinds.get(unit) not in case_filter.kind:
            continue
        known = done if done is not None and done <= at else None
        state = _state(due, known, said_done=result == "done" and done is None, at=at)
        if meeting_on.date() == met or state in ("late", "running"):
            rows.append((meeting_on.date(), item, unit or "", due, known, state))
    return Decisions(met, pd.DataFrame(rows, columns=["meeting", "item", "unit", "due", "done", "state"]))


def _state(due: datetime | None, done: datetime | None, *, said_done: bool, at: datetime) -> str:
    if done:
        return "done_late" if due and done > due else "done"
    if said_done:
        return "done_undated"
    return "late" if due and due <= at else "running"
