"""Signal or noise on the screen: one sentence a series, and no arrow or colour where nothing but noise changes."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from dashboard import figures, season_charts, signal_words
from dashboard.room import Room
from data_access import settings, texts
from data_access.periods import last_months
from data_access.views import Figure

RULES = settings.load()
DATABASE: Any = SimpleNamespace(settings=RULES, first_registered_at=dt.datetime(2020, 1, 1))
TODAY = dt.date(2026, 11, 24)


def months(values: list[float], **more: Any) -> pd.DataFrame:
    spans = last_months(TODAY, len(values), RULES.period)
    table = {
        "start": pd.to_datetime([span.start for span in spans]),
        "end": pd.to_datetime([span.end for span in spans]),
        "unfinished": [span.end > TODAY for span in spans],
        "value": values,
    }
    return pd.DataFrame({**table, **more})


CALM = [400.0, 412.0] * 12
# Judged are six months of 380, six of 412, four of 410 and four of 442: mean 408. The last of 412 is before the eight.
RISEN = [380.0, 412.0] * 7 + [410.0, 442.0] * 5
SAID = [
    (CALM, "10月登记 400 件，在正常波动内。", "Registered in Oct: 400, within routine variation."),
    ([*CALM[:22], 900.0, 3.0], "10月登记 900 件，高于正常波动上限。", "Registered in Oct: 900, above the limit"),
    ([*CALM[:22], 1.0, 3.0], "10月登记 1 件，低于正常波动下限。", "Registered in Oct: 1, below the limit"),
    (RISEN, "10月登记 410 件，已连续 9 个月高于均值。", "410; 9 months in a row above"),
    (CALM[:13], "登记不足 12 个完整月，不判断。", "Registered: fewer than 12 complete months"),
]


@pytest.mark.parametrize(("values", "chinese", "english"), SAID, ids=["within", "above", "below", "run", "short"])
def test_one_plain_sentence(values: list[float], chinese: str, english: str) -> None:
    table = months(values)
    assert signal_words.sentence(table, "value", "登记", DATABASE) == chinese
    texts.use("en")
    assert english in signal_words.sentence(table, "value", "Registered", DATABASE)


def test_a_rate_in_a_sentence() -> None:
    table = months([0.9, 0.92] * 11 + [0.4, 0.1], denominator=50)
    assert signal_words.sentence(table, "value", "按期办结率", DATABASE) == "10月按期办结率 40.0%，低于正常波动下限。"
    assert signal_words.short(table, DATABASE) == "10月低于正常波动下限"


def test_the_method_names_the_seasons_left_out() -> None:
    assert "春节所在月份不计入界限" in signal_words.method(RULES) and "两会" not in signal_words.method(RULES)


@pytest.mark.parametrize(
    ("key", "last", "change", "expected"),
    [
        ("on_time_closure_rate", 0.91, "-3.0 个百分点", ("off", "off")),  # routine: however large the change
        ("on_time_closure_rate", 0.40, "-3.0 个百分点", ("normal", "auto")),
        ("on_time_closure_rate", 0.40, "+3.0 个百分点", ("off", "off")),  # the month says otherwise than the period
        ("on_time_closure_rate", 0.40, "持平", ("off", "off")),
        ("extension_rate", 0.40, "-3.0 个百分点", ("inverse", "auto")),
    ],
)
def test_arrows_and_colours_only_where_the_rules_say_signal(
    key: str, last: float, change: str, expected: tuple[str, str]
) -> None:
    table = months([0.9, 0.92] * 11 + [last, 0.1], denominator=50)
    assert figures.mark(Figure(key, 0.5, 1, 2), change, table, DATABASE) == expected


def test_what_is_not_judged_is_neutral() -> None:
    assert figures.mark(Figure("overdue", 5.0, 5, None), "+80.0%", None, DATABASE) == ("off", "off")
    short = months([0.9, 0.92] * 5 + [0.1, 0.1], denominator=50)
    assert figures.mark(Figure("closure_rate", 0.5, 1, 2), "-3", short, DATABASE) == ("off", "off")


def test_the_table_of_a_control_chart() -> None:
    """24 months: January and February 2025 and February 2026 are the festival's, November 2026 is not over."""
    values = list(CALM)
    values[22] = 900.0
    table, found = signal_words.chart_table(months(values), "value", DATABASE)
    assert [place for place, state in enumerate(table["state"]) if state == "apart"] == [1, 2, 14, 23]
    assert table["state"].iloc[22] == "signal" and found.is_signal
    assert table["season"].tolist().count("春节") == 3
    assert (table["note"].iloc[1], table["note"].iloc[23]) == ("春节月份，不判断", "未完，不判断")


@pytest.mark.parametrize("room", [None, Room(9, 1.8)], ids=["page", "wall"])
def test_charts_let_their_marks_be_picked_and_draw_no_volume_in_the_colour_of_action(room: Room | None) -> None:
    table, found = signal_words.chart_table(months([*CALM[:22], 900.0, 3.0]), "value", DATABASE)
    weeks = pd.DataFrame(
        {
            "year": [2025, 2025, 2026, 2026],
            "week": [-1, 1, -1, 1],
            "anchor": pd.to_datetime(["2025-01-29"] * 2 + ["2026-02-17"] * 2),
            "start": pd.to_datetime(["2025-01-22", "2025-01-29", "2026-02-10", "2026-02-17"]),
            "end": pd.to_datetime(["2025-01-28", "2025-02-04", "2026-02-16", "2026-02-20"]),
            "unfinished": [False, False, False, True],
            "registered": [5, 6, 7, 1],
        }
    )
    for drawing in (season_charts.control(table, found, room), season_charts.aligned(weeks, "春节", room)):
        said = json.dumps(drawing.specification)
        assert '"name": "mark"' in said and "#D55E00" not in said


def weeks_of(now: list[int], then: list[int], unfinished: int = 0) -> pd.DataFrame:
    numbers = [-4, -3, -2, -1, 1, 2, 3, 4]
    rows = [(2026, week, n) for week, n in zip(numbers, now, strict=False)]
    rows += [(2025, week, n) for week, n in zip(numbers, then, strict=False)]
    table = pd.DataFrame(rows, columns=["year", "week", "registered"])
    marks = [False] * len(rows)
    for place in range(len(now) - unfinished, len(now)):
        marks[place] = True
    return table.assign(unfinished=marks)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            weeks_of([1, 2, 3, 4, 5, 6, 7, 8], [10, 20, 30, 40, 50, 60, 70, 80]),
            "2026年春节前 4 周登记 10 件，2025年同期（按春节对齐）100 件。春节后 4 周登记 26 件，2025年同期 260 件。",
        ),
        (
            weeks_of([1, 2, 3], [10, 20, 30, 40, 50, 60, 70, 80], unfinished=1),
            "2026年春节前第 4 周至前第 3 周登记 3 件，2025年同期（按春节对齐）30 件。",
        ),
        (weeks_of([1, 2, 3, 4], []), "2026年春节前 4 周登记 10 件，上年无同期数。"),
        (weeks_of([1], [], unfinished=1), "还没有春节前后完整的一周。"),
    ],
    ids=["whole", "under way", "no year before", "nothing yet"],
)
def test_the_weeks_around_a_season_in_a_sentence(table: pd.DataFrame, said: str) -> None:
    assert season_charts.message(table, RULES.seasons["spring_festival"]) == said


def test_seasons_are_shaded_where_they_can_be_seen() -> None:
    series = months(CALM)
    found = season_charts.shading(series, "month", RULES)
    assert found is not None
    assert found["name"].tolist() == ["春节", "全国两会"] * 2
    assert found["start"].iloc[2] == pd.Timestamp(2026, 2, 2) and found["end"].iloc[2] == pd.Timestamp(2026, 3, 4)
    assert season_charts.shading(series, "quarter", RULES) is None
    assert season_charts.shading(series.tail(6), "month", RULES) is None
