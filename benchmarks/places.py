"""The databases that are measured: made once, streamed, and used again."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from data_access import demo, schema
from data_access.engine import parsed, reading_engine, writing_engine
from data_access.problems import Problem
from data_access.settings import load

ENGINES: Final = ("duckdb", "postgresql", "sqlite")
POSTGRES: Final = "CASES_BENCH_POSTGRES"
SEED: Final = 7
AS_OF: Final = date(2026, 11, 24)
BYTES_A_CASE: Final = {"sqlite": 2800, "duckdb": 850}
"""About what the file of an engine needs, indexes included, to say so before the disk is full."""


class Unusable(Exception):
    """A database that cannot be made or read, in a sentence that says what to do."""


@dataclass(frozen=True)
class Place:
    """A database to measure. `seconds`: what making it took, None where someone else made it."""

    engine: str
    cases: int
    url: str
    seconds: float | None = None

    @property
    def name(self) -> str:
        """What its results are called."""
        return f"{self.engine}-{self.cases}"


def named(url: str) -> Place:
    """The place of a database that exists; its size is counted. Raises Unusable."""
    return Place(parsed(url).get_backend_name(), _count(url), url)


def made(
    engine: str, cases: int, folder: Path, server: str | None, progress: Callable[[int, int], None] | None = None
) -> Place:
    """A demo county of that size on that engine: the one made earlier, else a new one. Raises Unusable."""
    url = _url(engine, cases, folder, server)
    stamp = folder / f"made-{engine}-{cases}.json"
    if stamp.is_file():
        known = json.loads(stamp.read_text(encoding="utf-8"))
        try:
            if known["makers"] == _makers() and _count(url) == cases:
                return Place(engine, cases, url, known["seconds"])
        except Unusable:
            pass  # gone since: made anew
        stamp.unlink()
    _room_for(engine, cases, folder)
    if engine == "postgresql":
        _create(server or "", f"cases_bench_{cases}")
    else:
        for left in folder.glob(f"{engine}-{cases}.db*"):  # of a run that was stopped
            left.unlink()
    start = time.perf_counter()
    try:
        demo.make_demo(url, as_of=AS_OF, cases=cases, seed=SEED, progress=progress)
    except Problem as problem:
        raise Unusable(str(problem)) from problem
    seconds = time.perf_counter() - start
    stamp.write_text(json.dumps({"seconds": seconds, "makers": _makers()}), encoding="utf-8")
    return Place(engine, cases, url, seconds)


def size_of(place: Place) -> int | None:
    """Bytes on disk, indexes included."""
    url = parsed(place.url)
    if place.engine == "postgresql":
        engine = reading_engine(place.url, load())
        with engine.connect() as connection:
            found = connection.execute(text("SELECT pg_database_size(current_database())")).scalar()
        engine.dispose()
        return int(found or 0)
    file = Path(url.database or "")
    return file.stat().st_size if file.is_file() else None


def _makers() -> str:
    """A mark of the code that makes a database: another schema or demo, another database."""
    text_of = (Path(module.__file__ or "").read_text(encoding="utf-8") for module in (schema, demo))
    return hashlib.sha256("".join(text_of).encode()).hexdigest()[:16]


def _url(engine: str, cases: int, folder: Path, server: str | None) -> str:
    if engine != "postgresql":
        return f"{engine}:///{(folder / f'{engine}-{cases}.db').resolve().as_posix()}"
    if not server:
        raise Unusable(
            f"No PostgreSQL: set {POSTGRES} or --postgres to postgresql://user:password@host:port/database, "
            "whose user may create databases (CREATE ROLE bench LOGIN CREATEDB PASSWORD '…')."
        )
    return parsed(server).set(database=f"cases_bench_{cases}").render_as_string(hide_password=False)


def _count(url: str) -> int:
    try:
        engine = reading_engine(url, load())
        with engine.connect() as connection:
            found = connection.execute(select(func.count()).select_from(schema.petition_case)).scalar()
        engine.dispose()
    except (Problem, SQLAlchemyError) as error:
        raise Unusable(str(error).splitlines()[0]) from error
    return int(found or 0)


def _room_for(engine: str, cases: int, folder: Path) -> None:
    needed, free = BYTES_A_CASE.get(engine, 0) * cases, shutil.disk_usage(folder).free
    if needed > free:
        raise Unusable(f"{cases:,} cases on {engine} need about {needed / 1e9:.0f} GB; {folder} has {free / 1e9:.0f}.")


def _create(server: str, name: str) -> None:
    engine = writing_engine(server)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            there = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first()
            if not there:
                connection.execute(text(f"CREATE DATABASE {name}"))  # the name is ours: letters and digits
    except (Problem, SQLAlchemyError) as error:
        raise Unusable(f"PostgreSQL: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()
