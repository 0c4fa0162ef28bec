"""One bar at the top: period, as-of date, everything to narrow by, reset, language.

Every control is bound to a URL parameter of its own name, so that a link reproduces the
screen and Back goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import streamlit as st

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
    """The language of this run: the URL's, else the one chosen before, else the settings'."""
    chosen = st.session_state.get("lang") or st.query_params.get("lang") or default
    return chosen if chosen in texts.LANGUAGES else default


def filter_bar(database: CaseDatabase, default_language: str) -> CaseFilter:
    """Draw the bar and return what it says."""
    newest = default_as_of(database)
    with st.container(key="filter_bar", horizontal=True, vertical_alignment="bottom", gap="small"):
        preset = st.selectbox(
            text("filter.period"),
            PRESETS,
            index=PRESETS.index(DEFAULT_PRESET),
            format_func=lambda key: text(f"period.{key}"),
            key="period",
            bind="query-params",
            width=150,
        )
        as_of_day = st.date_input(
            text("filter.as_of"),
            value=newest.date(),
            min_value=(database.first_registered_at or newest).date(),
            max_value=max(newest.date(), (database.newest_at or newest).date()),
            key="as_of",
            bind="query-params",
            width=150,
        )
        as_of = newest if as_of_day == newest.date() else last_moment(as_of_day)
        span = _custom_span(as_of) if preset == "custom" else None
        chosen = _narrowing(database)
        st.button(text("filter.reset"), on_click=_reset, key="reset_filter", disabled=not _is_set())
        st.segmented_control(
            text("filter.language"),
            texts.LANGUAGES,
            default=default_language,
            format_func=lambda code: {"zh_CN": text("language.zh_CN"), "en": text("language.en")}[code],
            key="lang",
            bind="query-params",
            label_visibility="collapsed",
            required=True,
        )
    span = span or preset_span(preset, as_of.date(), database.settings.period)
    return CaseFilter(as_of=as_of, span=span, preset=preset, **chosen)


def _custom_span(as_of: datetime) -> Span:
    """The days of two more date fields; either order will do."""
    days = [
        st.date_input(text("filter.from"), value=date(as_of.year, 1, 1), key="from", bind="query-params", width=150),
        st.date_input(text("filter.to"), value=as_of.date(), key="to", bind="query-params", width=150),
    ]
    start, end = sorted(days)
    return Span(start, min(end, as_of.date() + timedelta(days=366)))


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
                values = st.multiselect(
                    text(f"filter.{key}"),
                    _options(key, names),
                    format_func=_words(key, names),
                    key=key,
                    bind="query-params",
                    placeholder=text("filter.all"),
                )
            chosen[key] = tuple(values)
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
    return any(name in st.query_params for name in PARAMETERS)


def _reset() -> None:
    for name in PARAMETERS:
        st.session_state.pop(name, None)
    for name in PARAMETERS:
        if name in FIELDS:
            st.session_state[name] = []
    st.session_state["period"] = DEFAULT_PRESET
