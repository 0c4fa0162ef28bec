"""The open database and the answers it has given, shared by all viewers of this process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import streamlit as st

from data_access import location, settings
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter

Answer = TypeVar("Answer")
LOOK_AGAIN: Final = timedelta(minutes=1)
"""How long the look of a database (names, newest change) is trusted before it is taken again."""
NOW_STEP: Final = timedelta(minutes=5)
"""Now is floored to this, so that answers can be reused."""


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


@st.cache_resource(ttl=LOOK_AGAIN, max_entries=4, show_spinner=False)
def _looked_at(url: str, _settings: settings.Settings) -> CaseDatabase:
    found = open_database(url, _settings, _known().get(url))
    _known()[url] = found
    return found


def default_as_of(cases: CaseDatabase) -> datetime:
    """What the screen is as of unless someone chooses: the demo's newest data, else now."""
    return cases.demo_as_of or now()


def ask(view: Callable[..., Answer], case_filter: CaseFilter, *arguments: Any) -> Answer:
    """The answer of `view` (of `data_access.views` or `lists`) for the filter, from memory where it is known."""
    cases = database()
    name = f"{view.__module__}.{view.__qualname__}"
    answer: Answer = _answer(name, _version(cases), case_filter, arguments, _view=view, _database=cases)
    return answer


def _version(cases: CaseDatabase) -> tuple[str, str, datetime | None]:
    """What answers are remembered by; without a moment of change in the data, for five minutes only."""
    return cases.url, cases.version, None if cases.has("updated_at") or cases.extracted_at else now()


@st.cache_data(max_entries=400, ttl=timedelta(hours=1), show_spinner=False)
def _answer(
    name: str,
    version: tuple[str, str, datetime | None],
    case_filter: CaseFilter,
    arguments: tuple[Any, ...],
    *,
    _view: Callable[..., Any],
    _database: CaseDatabase,
) -> Any:
    with _database.reading() as connection:
        return _view(connection, _database, case_filter, *arguments)


def ask_database(view: Callable[..., Answer]) -> Answer:
    """The answer of a view that takes no filter."""
    cases = database()
    answer: Answer = _about(f"{view.__module__}.{view.__qualname__}", _version(cases), view, cases)
    return answer


@st.cache_data(max_entries=20, ttl=timedelta(hours=1), show_spinner=False)
def _about(
    name: str, version: tuple[str, str, datetime | None], _view: Callable[..., Any], _database: CaseDatabase
) -> Any:
    with _database.reading() as connection:
        return _view(connection, _database)
