"""What a page asks the database: found by running the page, so that no question is forgotten.

`dashboard.cache` remembers answers in two functions. Here they note what they are asked
while Streamlit's AppTest runs the real app, and later do the same work again without remembering.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event, select
from sqlalchemy import func as sql

from data_access.database import CaseDatabase
from data_access.dialect import day_of
from data_access.location import VARIABLE

ROOT: Final = Path(__file__).resolve().parent.parent
REMEMBERING: Final = ("_answer", "_about")
"""The functions of `dashboard.cache` that every question of a page goes through."""
PAGES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "overview": ("overview", {}),
    "since": ("since", {}),
    "trends": ("trends", {}),
    "overdue": ("overdue", {}),
    "before": ("before", {}),
    "resolution": ("resolution", {}),
    "departments": ("departments", {}),
    "supervision": ("supervision", {}),
    "cases": ("cases", {}),
    "definitions": ("definitions", {}),
    "definitions: data": ("definitions", {"part": "data"}),
    "definitions: database": ("definitions", {"part": "database"}),
}
"""Each page as it opens, with its parameters; the definitions page also with the parts that ask something."""
PATIENCE: Final = 3600


@dataclass(frozen=True)
class Asked:
    """One call of a function of `dashboard.cache`; the database is left out."""

    function: str
    positional: tuple[Any, ...]
    named: dict[str, Any]

    @property
    def view(self) -> str:
        """The name of the function that answers."""
        return next(str(value.__name__) for value in (*self.positional, *self.named.values()) if callable(value))

    def again(self, database: CaseDatabase) -> Any:
        """The answer, worked out as the cache does where it knows none."""
        from dashboard import cache

        def own(value: Any) -> Any:
            return database if isinstance(value, _TheDatabase) else value

        work: Callable[..., Any] = getattr(cache, self.function).__wrapped__
        return work(*map(own, self.positional), **{name: own(value) for name, value in self.named.items()})


class _TheDatabase:
    """Stands for the open database in what is kept of a call."""


def quiet() -> None:
    """For a process of its own: outside of a running app Streamlit warns about every cache and context it misses."""
    logging.disable(logging.WARNING)


@contextmanager
def listening() -> Iterator[list[Asked]]:
    """Note what is asked of `dashboard.cache` meanwhile."""
    from dashboard import cache

    found: list[Asked] = []
    originals = {name: getattr(cache, name) for name in REMEMBERING}

    def noting(name: str) -> Callable[..., Any]:
        def note(*positional: Any, **named: Any) -> Any:
            found.append(
                Asked(name, tuple(map(_kept, positional)), {key: _kept(value) for key, value in named.items()})
            )
            return originals[name](*positional, **named)

        return note

    for name in REMEMBERING:
        setattr(cache, name, noting(name))
    try:
        yield found
    finally:
        for name, original in originals.items():
            setattr(cache, name, original)


def _kept(value: Any) -> Any:
    return _TheDatabase() if isinstance(value, CaseDatabase) else value


def asked_by(url: str, page: str, period: str) -> list[Asked]:
    """What a page asks when it opens on a database with a period; raises RuntimeError where it fails."""
    from streamlit.testing.v1 import AppTest

    name, parameters = PAGES[page]
    with _using(url), listening() as found:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE)
        for key, value in {"period": period, **parameters}.items():
            app.query_params[key] = value
        app.switch_page(f"pages/{name}.py")
        app.run()
    if app.exception or app.error:
        raise RuntimeError(f"{page}: {[each.value for each in (*app.exception, *app.error)]}")
    return found


@contextmanager
def _using(url: str) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = url
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements that reach the database meanwhile, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement != "BEGIN":  # SQLite's, which is ours to write
            found.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def rows_fetched(database: CaseDatabase, ran: Sequence[tuple[str, Any]]) -> int:
    """How many rows these statements bring back, by running them once more."""
    with database.reading() as connection:
        answers = (connection.exec_driver_sql(statement, parameters) for statement, parameters in ran)
        return sum(sum(1 for _ in answer) for answer in answers if answer.returns_rows)


def bare_scan(database: CaseDatabase) -> tuple[int, int]:
    """One bare grouped scan: all cases counted by day of registration and responsible unit.

    The groups are formed in the database and only their number and their sum come back, so that
    the time is that of the scan. Every page's time is given as a multiple of it.
    """
    cases = database.read("petition_case")
    group = day_of(cases.registered_at).label("day"), cases.lead_unit_id.label("unit")
    groups = select(*group, sql.count().label("n")).group_by(*group).subquery()
    with database.reading() as connection:
        number, total = connection.execute(select(sql.count(), sql.sum(groups.c.n))).one()
    return int(number), int(total)
