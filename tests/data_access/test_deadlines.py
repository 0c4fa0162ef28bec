"""Limits worked out on a calendar, and the same ones in SQL for every day of three years."""

from __future__ import annotations

import datetime as dt

import pytest
from handmade import end_of, moment
from sqlalchemy import Engine, literal, select, union_all

from data_access import schema, settings
from data_access.deadlines import Clock, Limit, is_working_day, last_known_year, last_moment
from data_access.engine import writing_engine


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2026-02-13", True),
        ("2026-02-14", True),  # a Saturday, worked for the festival
        ("2026-02-15", False),
        ("2026-02-16", False),  # New Year's Eve, a Monday
        ("2026-02-23", False),  # the festival's last day, a Monday
        ("2026-02-24", True),
        ("2026-02-28", True),  # a Saturday, worked
        ("2026-03-01", False),
        ("2026-09-20", True),  # a Sunday, worked for National Day
        ("2026-09-25", False),  # Mid-Autumn, a Friday
        ("2026-09-30", True),
        ("2026-10-01", False),
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-10-10", True),  # a Saturday, worked
        ("2026-10-11", False),
    ],
)
def test_the_mainland_calendar(day: str, worked: bool) -> None:
    assert is_working_day(dt.date.fromisoformat(day)) is worked


@pytest.mark.parametrize(
    ("limit", "event", "end"),
    [
        (Limit(60), "2026-01-06 10:00", "2026-03-07"),  # 25 days left of January, 28 of February, 7 of March
        (Limit(60), "2026-01-06 00:00", "2026-03-07"),  # the day of the event is day 0, whatever the hour
        (Limit(60), "2026-01-06 23:59:59", "2026-03-07"),
        (Limit(60), "2023-12-31 9:00", "2024-02-29"),
        (Limit(90), "2026-01-06 10:00", "2026-04-06"),
        (Limit(15), "2026-09-20 9:00", "2026-10-05"),  # on a day off: stays
        (Limit(15, rollover=True), "2026-09-20 9:00", "2026-10-08"),
        (Limit(15, rollover=True), "2026-09-25 9:00", "2026-10-10"),  # a Saturday that is worked
        (Limit(15, rollover=True), "2026-09-26 9:00", "2026-10-12"),  # Sunday the 11th: Monday
        (Limit(60, rollover=True), "2025-12-17 9:00", "2026-02-24"),  # 15 February: over the whole festival
        (Limit(60, rollover=True), "2025-12-16 9:00", "2026-02-14"),  # a Saturday that is worked
        (Limit(5, working=True), "2026-01-05 9:00", "2026-01-12"),  # Monday to Monday
        (Limit(5, working=True), "2026-01-09 9:00", "2026-01-16"),  # Friday to Friday
        (Limit(5, working=True), "2026-01-10 9:00", "2026-01-16"),  # from a Saturday
        (Limit(1, working=True), "2026-09-30 9:00", "2026-10-08"),
        (Limit(5, working=True), "2026-09-28 9:00", "2026-10-10"),  # 29, 30 September, 8, 9, 10 October
        (Limit(5, working=True), "2026-09-18 9:00", "2026-09-24"),  # 20 (a Sunday), 21, 22, 23, 24
        (Limit(10, working=True), "2026-02-09 9:00", "2026-02-28"),  # 10 to 14, 24 to 28 February
        (Limit(5, working=True), "2026-02-13 9:00", "2026-02-27"),  # 14, 24, 25, 26, 27
        (Limit(5, working=True), "2026-02-18 9:00", "2026-02-28"),  # from within the festival
        (Limit(5, working=True), "2025-12-30 9:00", "2026-01-07"),  # 31, (1 to 3 off), Sunday 4, 5, 6, 7 January
    ],
)
def test_by_hand(limit: Limit, event: str, end: str) -> None:
    assert limit.after(moment(event)) == end_of(end)


def test_the_clock_of_the_regulation() -> None:
    clock = Clock.of(settings.load().deadlines)
    received = moment("2026-01-06 10:00")
    ends = {
        "forwarding": "2026-01-21",
        "acceptance": "2026-01-21",
        "objection": "2026-01-13",
        "closing": "2026-03-07",
        "extended_closing": "2026-04-06",
        "summary_closing": "2026-01-20",
    }
    assert {name: getattr(clock, name).after(received) for name in ends} == {k: end_of(v) for k, v in ends.items()}


def test_holiday_rollover_is_for_calendar_days() -> None:
    rules = settings.load().deadlines.model_copy(update={"holiday_rollover": True})
    clock = Clock.of(rules)
    assert clock.closing.after(moment("2025-12-17")) == end_of("2026-02-24")
    assert clock.objection.after(moment("2026-02-13")) == end_of("2026-02-27")


def test_a_day_ends_with_its_last_second() -> None:
    assert last_moment(dt.date(2026, 11, 24)) == dt.datetime(2026, 11, 24, 23, 59, 59)


def test_the_calendar_knows_the_demos_year() -> None:
    assert last_known_year() >= 2026


LIMITS = {
    "15 days": Limit(15),
    "60 days": Limit(60),
    "15 days, rolled over": Limit(15, rollover=True),
    "60 days, rolled over": Limit(60, rollover=True),
    "90 days, rolled over": Limit(90, rollover=True),
    "5 working days": Limit(5, working=True),
    "10 working days": Limit(10, working=True),
    "100 days, rolled over": Limit(100, rollover=True),  # three digits: the settings allow up to 366
    "80 working days": Limit(80, working=True),
}
YEARS = (2024, 2026)
EVERY_DAY = [dt.datetime(2024, 1, 1, n % 24, n % 60, n % 60) + dt.timedelta(days=n) for n in range(1096)]


def _in_sql(engine: Engine, limit: Limit, events: list[dt.datetime]) -> list[dt.datetime]:
    rows = union_all(
        *(select(literal(n).label("n"), literal(event, schema.Moment).label("event")) for n, event in enumerate(events))
    ).subquery()
    with engine.connect() as connection:
        found = connection.execute(select(limit.sql(rows.c.event, YEARS)).order_by(rows.c.n)).scalars()
        return list(found)


def _differing(engine: Engine, limit: Limit) -> list[tuple[dt.datetime, dt.datetime, dt.datetime]]:
    found: list[dt.datetime] = []
    for start in range(0, len(EVERY_DAY), 200):
        found += _in_sql(engine, limit, EVERY_DAY[start : start + 200])
    pairs = zip(EVERY_DAY, found, strict=True)
    return [(event, end, limit.after(event)) for event, end in pairs if end != limit.after(event)]


@pytest.mark.parametrize("name", LIMITS)
def test_sql_is_the_same_on_sqlite(name: str) -> None:
    engine = writing_engine("sqlite://")
    assert _differing(engine, LIMITS[name]) == []
    engine.dispose()


def test_sql_is_the_same_on_postgresql(postgres_url: str) -> None:
    engine = writing_engine(postgres_url)
    assert {name: found[:3] for name, limit in LIMITS.items() if (found := _differing(engine, limit))} == {}
    engine.dispose()


def test_an_empty_moment_has_no_limit() -> None:
    engine = writing_engine("sqlite://")
    with engine.connect() as connection:
        for limit in LIMITS.values():
            nothing = limit.sql(literal(None, schema.Moment), YEARS)
            assert connection.execute(select(nothing)).scalar() is None
    engine.dispose()


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_at_most_is_never_too_short(limit: Limit) -> None:
    """What an index looks through must reach every event whose limit ends in the period."""
    assert max(limit.calendar_days(event.date()) for event in EVERY_DAY) <= limit.at_most
