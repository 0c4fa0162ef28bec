"""Two as-of moments on one database give the state as it was at each: every kind of change, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from handmade import make_file, measured, moment, opened, seen

from data_access import settings
from data_access.database import CaseDatabase, open_database
from data_access.engine import writing_engine
from data_access.extract import extract
from data_access.schema import petition_case

KEYS = ("registered", "closed", "open", "overdue", "due_soon", "overdue_share", "on_time_closure_rate")
UNITS = [
    {"unit_id": "A", "name": "甲局", "kind": "department"},
    {"unit_id": "B", "name": "乙镇", "kind": "township"},
]
BASE = {"lead_unit_id": "A", "registered_at": "2026-01-05 9:00"}


def state(database: CaseDatabase, at: str, **narrowed: tuple[str, ...]) -> dict[str, tuple[int | None, int | None]]:
    return measured(database, seen(at, **narrowed), *KEYS)


def counts(database: CaseDatabase, at: str, **narrowed: tuple[str, ...]) -> tuple[int | None, ...]:
    """Closed, open, overdue."""
    found = state(database, at, **narrowed)
    return tuple(found[key][0] for key in ("closed", "open", "overdue"))


@pytest.fixture
def one(tmp_path_factory: pytest.TempPathFactory):
    """`one(case, *events)`: a database with one case, on top of BASE."""

    def made(case: dict[str, str], *events: dict[str, str]) -> CaseDatabase:
        folder = tmp_path_factory.mktemp("one")
        rows = {"petition_case": [BASE | {"case_no": "1"} | case], "unit": UNITS}
        return opened(make_file(folder, **rows, case_event=[{"case_id": "1"} | event for event in events]))

    return made


def test_before_it_was_registered_there_is_no_case(one) -> None:
    database = one({"due_at": "2026-03-06 23:59:59"})
    assert counts(database, "2026-01-05 8:59:59") == (0, 0, 0)
    assert state(database, "2026-01-05 8:59:59")["registered"] == (0, None)
    assert counts(database, "2026-01-05 9:00") == (0, 1, 0)


def test_closed_later(one) -> None:
    database = one({"due_at": "2026-03-06 23:59:59", "closed_at": "2026-03-20 15:00", "closed_how": "handled"})
    assert counts(database, "2026-03-01") == (0, 1, 0)
    assert counts(database, "2026-03-19") == (0, 1, 1)
    assert counts(database, "2026-03-20 14:59:59") == (0, 1, 1)
    assert counts(database, "2026-03-20 15:00") == (1, 0, 0)
    # Late for good: by then it is past its deadline, whether open or closed.
    assert state(database, "2026-03-05")["on_time_closure_rate"] == (0, 0)
    for at in ("2026-03-19", "2026-03-20", "2026-11-24"):
        assert state(database, at)["on_time_closure_rate"] == (0, 1)


def test_due_at_the_last_second_of_the_as_of_day(one) -> None:
    open_still = one({"due_at": "2026-03-06 23:59:59"})
    assert counts(open_still, "2026-03-06 23:59:58") == (0, 1, 0)
    assert state(open_still, "2026-03-06 23:59:58")["due_soon"] == (1, None)
    # The day as a whole includes its last second, which has come.
    assert counts(open_still, "2026-03-06") == (0, 1, 1)
    assert state(open_still, "2026-03-06")["due_soon"] == (0, None)
    assert state(open_still, "2026-03-06")["overdue_share"] == (1, 1)
    just_in_time = one({"due_at": "2026-03-06 23:59:59", "closed_at": "2026-03-06 23:59:59"})
    assert counts(just_in_time, "2026-03-06") == (1, 0, 0)
    assert state(just_in_time, "2026-03-06")["on_time_closure_rate"] == (1, 1)
    too_late = one({"due_at": "2026-03-06 23:59:59", "closed_at": "2026-03-07"})
    assert state(too_late, "2026-03-07")["on_time_closure_rate"] == (0, 1)


def test_deadlines_to_the_hour(one) -> None:
    database = one({"due_at": "2026-03-06 12:00", "closed_at": "2026-03-06 12:00:01"})
    assert counts(database, "2026-03-06 11:59:59") == (0, 1, 0)
    assert counts(database, "2026-03-06 12:00") == (0, 1, 1)
    assert counts(database, "2026-03-06") == (1, 0, 0)
    assert state(database, "2026-03-06")["on_time_closure_rate"] == (0, 1)


@pytest.mark.parametrize(
    ("at", "soon"),
    [("2026-02-26", 0), ("2026-02-27", 1), ("2026-02-27 0:00", 1), ("2026-03-06 11:59:59", 1), ("2026-03-06 12:00", 0)],
)
def test_due_soon_is_the_next_seven_days(one, at: str, soon: int) -> None:
    assert state(one({"due_at": "2026-03-06 12:00"}), at)["due_soon"] == (soon, None)


EXTENDED = {
    "accepted_at": "2026-01-06 10:00",
    "original_due_at": "2026-03-07 23:59:59",
    "due_at": "2026-04-06 23:59:59",
    "extended_at": "2026-03-10 16:00",
}


def test_extended_later(one) -> None:
    """Three days late when the extension came: overdue then, and not from that second on."""
    database = one(EXTENDED)
    assert counts(database, "2026-03-06") == (0, 1, 0)
    assert counts(database, "2026-03-10 15:59:59") == (0, 1, 1)
    assert counts(database, "2026-03-10 16:00") == (0, 1, 0)
    assert counts(database, "2026-04-05") == (0, 1, 0)
    assert counts(database, "2026-04-06") == (0, 1, 1)
    march = seen("2026-03-09", "2026-03-01", "2026-03-31")
    assert measured(database, march, "on_time_closure_rate") == {"on_time_closure_rate": (0, 1)}
    # Seen from the end of March it falls due in April, and from then it counts there.
    assert measured(database, seen("2026-03-31", "2026-03-01"), "on_time_closure_rate")["on_time_closure_rate"] == (
        0,
        0,
    )
    assert measured(database, seen("2026-04-30", "2026-04-01"), "on_time_closure_rate")["on_time_closure_rate"] == (
        0,
        1,
    )
    assert measured(database, seen("2026-03-09"), "extension_rate") == {"extension_rate": (0, 1)}
    assert measured(database, seen("2026-03-10"), "extension_rate") == {"extension_rate": (1, 1)}


def test_a_copy_knows_when_the_last_extension_was(one, tmp_path: Path) -> None:
    """Seen from later on deadlines are those on record; where more may come at any time they are worked out."""
    database, target = one(EXTENDED), tmp_path / "copy.duckdb"
    extract(database, target, moment("2026-12-31"))
    copy = open_database(f"duckdb:///{target.as_posix()}", settings.load())
    assert copy.nothing_after("extended_at", moment("2026-03-10 16:00"))
    assert not copy.nothing_after("extended_at", moment("2026-03-10 15:59:59"))
    assert copy.nothing_after("closed_at", moment("2026-01-01")), "nothing has ever been closed"
    assert not copy.nothing_after("answered_at", moment("2026-12-31")), "not looked at"
    assert not database.nothing_after("extended_at", moment("2026-12-31"))
    for day, expected in (("2026-03-09", (0, 1, 1)), ("2026-03-10", (0, 1, 0)), ("2026-04-06", (0, 1, 1))):
        assert counts(copy, day) == counts(database, day) == expected, day


def test_one_more_extension_is_another_state_of_the_data(one) -> None:
    database = one(EXTENDED)
    assert counts(database, "2026-03-20") == (0, 1, 0)
    engine = writing_engine(database.url)
    with engine.begin() as connection:
        connection.execute(petition_case.update().values(extended_at=moment("2026-03-21")))
    engine.dispose()
    again = open_database(database.url, settings.load(), database)
    assert again.version != database.version
    assert counts(again, "2026-03-20") == (0, 1, 1), "as of then it had not been extended yet"


def test_a_deadline_that_no_source_states_is_computed(one) -> None:
    """From 6 January: 60 days are 7 March; with an extension on record 90 days are 6 April."""
    plain = one({"accepted_at": "2026-01-06 10:00"})
    assert counts(plain, "2026-03-06") == (0, 1, 0)
    assert counts(plain, "2026-03-07") == (0, 1, 1)
    longer = one({"accepted_at": "2026-01-06 10:00", "extended_at": "2026-03-01"})
    assert state(longer, "2026-02-28")["due_soon"] == (1, None)
    assert counts(longer, "2026-03-07") == (0, 1, 0)
    assert counts(longer, "2026-04-05") == (0, 1, 0)
    assert counts(longer, "2026-04-06") == (0, 1, 1)
    original_only = one({"original_due_at": "2026-02-01 23:59:59", "accepted_at": "2026-01-06 10:00"})
    assert counts(original_only, "2026-02-01") == (0, 1, 1)


def test_the_summary_track_is_computed_in_working_days(one) -> None:
    """Accepted on Monday 9 February 2026: ten working days, over Spring Festival (15 to 23 February off,
    Saturday the 14th and Saturday the 28th worked): 10, 11, 12, 13, 14, 24, 25, 26, 27, 28 February."""
    database = one({"accepted_at": "2026-02-09 10:00", "track": "summary"})
    assert counts(database, "2026-02-27") == (0, 1, 0)
    assert counts(database, "2026-02-28 23:59:58") == (0, 1, 0)
    assert counts(database, "2026-02-28") == (0, 1, 1)


def test_reopened(one) -> None:
    database = one(
        {"due_at": "2026-03-06 23:59:59", "closed_at": "2026-05-10 9:00"},
        {"kind": "closed", "at": "2026-02-10 10:00"},
        {"kind": "reopened", "at": "2026-04-01 10:00"},
    )
    assert counts(database, "2026-02-10 9:59:59") == (0, 1, 0)
    assert counts(database, "2026-02-10 10:00") == (1, 0, 0)
    assert counts(database, "2026-03-31") == (1, 0, 0)
    assert counts(database, "2026-04-01 9:59:59") == (1, 0, 0)
    assert counts(database, "2026-04-01 10:00") == (0, 1, 1)
    assert counts(database, "2026-05-10") == (1, 0, 0)
    # In time as it stood in March; after the reopening the closing that counts is the last one.
    assert state(database, "2026-03-31")["on_time_closure_rate"] == (1, 1)
    assert state(database, "2026-04-01")["on_time_closure_rate"] == (0, 1)
    assert state(database, "2026-11-24")["on_time_closure_rate"] == (0, 1)
    # Each closing belongs to its month while it stands.
    february = seen("2026-03-31", "2026-02-01", "2026-02-28")
    assert measured(database, february, "closed") == {"closed": (1, None)}
    assert measured(database, seen("2026-05-31", "2026-05-01"), "closed") == {"closed": (1, None)}


def test_reopened_twice_and_open_still(one) -> None:
    database = one(
        {"due_at": "2026-12-31 23:59:59"},
        {"kind": "closed", "at": "2026-02-01"},
        {"kind": "reopened", "at": "2026-03-01"},
        {"kind": "closed", "at": "2026-04-01"},
        {"kind": "reopened", "at": "2026-05-01"},
    )
    days = ("2026-01-31", "2026-02-15", "2026-03-15", "2026-04-15", "2026-05-15")
    assert [counts(database, day)[:2] for day in days] == [(0, 1), (1, 0), (0, 1), (1, 0), (0, 1)]


def test_reassigned(one) -> None:
    """With A, from 1 March with B, from 1 April with A again, where it is on record."""
    database = one(
        {"due_at": "2026-02-20 23:59:59"},
        {"kind": "reassigned", "at": "2026-03-01 10:00", "from_unit_id": "A", "to_unit_id": "B"},
        {"kind": "reassigned", "at": "2026-04-01 10:00", "from_unit_id": "B", "to_unit_id": "A"},
    )
    for at, unit, other in (
        ("2026-02-28", "A", "B"),
        ("2026-03-01 9:59:59", "A", "B"),
        ("2026-03-01 10:00", "B", "A"),
        ("2026-03-31", "B", "A"),
        ("2026-04-01", "A", "B"),
        ("2026-11-24", "A", "B"),
    ):
        assert counts(database, at, unit=(unit,)) == (0, 1, 1), at
        assert counts(database, at, unit=(other,)) == (0, 0, 0), at
        assert measured(database, seen(at), "open", by="unit") == {("open", unit): (1, None)}, at
        kind = {"A": "department", "B": "township"}[unit]
        assert measured(database, seen(at), "overdue", by="kind") == {("overdue", kind): (1, None)}, at
        assert counts(database, at, kind=(kind,)) == (0, 1, 1), at


@pytest.mark.parametrize("how", ["transferred", "merged", "not_accepted"])
def test_an_exit_that_leaves_the_denominators(one, how: str) -> None:
    database = one({"due_at": "2026-03-06 23:59:59", "closed_at": "2026-04-01 10:00", "closed_how": how})
    keys = ("closure_rate", "on_time_closure_rate", "overdue_share")
    assert measured(database, seen("2026-03-31"), *keys) == {
        "closure_rate": (0, 1),
        "on_time_closure_rate": (0, 1),
        "overdue_share": (1, 1),
    }
    assert measured(database, seen("2026-04-01"), *keys) == dict.fromkeys(keys, (0, 0))
    assert counts(database, "2026-04-01") == (1, 0, 0)


def test_withdrawn_is_a_closing_like_others(one) -> None:
    database = one({"due_at": "2026-03-06 23:59:59", "closed_at": "2026-02-01", "closed_how": "withdrawn"})
    keys = ("closure_rate", "on_time_closure_rate")
    assert measured(database, seen("2026-03-06"), *keys) == dict.fromkeys(keys, (1, 1))


def test_closed_before_it_was_registered_counts_from_the_registration(one) -> None:
    database = one({"due_at": "2026-03-06 23:59:59", "closed_at": "2025-12-20 10:00"})
    assert counts(database, "2025-12-31") == (0, 0, 0)
    assert counts(database, "2026-01-05") == (1, 0, 0)
    assert measured(database, seen("2026-01-31", "2026-01-01"), "closed") == {"closed": (1, None)}
    assert measured(database, seen("2025-12-31", "2025-12-01"), "closed") == {"closed": (0, None)}


@pytest.mark.parametrize(
    "case",
    [
        {"track": "other"},
        {"purpose": "suggestion"},
        {"purpose": "accusation"},
        {"disposition": "filed"},
        {"disposition": "returned"},
        {"disposition": "no_longer_accepted"},
    ],
)
def test_what_is_on_no_clock_is_never_late(one, case: dict[str, str]) -> None:
    database = one({"due_at": "2026-02-01 23:59:59"} | case)
    found = state(database, "2026-11-24")
    assert (found["open"], found["overdue"], found["on_time_closure_rate"]) == ((1, None), (0, None), (0, 0))


def test_the_end_of_the_period_is_the_instant_of_the_screen(one) -> None:
    """A period that ended before the as-of moment is seen from its end; one that runs past it, from the moment."""
    database = one({"due_at": "2026-03-06 23:59:59", "closed_at": "2026-03-20"})
    march_half = seen("2026-11-24", "2026-03-01", "2026-03-15")
    assert measured(database, march_half, *KEYS)["overdue"] == (1, None)
    running = seen("2026-03-05", "2026-03-01", "2026-03-31")
    assert measured(database, running, *KEYS)["on_time_closure_rate"] == (0, 0)
    assert measured(database, running, *KEYS)["open"] == (1, None)


NOTICE = {"unit_received_at": "2026-01-06 10:00", "due_at": "2026-03-06 23:59:59"}


@pytest.mark.parametrize(
    ("case", "in_time", "late_on_the_22nd"),
    [
        ({"noticed_at": "2026-01-21 23:59:59"}, 1, 0),
        ({"noticed_at": "2026-01-22 8:00"}, 0, 0),
        ({"noticed_at": "2026-01-23 8:00"}, 0, 1),
        ({"not_accepted_at": "2026-01-20"}, 1, 0),
        ({"accepted_at": "2026-01-20"}, 1, 0),
        # Five working days from Tuesday 6 January end on Tuesday the 13th.
        ({"objected_at": "2026-01-13 23:00"}, 1, 0),
        ({"objected_at": "2026-01-14 8:00"}, 0, 1),
        ({"acceptance_due_at": "2026-01-10 12:00", "noticed_at": "2026-01-10 12:00"}, 1, 0),
        ({"acceptance_due_at": "2026-01-10 12:00", "noticed_at": "2026-01-10 12:01"}, 0, 0),
    ],
)
def test_notice_of_acceptance(one, case: dict[str, str], in_time: int, late_on_the_22nd: int) -> None:
    """15 days from the unit's receipt on 6 January end on the 21st."""
    database = one(NOTICE | {"noticed_at": None} | case | {"closed_at": None})
    if "noticed_at" not in case:  # a database where nobody ever gave notice could not feed the indicator
        database = two_cases(one, NOTICE | case)
    keys = ("unit_timely_acceptance_rate", "acceptance_overdue")
    found = measured(database, seen("2026-01-22", unit=("A",)), *keys)
    assert found == {"unit_timely_acceptance_rate": (in_time, 1), "acceptance_overdue": (late_on_the_22nd, None)}


def two_cases(one, case: dict[str, str]) -> CaseDatabase:
    """The case, and another one of B that was given notice."""
    database = one(case)
    engine = writing_engine(database.url)
    day = moment("2026-01-06")
    with engine.begin() as connection:
        connection.execute(
            petition_case.insert().values(
                case_id="2", case_no="2", lead_unit_id="B", registered_at=day, unit_received_at=day, noticed_at=day
            )
        )
    engine.dispose()
    return open_database(database.url, settings.load())


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"forwarded_at": "2026-01-20 23:59:59"}, (1, 1)),
        ({"forwarded_at": "2026-01-21"}, (0, 1)),
        (
            {"forwarded_at": "2026-01-19", "petitioned_at": "2026-01-03 9:00"},
            (0, 1),
        ),  # received on the 3rd: until the 18th
        ({"forwarded_at": "2026-01-18", "petitioned_at": "2026-01-03 9:00"}, (1, 1)),
        ({"forwarded_at": "2026-02-02", "not_accepted_at": "2026-01-10"}, (1, 1)),
        ({"forwarded_at": "2026-02-02", "closed_at": "2026-01-10"}, (1, 1)),
    ],
)
def test_forwarding_by_the_office(one, case: dict[str, str], expected: tuple[int, int]) -> None:
    """15 days from the registration on 5 January (no receipt on record) end on the 20th."""
    key = "office_timely_forwarding_rate"
    assert measured(one(case), seen("2026-01-31"), key) == {key: expected}
    assert measured(one({"forwarded_at": "2026-01-20"}), seen("2026-01-19"), key) == {key: (0, 0)}


def test_answered_in_time_and_closed_late(one) -> None:
    database = one(
        {
            "due_at": "2026-03-06 23:59:59",
            "answered_at": "2026-03-06 10:00",
            "closed_at": "2026-03-10",
            "closed_how": "handled",
        }
    )
    keys = ("on_time_closure_rate", "on_time_answer_rate")
    assert measured(database, seen("2026-03-31"), *keys) == {keys[0]: (0, 1), keys[1]: (1, 1)}


RATED = {
    "closed_at": "2026-02-01 10:00",
    "due_at": "2026-03-06 23:59:59",
    "unit_rating": "basically_satisfied",
    "unit_rated_at": "2026-02-20 10:00",
    "unit_rating_expires_at": "2026-04-02 23:59:59",
}


def test_ratings(one) -> None:
    """The window ends on 2 April: rated before, it counts as rated at once; unrated, only when the window is over."""
    keys = ("unit_rating_response_rate", "unit_satisfaction_rate")
    rated = one(RATED)
    whole = {"start": "2026-01-01", "end": "2026-12-31"}
    assert measured(rated, seen("2026-02-20 9:59:59", **whole), *keys) == dict(
        zip(keys, ((0, 0), (None, 0)), strict=True)
    )
    assert measured(rated, seen("2026-02-20 10:00", **whole), *keys) == dict(
        zip(keys, ((1, 1), (None, 1)), strict=True)
    )
    april = seen("2026-11-24", "2026-04-01", "2026-04-30")
    assert measured(rated, april, *keys) == dict(zip(keys, ((1, 1), (None, 0)), strict=True))
    later = one(RATED | {"unit_rated_at": "2026-04-10"})
    assert measured(later, seen("2026-04-01", **whole), keys[0]) == {keys[0]: (0, 0)}
    assert measured(later, seen("2026-04-02", **whole), keys[0]) == {keys[0]: (0, 1)}


@pytest.mark.parametrize(
    ("at", "expected"),
    [("2026-03-02", (0, 0)), ("2026-03-03", (0, 1)), ("2026-03-05 9:59", (0, 1)), ("2026-03-05 10:00", (1, 1))],
)
def test_called_back(one, at: str, expected: tuple[int, int]) -> None:
    """Closed on 1 February: counted from 3 March on, 30 days later."""
    case = {"closed_at": "2026-02-01 23:00", "due_at": "2026-03-06", "followed_up_at": "2026-03-05 10:00"}
    assert measured(one(case), seen(at), "follow_up_rate") == {"follow_up_rate": expected}


def test_resolved_later(one) -> None:
    database = one({"closed_at": "2026-02-01", "due_at": "2026-03-06", "resolved_at": "2026-03-05 10:00"})
    assert measured(database, seen("2026-03-04"), "resolution_rate") == {"resolution_rate": (0, 1)}
    assert measured(database, seen("2026-03-05"), "resolution_rate") == {"resolution_rate": (1, 1)}
