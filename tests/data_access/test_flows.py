"""Stock and flow: the strip adds up for any filter, and every day's open cases are its stock."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from handmade import make_file, measured, moment, opened, seen
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from random_filters import days, filters

from data_access import flows, lists
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.flows import Balance
from data_access.periods import Span

quietly = settings(derandomize=True, deadline=None, database=None, phases=(Phase.generate,))


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return opened(demo_url)


@pytest.fixture(scope="module", params=[pytest.param("demo", marks=pytest.mark.thorough), "rough"])
def county(request: pytest.FixtureRequest) -> CaseDatabase:
    """The demo county, and the same with gaps and oddities."""
    return opened(request.getfixturevalue(f"{request.param}_url"))


def strip(database: CaseDatabase, case_filter: CaseFilter) -> Balance:
    with database.reading() as connection:
        return flows.balance(connection, database, case_filter)


@given(case_filter=filters())
@settings(quietly, max_examples=30)
def test_the_strip_adds_up(county: CaseDatabase, case_filter: CaseFilter) -> None:
    found = strip(county, case_filter)
    assert found.adds_up, found
    expected = measured(county, case_filter, "registered", "closed", "open")
    assert (found.registered, found.closed, found.closing) == tuple(
        expected[key][0] for key in ("registered", "closed", "open")
    )
    start = case_filter.span.start
    if start is None:
        assert found.opening == 0
        return
    day_before = CaseFilter(
        dt.datetime.combine(start, dt.time()) - dt.timedelta(seconds=1),
        Span(None, start),
        **{key: getattr(case_filter, key) for key in case_filter.narrowed},
    )
    if case_filter.as_of >= day_before.as_of:
        assert found.opening == measured(county, day_before, "open")["open"][0]


@given(case_filter=filters(("unit", "kind")), item=st.sampled_from(flows.BETWEEN))
@settings(quietly, max_examples=40)
def test_each_item_opens_its_cases(county: CaseDatabase, case_filter: CaseFilter, item: str) -> None:
    with county.reading() as connection:
        count = flows.count_between(connection, county, case_filter, item)
        listed = lists.case_list(connection, county, case_filter, lists.Question(item), limit=None)
        accusations = 0 if case_filter.narrowed else _accusations(county, case_filter, item)
    assert len(listed.rows) == listed.total == count - accusations


def _accusations(database: CaseDatabase, case_filter: CaseFilter, item: str) -> int:
    from sqlalchemy import func, select

    if flows.before(case_filter) is None or item != "reopened":
        return 0
    cases, where = flows.between_where(database, case_filter, item)
    statement = select(func.count()).select_from(cases.source).where(*where, cases.is_accusation)
    with database.reading() as connection:
        return int(connection.execute(statement).scalar() or 0)


@given(case_filter=filters(), looked_at=st.lists(days, min_size=3, max_size=3))
@settings(quietly, max_examples=25)
def test_open_by_day_is_the_stock_of_each_day(
    county: CaseDatabase, case_filter: CaseFilter, looked_at: list[dt.date]
) -> None:
    with county.reading() as connection:
        daily = flows.open_by_day(connection, county, case_filter)
    today = case_filter.today
    assert daily.index[-1].date() == today
    for day in (*(day for day in looked_at if day < today), today):
        until = case_filter.at if day == today else dt.datetime.combine(day, dt.time(23, 59, 59))
        narrowed = {key: getattr(case_filter, key) for key in case_filter.narrowed}
        stock = measured(county, CaseFilter(until, Span(None, day), "custom", **narrowed), "open")["open"][0]
        assert daily.get(str(day), 0) == stock, day


def test_units_add_up_to_the_county_without_accusations(demo: CaseDatabase) -> None:
    """What one unit hands over another takes over; only the county's own totals hold accusations."""
    period = seen("2026-06-30", "2025-07-01")
    with demo.reading() as connection:
        units = [
            row[0] for row in connection.exec_driver_sql("SELECT DISTINCT lead_unit_id FROM petition_case").fetchall()
        ] + ["nobody"]
        former = connection.exec_driver_sql(
            "SELECT count(*) FROM case_event e WHERE kind = 'reassigned' AND e.at > '2025-06-30 23:59:59' "
            "AND from_unit_id IS NOT NULL"
        ).scalar()
        every = flows.balance(connection, demo, seen("2026-06-30", "2025-07-01", unit=tuple(units)))
        balances = [flows.balance(connection, demo, seen("2026-06-30", "2025-07-01", unit=(unit,))) for unit in units]
        accusations = connection.exec_driver_sql(
            "SELECT count(*) FROM petition_case WHERE purpose = 'accusation' "
            "AND registered_at BETWEEN '2025-07-01' AND '2026-06-30 23:59:59'"
        ).scalar()
    county = strip(demo, period)
    assert former and former > 50
    assert all(each.adds_up for each in balances)
    for item in ("opening", "registered", "reopened", "closed", "closing"):
        assert sum(getattr(each, item) for each in balances) == getattr(every, item), item
    assert every.registered == county.registered - accusations
    assert sum(each.moved_in for each in balances) == sum(each.moved_out for each in balances) > 5
    assert (every.moved_in, every.moved_out, county.moved_in, county.moved_out) == (0, 0, 0, 0)


# By hand: March 2026 at two units. One case was reopened, one handed over.

UNITS = [
    {"unit_id": "A", "name": "甲局", "kind": "department"},
    {"unit_id": "B", "name": "乙镇", "kind": "township"},
]
CASES = [
    # Closed in February, reopened on 5 March, closed again on the 20th.
    {"case_no": "1", "registered_at": "2026-01-10", "lead_unit_id": "A", "closed_at": "2026-03-20 10:00"},
    # With A until 10 March 9:30, with B since.
    {"case_no": "2", "registered_at": "2026-02-01", "lead_unit_id": "B"},
    {"case_no": "3", "registered_at": "2026-03-02", "lead_unit_id": "A", "closed_at": "2026-03-30"},
    {"case_no": "4", "registered_at": "2026-03-08 8:00", "lead_unit_id": "B"},
    {"case_no": "5", "registered_at": "2026-01-05", "lead_unit_id": "B", "closed_at": "2026-03-01"},
    # Registered for A in March and handed over in March: to B, it is one that came in.
    {"case_no": "6", "registered_at": "2026-03-04", "lead_unit_id": "B"},
    # Closed three days before it was registered: both count on 12 March.
    {"case_no": "7", "registered_at": "2026-03-12", "lead_unit_id": "A", "closed_at": "2026-03-09"},
    {"case_no": "8", "registered_at": "2026-03-03", "lead_unit_id": "A", "purpose": "accusation"},
    {"case_no": "9", "registered_at": "2026-04-01", "lead_unit_id": "A"},
]
EVENTS = [
    {"case_id": "1", "kind": "closed", "at": "2026-02-10 16:00"},
    {"case_id": "1", "kind": "reopened", "at": "2026-03-05 9:00"},
    {"case_id": "2", "kind": "reassigned", "at": "2026-03-10 9:30", "from_unit_id": "A", "to_unit_id": "B"},
    {"case_id": "6", "kind": "reassigned", "at": "2026-03-11 9:30", "from_unit_id": "A", "to_unit_id": "B"},
]


@pytest.fixture(scope="module")
def march(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    due = {"due_at": "2026-12-31 23:59:59"}
    folder: Path = tmp_path_factory.mktemp("march")
    return opened(make_file(folder, unit=UNITS, petition_case=[due | case for case in CASES], case_event=EVENTS))


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        # Open before: 2 and 5. New: 3, 4, 6, 7 and the accusation. Closed: 1, 3, 5, 7.
        ({}, Balance(opening=2, registered=5, reopened=1, moved_in=0, moved_out=0, closed=4, closing=4)),
        # Open before: 2, which leaves. New: 3 and 7 (6 is B's by now). Closed: 1, 3, 7.
        ({"unit": ("A",)}, Balance(opening=1, registered=2, reopened=1, moved_in=0, moved_out=1, closed=3, closing=0)),
        # Open before: 5. New: 4, 6. 2 comes in. Left: 2, 4, 6.
        ({"unit": ("B",)}, Balance(opening=1, registered=2, reopened=0, moved_in=1, moved_out=0, closed=1, closing=3)),
        (
            {"unit": ("A", "B")},
            Balance(opening=2, registered=4, reopened=1, moved_in=0, moved_out=0, closed=4, closing=3),
        ),
        (
            {"kind": ("township",)},
            Balance(opening=1, registered=2, reopened=0, moved_in=1, moved_out=0, closed=1, closing=3),
        ),
        # Filters that have nothing to do with units know no transfers.
        (
            {"track": ("statutory",)},
            Balance(opening=2, registered=4, reopened=1, moved_in=0, moved_out=0, closed=4, closing=3),
        ),
    ],
)
def test_march_by_hand(march: CaseDatabase, narrowed: dict[str, tuple[str, ...]], expected: Balance) -> None:
    assert strip(march, seen("2026-03-31", "2026-03-01", **narrowed)) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # Before the reopening: 1 is closed; before both transfers, so 2 and 6 are A's.
        ("2026-03-04", Balance(opening=1, registered=2, reopened=0, moved_in=0, moved_out=0, closed=0, closing=3)),
        # 1 is open again; the transfer of 2 is a second away.
        (
            "2026-03-10 9:29:59",
            Balance(opening=1, registered=2, reopened=1, moved_in=0, moved_out=0, closed=0, closing=4),
        ),
        ("2026-03-10 9:30", Balance(opening=1, registered=2, reopened=1, moved_in=0, moved_out=1, closed=0, closing=3)),
    ],
)
def test_march_at_earlier_moments(march: CaseDatabase, at: str, expected: Balance) -> None:
    assert strip(march, seen(at, "2026-03-01", "2026-03-31", unit=("A",))) == expected


def test_a_case_closed_and_reopened_within_the_period_has_never_left(march: CaseDatabase) -> None:
    """February to 10 March: case 1 was open before, is open after; 1 and 5 were open on 31 January."""
    found = strip(march, seen("2026-03-10", "2026-02-01"))
    assert found == Balance(opening=2, registered=5, reopened=0, moved_in=0, moved_out=0, closed=1, closing=6)


@pytest.mark.parametrize(
    ("narrowed", "by_day"),
    [
        (
            {},
            {
                "01-04": 0,
                "01-05": 1,
                "01-10": 2,
                "02-10": 2,
                "03-01": 1,
                "03-05": 5,
                "03-12": 6,
                "03-20": 5,
                "03-31": 4,
            },
        ),
        (
            {"unit": ("A",)},
            {"01-10": 1, "02-01": 2, "02-10": 1, "03-05": 4, "03-10": 3, "03-11": 2, "03-20": 1, "03-30": 0},
        ),
        ({"unit": ("B",)}, {"01-05": 1, "03-01": 0, "03-08": 1, "03-10": 2, "03-11": 3, "03-31": 3}),
    ],
)
def test_open_by_day_by_hand(march: CaseDatabase, narrowed: dict[str, tuple[str, ...]], by_day: dict[str, int]) -> None:
    with march.reading() as connection:
        daily = flows.open_by_day(connection, march, seen("2026-03-31", "2026-03-01", **narrowed))
    assert {day: daily.get(f"2026-{day}", 0) for day in by_day} == by_day


ONE = {"case_no": "1", "registered_at": "2026-02-01", "lead_unit_id": "B", "due_at": "2026-12-31 23:59:59"}
MOVED = {"case_id": "1", "kind": "reassigned", "at": "2026-03-10", "from_unit_id": "A", "to_unit_id": "B"}
CLOSED = {"case_id": "1", "kind": "closed", "at": "2026-02-10"}


@pytest.mark.parametrize(
    ("case", "events"),
    [
        ({}, [MOVED]),
        ({}, [MOVED | {"to_unit_id": None}]),  # the source says only where it came from
        ({}, [MOVED | {"to_unit_id": "C"}]),  # and here it contradicts its own record
        # Where a source keeps dates only, what happens on one day happens at one moment.
        ({"registered_at": "2026-03-10"}, [MOVED]),
        ({"closed_at": "2026-03-10"}, [MOVED]),
        ({}, [CLOSED, {"case_id": "1", "kind": "reopened", "at": "2026-03-10"}, MOVED]),
        ({}, [CLOSED | {"at": "2026-03-10"}, {"case_id": "1", "kind": "reopened", "at": "2026-03-20"}, MOVED]),
        # Registered again after a closing that was undone.
        ({"registered_at": "2026-03-05"}, [CLOSED, {"case_id": "1", "kind": "reopened", "at": "2026-03-10"}]),
        ({"registered_at": "2026-03-05"}, [CLOSED, {"case_id": "1", "kind": "reopened", "at": "2026-03-02"}]),
    ],
)
def test_events_of_one_moment_and_with_gaps(tmp_path: Path, case: dict[str, str], events: list[dict[str, str]]) -> None:
    """Whatever the events, the strip adds up and every day's open cases are that day's stock."""
    database = opened(make_file(tmp_path, unit=UNITS, petition_case=[ONE | case], case_event=events))
    for unit in ((), ("A",), ("B",)):
        march = seen("2026-03-31", "2026-03-01", unit=unit)
        assert strip(database, march).adds_up, (unit, strip(database, march))
        with database.reading() as connection:
            daily = flows.open_by_day(connection, database, march)
        for day in range(1, 32):
            stock = measured(database, seen(f"2026-03-{day:02d}", unit=unit), "open")["open"][0]
            assert daily.get(f"2026-03-{day:02d}", 0) == stock, (unit, day)


def test_accusations_are_two_totals(march: CaseDatabase) -> None:
    with march.reading() as connection:
        assert flows.accusations(connection, march, seen("2026-03-31", "2026-03-01")) == (1, 0)
        assert flows.accusations(connection, march, seen("2026-02-28", "2026-02-01")) == (0, 0)


def test_without_events_there_are_neither_reopenings_nor_transfers(tmp_path: Path) -> None:
    database = opened(make_file(tmp_path, unit=UNITS, petition_case=CASES))
    found = strip(database, seen("2026-03-31", "2026-03-01"))
    # Case 1 was open until 20 March as far as the record tells.
    assert found == Balance(opening=3, registered=5, reopened=0, moved_in=0, moved_out=0, closed=4, closing=4)
    assert found.adds_up


def test_a_period_without_beginning_starts_from_nothing(march: CaseDatabase) -> None:
    found = strip(march, seen("2026-03-31"))
    assert found == Balance(opening=0, registered=8, reopened=0, moved_in=0, moved_out=0, closed=4, closing=4)


def test_a_second_off_is_noticed() -> None:
    good = Balance(opening=2, registered=5, reopened=1, moved_in=0, moved_out=0, closed=4, closing=4)
    assert good.adds_up
    assert not Balance(opening=2, registered=5, reopened=0, moved_in=0, moved_out=0, closed=4, closing=4).adds_up
    assert moment("2026-03-10 9:30") - dt.timedelta(seconds=1) == moment("2026-03-10 9:29:59")
