"""The wall in the browser: a view as HTML, its keys, and the chart that lies in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from dashboard import narrowing
from dashboard.room import ROWS, Room
from dashboard.slides import Chart, Slide
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter, sentence
from data_access.lists import Question
from data_access.problems import Problem
from data_access.texts import text

KEY: Final = "stage"
FOLDER: Final = Path(__file__).parent / "browser"
HINTS: Final = ("previous", "next", "method", "room", "auto", "leave")

_mount = st.components.v2.component(
    "petition_stage",
    css=(FOLDER / "stage.css").read_text(encoding="utf-8"),
    js=(FOLDER / "stage.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Wall:
    """What is on the wall: the view, the room it is for, its place in the agenda, seconds until the next (0: stays)."""

    slide: Slide
    room: Room
    place: str
    seconds: int


def draw(wall: Wall, database: CaseDatabase, case_filter: CaseFilter, told: Callable[[], None]) -> None:
    """Show it; `told` is called when something was clicked or pressed, with the word for it in the state of `KEY`."""
    html = _template().render(
        t=text,
        slide=wall.slide,
        rows=wall.slide.rows[:ROWS],
        room=wall.room,
        place=wall.place,
        verdict=verdict(wall.room),
        sentence=sentence(case_filter, database.names),
        demo=bool(database.demo_as_of),
        chips=narrowing.chips(case_filter, database),
        hints={name: text(f"wall.hint_{name}") for name in HINTS},
    )
    data = {
        "html": html,
        "style": f"--b: {wall.room.body}",
        "seconds": wall.seconds,
        "rest": _rest(wall.slide),
        "words": {"countdown": text("wall.countdown", n="{n}"), "paused": text("wall.paused")},
    }
    _mount(key=KEY, data=data, on_do_change=told)


def _rest(slide: Slide) -> dict[str, Any]:
    """What the browser needs to say which rows it has left out: it alone knows how many fit."""
    counts = [row.n for row in slide.rows if row.n is not None]
    kind = "of" if slide.pages else "rest_cases" if counts else "rest"
    return {
        "words": text(f"wall.{kind}", rows="{rows}", n="{n}", first="{first}", last="{last}"),
        "first": slide.first,
        "total": slide.total or len(slide.rows),
        "counts": counts[:ROWS],
        "all": sum(counts),
    }


def verdict(room: Room) -> str:
    """Whether the last seat can read it, in a sentence."""
    return text(
        "wall.legible" if room.is_legible else "wall.not_legible",
        seat=f"{room.seat:g}",
        reads=f"{room.readable_to:.0f}",
    )


def picture(chart: Chart, room: Room, asked: Callable[[Question], None]) -> None:
    """The chart in the place that the view leaves for it; a clicked mark calls `asked`."""
    serial = f"stage_chart.{st.session_state.get('stage_chart', 0)}"

    def picked() -> None:
        marks = st.session_state[serial].get("selection", {}).get("mark") or []
        question = _checked(chart, marks[0]) if marks else None
        if question:
            st.session_state["stage_chart"] = st.session_state.get("stage_chart", 0) + 1
            asked(question)

    with st.container(key="stage_picture"):
        st.vega_lite_chart(
            chart.drawing(room).vega_lite(),
            key=serial,
            on_select=picked,
            selection_mode="mark",
            height="stretch",
            theme=None,
            alt=chart.message,
        )


def _checked(chart: Chart, mark: dict[str, Any]) -> Question | None:
    """What a mark asks; a browser may send anything."""
    try:
        asked = chart.question_of(mark)
        return asked and Question.parse(f"{asked.of}.{asked.part}", [f"{name}:{value}" for name, value in asked.at])
    except (Problem, KeyError):
        return None


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
    environment.filters["link"] = _link
    return environment.get_template("stage.html")


def _link(asked: Question) -> str:
    """A question as the browser gives it back."""
    return urlencode(asked.url(), doseq=True)
