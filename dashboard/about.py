"""What the definitions page tells about indicators and the database in use."""

from __future__ import annotations

from datetime import datetime

from dashboard import cache, words
from data_access import queries, schema
from data_access.accountability import ACCOUNTABILITY
from data_access.database import CaseDatabase
from data_access.deadlines import last_known_year
from data_access.indicators import INDICATORS
from data_access.texts import text
from data_access.views import row_counts

__all__ = ["database_rows", "indicator_rows", "lacks", "last_known_year"]


def indicator_rows(database: CaseDatabase, *, accountability: bool) -> list[list[str]]:
    """name, formula, article, source columns, target, whether the database feeds it; one of the two families."""
    family = {indicator.key for indicator in ACCOUNTABILITY}
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
