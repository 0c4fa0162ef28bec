"""One bar at the top: period, as-of date, everything to narrow by, reset, language.

Every choice is bound to a URL parameter of its own name, so that a link reproduces the
screen and Back goes back. What is chosen is read from there, whether or not the bar is
on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import streamlit as st

from dashboard import ask, bound, frame, narrowing
from dashboard.cache import default_as_of
from data_access import texts
from data_access.database import CaseDatabase, Names
from data_access.deadlines import last_moment
from data_access.filters import FIELDS, CaseFilter
from data_access.periods import DEFAULT_PRESET, PRESETS, Span, preset_span
from data_access.texts import text

_TOWNSHIP_KIND: Final = "township"


def choose_language(default: str) -> str:
    """The language of this run: the one chosen, else the settings'."""
    return bound.one_of("lang", texts.LANGUAGES, default)


def read(database: CaseDatabase) -> CaseFilter:
    """The filter that the URL says."""
    newest, names = default_as_of(database), database.names
    as_of_day = bound.day_of("as_of", newest.date(), *_as_of_bounds(database))
    as_of = newest if as_of_day == newest.date() else last_moment(as_of_day)
    preset = bound.one_of("period", PRESETS, DEFAULT_PRESET)
    if preset == "custom":
        start, end = sorted((bound.day_of("from", date(as_of.year, 1, 1)), bound.day_of("to", as_of.date())))
        span = Span(start, end)
    else:
        span = preset_span(preset, as_of.date(), database.settings.period)
    chosen = {key: bound.some_of(key, _options(key, names)) for key in _fields(database)}
    return CaseFilter(as_of=as_of, span=span, preset=preset, **chosen)


def draw(database: CaseDatabase, case_filter: CaseFilter, default_language: str) -> None:
    """The bar, showing `case_filter`."""
    newest = default_as_of(database).date()
    with st.container(key="filter_bar", horizontal=True, vertical_alignment="bottom", gap="small"):
        bound.selectbox(
            text("filter.period"), PRESETS, "period", lambda key: text(f"period.{key}"), DEFAULT_PRESET, width=150
        )
        bound.day(text("filter.as_of"), "as_of", newest, *_as_of_bounds(database), width=150)
        if case_filter.preset == "custom":
            bound.day(text("filter.from"), "from", date(case_filter.as_of.year, 1, 1), width=150)
            bound.day(text("filter.to"), "to", case_filter.as_of.date(), width=150)
        _narrowing(database)
        st.button(text("filter.reset"), on_click=_reset, key="reset_filter", disabled=not _is_set())
        with st.container(width=360):
            ask.box(database, case_filter)
        st.space("stretch")
        st.button(text("present.enter"), on_click=bound.store, args=("present", "1"), key="present_enter", shortcut="P")
        bound.segments(
            text("filter.language"),
            texts.LANGUAGES,
            "lang",
            lambda code: text(f"language.{code}"),
            default_language,
            label_visibility="collapsed",
        )


def _as_of_bounds(database: CaseDatabase) -> tuple[date, date]:
    newest = default_as_of(database)
    first = database.first_registered_at or newest
    return first.date(), max(newest, database.newest_at or newest).date()


def _fields(database: CaseDatabase) -> list[str]:
    return [key for key, field in FIELDS.items() if database.has(field.needs)]


def _narrowing(database: CaseDatabase) -> None:
    """What to narrow by, behind one button that says how many are in use."""
    names, there = database.names, _fields(database)
    in_use = sum(bool(bound.stored(key)) for key in there)
    label = text("filter.more_used", n=in_use) if in_use else text("filter.more")
    with st.popover(label, key="narrowing", width="content"):
        columns = st.columns(2)
        for position, key in enumerate(there):
            with columns[position % 2]:
                bound.several(text(f"filter.{key}"), _options(key, names), key, _words(key, names), text("filter.all"))


def _words(key: str, names: Names) -> Callable[[str], str]:
    return lambda value: FIELDS[key].words(value, names)


def _options(key: str, names: Names) -> Sequence[str]:
    if FIELDS[key].codes:
        return FIELDS[key].codes
    if key == "category":
        return list(names.categories)
    if key == "task_force":
        return names.task_forces
    if key == "township":
        return [unit for unit, kind in names.kinds.items() if kind == _TOWNSHIP_KIND] or list(names.units)
    return list(names.units)


def _is_set() -> bool:
    return any(bound.stored(name) for name in narrowing.PARAMETERS)


def _reset() -> None:
    for name in narrowing.PARAMETERS:
        bound.store(name, "")


def draw_chips(case_filter: CaseFilter, database: CaseDatabase) -> None:
    """The chips, each a button that drops it."""
    found = narrowing.chips(case_filter, database)
    if not found:
        return
    with st.container(key="chips", horizontal=True, gap="small"):
        for name, words in found.items():
            st.button(
                text("filter.drop", words=frame.plain(words)),
                key=f"drop_{name}",
                on_click=narrowing.drop,
                args=(name,),
                help=text("filter.drop_help"),
            )
