"""The wall's view of the official figures beside ours."""

from __future__ import annotations

from dashboard import official_view, words
from dashboard.slides import METHODS, Row, Slide
from data_access import official
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.problems import Problem
from data_access.texts import text


def has_file(database: CaseDatabase) -> bool:
    """Whether official figures are given, without which the view is left out."""
    return official.given_file(database.settings) is not None


def official_figures(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """What was published beside ours; what is to be checked first."""
    try:
        view = official_view.ask(database, case_filter)
    except Problem:
        view = None
    if view is None or not view.rows:
        return Slide(text("wall.official_none"))
    agrees, unknown = view.count("agrees"), view.count("unknown")
    order = {"unknown": 0, "agrees": 2}
    rows = tuple(
        Row(
            name(row, database, case_filter),
            official_view.shown(row, row.value),
            cells=(
                official_view.shown(row, row.published.value),
                official_view.difference(row),
                text(f"wall.official_reason.{row.reason.code}"),
            ),
            asked=official_view.question(row, case_filter),
            tone="urgent" if row.reason.code == "unknown" else "subject",
        )
        for row in sorted(view.rows, key=lambda row: order.get(row.reason.code, 1))
    )
    said = {"n": len(view.rows), "agrees": agrees, "unknown": unknown}
    return Slide(
        text("wall.official_all", n=len(view.rows)) if agrees == len(view.rows) else text("wall.official", **said),
        head=(
            text("official.indicator"),
            *(text(f"official.{column}") for column in ("ours", "published", "difference", "reason")),
        ),
        rows=rows,
        methods=tuple(dict.fromkeys(row.published.indicator for row in view.rows))[:METHODS],
    )


def name(row: official.Beside, database: CaseDatabase, case_filter: CaseFilter) -> str:
    """The indicator, its period, and its unit unless it is the county."""
    parts = [words.label(row.published.indicator), official_view.period_name(row, case_filter)]
    if row.published.unit:
        parts.insert(0, official_view.unit_name(row, database))
    return text("wall.official_join").join(parts)
