"""From any number or chart mark to the cases behind it, and back with the filter kept.

A drill never changes the filter: it is a link to the cases page with the parameters
`of` and `at`. A click on a mark or cell opens its cases in place first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import brief, cache, narrowing, tables
from dashboard.drawing import MARK, Drawing
from dashboard.frame import page_file
from data_access import lists
from data_access.filters import CaseFilter
from data_access.lists import Question
from data_access.texts import text

QuestionOf = Callable[[dict[str, Any]], Question | None]
IN_PLACE = 8


def question(of: str, part: str = "denominator", **at: str) -> Question:
    """`question("overdue", unit="D01")`: the cases behind one number of one group."""
    return Question(of, part, tuple((name, value) for name, value in at.items()))


def days(first: str, last: str) -> str:
    """The days of a clicked mark as a value of `days`; `first` empty for a stock figure."""
    return f"{first}..{last}"


def link(asked: Question, label: str) -> None:
    """A link to the cases behind a number; the filter in the URL stays."""
    st.page_link(page_file("cases"), label=label, query_params=asked.url())


def _serial(key: str) -> str:
    """The widget key of a chart or table; it changes when its dialog closes, which clears the selection."""
    return f"{key}.{st.session_state.get(f'{key}.closed', 0)}"


def chart(drawing: Drawing, key: str, message: str, question_of: QuestionOf, case_filter: CaseFilter) -> None:
    """Show a chart whose marks open their cases. `message` is its alternative text, and noted for the briefing.

    `question_of` gets the fields of the mark.
    """
    brief.note(message)
    small(drawing, key, message, question_of, case_filter)


def small(drawing: Drawing, key: str, message: str, question_of: QuestionOf, case_filter: CaseFilter) -> None:
    """The same for one of many small charts, too many to be noted."""
    state = st.vega_lite_chart(
        drawing.vega_lite(), key=_serial(key), on_select="rerun", selection_mode=MARK, alt=message
    )
    _follow(state, key, question_of, case_filter)


def _follow(state: Any, key: str, question_of: QuestionOf, case_filter: CaseFilter) -> None:
    marks = state.get("selection", {}).get(MARK) or []
    asked = question_of(marks[0]) if marks else None
    if asked:
        open_in_place(key, asked, case_filter)


def table(
    show: Callable[[str], Any], key: str, question_of: Callable[[int, str], Question | None], case_filter: CaseFilter
) -> None:
    """Show a table whose cells open their cases; `question_of` gets the row's position and the column."""
    state = show(_serial(key))
    cells = state.get("selection", {}).get("cells") or []
    asked = question_of(*cells[0]) if cells else None
    if asked:
        open_in_place(key, asked, case_filter)


def open_in_place(key: str, asked: Question, case_filter: CaseFilter) -> None:
    """The cases behind a number in a dialog, with two ways on: all of them, or the filter narrowed to them."""

    def closed() -> None:
        st.session_state[f"{key}.closed"] = st.session_state.get(f"{key}.closed", 0) + 1

    def narrow(parameters: dict[str, str]) -> None:
        closed()
        narrowing.take(parameters)

    @st.dialog(text("drill.title"), width="large", on_dismiss=closed)
    def dialog() -> None:
        page = cache.ask(lists.case_list, case_filter, asked)
        st.markdown(text("drill.count", n=page.total))
        tables.case_table(page.rows.head(IN_PLACE), key="in_place", height="content")
        with st.container(horizontal=True, vertical_alignment="center"):
            link(asked, text("drill.open_all", n=page.total))
            narrower = narrowing.of_question(asked)
            if narrower and st.button(text("drill.filter_by"), on_click=narrow, args=(narrower,), key=f"{key}.narrow"):
                st.rerun()

    dialog()
