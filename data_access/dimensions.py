"""Ways to group cases, and the tables that a statement selects from for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, case, func, true

from data_access.dialect import end_of_day
from data_access.filters import CaseFilter
from data_access.indicator import Indicator
from data_access.state import Cases

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
    of_instant: bool = False
    """Whether a case changes its group as time goes by."""

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
    "age": Dimension(("registered_at",), _age, of_instant=True),
    "stage": Dimension(("registered_at",), lambda cases: cases.stage, of_instant=True),
    "left_out": Dimension(("registered_at",), lambda cases: cases.left_out, of_instant=True),
}
"""Ways to group. `field` is the top-level category, `functional` the field's department (归口).

`batch`, `instructed` and `item` are those of the entries that an indicator counts; others have no such groups."""

TOGETHER: Final = frozenset(
    {
        *("unit", "kind", "township", "category", "field", "functional", "channel", "level", "handling", "post"),
        *("assigned", "batch", "instructed", "item"),
    }
)
"""Groups that are codes as they are recorded: several of them can be counted in one statement (GROUPING SETS)."""


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
    windows: FromClause | None = None,
) -> FromClause:
    """What to select from: the cases, and only what `dimensions` and the conditions made so far ask for."""
    source: FromClause = cases.columns.source
    if windows is not None:
        source = windows.join(source, true())
    if indicator and indicator.table != "petition_case":
        entry = cases.entry(indicator.table)
        if entry.source is not cases.columns.source:
            source = source.join(entry.source, entry.case_id == cases.case_id)
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
