"""The charts of the supervision page: the list over months, batches burning down, closings by level."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard.charts import with_days
from dashboard.theme import either, palette
from data_access.texts import text

FADED: Final = 0.45
"""How strong the marks of a month are that is not over."""


def _picked(*names: str) -> alt.Parameter:
    return alt.selection_point(name="mark", fields=list(names), on="click", empty=False)


def _months(table: pd.DataFrame, *, labelled: bool) -> alt.X:
    axis = alt.Axis(labelAngle=0, grid=False, ticks=False, labels=labelled, domain=labelled)
    return alt.X("month:N", sort=list(table["month"].drop_duplicates()), title=None, axis=axis)


def remaining(table: pd.DataFrame) -> Any:
    """Listed at the end of each month, each point with its number: columns month, end, supervised, unfinished."""
    colours, shown = palette(), with_days(table)
    scale = alt.Scale(domain=[0, float(shown["supervised"].max() or 1) * 1.25])
    base = alt.Chart(shown).encode(
        x=_months(shown, labelled=False), y=alt.Y("supervised:Q", title=None, axis=None, scale=scale)
    )
    line = base.mark_area(color=colours.soft, line={"color": colours.blue, "strokeWidth": 2.5})
    points = (
        base.mark_point(filled=True, size=90, color=colours.blue, cursor="pointer")
        .encode(
            detail=alt.Detail("last:N"),
            opacity=either(alt.OpacityValue, "datum.unfinished", FADED, 1),
            tooltip=[
                alt.Tooltip("end:T", title=text("chart.at_end"), format="%Y-%m-%d"),
                alt.Tooltip("supervised:Q", title=text("indicator.supervised.label")),
            ],
        )
        .add_params(_picked("last"))
    )
    words = base.mark_text(dy=-14).encode(text=alt.Text("supervised:Q"))
    return alt.layer(line, points, words).properties(height=190)


def flows(table: pd.DataFrame) -> Any:
    """Newly listed, listed again and signed off by month as bars with their numbers: columns month, first, last,
    indicator, name, n, unfinished."""
    colours = palette()
    names = list(table["name"].drop_duplicates())
    scale = alt.Scale(domain=names, range=[colours.ink, colours.context, colours.blue][: len(names)])
    top = float(table["n"].max() or 1) * 1.2
    base = alt.Chart(table).encode(
        x=_months(table, labelled=True),
        xOffset=alt.XOffset("name:N", sort=names),
        y=alt.Y("n:Q", title=None, axis=None, scale=alt.Scale(domain=[0, top])),
    )
    bars = (
        base.mark_bar(cornerRadius=1, cursor="pointer")
        .encode(
            color=alt.Color("name:N", scale=scale, sort=names, legend=alt.Legend(symbolType="square")),
            opacity=either(alt.OpacityValue, "datum.unfinished", FADED, 1),
            detail=[alt.Detail("first:N"), alt.Detail("last:N"), alt.Detail("indicator:N")],
            tooltip=[
                alt.Tooltip("first:N", title=text("chart.from")),
                alt.Tooltip("last:N", title=text("chart.to")),
                alt.Tooltip("name:N", title=text("chart.name")),
                alt.Tooltip("n:Q", title=text("chart.value")),
            ],
        )
        .add_params(_picked("first", "last", "indicator"))
    )
    words = base.mark_text(dy=-7, fontSize=12).encode(text=alt.Text("n:Q")).transform_filter("datum.n > 0")
    return alt.layer(bars, words).properties(height=280)
