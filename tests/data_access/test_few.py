"""Cases out of the ordinary are counted the same whether they are known by their keys or not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from handmade import seen

from data_access import few, queries, settings
from data_access.database import CaseDatabase, open_database
from data_access.indicators import INDICATORS
from data_access.periods import last_months


def monthly(database: CaseDatabase) -> list[object]:
    case_filter = seen("2026-11-24", "2025-12-01")
    months = last_months(datetime(2026, 11, 24).date(), 12, settings.load().period)
    with database.reading() as connection:
        rows = queries.measure_spans(connection, database, case_filter, tuple(INDICATORS), months)
    return rows.astype(object).where(rows.notna(), None).to_numpy().tolist()


def test_known_by_their_keys_or_not(rough_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{rough_file.as_posix()}"
    late = INDICATORS["on_time_closure_rate"].unsettled
    assert late
    known, unknown = (open_database(url, settings.load()) for _ in range(2))
    by_keys = monthly(known)
    assert few.few(known, late), "a rough county has some"
    monkeypatch.setattr(few, "MOST", 0)
    assert few.few(unknown, late) is None
    assert by_keys == monthly(unknown) and len(by_keys) > 200
