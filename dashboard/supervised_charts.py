"""The charts of the supervision page: the list over months, batches burning down, closings by level."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard.charts import with_days
from dashboard.drawing import Drawing, bare, details, either, layered, of, picked, reaching, remembered
from dashboard.theme import palette
from data_access.texts import text

FADED: Final = 0.45
"""How strong the marks of a month are that is not over."""


def _months(*, labelled: bool) -> alt.X:
    axis = alt.Axis(labelAngle=0, labelFlush=False, grid=False, ticks=False, labels=labelled, domain=labelled)
    return alt.X("month:N", sort=None, title=None, axis=axis)


def remaining(table: pd.DataFrame) -> Drawing:
    """Listed at the end of each month, each point with its number: columns month, end, supervised, unfinished."""
    shown = with_days(table)[["month", "end", "last", "supervised", "unfinished"]]
    return Drawing(_remaining(), {"months": shown.assign(top=float(shown["supervised"].max() or 1) * 1.25)})


@remembered
def _remaining() -> dict[str, Any]:
    colours = palette()
    base = of("months").encode(x=_months(labelled=False), y=bare(alt.Y, "supervised:Q"))
    line = base.mark_area(color=colours.soft, line={"color": colours.blue, "strokeWidth": 2.5})
    points = (
        base.mark_point(filled=True, size=90, color=colours.blue, cursor="pointer")
        .encode(
            detail=details("last"),
            opacity=either(alt.OpacityValue, "datum.unfinished", FADED, 1),
            tooltip=[
                alt.Tooltip("end:T", title=text("chart.at_end"), format="%Y-%m-%d"),
                alt.Tooltip("supervised:Q", title=text("indicator.supervised.label")),
            ],
        )
        .add_params(picked("last"))
    )
    words = base.mark_text(dy=-14).encode(text=alt.Text("supervised:Q"))
    room = reaching(base, y=bare(alt.Y, "top:Q"))
    return layered(room, line, points, words, height=190)


def flows(table: pd.DataFrame) -> Drawing:
    """Newly listed, listed again and signed off by month as bars with their numbers: columns month, first, last,
    indicator, name, n, unfinished."""
    shown = table.assign(top=float(table["n"].max() or 1) * 1.2)
    return Drawing(_flows(tuple(table["name"].drop_duplicates())), {"flows": shown})


@remembered
def _flows(names: tuple[str, ...]) -> dict[str, Any]:
    colours = palette()
    scale = alt.Scale(domain=list(names), range=[colours.ink, colours.context, colours.blue][: len(names)])
    base = of("flows").encode(
        x=_months(labelled=True), xOffset=alt.XOffset("name:N", sort=list(names)), y=bare(alt.Y, "n:Q")
    )
    bars = (
        base.mark_bar(cornerRadius=1, cursor="pointer")
        .encode(
            color=alt.Color("name:N", scale=scale, sort=list(names), legend=alt.Legend(symbolType="square")),
            opacity=either(alt.OpacityValue, "datum.unfinished", FADED, 1),
            detail=details("first", "last", "indicator"),
            tooltip=[
                alt.Tooltip("first:N", title=text("chart.from")),
                alt.Tooltip("last:N", title=text("chart.to")),
                alt.Tooltip("name:N", title=text("chart.name")),
                alt.Tooltip("n:Q", title=text("chart.value")),
            ],
        )
        .add_params(picked("first", "last", "indicator"))
    )
    words = base.mark_text(dy=-7, fontSize=12).encode(text=alt.Text("n:Q")).transform_filter("datum.n > 0")
    room = reaching(base, y=bare(alt.Y, "top:Q"))
    return layered(room, bars, words, height=280)
