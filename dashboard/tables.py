"""Tables that a person can read: numbers to the right, days overdue as bar and number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import brief, cache, theme
from data_access.texts import text

UNSORTABLE: Final = ("single-cell", "single-column")
"""Column selection turns the sorting of a table off: volumes must not be ranked."""
COLUMNS: Final = (
    "case_no",
    "status",
    "stage",
    "lead_unit",
    "category",
    "registered_at",
    "due_at",
    "stage_due_at",
    "days_left",
    "share_used",
    "due_source",
    "days_overdue",
    "closed_at",
    "extended",
    "supervised",
)
OPTIONAL: Final = (
    *("stage_due_at", "days_left", "share_used", "due_source"),
    *("days_overdue", "closed_at", "extended", "supervised"),
)
"""Columns that are left out where no case has them."""


FIGURES: Final = ("days_left", "share_used", "days_overdue")
"""Columns of numbers."""


def status(row: Mapping[str, Any]) -> str:
    """Where a case stands at the effective instant, as a code of the catalogue (`status.<code>`)."""
    if row["is_overdue"]:
        return "overdue"
    if row["is_open"]:
        return "open" if pd.isna(row["due_at"]) else "running"
    return "closed_late" if row["was_late"] else "closed"


def readable(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns of `COLUMNS` in words, for a screen or a file."""
    names = cache.database().names
    standing = rows[["is_overdue", "is_open", "due_at", "was_late"]]
    shown: dict[str, Any] = {
        "status": [text(f"status.{status(row)}") for row in records(standing)],
        "lead_unit": [names.unit(unit) for unit in rows["lead_unit_id"]],
        "category": [names.category(category) for category in rows["category_id"]],
        "stage": [text(f"code.stage.{stage}") for stage in rows["stage"]],
        "due_source": [
            text(f"code.due_source.{source}") if isinstance(source, str) else "" for source in rows["due_source"]
        ],
        **{name: [text("common.yes") if flag else "" for flag in rows[name]] for name in ("extended", "supervised")},
    }
    return pd.DataFrame({name: shown.get(name, rows.get(name)) for name in COLUMNS}, index=rows.index)


def _is_blank(column: pd.Series[Any]) -> bool:
    return bool(column.isna().all() or (column == "").all())


def _needless(rows: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """The columns that say nothing in this list, or what another one says already."""
    found = [name for name in OPTIONAL if name in shown and _is_blank(shown[name])]
    if rows["stage"].nunique() == 1:
        found.append("stage")
    if not (rows["stage_due_at"].notna() & (rows["stage_due_at"] != rows["due_at"])).any():
        found.append("stage_due_at")
    late_only = bool(rows["is_overdue"].all())
    return found + (["days_left", "share_used"] if late_only else ["days_overdue"])


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dicts by column."""
    names = [str(name) for name in table]
    return [dict(zip(names, row, strict=True)) for row in zip(*(table[name].tolist() for name in table), strict=True)]


def case_table(
    rows: pd.DataFrame,
    *,
    key: str,
    height: Any = "auto",
    columns: Sequence[str] = COLUMNS,
    pick: bool = False,
    on_paper: int = 0,
) -> Any:
    """A list of cases; with `pick` a row can be chosen and the widget's state comes back.

    `on_paper`: how many of them are printed.
    """
    shown = readable(rows)[list(columns)]
    shown = shown.drop(columns=_needless(rows, shown), errors="ignore")
    longest = rows["days_overdue"].max()
    formats: dict[str, Any] = {
        name: st.column_config.DateColumn(text(f"column.{name}"), format="YYYY-MM-DD")
        for name in ("registered_at", "due_at", "stage_due_at", "closed_at")
    }
    formats["days_left"] = st.column_config.NumberColumn(
        text("column.days_left"), format=text("column.days_format"), help=text("column.days_left_help")
    )
    formats["share_used"] = st.column_config.ProgressColumn(
        text("column.share_used"), format="%.0f%%", min_value=0, max_value=100, color=theme.palette().blue
    )
    formats["due_source"] = st.column_config.TextColumn(text("column.due_source"), help=text("column.due_source_help"))
    formats["days_overdue"] = st.column_config.ProgressColumn(
        text("column.days_overdue"),
        format=text("column.days_format"),
        min_value=0,
        max_value=int(longest) if pd.notna(longest) else 1,
        color=theme.palette().action,
    )
    config = {name: formats.get(name, text(f"column.{name}")) for name in columns if name in shown}
    options: dict[str, Any] = {"on_select": "rerun", "selection_mode": ("single-row", "single-column")} if pick else {}
    state = st.dataframe(
        shown.assign(share_used=shown["share_used"] * 100) if "share_used" in shown else shown,
        key=key,
        hide_index=True,
        column_config=config,
        height=height,
        row_height=38,
        placeholder="",
        alt=text("table.cases"),
        **options,
    )
    if on_paper:
        head = [text(f"column.{name}") for name in shown]
        cells = [[_printed(name, cell) for name, cell in row.items()] for row in records(shown.head(on_paper))]
        words = next((place for place, name in enumerate(shown) if name in FIGURES), len(head))
        sheet(head, cells, words, only_paper=True)
        if len(shown) > on_paper:
            st.html(f'<p class="only-paper">{escape(text("table.first_rows", n=on_paper))}</p>')
    return state


def _printed(name: str, cell: Any) -> str:
    if pd.isna(cell):
        return ""
    if name == "share_used":
        return f"{cell:.0%}"
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d}"
    return text("column.days_format") % cell if isinstance(cell, int | float) else str(cell)


class Faint(str):
    """The words of a cell that stands on too few cases to say anything: drawn pale."""

    __slots__ = ()


def sheet(
    head: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1, *, noted: bool = False, only_paper: bool = False
) -> None:
    """A small table drawn as HTML with every cell escaped; the first `texts` columns are words, the others figures.

    `noted`: it goes into the briefing too. `only_paper`: it is printed in place of a table that scrolls on the screen.
    """
    if noted:
        brief.note_table(head, rows)

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{_kind(cell, position < texts)}>{escape(cell)}</{tag}>" for position, cell in enumerate(row)
        )

    top = cells(head, "th")
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    kind = "sheet only-paper" if only_paper else "sheet"
    st.html(f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>')


def _kind(cell: str, is_words: bool) -> str:
    return ' class="faint"' if isinstance(cell, Faint) else ' class="words"' if is_words else ""
