"""Units against the county: limits, intervals and standardisation by hand, by brute force, and as published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import DEMO_AS_OF
from handmade import Row, make_file, opened, seen
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from data_access import fair, lists, queries
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter, county


@pytest.mark.parametrize(
    ("cases", "n", "low", "high"),
    [
        # R. G. Newcombe, Statist. Med. 1998; 17:857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_as_published(cases: int, n: int, low: float, high: float) -> None:
    found = fair.wilson(cases, n)
    assert [round(float(end[0]), 4) for end in found] == [low, high]


@given(n=st.integers(1, 50_000), share=st.floats(0, 1), level=st.sampled_from([0.95, 0.998]))
def test_wilson_intervals_as_statsmodels_has_them(n: int, share: float, level: float) -> None:
    cases = round(n * share)
    low, high = fair.wilson(cases, n, level)
    expected = proportion_confint(cases, n, alpha=1 - level, method="wilson")
    assert (float(low[0]), float(high[0])) == pytest.approx(expected, abs=1e-12)


def test_an_interval_of_nothing_is_nothing() -> None:
    low, high = fair.wilson([0, None], [0, 3])
    assert np.isnan(low).all() and np.isnan(high).all()


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Breslow and Day 1987, table 2.10: exact 95 % limits of an observed number.
    [(0, 0.0, 3.69), (1, 0.025, 5.57), (5, 1.62, 11.67), (10, 4.80, 18.39), (20, 12.22, 30.89)],
)
def test_the_exact_interval_of_a_count_as_published(count: int, low: float, high: float) -> None:
    found = [float(end[0]) for end in fair.poisson_interval(count)]
    assert found == pytest.approx([low, high], abs=0.006)


def limits_by_hand(n: int, target: float, level: float) -> tuple[float, float]:
    """Spiegelhalter 2005, A.1.1, term by term; the upper limit is that of the complement."""

    def lower(theta: float) -> float:
        p, total = (1 - level) / 2, 0.0
        for r in range(n + 1):
            mass = float(stats.binom.pmf(r, n, theta))
            if total + mass >= p:
                return (r - (total + mass - p) / mass) / n
            total += mass
        raise AssertionError

    return lower(target), 1 - lower(1 - target)


@pytest.mark.parametrize("target", [0.02, 0.175, 0.5, 0.901, 0.99])
@pytest.mark.parametrize("level", [0.95, 0.998])
def test_funnel_limits_are_those_of_the_binomial(target: float, level: float) -> None:
    n = [1, 2, 5, 15, 20, 47, 100, 333]
    found = np.transpose(fair.funnel_limits(n, target, level))
    expected = [limits_by_hand(each, target, level) for each in n]
    assert found.tolist() == pytest.approx(np.array(expected), abs=1e-9)


def test_a_limit_by_pencil() -> None:
    """Four cases at 1/2: P(R <= 0) = 1/16. At p = 0.025 r is 0 and alpha = (1/16 - 0.025) / (1/16) = 0.6."""
    low, high = fair.funnel_limits(4, 0.5, 0.95)
    assert (float(low[0]), float(high[0])) == pytest.approx((-0.15, 1.15))
    # Ten cases at 1/2: P(R <= 1) = 11/1024, P(R <= 2) = 56/1024; r = 2, alpha = (56 - 25.6) / 45.
    low, high = fair.funnel_limits(10, 0.5, 0.95)
    assert float(low[0]) == pytest.approx((2 - 30.4 / 45) / 10)
    assert float(high[0]) == pytest.approx(1 - (2 - 30.4 / 45) / 10)


@given(n=st.integers(1, 400), target=st.floats(0.01, 0.99), level=st.sampled_from([0.95, 0.998]))
def test_chance_alone_is_outside_as_seldom_as_promised(n: int, target: float, level: float) -> None:
    """A rate beyond a limit has a probability below (1 - level) / 2 on its side: 100 % of 15 is no feat at 95 %."""
    low, high = fair.funnel_limits(n, target, level)
    cases = np.arange(n + 1)
    mass = stats.binom.pmf(cases, n, target)
    for outside in (cases / n < low, cases / n > high):
        assert mass[outside].sum() <= (1 - level) / 2 + 1e-9


def test_large_n_agrees_with_the_normal_limits() -> None:
    """Spiegelhalter 2005, A.1: target +- z sqrt(target (1 - target) / n), z = 1.96 and 3.09."""
    n, target = 100_000, 0.9
    for level, z in ((0.95, 1.96), (0.998, 3.09)):
        low, high = fair.funnel_limits(n, target, level)
        half = z * np.sqrt(target * (1 - target) / n)
        assert (float(low[0]), float(high[0])) == pytest.approx((target - half, target + half), abs=3e-5)


def test_overdispersion_by_hand() -> None:
    """z = -5 -4 ... 5: the tenth percentile is -4, the ninetieth 4; 2 * (16 + 16 + 9 + 4 + 1) / 11."""
    found = fair.dispersion(range(-5, 6))
    assert found.units == 11 and found.phi == pytest.approx(92 / 11)
    assert found.widening == pytest.approx(np.sqrt(92 / 11))


@pytest.mark.parametrize(
    ("deviations", "widening"),
    [
        ([3.0, -3.0, 3.0, -3.0], 1.0),  # four units say nothing
        ([1.2, -1.2, 1.2, -1.2, 1.2], 1.0),  # 1.44 is below 1 + 2 sqrt(2 / 5) = 2.26
        ([1.6, -1.6, 1.6, -1.6, 1.6], 1.6),  # 2.56 is above
        ([0.1, -0.1, 0.1, -0.1, 0.1], 1.0),  # never narrower
        ([], 1.0),
    ],
)
def test_limits_are_widened_only_where_that_is_beyond_chance(deviations: list[float], widening: float) -> None:
    assert fair.dispersion(deviations).widening == pytest.approx(widening)


def rows(*counts: tuple[str, int, int]) -> pd.DataFrame:
    table = pd.DataFrame(counts, columns=["group", "numerator", "denominator"])
    return table.assign(value=table["numerator"] / table["denominator"])


def test_verdicts() -> None:
    """At 90 % of 100: P(R <= 79) = 0.08 %, P(R <= 80) = 0.20 %; P(R >= 98) = 0.19 %, P(R >= 99) = 0.03 %."""
    table = rows(("a", 79, 100), ("b", 80, 100), ("c", 98, 100), ("d", 99, 100), ("e", 0, 14))
    found = fair.funnel(table, "on_time_closure_rate", "department", 0.9, 15)
    assert found.verdicts() == {"a": "worse", "b": "same", "c": "same", "d": "better", "e": "too_few"}
    # Of an overdue share less is better.
    found = fair.funnel(table, "overdue_share", "department", 0.9, 15)
    assert found.verdicts() == {"a": "better", "b": "same", "c": "same", "d": "worse", "e": "too_few"}
    assert found.count("same") == 2


def test_a_rate_and_its_complement_get_the_same_verdict() -> None:
    table = rows(*((str(k), k, 40) for k in range(41)))
    other = table.assign(numerator=40 - table["numerator"], value=1 - table["value"])
    one = fair.funnel(table, "on_time_closure_rate", "", 0.93, 15).verdicts()
    assert one == fair.funnel(other, "overdue_share", "", 0.07, 15).verdicts()


def test_a_hidden_share_is_too_few() -> None:
    table = pd.DataFrame({"group": ["a"], "numerator": [pd.NA], "denominator": [4], "value": [pd.NA]})
    found = fair.funnel(table, "unit_satisfaction_rate", "", 0.9, 3)
    assert found.verdicts() == {"a": "too_few"}
    assert np.isnan(found.units["value"]).all() and np.isnan(found.units["low"]).all()


def test_where_units_differ_as_a_whole_limits_give_way() -> None:
    """Six units at +-4 standard deviations: each would be blamed or praised; together they are the county's spread."""
    table = rows(*((name, k, 100) for name, k in zip("abcdef", (78, 78, 78, 99, 99, 99), strict=True)))
    found = fair.funnel(table, "on_time_closure_rate", "department", 0.9, 15)
    assert found.dispersion.widening == pytest.approx(np.sqrt((4.0**2 + 3.0**2) / 2))
    assert set(found.verdicts().values()) == {"same"}
    plain = fair.funnel_limits([100], 0.9, fair.SURE)
    low, high = found.limits([100], fair.SURE)
    assert 0.9 - float(low[0]) == pytest.approx((0.9 - float(plain[0][0])) * found.dispersion.widening)
    assert float(high[0]) == 1.0  # cut off


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_county_without_any_exception(target: float) -> None:
    table = rows(("a", int(target * 20), 20), ("b", int(target * 30), 30))
    assert set(fair.funnel(table, "on_time_closure_rate", "", target, 15).verdicts().values()) == {"same"}


CELLS = pd.DataFrame(
    [
        # Land: 30 of 60 overdue in the county; schools: 10 of 100.
        ("hard", "land", 40, 20),
        ("hard", "school", 10, 1),
        ("easy", "land", 10, 2),
        ("easy", "school", 90, 9),
        ("bad", "land", 10, 8),
    ],
    columns=["unit", "field", "open", "overdue"],
)


def test_expected_overdue_by_pencil() -> None:
    """hard: 40 / 2 + 10 / 10 = 21 expected, 21 observed; easy: 5 + 9 = 14, 11; bad: 5, 8."""
    found = fair.standardised(CELLS, {}).set_index("unit")
    assert found["expected"].to_dict() == pytest.approx({"hard": 21, "easy": 14, "bad": 5})
    assert found["observed"].to_dict() == {"hard": 21, "easy": 11, "bad": 8}
    assert found["expected"].sum() == pytest.approx(CELLS["overdue"].sum())
    assert set(found["verdict"]) == {"same"}


def test_more_than_the_mix_explains() -> None:
    """20 overdue of 25 where 8 are expected: the exact 99.8 % interval of 20 begins at 8.96 (chi-square with 40)."""
    cells = pd.DataFrame(
        [("bad", "f", 50, 20), ("good", "f", 150, 12), ("small", "f", 25, 0), ("rest", "f", 775, 128)],
        columns=["unit", "field", "open", "overdue"],
    )
    found = fair.standardised(cells, {}).set_index("unit")
    assert found["expected"].to_dict() == pytest.approx({"bad": 8, "good": 24, "small": 4, "rest": 124})
    assert float(fair.poisson_interval(20, fair.SURE)[0][0]) == pytest.approx(stats.chi2.ppf(0.001, 40) / 2)
    assert found["verdict"].to_dict() == {"bad": "more", "good": "same", "small": "too_few", "rest": "same"}


def test_nothing_open_expects_nothing() -> None:
    assert fair.standardised(CELLS.iloc[:0], {}).empty


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return opened(demo_url)


def standing(database: CaseDatabase, case_filter: CaseFilter, *keys: str) -> fair.Standing:
    with database.reading() as connection:
        return fair.standing(connection, database, case_filter, keys or fair.JUDGED)


def of_demo(demo: CaseDatabase, **narrowed: Any) -> CaseFilter:
    whole = county(DEMO_AS_OF, demo.settings.period)
    return CaseFilter(whole.as_of, whole.span, whole.preset, **narrowed)


@pytest.mark.parametrize("more", [{}, {"channel": ("visit",)}])
def test_a_verdict_does_not_change_when_the_filter_is_narrowed_to_the_unit(demo: CaseDatabase, more: Any) -> None:
    whole = standing(demo, of_demo(demo, **more))
    for narrowed in ({"unit": ("D02",)}, {"unit": ("D02", "T02")}, {"kind": ("township",)}):
        found = standing(demo, of_demo(demo, **more, **narrowed))
        assert found.funnels
        for (kind, key), funnel in found.funnels.items():
            wide = whole.funnels[kind, key]
            assert (funnel.target, funnel.dispersion.units) == (wide.target, wide.dispersion.units)
            assert funnel.dispersion.phi == pytest.approx(wide.dispersion.phi, rel=1e-12)  # units in whatever order
            assert funnel.verdicts().items() <= wide.verdicts().items()
        kept = whole.mix[whole.mix["unit"].isin(list(found.mix["unit"]))]
        pd.testing.assert_frame_equal(*(mix.sort_values("unit", ignore_index=True) for mix in (found.mix, kept)))


@pytest.mark.parametrize("narrowed", [{}, {"unit": ("D02", "T01")}, {"kind": ("department",)}, {"level": ("county",)}])
def test_units_are_those_that_the_filter_counts(demo: CaseDatabase, narrowed: Any) -> None:
    """Counted once for the county and then shown in part: the same figures as counted under the filter itself."""
    case_filter = of_demo(demo, **narrowed)
    with demo.reading() as connection:
        expected = queries.measure(connection, demo, case_filter, fair.JUDGED, by="unit")
        cells = lists.overdue_by_unit_and_field(connection, demo, case_filter)
    found = standing(demo, case_filter)
    key = ["indicator", "group"]
    for table in (expected, found.units):
        table["group"] = table["group"].fillna("").astype(str)
    columns = [*key, "numerator", "denominator", "value"]
    pd.testing.assert_frame_equal(
        found.units[columns].sort_values(key, ignore_index=True),
        expected[columns].sort_values(key, ignore_index=True),
        check_dtype=False,
    )
    by = ["unit", "field"]
    pd.testing.assert_frame_equal(
        found.heat.sort_values(by, ignore_index=True), cells.sort_values(by, ignore_index=True)
    )


def test_the_target_is_the_county_rate(demo: CaseDatabase) -> None:
    with demo.reading() as connection:
        rates = queries.measure(connection, demo, of_demo(demo), fair.JUDGED).set_index("indicator")["value"]
    for (_, key), funnel in standing(demo, of_demo(demo, unit=("D02",))).funnels.items():
        assert funnel.target == pytest.approx(float(rates[key])), key


def test_ratings_of_few_are_hidden_here_too(demo: CaseDatabase) -> None:
    few = 0
    for funnel in standing(demo, of_demo(demo)).of("unit_satisfaction_rate"):
        small = funnel.units[funnel.units["n"] < demo.settings.comparison.small_cell]
        assert small[["value", "low", "high"]].isna().all(axis=None)
        few += len(small)
    assert few


def case(number: int, unit: str, closed: str | None, **more: Any) -> Row:
    return {
        "case_no": f"C{number}",
        "registered_at": "2026-01-01",
        "accepted_at": "2026-01-02",
        "due_at": "2026-03-03 23:59:59",
        "closed_at": closed,
        "lead_unit_id": unit,
        **more,
    }


def test_accusations_are_in_no_comparison(tmp_path: Path) -> None:
    cases = [case(n, "u1", "2026-02-01") for n in range(20)]
    cases += [case(100 + n, "u1", None, purpose="accusation") for n in range(20)]
    url = make_file(tmp_path, unit=[{"unit_id": "u1", "name": "甲局", "kind": "department"}], petition_case=cases)
    found = standing(opened(url), seen("2026-06-30"))
    funnel = found.funnels["department", "on_time_closure_rate"]
    assert (funnel.target, funnel.units["n"].tolist()) == (1.0, [20])
    assert found.mix.empty


def test_without_categories_units_are_compared_all_the_same(minimal_url: str) -> None:
    found = standing(opened(minimal_url), seen("2026-11-24"))
    assert found.mix.empty and found.heat.empty
    assert {key for _, key in found.funnels} == {"on_time_closure_rate", "overdue_share"}
