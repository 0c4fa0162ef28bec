"""Time to close on a page and in words: the sentence, the curve, groups side by side, months of registration."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import bound, brief, cache, drill, duration_charts, frame, tables, theme, trend_words, words
from dashboard.drill import question
from data_access import duration
from data_access.database import CaseDatabase
from data_access.dimensions import DIMENSIONS
from data_access.duration import DAYS, GROUPINGS, Cohorts, Curve, Duration
from data_access.filters import FIELDS, CaseFilter
from data_access.lists import Question
from data_access.texts import text

PARAMETER: Final = "time_by"
TOLD: Final = (60, 30, 15)
"""The day of the sentence: the first of these that has been reached."""
COMPARED: Final = 30
"""Months of registration are compared by this day."""
METHOD: Final = ("rule", "curve", "band", "cohorts")


def of_hundred(share: float, curve: Curve) -> int:
    """How many of 100: never 100 while a case is open or `share` is less, never 0 where it is more."""
    most = 99 if share < 1 - 1e-12 or curve.still_open else 100
    return min(max(round(share * 100), 1 if share > 0 else 0), most)


def message(curve: Curve) -> str:
    """Of 100 cases so many by a day, half by another; how many are open."""
    if not curve.n:
        return text("duration.none")
    told = next((share for share in map(curve.by, TOLD) if share), None)
    still = text("duration.still_open", n=curve.still_open) if curve.still_open else text("duration.none_open")
    if told is None:
        return text("duration.too_early", days=DAYS[0], still=still)
    half = text("duration.half_by", day=curve.median) if curve.median is not None else text("duration.half_not_yet")
    return text("duration.message", day=told.day, n=of_hundred(told.value, curve), half=half, still=still)


def ended(curve: Curve) -> str:
    """What became of the cases: handled, open, withdrawn, left."""
    return text(
        "duration.ended",
        handled=curve.handled,
        open=curve.still_open,
        withdrawn=curve.withdrawn,
        left=curve.left,
    )


def against(now: Curve, then: Curve | None, small_n: int) -> str:
    """Whether the share of the sentence differs from last year's by more than chance would; '' where nobody can say."""
    day = next((day for day in TOLD if now.by(day)), None)
    if then is None or day is None or min(now.n, then.n) < small_n:
        return ""
    share, earlier = now.by(day), then.by(day)
    if share is None or earlier is None:
        return ""
    difference = share.value - earlier.value
    chance = duration.Z * math.hypot(share.error, earlier.error)
    way = "same" if abs(difference) <= chance else "more" if difference > 0 else "less"
    return text(f"duration.year_ago_{way}", day=day, points=f"{abs(difference) * 100:.1f}")


def cohorts_message(found: Cohorts, small_n: int) -> str:
    """The newest month that has been observed for long enough, beside the same month a year earlier."""
    for each in reversed(found.recent):
        now = each.by(COMPARED)
        if now is None or each.curve.n < small_n:
            continue
        month, share = text(f"month.{each.month % 12 + 1}"), words.percent(now.value)
        said = {"month": month, "day": COMPARED, "share": share}
        earlier = found.before.get(each.month)
        then = earlier.by(COMPARED) if earlier and earlier.curve.n >= small_n else None
        if then is None:
            return text("duration.cohort", **said)
        points = round(now.value * 100, 1) - round(then.value * 100, 1)
        way = "same" if abs(points) < 0.05 else "more" if points > 0 else "less"
        by_chance = abs(now.value - then.value) <= duration.Z * math.hypot(now.error, then.error)
        key = f"duration.cohort_{way}" if way == "same" or not by_chance else f"duration.cohort_{way}_by_chance"
        return text(key, points=f"{abs(points):.1f}", **said)
    return text("duration.cohort_none", days=COMPARED)


def method() -> tuple[tuple[str, str], ...]:
    """How it is worked out, with the sources: names and sentences."""
    return tuple((text(f"duration.method_{name}"), text(f"duration.method_{name}_text")) for name in METHOD)


# The section of a page


def section(database: CaseDatabase, case_filter: CaseFilter) -> None:
    """Time to close: sentence, curve, groups; then the months of registration. `PARAMETER` has been declared."""
    groupings = [by for by in GROUPINGS if by == "year" or database.has(*DIMENSIONS[by].needs)]
    by = bound.one_of(PARAMETER, groupings, groupings[0])
    view: Duration = cache.ask(duration.duration, case_filter, by)
    found: Cohorts = cache.ask(duration.cohorts, case_filter)
    then = cache.ask(duration.year_before, case_filter)
    st.subheader(text("duration.title"))
    compared = against(view.whole, then, database.settings.comparison.small_n)
    if compared:
        brief.note(compared)
    st.markdown("  \n".join(f"**{frame.plain(said)}**" for said in (message(view.whole), compared) if said))
    left, right = st.columns(2, gap="large")
    with left:
        _whole(view.whole, case_filter)
    with right:
        _months(found, database, case_filter)
    bound.segments(text("duration.by"), groupings, PARAMETER, lambda key: text(f"duration.by_{key}"), groupings[0])
    groups(view, by, database, case_filter)
    with st.expander(text("duration.how")):
        for name, said in method():
            st.markdown(f"**{frame.plain(name)}** {frame.plain(said)}")


def _whole(curve: Curve, case_filter: CaseFilter) -> None:
    st.caption(text("duration.curve_note"))
    if not curve.n:
        return
    drill.chart(
        duration_charts.curve(curve),
        "duration",
        message(curve),
        lambda _mark: question("closure_rate"),
        case_filter,
    )
    brief.note(ended(curve))
    st.caption(ended(curve))
    with st.container(horizontal=True):
        drill.link(question("closure_rate"), text("duration.open_all", n=curve.n))
        if curve.still_open:
            drill.link(question("closure_rate", "rest"), text("duration.open_rest", n=curve.still_open))


def _months(found: Cohorts, database: CaseDatabase, case_filter: CaseFilter) -> None:
    st.caption(text("duration.cohorts_note"))
    said = cohorts_message(found, database.settings.comparison.small_n)
    if not duration_charts.drawn(found):
        st.caption(said)
        return
    drill.chart(duration_charts.cohorts(found), "cohorts", said, month_question, case_filter)
    st.caption(said)


def month_question(mark: dict[str, Any]) -> Question:
    """The cases of a month of registration, as they are at the filter's instant."""
    return question("closure_rate", cohort=drill.days(mark["first"], mark["last"]))


def names_of(view: Duration, by: str, database: CaseDatabase) -> dict[str, str]:
    """The groups in their fixed order, with their names; unknown ones last. Never by how fast they are."""
    if by == "year":
        return {key: text("chart.year", year=str(span.end.year)) for key, span in view.spans.items()}
    names = database.names
    order = {"unit": [*names.units], "field": [*names.categories]}.get(by) or [*FIELDS[by].codes]
    known = [key for key in order if key in view.groups]
    return {
        key: trend_words.group_name(key, by, names)
        for key in (*known, *sorted((key for key in view.groups if key not in known), key=lambda key: (not key, key)))
    }


def asked_of(view: Duration, by: str, group: str, column: str) -> Question:
    """The cases behind a cell: what is open, or all of the group."""
    part = "rest" if column == "open" else "denominator"
    if by == "year":
        span = view.spans[group]
        return question("closure_rate", part, cohort=drill.days(f"{span.start}", f"{span.end}"))
    return question("closure_rate", part, **{by: group})


def cells(curve: Curve) -> list[str]:
    """n, the shares by each of `DAYS` with their bands, median, still open; in words."""
    shares = []
    for share in map(curve.by, DAYS):
        value = text("duration.not_yet") if share is None else words.percent(share.value)
        if share is not None and share.low is not None and share.high is not None:
            value = text("duration.cell", share=value, band=duration_charts.band(share.low, share.high))
        shares.append(value)
    median = text("duration.not_reached") if curve.median is None else text("duration.days", n=curve.median)
    return [f"{curve.n:,}", *shares, median, f"{curve.still_open:,}"]


def groups(view: Duration, by: str, database: CaseDatabase, case_filter: CaseFilter) -> None:
    """A row a group, every cell with its cases; those with too few cases are pale."""
    small_n = database.settings.comparison.small_n
    named = names_of(view, by, database)
    keys = ["n", *(f"d{day}" for day in DAYS), "median", "open"]
    head = [text(f"duration.by_{by}"), text("duration.n"), *(text("duration.within", day=day) for day in DAYS)]
    head += [text("duration.median"), text("duration.open")]
    rows = [[name, *cells(view.groups[key])] for key, name in named.items()]
    few = [view.groups[key].n < small_n for key in named]
    colours = theme.palette()

    def shades(row: pd.Series[Any]) -> list[str]:
        return [f"color: {colours.faint if few[int(str(row.name))] else colours.ink}"] * len(row)

    def show(widget: str) -> Any:
        right = (st.column_config.TextColumn(title, alignment="right") for title in head[1:])
        config = {"name": st.column_config.TextColumn(head[0], width="medium"), **dict(zip(keys, right, strict=True))}
        return st.dataframe(
            pd.DataFrame(rows, columns=["name", *keys]).style.apply(shades, axis=1),
            key=widget,
            hide_index=True,
            column_config=config,
            height="auto",
            row_height=38,
            on_select="rerun",
            selection_mode=tables.UNSORTABLE,
            alt=text("duration.table"),
        )

    shown = [*named]
    drill.table(show, f"duration_by_{by}", lambda row, column: asked_of(view, by, shown[row], column), case_filter)
    st.caption(text("duration.no_rank" if by == "unit" else "duration.small", n=small_n))
