"""Time to close in words: no contradiction with the open cases, no rank, and every number with its cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import DEMO_AS_OF, selections

from dashboard import cache, duration_charts, duration_view, slides_duration
from dashboard.room import Room
from data_access import duration, lists, settings, texts
from data_access.database import CaseDatabase, open_database
from data_access.duration import DAYS, ENDINGS, Cohort, Cohorts, Curve, Duration, curve_of
from data_access.filters import CaseFilter, county
from data_access.periods import month_span

SMALL_N = 15
RULE = settings.load().period


@pytest.fixture(scope="module")
def demo(demo_url: str) -> Iterator[CaseDatabase]:
    yield open_database(demo_url, settings.load())


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, demo: CaseDatabase) -> CaseFilter:
    def ask(view: Any, case_filter: CaseFilter, *arguments: Any) -> Any:
        with demo.reading() as connection:
            return view(connection, demo, case_filter, *arguments)

    monkeypatch.setattr(cache, "ask", ask)
    return county(DEMO_AS_OF, demo.settings.period, "this_year")


def curve(*cells: tuple[int, str, int]) -> Curve:
    """The curve of (day, ending, cases)."""
    table = np.zeros((len(ENDINGS), max((day for day, _, _ in cells), default=-1) + 1), dtype=np.int64)
    for day, ending, n in cells:
        table[ENDINGS.index(ending), day] += n
    return curve_of(table)


def test_the_sentence() -> None:
    """87 of 100 within 60 days, the fiftieth on day 41, 13 open."""
    found = curve((20, "handled", 49), (41, "handled", 1), (60, "handled", 37), (70, "open", 13))
    assert duration_view.message(found) == "100 件里 60 天内办完 87 件，一半在 41 天内办完；还有 13 件没办完"
    texts.use("en")
    said = "Of 100 cases, 87 were handled within 60 days, half within 41 days; 13 cases are still open"
    assert duration_view.message(found) == said


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([], "本期没有可计算办理时长的信访件"),
        ([(9, "open", 4)], "本期登记的还不满 15 天，办理时长暂不能算；还有 4 件没办完"),
        ([(9, "handled", 4)], "100 件里 60 天内办完 100 件，一半在 9 天内办完；没有未办结的"),
        ([(9, "handled", 4), (40, "open", 6)], "100 件里 30 天内办完 40 件，还没有办完一半；还有 6 件没办完"),
        ([(9, "handled", 999), (60, "open", 1)], "100 件里 60 天内办完 99 件，一半在 9 天内办完；还有 1 件没办完"),
        ([(9, "open", 7), (60, "handled", 1)], "100 件里 60 天内办完 99 件，一半在 60 天内办完；还有 7 件没办完"),
        ([(9, "handled", 1), (60, "open", 999)], "100 件里 60 天内办完 1 件，还没有办完一半；还有 999 件没办完"),
    ],
)
def test_the_sentence_never_contradicts_the_open_cases(cells: list[tuple[int, str, int]], said: str) -> None:
    assert duration_view.message(curve(*cells)) == said


def test_no_share_where_nobody_was_followed() -> None:
    """The last of 5 followed is handled on day 70: by day 90 nobody knows of the 25 open ones."""
    found = curve((20, "open", 25), (70, "handled", 5))
    assert duration_view.cells(found) == ["30", "0.0%", "0.0%", "0.0%", "未满", "70 天", "25"]


def test_last_year_only_differs_where_chance_does_not_do() -> None:
    """Of 100 each: 50 against 60 by chance (1.96 x 0.07 = 0.137), 50 against 70 not (0.133)."""
    half = curve((10, "handled", 50), (60, "open", 50))
    for more, said in ((60, "没有看得出的差别（相差 10.0 个百分点）"), (70, "低 20.0 个百分点，不像偶然")):
        then = curve((10, "handled", more), (60, "open", 100 - more))
        assert duration_view.against(half, then, SMALL_N).endswith(said)
    assert duration_view.against(half, None, SMALL_N) == ""
    assert duration_view.against(half, curve((10, "handled", 14)), SMALL_N) == ""


def month(month: int, observed: int, handled: int, n: int = 100) -> Cohort:
    cells = ((10, "handled", handled), (200, "open", n - handled))
    return Cohort(month, month_span(month, month, RULE), observed, curve(*cells))


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (None, "9月登记的，30 天内办完 62.0%；无上年同月数"),
        (40, "9月登记的，30 天内办完 62.0%，比上年同月高 22.0 个百分点"),
        (57, "9月登记的，30 天内办完 62.0%，比上年同月高 5.0 个百分点，在偶然波动范围内"),
        (62, "9月登记的，30 天内办完 62.0%，与上年同月持平"),
        (90, "9月登记的，30 天内办完 62.0%，比上年同月低 28.0 个百分点"),
    ],
)
def test_months_are_compared_once_all_cases_have_been_observed(then: int | None, said: str) -> None:
    september = 2026 * 12 + 8
    before = {} if then is None else {september: month(september - 12, 400, then)}
    found = Cohorts((month(september - 1, 85, 10), month(september, 55, 62), month(september + 1, 24, 99)), before)
    assert duration_view.cohorts_message(found, SMALL_N) == said
    too_few = Cohorts((month(september, 55, 5, n=14),), {})
    assert duration_view.cohorts_message(too_few, SMALL_N).startswith("还没有哪个月")
    drawn = duration_charts.months(found, 120)
    assert drawn.groupby("name")["day"].max().to_dict() == {"2026年8月": 85, "2026年9月": 55, "2026年10月": 24}
    assert drawn.groupby("name")["place"].first().to_dict() == {"2026年10月": 0, "2026年9月": 1, "2026年8月": 2}


@pytest.mark.parametrize("by", duration.GROUPINGS)
def test_groups_stand_in_their_fixed_order(seen: CaseFilter, demo: CaseDatabase, by: str) -> None:
    view: Duration = cache.ask(duration.duration, seen, by)
    named = [*duration_view.names_of(view, by, demo)]
    assert sorted(named) == sorted(view.groups)
    fixed = {"unit": [*demo.names.units], "field": [*demo.names.categories]}.get(by)
    if fixed:
        known = [key for key in named if key in fixed]
        assert known == [key for key in fixed if key in view.groups]
        assert named[: len(known)] == known
    if by == "year":
        assert named == sorted(named)


@pytest.mark.parametrize("by", duration.GROUPINGS)
def test_cells_open_their_cases(seen: CaseFilter, demo: CaseDatabase, by: str) -> None:
    view: Duration = cache.ask(duration.duration, seen, by)
    for group in [*duration_view.names_of(view, by, demo)][:3]:
        for column, n in (("n", view.groups[group].n), ("open", view.groups[group].still_open)):
            asked = duration_view.asked_of(view, by, group, column)
            assert cache.ask(lists.case_list, seen, asked).total == n


def test_a_month_of_registration_opens_its_cases(seen: CaseFilter) -> None:
    found: Cohorts = cache.ask(duration.cohorts, seen)
    drawn = duration_charts.months(found, 120)
    for first, last, n in drawn[["first", "last", "n"]].drop_duplicates().itertuples(index=False):
        asked = duration_view.month_question({"first": first, "last": last})
        assert cache.ask(lists.case_list, seen, asked).total == n


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_wall(seen: CaseFilter, demo: CaseDatabase, language: str) -> None:
    texts.use(language)
    slide = slides_duration.time_to_close(demo, seen)
    whole: Curve = cache.ask(duration.duration, seen).whole
    assert slide.message == duration_view.message(whole)
    assert [row.share for row in slide.rows] == [share.value for share in map(whole.by, DAYS) if share]
    assert len(slide.facts) <= 4
    drawn = [view() for view in slide.evidence]
    assert [bool(view.chart) for view in drawn] == [True, True, False]
    for view in drawn[:2]:
        assert view.chart is not None
        assert selections(view.chart.drawing(Room(9.0, 1.8))) == ["mark"]


def test_a_period_without_cases_says_so(seen: CaseFilter, demo: CaseDatabase) -> None:
    nothing = CaseFilter(seen.as_of, seen.span, "this_year", unit=("no such unit",))
    assert slides_duration.time_to_close(demo, nothing).message == "本期没有可计算办理时长的信访件"
