"""Figures in words: percentages, cases, changes, as a reader in a meeting expects them."""

from __future__ import annotations

from typing import Final

from data_access.indicators import MEASURES
from data_access.texts import text
from data_access.views import Figure

NONE: Final = "–"


def label(key: str) -> str:
    """The screen name of an indicator."""
    return text(f"indicator.{key}.label")


def percent(value: float | None, digits: int = 1) -> str:
    """`90.1%` of a share 0-1."""
    return NONE if value is None else f"{value * 100:.{digits}f}%"


def against(value: float | None, target: float | None) -> str:
    """`value` with as many digits as it takes to tell it from `target`: 94.96% is not 95.0%."""
    if value is None or target is None or value == target:
        return percent(value)
    digits = next(digits for digits in range(1, 9) if digits == 8 or percent(value, digits) != percent(target, digits))
    return percent(value, digits)


def cases(n: float | int | None) -> str:
    """`54 件`."""
    return NONE if n is None else text("common.cases", n=round(n))


def value(figure: Figure) -> str:
    """The figure as its tile shows it."""
    return percent(figure.value) if MEASURES[figure.key].is_rate else cases(figure.value)


def change(figure: Figure, since: float | None, base: int | None, small_n: int) -> str:
    """The change since another span: percentage points for rates; for counts per cent, or cases where few."""
    if since is None or figure.value is None:
        return text("change.none")
    difference = figure.value - since
    if MEASURES[figure.key].is_rate:
        if base is not None and base < small_n:
            return text("change.few", n=base)
        points = f"{difference * 100:+.1f}"
        return text("change.same") if float(points) == 0 else text("change.points", points=points)
    if difference == 0:
        return text("change.same")
    if since < small_n:
        return text("change.cases", n=abs(round(difference)), sign="+" if difference > 0 else "-")
    return f"{difference / since * 100:+.1f}%"


def month_name(month: int) -> str:
    """`10月` of a month given as year * 12 + month - 1."""
    return text(f"month.{month % 12 + 1}")
