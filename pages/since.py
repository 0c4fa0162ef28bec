"""上次会议以来: the last meeting's decisions, and what changed in cases since; each number opens its cases."""

from datetime import timedelta

import streamlit as st

from dashboard import bound, cache, frame, since_view
from data_access import frozen, since
from data_access.texts import text

database, case_filter = frame.begin_page()
default, _ = cache.ask(since.last_meeting, case_filter)
bound.declare("then")
yesterday = case_filter.today - timedelta(days=1)
then = bound.day_of("then", default, last=yesterday)
copy = frozen.found(database, then)
view = cache.ask(since.changes_between, case_filter, then, since_view.made(copy))
frame.headline(since_view.message(view))
frame.sublines([since_view.source(view)])
bound.day(text("since.then"), "then", default, last=yesterday, width=260)

since_view.decisions(cache.ask(since.decisions, case_filter), database.names)

late, listed, other = st.columns(3, gap="large")
with late:
    since_view.links(text("since.late"), since_view.late_links(view))
with listed:
    since_view.links(text("since.listed"), since_view.listed_links(view))
with other:
    since_view.handled(view)

st.subheader(text("since.units"))
since_view.units(view, database.names, case_filter)
since_view.changed_records(view)
frame.say_missing(database, since.FLOWS)
since_view.say_missing(database)
