"""The data time of each page with nothing cached, beside a bare scan in the same run; memory; the naive page.

Each of the functions that take a URL runs in a process of its own, so that memory is that of the work alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import naive
from benchmarks.asked import ROOT, Asked, asked_by, bare_scan, quiet, rows_fetched, statements
from benchmarks.machine import Memory
from data_access.database import CaseDatabase, open_database
from data_access.engine import parsed
from data_access.filters import CaseFilter, county
from data_access.lists import Question, case_list
from data_access.settings import load

RUNS: Final = 7
LEAST_RUNS: Final = 3
Said = Callable[[str], None]


def record(url: str, period: str, pages: Sequence[str]) -> tuple[dict[str, list[Asked]], list[str]]:
    """What each page asks when it opens on this database, and a sentence for each page that fails."""
    _at_home()
    quiet()
    found, failed = {}, []
    for page in pages:
        try:
            found[page] = asked_by(url, page, period)
        except RuntimeError as error:
            failed.append(str(error))
    return found, failed


def pages(url: str, asked: dict[str, list[Asked]], runs: int, seconds: float, said: Said) -> dict[str, Any]:
    """Times and memory of the pages. At most about `seconds` a page are spent, on at least three runs."""
    _at_home()
    quiet()
    database, start = _opened(url)
    looks = [_seconds(lambda: open_database(url, load(), database)) for _ in range(3)]
    bare_scan(database)
    memory = Memory(_file(database))
    found: dict[str, Any] = {
        "open": start,
        "look": looks,
        "pages": {},
        "memory": {"at_start": memory.peak(), "peak": 0, "mapped": 0},
    }
    for page, calls in asked.items():
        said(page)
        memory.forget_peak()
        found["pages"][page] = _page(database, calls, runs, seconds) | {"peak": memory.peak()}
        found["memory"]["peak"] = max(found["memory"]["peak"], memory.peak())
        found["memory"]["mapped"] = max(found["memory"]["mapped"], memory.mapped())
    found["version"] = ".".join(map(str, getattr(database.engine.dialect, "server_version_info", None) or ()))
    return found


def _page(database: CaseDatabase, calls: Sequence[Asked], runs: int, seconds: float) -> dict[str, Any]:
    def ask() -> None:
        for call in calls:
            call.again(database)

    began = time.monotonic()
    with statements(database.engine) as ran:
        first = _seconds(ask)
    fetched = rows_fetched(database, ran)
    times, scans = _beside(database, ask, runs, seconds, began)
    return {
        "calls": [call.view for call in calls],
        "first": first,
        "times": times,
        "scans": scans,
        "statements": len(ran),
        "rows": fetched,
    }


def lists(url: str, runs: int, seconds: float, said: Said) -> dict[str, Any]:
    """Seconds of the first page of the list of overdue cases, as of the newest data and as of half a year before."""
    _at_home()
    quiet()
    database, _ = _opened(url)
    at = database.demo_as_of or database.newest_at
    assert at, "an empty database"
    found: dict[str, Any] = {}
    for name, as_of in (("now", at), ("past", at - timedelta(days=182))):
        case_filter = county(as_of, database.settings.period)

        def ask(case_filter: CaseFilter = case_filter) -> None:
            with database.reading() as connection:
                case_list(connection, database, case_filter, Question("overdue"))

        said(name)
        times, scans = _beside(database, ask, runs, seconds, time.monotonic())
        found[name] = {"times": times, "scans": scans}
    return found


def whole_table(url: str, runs: int, seconds: float, said: Said) -> dict[str, Any]:
    """The naive page's data time: the table read into pandas and grouped there, every time anew."""
    _at_home()
    quiet()
    database, _ = _opened(url)
    memory = Memory(_file(database))
    memory.forget_peak()
    at = database.demo_as_of or database.newest_at
    assert at, "an empty database"
    grouping: list[float] = []

    def ask() -> None:
        with database.reading() as connection:
            cases = naive.read(connection)
        start = time.perf_counter()
        naive.figures(cases, (at - timedelta(days=365)).date(), at)
        grouping.append(time.perf_counter() - start)

    said("naive")
    times, scans = _beside(database, ask, runs, seconds, time.monotonic())
    return {"times": times, "scans": scans, "grouping": median(grouping), "peak": memory.peak()}


def _beside(
    database: CaseDatabase, ask: Callable[[], None], runs: int, seconds: float, began: float
) -> tuple[list[float], list[float]]:
    """Seconds of `ask` and of the bare scan, by turns, so that noise hits both."""
    times: list[float] = []
    scans: list[float] = []
    while len(times) < runs and (len(times) < LEAST_RUNS or time.monotonic() - began < seconds):
        scans.append(_seconds(lambda: bare_scan(database)))
        times.append(_seconds(ask))
    return times, scans


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _opened(url: str) -> tuple[CaseDatabase, float]:
    start = time.perf_counter()
    database = open_database(url, load())
    return database, time.perf_counter() - start


def _file(database: CaseDatabase) -> Path | None:
    url = parsed(database.url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _at_home() -> None:
    """Streamlit looks for its configuration in the folder it is started from."""
    os.chdir(ROOT)
