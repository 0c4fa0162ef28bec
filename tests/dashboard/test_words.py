"""Figures in words, late cases in bands, days of a mark: every answer worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard import drill, late, words
from data_access import texts
from data_access.views import Figure

RATE, COUNT = "on_time_closure_rate", "overdue"
SMALL_N = 15


def rate(value: float | None) -> Figure:
    return Figure(RATE, value, 1, 2)


def count(value: float | None) -> Figure:
    return Figure(COUNT, value, 1, 2)


@pytest.mark.parametrize(
    ("figure", "since", "base", "chinese", "english"),
    [
        (rate(0.905), 0.9, 200, "+0.5 个百分点", "+0.5 pp"),
        (rate(0.9), 0.95, 200, "-5.0 个百分点", "-5.0 pp"),
        (rate(0.9), 0.95, SMALL_N, "-5.0 个百分点", "-5.0 pp"),
        (rate(0.9), 0.95, SMALL_N - 1, "基数仅 14 件", "base of 14 only"),
        (rate(0.9), 0.95, None, "-5.0 个百分点", "-5.0 pp"),
        (rate(0.9), 0.9, 200, "持平", "unchanged"),
        (rate(0.90004), 0.9, 200, "持平", "unchanged"),
        (rate(0.89996), 0.9, 200, "持平", "unchanged"),
        (rate(0.9), None, None, "无同期数", "nothing to compare"),
        (rate(None), 0.9, 200, "无同期数", "nothing to compare"),
        (count(54), 40, None, "+35.0%", "+35.0%"),
        (count(30), 40, None, "-25.0%", "-25.0%"),
        (count(20), SMALL_N, None, "+33.3%", "+33.3%"),
        (count(20), SMALL_N - 1, None, "+6 件", "+6 cases"),
        (count(2), 3, None, "-1 件", "-1 case"),
        (count(1200), 0, None, "+1,200 件", "+1,200 cases"),
        (count(0), 0, None, "持平", "unchanged"),
        (count(54), 54, None, "持平", "unchanged"),
        (count(54), None, None, "无同期数", "nothing to compare"),
    ],
)
def test_change(figure: Figure, since: float | None, base: int | None, chinese: str, english: str) -> None:
    assert words.change(figure, since, base, SMALL_N) == chinese
    texts.use("en")
    assert words.change(figure, since, base, SMALL_N) == english


def test_value_and_percent() -> None:
    assert words.value(rate(0.90049)) == "90.0%"
    assert words.value(rate(None)) == words.NONE
    assert words.value(count(12_345)) == "12,345 件"
    assert words.value(count(None)) == words.NONE
    assert words.percent(0.955, 0) == "96%"
    assert words.percent(0.0) == "0.0%"
    texts.use("en")
    assert [words.cases(n) for n in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]


def test_month_name_of_a_counted_month() -> None:
    assert [words.month_name(2026 * 12 + month - 1) for month in (1, 10, 12)] == ["1月", "10月", "12月"]


def test_bands_take_their_ends_in_and_every_band_has_a_row() -> None:
    days = [1, 7, 8, 30, 31, 180, 181, 400]
    by_day = pd.DataFrame({"days_overdue": days, "n": [1, 2, 4, 8, 16, 32, 64, 128]})
    bands = late.by_band(by_day, [7, 30, 90, 180])
    assert bands.to_dict("list") == {
        "band": ["1–7天", "8–30天", "31–90天", "91–180天", "180天以上"],
        "late": ["1..7", "8..30", "31..90", "91..180", "181.."],
        "n": [1 + 2, 4 + 8, 16, 32, 64 + 128],
        "label": ["3 件", "12 件", "16 件", "32 件", "192 件"],
    }


def test_bands_of_nothing_are_all_zero() -> None:
    bands = late.by_band(pd.DataFrame({"days_overdue": [], "n": []}), [10])
    assert list(zip(bands["late"], bands["n"], strict=True)) == [("1..10", 0), ("11..", 0)]


def test_days_of_a_clicked_mark() -> None:
    assert drill.days("2026-05-01", "2026-05-31") == "2026-05-01..2026-05-31"
    assert drill.days("", "2026-05-31") == "..2026-05-31"


def test_a_question_and_its_url_say_the_same() -> None:
    asked = drill.question("overdue", unit="D01", field="")
    assert asked.url() == {"of": "overdue.denominator", "at": ["unit:D01", "field:"]}
    assert type(asked).parse("overdue.denominator", ["unit:D01", "field:"]) == asked
