"""The naive page of the benchmark is a fair one: its figures are the overview's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from benchmarks import naive
from data_access import settings
from data_access.database import open_database
from data_access.filters import CaseFilter
from data_access.periods import Span
from data_access.views import overview


def test_the_naive_page_shows_the_figures_of_the_overview(demo_url: str) -> None:
    database = open_database(demo_url, settings.load())
    at = database.demo_as_of
    assert at
    start = (at - timedelta(days=365)).date()
    with database.reading() as connection:
        ours = overview(connection, database, CaseFilter(at, Span(start, at.date()), "custom"))
        theirs = naive.figures(naive.read(connection), start, at)
    database.engine.dispose()
    assert theirs.registered == ours.balance.registered > 0
    assert theirs.closed == ours.balance.closed > 0
    assert theirs.open == ours.balance.closing
    assert theirs.overdue == ours.tiles["overdue"].numerator == theirs.by_unit["overdue"].sum()
    assert theirs.on_time_rate == pytest.approx(ours.tiles["on_time_closure_rate"].value)
    assert theirs.by_month["registered"].sum() == theirs.registered
    by_unit = ours.by_unit.set_index("group")["overdue"]
    assert theirs.by_unit["overdue"].to_dict() == by_unit[by_unit.index.isin(theirs.by_unit.index)].to_dict()
