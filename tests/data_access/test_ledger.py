"""Ledgers of every shape into a case database."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import engines
import openpyxl
import pytest
import xlwt

from data_access import schema, settings, texts
from data_access.ledger import ImportReport, import_ledger
from data_access.ledger_words import HELPERS
from data_access.problems import Problem

ROOT = Path(__file__).resolve().parents[2]
HEADER = ("信访件编号", "登记时间", "办理期限", "办结时间", "责任单位")
ROW = ("A1", "2026-01-05", "2026-03-06", "2026-02-01", "住建局")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return engines.fresh_url(tmp_path)


@pytest.fixture
def load(tmp_path: Path, url: str) -> Callable[..., ImportReport]:
    """Write rows to a CSV (or take a file) and import it; `mapping` is the text of a mapping file."""

    def loaded(rows: Sequence[Sequence[Any]] | Path, mapping: str | None = None, **options: Any) -> ImportReport:
        file = rows if isinstance(rows, Path) else write_csv(tmp_path / "ledger.csv", rows)
        if mapping is not None:
            options["mapping"] = tmp_path / "mapping.toml"
            options["mapping"].write_text(mapping, encoding="utf-8")
        return import_ledger(file, options.pop("url", url), options.pop("settings", settings.load()), **options)

    return loaded


def write_csv(file: Path, rows: Sequence[Sequence[Any]], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    content = io.StringIO()
    csv.writer(content, delimiter=delimiter).writerows(rows)
    file.write_bytes(content.getvalue().encode(encoding))
    return file


def write_xlsx(
    file: Path, sheets: dict[str, Sequence[Sequence[Any]]], merges: dict[str, list[str]] | None = None
) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        for each in (merges or {}).get(name, ()):
            sheet.merge_cells(each)
    book.save(file)
    return file


def cells(line: str) -> list[str]:
    return line.split()


def rows_of(url: str, query: str) -> list[tuple[Any, ...]]:
    return engines.rows_of(url, query)


def only(url: str, columns: str) -> Any:
    """The single case: one value, or a tuple of several."""
    (row,) = rows_of(url, f"SELECT {columns} FROM petition_case")
    return row if "," in columns else row[0]


def everything(url: str) -> str:
    """All that the database holds, as one text."""
    return "\n".join(
        repr(row) for name in engines.tables_of(url) for row in engines.rows_of(url, f"SELECT * FROM {name}")
    )


def report_lines(report: ImportReport) -> list[dict[str, str]]:
    assert report.report_file
    with report.report_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# --- files -------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_every_encoding_and_delimiter(tmp_path, url, load, encoding, delimiter):
    report = load(write_csv(tmp_path / "台账.csv", [HEADER, ROW], encoding, delimiter))
    assert report.inserted == 1
    assert only(url, "case_id, case_no, lead_unit_id, due_at, closed_at") == (
        *("A1", "A1", "住建局"),
        *("2026-03-06 23:59:59", "2026-02-01 00:00:00"),
    )


def test_xlsx_with_real_dates_and_a_numeric_case_number(tmp_path, url, load):
    row = (101004128563, datetime(2026, 1, 5, 9, 32, 9), date(2026, 3, 6), None, "住建局")
    load(write_xlsx(tmp_path / "a.xlsx", {"Sheet1": [HEADER, row]}))
    assert only(url, "case_no, registered_at, due_at, closed_at") == (
        *("101004128563", "2026-01-05 09:32:09"),
        *("2026-03-06 23:59:59", None),
    )


def test_xls(tmp_path, url, load):
    book = xlwt.Workbook()
    sheet = book.add_sheet("一月")
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for place, (header, value) in enumerate(
        zip(HEADER, ("A1", date(2026, 1, 5), date(2026, 3, 6), "", "住建局"), strict=True)
    ):
        sheet.write(0, place, header)
        sheet.write(1, place, value, day)
    book.save(str(tmp_path / "a.xls"))
    load(tmp_path / "a.xls")
    assert only(url, "registered_at, due_at") == ("2026-01-05 00:00:00", "2026-03-06 23:59:59")


def test_one_sheet_a_month_and_a_sheet_that_is_no_ledger(tmp_path, url, load):
    sheets = {
        "1月": [HEADER, ROW],
        "2月": [("县信访局 2026年2月台账",), ("", ""), HEADER, ("A2", *ROW[1:])],
        "说明": [("填表说明",)],
        "空": [],
    }
    report = load(write_xlsx(tmp_path / "a.xlsx", sheets))
    assert (report.inserted, report.sheets, report.sheets_skipped) == (2, ("1月", "2月"), ("说明",))
    assert any("说明" in sentence for sentence in report.sentences())


def test_vertical_merges_fill_down(tmp_path, url, load):
    rows = [HEADER, ROW, ("A2", None, "2026-03-07", None, None), ("A3", "2026-01-09", None, None, None)]
    load(write_xlsx(tmp_path / "a.xlsx", {"s": rows}, {"s": ["B2:B3", "E2:E4"]}))
    assert rows_of(url, "SELECT case_no, registered_at, lead_unit_id FROM petition_case ORDER BY 1") == [
        ("A1", "2026-01-05 00:00:00", "住建局"),
        ("A2", "2026-01-05 00:00:00", "住建局"),
        ("A3", "2026-01-09 00:00:00", "住建局"),
    ]


def test_a_header_of_two_rows_is_read_at_its_lower_row(tmp_path, url, load):
    top = ("信访件编号", "登记时间", "责任单位", "办理", None)
    low = (None, None, None, "办理期限", "办结时间")
    merges = {"s": ["A1:A2", "B1:B2", "C1:C2", "D1:E1"]}
    load(write_xlsx(tmp_path / "a.xlsx", {"s": [top, low, ("A1", "2026-01-05", "住建局", "2026-03-06", "")]}, merges))
    assert only(url, "case_no, due_at") == ("A1", "2026-03-06 23:59:59")


def test_title_blank_total_and_repeated_header_rows_are_no_cases(url, load):
    report = load(
        [
            ("某县信访件台账",),
            ("序号", *HEADER),
            ("总数", "3", "", "", "", ""),
            ("1", *ROW),
            (" ", "\u3000", "", "", "", ""),
            ("2", "", "", "", "", ""),
            ("序号", *HEADER),
            ("小计：", "", "", "", "", ""),
            ("合计", "1", "", "", "", ""),
        ]
    )
    assert (report.rows, report.inserted, report.rejected, report.report_file) == (1, 1, 0, None)


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("a.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(200), "ledger_format"),
        ("a.xls", b"<html><table></table></html>", "ledger_format"),
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(200), "ledger_format"),
        ("a.et", bytes.fromhex("d0cf11e0a1b11ae1"), "ledger_format"),
        ("a.csv", b"", "ledger_empty"),
        ("a.xlsx", b"", "ledger_empty"),
        ("a.csv", "甲,乙\n1,2\n".encode(), "ledger_no_header"),
        ("a.xlsx", bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"), "ledger_encrypted"),
    ],
)
def test_what_is_no_ledger_gets_one_sentence_and_no_database(tmp_path, url, load, name, content, key):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(Problem) as caught:
        load(file)
    assert caught.value.key == key
    assert "\n" not in str(caught.value)
    assert engines.is_untouched(url)


def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(Problem, match=r"nothing\.csv"):
        load(tmp_path / "nothing.csv")


# --- headers -----------------------------------------------------------------------------


def test_provincial_export(url, load):
    header = cells("信访件编号 姓名 信访人数 住址 手机号码 问题属地 信访目的 内容分类 信访日期 登记日期")
    header += cells("限办时间 信访形式 概况 是否办结 是否全国初次信访 联名信或集体访 信访件状态 登记部门 登记人")
    row = cells("X1 某甲 6 某处 13900001111 示例县/城关镇/幸福村 申诉求决 城乡建设_房屋征收 2026-01-04 2026/1/5")
    row += cells("2026-03-06 来访 略 是 是 否 办理中 县信访局 某乙")
    report = load([header, row])
    assert only(url, "township_id, purpose, category_id, petitioned_at, registered_at, channel") == (
        *("城关镇", "appeal", "房屋征收"),
        *("2026-01-04 00:00:00", "2026-01-05 00:00:00", "visit"),
    )
    assert only(url, "is_first, is_collective, registering_unit_id, due_at") == (
        *(1, 0, "县信访局", "2026-03-06 23:59:59"),
    )
    assert report.dropped["identity"] == ("姓名", "住址", "手机号码", "登记人")
    assert report.dropped["free_text"] == ("概况",)
    assert report.closed_without_moment == 1
    assert report.missing == ("lead_unit_id", "closed_at")


def test_work_order_export_takes_the_responsible_department(url, load):
    header = cells(
        "信访件编号 信访形式 信访日期 登记时间 登记单位 转往处 办理方式 责任部门 具体承办单位 办理期限 办结时间"
    )
    header += cells("信访件状态 办结状态 超期次数")
    row = cells("X1 网上信访 2026-01-04 2026-01-05 县信访局 甲局 转送 乙局 丙科 2026-03-06 2026-02-01 办结 按期办结 0")
    report = load([header, row])
    assert only(url, "lead_unit_id, disposition, channel") == ("乙局", "forwarded", "web")
    assert report.new_units == ("县信访局", "乙局")
    assert report.dropped["other_column"] == ("转往处", "具体承办单位", "信访件状态")
    assert report.dropped["not_loaded"] == ("超期次数",)


def test_bureau_ledger_registers_with_the_moment_of_receipt(url, load):
    header = cells("编号 责任科室 信访方式 标题 接件时间 举报类型 类型 乡镇 转办时间 应结办日期 办理情况 办结时间")
    row = cells("7 执法科 来电 略 2026.1.4 生态环境 噪声 城关镇 20260105 2026年3月6日 略 2026-02-01")
    load([header, row])
    assert only(url, "case_no, lead_unit_id, channel, registered_at, forwarded_at, due_at, category_id") == (
        *("7", "执法科", "phone", "2026-01-04 00:00:00"),
        *("2026-01-05 00:00:00", "2026-03-06 23:59:59", "生态环境"),
    )


def test_pinyin_columns(url, load):
    header = cells("xfjbh xfxs xfrq djsj djjgmc wtsddm nrfldm xfmddm xfrs blfs xbjzrq bjsj cfxfbz zrdwslsj dfsj")
    row = cells(
        "X1 来信 20260104 20260105 县信访局 县_红旗乡_甲村 教育 意见建议 7 交办 20260306 20260201 1 20260110 20260131"
    )
    load([header, row])
    assert only(url, "channel, township_id, purpose, disposition, is_repeat, is_collective") == (
        *("letter", "红旗乡", "suggestion", "assigned", 1, 1),
    )
    assert only(url, "accepted_at, answered_at") == ("2026-01-10 00:00:00", "2026-01-31 00:00:00")


def test_the_contracts_own_names(url, load):
    load([("case_no", "registered_at", "lead_unit_id", "unit_rating"), ("A1", "2026-01-05", "u1", "dissatisfied")])
    assert only(url, "lead_unit_id, unit_rating") == ("u1", "dissatisfied")


def test_unknown_headers_are_named(load):
    report = load([(*HEADER, "颜色"), (*ROW, "红")])
    assert report.dropped == {"unknown": ("颜色",)}
    assert any("颜色" in sentence for sentence in report.sentences())


# --- moments -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("2019/4/25 9:32:09", "2019-04-25 09:32:09"),
        ("2024-01-05", "2024-01-05 00:00:00"),
        ("2026.11.23", "2026-11-23 00:00:00"),
        ("20261123", "2026-11-23 00:00:00"),
        ("2026年11月23日", "2026-11-23 00:00:00"),
        ("2026年11月23日 9时05分", "2026-11-23 09:05:00"),
        ("2026-11-23T09:05:07", "2026-11-23 09:05:07"),
        ("2026-11-23T01:05:07Z", "2026-11-23 09:05:07"),  # Shanghai is eight hours ahead
        ("2026-11-23 09:05:06.7", "2026-11-23 09:05:07"),
        ("２０２６－１１－２３　０９：０５", "2026-11-23 09:05:00"),
        ("45321", "2024-01-30 00:00:00"),  # 45292 is 1 January 2024
        ("45321.5", "2024-01-30 12:00:00"),
    ],
)
def test_ways_to_write_a_moment(url, load, said, stored):
    load([HEADER, ("A1", said, "", "", "住建局")])
    assert only(url, "registered_at") == stored


@pytest.mark.parametrize("said", ["2026-02-30", "26.11.23", "下周", "99", "2026-13-01", "0226-01-05"])
def test_an_impossible_date_is_left_empty_and_reported(url, load, said):
    report = load([HEADER, ("A1", "2026-01-05", "2026-03-06", said, "住建局")])
    assert only(url, "closed_at") is None
    assert (report.inserted, report.unreadable) == (1, 1)
    (line,) = report_lines(report)
    assert (line["行号"], line["列"]) == ("2", "办结时间")


@pytest.mark.parametrize(
    ("sheet", "title", "stored"),
    [
        ("2026年11月", "台账", "2026-11-23 00:00:00"),
        ("11月", "2025年11月台账", "2025-11-23 00:00:00"),
        ("11月", "2025年12月至2026年1月台账", None),
        ("11月", "台账", None),
    ],
)
def test_a_date_without_year_takes_the_only_year_in_sight(tmp_path, url, load, sheet, title, stored):
    rows = [(title,), HEADER, ("A1", "2026-12-01", "", "11月23日", "住建局")]
    load(write_xlsx(tmp_path / "a.xlsx", {sheet: rows}))
    assert only(url, "closed_at") == stored


def test_midnight_in_a_deadline_column_of_midnights_is_a_date(url, load):
    load([HEADER, ("A1", "2026-01-05", "2026-03-06 00:00:00", "", "甲局")])
    assert only(url, "due_at") == "2026-03-06 23:59:59"


def test_midnight_in_a_deadline_column_of_times_is_a_time(url, load):
    rows = [
        ("A1", "2026-01-05", "2026-03-06 00:00:00", "", "甲局"),
        ("A2", "2026-01-05", "2026-03-06 17:30", "", "甲局"),
    ]
    load([HEADER, *rows])
    assert rows_of(url, "SELECT due_at FROM petition_case ORDER BY case_no") == [
        ("2026-03-06 00:00:00",),
        ("2026-03-06 17:30:00",),
    ]


# --- flags, codes, numbers of persons ----------------------------------------------------


@pytest.mark.parametrize(
    ("said", "stored"),
    [(w, 1) for w in ("是", "有", "Y", "1", "√", "true", "１")]
    + [(w, 0) for w in ("否", "无", "N", "0", "FALSE")]
    + [(" ", None)],
)
def test_flags(url, load, said, stored):
    load([(*HEADER, "是否重复信访"), (*ROW, said)])
    assert only(url, "is_repeat") == stored


@pytest.mark.parametrize(("said", "first", "repeat"), [("初件", 1, 0), ("初次", 1, 0), ("重件", 0, 1), ("重复", 0, 1)])
def test_first_or_repeat(url, load, said, first, repeat):
    load([(*HEADER, "初重件"), (*ROW, said)])
    assert only(url, "is_first, is_repeat") == (first, repeat)


@pytest.mark.parametrize(
    ("rule", "persons", "stored"),
    [("at_least_5", "5", 1), ("at_least_5", "4人", 0), ("more_than_5", "5", 0), ("more_than_5", "6", 1)],
)
def test_the_number_of_persons_only_tells_a_group(url, load, rule, persons, stored):
    chosen = settings.load().model_copy(update={"group": settings.GroupRule(rule=rule)})
    load([(*HEADER, "信访人数"), (*ROW, persons)], settings=chosen)
    assert only(url, "is_collective") == stored


def test_a_flag_wins_over_the_number_of_persons(url, load):
    load([(*HEADER, "人次", "集体访"), (*ROW, "9", "否")])
    assert only(url, "is_collective") == 0


@pytest.mark.parametrize(
    ("header", "said", "column", "code"),
    [
        *(
            ("信访形式", said, "channel", code)
            for said, code in [("走访", "visit"), ("网络", "web"), ("领导信箱", "mailbox")]
        ),
        ("信访形式", "手机信访", "channel", "mobile"),
        ("信访形式", "微信信访", "channel", "wechat"),
        ("信访目的", "揭发控告", "purpose", "accusation"),
        ("信访层级", "市州", "petitioned_level", "prefecture"),
        ("办理层级", "村", "handling_level", "village"),
        ("办理方式", "不再受理", "disposition", "no_longer_accepted"),
        ("满意度", "基本满意", "unit_rating", "basically_satisfied"),
        ("满意度", "待评价", "unit_rating", None),
        ("zrdwpj", "0", "unit_rating", "satisfied"),
        ("xfbmpj", "3", "office_rating", "dissatisfied"),
        ("zrdwpjzt", "0", "unit_rating", None),  # the state 待评价 is no rating
        ("zrdwpjzt", "1", "unit_rating", None),
    ],
)
def test_codes(url, load, header, said, column, code):
    report = load([(*HEADER, header), (*ROW, said)])
    assert only(url, column) == code
    assert report.unreadable == 0


def test_an_unknown_code_is_left_empty_and_reported(url, load):
    report = load([(*HEADER, "信访形式"), (*ROW, "飞鸽")])
    assert only(url, "channel") is None
    (line,) = report_lines(report)
    assert (line["行号"], line["列"], line["值"]) == ("2", "信访形式", "飞鸽")


# --- units, places, categories, posts ----------------------------------------------------


@pytest.mark.parametrize("separator", ["、", "，", ",", "；", ";", "/", "\n"])
def test_the_first_of_several_units_leads_and_the_rest_assist(url, load, separator):
    report = load([(*HEADER, "协办单位"), (*ROW[:4], separator.join(["住建局", "资源局", "城关镇"]), "水务局")])
    assert only(url, "lead_unit_id") == "住建局"
    assert rows_of(url, "SELECT case_id, unit_id FROM case_unit ORDER BY 2") == [
        *[("A1", "城关镇"), ("A1", "水务局"), ("A1", "资源局")],
    ]
    assert (report.several_units, report.assisting) == (1, 3)


def test_new_units_get_their_kind_from_the_end_of_their_name_and_an_order(url, load):
    units = ["住建局", "城关镇", "红旗乡", "东城街道办", "县委办", "高新区管委会", "示例水务公司", "执法科", "某处"]
    load([HEADER, *((f"A{n}", *ROW[1:4], unit) for n, unit in enumerate(units))])
    kinds = [
        "department",
        "township",
        "township",
        "township",
        "department",
        "other",
        "other",
        "department",
        "department",
    ]
    assert rows_of(url, "SELECT name, kind, sort_order FROM unit ORDER BY sort_order") == [
        (unit, kind, n) for n, (unit, kind) in enumerate(zip(units, kinds, strict=True), start=1)
    ]


def test_a_unit_is_known_by_id_name_or_alias_however_spaced(url, load):
    load([HEADER, ROW])
    engines.written(
        url,
        "INSERT INTO unit (unit_id, name, kind, sort_order) VALUES ('u9', '水利（务）局', 'department', 7)",
        "INSERT INTO unit_alias VALUES ('水务局', 'u9')",
    )
    spellings = ["u9", "U9", "水利(务) 局", "水 务 局"]
    report = load(
        [HEADER, *((f"B{n}", *ROW[1:4], name) for n, name in enumerate(spellings)), ("B9", *ROW[1:4], "新局")]
    )
    assert rows_of(url, "SELECT DISTINCT lead_unit_id FROM petition_case WHERE case_no IN ('B0','B1','B2','B3')") == [
        ("u9",)
    ]
    assert report.new_units == ("新局",)
    assert rows_of(url, "SELECT sort_order FROM unit WHERE name = '新局'") == [(8,)]


def test_a_long_name_is_cut_to_a_key_and_found_again(url, load):
    names = ["某" * 45 + "甲局", "某" * 45 + "乙局"]
    for _ in range(2):
        report = load([HEADER, *((f"A{n}", *ROW[1:4], name) for n, name in enumerate(names))])
    assert report.unchanged == 2
    assert [name for (name,) in rows_of(url, "SELECT name FROM unit ORDER BY sort_order")] == names
    assert rows_of(url, "SELECT unit_id FROM unit ORDER BY sort_order") == [("某" * 40,), ("某" * 38 + "~2",)]


def test_a_unit_that_only_a_superseded_row_names_is_not_made(url, load):
    report = load([HEADER, (*ROW[:4], "旧局"), ROW])
    assert report.new_units == ("住建局",)
    assert rows_of(url, "SELECT name FROM unit") == [("住建局",)]


@pytest.mark.parametrize(
    ("said", "township"),
    [
        ("示例县/城关镇/幸福村", "城关镇"),
        ("示例县_红旗乡_甲村", "红旗乡"),
        ("示例县-东城街道-一社区", "东城街道"),
        ("示例县/开发区/甲村", "开发区"),
        ("示例县城关镇幸福村3组", "城关镇"),
        ("示例县", None),
        ("幸福村", None),
    ],
)
def test_a_place_is_stored_as_its_township(url, load, said, township):
    load([(*HEADER, "问题属地"), (*ROW, said)])
    assert only(url, "township_id") == township
    assert "村" not in everything(url).replace("village", "").replace("CREATE", "")


def test_a_path_makes_parent_and_child_categories(url, load):
    header = (*HEADER, "内容分类")
    rows = [("A1", "城乡建设/其他"), ("A2", "教育-其他"), ("A3", "教育"), ("A4", "其他")]
    for _ in range(2):
        report = load([header, *((number, *ROW[1:], said) for number, said in rows)])
    assert report.unchanged == 4
    assert sorted(rows_of(url, "SELECT category_id, name, parent_id FROM category")) == [
        ("其他", "其他", "城乡建设"),
        ("城乡建设", "城乡建设", None),
        ("教育", "教育", None),
        ("教育/其他", "其他", "教育"),
    ]


def test_a_leader_is_kept_by_post_and_never_by_name(url, load):
    load([HEADER, ROW])
    engines.written(url, "INSERT INTO post VALUES ('p1', '常务副县长', 'county')")
    said = ["常务副县长", "王某某", "李某某", "城关镇书记"]
    report = load(
        [(*HEADER, "包案领导"), *((f"A{n}", *ROW[1:], value) for n, value in enumerate(said, start=1))],
        mapping='[posts]\n"城关镇书记" = "城关镇党委书记"\n',
    )
    assert rows_of(url, "SELECT responsible_post_id FROM petition_case ORDER BY case_no") == [
        *[("p1",), (None,), (None,), ("城关镇党委书记",)],
    ]
    assert (report.names_dropped, report.new_posts) == (2, ("城关镇党委书记",))
    assert rows_of(url, "SELECT level FROM post WHERE post_id = '城关镇党委书记'") == [("township",)]
    (line,) = report_lines(report)
    assert "2 个值" in line["原因"]


# --- the mapping file --------------------------------------------------------------------


def test_a_mapping_names_headers_codes_and_units(url, load):
    mapping = """
[columns]
case_no = "Ticket"
registered_at = "Opened"
petitioned_at = "Opened"
due_at = ["Extended", "Target"]
lead_unit_id = "Agency"
[codes.channel]
"App" = "mobile"
"Staff" = ""
[codes.is_repeat]
"again" = true
[units]
"住建局" = "住房和城乡建设局"
"""
    header = ("Ticket", "Opened", "Target", "Extended", "Agency", "channel", "is_repeat")
    rows = [
        ("1", "2026-01-05", "2026-03-06", "", "住建局", "App", "again"),
        ("2", "2026-01-05", "2026-03-06", "2026-04-05", "住房和城乡建设局", "Staff", ""),
    ]
    for _ in range(2):
        report = load([header, *rows], mapping)
    assert (report.unchanged, report.unreadable) == (2, 0)
    assert rows_of(url, "SELECT petitioned_at, due_at, channel, is_repeat FROM petition_case ORDER BY case_no") == [
        ("2026-01-05 00:00:00", "2026-03-06 23:59:59", "mobile", 1),
        ("2026-01-05 00:00:00", "2026-04-05 23:59:59", None, None),
    ]
    assert rows_of(url, "SELECT unit_id FROM unit") == [("住房和城乡建设局",)]
    assert rows_of(url, "SELECT alias, unit_id FROM unit_alias") == [("住建局", "住房和城乡建设局")]


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ('[columns]\ncolour = "责任单位"', "colour"),
        ('[columns]\ndue_at = "Deadline"', "Deadline"),
        ("[columns]\ndue_at = 3", "due_at"),
        ('[columns]\ncategory_id = "姓名"', "姓名"),
        ('[columns]\nlead_unit_id = "标题"', "标题"),
        ('[codes.colour]\n"红" = "red"', "codes.colour"),
        ('[codes.channel]\n"信鸽" = "pigeon"', "pigeon"),
        ('[units]\n"住建局" = 3', "住建局"),
        ('[unit]\n"a" = "b"', "[unit]"),
        ("posts = 3", "posts"),
    ],
)
def test_a_mistake_in_the_mapping_is_named(load, mapping, named):
    with pytest.raises(Problem) as caught:
        load([(*HEADER, "姓名", "标题"), (*ROW, "x", "y")], mapping)
    assert caught.value.key == "mapping_wrong"
    assert named in str(caught.value)


def test_a_mapping_that_is_no_toml(load):
    with pytest.raises(Problem) as caught:
        load([HEADER, ROW], "[columns\n")
    assert caught.value.key == "mapping_not_toml"


# --- rejected, merged, superseded --------------------------------------------------------


def test_only_what_cannot_be_stored_is_rejected(url, load):
    rows = [
        ("", *ROW[1:]),
        ("A2", "", *ROW[2:]),
        ("A3", "昨天", *ROW[2:]),
        ("B" * 41, *ROW[1:]),
        ("A5", "2026-01-05", "", "2025-12-31", ""),  # closed before registered, no deadline, no unit
        ("Ａ６", "2099-01-01", "", "", ""),
    ]
    report = load([HEADER, *rows])
    assert (report.rows, report.inserted, report.rejected, report.unreadable) == (6, 2, 4, 0)
    assert [line["行号"] for line in report_lines(report)] == ["2", "3", "4", "5"]
    assert rows_of(url, "SELECT case_no, closed_at FROM petition_case ORDER BY 1") == [
        ("A5", "2025-12-31 00:00:00"),
        ("A6", None),
    ]


@pytest.mark.parametrize("number", [520000202401050001, 5.2e17])
def test_a_number_that_lost_its_last_digits_is_rejected(tmp_path, load, number):
    report = load(write_xlsx(tmp_path / "a.xlsx", {"s": [HEADER, (number, *ROW[1:]), ROW]}))
    assert (report.inserted, report.rejected) == (1, 1)
    assert "15" in report_lines(report)[0]["原因"]


def test_exact_duplicates_merge_however_they_are_written(load):
    report = load([HEADER, ROW, ("Ａ１ ", "2026/1/5", "2026年3月6日", "20260201", "住 建 局")])
    assert (report.inserted, report.merged, report.conflicts, report.report_file) == (1, 1, 0, None)


def test_of_conflicting_rows_the_last_wins_and_the_other_is_reported(url, load):
    report = load([HEADER, ROW, (*ROW[:3], "2026-02-09", ROW[4])])
    assert only(url, "closed_at") == "2026-02-09 00:00:00"
    assert (report.inserted, report.conflicts) == (1, 1)
    (line,) = report_lines(report)
    assert (line["行号"], line["值"]) == ("2", "A1")
    assert "第 3 行" in line["原因"]


def test_every_row_is_counted_once(load):
    load([HEADER, ROW, ("A2", *ROW[1:])])
    report = load(
        [
            HEADER,
            ROW,
            ("A2", "2026-01-06", *ROW[2:]),
            ("A3", *ROW[1:]),
            ROW,
            ("A3", "2026-01-07", *ROW[2:]),
            ("", *ROW[1:]),
        ]
    )
    parts = (report.inserted, report.updated, report.unchanged, report.rejected, report.merged, report.conflicts)
    assert parts == (1, 1, 1, 1, 1, 1)
    assert report.rows == sum(parts)


# --- importing again ---------------------------------------------------------------------


def test_the_same_file_again_changes_nothing(url, load):
    rows = [(*HEADER, "协办单位", "内容分类", "初重件"), (*ROW, "甲局、乙局", "教育/其他", "初件")]
    load(rows)
    before = everything(url)
    report = load(rows)
    assert (report.inserted, report.updated, report.unchanged, report.new_units) == (0, 0, 1, ())
    assert everything(url) == before


def test_columns_of_the_file_are_updated_and_others_left_alone(url, load):
    load([(*HEADER, "信访形式"), (*ROW, "来信")])
    report = load([("信访件编号", "信访日期", "办结时间"), ("A1", "2026-01-02", "")])
    assert report.updated == 1
    assert only(url, "channel, lead_unit_id, registered_at, petitioned_at, closed_at, updated_at") == (
        *("letter", "住建局", "2026-01-05 00:00:00", "2026-01-02 00:00:00"),
        *(None, None),
    )


def test_assisting_units_follow_a_file_that_lists_them(url, load):
    header = (*HEADER, "协办单位")
    load([header, (*ROW, "甲局、乙局")])
    load([HEADER, ROW])
    assert len(rows_of(url, "SELECT * FROM case_unit")) == 2
    report = load([header, (*ROW, "乙局、丙局")])
    assert report.updated == 1
    assert rows_of(url, "SELECT unit_id FROM case_unit ORDER BY 1") == [("丙局",), ("乙局",)]


def test_updated_at_is_taken_from_the_file(url, load):
    load([(*HEADER, "更新时间"), (*ROW, "2026-02-03 10:00")])
    assert only(url, "updated_at") == "2026-02-03 10:00:00"


def test_a_new_database_carries_the_version_of_the_contract(url, load):
    load([HEADER, ROW])
    assert rows_of(url, "SELECT version, demo_as_of FROM contract") == [(schema.VERSION, None)]


# --- whole or not at all -----------------------------------------------------------------


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("error", [Interrupted, KeyboardInterrupt])
@pytest.mark.parametrize("steps", [1, 2, 4, 6])
def test_an_interruption_leaves_no_new_file(tmp_path, load, error, steps):
    with pytest.raises(error):
        load(many(3000), progress=stopping_at(steps, error))
    assert not list(tmp_path.glob("cases*"))


@pytest.mark.parametrize("steps", [1, 4, 6])
def test_an_interruption_leaves_the_database_as_it_was(url, load, steps):
    load([HEADER, ("A1", "2026-01-09", "", "", "甲局")])
    before = everything(url)
    with pytest.raises(KeyboardInterrupt):
        load(many(3000), progress=stopping_at(steps, KeyboardInterrupt))
    assert everything(url) == before


def many(n: int) -> list[tuple[str, ...]]:
    return [HEADER, *((f"A{number}", *ROW[1:]) for number in range(n))]


def stopping_at(step: int, error: type[BaseException]) -> Callable[[int, int], None]:
    calls: list[int] = []

    def progress(done: int, total: int) -> None:
        assert 0 < done <= total
        calls.append(done)
        if len(calls) == step:
            raise error

    return progress


def test_progress_ends_at_its_total(load):
    told: list[tuple[int, int]] = []
    load(many(2500), progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (5000, 5000)


def test_a_dry_run_reports_and_writes_nothing(url, load):
    report = load([HEADER, ROW, ("", *ROW[1:])], dry_run=True)
    assert (report.inserted, report.rejected, report.new_units) == (1, 1, ("住建局",))
    assert len(report_lines(report)) == 1
    assert engines.is_untouched(url)
    assert any("试运行" in sentence for sentence in report.sentences())


def test_a_dry_run_compares_with_the_database(url, load):
    load([HEADER, ROW])
    before = everything(url)
    report = load([HEADER, (*ROW[:4], "甲局"), ("A2", *ROW[1:])], dry_run=True)
    assert (report.inserted, report.updated) == (1, 1)
    assert everything(url) == before


def test_never_into_the_demo(url, load):
    load([HEADER, ROW])
    engines.written(url, "UPDATE contract SET demo_as_of = '2026-01-01 00:00:00'")
    with pytest.raises(Problem) as caught:
        load([HEADER, ("A2", *ROW[1:])])
    assert caught.value.key == "import_into_demo"


@pytest.mark.only_on("sqlite", reason="one process locks the whole file")
def test_a_locked_database_is_a_sentence(url, load):
    load([HEADER, ROW])
    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Problem) as caught:
        load([HEADER, ROW], url=f"{url}?timeout=0.1")
    holder.close()
    assert caught.value.key == "locked"


@pytest.mark.only_on("sqlite", reason="a database is a file there")
def test_the_ledger_itself_is_no_database(tmp_path, load):
    file = write_csv(tmp_path / "ledger.csv", many(100))
    with pytest.raises(Problem) as caught:
        load(file, url=f"sqlite:///{file}")
    assert caught.value.key == "not_a_database"


# --- the report --------------------------------------------------------------------------


def test_a_report_that_no_longer_applies_is_removed(tmp_path, load):
    assert load([HEADER, ("", *ROW[1:])]).report_file == tmp_path / "ledger.rejected.csv"
    assert load([HEADER, ROW]).report_file is None
    assert not (tmp_path / "ledger.rejected.csv").exists()


def test_a_file_of_that_name_that_is_no_report_stays(tmp_path, load):
    (tmp_path / "ledger.rejected.csv").write_text("mine", encoding="utf-8")
    load([HEADER, ROW])
    assert (tmp_path / "ledger.rejected.csv").read_text(encoding="utf-8") == "mine"


def test_a_report_that_cannot_be_written_does_not_stop_the_import(tmp_path, url, load):
    (tmp_path / "ledger.rejected.csv").mkdir()
    report = load([HEADER, ROW, ("", *ROW[1:])])
    assert only(url, "case_no") == "A1"
    assert report.report_file is None
    assert any("ledger.rejected.csv" in sentence for sentence in report.sentences())


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_nothing_personal_is_kept_anywhere(url, load, language):
    texts.use(language)
    secrets = {
        "姓名": "欧阳测试",
        "手机号码": "13912345678",
        "证件号码": "522301199001011234",
        "住址": "幸福路88号",
        "标题": "关于某小区噪音",
        "概况": "半夜施工无人管",
        "办理情况": "已电话告知其本人",
        "包案领导": "司马领导",
        "登记人": "诸葛登记",
        "备注": "某某邮箱 nobody@example.org",
        "信访人数": "7391",
    }
    header = (*HEADER, "内容分类", "协办单位", "属地", "专班", "信访形式", *secrets)
    broken = (
        *("A2", "2026-01-05", "致电13912345678", "欧阳测试已办", "住建局联系人13912345678"),
        *("522301199001011234", "甲局 nobody@example.org", "幸福路88号", "139 1234 5678", "致电13912345678等"),
    )
    rows = [
        (*ROW, "教育", "", "城关镇", "一组", "来信", *secrets.values()),
        (*broken, *secrets.values()),
        ("", *ROW[1:], "", "", "", "", "", *secrets.values()),
        (*ROW[:4], "甲局", "教育", "", "城关镇", "一组", "来信", *secrets.values()),
    ]
    report = load([header, *rows], dry_run=False)
    assert (report.inserted, report.rejected, report.conflicts) == (2, 1, 1)
    assert report.report_file
    told = "\n".join(
        [everything(url), report.report_file.read_text(encoding="utf-8-sig"), *report.sentences(), repr(report)]
    )
    for secret in (*secrets.values(), "nobody@example.org", "139 1234 5678", "欧阳"):
        assert secret not in told


@pytest.mark.only_on("sqlite", reason="the trigger that refuses a row is written for it")
def test_an_error_of_the_database_shows_no_values(url, load):
    load([HEADER, ROW])
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("CREATE TRIGGER no BEFORE INSERT ON petition_case BEGIN SELECT RAISE(ABORT, 'refused'); END")
    with pytest.raises(Problem) as caught:
        load([(*HEADER, "姓名"), ("A2", *ROW[1:], "欧阳测试")])
    assert "欧阳测试" not in f"{caught.value} {caught.value.__cause__}"
    assert rows_of(url, "SELECT case_no FROM petition_case") == [("A1",)]


# --- real files --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "as_of"),
    [("boston_311_closed.csv", 4995, "9999-12-31 23:59:59"), ("boston_311_hundred.csv", 100, "2022-05-31 23:59:59")],
)
def test_boston_agrees_with_the_publishers_verdicts(tmp_path, shared_data, url, load, name, rows, as_of):
    file = tmp_path / name
    file.write_bytes((shared_data / name).read_bytes())
    mapping = (ROOT / "docs" / "examples" / "boston_311.toml").read_text(encoding="utf-8")
    report = load(file, mapping)
    assert (report.rows, report.inserted, report.report_file) == (rows, rows, None)
    ours = {
        number: "ONTIME" if (closed or as_of) <= due else "OVERDUE"
        for number, due, closed in rows_of(
            url, "SELECT case_no, due_at, closed_at FROM petition_case WHERE due_at IS NOT NULL"
        )
    }
    with file.open(encoding="utf-8", newline="") as source:
        theirs = {
            row["CASE_ENQUIRY_ID"]: row["OnTime_Status"]
            for row in csv.DictReader(source)
            if row["TARGET_DT"] and row["OnTime_Status"]
        }
    assert len(theirs) > 80
    assert {number: ours[number] for number in theirs} == theirs


# --- the documentation -------------------------------------------------------------------


def test_the_mapping_in_the_documentation_works(url, load):
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    mapping = page.split("```toml\n")[1].split("```")[0]
    header = ("工单号", "收件时间", "期限", "延期后期限", "经办部门", "信访形式", "是否重复信访", "包案领导")
    load([header, ("1", "2026-01-05", "2026-03-06", "2026-04-05", "住建局", "市民热线", "再次", "县长")], mapping)
    assert only(url, "due_at, lead_unit_id, channel, is_repeat, responsible_post_id") == (
        *("2026-04-05 23:59:59", "住房和城乡建设局", "phone", 1, "县长"),
    )


def test_the_documentation_names_every_helper_field():
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    assert [name for name in HELPERS if f"`{name}`" not in page] == []
