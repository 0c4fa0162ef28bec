"""What a page says as plain text: in order, once, and no more than the screen shows."""

from __future__ import annotations

import pytest

from dashboard import brief, figures, quality, tables
from data_access import settings, texts
from data_access.views import Figure

ON_TIME, SATISFIED = "on_time_closure_rate", "unit_satisfaction_rate"


def test_notes_keep_their_order_and_come_once() -> None:
    with brief.collecting() as notes:
        for words in ("b", "a", "b", "", " a \n", "c\td"):
            brief.note(words)
    assert notes == ["b", "a", "c d"]


def test_nothing_is_kept_where_nobody_collects() -> None:
    brief.note("before")
    with brief.collecting() as notes:
        pass
    brief.note("after")
    assert notes == []


def test_another_collection_inside_keeps_its_own() -> None:
    with brief.collecting() as outer:
        brief.note("1")
        with brief.collecting() as inner:
            brief.note("2")
        brief.note("3")
    assert (outer, inner) == (["1", "3"], ["2"])


def test_a_table_is_lines_of_cells_between_tabs() -> None:
    with brief.collecting() as notes:
        brief.note_table(["指标", "甲\t局\n"], [["按期办结率", "-0.3 个百分点"], ["办结率", tables.Faint("88%")]])
    assert notes == ["指标\t甲 局\n按期办结率\t-0.3 个百分点\n办结率\t88%"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_units_name_is_no_formula(name: str) -> None:
    with brief.collecting() as notes:
        brief.note_table(["指标", name], [])
    assert notes == [f"指标\t {name}"]


def test_only_tables_that_ask_for_it_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables.st, "html", lambda body: None)
    with brief.collecting() as notes:
        tables.sheet(["a", "b"], [["1", "2"]])
        tables.sheet(["c", "d"], [["3", "4"]], noted=True)
    assert notes == ["c\td\n3\t4"]


def test_the_text_begins_with_where_it_is_from_and_sets_tables_off() -> None:
    text = brief.briefing(["总览", "全县"], ["第一句。", "a\tb\n1\t2", "c\td\n3\t4", "最后一句。"])
    assert text == "总览\n全县\n\n第一句。\n\na\tb\n1\t2\n\nc\td\n3\t4\n\n最后一句。"


@pytest.mark.parametrize(
    ("figure", "chinese", "english"),
    [
        (
            # 1,234 of 1,353 = 91.2 %; 0.8 points above 90.4 %, 1.5 below 92.7 %.
            Figure(ON_TIME, 1234 / 1353, 1234, 1353, 0.904, 0.927, 1_200, 1_100),
            "按期办结率 91.2%（1,234/1,353），比上期 +0.8 个百分点，同比 -1.5 个百分点，目标 95%",
            "On-time closure 91.2% (1,234/1,353), vs. period before +0.8 pp, year on year -1.5 pp, target 95%",
        ),
        (
            Figure("overdue", 54.0, 54, None, 40.0, None),
            "超期 54 件，比上期 +35.0%，同比 无同期数",
            "Overdue 54 cases, vs. period before +35.0%, year on year nothing to compare",
        ),
        (
            Figure(ON_TIME, 0.5, 1, 2, None, None),
            "按期办结率 50.0%（1/2），同比 无同期数，目标 95%",
            "On-time closure 50.0% (1/2), year on year nothing to compare, target 95%",
        ),
        (
            # Four ratings: neither the share nor how many were satisfied.
            Figure(SATISFIED, None, None, 4, 0.9, 0.9, 50, 50),
            "满意率（责任单位） –，比上期 无同期数，同比 无同期数，目标 85%",
            "Satisfaction (unit) –, vs. period before nothing to compare, year on year nothing to compare, target 85%",
        ),
    ],
)
def test_a_key_figure_in_one_line(figure: Figure, chinese: str, english: str) -> None:
    assert figures.line(figure, settings.load(), 7) == chinese
    texts.use("en")
    assert figures.line(figure, settings.load(), 7) == english


def test_a_cohort_says_how_many_are_not_yet_due() -> None:
    assert "334" in figures.line(Figure("closure_rate", 0.8, 80, 100), settings.load(), 334)


def test_rates_of_units_are_noted_as_they_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pale on the screen is said in words; ratings under the smallest cell are hidden in both."""
    drawn: list[str] = []
    monkeypatch.setattr(tables.st, "html", drawn.append)
    monkeypatch.setattr(quality.st, "caption", drawn.append)
    whole = {ON_TIME: Figure(ON_TIME, 0.9, 90, 100), SATISFIED: Figure(SATISFIED, 0.8, 80, 100)}
    unit = {ON_TIME: Figure(ON_TIME, 0.5, 7, 14), SATISFIED: Figure(SATISFIED, None, None, 4)}
    with brief.collecting() as notes:
        quality.figures_table(whole, settings.load(), {"甲局": unit, "乙局": {ON_TIME: Figure(ON_TIME, 1.0, 15, 15)}})
    table, few = notes
    assert [line.split("\t")[6:] for line in table.splitlines()] == [
        ["甲局", "分子 / 分母", "乙局", "分子 / 分母"],
        ["50.0%", "7 / 14", "100.0%", "15 / 15"],
        ["–", "– / 4", "–", "–"],
    ]
    assert "15" in few and drawn[-1] == few
    pale = [cell.split("<")[0] for cell in drawn[0].split('class="faint">')[1:]]
    assert pale == ["50.0%", "7 / 14", "–", "– / 4"]
