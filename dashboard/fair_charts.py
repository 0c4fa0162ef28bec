"""Funnel plots: rates of units against their cases, with the limits of chance about the county's rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from dashboard import theme, words
from dashboard.drawing import Drawing, details, either, layered, of, picked, remembered
from dashboard.room import Room
from dashboard.wall_charts import of_height
from data_access import fair
from data_access.fair import Funnel
from data_access.texts import text

STEPS: Final = 160
"""Points of a limit's line."""
MARGIN: Final = 0.05
"""Room around the dots, as a share of the picture."""
HEIGHT: Final = 340
LETTER: Final = 14
"""Height of the page's funnel and of its letters, in pixels."""
NARROW: Final = 420
"""As narrow as the page's funnel may be; names that do not collide there do nowhere."""
HALO: Final = 6
"""Paper around a name that crosses a line, in pixels."""
LINES: Final = (("sure", fair.SURE), ("warning", fair.WARNING))


@dataclass(frozen=True)
class Extent:
    """The picture: the end of the scale of n, the ends of the rates', and how many letters fit across and down."""

    n: float
    low: float
    high: float
    across: float
    down: float

    @property
    def line(self) -> float:
        """The height of a line of letters, as a share 0-1 of the scale of rates."""
        return 1.3 * (self.high - self.low) / self.down


def funnel(found: Funnel, points: pd.DataFrame) -> Drawing:
    """For a page: `points` with the columns group, name, n, value, verdict, said, interval."""
    extent = _extent(found, points, NARROW / LETTER, HEIGHT / LETTER)
    return _drawn(found, points, extent, None)


def wall_funnel(found: Funnel, points: pd.DataFrame, room: Room) -> Drawing:
    """The same for the wall: letters are a share of the window's height."""
    # On a window of 4:3, less its margins, the picture is 1.05 times as wide as the window is high, and half as high.
    extent = _extent(found, points, 105 / room.body, 50 / room.body)
    return _drawn(found, points, extent, room)


def _extent(found: Funnel, points: pd.DataFrame, across: float, down: float) -> Extent:
    """Wide enough for all dots and for the limits at the smallest n that is judged."""
    judged = points.loc[points["verdict"] != "too_few", "n"]
    least = float(judged.min()) if len(judged) else float(points["n"].max())
    below, above = found.limits([least], fair.SURE)
    low = min(float(points["value"].min()), float(below[0]))
    high = max(float(points["value"].max()), float(above[0]))
    room = max(high - low, 0.02) * MARGIN
    return Extent(float(points["n"].max()) * (1 + MARGIN), low - room, high + room, across, down)


def _drawn(found: Funnel, points: pd.DataFrame, extent: Extent, room: Room | None) -> Drawing:
    placed = labels(points, extent)
    tables = {
        "lines": _lines(found, extent),
        "ends": _line_names(found, extent),
        "dots": points.assign(few=points["verdict"] == "too_few").drop(columns="verdict"),
        "names": placed.assign(worse=placed["verdict"] == "worse").drop(columns="verdict"),
    }
    ends = {"most": extent.n, "low": extent.low, "high": extent.high}
    return Drawing(_funnel(found.key, room), tables, ends)


@remembered
def _funnel(key: str, room: Room | None) -> dict[str, Any]:
    colours = theme.palette()
    letters, dot, stroke = (LETTER, 70, 1.5) if room is None else map(of_height, (room.body, 35, 0.3))
    axis: dict[str, Any] = {f"{part}FontSize": letters for part in ("label", "title")}
    axis |= {"labelFontWeight": 500, "titleFontWeight": 500, "labelColor": colours.ink}
    x = alt.X(
        "n:Q",
        title=text("fair.axis_n"),
        axis=alt.Axis(grid=False, tickCount=6, titleColor=colours.ink, **axis),
        scale=alt.Scale(domain=[0, alt.ExprRef("most")], nice=False),
    )
    y = alt.Y(
        "value:Q",
        title=None,
        axis=alt.Axis(format=".0%", tickCount=5, domain=False, ticks=False, **axis),
        scale=alt.Scale(domain=[alt.ExprRef("low"), alt.ExprRef("high")], nice=False, zero=False),
    )
    dash = alt.StrokeDash("dashed:N", scale=alt.Scale(domain=[False, True], range=[[1, 0], [6, 4]]), legend=None)
    lines = of("lines").mark_line(clip=True, color=colours.muted, strokeWidth=stroke)
    ends = of("ends").mark_text(align="left", dx=6, fontSize=letters, fontWeight=500, color=colours.muted)
    tones = {"worse": colours.action, "better": colours.blue, "same": colours.context, "too_few": colours.context}
    scale = alt.Scale(domain=[text(f"fair.{verdict}") for verdict in tones], range=list(tones.values()))
    dots = of("dots").mark_point(size=dot, opacity=1, strokeWidth=stroke, cursor="pointer")
    dots = dots.encode(
        x=x,
        y=y,
        color=alt.Color("said:N", scale=scale, legend=None),
        fill=alt.Fill("said:N", scale=scale, legend=None),
        fillOpacity=either(alt.FillOpacityValue, "datum.few", 0, 0.9),
        detail=details("group"),
        tooltip=[
            alt.Tooltip("name:N", title=text("units.unit")),
            alt.Tooltip("n:Q", title=text("chart.n")),
            alt.Tooltip("value:Q", title=words.label(key), format=".1%"),
            alt.Tooltip("interval:N", title=text("fair.interval")),
            alt.Tooltip("said:N", title=text("fair.against")),
        ],
    )
    look: dict[str, Any] = {"baseline": "middle", "fontSize": letters, "fontWeight": 600}
    look["align"] = alt.ExprRef("datum.align")
    named = of("names").encode(x=x, y=y, text=alt.Text("name:N"))
    layers = (
        lines.encode(x=x, y=y, detail=details("line"), strokeDash=dash),
        ends.encode(x=x, y=y, text=alt.Text("said:N")),
        dots.add_params(picked("group")),
        named.mark_text(**look, stroke=colours.paper, strokeWidth=HALO),
        named.mark_text(**look).encode(
            color=either(alt.ColorValue, "datum.worse", colours.action_text, colours.blue_text)
        ),
    )
    return layered(*layers, height=HEIGHT if room is None else "container", independent=True)


def _lines(found: Funnel, extent: Extent) -> pd.DataFrame:
    """The limits and the county's rate as lines: line (a number), n, value, and whether it is `dashed`."""
    n = np.unique(np.round(np.geomspace(1, max(extent.n, 2), STEPS)))
    drawn = [(n, value, name != "sure") for name, level in LINES for value in found.limits(n, level)]
    drawn.append((np.array([0.0, extent.n]), np.array([found.target] * 2), False))
    parts = [
        pd.DataFrame({"line": line, "n": across, "value": value, "dashed": dashed})
        for line, (across, value, dashed) in enumerate(drawn)
    ]
    return pd.concat(parts, ignore_index=True)


def _line_names(found: Funnel, extent: Extent) -> pd.DataFrame:
    """The names at the lines' ends, on the side where there is more room, a line of letters apart."""
    is_below = found.target - extent.low >= extent.high - found.target
    (sure, *_), (warning, *_) = (
        np.asarray(found.limits([extent.n], level)[0 if is_below else 1]) for _, level in LINES
    )
    places, way = [found.target], -1 if is_below else 1
    for value in (float(warning), float(sure)):
        places.append(way * max(way * value, way * places[-1] + extent.line))
    said = [text("fair.line_target", share=words.percent(found.target)), "95%", "99.8%"]
    return pd.DataFrame({"n": [extent.n] * 3, "value": places, "said": said})


Box = tuple[float, float, float, float]


def labels(points: pd.DataFrame, extent: Extent) -> pd.DataFrame:
    """Where the names of units that are told from the county stand, so that none covers another or a dot.

    Comes back: name, n, value, verdict, align; at one of the dot's sides, or above or below it.
    """
    wide, high = extent.n / extent.across, (extent.high - extent.low) / extent.down
    taken: list[Box] = [
        (n - wide / 3, value - high / 3, n + wide / 3, value + high / 3)
        for n, value in zip(points["n"], points["value"], strict=True)
    ]
    rows = []
    for point in points[points["verdict"].isin(["worse", "better"])].sort_values("n").itertuples():
        length = sum(1.0 if ord(letter) > 0x2E80 else 0.6 for letter in str(point.name)) * wide
        best: tuple[int, str, float, float, Box] | None = None
        for align, n, value in _places(float(point.n), float(point.value), wide, high):  # type: ignore[arg-type]
            left = {"left": n, "center": n - length / 2, "right": n - length}[align]
            box = (left, value - high * 0.6, left + length, value + high * 0.6)
            outside = left < 0 or left + length > extent.n or box[1] < extent.low or box[3] > extent.high
            faults = 100 * outside + sum(_overlap(box, other) for other in taken)
            if best is None or faults < best[0]:
                best = (faults, align, n, value, box)
            if not faults:
                break
        if best:
            _, align, n, value, box = best
            taken.append(box)
            rows.append((point.name, n, value, point.verdict, align))
    return pd.DataFrame(rows, columns=["name", "n", "value", "verdict", "align"])


def _places(n: float, value: float, wide: float, high: float) -> Iterator[tuple[str, float, float]]:
    for rise in (0, 1.3, -1.3, 2.6, -2.6, 3.9, -3.9):
        yield "left", n + 0.7 * wide, value + rise * high
        yield "right", n - 0.7 * wide, value + rise * high
        if rise:
            yield "center", n, value + rise * high


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def on_wall(found: Funnel, points: pd.DataFrame) -> Callable[[Room], Drawing]:
    """The wall's funnel, waiting for its room."""
    return partial(wall_funnel, found, points)
