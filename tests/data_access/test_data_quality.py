"""Bounds by pencil on a tiny database; ledgers that add up and figures that agree, on random filters."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from data_access import lists
from data_access.data_quality import (
    RATE,
    Standing,
    bounds,
    contradictions,
    data_quality,
    doubts,
    standing,
)
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.lists import Question
from tests.data_access.handmade import Row, make_file, measured, opened, seen
from tests.data_access.random_filters import filters

RANDOM = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def case(number: int, **more: object) -> Row:
    """Registered 1 March 2026, due 30 April, closed on 20 April."""
    return {
        "case_no": f"C{number}",
        "purpose": "appeal",
        "lead_unit_id": "u1",
        "registered_at": "2026-03-01 9:00",
        "due_at": "2026-04-30 23:59:59",
        "closed_at": "2026-04-20",
        **more,
    }


CASES = [
    *(case(number) for number in range(1, 7)),  # on time
    case(7, closed_at="2026-05-04"),  # late
    case(8, closed_at=None),  # still open
    case(9, closed_at="2026-02-01"),  # counted as on time; the record cannot be right
    case(10, due_at=None),  # no deadline: may belong to the denominator
    case(11, registered_at="2026-01-10", due_at=None),  # 111 days before the end of April: may have fallen due in it
    case(12, registered_at="2025-10-01", due_at=None, closed_at="2026-04-01"),  # registered too long before
    case(13, lead_unit_id="u9"),  # on time, for a unit that nobody knows
    case(14, purpose="accusation", closed_at="2026-02-01"),
    case(15, registered_at="2026-04-02 9:00", due_at="2026-06-01 23:59:59", closed_at=None),  # not due yet
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    return opened(
        make_file(
            tmp_path_factory.mktemp("data"),
            unit=[{"unit_id": "u1", "name": "甲局", "kind": "department"}],
            petition_case=CASES,
        )
    )


APRIL = seen("2026-05-20", "2026-04-01", "2026-04-30")
SPRING = seen("2026-05-20", "2026-03-01", "2026-06-30")


def test_the_bounds_are_those_of_the_best_and_the_worst_case() -> None:
    """90 of 100 on time, ten in doubt, of which six are counted and four of these on time.

    By pencil: certain are 94 cases, 86 of them on time; 86/104 if all ten were late, 96/104 if none was.
    """
    assert bounds(90, 100, 10, 6, 4) == pytest.approx((86 / 104, 96 / 104))


def test_each_fault_of_a_month_and_how_far_it_moves_the_rate(database: CaseDatabase) -> None:
    with database.reading() as connection:
        found = doubts(connection, database, APRIL)
    # Seen at the end of April: C1-C6, C7 and C8 (still open), C9, C13.
    assert (found.on_time, found.counted) == (8, 10)
    by_key = {each.key: each for each in found.found}
    closed_early, without = by_key["closed_before_registered"], by_key["no_deadline"]
    # Registered in April: none of those at fault. C9 is counted as on time: without it 7 of 9 are certain.
    assert (closed_early.cases, closed_early.doubted) == (0, 1)
    assert (closed_early.low, closed_early.high) == pytest.approx((7 / 10, 8 / 10))
    # C10 and C11 may have fallen due in April, C12 cannot.
    assert (without.doubted, without.low, without.high) == (2, pytest.approx(8 / 12), pytest.approx(10 / 12))
    assert found.together is not None
    assert (found.together.doubted, found.together.low, found.together.high) == (
        3,
        pytest.approx(7 / 12),
        pytest.approx(10 / 12),
    )


def test_cases_are_those_registered_in_the_period_and_accusations_are_only_counted(database: CaseDatabase) -> None:
    with database.reading() as connection:
        by_key = {each.key: each for each in doubts(connection, database, SPRING).found}
        listed = lists.case_list(connection, database, SPRING, Question("fault", "closed_before_registered"))
    fault = by_key["closed_before_registered"]
    assert (fault.cases, fault.unlisted) == (2, 1)
    assert listed.rows["case_no"].tolist() == ["C9"]
    assert (by_key["unknown_unit"].cases, by_key["unknown_unit"].low) == (1, None)


def test_every_case_is_in_a_denominator_or_in_the_ledger(database: CaseDatabase) -> None:
    with database.reading() as connection:
        found = data_quality(connection, database, SPRING)
    assert found.registered == 13  # all but C11 and C12
    assert found.left_out["in"] == 11 and found.left_out["no_deadline"] == 1
    assert found.accusations == 1
    assert sum(found.left_out.values()) + (found.accusations or 0) == found.registered
    assert found.not_yet_due == 1  # C15
    assert (found.deadlines.stated, found.deadlines.computed) == (2, 0)  # C8 and C15 are open


@RANDOM
@given(case_filter=filters())
def test_ledgers_add_up_and_lists_show_what_is_counted(small_url: str, case_filter: CaseFilter) -> None:
    demo = opened(small_url)
    with demo.reading() as connection:
        found = data_quality(connection, demo, case_filter, None, Standing())
        assert sum(found.left_out.values()) + (found.accusations or 0) == found.registered
        today = case_filter.as_of.date().isoformat()
        for each in found.doubts.found:
            at = (("today", today),)
            listed = lists.case_list(connection, demo, case_filter, Question("fault", each.key, at), limit=1).total
            touched = lists.case_list(connection, demo, case_filter, Question("doubt", each.key, at), limit=1).total
            assert (listed, touched) == (each.cases - each.unlisted, each.doubted), each.key
            if each.low is not None and each.high is not None and found.doubts.rate is not None:
                assert 0 <= each.low <= found.doubts.rate <= each.high <= 1
        moving = doubts(connection, demo, case_filter, None, Standing(), True)
        assert moving.together == found.doubts.together
        for each in moving.found:
            asked = Question("moving", each.key, (("today", today),))
            listed = lists.case_list(connection, demo, case_filter, asked, limit=1).total
            assert listed == each.cases - each.unlisted
    counted = measured(demo, case_filter, RATE, "registered")
    assert (found.doubts.on_time, found.doubts.counted) == counted[RATE]
    assert found.registered == counted["registered"][0]


@RANDOM
@given(case_filter=filters())
def test_no_two_figures_contradict_each_other(small_url: str, case_filter: CaseFilter) -> None:
    demo = opened(small_url)
    with demo.reading() as connection:
        checks = contradictions(connection, demo, case_filter)
    assert len(checks) > 10
    assert [each for each in checks if not each.holds] == []


def test_a_database_with_nothing_but_the_required_columns_is_checked_too(minimal_url: str) -> None:
    minimal = opened(minimal_url)
    case_filter = seen("2026-11-24", "2026-01-01", "2026-12-31")
    with minimal.reading() as connection:
        assert standing(connection, minimal) == Standing(frozenset(), False)
        found = data_quality(connection, minimal, case_filter)
        checks = contradictions(connection, minimal, case_filter)
    assert found.doubts.found == () and found.registered == 40
    assert [each for each in checks if not each.holds] == []
