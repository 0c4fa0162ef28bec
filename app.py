"""The dashboard: page frame, navigation and filter bar; `streamlit run app.py`."""

import logging

import streamlit as st

from dashboard import cache, filter_bar, frame
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
    page = st.navigation(frame.navigation(), position="top")
    try:
        database = cache.database()
        case_filter = filter_bar.filter_bar(database, default_language)
        frame.filter_line(case_filter, database)
        with frame.inside_app(case_filter):
            page.run()
    except Problem as problem:
        frame.stop_with(problem)
    except Exception:
        LOG.exception("a page failed")
        frame.stop_with(Problem("unexpected"))


main()
