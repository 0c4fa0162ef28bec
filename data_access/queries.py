"""Filter + indicator + grouping -> DataFrame: every statement that a page or command runs.

Group first, divide after. Each function takes a connection inside one read-only
transaction, so that all figures of a screen come from one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
)

from data_access import schema
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES, Indicator
from data_access.periods import Span
from data_access.state import Cases, Condition, cases_at, cases_by

GroupOf = Callable[[Cases], ColumnElement[Any]]


@dataclass(frozen=True)
class Dimension:
    """One way to group cases: the columns it needs, its expression and the small table it joins."""

    needs: tuple[str, ...]
    group: GroupOf
    joins: str | None = None


def _field_of(cases: Cases) -> ColumnElement[Any]:
    return func.coalesce(cases.field.parent_id, cases.category_id)


def _functional_unit(cases: Cases) -> ColumnElement[Any]:
    return cases.field.functional_unit_id  # type: ignore[no-any-return]


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
    "handling": Dimension(("handling_level",), lambda cases: cases.handling_level),
    "track": Dimension(("track",), lambda cases: func.coalesce(cases.track, "statutory")),
    "disposition": Dimension(("disposition",), lambda cases: cases.disposition),
}
"""Ways to group. `field` is the top-level category, `functional` the field's department (归口)."""


# --- the parts that all statements share


def group_of(cases: Cases, by: str, indicator: Indicator | None) -> ColumnElement[Any]:
    """What `by` groups on: slips by the unit reminded, the office's work by who registered."""
    if by == "unit" and indicator and indicator.table == "reminder_slip":
        return cases.slip.unit_id  # type: ignore[no-any-return]
    if by == "unit" and indicator and indicator.office:
        return cases.registering_unit_id
    return DIMENSIONS[by].group(cases)


def source_of(cases: Cases, indicator: Indicator | None, by: str | None) -> FromClause:
    source: FromClause = cases.columns.source
    if indicator and indicator.table == "reminder_slip":
        source = source.join(cases.slip.source, cases.slip.case_id == cases.case_id)
    source = cases.joined(source)
    joins = DIMENSIONS[by].joins if by else None
    if joins == "category":
        source = source.outerjoin(cases.field.source, cases.field.category_id == cases.category_id)
    if joins == "unit":
        source = source.outerjoin(cases.lead.source, cases.lead.unit_id == cases.lead_unit_id)
    return source


def _counts_accusations(case_filter: CaseFilter, indicator: Indicator, by: str | None) -> bool:
    """检举控告 appear in county totals only: volumes that are neither narrowed nor grouped."""
    return indicator.county_wide and not by and not case_filter.narrowed


def _likely(cases: Cases, moment: str, first: datetime | None, last: datetime) -> Condition:
    """A wider condition than `moment` between `first` and `last` that an index or a quick look can decide."""
    if moment == "closed_at" and cases.undone_closings is not None:
        return true()
    slack = timedelta(days=160)
    if moment == "due":
        stated, accepted = cases.due_at, cases.accepted_at
        far = cases.original_due_at
        ranges = [
            _between(stated, first, last),
            and_(stated.is_(None), _between(accepted, first and first - slack, last)),
            and_(cases.extended_at > cases.at, _between(far, first, last)),
        ]
        return or_(*ranges)
    if moment == "forwarding_due":
        return _between(cases.received_at, first and first - slack, last)
    if moment == "acceptance_due":
        return _between(cases.unit_received_at, first and first - 3 * slack, last)
    return true()


def _between(moment: ColumnElement[Any], first: datetime | None, last: datetime) -> Condition:
    return and_(moment >= first, moment <= last) if first else moment <= last


def in_span(cases: Cases, indicator: Indicator, span: Span) -> Condition:
    """Whether the indicator's moment falls in the span; stock figures: always, but only open cases count."""
    if indicator.moment is None:
        return cases.is_open
    moment = getattr(cases, indicator.moment)
    bounds = [_between(moment, span.first, span.last)]
    if indicator.moment == "closed_at" and cases.undone_closings is None:
        # The recorded closing is the one in force: say so in a way that an index can use.
        recorded, registered = cases.columns.closed_at, cases.columns.registered_at
        misdated = and_(recorded < registered, _between(registered, span.first, span.last))
        bounds.insert(0, or_(_between(recorded, span.first, span.last), misdated))
    return and_(_likely(cases, indicator.moment, span.first, span.last), *bounds)


def _one(condition: Condition) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


# --- indicators


def measure(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    by: str | None = None,
) -> pd.DataFrame:
    """Indicators of one period: indicator, group, numerator, denominator, value.

    `value` is a share 0-1 for rates and the count for counts (numerator = value,
    denominator empty). `group` is None when ungrouped. Indicators or groupings that the
    database cannot feed are left out. Rating shares of small cells are empty.
    """
    frames = []
    for indicators in _clusters(database, keys, by):
        cases = cases_at(database, case_filter.at)
        where = [*case_filter.where(cases), in_span(cases, indicators[0], case_filter.span)]
        frames.append(
            _counted(connection, cases, case_filter, indicators, where, {"group": _grouping(cases, by, indicators)}, by)
        )
    return _table(frames, keys, database, ["indicator", "group"])


def measure_spans(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    spans: Sequence[Span],
    by: str | None = None,
) -> pd.DataFrame:
    """Flow indicators of several periods that do not overlap, in order; each as of its own end.

    Columns: indicator, span (position in `spans`), group, numerator, denominator, value;
    a figure equals that of `measure` with the filter over that span.
    """
    frames = []
    instants = [case_filter.over(span).at for span in spans]
    ends = [span.last for span in spans]
    for indicators in _clusters(database, keys, by):
        start = cases_at(database, instants[0])
        for anchor_of in _anchors(start, indicators[0]):
            anchor, only = anchor_of(start)
            position = _position(anchor, ends, 0, len(ends) - 1, lambda i: literal(i))
            at = _position(anchor, ends, 0, len(ends) - 1, lambda i: literal(instants[i], schema.Moment))
            cases = cases_by(database, at, instants[0], start.undone_closings)
            anchor, only = anchor_of(cases)
            moment = indicators[0].moment or ""
            where = [
                *case_filter.where(cases),
                _between(anchor, spans[0].first, spans[-1].last),
                *only,
                *([] if moment not in ("due", "closed_at") else [getattr(cases, moment) == anchor]),
            ]
            groups = {"span": position, "group": _grouping(cases, by, indicators)}
            frames.append(_counted(connection, cases, case_filter, indicators, where, groups, by))
    return _table(frames, keys, database, ["indicator", "span", "group"])


def _grouping(cases: Cases, by: str | None, indicators: Sequence[Indicator]) -> ColumnElement[Any] | None:
    return group_of(cases, by, indicators[0]) if by else None


def _position(
    moment: ColumnElement[Any], ends: list[datetime], low: int, high: int, value: Callable[[int], ColumnElement[Any]]
) -> ColumnElement[Any]:
    """Which span a moment falls in, as nested halves: few comparisons however many spans."""
    if low == high:
        return value(low)
    middle = (low + high) // 2
    lower = _position(moment, ends, low, middle, value)
    return case((moment <= ends[middle], lower), else_=_position(moment, ends, middle + 1, high, value))


Anchor = Callable[[Cases], tuple[ColumnElement[Any], list[Condition]]]


def _anchors(start: Cases, indicator: Indicator) -> list[Anchor]:
    """The recorded moments that can decide the span of a case, each with the cases it can hold for.

    Which deadline or closing is in force depends on the instant, and the instant on the
    span: so each recorded one proposes a span, and counts where it is in force there.
    """
    if indicator.moment == "due":
        return [
            lambda cases: (cases.final_due, []),
            lambda cases: (cases.first_due, [cases.extended_at > cases.first_due, cases.first_due != cases.final_due]),
        ]
    if indicator.moment == "closed_at":
        anchors: list[Anchor] = [lambda cases: (cases.recorded_closing, [])]
        if start.undone_closings is not None:
            anchors.append(_undone_anchor)
        return anchors
    return [lambda cases: (getattr(cases, indicator.moment or ""), [])]


def _undone_anchor(cases: Cases) -> tuple[ColumnElement[Any], list[Condition]]:
    assert cases.undone_closings is not None
    return cases.undone_closings.c.closed_at, []


def _clusters(database: CaseDatabase, keys: Sequence[str], by: str | None) -> list[list[Indicator]]:
    """The indicators that the database can feed, those that one statement can count together."""
    if by and not database.has(*DIMENSIONS[by].needs):
        return []
    fed = [MEASURES[key] for key in keys if can_feed(database, key)]

    def shared(indicator: Indicator) -> tuple[str, str, bool]:
        return indicator.table, indicator.moment or "", bool(by == "unit" and indicator.office)

    return [list(group) for _, group in groupby(sorted(fed, key=shared), key=shared)]


def can_feed(database: CaseDatabase, key: str) -> bool:
    """Whether the database has what an indicator needs; of the two deadline sources one is enough."""
    needs = MEASURES[key].needs
    either = set(schema.DEADLINE_SOURCES)
    if either <= set(needs) and not any(database.has(name) for name in either):
        return False
    optional = either if either <= set(needs) else set()
    return database.has(*(name for name in needs if name not in optional))


def _counted(
    connection: Connection,
    cases: Cases,
    case_filter: CaseFilter,
    indicators: Sequence[Indicator],
    where: Sequence[Condition],
    groups: dict[str, ColumnElement[Any] | None],
    by: str | None,
) -> pd.DataFrame:
    """One statement: the counts of `indicators`, long: indicator, the groups, numerator, denominator."""
    with_accusations = [_counts_accusations(case_filter, indicator, by) for indicator in indicators]
    keep = [*where, *([] if any(with_accusations) else [~cases.is_accusation])]
    columns: list[ColumnElement[Any]] = []
    for indicator, with_them in zip(indicators, with_accusations, strict=True):
        counted = indicator.denominator(cases)
        if any(with_accusations) and not with_them:
            counted = and_(counted, ~cases.is_accusation)
        met = and_(counted, indicator.numerator(cases)) if indicator.numerator else counted
        columns += [_one(met).label(f"n_{indicator.key}"), _one(counted).label(f"d_{indicator.key}")]
    grouping = {name: group for name, group in groups.items() if group is not None}
    statement = (
        select(*(group.label(name) for name, group in grouping.items()), *columns)
        .select_from(source_of(cases, indicators[0], by))
        .where(*keep)
    )
    if grouping:
        statement = statement.group_by(*(statement.selected_columns[name] for name in grouping))
    wide = pd.DataFrame(connection.execute(statement).mappings().all())
    parts = []
    for indicator in indicators:
        part = pd.DataFrame({"indicator": indicator.key}, index=wide.index)
        for name in groups:
            part[name] = wide.get(name)
        part["numerator"] = wide.get(f"n_{indicator.key}", pd.Series(dtype="int64"))
        part["denominator"] = wide.get(f"d_{indicator.key}", pd.Series(dtype="int64"))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _table(frames: list[pd.DataFrame], keys: Sequence[str], database: CaseDatabase, index: list[str]) -> pd.DataFrame:
    """The counts added up and divided, in the order of `keys`."""
    columns = [*index, "numerator", "denominator", "value"]
    if not frames:
        return pd.DataFrame(columns=columns)
    found = pd.concat(frames, ignore_index=True)
    counts = ["numerator", "denominator"]
    found[counts] = found[counts].apply(pd.to_numeric).fillna(0).astype("int64")
    found = found.groupby(index, dropna=False, sort=False, as_index=False)[counts].sum()
    rates = found["indicator"].map(lambda key: MEASURES[key].is_rate)
    found = found[~rates | (found["denominator"] > 0) | found["group"].isna()]
    rates = rates.loc[found.index]
    found["denominator"] = found["denominator"].astype("Int64")
    found["numerator"] = found["numerator"].astype("Int64")
    found["value"] = (found["numerator"] / found["denominator"].where(found["denominator"] > 0)).astype("Float64")
    found.loc[~rates, "value"] = found.loc[~rates, "numerator"].astype("Float64")
    found.loc[~rates, "denominator"] = pd.NA
    small = found["indicator"].map(lambda key: MEASURES[key].confidential)
    small &= (found["denominator"] < database.settings.comparison.small_cell).fillna(False).astype(bool)
    found.loc[small, ["numerator", "value"]] = pd.NA
    order = {key: position for position, key in enumerate(keys)}
    return found.sort_values("indicator", key=lambda column: column.map(order), kind="stable").reset_index(drop=True)[
        columns
    ]
