"""The supervision page's figures: by hand on a few cases, and on the demo each against the list it opens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from handmade import make_file, opened, seen
from hypothesis import HealthCheck, given, settings
from random_filters import filters

from data_access import flows, lists
from data_access import settings as rules
from data_access.database import CaseDatabase, open_database
from data_access.dimensions import AGES
from data_access.filters import CaseFilter
from data_access.lists import Question
from data_access.settings import Table
from data_access.supervision import BACKLOG, MOVES, OWNED, PROCEDURE, Supervision, pace, supervision

UNITS = [
    {"unit_id": "A", "name": "甲局", "kind": "department"},
    {"unit_id": "B", "name": "乙镇", "kind": "township"},
    {"unit_id": "C", "name": "丙局", "kind": "department"},
]
CASES = [
    {"case_no": "1", "lead_unit_id": "A", "registered_at": "2025-06-01", "due_at": "2025-09-01"},
    {"case_no": "2", "lead_unit_id": "A", "registered_at": "2025-09-01", "closed_at": "2026-02-01"},
    {"case_no": "3", "lead_unit_id": "B", "registered_at": "2026-02-01", "task_force": "T"},
    {"case_no": "4", "lead_unit_id": "B", "registered_at": "2026-04-01", "closed_at": "2026-06-01"},
    {"case_no": "5", "lead_unit_id": "C", "registered_at": "2025-01-01", "closed_at": "2026-05-10"},
    {"case_no": "6", "lead_unit_id": "C", "registered_at": "2023-01-01"},
    {"case_no": "7", "lead_unit_id": "A", "registered_at": "2025-03-01"},
    {"case_no": "secret", "lead_unit_id": "A", "registered_at": "2025-03-01", "purpose": "accusation"},
]
MORE = {
    "1": {"responsible_post_id": "P1"},
    "3": {"responsible_post_id": "P2"},
    "5": {"resolved_at": "2026-05-15"},
    "secret": {"responsible_post_id": "P1"},
}
LISTINGS = [
    {"case_id": "1", "listed_at": "2025-07-01", "milestone_code": "plan", "milestone_due_at": "2026-11-01"},
    {"case_id": "2", "listed_at": "2025-10-01", "verified_at": "2026-02-20", "signed_off_at": "2026-03-01"},
    {"case_id": "2", "listed_at": "2026-05-01"},
    {"case_id": "3", "listed_at": "2026-03-01", "milestone_code": "agreed", "milestone_due_at": "2026-12-01"},
    # signed off without having been verified: still on the list
    {"case_id": "4", "listed_at": "2026-04-10", "signed_off_at": "2026-06-10"},
    {"case_id": "secret", "listed_at": "2026-04-10"},
]
BATCH = [{"case_id": each, "kind": "backlog", "list_id": "county-2026", "listed_at": "2026-03-01"} for each in "567"]
THIS_YEAR = seen("2026-11-24", "2026-01-01")


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    """Seven cases and an accusation."""
    url = make_file(
        tmp_path_factory.mktemp("supervised"),
        unit=UNITS,
        post=[{"post_id": "P1", "name": "县长"}, {"post_id": "P2", "name": "副县长"}],
        petition_case=[case | MORE.get(case["case_no"], {}) for case in CASES],
        listing=[{"kind": "supervised"} | each for each in LISTINGS] + BATCH,
        progress=[{"case_id": "3", "at": "2026-11-20", "code": "on_site"}, {"case_id": "3", "at": "2026-04-01"}],
        case_unit=[
            {"case_id": "3", "unit_id": "A", "asked_at": "2026-03-05", "due_at": "2026-03-20"},
            {"case_id": "3", "unit_id": "C", "asked_at": "2026-12-05", "due_at": "2026-12-20"},
        ],
    )
    return opened(url)


def view_of(database: CaseDatabase, case_filter: CaseFilter = THIS_YEAR) -> Supervision:
    with database.reading() as connection:
        return supervision(connection, database, case_filter)


def entries(database: CaseDatabase, case_filter: CaseFilter, question: Question) -> int:
    """How many the list behind a number counts."""
    with database.reading() as connection:
        return lists.case_list(connection, database, case_filter, question, limit=None).entries


def test_the_balance_of_the_list(county: CaseDatabase) -> None:
    balance = view_of(county).balance
    assert balance == flows.ListBalance(opening=2, new=2, again=1, moved_in=0, moved_out=0, signed_off=1, remaining=4)
    assert balance.adds_up


def test_the_months_of_the_list(county: CaseDatabase) -> None:
    months = view_of(county).months
    assert list(months["supervised"]) == [2, 2, 2, 2, 3, 4, 4, 4, 4, 4, 4, 4]  # December 2025 to November 2026
    assert list(months["supervised_new"]) == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert list(months["supervised_again"]) == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert list(months["signed_off"]) == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert list(months["unfinished"]) == [False] * 11 + [True]


def test_the_listed_cases_longest_first(county: CaseDatabase) -> None:
    listed = view_of(county).listed
    assert list(listed["case_no"]) == ["1", "3", "4", "2"]
    assert list(listed["days_listed"]) == [511, 268, 228, 207]
    assert [None if each is None or each != each else each for each in listed["post"]] == ["P1", "P2", None, None]
    assert list(listed["milestone_late"]) == [True, False, False, False]
    assert list(listed["days_since"].fillna(-1)) == [-1, 4, -1, -1]
    assert list(listed["assisting"]) == [(), ("A",), (), ()], "what was asked later has not happened yet"


def test_leaders_who_own_cases(county: CaseDatabase) -> None:
    posts = view_of(county).posts
    assert posts.astype(object).to_numpy().tolist()[0][:5] == ["P1", 1, 0, 1, 541]
    assert posts.astype(object).to_numpy().tolist()[1] == ["P2", 1, 0, 0, 296, 4]


def test_long_standing_cases_by_batch(county: CaseDatabase) -> None:
    view = view_of(county, seen("2026-11-24", "2026-11-01"))
    (batch,) = view.batches.to_dict("records")
    assert [batch[name] for name in ("batch", "listed", "resolved", "remaining")] == ["county-2026", 3, 1, 2]
    assert [batch[code] for code in AGES] == [0, 1, 0, 1]
    assert list(view.burn_down["remaining"]) == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2], "when frozen, then March to November"
    assert list(view.burn_down["unfinished"]) == [False] * 9 + [True]
    assert pace(view.burn_down) == (0, 3), "one was resolved in May; none from August to October"
    by_june = view.burn_down[view.burn_down["end"] <= "2026-06-30"]
    assert pace(by_june) == (pytest.approx(1 / 3), 3), "April, May, June"
    assert pace(view.burn_down.head(2)) is None, "no whole month since"
    assert view.targets.empty


def test_annual_targets_are_the_settings(county: CaseDatabase) -> None:
    targets = Table({"C": 0.4, "A": 0.5, "B": 0.9})
    aimed = replace(county, settings=county.settings.model_copy(update={"annual_targets": targets}))
    found = view_of(aimed).targets.to_numpy().tolist()
    assert found == [["A", 0.5, 1, 0, 0.0], ["C", 0.4, 2, 1, 0.5]], "in the units' order; B has no such case"


def test_a_task_force_is_a_filter(county: CaseDatabase) -> None:
    assert county.names.task_forces == ("T",)
    view = view_of(county, replace(THIS_YEAR, task_force=("T",)))
    assert view.balance and view.balance.remaining == 1
    assert list(view.listed["case_no"]) == ["3"]


def test_accusations_are_nowhere(county: CaseDatabase) -> None:
    assert "secret" not in list(view_of(county).listed["case_no"])


def test_a_database_without_lists_shows_the_rest(minimal_url: str) -> None:
    view = view_of(open_database(minimal_url, rules.load()))
    assert view.balance is None and not view.is_empty
    assert view.listed.empty and view.batches.empty and view.burn_down.empty and view.posts.empty


# On the demo county: what is shown is what the list behind it counts


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return opened(demo_url)


@given(case_filter=filters())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_balance_adds_up_for_any_filter(demo: CaseDatabase, case_filter: CaseFilter) -> None:
    with demo.reading() as connection:
        assert flows.list_balance(connection, demo, case_filter).adds_up


@pytest.mark.parametrize("narrowed", [{}, {"unit": ("D01", "T04")}], ids=["county", "units"])
def test_every_mark_opens_its_cases(demo: CaseDatabase, narrowed: dict[str, tuple[str, ...]]) -> None:
    case_filter = seen("2026-11-24", "2026-01-01", "2026-12-31", **narrowed)
    view = view_of(demo, case_filter)
    for row in view.months.to_dict("records"):
        first, last = f"{row['start']:%Y-%m-%d}", f"{row['end']:%Y-%m-%d}"
        for key, days in (("supervised", f"..{last}"), *((key, f"{first}..{last}") for key in MOVES)):
            assert row[key] == entries(demo, case_filter, Question(key, at=(("days", days),))), (key, days)
    for row in view.burn_down.to_dict("records")[::5]:
        at = (("batch", row["batch"]), ("days", f"..{row['end']:%Y-%m-%d}"))
        assert row["remaining"] == entries(demo, case_filter, Question(BACKLOG, "rest", at))


def test_every_cell_opens_its_cases(demo: CaseDatabase) -> None:
    case_filter = seen("2026-11-24", "2026-01-01", "2026-12-31")
    view = view_of(demo, case_filter)
    for row in view.posts.to_dict("records"):
        for key in OWNED:
            assert row[key] == entries(demo, case_filter, Question(key, at=(("post", row["post"]),)))
    days = ("days", view.days)
    for row in view.batches.to_dict("records"):
        batch = ("batch", row["batch"])
        for name, part in (("listed", "denominator"), ("resolved", "numerator"), ("remaining", "rest")):
            assert row[name] == entries(demo, case_filter, Question(BACKLOG, part, (batch, days)))
        assert sum(row[code] for code in AGES) == row["remaining"]
        for code in AGES:
            asked = Question(BACKLOG, "rest", (batch, ("age", code), days))
            assert row[code] == entries(demo, case_filter, asked)
    compared = 0
    for key, part in PROCEDURE:
        rows = view.by_unit[view.by_unit["indicator"] == key]
        for unit, numerator, denominator in zip(rows["group"], rows["numerator"], rows["denominator"], strict=True):
            n = denominator - numerator if part == "rest" else numerator
            assert n == entries(demo, case_filter, Question(key, part, (("unit", unit),))), (key, unit)
            compared += n > 0
    assert compared > 50


def test_the_oldest_listed_are_those_of_the_list(demo: CaseDatabase, tmp_path: Path) -> None:
    case_filter = seen("2026-11-24", "2026-01-01", "2026-12-31")
    view = view_of(demo, case_filter)
    with demo.reading() as connection:
        behind = lists.case_list(connection, demo, case_filter, Question("supervised"), limit=None)
    assert set(view.listed["case_no"]) <= set(behind.rows["case_no"])
    assert view.count("supervised") == behind.entries
    assert view.listed["days_listed"].is_monotonic_decreasing
