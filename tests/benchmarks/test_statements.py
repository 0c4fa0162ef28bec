"""How many statements a page sends and how many rows it fetches; that neither grows with the data. No seconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import pytest
import streamlit as st

from benchmarks.asked import PAGES, Asked, asked_by, rows_fetched, statements
from dashboard.frame import PAGES as OF_THE_APP
from data_access import settings
from data_access.database import CaseDatabase, open_database
from data_access.demo import make_demo

AS_OF: Final = date(2026, 11, 24)
SIZES: Final = (2_000, 8_000)
MOST_STATEMENTS: Final = {
    "overview": {"sqlite": 21, "duckdb": 17},
    "since": {"sqlite": 17, "duckdb": 16},
    "trends": {"sqlite": 11, "duckdb": 11},
    "overdue": {"sqlite": 12, "duckdb": 11},
    "before": {"sqlite": 6, "duckdb": 6},
    "resolution": {"sqlite": 27, "duckdb": 23},
    "departments": {"sqlite": 20, "duckdb": 9},
    "supervision": {"sqlite": 60, "duckdb": 30},
    "cases": {"sqlite": 3, "duckdb": 3},
    "definitions": {"sqlite": 0, "duckdb": 0},
    "definitions: data": {"sqlite": 14, "duckdb": 11},
    "definitions: database": {"sqlite": 14, "duckdb": 14},
}
"""The most a page may send when it opens. Lower a limit when a page needs fewer; raise none without a reason."""
ROWS_GROW_BY: Final = 3.5
"""The most that a statement's rows may grow by for four times the cases: groups by day and unit fill up, but a
statement that fetches cases brings four times as many."""
FEW_ROWS: Final = 101  # a page of a list, and one to see whether there are more

Databases = dict[tuple[str, int], CaseDatabase]
Sent = dict[tuple[str, int], dict[str, list[tuple[str, Any]]]]


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The demo county by engine and size."""
    folder = tmp_path_factory.mktemp("sizes")
    found = {}
    for engine in ("sqlite", "duckdb"):
        for cases in SIZES:
            url = f"{engine}:///{(folder / f'{cases}.{engine}').as_posix()}"
            make_demo(url, cases=cases, seed=7, as_of=AS_OF)
            found[engine, cases] = open_database(url, settings.load())
    yield found
    for database in found.values():
        database.engine.dispose()


@pytest.fixture(scope="module")
def asked(databases: Databases) -> Iterator[dict[str, list[Asked]]]:
    """What each page asks when it opens."""
    st.cache_resource.clear()
    st.cache_data.clear()
    url = databases["sqlite", SIZES[0]].url
    yield {page: asked_by(url, page, "last_12_months") for page in PAGES}
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture(scope="module")
def sent(databases: Databases, asked: dict[str, list[Asked]]) -> Sent:
    """The statements of each page, by engine and size."""
    return {
        place: {page: _sent(database, calls) for page, calls in asked.items()} for place, database in databases.items()
    }


def _sent(database: CaseDatabase, calls: list[Asked]) -> list[tuple[str, Any]]:
    with statements(database.engine) as found:
        for call in calls:
            call.again(database)
    return found


def test_every_page_is_measured() -> None:
    assert {page for page, _ in PAGES.values()} == set(OF_THE_APP)
    assert MOST_STATEMENTS.keys() == PAGES.keys()


def test_pages_ask_through_the_cache(asked: dict[str, list[Asked]]) -> None:
    silent = [page for page, calls in asked.items() if not calls]
    assert silent == ["definitions"], "the benchmark would measure nothing"


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_few_statements_at_any_size(sent: Sent, engine: str) -> None:
    few, many = ({page: len(ran) for page, ran in sent[engine, size].items()} for size in SIZES)
    assert {page: n for page, n in few.items() if n > MOST_STATEMENTS[page][engine]} == {}
    assert few == many, "a statement for each thing found"


def test_no_statement_fetches_cases(databases: Databases, sent: Sent) -> None:
    few, many = (
        {
            (page, place): rows_fetched(databases["sqlite", size], [statement])
            for page, ran in sent["sqlite", size].items()
            for place, statement in enumerate(ran)
        }
        for size in SIZES
    )
    assert few.keys() == many.keys()
    assert {at: (few[at], n) for at, n in many.items() if n > max(FEW_ROWS, ROWS_GROW_BY * few[at])} == {}
