"""Filter + indicator + grouping -> DataFrame.

Group first, divide after. Each function takes a connection inside one read-only
transaction, so that all figures of a screen come from one snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from data_access import schema
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.periods import Span
from data_access.tally import Ask, Row, count


def measure(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    by: str | None = None,
) -> pd.DataFrame:
    """Indicators of the filter's period: indicator, group, numerator, denominator, value.

    `value` is a share 0-1 for rates and the count for counts (numerator = value,
    denominator empty). `group` is None when ungrouped. Indicators or groupings that the
    database cannot feed are left out. Rating shares of small cells are empty.
    """
    return measure_spans(connection, database, case_filter, keys, [case_filter.span], by).drop(columns="span")


def measure_spans(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    spans: Sequence[Span],
    by: str | None = None,
    seen_at: datetime | None = None,
) -> pd.DataFrame:
    """Indicators of several periods, each as of its own end: span (position in `spans`) and the columns of `measure`.

    With `seen_at` all are seen from that instant instead: cohorts, whose cases went on after
    the period. Spans may overlap.
    """
    return measure_together(connection, database, case_filter, [Asked(tuple(keys), tuple(spans), by, seen_at)])[0]


@dataclass(frozen=True)
class Asked:
    """What `measure_spans` is asked: indicators by key, spans, a grouping, an instant for all spans."""

    keys: tuple[str, ...]
    spans: tuple[Span, ...]
    by: str | None = None
    seen_at: datetime | None = None


def measure_together(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, questions: Sequence[Asked]
) -> list[pd.DataFrame]:
    """The answers of `measure_spans` to several questions, in far fewer statements than one after another takes."""
    asks = [
        Ask(tuple(MEASURES[key] for key in each.keys if can_feed(database, key)), each.spans, each.by, each.seen_at)
        for each in questions
    ]
    counted = count(connection, database, case_filter, asks)
    return [
        _table(rows, each.keys, database, len(each.spans), grouped=each.by is not None)
        for rows, each in zip(counted, questions, strict=True)
    ]


def can_feed(database: CaseDatabase, key: str) -> bool:
    """Whether the database has what an indicator needs; of the two deadline sources one is enough."""
    needs = MEASURES[key].needs
    either = set(schema.DEADLINE_SOURCES)
    if either <= set(needs) and not any(database.has(name) for name in either):
        return False
    optional = either if either <= set(needs) else set()
    return database.has(*(name for name in needs if name not in optional))


def _table(rows: list[Row], keys: Sequence[str], database: CaseDatabase, spans: int, grouped: bool) -> pd.DataFrame:
    """The counts added up and divided, in the order of `keys`; ungrouped, every span has a row."""
    totals: dict[tuple[str, int, Any], tuple[int, int]] = {}
    if not grouped:
        fed = [key for key in keys if can_feed(database, key)]
        totals = {(key, span, None): (0, 0) for key in fed for span in range(spans)}
    for key, span, group, numerator, denominator in rows:
        before = totals.get((key, span, group), (0, 0))
        totals[key, span, group] = (before[0] + numerator, before[1] + denominator)
    small_cell = database.settings.comparison.small_cell
    found: list[tuple[Any, ...]] = []
    for (key, span, group), (numerator, denominator) in totals.items():
        indicator = MEASURES[key]
        if grouped and indicator.is_rate and not denominator:
            continue
        if not indicator.is_rate:
            shown = None if indicator.confidential and 0 < numerator < small_cell else numerator
            found.append((key, span, group, shown, None, shown))
        elif indicator.confidential and denominator < small_cell:
            found.append((key, span, group, None, denominator, None))
        else:
            found.append((key, span, group, numerator, denominator, numerator / denominator if denominator else None))
    order = {key: position for position, key in enumerate(keys)}
    found.sort(key=lambda row: (order[row[0]], row[1]))
    indicators, positions, groups, numerators, denominators, values = zip(*found, strict=True) if found else ((),) * 6
    return pd.DataFrame(
        {
            "indicator": list(indicators),
            "span": np.array(positions, dtype="int64"),
            "group": pd.Series(groups, dtype=object),
            "numerator": pd.array(numerators, dtype="Int64"),
            "denominator": pd.array(denominators, dtype="Int64"),
            "value": pd.array(values, dtype="Float64"),
        }
    )
