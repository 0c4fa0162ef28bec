"""The dashboard: page frame, navigation and filter bar; `streamlit run app.py`."""

import logging

import streamlit as st

from dashboard import ask, bound, cache, compare, drill, filter_bar, frame, narrowing, present
from data_access import settings, texts
from data_access.problems import Problem

LOG = logging.getLogger("petition_dashboard")


def main() -> None:
    """One run of the app for one viewer."""
    try:
        default_language = settings.load().language
    except Problem as problem:
        frame.setup()
        st.navigation(frame.navigation(), position="hidden")
        frame.stop_with(problem)
    texts.use(filter_bar.choose_language(default_language))
    frame.setup()
    on_the_wall = present.is_on()
    page = st.navigation(frame.navigation(), position="hidden" if on_the_wall else "top")
    try:
        database = cache.database()
        bound.declare("lang", *narrowing.PARAMETERS, *present.PARAMETERS, *compare.PARAMETERS)
        case_filter = filter_bar.read(database)
        if on_the_wall:
            present.show(database, case_filter, page.url_path)
            return
        present.clear()
        filter_bar.draw(database, case_filter, default_language)
        frame.filter_line(case_filter, database, lambda: filter_bar.draw_chips(case_filter, database))
        question = ask.asked()
        with frame.inside_app(case_filter, page.title):
            page.run()
        if question:
            drill.open_in_place(ask.KEY, question, case_filter)
    except Problem as problem:
        frame.stop_with(problem)
    except Exception:
        LOG.exception("a page failed")
        frame.stop_with(Problem("unexpected"))


main()
