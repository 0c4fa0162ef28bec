"""The parts of the definitions page: the indicators, the statutory clock, the data and their faults, the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard import cache, clock_view, frame, official_view, quality_of_data, tables, words
from data_access import queries, schema
from data_access.accountability import ACCOUNTABILITY
from data_access.appeals import APPEALS
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import INDICATORS
from data_access.texts import text
from data_access.views import row_counts

Part = Callable[[CaseDatabase, CaseFilter], None]


def indicators_of(title: str, *, accountability: bool) -> Part:
    """The table of one family of indicators."""

    def part(database: CaseDatabase, _case_filter: CaseFilter) -> None:
        rows = indicator_rows(database, accountability=accountability)
        frame.headline(text(title, n=len(rows)))
        head = [text(f"definitions.{name}") for name in ("name", "formula", "article", "columns", "target", "fed")]
        tables.sheet(head, rows, texts=4)

    return part


def the_clock(database: CaseDatabase, _case_filter: CaseFilter) -> None:
    """The limits of the regulation as this county has them."""
    frame.headline(text("clock.headline", days=database.settings.deadlines.closing_days))
    clock_view.draw(database)


def the_database(database: CaseDatabase, _case_filter: CaseFilter) -> None:
    """The database in use and what it lacks."""
    frame.headline(text("definitions.database"))
    head = [text("definitions.what"), text("definitions.value")]
    tables.sheet(head, database_rows(database, cache.now()), texts=2)
    missing = lacks(database)
    if missing:
        st.subheader(text("definitions.lacks"))
        tables.sheet([text("definitions.table"), text("definitions.columns")], missing, texts=2)


def indicator_rows(database: CaseDatabase, *, accountability: bool) -> list[list[str]]:
    """name, formula, article, source columns, target, whether the database feeds it; one of the two families."""
    family = {indicator.key for indicator in (*APPEALS, *ACCOUNTABILITY)}
    rows = []
    for key, indicator in INDICATORS.items():
        if (key in family) is not accountability:
            continue
        target = database.settings.target(key)
        rows.append(
            [
                words.label(key),
                text(f"indicator.{key}.formula"),
                text(f"indicator.{key}.article"),
                ", ".join(indicator.needs),
                words.NONE if target is None else words.percent(target, 0),
                text("common.yes") if queries.can_feed(database, key) else text("definitions.not_fed"),
            ]
        )
    return rows


def database_rows(database: CaseDatabase, now: datetime) -> list[list[str]]:
    """The database's URL without password, its newest data, the rows of each table."""
    counts = cache.ask_database(row_counts)
    rows = [
        [text("definitions.url"), database.shown_url],
        [text("definitions.newest"), str(text("definitions.moment", at=database.newest_at or now))],
        [text("definitions.time_zone"), database.settings.time_zone],
    ]
    if database.extracted_at:
        rows.append([text("definitions.extract"), str(text("definitions.moment", at=database.extracted_at))])
    if database.demo_as_of:
        rows.append([text("definitions.demo"), text("frame.demo")])
    return rows + [[text("definitions.rows", table=table), f"{count:,}"] for table, count in counts.items()]


def lacks(database: CaseDatabase) -> list[list[str]]:
    """Table by table, the columns of the contract that the database does not have."""
    rows = []
    for table in schema.metadata.tables.values():
        missing = [column.name for column in table.columns if not database.has(f"{table.name}.{column.name}")]
        if missing:
            whole = len(missing) == len(table.columns)
            rows.append([table.name, text("definitions.whole_table") if whole else ", ".join(missing)])
    return rows


PARTS: Final[dict[str, Part]] = {
    "indicators": indicators_of("definitions.headline", accountability=False),
    "accountability": indicators_of("definitions.headline_accountability", accountability=True),
    "clock": the_clock,
    "data": quality_of_data.draw,
    "official": official_view.draw,
    "database": the_database,
}
"""The parts in order, by the code that the URL bears."""
