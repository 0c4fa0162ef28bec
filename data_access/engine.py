"""Engines: read-only by the database's own means, and sentences where one cannot be had."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from data_access.problems import Problem
from data_access.settings import Settings

DRIVERS: Final = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}


def parsed(url: str) -> URL:
    """`url` with the driver that is installed; raises Problem where it is no database URL."""
    try:
        found = make_url(url)
    except ArgumentError as error:
        raise Problem("bad_url", url=url if "@" not in url else "…") from error
    return found.set(drivername=DRIVERS.get(found.drivername, found.drivername))


def shown_url(url: str) -> str:
    """`url` without its password."""
    return parsed(url).render_as_string(hide_password=True)


def _sqlite_path(url: URL) -> Path:
    return Path(url.database or "")


def pointer_of(file: Path) -> Path:
    """The file that names the newest copy of an extract: `cases.duckdb.current` beside `cases.duckdb`."""
    return file.with_name(f"{file.name}.current")


def followed(url: URL) -> URL:
    """`url` of the file that is meant: for an extract the copy that its pointer names, else as it is."""
    if url.get_backend_name() != "duckdb" or not url.database:
        return url
    file = Path(url.database)
    try:
        # A name only, so that a pointer leads nowhere else.
        name = Path(pointer_of(file).read_text(encoding="utf-8").strip()).name
    except (OSError, UnicodeDecodeError):
        return url
    return url.set(database=file.with_name(name).as_posix()) if name else url


def reading_engine(url: str, settings: Settings) -> Engine:
    """An engine that can only read. Raises Problem for a URL or file that cannot be used."""
    parts = parsed(url)
    limit = settings.database.statement_timeout_seconds
    backend = parts.get_backend_name()
    if backend == "sqlite":
        path = _sqlite_path(parts)
        if not path.is_file():
            raise Problem("no_such_file", file=str(path))
        parts = parts.set(database=path.resolve().as_uri(), query={"mode": "ro", "uri": "true"})
        engine = _made(parts, connect_args={"timeout": min(limit, 60), "check_same_thread": False})
        _read_sqlite(engine, limit)
        return engine
    if backend == "postgresql":
        options = (
            f"-c default_transaction_read_only=on -c statement_timeout={limit * 1000} -c timezone={settings.time_zone}"
            " -c work_mem=64MB"  # with less, planners send half a million rows to disk, to sort them by day
        )
        engine = _made(
            parts,
            # Never prepared: after some times the server would choose a plan for any instant, a bad one for most.
            connect_args={"options": options, "connect_timeout": min(limit, 10), "prepare_threshold": None},
            isolation_level="REPEATABLE READ",
            pool_pre_ping=True,
        )
        _read_postgresql(engine)
        return engine
    if backend in ("mysql", "mariadb"):
        engine = _made(
            parts,
            connect_args={"connect_timeout": min(limit, 10)},
            isolation_level="REPEATABLE READ",
            pool_pre_ping=True,
            pool_recycle=1800,
        )
        _read_mysql(engine, limit, settings)
        return engine
    if backend == "duckdb" and parts.database and not parts.database.startswith((":memory:", "md:", "motherduck:")):
        parts = followed(parts)
        if not Path(parts.database or "").is_file():
            raise Problem("no_such_file", file=str(parts.database))
        engine = _made(parts, connect_args={"read_only": True}, pool_pre_ping=True)
        _read_duckdb(engine)
        return engine
    return _made(parts, pool_pre_ping=True)


def writing_engine(url: str) -> Engine:
    """An engine for the command line's `demo` and `import`; makes the folder of a SQLite file."""
    parts = parsed(url)
    if parts.get_backend_name() == "sqlite":
        path = _sqlite_path(parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Problem("cannot_write", file=str(path)) from error
    engine = _made(parts, pool_pre_ping=True)
    if parts.get_backend_name() == "sqlite":
        _one_transaction(engine)
    return engine


def _made(url: URL, **options: Any) -> Engine:
    try:
        if url.drivername in ("mysql+pymysql", "mariadb+pymysql"):
            options["connect_args"] = {"conv": _mysql_literals()} | options.get("connect_args", {})
        return create_engine(url, **options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise Problem("no_driver", name=url.drivername) from error
    except ArgumentError as error:
        raise Problem("bad_url", url=url.render_as_string(hide_password=True)) from error


def _one_transaction(engine: Engine) -> None:
    """SQLite: let BEGIN be ours, so that a transaction holds one snapshot, schema changes included."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def _read_sqlite(engine: Engine, limit: int) -> None:
    _one_transaction(engine)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA mmap_size = 1073741824")
        connection.execute("PRAGMA cache_size = -65536")

    @event.listens_for(engine, "before_cursor_execute")
    def start_clock(
        connection: Connection, _cursor: Any, _statement: Any, _parameters: Any, _context: Any, _many: bool
    ) -> None:
        stop = time.monotonic() + limit
        raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(lambda: time.monotonic() > stop, 100_000)


def _read_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # To compile our statements, which count much at once, takes up to 12 s where to run them takes 40 ms.
        # Asked this way, because not all that speak PostgreSQL's protocol know the setting.
        connection.execute("SELECT set_config('jit', 'off', false) FROM pg_settings WHERE name = 'jit'")
        connection.commit()


def _read_duckdb(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # Otherwise it keeps what it has read until four fifths of the machine's memory are full.
        connection.execute("SET memory_limit = '800MB'")


def _mysql_literals() -> dict[Any, Any]:
    """How PyMySQL writes and reads values; days and moments are written as such, not as texts that may stay texts."""
    from pymysql import converters  # type: ignore[import-untyped]

    def day(value: date, _mapping: Any = None) -> str:
        return f"DATE'{value.isoformat()}'"

    def moment(value: datetime, _mapping: Any = None) -> str:
        return f"TIMESTAMP'{value.replace(tzinfo=None).isoformat(sep=' ')}'"

    return {**converters.conversions, date: day, datetime: moment}


def _read_mysql(engine: Engine, limit: int, settings: Settings) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        offset = datetime.now(settings.zone).strftime("%z")
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute(f"SET time_zone = '{offset[:3]}:{offset[3:]}'")
            cursor.execute("SELECT VERSION()")
            if "mariadb" in cursor.fetchone()[0].lower():
                cursor.execute(f"SET SESSION max_statement_time = {limit}")
                # MariaDB 10.11 counts wrongly where it splits a derived table with a window function, as that of
                # reopened cases is: it has closings that were undone later count as open.
                cursor.execute("SET SESSION optimizer_switch = 'split_materialized=off'")
            else:
                cursor.execute(f"SET SESSION max_execution_time = {limit * 1000}")


@contextmanager
def sentences(url: str) -> Iterator[None]:
    """Turn what a driver reports into a Problem that a person can act on."""
    try:
        yield
    except DBAPIError as error:
        raise problem_of(error, url) from error


def problem_of(error: DBAPIError, url: str) -> Problem:
    """The sentence for a driver's error."""
    said = str(error.orig).lower()
    shown = shown_url(url)
    if "password" in said or "access denied" in said or "authentication" in said:
        return Problem("wrong_password", url=shown)
    elsewhere = ("locked", "set lock on file", "used by another process", "different configuration than existing")
    if any(words in said for words in elsewhere):
        return Problem("locked", url=shown)
    if "not a database" in said or "malformed" in said or "file is encrypted" in said:
        return Problem("not_a_database", url=shown)
    if "no such table" in said or ("does not exist" in said and "relation" in said) or "doesn't exist" in said:
        return Problem("missing_table", url=shown)
    if "interrupted" in said or "statement timeout" in said or "max_statement_time" in said or "execution time" in said:
        return Problem("too_slow", url=shown)
    if any(words in said for words in ("readonly", "read-only", "read only", "permission denied", "command denied")):
        return Problem("not_allowed", url=shown)
    lost = ("connect", "unable to open", "timed out", "refused", "server closed", "unknown host", "translate host")
    if error.connection_invalidated or any(words in said for words in lost):
        return Problem("unreachable", url=shown)
    return Problem("database_error", url=shown, detail=str(error.orig).splitlines()[0])
