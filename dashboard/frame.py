"""The frame around every page: navigation, the gate that no deep link can pass, what is missing.

Streamlit runs a deep link into `pages/` as that script alone until a first session has
called `st.navigation`. `inside_app` and `begin_page` close that hole: a page that was not
started by `app.py` sends the session to it, or stops.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from dashboard import brief, cache, look, theme
from dashboard.words import label
from data_access import queries, settings
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter, sentence
from data_access.indicators import MEASURES
from data_access.problems import Problem
from data_access.texts import text

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = (
    "overview",
    "since",
    "trends",
    "overdue",
    "before",
    "resolution",
    "departments",
    "supervision",
    "cases",
    "definitions",
)
"""The pages in the order of a meeting; each is `pages/<name>.py` and its URL is `/<name>`."""

Item = TypeVar("Item")
MARKDOWN: Final = r"\`*_{}[]()#+-.!|<>~$:"

_app_is_running: ContextVar[bool] = ContextVar("app_is_running", default=False)
_filter: ContextVar[CaseFilter | None] = ContextVar("case_filter", default=None)
_beside_filter: ContextVar[Any] = ContextVar("beside_filter", default=None)


def page_file(name: str) -> str:
    """The script of a page, as Streamlit names it."""
    return f"pages/{name}.py"


def navigation() -> Sequence[object]:
    """The table of pages, with their titles in the language in use; the first answers to / and to its own name."""
    return [
        st.Page(_home, title=text(f"page.{PAGES[0]}"), url_path="home", default=True, visibility="hidden"),
        *(st.Page(page_file(name), title=text(f"page.{name}"), url_path=name) for name in PAGES),
    ]


def _home() -> None:
    """The first page at the root: a default page answers to no other URL, so it cannot be listed as itself."""
    runpy.run_path(str(ROOT / page_file(PAGES[0])))


@contextmanager
def inside_app(case_filter: CaseFilter, title: str) -> Iterator[None]:
    """Let the page of that title run: only inside this does `begin_page` let it go on."""
    running, chosen = _app_is_running.set(True), _filter.set(case_filter)
    try:
        with brief.collecting() as notes:
            yield
            _offer_brief(title, case_filter, notes)  # not where the page has stopped: nothing can be drawn after it
    finally:
        _app_is_running.reset(running)
        _filter.reset(chosen)


def _offer_brief(title: str, case_filter: CaseFilter, notes: Sequence[str]) -> None:
    """Fill the place beside the filter sentence with the button that copies what the page has said."""
    place = _beside_filter.get()
    if not notes or place is None:
        return
    database = cache.database()
    source = text("frame.demo") if database.demo_as_of else text("brief.database", county=_county())
    opening = (title, sentence(case_filter, database.names), text("brief.source", source=source))
    with place:
        brief.button(brief.briefing(opening, notes))


def begin_page() -> tuple[CaseDatabase, CaseFilter]:
    """First line of every page: the database and the filter. Stops where there is nothing to show."""
    chosen = _filter.get()
    if not _app_is_running.get() or chosen is None:
        # Many sessions may have begun as bare pages at once: each is sent to the app once, whoever was first.
        PagesManager.uses_pages_directory = False
        if not st.session_state.get("sent_to_app"):
            st.session_state["sent_to_app"] = True
            st.rerun()
        st.stop()
    database = cache.database()
    if database.newest_at is None:
        say(text("empty.database"))
        st.stop()
    return database, chosen


def filter_line(case_filter: CaseFilter, database: CaseDatabase, chips: Callable[[], None]) -> None:
    """The active filter in one sentence, and whether this is the demo county; with chips and buttons."""
    words = escape(sentence(case_filter, database.names))
    demo = f"<b>{escape(text('frame.demo'))}</b> " if database.demo_as_of else ""
    made_at = database.extracted_at
    age = escape(text("filter.joint") + text("frame.extracted", at=made_at)) if made_at else ""
    with st.container(key="filter_line", horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="filter-sentence" id="filter-sentence">{demo}{words}{age}</div>', width="content")
        chips()
        st.space("stretch")
        _beside_filter.set(st.container(width="content"))
        look.switch(PAGES)
    name = text("frame.demo") if database.demo_as_of else urlsplit(database.shown_url).path.rpartition("/")[-1]
    st.html(f'<p class="only-paper">{escape(text("frame.source", database=name))}</p>')


def headline(words: str) -> None:
    """The page's message in one sentence."""
    brief.note(words)
    st.html(f'<h1 class="headline">{escape(words)}</h1>')


def sublines(sentences: Sequence[str]) -> None:
    """Sentences that go with the page's message, if there are any."""
    for words in sentences:
        brief.note(words)
    if sentences:
        st.html(f'<p class="subline">{"<br>".join(escape(words) for words in sentences)}</p>')


def plain(words_of_data: object) -> str:
    """Words from the database with everything that Markdown would act on escaped."""
    return "".join(f"\\{letter}" if letter in MARKDOWN else letter for letter in str(words_of_data))


def grid(items: Iterable[Item], columns: int) -> Iterator[tuple[Any, Item]]:
    """The items with a column of the page for each, row by row."""
    row: Sequence[Any] = ()
    for position, item in enumerate(items):
        if position % columns == 0:
            row = st.columns(columns, gap="medium")
        yield row[position % columns], item


def say(words: str) -> None:
    """A sentence where figures would stand."""
    st.info(words)


def nothing_here(is_empty: bool) -> None:
    """Stop with a sentence where the filter leaves no case."""
    if is_empty:
        say(text("empty.filter"))
        st.stop()


def say_missing(database: CaseDatabase, keys: Sequence[str]) -> None:
    """Name the figures of this page that the database cannot feed, and the columns it lacks."""
    for key in dict.fromkeys(keys):
        if not queries.can_feed(database, key):
            lacking = [name for name in MEASURES[key].needs if not database.has(name)]
            st.caption(text("missing.indicator", name=label(key), columns=", ".join(lacking)))


def remark(words: str) -> None:
    """A small sentence under a chart, for the screen: on paper the picture says it."""
    st.html(f'<p class="remark">{escape(words)}</p>')


def paper_ends() -> None:
    """What follows in this column of the page is for the screen: a printed page is one sheet."""
    st.html('<span class="paper-ends"></span>')


def stop_with(problem: Problem) -> None:
    """Show what was wrong and what to do, instead of a page."""
    st.error("  \n".join(plain(line) for line in str(problem).splitlines()))
    st.stop()


def setup() -> None:
    """Page configuration and style; the first Streamlit call of a run."""
    st.set_page_config(
        page_title=text("app.title", county=_county()), page_icon=str(ROOT / "static" / "favicon.svg"), layout="wide"
    )
    st.html(theme.css())


def _county() -> str:
    try:
        return settings.load().county
    except Problem:
        return ""
