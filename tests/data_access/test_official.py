"""Official figures beside ours: every form of the file, rows that are none, and differences that were planted.

The county is made by hand; the as-of day is 24 November 2026. What October and September count is said beside the
cases below.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from handmade import end_of, make_file, opened, seen

from data_access import official, settings, texts
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.official import Official
from data_access.problems import Problem
from data_access.settings import PeriodRule

NOW = seen("2026-11-24", "2026-01-01", "2026-12-31")
CALENDAR = PeriodRule(month_closes_on=0, year_starts_in=1)
OCTOBER = 2026 * 12 + 9
UNITS = [
    {"unit_id": "D1", "name": "住建局", "kind": "department", "sort_order": 1},
    {"unit_id": "D2", "name": "交通局", "kind": "department", "sort_order": 2},
]
ALIASES = [{"alias": "县住房和城乡建设局", "unit_id": "D1"}]


def several(how_many: int, prefix: str, registered: str, due: str, **more: Any) -> list[dict[str, Any]]:
    begun = {"lead_unit_id": "D1", "purpose": "appeal", "disposition": "forwarded", "registered_at": registered}
    return [
        {"case_no": f"{prefix}{number}", **begun, "due_at": end_of(due), **more} for number in range(1, how_many + 1)
    ]


# Due in September, of D1: 12 closed on time, 4 late, 4 still open: 12/20 = 60 %; of those closed 12/16 = 75 %.
SEPTEMBER = [
    *several(12, "on-time-", "2026-07-10", "2026-09-10", closed_at="2026-09-08"),
    *several(4, "late-", "2026-07-10", "2026-09-10", closed_at="2026-09-15"),
    *several(4, "open-", "2026-07-10", "2026-09-10"),
]
# Registered in October, of D2: 10 on the 5th, 1 on the 22nd, 3 on the 28th, and 3 accusations on the 6th: 17.
# 26 September to 25 October: 2 + 10 + 3 + 1 = 16; 21 September to 20 October: 2 + 10 + 3 = 15.
# Closed of the 14 that are no accusations: 7 by the end of October, 3 more in November: 50 %, then 71.4 %.
# One more was returned at once.
D2 = {"lead_unit_id": "D2"}
OCTOBER_CASES = [
    *several(7, "october-", "2026-10-05", "2026-12-05", closed_at="2026-10-20", **D2),
    *several(3, "november-", "2026-10-05", "2026-12-05", closed_at="2026-11-10", **D2),
    *several(1, "twenty-second-", "2026-10-22", "2026-12-22", **D2),
    *several(3, "twenty-eighth-", "2026-10-28", "2026-12-28", **D2),
    *several(2, "end-of-september-", "2026-09-28", "2026-11-28", **D2),
    *several(3, "accusation-", "2026-10-06", "2026-12-06", **(D2 | {"purpose": "accusation"})),
]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    folder = tmp_path_factory.mktemp("official")
    return opened(make_file(folder, unit=UNITS, unit_alias=ALIASES, petition_case=SEPTEMBER + OCTOBER_CASES))


def with_file(county: CaseDatabase, file: Path) -> CaseDatabase:
    given = settings.load().model_copy(update={"official": settings.Official(file=str(file))})
    return replace(county, settings=given)


def compared(county: CaseDatabase, folder: Path, *rows: str, case_filter: CaseFilter = NOW) -> Official:
    file = folder / "通报.csv"
    file.write_text("\n".join(["指标,单位,时段,数值", *rows]), encoding="utf-8")
    database = with_file(county, file)
    with database.reading() as connection:
        return official.beside(connection, database, case_filter)


# --- the words of the file


@pytest.mark.parametrize(
    ("written", "months"),
    [
        ("2026-10", (OCTOBER, OCTOBER)),
        ("2026年10月", (OCTOBER, OCTOBER)),
        ("2026 年 10 月份", (OCTOBER, OCTOBER)),
        ("２０２６年１０月", (OCTOBER, OCTOBER)),
        ("2026/10", (OCTOBER, OCTOBER)),
        ("2026.10", (OCTOBER, OCTOBER)),
        ("2026", (OCTOBER - 9, OCTOBER + 2)),
        (2026.0, (OCTOBER - 9, OCTOBER + 2)),
        ("2026年", (OCTOBER - 9, OCTOBER + 2)),
        ("2026年度", (OCTOBER - 9, OCTOBER + 2)),
        ("2026年第3季度", (OCTOBER - 3, OCTOBER - 1)),
        ("2026年三季度", (OCTOBER - 3, OCTOBER - 1)),
        ("2026-Q3", (OCTOBER - 3, OCTOBER - 1)),
        ("2026年上半年", (OCTOBER - 9, OCTOBER - 4)),
        ("2026年1—10月", (OCTOBER - 9, OCTOBER)),
        ("2026年1-10月", (OCTOBER - 9, OCTOBER)),
        ("2026年1月至10月", (OCTOBER - 9, OCTOBER)),
        ("2026-01..2026-10", (OCTOBER - 9, OCTOBER)),
        ("2025年12月—2026年10月", (OCTOBER - 10, OCTOBER)),
        ("2026-13", None),
        ("2026年10—1月", None),
        ("10月", None),
        ("去年", None),
        (None, None),
        (26.5, None),
    ],
)
def test_periods(written: Any, months: tuple[int, int] | None) -> None:
    assert official.period(written, CALENDAR) == months


def test_the_year_is_the_assessment_year_that_ends_in_it() -> None:
    december = PeriodRule(month_closes_on=25, year_starts_in=12)
    assert official.period("2026", december) == (2025 * 12 + 11, 2026 * 12 + 10)
    assert official.period("2026-Q1", december) == (2025 * 12 + 11, 2026 * 12 + 1)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("92.5%", (0.925, 0.0005)),
        ("92.5 ％", (0.925, 0.0005)),
        ("92.53%", (0.9253, 0.00005)),
        ("92%", (0.92, 0.005)),
        ("92.5", (0.925, 0.0005)),
        ("0.925", (0.925, 0.0005)),
        (0.9, (0.9, 0.0005)),
        ("100", (1.0, 0.0005)),
        ("1", (1.0, 0.0005)),
        ("0", (0.0, 0.0005)),
        ("105%", None),
        ("-3%", None),
        ("优", None),
        (None, None),
    ],
)
def test_rates(written: Any, value: tuple[float, float] | None) -> None:
    assert official.share(written) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("written", "value"), [("412", 412), ("1,234", 1234), ("412 件", 412), (412.0, 412), ("41.5", None), ("", None)]
)
def test_counts(written: Any, value: int | None) -> None:
    assert official.count(written) == (None if value is None else (value, 0.0))


HEADS = ("指标,单位,时段,数值", "指标名称;责任单位;统计期;通报数", "indicator\tunit\tperiod\tvalue")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("head", HEADS)
def test_csv(county: CaseDatabase, tmp_path: Path, head: str, encoding: str) -> None:
    mark = next(mark for mark in ",;\t" if mark in head)
    lines = ["某州信访通报", "", head, mark.join(("按期办结率", "县住房和城乡建设局", "2026年9月", "60%"))]
    file = tmp_path / "通报.csv"
    file.write_bytes("\r\n".join(lines).encode(encoding))
    figures, mistakes = official.read(file, county)
    assert [(each.where, *each.named_by, each.value) for each in figures] == [
        ("4", "on_time_closure_rate", "D1", (OCTOBER - 1, OCTOBER - 1), 0.6)
    ]
    assert not mistakes


def test_excel_makes_dates_and_shares_of_what_is_typed(county: CaseDatabase, tmp_path: Path) -> None:
    file = tmp_path / "通报.xlsx"
    label = texts.catalogue("en").gettext("indicator.on_time_closure_rate.label")
    registered = texts.catalogue("zh_CN").gettext("indicator.registered.label")
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["通报数", "指标", "时段", "单位"])
        sheet.write_row(1, 0, [0.6, label, "", "D1"])
        month = book.add_format({"num_format": "yyyy-mm"})
        sheet.write_datetime(1, 2, seen("2026-09-01").as_of.replace(hour=0, minute=0, second=0), month)
        sheet.write_row(2, 0, [17, registered, 2026, "全县"])
    figures, mistakes = official.read(file, county)
    assert not [str(each.problem) for each in mistakes]
    assert [(*each.named_by, each.value) for each in figures] == [
        ("on_time_closure_rate", "D1", (OCTOBER - 1, OCTOBER - 1), 0.6),
        ("registered", "", (OCTOBER - 9, OCTOBER + 2), 17),
    ]


def test_a_row_that_is_no_figure_is_named_with_its_reason(county: CaseDatabase, tmp_path: Path) -> None:
    found = compared(
        county,
        tmp_path,
        "群众满意度,全县,2026-10,90%",
        "按期办结率,水利局,2026-10,90%",
        "按期办结率,住建局,十月,90%",
        "按期办结率,住建局,2026-10,很好",
        "registered,,2026-10,很多",
        "registered,,2026-10,17",
        "registered,全县,2026年10月,18",
        "registered,全县,2026年10月,17",
    )
    assert [row.published.where for row in found.rows] == ["7"]
    assert [mistake.where for mistake in found.mistakes] == ["2", "3", "4", "5", "6", "8"]
    assert [mistake.problem.key for mistake in found.mistakes] == [
        *("official_indicator", "official_unit", "official_period", "official_share", "official_count"),
        "official_twice",
    ]
    for mistake, given in zip(found.mistakes, ("群众满意度", "水利局", "十月", "很好", "很多", "7"), strict=True):
        assert given in str(mistake.problem)


def test_no_file_no_header_not_readable(county: CaseDatabase, tmp_path: Path) -> None:
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(b"not a workbook")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    for file, key in (
        (tmp_path / "none.csv", "official_missing"),
        (bad, "official_unreadable"),
        (other, "official_no_header"),
    ):
        with pytest.raises(Problem) as caught:
            official.read(file, county)
        assert caught.value.key == key
        assert str(file) in str(caught.value)


# --- ours, and why it differs


def reasons(found: Official) -> list[tuple[str, int]]:
    return [(row.reason.code, row.reason.day) for row in found.rows]


def test_what_agrees(county: CaseDatabase, tmp_path: Path) -> None:
    found = compared(
        county,
        tmp_path,
        "按期办结率,住建局,2026-09,60.0%",
        "按期办结率,住建局,2026年第3季度,60%",
        "registered,,2026-10,17",
        "registered,交通局,2026-10,14",  # accusations are in no unit's number
        "closure_rate,,2026-10,50%",
        "closed,,2026年1—10月,23",
    )
    assert reasons(found) == [("agrees", 0)] * 6
    assert [(row.value, row.numerator, row.denominator) for row in found.rows[:3]] == [
        (0.6, 12, 20),
        (0.6, 12, 20),
        (17, 17, None),
    ]


@pytest.mark.parametrize(
    ("row", "code", "day", "value"),
    [
        ("registered,,2026-10,16", "cut_off", 25, 16),
        ("registered,,2026-10,15", "cut_off", 20, 15),
        ("registered,,2026-10,14", "accusations", 0, 14),
        ("按期办结率,住建局,2026-09,75%", "closed_only", 0, 0.75),
        ("按期办结率,,2026-09,74.8%", "closed_only", 0, 0.75),
        ("办结率,,2026-10,71.4%", "later", 0, 10 / 14),
        ("办结率,交通局,2026-10,100%", "not_due_left_out", 0, 1.0),
    ],
)
def test_a_planted_difference_is_recognised(
    county: CaseDatabase, tmp_path: Path, row: str, code: str, day: int, value: float
) -> None:
    [found] = compared(county, tmp_path, row).rows
    assert (found.reason.code, found.reason.day) == (code, day)
    assert found.reason.value == pytest.approx(value)


def test_cases_not_yet_due(county: CaseDatabase, tmp_path: Path) -> None:
    """Registered in October: 17, 14 of them on a clock, 7 closed on time by the end of the month: 50 %, of none due."""
    [found] = compared(county, tmp_path, "按期办结率,交通局,2026-12,0%").rows
    assert found.reason.code == "ahead"
    november = "按期办结率,交通局,2026-11,0%"  # two are due on 28 November: not yet past, so ours counts nothing
    [found] = compared(county, tmp_path, november).rows
    assert (found.reason.code, found.value) == ("none", None)


def test_dispositions(tmp_path: Path) -> None:
    """Of 12 registered 2 were returned and closed at once: 6 of 10 are 60 %, 8 of 12 with the returned are 66.7 %."""
    rows = [
        *several(6, "closed-", "2026-10-05", "2026-10-15", closed_at="2026-10-10"),
        *several(4, "running-", "2026-10-05", "2026-10-15"),
        *several(2, "returned-", "2026-10-05", "2026-10-15", closed_at="2026-10-06", disposition="returned"),
    ]
    county = opened(make_file(tmp_path, unit=UNITS, petition_case=rows))
    found = compared(county, tmp_path, "办结率,,2026-10,66.7%", "按期办结率,,2026-10,66.7%")
    assert [row.value for row in found.rows] == [0.6, 0.6]
    assert reasons(found) == [("dispositions", 0)] * 2


def test_where_nothing_explains_it(county: CaseDatabase, tmp_path: Path) -> None:
    found = compared(county, tmp_path, "按期办结率,住建局,2026-09,67%", "registered,,2026-10,30")
    assert reasons(found) == [("unknown", 0)] * 2
    assert [row.reason.value for row in found.rows] == [None, None]
    assert found.rows[0].difference == pytest.approx(-0.07)


def test_an_explanation_must_come_nearer_than_ours(county: CaseDatabase, tmp_path: Path) -> None:
    """A count within half a per cent of another convention is explained by it; beyond that it is not."""
    many = several(1000, "many-", "2026-08-05", "2026-10-05", closed_at="2026-08-20")
    more = several(30, "end-", "2026-08-28", "2026-10-28", closed_at="2026-08-30")
    big = opened(make_file(tmp_path, unit=UNITS, petition_case=many + more))
    # ours 1030; 25th: 1000
    near = compared(big, tmp_path, "registered,,2026-08,1004")
    assert [(row.reason.code, row.reason.value) for row in near.rows] == [("cut_off", 1000)]
    assert reasons(compared(big, tmp_path, "registered,,2026-08,1010")) == [("unknown", 0)]


def test_seen_from_the_as_of_instant_where_the_period_goes_on(county: CaseDatabase, tmp_path: Path) -> None:
    by_mid_october = seen("2026-10-15")
    [row] = compared(county, tmp_path, "registered,,2026-10,13", case_filter=by_mid_october).rows
    assert (row.value, row.agrees) == (13, True)  # 10 and 3 accusations
    assert official.is_unfinished(row, by_mid_october.as_of)


def test_the_filter_of_the_page_does_not_count(county: CaseDatabase, tmp_path: Path) -> None:
    narrowed = replace(NOW, unit=("D1",))
    [row] = compared(county, tmp_path, "registered,,2026-10,17", case_filter=narrowed).rows
    assert row.agrees


def test_ratings_of_few_stay_hidden(tmp_path: Path) -> None:
    """Four ratings, one bad: 75 % is not shown, nor its difference, nor by another convention."""
    rated = [
        row | {"unit_rating": rating, "unit_rated_at": end_of("2026-10-12")}
        for row, rating in zip(
            several(4, "rated-", "2026-08-05", "2026-10-05", closed_at="2026-09-20"),
            ("satisfied", "satisfied", "basically_satisfied", "dissatisfied"),
            strict=True,
        )
    ]
    county = opened(make_file(tmp_path, unit=UNITS, petition_case=rated))
    [row] = compared(county, tmp_path, "unit_satisfaction_rate,住建局,2026-10,75%").rows
    assert (row.value, row.numerator, row.difference, row.reason.code) == (None, None, None, "few")


def test_a_database_without_the_columns_says_so(county: CaseDatabase, tmp_path: Path) -> None:
    [row] = compared(county, tmp_path, "resolution_rate,,2026-10,90%").rows
    assert (row.value, row.reason.code) == (None, "not_fed")
