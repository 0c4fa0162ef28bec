"""督办销号: what is listed and signed off, instructed, owned, reminded; long-standing cases; ratings; procedure."""

import streamlit as st

from dashboard import cache, frame, supervised
from data_access import supervision
from data_access.texts import text

database, case_filter = frame.begin_page()
view = cache.ask(supervision.supervision, case_filter)
frame.nothing_here(view.is_empty)
context = supervised.Context(view, database, case_filter)
frame.headline(supervised.message(view))

if view.balance is not None:
    supervised.strip(context)
    months, units = st.columns([3, 2], gap="large")
    with months:
        supervised.months(context)
    with units:
        supervised.by_unit(context)
    frame.paper_ends()
    supervised.oldest(context)

frame.paper_ends()
supervised.instructed(context)

tabs = {
    "posts": supervised.posts,
    "slips": supervised.slips,
    "checklist": supervised.checklist,
    "backlog": supervised.backlog,
    "ratings": supervised.ratings,
    "levels": supervised.levels,
    "procedure": supervised.procedure,
    "assisting_units": supervised.assisting,
}
for tab, part in zip(st.tabs([text(f"supervision.tab_{name}") for name in tabs]), tabs.values(), strict=True):
    with tab:
        part(context)
frame.say_missing(database, supervision.KEYS)
