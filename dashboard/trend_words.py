"""Sentences, names and two parts for the trends page: signal or noise, and the weeks around a season."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from dashboard import bound, brief, cache, drill, frame, season_charts, signal_words
from data_access import seasons
from data_access.database import CaseDatabase, Names
from data_access.filters import FIELDS, CaseFilter
from data_access.texts import has_text, text

SERIES: Final = {"registered": "flow.registered", "closed": "flow.closed", "open": "trends.stock"}
"""The monthly series that are judged, and what they are called."""


def message(series: pd.DataFrame, length: str) -> str:
    """What the last complete span says: received, closed, open at its end."""
    complete = series[~series["unfinished"]]
    row = (complete if len(complete) else series).iloc[-1]
    return text(
        "trends.headline",
        span=span_words(row["start"], row["end"], length),
        registered=int(row["registered"]),
        closed=int(row["closed"]),
        open=int(row["open"]),
    )


def years_message(by_year: pd.DataFrame) -> str:
    """This year's complete months beside the same months a year ago."""
    complete = by_year[~by_year["unfinished"]]
    year = complete["year"].max()
    this, last = (complete[complete["year"] == each] for each in (year, year - 1))
    last = last[last["month"].isin(this["month"])]
    if this.empty or len(last) < len(this):
        return text("trends.years")
    return text(
        "trends.years_alt",
        year=str(year),
        first=text(f"month.{this['month'].min()}"),
        last=text(f"month.{this['month'].max()}"),
        now=int(this["registered"].sum()),
        before=int(last["registered"].sum()),
    )


def span_words(start: pd.Timestamp, end: pd.Timestamp, length: str) -> str:
    """`2026年10月`, `2026年第4季度`, or the days."""
    if length in ("month", "quarter", "year"):
        # A statistical month bears the name of the month it ends in.
        return text(f"span.{length}", year=str(end.year), month=end.month, quarter=(end.month + 2) // 3)
    return (
        text("span.days", start=f"{start:%Y-%m-%d}", end=f"{end:%Y-%m-%d}") if length == "week" else f"{end:%Y-%m-%d}"
    )


def group_name(group: object, by: str, names: Names) -> str:
    """The screen name of a group of a dimension."""
    if not isinstance(group, str) or not group:
        return text("common.unknown")
    if by in ("unit", "township", "functional"):
        return names.unit(group)
    if by in ("category", "field"):
        return names.category(group)
    if by == "post":
        return names.post(group)
    if by == "item":
        return names.item(group)
    if by == "batch":
        return batch_name(group)
    if by in ("assigned", "instructed"):
        return text(f"code.level.{group}")
    if by in FIELDS:
        return FIELDS[by].words(group, names)
    return text(f"code.{by}.{group}")


def batch_name(list_id: str) -> str:
    """`2026年县交办积案` of `county-2026`; another code as it is."""
    level, _, year = list_id.partition("-")
    known = has_text(f"code.batch.{level}") and year.isdigit()
    return text(f"code.batch.{level}", year=year) if known else list_id


def named(table: pd.DataFrame, by: str, names: Names) -> pd.DataFrame:
    """`table` with the groups' screen names, in the units' or codes' fixed order: volumes are not ranked."""
    order = {key: position for position, key in enumerate([*names.units, *names.categories])}
    if by in FIELDS and FIELDS[by].codes:
        order = {code: position for position, code in enumerate(FIELDS[by].codes)}
    shown = table.assign(name=[group_name(group, by, names) for group in table["group"]])
    place = shown["group"].map(lambda group: order.get(group, len(order)))
    return shown.assign(place=place).sort_values(["place", "start"]).drop(columns="place")


def question_of(by: str, group: str) -> drill.QuestionOf:
    """What a month of a group's small chart counts."""
    return lambda mark: drill.question("registered", days=drill.days(mark["first"], mark["last"]), **{by: group})


def signals(series: pd.DataFrame, length: str, database: CaseDatabase, case_filter: CaseFilter) -> None:
    """Whether the last whole month is more than routine: a sentence a series, and the control charts behind them."""
    if length != "month":
        return
    said = {key: signal_words.sentence(series, key, text(name), database) for key, name in SERIES.items()}
    for words_of in said.values():
        brief.note(words_of)
    st.markdown("  \n".join(said.values()))
    with st.expander(text("signal.how")):
        st.markdown(signal_words.method(database.settings))
        for column, (key, name) in frame.grid(SERIES.items(), len(SERIES)):
            with column:
                st.markdown(text("signal.chart", name=text(name)))
                table, found = signal_words.chart_table(series, key, database)
                drill.chart(
                    season_charts.control(table, found), f"control_{key}", said[key], _month_of(key), case_filter
                )


def _month_of(key: str) -> drill.QuestionOf:
    """What a month of a control chart counts; a stock is as of the month's end."""
    return lambda mark: drill.question(key, days=drill.days("" if key == "open" else mark["first"], mark["last"]))


def season(database: CaseDatabase, case_filter: CaseFilter) -> None:
    """节前节后: registered cases in the weeks around a season, this year and the ones before. Context only."""
    known = database.settings.seasons
    default = seasons.nearest(database.settings, case_filter.today)
    if default is None:
        return
    st.subheader(text("season.title"))
    code = default
    if len(known) > 1:
        code = bound.segments(text("season.which"), list(known), "season", lambda each: known[each].name, default)
    table, name = cache.ask(seasons.around, case_filter, code), known[code].name
    said = season_charts.message(table, known[code])
    st.markdown(said)
    if len(table):
        drill.chart(
            season_charts.aligned(table, name),
            f"season_{code}",
            said,
            lambda mark: drill.question("registered", days=drill.days(mark["first"], mark["last"])),
            case_filter,
        )
        st.caption(text("season.context", season=name))
