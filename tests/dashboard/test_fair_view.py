"""Units beside the county: the words, where names stand in a funnel, and that nothing ranks what must not be ranked."""

from __future__ import annotations

import inspect
from itertools import combinations
from typing import Any

import pandas as pd
import pytest
from conftest import DEMO_AS_OF, selections
from hypothesis import given
from hypothesis import strategies as st

from dashboard import cache, fair_charts, fair_view, quality, slides_fair, unit_tables
from dashboard.agenda import VIEWS
from dashboard.fair_charts import Extent
from dashboard.room import Room
from data_access import fair, settings, texts
from data_access.database import CaseDatabase, open_database
from data_access.fair import Funnel, Standing
from data_access.filters import CaseFilter, county
from data_access.indicators import INDICATORS
from data_access.lists import Question
from data_access.views import UNIT_KEYS

NEVER_RANKED = {
    "registered",
    "closed",
    "open",
    "repeat_share",
    "collective_share",
    "first_time_resolution_rate",
    "resolution_rate",
    "outcome_accepted",
}


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return open_database(demo_url, settings.load())


@pytest.fixture(scope="module")
def standing(demo: CaseDatabase) -> Standing:
    with demo.reading() as connection:
        return fair.standing(connection, demo, county(DEMO_AS_OF, demo.settings.period), UNIT_KEYS)


def funnel_of(*counts: tuple[str, int, int], key: str = "on_time_closure_rate") -> Funnel:
    table = pd.DataFrame(counts, columns=["group", "numerator", "denominator"])
    table = table.assign(value=table["numerator"] / table["denominator"])
    return fair.funnel(table, key, "department", 0.9, 15)


def test_the_headline_counts_verdicts_and_never_names_a_last_place() -> None:
    found = funnel_of(("a", 70, 100), ("b", 90, 100), ("c", 100, 100), ("d", 3, 14))
    view = Standing(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), {("department", found.key): found})
    said = fair_view.headline(view, found.key)
    assert said == "按期办结率（全县 90.0%）：1 个单位差于全县，1 个好于全县，1 个与全县无法区分，1 个件数太少"
    texts.use("en")
    assert fair_view.headline(view, found.key) == (
        "On-time closure (county 90.0%): 1 unit is worse than the county, 1 is better, "
        "1 cannot be told apart from it, 1 has too few cases"
    )


def test_that_no_unit_is_worse_is_said_too() -> None:
    assert fair_view.parts([funnel_of(("b", 90, 100))]) == "没有单位差于全县，1 个与全县无法区分"
    nothing = Standing(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    assert fair_view.headline(nothing, "overdue_share") == "现有数据不足以比较各单位。"


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_verdict_has_its_words_and_tone(language: str) -> None:
    texts.use(language)
    verdicts = [texts.text(f"fair.{verdict}") for verdict in fair.VERDICTS]
    mixed = [texts.text(f"fair.mix_{verdict}") for verdict in fair.MIX_VERDICTS]
    assert len(set(verdicts)) == len(set(mixed)) == 4
    assert tuple(fair_view.TONES) == fair.VERDICTS and tuple(fair_view.MIX_TONES) == fair.MIX_VERDICTS


def test_a_table_of_units_has_intervals_a_verdict_and_what_the_mix_explains(
    demo: CaseDatabase, standing: Standing
) -> None:
    further = fair_view.columns(standing, "on_time_closure_rate")
    table = quality.by_group(standing.units, UNIT_KEYS, demo.names.units, demo.settings, interval=True, further=further)
    shown = table.frame.data
    assert list(shown)[:6] == ["name", "verdict", "registered", "closed", "overdue_share", "expected"]
    place = table.groups.index("D02")
    row = standing.units.set_index(["indicator", "group"]).loc[("on_time_closure_rate", "D02")]
    n, k = int(row["denominator"]), int(row["numerator"])
    low, high = (round(float(end[0]) * 100) for end in fair.wilson(k, n))
    assert shown["on_time_closure_rate"][place] == f"{k / n:.1%}（{low}–{high}）· {n}"
    assert shown["verdict"][place] == "差于全县"
    asked = table.question("unit")
    assert asked(place, "verdict") == Question("on_time_closure_rate", "rest", (("unit", "D02"),))
    assert asked(place, "expected") == Question("overdue_share", "numerator", (("unit", "D02"),))
    # On paper the further columns stand where they stand on the screen.
    assert len(table.head) == len(table.cells[0]) == len(shown.columns)
    assert table.cells[place][1] == "差于全县"


def test_a_dot_asks_for_its_cases_and_never_for_ratings() -> None:
    of_rate = fair_view.question_of("overdue_share")({"group": "D01"})
    assert of_rate == Question("overdue_share", "numerator", (("unit", "D01"),))
    of_ratings = fair_view.question_of("unit_satisfaction_rate")({"group": "D01"})
    assert of_ratings == Question("unit_satisfaction_rate", "denominator", (("unit", "D01"),))


def test_a_funnel_says_who_is_outside(demo: CaseDatabase, standing: Standing) -> None:
    found = standing.funnels["department", "on_time_closure_rate"]
    said = fair_view.message(found, demo.names)
    worse = found.units.loc[found.units["verdict"] == "worse", "group"]
    assert len(worse) and all(demo.names.unit(unit) in said for unit in worse)
    same = found.units.loc[found.units["verdict"] == "same", "group"]
    assert len(same) and not any(demo.names.unit(unit) in said for unit in same)


def test_hidden_shares_are_no_dots(demo: CaseDatabase, standing: Standing) -> None:
    for found in standing.of("unit_satisfaction_rate"):
        dots = fair_view.points(found, demo.names)
        assert (dots["n"] >= demo.settings.comparison.small_cell).all()


def test_that_limits_are_widened_stands_on_the_chart() -> None:
    wide = funnel_of(*((name, k, 100) for name, k in zip("abcdef", (78, 78, 78, 99, 99, 99), strict=True)))
    assert fair_view.widened(wide) == "界限已按过度离散放宽 3.5 倍"
    assert fair_view.widened(funnel_of(("a", 90, 100))) == ""


@pytest.mark.parametrize("draw", [fair_charts.funnel, lambda *given: fair_charts.wall_funnel(*given, Room(9, 1.8))])
def test_colour_and_name_only_where_a_unit_is_told_from_the_county(
    demo: CaseDatabase, standing: Standing, draw: Any
) -> None:
    for found in standing.funnels.values():
        dots = fair_view.points(found, demo.names)
        if dots.empty:
            continue
        drawn = draw(found, dots)
        assert selections(drawn) == ["mark"]
        told = dots.loc[dots["verdict"].isin(["worse", "better"])]
        assert set(drawn.tables["names"]["name"]) == set(told["name"])
        assert set(drawn.tables["names"].query("worse")["name"]) == set(told.query("verdict == 'worse'")["name"])


@given(
    st.lists(
        st.tuples(st.integers(20, 400), st.floats(0.5, 1.0)), min_size=1, max_size=6, unique_by=lambda each: each[0]
    )
)
def test_names_in_a_funnel_do_not_cover_each_other(dots: list[tuple[int, float]]) -> None:
    points = pd.DataFrame(
        [(f"第{i}号单位", n, value, "worse") for i, (n, value) in enumerate(dots)],
        columns=["name", "n", "value", "verdict"],
    )
    extent = Extent(420, 0.45, 1.05, 30, 24)
    placed = fair_charts.labels(points, extent)
    assert sorted(placed["name"]) == sorted(points["name"])
    wide, high = extent.n / extent.across, (extent.high - extent.low) / extent.down
    shift = {"left": 0.0, "center": 0.5, "right": 1.0}
    boxes = [
        (n - shift[align] * 4.6 * wide, n + (1 - shift[align]) * 4.6 * wide, value)
        for n, value, align in placed[["n", "value", "align"]].itertuples(index=False)
    ]
    for one, other in combinations(boxes, 2):
        apart = one[1] <= other[0] or other[1] <= one[0] or abs(one[2] - other[2]) >= high
        assert apart, placed
    assert all(left >= 0 and right <= extent.n for left, right, _ in boxes)


def test_nothing_is_ranked_by_volume_group_repeat_or_outcome(demo: CaseDatabase, standing: Standing) -> None:
    for offered in (unit_tables.RANKED, fair.JUDGED, slides_fair.RATES):
        assert not NEVER_RANKED & set(offered)
        assert all(INDICATORS[key].is_rate and INDICATORS[key].better for key in offered)
    fixed = list(demo.names.units)
    for key in ("fixed", "", *NEVER_RANKED, *(each for each in UNIT_KEYS if not INDICATORS[each].is_rate)):
        table = quality.by_group(standing.units, UNIT_KEYS, demo.names.units, demo.settings, order=key)
        known = [group for group in table.groups if group in fixed]
        assert known == [unit for unit in fixed if unit in known], f"{key} decides the order"
    assert inspect.signature(quality.by_group).parameters["order"].default == ""


@pytest.mark.parametrize("view", ["departments", "townships", "late_units"])
def test_the_wall_never_names_a_last_place(demo: CaseDatabase, view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(asked: Any, case_filter: CaseFilter, *arguments: Any) -> Any:
        with demo.reading() as connection:
            return asked(connection, demo, case_filter, *arguments)

    monkeypatch.setattr(cache, "ask", ask)
    slide = VIEWS[view].view(demo, county(DEMO_AS_OF, demo.settings.period))
    said = [slide.message, *(made().message for made in slide.evidence)]
    for words in said:
        assert not any(bad in words for bad in ("最低", "最差", "倒数", "排名", "最多"))
        assert not any(name in words for name in demo.names.units.values())
    # What is red is worse than the county, or more than its mix explains.
    for row in slide.rows:
        assert (row.tone == "urgent") == bool({"差于全县", "多于应有"} & set(row.cells))
