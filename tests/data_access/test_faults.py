"""`check` on a demo spoiled in every way, each another number of times; faults as conditions and as lists."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import engines
import pytest
from sqlalchemy import func, select

from data_access import data_quality, faults
from data_access.database import open_database
from data_access.lists import Question
from data_access.settings import load
from tests.conftest import ROOT
from tests.data_access.handmade import seen

GOOD = "registered_at < '2026-06-01' AND purpose = 'appeal' AND disposition = 'forwarded'"
"""Cases to spoil: old enough to have a deadline, and on the clock."""
UNTOUCHED = (
    f"{GOOD} AND track = 'statutory' AND closed_at > registered_at AND closed_how = 'handled' "
    "AND extended_at IS NULL AND due_at IS NOT NULL AND accepted_at IS NOT NULL"
)


def clear(url: str) -> dict[str, int]:
    """What `check --format json` prints, by finding."""
    done = subprocess.run(
        [sys.executable, "-m", "data_access", "check", "--format", "json", "--url", url],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    keys = [each["finding"] for each in found]
    assert len(keys) == len(set(keys)), "one finding a key"
    return {each["finding"]: each["count"] for each in found}


SPOILED: dict[str, tuple[int, str]] = {
    "closed_before_registered": (3, "closed_at = datetime(registered_at, '-2 days')"),
    "registered_in_future": (4, "registered_at = '2099-03-01 08:00:00', closed_at = NULL, closed_how = NULL"),
    "no_deadline": (5, "due_at = NULL, original_due_at = NULL, accepted_at = NULL, extended_at = NULL"),
    "unknown_unit": (7, "lead_unit_id = 'X77'"),
    "unknown_code": (8, "channel = 'smoke'"),
    "extension_over_limit": (9, "original_due_at = datetime(due_at, '-31 days')"),
    "rating_outside_scale": (11, "office_rating = 'splendid'"),
    "future_moment": (12, "updated_at = '2099-01-01 00:00:00'"),
    "no_registration": (13, "registered_at = NULL"),
}
WRITTEN = (
    "registered_at = '2026/1/5'",
    "registered_at = date(registered_at)",
    "closed_at = '20260105'",
    "due_at = '2026年1月5日'",
    "updated_at = 'soon'",
    "registered_at = ''",
    "closed_at = '2026-13-45 10:00:00'",
    "registered_at = '2026/01/05 10:00:00'",
    "accepted_at = 20260105",
)


@pytest.fixture(scope="module")
def spoiled(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A copy of the demo without a fault of its own among the cases to spoil, and a spoiled copy of it."""
    folder = tmp_path_factory.mktemp("spoiled")
    before, after = folder / "before.sqlite", folder / "after.sqlite"
    shutil.copy(demo_file, before)
    shutil.copy(demo_file, after)
    with closing(sqlite3.connect(after)) as connection, connection:
        ids = [row[0] for row in connection.execute(f"SELECT case_id FROM petition_case WHERE {UNTOUCHED}")]

        def spoil(n: int, values: str) -> list[str]:
            chosen, ids[:] = ids[:n], ids[n:]
            connection.execute(
                f"UPDATE petition_case SET {values} WHERE case_id IN ({', '.join('?' * n)})",
                chosen,
            )
            return chosen

        for n, values in SPOILED.values():
            spoil(n, values)
        original = connection.execute("SELECT case_no FROM petition_case WHERE case_id = ?", ids[-1:]).fetchone()[0]
        spoil(5, f"case_no = '{original}'")  # six cases of one number
        for values in WRITTEN if engines.chosen == "sqlite" else ():  # no other engine keeps moments as text
            spoil(2, values)
    if engines.chosen == "sqlite":
        return engines.sqlite_url(before), engines.sqlite_url(after)
    copies = [engines.copied(file, engines.fresh_url(folder, file.stem)) for file in (before, after)]
    return copies[0], copies[1]


def test_check_counts_every_way_of_spoiling_a_database(spoiled: tuple[str, str]) -> None:
    before, after = clear(spoiled[0]), clear(spoiled[1])
    expected = {key: n for key, (n, _) in SPOILED.items()} | {"duplicate_case_no": 6}
    if engines.chosen == "sqlite":
        expected["mixed_date_text"] = 18
    assert {key: after.get(key, 0) - before.get(key, 0) for key in expected} == expected
    same = before.keys() - expected.keys() - {"moments_out_of_order", "calendar_unknown"}
    assert {key: after.get(key) for key in same} == {key: before[key] for key in same}, "and nothing else"


def test_a_screen_counts_what_it_lists_of_a_spoiled_database(spoiled: tuple[str, str]) -> None:
    """All the years at once, so that the counts are those of `check`; accusations aside, of which none was spoiled."""
    database = open_database(spoiled[1], load(), to_check=True)
    case_filter = seen("2026-11-24")
    at = (("today", "2026-11-24"),)
    with database.reading() as connection:
        known = data_quality.standing_in_full(connection, database)
        found = {each.key: each for each in data_quality.doubts(connection, database, case_filter, None, known).found}
        for key, each in found.items():
            question = Question("fault", key, at)
            cases, where = faults.fault_where(database, case_filter, "fault", key, question.today())
            listed = connection.execute(
                select(func.count()).select_from(cases.source).where(*where, ~cases.is_accusation)
            )
            assert listed.scalar() == each.cases - each.unlisted, key
    assert known.duplicates and ("petition_case.registered_at" in known.ill) == (engines.chosen == "sqlite")
    assert found["registered_in_future"].cases == 4
    assert found["no_registration"].cases == 13
    assert found["duplicate_case_no"].cases == 6
    assert found["registered_in_future"].doubted == 4, "nobody knows when these were registered"
