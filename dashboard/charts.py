"""Every chart, as a function of a table and plain words. Colour means something, never alone."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard import theme
from data_access.texts import text

ROW: Final = 30
"""Height of a bar and its gap, in pixels."""


def _time_axis(length: str = "month", **options: Any) -> alt.Axis:
    return alt.Axis(title=None, labelExpr=text(f"axis.{length}"), labelOverlap="greedy", grid=False, **options)


def bars(
    table: pd.DataFrame,
    name: str,
    value: str,
    label: str,
    *,
    fields: list[str],
    color: str = theme.BLUE,
    limit: int = 12,
) -> Any:
    """Horizontal bars in the table's order, each labelled with `label`; `fields` go with a clicked mark."""
    shown = table.head(limit)
    base = alt.Chart(shown).encode(
        y=alt.Y(f"{name}:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False, labelPadding=8)),
        x=alt.X(f"{value}:Q", title=None, axis=None, scale=alt.Scale(domain=[0, _room(shown[value].max())])),
    )
    columns = base.mark_bar(color=color, height=18, cornerRadius=2, cursor="pointer").encode(
        tooltip=[
            alt.Tooltip(f"{name}:N", title=text("chart.name")),
            alt.Tooltip(f"{label}:N", title=text("chart.value")),
        ],
        detail=[f"{field}:N" for field in fields],
    )
    words = base.mark_text(align="left", dx=6).encode(text=f"{label}:N")
    picked = alt.selection_point(name="mark", fields=fields, on="click", empty=False)
    return alt.layer(columns.add_params(picked), words).properties(height=max(1, len(shown)) * ROW)


def _room(longest: Any) -> float:
    """The end of a scale that leaves room for a label behind the longest bar."""
    return float(longest or 0) * 1.45 or 1.0


def bands(table: pd.DataFrame) -> Any:
    """Days overdue in bands: columns `band` (words), `late` (code), `n`, `label`; darker is longer."""
    picked = alt.selection_point(name="mark", fields=["late"], on="click", empty=False)
    base = alt.Chart(table).encode(
        x=alt.X("band:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, domain=False, ticks=False)),
        y=alt.Y("n:Q", title=None, axis=None, scale=alt.Scale(domain=[0, _room(table["n"].max()) * 0.85])),
    )
    columns = base.mark_bar(cornerRadius=2, cursor="pointer").encode(
        color=alt.Color("band:N", sort=None, scale=alt.Scale(range=list(theme.LATENESS)), legend=None),
        detail="late:N",
        tooltip=[alt.Tooltip("band:N", title=text("chart.band")), alt.Tooltip("label:N", title=text("chart.value"))],
    )
    words = base.mark_text(dy=-10, fontSize=16).encode(text="label:N")
    return alt.layer(columns.add_params(picked), words).properties(height=240)


def flow(series: pd.DataFrame, length: str) -> Any:
    """Received and closed as lines, open at the end as an area below; the unfinished span is hollow."""
    picked = alt.selection_point(name="mark", fields=["start", "end", "kind"], on="click", empty=False)
    kinds = {key: text(f"flow.{key}") for key in ("registered", "closed")}
    long = series.melt(["start", "end", "unfinished"], list(kinds), "kind", "n")
    long["name"] = long["kind"].map(kinds)
    long["until"] = [text("chart.unfinished") if unfinished else "" for unfinished in long["unfinished"]]
    x = alt.X("start:T", axis=_time_axis(length))
    color = alt.Color(
        "name:N",
        scale=alt.Scale(domain=list(kinds.values()), range=[theme.INK, theme.BLUE]),
        legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=4),
    )
    lines = (
        alt.Chart(long[~long["unfinished"]])
        .mark_line(strokeWidth=2.5)
        .encode(x=x, y=alt.Y("n:Q", title=None), color=color)
    )
    points = (
        alt.Chart(long)
        .mark_point(size=70, opacity=1, cursor="pointer", strokeWidth=2)
        .encode(
            x=x,
            y="n:Q",
            color=color,
            fill=alt.condition("datum.unfinished", alt.value("white"), alt.Color("name:N", legend=None)),
            detail=["end:T", "kind:N"],
            tooltip=[
                alt.Tooltip("start:T", title=text("chart.from"), format="%Y-%m-%d"),
                alt.Tooltip("end:T", title=text("chart.to"), format="%Y-%m-%d"),
                alt.Tooltip("name:N", title=text("chart.name")),
                alt.Tooltip("n:Q", title=text("chart.value")),
                alt.Tooltip("until:N", title=text("chart.note")),
            ],
        )
        .add_params(picked)
    )
    return alt.layer(lines, points).properties(height=300)


def stock(series: pd.DataFrame, length: str) -> Any:
    """Open cases at the end of each span, as an area."""
    picked = alt.selection_point(name="mark", fields=["end"], on="click", empty=False)
    base = alt.Chart(series).encode(
        x=alt.X("start:T", axis=_time_axis(length)),
        y=alt.Y("open:Q", title=None),
        tooltip=[
            alt.Tooltip("end:T", title=text("chart.at_end"), format="%Y-%m-%d"),
            alt.Tooltip("open:Q", title=text("indicator.open.label")),
        ],
    )
    area = base.mark_area(color=theme.SOFT, line={"color": theme.MUTED, "strokeWidth": 2})
    points = base.mark_point(size=60, filled=True, color=theme.MUTED, opacity=1, cursor="pointer").encode(
        detail="end:T"
    )
    return alt.layer(area, points.add_params(picked)).properties(height=200)


def years(by_year: pd.DataFrame) -> Any:
    """This year's months over those of the years before, which stay grey; the year stands at its line's end."""
    newest = int(by_year["year"].max())
    table = by_year.assign(
        month_name=[text(f"month.{month}") for month in by_year["month"]],
        year_name=[text("chart.year", year=str(year)) for year in by_year["year"]],
    )
    order = [text(f"month.{month}") for month in range(1, 13)]
    finished = table[~table["unfinished"]]
    x = alt.X(
        "month_name:O", sort=order, title=None, axis=alt.Axis(labelAngle=0, grid=False), scale=alt.Scale(domain=order)
    )
    is_newest = f"datum.year == {newest}"
    lines = (
        alt.Chart(finished)
        .mark_line(point={"size": 40})
        .encode(
            x=x,
            y=alt.Y("registered:Q", title=None),
            detail="year:N",
            color=alt.condition(is_newest, alt.value(theme.BLUE), alt.value(theme.GREY)),
            strokeWidth=alt.condition(is_newest, alt.value(3.5), alt.value(1.5)),
            tooltip=[
                alt.Tooltip("year_name:N", title=text("chart.name")),
                alt.Tooltip("month_name:N", title=text("chart.month")),
                alt.Tooltip("registered:Q", title=text("chart.value")),
            ],
        )
    )
    last = finished.sort_values("month").groupby("year").tail(1)
    names = (
        alt.Chart(last)
        .mark_text(align="left", dx=8)
        .encode(
            x=x,
            y="registered:Q",
            text="year_name:N",
            color=alt.condition(is_newest, alt.value(theme.BLUE), alt.value(theme.MUTED)),
        )
    )
    return alt.layer(lines, names).properties(height=300)


def multiples(table: pd.DataFrame, columns: int = 4) -> Any:
    """Received by month, one small chart a group (column `name`), all on one scale."""
    return (
        alt.Chart(table)
        .mark_area(color=theme.SOFT, line={"color": theme.BLUE, "strokeWidth": 2})
        .encode(
            x=alt.X("start:T", axis=_time_axis(tickCount=4)),
            y=alt.Y("registered:Q", title=None, axis=alt.Axis(tickCount=3)),
            tooltip=[
                alt.Tooltip("name:N", title=text("chart.name")),
                alt.Tooltip("start:T", title=text("chart.from"), format="%Y-%m"),
                alt.Tooltip("registered:Q", title=text("flow.registered")),
                alt.Tooltip("closed:Q", title=text("flow.closed")),
            ],
        )
        .properties(width=300, height=110)
        .facet(facet=alt.Facet("name:N", sort=None), columns=columns)
    )


def rates(table: pd.DataFrame, targets: dict[str, float | None], columns: int = 3) -> Any:
    """Rates by month, one small chart each: columns name, start, value, denominator, unfinished, target."""
    table = table.assign(target=table["indicator"].map(targets))
    base = alt.Chart(table).encode(x=alt.X("start:T", axis=_time_axis(tickCount=5)))
    y = alt.Y("value:Q", title=None, axis=alt.Axis(format="%", tickCount=4), scale=alt.Scale(zero=False, nice=True))
    tooltip = [
        alt.Tooltip("name:N", title=text("chart.name")),
        alt.Tooltip("start:T", title=text("chart.month"), format="%Y-%m"),
        alt.Tooltip("value:Q", title=text("chart.value"), format=".1%"),
        alt.Tooltip("denominator:Q", title=text("chart.n")),
    ]
    line = base.mark_line(color=theme.BLUE, strokeWidth=2.5).encode(y=y).transform_filter("!datum.unfinished")
    points = base.mark_point(size=45, color=theme.BLUE, opacity=1).encode(
        y=y, tooltip=tooltip, fill=alt.condition("datum.unfinished", alt.value("white"), alt.value(theme.BLUE))
    )
    aim = base.mark_line(color=theme.MUTED, strokeDash=[6, 4], strokeWidth=1.5).encode(y="target:Q")
    return (
        alt.layer(aim, line, points)
        .properties(width=400, height=150)
        .facet(facet=alt.Facet("name:N", sort=None), columns=columns)
        .resolve_scale(y="independent")
    )


def heat(table: pd.DataFrame) -> Any:
    """Overdue share by unit and field: columns unit, field, unit_name, field_name, share, open, overdue, label."""
    picked = alt.selection_point(name="mark", fields=["unit", "field"], on="click", empty=False)
    base = alt.Chart(table).encode(
        x=alt.X(
            "field_name:N",
            title=None,
            sort=None,
            axis=alt.Axis(orient="top", labelAngle=-40, domain=False, ticks=False),
        ),
        y=alt.Y("unit_name:N", title=None, sort=None, axis=alt.Axis(domain=False, ticks=False)),
    )
    cells = base.mark_rect(cornerRadius=2, stroke="white", strokeWidth=2, cursor="pointer").encode(
        color=alt.Color(
            "share:Q", scale=alt.Scale(range=["#F3F5F8", *theme.LATENESS], domain=[0, 0.6], clamp=True), legend=None
        ),
        detail=["unit:N", "field:N"],
        tooltip=[
            alt.Tooltip("unit_name:N", title=text("column.lead_unit")),
            alt.Tooltip("field_name:N", title=text("column.category")),
            alt.Tooltip("open:Q", title=text("chart.open_on_clock")),
            alt.Tooltip("overdue:Q", title=text("indicator.overdue.label")),
        ],
    )
    words = base.mark_text(fontSize=13).encode(
        text="label:N", color=alt.condition("datum.share > 0.45", alt.value("white"), alt.value(theme.INK))
    )
    height = max(1, table["unit"].nunique()) * 28
    return alt.layer(cells.add_params(picked), words).properties(height=height)


def timeline(moments: pd.DataFrame) -> Any:
    """One case: its moments on a line, each limit as a tick; columns name, at, due, late, words."""
    reached = moments.dropna(subset=["at"])
    limits = moments.dropna(subset=["due"])
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False, labelPadding=8))
    x = alt.X("at:T", title=None, axis=alt.Axis(labelExpr=text("axis.day"), labelOverlap="greedy"))
    spans = (
        alt.Chart(limits.dropna(subset=["at"]))
        .mark_rule(strokeWidth=5, opacity=0.5)
        .encode(
            y=y,
            x="at:T",
            x2="due:T",
            color=alt.condition("datum.late", alt.value(theme.VERMILLION), alt.value(theme.SOFT)),
        )
    )
    points = (
        alt.Chart(reached)
        .mark_point(filled=True, size=130, opacity=1)
        .encode(
            y=y,
            x=x,
            color=alt.condition("datum.late", alt.value(theme.VERMILLION), alt.value(theme.BLUE)),
            tooltip=[alt.Tooltip("name:N", title=text("chart.name")), alt.Tooltip("words:N", title=text("chart.note"))],
        )
    )
    ticks = (
        alt.Chart(limits)
        .mark_tick(thickness=3, size=20, color=theme.INK)
        .encode(y=y, x="due:T", tooltip=[alt.Tooltip("due:T", title=text("column.due_at"), format="%Y-%m-%d")])
    )
    words = alt.Chart(reached).mark_text(align="left", dx=12).encode(y=y, x="at:T", text="words:N")
    return alt.layer(spans, ticks, points, words).properties(height=max(2, len(moments)) * 34)
