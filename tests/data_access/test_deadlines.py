"""Limits worked out on a calendar, and the same ones in SQL for every day of three years."""

from __future__ import annotations

import datetime as dt
import random
from itertools import zip_longest

import pytest
from handmade import end_of, moment
from sqlalchemy import Engine, literal, select, union_all

from data_access import schema, settings
from data_access.deadlines import STEPS, Clock, Limit, is_working_day, last_known_year, last_moment
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
        "review_apply": "2026-02-05",  # 25 days left of January, 5 of February
        "review": "2026-02-05",
        "rereview_apply": "2026-02-05",
        "rereview": "2026-02-05",
    }
    assert {name: getattr(clock, name).after(received) for name in ends} == {k: end_of(v) for k, v in ends.items()}


def test_holiday_rollover_is_for_calendar_days() -> None:
    rules = settings.load().deadlines.model_copy(update={"holiday_rollover": True})
    clock = Clock.of(rules)
    assert clock.closing.after(moment("2025-12-17")) == end_of("2026-02-24")
    assert clock.objection.after(moment("2026-02-13")) == end_of("2026-02-27")


@pytest.mark.parametrize(
    ("limit", "event", "hearing", "end"),
    [
        # National Day 2025: Wednesday 1 to Wednesday 8 October off (with Mid-Autumn on the 6th);
        # Sunday 28 September and Saturday 11 October worked.
        (Limit(5, working=True), "2025-09-26 16:00", 0, "2025-10-10"),  # Sun 28, Mon 29, Tue 30; Thu 9, Fri 10
        (Limit(10, working=True), "2025-09-22 9:00", 0, "2025-10-11"),  # 23-26, Sun 28, 29, 30; 9, 10, Sat 11
        (Limit(30), "2025-09-05 9:00", 0, "2025-10-05"),  # a Sunday of the festival: stays
        (Limit(30, rollover=True), "2025-09-05 9:00", 0, "2025-10-09"),  # the first day after it
        (Limit(30, rollover=True), "2025-09-11 9:00", 0, "2025-10-11"),  # a Saturday that is worked
        (Limit(30, rollover=True), "2025-09-12 9:00", 0, "2025-10-13"),  # Sunday the 12th: Monday
        # Spring Festival 2026: Sunday 15 to Monday 23 February off; Saturdays 14 and 28 February worked.
        (Limit(30), "2026-01-14 9:00", 0, "2026-02-13"),  # 17 days left of January, 13 of February
        (Limit(30), "2026-01-14 9:00", 3, "2026-02-16"),  # three days of hearing on top
        (Limit(30, rollover=True), "2026-01-14 9:00", 0, "2026-02-13"),  # a Friday
        (Limit(30, rollover=True), "2026-01-14 9:00", 1, "2026-02-14"),  # a Saturday that is worked
        (Limit(30, rollover=True), "2026-01-14 9:00", 3, "2026-02-24"),  # New Year's Eve: over the whole festival
        (Limit(30, rollover=True), "2026-01-14 9:00", 15, "2026-02-28"),  # a Saturday that is worked
        (Limit(30, rollover=True), "2026-01-14 9:00", 16, "2026-03-02"),  # Sunday 1 March: Monday
    ],
)
def test_reviews_and_hearings_by_hand(limit: Limit, event: str, hearing: int, end: str) -> None:
    assert limit.after(moment(event), hearing) == end_of(end)
    assert limit.calendar_days(moment(event).date()) <= limit.at_most


def test_every_step_has_its_limit_and_every_limit_its_step() -> None:
    clock, rules = Clock.of(settings.load().deadlines), settings.load().deadlines
    assert {step.limit for step in STEPS} == set(vars(clock))
    assert {step.setting for step in STEPS} == set(type(rules).model_fields) - {"holiday_rollover"}
    assert len({step.key for step in STEPS}) == len(STEPS)
    columns = schema.petition_case.columns.keys()
    assert {step.begins for step in STEPS} <= set(columns)
    assert {step.stated for step in STEPS if step.stated} <= set(columns)
    in_days = {step.key: (step.article, step.limit_of(clock).days, step.limit_of(clock).working) for step in STEPS}
    assert in_days == {  # DOMAIN.md "Deadlines"
        "forwarding": (22, 15, False),
        "acceptance_direct": (23, 15, False),
        "acceptance_forwarded": (23, 15, False),
        "objection": (23, 5, True),
        "closing": (34, 60, False),
        "extension": (34, 90, False),
        "review_apply": (35, 30, False),
        "review": (35, 30, False),
        "rereview_apply": (36, 30, False),
        "rereview": (36, 30, False),
        "summary": (None, 10, True),
    }


def test_all_calendar_limits_roll_over_together() -> None:
    rules = settings.load().deadlines.model_copy(update={"holiday_rollover": True})
    clock = Clock.of(rules)
    assert {name for name, limit in vars(clock).items() if not limit.rollover} == {"objection", "summary_closing"}


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


def _in_sql(engine: Engine, limit: Limit, events: list[dt.datetime], hearings: list[int]) -> list[dt.datetime]:
    rows = union_all(
        *(
            select(
                literal(n).label("n"),
                literal(event, schema.Moment).label("event"),
                literal(hearings[n] if hearings else 0).label("hearing"),
            )
            for n, event in enumerate(events)
        )
    ).subquery()
    end = limit.sql(rows.c.event, YEARS, rows.c.hearing if hearings else None)
    with engine.connect() as connection:
        return list(connection.execute(select(end).order_by(rows.c.n)).scalars())


def _differing(
    engine: Engine, limit: Limit, events: list[dt.datetime] | None = None, hearings: list[int] | None = None
) -> list[tuple[dt.datetime, dt.datetime, dt.datetime]]:
    events, hearings = events or EVERY_DAY, hearings or []
    found: list[dt.datetime] = []
    for start in range(0, len(events), 200):
        found += _in_sql(engine, limit, events[start : start + 200], hearings[start : start + 200])
    expected = [limit.after(event, days) for event, days in zip_longest(events, hearings, fillvalue=0)]
    triples = zip(events, found, expected, strict=True)
    return [(event, end, by_hand) for event, end, by_hand in triples if end != by_hand]


@pytest.mark.parametrize("name", LIMITS)
def test_sql_is_the_same_on_sqlite(name: str) -> None:
    engine = writing_engine("sqlite://")
    assert _differing(engine, LIMITS[name]) == []
    engine.dispose()


CHANCE = random.Random(5)
ANY_DAY = [
    dt.datetime(2024, 1, 1) + dt.timedelta(seconds=CHANCE.randrange(2 * 366 * 24 * 3600 + 300 * 24 * 3600))
    for _ in range(3000)
]
HEARINGS = [CHANCE.choice((0, 0, 1, 3, 10, 15, 30)) for _ in ANY_DAY]
BOTH_RULES = {
    f"{name}, {'rolled over' if rollover else 'not rolled over'}": limit
    for rollover in (False, True)
    for name, limit in vars(
        Clock.of(settings.load().deadlines.model_copy(update={"holiday_rollover": rollover}))
    ).items()
}


@pytest.mark.parametrize("name", BOTH_RULES)
def test_every_limit_of_the_clock_on_any_day_with_hearings(name: str) -> None:
    engine = writing_engine("sqlite://")
    assert _differing(engine, BOTH_RULES[name], ANY_DAY, HEARINGS)[:3] == []
    engine.dispose()


def test_sql_is_the_same_on_postgresql(postgres_url: str) -> None:
    engine = writing_engine(postgres_url)
    assert {name: found[:3] for name, limit in LIMITS.items() if (found := _differing(engine, limit))} == {}
    with_hearings = {
        name: found[:3]
        for name, limit in BOTH_RULES.items()
        if (found := _differing(engine, limit, ANY_DAY[:1000], HEARINGS[:1000]))
    }
    assert with_hearings == {}
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
