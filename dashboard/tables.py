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
    "lead_unit",
    "category",
    "registered_at",
    "due_at",
    "days_overdue",
    "closed_at",
    "extended",
    "supervised",
)
OPTIONAL: Final = ("days_overdue", "closed_at", "extended", "supervised")
"""Columns that are left out where no case has them."""


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
    shown = pd.DataFrame(index=rows.index)
    shown["case_no"] = rows["case_no"]
    shown["status"] = [text(f"status.{status(row)}") for row in records(rows)]
    shown["lead_unit"] = [names.unit(unit) for unit in rows["lead_unit_id"]]
    shown["category"] = [names.category(category) for category in rows["category_id"]]
    for name in ("registered_at", "due_at", "closed_at"):
        shown[name] = rows[name]
    shown["days_overdue"] = rows["days_overdue"]
    for name in ("extended", "supervised"):
        shown[name] = [text("common.yes") if flag else "" for flag in rows[name]]
    return shown[list(COLUMNS)]


def _is_blank(column: pd.Series[Any]) -> bool:
    return bool(column.isna().all() or (column == "").all())


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dicts by column."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


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
    shown = shown.drop(columns=[name for name in OPTIONAL if name in shown and _is_blank(shown[name])])
    longest = rows["days_overdue"].max()
    formats: dict[str, Any] = {
        name: st.column_config.DateColumn(text(f"column.{name}"), format="YYYY-MM-DD")
        for name in ("registered_at", "due_at", "closed_at")
    }
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
        shown,
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
        cells = [[_printed(cell) for cell in row] for row in shown.head(on_paper).to_numpy()]
        words = list(shown).index("days_overdue") if "days_overdue" in shown else len(head)
        sheet(head, cells, words, only_paper=True)
        if len(shown) > on_paper:
            st.html(f'<p class="only-paper">{escape(text("table.first_rows", n=on_paper))}</p>')
    return state


def _printed(cell: Any) -> str:
    if pd.isna(cell):
        return ""
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
