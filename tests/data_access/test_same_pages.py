"""A copy that is prepared shows what its source shows, page by page: read another way, worked out beforehand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from handmade import opened, seen
from sqlalchemy import Connection

from data_access import queries, settings, views
from data_access.before import before
from data_access.database import CaseDatabase, open_database
from data_access.duration import cohorts, duration
from data_access.extract import extract
from data_access.filters import CaseFilter
from data_access.indicators import INDICATORS
from data_access.periods import last_months
from data_access.since import changes_between
from data_access.supervision import supervision

NOW = dt.datetime(2026, 11, 24, 10, 35)


def _since(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Any:
    return changes_between(connection, database, case_filter, case_filter.today - dt.timedelta(days=40))


def _before(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Any:
    return before(connection, database, case_filter, case_filter.today + dt.timedelta(days=30))


PAGES: tuple[Callable[[Connection, CaseDatabase, CaseFilter], Any], ...] = (
    *(views.overview, views.trends, views.overdue, views.steps, views.resolution, views.departments),
    *(supervision, duration, cohorts, _since, _before),
)


@pytest.fixture(scope="module", params=[pytest.param("demo", marks=pytest.mark.thorough), "rough"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[CaseDatabase, CaseDatabase]:
    """A county, and its copy."""
    source = opened(request.getfixturevalue(f"{request.param}_url"))
    target = tmp_path_factory.mktemp("copy") / "cases.duckdb"
    extract(source, target, NOW)
    copy = open_database(f"duckdb:///{target.as_posix()}", settings.load())
    assert copy.prepared
    return source, copy


def told(value: Any) -> Any:
    """A value as it can be compared: tables as their rows, in an order of their own where the page gives none."""
    if is_dataclass(value):
        return {each.name: told(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, pd.Series):
        return told(value.reset_index())
    if isinstance(value, pd.DataFrame):
        rows = [tuple(told(cell) for cell in row) for row in value.astype(object).itertuples(index=False, name=None)]
        return list(value.columns), sorted(rows, key=repr)
    if isinstance(value, dict):
        return {key: told(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return told(value.tolist())
    if isinstance(value, tuple | list):
        return [told(each) for each in value]
    if isinstance(value, Path) or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return None if pd.isna(value) else round(value, 9)
    return value


@pytest.mark.parametrize(
    "case_filter",
    [
        seen("2026-11-24", "2025-12-01"),
        seen("2026-05-31", "2026-01-01", kind=("township",)),
        seen("2026-11-24", "2026-01-01", channel=("web", "visit")),
    ],
    ids=["everything", "past, townships", "channels"],
)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__.strip("_"))
def test_a_copy_shows_what_its_source_shows(
    pair: tuple[CaseDatabase, CaseDatabase], page: Callable[..., Any], case_filter: CaseFilter
) -> None:
    shown = []
    for database in pair:
        with database.reading() as connection:
            shown.append(told(page(connection, database, case_filter)))
    assert shown[0] == shown[1]


def test_what_is_asked_together_is_what_each_is_alone(pair: tuple[CaseDatabase, CaseDatabase]) -> None:
    """Whatever shares a statement: stocks and flows of many months, totals and groups."""
    case_filter = seen("2026-05-31", "2026-01-01")
    for database in pair:
        months = tuple(last_months(case_filter.today, 6, database.settings.period))
        spans = {None: months, "unit": (case_filter.span,), "channel": (case_filter.span,)}
        asked = [queries.Asked((key,), spans[by], by) for by in spans for key in INDICATORS]
        asked += [queries.Asked((key,), (case_filter.span,)) for key in INDICATORS]
        with database.reading() as connection:
            together = queries.measure_together(connection, database, case_filter, asked)
            for each, found in zip(asked, together, strict=True):
                (alone,) = queries.measure_together(connection, database, case_filter, [each])
                assert told(found) == told(alone), each
