"""Key figures: the balance strip, the tiles, the meeting's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Final, Literal

import pandas as pd
import streamlit as st

from dashboard import brief, drill, signal_words, tables, words
from dashboard.drill import question
from data_access import signals
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.flows import BETWEEN, Balance
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.settings import Settings
from data_access.texts import text
from data_access.views import Figure, Overview

ITEMS: Final = (
    ("opening", ""),
    ("registered", "+"),
    ("reopened", "+"),
    ("moved_in", "+"),
    ("moved_out", "−"),
    ("closed", "−"),
    ("closing", "="),
)


def strip(
    balance: Balance, case_filter: CaseFilter, database: CaseDatabase, accusations: tuple[int, int] | None
) -> None:
    """Opening + new + reopened + in − out − closed = closing; under it a link to the cases of each item.

    Without events in the database nothing is known of reopenings and transfers, and they are left out.
    """
    items = [item for item in ITEMS if item[0] not in BETWEEN or database.has("case_event.kind")]
    balance_strip("balance", [(sign, text(f"balance.{name}"), getattr(balance, name)) for name, sign in items])
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        for name, _sign in items:
            if getattr(balance, name):
                drill.link(_behind(name, case_filter), text("balance.open", name=text(f"balance.{name}")))
        if accusations and any(accusations):
            known = text("balance.accusations", registered=accusations[0], closed=accusations[1])
            brief.note(known)
            st.caption(known)


def balance_strip(key: str, items: Sequence[tuple[str, str, int]]) -> None:
    """A sum in boxes: sign, name and number of each item. The first and the last are totals; noted for the briefing."""
    brief.note(" ".join(f"{sign} {name} {n:,}" for sign, name, n in items))
    parts = []
    for place, (sign, name, n) in enumerate(items):
        total = " total" if place in (0, len(items) - 1) else ""
        parts.append(f'<span class="sign">{sign}</span>' if sign else "")
        parts.append(
            f'<div class="item{total}"><div class="name">{escape(name)}</div><div class="count">{n:,}</div></div>'
        )
    st.html(f'<div class="strip" id="{key}">{"".join(parts)}</div>')


def _behind(name: str, case_filter: CaseFilter) -> Question:
    """The cases that an item of the strip counts."""
    if name == "opening" and case_filter.span.before:
        return question("open", days=f"..{case_filter.span.before:%Y-%m-%d}")
    return question("open" if name == "closing" else name)


def tiles(view: Overview, database: CaseDatabase) -> None:
    """The key figures with their changes, last twelve months, target and a link to their cases.

    An arrow and a colour only where the last complete month is more than routine variation, and the change goes
    the same way. Stocks are not judged here: their months would double the time that the page takes.
    """
    settings = database.settings
    for column, (key, figure) in zip(st.columns(len(view.tiles)), view.tiles.items(), strict=True):
        brief.note(line(figure, settings, view.not_yet_due))
        with column, st.container(border=True, height="stretch"):
            _tile(figure, view.sparks[key], view.monthly.get(key), database, view.not_yet_due)


def _tile(
    figure: Figure, spark: pd.Series[float], monthly: pd.DataFrame | None, database: CaseDatabase, not_yet_due: int
) -> None:
    settings = database.settings
    small_n = settings.comparison.small_n
    change = None if figure.before is None else words.change(figure, figure.before, figure.before_n, small_n)
    color, arrow = mark(figure, change, monthly, database)
    st.metric(
        words.label(figure.key),
        words.value(figure),
        delta=change,
        delta_color=color,
        delta_arrow=arrow,
        delta_description=None if change is None else text("change.before"),
        chart_data=[round(value, 4) for value in spark.dropna()],
        help=text(f"indicator.{figure.key}.formula"),
    )
    notes = [text("change.year_ago", change=words.change(figure, figure.year_ago, figure.year_ago_n, small_n))]
    target = settings.target(figure.key)
    if target is not None:
        notes.append(text("tile.target", target=words.percent(target, 0)))
    if figure.denominator is not None:
        notes.append(text("tile.n", n=figure.denominator))
    if figure.key == "closure_rate":
        notes.append(text("tile.not_yet_due", n=not_yet_due))
    if monthly is not None and len(monthly):
        notes.append(signal_words.short(monthly, database))
    st.caption(text("common.joint").join(notes))
    if figure.numerator or figure.denominator:
        late = figure.key == "on_time_closure_rate"
        label = (
            text("tile.open_late", n=(figure.denominator or 0) - (figure.numerator or 0)) if late else text("tile.open")
        )
        drill.link(question(figure.key, "rest" if late else "denominator"), label)


def mark(
    figure: Figure, change: str | None, monthly: pd.DataFrame | None, database: CaseDatabase
) -> tuple[Literal["off", "normal", "inverse"], Literal["auto", "off"]]:
    """Colour and arrow of a tile's change: none unless its last complete month is a signal the same way."""
    if monthly is None or change is None or change[0] not in "+-":
        return "off", "off"
    found = signal_words.of(monthly, "value", database)
    if found.verdict not in (signals.UP if change[0] == "+" else signals.DOWN):
        return "off", "off"
    better = MEASURES[figure.key].better
    return "off" if better is None else "normal" if better == "more" else "inverse", "auto"


def line(figure: Figure, settings: Settings, not_yet_due: int) -> str:
    """A tile in one line: value and what it is of, changes, target."""
    name, small_n, target = words.label(figure.key), settings.comparison.small_n, settings.target(figure.key)
    if figure.denominator is None or figure.numerator is None:
        parts = [text("brief.figure", name=name, value=words.value(figure))]
    else:
        ratio = {"part": figure.numerator, "whole": figure.denominator}
        parts = [text("brief.ratio", name=name, value=words.value(figure), **ratio)]
    if figure.before is not None:
        parts.append(text("brief.before", change=words.change(figure, figure.before, figure.before_n, small_n)))
    parts.append(text("change.year_ago", change=words.change(figure, figure.year_ago, figure.year_ago_n, small_n)))
    if target is not None:
        parts.append(text("tile.target", target=words.percent(target, 0)))
    if figure.key == "closure_rate":
        parts.append(text("tile.not_yet_due", n=not_yet_due))
    return text("filter.joint").join(parts)


def shares_by(table: pd.DataFrame, name_of: Callable[[str | None], str]) -> pd.DataFrame:
    """Groups with late cases, most first: group, name, overdue, open, share, label."""
    late = table[table["overdue"].fillna(0) > 0].sort_values(["overdue", "share"], ascending=False)
    return pd.DataFrame(
        {
            "group": late["group"].fillna(""),
            "name": [name_of(group) or text("common.unknown") for group in late["group"]],
            "overdue": late["overdue"].astype("int64"),
            "open": late["open"].astype("int64"),
            "share": late["share"].astype("float64"),
            "label": [
                text("overview.share_label", n=int(row["overdue"]), share=words.percent(float(row["share"]), 0))
                for row in tables.records(late)
            ],
        }
    )


def rest(table: pd.DataFrame, shown: int) -> None:
    """What a chart of the first `shown` groups leaves out, in a sentence."""
    left_out = table.iloc[shown:]
    if len(left_out):
        st.caption(text("overview.rest", groups=len(left_out), n=int(left_out["overdue"].sum())))


def meeting_table(view: Overview, settings: Settings) -> None:
    """本月, 同比, 环比, 1–N月累计, 累计同比: one row a figure, for the last complete statistical month."""
    small_n = settings.comparison.small_n
    month = words.month_name(view.month)
    head = [
        text("meeting.figure"),
        text("meeting.month", month=month),
        text("meeting.year_ago"),
        text("meeting.before"),
        text("meeting.year_to_date", month=month),
        text("meeting.year_to_date_year_ago"),
    ]
    rows = []
    for now, year in zip(view.meeting, view.year_to_date, strict=True):
        if now.value is None and year.value is None:
            continue
        rows.append(
            [
                words.label(now.key),
                words.value(now),
                words.change(now, now.year_ago, now.year_ago_n, small_n),
                words.change(now, now.before, now.before_n, small_n),
                words.value(year),
                words.change(year, year.year_ago, year.year_ago_n, small_n),
            ]
        )
    tables.sheet(head, rows, noted=True)
