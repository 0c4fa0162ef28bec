"""What is asked once is answered from memory: for every viewer, for this state of the data, in every language."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from sqlalchemy import event
from streamlit.testing.v1 import AppTest

from dashboard import agenda, cache, warm
from dashboard.frame import PAGES
from data_access import data_quality, lists, settings, supervision, texts, views
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter

ROOT = Path(__file__).resolve().parent.parent.parent
VIEWS: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...] = (
    (views.overview, ()),
    (views.trends, ("month", "channel")),
    (views.overdue, ()),
    (views.departments, ()),
    (views.resolution, ()),
    (supervision.supervision, ()),
    (lists.case_list, (lists.Question("registered"),)),
)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is remembered from another test, and nothing is left for the next."""
    monkeypatch.delenv("CASES_SETTINGS", raising=False)

    def forget() -> None:
        st.cache_resource.clear()
        st.cache_data.clear()
        settings.load.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture
def county(monkeypatch: pytest.MonkeyPatch, small_url: str, tmp_path: Path) -> CaseDatabase:
    """A demo county in a file of the test's own, as the dashboard has opened it."""
    file = shutil.copy(small_url.removeprefix("sqlite:///"), tmp_path / "cases.sqlite")
    monkeypatch.setenv("CASES_URL", f"sqlite:///{Path(file).as_posix()}")
    return cache.database()


@pytest.fixture
def statements(county: CaseDatabase) -> list[str]:
    """The statements that reach the database from here on."""
    said: list[str] = []

    @event.listens_for(county.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    return said


def plain(answer: Any) -> str:
    """All that an answer holds, written out: equal answers read the same, whatever pandas keeps beside them."""
    if is_dataclass(answer) and not isinstance(answer, type):
        return f"{type(answer).__name__}({[(one.name, plain(getattr(answer, one.name))) for one in fields(answer)]})"
    if isinstance(answer, pd.DataFrame):
        return f"frame({plain(answer.reset_index().to_dict('list'))})"
    if isinstance(answer, pd.Series):
        return f"series({plain(answer.reset_index().to_dict('list'))})"
    if isinstance(answer, dict):
        return f"{{{[(plain(key), plain(value)) for key, value in answer.items()]}}}"
    if isinstance(answer, list | tuple | np.ndarray):
        return f"[{[plain(value) for value in answer]}]"
    return repr(answer)


@pytest.mark.parametrize(("view", "arguments"), VIEWS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_second_viewer_costs_no_statement(
    view: Callable[..., Any], arguments: tuple[Any, ...], county: CaseDatabase, statements: list[str]
) -> None:
    first = cache.ask(view, cache.usual(county), *arguments)
    assert statements
    statements.clear()
    # Another viewer's filter is equal, not the same.
    second = cache.ask(view, replace(cache.usual(county)), *arguments)
    assert not statements
    assert plain(first) == plain(second)


def test_what_one_viewer_does_to_an_answer_is_not_seen_by_the_next(county: CaseDatabase) -> None:
    first = cache.ask(views.overview, cache.usual(county))
    columns = list(first.by_unit)
    del first.by_unit[columns[-1]]
    assert list(cache.ask(views.overview, cache.usual(county)).by_unit) == columns


def test_another_filter_and_another_question_are_asked(county: CaseDatabase, statements: list[str]) -> None:
    whole = cache.ask(views.overview, cache.usual(county))
    unit = next(iter(county.names.units))
    statements.clear()
    narrowed = cache.ask(views.overview, replace(cache.usual(county), unit=(unit,)))
    assert statements and narrowed.balance.registered < whole.balance.registered
    statements.clear()
    cache.ask(views.trends, cache.usual(county), "month", "channel")
    first = len(statements)
    cache.ask(views.trends, cache.usual(county), "quarter", "channel")
    assert len(statements) > first > 0


def slow(_connection: Any, _database: CaseDatabase, _case_filter: CaseFilter) -> int:
    """A view that says how often it has been computed."""
    CALLS.append(threading.get_ident())
    time.sleep(0.3)
    return len(CALLS)


CALLS: list[int] = []


def test_two_who_ask_the_same_at_once_compute_it_once(county: CaseDatabase) -> None:
    CALLS.clear()
    together, found = threading.Barrier(8), []

    def viewer() -> None:
        together.wait()
        found.append(cache.ask(slow, cache.usual(county)))

    viewers = [threading.Thread(target=viewer) for _ in range(8)]
    for one in viewers:
        one.start()
    for one in viewers:
        one.join()
    assert found == [1] * 8
    assert len(CALLS) == 1


def test_those_who_ask_something_else_do_not_wait(county: CaseDatabase) -> None:
    CALLS.clear()
    others = [replace(cache.usual(county), channel=(channel,)) for channel in ("letter", "visit", "phone", "online")]
    began = time.monotonic()
    viewers = [threading.Thread(target=cache.ask, args=(slow, other)) for other in others]
    for one in viewers:
        one.start()
    for one in viewers:
        one.join()
    assert len(CALLS) == 4
    assert time.monotonic() - began < 4 * 0.3


def _look_again() -> None:
    cache._looked_at.clear()  # as after `LOOK_AGAIN`


def test_new_data_are_asked_for_anew(county: CaseDatabase, statements: list[str]) -> None:
    then = cache.ask(views.overview, cache.usual(county)).balance.registered
    early, today = "registered_at < '2026-01-01' AND purpose <> 'accusation'", str(cache.default_as_of(county).date())
    moved = f"registered_at = '{today} 08:00:00.000000', updated_at = '{today} 23:59:59.000000'"
    with closing(sqlite3.connect(county.url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(
            f"UPDATE petition_case SET {moved} WHERE case_no = (SELECT max(case_no) FROM petition_case WHERE {early})"
        )
    statements.clear()
    assert cache.ask(views.overview, cache.usual(county)).balance.registered == then, "not looked at yet"
    assert not statements
    _look_again()
    assert cache.ask(views.overview, cache.usual(cache.database())).balance.registered == then + 1


def test_other_settings_are_other_questions(county: CaseDatabase) -> None:
    later = replace(county, settings=county.settings.model_copy(update={"county": "别的县"}))
    assert cache.version(later) != cache.version(county)


def test_without_a_moment_of_change_an_answer_lasts_five_minutes(
    monkeypatch: pytest.MonkeyPatch, minimal_url: str
) -> None:
    monkeypatch.setenv("CASES_URL", minimal_url)
    found = set()
    for minute in (0, 5):
        monkeypatch.setattr(cache, "now", lambda minute=minute: datetime(2026, 11, 24, 12, minute))
        found.add(cache.version(cache.database()))
    assert len(found) == 2
    assert cache.LOOK_AGAIN.total_seconds() * 2 <= 60, "docs/running.md: new data show within a minute"


def test_answers_are_bounded_in_bytes(county: CaseDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 200 * 1024**2
    assert cache.MOST_BYTES == "200MB"
    days = [replace(cache.usual(county), channel=(channel,)) for channel in ("letter", "visit", "phone")]
    CALLS.clear()
    for narrowed in days:
        cache.ask(large, narrowed)
    assert len(CALLS) == 3
    cache.ask(large, days[-1])
    assert len(CALLS) == 3, "the last is still known"
    cache.ask(large, days[0])
    assert len(CALLS) == 4, f"the first had to go: three of them are more than {limit} bytes"


def large(_connection: Any, _database: CaseDatabase, _case_filter: CaseFilter) -> bytes:
    """An answer of 90 MiB."""
    CALLS.append(0)
    return bytes(90 * 1024**2)


# Languages


Asked = dict[tuple[str, CaseFilter, tuple[Any, ...]], Callable[..., Any]]


def _spied(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What screens ask from here on."""
    asked: Asked = {}
    remembered = cache.remember

    def remember(view: Callable[..., Any], case_filter: CaseFilter, *arguments: Any) -> Any:
        asked[f"{view.__module__}.{view.__qualname__}", case_filter, arguments] = view
        return remembered(view, case_filter, *arguments)

    monkeypatch.setattr(cache, "remember", remember)
    return asked


def test_no_answer_holds_words_of_a_language(county: CaseDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question of every page and of every view of the wall, answered for one language and computed in others."""
    remembered = cache.remember
    asked = _spied(monkeypatch)
    for page in PAGES:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        at.switch_page(f"pages/{page}.py").run()
        assert not at.exception
    for view in agenda.VIEWS:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        at.query_params["present"], at.query_params["view"] = "1", view
        at.run()
        assert not at.exception
    assert len({name for name, _, _ in asked}) >= 20
    for (name, case_filter, arguments), view in asked.items():
        known = plain(remembered(view, case_filter, *arguments))
        for language in texts.LANGUAGES[1:]:
            texts.use(language)
            with county.reading() as connection:
                assert plain(view(connection, county, case_filter, *arguments)) == known, f"{name} answers in words"


def test_answers_about_the_database_hold_no_words_either(county: CaseDatabase) -> None:
    for view in (data_quality.standing, data_quality.standing_in_full):
        answers = []
        for language in texts.LANGUAGES:
            texts.use(language)
            st.cache_data.clear()
            answers.append(plain(cache.ask_database(view)))
        assert answers[0] == answers[1]


# Warming up


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm.time, "sleep", lambda _seconds: None)


@pytest.mark.usefixtures("_at_once")
def test_after_warming_up_the_first_viewer_costs_no_statement(county: CaseDatabase, statements: list[str]) -> None:
    known = warm.look(None)
    assert known and statements
    statements.clear()
    for view, arguments in warm.FIRST:
        cache.ask(view, cache.usual(county), *arguments)
    assert warm.look(known) == known
    assert not statements


@pytest.mark.usefixtures("_at_once")
def test_new_data_are_warmed_while_someone_is_there(county: CaseDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    known = warm.look(None)
    renewed = replace(county, version="another state of the data")
    monkeypatch.setattr(cache, "database", lambda: renewed)
    asked = _spied(monkeypatch)
    assert warm.look(known) == known, "nobody is there: the database rests"
    assert not asked
    cache.ask(views.trends, cache.usual(county), "month", "channel")
    asked.clear()
    assert warm.look(known) == (cache.version(renewed), cache.default_as_of(renewed))
    assert {name for name, _, _ in asked} >= {"data_access.views.overview", "data_access.views.trends"}


@pytest.mark.usefixtures("_at_once")
def test_a_database_that_is_away_is_tried_again(
    county: CaseDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = str(county.url)
    monkeypatch.setenv("CASES_URL", f"sqlite:///{tmp_path / 'away.sqlite'}")
    assert warm.look(None) is None
    monkeypatch.setenv("CASES_URL", here)
    assert warm.look(None) == (cache.version(county), cache.default_as_of(county))


@pytest.mark.usefixtures("_at_once")
def test_a_question_that_fails_stops_no_other(county: CaseDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_connection: Any, _database: CaseDatabase, _case_filter: CaseFilter) -> int:
        raise ValueError("no such thing")

    monkeypatch.setattr(warm, "FIRST", ((wrong, ()), (views.overview, ())))
    assert warm.look(None)
    monkeypatch.setattr(cache, "_answer", lambda *_, **__: pytest.fail("not known"))


def test_only_the_usual_questions_are_noted_and_not_without_end(county: CaseDatabase) -> None:
    cache.ask(views.overview, replace(cache.usual(county), channel=("letter",)))
    assert not cache.usual_questions()
    for number in range(cache.MOST_NOTED + 5):
        cache._take_note((views.overview, (number,)))
    assert len(cache.usual_questions()) == cache.MOST_NOTED


def test_nothing_is_warmed_unless_it_is_served(county: CaseDatabase) -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    assert not at.exception
    assert "warm" not in {thread.name for thread in threading.enumerate()}
