"""Sentences and names for the trends page."""

from __future__ import annotations

import pandas as pd

from dashboard import drill
from data_access.database import Names
from data_access.filters import FIELDS
from data_access.texts import has_text, text


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
