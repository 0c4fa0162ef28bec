"""Units beside each other: what decides their order, what is grey, what a cell leads to."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd
import pytest

from dashboard import quality, theme, unit_tables, words
from dashboard.quality import RateTable
from data_access import settings
from data_access.database import Names
from data_access.lists import Question
from data_access.views import UNIT_KEYS

SMALL_N = 15
UNITS = {"a": "甲局", "b": "乙局", "c": "丙局", "d": "丁局"}


def names(units: dict[str, str] | None = None) -> Names:
    return Names(
        units=UNITS if units is None else units,
        kinds={"a": "department", "b": "department", "c": "township", "d": None},
        categories={"C1": "农村", "C2": "城建"},
        posts={},
        kind_names=settings.load().unit_kinds,
    )


def measured(*rows: tuple[str, str, int, int | None]) -> pd.DataFrame:
    """indicator, group, numerator, denominator (None for counts), and value: their ratio, or the count."""
    table = pd.DataFrame(rows, columns=["indicator", "group", "numerator", "denominator"])
    return table.assign(value=table["numerator"] / table["denominator"].fillna(1).astype("float64"))


RATES = measured(
    ("registered", "a", 10, None),
    ("registered", "b", 9_000, None),
    ("registered", "c", 500, None),
    ("registered", "d", 40, None),
    ("on_time_closure_rate", "a", 14, 20),
    ("on_time_closure_rate", "b", 19, 20),
    ("on_time_closure_rate", "c", 14, 14),
    ("on_time_closure_rate", "d", 18, 20),
    ("overdue_share", "a", 2, 20),
    ("overdue_share", "b", 6, 20),
    ("overdue_share", "c", 0, 15),
    ("overdue_share", "d", 1, 14),
)


def table_of(order: str = "fixed", rates: pd.DataFrame = RATES, units: dict[str, str] = UNITS) -> RateTable:
    return quality.by_group(rates, UNIT_KEYS, units, settings.load(), order=order)


def grey_cells(table: RateTable) -> set[tuple[str, str]]:
    """group and column of each cell that is drawn in grey."""
    page = table.frame.set_uuid("x").to_html()
    cells = set()
    for selectors, style in re.findall(r"([^{}]+)\{([^}]*)\}", page):
        if theme.LIGHT.faint in style:
            cells |= {(int(row), int(column)) for row, column in re.findall(r"_row(\d+)_col(\d+)\b", selectors)}
    columns = list(table.frame.data.columns)
    return {(table.groups[row], str(columns[column])) for row, column in cells}


def test_without_an_order_units_stand_as_in_the_unit_table() -> None:
    table = table_of()
    assert table.groups == ("a", "b", "c", "d")
    assert list(table.frame.data["name"]) == ["甲局", "乙局", "丙局", "丁局"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("on_time_closure_rate", "bdac"),  # 95, 90, 70 %; c has 14 cases only
        ("overdue_share", "cabd"),  # 0, 10, 30 %: less is better; d has 14 cases only
        ("unit_satisfaction_rate", "abcd"),  # not measured here
    ],
)
def test_rates_rank_the_best_first_and_small_n_last(order: str, expected: str) -> None:
    assert "".join(table_of(order).groups) == expected


@pytest.mark.parametrize("volume", ["registered", "closed"])
def test_volume_never_decides_the_order(volume: str) -> None:
    rates = pd.concat([RATES, RATES[RATES["indicator"] == "registered"].assign(indicator="closed")])
    assert "".join(table_of(volume, rates).groups) == "abcd"


def test_only_rates_can_be_chosen_as_order() -> None:
    from data_access.indicators import INDICATORS

    assert all(INDICATORS[key].is_rate and INDICATORS[key].better for key in unit_tables.RANKED)


def test_small_n_is_grey_wherever_it_stands() -> None:
    expected = {("c", "on_time_closure_rate"), ("d", "overdue_share")}
    assert grey_cells(table_of()) == expected
    assert grey_cells(table_of("on_time_closure_rate")) == expected


def test_cells_say_their_n() -> None:
    shown = table_of().frame.data.set_index("name")
    assert shown.loc["甲局", "on_time_closure_rate"] == "70.0%（20）"
    assert shown.loc["甲局", "overdue_share"] == "2 件（10%）"
    assert shown.loc["乙局", "registered"] == "9,000"


def test_a_unit_that_the_unit_table_does_not_know_stands_last_with_its_key() -> None:
    table = table_of(units={"b": "乙局"})
    assert table.groups == ("b", "a", "c", "d")
    assert list(table.frame.data["name"])[:2] == ["乙局", "a（表中没有）"]


def test_columns_that_nobody_has_are_left_out() -> None:
    assert table_of().keys == ("registered", "overdue_share", "on_time_closure_rate")


def test_a_cell_leads_to_the_cases_that_it_counts_against() -> None:
    table = quality.by_group(
        pd.concat([RATES, measured(("unit_satisfaction_rate", "a", 10, 20))]), UNIT_KEYS, UNITS, settings.load()
    )
    asked = table.question("unit")
    assert asked(1, "registered") == Question("registered", "denominator", (("unit", "b"),))
    assert asked(1, "on_time_closure_rate") == Question("on_time_closure_rate", "rest", (("unit", "b"),))
    assert asked(0, "overdue_share") == Question("overdue_share", "numerator", (("unit", "a"),))
    # A single rating is nobody's business: only all that were rated are listed.
    assert asked(0, "unit_satisfaction_rate") == Question("unit_satisfaction_rate", "denominator", (("unit", "a"),))
    assert asked(0, "name") is None


HEAT = pd.DataFrame(
    [("b", "C2", 4, 1), ("a", "C2", 10, 0), ("b", None, 3, 3), ("b", "C1", 5, 0), ("c", "C1", 8, 0), ("a", "C1", 2, 1)],
    columns=["unit", "field", "open", "overdue"],
)


def test_heat_keeps_units_with_late_cases_in_fixed_order() -> None:
    heat = unit_tables.heat(HEAT, names(), few=5)
    cells = heat[["unit_name", "field_name", "label"]].to_numpy().tolist()
    assert cells == [
        ["甲局", "农村", "1/2"],
        ["甲局", "城建", "10"],
        ["乙局", "农村", "5"],
        ["乙局", "城建", "1/4"],
        ["乙局", "未填", "3/3"],
    ]
    assert heat["share"].tolist() == [0.5, 0.0, 0.0, 0.25, 1.0]
    assert unit_tables.heat_message(heat) == "超期最集中处：乙局的未填，3 件。"


def test_heat_of_no_late_case_is_empty() -> None:
    assert unit_tables.heat(HEAT.assign(overdue=0), names(), few=5).empty


def test_units_of_a_kind() -> None:
    def groups(kind: str) -> Sequence[str]:
        return sorted(set(unit_tables.of_kind(RATES, kind, names())["group"]))

    assert [groups(kind) for kind in ("department", "township", "other", "")] == [["a", "b"], ["c"], [], ["d"]]


def test_sparks_are_oldest_first_without_empty_months() -> None:
    monthly = pd.DataFrame(
        {
            "group": ["a", "a", "a", None],
            "start": pd.to_datetime(["2026-03-01", "2026-01-01", "2026-02-01", "2026-01-01"]),
            "value": [0.9, 0.5, None, 0.1],
        }
    )
    assert unit_tables.sparks(monthly) == {"a": [0.5, 0.9]}


def test_headline_of_quality_names_what_misses_its_target() -> None:
    from data_access.views import Figure

    figures = {
        "on_time_closure_rate": Figure("on_time_closure_rate", 0.94, 94, 100),
        "closure_rate": Figure("closure_rate", 0.9, 90, 100),
        "overdue_share": Figure("overdue_share", 0.06, 6, 100),
        "extension_rate": Figure("extension_rate", 0.5, 50, 100),
    }
    said = quality.message(figures, settings.load())
    late, share = words.label("on_time_closure_rate"), words.label("overdue_share")
    assert said == f"按期办结率 94.0%；2 项未达目标：{late}、{share}。"


def test_a_cell_of_few_cases_stays_pale() -> None:
    cells = pd.DataFrame({"unit": ["D01", "D01"], "field": ["C01", "C02"], "open": [1, 10], "overdue": [1, 4]})
    heat = unit_tables.heat(cells, names(), few=5)
    assert list(heat["share"]) == [1.0, 0.4]
    assert list(heat["shade"]) == [unit_tables.FAINT, 0.4]
