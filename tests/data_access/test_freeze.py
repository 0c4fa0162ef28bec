"""A frozen copy: what is in it, that it is never changed, and what the records have changed since."""

from __future__ import annotations

import datetime as dt
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import engines
import pytest
from handmade import make, make_file
from test_since import CASES, CLOCK, EVENTS, LISTINGS, NOW, THEN, UNITS, ask, listed
from typer.testing import CliRunner

from data_access import frozen, lists, schema, settings, since
from data_access.__main__ import app
from data_access.database import CaseDatabase, open_database
from data_access.filters import county
from data_access.lists import Question
from data_access.problems import Problem

MADE = dt.datetime(2026, 5, 31, 9)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CaseDatabase:
    monkeypatch.chdir(tmp_path)  # where copies of a server's database lie
    cases = [CLOCK | case for case in CASES]
    url = make_file(tmp_path, unit=UNITS, petition_case=cases, case_event=EVENTS, listing=LISTINGS)
    return open_database(url, settings.load())


def changed(database: CaseDatabase, *statements: str) -> CaseDatabase:
    engines.written(database.url, *statements)
    return open_database(database.url, settings.load())


def test_a_copy_holds_every_row_and_gives_the_same_figures(demo_url: str, tmp_path: Path) -> None:
    database = open_database(demo_url, settings.load())
    made = frozen.freeze(database, dt.date(2026, 11, 24), MADE, tmp_path)
    assert made.file == tmp_path / "frozen-2026-11-24.sqlite" and made.cases == 12_000
    copy = open_database(f"sqlite:///{made.file.as_posix()}", settings.load())
    for table in schema.metadata.tables:
        counts = []
        for each in (database, copy):
            with each.reading() as connection:
                counts.append(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar())
        assert counts[0] == counts[1], table
    seen = county(dt.date(2026, 11, 24), database.settings.period)
    for key in ("overdue", "open", "supervised", "closed"):
        pages = [ask(each, lists.case_list, seen, Question(key), "", "due", False, None) for each in (database, copy)]
        assert pages[0].rows.equals(pages[1].rows), key


@pytest.mark.only_on("sqlite", reason="a copy lies beside a SQLite file")
def test_a_copy_is_beside_the_database(small: CaseDatabase) -> None:
    made = frozen.freeze(small, THEN, MADE)
    assert made.file.parent == Path(small.url.removeprefix("sqlite:///")).parent


def test_a_copy_is_read_only_and_made_once(small: CaseDatabase) -> None:
    made = frozen.freeze(small, THEN, MADE)
    assert not made.file.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    content = made.file.read_bytes()
    with pytest.raises(Problem) as problem:
        frozen.freeze(small, THEN, MADE)
    assert problem.value.key == "frozen_exists"
    assert made.file.read_bytes() == content
    assert not list(made.file.parent.glob("*.part"))


def test_only_columns_of_the_contract_are_copied(small: CaseDatabase) -> None:
    database = changed(
        small,
        "ALTER TABLE petition_case ADD COLUMN petitioner_name VARCHAR(40)",
        "UPDATE petition_case SET petitioner_name = '张三丰'",
        "CREATE TABLE petitioner (name VARCHAR(40))",
        "INSERT INTO petitioner VALUES ('张三丰')",
    )
    made = frozen.freeze(database, THEN, MADE)
    assert "张三丰".encode() not in made.file.read_bytes()
    with closing(sqlite3.connect(made.file.resolve().as_uri() + "?mode=ro", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        columns = {row[1] for row in connection.execute("PRAGMA table_info(petition_case)")}
    assert tables <= {*schema.metadata.tables, "frozen_copy"}
    assert columns <= set(schema.petition_case.columns.keys())


def test_a_copy_that_fails_leaves_nothing(small: CaseDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(frozen, "_copy", fail)
    with pytest.raises(RuntimeError):
        frozen.freeze(small, THEN, MADE, tmp_path / "copies")
    assert not list((tmp_path / "copies").iterdir())


def test_a_minimal_database_can_be_frozen(minimal_url: str, tmp_path: Path) -> None:
    made = frozen.freeze(open_database(minimal_url, settings.load()), THEN, MADE, tmp_path)
    copy = open_database(f"sqlite:///{made.file.as_posix()}", settings.load())
    seen = county(dt.date(2026, 11, 24), copy.settings.period)
    database = open_database(minimal_url, settings.load())
    assert listed(copy, seen, "overdue") == listed(database, seen, "overdue") != set()


def test_the_copy_is_what_was_shown_and_the_records_are_told_apart(small: CaseDatabase) -> None:
    """late_on, closed, extended and moved were late on 31 May; then somebody puts the records right."""
    frozen.freeze(small, THEN, MADE)
    database = changed(
        small,
        # said on 20 June: it had been closed on 20 May already
        "UPDATE petition_case SET closed_at = '2026-05-20 10:00:00' WHERE case_no = 'late_on'",
        # the deadline was mistyped
        "UPDATE petition_case SET due_at = '2026-06-20 23:59:59' WHERE case_no = 'fell_due'",
        "UPDATE petition_case SET lead_unit_id = 'B' WHERE case_no = 'closed_in_time'",
        "DELETE FROM petition_case WHERE case_no = 'moved'",
        "INSERT INTO petition_case (case_id, case_no, registered_at, accepted_at, due_at, lead_unit_id) VALUES "
        "('late_entry', 'late_entry', '2026-02-01 09:00:00', '2026-02-01 10:00:00', '2026-04-01 23:59:59', 'A')",
    )
    seen = county(NOW, database.settings.period)
    found = ask(database, since.changes_between, seen, THEN)
    assert found.copy and found.copy.made_at == MADE
    expected = {
        "overdue_then": {"late_on", "closed", "extended"},
        "newly_overdue": {"fell_due", "again", "late_entry"},
        "no_longer_overdue": {"late_on", "closed", "extended"},
        "still_overdue": set(),
        "changed_closing": {"late_on"},
        "changed_due": {"fell_due"},
        "changed_unit": {"closed_in_time"},
        "changed_added": {"late_entry"},
    }
    for item, cases in expected.items():
        assert listed(database, seen, item, since_day=str(THEN)) == cases, item
        assert found.counts[item] == len(cases), item
    assert (found.then, found.overdue, found.gone) == (4, 3, 1)
    assert found.then + found.counts["newly_overdue"] - found.counts["no_longer_overdue"] - found.gone == found.overdue
    of_b = replace(seen, unit=("B",))
    assert listed(database, of_b, "changed_unit", since_day=str(THEN)) == {"closed_in_time"}
    assert listed(database, of_b, "changed_due", since_day=str(THEN)) == set()


def test_records_that_agree_with_the_copy_have_no_changes(small: CaseDatabase) -> None:
    frozen.freeze(small, THEN, MADE)
    seen = county(NOW, small.settings.period)
    with_copy = ask(small, since.changes_between, seen, THEN)
    other_day = ask(small, since.changes_between, seen, THEN - dt.timedelta(days=1))
    assert with_copy.copy and other_day.copy is None
    assert {with_copy.counts[item] for item in since.CHANGED} == {0}
    assert with_copy.counts["overdue_then"] == 4 and with_copy.gone == 0


def test_a_copy_of_another_database_is_not_taken_for_ours(small: CaseDatabase, demo_url: str) -> None:
    made = frozen.freeze(small, THEN, MADE)
    other = make(engines.fresh_url(made.file.parent, "other"), petition_case=[CLOCK | case for case in CASES])
    assert frozen.found(small, THEN) is not None
    assert frozen.found(open_database(other, settings.load()), THEN) is None


def test_a_file_that_is_no_copy_is_left_aside(small: CaseDatabase) -> None:
    file = frozen.file_of(small.url, small.settings, THEN)
    file.parent.mkdir(exist_ok=True)
    file.write_text("no database")
    assert frozen.found(small, THEN) is None
    assert ask(small, since.changes_between, county(NOW, small.settings.period), THEN).copy is None


def test_the_command(small: CaseDatabase, tmp_path: Path) -> None:
    run = CliRunner()
    target = tmp_path / "kept"
    done = run.invoke(app, ["freeze", "--meeting", "2026-05-31", "--url", small.url, "--to", str(target)])
    assert done.exit_code == 0, done.output
    assert (target / "frozen-2026-05-31.sqlite").is_file() and "9" in done.stdout
    again = run.invoke(app, ["freeze", "--meeting", "2026-05-31", "--url", small.url, "--to", str(target)])
    assert again.exit_code == 2 and "frozen-2026-05-31" in again.stderr
    for wrong in ([], ["--meeting", "31.5.2026"]):
        assert run.invoke(app, ["freeze", "--url", small.url, *wrong]).exit_code == 2
