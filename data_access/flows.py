"""Stock and flow: the balance strip, and the open cases of every day.

期初 + 新收 + 重开 + 转入 − 转出 − 办结 = 期末, for the county and for any units. Every item
counts cases by their state at two instants, the last moment before the period and the
effective one, so that it always adds up and each item opens the cases it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, cast

import pandas as pd
from sqlalchemy import ColumnElement, Connection, FromClause, and_, case, false, func, or_, select

from data_access.database import CaseDatabase
from data_access.dialect import day_of
from data_access.filters import FIELDS, CaseFilter
from data_access.indicators import MEASURES
from data_access.periods import Span
from data_access.queries import Asked, measure_together
from data_access.state import BEGINNING, Cases, Condition, cases_at, cases_by, those
from data_access.windows import in_window, window_of

UNIT_FIELDS: Final = ("unit", "kind")
BETWEEN: Final = ("reopened", "moved_in", "moved_out")
"""Items of the strip that compare two instants: reopened, transferred in, transferred out."""


@dataclass(frozen=True)
class Balance:
    """The strip, in cases. `opening + registered + reopened + moved_in - moved_out - closed = closing`."""

    opening: int
    registered: int
    reopened: int
    moved_in: int
    moved_out: int
    closed: int
    closing: int

    @property
    def adds_up(self) -> bool:
        """Whether it does; anything else is a defect."""
        received = self.registered + self.reopened + self.moved_in
        return self.opening + received - self.moved_out - self.closed == self.closing


def before(case_filter: CaseFilter) -> CaseFilter | None:
    """The same filter as of the last moment before the period; None where it has no beginning."""
    moment = case_filter.span.before
    return case_filter.over(Span(None, moment.date())) if moment else None


def between_where(database: CaseDatabase, case_filter: CaseFilter, item: str) -> tuple[Cases, list[Condition]]:
    """The cases that the strip's `reopened`, `moved_in` or `moved_out` counts, as a WHERE clause."""
    now = cases_at(database, case_filter.at)
    earlier_filter = before(case_filter)
    if earlier_filter is None:
        return now, [false()]
    then = cases_at(database, earlier_filter.at)
    if item == "reopened":
        if then.undone_closings is None:
            return now, [false()]
        undone = then.undone_closings.c
        closed_then = select(undone.case_id).where(undone.closed_at <= then.at, undone.reopened_at > then.at)
        again = or_(now.is_open, now.closed_at > then.at)
        existed = now.columns.registered_at <= then.at
        later = now.changed_after(earlier_filter.at, ["reopened"]) if now.knows_last(["reopened"]) else []
        return now, [*case_filter.where(now), *later, existed, again, now.case_id.in_(closed_then)]
    units = [key for key in case_filter.narrowed if key in UNIT_FIELDS]
    if not units or then.former_units is None:
        return now, [false()]
    elsewhere = replace(case_filter, unit=(), kind=())
    inside_now = and_(*(FIELDS[key].condition(now, getattr(case_filter, key)) for key in units))
    inside_then = and_(*(FIELDS[key].condition(then, getattr(case_filter, key)) for key in units))
    arrived = item == "moved_in"
    here_now = inside_now if arrived else ~func.coalesce(inside_now, false())
    here_then = ~func.coalesce(inside_then, false()) if arrived else inside_then
    event = database.read("case_event", "moving")
    moved = select(event.case_id).where(event.kind == "reassigned", event.at > then.at, event.at <= now.at)
    conditions = [then.is_open, here_then, then.case_id.in_(moved)]
    open_then = select(then.case_id).select_from(then.source).where(*conditions)
    return now, [*elsewhere.where(now), now.exists, here_now, now.case_id.in_(open_then)]


def count_between(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, item: str) -> int:
    """How many cases were reopened, moved in or moved out in the period; accusations as in the totals."""
    if before(case_filter) is None or (item != "reopened" and not (case_filter.unit or case_filter.kind)):
        return 0
    cases, where = between_where(database, case_filter, item)
    if case_filter.narrowed:
        where.append(~cases.is_accusation)
    statement = select(func.count()).select_from(cases.source).where(*where)
    return int(connection.execute(statement).scalar() or 0)


def balance(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Balance:
    """The strip of the filter's period."""
    found = measure_together(connection, database, case_filter, asked_for_balance(case_filter))
    return balance_of(connection, database, case_filter, found)


def asked_for_balance(case_filter: CaseFilter) -> list[Asked]:
    """What `balance_of` needs to be told."""
    opening = before(case_filter)
    stocks = [case_filter.span, *([opening.span] if opening else [])]
    return [Asked(("registered", "closed"), (case_filter.span,)), Asked(("open",), tuple(stocks))]


def balance_of(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, found: Sequence[pd.DataFrame]
) -> Balance:
    """The strip, given the answers to `asked_for_balance`."""
    flow = found[0].set_index("indicator")["numerator"]
    stock = found[1].set_index("span")["numerator"]
    return Balance(
        opening=int(stock.get(1, 0)),
        registered=int(flow["registered"]),
        closed=int(flow["closed"]),
        closing=int(stock[0]),
        **{item: count_between(connection, database, case_filter, item) for item in BETWEEN},
    )


LIST_MOVES: Final = ("listed_in", "listed_out")
"""Items of the supervision list's balance: on the list before the period, and transferred since."""


@dataclass(frozen=True)
class ListBalance:
    """挂账督办, in entries: `opening + new + again + moved_in - moved_out - signed_off = remaining`.

    The moves are those between units: 0 unless the filter chooses units.
    """

    opening: int
    new: int
    again: int
    moved_in: int
    moved_out: int
    signed_off: int
    remaining: int

    @property
    def adds_up(self) -> bool:
        """Whether it does; anything else is a defect."""
        listed = self.new + self.again + self.moved_in
        return self.opening + listed - self.moved_out - self.signed_off == self.remaining


def list_moves_where(database: CaseDatabase, case_filter: CaseFilter, item: str) -> tuple[Cases, list[Condition]]:
    """The entries that `listed_in` or `listed_out` counts, as a WHERE clause on cases joined with `listing`.

    Supervised at the last moment before the period, under the chosen units at one of the two
    instants and under others at the other; what became of the entry since does not matter.
    """
    now = cases_at(database, case_filter.at)
    earlier_filter = before(case_filter)
    units = [key for key in case_filter.narrowed if key in UNIT_FIELDS]
    if earlier_filter is None or not units:
        return now, [false()]
    then = cases_at(database, earlier_filter.at)
    if then.former_units is None:
        return now, [false()]
    elsewhere = replace(case_filter, unit=(), kind=())
    inside_now = and_(*(FIELDS[key].condition(now, getattr(case_filter, key)) for key in units))
    inside_then = and_(*(FIELDS[key].condition(then, getattr(case_filter, key)) for key in units))
    arrived = item == "listed_in"
    here_now = inside_now if arrived else ~func.coalesce(inside_now, false())
    here_then = ~func.coalesce(inside_then, false()) if arrived else inside_then
    theirs_then = select(then.case_id).select_from(then.source).where(here_then)
    supervised_then = MEASURES["supervised"].counted(cases_at(database, earlier_filter.at))
    return now, [*elsewhere.where(now), supervised_then, here_now, now.case_id.in_(theirs_then)]


def list_balance(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> ListBalance:
    """The supervision list over the filter's period."""
    found = measure_together(connection, database, case_filter, asked_for_list_balance(case_filter))
    return list_balance_of(connection, database, case_filter, found)


LIST_FLOWS: Final = {"new": "supervised_new", "again": "supervised_again", "signed_off": "signed_off"}


def asked_for_list_balance(case_filter: CaseFilter) -> list[Asked]:
    """What `list_balance_of` needs to be told."""
    opening = before(case_filter)
    stocks = [case_filter.span, *([opening.span] if opening else [])]
    return [Asked(tuple(LIST_FLOWS.values()), (case_filter.span,)), Asked(("supervised",), tuple(stocks))]


def list_balance_of(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, found: Sequence[pd.DataFrame]
) -> ListBalance:
    """The supervision list, given the answers to `asked_for_list_balance`."""
    flow = found[0].set_index("indicator")["numerator"]
    stock = found[1].set_index("span")["numerator"]

    def moved(item: str) -> int:
        if not (case_filter.unit or case_filter.kind):
            return 0
        cases, where = list_moves_where(database, case_filter, item)
        source = cases.joined(cases.columns.source.join(cases.listing.source, cases.listing.case_id == cases.case_id))
        statement = select(func.count()).select_from(source).where(*where, ~cases.is_accusation)
        return int(connection.execute(statement).scalar() or 0)

    return ListBalance(
        opening=int(stock.get(1, 0)),
        remaining=int(stock[0]),
        moved_in=moved("listed_in"),
        moved_out=moved("listed_out"),
        **{item: int(flow[key]) for item, key in LIST_FLOWS.items()},
    )


def open_by_day(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> pd.Series[int]:
    """Open cases at the end of each day from the first registration to the effective instant.

    Indexed by day; each equals the stock `open` as of that day. Registrations less closings,
    corrected by closings that were undone and, for chosen units, by transfers between units.
    """
    count = _Daily(connection, database, case_filter)
    changes = [count.by("registered_at", +1), count.by("recorded_closing", -1)]
    again = count.again
    undone = again.undone_closings
    if undone is not None:
        # A closing on record ends what came before it, a reopening that was still to come included.
        recorded, reopened = again.recorded_closing, undone.c.reopened_at
        open_again = case((recorded < reopened, recorded), else_=reopened)
        changes += [count.undone(again.undone_closing, -1), count.undone(open_again, +1)]
    if count.needs_units:
        changes += [count.transfers(arriving=True), count.transfers(arriving=False)]
    total = pd.concat(changes).groupby(level=0).sum().sort_index()
    total.index = pd.to_datetime(total.index)
    first = database.first_registered_at
    days = pd.date_range(min(first.date() if first else case_filter.today, case_filter.today), case_filter.today)
    return total.reindex(days, fill_value=0).cumsum().astype("int64")


@dataclass(frozen=True)
class _Daily:
    """Counts of cases by the day of a moment, each case seen as it was at that moment."""

    connection: Connection
    database: CaseDatabase
    case_filter: CaseFilter

    @cached_property
    def ever(self) -> Cases:
        """Cases at the beginning of time: everything that events ever changed matters."""
        return cases_at(self.database, BEGINNING)

    @cached_property
    def again(self) -> Cases:
        """The same, where only those that were ever reopened are asked about."""
        return replace(self.ever, part="apart")

    @property
    def needs_units(self) -> bool:
        return bool(self.case_filter.unit or self.case_filter.kind) and self.ever.former_units is not None

    def by(self, moment: str, sign: int) -> pd.Series[int]:
        """By a moment of the case itself; those that were with another unit once are counted apart, being few."""
        at = getattr(self.ever, moment)
        if not self.needs_units:
            seen = cases_by(self.database, at, BEGINNING)
            return self._grouped(seen, seen.columns.source, at, sign, self.case_filter.where(seen))
        recorded = replace(cases_by(self.database, at, BEGINNING), as_recorded=True)
        moved = or_(*recorded.changed_after(BEGINNING, ["reassigned"]))
        stayed = [*self.case_filter.where(recorded), ~func.coalesce(moved, false())]
        settled = self._grouped(recorded, recorded.columns.source, at, sign, stayed)
        apart = replace(self.ever, part="apart")
        few = those(apart, or_(*apart.changed_after(BEGINNING, ["reassigned"])))
        at_then = getattr(replace(self.ever, rows=few), moment)
        seen = replace(cases_by(self.database, at_then, BEGINNING), rows=few)
        return settled.add(self._counted(seen, few.source, at_then, sign), fill_value=0)

    def undone(self, at: ColumnElement[Any], sign: int) -> pd.Series[int]:
        """By a moment of the closings that were undone."""
        table = self.again.undone_closings
        assert table is not None
        seen = replace(cases_by(self.database, at, BEGINNING), part="apart")
        source = table.join(seen.columns.source, seen.columns.case_id == table.c.case_id)
        recorded = seen.recorded_closing
        in_force = or_(recorded.is_(None), recorded > self.again.undone_closing)
        return self._counted(seen, source, at, sign, table.c.reopened_at > seen.columns.registered_at, in_force)

    def transfers(self, arriving: bool) -> pd.Series[int]:
        """By the moment of a reassignment of a case that was open just before it, to or from the chosen units."""
        event = self.database.read("case_event", "moving")
        seen = replace(cases_by(self.database, event.at, BEGINNING), part="apart")
        columns = seen.columns
        side = seen if arriving else cast(Cases, _Left(seen, event.from_unit_id))
        chosen = [
            FIELDS[key].condition(side, getattr(self.case_filter, key))
            for key in self.case_filter.narrowed
            if key in UNIT_FIELDS
        ]
        others = replace(self.case_filter, unit=(), kind=())
        was_open = [
            columns.registered_at < event.at,
            or_(seen.recorded_closing.is_(None), seen.recorded_closing >= event.at),
        ]
        source = seen.with_units(event.source.join(columns.source, columns.case_id == event.case_id))
        where = [*others.where(seen), event.kind == "reassigned", *was_open, *chosen]
        undone = self.ever.undone_closings
        if undone is not None:
            while_closed = select(undone.c.case_id).where(
                undone.c.case_id == event.case_id, undone.c.closed_at < event.at, undone.c.reopened_at >= event.at
            )
            where.append(~while_closed.exists())
        return self._grouped(seen, source, event.at, +1 if arriving else -1, where)

    def _counted(
        self, seen: Cases, source: FromClause, at: ColumnElement[Any], sign: int, *more: Condition
    ) -> pd.Series[int]:
        source = seen.with_units(source) if self.needs_units else source
        return self._grouped(seen, source, at, sign, [*self.case_filter.where(seen), *more])

    def _grouped(
        self, seen: Cases, source: FromClause, at: ColumnElement[Any], sign: int, where: list[Condition]
    ) -> pd.Series[int]:
        where = [*where, seen.exists, at <= self.case_filter.at]
        if self.case_filter.narrowed:
            where.append(~seen.is_accusation)
        day = day_of(at).label("day")
        rows = self.connection.execute(select(day, func.count()).select_from(source).where(*where).group_by(day))
        return pd.Series({row[0]: sign * row[1] for row in rows}, dtype="int64")


class _Left:
    """A case as the conditions on units see it, with the unit it was taken from."""

    def __init__(self, seen: Cases, lead_unit_id: ColumnElement[Any]) -> None:
        self.database = seen.database
        self.lead_unit_id = lead_unit_id


def accusations(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> tuple[int, int]:
    """检举控告 registered and closed in the period: two county totals, and nothing else about them."""
    cases = cases_at(database, case_filter.at)
    counts = []
    for key in ("registered", "closed"):
        indicator = MEASURES[key]
        where = [in_window(cases, indicator, window_of(case_filter)), indicator.counted(cases), cases.is_accusation]
        counts.append(connection.execute(select(func.count()).select_from(cases.source).where(*where)).scalar() or 0)
    return counts[0], counts[1]
