"""What must move before the next meeting: its calendar, its units, its list, and how the expected number is made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import bound, brief, drill, tables
from dashboard.charts import iso_days
from dashboard.drawing import Drawing, bare, details, layered, of, picked, remembered
from dashboard.drill import question
from dashboard.tables import records
from dashboard.theme import palette
from data_access.before import CURVE_MONTHS, FARTHEST_DAYS, Before
from data_access.database import CaseDatabase, Names
from data_access.limits import PASSING
from data_access.lists import Question
from data_access.texts import text

DUE, NOTICE = PASSING
COLUMNS: Final = ("overdue", "closing", "band", "acceptance_overdue", "acceptance")
HEIGHT: Final = 230
MANY_DAYS: Final = 40


def meeting_day(today: date, usual: date) -> date:
    """The day of the next meeting, chosen by the reader and kept in the URL."""
    bound.declare("meeting")
    last = max(today + timedelta(days=FARTHEST_DAYS), usual)
    return bound.day(text("before.meeting_on"), "meeting", usual, today + timedelta(days=1), last, width=200)


def headline(view: Before) -> str:
    """What falls due until then, what is expected to be overdue, and how long there is."""
    found = view.expected
    return text(
        "before.headline",
        day=view.meeting_on,
        n=view.closing,
        expected=round(found.mean),
        low=found.low,
        high=found.high,
        days=view.working_days,
    )


def due_by(view: Before) -> Question:
    """The cases that fall due from now to the meeting."""
    return question("open", **{DUE: view.meeting_on.isoformat()})


def links(view: Before) -> list[tuple[Question, str]]:
    """The figures of the page, each with the question that opens its cases."""
    day = view.meeting_on.isoformat()
    found = (
        (Question("overdue"), "overdue", view.overdue),
        (due_by(view), "closing", view.closing),
        (question("open", **{DUE: f"..{day}"}), "certain", view.expected.n),
        (Question("acceptance_overdue"), "acceptance_overdue", view.acceptance_overdue),
        (question("open", **{NOTICE: day}), "acceptance", view.acceptance),
    )
    return [(asked, text(f"before.link_{name}", n=n)) for asked, name, n in found]


def figures(view: Before) -> None:
    """The links in a row, noted for the briefing."""
    with st.container(horizontal=True):
        for asked, words in links(view):
            brief.note(words)
            drill.link(asked, words)


def by_day(view: Before) -> pd.DataFrame:
    """The calendar's bars: day (ISO), stage (code), its place and name, is_working, n; one row a day and stage."""
    stages = list(PASSING.values())
    long = view.days.melt(["day", "is_working"], stages, "stage", "n")
    return long.assign(
        day=iso_days(long["day"]),
        place=long["stage"].map(stages.index),
        name=[text(f"before.stage_{stage}") for stage in long["stage"]],
    )


def calendar(table: pd.DataFrame) -> Drawing:
    """Limits that pass by day, stacked by stage; days off stand on a darker field and bear a word.

    Where the bars are narrow, the first of some days off bears it for all.
    """
    total = table.groupby(["day", "is_working"], as_index=False)["n"].sum()
    worked = total["is_working"].astype(bool)
    bears = ~worked & (worked.shift(fill_value=True) | (len(total) <= MANY_DAYS))
    total = total.assign(
        label=[str(n) if n else "" for n in total["n"]],
        off=[text("before.day_off") if word else "" for word in bears],
        top=float(total["n"].max() or 1) * 1.5,
    )
    names = tuple(dict.fromkeys(table["name"]))
    return Drawing(_calendar(names), {"days": total, "limits": table[table["n"] > 0]})


@remembered
def _calendar(names: tuple[str, ...]) -> dict[str, Any]:
    colours = palette()
    axis = alt.Axis(title=None, labelAngle=0, labelOverlap="greedy", ticks=False, labelExpr="slice(datum.label, 5)")
    x = alt.X("day:O", axis=axis, scale=alt.Scale(paddingInner=0.15))
    base = of("days").encode(x=x, y=bare(alt.Y, "top:Q"))
    off = base.transform_filter("!datum.is_working").mark_bar(color=colours.panel)
    words = base.mark_text(fontSize=12, dy=9, color=colours.muted).encode(text=alt.Text("off:N"))
    bars = (
        of("limits")
        .mark_bar(cursor="pointer", cornerRadius=2)
        .encode(
            x=x,
            y=bare(alt.Y, "n:Q").stack("zero"),
            color=alt.Color("name:N", scale=alt.Scale(domain=list(names), range=[colours.blue, colours.context])),
            order=alt.Order("place:Q"),
            detail=details("day", "stage"),
            tooltip=[
                alt.Tooltip("day:N", title=text("chart.day")),
                alt.Tooltip("name:N", title=text("chart.name")),
                alt.Tooltip("n:Q", title=text("chart.value")),
            ],
        )
        .add_params(picked("day", "stage"))
    )
    numbers = base.mark_text(dy=-9).encode(y=bare(alt.Y, "n:Q"), text=alt.Text("label:N"))
    return layered(off, words, bars, numbers, height=HEIGHT)


def calendar_message(view: Before) -> str:
    """The calendar in a sentence: the day on which most limits pass, and how many pass on days off."""
    total = view.days["closing"] + view.days["acceptance"]
    if not total.sum():
        return text("before.calendar_none", day=view.meeting_on)
    fullest = view.days["day"].iloc[int(total.to_numpy().argmax())]
    off = int(total[~view.days["is_working"].astype(bool)].sum())
    return text("before.calendar_alt", n=int(total.sum()), day=fullest.date(), most=int(total.max()), off=off)


def asked_on(mark: dict[str, Any]) -> Question:
    """The cases behind a bar of the calendar."""
    name = next(name for name, stage in PASSING.items() if stage == mark["stage"])
    return question("open", **{name: f"{mark['day']}..{mark['day']}"})


def units(view: Before, names: Names, key: str, case_filter: Any) -> None:
    """Units with something late or falling due, those with most falling due first; every cell opens its cases."""
    rows = records(view.units.sort_values(list(PASSING.values()), ascending=False, kind="stable"))
    head = [text("units.unit"), *(text(f"before.column_{name}") for name in COLUMNS)]
    cells = [
        [names.unit(row["unit"]) or text("common.unknown"), *(_cell(name, row) for name in COLUMNS)] for row in rows
    ]
    brief.note_table(head, cells)

    def show(widget: str) -> Any:
        tables.sheet(head, cells, only_paper=True)
        config = {
            name: st.column_config.TextColumn(head[1 + COLUMNS.index(name)], alignment="right") for name in COLUMNS
        }
        return st.dataframe(
            pd.DataFrame(cells, columns=["unit", *COLUMNS]),
            key=widget,
            hide_index=True,
            column_config={"unit": st.column_config.TextColumn(head[0], width="medium"), **config},
            height="content",
            row_height=38,
            on_select="rerun",
            selection_mode=tables.UNSORTABLE,
            alt=text("before.units"),
        )

    def asked(position: int, column: str) -> Question | None:
        day, unit = view.meeting_on.isoformat(), rows[position]["unit"]
        if column in ("overdue", "acceptance_overdue"):
            return question(column, unit=unit)
        asks = {"closing": {DUE: day}, "band": {DUE: f"..{day}"}, "acceptance": {NOTICE: day}}
        return question("open", **asks[column], unit=unit) if column in asks else None

    drill.table(show, key, asked, case_filter)


def _cell(name: str, row: dict[str, Any]) -> str:
    if name != "band":
        return f"{row[name]:,}"
    return band(row["low"], row["high"])


def band(low: int, high: int) -> str:
    """`45–61`, or the one number that both ends are."""
    return f"{low:,}" if low == high else text("before.band", low=low, high=high)


def explain(view: Before, database: CaseDatabase) -> None:
    """How the expected number is made, in plain words, closed until someone asks."""
    small_n = database.settings.comparison.small_n
    values = {
        "overdue": view.overdue,
        "closing": view.closing,
        "certain": view.expected.n,
        "mean": round(view.expected.mean),
        "moved": view.expected.n - round(view.expected.mean),
        "months": CURVE_MONTHS,
        "small": small_n,
        "day": view.meeting_on,
    }
    with st.expander(text("before.how")):
        st.markdown(text("before.how_text", **values))


def notes(view: Before, today: date, closing_days: int) -> Iterable[str]:
    """What a reader should know about the day chosen."""
    if not view.calendar_known:
        yield text("before.calendar_unknown", year=str(view.meeting_on.year))
    if (view.meeting_on - today).days > closing_days:
        yield text("before.far", days=closing_days)
