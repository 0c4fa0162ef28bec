"""Charts of time that judge nothing but noise: the control chart, seasons shaded, years aligned on a season.

Each is drawn for a page, or for the wall where a `Room` is given: its letters then are a share of the window.
"""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.charts import apart, with_days
from dashboard.room import Room
from dashboard.wall_charts import of_height
from data_access import seasons
from data_access.settings import Season, Settings
from data_access.signals import Signals
from data_access.texts import language, text

SHADED: Final = ("day", "week", "month")
"""Lengths of spans beside which a season of some days can be seen."""
LETTERS: Final = 14
STATES: Final = ("usual", "signal", "apart")
"""What a month of a control chart may be, by its place; `apart`: not judged."""
NOW, BEFORE, UNFINISHED = range(3)
COMPARED: Final = 4
"""Weeks before the season, and after it, that the sentence adds up."""


def _letters(room: Room | None) -> Any:
    """The size of letters: the page's, or that of the room's body text."""
    return LETTERS if room is None else of_height(room.body)


def _words(room: Room | None) -> dict[str, Any]:
    """How words look: stronger on a wall."""
    return {"fontSize": _letters(room), "fontWeight": 400 if room is None else 500}


def _axis(room: Room | None) -> dict[str, Any]:
    look = {f"label{name[0].upper()}{name[1:]}": value for name, value in _words(room).items()}
    return {**look, "labelColor": theme.palette().ink, "grid": False}


# --- seasons, shaded


def shading(series: pd.DataFrame, length: str, settings: Settings) -> pd.DataFrame | None:
    """The seasons within a trend: name, start, end, middle, row (the line of its name); None where none shows."""
    if length not in SHADED or series.empty:
        return None
    first, last = series["start"].iloc[0].date(), series["end"].iloc[-1].date()
    found = seasons.over(settings, first, last)
    codes = list(settings.seasons)
    rows = [
        (settings.seasons[each.code].name, start, end, start + (end - start) / 2, codes.index(each.code))
        for each in found
        for start, end in [(pd.Timestamp(max(each.start, first)), pd.Timestamp(min(each.end, last)))]
        if end > start
    ]
    return pd.DataFrame(rows, columns=["name", "start", "end", "middle", "row"]) if rows else None


def shades(shaded: pd.DataFrame | None) -> list[Any]:
    """The layers below a trend: a pale band a season with its name at the top, each season on a line of its own."""
    if shaded is None:
        return []
    colours = theme.palette()
    base = alt.Chart(shaded)
    bands = base.mark_rect(color=colours.context, opacity=0.2).encode(x=alt.X("start:T"), x2=alt.X2("end:T"))
    names = [
        alt.Chart(part)
        .mark_text(align="center", baseline="top", fontSize=12, color=colours.muted, dy=2 + 15 * int(str(row)))
        .encode(x=alt.X("middle:T"), y=theme.TOP, text=alt.Text("name:N"))
        for row, part in shaded.groupby("row")
    ]
    return [bands, *names]


# --- the control chart


def control(table: pd.DataFrame, found: Signals, room: Room | None = None) -> Any:
    """An XmR chart of the columns of `signal_words.chart_table`; mean and limits bear names.

    Months that are more than routine have a colour and a shape of their own, those not judged are hollow.
    """
    colours = theme.palette()
    shown = with_days(table).assign(state=table["state"].map(list(STATES).index))
    first, last = shown["start"].iloc[0], shown["start"].iloc[-1]
    quarters = [each for each in shown["start"] if each.month % 3 == 1] or [first]
    axis = alt.Axis(
        title=None,
        values=[alt.DateTime(year=each.year, month=each.month, date=each.day) for each in quarters],
        labelExpr=text("axis.month" if room is None else "axis.wall_month"),
        **_axis(room),
    )
    beyond = last + (last - first) * (0.4 if room is None else 0.36)  # where the limits' names stand
    ends = [alt.DateTime(year=each.year, month=each.month, date=each.day) for each in (first, beyond)]
    x = alt.X("start:T", axis=axis, scale=alt.Scale(domain=ends, padding=12, nice=False))
    y = alt.Y(
        "n:Q",
        title=None,
        scale=alt.Scale(zero=False, padding=20),
        axis=alt.Axis(tickCount=4, **_axis(room)),
    )
    base = alt.Chart(shown).encode(x=x, y=y)
    whole = alt.Chart(shown[~shown["unfinished"]]).encode(x=x, y=y)
    line = whole.mark_line(color=colours.context, strokeWidth=1.5)

    def each(usual: Any, signal: Any, apart: Any, **more: Any) -> dict[str, Any]:
        scale = alt.Scale(domain=[*range(len(STATES))], range=[usual, signal, apart])
        return {"shorthand": "state:N", "scale": scale, "legend": None, **more}

    large = 1.0 if room is None else 3.0
    points = base.mark_point(opacity=1, strokeWidth=2, cursor="pointer").encode(
        shape=alt.Shape(**each("circle", "diamond", "circle")),
        color=alt.Color(**each(colours.ink, colours.blue, colours.context)),
        fill=alt.Fill(**each(colours.ink, colours.blue, colours.paper)),
        size=alt.Size(**each(45 * large, 190 * large, 60 * large)),
        detail=[alt.Detail("first:N"), alt.Detail("last:N")],
        tooltip=[
            alt.Tooltip("start:T", title=text("chart.month"), format="%Y-%m"),
            alt.Tooltip("n:Q", title=text("chart.value")),
            alt.Tooltip("note:N", title=text("chart.note")),
        ],
    )
    picked = alt.selection_point(name="mark", fields=["first", "last"], on="click", empty=False)
    named = alt.Chart(shown[(shown["season"] != "") & (shown["season"] != shown["season"].shift())])
    named = named.encode(x=x, y=y, text=alt.Text("season:N"))
    look: dict[str, Any] = {"align": "left", "dx": 10 if room is None else 18, **_words(room)}
    names = [
        named.mark_text(**look, stroke=colours.paper, strokeWidth=4),
        named.mark_text(**look, color=colours.muted),
    ]
    layers = [line, *_limits(shown, found, room), *names, points.add_params(picked)]
    drawing = alt.layer(*layers).resolve_scale(color="independent")
    return drawing.properties(height=250 if room is None else "container")


def _limits(table: pd.DataFrame, found: Signals, room: Room | None) -> list[Any]:
    """The mean and the limits as thin lines, named above their right ends, behind the months."""
    colours = theme.palette()
    if found.mean is None or found.lower is None or found.upper is None:
        return []
    limits = pd.DataFrame(
        {
            "n": [found.upper, found.mean, found.lower],
            "name": [
                text("signal.upper", n=round(found.upper)),
                text("signal.mean", n=round(found.mean)),
                text("signal.lower", n=round(found.lower)),
            ],
            "is_mean": [False, True, False],
            "start": table["start"].iloc[-1],
        }
    )
    # Names of limits that are near each other are moved apart by the height of their letters.
    lowest, highest = min(float(table["n"].min()), found.lower), max(float(table["n"].max()), found.upper)
    limits = apart(limits, "n", (highest - lowest) * (0.09 if room is None else 0.13))
    dash = alt.StrokeDash("is_mean:N", scale=alt.Scale(domain=[False, True], range=[[5, 4], [1, 0]]), legend=None)
    base = alt.Chart(limits)
    rules = base.mark_rule(color=colours.muted, strokeWidth=1 if room is None else 2).encode(
        y=alt.Y("n:Q"), strokeDash=dash
    )
    names = base.mark_text(align="left", baseline="bottom", dx=12, dy=-3, color=colours.muted, **_words(room)).encode(
        x=alt.X("start:T"), y=alt.Y("label_at:Q"), text=alt.Text("name:N")
    )
    return [rules, names]


# --- years aligned on a season


def aligned(table: pd.DataFrame, season: str, room: Room | None = None) -> Any:
    """Registered by week around a season: this year blue, those before grey, each named at its line's end.

    Columns of `seasons.around`. The season's day stands as a line between the weeks; an unfinished week is hollow.
    """
    colours = theme.palette()
    newest = int(table["year"].max())
    inside_of = table["year"].map(lambda year: NOW if year == newest else BEFORE)
    place = table["week"] - (table["week"] > 0)  # no week is number 0
    shown = with_days(table).assign(
        place=place,
        inside=inside_of.where(~table["unfinished"], UNFINISHED),
        year_name=[text("season.year", year=str(year)) for year in table["year"]],
        week_name=[week_name(week) for week in table["week"]],
        until=[text("chart.unfinished") if unfinished else "" for unfinished in table["unfinished"]],
    )
    weeks = [*range(-seasons.WEEKS, seasons.WEEKS)]
    labels = {number: week_name(number + (number >= 0)) for number in weeks}
    expression = " : ".join(f"datum.value == {number} ? '{name}'" for number, name in labels.items()) + " : ''"
    x = alt.X(
        "place:Q",
        title=None,
        scale=alt.Scale(
            domain=[weeks[0] - (0.4 if room is None else 0.9), weeks[-1] + (1.1 if room is None else 2.1)], nice=False
        ),
        axis=alt.Axis(
            values=weeks,
            labelExpr=expression,
            labelOverlap="greedy",
            **_axis(room),
        ),
    )
    y = alt.Y(
        "registered:Q",
        title=None,
        scale=alt.Scale(zero=True),
        axis=alt.Axis(tickCount=4, domain=False, ticks=False, **_axis(room) | {"grid": True}),
    )
    is_newest = f"datum.year == {newest}"
    thick = 1.0 if room is None else 1.8
    color = theme.either(alt.ColorValue, is_newest, colours.blue, colours.context)
    lines = (
        alt.Chart(shown[~shown["unfinished"]])
        .mark_line()
        .encode(
            x=x,
            y=y,
            detail=alt.Detail("year:N"),
            color=color,
            strokeWidth=theme.either(alt.StrokeWidthValue, is_newest, 3.5 * thick, 1.5 * thick),
        )
    )
    inside = alt.Scale(domain=[NOW, BEFORE, UNFINISHED], range=[colours.blue, colours.context, colours.paper])
    points = (
        alt.Chart(shown)
        .mark_point(opacity=1, strokeWidth=2, cursor="pointer", size=55 * thick * thick)
        .encode(
            x=x,
            y=y,
            color=color,
            fill=alt.Fill("inside:N", scale=inside, legend=None),
            detail=[alt.Detail("first:N"), alt.Detail("last:N")],
            tooltip=[
                alt.Tooltip("year_name:N", title=text("chart.name")),
                alt.Tooltip("week_name:N", title=text("season.chart_week")),
                alt.Tooltip("first:N", title=text("chart.from")),
                alt.Tooltip("last:N", title=text("chart.to")),
                alt.Tooltip("registered:Q", title=text("chart.value")),
                alt.Tooltip("until:N", title=text("chart.note")),
            ],
        )
        .add_params(alt.selection_point(name="mark", fields=["first", "last"], on="click", empty=False))
    )
    finished = shown[~shown["unfinished"]]
    gap = float(finished["registered"].max() or 1) * (0.07 if room is None else 0.11)
    ends = finished.sort_values("week").groupby("year").tail(1)
    last = pd.concat([apart(beside, "registered", gap) for _, beside in ends.groupby("week")]) if len(ends) else ends
    names = alt.Chart(last.assign(label_at=last.get("label_at", 0.0))).encode(
        x=x, y=alt.Y("label_at:Q"), text=alt.Text("year_name:N")
    )
    said: dict[str, Any] = {"align": "left", **_words(room)}
    halo = names.mark_text(dx=10, stroke=colours.paper, strokeWidth=4, **said)
    names = names.mark_text(dx=10, **said).encode(
        color=theme.either(alt.ColorValue, is_newest, colours.blue_text, colours.muted)
    )
    day = alt.Chart(pd.DataFrame({"place": [-0.5], "season": [season]})).encode(x=alt.X("place:Q"))
    rule = day.mark_rule(color=colours.muted, strokeDash=[4, 4], strokeWidth=1.5)
    title = day.mark_text(baseline="top", dx=6, color=colours.muted, **said).encode(
        y=theme.TOP, text=alt.Text("season:N")
    )
    drawing = alt.layer(rule, title, lines, halo, names, points)
    return drawing.properties(height=280 if room is None else "container")


def week_name(week: int) -> str:
    """`前3周`, `后1周`."""
    return text("season.week_before", n=-week) if week < 0 else text("season.week_after", n=week)


def message(table: pd.DataFrame, season: Season) -> str:
    """The weeks before and after a season beside the same weeks of the year before; only weeks that are over."""
    finished = table[~table["unfinished"]]
    if finished.empty:
        return text("season.none", season=season.name)
    year = int(finished["year"].max())
    said = {"season": season.name, "year": str(year), "year_ago": str(year - 1)}
    found = []
    for side, numbers in (("before", range(-COMPARED, 0)), ("after", range(1, COMPARED + 1))):
        now = finished[(finished["year"] == year) & finished["week"].isin(numbers)]
        if now.empty:
            continue
        then = finished[(finished["year"] == year - 1) & finished["week"].isin(now["week"])]
        weeks = len(now)
        counts = {"weeks": weeks, "now": int(now["registered"].sum()), "before": int(then["registered"].sum())}
        key = f"season.{side}" if len(then) == weeks else f"season.{side}_alone"
        if side == "before" and len(then) == weeks < COMPARED:
            counts = {**counts, "first": -int(now["week"].min()), "last": -int(now["week"].max())}
            key = "season.partly"
        found.append(text(key, **said, **counts))
    return " ".join(found) if language() == "en" else "".join(found)
