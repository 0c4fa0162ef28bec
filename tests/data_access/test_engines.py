"""Reading engines: read-only, patient for so long, and the same numbers on SQLite and on every server."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import engines
import pandas as pd
import pytest
from conftest import DEMO_AS_OF, minimal_cases
from handmade import counts, end_of, make, make_file, measured, opened, seen
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex
from test_since import COMPARED

from data_access import flows, lists, queries, schema, settings, since, views
from data_access.database import CaseDatabase, open_database
from data_access.demo import make_demo
from data_access.dimensions import TOGETHER
from data_access.engine import parsed, reading_engine, sentences
from data_access.filters import county
from data_access.indicators import INDICATORS
from data_access.lists import Question
from data_access.periods import last_months
from data_access.problems import Problem
from data_access.settings import Settings

KEYS = tuple(INDICATORS)
INSERT = "INSERT INTO petition_case (case_id, case_no) VALUES ('intruder', 'intruder')"
WRITES = (
    INSERT,
    "UPDATE petition_case SET closed_at = NULL",
    "DELETE FROM unit",
    "DROP TABLE unit",
    "CREATE TABLE intruder (n INTEGER)",
)


def hurried() -> Settings:
    """The settings with a second of patience."""
    found = settings.load()
    return found.model_copy(update={"database": found.database.model_copy(update={"statement_timeout_seconds": 1})})


# SQLite


@pytest.fixture
def sqlite_reading(demo_url: str) -> Iterator[Engine]:
    engine = reading_engine(demo_url, settings.load())
    yield engine
    engine.dispose()


@pytest.mark.only_on("sqlite", reason="about its files")
@pytest.mark.parametrize("statement", WRITES)
def test_sqlite_cannot_be_written(demo_url: str, sqlite_reading: Engine, statement: str) -> None:
    with sqlite_reading.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM petition_case")).scalar() == 12_000
        with pytest.raises(DBAPIError, match="readonly"):
            connection.execute(text(statement))
    with pytest.raises(Problem) as refused, sentences(demo_url), sqlite_reading.connect() as connection:
        connection.execute(text(statement))
    assert refused.value.key == "not_allowed"


@pytest.mark.only_on("sqlite", reason="about its files")
def test_sqlite_reading_leaves_no_trace(demo_url: str) -> None:
    path = Path(demo_url.removeprefix("sqlite:///"))
    before = path.stat().st_mtime_ns
    measured(open_database(demo_url, settings.load()), seen("2026-11-24"), *KEYS)
    assert path.stat().st_mtime_ns == before
    assert not list(path.parent.glob("demo.sqlite-*"))


@pytest.mark.only_on("sqlite", reason="about its files")
def test_sqlite_is_asked_for_so_long(minimal_url: str) -> None:
    database = open_database(minimal_url, hurried())
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    start = time.monotonic()
    with pytest.raises(Problem) as slow, database.reading() as connection:
        connection.execute(text(endless))
    assert slow.value.key == "too_slow"
    assert 0.5 < time.monotonic() - start < 10
    assert measured(database, seen("2026-11-24"), "registered") == {"registered": (40, None)}
    database.engine.dispose()


@pytest.mark.only_on("sqlite", reason="about its files")
def test_a_transaction_sees_one_snapshot(tmp_path: Path, minimal_url: str) -> None:
    """What is written beside it while a page reads is not half in it."""
    path = tmp_path / "live.sqlite"
    path.write_bytes(Path(minimal_url.removeprefix("sqlite:///")).read_bytes())
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        database = open_database(f"sqlite:///{path.as_posix()}", settings.load())
        count = text("SELECT count(*) FROM petition_case")
        with database.reading() as connection:
            assert connection.execute(count).scalar() == 40
            with writer:
                writer.execute("DELETE FROM petition_case WHERE case_no > 'M030'")
            assert connection.execute(count).scalar() == 40
        with database.reading() as connection:
            assert connection.execute(count).scalar() == 30
        database.engine.dispose()


# The other engines: each server with SQLite's run, and each engine with its own


OTHERS = tuple(engines.SERVERS) if engines.chosen == "sqlite" else (engines.chosen,)
every_other = pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.server if name != "duckdb" else ()) for name in OTHERS]
)
of_servers = pytest.mark.only_on("sqlite", *engines.SERVERS, reason="about servers")


def fresh(request: pytest.FixtureRequest, folder: Path) -> str:
    """URL of an empty database on the engine that the fixture's parameter names."""
    if request.param in engines.SERVERS:
        request.getfixturevalue({"postgresql": "postgres_server", "mariadb": "mariadb_server"}[request.param])
    return engines.fresh_url(folder, on=request.param)


@every_other
def server_demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    """The demo county once more, on another engine."""
    url = fresh(request, tmp_path_factory.mktemp("server"))
    make_demo(url, cases=12_000, seed=7, as_of=DEMO_AS_OF)
    return opened(url)


@pytest.mark.parametrize("statement", WRITES)
def test_a_server_cannot_be_written(server_demo: CaseDatabase, statement: str) -> None:
    with pytest.raises(Problem) as refused, server_demo.reading() as connection:
        connection.execute(text(statement))
    assert refused.value.key == "not_allowed"
    with server_demo.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM petition_case")).scalar() == 12_000


@of_servers
def test_a_server_is_asked_for_so_long(server_demo: CaseDatabase) -> None:
    database = open_database(server_demo.url, hurried())
    endless = "SELECT count(*) FROM petition_case a, petition_case b, petition_case c WHERE a.due_at < b.due_at"
    start = time.monotonic()
    with pytest.raises(Problem) as slow, database.reading() as connection:
        connection.execute(text(endless))
    assert slow.value.key == "too_slow"
    assert 0.5 < time.monotonic() - start < 10
    assert measured(database, seen("2026-11-24"), "open")["open"][0] > 100
    database.engine.dispose()


SESSIONS = {
    "postgresql": ("SELECT pid FROM pg_stat_activity WHERE datname = '{}'", "SELECT pg_terminate_backend({})"),
    "mariadb": ("SELECT id FROM information_schema.processlist WHERE db = '{}'", "KILL {}"),
}


@of_servers
def test_the_pool_survives_a_restart_of_the_server(server_demo: CaseDatabase) -> None:
    before = measured(server_demo, seen("2026-11-24"), "overdue")
    dialect = server_demo.engine.dialect.name
    found, end = SESSIONS[dialect]
    other = create_engine(parsed(engines.server_url(dialect) or ""), isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        sessions = connection.exec_driver_sql(found.format(server_demo.engine.url.database)).scalars().all()
        for session in sessions:
            connection.exec_driver_sql(end.format(session))
    other.dispose()
    assert sessions
    time.sleep(0.2)
    assert measured(server_demo, seen("2026-11-24"), "overdue") == before


@of_servers
def test_a_server_shows_no_password(server_demo: CaseDatabase) -> None:
    password = server_demo.engine.url.password
    assert password
    assert password not in server_demo.shown_url
    with pytest.raises(Problem) as wrong, server_demo.reading() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    assert wrong.value.key == "missing_table"
    assert str(password) not in str(wrong.value)


FILTERS = {
    "everything": seen("2026-11-24"),
    "the year": seen("2026-11-24", "2026-01-01", "2026-12-31"),
    "a year earlier": seen("2025-09-24 10:30", "2025-01-01", "2025-12-31"),
    "narrowed": seen(
        "2026-06-30",
        "2025-07-01",
        kind=("township", "department"),
        category=("C03",),
        repeat=("first",),
        track=("statutory",),
    ),
}


@cache
def measured_here(file: Path, name: str, by: str | None) -> dict[Any, tuple[int | None, int | None]]:
    """What SQLite says, once for all engines."""
    return measured(opened(engines.sqlite_url(file)), FILTERS[name], *KEYS, by=by)


def once_more(engine: str, name: str, by: str | None) -> bool:
    """Whether it is PostgreSQL's comparison on a second server; what groups by no column of units is alike."""
    return engine == "mariadb" != engines.chosen and by != "unit"


@pytest.mark.parametrize(
    ("server_demo", "name", "by"),
    [
        pytest.param(engine, name, by, marks=pytest.mark.thorough if once_more(engine, name, by) else ())
        for engine in OTHERS
        for name in FILTERS
        for by in (None, "unit", "kind", "field", "functional", "repeat")
    ],
    indirect=["server_demo"],
    scope="module",
)
def test_both_engines_measure_the_same(demo_file: Path, server_demo: CaseDatabase, name: str, by: str | None) -> None:
    here = measured_here(demo_file, name, by)
    assert here == measured(server_demo, FILTERS[name], *KEYS, by=by)
    assert len(here) >= len(KEYS) * 3 // 4


@every_other
def server_rough(request: pytest.FixtureRequest, rough_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The county with the gaps and oddities of real sources, on another engine."""
    return engines.copied(rough_file, fresh(request, tmp_path_factory.mktemp("rough")))


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("by", [None, "unit"])
def test_both_engines_measure_a_rough_county_the_same(
    rough_file: Path, server_rough: str, name: str, by: str | None
) -> None:
    here = measured_here(rough_file, name, by)
    assert here == measured(opened(server_rough), FILTERS[name], *KEYS, by=by)
    assert len(here) >= len(KEYS) * 3 // 4


ON_SERVERS = [pytest.param(name, marks=pytest.mark.thorough if name == "mariadb" else ()) for name in OTHERS]


@pytest.mark.parametrize("server_rough", ON_SERVERS, indirect=True)  # MariaDB asks one by one in any case
@pytest.mark.parametrize("name", ["a year earlier", pytest.param("narrowed", marks=pytest.mark.thorough)])
def test_several_groupings_at_once_are_each_alone(rough_file: Path, server_rough: str, name: str) -> None:
    """Where an engine can, several groupings share a statement (GROUPING SETS)."""
    groupings, server = [None, *sorted(TOGETHER)], opened(server_rough)
    with server.reading() as connection:
        asked = [queries.Asked(KEYS, (FILTERS[name].span,), by) for by in groupings]
        together = queries.measure_together(connection, server, FILTERS[name], asked)
    for by, found in zip(groupings, together, strict=True):
        assert counts(found, grouped=by is not None) == measured_here(rough_file, name, by), by


def test_both_engines_measure_the_same_months(demo_file: Path, server_demo: CaseDatabase) -> None:
    months = last_months(DEMO_AS_OF, 13, settings.load().period)
    both = []
    for database in (opened(engines.sqlite_url(demo_file)), server_demo):
        with database.reading() as connection:
            found = queries.measure_spans(connection, database, FILTERS["everything"], KEYS, months)
            by_unit = queries.measure_spans(connection, database, FILTERS["everything"], KEYS[:3], months, by="unit")
        both.append(
            [counts(found[found["span"] == n], grouped=False) for n in range(13)]
            + [counts(by_unit[by_unit["span"] == n], grouped=True) for n in range(13)]
        )
    assert both[0] == both[1]


@pytest.mark.parametrize("name", FILTERS)
def test_both_engines_list_and_balance_the_same(demo_file: Path, server_demo: CaseDatabase, name: str) -> None:
    case_filter = FILTERS[name]
    both = []
    for database in (opened(engines.sqlite_url(demo_file)), server_demo):
        with database.reading() as connection:
            questions = [
                Question("overdue", at=(("late", "8..90"),)),
                Question("on_time_closure_rate", "rest"),
                Question("closed", at=(("kind", "township"), ("field", "C03"))),
            ]
            pages = [
                lists.case_list(connection, database, case_filter, each, search="XF202", limit=200)
                for each in questions
            ]
            story = lists.case_story(connection, database, case_filter, "XF2024031500001")
            tables = [
                *(page.rows for page in pages),
                flows.open_by_day(connection, database, case_filter),
                lists.overdue_by_day(connection, database, case_filter).sort_values(["unit", "due_day"]),
                lists.overdue_by_unit_and_field(connection, database, case_filter).sort_values(["unit", "field"]),
                *(story.moments, story.events, story.assisting),
            ]
            balance = flows.balance(connection, database, case_filter)
        both.append((balance, [(page.total, page.entries) for page in pages], story.row, tables))
    assert both[0][:2] == both[1][:2]
    assert {key: str(value) for key, value in both[0][2].items()} == {
        key: str(value) for key, value in both[1][2].items()
    }
    for here, there in zip(both[0][3], both[1][3], strict=True):
        one, other = (
            [tuple(str(value) for value in row) for row in pd.DataFrame(each).reset_index(drop=True).itertuples()]
            for each in (here, there)
        )
        assert one == other


@pytest.mark.parametrize("key", [key for key, each in INDICATORS.items() if each.table == "reminder_slip"])
@pytest.mark.parametrize("order", lists.ORDERS)
def test_lists_behind_slips_can_be_read_from_a_server(server_demo: CaseDatabase, key: str, order: str) -> None:
    counted, among = measured(server_demo, FILTERS["the year"], key)[key]
    n = among if INDICATORS[key].is_rate else counted
    with server_demo.reading() as connection:
        page = lists.case_list(connection, server_demo, FILTERS["the year"], Question(key), order=order, limit=None)
    assert page.entries == n
    assert len(page.rows) == page.total
    assert page.total > 10 or key == "slips_again"


def test_every_view_can_be_read_from_a_server(demo_file: Path, server_demo: CaseDatabase) -> None:
    case_filter = FILTERS["the year"]
    for view in (views.overview, views.trends, views.overdue, views.resolution, views.departments):
        found = []
        for database in (opened(engines.sqlite_url(demo_file)), server_demo):
            with database.reading() as connection:
                found.append(view(connection, database, case_filter))
        same(found[0], found[1], view.__name__)


@pytest.mark.parametrize(("as_of", "then", "narrowing"), COMPARED)
def test_what_changed_is_the_same_on_a_server(
    demo_file: Path, server_demo: CaseDatabase, as_of: dt.date, then: dt.date, narrowing: dict[str, tuple[str, ...]]
) -> None:
    """A closing that was undone later: MariaDB may count it wrongly where a derived table with a window is split."""
    found = []
    for database in (opened(engines.sqlite_url(demo_file)), server_demo):
        with database.reading() as connection:
            case_filter = replace(county(as_of, database.settings.period), **narrowing)
            found.append(since.changes_between(connection, database, case_filter, then))
    same(found[0], found[1], "since")
    assert found[1].gone == 0


def same(here: Any, there: Any, where: str) -> None:
    """Equal, tables in their length: their rows are compared elsewhere."""
    if isinstance(here, pd.DataFrame):
        assert len(here) == len(there), where
    elif isinstance(here, dict):
        assert here.keys() == there.keys(), where
        for key in here:
            same(here[key], there[key], f"{where} {key}")
    elif is_dataclass(here):
        for name in vars(here):
            same(getattr(here, name), getattr(there, name), f"{where}.{name}")
    elif isinstance(here, float):
        assert here == pytest.approx(there, rel=1e-12), where
    elif not isinstance(here, pd.Series):
        assert here == there, where


# What is equal


def test_codes_that_differ_by_a_capital_are_different(tmp_path: Path) -> None:
    case = {"registered_at": "2026-01-05", "due_at": "2026-03-06"}
    units = [{"unit_id": name, "name": name} for name in ("a1", "A1", "Ａ1")]
    cases = [case | {"case_no": f"{prefix}{n}", "lead_unit_id": "A1"} for prefix in ("x", "X") for n in range(2)]
    url = make_file(tmp_path, unit=units, petition_case=[*cases, case | {"case_no": "y", "lead_unit_id": "a1"}])
    found = measured(opened(url), seen("2026-11-24"), "registered", by="unit")
    assert found == {("registered", "A1"): (4, None), ("registered", "a1"): (1, None)}
    assert measured(opened(url), seen("2026-11-24", unit=("a1",)), "registered")["registered"] == (1, None)
    with opened(url).reading() as connection:
        for case_no in ("x0", "X0"):
            story = lists.case_story(connection, opened(url), seen("2026-11-24"), case_no)
            assert story.row["case_no"] == case_no


def test_a_database_of_another_character_set(mariadb_server: str, tmp_path: Path) -> None:
    """Tables of ours hold every character, whatever a server does by default."""
    url = engines.fresh_url(tmp_path, on="mariadb")
    name = str(make_url(url).database)
    engines.written(url, f"ALTER DATABASE {name} CHARACTER SET latin1")
    unit = {"unit_id": "㙍", "name": "𫭟口镇"}  # the second character has four bytes
    make(url, unit=[unit], petition_case=[{"case_no": "1", "registered_at": "2026-01-05", "lead_unit_id": "㙍"}])
    database = open_database(url, settings.load())
    assert database.names.units == {"㙍": "𫭟口镇"}
    assert measured(database, seen("2026-11-24", unit=("㙍",)), "registered")["registered"] == (1, None)
    database.engine.dispose()


def test_no_index_has_more_columns_than_mysql_takes() -> None:
    wide = [index for table in schema.metadata.tables.values() for index in table.indexes if len(index.columns) > 16]
    for index in wide:
        for name, most in (("mysql", 16), ("mariadb", 32)):
            written = str(CreateIndex(index).compile(dialect=parsed(f"{name}://").get_dialect()()))
            columns = written.partition("(")[2].split(", ")
            assert columns[0].strip(" )") == next(iter(index.columns)).name
            assert len(columns) == min(len(index.columns), most)


# How a source keeps its moments


ZONED = """
CREATE SCHEMA zoned;
CREATE TABLE zoned.unit (unit_id text PRIMARY KEY, name text);
CREATE TABLE zoned.petition_case (
    case_no text PRIMARY KEY, lead_unit_id text, registered_at timestamptz, closed_at timestamptz,
    accepted_at date, due_at date
);
INSERT INTO zoned.unit VALUES ('A', '甲局');
INSERT INTO zoned.petition_case VALUES
    ('in time', 'A', '2026-01-05 20:00:00+00', '2026-03-06 15:59:59+00', NULL, '2026-03-06'),
    ('a second late', 'A', '2026-01-05 20:00:00+00', '2026-03-06 16:00:00+00', NULL, '2026-03-06'),
    ('open', 'A', '2026-01-05 20:00:00+00', NULL, '2026-01-10', NULL);
"""


@pytest.fixture
def zoned(postgres_url: str) -> Iterator[CaseDatabase]:
    """Moments with a zone and deadlines as dates, in a schema of their own."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(ZONED)
        role = connection.info.user
        connection.execute(f'ALTER ROLE "{role}" IN DATABASE "{connection.info.dbname}" SET search_path = zoned')
        database = open_database(str(make_url(postgres_url).render_as_string(hide_password=False)), settings.load())
        yield database
        database.engine.dispose()
        connection.execute(f'ALTER ROLE "{role}" IN DATABASE "{connection.info.dbname}" RESET search_path')
        connection.execute("DROP SCHEMA zoned CASCADE")


def test_moments_with_a_zone_and_deadlines_as_dates(zoned: CaseDatabase) -> None:
    assert_of_shanghai(zoned)


def assert_of_shanghai(zoned: CaseDatabase) -> None:
    """20:00 in Greenwich is 4:00 of the next day in Shanghai; the 6th ends there at 15:59:59."""
    assert measured(zoned, seen("2026-01-06 3:59:59"), "registered") == {"registered": (0, None)}
    assert measured(zoned, seen("2026-01-06 4:00"), "registered") == {"registered": (3, None)}
    day = seen("2026-03-07", "2026-03-06", "2026-03-06")
    assert measured(zoned, day, "closed", "on_time_closure_rate") == {
        "closed": (1, None),
        "on_time_closure_rate": (1, 2),
    }
    # Accepted on 10 January: due at the end of 11 March.
    assert measured(zoned, seen("2026-03-11 23:59:58"), "overdue") == {"overdue": (0, None)}
    assert measured(zoned, seen("2026-03-11"), "overdue") == {"overdue": (1, None)}
    with zoned.reading() as connection:
        rows = lists.case_list(connection, zoned, seen("2026-11-24"), Question()).rows.set_index("case_no")
        daily = flows.open_by_day(connection, zoned, seen("2026-03-08"))
    assert rows.loc["in time", "closed_at"] == pd.Timestamp("2026-03-06 23:59:59")
    assert rows.loc["in time", "due_at"] == pd.Timestamp("2026-03-06 23:59:59")
    assert (rows.loc["in time", "was_late"], rows.loc["a second late", "was_late"]) == (False, True)
    assert rows.loc["open", "due_at"] == pd.Timestamp("2026-03-11 23:59:59")
    assert [daily.loc[f"2026-{day}"] for day in ("01-06", "03-05", "03-06", "03-07")] == [3, 3, 2, 1]
    assert zoned.first_registered_at == dt.datetime(2026, 1, 6, 4)


def test_moments_of_mariadb_with_a_zone(mariadb_url: str) -> None:
    """TIMESTAMP is kept in Greenwich's time and read in that of the settings, whatever the server's."""
    engines.written(
        mariadb_url,
        "DROP TABLE IF EXISTS unit, petition_case",
        "SET time_zone = '+00:00'",
        "CREATE TABLE unit (unit_id VARCHAR(40) PRIMARY KEY, name VARCHAR(120))",
        "CREATE TABLE petition_case (case_no VARCHAR(40) PRIMARY KEY, lead_unit_id VARCHAR(40), "
        "registered_at TIMESTAMP NULL, closed_at TIMESTAMP NULL, accepted_at DATE, due_at DATE)",
        "INSERT INTO unit VALUES ('A', '甲局')",
        "INSERT INTO petition_case VALUES "
        "('in time', 'A', '2026-01-05 20:00:00', '2026-03-06 15:59:59', NULL, '2026-03-06'), "
        "('a second late', 'A', '2026-01-05 20:00:00', '2026-03-06 16:00:00', NULL, '2026-03-06'), "
        "('open', 'A', '2026-01-05 20:00:00', NULL, '2026-01-10', NULL)",
    )
    database = open_database(mariadb_url, settings.load())
    assert_of_shanghai(database)
    database.engine.dispose()


@pytest.mark.only_on("sqlite", reason="about its files")
@pytest.mark.parametrize("kind", ["TEXT", "DATE", "DATETIME"])
def test_columns_of_dates_in_sqlite(tmp_path: Path, kind: str) -> None:
    """A date is the end of its day for a deadline and its beginning for anything else."""
    path = tmp_path / "dates.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE unit (unit_id TEXT, name TEXT)")
        columns = ", ".join(f"{name} {kind}" for name in ("registered_at", "closed_at", "due_at", "accepted_at"))
        connection.execute(f"CREATE TABLE petition_case (case_no TEXT, lead_unit_id TEXT, {columns})")
        connection.executemany(
            "INSERT INTO petition_case VALUES (?, 'A', ?, ?, ?, ?)",
            [
                ("1", "2026-01-05", "2026-03-06", "2026-03-06", None),
                ("2", "2026-01-05", "2026-03-07", "2026-03-06", None),
                ("3", "2026-01-05", None, None, "2026-01-10"),
            ],
        )
    database = open_database(f"sqlite:///{path.as_posix()}", settings.load())
    keys = ("registered", "closed", "overdue", "on_time_closure_rate")
    assert measured(database, seen("2026-01-05 0:00"), "registered") == {"registered": (3, None)}
    assert measured(database, seen("2026-03-06"), *keys) == {
        "registered": (3, None),
        "closed": (1, None),
        "overdue": (1, None),
        "on_time_closure_rate": (1, 2),
    }
    assert measured(database, seen("2026-03-11"), "overdue") == {"overdue": (1, None)}
    with database.reading() as connection:
        rows = lists.case_list(connection, database, seen("2026-03-06"), Question()).rows.set_index("case_no")
    assert rows.loc["1", "due_at"] == pd.Timestamp("2026-03-06 23:59:59")
    assert rows.loc["1", "closed_at"] == pd.Timestamp("2026-03-06")
    database.engine.dispose()


# What a database need not have


@pytest.mark.parametrize("as_of", ["2026-11-24", "2026-06-30", "2026-03-01"])
def test_a_minimal_database(minimal_url: str, as_of: str) -> None:
    at = end_of(as_of)
    cases = [
        (
            dt.datetime.fromisoformat(registered),
            dt.datetime.fromisoformat(closed) if closed else None,
            unit,
            dt.datetime.combine(dt.date.fromisoformat(due), dt.time(23, 59, 59)),
        )
        for _, registered, closed, unit, due in minimal_cases()
    ]
    there = [case for case in cases if case[0] <= at]
    done = [case for case in there if case[1] and case[1] <= at]
    past = [case for case in there if case[3] <= at]
    late = [case for case in past if case not in done]
    found = measured(opened(minimal_url), seen(as_of), *KEYS)
    assert found["registered"] == (len(there), None)
    assert found["closed"] == (found["closure_rate"][0], None) == (len(done), None)
    assert found["overdue"] == (len(late), None)
    assert found["overdue_share"] == (len(late), len(there) - len(done))
    assert found["on_time_closure_rate"] == (sum(bool(c[1] and c[1] <= c[3]) for c in past), len(past))
    assert found.keys() == {
        *(
            "registered",
            "closed",
            "open",
            "overdue",
            "due_soon",
            "overdue_share",
            "on_time_closure_rate",
            "closure_rate",
        )
    }
    units = measured(opened(minimal_url), seen(as_of), "open", by="unit")
    assert sum(n for n, _ in units.values()) == len(there) - len(done)
    with opened(minimal_url).reading() as connection:
        for by in ("channel", "township", "kind", "field"):
            assert queries.measure(connection, opened(minimal_url), seen(as_of), KEYS, by).empty
        story = lists.case_story(connection, opened(minimal_url), seen(as_of), "M001")
        assert story.moments["moment"].iloc[0] == "registered_at"
        for view in (views.overview, views.trends, views.overdue, views.resolution, views.departments):
            view(connection, opened(minimal_url), seen(as_of, "2026-01-01"))


NEEDED_BY = {
    "answered_at": {"on_time_answer_rate", "closed_unanswered"},
    "forwarded_at": {"office_timely_forwarding_rate"},
    "unit_received_at": {"unit_timely_acceptance_rate", "acceptance_overdue"},
    "resolved_at": {"resolution_rate", "backlog_resolution_rate"},
    "followed_up_at": {"follow_up_rate", "no_second_look"},
    "extended_at": {"extension_rate", "extension_unreasoned", "extension_over_limit"},
    "office_rating_expires_at": {"office_rating_response_rate"},
    "unit_rating": {"unit_satisfaction_rate", "no_second_look"},
    "is_repeat": {"repeat_share"},
    "is_collective": {"collective_share"},
}


@pytest.fixture(scope="module")
def demo_copy(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo without indexes, so that columns and tables can be renamed, and named back."""
    return engines.copied(demo_file, engines.fresh_url(tmp_path_factory.mktemp("copy"), "copy"), indexed=False)


@contextmanager
def without(url: str, *names: str) -> Iterator[CaseDatabase]:
    """The database while it lacks these tables, or columns of petition_case: they have other names."""

    def renamed(name: str, to: str) -> str:
        return f"ALTER TABLE petition_case RENAME COLUMN {name} TO {to}"

    def renamed_table(name: str, to: str) -> str:
        return f"ALTER TABLE {name} RENAME TO {to}"

    of = {name: renamed_table if name in schema.metadata.tables else renamed for name in names}
    engines.written(url, *(of[name](name, f"no_{name}") for name in names))
    database = open_database(url, settings.load())
    try:
        yield database
    finally:
        database.engine.dispose()
        engines.written(url, *(of[name](f"no_{name}", name) for name in names))


def test_a_missing_column_costs_what_it_feeds_and_nothing_else(demo_url: str, demo_copy: str) -> None:
    case_filter = seen("2026-11-24", "2026-01-01")
    whole = measured(opened(demo_url), case_filter, *KEYS)
    for column, lost in NEEDED_BY.items():
        with without(demo_copy, column) as database:
            found = measured(database, case_filter, *KEYS)
        assert set(whole) - set(found) == lost, column
        assert found == {key: whole[key] for key in found}, column


def test_missing_tables_cost_what_they_feed_and_nothing_else(demo_url: str, demo_copy: str) -> None:
    tables = (
        "unit_alias",
        "post",
        "case_unit",
        "listing",
        "instruction",
        "progress",
        "reminder_slip",
        "checklist_item",
    )
    case_filter = seen("2025-09-24", "2025-01-01", "2025-12-31")
    with without(demo_copy, *tables, "meeting_decision", "contract") as database:
        whole, found = (measured(each, case_filter, *KEYS) for each in (opened(demo_url), database))
        needs = {key: INDICATORS[key].needs for key in KEYS}
        costs = {
            key for key in KEYS if any(name.startswith(tuple(f"{table}." for table in tables)) for name in needs[key])
        }
        assert whole.keys() - found.keys() == costs
        assert {"slip_return_rate", "supervised", "legal_review_rate"} <= costs
        assert not costs & {"overdue", "assigned", "report_rate", "closed_unanswered", "no_second_look"}
        assert found == {key: whole[key] for key in found}
        with database.reading() as connection:
            page = lists.case_list(connection, database, case_filter, Question("overdue"))
            assert page.total == whole["overdue"][0]
            assert not page.rows["supervised"].any()
            lists.case_story(connection, database, case_filter, page.rows["case_no"].iloc[0])


def test_without_events_the_record_is_taken_as_it_is(demo_url: str, demo_file: Path, demo_copy: str) -> None:
    with closing(sqlite3.connect(demo_file)) as connection:
        expected = connection.execute(
            "SELECT lead_unit_id, count(*) FROM petition_case WHERE registered_at <= '2025-09-24 23:59:59' "
            "AND (closed_at IS NULL OR closed_at > '2025-09-24 23:59:59') AND purpose <> 'accusation' GROUP BY 1"
        ).fetchall()
    with without(demo_copy, "case_event") as database:
        found = measured(database, seen("2025-09-24"), "open", by="unit")
    assert found == {("open", unit): (n, None) for unit, n in expected}
    assert found != measured(opened(demo_url), seen("2025-09-24"), "open", by="unit")


@pytest.mark.only_on("sqlite", reason="about its files")
@pytest.mark.parametrize("lacking", ["registered_at", "closed_at", "lead_unit_id", "due_at"])
def test_what_is_required_is_named(tmp_path: Path, lacking: str) -> None:
    path = tmp_path / "less.sqlite"
    columns = [name for name in ("case_no", "registered_at", "closed_at", "lead_unit_id", "due_at") if name != lacking]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE unit (unit_id TEXT, name TEXT)")
        connection.execute(f"CREATE TABLE petition_case ({', '.join(columns)})")
    with pytest.raises(Problem) as missing:
        open_database(f"sqlite:///{path.as_posix()}", settings.load())
    assert (missing.value.key, missing.value.values["names"]) == ("missing_columns", f"petition_case.{lacking}")
