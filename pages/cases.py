"""信访件: the cases behind any number; one case from registration to closing."""

import streamlit as st

from dashboard import bound, cache, case_view, frame, tables
from data_access import lists
from data_access.lists import ORDERS, PAGE, Question
from data_access.texts import text

database, case_filter = frame.begin_page()
asked = Question.parse(st.query_params.get("of", ""), st.query_params.get_all("at"))
bound.declare("sort", case_view.PLACE)
with st.container(horizontal=True, vertical_alignment="bottom"):
    search = st.text_input(text("cases.search"), key="no", bind="query-params", width=260)
    question = asked if asked.of or search else Question("registered")
    order = bound.selectbox(
        text("cases.order"), ORDERS, "sort", lambda key: text(f"cases.by_{key}"), ORDERS[0], width=180
    )
    descending = st.toggle(text("cases.descending"), key="desc", bind="query-params")

listing = case_view.Listing(question, case_filter, search, order, descending)
place, was_read = listing.place()
page = cache.ask(lists.case_list, case_filter, question, search, order, descending, PAGE, place)
frame.headline(case_view.heading(question, case_filter, database, page))
if not page.total:
    if search and not any(letter.isdigit() for letter in search):
        frame.say(text("cases.not_by_person"))
        st.stop()
    frame.nothing_here(True)
if not was_read:
    frame.say(text("cases.place_unknown"))
state = tables.case_table(page.rows, key="cases", pick=True, on_paper=25)
case_view.footer(page, listing, database)

chosen = state.selection.rows
if chosen or page.total == 1:
    number_of_case = page.rows.iloc[chosen[0] if chosen else 0]["case_no"]
    with st.container(key="story"):
        case_view.story(cache.ask(lists.case_story, case_filter, number_of_case), database)
else:
    frame.paper_ends()
    st.caption(text("cases.choose"))
