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
from dashboard.drawing import Drawing, details, either, layered, of, picked, remembered
from dashboard.room import Room
from data_access.texts import text


def of_height(share: float) -> Any:
    """A length of `share` per cent of the window's height, in pixels."""
    return alt.expr(f"windowSize()[1] * {share / 100:.5f} + 0 * width")


def flow(series: pd.DataFrame, room: Room) -> Drawing:
    """Received and closed by month, named at their ends; the unfinished month is hollow. Marks carry their days."""
    kinds = {key: text(f"flow.{key}") for key in ("registered", "closed")}
    long = with_days(series).melt(["start", "end", "first", "last", "unfinished"], list(kinds), "kind", "n")
    long["name"] = long["kind"].map(kinds)
    return Drawing(_flow(room), {"flow": long})


@remembered
def _flow(room: Room) -> dict[str, Any]:
    colours, kinds = theme.palette(), ["registered", "closed"]
    body = of_height(room.body)
    scale = alt.Scale(domain=kinds, range=[colours.ink, colours.blue])
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
    base = of("flow").encode(x=x, y=y, color=alt.Color("kind:N", scale=scale, legend=None))
    dash = alt.StrokeDash("kind:N", scale=alt.Scale(domain=kinds, range=[[1, 0], [10, 6]]), legend=None)
    lines = base.transform_filter("!datum.unfinished").mark_line(strokeWidth=of_height(0.5)).encode(strokeDash=dash)
    points = (
        base.mark_point(size=of_height(35), opacity=1, cursor="pointer", strokeWidth=of_height(0.4))
        .encode(
            fill=alt.Fill("kind:N", scale=scale, legend=None),
            fillOpacity=either(alt.FillOpacityValue, "datum.unfinished", 0, 1),
            detail=details("first", "last", "kind"),
        )
        .add_params(picked("first", "last", "kind"))
    )
    return layered(lines, points, height="container")
