"""Random filters, periods and as-of moments: `queries.measure` against pandas on the raw rows."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from handmade import counts, differences, opened
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pandas_reference import COUNTS, RATES, Reference
from random_filters import filters, spans

from data_access import queries
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import INDICATORS
from data_access.periods import Span

KEYS = tuple(INDICATORS)
GROUPINGS = ("unit", "field", "channel", "kind", "township", "track")
quietly = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate,),  # a filter is readable as it is; shrinking one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def roughen(path: Path, seed: int) -> None:
    """Make a demo database as gaps and oddities of real sources make it."""
    chance = random.Random(seed)
    empty = (
        *("due_at", "acceptance_due_at", "petitioned_at", "unit_received_at", "noticed_at", "answered_at"),
        *("disposition", "purpose", "track", "is_repeat", "is_collective", "channel", "category_id", "township_id"),
        *("registering_unit_id", "lead_unit_id", "closed_how", "unit_rating", "office_rating_expires_at"),
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        ids = [row[0] for row in connection.execute("SELECT case_id FROM petition_case ORDER BY case_id")]

        def some(share: float) -> list[tuple[str]]:
            return [(each,) for each in ids if chance.random() < share]

        def change(share: float, what: str) -> None:
            connection.executemany(f"UPDATE petition_case SET {what} WHERE case_id = ?", some(share))

        for column in empty:
            change(0.06, f"{column} = NULL")
        change(0.04, "due_at = NULL, original_due_at = NULL")  # computed, extended or not, summary or not
        change(0.02, "original_due_at = NULL, extended_at = NULL")
        change(0.02, "due_at = substr(due_at, 1, 10) || ' 12:00:00'")
        change(0.02, "closed_at = due_at")  # at the last second
        change(0.02, "closed_at = datetime(registered_at, '-3 days')")
        change(0.02, "registered_at = substr(registered_at, 1, 10) || ' 23:59:59'")
        change(0.01, "closed_at = accepted_at, closed_how = 'merged'")
        change(0.01, "purpose = 'accusation'")
        change(0.01, "lead_unit_id = 'nowhere', category_id = 'nothing'")
        connection.execute("UPDATE case_event SET from_unit_id = 'nowhere' WHERE kind = 'reassigned' AND rowid % 9 = 0")
        connection.execute("UPDATE reminder_slip SET issued_at = NULL WHERE slip_id LIKE '%7'")
        connection.execute("UPDATE reminder_slip SET effective = NULL WHERE slip_id LIKE '%3'")
        # A second reopening, and a reassignment, of cases that were closed by then.
        closed = connection.execute(
            "SELECT case_id, closed_at FROM petition_case WHERE closed_at BETWEEN '2023' AND '2026-06' "
            "AND closed_at > registered_at AND CAST(case_id AS INTEGER) % 23 = 0 ORDER BY case_id"
        ).fetchall()
        for number, (case_id, closed_at) in enumerate(closed):
            again = dt.datetime.fromisoformat(closed_at) + dt.timedelta(days=20)
            moved = (case_id, "reassigned", str(again + dt.timedelta(days=2 - number % 5)), "D01", "T01")
            connection.execute("INSERT INTO case_event (case_id, kind, at) VALUES (?, 'closed', ?)", (case_id, closed_at))
            connection.execute("INSERT INTO case_event (case_id, kind, at) VALUES (?, 'reopened', ?)", (case_id, str(again)))
            connection.execute(
                "INSERT INTO case_event (case_id, kind, at, from_unit_id, to_unit_id) VALUES (?, ?, ?, ?, ?)", moved
            )
            final = None if number % 3 == 0 else str(again + dt.timedelta(days=30))
            change_one = "UPDATE petition_case SET closed_at = ?, lead_unit_id = 'T01' WHERE case_id = ?"
            connection.execute(change_one, (final, case_id))
        assert len(closed) > 100


@pytest.fixture(scope="module", params=["demo", "rough"])
def case_url(request: pytest.FixtureRequest, demo_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo county, and the same with gaps and oddities."""
    if request.param == "demo":
        return demo_url
    path = tmp_path_factory.mktemp("rough") / "rough.sqlite"
    shutil.copy(demo_url.removeprefix("sqlite:///"), path)
    roughen(path, seed=3)
    return f"sqlite:///{path.as_posix()}"


@pytest.fixture(scope="module")
def database(case_url: str) -> CaseDatabase:
    return opened(case_url)


@pytest.fixture(scope="module")
def reference(case_url: str) -> Reference:
    return Reference(case_url)


def test_the_reference_has_every_indicator() -> None:
    assert set(INDICATORS) == RATES | COUNTS
    assert {key for key, indicator in INDICATORS.items() if indicator.is_rate} == RATES


@given(case_filter=filters(), by=st.sampled_from(GROUPINGS))
@settings(quietly, max_examples=32)
def test_measure(database: CaseDatabase, reference: Reference, case_filter: CaseFilter, by: str) -> None:
    with database.reading() as connection:
        county = counts(queries.measure(connection, database, case_filter, KEYS), grouped=False)
        groups = counts(queries.measure(connection, database, case_filter, KEYS, by), grouped=True)
    parts = reference.parts(case_filter)
    assert differences(county, reference.measure(case_filter, parts=parts)) == {}
    assert differences(groups, reference.measure(case_filter, by, parts=parts)) == {}


@given(case_filter=filters(), periods=st.lists(spans(), min_size=2, max_size=4), by=st.sampled_from((None, "unit", "field")))
@settings(quietly, max_examples=4)
def test_several_spans_at_once_are_each_span_alone(
    database: CaseDatabase, case_filter: CaseFilter, periods: list[Span], by: str | None
) -> None:
    with database.reading() as connection:
        together = queries.measure_spans(connection, database, case_filter, KEYS, periods, by)
        for position, span in enumerate(periods):
            alone = queries.measure(connection, database, case_filter.over(span), KEYS, by)
            of_span = together[together["span"] == position].drop(columns="span")
            both = (counts(each, grouped=by is not None) for each in (of_span, alone))
            assert differences(*both) == {}, span


@given(case_filter=filters(), year=st.integers(2022, 2026))
@settings(quietly, max_examples=2)
def test_months_of_a_year(database: CaseDatabase, reference: Reference, case_filter: CaseFilter, year: int) -> None:
    starts = [dt.date(year + month // 12, month % 12 + 1, 1) for month in range(13)]
    months = [Span(start, end - dt.timedelta(days=1)) for start, end in zip(starts, starts[1:], strict=False)]
    with database.reading() as connection:
        found = queries.measure_spans(connection, database, case_filter, KEYS, months)
    for position, month in enumerate(months):
        of_month = counts(found[found["span"] == position], grouped=False)
        assert differences(of_month, reference.measure(case_filter.over(month))) == {}, month


@given(case_filter=filters(), periods=st.lists(spans(), min_size=1, max_size=3))
@settings(quietly, max_examples=4)
def test_cohorts_seen_from_a_later_instant(
    database: CaseDatabase, reference: Reference, case_filter: CaseFilter, periods: list[Span]
) -> None:
    at = case_filter.as_of
    with database.reading() as connection:
        found = queries.measure_spans(connection, database, case_filter, KEYS, periods, seen_at=at)
    for position, span in enumerate(periods):
        of_span = counts(found[found["span"] == position], grouped=False)
        assert differences(of_span, reference.measure(case_filter.over(span), instant=at)) == {}, span
