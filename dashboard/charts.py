"""Every chart, as a function of a table and plain words. Colour means something, never alone."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from dashboard.drawing import TOP, Drawing, bare, details, either, layered, of, picked, reaching, remembered, step
from dashboard.theme import palette
from data_access.texts import text

NARROW: Final = 330
"""Width of the bars of a chart that shares a small screen with another, in pixels."""
MONTHS: Final = range(1, 13)
BARS: Final = 12
"""As many bars as a chart beside another shows."""
ROW: Final = 30
"""Height of a bar and its gap, in pixels."""
HEAT_TOP: Final = 0.6
"""The overdue share from which a cell of the heat map is as full as can be."""
LONGEST_NAME: Final = 130
"""Room for a name at the end of a line, in pixels."""


def _time_axis(length: str = "month", **options: Any) -> alt.Axis:
    return alt.Axis(
        title=None, labelExpr=text(f"axis.{length}"), labelOverlap="greedy", labelFlush=False, grid=False, **options
    )


def bars(
    table: pd.DataFrame,
    name: str,
    value: str,
    label: str,
    *,
    fields: list[str],
    late: bool = False,
    limit: int = BARS,
) -> Drawing:
    """Horizontal bars in the table's order, each labelled with `label`; `fields` go with a clicked mark.

    Bars of what is `late` have the colour of what needs action.
    """
    columns = dict.fromkeys([name, value, label, *fields])
    shown = table.head(limit)[list(columns)]
    return Drawing(
        _bars(name, value, label, tuple(fields), late), {"bars": shown.assign(end=_room(shown, value, label))}
    )


@remembered
def _bars(name: str, value: str, label: str, fields: tuple[str, ...], late: bool) -> dict[str, Any]:
    base = of("bars").encode(
        y=alt.Y(
            f"{name}:N",
            sort=None,
            title=None,
            axis=alt.Axis(domain=False, ticks=False, labelPadding=8, labelFlush=False),
        ),
        x=bare(alt.X, f"{value}:Q"),
    )
    columns = base.mark_bar(
        color=palette().action if late else palette().blue, height=18, cornerRadius=2, cursor="pointer"
    ).encode(
        tooltip=[
            alt.Tooltip(f"{name}:N", title=text("chart.name")),
            alt.Tooltip(f"{label}:N", title=text("chart.value")),
        ],
        detail=details(*fields),
    )
    words = base.mark_text(align="left", dx=6).encode(text=alt.Text(f"{label}:N"))
    room = reaching(base, x=bare(alt.X, "end:Q"))
    return layered(room, columns.add_params(picked(*fields)), words, height=step(ROW))


def _room(table: pd.DataFrame, value: str, label: str) -> float:
    """The end of a scale that leaves room for the labels behind the bars where the chart is narrow."""
    wide = max((sum(14 if ord(letter) > 0x2E80 else 8 for letter in words) for words in table[label]), default=0)
    longest = float(table[value].max() or 0)
    return longest * NARROW / max(NARROW / 4, NARROW - wide) or 1.0


def bands(table: pd.DataFrame) -> Drawing:
    """Days overdue in bands: columns `band` (words), `late` (code), `n`, `label`; darker is longer."""
    return Drawing(_bands(), {"bands": table.assign(top=float(table["n"].max() or 1) * 1.2)})


@remembered
def _bands() -> dict[str, Any]:
    base = of("bands").encode(
        x=alt.X(
            "band:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, domain=False, ticks=False, labelFlush=False)
        ),
        y=bare(alt.Y, "n:Q"),
    )
    columns = base.mark_bar(cornerRadius=2, cursor="pointer").encode(
        color=alt.Color("band:N", sort=None, scale=alt.Scale(range=list(palette().lateness)), legend=None),
        detail=details("late"),
        tooltip=[alt.Tooltip("band:N", title=text("chart.band")), alt.Tooltip("label:N", title=text("chart.value"))],
    )
    words = base.mark_text(dy=-10, fontSize=16).encode(text=alt.Text("label:N"))
    room = reaching(base, y=bare(alt.Y, "top:Q"))
    return layered(room, columns.add_params(picked("late")), words, height=240)


HEADROOM: Final = 1.3
"""How far above its highest point a scale goes where names of seasons stand at the top."""


def flow(series: pd.DataFrame, length: str, shaded: pd.DataFrame | None = None, height: int = 300) -> Drawing:
    """Received and closed as lines; the unfinished span is hollow. `shaded`: seasons to lie under them."""
    kinds = {key: text(f"flow.{key}") for key in ("registered", "closed")}
    long = with_days(series).melt(["start", "end", "first", "last", "unfinished"], list(kinds), "kind", "n")
    long["name"] = long["kind"].map(kinds)
    long["until"] = [text("chart.unfinished") if unfinished else "" for unfinished in long["unfinished"]]
    long["top"] = _top(long["n"], shaded)
    return Drawing(_flow(length, _rows(shaded), height), {"flow": long, **_shaded(shaded)})


@remembered
def _flow(length: str, rows: tuple[int, ...], height: int) -> dict[str, Any]:
    colours = palette()
    x = alt.X("start:T", axis=_time_axis(length))
    scale = alt.Scale(
        domain=[text(f"flow.{key}") for key in ("registered", "closed")], range=[colours.ink, colours.blue]
    )
    color = alt.Color("name:N", scale=scale, legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=4))
    base = of("flow").encode(x=x, y=alt.Y("n:Q", title=None, scale=_tall(rows)))
    lines = base.mark_line(strokeWidth=2.5).encode(color=color).transform_filter("!datum.unfinished")
    points = (
        base.mark_point(size=70, opacity=1, cursor="pointer", strokeWidth=2)
        .encode(
            color=color,
            fill=alt.Fill("name:N", scale=scale, legend=None),
            fillOpacity=either(alt.FillOpacityValue, "datum.unfinished", 0, 1),
            detail=details("first", "last", "kind"),
            tooltip=[
                alt.Tooltip("start:T", title=text("chart.from"), format="%Y-%m-%d"),
                alt.Tooltip("end:T", title=text("chart.to"), format="%Y-%m-%d"),
                alt.Tooltip("name:N", title=text("chart.name")),
                alt.Tooltip("n:Q", title=text("chart.value")),
                alt.Tooltip("until:N", title=text("chart.note")),
            ],
        )
        .add_params(picked("first", "last", "kind"))
    )
    room = reaching(base, y=alt.Y("top:Q", title=None))
    return layered(room, *_shades(rows), lines, points, height=height)


def with_days(series: pd.DataFrame) -> pd.DataFrame:
    """`series` with its days as text: the browser would read a moment in its own time zone."""
    return series.assign(first=iso_days(series["start"]), last=iso_days(series["end"]))


def iso_days(moments: pd.Series[Any]) -> list[str]:
    """The days of moments as text."""
    return list(np.datetime_as_string(moments.to_numpy("datetime64[D]")))


def _top(values: pd.Series[Any], shaded: pd.DataFrame | None) -> float:
    """The end of a scale, with room for the names of seasons."""
    top = float(values.max())
    return top * HEADROOM if _rows(shaded) and top else top


def _tall(rows: tuple[int, ...]) -> alt.Scale:
    """A scale from nothing; where seasons stand at the top it ends where their room does."""
    return alt.Scale(zero=True, nice=False) if rows else alt.Scale(zero=True)


def _rows(shaded: pd.DataFrame | None) -> tuple[int, ...]:
    """The lines at the top of a trend on which names of seasons stand."""
    return () if shaded is None else tuple(sorted(int(row) for row in shaded["row"].unique()))


def _shaded(shaded: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    return {} if shaded is None else {"seasons": shaded}


def _shades(rows: tuple[int, ...]) -> list[alt.Chart]:
    """The layers below a trend: a pale band a season with its name at the top, each season on a line of its own."""
    if not rows:
        return []
    colours = palette()
    bands = of("seasons").mark_rect(color=colours.context, opacity=0.2)
    names = [
        of("seasons")
        .transform_filter(f"datum.row == {row}")
        .mark_text(align="center", baseline="top", fontSize=12, color=colours.muted, dy=2 + 15 * row)
        .encode(x=alt.X("middle:T"), y=TOP, text=alt.Text("name:N"))
        for row in rows
    ]
    return [bands.encode(x=alt.X("start:T"), x2=alt.X2("end:T")), *names]


def stock(series: pd.DataFrame, length: str, shaded: pd.DataFrame | None = None, height: int = 200) -> Drawing:
    """Open cases at the end of each span, as an area. `shaded`: seasons to lie over it."""
    shown = with_days(series)[["start", "end", "last", "open"]].assign(top=_top(series["open"], shaded))
    return Drawing(_stock(length, _rows(shaded), height), {"stock": shown, **_shaded(shaded)})


@remembered
def _stock(length: str, rows: tuple[int, ...], height: int) -> dict[str, Any]:
    colours = palette()
    base = of("stock").encode(
        x=alt.X("start:T", axis=_time_axis(length)),
        y=alt.Y("open:Q", title=None, scale=_tall(rows)),
        tooltip=[
            alt.Tooltip("end:T", title=text("chart.at_end"), format="%Y-%m-%d"),
            alt.Tooltip("open:Q", title=text("indicator.open.label")),
        ],
    )
    area = base.mark_area(color=colours.soft, line={"color": colours.muted, "strokeWidth": 2})
    points = base.mark_point(size=60, filled=True, color=colours.muted, opacity=1, cursor="pointer").encode(
        detail=details("last")
    )
    room = reaching(base, y=alt.Y("top:Q", title=None))
    return layered(room, area, *_shades(rows), points.add_params(picked("last")), height=height)


def years(by_year: pd.DataFrame) -> Drawing:
    """This year's months over those of the years before, which stay grey; the year stands at its line's end."""
    newest = int(by_year["year"].max())
    months = by_year.groupby("year")["month"].transform("count")
    whole = by_year[(months == len(MONTHS)) | (by_year["year"] == newest)]
    table = whole.assign(
        month_name=[text(f"month.{month}") for month in whole["month"]],
        year_name=[text("chart.year", year=str(year)) for year in whole["year"]],
        is_newest=whole["year"] == newest,
    )
    finished = with_days(table[~table["unfinished"]])
    gap = float(finished["registered"].max() or 1) * 0.07
    ends = finished.sort_values("month").groupby("year").tail(1)
    last = pd.concat([apart(beside, "registered", gap) for _, beside in ends.groupby("month")])
    return Drawing(_years(), {"years": finished, "ends": last})


@remembered
def _years() -> dict[str, Any]:
    colours = palette()
    order = [text(f"month.{month}") for month in MONTHS]
    x = alt.X(
        "month_name:O", sort=order, title=None, axis=alt.Axis(labelAngle=0, grid=False), scale=alt.Scale(domain=order)
    )
    lines = (
        of("years")
        .mark_line(point={"size": 40, "cursor": "pointer"})
        .encode(
            x=x,
            y=alt.Y("registered:Q", title=None),
            detail=details("year"),
            color=either(alt.ColorValue, "datum.is_newest", colours.blue, colours.context),
            strokeWidth=either(alt.StrokeWidthValue, "datum.is_newest", 3.5, 1.5),
            tooltip=[
                alt.Tooltip("year_name:N", title=text("chart.name")),
                alt.Tooltip("month_name:N", title=text("chart.month")),
                alt.Tooltip("registered:Q", title=text("chart.value")),
            ],
        )
    )
    names = of("ends").encode(x=x, y=alt.Y("label_at:Q"), text=alt.Text("year_name:N"))
    halo = names.mark_text(align="left", dx=8, stroke=colours.paper, strokeWidth=4)
    names = names.mark_text(align="left", dx=8).encode(
        color=either(alt.ColorValue, "datum.is_newest", colours.blue_text, colours.muted)
    )
    marks = (
        of("years")
        .mark_point(size=160, opacity=0, filled=True, cursor="pointer")
        .encode(x=x, y=alt.Y("registered:Q"), detail=details("first", "last"))
        .add_params(picked("first", "last"))
    )
    return layered(lines, halo, names, marks, height=300)


def months_of(table: pd.DataFrame, top: float) -> Drawing:
    """Received by month of one group, with the scale of its neighbours (0 to `top`).

    The unfinished month is hollow and no part of the line.
    """
    columns = ["start", "registered", "closed", "unfinished", "top", "first", "last"]
    return Drawing(_months_of(), {"months": with_days(table.assign(top=top))[columns]})


@remembered
def _months_of() -> dict[str, Any]:
    colours = palette()
    base = of("months").encode(x=alt.X("start:T", axis=_time_axis(tickCount=4)))
    y = alt.Axis(tickCount=3)
    tooltip = [
        alt.Tooltip("start:T", title=text("chart.month"), format="%Y-%m"),
        alt.Tooltip("registered:Q", title=text("flow.registered")),
        alt.Tooltip("closed:Q", title=text("flow.closed")),
    ]
    area = base.mark_area(color=colours.soft, line={"color": colours.blue, "strokeWidth": 2}).encode(
        y=alt.Y("registered:Q", title=None, axis=y), tooltip=tooltip
    )
    area = area.transform_filter("!datum.unfinished")
    room = reaching(base, y=alt.Y("top:Q", title=None))
    points = base.mark_point(size=25, color=colours.blue, opacity=1, cursor="pointer").encode(
        y=alt.Y("registered:Q"),
        detail=details("first", "last"),
        tooltip=tooltip,
        fill=either(alt.FillValue, "datum.unfinished", colours.paper, colours.blue),
    )
    return layered(area, room, points.add_params(picked("first", "last")), height=120)


def rate(table: pd.DataFrame, target: float | None) -> Drawing:
    """One rate by month: columns start, value, denominator, unfinished; the target as a dashed line."""
    known = table[table["value"].notna()]
    columns = {name: known[name].to_numpy("float64") for name in ("value", "denominator")}
    columns |= {name: known[name].to_numpy() for name in ("start", "unfinished")}
    days = {"first": iso_days(known["start"]), "last": iso_days(known["end"])}
    return Drawing(_rate(target is not None), {"rate": pd.DataFrame({**columns, **days, "target": target})})


@remembered
def _rate(has_target: bool) -> dict[str, Any]:
    colours = palette()
    base = of("rate").encode(x=alt.X("start:T", axis=_time_axis(tickCount=5)))
    scale = alt.Scale(zero=False, padding=12)
    y = alt.Y("value:Q", title=None, axis=alt.Axis(format="%", tickCount=4), scale=scale)
    tooltip = [
        alt.Tooltip("start:T", title=text("chart.month"), format="%Y-%m"),
        alt.Tooltip("value:Q", title=text("chart.value"), format=".1%"),
        alt.Tooltip("denominator:Q", title=text("chart.n")),
    ]
    line = base.mark_line(color=colours.blue, strokeWidth=2.5).encode(y=y).transform_filter("!datum.unfinished")
    points = base.mark_point(size=50, color=colours.blue, opacity=1).encode(
        y=y,
        tooltip=tooltip,
        detail=details("first", "last"),
        fill=either(alt.FillValue, "datum.unfinished", colours.paper, colours.blue),
    )
    points = points.add_params(picked("first", "last"))
    aim = base.mark_line(color=colours.muted, strokeDash=[6, 4], strokeWidth=1.5).encode(
        y=alt.Y("target:Q", title=None, scale=scale)
    )
    return layered(*([aim] if has_target else []), line, points, height=150)


def rates(table: pd.DataFrame, target: float | None, few: int) -> Drawing:
    """One rate of the whole and of units beside it, complete months only: further columns unit, who, place (0 = whole).

    The whole is a broad grey line, units are thin and differ by dash and mark too; each line bears its
    name at its end. Months of fewer than `few` cases have small marks, a line of mostly such months is pale.
    """
    known = table.astype({"value": "float64", "denominator": "float64"})
    height = float(known["value"].max() - known["value"].min())
    ends = apart(known.groupby("place").tail(1), "value", height * 0.18)["label_at"]
    # Names that were moved out of the picture come back together.
    ends -= max(0.0, ends.max() - known["value"].max())
    usual = known.groupby("place")["denominator"].transform("median")
    shown = known.assign(target=target, small=known["denominator"] < few, pale=usual < few, label_at=ends)
    columns = ["start", "value", "denominator", "target", "unit", "who", "place", "small", "pale", "label_at"]
    return Drawing(_rates(target is not None), {"rates": with_days(shown)[[*columns, "first", "last"]]})


@remembered
def _rates(has_target: bool) -> dict[str, Any]:
    colours = palette()

    def each(values: list[Any]) -> dict[str, Any]:
        return {"shorthand": "place:N", "scale": alt.Scale(domain=[0, 1, 2], range=values), "legend": None}

    marks = [colours.context, colours.blue, colours.ink]
    base = of("rates").encode(x=alt.X("start:T", axis=_time_axis(tickCount=5)))
    scale = alt.Scale(zero=False, padding=12)
    y = alt.Y("value:Q", title=None, axis=alt.Axis(format="%", tickCount=4), scale=scale)
    lines = base.mark_line().encode(
        y=y,
        color=alt.Color(**each(marks)),
        strokeWidth=alt.StrokeWidth(**each([4, 2.5, 2.5])),
        strokeDash=alt.StrokeDash(**each([[1, 0], [1, 0], [7, 4]])),
        opacity=either(alt.OpacityValue, "datum.pale", 0.4, 1),
    )
    points = (
        base.mark_point(filled=True, opacity=1, cursor="pointer")
        .encode(
            y=y,
            color=alt.Color(**each(marks)),
            shape=alt.Shape(**each(["circle", "circle", "square"])),
            size=either(alt.SizeValue, "datum.small", 25, 75),
            detail=details("first", "last", "unit"),
            tooltip=[
                alt.Tooltip("who:N", title=text("chart.name")),
                alt.Tooltip("start:T", title=text("chart.month"), format="%Y-%m"),
                alt.Tooltip("value:Q", title=text("chart.value"), format=".1%"),
                alt.Tooltip("denominator:Q", title=text("chart.n")),
            ],
        )
        .add_params(picked("first", "last", "unit"))
    )
    names = (
        base.mark_text(align="left", dx=10, limit=LONGEST_NAME)
        .encode(
            y=alt.Y("label_at:Q", title=None, scale=scale),
            text=alt.Text("who:N"),
            color=alt.Color(**each([colours.muted, colours.blue_text, colours.ink])),
        )
        .transform_filter("isValid(datum.label_at)")
    )
    aim = base.mark_line(color=colours.muted, strokeDash=[2, 3], strokeWidth=1.5).encode(
        y=alt.Y("target:Q", title=None, scale=scale)
    )
    return layered(*([aim] if has_target else []), lines, points, names, height=190, independent=True)


def apart(table: pd.DataFrame, value: str, gap: float) -> pd.DataFrame:
    """`table` with `label_at`: the values moved `gap` apart, as little as can be, so that labels do not overlap."""
    shown = table.sort_values(value)
    stacks: list[tuple[int, float]] = []  # labels that touch: how many, and where the lowest stands
    for each in shown[value]:
        stacks.append((1, float(each)))
        while len(stacks) > 1 and stacks[-2][1] + stacks[-2][0] * gap > stacks[-1][1]:
            (below, low), (above, high) = stacks[-2:]
            stacks[-2:] = [(below + above, (below * low + above * (high - below * gap)) / (below + above))]
    places = [low + step * gap for count, low in stacks for step in range(count)]
    return shown.assign(label_at=places)


def heat(table: pd.DataFrame) -> Drawing:
    """Overdue share by unit and field: columns unit, field, their names, share, shade, open, overdue, label."""
    return Drawing(_heat(), {"heat": table})


@remembered
def _heat() -> dict[str, Any]:
    colours = palette()
    base = of("heat").encode(
        x=alt.X(
            "field_name:N",
            title=None,
            sort=alt.EncodingSortField("field_place", op="min"),
            axis=alt.Axis(orient="top", labelOverlap=False, labelAngle=-40, domain=False, ticks=False),
        ),
        y=alt.Y(
            "unit_name:N",
            title=None,
            sort=None,
            axis=alt.Axis(domain=False, ticks=False, labelOverlap=False, labelFlush=False),
        ),
    )
    shades = alt.Scale(range=[colours.panel, *colours.lateness], domain=[0, HEAT_TOP], clamp=True, interpolate="rgb")
    cells = base.mark_rect(cornerRadius=2, stroke=colours.paper, strokeWidth=2, cursor="pointer").encode(
        color=alt.Color("shade:Q", scale=shades, legend=None),
        detail=details("unit", "field"),
        tooltip=[
            alt.Tooltip("unit_name:N", title=text("column.lead_unit")),
            alt.Tooltip("field_name:N", title=text("column.category")),
            alt.Tooltip("open:Q", title=text("chart.open_on_clock")),
            alt.Tooltip("overdue:Q", title=text("indicator.overdue.label")),
        ],
    )
    words = base.mark_text(fontSize=13).encode(
        text=alt.Text("label:N"),
        color=either(alt.ColorValue, f"datum.shade > {HEAT_TOP * colours.full_from}", colours.on_full, colours.on_pale),
    )
    return layered(cells.add_params(picked("unit", "field")), words, height=step(ROW))


def timeline(moments: pd.DataFrame) -> Drawing:
    """One case: its moments on a line, each limit as a tick; columns name, at, due, late, words."""
    colours = palette()
    reached = moments.dropna(subset=["at"])
    limits = moments.dropna(subset=["due"])
    axis = alt.Axis(domain=False, ticks=False, labelPadding=8, labelOverlap=False)
    y = alt.Y("name:N", sort=list(moments["name"]), title=None, axis=axis)
    x = alt.X("at:T", title=None, axis=alt.Axis(labelExpr=text("axis.day"), labelOverlap="greedy"))
    spans = (
        of("spans")
        .mark_rule(strokeWidth=5, opacity=0.5)
        .encode(
            y=y,
            x=alt.X("at:T"),
            x2=alt.X2("due:T"),
            color=either(alt.ColorValue, "datum.late", colours.action, colours.context),
        )
    )
    points = (
        of("reached")
        .mark_point(filled=True, size=130, opacity=1)
        .encode(
            y=y,
            x=x,
            color=either(alt.ColorValue, "datum.late", colours.action, colours.blue),
            tooltip=[alt.Tooltip("name:N", title=text("chart.name")), alt.Tooltip("words:N", title=text("chart.note"))],
        )
    )
    ticks = (
        of("limits")
        .mark_tick(thickness=3, size=20, color=colours.ink)
        .encode(y=y, x=alt.X("due:T"), tooltip=[alt.Tooltip("due:T", title=text("column.due_at"), format="%Y-%m-%d")])
    )
    said = of("reached").encode(y=y, x=alt.X("at:T"), text=alt.Text("words:N"))
    halo = said.mark_text(align="left", dx=12, stroke=colours.paper, strokeWidth=5)
    words = said.mark_text(align="left", dx=12)
    return Drawing(
        layered(spans, ticks, points, halo, words, height=step(ROW)),
        {"spans": limits.dropna(subset=["at"]), "reached": reached, "limits": limits},
    )
