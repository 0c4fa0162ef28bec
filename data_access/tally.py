"""How many cases belong to each of many periods, in few statements however many indicators and periods there are.

A statement that joins every case with every period, or has a sum for each, takes as long as its periods are many. So:

- Flows are counted by the day of their moment, once for all indicators with that moment, and the days added up to
  periods. That is right for whatever is settled by its moment (`Indicator.unsettled`), whenever it is looked at.
- Stocks of several instants are the newest one less what has come since, plus what has gone (`Indicator.flow`).
- Rates of cohorts that go on after their period take a narrow select for each instant they are looked at from.
- The few cases that these ways would miscount, because an event after the instant has changed them or because they
  are not settled by their moment, are left out of them and counted apart, joined with the periods.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BindParameter,
    BooleanClauseList,
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    False_,
    FromClause,
    Integer,
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
    tuple_,
    union_all,
)
from sqlalchemy.sql import operators

from data_access import schema
from data_access.database import CaseDatabase
from data_access.deadlines import last_moment
from data_access.dialect import day_of, rows_of
from data_access.dimensions import DIMENSIONS, TOGETHER, counts_accusations, group_of, source_of
from data_access.few import are_few, few
from data_access.filters import CaseFilter
from data_access.indicator import Indicator, Rule, never
from data_access.periods import Span
from data_access.state import BEGINNING, Cases, Condition, those
from data_access.windows import Way, Window, in_window, ways, window_at

Row = tuple[str, int, Any, int, int]
"""indicator, span, group, numerator, denominator"""
Seen = tuple[Span, datetime]
"""A period and the instant it is seen at."""
Statement = Select[Any] | CompoundSelect[Any]
Take = Callable[[int, int, Any, int, int], None]
"""What becomes of a count: which of several indicators, key, group, numerator, denominator."""
FEW: Final = 6
"""Up to so many periods take a narrow select each; more are joined as a table."""
AT_ONCE: Final = 24
"""Selects of one statement at most: DuckDB sets memory aside for each of them at once."""


@dataclass(frozen=True)
class Ask:
    """Indicators over `spans`, by group or not, each seen at its own end, or all at `seen_at`."""

    indicators: tuple[Indicator, ...]
    spans: tuple[Span, ...]
    by: str | None = None
    seen_at: datetime | None = None

    def seen(self, case_filter: CaseFilter) -> list[Seen]:
        """The spans with their instants."""
        return [(span, self.seen_at or case_filter.over(span).at) for span in self.spans]


def count(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    asks: Sequence[Ask],
    *,
    as_recorded: bool = False,
) -> list[list[Row]]:
    """The counts of each of `asks`; a span without a case of a group has no row for it.

    `as_recorded`: as the records are now, whatever events have changed since: cheaper, and near enough to try with.
    """
    fitting = [_fitting(database, ask) for ask in asks]
    tally = _Tally(database, case_filter, as_recorded)
    for ask in fitting:
        for indicator in ask.indicators:
            tally.want(indicator, ask.by, ask.seen(case_filter))
    counts = tally.counted(connection)
    return [
        [
            (indicator.key, position, group, *found)
            for indicator in ask.indicators
            for position, seen in enumerate(ask.seen(case_filter))
            for group, found in counts[indicator, ask.by].get(seen, {}).items()
        ]
        for ask in fitting
    ]


def count_spans(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    indicators: Sequence[Indicator],
    spans: Sequence[Span],
    by: str | None = None,
    seen_at: datetime | None = None,
    *,
    as_recorded: bool = False,
) -> list[Row]:
    """`count` of one question."""
    ask = Ask(tuple(indicators), tuple(spans), by, seen_at)
    return count(connection, database, case_filter, [ask], as_recorded=as_recorded)[0]


def _fitting(database: CaseDatabase, ask: Ask) -> Ask:
    """The part of `ask` that can be grouped as it wants."""
    if not ask.by:
        return replace(ask, by=None)
    dimension = DIMENSIONS[ask.by]
    fits = [each for each in ask.indicators if database.has(*dimension.needs) and dimension.fits(each)]
    return replace(ask, indicators=tuple(fits))


Counts = dict[tuple[Indicator, str | None], dict[Seen, dict[Any, tuple[int, int]]]]


@dataclass(frozen=True)
class _Part:
    """A statement, and what becomes of its rows."""

    statement: Statement
    take: Callable[[Iterable[Any]], None]


@dataclass(frozen=True)
class _Counting:
    """A statement that counts, and where in its rows each of several has its numerator and its denominator."""

    statement: Statement
    places: tuple[tuple[int, int], ...]
    in_sets: tuple[str | None, ...] = ()
    """What each is grouped by, where that is not the same for all: a row ends with what it is grouped by."""

    def part(self, take: Take) -> _Part:
        """The statement, whose rows go to `take`."""
        every = range(len(self.places))
        of_set = {by: [n for n in every if self.in_sets[n] == by] for by in self.in_sets}

        def take_all(rows: Iterable[Any]) -> None:
            for row in rows:
                for n in of_set[row[-1]] if of_set else every:
                    met, among = self.places[n]
                    take(n, row[0], row[1], row[met], row[among])

        return _Part(self.statement, take_all)


@dataclass(frozen=True)
class _Apart:
    """The cases that must be seen at the instant of each period, as they were then."""

    unsettled: tuple[Rule, ...]
    kinds: frozenset[str]
    earliest: datetime

    def holds(self, cases: Cases) -> Condition:
        changed = cases.changed_after(self.earliest, self.kinds)
        return or_(*changed, *(rule(cases) for rule in self.unsettled))

    def found(self, cases: Cases) -> Condition:
        """The same, in a way that an index can find."""
        changed = cases.changed_after(self.earliest, self.kinds)
        return or_(*changed, *(are_few(cases, rule) for rule in self.unsettled))


@dataclass
class _Tally:
    """What is wanted, the statements that count it, and the counts."""

    database: CaseDatabase
    case_filter: CaseFilter
    as_recorded: bool
    wanted: dict[tuple[Indicator, str | None], dict[Seen, None]] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)

    def want(self, indicator: Indicator, by: str | None, seen: Iterable[Seen]) -> None:
        self.wanted.setdefault((indicator, by), {}).update(dict.fromkeys(seen))

    def counted(self, connection: Connection) -> Counts:
        self.counts = {each: {} for each in self.wanted}
        for part in self._parts():
            part.take(connection.execute(part.statement).all())
        return self.counts

    @cached_property
    def latest(self) -> datetime:
        return max(at for seen in self.wanted.values() for _, at in seen)

    @cached_property
    def earliest(self) -> datetime:
        return min(at for seen in self.wanted.values() for _, at in seen)

    # --- which way each is counted

    def _parts(self) -> Iterable[_Part]:
        by_day: dict[tuple[Any, ...], list[_Flow]] = {}
        alone: dict[tuple[Any, ...], list[_Wanted]] = {}
        stocks: dict[tuple[Any, ...], list[_Wanted]] = {}
        in_sets = self.database.engine.dialect.name in ("duckdb", "postgresql")

        def by_itself(wanted: _Wanted) -> None:
            # Elsewhere what is asked of other tables is found in a WHERE clause, and not for each entry anew.
            base = wanted.of_entries if self.database.prepared and wanted.of_entries else wanted.base
            by = TOGETHER if in_sets and (wanted.by is None or wanted.by in TOGETHER) else wanted.by
            alone.setdefault((by, *base, wanted.seen), []).append(wanted)

        for (indicator, by), every in self.wanted.items():
            wanted = _Wanted(indicator, by, tuple(every))
            if indicator.flow and not by and len(wanted.instants) > 1:
                stocks.setdefault((*wanted.base, max(wanted.instants)), []).append(wanted)
            elif indicator.ahead and self.database.prepared and not _moves(by) and len(wanted.instants) > FEW:
                yield from self._ahead(wanted)
            elif not indicator.moment or _moves(by) or len(every) == 1:
                by_itself(wanted)
            elif indicator.unsettled:
                by_day.setdefault((by, *wanted.base), []).append(_Flow(wanted, wanted))
            else:
                now, rest = wanted.split(self.latest)
                if now:
                    by_day.setdefault((by, *wanted.base), []).append(_Flow(now, now, settled=True))
                if rest:
                    by_itself(rest)
        for several in stocks.values():
            yield from self._stocks(several, by_day)
        for flows in by_day.values():
            yield from self._by_day(flows)
        for several in alone.values():
            yield from self._alone(several)

    def _alone(self, several: list[_Wanted]) -> Iterable[_Part]:
        """A narrow select for each period, or all periods joined where they are many and the cases few."""
        first = several[0]
        if len(first.seen) > FEW and first.of_entries:
            yield self._joined(several, None)
            return
        apart = self._apart_of(several, settled=True)
        windows: FromClause | None = None
        periods: list[tuple[ColumnElement[Any], Window, datetime]] = [
            (literal(position), window_at(span, at), at) for position, (span, at) in enumerate(first.seen)
        ]
        if len(periods) > FEW and self.database.engine.dialect.name == "sqlite":
            # It looks each period up in an index, as others do not; and one select is made faster than one a period.
            windows, window = self._table(first.seen)
            periods = [(windows.c.span, window, min(first.instants))]
        selects = []
        for key, window, earliest in periods:
            cases = self._recorded(window.at, first.indicator, earliest)
            if first.of_entries:
                selects.append(self._select(several, cases, [], key, apart, window=window))
                continue
            selects += [
                self._select(several, _of_way(cases, way), way.conditions, key, apart, windows=windows)
                for way in ways(cases, first.indicator, window)
            ]
        for start in range(0, len(selects), AT_ONCE):
            yield _union(selects[start : start + AT_ONCE]).part(self._taking(several, first.seen))
        if apart:
            yield self._joined(several, apart)

    def _by_day(self, flows: list[_Flow]) -> Iterable[_Part]:
        """Counted once by day, as they are at the latest instant; what is not settled by its moment apart."""
        first = flows[0].counted
        seen = tuple(dict.fromkeys(each for flow in flows for each in flow.counted.seen))
        days = _Days([span for span, _ in seen])
        window = window_at(days.whole, self.latest)
        cases = self._recorded(window.at, first.indicator, self.latest)
        aparts = [flow.apart if flow.since else self._apart(flow.asked, settled=flow.settled) for flow in flows]
        counted = [flow.counted for flow in flows]
        counting = _union(
            [
                self._select(counted, _of_way(cases, way), way.conditions, day_of(way.moment), *aparts)
                for way in ways(cases, first.indicator, window)
            ]
        )

        def take(rows: Iterable[Any]) -> None:
            of_group: dict[Any, list[Sequence[Any]]] = {}
            for row in rows:
                of_group.setdefault(row[1], []).append(row)
            for group, found in of_group.items():
                totals = dict(zip(seen, days.totals(found), strict=True))
                for flow, (met, among) in zip(flows, counting.places, strict=True):
                    for each in flow.counted.seen:
                        flow.add(self, each, group, totals[each][met], totals[each][among])

        statement = counting.statement
        yield _Part(days.in_parts(statement) if first.by else statement, take)
        together: dict[tuple[Any, ...], list[_Wanted]] = {}
        for flow, apart in zip(flows, aparts, strict=True):
            if apart and not flow.since:
                together.setdefault((apart, flow.asked.seen), []).append(flow.asked)
        for (apart, _), several in together.items():
            yield self._joined(several, apart)

    def _stocks(self, several: list[_Wanted], by_day: dict[tuple[Any, ...], list[_Flow]]) -> Iterable[_Part]:
        """Stocks at the latest instant; their flows, to be counted by day with all others, lead back to the others."""
        first, latest = several[0].indicator, max(several[0].instants)
        apart = self._apart_of(several, settled=False)
        window = window_at(Span(None, latest.date()), latest)
        cases = self._recorded(window.at, first, latest)
        selects = [
            self._select(several, _of_way(cases, way), way.conditions, literal(0), apart)
            for way in ways(cases, first, window)
        ]

        def take(n: int, _: int, group: Any, numerator: int, denominator: int) -> None:
            for seen in several[n].seen:
                self.add(several[n], seen, group, numerator, denominator)

        yield _union(selects).part(take)
        for wanted in several:
            since = {at: Span(at.date() + timedelta(days=1), latest.date()) for _, at in wanted.seen if at < latest}
            for moving, sign in zip(wanted.indicator.flow or (), (-1, +1), strict=True):
                moved = _Wanted(moving, None, tuple((span, self.latest) for span in since.values()))
                by_day.setdefault((None, *moved.base), []).append(_Flow(wanted, moved, False, sign, since, apart))
        if apart:
            yield self._joined(several, apart)

    def _ahead(self, wanted: _Wanted) -> Iterable[_Part]:
        """By the day of the deadline, joined with the instants it is ahead of: in force, or since extended."""
        assert wanted.indicator.ahead
        ahead, instants = timedelta(wanted.indicator.ahead(self.database.settings)), sorted(wanted.instants)
        days = self._days_of([(at, last_moment(at.date() + ahead)) for at in instants]).c
        apart = self._apart(wanted, settled=True)
        recorded = self._recorded(self.earliest, wanted.indicator, self.earliest)
        selects = []
        for due, extended_later in ((recorded.final_due, False), (recorded.first_due, True)):
            cases = replace(self._recorded(days.at, wanted.indicator, self.earliest), known_due=due)
            later = cases.columns.extended_at > days.at
            within = [
                due > literal(instants[0], schema.Moment),
                due <= literal(last_moment(instants[-1].date() + ahead), schema.Moment),
                day_of(due) == days.day,
                due > days.at,
                due <= days.until,
            ]
            where = [*within, later if extended_later else _not(later)]
            selects.append(self._select([wanted], cases, where, days.span, apart, windows=days.day.table))

        def take(_: int, position: int, group: Any, numerator: int, denominator: int) -> None:
            for seen in wanted.seen:
                if seen[1] == instants[position]:
                    self.add(wanted, seen, group, numerator, denominator)

        yield _union(selects).part(take)
        if apart:
            yield self._joined([wanted], apart)

    # --- the few that are counted apart

    def _apart(self, wanted: _Wanted, *, settled: bool) -> _Apart | None:
        """Which cases of `wanted` must be counted apart; None where there can be none."""
        at_once = settled or wanted.instants == {self.latest} or wanted.indicator.unsettled is never
        unsettled = None if at_once else wanted.indicator.unsettled
        if unsettled and self._are_none(wanted.indicator, unsettled):
            unsettled = None
        kinds = self._kinds(wanted)
        return _Apart((unsettled,) if unsettled else (), kinds, self.earliest) if unsettled or kinds else None

    def _apart_of(self, several: Sequence[_Wanted], *, settled: bool) -> _Apart | None:
        """The cases that any of `several` must have counted apart."""
        found = [apart for each in several if (apart := self._apart(each, settled=settled))]
        rules = dict.fromkeys(rule for apart in found for rule in apart.unsettled)
        kinds = frozenset[str]().union(*(apart.kinds for apart in found))
        return _Apart(tuple(rules), kinds, self.earliest) if found else None

    def _are_none(self, indicator: Indicator, rule: Rule) -> bool:
        of_cases = indicator.table == "petition_case"
        return isinstance(rule(self._recorded(BEGINNING, indicator, BEGINNING)), False_) or (
            of_cases and few(self.database, rule) == ()
        )

    def _kinds(self, wanted: _Wanted) -> frozenset[str]:
        """The kinds of events after its earliest instant that can change the counts of an indicator."""
        earliest = min(wanted.instants)
        then = Cases(self.database, literal(earliest, schema.Moment), earliest, self.as_recorded)
        if then.former_units is None and then.undone_closings is None:
            return frozenset()
        known = _KINDS.setdefault(self.database, {})
        question = (wanted.indicator, wanted.by, self.case_filter.narrowed, then.kinds_in_force)
        if question not in known:
            in_window(then, wanted.indicator, window_at(*wanted.seen[0]))
            wanted.indicator.counted(then)
            self.case_filter.where(then)
            if wanted.by:
                group_of(then, wanted.by, wanted.indicator)
                source_of(then, wanted.indicator, [wanted.by])
            known[question] = then.changing_kinds
        return known[question]

    def _joined(self, several: list[_Wanted], only: _Apart | None) -> _Part:
        """Cases as they were at each instant, joined with the periods: those that are `only`, or all of few."""
        first, every_seen = several[0], tuple(dict.fromkeys(seen for each in several for seen in each.seen))
        earliest = min(at for _, at in every_seen)
        windows, window = self._table(every_seen)
        part = "apart" if only else _part(first.indicator)
        then = Cases(self.database, window.at, earliest, self.as_recorded, part)
        if only and not (self.database.prepared and then.knows_last(only.kinds)):
            recorded = self._recorded(window.at, first.indicator, earliest)
            every = replace(recorded, part="")  # of others, a row an entry
            rows = those(every, only.found(every))
            then = replace(then, rows=rows, among=select(rows.case_id))
        where = [only.holds(then)] if only and then.rows is None else []
        if not self.database.prepared or first.of_entries:  # which may have several moments
            counting = self._select(several, then, where, windows.c.span, window=window, windows=windows)
            return counting.part(self._taking(several, every_seen))
        # Joined by ranges; with an OR, every case would be compared with every period.
        each_way = [
            self._select(several, _of_way(then, way), [*where, *way.conditions], windows.c.span, windows=windows)
            for way in ways(then, first.indicator, window)
        ]
        return _union(each_way).part(self._taking(several, every_seen))

    def _table(self, every: Sequence[Seen]) -> tuple[FromClause, Window]:
        """The periods as a small table: span, first, last, at; and the window that its columns are."""
        rows = [(n, span.first or BEGINNING, span.last, at) for n, (span, at) in enumerate(every)]
        columns = {"span": Integer(), "first": schema.Moment, "last": schema.Moment, "at": schema.Moment}
        table = rows_of(self.database.engine.dialect.name, "span_window", columns, rows)
        return table, Window(table.c.first, table.c.last, table.c.at)

    def _days_of(self, stretches: Sequence[tuple[datetime, datetime]]) -> FromClause:
        """The days of each stretch as a small table: day, span (position of the stretch), at, until."""
        rows = [
            (at.date() + timedelta(days), n, at, until)
            for n, (at, until) in enumerate(stretches)
            for days in range((until.date() - at.date()).days + 1)
        ]
        columns = {"day": Date(), "span": Integer(), "at": schema.Moment, "until": schema.Moment}
        return rows_of(self.database.engine.dialect.name, "span_day", columns, rows)

    # --- one select, and what becomes of its rows

    def _select(
        self,
        several: Sequence[_Wanted],
        cases: Cases,
        where: Sequence[Condition],
        key: ColumnElement[Any],
        *aparts: _Apart | None,
        window: Window | None = None,
        windows: FromClause | None = None,
    ) -> _Counting:
        """`key`, the group, then the numerators and denominators of `several`, of the cases that meet `where`.

        What all of them have in common stands in the WHERE clause, the rest in their sums. `aparts`: those that are
        counted apart, of all or of each. `window`: where `where` does not say it already.
        """
        first, bys = several[0].indicator, list(dict.fromkeys(each.by for each in several))
        each_apart = aparts if len(aparts) == len(several) else aparts * len(several) or [None] * len(several)
        said = _Said(cases)
        bases = [self._base(each, said, apart, window) for each, apart in zip(several, each_apart, strict=True)]
        counted = [(said.also(base, each.indicator.numerator), base) for each, base in zip(several, bases, strict=True)]
        sums = list(dict.fromkeys(names for met, among in counted for names in (among, met)))
        at = {names: position for position, names in enumerate(sums, start=len(("key", "of_group")))}
        shared, rest = said.apart(sums)
        groups = {by: group_of(cases, by, first) for by in bys if by}
        conditions = [*where, *self.case_filter.where(cases), *shared]
        source = source_of(cases, first, groups, windows)  # last: it joins what has been asked for
        columns = [_sum(*each).label(f"n_{position}") for position, each in enumerate(rest)]
        grouping: list[ColumnElement[Any]] = [] if isinstance(key, BindParameter) else [key]
        of_group: ColumnElement[Any] = next(iter(groups.values()), null())
        if len(bys) > 1:
            sets = [tuple_(groups[by]) if by else tuple_() for by in bys]
            grouping.append(func.grouping_sets(*sets))
            is_of = {by: func.grouping(group) == literal_column("0") for by, group in groups.items()}
            of_group = case(*((is_of[by], group) for by, group in groups.items()))
            columns.append(case(*((holds, literal_column(f"'{by}'")) for by, holds in is_of.items())).label("of_set"))
        else:
            grouping.extend(groups.values())
        statement = select(key.label("key"), of_group.label("of_group"), *columns).select_from(source)
        places = tuple((at[met], at[among]) for met, among in counted)
        in_sets = tuple(each.by for each in several) if len(bys) > 1 else ()
        return _Counting(statement.where(*conditions).group_by(*grouping), places, in_sets)

    def _base(self, wanted: _Wanted, said: _Said, apart: _Apart | None, window: Window | None) -> _Names:
        """The conditions of a denominator, each by a name that equal ones share."""
        indicator, cases = wanted.indicator, said.cases
        base: _Names = ()
        if window:
            when = indicator.moment, indicator.of_open, indicator.ahead
            base = said.also(base, when, lambda _: in_window(cases, indicator, window))
        base = said.also(base, indicator.denominator)
        if not counts_accusations(self.case_filter, indicator, wanted.by):
            base = said.also(base, "accusations", lambda _: ~cases.is_accusation)
        base = said.also(base, indicator.only)
        return said.also(base, apart, lambda _: _not(apart.holds(cases))) if apart else base

    def _recorded(self, at: Any, indicator: Indicator, earliest: datetime) -> Cases:
        """The cases by what is on record of them; `earliest`: the first instant that `at` stands for."""
        return Cases(self.database, at, earliest, as_recorded=True, part=_part(indicator))

    def _taking(self, several: Sequence[_Wanted], every_seen: Sequence[Seen]) -> Take:
        """Counts by position in `every_seen` go to those that want that period."""
        wanted_for = [set(each.seen) for each in several]

        def take(n: int, position: int, group: Any, numerator: int, denominator: int) -> None:
            if every_seen[position] in wanted_for[n]:
                self.add(several[n], every_seen[position], group, numerator, denominator)

        return take

    def add(self, wanted: _Wanted, seen: Seen, group: Any, numerator: Any, denominator: Any) -> None:
        """Add to the counts of a period."""
        if wanted.by and not denominator:
            return
        counts = self.counts[wanted.indicator, wanted.by].setdefault(seen, {})
        met, among = counts.get(group, (0, 0))
        counts[group] = (met + int(numerator or 0), among + int(denominator or 0))


_Names = tuple[Any, ...]
"""The names of conditions that are to hold together."""


@dataclass(frozen=True)
class _Said:
    """Conditions on `cases` by name: each is made once, however many counts it belongs to."""

    cases: Cases
    parts: dict[Any, tuple[Condition, ...]] = field(default_factory=dict)
    """What each of them says, taken apart at its ANDs."""

    def also(self, names: _Names, name: Any, rule: Rule | None = None) -> _Names:
        """`names`, and a condition that `rule` makes, or that is its own name; the same where there is none."""
        if name is None:
            return names
        if name not in self.parts:
            condition = (rule or name)(self.cases)
            together = isinstance(condition, BooleanClauseList) and condition.operator is operators.and_
            self.parts[name] = tuple(condition.clauses) if together else (condition,)
        return (*names, name)

    def apart(self, counts: Sequence[_Names]) -> tuple[list[Condition], list[list[Condition]]]:
        """What all counts have in common, and what each of them says besides."""
        each_says = [{id(part): part for name in names for part in self.parts[name]} for names in counts]
        shared = [key for key in each_says[0] if all(key in says for says in each_says)]
        rest = [[part for key, part in says.items() if key not in shared] for says in each_says]
        return [each_says[0][key] for key in shared], rest


@dataclass(frozen=True)
class _Wanted:
    """An indicator by group, and the periods it is wanted for."""

    indicator: Indicator
    by: str | None
    seen: tuple[Seen, ...]

    @property
    def base(self) -> tuple[Any, ...]:
        """What it must share with others, beside the grouping, to be counted in one statement with them."""
        indicator = self.indicator
        anywhere = indicator.moment is None and not indicator.of_open  # found by their own conditions only
        own = indicator.denominator if anywhere else None
        return indicator.table, indicator.moment, indicator.office, indicator.of_open, indicator.ahead, own

    @property
    def of_entries(self) -> tuple[Any, ...] | None:
        """The same for counting entries by themselves, which are few: whatever their moment is; None for cases."""
        indicator = self.indicator
        return None if indicator.table == "petition_case" else (indicator.table, indicator.office)

    @property
    def instants(self) -> set[datetime]:
        return {at for _, at in self.seen}

    def split(self, at: datetime) -> tuple[_Wanted | None, _Wanted | None]:
        """The part that is seen at `at`, and the rest."""
        parts = (
            tuple(each for each in self.seen if each[1] == at),
            tuple(each for each in self.seen if each[1] != at),
        )
        now, rest = (replace(self, seen=part) if part else None for part in parts)
        return now, rest


@dataclass(frozen=True)
class _Flow:
    """What is counted by day, and what for: for itself, or for a stock that it leads back from its newest figure."""

    asked: _Wanted
    counted: _Wanted
    settled: bool = False
    sign: int = 1
    since: dict[datetime, Span] = field(default_factory=dict)
    apart: _Apart | None = None
    """Of a stock: what it leaves out, and its flows with it."""

    def add(self, tally: _Tally, seen: Seen, group: Any, numerator: int, denominator: int) -> None:
        """Add the count of a span to the periods it belongs to."""
        if not self.since:
            tally.add(self.asked, seen, group, numerator, denominator)
            return
        for each in self.asked.seen:
            if self.since.get(each[1]) == seen[0]:
                tally.add(self.asked, each, group, self.sign * numerator, self.sign * denominator)


_KINDS: Final[WeakKeyDictionary[CaseDatabase, dict[tuple[Any, ...], frozenset[str]]]] = WeakKeyDictionary()
"""What `_Tally._kinds` has found for each database: it is the same for every period."""


class _Days:
    """Adds the counts of days up to spans, which may overlap."""

    def __init__(self, spans: Sequence[Span]) -> None:
        starts = [span.start for span in spans]
        begins = None if None in starts else min(start for start in starts if start)
        self.whole = Span(begins, max(span.end for span in spans))
        self.cuts = sorted({start for start in starts if start} | {span.end + timedelta(days=1) for span in spans})
        """The first days of parts in which all days belong to the same spans; before the first is a part too."""
        self.parts = [
            (bisect_right(self.cuts, span.start) if span.start else 0, bisect_right(self.cuts, span.end))
            for span in spans
        ]

    def in_parts(self, by_day: Statement) -> Select[Any]:
        """`by_day` added up in the database to the first day of each part: far fewer rows where there are groups."""
        days = by_day.subquery("by_day").c
        firsts = [date.min, *self.cuts]
        part = case(*((days.key < cut, first) for first, cut in zip(firsts, self.cuts, strict=False)), else_=firsts[-1])
        counts = [column for column in days if column.key not in ("key", "of_group")]
        parts = select(part.label("part"), days.of_group, *counts).subquery("by_part").c
        totals = [func.sum(parts[column.key]) for column in counts]
        return select(parts.part, parts.of_group, *totals).group_by(parts.part, parts.of_group)

    def totals(self, rows: Iterable[Sequence[Any]]) -> list[list[int]]:
        """The counts of each span, in the places of the rows: day, group, counts."""
        parts: list[list[Sequence[Any]]] = [[] for _ in range(len(self.cuts) + 1)]
        width = 0
        for row in rows:
            parts[bisect_right(self.cuts, row[0])].append(row)
            width = len(row)
        summed = [
            [0, 0, *(sum(map(int, column)) for column in zip(*(row[2:] for row in part), strict=True))]
            if part
            else [0] * width
            for part in parts
        ]
        return [[sum(column) for column in zip(*summed[first : last + 1], strict=True)] for first, last in self.parts]


def _part(indicator: Indicator) -> str:
    """The part of the cases that can be counted by it."""
    return "" if indicator.table == "petition_case" else indicator.table


def _moves(by: str | None) -> bool:
    """Whether cases change their group as time goes by."""
    return by is not None and DIMENSIONS[by].of_instant


def _of_way(cases: Cases, way: Way) -> Cases:
    if way.due is None and way.closed_at is None:
        return cases  # whose joins the way's conditions may name
    return replace(cases, known_due=way.due, known_closed_at=way.closed_at)


def _not(condition: Condition) -> Condition:
    """Does not hold, or cannot be said to."""
    return ~func.coalesce(condition, false())


def _sum(*conditions: Condition) -> ColumnElement[Any]:
    """How many rows meet all conditions."""
    return func.count(case((and_(*conditions), literal_column("1")))) if conditions else func.count()


def _union(counting: Sequence[_Counting]) -> _Counting:
    """All of them as one statement; they count the same, each among other cases."""
    selects = [each.statement for each in counting]
    return replace(counting[0], statement=union_all(*selects)) if len(selects) > 1 else counting[0]
