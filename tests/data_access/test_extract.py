"""An extract: the same figures as its source, swapped while it is read, kept when a refresh fails, never written."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import engines
import pytest
from handmade import counts, differences, make_file, measured, moment, opened, seen
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from data_access import flows, location, queries, schema, settings
from data_access.__main__ import app
from data_access.database import CaseDatabase, open_database
from data_access.engine import pointer_of, writing_engine
from data_access.extract import WHOLE_AFTER, extract, is_extract
from data_access.indicators import INDICATORS
from data_access.problems import Problem

NOW = dt.datetime(2026, 11, 24, 10, 35)
LATER = NOW + dt.timedelta(minutes=10)


def url_of(target: Path) -> str:
    return f"duckdb:///{target.as_posix()}"


def open_now(url: str, known: CaseDatabase | None = None) -> CaseDatabase:
    return open_database(url, settings.load(), known)


def cases_in(database: CaseDatabase) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(select(schema.petition_case.c.case_no)))


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Two cases in a database of the whole contract."""
    case = {"registered_at": "2026-10-01 9:00", "lead_unit_id": "u1", "due_at": "2026-11-30"}
    cases = [case | {"case_no": "c2"}, case | {"case_no": "c1", "closed_at": "2026-11-01", "is_repeat": True}]
    return make_file(tmp_path, unit=[{"unit_id": "u1", "name": "甲"}], petition_case=cases)


def add_case(source: str, name: str) -> None:
    engines.written(
        source,
        "INSERT INTO petition_case (case_id, case_no, registered_at, lead_unit_id, due_at)"
        f" VALUES ('{name}', '{name}', '2026-11-02 09:00:00', 'u1', '2026-12-31 23:59:59')",
    )


def test_an_extract_gives_the_figures_of_its_source(demo_url: str, tmp_path: Path) -> None:
    database = opened(demo_url)
    told: list[tuple[int, int]] = []
    made = extract(database, tmp_path / "cases.duckdb", NOW, lambda done, total: told.append((done, total)))
    assert made.cases == 12_000 and made.file.name == "cases.20261124T103500.duckdb"
    copy = open_now(url_of(tmp_path / "cases.duckdb"))
    assert (copy.extracted_at, copy.demo_as_of) == (NOW, database.demo_as_of)
    assert copy.columns == database.columns and copy.empty == database.empty - {
        "contract.extracted_at",
        "contract.prepared_for",
    }
    rows = 0
    for table in schema.metadata.tables:
        found = []
        for each in (database, copy):
            with each.reading() as connection:
                found.append(connection.scalar(text(f"SELECT count(*) FROM {table}")))
        assert found[0] == found[1], table
        rows += found[0]
    assert told[-1] == (rows, rows) and [done for done, _ in told] == sorted(done for done, _ in told)
    for by in (None, "unit", "category"):
        case_filter = seen("2026-11-24", "2025-12-01")
        both = []
        for each in (database, copy):
            with each.reading() as connection:
                table_of = queries.measure(connection, each, case_filter, tuple(INDICATORS), by)
            both.append(counts(table_of, grouped=by is not None))
        assert len(both[0]) > 20 and differences(*both) == {}, by


def test_events_alone_tell_which_cases_have_changed(demo_file: Path, tmp_path: Path) -> None:
    """Where no case says itself when it was last reopened or reassigned."""
    file = tmp_path / "plain.sqlite"
    shutil.copy(demo_file, file)
    with closing(sqlite3.connect(file)) as connection:
        indexes = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix_%'")
        for (name,) in indexes.fetchall():
            connection.execute(f"DROP INDEX {name}")
        for kind in ("reopened", "reassigned"):
            connection.execute(f"ALTER TABLE petition_case DROP COLUMN last_{kind}_at")
    database = opened(f"sqlite:///{file.as_posix()}")
    extract(database, tmp_path / "cases.duckdb", NOW, lambda _done, _total: None)
    copy = open_now(url_of(tmp_path / "cases.duckdb"))
    assert copy.prepared and not copy.has("last_reassigned_at")
    units = tuple(unit for unit, kind in database.names.kinds.items() if kind == "township")[:3]
    for narrowed in ({}, {"unit": units}, {"kind": ("township",)}):
        case_filter, found = seen("2026-11-24", "2025-12-01", **narrowed), []
        for each in (database, copy):
            with each.reading() as connection:
                daily = flows.open_by_day(connection, each, case_filter)
                strip = flows.balance(connection, each, case_filter)
            found.append((daily.to_list(), strip))
        assert found[0] == found[1] and found[0][0][-1] > 0, narrowed


def test_every_value_is_copied_as_it_is(source: str, tmp_path: Path) -> None:
    extract(opened(source), tmp_path / "x.duckdb", NOW)
    with open_now(url_of(tmp_path / "x.duckdb")).reading() as connection:
        c = schema.petition_case.c
        rows = connection.execute(select(c.case_no, c.registered_at, c.closed_at, c.is_repeat, c.track)).all()
    registered = moment("2026-10-01 9:00")
    assert sorted(rows) == [("c1", registered, moment("2026-11-01"), True, None), ("c2", registered, None, None, None)]


def test_dates_alone_and_missing_columns(tmp_path: Path) -> None:
    """A foreign database: dates only, whole numbers as keys, no case_id, no table but two, names beside."""
    file = tmp_path / "foreign.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(
            "CREATE TABLE unit (unit_id INTEGER, name TEXT);"
            "CREATE TABLE petition_case (case_no INTEGER, petitioner TEXT, registered_at DATE, closed_at DATE,"
            " lead_unit_id INTEGER, due_at DATE);"
            "INSERT INTO unit VALUES (1, '甲');"
            "INSERT INTO petition_case VALUES (7, '某人', '2026-10-01', '2026-11-30', 1, '2026-11-30'),"
            " (7, '某人', '2026-10-01', NULL, 1, '2026-11-23');"
        )
    database = open_now(f"sqlite:///{file.as_posix()}")
    extract(database, tmp_path / "x.duckdb", NOW)
    copy = open_now(url_of(tmp_path / "x.duckdb"))
    with copy.reading() as connection:
        rows = connection.execute(text("SELECT * FROM petition_case")).mappings().all()
    assert [row["due_at"] for row in rows] == [dt.datetime(2026, 11, d, 23, 59, 59) for d in (30, 23)]
    assert [row["registered_at"] for row in rows] == [dt.datetime(2026, 10, 1)] * 2
    prepared = {column.name for column in schema.PREPARED}
    assert set(rows[0]) - prepared == {"case_no", "registered_at", "closed_at", "lead_unit_id", "due_at"}
    assert [(row["case_no"], row["lead_unit_id"]) for row in rows] == [("7", "1")] * 2
    assert copy.columns - database.columns == {f"contract.{each.name}" for each in schema.contract.columns}
    case_filter = seen("2026-12-01", "2026-01-01")
    keys = ("registered", "overdue", "closed", "on_time")
    keys = tuple(key for key in keys if key in INDICATORS)
    assert measured(database, case_filter, *keys) == measured(copy, case_filter, *keys)
    assert measured(copy, case_filter, "overdue")["overdue"][0] == 1


def test_a_new_copy_is_taken_up_while_the_old_one_is_read(source: str, tmp_path: Path) -> None:
    target = tmp_path / "x.duckdb"
    extract(opened(source), target, NOW)
    old = open_now(url_of(target))
    assert open_now(url_of(target), old) is old
    with old.reading() as reading:
        assert reading.scalar(text("SELECT count(*) FROM petition_case")) == 2
        add_case(source, "c3")
        extract(open_now(source), target, LATER)
        new = open_now(url_of(target), old)
        assert reading.scalar(text("SELECT count(*) FROM petition_case")) == 2
        assert len(cases_in(new)) == 3
    assert len(cases_in(old)) == 2  # a page that began before
    assert new.engine is not old.engine and new.version != old.version and new.url == old.url
    assert (new.extracted_at, open_now(url_of(target), new)) == (LATER, new)


def test_a_copy_of_the_same_data_is_another_version(source: str, tmp_path: Path) -> None:
    target = tmp_path / "x.duckdb"
    extract(opened(source), target, NOW)
    old = open_now(url_of(target))
    # Twice in one second: names still tell the order.
    second = extract(opened(source), target, NOW)
    assert second.file.name == "x.20261124T103501.duckdb"
    assert open_now(url_of(target), old).engine.url.database == second.file.as_posix()
    third = extract(opened(source), target, LATER)
    kept = sorted(file.name for file in tmp_path.glob("x.*"))
    assert kept == [second.file.name, third.file.name, "x.duckdb.current"]


def test_a_failed_refresh_keeps_the_last_copy(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "copies" / "x.duckdb"
    database = opened(source)

    def fail(_done: int, _total: int) -> None:
        raise OSError("no space left")

    with pytest.raises(Problem) as first:
        extract(database, target, NOW, fail)
    assert first.value.key == "cannot_write" and list(target.parent.iterdir()) == []
    made = extract(database, target, NOW)
    before = {file.name: file.read_bytes() for file in target.parent.iterdir()}
    with pytest.raises(Problem) as again:
        extract(database, target, LATER, fail)
    assert again.value.key == "extract_kept_last" and made.file.name in str(again.value)
    assert {file.name: file.read_bytes() for file in target.parent.iterdir()} == before
    if engines.chosen == "sqlite":  # the others keep no such moment
        engines.written(source, "UPDATE petition_case SET legal_reviewed_at = 'gestern'")
        with pytest.raises(Problem, match="读不懂"):
            extract(database, target, LATER)
        assert {file.name: file.read_bytes() for file in target.parent.iterdir()} == before
    assert len(cases_in(open_now(url_of(target)))) == 2


def test_what_a_stopped_process_left_is_cleared(source: str, tmp_path: Path) -> None:
    (tmp_path / "x.duckdb.part").write_bytes(b"half a file")
    extract(opened(source), tmp_path / "x.duckdb", NOW)
    assert not (tmp_path / "x.duckdb.part").exists()


def test_an_extract_is_not_copied_again(source: str, tmp_path: Path) -> None:
    extract(opened(source), tmp_path / "x.duckdb", NOW)
    with pytest.raises(Problem) as raised:
        extract(open_now(url_of(tmp_path / "x.duckdb")), tmp_path / "y.duckdb", LATER)
    assert raised.value.key == "extract_of_extract"


def test_duckdb_is_opened_to_read_only(source: str, tmp_path: Path) -> None:
    extract(opened(source), tmp_path / "x.duckdb", NOW)
    copy = open_now(url_of(tmp_path / "x.duckdb"))
    with copy.engine.connect() as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(schema.unit.delete())
    with pytest.raises(Problem) as raised, copy.reading() as connection:
        connection.execute(schema.unit.delete())
    assert raised.value.key == "not_allowed"


def test_a_pointer_leads_to_a_file_beside_it_or_to_a_sentence(source: str, tmp_path: Path) -> None:
    target = tmp_path / "x.duckdb"
    with pytest.raises(Problem) as raised:
        open_now(url_of(target))
    assert raised.value.key == "no_such_file" and not target.exists()
    pointer_of(target).write_text("../elsewhere/gone.duckdb\n", encoding="utf-8")
    with pytest.raises(Problem) as raised:
        open_now(url_of(target))
    assert raised.value.values["file"] == (tmp_path / "gone.duckdb").as_posix()


# --- a refresh of the last copy


def all_rows(target: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of a copy, in an order of their own; but not when it was made."""
    file = target.with_name(pointer_of(target).read_text(encoding="utf-8").strip())
    with closing(duckdb.connect(str(file), read_only=True)) as copy:
        names = [name for (name,) in copy.execute("SELECT table_name FROM information_schema.tables").fetchall()]
        held = {}
        for name in sorted(names):
            columns = "* EXCLUDE (extracted_at)" if name == "contract" else "*"
            held[name] = sorted(copy.execute(f'SELECT {columns} FROM "{name}"').fetchall(), key=repr)
    held.pop("extract_origin")
    return held


def kept_up_to_date(folder: Path, cases: int = 40) -> str:
    """Cases that bear a moment of change, each with entries in side tables."""
    folder.mkdir(exist_ok=True)
    numbers = [f"c{n}" for n in range(cases)]
    case = {"registered_at": "2026-10-01 9:00", "lead_unit_id": "u1", "due_at": "2026-11-30"}
    return make_file(
        folder,
        unit=[{"unit_id": "u1", "name": "甲"}, {"unit_id": "u2", "name": "乙"}],
        petition_case=[case | {"case_no": number, "updated_at": "2026-10-01 9:00"} for number in numbers],
        reminder_slip=[{"slip_id": n, "case_id": n, "unit_id": "u1", "issued_at": "2026-10-20"} for n in numbers],
        case_event=[{"case_id": n, "kind": "extended", "at": "2026-10-20"} for n in numbers],
    )


def edited(source: str, number: int, what: str, at: dt.datetime) -> None:
    """Change one case the way a case system does: the record and its moment of change, and its entries."""
    name = f"c{number}"
    case, slip, event = schema.petition_case, schema.reminder_slip, schema.case_event
    this, its_slip = case.c.case_id == name, slip.c.case_id == name
    engine = writing_engine(source)
    with engine.begin() as connection:
        if what in ("removed", "made anew"):
            connection.execute(case.delete().where(this))
            connection.execute(slip.delete().where(its_slip))
        if what == "made anew":
            added = {"case_id": name, "case_no": name, "registered_at": at, "updated_at": at, "lead_unit_id": "u1"}
            connection.execute(case.insert().values(**added, channel="letter"))
        elif what == "slip answered":
            connection.execute(slip.update().where(its_slip).values(answered_at=at))
        elif what in CHANGES:
            connection.execute(case.update().where(this).values(**CHANGES[what](at)))
        if what == "moved":
            connection.execute(event.insert().values(case_id=name, kind="reassigned", at=at))
    engine.dispose()


CHANGES: dict[str, Callable[[dt.datetime], dict[str, object]]] = {
    "closed": lambda at: {"closed_at": at, "updated_at": at},
    "moved": lambda at: {"lead_unit_id": "u2", "registered_at": at, "updated_at": at},
    "without a moment": lambda _at: {"track": "other", "updated_at": None},
    "set back": lambda _at: {"track": "summary", "updated_at": dt.datetime(2020, 1, 1)},
}
EDITS = (*CHANGES, "slip answered", "removed", "made anew")


@given(
    rounds=st.lists(st.lists(st.tuples(st.integers(0, 45), st.sampled_from(EDITS)), max_size=6), min_size=1, max_size=3)
)
@hypothesis_settings(derandomize=True, deadline=None, database=None, phases=(Phase.generate,), max_examples=5)
def test_a_refreshed_copy_is_a_whole_one_row_for_row(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[int, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("refresh")
    source = kept_up_to_date(folder)
    target, whole = folder / "x.duckdb", folder / "whole.duckdb"
    assert extract(open_now(source), target, NOW).changed is None
    at = NOW
    for edits in rounds:
        at += dt.timedelta(minutes=10)
        for number, what in edits:
            edited(source, number, what, at)
        told: list[tuple[int, int]] = []
        made = extract(open_now(source), target, at, lambda done, total, told=told: told.append((done, total)))
        extract(open_now(source), whole, at, whole=True)
        assert made.changed is not None
        assert all_rows(target) == all_rows(whole)
        assert told[-1][0] == told[-1][1] and told == sorted(told)
        assert open_now(url_of(target)).extracted_at == at


def test_only_what_has_changed_is_read_again(tmp_path: Path) -> None:
    source, target = kept_up_to_date(tmp_path), tmp_path / "x.duckdb"
    for number in range(3):
        edited(source, number, "closed", NOW)
    extract(open_now(source), target, NOW)
    edited(source, 7, "moved", LATER)
    edited(source, 8, "removed", LATER)
    # Changed, gone, and the three that changed shortly before the last change of all.
    assert extract(open_now(source), target, LATER).changed == 5
    silently = "UPDATE petition_case SET task_force = 'silent' WHERE case_no = 'c9'"  # updated_at does not say so
    engines.written(source, silently)
    assert extract(open_now(source), target, LATER).changed == 4
    assert "silent" not in repr(all_rows(target))
    assert extract(open_now(source), target, LATER, whole=True).changed is None
    assert "silent" in repr(all_rows(target))
    engines.written(source, silently.replace("silent", "next day"))
    assert extract(open_now(source), target, LATER + WHOLE_AFTER).changed is None
    assert "next day" in repr(all_rows(target))


def test_all_is_copied_where_the_last_copy_cannot_be_built_upon(tmp_path: Path) -> None:
    source, target = kept_up_to_date(tmp_path / "one"), tmp_path / "x.duckdb"
    other = kept_up_to_date(tmp_path / "other", cases=3)
    extract(open_now(source), target, NOW)
    assert extract(open_now(other), target, LATER).changed is None  # another database
    assert len(cases_in(open_now(url_of(target)))) == 3
    made = extract(open_now(other), target, LATER)
    assert made.changed is not None
    made.file.write_bytes(b"damaged")
    assert extract(open_now(other), target, LATER).changed is None
    assert len(cases_in(open_now(url_of(target)))) == 3


def test_nothing_else_is_written_into_an_extract(source: str, tmp_path: Path) -> None:
    target = tmp_path / "x.duckdb"
    made = extract(opened(source), target, NOW)
    assert not is_extract(source) and not is_extract(url_of(tmp_path / "y.duckdb"))
    for file in (target, made.file):
        assert is_extract(url_of(file))
        for command in (["demo", "--cases", "5"], ["import", "ledger.csv"]):
            done = CliRunner().invoke(app, [*command, "--url", url_of(file)])
            assert done.exit_code == 2 and "是数据副本" in done.stderr and len(done.stderr.splitlines()) == 1
    assert len(cases_in(open_now(url_of(target)))) == 2


# --- the command


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["extract", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_makes_the_default_file(demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(location, "DEMO_FILE", tmp_path / "data" / "demo.sqlite")
    code, said, wrong = run("--url", demo_url)
    assert (code, wrong) == (0, "")
    assert "12,000 件" in said and url_of((tmp_path / "data" / "extract.duckdb").resolve()) in said
    assert open_now(url_of(tmp_path / "data" / "extract.duckdb")).extracted_at


@pytest.mark.parametrize("every", ["10", "m", "0m", "1.5h", "ten"])
def test_a_mistake_in_the_interval_is_one_sentence(source: str, tmp_path: Path, every: str) -> None:
    code, said, wrong = run("--url", source, "--to", str(tmp_path / "x.duckdb"), "--every", every)
    assert (code, said) == (2, "") and every in wrong and len(wrong.splitlines()) == 1
    assert not pointer_of(tmp_path / "x.duckdb").exists()


@pytest.mark.only_on("sqlite", reason="its file is moved away and back")
def test_it_repeats_until_stopped_and_outlives_a_failure(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[int] = []
    file = Path(source.removeprefix("sqlite:///"))

    def sleep(seconds: int) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            file.rename(file.with_suffix(".away"))
        elif len(slept) == 2:
            file.with_suffix(".away").rename(file)
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr("data_access.__main__.time.sleep", sleep)
    code, said, wrong = run("--url", source, "--to", str(tmp_path / "x.duckdb"), "--every", "2h")
    assert (code, slept) == (130, [7200] * 3)
    assert len(said.splitlines()) == 2 and "cases.sqlite" in wrong
