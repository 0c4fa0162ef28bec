"""Since the last meeting: each set of cases against the two lists of late cases, and against rows counted by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import DEMO_AS_OF
from handmade import make_file

from data_access import lists, meeting, settings, since
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter, county
from data_access.lists import Question
from data_access.problems import Problem


def ask(database: CaseDatabase, view: Callable[..., Any], case_filter: CaseFilter, *arguments: Any) -> Any:
    with database.reading() as connection:
        return view(connection, database, case_filter, *arguments)


def listed(database: CaseDatabase, case_filter: CaseFilter, of: str, **at: str) -> set[str]:
    question = Question.parse(f"{of}.denominator", [f"{name}:{value}" for name, value in at.items()])
    page = ask(database, lists.case_list, case_filter, question, "", "due", False, None)
    assert page.total == len(page.rows)
    return set(page.rows["case_no"])


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return open_database(demo_url, settings.load())


COMPARED = [
    (DEMO_AS_OF, dt.date(2026, 10, 24), {}),
    (dt.date(2026, 9, 20), dt.date(2026, 8, 20), {}),
    (dt.date(2026, 8, 26), dt.date(2026, 7, 31), {"unit": ("D01",)}),  # a case came to it that was late before
    (dt.date(2025, 3, 10), dt.date(2025, 2, 10), {"kind": ("township",)}),
    (dt.date(2026, 10, 20), dt.date(2026, 9, 18), {"channel": ("visit", "web")}),
    (dt.date(2024, 6, 1), dt.date(2023, 1, 31), {"unit": ("D01", "T01"), "category": ("C01",)}),
]


@pytest.mark.parametrize(("as_of", "then", "narrowing"), COMPARED)
def test_what_changed_is_the_difference_of_the_two_lists(
    demo: CaseDatabase, as_of: dt.date, then: dt.date, narrowing: dict[str, tuple[str, ...]]
) -> None:
    seen, earlier = (replace(county(day, demo.settings.period), **narrowing) for day in (as_of, then))
    found = ask(demo, since.changes_between, seen, then)
    before, now = listed(demo, earlier, "overdue"), listed(demo, seen, "overdue")
    expected = {
        "overdue_then": before,
        "newly_overdue": now - before,
        "no_longer_overdue": before - now,
        "still_overdue": before & now,
    }
    assert (found.then, found.overdue, found.gone) == (len(before), len(now), 0)
    for item, cases in expected.items():
        assert found.counts[item] == len(cases), item
        assert listed(demo, seen, item, since_day=str(then)) == cases, item
    cleared = [listed(demo, seen, f"cleared_{how}", since_day=str(then)) for how in ("closed", "extended", "other")]
    assert sum(map(len, cleared)) == len(set().union(*cleared))
    assert set().union(*cleared) == expected["no_longer_overdue"]


@pytest.mark.parametrize(("as_of", "then", "narrowing"), COMPARED)
def test_the_change_of_a_unit_is_that_of_the_lists_of_the_unit(
    demo: CaseDatabase, as_of: dt.date, then: dt.date, narrowing: dict[str, tuple[str, ...]]
) -> None:
    seen, earlier = (replace(county(day, demo.settings.period), **narrowing) for day in (as_of, then))
    table = ask(demo, since.changes_between, seen, then).by_unit
    assert table["group"].tolist() == [unit for unit in demo.names.units if unit in set(table["group"])]
    for row in table.itertuples():
        before, now = (listed(demo, day, "overdue", unit=row.group) for day in (earlier, seen))
        assert (row.then, row.newly, row.cleared, row.now) == (
            len(before),
            len(now - before),
            len(before - now),
            len(now),
        )
        assert row.then + row.newly - row.cleared == row.now
        day = {"since_day": str(then), "unit": row.group}
        assert listed(demo, seen, "newly_overdue", **day) == now - before
        assert listed(demo, seen, "no_longer_overdue", **day) == before - now
        assert listed(demo, seen, "overdue_then", **day) == before


def test_every_number_opens_its_cases(demo: CaseDatabase) -> None:
    seen, then = county(DEMO_AS_OF, demo.settings.period), dt.date(2026, 8, 31)
    found = ask(demo, since.changes_between, seen, then)
    for item, n in found.counts.items():
        assert len(listed(demo, seen, item, since_day=str(then))) == n, item
    assert found.counts["extended_since"] > 0 and found.counts["reopened_since"] > 0
    days = f"{found.first_day}..{found.last_day}"
    for key in ("supervised_new", "supervised_again", "signed_off"):
        page = ask(demo, lists.case_list, seen, Question(key, at=(("days", days),)))
        assert page.entries == found.flows[key], key


@pytest.mark.parametrize("day", ["2026-11-24", "2027-01-01"])
def test_a_day_that_is_not_before_compares_nothing(demo: CaseDatabase, day: str) -> None:
    assert listed(demo, county(DEMO_AS_OF, demo.settings.period), "newly_overdue", since_day=day) == set()


@pytest.mark.parametrize(
    ("of", "at"),
    [
        ("newly_overdue", []),
        ("newly_overdue", ["since_day:2026-02-30"]),
        ("overdue", ["since_day:2026-10-31"]),
        ("newly_late", ["since_day:2026-10-31"]),
    ],
)
def test_a_question_without_its_day_is_none(of: str, at: list[str]) -> None:
    with pytest.raises(Problem) as problem:
        Question.parse(of, at)
    assert problem.value.key == "unknown_question"


# By hand: as of 30 June, compared with 31 May

UNITS = [{"unit_id": unit, "name": unit, "sort_order": order} for order, unit in enumerate(("A", "B"))]
CLOCK = {"registered_at": "2026-01-05", "accepted_at": "2026-01-06", "lead_unit_id": "A"}
CASES = [
    {"case_no": "late_on", "due_at": "2026-05-20 23:59:59"},
    {"case_no": "fell_due", "due_at": "2026-06-10 23:59:59"},
    {"case_no": "closed", "due_at": "2026-05-20 23:59:59", "closed_at": "2026-06-15 10:00"},
    {
        "case_no": "extended",
        "original_due_at": "2026-05-20 23:59:59",
        "extended_at": "2026-06-02 10:00",
        "due_at": "2026-07-20 23:59:59",
    },
    {"case_no": "moved", "lead_unit_id": "B", "due_at": "2026-05-20 23:59:59"},  # from A on 10 June
    {"case_no": "again", "due_at": "2026-05-20 23:59:59"},  # closed on 15 May, reopened on 12 June
    {"case_no": "closed_in_time", "due_at": "2026-06-20 23:59:59", "closed_at": "2026-06-15 10:00"},
    {"case_no": "secret", "purpose": "accusation", "due_at": "2026-06-10 23:59:59"},
    {
        "case_no": "new",
        "registered_at": "2026-06-20 09:00",
        "accepted_at": "2026-06-21",
        "due_at": "2026-08-20 23:59:59",
    },
]
EVENTS = [
    {"case_id": "moved", "kind": "reassigned", "at": "2026-06-10 10:00", "from_unit_id": "A", "to_unit_id": "B"},
    {"case_id": "again", "kind": "closed", "at": "2026-05-15 10:00"},
    {"case_id": "again", "kind": "reopened", "at": "2026-06-12 10:00"},
]
LISTINGS = [
    {"case_id": "late_on", "kind": "supervised", "listed_at": "2026-06-03"},
    {
        "case_id": "closed",
        "kind": "supervised",
        "listed_at": "2026-05-03",
        "verified_at": "2026-06-16",
        "signed_off_at": "2026-06-17",
    },
]
DECISIONS = [
    {"decision_id": key, "meeting_on": met, "item": item, "unit_id": unit, "due_at": due, "done_at": done}
    for key, met, item, unit, due, done in (
        ("1", "2026-05-31", "甲", "A", "2026-06-10", "2026-06-09"),
        ("2", "2026-05-31", "乙", "A", "2026-06-10", "2026-06-12"),
        ("3", "2026-05-31", "丙", "B", "2026-06-10", "2026-07-09"),
        ("4", "2026-05-31", "丁", "B", "2026-07-31", None),
        ("6", "2026-04-30", "己", "A", "2026-05-10", None),
        ("7", "2026-04-30", "庚", "A", None, "2026-05-09"),
        ("8", "2026-06-30", "今天的会", "A", None, None),
    )
] + [{"decision_id": "5", "meeting_on": "2026-05-31", "item": "戊", "unit_id": None, "result": "done"}]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    cases = [CLOCK | case for case in CASES]
    rows = {"unit": UNITS, "petition_case": cases, "case_event": EVENTS, "listing": LISTINGS}
    folder: Path = tmp_path_factory.mktemp("since")
    return open_database(make_file(folder, meeting_decision=DECISIONS, **rows), settings.load())


NOW, THEN = dt.date(2026, 6, 30), dt.date(2026, 5, 31)


def test_a_small_county_by_hand(small: CaseDatabase) -> None:
    seen = county(NOW, small.settings.period)
    assert ask(small, since.last_meeting, seen) == (THEN, True)
    expected = {
        "overdue_then": {"late_on", "closed", "extended", "moved"},
        "newly_overdue": {"fell_due", "again"},
        "no_longer_overdue": {"closed", "extended"},
        "cleared_closed": {"closed"},
        "cleared_extended": {"extended"},
        "cleared_other": set(),
        "still_overdue": {"late_on", "moved"},
        "reopened_since": {"again"},
        "extended_since": {"extended"},
        "changed_closing": set(),
        "changed_unit": set(),
        "changed_due": set(),
        "changed_added": set(),
    }
    found = ask(small, since.changes_between, seen, THEN)
    assert found.counts == {item: len(cases) for item, cases in expected.items()}
    assert {item: listed(small, seen, item, since_day=str(THEN)) for item in expected} == expected
    assert (found.then, found.overdue, found.net, found.is_meeting) == (4, 4, 0, True)
    assert found.flows == {"registered": 1, "closed": 2, "supervised_new": 1, "supervised_again": 0, "signed_off": 1}
    rows = [tuple(row) for row in found.by_unit.itertuples(index=False)]
    assert rows == [("A", 4, 2, 3, 3), ("B", 0, 1, 0, 1)]


def test_a_case_that_was_reassigned_is_cleared_at_one_unit_and_new_at_the_other(small: CaseDatabase) -> None:
    for unit, item, cases in (
        ("A", "cleared_other", {"moved"}),
        ("A", "no_longer_overdue", {"closed", "extended", "moved"}),
        ("B", "newly_overdue", {"moved"}),
        ("B", "overdue_then", set()),
    ):
        seen = replace(county(NOW, small.settings.period), unit=(unit,))
        assert listed(small, seen, item, since_day=str(THEN)) == cases, (unit, item)


def test_the_wall_says_the_same(small: CaseDatabase) -> None:
    for unit in ((), ("A",), ("B",)):
        seen = replace(county(NOW, small.settings.period), unit=unit)
        wall, page = ask(small, meeting.changes, seen), ask(small, since.changes_between, seen, THEN)
        assert (wall.then, wall.now) == (page.then, page.overdue)
        assert (wall.newly, wall.cleared) == (page.counts["newly_overdue"], page.counts["no_longer_overdue"])


def test_nothing_is_cleared_less_than_never(demo: CaseDatabase) -> None:
    """Before + newly − now was −1 here: a case came to the unit that was late before."""
    seen = replace(county(dt.date(2026, 8, 26), demo.settings.period), unit=("D01",))
    wall = ask(demo, meeting.changes, seen)
    day = str(wall.since)
    assert wall.cleared >= 0 and wall.then + wall.newly - wall.cleared == wall.now
    assert len(listed(demo, seen, "newly_overdue", since_day=day)) == wall.newly
    assert len(listed(demo, seen, "no_longer_overdue", since_day=day)) == wall.cleared


def test_decisions_as_they_stand(small: CaseDatabase) -> None:
    found = ask(small, since.decisions, county(NOW, small.settings.period))
    assert found.meeting == THEN
    states = dict(zip(found.rows["item"], found.rows["state"], strict=True))
    assert states == {
        "甲": "done",
        "乙": "done_late",
        "丙": "late",
        "丁": "running",
        "戊": "done_undated",
        "己": "late",
    }
    assert found.rows["item"].tolist()[-1] == "己", "what an earlier meeting decided stands last"
    assert (found.count("done", "done_late", "done_undated"), found.count("late")) == (3, 1)
    of_b = ask(small, since.decisions, replace(county(NOW, small.settings.period), unit=("B",)))
    assert of_b.rows["item"].tolist() == ["丙", "丁"]
    earlier = ask(small, since.decisions, county(dt.date(2026, 6, 5), small.settings.period))
    assert set(earlier.rows["state"].head(4)) == {"running"}, "what is done later is not done yet"


def test_a_database_without_meetings_compares_with_the_end_of_the_month(minimal_url: str) -> None:
    database = open_database(minimal_url, settings.load())
    seen = county(DEMO_AS_OF, database.settings.period)
    assert ask(database, since.last_meeting, seen) == (dt.date(2026, 10, 31), False)
    at_month_end = county(dt.date(2026, 10, 31), database.settings.period)
    assert ask(database, since.last_meeting, at_month_end) == (dt.date(2026, 9, 30), False)
    assert ask(database, since.decisions, seen) is None
    found = ask(database, since.changes_between, seen, dt.date(2026, 10, 31))
    assert "reopened_since" not in found.counts and "extended_since" not in found.counts
    assert "signed_off" not in found.flows
