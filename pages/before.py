"""下次会议之前: what passes a deadline by the next meeting if nothing happens, by day, by unit, as a list."""

import streamlit as st

from dashboard import before_view, cache, drill, frame, late, tables
from data_access import before
from data_access.filters import sentence
from data_access.texts import text

database, case_filter = frame.begin_page()
meeting_on = before_view.meeting_day(case_filter.today, cache.ask(before.next_meeting, case_filter))
view = cache.ask(before.before, case_filter, meeting_on)
frame.headline(before_view.headline(view))
before_view.figures(view)
for words in before_view.notes(view, case_filter.today, database.settings.deadlines.closing_days):
    st.caption(words)

st.subheader(text("before.calendar"))
drill.chart(
    before_view.calendar(before_view.by_day(view)),
    "before_calendar",
    before_view.calendar_message(view),
    before_view.asked_on,
    case_filter,
)

st.subheader(text("before.units"))
if view.units.empty:
    st.success(text("before.nothing", day=meeting_on))
else:
    before_view.units(view, database.names, "before_units", case_filter)
    st.caption(text("before.units_note"))
frame.paper_ends()
before_view.explain(view, database)

st.subheader(text("before.list", n=view.page.total))
if view.page.total:
    asked = before_view.due_by(view)
    tables.case_table(view.page.rows, key="list_before", columns=late.LIST_COLUMNS)
    with st.container(horizontal=True, vertical_alignment="center"):
        if view.page.total > len(view.page.rows):
            drill.link(asked, text("overdue.open_list", n=view.page.total))
        late.downloads("before", case_filter, sentence(case_filter, database.names), asked)
else:
    st.caption(text("overdue.list_empty"))
frame.say_missing(database, ("overdue", "acceptance_overdue"))
