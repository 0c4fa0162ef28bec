"""Seasons: where they lie, which months they leave out, and weeks that count what the indicator counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from conftest import DEMO_AS_OF

from data_access import lists, queries, seasons, settings
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter, county
from data_access.lists import Question
from data_access.periods import Span
from data_access.settings import Season

RULES = settings.load()
FESTIVAL = RULES.seasons["spring_festival"]

# 农历正月初一, from the calendar of the Purple Mountain Observatory.
NEW_YEARS = {
    2008: (2, 7),
    2012: (1, 23),
    2020: (1, 25),
    2022: (2, 1),
    2023: (1, 22),
    2024: (2, 10),
    2025: (1, 29),
    2026: (2, 17),
    2027: (2, 6),
    2033: (1, 31),
}


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return open_database(demo_url, RULES)


def around(demo: CaseDatabase, code: str = "spring_festival", as_of: dt.date = DEMO_AS_OF, **narrowing: Any) -> Any:
    seen = county(as_of, RULES.period)
    case_filter = CaseFilter(seen.as_of, seen.span, "this_year", **narrowing)
    with demo.reading() as connection:
        return case_filter, seasons.around(connection, demo, case_filter, code)


@pytest.mark.parametrize("year", NEW_YEARS)
def test_lunar_new_year(year: int) -> None:
    assert seasons.anchor_in(FESTIVAL, year) == dt.date(year, *NEW_YEARS[year])


def test_beyond_the_calendar_there_is_no_festival() -> None:
    assert seasons.anchor_in(FESTIVAL, 2200) is None
    assert [each.code for each in seasons.occurrences(RULES, [2200])] == ["two_sessions"]


def test_seasons_of_a_year_in_order() -> None:
    assert [(each.code, each.start, each.end) for each in seasons.occurrences(RULES, [2026])] == [
        ("spring_festival", dt.date(2026, 2, 2), dt.date(2026, 3, 4)),
        ("two_sessions", dt.date(2026, 3, 4), dt.date(2026, 3, 12)),
    ]
    assert [each.year for each in seasons.over(RULES, dt.date(2025, 3, 13), dt.date(2026, 2, 2))] == [2026]


@pytest.mark.parametrize(
    ("year", "month", "left_out"),
    [(2025, 1, True), (2025, 2, True), (2025, 3, False), (2026, 1, False), (2026, 2, True), (2026, 3, False)],
)
def test_a_month_with_a_week_of_the_festival_is_left_out(year: int, month: int, left_out: bool) -> None:
    """31 days around 29 January 2025 and 17 February 2026: March 2026 has 4. The Two Sessions leave none out."""
    end = dt.date(year, month + 1, 1) - dt.timedelta(days=1)
    assert seasons.left_out(RULES, [(dt.date(year, month, 1), end)]) == ["spring_festival" if left_out else ""]


def test_weeks_meet_at_the_anchor() -> None:
    found = dict(seasons.weeks(dt.date(2026, 2, 17)))
    assert list(found) == [-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6]
    assert found[-6] == Span(dt.date(2026, 1, 6), dt.date(2026, 1, 12))
    assert found[-1] == Span(dt.date(2026, 2, 10), dt.date(2026, 2, 16))
    assert found[1] == Span(dt.date(2026, 2, 17), dt.date(2026, 2, 23))


@pytest.mark.parametrize(
    ("today", "year", "code"),
    [
        (dt.date(2026, 1, 5), 2025, "spring_festival"),  # the day before the weeks of 2026 begin
        (dt.date(2026, 1, 6), 2026, "spring_festival"),
        (dt.date(2026, 12, 25), 2026, "spring_festival"),
        (dt.date(2026, 12, 26), 2027, "spring_festival"),
        (dt.date(2026, 3, 10), 2026, "two_sessions"),
    ],
)
def test_the_season_at_hand(today: dt.date, year: int, code: str) -> None:
    assert seasons.newest(FESTIVAL, today) == year
    assert seasons.nearest(RULES, today) == code


def test_no_season_is_at_hand_where_the_settings_have_none() -> None:
    none = RULES.model_copy(update={"seasons": settings.Table()})
    assert seasons.nearest(none, DEMO_AS_OF) is None
    assert seasons.over(none, dt.date(2020, 1, 1), dt.date(2026, 1, 1)) == ()


NARROWINGS: dict[str, dict[str, Any]] = {
    "county": {},
    "unit": {"unit": ("D02",)},
    "kind": {"kind": ("township",)},
    "channel": {"channel": ("visit",)},
    "land": {"category": ("C02",)},
}


@pytest.mark.parametrize("narrowing", NARROWINGS.values(), ids=NARROWINGS)
@pytest.mark.parametrize("code", ["spring_festival", "two_sessions"])
def test_a_week_counts_what_the_indicator_counts(demo: CaseDatabase, code: str, narrowing: dict[str, Any]) -> None:
    case_filter, table = around(demo, code, **narrowing)
    assert set(table["year"]) == {2023, 2024, 2025, 2026} and len(table) == 48 and table["registered"].sum() > 0
    spans = [Span(row.start.date(), row.end.date()) for row in table.itertuples()]
    with demo.reading() as connection:
        measured = queries.measure_spans(connection, demo, case_filter, ["registered"], spans)
    assert table["registered"].tolist() == measured["numerator"].tolist()


def test_a_week_opens_its_cases(demo: CaseDatabase) -> None:
    case_filter, table = around(demo, category=("C02",))
    for row in table[table["year"] == 2026].itertuples():
        asked = Question("registered", at=(("days", f"{row.start:%Y-%m-%d}..{row.end:%Y-%m-%d}"),))
        with demo.reading() as connection:
            assert lists.case_list(connection, demo, case_filter, asked, limit=1).total == row.registered


def test_the_week_of_today_is_marked_and_later_ones_are_not_there(demo: CaseDatabase) -> None:
    _, table = around(demo, as_of=dt.date(2026, 2, 18))
    now = table[table["year"] == 2026]
    assert now["week"].tolist() == [-6, -5, -4, -3, -2, -1, 1]
    assert now["unfinished"].tolist() == [False] * 6 + [True]
    assert now["end"].iloc[-1].date() == dt.date(2026, 2, 18)
    assert not table[table["year"] < 2026]["unfinished"].any()


def test_one_statement(demo: CaseDatabase) -> None:
    seen = county(DEMO_AS_OF, RULES.period)
    with demo.reading() as connection:
        said: list[str] = []
        execute = connection.execute
        connection.execute = lambda statement, *more: (said.append(str(statement)), execute(statement, *more))[1]  # type: ignore[method-assign,assignment]
        seasons.around(connection, demo, seen, "spring_festival")
    assert len(said) == 1


@pytest.mark.parametrize("anchor", ["02-29", "13-01", "3-4", "march", "2026-03-04", ""])
def test_an_anchor_is_a_day_of_every_year(anchor: str) -> None:
    with pytest.raises(ValueError, match="season_anchor"):
        Season(zh_CN="甲", en="a", anchor=anchor, before=0, after=0)


def test_a_season_hangs_on_a_day_of_the_year() -> None:
    own = Season(zh_CN="县两会", en="county sessions", anchor="01-05", before=3, after=2)
    found = seasons.occurrences(replace_seasons(own), [2026])
    assert [(each.start, each.end) for each in found] == [(dt.date(2026, 1, 2), dt.date(2026, 1, 7))]


def replace_seasons(own: Season) -> settings.Settings:
    return RULES.model_copy(update={"seasons": settings.Table({"own": own})})
