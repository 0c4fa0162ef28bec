"""Small databases made by hand for tests, and how tests open and ask one."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any

import engines
import pandas as pd
from sqlalchemy import DateTime

from data_access import queries, schema, settings
from data_access.database import CaseDatabase, open_database
from data_access.engine import writing_engine
from data_access.filters import CaseFilter
from data_access.periods import Span

Row = dict[str, Any]


def moment(written: str) -> dt.datetime:
    """`2026-03-05` (its first moment), `2026-03-05 9:30` or with seconds."""
    day, _, time = written.partition(" ")
    hours = [int(part) for part in time.split(":")] if time else [0]
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(*hours))


def end_of(written: str) -> dt.datetime:
    """The last moment of a day."""
    return dt.datetime.combine(dt.date.fromisoformat(written), dt.time(23, 59, 59))


def make(url: str, **rows: list[Row]) -> str:
    """A database of the contract with these rows by table; moments may be written as text. Gives back `url`.

    A case needs a case_no only; its case_id is the same.
    """
    engine = writing_engine(url)
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        for name, given in rows.items():
            table = schema.metadata.tables[name]
            for row in given:
                if name == "petition_case":
                    row = {"case_id": row["case_no"]} | row
                dated = {
                    key: moment(value) if isinstance(value, str) and isinstance(table.c[key].type, DateTime) else value
                    for key, value in row.items()
                }
                connection.execute(table.insert().values(**dated))
    engine.dispose()
    return url


def make_file(folder: Path, **rows: list[Row]) -> str:
    """`make` in a new database of the engine that tests run on; a file of `folder` where it keeps files."""
    return make(engines.fresh_url(folder), **rows)


@cache
def opened(url: str) -> CaseDatabase:
    """The database with the settings as shipped, opened once a process: for databases that stay as they are."""
    return open_database(url, settings.load())


def seen(as_of: dt.datetime | str, start: str | None = None, end: str | None = None, **narrowed: Any) -> CaseFilter:
    """A filter: as of a moment (a day means its last one), in the days from `start` to `end` (else until then)."""
    at = as_of if isinstance(as_of, dt.datetime) else end_of(as_of) if " " not in as_of else moment(as_of)
    first = dt.date.fromisoformat(start) if start else None
    last = dt.date.fromisoformat(end) if end else at.date()
    return CaseFilter(at, Span(first, last), "custom", **narrowed)


def measured(
    database: CaseDatabase, case_filter: CaseFilter, *keys: str, by: str | None = None
) -> dict[Any, tuple[int | None, int | None]]:
    """Numerator and denominator by indicator, or by indicator and group."""
    with database.reading() as connection:
        return counts(queries.measure(connection, database, case_filter, keys, by), grouped=by is not None)


def counts(table: pd.DataFrame, grouped: bool) -> dict[Any, tuple[int | None, int | None]]:
    """A table of `queries.measure` as a dictionary; groups without any case are left out."""

    def whole(value: Any) -> int | None:
        return None if pd.isna(value) else int(value)

    found = {}
    for row in table.itertuples():
        pair = whole(row.numerator), whole(row.denominator)
        if grouped and (pair[1] if pair[1] is not None else pair[0]) == 0:
            continue
        group = None if pd.isna(row.group) else row.group
        found[(row.indicator, group) if grouped else row.indicator] = pair
    return found


def differences(found: dict[Any, Any], expected: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """What two dictionaries do not agree on: found, expected."""
    keys = found.keys() | expected.keys()
    return {key: (found.get(key), expected.get(key)) for key in keys if found.get(key) != expected.get(key)}
