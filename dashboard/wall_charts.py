"""Charts for the wall: their letters are a share of the window's height, so that they obey the room.

Vega asks the window itself (`windowSize()`), since the server does not know how large a
screen is; the width in the expression makes it ask again when the window changes.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.charts import with_days
from dashboard.room import Room
from data_access.texts import text


def of_height(share: float) -> Any:
    """A length of `share` per cent of the window's height, in pixels."""
    return alt.expr(f"windowSize()[1] * {share / 100:.5f} + 0 * width")


def flow(series: pd.DataFrame, room: Room) -> Any:
    """Received and closed by month, named at their ends; the unfinished month is hollow. Marks carry their days."""
    colours = theme.palette()
    body = of_height(room.body)
    kinds = {key: text(f"flow.{key}") for key in ("registered", "closed")}
    long = with_days(series).melt(["start", "end", "first", "last", "unfinished"], list(kinds), "kind", "n")
    long["name"] = long["kind"].map(kinds)
    scale = alt.Scale(domain=list(kinds), range=[colours.ink, colours.blue])
    axis = alt.Axis(
        title=None,
        grid=False,
        labelExpr=text("axis.wall_month"),
        labelOverlap="greedy",
        labelFlush=False,
        labelFontSize=body,
        labelFontWeight=500,
        labelColor=colours.ink,
        tickCount="month",
        labelPadding=10,
    )
    x = alt.X("start:T", axis=axis, scale=alt.Scale(padding=40))
    y = alt.Y(
        "n:Q",
        title=None,
        scale=alt.Scale(zero=True),
        axis=alt.Axis(
            labelFontSize=body, labelFontWeight=500, labelColor=colours.ink, tickCount=4, domain=False, ticks=False
        ),
    )
    color = alt.Color("kind:N", scale=scale, legend=None)
    dash = alt.StrokeDash("kind:N", scale=alt.Scale(domain=list(kinds), range=[[1, 0], [10, 6]]), legend=None)
    whole = alt.Chart(long[~long["unfinished"]])
    lines = whole.mark_line(strokeWidth=of_height(0.5)).encode(x=x, y=y, color=color, strokeDash=dash)
    picked = alt.selection_point(name="mark", fields=["first", "last", "kind"], on="click", empty=False)
    points = (
        alt.Chart(long)
        .mark_point(size=of_height(35), opacity=1, cursor="pointer", strokeWidth=of_height(0.4))
        .encode(
            x=x,
            y=y,
            color=color,
            fill=alt.Fill("kind:N", scale=scale, legend=None),
            fillOpacity=theme.either(alt.FillOpacityValue, "datum.unfinished", 0, 1),
            detail=[alt.Detail("first:N"), alt.Detail("last:N"), alt.Detail("kind:N")],
        )
        .add_params(picked)
    )
    return alt.layer(lines, points).properties(height="container")
