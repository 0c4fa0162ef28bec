"""An extract: the contract's tables of any case database in one DuckDB file, which answers in milliseconds.

Each copy is a file of its own name, and a pointer file beside it names the newest one, because
a file that is open cannot be replaced: open pages go on with the old copy until they look again.
Only columns of the contract are copied, in one snapshot and a chunk at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, DateTime, Integer, MetaData, Table, func, select
from sqlalchemy.schema import CreateTable

from data_access import schema
from data_access.database import CaseDatabase
from data_access.dialect import plain
from data_access.engine import parsed, pointer_of, reading_engine
from data_access.problems import Problem

Progress = Callable[[int, int], None]
CHUNK: Final = 20_000
KEPT: Final = 2
"""Copies that are kept: the newest, and the one that open pages may still read."""
_DAY: Final = 86_400
_PATIENCE: Final = 10
_MEMORY: Final = "512MB"
_WRITTEN: Final = 250_000


@dataclass(frozen=True)
class Made:
    """A copy: its file, the pointer that names it, when it was made, its number of cases."""

    file: Path
    pointer: Path
    made_at: datetime
    cases: int


def extract(database: CaseDatabase, target: Path, now: datetime, report: Progress | None = None) -> Made:
    """Copy `database` for `target` (`cases.duckdb`): into `cases.<moment>.duckdb`, named by `cases.duckdb.current`.

    `report` is told rows copied and rows in all. Raises Problem where the source is itself an extract, where
    another process is making one for `target`, and where reading or writing fails; then the last copy stays.
    """
    if database.extracted_at:
        raise Problem("extract_of_extract", url=database.shown_url)
    unfinished = target.with_name(f"{target.name}.part")
    _claim(unfinished)
    try:
        with _writing(target):
            cases = _copied(database, unfinished, now, report)
            file = _free_name(target, now)
            unfinished.rename(file)
            _point(pointer_of(target), file.name)
    except Problem as problem:
        last = _last(target)
        if last is None:
            raise
        raise Problem("extract_kept_last", reason=str(problem), file=str(last)) from problem
    finally:
        _remove(unfinished)
    for old in _versions(target)[:-KEPT]:
        _remove(old)
    return Made(file, pointer_of(target), now, cases)


# --- files


def _claim(unfinished: Path) -> None:
    """Make the folder and put away what a process that was stopped has left; raises Problem where one is at work."""
    import duckdb

    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        if unfinished.exists():
            try:
                duckdb.connect(str(unfinished)).close()
            except duckdb.Error as error:
                if "lock" in str(error).lower() or "used by another" in str(error).lower():
                    raise Problem("extract_running", file=str(unfinished)) from error
            unfinished.unlink()
    except OSError as error:
        raise Problem("cannot_write", file=str(unfinished)) from error


def _versions(target: Path) -> list[Path]:
    """All copies for `target`, oldest first."""
    two = "[0-9][0-9]"
    return sorted(target.parent.glob(f"{target.stem}.{two * 4}T{two * 3}{target.suffix}"))


def _free_name(target: Path, now: datetime) -> Path:
    """The copy's name by its moment, later than that of every other, so that names tell their order."""
    moment = now
    while True:
        file = target.with_name(f"{target.stem}.{moment:%Y%m%dT%H%M%S}{target.suffix}")
        if not file.exists():
            return file
        moment += timedelta(seconds=1)


def _point(pointer: Path, name: str) -> None:
    fresh = pointer.with_name(f"{pointer.name}.part")
    fresh.write_text(f"{name}\n", encoding="utf-8")
    for attempt in range(_PATIENCE):
        try:
            fresh.replace(pointer)
            return
        except PermissionError:  # Windows, while a page is reading it
            if attempt == _PATIENCE - 1:
                raise
            time.sleep(0.1)


def _last(target: Path) -> Path | None:
    """The copy that the pointer names."""
    try:
        name = pointer_of(target).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return target.with_name(Path(name).name)


def _remove(file: Path) -> None:
    """Remove a file and its write-ahead log; one that is still open on Windows stays until next time."""
    for each in (file, file.with_name(f"{file.name}.wal")):
        try:
            each.unlink(missing_ok=True)
        except OSError:
            continue


# --- rows


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Say so where the copy cannot be written. Statements go to DuckDB itself, so that its errors are the copy's."""
    import duckdb

    try:
        yield
    except (OSError, duckdb.Error) as error:
        raise Problem("cannot_write", file=str(target)) from error


def _copied(database: CaseDatabase, file: Path, now: datetime, report: Progress | None) -> int:
    """Write the copy and give back how many cases it holds; all of it is one snapshot."""
    import duckdb

    # Reading a whole table takes longer than a page may.
    patient = database.settings.database.model_copy(update={"statement_timeout_seconds": _DAY})
    reading = reading_engine(database.url, database.settings.model_copy(update={"database": patient}))
    source = replace(database, engine=reading)
    tables = [table for table in schema.metadata.sorted_tables if _there(database, table)]
    try:
        with _writing(file), source.reading() as rows, closing(duckdb.connect(str(file))) as target:
            target.execute(f"SET memory_limit = '{_MEMORY}'")
            target.begin()
            sizes = {each.name: rows.scalar(select(func.count()).select_from(each)) or 0 for each in tables}
            done, waiting, total = 0, 0, sum(sizes.values())
            for table in tables:
                for copied in _copy(source, table, rows, target):
                    done, waiting = done + copied, waiting + copied
                    if waiting >= _WRITTEN:
                        _write_out(target)
                        waiting = 0
                    if report:
                        report(done, total)
            _mark(target, now, has_contract=schema.contract in tables)
            target.commit()
        return sizes[schema.petition_case.name]
    finally:
        reading.dispose()


def _write_out(target: Any) -> None:
    """Bring to the file what has been inserted, to free memory. Nobody reads the file before it is whole."""
    target.commit()
    target.execute("CHECKPOINT")
    target.begin()


def _create(target: Any, table: Table, columns: list[Column[Any]]) -> None:
    # No keys: what a foreign table says twice is copied twice, as the dashboard reads it.
    copy = Table(table.name, MetaData(), *(Column(each.name, each.type) for each in columns))
    target.execute(str(CreateTable(copy).compile(dialect=parsed("duckdb://").get_dialect()())))


def _there(database: CaseDatabase, table: Table) -> list[Column[Any]]:
    """The columns that are copied: those that the database has, and for the contract all."""
    names = [column for column in table.columns if f"{table.name}.{column.name}" in database.columns]
    return list(table.columns) if table is schema.contract and names else names


def _copy(database: CaseDatabase, table: Table, source: Connection, target: Any) -> Iterator[int]:
    """Copy one table, its moments as plain moments of local time; yields the rows of each chunk."""
    import duckdb
    import pyarrow  # type: ignore[import-untyped]

    columns = _there(database, table)
    _create(target, table, columns)
    # SQLite's moments are texts, which DuckDB reads faster than Python does.
    as_text = source.dialect.name == "sqlite"
    read = database.read(table.name)
    chosen = []
    for column in columns:
        found = getattr(read, column.name)
        chosen.append((plain(found) if as_text and isinstance(column.type, DateTime) else found).label(column.name))
    names = [column.name for column in columns]
    quoted = ", ".join(f'"{name}"' for name in names)
    result = source.execution_options(stream_results=True, yield_per=CHUNK).execute(
        select(*chosen).select_from(read.source)
    )
    for chunk in result.partitions(CHUNK):
        cells = zip(*chunk, strict=True)
        arrays = [_array(column, list(values), as_text) for column, values in zip(columns, cells, strict=True)]
        target.register("chunk", pyarrow.table(arrays, names=names))
        try:
            target.execute(f'INSERT INTO "{table.name}" ({quoted}) SELECT {quoted} FROM chunk')  # noqa: S608
        except duckdb.ConversionException as error:
            raise Problem("moments_unreadable", url=database.shown_url) from error
        finally:
            target.unregister("chunk")
        yield len(chunk)


def _array(column: Column[Any], values: list[Any], moments_as_text: bool) -> Any:
    """A column's values for DuckDB; where a foreign column is of another type, its values as ours."""
    import pyarrow

    kinds: tuple[tuple[type[Any], Any, Callable[[Any], Any]], ...] = (
        (Boolean, pyarrow.bool_(), bool),
        (Integer, pyarrow.int64(), int),
        (DateTime, pyarrow.string() if moments_as_text else pyarrow.timestamp("us"), lambda moment: moment),
    )
    kind, ours = next(
        ((kind, ours) for of, kind, ours in kinds if isinstance(column.type, of)), (pyarrow.string(), str)
    )
    try:
        return pyarrow.array(values, kind)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        return pyarrow.array([None if value is None else ours(value) for value in values], kind)


def _mark(target: Any, now: datetime, *, has_contract: bool) -> None:
    """Say in the copy when it was made."""
    if not has_contract:
        _create(target, schema.contract, list(schema.contract.columns))
    if not target.execute("SELECT count(*) FROM contract").fetchone()[0]:
        target.execute("INSERT INTO contract (version) VALUES (?)", [schema.VERSION])
    target.execute("UPDATE contract SET extracted_at = ?", [now])
