"""One bar at the top: period, as-of date, everything to narrow by, reset, language.

Every control is bound to a URL parameter of its own name, so that a link reproduces the
screen and Back goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final

import streamlit as st

from dashboard import bound
from dashboard.cache import default_as_of
from data_access import texts
from data_access.database import CaseDatabase, Names
from data_access.deadlines import last_moment
from data_access.filters import FIELDS, CaseFilter
from data_access.periods import DEFAULT_PRESET, PRESETS, Span, preset_span
from data_access.texts import text

PARAMETERS: Final = ("period", "from", "to", "as_of", *FIELDS)
_TOWNSHIP_KIND: Final = "township"


def choose_language(default: str) -> str:
    """The language of this run: the one chosen, else the URL's, else the settings'."""
    kept = st.session_state["lang"] if "lang" in st.session_state else st.query_params.get("lang")
    chosen = kept or default
    return chosen if chosen in texts.LANGUAGES else default


def filter_bar(database: CaseDatabase, default_language: str) -> CaseFilter:
    """Draw the bar and return what it says."""
    newest = default_as_of(database)
    bound.declare("lang", *PARAMETERS)
    with st.container(key="filter_bar", horizontal=True, vertical_alignment="bottom", gap="small"):
        preset = bound.selectbox(
            text("filter.period"), PRESETS, "period", lambda key: text(f"period.{key}"), DEFAULT_PRESET, width=150
        )
        as_of_day = bound.day(
            text("filter.as_of"),
            "as_of",
            newest.date(),
            min_value=(database.first_registered_at or newest).date(),
            max_value=max(newest.date(), (database.newest_at or newest).date()),
            width=150,
        )
        as_of = newest if as_of_day == newest.date() else last_moment(as_of_day)
        span = _custom_span(as_of) if preset == "custom" else None
        chosen = _narrowing(database)
        st.button(text("filter.reset"), on_click=_reset, key="reset_filter", disabled=not _is_set())
        st.space("stretch")
        bound.segments(
            text("filter.language"),
            texts.LANGUAGES,
            "lang",
            lambda code: text(f"language.{code}"),
            default_language,
            label_visibility="collapsed",
        )
    span = span or preset_span(preset, as_of.date(), database.settings.period)
    return CaseFilter(as_of=as_of, span=span, preset=preset, **chosen)


def _custom_span(as_of: datetime) -> Span:
    """The days of two more date fields; either order will do."""
    start, end = sorted(
        (
            bound.day(text("filter.from"), "from", date(as_of.year, 1, 1), width=150),
            bound.day(text("filter.to"), "to", as_of.date(), width=150),
        )
    )
    return Span(start, end)


def _narrowing(database: CaseDatabase) -> dict[str, tuple[str, ...]]:
    """What to narrow by, behind one button that says how many are in use."""
    names = database.names
    there = [key for key, field in FIELDS.items() if database.has(field.needs)]
    in_use = sum(bool(st.session_state.get(key)) for key in there)
    label = text("filter.more_used", n=in_use) if in_use else text("filter.more")
    chosen: dict[str, tuple[str, ...]] = {}
    with st.popover(label, key="narrowing", width="content"):
        columns = st.columns(2)
        for position, key in enumerate(there):
            with columns[position % 2]:
                options, words = _options(key, names), _words(key, names)
                chosen[key] = bound.several(text(f"filter.{key}"), options, key, words, text("filter.all"))
    return chosen


def _words(key: str, names: Names) -> Callable[[str], str]:
    return lambda value: FIELDS[key].words(value, names)


def _options(key: str, names: Names) -> Sequence[str]:
    if FIELDS[key].codes:
        return FIELDS[key].codes
    if key == "category":
        return list(names.categories)
    if key == "township":
        return [unit for unit, kind in names.kinds.items() if kind == _TOWNSHIP_KIND] or list(names.units)
    return list(names.units)


def _is_set() -> bool:
    return any(st.session_state.get(name) for name in PARAMETERS)


def _reset() -> None:
    for name in PARAMETERS:
        bound.store(name, "")
