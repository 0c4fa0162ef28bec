"""Random filters for hypothesis: units, places, categories and codes of the demo county, periods, as-of moments."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from data_access import schema
from data_access.demo import CATEGORIES, TOWNSHIPS, UNITS
from data_access.filters import CaseFilter
from data_access.periods import Span

FIRST, LAST = dt.date(2021, 11, 20), dt.date(2026, 12, 10)
VALUES = {
    "unit": [unit[0] for unit in UNITS],
    "kind": schema.UNIT_KINDS,
    "township": [town[0] for town in TOWNSHIPS],
    "category": [category[0] for category in CATEGORIES],
    "channel": schema.CHANNELS,
    "level": schema.LEVELS,
    "repeat": ("first", "repeat"),
    "group": ("individual", "collective"),
    "track": schema.TRACKS,
}
days = st.dates(FIRST, LAST)


@st.composite
def moments(draw: st.DrawFn) -> dt.datetime:
    """The end of a day, or any second of it."""
    day = draw(days)
    if draw(st.booleans()):
        return dt.datetime.combine(day, dt.time(23, 59, 59))
    return dt.datetime.combine(day, draw(st.times())).replace(microsecond=0)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Days of any number, now and then from the beginning, a calendar month or a year."""
    end = draw(days)
    kind = draw(st.sampled_from(("any", "beginning", "month", "year")))
    if kind == "beginning":
        return Span(None, end)
    if kind == "month":
        following = (end.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
        return Span(end.replace(day=1), following - dt.timedelta(days=1))
    if kind == "year":
        return Span(dt.date(end.year, 1, 1), dt.date(end.year, 12, 31))
    start = draw(days)
    return Span(min(start, end), max(start, end))


@st.composite
def filters(draw: st.DrawFn, fields: tuple[str, ...] = tuple(VALUES)) -> CaseFilter:
    """A filter that narrows by none to three of `fields`."""
    narrowed = draw(st.lists(st.sampled_from(fields), max_size=3, unique=True))
    chosen = {
        key: tuple(draw(st.lists(st.sampled_from(VALUES[key]), min_size=1, max_size=4, unique=True)))
        for key in narrowed
    }
    return CaseFilter(draw(moments()), draw(spans()), "custom", **chosen)
