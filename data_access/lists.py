"""The cases behind any number, and one case from registration to closing.

A `Question` names a number: the indicator, which of its parts, and the group or days it
was shown for. Its cases are selected by the very conditions that counted them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)

from data_access import schema
from data_access.accountability import is_listed_now
from data_access.database import CaseDatabase
from data_access.dialect import day_of, end_of_day
from data_access.dimensions import DIMENSIONS, group_of, source_of
from data_access.faults import ANY, ASKED, KEYS, fault_where
from data_access.filters import CaseFilter
from data_access.flows import BETWEEN, LIST_MOVES, between_where, list_moves_where
from data_access.indicator import Indicator
from data_access.indicators import MEASURES
from data_access.keyset import END, START, Order, Place
from data_access.limits import PASSING, passing, passing_days
from data_access.periods import Span
from data_access.problems import Problem
from data_access.since import SINCE, since_where
from data_access.state import BEGINNING, OF_CLOSED, Cases, Condition, cases_at
from data_access.windows import in_window, ways, window_of

PARTS: Final = ("numerator", "denominator", "rest")
ORDERS: Final = ("due", "registered", "closed", "case_no")
PAGE: Final = 50
_AT_ONCE: Final = 5_000
"""Cases that are read at once where a whole list is."""


@dataclass(frozen=True)
class Question:
    """What a number asks: `of` = indicator and part, `at` = (dimension, value) pairs; all cases when `of` is empty.

    Parts: numerator, denominator, rest (denominator without numerator). Dimensions are
    those of `dimensions.DIMENSIONS`, and `days` (`2026-05-01..2026-05-31`, an open start
    allowed), `cohort` (days of registration, whose cases are seen at the filter's instant and not at the end
    of these days), `late` (days overdue, `8..30`), `since` (`period` or `before`: when it fell due),
    `since_day` (the earlier day that `since.SINCE` compares with), and those of `limits.PASSING`.
    The part of a `faults.ASKED` question is a fault of `faults.KEYS`; its `today` (`2026-11-24`) is the day
    after which moments are in the future.
    """

    of: str = ""
    part: str = "denominator"
    at: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, of: str, at: list[str]) -> Question:
        """The question of the URL parameters `of` and `at`; raises Problem where they name nothing."""
        key, _, part = of.partition(".")
        pairs = tuple((name, value) for name, _, value in (pair.partition(":") for pair in at))
        known = not of or key in MEASURES or key in (*BETWEEN, *LIST_MOVES, *SINCE, *ASKED)
        dimensions = {*DIMENSIONS, *PASSING, "days", "cohort", "late", "since", "since_day", "today"}
        parts = (*KEYS, ANY) if key in ASKED else PARTS
        if not known or (part or "denominator") not in parts or any(name not in dimensions for name, _ in pairs):
            raise Problem("unknown_question")
        question = cls(key, part or "denominator", pairs)
        if (
            key in MEASURES
            and MEASURES[key].confidential
            and (question.part != "denominator" or not MEASURES[key].is_rate)
        ):
            raise Problem("rating_not_listed")
        counted = MEASURES["supervised"] if key in LIST_MOVES else MEASURES.get(key)
        if not all(DIMENSIONS[name].fits(counted) for name, _ in pairs if name in DIMENSIONS):
            raise Problem("unknown_question")
        question.days()
        if question.cohort() and (counted is None or counted.moment != "registered_at"):
            raise Problem("unknown_question")
        question.late()
        question.today()
        for name, value in pairs:
            if name in PASSING:
                passing_days(value)
        if (question.since_day() is not None) != (key in SINCE):
            raise Problem("unknown_question")
        if question._value("since") not in (None, "period", "before"):
            raise Problem("unknown_question")
        return question

    def url(self) -> dict[str, str | list[str]]:
        """The URL parameters that ask this question."""
        return {"of": f"{self.of}.{self.part}", "at": [f"{name}:{value}" for name, value in self.at]}

    def _value(self, name: str) -> str | None:
        return next((value for key, value in self.at if key == name), None)

    def days(self) -> Span | None:
        """The days asked for, where they are not the filter's period."""
        return self._span("days")

    def cohort(self) -> Span | None:
        """The days of registration asked for, whose cases are seen at the filter's own instant."""
        return self._span("cohort")

    def _span(self, name: str) -> Span | None:
        value = self._value(name)
        if value is None:
            return None
        start, _, end = value.partition("..")
        try:
            return Span(date.fromisoformat(start) if start else None, date.fromisoformat(end))
        except ValueError as error:
            raise Problem("unknown_question") from error

    def late(self) -> tuple[int, int | None] | None:
        """The band of days overdue asked for, the upper end open or not."""
        value = self._value("late")
        if value is None:
            return None
        low, _, high = value.partition("..")
        if len(value) > 12:  # more days than there are dates
            raise Problem("unknown_question")
        try:
            return int(low), int(high) if high else None
        except ValueError as error:
            raise Problem("unknown_question") from error

    def since_day(self) -> date | None:
        """The earlier day to compare with."""
        return self._day("since_day")

    def today(self) -> date | None:
        """The day after which moments are in the future."""
        return self._day("today")

    def _day(self, name: str) -> date | None:
        value = self._value(name)
        try:
            return date.fromisoformat(value) if value is not None else None
        except ValueError as error:
            raise Problem("unknown_question") from error

    def seen_by(self, case_filter: CaseFilter) -> CaseFilter:
        """The filter with the question's own days, if it has any."""
        days = self.days()
        return case_filter.over(days) if days else case_filter


@dataclass(frozen=True)
class CasePage:
    """Some of the cases: `rows` in order, `total` of them in all, `entries` where one case counts several times.

    `first`: the position of the first row in the whole list, from 1; 0 where there is none. `previous` and
    `next`: the places of the pages beside this one, None at the ends.

    Columns: case_no, lead_unit_id, category_id, township_id, channel, track, registered_at,
    due_at, closed_at, is_open, is_overdue, was_late, extended, supervised, days_overdue; and of the
    step it is at (`Cases.stage`): stage, stage_began_at, stage_due_at, days_left (whole calendar days,
    negative = late), share_used (of the step's time, 0-1, more when late), due_source (`stated` or
    `computed`: whether the source states the deadline, the step's or, of a closed case, that of closing).
    """

    rows: pd.DataFrame
    total: int
    entries: int
    first: int = 0
    previous: Place | None = None
    next: Place | None = None

    @property
    def last(self) -> int:
        """The position of the last row; 0 where there is none."""
        return self.first + len(self.rows) - 1 if self.first else 0


def case_list(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    question: Question,
    search: str = "",
    order: str = "due",
    descending: bool = False,
    limit: int | None = PAGE,
    place: Place = START,
) -> CasePage:
    """The cases behind a number; accusations are in no list. Everything is as of the effective instant.

    `place`: beside which row the page stands; where nothing lies there any more, the list begins anew. With
    `keyset.END` it is the last page, as leafing through would reach it.
    """
    seen = question.seen_by(case_filter)
    if limit is None:
        parts = list(every_case(connection, database, case_filter, question, search, order, descending))
        rows = pd.concat(parts, ignore_index=True)
        entries = _list_of(database, question, seen, search, order, descending).entries(connection)
        return CasePage(rows, len(rows), len(rows) if entries is None else entries, min(len(rows), 1))
    asked = _list_of(database, question, seen, search, order, descending)
    keys, total, entries, left = asked.page(connection, place, limit)
    if not keys and place != START:
        place = START
        keys, total, entries, left = asked.page(connection, place, limit)
    if place == END:
        keys, left = keys[: total % limit or limit], total
    first = left - len(keys) + 1 if place.back else total - left + 1
    if place.back:
        keys = keys[::-1]
    last = first + len(keys) - 1
    return CasePage(
        _rows(connection, database, seen, keys),
        total,
        entries,
        first if keys else 0,
        Place(keys[0].sort_key, keys[0].case_id, back=True) if keys and first > 1 else None,
        Place(keys[-1].sort_key, keys[-1].case_id) if keys and last < total else None,
    )


def every_case(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    question: Question,
    search: str = "",
    order: str = "due",
    descending: bool = False,
) -> Iterator[pd.DataFrame]:
    """The whole list as parts of some thousand rows, the columns those of `CasePage`; one empty part where none is.

    One statement puts the cases in order, and then each part is read by their keys, so that what is held is small.
    """
    seen = question.seen_by(case_filter)
    asked = _list_of(database, question, seen, search, order, descending)
    keys = list({key.case_id: key for key in asked.keys(connection, START, None)}.values())
    for start in range(0, max(len(keys), 1), _AT_ONCE):
        yield _rows(connection, database, seen, keys[start : start + _AT_ONCE])


class Key(NamedTuple):
    """A case's case_id and sort value; and when it was registered, by which its row is found faster."""

    case_id: str
    sort_key: datetime | str | None
    registered_at: datetime


@dataclass(frozen=True)
class _List:
    """A list to be read: the cases that match in any of several ways, no two of which hold for the same case."""

    cases: Cases
    where: list[Condition]
    ways: list[Condition]
    indicator: Indicator | None
    dimensions: list[str]
    order: Order

    @property
    def counts_entries(self) -> bool:
        """Whether several entries, such as slips, may concern one case, which is listed once."""
        return self.indicator is not None and self.indicator.table != "petition_case"

    @property
    def is_short(self) -> bool:
        """Whether few cases are expected, so that reading them once for page and count is cheaper than twice."""
        return self.counts_entries or bool(self.indicator and self.indicator.of_open and not self.indicator.moment)

    def _selects(self, *columns: ColumnElement[Any]) -> list[Select[Any]]:
        source = source_of(self.cases, self.indicator, self.dimensions)
        return [select(*columns).select_from(source).where(way, *self.where) for way in self.ways]

    def _of_key(self) -> list[ColumnElement[Any]]:
        """The columns of a `Key`."""
        columns = (self.order.case_id, self.order.key, self.cases.columns.registered_at)
        return [column.label(name) for column, name in zip(columns, Key._fields, strict=True)]

    def _matched(self) -> Any:
        """The matching cases as columns: those of a `Key`, n (entries)."""
        selects = self._selects(*self._of_key())
        matched = (union_all(*selects) if len(selects) > 1 else selects[0]).subquery("matched")
        found = matched.c
        undone = replace(self.cases, known_open=False).undone_closings if self.cases.known_open else None
        if undone is not None:
            # Of the few that match, leave out those whose closing, undone since, was in force at the instant.
            # The window keeps SQLite from joining each way with the undone closings, which would be made twice.
            once = select(*found, func.count().over().label("of")).subquery("once")
            found, at = once.c, self.cases.at
            then = and_(undone.c.case_id == found.case_id, undone.c.closed_at <= at, undone.c.reopened_at > at)
            still = select(*(found[name] for name in Key._fields)).select_from(once.outerjoin(undone, then))
            found = still.where(undone.c.case_id.is_(None)).subquery("still_open").c
        if not self.counts_entries:
            return found
        least = (func.min(found[name]).label(name) for name in Key._fields[1:])
        of_case = select(found.case_id, *least, func.count().label("n"))
        return of_case.group_by(found.case_id).subquery("matched_case").c

    def page(self, connection: Connection, place: Place, limit: int) -> tuple[list[Key], int, int, int]:
        """The keys on a page in reading order from `place`, cases in all, entries in all, cases from `place` on."""
        if not self.is_short:
            total, left = self._counts(connection, place)
            return (self.keys(connection, place, limit) if left else []), total, total, left
        matched = self._matched()
        beyond = replace(self.order, key=matched.sort_key, case_id=matched.case_id).beyond(place)
        left = _number_of(beyond)
        entries: Any = func.sum(matched.n) if self.counts_entries else func.count()
        counted = select(
            *(matched[name] for name in Key._fields),
            func.count().over().label("total"),
            entries.over().label("entries"),
            left.over().label("from_here"),
        ).subquery("counted")
        order = replace(self.order, key=counted.c.sort_key, case_id=counted.c.case_id)
        statement = select(counted).order_by(*order.by(back=place.back)).limit(limit + 1)
        beyond = order.beyond(place)
        rows = connection.execute(statement if beyond is None else statement.where(beyond)).all()
        if not rows:
            return [], 0, 0, 0
        every, entries_in_all, from_here = (int(count) for count in rows[0][len(Key._fields) :])
        return _whole([Key(*row[: len(Key._fields)]) for row in rows], limit), every, entries_in_all, from_here

    def keys(self, connection: Connection, place: Place, limit: int | None) -> list[Key]:
        """The keys from `place` on, in reading order."""
        if len(self.ways) == 1 and not self.is_short:
            order = self.order
            (statement,) = self._selects(*self._of_key())
        else:
            matched = self._matched()
            order = replace(self.order, key=matched.sort_key, case_id=matched.case_id)
            statement = select(*(matched[name] for name in Key._fields))
        beyond = order.beyond(place)
        if beyond is not None:
            statement = statement.where(beyond)
        statement = statement.order_by(*order.by(back=place.back))
        rows = connection.execute(statement if limit is None else statement.limit(limit + 1)).all()
        keys = [Key(*row) for row in rows]
        return keys if limit is None else _whole(keys, limit)

    def _counts(self, connection: Connection, place: Place) -> tuple[int, int]:
        """Cases in all, and from `place` on."""
        selects = self._selects(func.count(), _number_of(self.order.beyond(place)))
        counts = connection.execute(union_all(*selects) if len(selects) > 1 else selects[0]).all()
        return sum(int(total) for total, _ in counts), sum(int(left or 0) for _, left in counts)

    def entries(self, connection: Connection) -> int | None:
        """How many entries the list's cases have; None where each case is one."""
        if not self.counts_entries:
            return None
        return sum(connection.scalar(each) or 0 for each in self._selects(func.count()))


def _number_of(rows: Condition | None) -> Any:
    """The number of such rows; None: of all."""
    return func.count() if rows is None else func.sum(case((rows, 1), else_=0))


def _whole(keys: list[Key], limit: int) -> list[Key]:
    """The first `limit` of the keys, and no part of several rows of one number: they go to the next page together."""
    shown = keys[:limit]
    if len(keys) > limit and keys[limit].case_id == shown[-1].case_id:
        shown = [key for key in shown if key.case_id != shown[-1].case_id] or shown
    return shown


def _list_of(
    database: CaseDatabase, question: Question, seen: CaseFilter, search: str, order: str, descending: bool
) -> _List:
    cases, where, either, indicator = _asked(database, question, seen)
    where = [*where, ~cases.is_accusation]
    if search:
        where.append(cases.case_no.contains(search.strip(), autoescape=True))
    key = _ORDER_KEYS[order](cases)
    dimensions = [name for name, _ in question.at if name in DIMENSIONS]
    always = order == "registered" and (not question.of or question.of in MEASURES)
    in_order = Order(key, cases.case_id, descending, always)
    return _List(cases, where, either or [true()], indicator, dimensions, in_order)


def _rows(connection: Connection, database: CaseDatabase, seen: CaseFilter, keys: Sequence[Key]) -> pd.DataFrame:
    """The columns of the cases on a page, in the order of `keys`: of no others steps and deadlines are worked out."""
    places = {key.case_id: place for place, key in enumerate(keys)}
    cases = replace(cases_at(database, seen.at), among=tuple(places))
    columns = _columns(cases)
    # A number that is given twice, where numbers are the only keys, may also be that of a case not to be listed.
    # Worked out here and not as a condition, which would be tried on every row of the table first.
    listed = _flag(and_(cases.exists, ~cases.is_accusation))
    selected = {"case_id": cases.case_id, "listed": listed, **columns}
    statement = select(*(column.label(name) for name, column in selected.items())).select_from(cases.source)
    found = connection.execute(statement.where(_of_keys(cases, keys))).mappings().all() if keys else []
    rows = sorted((dict(row) for row in found if row["listed"]), key=lambda row: places[row["case_id"]])
    return _table(rows, list(columns), seen)


def _of_keys(cases: Cases, keys: Sequence[Key]) -> Condition:
    """The cases of the keys."""
    among, database = [key.case_id for key in keys], cases.database
    if not (database.prepared and database.has("case_id")):
        return cases.case_id.in_(among)
    # A copy has no index; it is in order of registration. Their ids are looked through over the time they are from,
    # and of the other columns only the rows found are read.
    sought = database.read("petition_case", "sought")
    first, last = (literal(end(key.registered_at for key in keys), schema.Moment) for end in (min, max))
    rows: Select[Any] = select(literal_column("sought.rowid")).select_from(sought.source)
    rows = rows.where(sought.case_id.in_(among), sought.registered_at.between(first, last))
    return literal_column("petition_case.rowid").in_(rows)


def _asked(
    database: CaseDatabase, question: Question, case_filter: CaseFilter
) -> tuple[Cases, list[Condition], list[Condition], Indicator | None]:
    """What a question selects: the cases, conditions, ways of which one must hold (none: no more), what is counted."""
    if question.of in BETWEEN:
        cases, where = between_where(database, case_filter, question.of)
        return cases, where, [], None
    if question.of in LIST_MOVES:
        cases, where = list_moves_where(database, case_filter, question.of)
        return cases, where, [], MEASURES["supervised"]
    if question.of in ASKED:
        cases, where = fault_where(database, case_filter, question.of, question.part, question.today())
        others = [(name, value) for name, value in question.at if name in DIMENSIONS]
        return cases, [*where, *(_in_group(cases, name, value, None) for name, value in others)], [], None
    then = question.since_day()
    if question.of in SINCE and then:
        cases, where = since_where(database, case_filter, question.of, then, question._value("unit"))
        others = [(name, value) for name, value in question.at if name in DIMENSIONS and name != "unit"]
        return cases, [*where, *(_in_group(cases, name, value, None) for name, value in others)], [], None
    indicator = MEASURES.get(question.of)
    cases = cases_at(database, case_filter.at)
    if indicator and _are_open(indicator):
        cases = replace(cases, known_open=True)  # the ways say so, and `_List`
    where, either = [cases.exists, *case_filter.where(cases)], list[Condition]()
    if indicator:
        among = indicator.base(cases) if indicator.is_rate else indicator.counted(cases)
        met = indicator.numerator(cases) if indicator.numerator else among
        part = {"numerator": and_(among, met), "denominator": among}
        part["rest"] = and_(among, ~func.coalesce(met, false()))
        window = window_of(case_filter)
        cohort = question.cohort()
        if cohort:
            window = replace(window_of(case_filter.over(cohort)), at=window.at)
        where.append(part[question.part])
        either = [and_(*way.conditions) for way in ways(cases, indicator, window)]
    for name, value in question.at:
        if name in DIMENSIONS:
            where.append(_in_group(cases, name, value, indicator))
    late = question.late()
    if late:
        where += _late_between(cases, *late)
    where += [passing(cases, name, value) for name, value in question.at if name in PASSING]
    since = question._value("since")
    if since == "before" and not case_filter.span.first:
        where.append(false())  # nothing is before the beginning
    elif since and case_filter.span.first:
        fell_due = cases.due >= case_filter.span.first
        where.append(fell_due if since == "period" else ~fell_due)
    return cases, where, either, indicator


def _are_open(indicator: Indicator) -> bool:
    """Whether it counts what is open at the instant, and `ways` finds it by that."""
    return indicator.of_open and indicator.moment is None and indicator.ahead is None


def _in_group(cases: Cases, name: str, value: str, indicator: Indicator | None) -> Condition:
    group = group_of(cases, name, indicator)
    return group == value if value else or_(group.is_(None), group == "")


def _late_between(cases: Cases, low: int, high: int | None) -> list[Condition]:
    """Due at least `low` days ago and at most `high`; the first band takes what fell due within the day."""
    where = [] if low <= 1 else [cases.due <= end_of_day(cases.at, -low)]
    return where if high is None else [*where, cases.due > end_of_day(cases.at, -high - 1)]


def _due_shown(cases: Cases) -> ColumnElement[Any]:
    return case((cases.on_clock, cases.due))


def _closing_shown(cases: Cases) -> ColumnElement[Any]:
    return case((cases.closed_at.is_not(None), func.coalesce(cases.closed_at, cases.columns.closed_at)))


_ORDER_KEYS: Final[dict[str, Callable[[Cases], ColumnElement[Any]]]] = {
    "due": _due_shown,
    "registered": lambda cases: cases.registered_at,
    "closed": _closing_shown,
    "case_no": lambda cases: cases.case_no,
}


def _columns(cases: Cases) -> dict[str, ColumnElement[Any]]:
    return {
        "case_no": cases.case_no,
        "lead_unit_id": cases.lead_unit_id,
        "category_id": cases.category_id,
        "township_id": cases.township_id,
        "channel": cases.channel,
        "track": cases.track,
        "registered_at": cases.registered_at,
        "due_at": _due_shown(cases),
        "closed_at": _closing_shown(cases),
        "is_open": _flag(cases.is_open),
        "is_overdue": _flag(cases.is_overdue),
        "was_late": _flag(and_(cases.on_clock, cases.closed_at > cases.due)),
        "extended": _flag(cases.extended_at <= cases.at),
        "supervised": _flag(is_listed_now(cases)),
        "stage": cases.stage,
        **_of_steps(cases),
    }


def _of_steps(cases: Cases) -> dict[str, ColumnElement[Any]]:
    """When each step with a limit begins and ends; which of them is meant, the column `stage` says.

    An expression that picks the right one would repeat the conditions of all of them.
    """
    found: dict[str, ColumnElement[Any]] = {}
    for step in cases.steps:
        found[f"{step.code}.began_at"] = step.began_at
        found[f"{step.code}.due"] = step.due
        found[f"{step.code}.is_stated"] = _flag(step.is_stated)
    return found


def _flag(condition: Condition) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def days_overdue(due: date, today: date) -> int:
    """Whole days past the day of a deadline; at least 1, since what is late is late."""
    return max((today - due).days, 1)


def days_left(due: datetime | None, at: datetime) -> int | None:
    """Whole days until the day of a deadline, 0 on the day itself; at most -1 where it is past (`days_overdue`)."""
    if due is None:
        return None
    return -days_overdue(due.date(), at.date()) if due <= at else (due.date() - at.date()).days


def share_used(began: datetime | None, due: datetime | None, at: datetime) -> float | None:
    """How much of the time from `began` to `due` is used at `at`: 0-1, more when late. A step lasts a day at least."""
    if began is None or due is None:
        return None
    return max((at - began) / max(due - began, timedelta(days=1)), 0.0)


_SOURCES: Final[dict[Any, str]] = {1: "stated", 0: "computed"}
_MOMENTS: Final = ("registered_at", "due_at", "closed_at", "stage_began_at", "stage_due_at")
_FLAGS: Final = ("is_open", "is_overdue", "was_late", "extended", "supervised")


def _with_days(row: Mapping[str, Any], case_filter: CaseFilter) -> dict[str, Any]:
    """A row of `_columns` as `CasePage` has it: with its step, in place of all steps, and what is counted in days."""
    stage, due = row["stage"], row["due_at"]
    began, limit = row.get(f"{stage}.began_at"), row.get(f"{stage}.due")
    is_stated = row.get(f"{stage}.is_stated")
    if is_stated is None and due is not None:
        is_stated = row["closing.is_stated"]
    return {name: value for name, value in row.items() if "." not in name} | {
        "stage_began_at": began,
        "stage_due_at": limit,
        "days_overdue": days_overdue(due.date(), case_filter.today) if due is not None and row["is_overdue"] else None,
        "days_left": days_left(limit, case_filter.at),
        "share_used": share_used(began, limit, case_filter.at),
        "due_source": _SOURCES.get(is_stated),
    }


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str], case_filter: CaseFilter) -> pd.DataFrame:
    """Rows of `_columns`, whose names are `names`, as the columns of `CasePage`."""
    shown = [name for name in names if "." not in name]
    counted = ("stage_began_at", "stage_due_at", "days_overdue", "days_left", "share_used", "due_source")
    every = [_with_days(row, case_filter) for row in rows]
    columns: dict[str, Any] = {name: [row[name] for row in every] for name in (*shown, *counted)}
    for name in _MOMENTS:
        columns[name] = np.array(columns[name], dtype="datetime64[us]")
    for name in _FLAGS:
        columns[name] = np.array(columns[name], dtype=bool)
    for name in ("days_overdue", "days_left"):
        columns[name] = pd.array(columns[name], dtype="Int64")
    columns["share_used"] = np.array(columns["share_used"], dtype=float)
    columns["due_source"] = pd.Series(columns["due_source"], dtype=object)
    return pd.DataFrame(columns)


def open_by_step(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> pd.DataFrame:
    """Open cases by the step they are at: stage, left_out, open, late (past its limit), soon (due within 7 days).

    `left_out`: why a case is outside the closing clock. One statement for all steps and reasons.
    """
    cases = cases_at(database, case_filter.at)
    soon = end_of_day(cases.at, database.settings.thresholds.due_soon_days[0])
    are_open = in_window(cases, MEASURES["open"], window_of(case_filter))  # the same, as ranges an index can find
    where = [*case_filter.where(cases), are_open, cases.is_open, ~cases.is_accusation]
    steps = [step for step in cases.steps if step.code not in OF_CLOSED]
    stage = case(*((step.holds, literal_column(f"'{step.code}'")) for step in steps), else_=literal_column("'outside'"))
    due_at = case(*((step.holds, step.due) for step in steps))
    each = select(stage.label("stage"), cases.left_out.label("left_out"), due_at.label("due")).where(*where)
    of_case = each.select_from(cases.source).subquery("open_case")
    due = of_case.c.due
    late = func.sum(case((due <= cases.at, 1), else_=0))
    ahead = func.sum(case((and_(due > cases.at, due <= soon), 1), else_=0))
    group = (of_case.c.stage, of_case.c.left_out)
    rows = connection.execute(select(*group, func.count(), late, ahead).group_by(*group)).all()
    counts = {"open": "int64", "late": "int64", "soon": "int64"}
    return pd.DataFrame(rows, columns=["stage", "left_out", *counts]).astype(counts)


def overdue_by_day(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> pd.DataFrame:
    """What is late now: unit, due_day, days_overdue, n. One statement; bands and units are folded from it."""
    cases = cases_at(database, case_filter.at)
    day = day_of(cases.due).label("due_day")
    unit = cases.lead_unit_id.label("unit")
    where = [*case_filter.where(cases), cases.is_overdue, ~cases.is_accusation]
    statement = select(unit, day, func.count().label("n")).select_from(cases.source).where(*where)
    statement = statement.group_by(unit, day)
    found = pd.DataFrame(connection.execute(statement).mappings().all(), columns=["unit", "due_day", "n"])
    found["due_day"] = pd.to_datetime(found["due_day"])
    found["days_overdue"] = [days_overdue(due.date(), case_filter.today) for due in found["due_day"]]
    return found


def overdue_by_unit_and_field(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> pd.DataFrame:
    """unit, field (top-level category), open on a clock, overdue, before: where late cases pile up.

    `before`: of the overdue ones, those that fell due before the period.
    """
    columns = ["unit", "field", "open", "overdue", "before"]
    cases = cases_at(database, case_filter.at)
    has_field = database.has("category_id")
    unit = cases.lead_unit_id.label("unit")
    field = (group_of(cases, "field", None) if has_field else null()).label("field")
    is_late = and_(cases.due <= cases.at)
    begins = literal(case_filter.span.first or BEGINNING, schema.Moment)
    late, before = (func.sum(case((each, 1), else_=0)) for each in (is_late, and_(is_late, cases.due < begins)))
    are_open = in_window(cases, MEASURES["open"], window_of(case_filter))  # the same, as ranges an index can find
    where = [*case_filter.where(cases), are_open, cases.is_open, cases.on_clock_while_open, ~cases.is_accusation]
    source = source_of(cases, None, ["field"] if has_field else [])
    statement = select(unit, field, func.count(), late, before).select_from(source).where(*where)
    statement = statement.group_by(unit, field) if has_field else statement.group_by(unit)
    found = pd.DataFrame([tuple(row) for row in connection.execute(statement)], columns=columns)
    return found.astype({"open": "int64", "overdue": "int64", "before": "int64"})


@dataclass(frozen=True)
class Story:
    """One case from registration to closing, as of the effective instant.

    `row`: the columns of `case_list`. `moments`: key, at, due (the limit it is measured
    against, if any) in order. `events`: kind, at, from_unit_id, to_unit_id. `assisting`:
    unit_id, asked_at, due_at, answered_at. Ratings are in none of them. `steps`: the steps with
    a limit that it has reached, by key of `deadlines.STEPS`, in order: step, began_at, due_at,
    is_stated (else computed), done_at; and days_left (negative = late) of those that are not done.
    """

    row: dict[str, Any]
    moments: pd.DataFrame
    steps: pd.DataFrame
    events: pd.DataFrame
    assisting: pd.DataFrame


MOMENTS: Final = (
    "petitioned_at",
    "registered_at",
    "forwarded_at",
    "unit_received_at",
    "objected_at",
    "noticed_at",
    "accepted_at",
    "not_accepted_at",
    "extended_at",
    "answered_at",
    "closed_at",
    "resolved_at",
    "review_applied_at",
    "review_decided_at",
    "rereview_applied_at",
    "rereview_decided_at",
    "followed_up_at",
    "reported_at",
    "legal_reviewed_at",
)
LIMITS: Final = {
    "forwarded_at": "forwarding_due",
    "noticed_at": "acceptance_due",
    "closed_at": "due",
    "review_decided_at": "review_due",
    "rereview_decided_at": "rereview_due",
    "followed_up_at": "follow_up_due_at",
    "reported_at": "report_due_at",
}


def case_story(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, case_no: str) -> Story:
    """One case by its number, whatever the filter's period. Raises Problem where there is none to show."""
    cases = cases_at(database, case_filter.at)
    columns = _columns(cases)
    moments = {name: getattr(cases.columns, name) for name in MOMENTS}
    limits = {f"{name}_limit": getattr(cases, limit) for name, limit in LIMITS.items()}
    limits |= {f"{name}_limit": getattr(cases, name) for name in _WINDOWS}
    more = {"purpose": cases.purpose, "case_id": cases.case_id, "disposition": cases.disposition}
    more |= {"received_at": cases.received_at, "acceptance_stated": cases.acceptance_due_at}
    more |= {"review_stated": cases.review_due_at, "rereview_stated": cases.rereview_due_at}
    selected = {**columns, **{f"{name}_moment": moment for name, moment in moments.items()}, **limits, **more}
    statement = (
        select(*(column.label(name) for name, column in selected.items()))
        .select_from(cases.source)
        .where(cases.case_no == case_no, cases.exists)
        .limit(1)
    )
    found = connection.execute(statement).mappings().first()
    if found is None:
        raise Problem("no_such_case", number=case_no)
    if found["purpose"] == "accusation":
        raise Problem("accusation_not_listed")
    at = case_filter.at
    reached = [
        (name, found[f"{name}_moment"], found.get(f"{name}_limit"))
        for name in MOMENTS
        if found[f"{name}_moment"] and found[f"{name}_moment"] <= at
    ]
    ahead = [
        (name, None, found[f"{name}_limit"])
        for name in ("noticed_at", "closed_at")
        if found["is_open"]
        and found[f"{name}_limit"]
        and not (found[f"{name}_moment"] and found[f"{name}_moment"] <= at)
    ]

    def happened(table: str, *names: str) -> pd.DataFrame:
        return _of_case(connection, database, table, found["case_id"], at, *names)

    rows = _table([{name: found[name] for name in columns}], list(columns), case_filter)
    return Story(
        row={str(name): value for name, value in rows.iloc[0].items()} | {"disposition": found["disposition"]},
        moments=pd.DataFrame([*reached, *ahead], columns=["moment", "at", "due"]),
        steps=_story_steps(dict(found), at),
        events=_of_case(
            connection, database, "case_event", found["case_id"], at, "kind", "at", "from_unit_id", "to_unit_id"
        ),
        assisting=_of_case(
            connection, database, "case_unit", found["case_id"], at, "unit_id", "asked_at", "due_at", "answered_at"
        ),
    )


_WINDOWS: Final = ("objection_due", "review_apply_due", "rereview_apply_due")
_NOTICES: Final = ("noticed_at", "accepted_at", "not_accepted_at", "objected_at")


def _story_steps(found: dict[str, Any], at: datetime) -> pd.DataFrame:
    """The table `Story.steps` of one row of `case_story`."""

    def happened(*names: str) -> datetime | None:
        """The first of several moments, as far as they have come."""
        moments = [found[f"{name}_moment"] for name in names]
        return min((moment for moment in moments if moment and moment <= at), default=None)

    told = happened("answered_at") or happened("closed_at")
    sent = happened("forwarded_at")
    closing = "summary" if found["track"] == "summary" else "extension" if found["extended"] else "closing"
    notice = "acceptance_forwarded" if sent else "acceptance_direct"
    review_due, rereview_due = found["review_decided_at_limit"], found["rereview_decided_at_limit"]
    received = happened("unit_received_at")
    forwarded = happened("forwarded_at", "noticed_at", "accepted_at", "not_accepted_at", "closed_at")
    applied, decided = happened("review_applied_at"), happened("review_decided_at")
    rows = [
        ("forwarding", found["received_at"], found["forwarded_at_limit"], False, forwarded),
        (notice, received, found["noticed_at_limit"], found["acceptance_stated"], happened(*_NOTICES)),
        ("objection", received, found["objection_due_limit"], False, happened("objected_at")),
        (closing, happened("accepted_at"), found["due_at"], found["closing.is_stated"], found["closed_at"]),
        ("review_apply", told, found["review_apply_due_limit"], False, applied),
        ("review", applied, review_due, found["review_stated"], decided),
        ("rereview_apply", decided, found["rereview_apply_due_limit"], False, happened("rereview_applied_at")),
        (
            "rereview",
            happened("rereview_applied_at"),
            rereview_due,
            found["rereview_stated"],
            happened("rereview_decided_at"),
        ),
    ]
    reached = [row for row in rows if row[2] and (row[1] or row[0] == closing)]
    left = pd.array([None if done else days_left(due, at) for _, _, due, _, done in reached], dtype="Int64")
    steps = pd.DataFrame(reached, columns=["step", "began_at", "due_at", "is_stated", "done_at"])
    for name in ("began_at", "due_at", "done_at"):
        steps[name] = pd.to_datetime(steps[name])
    steps["is_stated"] = steps["is_stated"].map(bool)
    return steps.assign(days_left=left)


def _of_case(
    connection: Connection, database: CaseDatabase, table: str, case_id: str, at: datetime, *names: str
) -> pd.DataFrame:
    """The rows of a small table that belong to one case, up to the instant, in order."""
    happened = {"case_event": "at", "case_unit": "asked_at"}[table]
    if not database.has(f"{table}.case_id", f"{table}.{happened}"):
        return pd.DataFrame(columns=list(names))
    read = database.read(table)
    moment = getattr(read, happened)
    statement = select(*(getattr(read, name).label(name) for name in names)).where(
        read.case_id == case_id, moment <= at
    )
    return pd.DataFrame(connection.execute(statement.order_by(moment)).mappings().all(), columns=list(names))
