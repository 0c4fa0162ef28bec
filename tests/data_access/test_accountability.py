"""Supervision, instructions, slips, assistance and procedure: some thirty cases, every number worked out by hand.

The county of the tests on 30 June 2026: D1 and D2 are departments, T1 and T2 townships; P1 and P2 are
the posts that own cases. A case is due as written; where nothing is said it is open and an appeal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from handmade import end_of, make_file, measured, opened, seen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_filters import filters

from data_access import flows, lists
from data_access.accountability import ACCOUNTABILITY
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.problems import Problem

quietly = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KEYS = tuple(indicator.key for indicator in ACCOUNTABILITY)


def case(number: str, unit: str, registered: str, due: str, **more: Any) -> dict[str, Any]:
    """An appeal of `unit`, accepted when registered; days are those of 2026 unless a year is written."""

    def day(written: str) -> str:
        return written if len(written) > 5 else f"2026-{written}"

    moments = {
        name: end_of(day(value)) if name == "original_due_at" else day(value)
        for name, value in more.items()
        if name.endswith("_at")
    }
    begun = {"registered_at": day(registered), "accepted_at": day(registered), "due_at": end_of(day(due))}
    kind = {"purpose": "appeal", "disposition": "forwarded", "lead_unit_id": unit}
    return {"case_no": number, **kind, **begun, **more, **moments}


def entry(*words: str, names: tuple[str, ...]) -> dict[str, Any]:
    """A row of a table by the names of its columns; days are those of 2026."""
    return {name: f"2026-{word}" if name.endswith("_at") else word for name, word in zip(names, words, strict=False)}


def instruction(*words: str) -> dict[str, Any]:
    return entry(*words, names=("case_id", "level", "issued_at", "due_at", "answered_at"))


def slip(*words: str) -> dict[str, Any]:
    return entry(*words, names=("slip_id", "case_id", "unit_id", "issued_at", "due_at", "answered_at"))


def assisting(*words: str) -> dict[str, Any]:
    return entry(*words, names=("case_id", "unit_id", "asked_at", "due_at", "answered_at"))


def listed(number: str, on: str, **more: str) -> dict[str, Any]:
    return {"case_id": number, "kind": "supervised", "list_id": "county", "listed_at": on, **more}


CASES = [
    # Supervision.
    case("C01", "D1", "03-02", "05-01", responsible_post_id="P1"),  # overdue since May, no slip
    case("C02", "D1", "03-05", "05-04"),  # overdue, two slips
    case("C03", "D2", "02-10", "04-11", closed_at="04-09", answered_at="04-08", unit_rated_at="06-20"),
    case("C04", "D2", "02-12", "04-13", closed_at="04-20", answered_at="04-20", unit_rated_at="06-21"),
    case("C05", "D2", "02-15", "04-16", closed_at="05-10", answered_at="05-10", unit_rated_at="06-11"),
    case("C06", "T1", "01-10", "03-11"),  # closed on 20 February, reopened on 14 June
    case("C07", "T1", "01-12", "03-13"),  # closed on 1 March, reopened on 20 June
    case("C08", "T1", "06-10", "08-09", responsible_post_id="P2"),
    case("C09", "D1", "05-01", "06-15", purpose="accusation", assigned_from="province", responsible_post_id="P1"),
    case("C33", "D2", "02-20", "04-21", closed_at="04-19", answered_at="04-18", responsible_post_id="P1"),
    case("C34", "T2", "05-01", "07-05", responsible_post_id="P2"),
    case("C35", "T1", "04-25", "07-20", responsible_post_id="P2"),  # D1's until 18 June
    # Instructions.
    case("C10", "D1", "05-01", "07-05"),
    case("C11", "D2", "05-02", "07-01", closed_at="06-15", answered_at="06-15", legal_reviewed_at="06-14"),
    case("C12", "T1", "06-01", "07-31"),
    # Assigned from above.
    case("C13", "D1", "05-03", "07-02", assigned_from="province", report_due_at="06-15", reported_at="06-14"),
    case("C14", "D1", "05-04", "07-03", assigned_from="prefecture", report_due_at="06-10", reported_at="06-20"),
    case("C15", "T1", "05-05", "07-04", assigned_from="province", report_due_at="06-12"),
    case("C16", "D2", "06-10", "08-09", assigned_from="county", report_due_at="07-20"),
    case("C17", "D2", "05-20", "07-19", assigned_from="province", closed_at="06-18", closed_how="not_accepted"),
    case("C18", "D2", "05-21", "07-20", assigned_from="province", closed_at="06-19", closed_how="withdrawn"),
    # Slips.
    case("C19", "T1", "04-20", "06-19"),  # overdue, one slip
    case("C20", "D2", "06-01", "08-01"),
    # Assistance.
    case("C22", "D1", "04-10", "06-09", closed_at="06-05", answered_at="06-04", unit_rated_at="06-15"),
    case("C23", "D2", "06-02", "08-01"),
    # Long-standing.
    case("C24", "T2", "2025-03-01", "2025-04-30", closed_at="06-18", resolved_at="06-20", unit_rated_at="06-22"),
    case("C25", "T2", "2025-04-01", "2025-05-31", closed_at="05-30", answered_at="05-29", unit_rated_at="05-31"),
    case("C26", "D1", "2025-05-01", "2025-06-30", closed_at="02-01", answered_at="02-01", resolved_at="07-05"),
    # Procedure and levels.
    case("C27", "T2", "05-20", "07-19", closed_at="06-12", answered_at="06-11", unit_rated_at="06-22"),
    case("C28", "D1", "05-22", "07-21", purpose="suggestion", closed_at="06-09"),
    case("C29", "D2", "06-02", "08-01", closed_at="06-28", answered_at="07-02"),
    case("C30", "T1", "04-15", "07-14", original_due_at="06-14", extended_at="06-10"),
    case("C31", "T1", "04-16", "07-16", original_due_at="06-15", extended_at="06-12"),
    case("C32", "T2", "04-17", "07-16", original_due_at="06-16", extended_at="06-14"),
]
MORE: dict[str, dict[str, str]] = {
    "C14": {"closed_at": "2026-06-25", "answered_at": "2026-06-25", "handling_level": "township"},
    "C11": {"handling_level": "county"},
    "C17": {"handling_level": "village"},
    "C18": {"handling_level": "village"},
    "C24": {"handling_level": "village"},
    "C25": {"handling_level": "county"},
    "C26": {"handling_level": "township"},
    "C27": {"handling_level": "group", "followed_up_at": "2026-07-02"},
    "C04": {"followed_up_at": "2026-06-25"},
    "C05": {"followed_up_at": "2026-06-01"},
    "C30": {"extension_reason_code": "complex"},
}
LOW = ("C03", "C04", "C05", "C22", "C24", "C25", "C27")  # rated, all of them low

ROWS: dict[str, list[dict[str, Any]]] = {
    "unit": [
        {"unit_id": key, "name": name, "kind": kind, "sort_order": order}
        for order, (key, name, kind) in enumerate(
            [
                ("D1", "First bureau", "department"),
                ("D2", "Second bureau", "department"),
                ("T1", "First town", "township"),
                ("T2", "Second town", "township"),
            ]
        )
    ],
    "post": [{"post_id": key, "name": f"Leader {key}", "level": "county"} for key in ("P1", "P2")],
    "petition_case": [
        each | MORE.get(each["case_no"], {}) | ({"unit_rating": "dissatisfied"} if each["case_no"] in LOW else {})
        for each in CASES
    ],
    "case_event": [
        {"case_id": "C06", "kind": "closed", "at": "2026-02-20"},
        {"case_id": "C06", "kind": "reopened", "at": "2026-06-14"},
        {"case_id": "C07", "kind": "closed", "at": "2026-03-01"},
        {"case_id": "C07", "kind": "reopened", "at": "2026-06-20"},
        {"case_id": "C35", "kind": "reassigned", "at": "2026-06-18", "from_unit_id": "D1", "to_unit_id": "T1"},
    ],
    "listing": [
        listed("C01", "2026-04-10", milestone_code="plan", milestone_due_at="2026-06-20"),
        listed("C02", "2026-06-03", milestone_code="plan", milestone_due_at="2026-07-10"),
        listed("C03", "2026-03-01", verified_at="2026-06-10", signed_off_at="2026-06-12"),
        listed("C04", "2026-03-01", verified_at="2026-06-02", signed_off_at="2026-05-20"),  # verified after signing off
        listed(
            "C05", "2026-03-15", signed_off_at="2026-06-05", milestone_code="verified", milestone_due_at="2026-06-09"
        ),
        listed("C06", "2026-02-01", verified_at="2026-02-25", signed_off_at="2026-03-01"),
        listed("C06", "2026-06-16", list_id="again"),
        listed("C07", "2026-02-01", verified_at="2026-03-05", signed_off_at="2026-03-06"),
        listed("C08", "2026-06-05"),  # five days before it was registered
        listed("C09", "2026-06-02", milestone_code="plan", milestone_due_at="2026-06-10"),
        listed("C33", "2026-03-20", verified_at="2026-06-01", milestone_code="verified", milestone_due_at="2026-05-30"),
        listed("C34", "2026-05-10"),
        listed("C35", "2026-05-05"),
        listed("C24", "2026-06-01", kind="backlog", list_id="province"),
        listed("C25", "2026-06-01", kind="backlog", list_id="province"),
        listed("C26", "2025-12-01", kind="backlog", list_id="county"),
    ],
    "progress": [
        {"case_id": "C01", "at": "2026-06-10", "code": "report_given"},  # after its deadline
        {"case_id": "C01", "at": "2026-06-15", "code": "on_site"},
        {"case_id": "C02", "at": "2026-05-02", "code": "report_given"},  # before its deadline
        {"case_id": "C07", "at": "2026-06-25", "code": "contacted"},  # no report
        {"case_id": "C34", "at": "2026-05-31 23:00", "code": "contacted"},  # 30 days ago
        {"case_id": "C35", "at": "2026-06-25", "code": "on_site"},
    ],
    "checklist_item": [
        {"case_id": "C01", "item": "item1", "done_at": "2026-04-20"},
        {"case_id": "C01", "item": "item2", "done_at": "2026-06-01"},
        {"case_id": "C01", "item": "item3"},
        {"case_id": "C02", "item": "item1", "done_at": "2026-07-02"},  # after the instant
        {"case_id": "C02", "item": "item2"},
        {"case_id": "C03", "item": "item1", "done_at": "2026-03-05"},  # signed off by then
        {"case_id": "C06", "item": "item1", "done_at": "2026-02-10"},  # listed again
        {"case_id": "C07", "item": "item1"},  # signed off
        {"case_id": "C09", "item": "item1"},  # an accusation
    ],
    "instruction": [
        instruction("C10", "county", "05-20", "06-04", "06-10"),
        instruction("C11", "province", "06-01", "06-11", "06-11"),
        instruction("C11", "county", "06-05", "06-20"),
        instruction("C12", "prefecture", "06-28", "07-08"),
    ],
    "reminder_slip": [
        slip("1", "C02", "D1", "05-06", "05-11", "05-10"),
        slip("2", "C02", "D1", "06-08", "06-13"),
        slip("3", "C19", "T1", "06-22", "06-27", "06-26"),
        slip("4", "C20", "D1", "06-29", "07-04"),
    ],
    "case_unit": [
        assisting("C22", "D2", "04-20", "06-01", "06-03"),
        assisting("C22", "T2", "04-20", "06-01", "05-30"),
        assisting("C23", "D1", "06-05", "06-20"),
        assisting("C23", "T1", "06-05", "07-10"),
        assisting("C23", "T2", "06-05"),
    ],
}

# June 2026, seen on its last day. A count: its cases. A rate: those that meet it, and all of them.
# A case stands as often as it is counted.
JUNE: dict[str, tuple[str, ...]] = {
    # C03 is signed off on 12 June and C04 verified on 2 June; C05 is signed off and not verified, C33 verified and
    # not signed off: both stay. C06 came back, C07 is not listed again. C09 is an accusation.
    "supervised": ("C01 C02 C05 C06 C08 C33 C34 C35",),
    "supervised_new": ("C02 C08",),  # listed on 3 June; listed on 5 June and registered on the 10th
    "supervised_again": ("C06",),  # listed in February and on 16 June
    "signed_off": ("C03 C04",),  # by the later of the two moments: 12 June, 2 June (signed off in May)
    "signed_off_open": ("C07",),  # reopened and on no list; C06 was reopened and is on the list again
    # C01 on the 20th; C05 has its verification due on the 9th. C33 is verified, C02 has until July.
    "milestone_overdue": ("C01 C05",),
    "supervised_unowned": ("C02 C05 C06",),  # the others are P1's or P2's
    # C34: listed in May, its last progress on 31 May, 30 days before. C01 and C35 moved in June;
    # C02, C06 and C08 are listed for less than 30 days; C05 and C33 are closed.
    "supervised_still": ("C34",),
    "checklist_rate": ("C01 C01 C06", "C01 C01 C01 C02 C02 C06"),  # C02's first item is done in July
    "instructed": ("C11 C11 C12",),  # C10's is of May
    "instruction_answer_rate": ("C11", "C10 C11 C11"),  # C10's came six days late, C11's second never
    "instruction_overdue": ("C11",),  # C10's is answered, late as it was
    "assigned": ("C13 C15 C16",),  # C14, C17 and C18 are closed
    "report_rate": ("C13", "C13 C14 C15"),  # C14 reported ten days late, C15 not; C16 has until July
    "report_overdue": ("C15",),
    # Overdue: C01, C02, C19, and the two reopened. C02's report came before the deadline.
    "progress_report_rate": ("C01", "C01 C02 C06 C07 C19"),
    # Closed in June as handled and important: C11 by its instructions, C14 assigned. C17 left as not accepted,
    # C18 was withdrawn; C22, C24, C27 and C29 are of no importance.
    "legal_review_rate": ("C11", "C11 C14"),
    "slips": ("C02 C19 C20",),  # C02's first is of May
    "slips_again": ("C02",),  # its second
    "slip_overdue": ("C02",),  # C20's is due in July
    "overdue_without_slip": ("C01 C06 C07",),  # C02 and C19 had theirs
    "assisting_answer_rate": ("C22", "C22 C22 C23"),  # T2 in time, D2 two days late, D1 not at all
    "assisting_overdue": ("C23",),  # D1; T1 has until July, T2 has no deadline
    "backlog_resolution_rate": ("C24", "C24 C25"),  # C25 is closed, which is not resolved; C26 is on last year's list
    "lowest_level_rate": ("C24 C27", "C11 C14 C24 C27"),  # village and group; C17 and C18 were not handled to the end
    # C03, C22 and C24 were never called back; C05 before its rating; C27 in July. C04 was, C25 rated in May.
    "no_second_look": ("C03 C05 C22 C24 C27",),
    "extension_unreasoned": ("C31 C32",),
    "extension_over_limit": ("C31",),  # 31 days; C30 and C32 have 30
    "closed_unanswered": ("C24 C29",),  # C29's answer is of July; C28 is a suggestion, C17 left, C18 was withdrawn
}


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    return opened(make_file(tmp_path_factory.mktemp("accountability"), **ROWS))


def june(**narrowed: Any) -> CaseFilter:
    return seen("2026-06-30", "2026-06-01", **narrowed)


def cases_of(
    database: CaseDatabase, case_filter: CaseFilter, key: str, part: str = "denominator"
) -> tuple[set[str], int]:
    """The numbers of the cases behind a number, and how many entries they are."""
    with database.reading() as connection:
        page = lists.case_list(connection, database, case_filter, Question(key, part), limit=None)
    return set(page.rows["case_no"]), page.entries


def test_some_thirty_cases_and_every_indicator() -> None:
    assert 30 <= len(CASES) <= 36
    assert set(JUNE) == set(KEYS)
    assert {key for key, parts in JUNE.items() if len(parts) == 2} == {key for key in KEYS if MEASURES[key].is_rate}


@pytest.mark.parametrize("key", KEYS)
def test_june(county: CaseDatabase, key: str) -> None:
    parts = [each.split() for each in JUNE[key]]
    expected = (len(parts[0]), len(parts[1]) if len(parts) == 2 else None)
    assert measured(county, june(), key) == {key: expected}
    if not MEASURES[key].confidential:
        assert cases_of(county, june(), key) == (set(parts[-1]), len(parts[-1]))
        assert cases_of(county, june(), key, "numerator") == (set(parts[0]), len(parts[0]))


def test_the_year_so_far(county: CaseDatabase) -> None:
    """What other months add; stock figures stay as they are."""
    found = measured(county, seen("2026-06-30", "2026-01-01"), *KEYS)
    flow = {key: pair for key, pair in found.items() if not MEASURES[key].is_stock}
    assert {key: found[key] for key in KEYS if MEASURES[key].is_stock} == {
        key: (len(JUNE[key][0].split()), len(JUNE[key][1].split()) if len(JUNE[key]) == 2 else None)
        for key in KEYS
        if MEASURES[key].is_stock
    }
    assert flow == {
        "supervised_new": (11, None),  # all that are or were on the list: C01-C08, C33-C35
        "supervised_again": (1, None),
        "signed_off": (4, None),  # and C06 and C07 in March; 11 + 1 - 4 = 8 remain
        "instructed": (4, None),  # and C10's
        "instruction_answer_rate": (1, 3),
        "report_rate": (1, 3),
        "legal_review_rate": (1, 6),  # and C03, C04, C05 and C33, supervised and closed in April and May
        "slips": (4, None),  # and C02's first
        "slips_again": (1, None),
        "assisting_answer_rate": (1, 3),
        "backlog_resolution_rate": (1, 2),
        "lowest_level_rate": (2, 6),  # and C25 at the county, C26 at the township
        "no_second_look": (6, None),  # and C25
        "extension_unreasoned": (2, None),
        "extension_over_limit": (1, None),
        "closed_unanswered": (2, None),
    }


BY: dict[tuple[str, str], dict[str | None, tuple[int | None, int | None]]] = {
    ("supervised", "unit"): {"D1": (2, None), "D2": (2, None), "T1": (3, None), "T2": (1, None)},
    ("supervised", "post"): {"P1": (2, None), "P2": (3, None), None: (3, None)},
    ("supervised", "batch"): {"county": (7, None), "again": (1, None)},
    ("signed_off", "unit"): {"D2": (2, None)},
    ("checklist_rate", "item"): {"item1": (2, 3), "item2": (1, 2), "item3": (0, 1)},
    ("checklist_rate", "unit"): {"D1": (2, 5), "T1": (1, 1)},
    ("instructed", "instructed"): {"province": (1, None), "prefecture": (1, None), "county": (1, None)},
    ("instruction_answer_rate", "instructed"): {"province": (1, 1), "county": (0, 2)},
    ("instruction_overdue", "unit"): {"D2": (1, None)},
    ("assigned", "assigned"): {"province": (2, None), "county": (1, None)},
    ("report_rate", "assigned"): {"province": (1, 2), "prefecture": (0, 1)},
    ("slips", "unit"): {"D1": (2, None), "T1": (1, None)},  # C20 is D2's, the slip went to D1
    ("slip_overdue", "unit"): {"D1": (1, None)},
    ("assisting_answer_rate", "unit"): {"D1": (0, 1), "D2": (0, 1), "T2": (1, 1)},
    ("assisting_overdue", "unit"): {"D1": (1, None)},
    ("backlog_resolution_rate", "batch"): {"province": (1, 2)},
    ("lowest_level_rate", "handling"): {"county": (0, 1), "township": (0, 1), "village": (1, 1), "group": (1, 1)},
    ("extension_unreasoned", "unit"): {"T1": (1, None), "T2": (1, None)},
    ("overdue_without_slip", "unit"): {"D1": (1, None), "T1": (2, None)},
    ("no_second_look", "unit"): {"D1": (None, None), "D2": (None, None), "T2": (None, None)},  # fewer than five each
}


@pytest.mark.parametrize(("key", "by"), BY)
def test_by_group(county: CaseDatabase, key: str, by: str) -> None:
    found = measured(county, june(), key, by=by)
    assert found == {(key, group): pair for group, pair in BY[key, by].items()}


def test_batches_of_every_year(county: CaseDatabase) -> None:
    """C26, of last year's list, is resolved in July."""
    by_batch = measured(county, seen("2026-06-30"), "backlog_resolution_rate", by="batch")
    assert {batch: pair for (_, batch), pair in by_batch.items()} == {"province": (1, 2), "county": (0, 1)}
    assert measured(county, seen("2026-07-31"), "backlog_resolution_rate") == {"backlog_resolution_rate": (2, 3)}


def test_a_late_assistant_is_not_charged_to_the_lead(county: CaseDatabase) -> None:
    """C22: D1 closed in time, D2 answered late. C19 is T1's, overdue in June."""
    assert measured(county, june(), "on_time_closure_rate", by="unit") == {
        ("on_time_closure_rate", "D1"): (1, 1),
        ("on_time_closure_rate", "T1"): (0, 1),
    }


def test_listed_before_registration(county: CaseDatabase) -> None:
    """C08 counts from 10 June, when it was registered; C02 was listed on the 3rd."""
    keys = ("supervised", "supervised_new")
    ninth, tenth = seen("2026-06-09", "2026-06-01"), seen("2026-06-10", "2026-06-10")
    # C01, C02, C03 (until the 12th), C05, C33, C34 and C35; C04 was verified on the 2nd.
    assert measured(county, ninth, *keys) == {"supervised": (7, None), "supervised_new": (1, None)}
    assert measured(county, tenth, *keys) == {"supervised": (8, None), "supervised_new": (1, None)}


def test_reopened_cases_were_closed_before(county: CaseDatabase) -> None:
    """On 31 May C06 and C07 were signed off and closed; overdue were C01, C02 and C24."""
    found = measured(county, seen("2026-05-31", "2026-05-01"), "signed_off_open", "overdue_without_slip", "supervised")
    assert found == {
        "signed_off_open": (0, None),
        "overdue_without_slip": (2, None),  # C01, and C24, which is closed in June; C02 has its first slip
        "supervised": (7, None),  # C01, C03, C04 (signed off, not verified), C05, C33, C34, C35
    }


def test_a_month_later(county: CaseDatabase) -> None:
    found = measured(county, seen("2026-07-31", "2026-06-01"), "no_second_look", "closed_unanswered", "slip_overdue")
    assert found == {
        "no_second_look": (None, None),  # C27 was called back on 2 July, and four are too few to show
        "closed_unanswered": (1, None),  # C29's answer came on 2 July
        "slip_overdue": (2, None),  # C20's was due on 4 July
    }


def test_the_day_before_it_stood_still(county: CaseDatabase) -> None:
    """C34's progress of 31 May is 29 days old."""
    assert measured(county, seen("2026-06-29"), "supervised_still") == {"supervised_still": (0, None)}


def test_ratings_are_counted_and_never_listed() -> None:
    for part in lists.PARTS:
        with pytest.raises(Problem):
            Question.parse(f"no_second_look.{part}", [])


BALANCES: dict[str, tuple[int, ...]] = {
    # opening, new, again, moved in, moved out, signed off, remaining
    "": (7, 2, 1, 0, 0, 2, 8),
    "D1": (2, 1, 0, 0, 1, 0, 2),  # C01 and C35; C02 is new, C35 leaves for T1
    "D2": (4, 0, 0, 0, 0, 2, 2),  # C03, C04, C05, C33; the first two are signed off
    "T1": (0, 1, 1, 1, 0, 0, 3),  # C08 is new, C06 comes back, C35 arrives
    "T2": (1, 0, 0, 0, 0, 0, 1),  # C34
}


@pytest.mark.parametrize("unit", BALANCES)
def test_the_balance_of_june(county: CaseDatabase, unit: str) -> None:
    case_filter = june(unit=(unit,)) if unit else june()
    with county.reading() as connection:
        found = flows.list_balance(connection, county, case_filter)
    assert found == flows.ListBalance(*BALANCES[unit])
    assert found.adds_up
    for item, count in (("listed_in", found.moved_in), ("listed_out", found.moved_out)):
        assert cases_of(county, case_filter, item) == ({"C35"} if count else set(), count)


def test_the_mark_in_lists_is_the_list(county: CaseDatabase) -> None:
    """A case that is signed off and not verified is marked as supervised, as it is counted."""
    with county.reading() as connection:
        rows = lists.case_list(connection, county, june(), Question(), limit=None).rows
    assert set(rows.loc[rows["supervised"], "case_no"]) == set(JUNE["supervised"][0].split())


def test_without_some_of_the_tables(tmp_path: Path) -> None:
    """What a database cannot tell is left out, the legal review of important cases too; the rest stays as it is."""
    kept = {name: rows for name, rows in ROWS.items() if name in ("unit", "petition_case")}
    database = opened(make_file(tmp_path, **kept))
    found = measured(database, june(), *KEYS)
    assert found == {
        "assigned": (3, None),
        "report_rate": (1, 3),
        "report_overdue": (1, None),
        "lowest_level_rate": (2, 4),
        "no_second_look": (5, None),
        "extension_unreasoned": (2, None),
        "extension_over_limit": (1, None),
        "closed_unanswered": (2, None),
    }


# Whatever the filter, the period and the instant.


@pytest.fixture(scope="module", params=[pytest.param("demo", marks=pytest.mark.thorough), "rough"])
def any_county(request: pytest.FixtureRequest) -> CaseDatabase:
    """The demo county, and the same with gaps and oddities."""
    return opened(request.getfixturevalue(f"{request.param}_url"))


@given(case_filter=st.one_of(filters(), filters(("unit", "kind"))))
@settings(quietly, max_examples=60)
def test_the_list_balances(any_county: CaseDatabase, case_filter: CaseFilter) -> None:
    with any_county.reading() as connection:
        found = flows.list_balance(connection, any_county, case_filter)
    assert found.adds_up, found
    if not case_filter.unit and not case_filter.kind:
        assert (found.moved_in, found.moved_out) == (0, 0)


def test_the_balances_have_something_to_tell(any_county: CaseDatabase) -> None:
    """Units gain and lose supervised cases, and every item is there."""
    found = []
    with any_county.reading() as connection:
        for month in range(1, 11):
            for kind in ("department", "township"):
                last = 28 if month == 2 else 30
                period = seen(f"2026-{month:02}-{last}", f"2026-{month:02}-01", kind=(kind,))
                found.append(flows.list_balance(connection, any_county, period))
    assert all(each.adds_up for each in found)
    for item in ("opening", "new", "again", "moved_in", "moved_out", "signed_off", "remaining"):
        assert sum(getattr(each, item) for each in found) > 0, item


@given(case_filter=filters(), keys=st.sets(st.sampled_from(KEYS), min_size=6, max_size=6))
@settings(quietly, max_examples=20)
def test_every_count_is_as_long_as_its_list(any_county: CaseDatabase, case_filter: CaseFilter, keys: set[str]) -> None:
    found = measured(any_county, case_filter, *sorted(keys))
    for key in keys:
        numerator, denominator = found[key]
        if MEASURES[key].confidential:
            continue
        expected = {"denominator": denominator if MEASURES[key].is_rate else numerator, "numerator": numerator}
        for part, count in expected.items():
            numbers, entries = cases_of(any_county, case_filter, key, part)
            assert entries == count, (key, part)
            assert len(numbers) <= entries
    for item in flows.LIST_MOVES:
        with any_county.reading() as connection:
            balance = flows.list_balance(connection, any_county, case_filter)
        moved = balance.moved_in if item == "listed_in" else balance.moved_out
        assert cases_of(any_county, case_filter, item)[1] == moved


def test_groups_of_entries_are_theirs_alone(county: CaseDatabase) -> None:
    """A case has no batch of its own: asked for it, what counts cases has no groups, and its list does not open."""
    found = measured(county, june(), "overdue", "supervised", "instructed", by="batch")
    assert {key for key, _ in found} == {"supervised"}
    assert Question.parse("supervised", ["batch:county"]).at == (("batch", "county"),)
    for of, at in (("overdue", "batch:county"), ("supervised", "instructed:county"), ("", "item:item1")):
        with pytest.raises(Problem):
            Question.parse(of, [at])
