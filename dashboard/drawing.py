"""A chart on its way to the screen: how it looks, apart from what it shows.

Altair writes each layer, about a table that is only named. A chart so has the same specification whatever
it shows, made once for a language, a palette and a shape. What depends on the figures (a scale's end, who
stands out) is therefore a column, or one of the drawing's `values`.

Layers are put together here, since Altair's own `layer` copies each of them several times. Channels are
named by their class (`alt.X("n:Q")`, `either(alt.FillValue, …)`), never as a bare string, `alt.value` or
`alt.condition`: for those Altair compares the schemas of all its classes, in 3 to 12 milliseconds each time.
Tests hold that none does, and hold every chart against Vega-Lite's schema, which is not done here.

A chart's alternative text holds figures, so that a browser makes the chart anew with each answer; with a fixed
text it would paint new figures into it, which was measured and is not faster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import Any, Final, TypeVar, cast

import altair as alt
import pandas as pd

from dashboard import theme
from data_access.texts import language

Make = TypeVar("Make", bound=Callable[..., dict[str, Any]])
MARK: Final = "mark"
"""The selection of every chart: the mark that was clicked on."""
TOP: Final[Any] = alt.YValue(0)  # type: ignore[no-untyped-call]
"""The height of what stands at the top of a chart."""


@dataclass(frozen=True)
class Drawing:
    """A chart: `specification` in Vega-Lite, the tables that it names, and `values` of names in its expressions."""

    specification: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    values: Mapping[str, Any] = field(default_factory=dict)

    def vega_lite(self) -> dict[str, Any]:
        """The whole, for the caller to keep and change."""
        params = [{"name": name, "value": value} for name, value in self.values.items()]
        return {**deepcopy(dict(self.specification)), "datasets": dict(self.tables), "params": params}


def remembered(make: Make) -> Make:
    """`make`, which returns a specification, asked once for a language, a palette and its arguments, all plain."""

    @lru_cache(maxsize=100)
    def made(_language: str, _palette: theme.Palette, *arguments: Any) -> dict[str, Any]:
        return make(*arguments)

    @wraps(make)
    def of_viewer(*arguments: Any) -> dict[str, Any]:
        return made(language(), theme.palette(), *arguments)

    return cast("Make", of_viewer)


def of(table: str) -> alt.Chart:
    """A layer of the table of that name."""
    return alt.Chart(alt.NamedData(table))


def layered(*layers: alt.Chart, height: Any, independent: bool = False) -> dict[str, Any]:
    """Layers over each other, the last on top; `independent`: each has colours of its own.

    In the colours of the viewer's screen.
    """
    found = {
        "$schema": alt.SCHEMA_URL,
        "config": theme.of_charts(),
        "height": height,
        "layer": [layer.to_dict(validate=False, context={"top_level": False}) for layer in layers],
    }
    return {**found, "resolve": {"scale": {"color": "independent"}}} if independent else found


def step(pixels: int) -> dict[str, int]:
    """The height of each row of a chart that is as high as it has rows."""
    return {"step": pixels}


def picked(*fields: str) -> alt.Parameter:
    """Marks can be clicked on, and tell these fields."""
    return alt.selection_point(name=MARK, fields=list(fields), on="click", empty=False)


def details(*fields: str) -> list[alt.Detail]:
    """Fields that go with a mark."""
    return [alt.Detail(f"{field}:N") for field in fields]


def either(channel: type[Any], test: str, yes: Any, no: Any) -> Any:
    """The value `yes` for marks where `test` (a Vega expression) holds, else `no`; `channel` as `alt.ColorValue`."""
    return channel(no, condition={"test": test, "value": yes})


def bare(channel: type[Any], field: str) -> Any:
    """A position by a scale from nothing to its farthest mark, without an axis."""
    return channel(field, title=None, axis=None, scale=alt.Scale(zero=True, nice=False))


def reaching(base: alt.Chart, **position: Any) -> alt.Chart:
    """An invisible mark, which nobody meets, that makes a scale reach to it."""
    invisible: alt.Chart = base.mark_point(opacity=0, size=0, aria=False).encode(**position)
    return invisible
