"""Lists: the cases behind any number are as many as the number says, and nothing private is in them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from handmade import make_file, measured, opened, seen
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from random_filters import filters

from data_access import lists
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import INDICATORS, MEASURES
from data_access.keyset import END, START, Place
from data_access.lists import CasePage, Question, Story
from data_access.problems import Problem

quietly = settings(derandomize=True, deadline=None, database=None, phases=(Phase.generate,))
AS_OF = "2026-11-24"
COLUMNS = {
    *("case_no", "lead_unit_id", "category_id", "township_id", "channel", "track", "registered_at", "due_at"),
    *("closed_at", "is_open", "is_overdue", "was_late", "days_overdue", "extended", "supervised"),
    *("stage", "stage_began_at", "stage_due_at", "days_left", "share_used", "due_source"),
}


@pytest.fixture(scope="module", params=[pytest.param("demo", marks=pytest.mark.thorough), "rough"])
def county(request: pytest.FixtureRequest) -> CaseDatabase:
    """The demo county, and the same with gaps and oddities."""
    return opened(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return opened(demo_url)


def listed(database: CaseDatabase, case_filter: CaseFilter, question: Question, **options: Any) -> CasePage:
    with database.reading() as connection:
        return lists.case_list(connection, database, case_filter, question, **({"limit": None} | options))


@given(case_filter=filters(), keys=st.lists(st.sampled_from(list(MEASURES)), min_size=5, max_size=5, unique=True))
@settings(quietly, max_examples=10)
def test_every_number_is_as_long_as_its_list(county: CaseDatabase, case_filter: CaseFilter, keys: list[str]) -> None:
    found = measured(county, case_filter, *keys)
    for key in keys:
        numerator, denominator = found[key]
        count = denominator if MEASURES[key].is_rate else numerator
        if MEASURES[key].confidential and not MEASURES[key].is_rate:
            continue  # a count of ratings opens no list
        page = listed(county, case_filter, Question(key))
        if MEASURES[key].county_wide and not case_filter.narrowed:
            # Accusations are in the county's totals and in no list.
            everybody = CaseFilter(case_filter.as_of, case_filter.span, track=("statutory", "summary", "other"))
            assert page.entries == measured(county, everybody, key)[key][0] <= count
        else:
            assert page.entries == count, key
        assert len(page.rows) == page.total <= page.entries
        assert page.total == page.entries or MEASURES[key].table != "petition_case"
        assert page.rows["case_no"].is_unique
        if MEASURES[key].is_rate and not MEASURES[key].confidential:
            assert listed(county, case_filter, Question(key, "numerator")).entries == numerator, key
            assert listed(county, case_filter, Question(key, "rest")).entries == denominator - numerator, key


@given(
    case_filter=filters(),
    key=st.sampled_from([key for key, each in INDICATORS.items() if each.is_rate or not each.confidential]),
    by=st.sampled_from(
        ["unit", "field", "kind", "functional", "channel", "level", "repeat", "group", "track", "township"]
    ),
)
@settings(quietly, max_examples=30)
def test_every_group_is_as_long_as_its_list(county: CaseDatabase, case_filter: CaseFilter, key: str, by: str) -> None:
    groups = measured(county, case_filter, key, by=by)
    sizes = {group: pair[1] if INDICATORS[key].is_rate else pair[0] for (_, group), pair in groups.items()}
    some = sorted(sizes, key=lambda group: (-sizes[group], str(group)))[:3] + [
        group for group in sizes if group is None
    ]
    for group in some:
        page = listed(county, case_filter, Question(key, "denominator", ((by, group or ""),)))
        assert page.entries == sizes[group], group


@given(
    case_filter=filters(), days=st.sampled_from(["2026-05-01..2026-05-31", "..2025-03-15", "2024-02-29..2024-02-29"])
)
@settings(quietly, max_examples=10)
def test_days_of_a_question_are_its_period(demo: CaseDatabase, case_filter: CaseFilter, days: str) -> None:
    question = Question("registered", "denominator", (("days", days),))
    span = question.days()
    page = listed(demo, case_filter, question)
    numbers = measured(demo, case_filter.over(span), "registered", by="unit")
    assert page.total == sum(n for n, _ in numbers.values())
    at = min(case_filter.as_of, span.last)
    assert (page.rows["registered_at"] <= at).all()
    assert (page.rows["closed_at"].dropna() <= at).all()


def test_county_totals_are_the_list_and_the_accusations(demo: CaseDatabase) -> None:
    case_filter = seen(AS_OF, "2026-01-01")
    numbers = measured(demo, case_filter, "registered", "closed", "open")
    conditions = {
        "registered": "registered_at >= '2026-01-01'",
        "closed": "closed_at >= '2026-01-01' OR (closed_at IS NOT NULL AND registered_at >= '2026-01-01')",
        "open": "closed_at IS NULL",
    }
    with demo.reading() as connection:
        for key, condition in conditions.items():
            sql = f"SELECT count(*) FROM petition_case WHERE purpose = 'accusation' AND ({condition})"
            accusations = connection.exec_driver_sql(sql).scalar()
            assert accusations > 3
            assert numbers[key][0] == listed(demo, case_filter, Question(key)).total + accusations, key


@given(case_filter=filters())
@settings(quietly, max_examples=6)
def test_bands_and_units_of_what_is_late_add_up(county: CaseDatabase, case_filter: CaseFilter) -> None:
    total = measured(county, case_filter, "overdue")["overdue"][0]
    with county.reading() as connection:
        by_day = lists.overdue_by_day(connection, county, case_filter)
        cells = lists.overdue_by_unit_and_field(connection, county, case_filter)
    page = listed(county, case_filter, Question("overdue"))
    assert page.total == len(page.rows) == by_day["n"].sum() == cells["overdue"].sum() == total
    assert page.rows["is_overdue"].all() and page.rows["is_open"].all()
    assert cells["open"].sum() == measured(county, case_filter, "overdue_share")["overdue_share"][1]
    bands = ["1..7", "8..30", "31..90", "91..180", "181.."]
    parts = [listed(county, case_filter, Question("overdue", at=(("late", band),))) for band in bands]
    assert sum(part.total for part in parts) == total
    for band, part in zip(bands, parts, strict=True):
        low, high = (int(end) if end else 10_000 for end in band.split(".."))
        assert part.rows["days_overdue"].between(low, high).all()
        assert part.total == by_day.loc[by_day["days_overdue"].between(low, high), "n"].sum()
    if case_filter.span.start:
        halves = [
            listed(county, case_filter, Question("overdue", at=(("since", part),))) for part in ("period", "before")
        ]
        assert sum(half.total for half in halves) == total
        start = pd.Timestamp(case_filter.span.start)
        assert (halves[0].rows["due_at"] >= start).all() and (halves[1].rows["due_at"] < start).all()


@pytest.mark.parametrize("order", lists.ORDERS)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", ["registered", "open", "supervised", "slip_return_rate", "on_time_closure_rate"])
def test_pages_are_disjoint_and_complete(county: CaseDatabase, order: str, descending: bool, key: str) -> None:
    """Leafed through in either direction the pages are the whole list, and each says which rows it holds."""
    case_filter = seen(AS_OF, "2026-08-01", "2026-11-24")
    options: dict[str, Any] = {"order": order, "descending": descending}
    whole = listed(county, case_filter, Question(key), **options)
    size = max(whole.total // 4, 1)
    pages = [listed(county, case_filter, Question(key), limit=size, **options)]
    while (place := pages[-1].next) and len(pages) < 9:
        pages.append(listed(county, case_filter, Question(key), limit=size, place=place, **options))
    back = [listed(county, case_filter, Question(key), limit=size, place=END, **options)]
    while (place := back[0].previous) and len(back) < 9:
        back.insert(0, listed(county, case_filter, Question(key), limit=size, place=place, **options))
    for leaves in (pages, back):
        assert {(page.total, page.entries) for page in leaves} == {(whole.total, whole.entries)}
        together = pd.concat([page.rows for page in leaves], ignore_index=True)
        assert list(together["case_no"]) == list(whole.rows["case_no"])
        ends = [(page.first, page.last) for page in leaves]
        assert ends[0][0] == min(whole.total, 1) and ends[-1][1] == whole.total
        assert all(one[1] + 1 == other[0] for one, other in pairwise(ends))
    assert [page.first for page in pages] == [
        page.first for page in back
    ]  # the last page is the one that leafing finds
    column = {"due": "due_at", "registered": "registered_at", "closed": "closed_at", "case_no": "case_no"}[order]
    known = whole.rows[column].dropna()
    assert known.is_monotonic_decreasing if descending else known.is_monotonic_increasing
    assert whole.rows[column].isna().to_numpy()[len(known) :].all()  # what has none comes last


@given(
    rows=st.lists(st.sampled_from([None, "2026-03-01", "2026-03-02"]), min_size=1, max_size=7),
    order=st.sampled_from(["due", "closed", "registered"]),
    descending=st.booleans(),
    cut=st.sampled_from([None, "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-09"]),
    number=st.sampled_from(["", "0", "1", "3", "9"]),
    back=st.booleans(),
)
@settings(quietly, max_examples=40)
def test_a_page_begins_beside_any_row_there_or_not(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[str | None],
    order: str,
    descending: bool,
    cut: str | None,
    number: str,
    back: bool,
) -> None:
    """Against plain Python: sort with the empty ones last and take what lies beyond a row that may be gone."""
    cases = [
        {"case_no": str(n), "registered_at": day or "2026-01-01", "due_at": day, "closed_at": day, "lead_unit_id": "U"}
        for n, day in enumerate(rows)
    ]
    units = [{"unit_id": "U", "name": "甲局", "kind": "department"}]
    file = make_file(tmp_path_factory.mktemp("cut"), unit=units, petition_case=cases)
    database = opened(file)
    key = {"due": "due_at", "closed": "closed_at", "registered": "registered_at"}[order]

    def place_of(day: str | None, number: str) -> tuple[bool, float, int]:
        at = pd.Timestamp(day or 0).timestamp() + (86_399 if key == "due_at" and day else 0)
        return (day is None, -at if descending else at, -int(number) if descending else int(number))

    in_order = sorted(cases, key=lambda row: place_of(row[key], row["case_no"]))
    place = Place(None, number, back) if cut is None else Place(last_moment_of(cut, key), number, back)
    page = listed(database, seen("2026-06-01"), Question(), order=order, descending=descending, limit=2, place=place)
    positions = {row["case_no"]: n for n, row in enumerate(in_order, start=1)}
    if number:
        at = place_of(cut, number)
        beyond = [row["case_no"] for row in in_order if (place_of(row[key], row["case_no"]) < at) == back]
        beyond = [n for n in beyond if place_of(rows_of(cases, n)[key], n) != at]
    else:
        beyond = [row["case_no"] for row in in_order]
    if not beyond:
        beyond, back = [row["case_no"] for row in in_order], False
    size = len(cases) % 2 or 2 if not number else 2  # the last page is the one that leafing finds
    expected = beyond[-size:] if back else beyond[:2]
    assert list(page.rows["case_no"]) == expected
    assert (page.first, page.last) == (positions[expected[0]], positions[expected[-1]])
    assert (page.previous is None, page.next is None) == (page.first == 1, page.last == len(cases))


def rows_of(cases: list[dict[str, Any]], number: str) -> dict[str, Any]:
    return next(row for row in cases if row["case_no"] == number)


def last_moment_of(day: str, key: str) -> datetime:
    """A deadline given as a date is the end of that day."""
    return datetime.fromisoformat(f"{day} 23:59:59" if key == "due_at" else day)


@pytest.mark.parametrize(
    "place",
    [
        START,
        END,
        Place(datetime(2026, 3, 1, 9, 30, 15), "XF~1"),
        Place(datetime(2026, 3, 1, 9, 30, 15, 250), "信访/1 %7E&?#", back=True),
        Place(None, "XF1"),
    ],
)
def test_a_place_survives_the_url(place: Place) -> None:
    assert Place.parse(place.url(), by_moment=True) == place


@pytest.mark.parametrize(
    "written",
    [
        "", "3", "after", "after~", "after~2026-03-01", "after~gestern~XF1", "after~2026-03-01~", "beside~~XF1",
        "after~2026-03-01~XF1~", "after~2026-03-01T00:00:00+08:00~XF1", "after~~%00", "before~2026-02-30~XF1",
    ],
)  # fmt: skip
def test_a_broken_place_is_none(written: str) -> None:
    assert Place.parse(written, by_moment=True) is None


def test_numbers_given_twice_are_on_one_page(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where numbers are the only keys and one is given twice, no row is lost between two pages."""
    file = tmp_path_factory.mktemp("twice") / "twice.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE unit (unit_id TEXT, name TEXT)")
        columns = "case_no TEXT, registered_at TIMESTAMP, closed_at TIMESTAMP, due_at TIMESTAMP, lead_unit_id TEXT"
        connection.execute(f"CREATE TABLE petition_case ({columns})")
        rows = [(n, "2026-01-01 09:00:00", None, "2026-03-02 12:00:00", "U") for n in ("1", "2", "2", "3")]
        connection.executemany("INSERT INTO petition_case VALUES (?, ?, ?, ?, ?)", rows)
    database = opened(f"sqlite:///{file.as_posix()}")
    first = listed(database, seen("2026-06-01"), Question("overdue"), limit=2)
    assert first.next
    second = listed(database, seen("2026-06-01"), Question("overdue"), limit=2, place=first.next)
    assert second.next
    third = listed(database, seen("2026-06-01"), Question("overdue"), limit=2, place=second.next)
    assert [list(page.rows["case_no"]) for page in (first, second, third)] == [["1"], ["2", "2"], ["3"]]
    assert [(page.first, page.last) for page in (first, second, third)] == [(1, 1), (2, 3), (4, 4)]


# By hand: six cases.

CASES = [
    {"case_no": "A_1%", "registered_at": "2026-01-01", "due_at": "2026-03-02 23:59:59", "lead_unit_id": "U"},
    {"case_no": "AX1Y", "registered_at": "2026-01-02", "due_at": "2026-03-03 12:00", "lead_unit_id": "U",
     "unit_rating": "dissatisfied", "unit_rated_at": "2026-02-02", "closed_at": "2026-02-01", "closed_how": "handled"},
    {"case_no": "AX2", "registered_at": "2026-01-03", "lead_unit_id": "U", "accepted_at": "2026-01-04 10:00"},
    {"case_no": "S1", "registered_at": "2026-01-03", "lead_unit_id": "U", "purpose": "accusation",
     "due_at": "2026-03-02 23:59:59"},
    {"case_no": "C1", "registered_at": "2026-01-03", "lead_unit_id": "U", "due_at": "2026-03-04 23:59:59",
     "original_due_at": "2026-03-04 23:59:59", "closed_at": "2026-03-09 8:00"},
    {"case_no": "later", "registered_at": "2026-06-01", "lead_unit_id": "U", "due_at": "2026-08-01 23:59:59"},
]  # fmt: skip
SLIPS = [
    {"slip_id": str(n), "case_id": "A_1%", "unit_id": "U", "issued_at": "2026-02-01", "due_at": "2026-02-06 23:59:59"}
    for n in range(2)
] + [
    {"slip_id": "2", "case_id": "A_1%", "unit_id": "U", "issued_at": "2026-02-01", "due_at": "2026-02-06 23:59:59",
     "answered_at": "2026-02-06 23:59:59"},
]  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    units = [{"unit_id": "U", "name": "甲局", "kind": "department"}]
    listings = [
        {"case_id": "A_1%", "kind": "supervised", "listed_at": "2026-02-01"},
        {"case_id": "AX2", "kind": "supervised", "listed_at": "2026-02-01", "signed_off_at": "2026-03-01"},
        {"case_id": "C1", "kind": "backlog", "listed_at": "2026-02-01"},
    ]
    folder = tmp_path_factory.mktemp("small")
    return opened(make_file(folder, unit=units, petition_case=CASES, reminder_slip=SLIPS, listing=listings))


def test_a_row_by_hand(small: CaseDatabase) -> None:
    rows = listed(small, seen("2026-03-10"), Question()).rows.set_index("case_no")
    assert set(rows.index) == {"A_1%", "AX1Y", "AX2", "C1"}
    assert {*rows.columns, "case_no"} == COLUMNS
    late = rows.loc["A_1%"]
    assert (late["is_open"], late["is_overdue"], late["days_overdue"], late["supervised"]) == (True, True, 8, True)
    computed = rows.loc["AX2"]  # 4 January and 60 days
    assert computed["due_at"] == pd.Timestamp("2026-03-05 23:59:59")
    assert (computed["days_overdue"], computed["supervised"]) == (5, False)
    done = rows.loc["C1"]
    assert (done["is_open"], done["is_overdue"], done["was_late"]) == (False, False, True)
    assert pd.isna(done["days_overdue"])
    assert (rows.loc["AX1Y", "was_late"], rows.loc["AX1Y", "closed_at"]) == (False, pd.Timestamp("2026-02-01"))


def test_a_row_as_it_was(small: CaseDatabase) -> None:
    """On 5 March C1 is open and late by a day; AX2 is due in the night, and still on its list on 28 February."""
    rows = listed(small, seen("2026-03-05"), Question()).rows.set_index("case_no")
    assert (rows.loc["C1", "is_open"], rows.loc["C1", "days_overdue"]) == (True, 1)
    assert pd.isna(rows.loc["C1", "closed_at"])
    assert rows.loc["AX2", "is_overdue"]
    assert rows.loc["AX2", "days_overdue"] == 1  # what is late is late by a day at least
    before = listed(small, seen("2026-02-28"), Question()).rows.set_index("case_no")
    assert before.loc["AX2", "supervised"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("A", {"A_1%", "AX1Y", "AX2"}),
        ("_", {"A_1%"}),
        ("%", {"A_1%"}),
        ("A_1", {"A_1%"}),
        (" X1 ", {"AX1Y"}),
        ("\\", set()),
        ("'", set()),
        ("/", set()),
        ("", {"A_1%", "AX1Y", "AX2", "C1"}),
        ("S1", set()),  # an accusation
        ("later", set()),  # not registered yet
        ("甲", set()),  # by number only
    ],
)
def test_search_is_by_number_and_takes_wildcards_literally(small: CaseDatabase, search: str, found: set[str]) -> None:
    page = listed(small, seen("2026-03-10"), Question(), search=search)
    assert set(page.rows["case_no"]) == found
    assert page.total == len(found)


def test_slips_of_one_case_are_one_row_and_three_entries(small: CaseDatabase) -> None:
    case_filter = seen("2026-03-10")
    assert measured(small, case_filter, "slip_return_rate") == {"slip_return_rate": (1, 3)}
    page = listed(small, case_filter, Question("slip_return_rate"))
    assert (page.entries, page.total, len(page.rows)) == (3, 1, 1)
    late = listed(small, case_filter, Question("slip_return_rate", "rest"))
    assert (late.entries, late.total, len(late.rows)) == (2, 1, 1)


@pytest.mark.parametrize(
    ("of", "at"),
    [
        ("nonsense", []),
        ("overdue.nonsense", []),
        ("overdue; DROP TABLE unit", []),
        ("overdue", ["petitioner:1"]),
        ("overdue", ["unit_rating:dissatisfied"]),
        ("overdue", ["late:much"]),
        ("overdue", ["late:"]),
        ("overdue", ["days:2026-05-01"]),
        ("overdue", ["days:2026-02-30..2026-03-01"]),
        ("overdue", ["days:.."]),
    ],
)
def test_a_question_that_names_nothing_is_refused(of: str, at: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        Question.parse(of, at)
    assert refused.value.key == "unknown_question"


@pytest.mark.parametrize("key", ["unit_satisfaction_rate", "office_satisfaction_rate"])
def test_ratings_are_never_listed(key: str, small: CaseDatabase) -> None:
    for part in ("numerator", "rest"):
        with pytest.raises(Problem) as refused:
            Question.parse(f"{key}.{part}", [])
        assert refused.value.key == "rating_not_listed"
    assert Question.parse(f"{key}.denominator", []) == Question.parse(key, []) == Question(key)


@pytest.mark.parametrize(
    "question",
    [
        Question(),
        Question("overdue"),
        Question("on_time_closure_rate", "rest", (("unit", "D01"), ("days", "2026-05-01..2026-05-31"))),
        Question("overdue", "denominator", (("late", "181.."), ("since", "before"))),
        Question("registered", "denominator", (("category", "a:b"), ("days", "..2026-05-31"))),
        Question("moved_in"),
    ],
)
def test_a_question_survives_the_url(question: Question) -> None:
    url = question.url()
    assert Question.parse(url["of"] if question.of else "", list(url["at"])) == question


def test_a_story_by_hand(small: CaseDatabase) -> None:
    with small.reading() as connection:
        story = lists.case_story(connection, small, seen("2026-03-05"), "C1")
        with pytest.raises(Problem) as refused:
            lists.case_story(connection, small, seen("2026-03-05"), "S1")
        assert refused.value.key == "accusation_not_listed"
        for unknown in ("nobody", "later", "C_"):
            with pytest.raises(Problem) as missing:
                lists.case_story(connection, small, seen("2026-03-05"), unknown)
            assert missing.value.key == "no_such_case"
    moments = {row.moment: (row.at, row.due) for row in story.moments.itertuples()}
    assert moments["registered_at"][0] == pd.Timestamp("2026-01-03")
    # Not closed yet on the 5th: the deadline is what lies ahead.
    assert pd.isna(moments["closed_at"][0])
    assert moments["closed_at"][1] == pd.Timestamp("2026-03-04 23:59:59")
    assert story.row["is_overdue"] and story.row["days_overdue"] == 1


def words_of(story: Story) -> set[str]:
    """Every column and code that a story holds."""
    found = {*story.row, *story.moments.columns, *story.events.columns, *story.assisting.columns}
    return found | set(story.moments["moment"]) | {str(value) for key, value in story.row.items() if key != "channel"}


def test_no_rating_and_no_person_in_any_list_or_story(demo: CaseDatabase, small: CaseDatabase) -> None:
    private = ("rating", "rated", "satisf", "name", "phone", "person", "text", "outcome_accepted")
    page = listed(demo, seen(AS_OF), Question("unit_satisfaction_rate"), limit=300)
    assert {*page.rows.columns} == COLUMNS
    assert not any(word in column for word in private for column in page.rows.columns)
    with demo.reading() as connection:
        for number in page.rows["case_no"].head(20):
            words = words_of(lists.case_story(connection, demo, seen(AS_OF), number))
            assert [word for word in words if any(part in word for part in private)] == []
    with small.reading() as connection:
        words = words_of(lists.case_story(connection, small, seen("2026-03-10"), "AX1Y"))
    assert "registered_at" in words
    assert [word for word in words if any(part in word for part in private)] == []
