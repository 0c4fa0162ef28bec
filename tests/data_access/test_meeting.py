"""What the wall shows, against the rows of a small county counted one by one, and against the pages' own answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from conftest import DEMO_AS_OF, minimal_cases

from data_access import lists, meeting, settings, views
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter, county
from data_access.lists import Question


def ask(database: CaseDatabase, view: Callable[..., Any], case_filter: CaseFilter, *arguments: Any) -> Any:
    with database.reading() as connection:
        return view(connection, database, case_filter, *arguments)


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return open_database(demo_url, settings.load())


@pytest.fixture(scope="module")
def minimal(minimal_url: str) -> CaseDatabase:
    return open_database(minimal_url, settings.load())


def whole(database: CaseDatabase, preset: str = "this_year") -> CaseFilter:
    return county(DEMO_AS_OF, database.settings.period, preset)


def overdue_on(day: dt.date) -> dict[str, int]:
    """Late cases of the minimal county at the end of a day, by unit: due by then, not closed by then."""
    end = f"{day} 23:59:59"
    found: dict[str, int] = {}
    for _, registered, closed, unit, due in minimal_cases():
        if registered <= end and f"{due} 23:59:59" <= end and not (closed and closed <= end):
            found[unit] = found.get(unit, 0) + 1
    return found


def test_changes_since_the_end_of_last_month_add_up(minimal: CaseDatabase) -> None:
    found = ask(minimal, meeting.changes, whole(minimal))
    then, now = overdue_on(dt.date(2026, 10, 31)), overdue_on(DEMO_AS_OF)
    assert (found.since, found.is_meeting) == (dt.date(2026, 10, 31), False)
    assert (found.then, found.now) == (sum(then.values()), sum(now.values()))
    fell_due = [case for case in minimal_cases() if "2026-10-31" < case[4] <= "2026-11-24"]
    newly = [case for case in fell_due if not case[2]]
    assert found.newly == len(newly) > 0
    assert sum(then.values()) + found.newly - found.cleared == sum(now.values())
    rows = {row.group: (row.now, row.then) for row in found.by_unit.itertuples()}
    assert rows == {unit: (now.get(unit, 0), then.get(unit, 0)) for unit in {*then, *now}}


def test_changes_since_the_last_meeting_on_record(demo: CaseDatabase) -> None:
    found = ask(demo, meeting.changes, whole(demo))
    assert found.is_meeting
    with demo.reading() as connection:
        held = connection.exec_driver_sql(
            "SELECT max(date(meeting_on)) FROM meeting_decision WHERE date(meeting_on) < '2026-11-24'"
        ).scalar()
    assert found.since.isoformat() == str(held)
    assert found.newly > 0


@pytest.mark.parametrize(
    ("as_of", "narrowing"),
    [
        (DEMO_AS_OF, {}),
        (dt.date(2026, 8, 26), {"unit": ("D01",)}),  # a case came to it that was late before
        (dt.date(2025, 3, 10), {"kind": ("township",)}),
        (dt.date(2026, 10, 20), {"channel": ("visit", "web")}),
    ],
)
def test_changes_are_the_difference_of_the_two_lists(
    demo: CaseDatabase, as_of: dt.date, narrowing: dict[str, tuple[str, ...]]
) -> None:
    seen = replace(county(as_of, demo.settings.period), **narrowing)
    found = ask(demo, meeting.changes, seen)
    earlier = replace(county(found.since, demo.settings.period), **narrowing)

    def overdue(case_filter: CaseFilter) -> set[str]:
        page = ask(demo, lists.case_list, case_filter, Question("overdue"), "", "due", False, None)
        return set(page.rows["case_no"])

    now, then = overdue(seen), overdue(earlier)
    assert (found.now, found.then) == (len(now), len(then))
    assert (found.newly, found.cleared) == (len(now - then), len(then - now))
    assert found.by_unit["now"].sum() == len(now)
    assert found.by_unit["then"].sum() == len(then)


@pytest.mark.parametrize("preset", ["this_year", "last_month", "all"])
def test_the_wall_and_the_pages_say_the_same(demo: CaseDatabase, preset: str) -> None:
    seen = whole(demo, preset)
    overview, overdue = ask(demo, views.overview, seen), ask(demo, views.overdue, seen)
    volume = ask(demo, meeting.volume, seen)
    assert volume.figures["registered"].numerator == overview.balance.registered
    assert volume.figures["closed"].numerator == overview.balance.closed
    assert volume.figures["open"].numerator == overview.balance.closing
    assert volume.figures["overdue"].numerator == overview.tiles["overdue"].numerator == sum(overdue.late_now)
    late = ask(demo, meeting.late, seen)
    assert late.late_now == overdue.late_now
    assert late.acceptance == overdue.acceptance["numerator"].sum()
    for by, there in (("unit", overview.by_unit), ("field", overview.by_field)):  # in whatever order
        both = (
            table.sort_values("group", ignore_index=True) for table in (ask(demo, meeting.late_by, seen, by), there)
        )
        pd.testing.assert_frame_equal(*both, check_dtype=False)
    figures = ask(demo, views.resolution, seen).figures
    assert ask(demo, meeting.quality, seen) == {
        key: replace(figure, before=None, before_n=None) for key, figure in figures.items()
    }


def test_what_cases_are_made_of_leaves_only_accusations_out(demo: CaseDatabase) -> None:
    seen = whole(demo)
    found = ask(demo, meeting.makeup, seen, "channel")
    with demo.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT channel, count(*) FROM petition_case WHERE purpose <> 'accusation' "
            "AND registered_at BETWEEN '2026-01-01' AND '2026-11-24 23:59:59' GROUP BY channel"
        ).all()
    assert dict(zip(found.groups["group"], found.groups["now"], strict=True)) == {key: n for key, n in rows if key}
    assert found.registered > found.groups["now"].sum()
