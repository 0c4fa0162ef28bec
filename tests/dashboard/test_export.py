"""Files to hand out, read back as Excel would: dates are dates, texts are texts, it prints on landscape paper."""

from __future__ import annotations

import datetime as dt
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from dashboard import cache, export
from data_access import settings
from data_access.database import Names

SENTENCE = "2026年1月1日至2026年11月24日，全县；数据截至 2026年11月24日"
UNITS = {
    "a": "住建局",
    "b": "甲/局",
    "c": "甲:局",
    "d": "县" * 40,
    "e": "县" * 35,
    "f": "=1+1",
    "g": "'引号'",
    "h": "[]*?",
    "s": "同名局",
    "t": "同名局",
}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(UNITS, {}, {"C1": "@领域"}, {}, settings.load().unit_kinds)
    monkeypatch.setattr(cache, "database", lambda: SimpleNamespace(names=names))


def case(number: str, unit: str | None = "a", **other: Any) -> dict[str, Any]:
    return {
        "case_no": number,
        "lead_unit_id": unit,
        "category_id": "C1",
        "registered_at": pd.Timestamp(2026, 5, 6, 9, 30),
        "due_at": pd.Timestamp(2026, 7, 5, 23, 59, 59),
        "closed_at": pd.NaT,
        "is_open": True,
        "is_overdue": True,
        "was_late": False,
        "days_overdue": 142,
        "extended": False,
        "supervised": True,
        "stage": "closing",
        "stage_due_at": pd.Timestamp(2026, 7, 5, 23, 59, 59),
        "days_left": -142,
        "share_used": 3.3333,
        "due_source": "computed",
    } | other


def rows(*cases: dict[str, Any]) -> pd.DataFrame:
    table = pd.DataFrame(list(cases))
    for name in ("registered_at", "due_at", "closed_at", "stage_due_at"):
        table[name] = pd.to_datetime(table[name])
    return table.astype({"days_overdue": "Int64", "days_left": "Int64"})


def book(*cases: dict[str, Any], per_unit: bool = False) -> Workbook:
    made = export.workbook(rows(*cases), "超期清单", SENTENCE, per_unit=per_unit)
    return load_workbook(BytesIO(made))


def heads(sheet: Any) -> dict[str, int]:
    return {cell.value: cell.column for cell in sheet[3]}


def test_a_row_reads_back_as_it_is() -> None:
    sheet = book(case("XF1"), case("XF2", is_overdue=False, is_open=False, days_overdue=None, supervised=False)).active
    first, second = ({head: sheet.cell(line, column) for head, column in heads(sheet).items()} for line in (4, 5))
    assert {head: cell.value or None for head, cell in first.items()} == {
        "信访件编号": "XF1",
        "状态": "超期",
        "责任单位": "住建局",
        "内容分类": "@领域",
        "登记日期": dt.datetime(2026, 5, 6, 9, 30),
        "环节": "办理",
        "办理期限": dt.datetime(2026, 7, 5, 23, 59, 59),
        "本环节期限": dt.datetime(2026, 7, 5, 23, 59, 59),
        "剩余天数": -142,
        "用时占比": 3.3333,
        "期限来源": "推算",
        "超期天数": 142,
        "办结日期": None,
        "延期": None,
        "挂账督办": "是",
    }
    assert [first[head].is_date for head in ("登记日期", "办理期限")] == [True, True]
    assert [first[head].number_format for head in ("登记日期", "办理期限")] == ["yyyy-mm-dd"] * 2
    assert first["超期天数"].data_type == "n"
    assert first["用时占比"].number_format == "0%"
    assert (second["超期天数"].value, second["状态"].value) == (None, "办结")


def test_the_sheet_says_what_it_is_and_is_ready_to_print() -> None:
    sheet = book(case("XF1"), case("XF2")).active
    assert sheet.title == "超期清单"
    assert sheet["A1"].value == "超期清单（2 件）"
    assert sheet["A2"].value == SENTENCE
    assert sheet.freeze_panes == "B4"
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.page_setup.fitToWidth in (None, 1)  # 1 is what a file need not say
    assert sheet.page_setup.fitToHeight == 0  # as many pages as it takes
    assert sheet.page_setup.paperSize == 9  # A4
    assert sheet.print_title_rows == "$3:$3"
    assert "&P" in (sheet.oddFooter.center.text or "")
    assert sheet.auto_filter.ref == "A3:O5"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "http://example.org", "0012"]
)
def test_a_text_stays_a_text(text: str) -> None:
    cell = book(case(text)).active["A4"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


def test_names_of_units_and_fields_stay_texts_in_cells_and_titles() -> None:
    sheet = book(case("XF1", "f"), per_unit=True).worksheets[0]
    assert [sheet.cell(4, heads(sheet)[head]).data_type for head in ("责任单位", "内容分类")] == ["s", "s"]
    assert (sheet["A1"].value, sheet["A1"].data_type) == ("=1+1（1 件）", "s")


def test_one_sheet_a_unit_with_its_cases_only() -> None:
    made = book(case("XF1", "a"), case("XF2", "b"), case("XF3", "a"), per_unit=True)
    assert {sheet.title: [row[0].value for row in sheet.iter_rows(min_row=4)] for sheet in made} == {
        "住建局": ["XF1", "XF3"],
        "甲 局": ["XF2"],
    }
    for sheet in made:
        assert sheet["A2"].value == SENTENCE
        assert (sheet.freeze_panes, sheet.print_title_rows) == ("B4", "$3:$3")
    assert made["甲 局"]["A1"].value == "甲/局（1 件）"


def test_sheet_names_are_allowed_and_different() -> None:
    units = "abcdefgh"
    made = book(*(case(f"XF{number}", unit) for number, unit in enumerate(units)), per_unit=True)
    titles = [sheet.title for sheet in made]
    assert len(titles) == len(units)
    assert len({title.lower() for title in titles}) == len(titles)
    for title in titles:
        assert 0 < len(title) <= 31
        assert not set(title) & set("[]:*?/\\")
        assert not title.startswith("'") and not title.endswith("'")
    assert titles[1:3] == ["甲 局", "甲 局 2"]
    assert titles[3:5] == ["县" * 31, "县" * 27 + " 2"]


def test_units_of_the_same_name_do_not_get_each_others_cases() -> None:
    made = book(case("XF1", "s"), case("XF2", "t"), per_unit=True)
    assert [[row[0].value for row in sheet.iter_rows(min_row=4)] for sheet in made] == [["XF1"], ["XF2"]]


def test_cases_without_a_unit_have_a_sheet_that_says_so() -> None:
    made = book(case("XF1", None), per_unit=True)
    assert [sheet.title for sheet in made] == ["未填单位"]
    assert made.worksheets[0]["A1"].value == "未填单位（1 件）"


@pytest.mark.parametrize("per_unit", [False, True])
def test_an_empty_list_is_a_sheet_with_its_head(per_unit: bool) -> None:
    empty = rows(case("XF1")).head(0)
    sheet = load_workbook(BytesIO(export.workbook(empty, "超期清单", SENTENCE, per_unit=per_unit))).active
    assert sheet["A1"].value == "超期清单（0 件）"
    assert (sheet["A3"].value, sheet.max_row) == ("信访件编号", 3)
