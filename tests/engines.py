"""On which engine tests make their databases: SQLite, or what `pytest --engine` says.

On a server each database is one of its own, made by the user of CASES_TEST_POSTGRES or
CASES_TEST_MARIADB and dropped at the end of the session (`tests/on_every_engine` starts both).
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url
from sqlalchemy.schema import CreateTable

from data_access import schema
from data_access.engine import parsed, writing_engine

ENGINES: Final = ("sqlite", "duckdb", "postgresql", "mariadb")
SERVERS: Final = {"postgresql": "CASES_TEST_POSTGRES", "mariadb": "CASES_TEST_MARIADB"}

chosen = "sqlite"
"""The engine of this run; pytest sets it before a test is collected."""
_made: list[tuple[str, str]] = []
_connected: WeakSet[Engine] = WeakSet()


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy URL of a SQLite file."""
    return f"sqlite:///{path.as_posix()}"


def server_url(engine: str) -> str | None:
    """URL of the server's database whose user may create others; None where there is no server."""
    return os.environ.get(SERVERS[engine])


def fresh_url(folder: Path, name: str = "cases", on: str | None = None) -> str:
    """URL of an empty database: the file `name` in `folder`, or one of its own on a server."""
    engine = on or chosen
    if engine == "sqlite":
        return sqlite_url(folder / f"{name}.sqlite")
    if engine == "duckdb":
        return f"duckdb:///{(folder / f'{name}.duckdb').as_posix()}"
    server = server_url(engine)
    if not server:
        raise LookupError(f"no server: set {SERVERS[engine]}, or run tests/on_every_engine")
    unique = f"cases_{uuid.uuid4().hex[:12]}"
    # As a county's server is likely to be: all characters, and capitals equal to small letters.
    letters = " CHARACTER SET utf8mb4" if engine == "mariadb" else ""
    _on_server(server, f"CREATE DATABASE {unique}{letters}")
    _made.append((engine, unique))
    return make_url(server).set(database=unique).render_as_string(hide_password=False)


def drop_all() -> None:
    """Drop what `fresh_url` has made on servers."""
    while _made:
        engine, name = _made.pop()
        force = " WITH (FORCE)" if engine == "postgresql" else ""
        _on_server(server_url(engine) or "", f"DROP DATABASE IF EXISTS {name}{force}")


def close_idle() -> None:
    """Close all connections that are idle; an engine that is asked again opens others."""
    for engine in list(_connected):
        engine.dispose()


def _on_server(url: str, statement: str) -> None:
    engine = create_engine(parsed(url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def word(name: str) -> str:
    """A name as the engine of this run must have it in a statement: `at` is a word of DuckDB's own."""
    return f'"{name}"' if chosen == "duckdb" else name


@event.listens_for(Engine, "engine_connect")
def _note(connection: Connection) -> None:
    _connected.add(connection.engine)


def choose(engine: str) -> None:
    """Make databases on `engine` from now on."""
    global chosen
    chosen = engine
    if engine == "duckdb":
        _open_duckdb_one_way()


def _open_duckdb_one_way() -> None:
    """In one process a DuckDB file is open to read only, or to be written: close what is idle before another way."""
    from duckdb_sqlalchemy import Dialect

    connect = Dialect.connect

    def connect_alone(dialect: Any, *arguments: Any, **named: Any) -> Any:
        for engine in list(_connected):
            if engine.dialect is not dialect and engine.url.database == named.get("database"):
                engine.dispose()
        return connect(dialect, *arguments, **named)

    Dialect.connect = connect_alone  # type: ignore[method-assign]


def written(url: str, *statements: str) -> None:
    """Change the database with statements that every engine understands."""
    engine = writing_engine(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "duckdb" and any(each.startswith("ALTER TABLE") for each in statements):
                # DuckDB alters no table that has an index.
                for name in connection.exec_driver_sql("SELECT index_name FROM duckdb_indexes()").scalars().all():
                    connection.exec_driver_sql(f"DROP INDEX {name}")
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def rows_of(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What a statement that every engine understands finds; moments as SQLite keeps them, flags as 0 and 1."""

    def plain(value: Any) -> Any:
        return value if value is None or isinstance(value, int | float | str) else str(value)

    engine = writing_engine(url)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(statement).fetchall()
        return [tuple(plain(int(value) if isinstance(value, bool) else value) for value in row) for row in found]
    finally:
        engine.dispose()


def tables_of(url: str) -> list[str]:
    """The names of a database's tables."""
    engine = writing_engine(url)
    try:
        return sorted(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def is_untouched(url: str) -> bool:
    """Whether nothing has been made where the database would be: no file, or no table on the server."""
    parts = parsed(url)
    if parts.get_backend_name() in ("sqlite", "duckdb"):
        return not Path(parts.database or "").exists()
    return not tables_of(url)


def copied(file: Path, url: str, *, indexed: bool = True) -> str:
    """Copy the contract's tables of a SQLite file in bulk to an empty database; gives back `url`."""
    engine = writing_engine(url)
    try:
        with engine.begin() as connection:
            for table in schema.metadata.sorted_tables:
                connection.execute(CreateTable(table))
            with closing(sqlite3.connect(file)) as source:
                for table in schema.metadata.sorted_tables:
                    names = [column.name for column in table.columns]
                    quoted = ", ".join(f'"{name}"' for name in names)
                    if rows := source.execute(f"SELECT {quoted} FROM {table.name}").fetchall():
                        _insert(engine, connection, table, names, rows)
            for index in (each for table in schema.metadata.sorted_tables for each in table.indexes if indexed):
                index.create(connection)
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
    finally:
        engine.dispose()
    return url


def _insert(engine: Engine, connection: Connection, table: Table, names: list[str], rows: list[Any]) -> None:
    quote = engine.dialect.identifier_preparer.quote
    target = f"{table.name} ({', '.join(quote(name) for name in names)})"
    raw: Any = connection.connection.driver_connection
    if engine.dialect.name == "duckdb":
        import pyarrow

        raw.register("chunk", pyarrow.table([pyarrow.array(cells) for cells in zip(*rows, strict=True)], names=names))
        connection.exec_driver_sql(f"INSERT INTO {target} FROM chunk")
        raw.unregister("chunk")
    elif engine.dialect.name == "postgresql":
        with raw.cursor().copy(f"COPY {target} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        with closing(raw.cursor()) as cursor:
            cursor.executemany(f"INSERT INTO {target} VALUES ({', '.join([mark] * len(names))})", rows)
