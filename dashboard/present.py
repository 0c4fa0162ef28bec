"""Projector mode: the meeting's views one by one, by keyboard, with the filter kept.

What is on the wall lives in the URL (`present`, `view`, `seat`, `screen`, `auto`); what lies over
it for a moment (cases, methods, the room check) in the session.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs, urlencode

import streamlit as st

from dashboard import ask, bound, case_view, look, narrowing, slides, stage, words
from dashboard.agenda import VIEWS
from dashboard.frame import PAGES
from dashboard.room import BODY, ROWS, Room
from dashboard.slides import Slide, Way
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.problems import Problem
from data_access.texts import text

LOG = logging.getLogger("petition_dashboard")
PARAMETERS: Final = ("present", "view", "seat", "screen", "auto")
SMALLEST_METRES: Final = 0.5
MOST_METRES: Final = {"seat": 100.0, "screen": 30.0}
_OVER: Final = "over_the_wall"


NO_QUESTION: Final = Question()


@dataclass(frozen=True)
class Over:
    """What lies over a view: `kind` is cases, method or room; `first` is the first row of a list."""

    kind: str
    asked: Question = NO_QUESTION
    first: int = 0


def is_on() -> bool:
    """Whether the wall is shown instead of the page."""
    return bound.stored("present") == "1"


def show(database: CaseDatabase, case_filter: CaseFilter, page: str) -> None:
    """The view that is on; when none was chosen, the first one that belongs to `page`."""
    agenda = [name for name in database.settings.meeting.agenda if VIEWS[name].is_fed(database)]
    here = next((name for name in agenda if VIEWS[name].page == page), agenda[0] if agenda else "")
    name, room = bound.one_of("view", agenda, here), _room(database)
    question = ask.asked()
    if question:
        _put(Over("cases", question))
    over: Over | None = st.session_state.get(_OVER)
    slide = _slide(database, case_filter, room, name, over)
    wall = stage.Wall(
        slide=slide,
        room=room,
        place=text("wall.place", number=agenda.index(name) + 1 if agenda else 0, of=len(agenda)),
        seconds=database.settings.meeting.advance_seconds if bound.stored("auto") == "1" else 0,
    )

    def told() -> None:
        _follow(st.session_state[stage.KEY]["do"], agenda, name, slide, room)

    stage.draw(wall, database, case_filter, told)
    if slide.chart:
        stage.picture(slide.chart, room, lambda asked: _put(Over("cases", asked)))
    ask.box(database, case_filter, large=True)
    with st.container(key="bound_look"):  # unseen: makes light the default here too
        look.switch(PAGES)


def clear() -> None:
    """Away from the wall nothing lies over it."""
    st.session_state.pop(_OVER, None)


def _put(over: Over | None) -> None:
    st.session_state[_OVER] = over


def _slide(database: CaseDatabase, case_filter: CaseFilter, room: Room, name: str, over: Over | None) -> Slide:
    """What is seen: the view or what lies over it; a mistake is a sentence on the wall too."""
    try:
        if database.newest_at is None:
            return Slide(text("empty.database"))
        if not name:
            return Slide(text("wall.nothing"))
        if over and over.kind == "cases":
            return _cases(database, case_filter, over)
        slide = VIEWS[name].view(database, case_filter)
        if over and over.kind == "method":
            return _method(slide, over)
        return _room_check(room) if over else slide
    except Problem as problem:
        return Slide(str(problem))
    except Exception:
        LOG.exception("a view failed")
        return Slide(str(Problem("unexpected")))


def _cases(database: CaseDatabase, case_filter: CaseFilter, over: Over) -> Slide:
    """The cases behind a number, with the two ways on."""
    name = case_view.counted(over.asked, database)
    slide = slides.of_cases(database, case_filter, over.asked, name=name, first=over.first)
    if not slide.rows and over.first:  # the filter has changed under an open list
        slide = slides.of_cases(database, case_filter, over.asked, name=name)
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    address = f"/{base}/cases" if base else "/cases"
    whole = f"{address}?{urlencode(over.asked.url() | _kept(), doseq=True)}"
    ways = [Way(text("wall.open_all"), href=whole)]
    if narrowing.of_question(over.asked):
        ways.append(Way(text("drill.filter_by"), do="narrow"))
    return replace(slide, ways=tuple(ways))


def _kept() -> dict[str, str]:
    """The filter's own parameters, for a link out of the wall."""
    return {name: bound.stored(name) for name in ("lang", *narrowing.PARAMETERS) if bound.stored(name)}


def _method(slide: Slide, over: Over) -> Slide:
    """How the view is worked out: its evidence one by one, then the formulas; of a list, the formula of its number."""
    if over.asked.of in MEASURES:
        return _formulas((over.asked.of,))
    pages = len(slide.evidence) + bool(slide.methods)
    place = min(over.first, max(pages - 1, 0))
    shown = slide.evidence[place]() if place < len(slide.evidence) else _formulas(slide.methods)
    onward = Way(text("wall.method_next", number=place + 1, of=pages), do="next")
    return replace(shown, of_method=pages, ways=(*shown.ways, onward) if place < pages - 1 else shown.ways)


def _formulas(keys: tuple[str, ...]) -> Slide:
    lines = [(words.label(key), text(f"indicator.{key}.formula")) for key in keys]
    return Slide(text("wall.methods"), lines=tuple(lines))


def _room_check(room: Room) -> Slide:
    """What the last seat can read, and how to say that the room is another one."""
    lines = (
        (
            text("wall.room_rule"),
            text("wall.room_needed", seat=f"{room.seat:g}", screen=f"{room.screen:g}", share=f"{room.needed:.1f}"),
        ),
        (text("wall.room_body", share=f"{room.body:.1f}"), text("wall.room_reads", seat=f"{room.readable_to:.1f}")),
        (
            text("wall.room_rows", n=ROWS),
            text("wall.room_fewer" if room.body > BODY else "wall.room_all"),
        ),
    )
    ways = (
        Way(text("wall.seat_nearer"), do="seat:-1"),
        Way(text("wall.seat_farther"), do="seat:1"),
        Way(text("wall.screen_smaller"), do="screen:-0.1"),
        Way(text("wall.screen_larger"), do="screen:0.1"),
    )
    return Slide(stage.verdict(room), lines=lines, ways=ways)


def _room(database: CaseDatabase) -> Room:
    known = database.settings.meeting
    return Room(_metres("seat", known.farthest_seat_m), _metres("screen", known.screen_height_m))


def _metres(name: str, default: float) -> float:
    try:
        value = float(bound.stored(name) or default)
    except ValueError:
        return default
    return value if SMALLEST_METRES <= value <= MOST_METRES[name] else default


def _follow(what: str, agenda: list[str], name: str, slide: Slide, room: Room) -> None:
    """Do what was clicked or pressed on the wall; `what` comes from the browser and may be anything."""
    word, _, value = str(what).partition(":")
    over: Over | None = st.session_state.get(_OVER)
    steps = {"next": 1, "previous": -1, "onward": 1}
    if word in steps and over and over.kind == "method":
        place = max(over.first + steps[word], 0)
        if place < slide.of_method:
            _put(replace(over, first=place))
        elif word == "onward":
            _put(None)
    elif word in steps and over and over.kind == "cases":
        shown = min(int(value), ROWS) if _is_number(value) else ROWS
        first = over.first + shown if steps[word] > 0 else max(over.first - ROWS, 0)
        if first < slide.total:
            _put(replace(over, first=first))
        elif word == "onward":
            _put(None)
    elif word in steps and agenda:
        _turn(
            agenda,
            (agenda.index(name) + steps[word]) % len(agenda) if word == "onward" else agenda.index(name) + steps[word],
        )
    elif word == "first":
        _turn(agenda, 0)
    elif word == "last":
        _turn(agenda, len(agenda) - 1)
    elif word == "jump" and _is_number(value):
        _turn(agenda, int(value) - 1)
    elif word == "back":
        _put(None)
    elif word in ("method", "room"):
        _put(None if over and over.kind == word else Over(word, over.asked if over else NO_QUESTION))
    elif word == "auto":
        bound.store("auto", "" if bound.stored("auto") else "1")
    elif word == "leave":
        _put(None)
        bound.store("present", "")
    elif word == "ask":
        asked = parse_qs(value)
        try:
            _put(Over("cases", Question.parse(asked.get("of", [""])[0], asked.get("at", []))))
        except Problem:
            _put(None)
    elif word == "narrow" and over:
        narrowing.take(narrowing.of_question(over.asked))
        _put(None)
    elif word == "drop" and value in narrowing.PARAMETERS:
        narrowing.drop(value)
    elif word in ("seat", "screen"):
        step = float(value) if value in ("1", "-1", "0.1", "-0.1") else 0.0
        wanted = min(max(getattr(room, word) + step, SMALLEST_METRES), MOST_METRES[word])
        bound.store(word, f"{wanted:.3g}")


def _is_number(value: str) -> bool:
    """Whether the browser sent a small whole number."""
    return value.isdecimal() and value.isascii() and len(value) < 4


def _turn(agenda: list[str], place: int) -> None:
    """To another view; past the ends nothing happens."""
    if 0 <= place < len(agenda):
        _put(None)
        bound.store("view", agenda[place])
