"""The charts of the supervision page: the list over months, batches burning down, closings by level."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard.charts import with_days
from dashboard.theme import palette
from data_access.texts import text

FADED: Final = 0.45
"""How strong the marks of a month are that is not over."""
NAMES: Final = 190
"""Room for a batch's name behind its line, in pixels."""


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
            detail="last:N",
            opacity=alt.condition("datum.unfinished", alt.value(FADED), alt.value(1)),
            tooltip=[
                alt.Tooltip("end:T", title=text("chart.at_end"), format="%Y-%m-%d"),
                alt.Tooltip("supervised:Q", title=text("indicator.supervised.label")),
            ],
        )
        .add_params(_picked("last"))
    )
    words = base.mark_text(dy=-14).encode(text="supervised:Q")
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
            opacity=alt.condition("datum.unfinished", alt.value(FADED), alt.value(1)),
            detail=["first:N", "last:N", "indicator:N"],
            tooltip=[
                alt.Tooltip("first:N", title=text("chart.from")),
                alt.Tooltip("last:N", title=text("chart.to")),
                alt.Tooltip("name:N", title=text("chart.name")),
                alt.Tooltip("n:Q", title=text("chart.value")),
            ],
        )
        .add_params(_picked("first", "last", "indicator"))
    )
    words = base.mark_text(dy=-7, fontSize=12).encode(text="n:Q").transform_filter("datum.n > 0")
    return alt.layer(bars, words).properties(height=280)


def burn_down(table: pd.DataFrame) -> Any:
    """What is left of each batch by month; its name and number stand at its line's end.

    Columns batch, name, start, end, remaining, label; a month stands at its start, as on every chart.
    """
    colours, shown = palette(), with_days(table)
    names = list(shown["name"].drop_duplicates())
    scale = alt.Scale(domain=names, range=[colours.ink, colours.blue, colours.muted, colours.context])
    dashes = alt.Scale(domain=names, range=[[1, 0], [7, 4], [2, 3], [9, 3, 2, 3]])
    y = alt.Y("remaining:Q", title=None, axis=alt.Axis(tickCount=4), scale=alt.Scale(domainMin=0))
    axis = alt.Axis(title=None, labelExpr=text("axis.month"), labelOverlap="greedy", labelFlush=False, grid=False)
    base = alt.Chart(shown).encode(x=alt.X("start:T", axis=axis), color=alt.Color("name:N", scale=scale, legend=None))
    lines = base.mark_line(strokeWidth=2.5).encode(y=y, strokeDash=alt.StrokeDash("name:N", scale=dashes, legend=None))
    points = (
        base.mark_point(filled=True, size=55, opacity=1, cursor="pointer")
        .encode(
            y=y,
            detail=["last:N", "batch:N"],
            tooltip=[
                alt.Tooltip("name:N", title=text("dimension.batch")),
                alt.Tooltip("end:T", title=text("chart.at_end"), format="%Y-%m-%d"),
                alt.Tooltip("remaining:Q", title=text("supervision.left")),
            ],
        )
        .add_params(_picked("last", "batch"))
    )
    ends = shown.sort_values("end").groupby("batch").tail(1).sort_values("remaining")
    gap = float(shown["remaining"].max() or 1) * 0.13
    heights: list[float] = []
    for each in ends["remaining"]:
        heights.append(max(float(each), heights[-1] + gap) if heights else float(each))
    last = alt.Chart(ends.assign(label_at=heights)).encode(
        x="start:T",
        y="label_at:Q",
        text="label:N",
        color=alt.Color("name:N", scale=scale, legend=None),
    )
    words = last.mark_text(align="left", dx=10, limit=NAMES)
    layers = alt.layer(lines, points, words)
    return layers.properties(height=230, padding={"right": NAMES, "left": 5, "top": 5, "bottom": 5})
