"""Random filters, periods and as-of moments: `queries.measure` against pandas on the raw rows."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

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


@pytest.fixture(scope="module", params=[pytest.param("demo", marks=pytest.mark.thorough), "rough"])
def case_url(request: pytest.FixtureRequest) -> str:
    """The demo county, and the same with gaps and oddities."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="module")
def database(case_url: str) -> CaseDatabase:
    return opened(case_url)


@pytest.fixture(scope="module")
def reference(case_url: str) -> Reference:
    return Reference(case_url)


def test_the_reference_has_every_indicator() -> None:
    assert set(INDICATORS) == RATES | COUNTS
    assert {key for key, indicator in INDICATORS.items() if indicator.is_rate} == RATES


@given(
    case_filter=filters(), by=st.sampled_from(GROUPINGS), keys=st.sets(st.sampled_from(KEYS), min_size=8, max_size=8)
)
@settings(quietly, max_examples=15)
def test_measure(
    database: CaseDatabase, reference: Reference, case_filter: CaseFilter, by: str, keys: set[str]
) -> None:
    with database.reading() as connection:
        county = counts(queries.measure(connection, database, case_filter, KEYS), grouped=False)
        groups = counts(queries.measure(connection, database, case_filter, sorted(keys), by), grouped=True)
    parts = reference.parts(case_filter)
    assert differences(county, reference.measure(case_filter, parts=parts)) == {}
    some = {key: parts[key] for key in keys}
    assert differences(groups, reference.measure(case_filter, by, parts=some)) == {}


@given(
    case_filter=filters(),
    periods=st.lists(spans(), min_size=2, max_size=4),
    by=st.sampled_from((None, "unit", "field")),
)
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
    months = [Span(start, end - dt.timedelta(days=1)) for start, end in pairwise(starts)]
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
