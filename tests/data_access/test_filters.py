"""Each field of a filter: the cases it leaves, and its words in both languages."""

from __future__ import annotations

import datetime as dt

import pytest
from handmade import end_of, make_file, opened, seen

from data_access import lists, settings, texts
from data_access.database import CaseDatabase
from data_access.filters import FIELDS, CaseFilter, county, sentence
from data_access.lists import Question
from data_access.periods import Span

BASE = {"registered_at": "2026-01-05", "due_at": "2026-12-31 23:59:59", "lead_unit_id": "A"}
CASES = [
    {"case_no": "plain"},
    {"case_no": "of B", "lead_unit_id": "B", "channel": "visit", "is_repeat": True, "is_collective": False},
    {"case_no": "of C", "lead_unit_id": "C", "channel": "letter", "is_repeat": False, "is_collective": True},
    {"case_no": "unknown unit", "lead_unit_id": "X"},
    {"case_no": "no unit", "lead_unit_id": None, "township_id": "B"},
    {"case_no": "field", "category_id": "01", "petitioned_level": "national"},
    {"case_no": "below the field", "category_id": "0101", "petitioned_level": "county"},
    {"case_no": "beside the field", "category_id": "02", "track": "statutory"},
    {"case_no": "summary", "track": "summary", "township_id": "C", "task_force": "TF1"},
    {"case_no": "other", "track": "other"},
]
NO_TRACK = {case["case_no"] for case in CASES if "track" not in case}
EVERY = {case["case_no"] for case in CASES}

# Field, values, what is left, in Chinese, in English.
FILTERS = [
    ("unit", ("A",), EVERY - {"of B", "of C", "unknown unit", "no unit"}, "甲局", "甲局"),
    ("unit", ("B", "C"), {"of B", "of C"}, "乙镇、丙镇", "乙镇, 丙镇"),
    ("kind", ("township",), {"of B", "of C"}, "乡镇（街道）", "Townships"),
    (
        "kind",
        ("department", "township"),
        EVERY - {"unknown unit", "no unit"},
        "县直部门、乡镇（街道）",
        "County departments, Townships",
    ),
    ("township", ("B",), {"no unit"}, "乙镇", "乙镇"),
    ("category", ("01",), {"field", "below the field"}, "农村农业", "农村农业"),
    ("category", ("0101",), {"below the field"}, "村务财务", "村务财务"),
    ("category", ("0101", "02"), {"below the field", "beside the field"}, "村务财务、教育", "村务财务, 教育"),
    ("channel", ("visit",), {"of B"}, "来访", "Visit"),
    ("channel", ("visit", "letter"), {"of B", "of C"}, "来访、来信", "Visit, Letter"),
    ("level", ("national",), {"field"}, "国家", "National"),
    ("repeat", ("repeat",), {"of B"}, "重复", "Repeat"),
    ("repeat", ("first",), {"of C"}, "初次", "First"),
    ("repeat", ("first", "repeat"), {"of B", "of C"}, "初次、重复", "First, Repeat"),
    ("group", ("collective",), {"of C"}, "集体访", "Group"),
    ("group", ("individual",), {"of B"}, "个人", "Individual"),
    ("track", ("statutory",), NO_TRACK | {"beside the field"}, "法定程序（60 日）", "Statutory (60 days)"),
    ("track", ("summary",), {"summary"}, "简易办理", "Summary handling"),
    ("track", ("summary", "other"), {"summary", "other"}, "简易办理、其他途径", "Summary handling, Other tracks"),
    ("task_force", ("TF1",), {"summary"}, "TF1", "TF1"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    folder = tmp_path_factory.mktemp("filters")
    units = [
        {"unit_id": "A", "name": "甲局", "kind": "department"},
        {"unit_id": "B", "name": "乙镇", "kind": "township"},
        {"unit_id": "C", "name": "丙镇", "kind": "township"},
    ]
    categories = [
        {"category_id": "01", "name": "农村农业"},
        {"category_id": "0101", "name": "村务财务", "parent_id": "01"},
        {"category_id": "02", "name": "教育"},
    ]
    return opened(make_file(folder, unit=units, category=categories, petition_case=[BASE | case for case in CASES]))


def left_by(database: CaseDatabase, case_filter: CaseFilter) -> set[str]:
    with database.reading() as connection:
        return set(lists.case_list(connection, database, case_filter, Question(), limit=None).rows["case_no"])


@pytest.mark.parametrize(
    ("field", "values", "left", "chinese", "english"),
    FILTERS,
    ids=[f"{row[0]}-{'+'.join(row[1])}" for row in FILTERS],
)
def test_a_field(
    small: CaseDatabase, field: str, values: tuple[str, ...], left: set[str], chinese: str, english: str
) -> None:
    case_filter = seen("2026-11-24", "2026-01-01", **{field: values})
    assert left_by(small, case_filter) == left
    assert case_filter.narrowed == (field,)
    assert sentence(case_filter, small.names) == f"2026年1月1日至2026年11月24日，{chinese}；数据截至 2026年11月24日"
    texts.use("en")
    told = sentence(case_filter, small.names)
    assert told == f"1 January 2026 to 24 November 2026, {english}; as of 24 November 2026"


def test_every_field_is_in_the_table() -> None:
    assert {row[0] for row in FILTERS} == set(FIELDS)


def test_several_fields_all_hold(small: CaseDatabase) -> None:
    both = seen("2026-11-24", kind=("township",), channel=("visit", "web"))
    assert left_by(small, both) == {"of B"}
    assert left_by(small, seen("2026-11-24", kind=("township",), track=("summary",))) == set()
    assert "乡镇（街道），来访、网上信访；" in sentence(both, small.names)


def test_a_filter_that_narrows_nothing_leaves_all(small: CaseDatabase) -> None:
    case_filter = seen("2026-11-24", "2026-01-01")
    assert left_by(small, case_filter) == EVERY
    assert sentence(case_filter, small.names) == "2026年1月1日至2026年11月24日，全县；数据截至 2026年11月24日"


def test_many_values_are_told_by_three_and_their_number(small: CaseDatabase) -> None:
    case_filter = seen("2026-11-24", channel=("visit", "letter", "web", "phone", "mobile"))
    assert "来访、来信、网上信访等 5 项" in sentence(case_filter, small.names)
    texts.use("en")
    assert "Visit, Letter, Website and others (5)" in sentence(case_filter, small.names)


def test_the_period_is_told_as_far_as_it_has_come(small: CaseDatabase) -> None:
    running = seen("2026-03-10 9:30", "2026-03-01", "2026-03-31")
    assert running.is_unfinished
    assert sentence(running, small.names) == "2026年3月1日至2026年3月10日，全县；数据截至 2026年3月10日 09:30"
    over = seen("2026-11-24", "2026-03-01", "2026-03-31")
    assert not over.is_unfinished
    assert sentence(over, small.names) == "2026年3月1日至2026年3月31日，全县；数据截至 2026年3月31日"
    assert sentence(seen("2026-11-24"), small.names).startswith("截至2026年11月24日的全部时段，全县；")


def test_the_instant_is_the_earlier_of_the_as_of_moment_and_the_end_of_the_period() -> None:
    assert seen("2026-03-10 9:30", "2026-03-01", "2026-03-31").at == dt.datetime(2026, 3, 10, 9, 30)
    over = seen("2026-11-24", "2026-03-01", "2026-03-31")
    assert (over.at, over.today) == (end_of("2026-03-31"), dt.date(2026, 3, 31))
    assert over.over(Span(None, dt.date(2026, 12, 31))).at == end_of("2026-11-24")


def test_a_filter_is_a_cache_key() -> None:
    one, same = (seen("2026-11-24", unit=("A",)) for _ in range(2))
    assert one == same and hash(one) == hash(same)
    assert one != seen("2026-11-24", unit=("B",))
    assert one != seen("2026-11-23", unit=("A",))


def test_the_county_as_of_a_day() -> None:
    rule = settings.load().period
    found = county(dt.date(2026, 11, 24), rule)
    assert (found.as_of, found.preset, found.narrowed) == (end_of("2026-11-24"), "this_year", ())
    assert (found.span.start, found.span.end) == (dt.date(2026, 1, 1), dt.date(2026, 12, 31))
    assert county(dt.datetime(2026, 11, 24, 9), rule, "all").as_of == dt.datetime(2026, 11, 24, 9)


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in ("repeat", "group")])
def test_values_are_bound_and_never_sql(small: CaseDatabase, field: str) -> None:
    nasty = "') OR 1=1 --"
    assert left_by(small, seen("2026-11-24", **{field: (nasty,)})) == set()
