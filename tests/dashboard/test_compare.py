"""Units beside the whole: which may stand there, what is said of them, what their marks lead to."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from dashboard import compare, quality
from data_access import settings, texts
from data_access.database import Names
from data_access.filters import CaseFilter, county
from data_access.lists import Question
from data_access.views import Figure, Resolution

RATE, OFFICE = "on_time_closure_rate", "office_satisfaction_rate"
SMALL_N = 15
NAMES = Names(
    units={"a": "甲局", "b": "乙局", "c": "丙镇", "d": "丁"},
    kinds={"a": "department", "b": "department", "c": "township", "d": None},
    categories={},
    posts={},
    kind_names=settings.load().unit_kinds,
)
DATABASE: Any = SimpleNamespace(names=NAMES, settings=settings.load())
COUNTY = county(dt.date(2026, 11, 24), settings.load().period)
NO_MONTHS = pd.DataFrame(columns=["indicator", "start", "end", "unfinished", "value", "denominator"])


def figure(numerator: int | None, denominator: int, key: str = RATE) -> Figure:
    value = numerator / denominator if denominator and numerator is not None else None
    return Figure(key, value, numerator, denominator)


def view(*figures: Figure, monthly: pd.DataFrame = NO_MONTHS) -> Resolution:
    return Resolution({each.key: each for each in figures}, monthly, pd.DataFrame())


def month_rows(*rows: tuple[str, int, float | None, int, bool]) -> pd.DataFrame:
    """indicator, month of 2026, value, denominator, unfinished."""
    return pd.DataFrame(
        [
            (key, pd.Timestamp(2026, month, 1), pd.Timestamp(2026, month, 28), unfinished, value, n)
            for key, month, value, n, unfinished in rows
        ],
        columns=NO_MONTHS.columns,
    )


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, "abcd"),
        ({"channel": ("visit",)}, "abcd"),
        ({"unit": ("c", "a")}, "ac"),
        ({"kind": ("department",)}, "ab"),
        ({"kind": ("department",), "unit": ("b", "c")}, "b"),
    ],
)
def test_units_outside_the_filter_cannot_be_pinned(chosen: dict[str, Any], expected: str) -> None:
    assert "".join(compare.candidates(NAMES, replace(COUNTY, **chosen))) == expected


@pytest.mark.parametrize(
    ("case_filter", "chinese", "english"),
    [
        (COUNTY, "全县", "whole county"),
        (replace(COUNTY, unit=("a", "b")), "筛选范围", "filtered cases"),
        (replace(COUNTY, channel=("visit",)), "筛选范围", "filtered cases"),
    ],
)
def test_what_units_stand_beside_is_called_what_it_is(case_filter: CaseFilter, chinese: str, english: str) -> None:
    assert compare.base(case_filter) == chinese
    texts.use("en")
    assert compare.base(case_filter) == english


@pytest.mark.parametrize(
    ("whole", "unit", "chinese", "english"),
    [
        # 15 of 17 = 88.24 %, 153 of 165 = 92.73 %: 4.49 points apart.
        (
            figure(153, 165),
            figure(15, 17),
            "甲局按期办结率 88.2%，比全县低 4.5 个百分点。",
            "甲局: On-time closure 88.2%, 4.5 percentage points below the 全县.",
        ),
        (
            figure(80, 100),
            figure(15, 15),
            "甲局按期办结率 100.0%，比全县高 20.0 个百分点。",
            "甲局: On-time closure 100.0%, 20.0 percentage points above the 全县.",
        ),
        (
            figure(9_004, 10_000),
            figure(18, 20),
            "甲局按期办结率 90.0%，与全县持平。",
            "甲局: On-time closure 90.0%, level with the 全县.",
        ),
        (figure(80, 100), figure(14, 14), None, None),  # one case too few to say anything
        (figure(8, 14), figure(8, 14), None, None),
        (figure(80, 100), figure(0, 0), None, None),
        (None, figure(20, 20), None, None),
    ],
)
def test_the_distance_to_the_whole_in_a_sentence(
    whole: Figure | None, unit: Figure, chinese: str | None, english: str | None
) -> None:
    for language, expected in (("zh_CN", chinese), ("en", english)):
        texts.use(language)
        said = compare.sentences(whole, {"a": view(unit)}, DATABASE, "全县")
        assert said == ([expected] if expected else [])


def test_the_sentences_come_in_the_order_chosen() -> None:
    views = {"c": view(figure(18, 20)), "b": view(figure(3, 3)), "a": view(figure(20, 20))}
    said = compare.sentences(figure(90, 100), views, DATABASE, "全县")
    assert [words[:2] for words in said] == ["丙镇", "甲局"]


def test_the_offices_own_rates_are_not_charged_to_a_unit() -> None:
    shown = compare.figures({"c": view(figure(18, 20), figure(7, 8, OFFICE))}, NAMES)
    assert {name: list(figures) for name, figures in shown.items()} == {"丙镇": [RATE]}
    monthly = month_rows((RATE, 9, 0.9, 20, False), (OFFICE, 9, 0.8, 20, False))
    table = compare.months(monthly, {"c": view(monthly=monthly)}, NAMES, "全县")
    assert list(zip(table["indicator"], table["unit"], table["who"], table["place"], strict=True)) == [
        (RATE, "", "全县", 0),
        (OFFICE, "", "全县", 0),
        (RATE, "c", "丙镇", 1),
    ]


def compared(whole: pd.DataFrame, **units: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Data and specification of the chart of one rate."""
    views = {unit: view(monthly=monthly) for unit, monthly in units.items()}
    drawn = compare.rate(compare.months(whole, views, NAMES, "全县"), 0.95, SMALL_N)
    (data,) = drawn.tables.values()
    return data, drawn.vega_lite()


def test_units_are_drawn_beside_the_whole_for_complete_months_only() -> None:
    whole = month_rows((RATE, 8, 0.9, 100, False), (RATE, 9, 0.8, 90, False), (RATE, 10, 0.1, 80, True))
    unit = month_rows((RATE, 8, 1.0, 20, False), (RATE, 9, None, 0, False), (RATE, 10, 0.0, 15, True))
    data, _ = compared(whole, a=unit)
    assert list(zip(data["who"], data["first"], data["value"], strict=True)) == [
        ("全县", "2026-08-01", 0.9),
        ("全县", "2026-09-01", 0.8),
        ("甲局", "2026-08-01", 1.0),
    ]


@pytest.mark.parametrize("unit", [month_rows((RATE, 9, None, 0, False)), month_rows((RATE, 10, 0.5, 20, True))])
def test_without_a_complete_month_of_a_unit_the_whole_is_drawn_as_always(unit: pd.DataFrame) -> None:
    whole = month_rows((RATE, 9, 0.8, 90, False), (RATE, 10, 0.1, 80, True))
    data, _ = compared(whole, a=unit)
    assert list(data["value"]) == [0.8, 0.1]
    assert list(data["unfinished"]) == [False, True]


def test_months_of_few_cases_and_lines_of_such_months_are_marked() -> None:
    whole = month_rows(*((RATE, month, 0.9, 100, False) for month in (7, 8, 9)))
    mostly = month_rows((RATE, 7, 0.9, 15, False), (RATE, 8, 0.8, 14, False), (RATE, 9, 1.0, 40, False))
    hardly = month_rows((RATE, 7, 0.7, 15, False), (RATE, 8, 0.6, 14, False), (RATE, 9, 0.5, 3, False))
    data, _ = compared(whole, a=mostly, b=hardly)
    small = {(row.who, row.start.month) for row in data.itertuples() if row.small}
    assert small == {("甲局", 8), ("乙局", 8), ("乙局", 9)}
    assert set(data.loc[data["pale"], "who"]) == {"乙局"}, "the median of 15, 14, 40 is 15, of 15, 14, 3 is 14"


def test_lines_bear_their_names_apart_and_inside_the_picture() -> None:
    whole = month_rows((RATE, 8, 0.5, 100, False), (RATE, 9, 0.99, 100, False))
    first, second = (month_rows((RATE, 8, 0.9, 20, False), (RATE, 9, value, 20, False)) for value in (1.0, 1.0))
    data, specification = compared(whole, a=first, b=second)
    places = data.dropna(subset=["label_at"]).set_index("who")["label_at"]
    assert set(places.index) == {"全县", "甲局", "乙局"}
    assert set(data.dropna(subset=["label_at"])["first"]) == {"2026-09-01"}
    ordered = sorted(places)
    assert ordered[-1] == pytest.approx(1.0)
    # The picture is 0.5 high.
    assert [high - low for low, high in pairwise(ordered)] == pytest.approx([0.09, 0.09])
    assert '"legend": null' in json.dumps(specification["layer"])
    assert not re.search(r'"legend": [^n]', json.dumps(specification["layer"])), "names stand at the lines"


def test_lines_differ_by_more_than_colour() -> None:
    """For those who see no colours, and for projectors."""
    whole = month_rows((RATE, 9, 0.9, 100, False))
    _, specification = compared(whole, a=month_rows((RATE, 9, 0.8, 20, False)))
    lines = next(layer for layer in specification["layer"] if "strokeDash" in layer["encoding"])
    width, dash = (lines["encoding"][channel]["scale"]["range"] for channel in ("strokeWidth", "strokeDash"))
    assert width[0] > width[1], "the whole is broader than a unit"
    assert dash[1] != dash[2], "two units differ by their dashes"


def test_a_mark_leads_to_the_cases_of_its_line() -> None:
    mark = {"first": "2026-09-01", "last": "2026-09-30"}
    asked = quality.month_question(RATE)
    assert asked({**mark, "unit": ""}) == asked(mark) == Question(RATE, "rest", (("days", "2026-09-01..2026-09-30"),))
    assert asked({**mark, "unit": "c"}) == Question(RATE, "rest", (("days", "2026-09-01..2026-09-30"), ("unit", "c")))
    confidential = quality.month_question("unit_satisfaction_rate")({**mark, "unit": "c"})
    assert confidential and confidential.part == "denominator", "who was dissatisfied is never listed"


def test_the_marks_of_a_panel_lead_to_the_units_cases() -> None:
    mark = {"kind": "closed", "first": "2026-09-01", "last": "2026-09-30"}
    assert compare.flow_question("c")(mark) == Question(
        "closed", "denominator", (("days", "2026-09-01..2026-09-30"), ("unit", "c"))
    )
    assert compare.stock_question("c")(mark) == Question(
        "open", "denominator", (("days", "..2026-09-30"), ("unit", "c"))
    )


def test_the_alternative_text_names_every_line() -> None:
    whole = month_rows((RATE, 9, 0.9, 100, False), (RATE, 10, 0.1, 100, True))
    table = compare.months(whole, {"a": view(monthly=month_rows((RATE, 8, 0.75, 20, False)))}, NAMES, "全县")
    assert compare.months_message(RATE, table) == (
        "按期办结率，2026-09 为 90.0%。 甲局：按期办结率，2026-08 为 75.0%。"
    )
