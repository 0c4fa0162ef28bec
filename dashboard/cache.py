"""The open database and the answers it has given, shared by all viewers of this process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any, Final, TypeVar

import streamlit as st

from data_access import location, settings
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter, county

Answer = TypeVar("Answer")
LOOK_AGAIN: Final = timedelta(seconds=30)
"""How long the look of a database (names, newest change) is trusted before it is taken again.

For as long again the old one serves while the new one is taken, so that nobody waits for it.
"""
NOW_STEP: Final = timedelta(minutes=5)
"""Now is floored to this, so that answers can be reused."""
KEPT: Final = timedelta(hours=1)
MOST_BYTES: Final = "200MB"
"""Of all answers together; those asked for least recently go first."""

MOST_NOTED: Final = 100
AT_ONCE: Final = max(2, os.cpu_count() or 1)
"""So many answers are computed at the same time; the others wait in line.

More would only take longer together and hold the memory of all: without a line, fifty viewers on a million cases
brought a process on DuckDB to 3.6 GB. An engine has fifteen connections at most.
"""
_turn: Final = BoundedSemaphore(AT_ONCE)

Question = tuple[Callable[..., Any], tuple[Any, ...]]
Version = tuple[str, int, str, datetime | None]


def now() -> datetime:
    """Local time, floored to five minutes."""
    local = datetime.now(settings.load().zone).replace(tzinfo=None)
    return datetime.min + (local - datetime.min) // NOW_STEP * NOW_STEP


def database() -> CaseDatabase:
    """The case database in use; the demo county where nothing is configured. Raises Problem."""
    location.ensure_demo(now())
    return _looked_at(location.default_url(), settings.load())


@st.cache_resource(show_spinner=False)
def _known() -> dict[str, CaseDatabase]:
    """The last look at each database of this process."""
    return {}


@st.cache_resource(ttl=LOOK_AGAIN, max_entries=4, show_spinner=False, refresh_mode="background")
def _looked_at(url: str, _settings: settings.Settings) -> CaseDatabase:
    found = open_database(url, _settings, _known().get(url))
    _known()[url] = found
    return found


def default_as_of(cases: CaseDatabase) -> datetime:
    """What the screen is as of unless someone chooses: the demo's newest data, else now."""
    return cases.demo_as_of or now()


def usual(cases: CaseDatabase) -> CaseFilter:
    """What the screen shows unless someone chooses: the whole county in the usual period."""
    return county(default_as_of(cases), cases.settings.period)


@st.cache_resource(show_spinner=False)
def usual_questions() -> dict[Question, float]:
    """What viewers have asked about the whole county in the usual period, and when (`time.monotonic`)."""
    return {}


def ask(view: Callable[..., Answer], case_filter: CaseFilter, *arguments: Any) -> Answer:
    """The answer of `view` (of `data_access.views` or `lists`) for the filter, from memory where it is known."""
    if case_filter == usual(database()):
        _take_note((view, arguments))
    return remember(view, case_filter, *arguments)


def _take_note(question: Question) -> None:
    noted = usual_questions()
    noted.pop(question, None)  # to the end: the last asked stands last
    noted[question] = time.monotonic()
    if len(noted) > MOST_NOTED:
        noted.pop(next(iter(noted)), None)


def remember(view: Callable[..., Answer], case_filter: CaseFilter, *arguments: Any) -> Answer:
    """The same without taking note that a viewer has asked.

    Two who ask the same at the same time compute it once: Streamlit holds a lock for each question.
    """
    cases = database()
    name = f"{view.__module__}.{view.__qualname__}"
    answer: Answer = _answer(name, version(cases), case_filter, arguments, _view=view, _database=cases)
    return answer


def version(cases: CaseDatabase) -> Version:
    """What answers are remembered by beside the question: the database, its state and the settings.

    Without a moment of change in the data, for five minutes only. Not by language: answers hold codes and numbers.
    """
    until = None if cases.has("updated_at") or cases.extracted_at else now()
    return cases.url, hash(cases.settings), cases.version, until


@st.cache_data(max_size=MOST_BYTES, ttl=KEPT, show_spinner=False)
def _answer(
    name: str,
    version: Version,
    case_filter: CaseFilter,
    arguments: tuple[Any, ...],
    *,
    _view: Callable[..., Any],
    _database: CaseDatabase,
) -> Any:
    with _turn, _database.reading() as connection:
        return _view(connection, _database, case_filter, *arguments)


def ask_database(view: Callable[..., Answer]) -> Answer:
    """The answer of a view that takes no filter."""
    cases = database()
    answer: Answer = _about(f"{view.__module__}.{view.__qualname__}", version(cases), view, cases)
    return answer


@st.cache_data(max_entries=20, ttl=KEPT, show_spinner=False)
def _about(name: str, version: Version, _view: Callable[..., Any], _database: CaseDatabase) -> Any:
    with _turn, _database.reading() as connection:
        return _view(connection, _database)
