"""The obvious alternative: a page that reads the whole table into pandas and groups there.

`streamlit run benchmarks/naive.py` with CASES_URL. It shows the overview's main figures, and they are the
same. With CASES_NAIVE_KEEP=1 the table stays in memory, shared by all viewers: as fast as this way can be,
at the price of that memory and of figures that stand still until someone reads again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Engine, text

KEEP: Final = "CASES_NAIVE_KEEP"
MOMENTS: Final = ["registered_at", "closed_at", "due_at", "accepted_at", "extended_at"]
OUTSIDE: Final = ["not_accepted", "no_longer_accepted", "returned", "merged", "filed"]
EXITS: Final = ["not_accepted", "transferred", "merged"]


@dataclass(frozen=True)
class Figures:
    """The overview's main figures. `by_month`: registered, closed by month; `by_unit`: open, overdue, share."""

    registered: int
    closed: int
    open: int
    overdue: int
    on_time_rate: float
    by_month: pd.DataFrame
    by_unit: pd.DataFrame


def read(connection: Connection) -> pd.DataFrame:
    """The whole table of cases."""
    # DuckDB and PostgreSQL give moments; SQLite gives texts, which pandas turns into moments.
    return pd.read_sql(text("SELECT * FROM petition_case"), connection, parse_dates=MOMENTS)


def figures(cases: pd.DataFrame, start: date, at: datetime) -> Figures:
    """Flows from the day `start` to the moment `at`, stocks as of `at`; for data that hold nothing later."""
    first = pd.Timestamp(start)
    closed_at = cases["closed_at"].where(cases["closed_at"] >= cases["registered_at"], cases["registered_at"])
    closed_at = closed_at.where(cases["closed_at"].notna())  # a closing before the registration counts as on it
    days = cases["extended_at"].notna().map({True: 90, False: 60})
    computed = cases["accepted_at"].dt.normalize() + pd.to_timedelta(days + 1, unit="D") - pd.Timedelta(seconds=1)
    cases = cases.assign(
        closed_at=closed_at,
        due_at=cases["due_at"].fillna(computed),  # a few cases state none
        on_clock=~cases["disposition"].isin(OUTSIDE)
        & ~cases["closed_how"].isin(EXITS)
        & (cases["track"] != "other")
        & ~cases["purpose"].isin(["suggestion", "accusation"])
        & (cases["due_at"].notna() | cases["accepted_at"].notna()),
    )
    registered = cases[cases["registered_at"].between(first, at)]
    closed = cases[cases["closed_at"].between(first, at)]
    still_open = cases[cases["closed_at"].isna()]
    running = still_open[still_open["on_clock"]].assign(overdue=lambda c: c["due_at"] <= at)
    fell_due = cases[cases["on_clock"] & cases["due_at"].between(first, at)]
    by_unit = running.groupby("lead_unit_id")["overdue"].agg(["size", "sum", "mean"])
    by_unit.columns = ["open", "overdue", "share"]
    by_month = pd.DataFrame(
        {
            "registered": registered.groupby(registered["registered_at"].dt.to_period("M")).size(),
            "closed": closed.groupby(closed["closed_at"].dt.to_period("M")).size(),
        }
    )
    return Figures(
        registered=len(registered),
        closed=len(closed),
        open=len(still_open),
        overdue=int(running["overdue"].sum()),
        on_time_rate=float((fell_due["closed_at"] <= fell_due["due_at"]).mean()),
        by_month=by_month.fillna(0).astype(int),
        by_unit=by_unit.sort_values("overdue", ascending=False),
    )


def page() -> None:
    """The page."""
    import streamlit as st

    from data_access.engine import reading_engine
    from data_access.settings import load

    @st.cache_resource
    def engine(url: str) -> Engine:
        return reading_engine(url, load())

    def fresh(url: str) -> pd.DataFrame:
        with engine(url).connect() as connection:
            return read(connection)

    @st.cache_resource
    def kept(url: str) -> pd.DataFrame:
        return fresh(url)

    st.set_page_config(layout="wide")
    url = os.environ["CASES_URL"]
    cases = kept(url) if os.environ.get(KEEP) else fresh(url)
    at = cases["registered_at"].max().to_pydatetime().replace(hour=23, minute=59, second=59)
    with st.sidebar:
        start = st.date_input("from", (at - timedelta(days=365)).date(), key="from")
        channels: list[Any] = st.multiselect("channel", sorted(cases["channel"].dropna().unique()), key="channel")
    found = figures(cases[cases["channel"].isin(channels)] if channels else cases, start, at)
    st.html(f'<h1 class="headline">{found.registered:,} registered, {found.overdue:,} overdue</h1>')
    tiles = {
        "registered": f"{found.registered:,}",
        "closed": f"{found.closed:,}",
        "open": f"{found.open:,}",
        "overdue": f"{found.overdue:,}",
        "on time": f"{found.on_time_rate:.1%}",
    }
    for column, (name, value) in zip(st.columns(len(tiles)), tiles.items(), strict=True):
        column.metric(name, value)
    left, right = st.columns(2)
    left.bar_chart(found.by_month.rename(index=str), stack=False)
    right.bar_chart(found.by_unit["overdue"])


if __name__ == "__main__":
    page()
