"""The quick filter: a field for typed words, and the filters they may mean."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from dashboard import narrowing
from data_access import phrases
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.lists import Question
from data_access.texts import language, text, use

KEY: Final = "ask"
FOLDER: Final = Path(__file__).parent / "browser"
_ASKED: Final = "asked_in_words"
_TAKEN: Final = "taken_in_words"

_mount = st.components.v2.component(
    "petition_ask",
    css=(FOLDER / "ask.css").read_text(encoding="utf-8"),
    js=(FOLDER / "ask.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def box(database: CaseDatabase, case_filter: CaseFilter, *, large: bool = False) -> None:
    """The field; `large` for the wall, where it lies over the view until it is called with `/`."""
    _box(database, case_filter, language(), large)


@st.fragment
def _box(database: CaseDatabase, case_filter: CaseFilter, speaking: str, large: bool) -> None:
    use(speaking)  # a fragment runs without the app around it
    typed = str(st.session_state.get(KEY, {}).get("typed") or "")
    reading = phrases.propose(typed, database, case_filter.as_of.date())

    def took() -> None:
        place = str(st.session_state[KEY].get("take") or "")
        if place.isdigit() and int(place) < len(reading.proposals):
            proposal = reading.proposals[int(place)]
            narrowing.take(dict(proposal.parameters))
            st.session_state[_ASKED] = proposal.question
            st.session_state[_TAKEN] = True

    _mount(
        key=KEY,
        data={
            "typed": typed,
            "proposals": [proposal.words for proposal in reading.proposals],
            "note": _note(typed, reading),
            "large": large,
            "words": {
                "placeholder": text("ask.placeholder"),
                "label": text("ask.label"),
                "list": text("ask.proposals"),
            },
        },
        on_typed_change=lambda: None,
        on_take_change=took,
    )
    if st.session_state.pop(_TAKEN, False):
        st.rerun()


def _note(typed: str, reading: phrases.Reading) -> str:
    """What to say where nothing, or not everything, was understood."""
    if reading.unknown:
        return text("ask.unknown", words=text("common.comma").join(reading.unknown))
    return text("ask.nothing") if typed and not reading.proposals else ""


def asked() -> Question | None:
    """The list that the last taken proposal asks for, once."""
    question: Question | None = st.session_state.pop(_ASKED, None)
    return question
