"""Units beside each other: which table a unit stands in, its months, the heat map."""

from __future__ import annotations

from typing import Final

import pandas as pd

from data_access.database import Names
from data_access.texts import text

RANKED: Final = ("on_time_closure_rate", "overdue_share", "unit_satisfaction_rate")
"""What units may be ordered by; volumes never."""


def of_kind(table: pd.DataFrame, kind: str, names: Names) -> pd.DataFrame:
    """The rows of units of one kind; of units the unit table does not know for ''."""
    known = table["group"].map(lambda group: names.kinds.get(group) or "")
    return table[known == kind]


def sparks(monthly: pd.DataFrame) -> dict[str, list[float]]:
    """The on-time rate of each unit in the last months, oldest first; months without cases are left out."""
    known = monthly.dropna(subset=["value", "group"]).sort_values("start")
    return {str(group): [float(value) for value in rows["value"]] for group, rows in known.groupby("group")}


FAINT: Final = 0.12
"""How dark a cell of too few cases may be at most: one late case of one says little."""


def heat(table: pd.DataFrame, names: Names, few: int) -> pd.DataFrame:
    """Cells of units and fields with open cases, in fixed order; rows without a late case are left out.

    `shade` is the overdue share, held back where fewer than `few` cases are open.
    """
    late_units = set(table.loc[table["overdue"] > 0, "unit"].dropna())
    shown = table[table["unit"].isin(late_units)].copy()
    unit_order = {unit: position for position, unit in enumerate(names.units)}
    field_order = {field: position for position, field in enumerate(names.categories)}
    shown["field"] = shown["field"].fillna("")
    shown["unit_name"] = [names.unit(unit) for unit in shown["unit"]]
    shown["field_name"] = [names.category(field) or text("common.unknown") for field in shown["field"]]
    shown["share"] = shown["overdue"] / shown["open"]
    shown["shade"] = shown["share"].where(shown["open"] >= few, shown["share"].clip(upper=FAINT))
    shown["label"] = [
        f"{late}/{count}" if late else str(count) for late, count in zip(shown["overdue"], shown["open"], strict=True)
    ]
    place = shown.assign(
        unit_place=shown["unit"].map(lambda unit: unit_order.get(unit, len(unit_order))),
        field_place=shown["field"].map(lambda field: field_order.get(field, len(field_order))),
    )
    return place.sort_values(["unit_place", "field_place"])


def heat_message(table: pd.DataFrame) -> str:
    """The fullest cell in a sentence."""
    worst = table.sort_values("overdue", ascending=False).iloc[0]
    return text("units.heat_alt", unit=worst["unit_name"], field=worst["field_name"], n=int(worst["overdue"]))
