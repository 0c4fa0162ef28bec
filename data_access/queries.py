"""Filter + indicator + grouping -> DataFrame: every statement that a page or command runs.

Group first, divide after. Each function takes a connection inside one read-only
transaction, so that all figures of a screen come from one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Select,
    Subquery,
    and_,
    case,
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
from data_access.database import CaseDatabase
from data_access.deadlines import Limit
from data_access.dialect import end_of_day
from data_access.filters import CaseFilter
from data_access.indicator import Indicator
from data_access.indicators import MEASURES
from data_access.periods import Span
from data_access.state import Cases, Condition

BEGINNING: Final = datetime(1900, 1, 1)
END: Final = datetime(9999, 12, 31)
Row = tuple[str, int, Any, int, int]
"""indicator, span, group, numerator, denominator"""

AGES: Final = ("under_1", "under_2", "under_3", "over_3")
"""How many years ago a case was registered."""

GroupOf = Callable[[Cases], ColumnElement[Any]]


@dataclass(frozen=True)
class Dimension:
    """One way to group cases: the columns it needs, its expression and the small table it joins."""

    needs: tuple[str, ...]
    group: GroupOf
    joins: str | None = None
    of_entries: str | None = None
    """The table whose entries it groups: for indicators that count those and no others."""

    def fits(self, indicator: Indicator | None) -> bool:
        """Whether what `indicator` counts can be grouped this way."""
        return self.of_entries is None or (indicator is not None and indicator.table == self.of_entries)


def _field_of(cases: Cases) -> ColumnElement[Any]:
    return func.coalesce(cases.field.parent_id, cases.category_id)


def _functional_unit(cases: Cases) -> ColumnElement[Any]:
    return cases.field.functional_unit_id  # type: ignore[no-any-return]


def _named(flag: ColumnElement[Any], yes: str, no: str) -> ColumnElement[Any]:
    return case((flag.is_(True), yes), (flag.is_(False), no))


def _age(cases: Cases) -> ColumnElement[Any]:
    """Whole years since the registration, as a code of `AGES`."""
    since = [(end_of_day(cases.at, -365 * years), code) for years, code in zip((1, 2, 3), AGES, strict=False)]
    return case(*((cases.columns.registered_at > start, code) for start, code in since), else_=AGES[-1])


def _kind(cases: Cases) -> ColumnElement[Any]:
    return cases.lead.kind  # type: ignore[no-any-return]


DIMENSIONS: Final[dict[str, Dimension]] = {
    "unit": Dimension(("lead_unit_id",), lambda cases: cases.lead_unit_id),
    "kind": Dimension(("lead_unit_id", "unit.kind"), _kind, "unit"),
    "township": Dimension(("township_id",), lambda cases: cases.township_id),
    "category": Dimension(("category_id",), lambda cases: cases.category_id),
    "field": Dimension(("category_id",), _field_of, "category"),
    "functional": Dimension(("category_id", "category.functional_unit_id"), _functional_unit, "category"),
    "channel": Dimension(("channel",), lambda cases: cases.channel),
    "level": Dimension(("petitioned_level",), lambda cases: cases.petitioned_level),
    "repeat": Dimension(("is_repeat",), lambda cases: _named(cases.is_repeat, "repeat", "first")),
    "group": Dimension(("is_collective",), lambda cases: _named(cases.is_collective, "collective", "individual")),
    "handling": Dimension(("handling_level",), lambda cases: cases.handling_level),
    "track": Dimension(("track",), lambda cases: func.coalesce(cases.track, "statutory")),
    "disposition": Dimension(("disposition",), lambda cases: cases.disposition),
    "task_force": Dimension(("task_force",), lambda cases: cases.task_force),
    "post": Dimension(("responsible_post_id",), lambda cases: cases.responsible_post_id),
    "assigned": Dimension(("assigned_from",), lambda cases: cases.assigned_from),
    "batch": Dimension(("listing.list_id",), lambda cases: cases.listing.list_id, of_entries="listing"),
    "instructed": Dimension(("instruction.level",), lambda cases: cases.instruction.level, of_entries="instruction"),
    "item": Dimension(("checklist_item.item",), lambda cases: cases.item.item, of_entries="checklist_item"),
    "age": Dimension(("registered_at",), _age),
    "stage": Dimension(("registered_at",), lambda cases: cases.stage),
    "left_out": Dimension(("registered_at",), lambda cases: cases.left_out),
}
"""Ways to group. `field` is the top-level category, `functional` the field's department (归口).

`batch`, `instructed` and `item` are those of the entries that an indicator counts; others have no such groups."""


# --- the parts that all statements share


def group_of(cases: Cases, by: str, indicator: Indicator | None) -> ColumnElement[Any]:
    """What `by` groups on: slips and assistance by the unit asked, the office's work by who registered."""
    if by == "unit" and indicator and indicator.table in ("reminder_slip", "case_unit"):
        return cases.entry(indicator.table).unit_id  # type: ignore[no-any-return]
    if by == "unit" and indicator and indicator.office:
        return cases.registering_unit_id
    return DIMENSIONS[by].group(cases)


def source_of(
    cases: Cases,
    indicator: Indicator | None,
    dimensions: Iterable[str],
    windows: Subquery | None = None,
    changed: Subquery | None = None,
) -> FromClause:
    """What to select from: the cases, and only what `dimensions` and the conditions made so far ask for.

    `changed`: leave only the cases that an event after the instant has changed.
    """
    source: FromClause = cases.columns.source
    if windows is not None:
        source = windows.join(source, true())
    if indicator and indicator.table != "petition_case":
        entry = cases.entry(indicator.table)
        source = source.join(entry.source, entry.case_id == cases.case_id)
    if changed is not None:
        source = source.join(changed, and_(changed.c.case_id == cases.case_id, changed.c.last_at > cases.at))
    joins = {DIMENSIONS[name].joins for name in dimensions}
    unit = cases.lead_unit_id if "unit" in joins else None  # asked for before the join that it needs
    source = cases.joined(source)
    if "category" in joins:
        source = source.outerjoin(cases.field.source, cases.field.category_id == cases.category_id)
    if unit is not None:
        source = source.outerjoin(cases.lead.source, cases.lead.unit_id == unit)
    return source


def counts_accusations(case_filter: CaseFilter, indicator: Indicator, by: str | None) -> bool:
    """检举控告 appear in county totals only: volumes that are neither narrowed nor grouped."""
    return indicator.county_wide and not by and not case_filter.narrowed


# --- periods


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


def _moments(span: Span, at: datetime) -> dict[str, ColumnElement[Any]]:
    moments = {"first": span.first or BEGINNING, "last": span.last, "at": at}
    return {name: literal(moment, schema.Moment) for name, moment in moments.items()}


def _window(span: Span, at: datetime) -> Window:
    return Window(**_moments(span, at))


def window_of(case_filter: CaseFilter) -> Window:
    """The filter's own period."""
    return _window(case_filter.span, case_filter.at)


def _windows(spans: Sequence[Span], instants: Sequence[datetime]) -> Subquery:
    """A small table of the spans: span, first, last, at."""
    rows = []
    for position, (span, at) in enumerate(zip(spans, instants, strict=True)):
        columns = (moment.label(name) for name, moment in _moments(span, at).items())
        rows.append(select(literal(position).label("span"), *columns))
    return union_all(*rows).subquery("span_window")


@dataclass(frozen=True)
class _Periods:
    """The spans of one question as SQL: one window, or a small table of windows and the position in it."""

    window: Window
    earliest: datetime
    table: Subquery | None = None
    position: ColumnElement[int] | None = None


def _periods(case_filter: CaseFilter, spans: Sequence[Span], seen_at: datetime | None) -> _Periods:
    instants = [seen_at or case_filter.over(span).at for span in spans]
    if len(spans) == 1:
        return _Periods(_window(spans[0], instants[0]), instants[0])
    table = _windows(spans, instants)
    window = Window(table.c.first, table.c.last, table.c.at)
    return _Periods(window, min(instants), table, table.c.span)


@dataclass(frozen=True)
class Way:
    """One way for a case to belong to a window: its conditions, and the deadline or closing in force they decide."""

    conditions: tuple[Condition, ...]
    due: ColumnElement[Any] | None = None
    closed_at: ColumnElement[Any] | None = None


def ways(cases: Cases, indicator: Indicator, window: Window) -> list[Way]:
    """The ways in which a case can belong to a window, each of them one that an index can find.

    No two ways hold for the same case, so that their counts add up. Stock figures: the
    cases open at the instant.
    """
    columns, clock = cases.columns, cases.database.clock
    if indicator.moment is None and not indicator.of_open:
        return [Way((true(),))]
    if indicator.moment is None:
        return [Way((columns.closed_at.is_(None),)), Way((_after(columns.closed_at, window.at),))]
    if indicator.moment == "due":
        return _due_ways(cases, window)
    if indicator.moment == "closed_at":
        misdated = columns.closed_at < columns.registered_at
        happened = columns.closed_at <= window.at
        found = [
            Way(
                (window.holds(columns.closed_at), happened, columns.closed_at >= columns.registered_at),
                closed_at=columns.closed_at,
            ),
            Way((misdated, happened, window.holds(columns.registered_at)), closed_at=columns.registered_at),
        ]
        if cases.undone_closings is not None:
            not_again = or_(columns.closed_at.is_(None), columns.closed_at > window.at)
            found.append(Way((window.holds(cases.undone_closing), not_again)))
        return found
    if indicator.moment == "forwarding_due":
        petitioned, registered, due = columns.petitioned_at, columns.registered_at, cases.forwarding_due
        return [
            Way((window.holds_end(clock.forwarding, petitioned, due),)),
            Way((petitioned.is_(None), window.holds_end(clock.forwarding, registered, due))),
        ]
    if indicator.moment == "acceptance_due":
        stated, received = columns.acceptance_due_at, columns.unit_received_at
        computed = window.holds_end(clock.acceptance, received, cases.acceptance_due)
        return [Way((window.holds(stated),)), Way((stated.is_(None), computed))]
    if indicator.moment in ("office_rating_due", "unit_rating_due"):
        whose = indicator.moment.removesuffix("_rating_due")
        expires, rated = getattr(columns, f"{whose}_rating_expires_at"), getattr(columns, f"{whose}_rated_at")
        return [Way((window.holds(expires),)), Way((expires.is_(None), window.holds(rated)))]
    return [Way((window.holds(getattr(cases, indicator.moment)),))]


def _due_ways(cases: Cases, window: Window) -> list[Way]:
    """By the latest deadline, by the first one where the extension came after the instant, by a computed one."""
    columns, database = cases.columns, cases.database
    stated, original, extended_at = columns.due_at, columns.original_due_at, columns.extended_at
    as_recorded = or_(extended_at.is_(None), extended_at <= window.at)
    found = [
        Way((window.holds(stated), as_recorded), stated),
        Way((_after(extended_at, window.at), window.holds(cases.first_due)), cases.first_due),
    ]
    if database.computed_tracks:
        accepted = window.may_hold(columns.accepted_at, database.clock.extended_closing)
        unstated = and_(stated.is_(None), or_(original.is_(None), extended_at.is_not(None)))
        found.append(Way((unstated, accepted, as_recorded, window.holds(cases.final_due)), cases.final_due))
    if database.states_original_only:
        found.append(Way((stated.is_(None), extended_at.is_(None), window.holds(original)), original))
    return found


def in_window(cases: Cases, indicator: Indicator, window: Window) -> Condition:
    """Whether a case belongs to the window in any way."""
    return or_(*(and_(*way.conditions) for way in ways(cases, indicator, window)))


def _after(moment: ColumnElement[Any], at: Any) -> Condition:
    """Later than `at`, as a range with two ends: planners prefer its index to one with a single end."""
    return and_(moment > at, moment <= literal(END, schema.Moment))


# --- indicators


def measure(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    by: str | None = None,
) -> pd.DataFrame:
    """Indicators of the filter's period: indicator, group, numerator, denominator, value.

    `value` is a share 0-1 for rates and the count for counts (numerator = value,
    denominator empty). `group` is None when ungrouped. Indicators or groupings that the
    database cannot feed are left out. Rating shares of small cells are empty.
    """
    return measure_spans(connection, database, case_filter, keys, [case_filter.span], by).drop(columns="span")


def measure_spans(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    spans: Sequence[Span],
    by: str | None = None,
    seen_at: datetime | None = None,
) -> pd.DataFrame:
    """Indicators of several periods, each as of its own end: span (position in `spans`) and the columns of `measure`.

    With `seen_at` all are seen from that instant instead: cohorts, whose cases went on after
    the period. Spans may overlap. However many there are, indicators with one denominator
    take one statement for each way.
    """
    fed = [MEASURES[key] for key in keys if can_feed(database, key)]
    rows = count_spans(connection, database, case_filter, fed, spans, by, seen_at)
    return _table(rows, keys, database, len(spans), grouped=by is not None)


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
    """The bare counts of `measure_spans`, to be added up, of indicators that need not be among `MEASURES`.

    `as_recorded`: as the records are now, whatever events have changed since: cheaper, and near enough to try with.
    """
    if by and not database.has(*DIMENSIONS[by].needs):
        return []
    periods = _periods(case_filter, spans, seen_at)
    fitting = [each for each in indicators if not by or DIMENSIONS[by].fits(each)]
    return [
        row
        for together in _together(fitting)
        for row in _counted(connection, database, case_filter, together, periods, by, as_recorded)
    ]


def can_feed(database: CaseDatabase, key: str) -> bool:
    """Whether the database has what an indicator needs; of the two deadline sources one is enough."""
    needs = MEASURES[key].needs
    either = set(schema.DEADLINE_SOURCES)
    if either <= set(needs) and not any(database.has(name) for name in either):
        return False
    optional = either if either <= set(needs) else set()
    return database.has(*(name for name in needs if name not in optional))


def _together(indicators: Sequence[Indicator]) -> list[list[Indicator]]:
    """The indicators that one statement can count: the same cases, of which each has its numerator."""
    found: dict[tuple[Any, ...], list[Indicator]] = {}
    for each in indicators:
        base = (each.table, each.moment, each.denominator, each.office, each.is_rate)
        found.setdefault(base, []).append(each)
    return list(found.values())


def _counted(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    indicators: Sequence[Indicator],
    periods: _Periods,
    by: str | None,
    as_recorded: bool = False,
) -> list[Row]:
    """The counts of indicators that go together: a statement for each way, and one for what events have changed."""
    indicator = indicators[0]
    with_accusations = [counts_accusations(case_filter, each, by) for each in indicators]
    window, windows, position, earliest = periods.window, periods.table, periods.position, periods.earliest

    def counts(cases: Cases, where: Sequence[Condition], sign: int, changed: Subquery | None) -> Select[Any]:
        counted = [*where, *case_filter.where(cases), indicator.denominator(cases)]
        if not any(with_accusations):
            counted.append(~cases.is_accusation)
        all_of_them = func.count() if sign > 0 else -func.count()
        columns: list[ColumnElement[Any]] = []
        for each, with_them in zip(indicators, with_accusations, strict=True):
            among = [~cases.is_accusation] if any(with_accusations) and not with_them else []
            among += [each.only(cases)] if each.only else []
            met = [*among, each.numerator(cases)] if each.numerator else among
            columns += [func.sum(case((and_(*part), sign), else_=0)) if part else all_of_them for part in (met, among)]
        group = group_of(cases, by, indicator) if by else None
        grouping = [column for column in (position, group) if column is not None]
        selected = (
            literal(0) if position is None else position,
            null() if group is None else group.label("of_group"),
            *columns,
        )
        source = source_of(cases, indicator, [by] if by else [], windows, changed)
        return select(*selected).select_from(source).where(*counted).group_by(*grouping)

    recorded = Cases(database, window.at, earliest, as_recorded=True)
    statements: list[Executable] = [
        counts(replace(recorded, known_due=way.due, known_closed_at=way.closed_at), way.conditions, +1, None)
        for way in ways(recorded, indicator, window)
    ]
    then = Cases(database, window.at, earliest)
    if not as_recorded and then.changed_later is not None:
        changed = counts(then, [in_window(then, indicator, window)], +1, then.changed_later)
        if then.differs:
            unchanged = counts(recorded, [in_window(recorded, indicator, window)], -1, then.changed_later)
            statements.append(union_all(changed, unchanged))
    return [
        (each.key, span, group, int(numerator or 0), int(denominator or 0))
        for statement in statements
        for span, group, *found in connection.execute(statement)
        for each, numerator, denominator in zip(indicators, found[::2], found[1::2], strict=True)
    ]


def _table(rows: list[Row], keys: Sequence[str], database: CaseDatabase, spans: int, grouped: bool) -> pd.DataFrame:
    """The counts added up and divided, in the order of `keys`; ungrouped, every span has a row."""
    totals: dict[tuple[str, int, Any], tuple[int, int]] = {}
    if not grouped:
        fed = [key for key in keys if can_feed(database, key)]
        totals = {(key, span, None): (0, 0) for key in fed for span in range(spans)}
    for key, span, group, numerator, denominator in rows:
        before = totals.get((key, span, group), (0, 0))
        totals[key, span, group] = (before[0] + numerator, before[1] + denominator)
    small_cell = database.settings.comparison.small_cell
    found: list[tuple[Any, ...]] = []
    for (key, span, group), (numerator, denominator) in totals.items():
        indicator = MEASURES[key]
        if grouped and indicator.is_rate and not denominator:
            continue
        if not indicator.is_rate:
            shown = None if indicator.confidential and 0 < numerator < small_cell else numerator
            found.append((key, span, group, shown, None, shown))
        elif indicator.confidential and denominator < small_cell:
            found.append((key, span, group, None, denominator, None))
        else:
            found.append((key, span, group, numerator, denominator, numerator / denominator if denominator else None))
    order = {key: position for position, key in enumerate(keys)}
    found.sort(key=lambda row: (order[row[0]], row[1]))
    table = pd.DataFrame(found, columns=["indicator", "span", "group", "numerator", "denominator", "value"])
    kinds = {"span": "int64", "group": object, "numerator": "Int64", "denominator": "Int64", "value": "Float64"}
    return table.astype(kinds)  # type: ignore[arg-type]
