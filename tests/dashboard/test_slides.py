"""The views of the wall: each number is as many cases as it opens, and none ranks what must not be ranked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import DEMO_AS_OF, selections

from dashboard import cache
from dashboard.agenda import VIEWS
from dashboard.room import Room
from dashboard.slides import Slide
from data_access import lists, settings, texts
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter, county
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.settings import AGENDA

NUMBER = re.compile(r"^([\d,]+) (?:件|cases?)")
FILTERS: dict[str, dict[str, Any]] = {
    "county": {},
    "a unit": {"unit": ("D02",)},
    "townships": {"kind": ("township",)},
    "land": {"category": ("C02",)},
}


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return open_database(demo_url, settings.load())


@pytest.fixture(autouse=True)
def _asks_the_demo(monkeypatch: pytest.MonkeyPatch, demo: CaseDatabase) -> None:
    def ask(view: Any, case_filter: CaseFilter, *arguments: Any) -> Any:
        with demo.reading() as connection:
            return view(connection, demo, case_filter, *arguments)

    monkeypatch.setattr(cache, "ask", ask)


def filters(demo: CaseDatabase, preset: str = "this_year") -> Iterator[tuple[str, CaseFilter]]:
    seen = county(DEMO_AS_OF, demo.settings.period, preset)
    for name, narrowing in FILTERS.items():
        yield name, CaseFilter(seen.as_of, seen.span, preset, **narrowing)


def total(demo: CaseDatabase, case_filter: CaseFilter, asked: Question) -> int:
    with demo.reading() as connection:
        return lists.case_list(connection, demo, case_filter, asked, limit=1).entries


def numbers(slide: Slide) -> Iterator[tuple[str, Question]]:
    yield from ((fact.number, fact.asked) for fact in slide.facts if fact.asked)
    yield from ((row.label, row.asked) for row in slide.rows if row.asked)


def test_every_view_that_an_agenda_may_name_exists() -> None:
    assert tuple(VIEWS) == AGENDA


@pytest.mark.parametrize("language", ["zh_CN", pytest.param("en", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("view", AGENDA)
def test_a_number_opens_as_many_cases_as_it_says(demo: CaseDatabase, view: str, language: str) -> None:
    texts.use(language)
    compared = 0
    for name, case_filter in filters(demo, "last_month" if language == "en" else "this_year"):
        for words, asked in numbers(VIEWS[view].view(demo, case_filter)):
            found = NUMBER.match(words)
            if not found:
                continue
            said, listed = int(found[1].replace(",", "")), total(demo, case_filter, asked)
            county_wide = asked.of in MEASURES and MEASURES[asked.of].county_wide and not case_filter.narrowed
            if county_wide and not asked.at:
                assert said >= listed, f"{name}: accusations are counted and never listed"
            else:
                assert said == listed, f"{name}: {words} opens {listed}"
            compared += 1
    no_counts = ("quality", "departments", "townships", "longest", "backlog", "decisions", "official", "seasons")
    assert compared or view in no_counts


@pytest.mark.parametrize("view", AGENDA)
def test_a_view_is_one_message_and_at_most_four_figures(demo: CaseDatabase, view: str) -> None:
    for name, case_filter in filters(demo):
        slide = VIEWS[view].view(demo, case_filter)
        assert slide.message, name
        assert len(slide.facts) <= 4
        assert all(row.share is None or 0 <= row.share <= 1 for row in slide.rows)
        assert len(slide.methods) <= 4


def test_units_that_are_told_from_the_county_come_first_and_the_rest_in_fixed_order(demo: CaseDatabase) -> None:
    small_n = demo.settings.comparison.small_n
    fixed = list(demo.names.units.values())
    told_apart = set()
    for kind in ("departments", "townships"):
        rows = VIEWS[kind].view(demo, next(filters(demo))[1]).rows
        verdicts = [row.cells[0] for row in rows]
        order = ["差于全县", "好于全县", "无法区分", "件数太少"]
        assert verdicts == sorted(verdicts, key=order.index) and len(rows) > 3
        for verdict in order:
            places = [fixed.index(row.name) for row in rows if row.cells[0] == verdict]
            assert places == sorted(places), "within a verdict nobody is ranked"
        for row in rows:
            found = re.search(r"（(\d+)）", row.label)
            assert found and (int(found[1]) < small_n) == (row.cells[0] == "件数太少")
            assert (row.tone == "urgent") == (row.cells[0] == "差于全县")
        told_apart |= {*verdicts[:1]}
    assert told_apart == {"差于全县", "好于全县"}


@pytest.mark.parametrize("view", ["departments", "townships", "late_units"])
def test_the_evidence_behind_a_view_of_units_can_be_shown(demo: CaseDatabase, view: str) -> None:
    for _, case_filter in filters(demo):
        for made in VIEWS[view].view(demo, case_filter).evidence:
            slide = made()
            assert slide.message and (slide.rows or slide.chart)
            for words, asked in numbers(slide):
                found = NUMBER.match(words) or re.match(r"(\d+) / ", words)
                assert found and int(found[1]) == total(demo, case_filter, asked)
            if slide.chart:
                asked = slide.chart.question_of({"group": "D02"})
                assert asked == Question("on_time_closure_rate", "rest", (("unit", "D02"),))
                assert selections(slide.chart.drawing(Room(9, 1.8))) == ["mark"]


def test_volume_is_context_in_fixed_order_without_judgement(demo: CaseDatabase) -> None:
    for view in ("channels", "levels"):
        rows = VIEWS[view].view(demo, next(filters(demo))[1]).rows
        assert {row.tone for row in rows} == {"context"}
        assert all(row.mark is None for row in rows)
    channels = [row.name for row in VIEWS["channels"].view(demo, next(filters(demo))[1]).rows]
    assert channels == ["来信", "来访", "网上信访", "手机信访", "微信信访", "电话信访", "领导信箱"]


def test_a_rate_just_below_its_target_is_not_rounded_onto_it() -> None:
    from dashboard.words import against

    assert against(0.9499, 0.95) == "94.99%"
    assert against(0.901, 0.95) == "90.1%"
    assert against(0.95, 0.95) == "95.0%"
    assert against(0.5, None) == "50.0%"
    assert against(None, 0.95) == "–"


@pytest.mark.parametrize("view", AGENDA)
def test_a_filter_that_leaves_nothing_still_makes_a_view(demo: CaseDatabase, view: str) -> None:
    seen = county(DEMO_AS_OF, demo.settings.period)
    assert VIEWS[view].view(demo, CaseFilter(seen.as_of, seen.span, unit=("D16",), channel=("mailbox",))).message
    assert VIEWS[view].view(demo, CaseFilter(seen.as_of, seen.span, track=("other",))).message


def test_what_is_not_broken_down_is_accusations_only(demo: CaseDatabase) -> None:
    whole, narrowed = (case_filter for name, case_filter in filters(demo) if name in ("county", "a unit"))
    assert VIEWS["channels"].view(demo, whole).note
    assert not VIEWS["channels"].view(demo, narrowed).note
