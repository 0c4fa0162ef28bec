"""Charts of time that judge nothing but noise: the control chart, seasons shaded, years aligned on a season.

Each is drawn for a page, or for the wall where a `Room` is given: its letters then are a share of the window.
"""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard import theme
from dashboard.charts import apart, with_days
from dashboard.drawing import TOP, Drawing, details, either, layered, of, picked, remembered
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


# --- the control chart


def control(table: pd.DataFrame, found: Signals, room: Room | None = None) -> Drawing:
    """An XmR chart of the columns of `signal_words.chart_table`; mean and limits bear names.

    Months that are more than routine have a colour and a shape of their own, those not judged are hollow.
    """
    shown = with_days(table).assign(state=table["state"].map(list(STATES).index))
    first, last = shown["start"].iloc[0], shown["start"].iloc[-1]
    quarters = [each for each in shown["start"] if each.month % 3 == 1] or [first]
    beyond = last + (last - first) * (0.4 if room is None else 0.36)  # where the limits' names stand
    limits = _limits(shown, found, room)
    named = shown[(shown["season"] != "") & (shown["season"] != shown["season"].shift())]
    specification = _control(tuple(map(_day, quarters)), _day(first), _day(beyond), limits is not None, room)
    tables = {"months": shown, "seasons": named[["start", "n", "season"]]}
    return Drawing(specification, tables if limits is None else tables | {"limits": limits})


Day = tuple[int, int, int]


def _day(moment: pd.Timestamp) -> Day:
    return moment.year, moment.month, moment.day


@remembered
def _control(quarters: tuple[Day, ...], first: Day, beyond: Day, has_limits: bool, room: Room | None) -> dict[str, Any]:
    colours = theme.palette()
    axis = alt.Axis(
        title=None,
        values=[alt.DateTime(year=year, month=month, date=day) for year, month, day in quarters],
        labelExpr=text("axis.month" if room is None else "axis.wall_month"),
        **_axis(room),
    )
    ends = [alt.DateTime(year=year, month=month, date=day) for year, month, day in (first, beyond)]
    x = alt.X("start:T", axis=axis, scale=alt.Scale(domain=ends, padding=12, nice=False))
    y = alt.Y(
        "n:Q",
        title=None,
        scale=alt.Scale(zero=False, padding=20),
        axis=alt.Axis(tickCount=4, **_axis(room)),
    )
    base = of("months").encode(x=x, y=y)
    line = base.transform_filter("!datum.unfinished").mark_line(color=colours.context, strokeWidth=1.5)

    def each(usual: Any, signal: Any, apart: Any, **more: Any) -> dict[str, Any]:
        scale = alt.Scale(domain=[*range(len(STATES))], range=[usual, signal, apart])
        return {"shorthand": "state:N", "scale": scale, "legend": None, **more}

    large = 1.0 if room is None else 3.0
    points = base.mark_point(opacity=1, strokeWidth=2, cursor="pointer").encode(
        shape=alt.Shape(**each("circle", "diamond", "circle")),
        color=alt.Color(**each(colours.ink, colours.blue, colours.context)),
        fill=alt.Fill(**each(colours.ink, colours.blue, colours.paper)),
        size=alt.Size(**each(45 * large, 190 * large, 60 * large)),
        detail=details("first", "last"),
        tooltip=[
            alt.Tooltip("start:T", title=text("chart.month"), format="%Y-%m"),
            alt.Tooltip("n:Q", title=text("chart.value")),
            alt.Tooltip("note:N", title=text("chart.note")),
        ],
    )
    named = of("seasons").encode(x=x, y=y, text=alt.Text("season:N"))
    look: dict[str, Any] = {"align": "left", "dx": 10 if room is None else 18, **_words(room)}
    names = [
        named.mark_text(**look, stroke=colours.paper, strokeWidth=4),
        named.mark_text(**look, color=colours.muted),
    ]
    limits = _limit_lines(room) if has_limits else []
    layers = [line, *limits, *names, points.add_params(picked("first", "last"))]
    return layered(*layers, height=250 if room is None else "container", independent=True)


def _limits(table: pd.DataFrame, found: Signals, room: Room | None) -> pd.DataFrame | None:
    """The mean and the limits, to be named above their right ends: n, name, is_mean, start, label_at."""
    if found.mean is None or found.lower is None or found.upper is None:
        return None
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
    return apart(limits, "n", (highest - lowest) * (0.09 if room is None else 0.13))


def _limit_lines(room: Room | None) -> list[alt.Chart]:
    """Thin lines with their names, behind the months."""
    colours = theme.palette()
    dash = alt.StrokeDash("is_mean:N", scale=alt.Scale(domain=[False, True], range=[[5, 4], [1, 0]]), legend=None)
    base = of("limits")
    rules = base.mark_rule(color=colours.muted, strokeWidth=1 if room is None else 2)
    names = base.mark_text(align="left", baseline="bottom", dx=12, dy=-3, color=colours.muted, **_words(room))
    return [
        rules.encode(y=alt.Y("n:Q"), strokeDash=dash),
        names.encode(x=alt.X("start:T"), y=alt.Y("label_at:Q"), text=alt.Text("name:N")),
    ]


# --- years aligned on a season


def aligned(table: pd.DataFrame, season: str, room: Room | None = None) -> Drawing:
    """Registered by week around a season: this year blue, those before grey, each named at its line's end.

    Columns of `seasons.around`. The season's day stands as a line between the weeks; an unfinished week is hollow.
    """
    newest = int(table["year"].max())
    inside_of = table["year"].map(lambda year: NOW if year == newest else BEFORE)
    place = table["week"] - (table["week"] > 0)  # no week is number 0
    shown = with_days(table).assign(
        place=place,
        inside=inside_of.where(~table["unfinished"], UNFINISHED),
        is_newest=table["year"] == newest,
        year_name=[text("season.year", year=str(year)) for year in table["year"]],
        week_name=[week_name(week) for week in table["week"]],
        until=[text("chart.unfinished") if unfinished else "" for unfinished in table["unfinished"]],
    )
    finished = shown[~shown["unfinished"]]
    gap = float(finished["registered"].max() or 1) * (0.07 if room is None else 0.11)
    ends = finished.sort_values("week").groupby("year").tail(1)
    last = pd.concat([apart(beside, "registered", gap) for _, beside in ends.groupby("week")]) if len(ends) else ends
    tables = {
        "weeks": shown,
        "ends": last.assign(label_at=last.get("label_at", 0.0)),
        "day": pd.DataFrame({"place": [-0.5], "season": [season]}),
    }
    return Drawing(_aligned(room), tables)


@remembered
def _aligned(room: Room | None) -> dict[str, Any]:
    colours = theme.palette()
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
    thick = 1.0 if room is None else 1.8
    color = either(alt.ColorValue, "datum.is_newest", colours.blue, colours.context)
    base = of("weeks").encode(x=x, y=y, color=color)
    lines = (
        base.transform_filter("!datum.unfinished")
        .mark_line()
        .encode(
            detail=details("year"),
            strokeWidth=either(alt.StrokeWidthValue, "datum.is_newest", 3.5 * thick, 1.5 * thick),
        )
    )
    inside = alt.Scale(domain=[NOW, BEFORE, UNFINISHED], range=[colours.blue, colours.context, colours.paper])
    points = (
        base.mark_point(opacity=1, strokeWidth=2, cursor="pointer", size=55 * thick * thick)
        .encode(
            fill=alt.Fill("inside:N", scale=inside, legend=None),
            detail=details("first", "last"),
            tooltip=[
                alt.Tooltip("year_name:N", title=text("chart.name")),
                alt.Tooltip("week_name:N", title=text("season.chart_week")),
                alt.Tooltip("first:N", title=text("chart.from")),
                alt.Tooltip("last:N", title=text("chart.to")),
                alt.Tooltip("registered:Q", title=text("chart.value")),
                alt.Tooltip("until:N", title=text("chart.note")),
            ],
        )
        .add_params(picked("first", "last"))
    )
    said: dict[str, Any] = {"align": "left", **_words(room)}
    names = of("ends").encode(x=x, y=alt.Y("label_at:Q"), text=alt.Text("year_name:N"))
    halo = names.mark_text(dx=10, stroke=colours.paper, strokeWidth=4, **said)
    ink = either(alt.ColorValue, "datum.is_newest", colours.blue_text, colours.muted)
    names = names.mark_text(dx=10, **said).encode(color=ink)
    day = of("day").encode(x=alt.X("place:Q"))
    rule = day.mark_rule(color=colours.muted, strokeDash=[4, 4], strokeWidth=1.5)
    title = day.mark_text(baseline="top", dx=6, color=colours.muted, **said).encode(y=TOP, text=alt.Text("season:N"))
    return layered(rule, title, lines, halo, names, points, height=280 if room is None else "container")


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
