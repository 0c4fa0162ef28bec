"""What was on record on the day of a meeting: a read-only SQLite copy of the contract's tables.

Only columns of the contract are copied, a batch at a time, so that nothing that the
dashboard never reads ends in the copy and a large database needs no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, func, inspect, select

from data_access import schema
from data_access.database import CaseDatabase, open_database
from data_access.engine import parsed, sentences, writing_engine
from data_access.problems import Problem
from data_access.settings import Settings

Progress = Callable[[int, int], None]
BATCH: Final = 2_000
FOLDER: Final = "frozen"
"""Where copies of a database on a server are kept unless the settings or the command say otherwise."""

_ABOUT: Final = Table(
    "frozen_copy",
    MetaData(),
    Column("source", String(255)),  # name of the database that was copied
    Column("meeting_on", schema.Moment),
    Column("made_at", schema.Moment),
    Column("cases", Integer),
)


@dataclass(frozen=True)
class Frozen:
    """A copy: its file, of which meeting, when it was made, and its number of cases."""

    file: Path
    meeting: date
    made_at: datetime
    cases: int


def folder_of(url: str, settings: Settings) -> Path:
    """Where copies of a database are kept: the setting, else beside a SQLite file, else `./frozen`."""
    if settings.meeting.frozen_folder:
        return Path(settings.meeting.frozen_folder)
    parts = parsed(url)
    if parts.get_backend_name() == "sqlite" and parts.database:
        return Path(parts.database).resolve().parent
    return Path(FOLDER)


def file_of(url: str, settings: Settings, meeting: date) -> Path:
    """Where the copy for the meeting of a day is, if there is one: `frozen-2026-11-18.sqlite`."""
    return folder_of(url, settings) / _name(meeting)


def _name(meeting: date) -> str:
    return f"frozen-{meeting.isoformat()}.sqlite"


def _source_name(url: str) -> str:
    return Path(parsed(url).database or "").name


# --- making a copy


def freeze(
    database: CaseDatabase,
    meeting: date,
    made_at: datetime,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Frozen:
    """Copy the database for the meeting of a day into `folder`; whole or not at all, read-only.

    `folder` may name the file itself (`….sqlite`). Raises Problem where there is such a copy
    already, since one is never changed, and where it cannot be written.
    """
    file = folder or folder_of(database.url, database.settings)
    file = file if file.suffix == ".sqlite" else file / _name(meeting)
    if file.exists():
        raise Problem("frozen_exists", file=str(file))
    unfinished = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        cases = _copied(database, unfinished, meeting, made_at, progress)
        unfinished.chmod(0o444)
        unfinished.rename(file)
    except OSError as error:
        raise Problem("cannot_write", file=str(file)) from error
    finally:
        if unfinished.exists():
            unfinished.unlink()
    return Frozen(file, meeting, made_at, cases)


def _copied(database: CaseDatabase, file: Path, meeting: date, made_at: datetime, progress: Progress | None) -> int:
    """Write the copy and give back how many cases it holds; all of it is one snapshot."""
    url = f"sqlite:///{file.as_posix()}"
    engine = writing_engine(url)
    tables = [table for table in schema.metadata.sorted_tables if database.columns & _names_of(table)]
    try:
        with database.reading() as source, sentences(url), engine.begin() as target:
            sizes = [source.execute(select(func.count()).select_from(table)).scalar() or 0 for table in tables]
            done, total = 0, sum(sizes)
            for table, size in zip(tables, sizes, strict=True):
                _copy(database, table, source, target)
                done += size
                if progress:
                    progress(done, total)
            cases = sizes[tables.index(schema.petition_case)]
            _ABOUT.create(target)
            held = {"meeting_on": datetime.combine(meeting, time()), "made_at": made_at, "cases": cases}
            target.execute(_ABOUT.insert(), {"source": _source_name(database.url), **held})
    finally:
        engine.dispose()
    return cases


def _names_of(table: Table) -> set[str]:
    return {f"{table.name}.{column.name}" for column in table.columns}


def _copy(database: CaseDatabase, table: Table, source: Connection, target: Connection) -> None:
    """One table with the contract's columns that the database has, its moments as plain moments of local time."""
    there = [column for column in table.columns if f"{table.name}.{column.name}" in database.columns]
    copy = Table(table.name, MetaData(), *(Column(column.name, column.type) for column in there))
    copy.create(target)
    read = database.read(table.name)
    statement = select(*(getattr(read, column.name).label(column.name) for column in there)).select_from(read.source)
    rows = source.execution_options(stream_results=True, yield_per=BATCH).execute(statement)
    for batch in rows.mappings().partitions(BATCH):
        target.execute(copy.insert(), [dict(row) for row in batch])
    names = {column.name for column in there}
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        columns = [column.name for column in index.columns]
        if names >= set(columns):
            Index(index.name, *(copy.c[name] for name in columns)).create(target)


# --- reading one


def found(database: CaseDatabase, day: date) -> Frozen | None:
    """The copy that was made of this database for the meeting of a day, if there is one."""
    file = file_of(database.url, database.settings, day)
    try:
        changed = file.stat().st_mtime_ns
    except OSError:
        return None
    opened = _opened(file, changed, database.settings)
    return opened[1] if opened and opened[2] == _source_name(database.url) else None


def opened(database: CaseDatabase, day: date) -> CaseDatabase | None:
    """The copy of `found` as a database."""
    if found(database, day) is None:
        return None
    file = file_of(database.url, database.settings, day)
    known = _opened(file, file.stat().st_mtime_ns, database.settings)
    return known[0] if known else None


@lru_cache(maxsize=8)
def _opened(file: Path, _changed: int, settings: Settings) -> tuple[CaseDatabase, Frozen, str] | None:
    """The copy as a database, what it is and the name of its source; None where the file is no copy of ours."""
    try:
        copy = open_database(f"sqlite:///{file.as_posix()}", settings)
        with copy.reading() as connection:
            if not inspect(connection).has_table(_ABOUT.name):
                return None
            source, meeting_on, made_at, cases = connection.execute(select(_ABOUT)).one()
    except Problem:
        return None
    return copy, Frozen(file, meeting_on.date(), made_at, cases), source
