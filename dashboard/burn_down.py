"""Batches of long-standing cases burning down: what is left of each frozen list, on the page and on the wall."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import drill, frame, theme, trend_words
from dashboard.charts import iso_days
from dashboard.drawing import Drawing, details, either, layered, of, picked, reaching, remembered
from dashboard.room import Room
from dashboard.slides import Chart, Slide
from dashboard.wall_charts import of_height
from data_access import supervision
from data_access.filters import CaseFilter
from data_access.settings import Settings
from data_access.supervision import BACKLOG
from data_access.texts import text

ACROSS: Final = 3
"""As many small charts beside each other."""
MONTHS: Final = 14
"""Of so many months each has a tick."""
MOST: Final = 6
"""Views behind 怎么算的: the batches with most left."""


def target_left(batch: pd.DataFrame, case_filter: CaseFilter, settings: Settings) -> float | None:
    """What may be left by the annual target; there is one only where the filter is about one unit that has one."""
    aim = settings.annual_targets.get(case_filter.unit[0]) if len(case_filter.unit) == 1 else None
    return None if aim is None else (1 - aim) * int(batch["listed"].iloc[-1])


def sentence(batch: pd.DataFrame) -> str:
    """Listed, resolved, left, and how many a month the last months resolved."""
    first, last, found = batch.iloc[0], batch.iloc[-1], supervision.pace(batch)
    counts = {"n": int(last["listed"]), "resolved": int(last["resolved"]), "remaining": int(last["remaining"])}
    before, batch_name = int(first["resolved"]), trend_words.batch_name(str(last["batch"]))
    said = (
        text("burn.message_before", batch=batch_name, before=before, **counts)
        if before
        else text("burn.message", batch=batch_name, **counts)
    )
    if found is None or not last["remaining"]:
        return said
    if not found[0]:
        return text("burn.no_pace", message=said, months=found[1])
    return text("burn.with_pace", message=said, months=found[1], pace=f"{found[0]:.1f}")


def question_of(batch: str) -> drill.QuestionOf:
    """A mark asks for what was left of the batch by the end of its day."""
    return lambda mark: drill.question(BACKLOG, "rest", batch=batch, days=drill.days("", mark["last"]))


def draw(table: pd.DataFrame, case_filter: CaseFilter, settings: Settings) -> None:
    """A small chart for each batch under its sentence."""
    for column, (name, batch) in frame.grid(table.groupby("batch", sort=False), ACROSS):
        with column:
            message = sentence(batch)
            st.markdown(message)
            aim = target_left(batch, case_filter, settings)
            drill.chart(steps(batch, aim), f"burn_{name}", message, question_of(str(name)), case_filter)


def steps(batch: pd.DataFrame, target: float | None, room: Room | None = None) -> Drawing:
    """What is left as steps from the frozen size down, each month's end a mark; an unfinished month is hollow.

    `batch`: rows of one batch in `supervision.burn_down`. With a `room` the letters are as large as the wall's.
    """
    shown = batch.assign(
        last=iso_days(batch["end"]),
        label=[f"{n:,}" for n in batch["remaining"]],
        top=float(batch["remaining"].max() or 1) * 1.2,
    )
    ends = shown.iloc[[0, -1]] if len(shown) > 1 else shown
    tables = {"steps": shown.drop(columns="batch"), "ends": ends[["end", "remaining", "label"]]}
    if target is not None:
        tables["aim"] = shown.head(1)[["end"]].assign(target=target, name=text("burn.target"))
    return Drawing(_steps(len(shown) > MONTHS, target is not None, room), tables)


@remembered
def _steps(many: bool, has_target: bool, room: Room | None) -> dict[str, Any]:
    colours, on_wall = theme.palette(), room is not None
    letters: dict[str, Any] = {}
    if room is not None:
        letters = {"labelFontSize": of_height(room.body), "labelFontWeight": 500, "labelColor": colours.ink}
    axis = alt.Axis(
        title=None,
        grid=False,
        labelExpr=text("axis.wall_month" if on_wall else "axis.month"),
        labelOverlap="greedy",
        labelFlush=False,
        tickCount=6 if many else "month",
        **letters,
    )
    x = alt.X("end:T", axis=axis, scale=alt.Scale(padding=80 if on_wall else 14))
    scale = alt.Scale(zero=True, nice=False)
    y = alt.Y("remaining:Q", title=None, scale=scale, axis=alt.Axis(tickCount=3, **letters))
    base = of("steps").encode(x=x, y=y)
    area = base.mark_area(color=colours.soft, interpolate="step-after", line=False)
    width: Any = of_height(0.5) if on_wall else 2.5
    line = base.mark_line(color=colours.blue, interpolate="step-after", strokeWidth=width)
    points = (
        base.mark_point(
            size=of_height(35) if on_wall else 70,
            opacity=1,
            color=colours.blue,
            strokeWidth=2,
            cursor="pointer",
        )
        .encode(
            detail=details("last"),
            fill=either(alt.FillValue, "datum.unfinished", colours.paper, colours.blue),
            tooltip=[
                alt.Tooltip("last:N", title=text("chart.at_end")),
                alt.Tooltip("remaining:Q", title=text("supervision.left")),
                alt.Tooltip("resolved:Q", title=text("supervision.resolved")),
            ],
        )
        .add_params(picked("last"))
    )
    size: dict[str, Any] = {"fontSize": of_height(room.body), "fontWeight": 600} if room else {}
    gap: Any = of_height(-3.5) if on_wall else -14
    words = of("ends").mark_text(color=colours.blue_text, dy=gap, **size).encode(x=x, y=y, text=alt.Text("label:N"))
    higher = reaching(base, y=alt.Y("top:Q", title=None))
    layers = [higher, area, line, points, words, *(_target(x, room) if has_target else [])]
    return layered(*layers, height="container" if on_wall else 190)


def _target(x: alt.X, room: Room | None) -> list[alt.Chart]:
    """What may be left by the target, as a dashed line with its name."""
    muted = theme.palette().muted
    size: dict[str, Any] = {"fontSize": of_height(room.body), "fontWeight": 500} if room else {}
    y = alt.Y("target:Q", title=None)
    line = of("aim").mark_rule(color=muted, strokeDash=[5, 4], strokeWidth=1.5).encode(y=y)
    words = of("aim").mark_text(align="left", dy=-8, color=muted, **size)
    return [line, words.encode(x=x, y=y, text=alt.Text("name:N"))]


def evidence(table: pd.DataFrame, case_filter: CaseFilter, settings: Settings) -> tuple[Callable[[], Slide], ...]:
    """The wall's views behind the batches' figures, those with most left first."""
    batches = sorted(table.groupby("batch", sort=False), key=lambda pair: -int(pair[1]["remaining"].iloc[-1]))
    return tuple(partial(slide, batch, case_filter, settings) for _, batch in batches[:MOST])


def slide(batch: pd.DataFrame, case_filter: CaseFilter, settings: Settings) -> Slide:
    """One batch on the wall."""
    message, aim = sentence(batch), target_left(batch, case_filter, settings)
    key = (("hollow", text("chart.unfinished")),) if bool(batch["unfinished"].iloc[-1]) else ()
    asked = question_of(str(batch["batch"].iloc[0]))
    return Slide(message, chart=Chart(partial(steps, batch, aim), message, asked, key))
