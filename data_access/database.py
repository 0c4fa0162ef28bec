"""A case database as it is: which parts of the contract it has, and how to read them.

Columns that a database lacks read as empty, columns that hold dates only and columns
with a zone read as plain moments, so that no statement elsewhere needs to know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from importlib import metadata
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Boolean, Connection, Engine, case, cast, func, inspect, literal, null, select, text, type_coerce
from sqlalchemy.sql.elements import ColumnElement

from data_access import schema
from data_access.deadlines import Clock
from data_access.dialect import end_of_day, holds_dates_only, local_moment, plain, start_of_day, written_well
from data_access.engine import followed, parsed, reading_engine, sentences, shown_url
from data_access.problems import Problem
from data_access.settings import KindName, KindNames, Settings
from data_access.texts import language
from data_access.texts import text as words

_SAMPLE: Final = 200
_CHANGES: Final = ("updated_at", "registered_at", "closed_at")
"""The newest of these is the newest change of the data."""
_ZERO: Final = text("0")
_PREPARED: Final = frozenset(column.name for column in schema.PREPARED)
_OWN: Final = [f"{table.name}.{column.name}" for table in schema.OWN for column in table.columns]
"""Every column of the tables that only prepared copies have."""


@dataclass(frozen=True)
class Names:
    """The small tables, read once: names by key, in their fixed order."""

    units: dict[str, str]
    kinds: dict[str, str | None]
    categories: dict[str, str]
    posts: dict[str, str]
    kind_names: KindNames
    aliases: dict[str, str] = field(default_factory=dict)
    """Other ways a unit's name is written, each with the unit's key."""
    checklist: Mapping[str, KindName] = field(default_factory=dict)
    """The settings' names of checklist items, in their order."""
    task_forces: tuple[str, ...] = ()
    """Codes of the task forces (专班) that cases belong to."""

    def kind(self, kind: str | None) -> str:
        """The name of a kind of unit in the language in use."""
        named = getattr(self.kind_names, kind or "", None)
        return str(getattr(named, language())) if named else ""

    def unit(self, key: str | None) -> str:
        """The unit's name, or its key where the unit table does not know it."""
        return self.units.get(key or "") or _not_listed(key)

    def category(self, key: str | None) -> str:
        """The category's name, or its key where unknown."""
        return self.categories.get(key or "") or _not_listed(key)

    def post(self, key: str | None) -> str:
        """The post's title, or its key where unknown."""
        return self.posts.get(key or "") or _not_listed(key)

    def item(self, code: str) -> str:
        """The checklist item's name in the language in use; the code itself where the settings name none."""
        named = self.checklist.get(code)
        return str(getattr(named, language())) if named else code


def _not_listed(key: str | None) -> str:
    return words("common.not_listed", key=key) if key else ""


@dataclass(frozen=True, eq=False)
class CaseDatabase:
    """An open case database. `columns` are the contract's columns it has, as `table.column`."""

    url: str
    engine: Engine
    settings: Settings
    columns: frozenset[str]
    dates_only: frozenset[str]
    zoned: frozenset[str]
    names: Names
    demo_as_of: datetime | None
    extracted_at: datetime | None = None
    """When an extract was made; None where this is the database itself."""
    prepared: bool = False
    """Whether the columns of `schema.PREPARED` are there and were made with these settings."""
    out_of_order: frozenset[str] = frozenset()
    """Of prepared cases: the moments for which there are some with `prepared_out_of_order`."""
    empty: frozenset[str] = frozenset()
    """Columns that exist and hold nothing: they cannot feed a figure any more than missing ones."""
    version: str = ""
    newest_at: datetime | None = None
    first_registered_at: datetime | None = None
    last_event_at: dict[str, datetime | None] = field(default_factory=dict)
    last_at: dict[str, datetime | None] = field(default_factory=dict)
    """The last moment in some columns of petition_case, None where they have none."""
    computed_tracks: frozenset[str] = frozenset()
    """Tracks with accepted cases that state no deadline, so that one must be computed."""
    states_original_only: bool = False
    """Whether there are cases that state their original deadline and no later one."""

    @cached_property
    def _read(self) -> dict[tuple[str, str | None], Any]:
        return {}

    @property
    def shown_url(self) -> str:
        """The URL without its password."""
        return shown_url(self.url)

    @property
    def clock(self) -> Clock:
        """The statutory clock as the settings have it."""
        return Clock.of(self.settings.deadlines)

    @property
    def years(self) -> tuple[int, int]:
        """First and last year that moments of this database fall in."""
        first = self.first_registered_at or self.newest_at
        last = self.newest_at
        return (first.year - 1 if first else 2020, last.year + 1 if last else 2030)

    def has(self, *names: str) -> bool:
        """Whether all of these exist and hold something: `table.column`, a column of petition_case, or `table.`."""
        return all(self._has(name) for name in names)

    def _has(self, name: str) -> bool:
        if name.endswith("."):
            return any(column.startswith(name) for column in self.columns)
        full = name if "." in name else f"petition_case.{name}"
        return full in self.columns and full not in self.empty

    def nothing_after(self, column: str, moment: datetime) -> bool:
        """Whether a column of petition_case is known to hold no moment after this one.

        Only of a prepared copy, which stays as it is: elsewhere the next case may be closed between look and question.
        """
        return self.prepared and column in self.last_at and (self.last_at[column] or moment) <= moment

    def read(self, table: str, alias: str | None = None) -> Any:
        """The columns of a table by name, as `.source` (what to select from) and one attribute each."""
        known = self._read.get((table, alias))
        if known is not None:
            return known
        prepared = {"petition_case": schema.prepared_case, **schema.prepared_parts}
        defined = prepared[table] if self.prepared and table in prepared else schema.metadata.tables[table]
        source = defined.alias(alias) if alias else defined
        of_cases = "petition_case" if table in prepared else table
        named = {name: column for name, column in source.c.items() if not name.startswith(schema.ENTRY)}
        columns = {name: self._column(of_cases, name, column) for name, column in named.items()}
        if table in prepared and not self.has("case_id"):
            columns["case_id"] = columns["case_no"]
        return self._read.setdefault((table, alias), SimpleNamespace(source=source, **columns))

    def entries(self, table: str) -> Any:
        """The columns of a table with several rows a case, like `read`, beside their cases in a prepared copy.

        `.again`: whether the case had such an entry before.
        """
        source = schema.prepared_parts[f"prepared_{table}"]
        named = {each.name: source.c[schema.ENTRY + each.name] for each in schema.metadata.tables[table].columns}
        columns = {name: self._column(table, name, column) for name, column in named.items()}
        return SimpleNamespace(source=source, again=source.c[f"{schema.ENTRY}again"], **columns)

    def _column(self, table: str, name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
        full = f"{table}.{name}"
        if full not in self.columns and name not in _PREPARED:
            is_flag = isinstance(column.type, Boolean)  # which MariaDB has no type to cast to
            typed = type_coerce if is_flag and self.engine.dialect.name in ("mysql", "mariadb") else cast
            return typed(null(), column.type)
        if full in self.zoned:
            return local_moment(column)
        if full in self.dates_only:
            return end_of_day(column, _ZERO) if name in schema.DEADLINES else start_of_day(column)
        return column

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read-only transaction with one snapshot; raises Problem where the database fails."""
        with sentences(self.url), readable(self.url), self.engine.connect() as connection, connection.begin():
            yield connection


@contextmanager
def readable(url: str) -> Iterator[None]:
    """Say so where SQLite holds moments in a form that cannot be read."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if "isoformat" not in str(error):
            raise
        raise Problem("moments_unreadable", url=shown_url(url)) from error


def open_database(
    url: str, settings: Settings, known: CaseDatabase | None = None, *, to_check: bool = False
) -> CaseDatabase:
    """Look at the database at `url`. Raises Problem where it cannot be used.

    `to_check`: SQLite's moments that cannot be read are put aside instead, since they are what is looked for.

    `known`: an earlier look, whose engine is used again, and which is returned where nothing has changed.
    A new copy of an extract gets an engine of its own; what still reads the old one reads on.
    """
    if known and known.engine.dialect.name == "duckdb" and known.engine.url.database != followed(parsed(url)).database:
        known.engine.dispose()  # idle connections only
        known = None
    engine = known.engine if known else reading_engine(url, settings)
    with sentences(url), readable(url), engine.connect() as connection, connection.begin():
        return _inspected(url, engine, settings, connection, known, to_check)


def missing_required(columns: frozenset[str]) -> list[str]:
    """The required tables and columns that are not among `columns`, as `table.column`."""
    required = [f"{table}.{column}" for table, names in schema.REQUIRED.items() for column in names]
    missing = [name for name in required if name not in columns]
    if not any(f"petition_case.{name}" in columns for name in schema.DEADLINE_SOURCES):
        missing.append("petition_case.due_at")
    return missing


def _inspected(
    url: str, engine: Engine, settings: Settings, connection: Connection, known: CaseDatabase | None, to_check: bool
) -> CaseDatabase:
    columns, types = _columns(connection)
    missing = missing_required(columns)
    if missing:
        raise Problem("missing_columns", url=shown_url(url), names=", ".join(missing))
    moments = [name for name in columns if isinstance(_defined(name).type, type(schema.Moment))]
    zoned = frozenset(name for name in moments if getattr(types[name], "timezone", False))
    dates_only = frozenset(name for name in moments if _dates_only(connection, name, types[name]))
    settings_then, *out_of_order = _prepared(connection, columns)
    database = CaseDatabase(
        url=url,
        engine=engine,
        settings=settings,
        columns=columns,
        dates_only=dates_only,
        zoned=zoned,
        names=_names(connection, columns, settings),
        demo_as_of=_in_contract(connection, columns, "demo_as_of"),
        extracted_at=_in_contract(connection, columns, "extracted_at"),
        prepared=settings_then == prepared_for(settings),
        out_of_order=frozenset(out_of_order),
    )
    last, first, count = _newest(connection, database, to_check)
    states = [*last.values(), first, count, *([database.extracted_at] if database.extracted_at else [])]
    version = "/".join(map(str, states))
    unchanged = known and (known.columns, replace(known.names, task_forces=()), known.version)
    if known and unchanged == (columns, database.names, version):
        return known
    database = replace(database, empty=_empty(connection, columns) if count else frozenset())
    return replace(
        database,
        names=replace(database.names, task_forces=_task_forces(connection, database)),
        version=version,
        newest_at=max((moment for name in _CHANGES if (moment := last[name])), default=None),
        first_registered_at=first,
        last_event_at=_last_events(connection, database, to_check),
        last_at=last,
        computed_tracks=_computed_tracks(connection, database),
        states_original_only=_states_original_only(connection, database),
    )


def _columns(connection: Connection) -> tuple[frozenset[str], dict[str, Any]]:
    """The contract's columns that exist, and the database's own type of each."""
    found: dict[str, Any] = {}
    inspector = inspect(connection)
    existing = {*inspector.get_table_names(), *inspector.get_view_names()}
    for table in schema.metadata.tables.values():
        if table.name in existing:
            for column in inspector.get_columns(table.name):
                if column["name"] in table.columns:
                    found[f"{table.name}.{column['name']}"] = column["type"]
    return frozenset(found), found


def _defined(name: str) -> Any:
    table, column = name.split(".")
    return schema.metadata.tables[table].c[column]


def _dates_only(connection: Connection, name: str, column_type: Any) -> bool:
    column = _defined(name)
    sample: list[object] = []
    if connection.dialect.name == "sqlite":
        rows = connection.execute(select(plain(column)).where(column.is_not(None)).limit(_SAMPLE))
        sample = list(rows.scalars())
    return holds_dates_only(column_type, sample)


def _names(connection: Connection, columns: frozenset[str], settings: Settings) -> Names:
    def rows(table: str, *names: str) -> list[dict[str, Any]]:
        defined = schema.metadata.tables[table]
        there = [name for name in names if f"{table}.{name}" in columns]
        if names[0] not in there:
            return []
        order = [defined.c[name] for name in ("sort_order", names[0]) if f"{table}.{name}" in columns]
        found = connection.execute(select(*(defined.c[name] for name in there)).order_by(*order))
        return [dict.fromkeys(names) | dict(row._mapping) for row in found]

    units = rows("unit", "unit_id", "name", "kind", "sort_order")
    categories = rows("category", "category_id", "name")
    posts = rows("post", "post_id", "name")
    aliases = rows("unit_alias", "alias", "unit_id")
    return Names(
        units={row["unit_id"]: row["name"] or row["unit_id"] for row in units},
        kinds={row["unit_id"]: row["kind"] for row in units},
        categories={row["category_id"]: row["name"] or row["category_id"] for row in categories},
        posts={row["post_id"]: row["name"] or row["post_id"] for row in posts},
        kind_names=settings.unit_kinds,
        aliases={row["alias"]: row["unit_id"] for row in aliases if row["alias"] and row["unit_id"]},
        checklist=settings.checklist.items,
    )


def prepared_for(settings: Settings) -> str:
    """A short text that is another one as soon as anything changes that the prepared columns depend on."""
    names = [*sorted(_PREPARED), *_OWN, metadata.version("holidays")]
    said = settings.deadlines.model_dump_json() + " ".join(names)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _prepared(connection: Connection, columns: frozenset[str]) -> list[str]:
    """What the prepared columns were made with, and the moments out of order; one empty text where there are none."""
    # A copy of such a copy, as a frozen one is, says so and has none of it.
    if "contract.prepared_for" not in columns or not inspect(connection).has_table(next(iter(schema.prepared_parts))):
        return [""]
    said = connection.scalars(select(schema.contract.c.prepared_for)).all()
    return (said[0] or "").split(" ") if len(said) == 1 else [""]


def _in_contract(connection: Connection, columns: frozenset[str], name: str) -> datetime | None:
    if f"contract.{name}" not in columns:
        return None
    found = connection.execute(select(func.max(schema.contract.c[name]))).scalar()
    return found if isinstance(found, datetime) else None


def _newest(
    connection: Connection, database: CaseDatabase, to_check: bool
) -> tuple[dict[str, datetime | None], datetime | None, int]:
    """Last moments, first registration, number of cases: what tells one state of the data from another."""
    cases = database.read("petition_case")
    last = {name: _extreme(connection, func.max, getattr(cases, name), to_check) for name in (*_CHANGES, "extended_at")}
    first = _extreme(connection, func.min, cases.registered_at, to_check)
    count = connection.execute(select(func.count()).select_from(cases.source)).scalar() or 0
    return last, first, count


def _extreme(connection: Connection, extreme: Any, column: ColumnElement[Any], to_check: bool) -> datetime | None:
    """The last or first moment of a column; `to_check`, those of SQLite's texts that cannot be read aside."""
    try:
        found = connection.execute(select(extreme(column))).scalar()
    except (ValueError, TypeError):
        if not to_check:
            raise
        written = plain(column)
        statement = select(extreme(written)).where(written_well(written, day=False))
        text_found = connection.execute(statement).scalar()
        return datetime.fromisoformat(text_found) if text_found else None
    return found if isinstance(found, datetime) else None


def _empty(connection: Connection, columns: frozenset[str]) -> frozenset[str]:
    """The optional columns without any value. A filled one is left at its first value."""
    required = {f"{table}.{name}" for table, names in schema.REQUIRED.items() for name in names}
    found = []
    for name in sorted(columns - required):
        column = _defined(name)
        if connection.execute(select(literal(1)).where(column.is_not(None)).limit(1)).first() is None:
            found.append(name)
    return frozenset(found)


def _last_events(connection: Connection, database: CaseDatabase, to_check: bool) -> dict[str, datetime | None]:
    if not database.has("case_event.case_id", "case_event.kind", "case_event.at"):
        return {}
    happened = database.read("case_event")
    statement = select(happened.kind, func.max(happened.at)).group_by(happened.kind)
    try:
        return {kind: at for kind, at in connection.execute(statement) if kind}
    except (ValueError, TypeError):
        if not to_check:
            raise
        kinds = connection.scalars(select(happened.kind).distinct()).all()
        of_kind = {kind: case((happened.kind == kind, happened.at)) for kind in kinds if kind}
        return {kind: _extreme(connection, func.max, at, to_check) for kind, at in of_kind.items()}


def _task_forces(connection: Connection, database: CaseDatabase) -> tuple[str, ...]:
    if not database.has("task_force"):
        return ()
    code = database.read("petition_case").task_force
    return tuple(connection.scalars(select(code).where(code.is_not(None), code != "").distinct().order_by(code)))


def _computed_tracks(connection: Connection, database: CaseDatabase) -> frozenset[str]:
    cases = database.read("petition_case")
    unstated = [cases.due_at.is_(None), cases.original_due_at.is_(None), cases.accepted_at.is_not(None)]
    found = connection.execute(select(cases.track).where(*unstated).distinct())
    return frozenset(track or "statutory" for (track,) in found) - {"other"}


def _states_original_only(connection: Connection, database: CaseDatabase) -> bool:
    cases = database.read("petition_case")
    original_only = [cases.due_at.is_(None), cases.original_due_at.is_not(None)]
    return connection.execute(select(cases.case_no).where(*original_only).limit(1)).first() is not None
