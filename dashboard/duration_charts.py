"""The charts of time to close: the share handled by each day with its band, and the months of registration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from dashboard import words
from dashboard.drawing import Drawing, details, either, layered, of, picked, remembered
from dashboard.room import Room
from dashboard.theme import Palette, palette
from dashboard.wall_charts import of_height
from data_access.duration import DAYS, Cohort, Cohorts, Curve
from data_access.texts import text

TICKS: Final = (0, *DAYS, 120)
LAST_DAY: Final = TICKS[-1]
"""Charts end here; what takes longer is told by the number still open."""
NEWEST: Final = 3
"""As many months of registration stand out, each named at its line's end."""
SHORTEST: Final = 7
"""A month is drawn once all its cases have been observed for this many days."""


@dataclass(frozen=True)
class Look:
    """Sizes for a page in pixels, or for the wall as shares of its height."""

    letters: Any
    line: Any
    mark: Any
    height: Any
    weight: Any = 400


def _look(room: Room | None) -> Look:
    if room is None:
        return Look(14, 2.5, 110, 320)
    return Look(of_height(room.body), of_height(0.5), of_height(35), "container", 500)


# The curve


def _until(curve: Curve, last: int) -> Any:
    """The days from 0 to `last` on which the curve is known; a complete one goes on at its last share."""
    return np.arange((last if curve.is_complete else min(last, curve.longest)) + 1)


def points(curve: Curve, last: int) -> pd.DataFrame:
    """day, share, low, high, at_risk on the days of the curve up to `last`."""
    days = _until(curve, last)
    at = np.minimum(days, curve.longest)
    share = curve.share[at]
    return pd.DataFrame(
        {
            "day": days,
            "share": share,
            "low": np.where(np.isnan(curve.low[at]), share, curve.low[at]),
            "high": np.where(np.isnan(curve.high[at]), share, curve.high[at]),
            "at_risk": np.where(days <= curve.longest, curve.at_risk[at], 0),
        }
    )


def curve(found: Curve, then: Curve | None = None, room: Room | None = None) -> Drawing:
    """The share handled by each day as steps with their 95 % band, marked at the days that are told.

    Under each day of the axis stands how many cases were still followed. `then`: last year's, dashed.
    """
    last = next(tick for tick in TICKS if tick >= min(found.longest, LAST_DAY))
    table = points(found, last)
    marks = table[table["day"].isin(DAYS)]
    marks = marks.assign(
        label=[words.percent(share) for share in marks["share"]],
        band=[band(float(low), float(high)) for low, high in zip(marks["low"], marks["high"], strict=True)],
    )
    tables = {"curve": table, "marks": marks}
    has_then = then is not None and then.n > 0
    if then is not None and has_then:
        tables["then"] = points(then, last)
    followed = {str(day): [text("duration.tick", day=day), f"{found.at_risk_on(day):,}"] for day in _ticks(last)}
    return Drawing(_curve(last, has_then, room), tables, {"followed": followed})


@remembered
def _curve(last: int, has_then: bool, room: Room | None) -> dict[str, Any]:
    colours, look = palette(), _look(room)
    days = _axis(look, values=_ticks(last), labelExpr="followed[datum.value]", grid=False)
    x = alt.X("day:Q", title=None, scale=alt.Scale(domain=[0, last], nice=False), axis=days)
    y = alt.Y("share:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=_shares(look))
    base = of("curve").encode(x=x)
    area = base.mark_area(color=colours.blue, opacity=0.22, interpolate="step-after").encode(
        y=alt.Y("low:Q", title=None), y2=alt.Y2("high:Q")
    )
    before = of("then").encode(x=alt.X("day:Q"), y=alt.Y("share:Q"))
    before = before.mark_line(color=colours.context, strokeWidth=look.line, interpolate="step-after", strokeDash=[8, 6])
    line = base.mark_line(color=colours.blue, strokeWidth=look.line, interpolate="step-after").encode(y=y)
    marked = of("marks").encode(x=alt.X("day:Q"), y=alt.Y("share:Q"))
    dots = (
        marked.mark_point(filled=True, opacity=1, size=look.mark, color=colours.blue, cursor="pointer")
        .encode(
            detail=details("day"),
            tooltip=[
                alt.Tooltip("day:Q", title=text("duration.by_day")),
                alt.Tooltip("label:N", title=text("chart.value")),
                alt.Tooltip("band:N", title=text("duration.band")),
                alt.Tooltip("at_risk:Q", title=text("duration.at_risk")),
            ],
        )
        .add_params(picked("day"))
    )
    said = _said(marked, "label:N", look, colours)
    return layered(area, *([before] if has_then else []), line, dots, *said, height=look.height)


def _ticks(last: int) -> list[int]:
    return [day for day in TICKS if day <= last]


def _said(marks: Any, field: str, look: Look, colours: Palette) -> list[Any]:
    """Words left above each mark of a rising curve, with a halo."""
    options: dict[str, Any] = {
        "align": "right",
        "baseline": "bottom",
        "dx": -4,
        "dy": -4,
        "fontSize": look.letters,
        "fontWeight": 700,
    }
    halo = marks.mark_text(**options, stroke=colours.paper, strokeWidth=5).encode(text=alt.Text(field))
    return [halo, marks.mark_text(**options, color=colours.ink).encode(text=alt.Text(field))]


def _shares(look: Look) -> alt.Axis:
    return _axis(look, format="%", tickCount=4, domain=False, ticks=False)


def _axis(look: Look, **options: Any) -> alt.Axis:
    return alt.Axis(
        title=None,
        labelFontSize=look.letters,
        labelFontWeight=look.weight,
        labelColor=palette().ink,
        labelOverlap="greedy",
        labelPadding=6,
        **options,
    )


def band(low: float, high: float) -> str:
    """`35.6–36.7%`."""
    return f"{low * 100:.1f}–{words.percent(high)}"


# Months of registration


def drawn(found: Cohorts) -> list[Cohort]:
    """The months that are drawn, the newest first."""
    return [each for each in reversed(found.recent) if each.observed >= SHORTEST]


def months(found: Cohorts, last: int) -> pd.DataFrame:
    """The curves of the months that are drawn: name, day, share, place (0 = the newest), n, first, last."""
    each = drawn(found)
    days = [_until(month.curve, min(last, month.observed)) for month in each]
    shares = [month.curve.share[np.minimum(on, month.curve.longest)] for month, on in zip(each, days, strict=True)]
    of_month: dict[str, Any] = {
        "name": [text("span.month", year=str(month.month // 12), month=month.month % 12 + 1) for month in each],
        "place": range(len(each)),
        "n": [month.curve.n for month in each],
        "first": [f"{month.span.start}" for month in each],
        "last": [f"{month.span.end}" for month in each],
    }
    curves = {"day": np.concatenate([[], *days]).astype(int), "share": np.concatenate([[], *shares])}
    lengths = [len(on) for on in days]
    return pd.DataFrame(curves | {name: np.repeat(values, lengths) for name, values in of_month.items()})


def cohorts(found: Cohorts, room: Room | None = None) -> Drawing:
    """Share handled by days since registration, a line a month: the newest blue and named, older ones grey."""
    table = months(found, LAST_DAY)
    table = table.assign(newest=table["place"] < NEWEST)
    ends = table.groupby("first").tail(1)
    told = table[table["day"].isin(DAYS) | table.index.isin(ends.index)]
    told = told.assign(words=[words.percent(share) for share in told["share"]])
    return Drawing(_cohorts(room), {"months": table, "told": told, "ends": ends[ends["newest"]]})


@remembered
def _cohorts(room: Room | None) -> dict[str, Any]:
    colours, look = palette(), _look(room)
    labels = {str(day): text("duration.tick", day=day) for day in TICKS}
    expression = f"({json.dumps(labels, ensure_ascii=False)})[datum.value]"
    axis = _axis(look, values=list(TICKS), labelExpr=expression, grid=False)
    x = alt.X("day:Q", title=None, scale=alt.Scale(domain=[0, LAST_DAY], nice=False), axis=axis)
    y = alt.Y("share:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=_shares(look))
    tone = either(alt.ColorValue, "datum.newest", colours.blue, colours.context)
    base = of("months").encode(x=x, y=y, detail=details("first", "last"), color=tone)
    steps: dict[str, Any] = {"strokeWidth": look.line, "interpolate": "step-after"}
    older = base.transform_filter("!datum.newest").mark_line(**steps, opacity=0.6)
    newer = base.transform_filter("datum.newest").mark_line(**steps)
    dots = (
        of("told")
        .mark_point(filled=True, cursor="pointer", size=look.mark)
        .encode(
            x=x,
            y=y,
            color=tone,
            opacity=either(alt.OpacityValue, "datum.newest", 1, 0.5),
            detail=details("first", "last"),
            tooltip=[
                alt.Tooltip("name:N", title=text("chart.month")),
                alt.Tooltip("day:Q", title=text("duration.by_day")),
                alt.Tooltip("words:N", title=text("chart.value")),
                alt.Tooltip("n:Q", title=text("chart.n")),
            ],
        )
        .add_params(picked("first", "last"))
    )
    named = of("ends").encode(x=x, y=y)
    return layered(older, newer, dots, *_said(named, "name:N", look, colours), height=look.height)
