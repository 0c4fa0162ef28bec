"""How far faults of the data could move a rate: an interval for each about the rate as it is."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.drawing import TOP, Drawing, details, layered, of, picked
from dashboard.room import Room
from dashboard.wall_charts import of_height

LETTER: Final = 14
"""Height of the page's letters, in pixels."""


def bounds(rows: pd.DataFrame, rate: float, now: str) -> Drawing:
    """For a page: `rows` with key, name, low, high (shares 0-1), said; `now` names the line of the rate."""
    return _drawn(rows, rate, now, LETTER, 3, 8, 34 * len(rows) + 50)


def wall_bounds(rows: pd.DataFrame, rate: float, now: str, room: Room) -> Drawing:
    """The same for the wall: letters are a share of the window's height."""
    letters, stroke, bar = (of_height(share) for share in (room.body, 0.3, 1.2))
    return _drawn(rows, rate, now, letters, stroke, bar, "container")


def _drawn(rows: pd.DataFrame, rate: float, now: str, letters: Any, stroke: Any, bar: Any, height: Any) -> Drawing:
    colours = theme.palette()
    low, high = float(rows["low"].min()), float(rows["high"].max())
    # Room for the words behind the bars, and never a scale that blows a hair up to a beam.
    wide = max(high - low, 0.002)
    scale = alt.Scale(domain=[low - wide * 0.1, high + wide * 0.9], nice=False, zero=False)
    order = list(rows["name"])
    y = alt.Y(
        "name:N",
        sort=order,
        title=None,
        axis=alt.Axis(
            labelFontSize=letters,
            labelFontWeight=500,
            labelColor=colours.ink,
            labelLimit=2000,
            domain=False,
            ticks=False,
            labelPadding=12,
        ),
    )
    x = alt.X(
        "low:Q",
        scale=scale,
        title=None,
        axis=alt.Axis(
            format=".1%" if wide > 0.004 else ".2%",
            labelFontSize=letters,
            labelFontWeight=500,
            labelColor=colours.ink,
            tickCount=4,
            grid=False,
        ),
    )
    base = of("rows")
    bars = (
        base.mark_bar(size=bar, cursor="pointer", color=colours.blue)
        .encode(x=x, x2=alt.X2("high:Q"), y=y, detail=details("key"))
        .add_params(picked("key"))
    )
    words = base.mark_text(align="left", dx=10, fontSize=letters, fontWeight=500, color=colours.ink).encode(
        x=alt.X("high:Q", scale=scale), y=y, text=alt.Text("said:N")
    )
    at = of("now")
    line = at.mark_rule(strokeWidth=stroke, color=colours.ink, strokeDash=[6, 4]).encode(x=alt.X("rate:Q", scale=scale))
    name = at.mark_text(baseline="bottom", dy=-6, fontSize=letters, fontWeight=500, color=colours.ink).encode(
        x=alt.X("rate:Q", scale=scale), y=TOP, text=alt.Text("now:N")
    )
    tables = {"rows": rows, "now": pd.DataFrame({"rate": [rate], "now": [now]})}
    return Drawing(layered(bars, words, line, name, height=height), tables)
