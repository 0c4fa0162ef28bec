"""The official figures as the page and the wall show them: words, what opens, what stays hidden."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import DEMO_AS_OF, selections

from dashboard import burn_down, cache, official_view, slides_official
from dashboard.agenda import VIEWS
from dashboard.room import Room
from data_access import lists, official, settings, supervision, texts
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter, county
from data_access.official import Beside, Official, Published, Reason
from data_access.periods import month_span
from data_access.problems import Problem
from data_access.settings import Table
from data_access.texts import text

NOW = county(DEMO_AS_OF, settings.load().period)
OCTOBER = 2026 * 12 + 9
ROWS = """指标,单位,时段,数值
按期办结率,全县,2026年10月,50%
登记,全县,2026年10月,7
registered,D01,2026-09,7
unit_satisfaction_rate,,2026年1—10月,50%
群众满意度,全县,2026年10月,90%
"""


@pytest.fixture
def demo(demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CaseDatabase:
    file = tmp_path / "通报.csv"
    file.write_text(ROWS, encoding="utf-8")
    usual = open_database(demo_url, settings.load())
    given = usual.settings.model_copy(update={"official": settings.Official(file=str(file))})
    database = replace(usual, settings=given)

    def ask(view, case_filter: CaseFilter, *arguments: object) -> object:  # type: ignore[no-untyped-def]
        with database.reading() as connection:
            return view(connection, database, case_filter, *arguments)

    monkeypatch.setattr(cache, "ask", ask)
    return database


def row(code: str = "unknown", **more: object) -> Beside:
    """92.7 % (153 of 165) beside 92.5 % of October."""
    published = Published("2", "on_time_closure_rate", "", (OCTOBER, OCTOBER), 0.925, 0.0005)
    span = month_span(OCTOBER, OCTOBER, settings.load().period)
    return replace(Beside(published, span, 153 / 165, 153, 165, Reason(code, 0.9245, 25)), **more)


def of_count(value: float, published: float) -> Beside:
    beside = row("agrees" if value == published else "unknown")
    counted = replace(beside.published, indicator="registered", value=published, tolerance=0.0)
    return replace(beside, published=counted, value=value, numerator=int(value), denominator=None)


@pytest.mark.parametrize(
    ("beside", "shown", "ours", "difference"),
    [
        (row(), "92.5%", "92.7%（153/165）", "+0.2 百分点"),
        (row(published=replace(row().published, tolerance=0.00005, value=0.9253)), "92.53%", "92.73%", "+0.20 百分点"),
        (row(value=0.92496, numerator=None), "92.5%", "92.5%", "0"),
        (row("few", value=None), "92.5%", "–", "–"),
        (of_count(1186, 1200), "1,200 件", "1,186 件", "-14 件"),
        (of_count(1186, 1186), "1,186 件", "1,186 件", "0"),
    ],
)
def test_figures_in_words(beside: Beside, shown: str, ours: str, difference: str) -> None:
    assert official_view.shown(beside, beside.published.value) == shown
    assert official_view.ours(beside).startswith(ours)
    assert official_view.difference(beside) == difference


@pytest.mark.parametrize(
    ("months", "name"),
    [
        ((OCTOBER, OCTOBER), "2026年10月"),
        ((OCTOBER - 9, OCTOBER), "2026年1月—10月"),
        ((OCTOBER - 9, OCTOBER + 2), "2026年（未完）"),
        ((OCTOBER - 10, OCTOBER), "2025年12月—2026年10月"),
        ((OCTOBER + 1, OCTOBER + 1), "2026年11月（未完）"),
    ],
)
def test_periods_in_words(months: tuple[int, int], name: str) -> None:
    span = month_span(*months, settings.load().period)
    beside = row(published=replace(row().published, months=months), span=span)
    assert official_view.period_name(beside, NOW) == name


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_reason_has_its_words(demo: CaseDatabase, language: str) -> None:
    texts.use(language)
    codes = ("agrees", "unknown", "few", "none", "ahead", "not_fed", *official_view.EXPLAINED)
    said = {code: official_view.reason(row(code), demo) for code in codes}
    assert len(set(said.values())) == len(codes)
    assert all(("92.5%" in said[code]) is (code in official_view.EXPLAINED) for code in codes)
    assert "25" in said["cut_off"]
    assert official_view.reason(row("cut_off", reason=Reason("cut_off", 0.9, 0)), demo) != said["cut_off"]
    assert all(text(f"wall.official_reason.{code}") for code in codes)


def answer(demo: CaseDatabase) -> Official:
    found = official_view.ask(demo, NOW)
    assert found
    return found


def test_ours_opens_the_cases_it_counts(demo: CaseDatabase) -> None:
    view = answer(demo)
    for beside in view.rows:
        asked = official_view.question(beside, NOW)
        assert asked and lists.Question.parse(asked.url()["of"], asked.url()["at"]) == asked
        with demo.reading() as connection:
            total = lists.case_list(connection, demo, NOW, asked, limit=1).total
        said = beside.denominator if beside.denominator is not None else beside.value
        if beside.published.indicator == "registered" and not beside.published.unit:
            assert 0 < total < said, "accusations are counted in the county and never listed"
        else:
            assert total == said
        assert asked.part == "denominator", "what is listed tells nobody's rating"


def test_under_a_narrowing_filter_nothing_opens(demo: CaseDatabase) -> None:
    narrowed = replace(NOW, unit=("D01",))
    assert all(official_view.question(beside, narrowed) is None for beside in answer(demo).rows)


def test_what_differs_stands_first_and_bad_rows_are_kept(demo: CaseDatabase) -> None:
    view = answer(demo)
    assert [mistake.where for mistake in view.mistakes] == ["6"]
    agreeing = replace(view.rows[0], reason=Reason("agrees"))
    table = official_view.cells(replace(view, rows=(agreeing, *view.rows[1:])), demo, NOW)
    assert table.rows[-1][-1] == "一致" and len(table.rows) == 4
    assert official_view.headline(view) == "通报数 4 条：0 条一致，0 条找到可能原因，4 条待核对"


def test_the_wall_shows_it_only_where_a_file_is_given(demo: CaseDatabase, demo_url: str) -> None:
    assert VIEWS["official"].is_fed(demo)
    without = open_database(demo_url, settings.load())
    assert not VIEWS["official"].is_fed(without)
    assert official_view.ask(without, NOW) is None
    assert slides_official.official_figures(without, NOW).message == text("wall.official_none")
    slide = slides_official.official_figures(demo, NOW)
    assert slide.message == "与通报数核对：4 条中 0 条一致，4 条待核对"
    assert len(slide.rows) == 4 and len(slide.methods) <= 4
    assert all(len(each.cells) + 2 == len(slide.head) for each in slide.rows)


def test_a_file_that_is_gone_is_said_and_stops_no_meeting(demo: CaseDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = demo.settings.model_copy(update={"official": settings.Official(file="/nowhere/figures.csv")})
    database = replace(demo, settings=gone)
    assert official.stamp(gone) == 0
    with pytest.raises(Problem):
        official.read(Path("/nowhere/figures.csv"), database)
    monkeypatch.setattr(cache, "ask", lambda view, case_filter, *_: view(None, database, case_filter))
    assert slides_official.official_figures(database, NOW).message == text("wall.official_none")


# --- the batches, behind 怎么算的


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_evidence_behind_the_batches(demo: CaseDatabase, language: str) -> None:
    texts.use(language)
    table = cache.ask(supervision.burn_down, NOW)
    evidence = VIEWS["backlog"].view(demo, NOW).evidence
    assert len(evidence) == min(table["batch"].nunique(), burn_down.MOST) > 1
    left = []
    for made in evidence:
        slide = made()
        assert slide.chart and slide.chart.message == slide.message
        assert selections(slide.chart.drawing(Room(9, 1.8))) == ["mark"]
        asked = slide.chart.question_of({"last": "2026-11-24"})
        assert asked
        with demo.reading() as connection:
            left.append(lists.case_list(connection, demo, NOW, asked, limit=1).total)
        assert f"{left[-1]:,}" in slide.message
    assert left == sorted(left, reverse=True)


def test_a_target_is_drawn_for_the_one_unit_that_has_one(demo: CaseDatabase) -> None:
    aimed = demo.settings.model_copy(update={"annual_targets": Table({"D01": 0.75})})
    table = cache.ask(supervision.burn_down, NOW)
    batch = table[table["batch"] == table["batch"].iloc[0]]
    of_one = replace(NOW, unit=("D01",))
    assert burn_down.target_left(batch, of_one, aimed) == pytest.approx(0.25 * int(batch["listed"].iloc[-1]))
    assert burn_down.target_left(batch, NOW, aimed) is None
    assert burn_down.target_left(batch, replace(NOW, unit=("D02",)), aimed) is None
    layers = [len(burn_down.steps(batch, aim).specification["layer"]) for aim in (None, 5.0)]
    assert layers[1] == layers[0] + 2
