"""An extract: the contract's tables of any case database in one DuckDB file, which answers in milliseconds.

Each copy is a file of its own name, and a pointer file beside it names the newest one, because
a file that is open cannot be replaced: open pages go on with the old copy until they look again.
Only columns of the contract are copied, in one snapshot and a chunk at a time.

A refresh starts from the last copy: keys and moments of change of all cases are compared, only cases that differ
are read, the other tables are small and read whole. Where that cannot be trusted, all is copied.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, DateTime, Integer, MetaData, Table, func, select
from sqlalchemy.schema import CreateTable

from data_access import schema
from data_access.database import CaseDatabase
from data_access.dialect import plain
from data_access.engine import parsed, pointer_of, reading_engine
from data_access.prepared import prepare
from data_access.problems import Problem

Progress = Callable[[int, int], None]
CHUNK: Final = 20_000
KEPT: Final = 2
"""Copies that are kept: the newest, and the one that open pages may still read."""
_DAY: Final = 86_400
_PATIENCE: Final = 10
_MEMORY: Final = "512MB"
_WRITTEN: Final = 250_000
WHOLE_AFTER: Final = timedelta(days=1)
"""All is copied anew after this long, for what a source may have changed without saying so."""
_OVERLAP: Final = timedelta(hours=1)
"""Cases changed this long before the last change of all are read again: clocks differ, and transactions end late."""
_MOST: Final = 0.2
"""Where more of the cases have changed, copying all is faster."""
_IDS: Final = 1_000
_ORIGIN: Final = "extract_origin"
"""A table of the copy that only `extract` reads: of which database it is, and when all of it was copied."""


@dataclass(frozen=True)
class Made:
    """A copy: its file, the pointer that names it, when it was made, its number of cases.

    `changed`: of these and of those gone since the last copy, how many were brought up to date; None: all was copied.
    """

    file: Path
    pointer: Path
    made_at: datetime
    cases: int
    changed: int | None = None


def extract(
    database: CaseDatabase, target: Path, now: datetime, report: Progress | None = None, *, whole: bool = False
) -> Made:
    """Copy `database` for `target` (`cases.duckdb`): into `cases.<moment>.duckdb`, named by `cases.duckdb.current`.

    `whole`: copy all, even where the last copy could be brought up to date. `report` is told rows read and rows to
    be read in all. Raises Problem where the source is itself an extract, where
    another process is making one for `target`, and where reading or writing fails; then the last copy stays.
    """
    if database.extracted_at:
        raise Problem("extract_of_extract", url=database.shown_url)
    unfinished = target.with_name(f"{target.name}.part")
    _claim(unfinished)
    try:
        with _writing(target):
            cases, changed = _copied(database, unfinished, now, report, None if whole else _last(target))
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
    return Made(file, pointer_of(target), now, cases, changed)


def is_extract(url: str) -> bool:
    """Whether `url` is that of an extract, or of one of its copies: nothing else may write there."""
    parts = parsed(url)
    if parts.get_backend_name() != "duckdb" or not parts.database:
        return False
    file = Path(parts.database)
    name, _, moment = file.stem.rpartition(".")
    of_copy = file.with_name(f"{name}{file.suffix}")
    return pointer_of(file).exists() or (bool(name and moment) and file in _versions(of_copy))


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


def _copied(
    database: CaseDatabase, file: Path, now: datetime, report: Progress | None, last: Path | None
) -> tuple[int, int | None]:
    """Write the copy, from the `last` one where that will do; its cases, and `Made.changed`. It is one snapshot."""
    import duckdb

    # Reading a whole table takes longer than a page may.
    patient = database.settings.database.model_copy(update={"statement_timeout_seconds": _DAY})
    reading = reading_engine(database.url, database.settings.model_copy(update={"database": patient}))
    source = replace(database, engine=reading)
    tables = [table for table in schema.metadata.sorted_tables if _there(database, table)]
    try:
        with _writing(file), source.reading() as rows, ExitStack() as stack:
            sizes = {each.name: rows.scalar(select(func.count()).select_from(each)) or 0 for each in tables}
            if last is not None and last.exists() and source.has("case_id", "updated_at"):
                changed = _refreshed(source, tables, sizes, rows, last, file, now, report)
                if changed is not None:
                    return sizes[schema.petition_case.name], changed
                _remove(file)
            target = stack.enter_context(closing(duckdb.connect(str(file))))
            target.execute(f"SET memory_limit = '{_MEMORY}'")
            target.begin()
            done, waiting, total = 0, 0, sum(sizes.values())
            for table in tables:
                for copied in _copy(source, table, rows, target):
                    done, waiting = done + copied, waiting + copied
                    if waiting >= _WRITTEN:
                        _write_out(target)
                        waiting = 0
                    if report:
                        report(done, total)
            target.execute(f"CREATE TABLE {_ORIGIN} (source VARCHAR, whole_at TIMESTAMP)")
            target.execute(f"INSERT INTO {_ORIGIN} VALUES (?, ?)", [_origin(database), now])  # noqa: S608
            _mark(target, now, has_contract=schema.contract in tables)
            prepare(target, database, parsed("duckdb://").get_dialect()())
            target.commit()
        return sizes[schema.petition_case.name], None
    finally:
        reading.dispose()


def _origin(database: CaseDatabase) -> str:
    """What tells one source from another, without giving it away."""
    return sha256(database.shown_url.encode()).hexdigest()


def _refreshed(
    source: CaseDatabase,
    tables: list[Table],
    sizes: dict[str, int],
    rows: Connection,
    last: Path,
    file: Path,
    now: datetime,
    report: Progress | None,
) -> int | None:
    """Bring a copy of `last` up to date in `file`: the cases read or removed; None where all must be copied."""
    import duckdb

    shutil.copyfile(last, file)
    try:
        connected = duckdb.connect(str(file))
    except duckdb.Error:
        return None  # damaged, or of another version of DuckDB
    done, total = 0, sum(sizes.values())

    def told(parts: Iterator[int]) -> None:
        nonlocal done
        for read in parts:
            done += read
            if report:
                report(done, total)

    with closing(connected):
        target: Any = connected
        target.execute(f"SET memory_limit = '{_MEMORY}'")
        if not _fits(target, source, now):
            return None
        target.begin()
        told(_keys(source, rows, target))
        ids = _changed(target)
        if ids is None:
            return None
        total += len(ids)
        (gone,) = target.execute("SELECT count(*) FROM petition_case SEMI JOIN gone USING (case_id)").fetchone()
        target.execute("DELETE FROM petition_case WHERE case_id IN (FROM gone) OR case_id IN (FROM changed)")
        columns = _there(source, schema.petition_case)
        for start in range(0, len(ids), _IDS):
            told(_insert(source, schema.petition_case, columns, rows, target, ids[start : start + _IDS]))
        (cases,) = target.execute("SELECT count(*) FROM petition_case").fetchone()
        if cases != sizes[schema.petition_case.name]:
            return None
        _drop_all_but(target, {schema.petition_case.name, _ORIGIN})
        for table in tables:
            if table is not schema.petition_case:
                told(_copy(source, table, rows, target))
        _mark(target, now, has_contract=schema.contract in tables)
        prepare(target, source, parsed("duckdb://").get_dialect()())
        target.commit()
        return len(ids) + int(gone)


def _drop_all_but(target: Any, kept: set[str]) -> None:
    held = target.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    for (name,) in held:
        if name not in kept:
            target.execute(f'DROP TABLE "{name}"')


def _fits(target: Any, source: CaseDatabase, now: datetime) -> bool:
    """Whether the last copy is one of this source with the same columns, and not too old to be built upon."""
    found = (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = ? ORDER BY ordinal_position"
    )
    if not target.execute(found, [_ORIGIN]).fetchall():
        return False
    origin, whole_at = target.execute(f"SELECT source, whole_at FROM {_ORIGIN}").fetchone()  # noqa: S608
    there = [name for name, _ in target.execute(found, ["petition_case"]).fetchall()]
    prepared = {column.name for column in schema.PREPARED}
    same = [name for name in there if name not in prepared]
    wanted = [column.name for column in _there(source, schema.petition_case)]
    return origin == _origin(source) and whole_at <= now < whole_at + WHOLE_AFTER and same == wanted


def _keys(source: CaseDatabase, rows: Connection, target: Any) -> Iterator[int]:
    """Read the key and the moment of change of every case into the table `key_now`; yields the rows of each chunk."""
    columns = [schema.petition_case.c.case_id, schema.petition_case.c.updated_at]
    target.execute("CREATE TEMP TABLE key_now (case_id VARCHAR, updated_at TIMESTAMP)")
    yield from _insert(source, schema.petition_case, columns, rows, target, into="key_now")


def _changed(target: Any) -> list[str] | None:
    """The keys of the cases to read: new, changed or without a moment of change; None where there is no telling.

    Tables `changed` and `gone` of the copy hold these and the keys that the source has no more.
    """
    total, keys = target.execute("SELECT count(*), count(DISTINCT case_id) FROM key_now").fetchone()
    if total != keys:
        return None
    (newest,) = target.execute("SELECT max(updated_at) FROM petition_case").fetchone()
    target.execute("CREATE TEMP TABLE gone AS SELECT case_id FROM petition_case ANTI JOIN key_now USING (case_id)")
    target.execute(
        "CREATE TEMP TABLE changed AS SELECT now.case_id FROM key_now AS now LEFT JOIN petition_case AS had"
        " ON had.case_id = now.case_id WHERE had.case_id IS NULL OR now.updated_at IS NULL"
        " OR now.updated_at IS DISTINCT FROM had.updated_at OR now.updated_at >= ?",
        [(newest or datetime.max) - _OVERLAP],
    )
    ids = [case_id for (case_id,) in target.execute("SELECT DISTINCT case_id FROM changed").fetchall()]
    return None if len(ids) > max(_MOST * total, _IDS) else ids


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
    """Copy one table; yields the rows of each chunk."""
    columns = _there(database, table)
    _create(target, table, columns)
    yield from _insert(database, table, columns, source, target)


def _insert(
    database: CaseDatabase,
    table: Table,
    columns: list[Column[Any]],
    source: Connection,
    target: Any,
    ids: list[str] | None = None,
    into: str = "",
) -> Iterator[int]:
    """Copy these columns, of cases `ids` only or of all, their moments as plain moments of local time."""
    import duckdb
    import pyarrow  # type: ignore[import-untyped]

    # SQLite's moments are texts, which DuckDB reads faster than Python does.
    as_text = source.dialect.name == "sqlite"
    read = database.read(table.name)
    chosen = []
    for column in columns:
        found = getattr(read, column.name)
        chosen.append((plain(found) if as_text and isinstance(column.type, DateTime) else found).label(column.name))
    names = [column.name for column in columns]
    quoted = ", ".join(f'"{name}"' for name in names)
    statement = select(*chosen).select_from(read.source)
    if ids is not None:
        statement = statement.where(read.case_id.in_(ids))
    result = source.execute(statement, execution_options={"stream_results": True, "yield_per": CHUNK})
    for chunk in result.partitions(CHUNK):
        cells = zip(*chunk, strict=True)
        arrays = [_array(column, list(values), as_text) for column, values in zip(columns, cells, strict=True)]
        target.register("chunk", pyarrow.table(arrays, names=names))
        try:
            target.execute(f'INSERT INTO "{into or table.name}" ({quoted}) SELECT {quoted} FROM chunk')  # noqa: S608
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
