"""Signal or noise: a published XmR chart, the rules by pencil, what must not matter, how often noise signals."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_access import settings, signals
from data_access.periods import last_months
from data_access.signals import judge

# NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2 Individuals Control Charts: ten flow rates.
NIST = (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)


def test_the_handbooks_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "FEWEST", 10)
    found = judge(NIST)
    assert found.mean == pytest.approx(50.81)
    # Its mean moving range is 1.8778 and its limits are 3 / 1.128 of it from the mean: 55.8041 and 45.8159.
    assert found.mean is not None and found.upper is not None and found.lower is not None
    assert (found.upper - found.mean) / 2.66 == pytest.approx(1.8778, abs=5e-5)
    assert found.upper == pytest.approx(55.8041, abs=0.002)
    assert found.lower == pytest.approx(45.8159, abs=0.002)
    assert set(found.flags) == {"within"}


def test_fewer_than_twelve_points_are_not_judged() -> None:
    assert judge(NIST).verdict == "too_short"
    assert judge([*NIST, None, 51.0]).verdict == "too_short"
    assert judge([*NIST, 50.0, 51.0]).verdict != "too_short"


# By pencil: 14 points of 10 and 12 in turn have mean 11 and moving ranges of 2; limits 11 ± 5.32, halfway 11 ± 2.66.
CALM = [10.0, 12.0] * 7


def test_a_point_outside_the_limits() -> None:
    # With 30 at the end: mean (154 + 30) / 15 = 12.27; ranges 13 × 2 + 18 = 44, mean 44 / 14 = 3.14; limit 20.63.
    found = judge([*CALM, 30.0])
    assert found.mean == pytest.approx(184 / 15)
    assert found.upper == pytest.approx(184 / 15 + 2.66 * 44 / 14)
    assert (found.verdict, found.newest, found.is_signal) == ("above", 14, True)
    assert judge([*CALM, 0.0]).verdict == "below"


def test_eight_in_a_row_on_one_side_and_seven_are_not() -> None:
    # Eight points of -2 and -1 and eight of 1 and 2: mean 0, ranges 14 × 1 + 2 (-1 to 1), mean 16 / 15, limits ±2.84.
    low, high = [-2.0, -1.0] * 4, [1.0, 2.0] * 4
    found = judge([*low, *high])
    assert found.mean == 0
    assert (found.verdict, found.run) == ("run_above", 8)
    assert found.flags.count("run_above") == 8 and found.flags.count("run_below") == 8
    seven = judge([*low[1:], *high[1:]])
    assert seven.mean == pytest.approx(1 / 14)
    assert "run_above" not in seven.flags and seven.run == 7


def test_a_run_goes_over_a_month_left_out_and_a_point_on_the_mean_ends_it() -> None:
    low, high = [-2.0, -1.0] * 4, [1.0, 2.0] * 4
    with_gap = [*low, *high[:4], 50.0, *high[4:]]
    usable = [value != 50.0 for value in with_gap]
    found = judge(with_gap, usable)
    assert (found.verdict, found.run, found.flags[12]) == ("run_above", 8, "")
    assert judge([*low, *high[:4], 0.0, *high[4:]]).run == 4


def test_three_of_four_nearer_a_limit() -> None:
    # Mean 219.5 / 19 = 11.55, ranges 13 × 2 + 1 + 3 × 3.5 = 37.5, mean 37.5 / 18; reach 5.54, halfway at 14.32.
    values = [*CALM, 11.0, 14.5, 14.5, 11.0, 14.5]
    found = judge(values)
    assert found.mean is not None and found.upper is not None
    half = (found.upper - found.mean) / 2
    assert [value - found.mean > half for value in values[-4:]] == [True, True, False, True]
    assert found.verdict == "near_upper"
    assert found.flags[-4:] == ("near_upper", "near_upper", "within", "near_upper")
    assert judge(values[:-1]).verdict == "within", "two of four are routine"


def test_moving_ranges_are_those_of_neighbours() -> None:
    """A jump across a month left out is no range: 20 points of 10 and 12 around a gap have ranges of 2 only."""
    values = [*[10.0, 12.0] * 5, None, *[10.0, 12.0] * 5]
    found = judge(values)
    assert found.mean == 11 and found.upper == pytest.approx(11 + 2.66 * 2)
    jump = judge([*[10.0] * 10, None, *[30.0] * 10])
    assert jump.mean == 20 and jump.upper == 20, "no range at all between ten and ten"


def test_limits_stay_where_values_can_be() -> None:
    shares = [0.99, 0.97] * 7
    found = judge(shares, lowest=0, highest=1)
    assert found.upper == 1 and found.lower == pytest.approx(0.98 - 2.66 * 0.02)
    assert judge([0.0, 8.0] * 7, lowest=0).lower == 0


numbers = st.lists(st.integers(-1000, 1000), min_size=12, max_size=40)


@given(numbers, st.integers(-1000, 1000), st.integers(1, 20))
def test_adding_a_constant_or_scaling_moves_the_limits_and_no_verdict(values: list[int], by: int, times: int) -> None:
    plain, moved = judge(values), judge([value * times + by for value in values])
    assert plain.mean is not None and plain.upper is not None and moved.mean is not None and moved.upper is not None
    assert moved.mean == pytest.approx(plain.mean * times + by)
    assert moved.upper == pytest.approx(plain.upper * times + by)
    assert (moved.flags, moved.verdict, moved.run) == (plain.flags, plain.verdict, plain.run)


@given(numbers)
def test_upside_down_is_the_mirror(values: list[int]) -> None:
    mirror = dict(zip((*signals.UP, *signals.DOWN, "within"), (*signals.DOWN, *signals.UP, "within"), strict=True))
    assert judge([-value for value in values]).flags == tuple(mirror[flag] for flag in judge(values).flags)


@given(numbers, st.lists(st.integers(-1000, 1000), max_size=5))
def test_what_is_left_out_at_the_end_changes_nothing(values: list[int], more: list[int]) -> None:
    plain = judge(values)
    longer = judge([*values, *more], [True] * len(values) + [False] * len(more))
    assert longer.flags == (*plain.flags, *[""] * len(more))
    assert (longer.mean, longer.lower, longer.upper, longer.verdict) == (
        plain.mean,
        plain.lower,
        plain.upper,
        plain.verdict,
    )


@given(numbers)
def test_the_order_does_not_move_the_mean_and_only_orders_of_neighbours_move_the_limits(values: list[int]) -> None:
    assert judge(values).mean == pytest.approx(judge(sorted(values)).mean)
    backwards = judge(values[::-1])
    assert backwards.upper == pytest.approx(judge(values).upper)


def test_noise_seldom_signals() -> None:
    """5,000 series of 24 independent normal months: the newest one is outside the limits in about 1 %, and of all

    three rules together signals in a few per cent. Wheeler: 99 to 100 % of homogeneous data are inside."""
    rng = np.random.default_rng(5)
    verdicts = pd.Series([judge(row.tolist()).verdict for row in rng.normal(100, 10, (5000, 24))])
    outside = verdicts.isin(["above", "below"]).mean()
    assert 0.001 < outside < 0.012
    assert 0.005 < (verdicts != "within").mean() < 0.06


def test_a_shift_of_three_deviations_is_seen() -> None:
    rng = np.random.default_rng(6)
    series = rng.normal(100, 10, (500, 24))
    series[:, -8:] += 30
    assert np.mean([judge(row.tolist()).is_signal for row in series]) > 0.8


# Months


def months(values: list[float], today: dt.date = dt.date(2026, 11, 24)) -> pd.DataFrame:
    spans = last_months(today, len(values), settings.load().period)
    return pd.DataFrame(
        {
            "start": pd.to_datetime([span.start for span in spans]),
            "end": pd.to_datetime([span.end for span in spans]),
            "unfinished": [span.end > today for span in spans],
            "n": values,
        }
    )


def test_unfinished_months_and_those_of_spring_festival_are_not_judged() -> None:
    """24 months to November 2026. New year's day is 29 January 2025 (season 14 January to 13 February: January has 18

    of its days, February 13) and 17 February 2026 (2 February to 4 March: February 27, March 4)."""
    table = months([100.0, 110.0] * 12)
    table.loc[[1, 2, 14], "n"] = 500.0  # January and February 2025, February 2026
    table.loc[23, "n"] = 3.0
    found = signals.of_months(table, "n", settings.load())
    assert [place for place, flag in enumerate(found.flags) if not flag] == [1, 2, 14, 23]
    assert found.newest == 22 and found.verdict == "within"
    assert found.upper is not None and found.upper < 150


def test_months_before_the_records_and_rates_of_few_cases_are_not_judged() -> None:
    table = months([0.9] * 24).rename(columns={"n": "value"}).assign(denominator=40)
    table.loc[20, ["value", "denominator"]] = 0.1, 14
    found = signals.of_months(table, "value", settings.load(), begins=dt.date(2025, 3, 15))
    assert [flag != "" for flag in found.flags[:5]] == [False] * 4 + [True]
    assert found.flags[20] == "" and found.verdict == "within"
