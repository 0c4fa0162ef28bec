"""Each finding on a small database with planted faults, its count worked out by hand; none on a clean one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import engines
import pytest
from sqlalchemy import insert

from data_access import check, schema, texts
from data_access.check import Finding, findings
from data_access.database import open_database
from data_access.deadlines import last_known_year
from data_access.engine import writing_engine
from data_access.settings import load

NOW = datetime(2026, 11, 24, 12)
AT = engines.word("at")


def day(month: int, number: int, hour: int = 9) -> datetime:
    return datetime(2026, month, number, hour)


FULL: dict[str, Any] = {
    "case_id": "1",
    "case_no": "C1",
    "channel": "letter",
    "purpose": "appeal",
    "petitioned_level": "county",
    "handling_level": "township",
    "category_id": "c1",
    "township_id": "t1",
    "registering_unit_id": "office",
    "lead_unit_id": "u1",
    "disposition": "forwarded",
    "track": "statutory",
    "is_collective": False,
    "is_first": True,
    "is_repeat": False,
    "next_repeat_at": day(9, 1),
    "task_force": "f1",
    "petitioned_at": day(1, 4),
    "registered_at": day(1, 5),
    "forwarded_at": day(1, 6),
    "unit_received_at": day(1, 7),
    "acceptance_due_at": day(1, 22),
    "noticed_at": day(1, 9),
    "accepted_at": day(1, 8),
    "not_accepted_at": None,
    "objected_at": None,
    "original_due_at": datetime(2026, 3, 9, 23, 59, 59),
    "due_at": datetime(2026, 4, 8, 23, 59, 59),  # 30 days later, to the second
    "extended_at": day(3, 1),
    "extension_reason_code": "complex",
    "answered_at": day(4, 1),
    "closed_at": day(4, 2),
    "closed_how": "handled",
    "outcome": "explained",
    "resolved_at": day(4, 3),
    "outcome_accepted_at": day(4, 4),
    "review_applied_at": day(4, 5),
    "review_due_at": day(5, 5),
    "review_decided_at": day(5, 1),
    "rereview_applied_at": day(5, 6),
    "rereview_due_at": day(6, 6),
    "rereview_decided_at": day(6, 1),
    "hearing_days": 2,
    "follow_up_due_at": day(5, 2),
    "followed_up_at": day(4, 20),
    "office_rating": "satisfied",
    "office_rated_at": day(4, 21),
    "office_rating_expires_at": day(5, 2),
    "unit_rating": "dissatisfied",
    "unit_rated_at": day(4, 21),
    "unit_rating_expires_at": day(5, 2),
    "responsible_post_id": "p1",
    "assigned_from": "county",
    "report_due_at": day(3, 1),
    "reported_at": day(2, 1),
    "legal_reviewed_at": day(3, 2),
    "updated_at": day(6, 1),
}


def plain(number: int, **more: Any) -> dict[str, Any]:
    """Case C<number>: registered on that day of May, open, nothing wrong with it."""
    return {
        **dict.fromkeys(FULL),
        "case_id": str(number),
        "case_no": f"C{number}",
        "purpose": "appeal",
        "lead_unit_id": "u1",
        "disposition": "forwarded",
        "registered_at": day(5, number),
        "accepted_at": day(5, number, 10),
        **more,
    }


CASES = (
    FULL,
    *(plain(number) for number in range(2, 8)),
    # Nothing to find: recent, hence no deadline yet; handed back, hence no deadline and no unit; another track.
    plain(8, registered_at=day(11, 20), accepted_at=None),
    plain(9, accepted_at=None, disposition="returned", lead_unit_id=None),
    plain(10, accepted_at=None, track="other"),
    # Nothing to find: not accepted in time by an objection.
    plain(11, accepted_at=None, unit_received_at=day(5, 12), objected_at=day(5, 13), not_accepted_at=day(5, 14)),
)
ROWS: dict[str, list[dict[str, Any]]] = {
    "unit": [
        {"unit_id": "u1", "name": "甲局", "kind": "department", "sort_order": 1},
        {"unit_id": "t1", "name": "乙镇", "kind": "township", "sort_order": 2},
        {"unit_id": "office", "name": "信访局", "kind": "department", "sort_order": 3},
    ],
    "category": [{"category_id": "c1", "name": "教育", "functional_unit_id": "u1"}],
    "petition_case": list(CASES),
    "case_event": [
        {"case_id": "2", "kind": "closed", "at": day(6, 1), "from_unit_id": None, "to_unit_id": None},
        {"case_id": "2", "kind": "reopened", "at": day(6, 2), "from_unit_id": None, "to_unit_id": None},
        {"case_id": "3", "kind": "reassigned", "at": day(6, 1), "from_unit_id": "u1", "to_unit_id": "t1"},
        {"case_id": "3", "kind": "reassigned", "at": day(6, 2), "from_unit_id": "t1", "to_unit_id": "u1"},
    ],
    "contract": [{"version": 1}],
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with nothing to find."""
    made = engines.fresh_url(tmp_path)
    fill(made)
    return made


def fill(url: str) -> None:
    engine = writing_engine(url)
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        for name, rows in ROWS.items():
            connection.execute(insert(schema.metadata.tables[name]), rows)
    engine.dispose()


def found_in(url: str, now: datetime = NOW) -> list[Finding]:
    database = open_database(url, load())
    try:
        return findings(database, now)
    finally:
        database.engine.dispose()


def change(url: str, *statements: str) -> None:
    engines.written(url, *statements)


def brief(found: list[Finding]) -> list[tuple[str, int]]:
    return [(each.finding, each.count) for each in found]


def test_nothing_is_found_in_a_clean_database(url: str) -> None:
    assert found_in(url) == []


def case(values: str, *numbers: int) -> str:
    where = ", ".join(f"'C{number}'" for number in numbers)
    return f"UPDATE petition_case SET {values} WHERE case_no IN ({where})"


PLANTED: list[tuple[str, list[str], int, tuple[str, ...], tuple[str, ...]]] = [
    # finding, changes, count, columns of petition_case unless they name a table, examples
    ("no_registration", [case("registered_at = NULL", 2, 3)], 2, ("registered_at",), ("C2", "C3")),
    (
        "no_responsible_unit",
        [case("lead_unit_id = NULL", 4), case("lead_unit_id = ''", 5)],
        2,
        ("lead_unit_id",),
        ("C4", "C5"),
    ),
    # C2 has waited long; C3 is recent; C4 was closed; C5 left by transfer; C6 states a deadline.
    (
        "no_deadline",
        [
            case("accepted_at = NULL", 2, 3, 4, 5, 6),
            case("registered_at = '2026-11-10 00:00:00'", 3),
            case("closed_at = '2026-11-20 00:00:00', answered_at = '2026-11-20 00:00:00', closed_how = 'handled'", 4),
            case("closed_at = '2026-11-20 00:00:00', closed_how = 'transferred'", 5),
            case("due_at = '2026-12-20 00:00:00'", 6),
        ],
        2,
        ("due_at", "accepted_at"),
        ("C2", "C4"),
    ),
    ("unknown_unit", [case("lead_unit_id = 'u9'", 2, 4, 5, 6)], 4, ("lead_unit_id",), ("C2", "C4", "C5")),
    # C2 twice at fault counts once.
    (
        "unknown_unit",
        [case("lead_unit_id = 'u9', registering_unit_id = 'u9'", 2), case("township_id = 'u8'", 3)],
        2,
        ("lead_unit_id", "township_id", "registering_unit_id"),
        ("C2", "C3"),
    ),
    # One case with two of them, one with another, and three units.
    (
        "unknown_code",
        [
            case("channel = 'fax', track = 'slow'", 2),
            case("channel = 'telex'", 3),
            "UPDATE unit SET kind = '1'",
        ],
        5,
        ("channel", "track", "unit.kind"),
        ("fax", "telex", "slow"),
    ),
    (
        "registered_in_future",
        [case("registered_at = '2099-01-01 00:00:00'", 2, 3), case("registered_at = '2026-11-24 12:00:00'", 4)],
        2,
        ("registered_at",),
        ("C2", "C3"),
    ),
    ("unknown_unit", [case("township_id = 'u9'", 2)], 1, ("township_id",), ("C2",)),
    ("unknown_unit", [case("registering_unit_id = 'u9'", 2)], 1, ("registering_unit_id",), ("C2",)),
    ("unknown_category", [case("category_id = 'c9'", 2, 3)], 2, ("category_id",), ("C2", "C3")),
    ("unknown_code", [case("channel = '01'", 2, 3), case("channel = 'fax'", 4)], 3, ("channel",), ("01", "fax")),
    ("unknown_code", [case("purpose = '求决'", 2)], 1, ("purpose",), ("求决",)),
    ("unknown_code", [case("petitioned_level = 'x'", 2)], 1, ("petitioned_level",), ("x",)),
    ("unknown_code", [case("handling_level = 'x'", 2)], 1, ("handling_level",), ("x",)),
    ("unknown_code", [case("disposition = 'x'", 2)], 1, ("disposition",), ("x",)),
    ("unknown_code", [case("track = 'x'", 2)], 1, ("track",), ("x",)),
    ("unknown_code", [case("closed_how = 'x'", 2)], 1, ("closed_how",), ("x",)),
    ("unknown_code", [case("outcome = 'x'", 2)], 1, ("outcome",), ("x",)),
    ("unknown_code", [case("extension_reason_code = 'x'", 2)], 1, ("extension_reason_code",), ("x",)),
    ("unknown_code", [case("assigned_from = 'x'", 2)], 1, ("assigned_from",), ("x",)),
    ("unknown_code", ["UPDATE unit SET kind = '1'"], 3, ("unit.kind",), ("1",)),
    (
        "unknown_code",
        ["INSERT INTO case_event (case_id, kind) VALUES ('4', 'lost')"],
        1,
        ("case_event.kind",),
        ("lost",),
    ),
    ("unknown_code", ["INSERT INTO listing (case_id, kind) VALUES ('4', 'x')"], 1, ("listing.kind",), ("x",)),
    ("duplicate_case_no", [case("case_no = 'C2'", 3, 4), case("case_no = 'C6'", 5)], 5, ("case_no",), ("C2", "C6")),
    (
        "closed_before_registered",
        [case("closed_at = '2026-05-01 00:00:00', closed_how = 'withdrawn'", 2, 3)],
        2,
        ("registered_at", "closed_at"),
        ("C2", "C3"),
    ),
    # C2 is late twice and counts once; the deadline of C4 may be later than now.
    (
        "future_moment",
        [
            case("noticed_at = '2026-11-24 12:00:01', next_repeat_at = '2027-01-01 00:00:00'", 2),
            case("noticed_at = '2026-11-24 12:00:00'", 3),
            case("due_at = '2027-01-01 00:00:00'", 4),
            case("noticed_at = '2026-12-01 00:00:00'", 5),
        ],
        2,
        ("next_repeat_at", "noticed_at"),
        ("C2", "C5"),
    ),
    # C2 breaks two pairs and counts once; C3 is noticed before it is accepted, which is no fault.
    (
        "moments_out_of_order",
        [
            case("petitioned_at = '2026-05-04 00:00:00', forwarded_at = '2026-05-01 00:00:00'", 2),
            case("unit_received_at = '2026-05-03 10:00:00', noticed_at = '2026-05-03 11:00:00'", 3),
            case("accepted_at = '2026-05-03 12:00:00'", 3),
            case("answered_at = '2026-05-04 00:00:00'", 4),
        ],
        2,
        ("registered_at", "forwarded_at", "answered_at"),
        ("C2", "C4"),
    ),
    (
        "extension_over_limit",
        [
            case("original_due_at = '2026-07-01 23:59:59', due_at = '2026-08-01 00:00:00'", 2),
            case("original_due_at = '2026-07-01 23:59:59', due_at = '2026-07-31 23:59:59'", 3),
        ],
        1,
        ("original_due_at", "due_at"),
        ("C2",),
    ),
    (
        "extension_without_reason",
        [case("extended_at = '2026-06-01 00:00:00'", 2, 3), case("extension_reason_code = 'other'", 3)],
        1,
        ("extended_at", "extension_reason_code"),
        ("C2",),
    ),
    (
        "rating_outside_scale",
        [
            case("unit_rating = '3', unit_rated_at = '2026-06-01 00:00:00'", 2, 3),
            case("unit_rating = 'bad', unit_rated_at = '2026-06-01 00:00:00'", 4),
        ],
        3,
        ("unit_rating",),
        ("3", "bad"),  # never the cases, which would show a case's own rating
    ),
    (
        "rating_without_moment",
        [case("office_rating = 'satisfied'", 2)],
        1,
        ("office_rating", "office_rated_at"),
        ("C2",),
    ),
    (
        "closed_without_answer",
        [
            case("closed_at = '2026-06-01 00:00:00', closed_how = 'handled'", 2, 3),
            case("closed_at = '2026-06-01 00:00:00', closed_how = 'withdrawn'", 4),
            case("answered_at = '2026-05-30 00:00:00'", 3),
        ],
        1,
        ("closed_how", "answered_at"),
        ("C2",),
    ),
    # A reopening without any closing, and the second of two in a row.
    (
        "reopened_without_closing",
        [
            f"INSERT INTO case_event (case_id, kind, {AT}) VALUES ('4', 'reopened', '2026-06-01 00:00:00')",
            f"INSERT INTO case_event (case_id, kind, {AT}) VALUES ('2', 'reopened', '2026-06-03 00:00:00')",
        ],
        2,
        ("case_event.kind",),
        ("C2", "C4"),
    ),
    (
        "transfer_without_units",
        [
            f"INSERT INTO case_event (case_id, kind, {AT}, from_unit_id) "
            "VALUES ('4', 'reassigned', '2026-06-01 00:00:00', 'u1')"
        ],
        1,
        ("case_event.from_unit_id", "case_event.to_unit_id"),
        ("C4",),
    ),
    # C3's last transfer went to u1, so that only the former does not count.
    (
        "transfer_elsewhere",
        [case("lead_unit_id = 't1'", 3)],
        1,
        ("case_event.to_unit_id", "petition_case.lead_unit_id"),
        ("C3",),
    ),
    (
        "mixed_date_text",
        [
            case("noticed_at = '2026-05-04T10:00:00'", 2),
            case("noticed_at = '2026/05/04 10:00:00'", 3),
            case("noticed_at = '2026-05-05 10:00:00.000000'", 4),
        ],
        3,
        ("noticed_at",),
        ("C2", "C3", "C4"),
    ),
    (
        "mixed_date_text",
        ["UPDATE case_event SET to_due_at = '2026/06/02' WHERE case_id = '3'"],
        2,
        ("case_event.to_due_at",),
        (),
    ),
    ("mixed_date_text", [case("due_at = '2026-07-04'", 2, 3)], 2, ("due_at",), ("C2", "C3")),
]


@pytest.mark.parametrize(
    ("finding", "changes", "count", "columns", "examples"),
    PLANTED,
    ids=[f"{name}-{columns[0]}" for name, _, _, columns, _ in PLANTED],
)
def test_a_planted_fault_is_found(
    url: str, finding: str, changes: list[str], count: int, columns: tuple[str, ...], examples: tuple[str, ...]
) -> None:
    if finding == "mixed_date_text" and engines.chosen != "sqlite":
        pytest.skip("only on sqlite: no other engine keeps moments as text")
    change(url, *changes)
    full = tuple(name if "." in name else f"petition_case.{name}" for name in columns)
    found = [each for each in found_in(url) if each.finding == finding]
    assert [(each.count, each.columns, each.examples) for each in found] == [(count, full, examples)]


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_finding_has_its_sentences(url: str, language: str) -> None:
    texts.use(language)
    change(url, *(statement for _, changes, _, _, _ in PLANTED for statement in changes if "'2026/" not in statement))
    change(
        url,
        "DROP TABLE listing",
        "DROP TABLE category",
        "ALTER TABLE petition_case RENAME COLUMN office_rating TO office_rating_gone",
    )
    found = found_in(url)
    assert {"table_missing", "column_missing", "unknown_code"} <= {each.finding for each in found}
    for each in found:
        assert each.what and each.cost
        assert "{" not in each.what + each.cost


def test_the_number_of_an_accusation_is_counted_and_not_named(url: str) -> None:
    change(url, case("category_id = 'c9'", 2, 3), case("purpose = 'accusation'", 2))
    (found,) = [each for each in found_in(url) if each.finding == "unknown_category"]
    assert (found.count, found.examples) == (2, ("C3",))


def test_what_looks_like_a_persons_number_is_masked(url: str) -> None:
    change(url, case("channel = '13812345678'", 2), case("case_no = '510101199001011234', category_id = 'c9'", 3))
    shown = " ".join(" ".join(each.examples) for each in found_in(url))
    assert "138123" not in shown and "510101" not in shown


def test_missing_tables_and_columns_name_what_they_cost(url: str) -> None:
    change(
        url,
        "DROP TABLE reminder_slip",
        "ALTER TABLE petition_case RENAME COLUMN unit_rating TO unit_rating_gone",
        "ALTER TABLE petition_case RENAME COLUMN noticed_at TO noticed_at_gone",
        "ALTER TABLE petition_case RENAME COLUMN unit_received_at TO unit_received_at_gone",
    )
    found = {each.columns: each for each in found_in(url)}
    assert brief(list(found.values())) == [("table_missing", 1), ("column_missing", 2), ("column_missing", 1)]
    slips = found[("reminder_slip",)]
    assert {"indicator.slip_return_rate.label", "indicator.slip_effect_rate.label"} <= set(slips.parts)
    acceptance = found[("petition_case.unit_received_at", "petition_case.noticed_at")]
    assert acceptance.parts == ("indicator.unit_timely_acceptance_rate.label", "indicator.acceptance_overdue.label")
    assert found[("petition_case.unit_rating",)].cost == "以下内容没有数据：满意率（责任单位）；不满意后未回访。"


def test_a_column_without_a_value_costs_as_much_as_a_missing_one(url: str) -> None:
    change(url, "UPDATE petition_case SET channel = NULL, followed_up_at = NULL")
    found = [(each.finding, each.columns, each.parts) for each in found_in(url)]
    assert found == [
        ("column_empty", ("petition_case.channel",), ("check.part.by.channel",)),
        (
            "column_empty",
            ("petition_case.followed_up_at",),
            ("indicator.follow_up_rate.label", "indicator.no_second_look.label"),
        ),
    ]


def test_a_database_without_optional_parts_lists_them(minimal_url: str) -> None:
    found = found_in(minimal_url)
    assert {each.severity for each in found} == {"missing"}
    tables = {each.columns[0] for each in found if each.finding == "table_missing"}
    assert tables == set(schema.metadata.tables) - {"unit", "petition_case", "contract"}
    columns = [name for each in found if each.finding == "column_missing" for name in each.columns]
    assert len(columns) == len(set(columns))
    given = {"case_no", "registered_at", "closed_at", "lead_unit_id", "due_at", "case_id"}
    assert {name for name in columns if name.startswith("petition_case.")} == {
        f"petition_case.{column.name}" for column in schema.petition_case.columns if column.name not in given
    }


def test_an_empty_database_has_no_cases(empty_url: str) -> None:
    assert brief(found_in(empty_url)) == [("no_cases", 0)]


@pytest.mark.only_on("sqlite", reason="any column may hold dates there")
def test_a_column_of_dates_is_compared_by_day(url: str) -> None:
    change(url, "UPDATE petition_case SET closed_at = substr(closed_at, 1, 10)")
    change(url, case("closed_at = '2026-05-02', closed_how = 'withdrawn'", 2, 3))
    found = [each for each in found_in(url) if each.finding == "closed_before_registered"]
    assert [each.examples for each in found] == [("C3",)], "C2 was closed on the day it was registered"


def test_years_that_the_calendar_does_not_know_are_said(url: str) -> None:
    year = last_known_year()
    change(
        url,
        case(f"unit_received_at = '{year + 1}-02-01 00:00:00', objected_at = '{year + 1}-02-02 00:00:00'", 2),
        case(f"unit_received_at = '{year + 1}-02-01 00:00:00'", 3),
        case(f"track = 'summary', accepted_at = '{year}-12-31 00:00:00'", 4),  # ten working days reach into the next
        case(f"track = 'summary', accepted_at = '{year}-12-01 00:00:00'", 5),
    )
    found = {each.finding: each for each in found_in(url, datetime(year + 2, 1, 1))}
    assert (found["calendar_unknown"].count, found["calendar_unknown"].examples) == (2, ("C2", "C4"))
    assert str(year) in found["calendar_unknown"].what


@pytest.mark.only_on("sqlite", "postgresql", "mariadb", reason="DuckDB needs no index")
def test_indexes_are_recommended_to_a_big_database_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    of = {"ix_case_closed": "petition_case", "ix_event_case": "case_event"}
    on = " ON {}" if engines.chosen == "mariadb" else ""
    change(url, *(f"DROP INDEX {index}{on.format(table)}" for index, table in of.items()))
    assert found_in(url) == []
    monkeypatch.setattr(check, "INDEXED_FROM", len(CASES) - 1)
    (found,) = found_in(url)
    assert brief([found]) == [("no_index", 2)]
    change(url, *found.examples)
    assert found_in(url) == [], "its own statements are what it asks for"
    drop = f"DROP INDEX ix_case_closed{on.format('petition_case')}"
    change(url, drop, "CREATE INDEX ix_case_closed ON petition_case (closed_at)")
    (found,) = found_in(url)
    assert (found.count, len(found.examples)) == (1, 2), "one of an older version is to be replaced"
    change(url, *found.examples)
    assert found_in(url) == []


def test_the_demo_has_only_what_was_planted(demo_url: str, demo_file: Path) -> None:
    found = found_in(demo_url, datetime(2026, 11, 24, 23, 59, 59))
    assert [each for each in found if each.severity == "missing"] == []
    with closing(sqlite3.connect(demo_file)) as connection:

        def one(question: str) -> int:
            return int(connection.execute(question).fetchone()[0])

        counted: dict[str, Callable[[], int]] = {
            "unknown_unit": lambda: one(
                "SELECT count(*) FROM petition_case c LEFT JOIN unit u ON u.unit_id = c.lead_unit_id "
                "WHERE c.lead_unit_id IS NOT NULL AND u.unit_id IS NULL"
            ),
            "unknown_category": lambda: one(
                "SELECT count(*) FROM petition_case c LEFT JOIN category g ON g.category_id = c.category_id "
                "WHERE c.category_id IS NOT NULL AND g.category_id IS NULL"
            ),
            "closed_before_registered": lambda: one(
                "SELECT count(*) FROM petition_case WHERE closed_at < registered_at"
            ),
            "extension_without_reason": lambda: one(
                "SELECT count(*) FROM petition_case WHERE extended_at IS NOT NULL AND extension_reason_code IS NULL"
            ),
            "extension_over_limit": lambda: one(
                "SELECT count(*) FROM petition_case WHERE julianday(due_at) - julianday(original_due_at) > 30.5"
            ),
        }
        by_hand = {name: count() for name, count in counted.items()}
    assert {each.finding: each.count for each in found if each.finding in by_hand} == {
        name: count for name, count in by_hand.items() if count
    }


def test_a_server_gives_the_same(postgres_url: str, url: str) -> None:
    fill(postgres_url)
    assert found_in(postgres_url) == []
    engine = writing_engine(postgres_url)
    planted = [case("category_id = 'c9', channel = '01'", 2, 3), case("lead_unit_id = NULL", 4)]
    with engine.begin() as connection:
        for statement in planted:
            connection.exec_driver_sql(statement)
    change(url, *planted)
    assert found_in(postgres_url) == found_in(url) != []
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE petition_case ALTER answered_at TYPE varchar(40)")
    engine.dispose()
    wrong = [each for each in found_in(postgres_url) if each.finding == "wrong_type"]
    assert [each.columns for each in wrong] == [("petition_case.answered_at",)]
