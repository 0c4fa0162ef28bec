"""The quick filter: what typed words propose, worked out by hand for the demo county on 24 November 2026."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from typing import Any

import pytest
from handmade import make_file, opened
from hypothesis import given
from hypothesis import strategies as st

from data_access import phrase_words, texts
from data_access.database import CaseDatabase
from data_access.filters import FIELDS
from data_access.lists import Question
from data_access.periods import PRESETS
from data_access.phrases import Proposal, propose
from data_access.settings import PeriodRule

TODAY = dt.date(2026, 11, 24)
OVERDUE, OPEN, CLOSED = Question("overdue"), Question("open"), Question("closed")


def late(days: str) -> Question:
    return Question("overdue", at=(("late", days),))


def days(start: str, end: str) -> dict[str, str]:
    return {"period": "custom", "from": start, "to": end}


# Typed, the parameters of the best proposal, the list it opens.
BEST: list[tuple[str, dict[str, str], Question | None]] = [
    # Several words, with and without gaps, in either language.
    ("住建局 超期 今年", {"period": "this_year", "unit": "D01"}, OVERDUE),
    ("住建局超期今年", {"period": "this_year", "unit": "D01"}, OVERDUE),
    ("zjj overdue this year", {"period": "this_year", "unit": "D01"}, OVERDUE),
    ("今年的土地案件", {"period": "this_year", "category": "C0301"}, None),
    ("only the land cases of last month", {"period": "last_month", "category": "C0301"}, None),
    ("住建局，公安局；超期", {"unit": "D01,D05"}, OVERDUE),
    ("公安局 住建局", {"unit": "D01,D05"}, None),
    ("去年10月东关街道已办结", {**days("2025-10-01", "2025-10-31"), "unit": "T01"}, CLOSED),
    ("只看乡镇微信信访重复件", {"kind": "township", "channel": "wechat", "repeat": "repeat"}, None),
    ("ＺＪＪ　２０２５年", {**days("2025-01-01", "2025-12-31"), "unit": "D01"}, None),
    # Units: whole names, other names, parts, abbreviations, initials.
    ("住房和城乡建设局", {"unit": "D01"}, None),
    ("县住房和城乡建设局", {"unit": "D01"}, None),
    ("示例县教育局", {"unit": "D06"}, None),
    ("自规局", {"unit": "D02"}, None),
    ("住建", {"unit": "D01"}, None),
    ("人社局", {"unit": "D03"}, None),
    ("县人社局", {"unit": "D03"}, None),
    ("住房城乡建设局", {"unit": "D01"}, None),
    ("发改委", {"unit": "D12"}, None),
    ("卫健委", {"unit": "D07"}, None),
    ("公安", {"unit": "D05"}, None),
    ("政法委", {"unit": "D17"}, None),
    ("开发区", {"unit": "O01"}, None),
    ("清河", {"unit": "T02"}, None),
    ("清河镇政府", {"unit": "T02"}, None),
    ("zjj", {"unit": "D01"}, None),
    ("RSJ", {"unit": "D03"}, None),
    ("qhz", {"unit": "T02"}, None),
    # Categories and codes.
    ("自然资源", {"category": "C03"}, None),
    ("土地征用", {"category": "C0301"}, None),
    ("拆迁", {"category": "C0401"}, None),
    ("拖欠工资", {"category": "C0601"}, None),
    ("tdzy", {"category": "C0301"}, None),
    ("土地 拆迁", {"category": "C0301,C0401"}, None),
    ("县直部门", {"kind": "department"}, None),
    ("departments townships", {"kind": "department,township"}, None),
    ("园区", {"kind": "other"}, None),
    ("乡镇（街道）", {"kind": "township"}, None),
    ("来访", {"channel": "visit"}, None),
    ("leader's mailbox", {"channel": "mailbox"}, None),
    ("省级", {"level": "province"}, None),
    ("国家", {"level": "national"}, None),
    ("first-time", {"repeat": "first"}, None),
    ("初次 重复", {"repeat": "first,repeat"}, None),
    ("集体访", {"group": "collective"}, None),
    ("Individual", {"group": "individual"}, None),
    ("简易办理", {"track": "summary"}, None),
    ("法定程序（60 日）", {"track": "statutory"}, None),
    # Periods by name.
    ("本年", {"period": "this_year"}, None),
    ("今年以来", {"period": "this_year"}, None),
    ("year to date", {"period": "this_year"}, None),
    ("本月", {"period": "this_month"}, None),
    ("This month", {"period": "this_month"}, None),
    ("上月", {"period": "last_month"}, None),
    ("本季度", {"period": "this_quarter"}, None),
    ("上季度", days("2026-07-01", "2026-09-30"), None),
    ("近12个月", {"period": "last_12_months"}, None),
    ("近一年", {"period": "last_12_months"}, None),
    ("全部时段", {"period": "all"}, None),
    ("去年", days("2025-01-01", "2025-12-31"), None),
    ("last year", days("2025-01-01", "2025-12-31"), None),
    ("前年", days("2024-01-01", "2024-12-31"), None),
    ("最近30天", days("2026-10-26", "2026-11-24"), None),
    ("last 2 weeks", days("2026-11-11", "2026-11-24"), None),
    ("近三个月", days("2026-09-01", "2026-11-30"), None),
    ("本周", days("2026-11-23", "2026-11-29"), None),  # the 24th is a Tuesday
    ("上周", days("2026-11-16", "2026-11-22"), None),
    ("昨天", days("2026-11-23", "2026-11-23"), None),
    # Periods by number.
    ("2025年", days("2025-01-01", "2025-12-31"), None),
    ("2025", days("2025-01-01", "2025-12-31"), None),
    ("10月", days("2026-10-01", "2026-10-31"), None),
    ("十一月", days("2026-11-01", "2026-11-30"), None),
    ("12月", days("2025-12-01", "2025-12-31"), None),
    ("2026年10月", days("2026-10-01", "2026-10-31"), None),
    ("2026-10", days("2026-10-01", "2026-10-31"), None),
    ("2026.2", days("2026-02-01", "2026-02-28"), None),
    ("去年二月份", days("2025-02-01", "2025-02-28"), None),
    ("October", days("2026-10-01", "2026-10-31"), None),
    ("Oct 2025", days("2025-10-01", "2025-10-31"), None),
    ("1-9月", days("2026-01-01", "2026-09-30"), None),
    ("2025年1月至3月", days("2025-01-01", "2025-03-31"), None),
    ("January-March 2025", days("2025-01-01", "2025-03-31"), None),
    ("2025年11月到2026年2月", days("2025-11-01", "2026-02-28"), None),
    ("三季度", days("2026-07-01", "2026-09-30"), None),
    ("第3季度", days("2026-07-01", "2026-09-30"), None),
    ("Q3 2025", days("2025-07-01", "2025-09-30"), None),
    ("前三季度", days("2026-01-01", "2026-09-30"), None),
    ("上半年", days("2026-01-01", "2026-06-30"), None),
    ("去年下半年", days("2025-07-01", "2025-12-31"), None),
    ("2026-10-01 至 2026-10-31", days("2026-10-01", "2026-10-31"), None),
    ("2026年10月1日至31日", days("2026-10-01", "2026-10-31"), None),
    ("10月10-12日", days("2026-10-10", "2026-10-12"), None),
    ("12月25日", days("2025-12-25", "2025-12-25"), None),
    ("from 1 October to 31 October", days("2026-10-01", "2026-10-31"), None),
    ("2024年2月29日", days("2024-02-29", "2024-02-29"), None),
    # Lists.
    ("逾期", {}, OVERDUE),
    ("Overdue", {}, OVERDUE),
    ("快到期", {}, Question("due_soon")),
    ("due soon", {}, Question("due_soon")),
    ("7天内到期", {}, Question("due_soon")),
    ("15天内到期", {}, Question("due_later")),
    ("未办结", {}, OPEN),
    ("在办", {}, OPEN),
    ("已办结", {}, CLOSED),
    ("closed cases", {}, CLOSED),
    ("受理超期", {}, Question("acceptance_overdue")),
    ("超期未办结", {}, OVERDUE),
    ("超期60天以上", {}, late("61..")),
    ("超过60天", {}, late("61..")),
    ("超期，60天以上", {}, late("61..")),
    ("未办结 超期六十天以上", {}, late("61..")),
    ("超期两个月", {}, late("61..")),
    ("over 60 days", {}, late("61..")),
    ("more than 60 days overdue", {}, late("61..")),
    ("超期30天以内", {}, late("1..30")),
    ("30-60天", {}, late("30..60")),
    ("overdue 30 to 60 days", {}, late("30..60")),
    ("超期10月", days("2026-10-01", "2026-10-31"), OVERDUE),
]


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return opened(demo_url)


def best(proposal: Proposal) -> tuple[dict[str, str], Question | None]:
    return dict(proposal.parameters), proposal.question


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize(("typed", "parameters", "question"), BEST, ids=[row[0] for row in BEST])
def test_the_best_proposal(
    demo: CaseDatabase, typed: str, parameters: dict[str, str], question: Question | None, language: str
) -> None:
    texts.use(language)
    reading = propose(typed, demo, TODAY)
    assert reading.unknown == ()
    assert best(reading.proposals[0]) == (parameters, question)


@pytest.mark.parametrize(
    ("typed", "chinese", "english"),
    [
        ("住建局 超期 今年", "住房和城乡建设局｜本年｜超期信访件", "住房和城乡建设局 · This year · Overdue cases"),
        ("超期60天以上", "超期60天以上的信访件", "Overdue cases, over 60 days"),
        ("超期30天以内", "超期1–30天的信访件", "Overdue cases, 1–30 days"),
        ("省级 初次 2026年10月", "信访层级：省｜初次｜2026年10月1日至2026年10月31日", None),
        ("土地 拆迁", "土地征用、城镇拆迁", "土地征用, 城镇拆迁"),
        ("townships", "乡镇（街道）", "Townships"),
    ],
)
def test_the_words_are_in_the_language_in_use(
    demo: CaseDatabase, typed: str, chinese: str, english: str | None
) -> None:
    assert propose(typed, demo, TODAY).proposals[0].words == chinese
    if english:
        texts.use("en")
        assert propose(typed, demo, TODAY).proposals[0].words == english


# What is not known


PERSONS = ["王明", "李建国", "张伟", "王建局", "欧阳娜娜", "张建设", "王教育", "齐白石", "李和平", "张三电话", "王一月"]
PERSONS += ["安局", "民局", "刘卫健", "Zhang Wei", "wang jianguo", "Li Ming", "O'Brien"]


@pytest.mark.parametrize("name", PERSONS)
def test_a_name_matches_nothing(demo: CaseDatabase, name: str) -> None:
    reading = propose(name, demo, TODAY)
    assert reading.proposals == ()
    assert " ".join(reading.unknown) == name


@pytest.mark.parametrize(
    ("typed", "unknown"),
    [
        ("2026-02-30", ("2026-02-30",)),
        ("2026年13月", ("2026年13月",)),
        ("0月", ("0月",)),
        ("2月30日", ("2月30日",)),
        ("9-1月", ("9-1月",)),
        ("2026-10-31至2026-10-01", ("2026-10-31至2026-10-01",)),
        ("近0天", ("近0天",)),
        ("近9999年", ("近9999年",)),
        ("近9999周", ("近9999周",)),
        ("9.2025", ("9.2025",)),
        ("超期60-30天", ("超期60-30天",)),
        ("8天内到期", ("8天内到期",)),
        ("60天", ("60天",)),
        ("2026-10-011", ("2026-10-011",)),
        ("XF20260001", ("XF20260001",)),
        # Neither accusations nor rankings of people are anything to filter by.
        ("检举控告", ("检举控告",)),
        ("上访最多的人", ("上访最多", "人")),
        # Fillers and signs are no words.
        ("只看 的 案件", ()),
        ("the cases of", ()),
        ("！？ -- (),", ()),
        ("", ()),
    ],
)
def test_nothing_is_proposed(demo: CaseDatabase, typed: str, unknown: tuple[str, ...]) -> None:
    reading = propose(typed, demo, TODAY)
    assert (reading.proposals, reading.unknown) == ((), unknown)


@pytest.mark.parametrize(
    ("typed", "parameters", "question", "unknown"),
    [
        ("住建局王明超期", {"unit": "D01"}, OVERDUE, ("王明",)),
        ("王明 住建局 李建国 王明", {"unit": "D01"}, None, ("王明", "李建国")),
        ("今年 2026-02-30 Foo", {"period": "this_year"}, None, ("2026-02-30", "Foo")),
        ("市超期", {}, OVERDUE, ("市",)),  # 市 alone is a level; here it is part of something
        ("2025年 XYZ超期", days("2025-01-01", "2025-12-31"), OVERDUE, ("XYZ",)),
    ],
)
def test_the_rest_is_told(
    demo: CaseDatabase, typed: str, parameters: dict[str, str], question: Question | None, unknown: tuple[str, ...]
) -> None:
    reading = propose(typed, demo, TODAY)
    assert best(reading.proposals[0]) == (parameters, question)
    assert reading.unknown == unknown


# Several readings


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("清河镇", [{"unit": "T02"}, {"township": "T02"}]),
        ("清河镇 住建局", [{"unit": "D01,T02"}, {"unit": "D01", "township": "T02"}]),
        # Of two townships both are responsible, or both places.
        ("清河镇 白石镇", [{"unit": "T02,T05"}, {"township": "T02,T05"}]),
        ("教育", [{"category": "C17"}, {"unit": "D06"}]),
        ("乡镇", [{"kind": "township"}, {"level": "township"}]),
        # jyj: 教育局, then 交(通)运(输)局.
        ("jyj", [{"unit": "D06"}, {"unit": "D08"}]),
        ("信访 教育局", [{"unit": "D06"}, {"unit": "D06,D19"}]),
        ("10月 9月", [days("2026-10-01", "2026-10-31"), days("2026-09-01", "2026-09-30")]),
        ("all", [{"period": "all"}]),
    ],
)
def test_readings_in_their_order(demo: CaseDatabase, typed: str, expected: list[dict[str, str]]) -> None:
    assert [dict(proposal.parameters) for proposal in propose(typed, demo, TODAY).proposals] == expected


def test_of_two_lists_one_is_opened(demo: CaseDatabase) -> None:
    assert [proposal.question for proposal in propose("超期 已办结", demo, TODAY).proposals] == [OVERDUE, CLOSED]
    assert [proposal.question for proposal in propose("在办 逾期", demo, TODAY).proposals] == [OVERDUE]


def test_at_most_so_many_and_each_different(demo: CaseDatabase) -> None:
    found = propose("教育 自然资源 东关 民政", demo, TODAY, limit=40).proposals
    assert len(found) > 6
    assert len({(proposal.parameters, proposal.question) for proposal in found}) == len(found)
    assert propose("教育 自然资源 东关 民政", demo, TODAY).proposals == found[:6]
    assert propose("教育", demo, TODAY, limit=0).proposals == ()


def test_the_same_words_are_always_read_alike(demo: CaseDatabase) -> None:
    before = [propose(typed, demo, TODAY) for typed, _, _ in BEST]
    phrase_words._vocabulary.cache_clear()
    assert [propose(typed, demo, TODAY) for typed, _, _ in BEST] == before


# Settings and databases


def ruled(database: CaseDatabase, closes_on: int, starts_in: int) -> CaseDatabase:
    rule = PeriodRule(month_closes_on=closes_on, year_starts_in=starts_in)
    return replace(database, settings=database.settings.model_copy(update={"period": rule}))


@pytest.mark.parametrize(
    ("closes_on", "starts_in", "today", "typed", "start", "end"),
    [
        (25, 1, "2026-11-24", "10月", "2026-09-26", "2026-10-25"),
        (25, 1, "2026-11-25", "12月", "2025-11-26", "2025-12-25"),
        (25, 1, "2026-11-26", "12月", "2026-11-26", "2026-12-25"),
        (25, 1, "2026-11-24", "去年", "2024-12-26", "2025-12-25"),
        (25, 1, "2026-11-24", "2026-10-01至2026-10-31", "2026-10-01", "2026-10-31"),
        # The assessment year 2026 runs from December 2025 to November 2026.
        (25, 12, "2026-11-24", "去年", "2024-11-26", "2025-11-25"),
        (25, 12, "2026-11-24", "2025年", "2024-11-26", "2025-11-25"),
        (25, 12, "2026-11-24", "三季度", "2026-05-26", "2026-08-25"),
        (25, 12, "2026-11-24", "上半年", "2025-11-26", "2026-05-25"),
        (0, 12, "2026-12-01", "去年", "2025-12-01", "2026-11-30"),
        (0, 12, "2026-11-24", "2025年12月", "2025-12-01", "2025-12-31"),
        # From April: its fourth quarter is January to March.
        (0, 4, "2026-11-24", "2025年", "2025-04-01", "2026-03-31"),
        (0, 4, "2026-11-24", "一季度", "2026-04-01", "2026-06-30"),
        (0, 4, "2026-11-24", "四季度", "2026-01-01", "2026-03-31"),
        (0, 4, "2026-11-24", "上季度", "2026-07-01", "2026-09-30"),
    ],
)
def test_months_and_years_follow_the_settings(
    demo: CaseDatabase, closes_on: int, starts_in: int, today: str, typed: str, start: str, end: str
) -> None:
    reading = propose(typed, ruled(demo, closes_on, starts_in), dt.date.fromisoformat(today))
    assert best(reading.proposals[0]) == (days(start, end), None)


def test_a_database_that_lacks_a_column_is_not_asked_for_it(minimal_url: str) -> None:
    minimal = opened(minimal_url)
    assert minimal.names.aliases == {}
    for typed in ("重复", "微信", "县直部门", "受理超期"):
        reading = propose(typed, minimal, TODAY)
        assert "".join(reading.unknown) in (typed, "受理"), typed
    assert best(propose("超期60天以上 今年", minimal, TODAY).proposals[0]) == ({"period": "this_year"}, late("61.."))


def test_other_names_of_units_are_read(demo: CaseDatabase) -> None:
    assert demo.names.aliases["自规局"] == "D02"
    without = replace(demo, names=replace(demo.names, aliases={}))
    assert propose("自规局", without, TODAY).proposals == ()
    for typed, unit in (("住建局", "D01"), ("人社局", "D03"), ("县公安局", "D05"), ("信访局", "D19"), ("zjj", "D01")):
        assert best(propose(typed, without, TODAY).proposals[0]) == ({"unit": unit}, None)


def test_parts_that_many_names_share_tell_nothing(tmp_path: Any) -> None:
    units = [{"unit_id": f"u{i}", "name": f"{first}山管理中心"} for i, first in enumerate("东南西北中前后左右")]
    database = opened(make_file(tmp_path, unit=units, petition_case=[{"case_no": "1", "lead_unit_id": "u1"}]))
    assert propose("管理中心", database, TODAY).unknown == ("管理中心",)
    assert best(propose("南山", database, TODAY).proposals[0]) == ({"unit": "u1"}, None)


def test_the_longest_words_come_first_and_a_name_before_its_synonyms(tmp_path: Any) -> None:
    names = ["甲乙", "甲乙丙", "丙丁戊", "丁戊", "卫生健康", "医疗"]
    categories = [{"category_id": name, "name": name} for name in names]
    cases = [{"case_no": "1", "lead_unit_id": "u", "category_id": "丁戊"}]
    database = opened(
        make_file(tmp_path, unit=[{"unit_id": "u", "name": "办公室"}], category=categories, petition_case=cases)
    )
    assert [dict(one.parameters) for one in propose("甲乙丙丁戊", database, TODAY).proposals] == [
        {"category": "丁戊,甲乙丙"}
    ]
    assert [dict(one.parameters)["category"] for one in propose("医疗", database, TODAY).proposals] == [
        "医疗",
        "卫生健康",
    ]


def test_the_database_is_not_asked(demo: CaseDatabase) -> None:
    silent: Any = replace(demo, engine=None)  # type: ignore[arg-type]
    assert propose("住建局 超期 今年", silent, TODAY) == propose("住建局 超期 今年", demo, TODAY)


# The vocabulary


def test_every_word_of_the_file_says_what_it_stands_under(demo: CaseDatabase) -> None:
    file = phrase_words.words_file()
    said = {
        (key, code, word) for key, codes in file["fields"].items() for code, words in codes.items() for word in words
    }
    said |= {("list", of, word) for of, words in file["lists"].items() for word in words}
    said |= {("period", code, word) for code, words in file["periods"].items() for word in words if code in PRESETS}
    for parameter, code, word in said:
        reading = propose(word, demo, TODAY, limit=20)
        assert reading.unknown == (), word
        if parameter == "list":
            assert Question(code) in [proposal.question for proposal in reading.proposals], word
        else:
            assert ((parameter, code),) in [proposal.parameters for proposal in reading.proposals], word


def test_every_code_and_list_has_its_words(demo: CaseDatabase) -> None:
    file = phrase_words.words_file()
    assert {key: tuple(codes) for key, codes in file["fields"].items()} == {
        key: field.codes for key, field in FIELDS.items() if field.codes
    }
    for language in texts.LANGUAGES:
        texts.use(language)
        for key, field in FIELDS.items():
            for code in field.codes:
                found = propose(field.words(code, demo.names), demo, TODAY).proposals
                assert ((key, code),) in [proposal.parameters for proposal in found], (language, key, code)
        for of in file["lists"]:
            assert Question.parse(f"{of}.denominator", []) == Question(of)
            found = propose(texts.text(f"indicator.{of}.label"), demo, TODAY).proposals
            assert found[0].question == Question(of), (language, of)


# Whatever is typed


def check_valid(typed: str, database: CaseDatabase) -> None:
    """Everything proposed can be chosen and asked."""
    reading = propose(typed, database, TODAY)
    assert len(reading.proposals) <= 6
    assert len({(proposal.parameters, proposal.question) for proposal in reading.proposals}) == len(reading.proposals)
    names = database.names
    codes = {key: set(field.codes) for key, field in FIELDS.items()}
    codes |= {"unit": set(names.units), "category": set(names.categories)}
    codes["township"] = {unit for unit, kind in names.kinds.items() if kind == "township"}
    for proposal in reading.proposals:
        assert proposal.words and (proposal.parameters or proposal.question)
        parameters = dict(proposal.parameters)
        assert len(parameters) == len(proposal.parameters)
        period = parameters.pop("period", "all")
        assert period in PRESETS
        if period == "custom":
            assert dt.date.fromisoformat(parameters.pop("from")) <= dt.date.fromisoformat(parameters.pop("to"))
        for key, joined in parameters.items():
            assert set(joined.split(",")) <= codes[key]
        if proposal.question:
            url: Any = proposal.question.url()
            assert Question.parse(url["of"], url["at"]) == proposal.question
    assert all(word.strip() and word in typed for word in reading.unknown)


PIECES = (
    [row[0] for row in BEST]
    + list("年月日天个第季度至到-—.~/+ ,，（）的县局镇一十百0129")
    + ["2026", "over", "13", "王明"]
)


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
def test_any_text_gives_only_what_is_valid(demo: CaseDatabase, typed: str) -> None:
    check_valid(typed, demo)


HOSTILE = [
    "a" * 10_000,
    "zj" * 5_000,
    "住" * 10_000,
    "1" * 10_000,
    "1-" * 40,
    "1月" * 40,
    "今年" * 40,
    "2026-10-01至" * 9,
    "超期60天以上" * 12,
    ".*+?[](){}\\|^$" * 6,
    "(a+)+$" * 14,
    "\x00\x1b[31m\u202e\ufeff\u200b\r\n\t" * 10,
    "'; DROP TABLE petition_case; --",
    "<script>alert(1)</script>",
    "\ufdfa" * 80,
    "İ" * 80,
    "\ud800" * 80,
    "①②³٣²½" * 12,
    "🙂" * 80,
]


@pytest.mark.parametrize("typed", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_quick_and_safe(demo: CaseDatabase, typed: str) -> None:
    check_valid(typed, demo)
    assert fastest(typed, demo) < 0.02


def test_what_is_typed_beyond_the_limit_is_not_read(demo: CaseDatabase) -> None:
    assert propose("住建局" + " " * 80 + "超期", demo, TODAY).proposals == propose("住建局", demo, TODAY).proposals


def test_more_words_than_a_meeting_can_mean_are_unknown(demo: CaseDatabase) -> None:
    twelve = "公安局 民政局 教育局 税务局 纪委 清河镇 松坪镇 白石镇 南泉镇 柳溪乡 云岭乡 信访局"
    reading = propose(f"{twelve} 公安局 住建局 超期 人社局", demo, TODAY)
    units = "D05,D06,D09,D18,D19,T02,T04,T05,T06,T07,T08,O03"
    assert best(reading.proposals[0]) == ({"unit": units}, None)
    assert reading.unknown == ("住建局", "超期", "人社局")


def fastest(typed: str, database: CaseDatabase) -> float:
    """The best of five runs in seconds of this thread: the machine has other things to do."""
    taken = []
    for _ in range(5):
        began = time.thread_time()
        propose(typed, database, TODAY)
        taken.append(time.thread_time() - began)
    return min(taken)


def test_twice_the_words_of_a_large_county_take_twice_the_time(demo: CaseDatabase) -> None:
    letters = "住房城乡建设自然资源人力社会保障农业公安教育卫生健康交通运输民政市场监督管理态环境发展改革文化体旅游"
    units = {
        f"U{i:02}": "".join(letters[(i * 7 + j * 11) % len(letters)] for j in range(4 + i % 7)) + "局"
        for i in range(60)
    }
    fields = {
        f"C{i:03}": "".join(letters[(i * 5 + j * 13) % len(letters)] for j in range(2 + i % 5)) for i in range(200)
    }
    names = replace(demo.names, units=units, kinds=dict.fromkeys(units, "department"), categories=fields, aliases={})
    large = replace(demo, names=names)
    for typed in ("".join(units.values()), " ".join(fields.values())):
        half = typed[: len(typed) // 2]
        assert fastest(typed, large) < 3 * fastest(half, large)
