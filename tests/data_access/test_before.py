"""Before the next meeting: the curve by pencil, a small county by hand, and the forecast against what happened."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from handmade import Row, make_file, measured, moment, opened, seen

from data_access import lists, settings
from data_access.before import NO_CURVE, Before, before, chance_to_move, closing_curve, expected, next_meeting
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter
from data_access.lists import Question
from data_access.problems import Problem

AS_OF, MEETING = "2026-03-31", dt.date(2026, 4, 10)
FEW = 3
"""The `small_n` of the small county."""


def asked(database: CaseDatabase, case_filter: CaseFilter, meeting_on: dt.date) -> Before:
    with database.reading() as connection:
        return before(connection, database, case_filter, meeting_on)


def total(database: CaseDatabase, case_filter: CaseFilter, of: str, **at: str) -> int:
    with database.reading() as connection:
        return lists.case_list(connection, database, case_filter, Question(of, at=tuple(at.items()))).total


# The curve


def test_curve_by_pencil() -> None:
    # Four cases from day -3: one closed on -1, one on 0, one still open after 0, one closed on 2; one that enters on 0.
    curve = closing_curve([(-3, -1, True, 1), (-3, 0, True, 1), (-3, 0, False, 1), (-3, 2, True, 1), (0, 2, False, 1)])
    assert [curve.on(day) for day in range(-4, 4)] == [
        (0, 0),  # nobody yet
        (0, 4),
        (0, 4),
        (1, 4),
        (1, 4),  # three left, and the one that entered
        (0, 2),
        (1, 2),
        (0, 0),
    ]
    # S(0) / S(-2) = 3/4 · 3/4
    assert chance_to_move(curve, NO_CURVE, -2, 2, small_n=1) == pytest.approx(1 - 9 / 16)
    # As S(a) - S(a+h) over S(a), with S = 1, 3/4, 9/16, 9/16, 9/32 on the days -2 … 2.
    assert chance_to_move(curve, NO_CURVE, -1, 3, small_n=1) == pytest.approx((3 / 4 - 9 / 32) / (3 / 4))


def test_few_cases_follow_the_county() -> None:
    own = closing_curve([(0, 1, True, 1), (0, 2, True, 1)])  # day 1: 1 of 2, day 2: 1 of 1
    county = closing_curve([(0, 1, True, 1), (0, 2, True, 2), (0, 9, False, 7)])  # day 1: 1 of 10, day 2: 2 of 9
    assert chance_to_move(own, county, 0, 2, small_n=1) == 1
    assert chance_to_move(own, county, 0, 2, small_n=2) == pytest.approx(1 - 1 / 2 * 7 / 9)  # day 2: one case only
    assert chance_to_move(own, county, 0, 2, small_n=3) == pytest.approx(1 - 9 / 10 * 7 / 9)
    assert chance_to_move(own, county, 20, 5, small_n=1) == 0  # nobody was ever seen so late: nothing is promised


def test_band_by_pencil() -> None:
    found = expected([(100, 0.5)])
    assert (found.n, found.mean, found.variance) == (100, 50, 25)
    assert (found.low, found.high) == (40, 60)  # 50 ± 9.8, rounded outwards
    certain = expected([(3, 0.0)])
    assert (certain.low, certain.high) == (3, 3)
    nothing = expected([])
    assert (nothing.n, nothing.mean, nothing.low, nothing.high) == (0, 0, 0, 0)


# A small county


def closed(number: str, unit: str, closing: str) -> Row:
    """Accepted on 1 June 2025, due on 31 July."""
    begun = {"registered_at": "2025-06-01 9", "accepted_at": "2025-06-01 9", "due_at": "2025-07-31 23:59:59"}
    return {"case_no": number, "lead_unit_id": unit, **begun, "closed_at": f"{closing} 10"}


def running(number: str, unit: str, accepted: str, due: str, **more: object) -> Row:
    begun = {"registered_at": f"{accepted} 9", "accepted_at": f"{accepted} 9", "due_at": f"{due} 23:59:59"}
    return {"case_no": number, "lead_unit_id": unit, **begun, **more}


def waiting(number: str, unit: str, received: str, **more: object) -> Row:
    return {
        "case_no": number,
        "lead_unit_id": unit,
        "registered_at": f"{received} 8",
        "unit_received_at": received,
    } | more


CASES = [
    # Closed 10 and 5 days before the deadline, on it, 4 and 20 days after it.
    *(closed(f"H{day}", "u1", day) for day in ("2025-07-21", "2025-07-26", "2025-07-31", "2025-08-04", "2025-08-20")),
    # Extended 5 days before its first deadline, 35 before its second, closed 2 days before that.
    running("X", "u1", "2025-09-01", "2025-11-30", closed_at="2025-11-28 9")
    | {"original_due_at": "2025-10-31 23:59:59", "extended_at": "2025-10-26 9"},
    closed("K", "u2", "2025-07-30"),
    # Open at the end of March 2026: 6 days to go (closed later, which nobody knows yet), a day late, 11 to go …
    running("C1", "u1", "2026-02-05", "2026-04-06", closed_at="2026-04-05 9"),
    running("C2", "u1", "2026-01-29", "2026-03-30"),
    running("C3", "u1", "2026-02-10", "2026-04-11"),
    # … 10 to go, 30 days late.
    running("C4", "u2", "2026-02-09", "2026-04-10"),
    running("C5", "u2", "2025-12-31", "2026-03-01"),
    # Acceptance: limit 4 April, limit 25 March and past, notice given, limit after the meeting.
    waiting("A1", "u1", "2026-03-20"),
    waiting("A2", "u2", "2026-03-10"),
    waiting("A3", "u2", "2026-03-20", noticed_at="2026-03-25"),
    waiting("A4", "u2", "2026-03-27"),
    # In no count: an accusation, a suggestion.
    waiting("N1", "u1", "2026-03-20", purpose="accusation"),
    running("N2", "u1", "2026-02-05", "2026-04-06", purpose="suggestion"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    units = [{"unit_id": "u2", "name": "Second", "sort_order": 1}, {"unit_id": "u1", "name": "First", "sort_order": 2}]
    url = make_file(tmp_path_factory.mktemp("before"), unit=units, petition_case=CASES)
    shipped = settings.load()
    few = shipped.comparison.model_copy(update={"small_n": FEW})
    return open_database(url, shipped.model_copy(update={"comparison": few}))


def test_small_county_by_hand(small: CaseDatabase) -> None:
    view = asked(small, seen(AS_OF), MEETING)
    assert view.working_days == 7  # 1-3 and 7-10 April: the 4th to 6th are Qingming
    assert view.calendar_known
    assert (view.overdue, view.closing, view.acceptance, view.acceptance_overdue) == (2, 2, 1, 1)
    # C1, days -5 … 4: u1 has 2 of 7 on -5, 1 of 5 on -2, 1 of 4 on 0; from 2 on the county: 1 of 3 on 4.
    # C2, days 2 … 11: the county's 1 of 3 on 4. C4, days -9 … 0, county: 2 of 9, 1 of 7, 1 of 6, 1 of 5.
    # C5, days 31 … 40: nobody was seen so late.
    open_then = {"C1": 5 / 7 * 4 / 5 * 3 / 4 * 2 / 3, "C2": 2 / 3, "C4": 7 / 9 * 6 / 7 * 5 / 6 * 4 / 5, "C5": 1.0}
    assert open_then["C1"] == pytest.approx(2 / 7)
    assert open_then["C4"] == pytest.approx(4 / 9)
    assert view.expected.n == 4
    assert view.expected.mean == pytest.approx(2 / 7 + 2 / 3 + 4 / 9 + 1)
    assert view.expected.variance == pytest.approx(10 / 49 + 2 / 9 + 20 / 81)
    assert (view.expected.low, view.expected.high) == (0, 4)  # 2.40 ± 1.61
    # unit, overdue, closing, acceptance, acceptance_overdue, low, high; in the units' fixed order
    assert view.units.to_numpy().tolist() == [["u2", 1, 1, 0, 1, 0, 2], ["u1", 1, 1, 1, 0, 0, 2]]
    marked = view.days[(view.days["closing"] > 0) | (view.days["acceptance"] > 0)]
    assert [
        (f"{row.day:%m-%d}", row.is_working, row.closing, row.acceptance) for row in marked.itertuples(index=False)
    ] == [("04-04", False, 0, 1), ("04-06", False, 1, 0), ("04-10", True, 1, 0)]
    assert len(view.days) == 10
    assert view.page.rows["case_no"].tolist() == ["C1", "C4"]


def test_pace_is_the_units_whatever_the_filter(small: CaseDatabase) -> None:
    view = asked(small, seen(AS_OF, unit=("u1",)), MEETING)
    assert view.units["unit"].tolist() == ["u1"]
    assert view.expected.mean == pytest.approx(2 / 7 + 2 / 3)


def test_at_noon_what_falls_due_today_is_still_to_come(small: CaseDatabase) -> None:
    noon = seen(moment("2026-03-30 12"))
    view = asked(small, noon, MEETING)
    assert (view.overdue, view.closing) == (1, 3)
    assert f"{view.days['day'].iloc[0]:%Y-%m-%d}" == "2026-03-30"
    assert len(view.days) == 12
    assert total(small, noon, "open", due_by="2026-03-30..2026-03-30") == 1


def test_nothing_open_is_nothing_expected(small: CaseDatabase) -> None:
    view = asked(small, seen("2025-05-31"), dt.date(2025, 6, 30))
    assert view.units.empty
    assert (view.expected.n, view.expected.low, view.expected.high, view.page.total) == (0, 0, 0, 0)


@pytest.mark.parametrize("value", ["", "soon", "2026-13-01", "2026-04-01..", "x..2026-04-01"])
@pytest.mark.parametrize("name", ["due_by", "notice_by"])
def test_a_wrong_day_asks_nothing(name: str, value: str) -> None:
    with pytest.raises(Problem):
        Question.parse("open", [f"{name}:{value}"])


# The next meeting


def meeting(database: CaseDatabase, as_of: str) -> dt.date:
    with database.reading() as connection:
        return next_meeting(connection, database, seen(as_of))


def test_next_meeting_is_a_month_after_the_last_or_in_thirty_days(tmp_path: Path) -> None:
    held = [{"decision_id": day, "meeting_on": day} for day in ("2026-01-31", "2026-03-18")]
    url = make_file(tmp_path, meeting_decision=held, petition_case=CASES[:1])
    database = opened(url)
    assert meeting(database, "2026-03-31") == dt.date(2026, 4, 18)
    assert meeting(database, "2026-02-10") == dt.date(2026, 2, 28), "the month is shorter"
    assert meeting(database, "2026-05-01") == dt.date(2026, 5, 31), "a month after the last is past"
    assert meeting(database, "2026-01-30") == dt.date(2026, 3, 1), "none was held yet"
    said = database.settings.meeting.model_copy(update={"next_on": dt.date(2026, 4, 3)})
    planned = open_database(url, database.settings.model_copy(update={"meeting": said}))
    assert meeting(planned, "2026-03-31") == dt.date(2026, 4, 3)
    assert meeting(planned, "2026-04-03") == dt.date(2026, 4, 18), "what was planned is past"


# The demo county


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return opened(demo_url)


@pytest.mark.parametrize("narrowed", [{}, {"unit": ("D01", "T01")}, {"repeat": ("repeat",)}], ids=str)
def test_every_number_opens_its_cases(demo: CaseDatabase, narrowed: dict[str, tuple[str, ...]]) -> None:
    case_filter, day = seen("2026-11-24", **narrowed), dt.date(2026, 12, 18)
    view, until = asked(demo, case_filter, day), day.isoformat()
    assert view.overdue == measured(demo, case_filter, "overdue")["overdue"][0] == total(demo, case_filter, "overdue")
    assert view.closing == view.page.total == total(demo, case_filter, "open", due_by=until) > 0
    assert view.expected.n == view.overdue + view.closing == total(demo, case_filter, "open", due_by=f"..{until}")
    assert view.acceptance == total(demo, case_filter, "open", notice_by=until)
    assert view.acceptance_overdue == total(demo, case_filter, "acceptance_overdue")
    both = total(demo, case_filter, "open", notice_by=f"..{until}")
    assert view.acceptance + view.acceptance_overdue == both
    first = view.units.iloc[0]
    assert first["closing"] == total(demo, case_filter, "open", due_by=until, unit=first["unit"])
    for stage, name in (("closing", "due_by"), ("acceptance", "notice_by")):
        assert view.days[stage].sum() == getattr(view, stage)
        fullest = view.days.loc[view.days[stage].idxmax()]
        on = f"{fullest['day']:%Y-%m-%d}"
        assert fullest[stage] == total(demo, case_filter, "open", **{name: f"{on}..{on}"})


def test_what_will_pass_is_what_has_passed_when_nothing_is_closed(demo: CaseDatabase) -> None:
    """All that falls due by a day in the past, less what was closed or extended since, was overdue on it."""
    then, day = seen("2026-06-30"), dt.date(2026, 7, 28)
    with demo.reading() as connection:
        due = lists.case_list(
            connection, demo, then, Question("open", at=(("due_by", f"..{day.isoformat()}"),)), limit=None
        )
        late = lists.case_list(connection, demo, seen("2026-07-28"), Question("overdue"), limit=None)
    registered = pd.to_datetime(late.rows["registered_at"]) <= then.at
    new = set(late.rows.loc[registered, "case_no"]) - set(due.rows["case_no"])
    assert len(new) <= 3, "overdue then, known before, and not foreseen: reopened, or accepted after the instant"


def test_backtest(demo: CaseDatabase) -> None:
    """Forecasts of four weeks, made on a day of each month with what was known then, against what happened."""
    inside, widths, certain_inside = 0, [], 0
    days = [dt.date(2026, 10, 24) - dt.timedelta(days=30 * months) for months in range(18)]
    for day in days:
        then = day + dt.timedelta(days=28)
        found = asked(demo, seen(day.isoformat()), then).expected
        happened = measured(demo, seen(then.isoformat()), "overdue")["overdue"][0]
        assert happened is not None
        inside += found.low <= happened <= found.high
        certain_inside += found.low <= found.n <= found.high
        widths.append((found.high - found.low) / found.n)
    assert inside >= 16, f"{inside} of {len(days)}"
    assert certain_inside == 0, "a band that held everything would say nothing"
    assert max(widths) < 0.25
