"""Since the last meeting: its decisions, what changed in overdue cases, at which units, and in the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import brief, drill, tables, words
from dashboard.drill import question
from dashboard.tables import records
from data_access.database import CaseDatabase, Names
from data_access.filters import CaseFilter
from data_access.frozen import Frozen
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.since import CHANGED, FLOWS, NEEDS, Decisions, Since, can_tell
from data_access.texts import text

LATE: Final = ("newly_overdue", "no_longer_overdue", "cleared_closed", "cleared_extended", "cleared_other")
HANDLED: Final = ("extended_since", "reopened_since")
UNIT_COLUMNS: Final = {
    "then": "overdue_then",
    "newly": "newly_overdue",
    "cleared": "no_longer_overdue",
    "now": "overdue",
}
"""Columns of the units' table and the question that each asks."""


def made(copy: Frozen | None) -> str:
    """What tells an answer before a copy was made from one after it."""
    return f"{copy.made_at}" if copy else ""


def message(view: Since) -> str:
    """The page in one sentence."""
    day = text("since.day_meeting" if view.is_meeting else "since.day_other", day=view.day)
    way = "more" if view.net > 0 else "less" if view.net < 0 else "same"
    counts = {"newly": view.counts["newly_overdue"], "cleared": view.counts["no_longer_overdue"]}
    return text(f"since.headline_{way}", since=day, n=view.overdue, by=abs(view.net), **counts)


def source(view: Since) -> str:
    """What the earlier day is seen by: the copy that was kept then, or today's records."""
    if view.copy is None:
        return text("since.from_records")
    return text("since.from_copy", made=view.copy.made_at, n=view.copy.cases)


# --- decisions


def decisions(found: Decisions | None, names: Names) -> None:
    """What the last meeting decided, done or late; earlier decisions that are still not done stand last."""
    if found is None:
        st.subheader(text("page.since"))
        st.caption(text("since.no_decisions"))
        return
    rows, of_it = found.rows, found.rows["meeting"] == found.meeting
    done = found.count("done", "done_late", "done_undated")
    title = text("since.decisions", day=found.meeting, n=int(of_it.sum()), done=done, late=found.count("late"))
    brief.note(title)
    st.subheader(title)
    if not of_it.any():
        st.caption(text("since.none_of_units", day=found.meeting))
    if len(rows):
        head = [text("since.item"), text("column.lead_unit")]
        head += [text(f"since.{name}") for name in ("due", "done", "state", "meeting")]
        tables.sheet(head, [_decision(row, names) for row in records(rows)], texts=len(head), noted=True)
    if not of_it.all():
        st.caption(text("since.earlier", n=int((~of_it).sum())))


def _decision(row: dict[str, Any], names: Names) -> list[str]:
    return [
        str(row["item"] or ""),
        names.unit(row["unit"]),
        _day(row["due"]),
        _day(row["done"]),
        text(f"since.state_{row['state']}"),
        f"{row['meeting']:%Y-%m-%d}",
    ]


def _day(moment: Any) -> str:
    return words.NONE if pd.isna(moment) else f"{moment:%Y-%m-%d}"


# --- numbers


def late_links(view: Since) -> list[tuple[Question, str]]:
    """Overdue cases then, what came and went, and now; each with the question that opens its cases."""
    then = ("overdue_then", *(item for item in LATE if _says(view, item)), "still_overdue")
    return [*_items(view, then), (Question("overdue"), _number(text("since.overdue_now"), view.overdue))]


def _says(view: Since, item: str) -> bool:
    """A way of clearing that no case went is left out; what came and went is always told."""
    return not item.startswith("cleared_") or view.counts.get(item, 0) > 0


def listed_links(view: Since) -> list[tuple[Question, str]]:
    """Cases newly listed for supervision, listed again and signed off."""
    return [_flow(view, key) for key in FLOWS if not MEASURES[key].county_wide and key in view.flows]


def handled(view: Since) -> None:
    """Cases registered and closed since, extended and reopened.

    The first two count accusations in the county's total, which no list has: their links name no number.
    """
    flows = [_flow(view, key) for key in FLOWS if MEASURES[key].county_wide and key in view.flows]
    said = text("common.joint").join(words_of for _, words_of in flows)
    st.subheader(text("since.handled"))
    brief.note(said)
    st.markdown(said)
    for asked, _ in flows:
        drill.link(asked, text("since.open_flow", name=words.label(asked.of)))
    links("", _items(view, HANDLED))


def _items(view: Since, items: Sequence[str]) -> list[tuple[Question, str]]:
    day = view.day.isoformat()
    told = [item for item in items if item in view.counts]
    return [(question(item, since_day=day), _number(text(f"since.{item}"), view.counts[item])) for item in told]


def _flow(view: Since, key: str) -> tuple[Question, str]:
    asked = question(key, days=drill.days(view.first_day.isoformat(), view.last_day.isoformat()))
    return asked, _number(words.label(key), view.flows[key])


def _number(name: str, n: int) -> str:
    return text("since.number", name=name, n=n)


def links(title: str, found: Sequence[tuple[Question, str]]) -> None:
    """Numbers under a heading, each a link to its cases; what is nothing has no cases to open."""
    if title:
        st.subheader(title)
    for asked, said in found:
        brief.note(said)
        drill.link(asked, said)


# --- units


def units(view: Since, names: Names, case_filter: CaseFilter) -> None:
    """Units whose overdue cases changed, in their fixed order; each number opens its cases."""
    table = view.by_unit.assign(net=view.by_unit["now"] - view.by_unit["then"])
    moved = table[(table["newly"] > 0) | (table["cleared"] > 0)]
    if moved.empty:
        st.caption(text("since.units_same"))
        return
    net = table["net"]
    said = text("since.moves", worse=int((net > 0).sum()), better=int((net < 0).sum()), same=int((net == 0).sum()))
    brief.note(said)
    st.markdown(said)
    groups = moved["group"].tolist()
    shown = pd.DataFrame({"name": [names.unit(group) or text("common.unknown") for group in groups]})
    for column in UNIT_COLUMNS:
        shown[column] = moved[column].to_numpy()
    shown["net"] = [words.NONE if n == 0 else f"{n:+d}" for n in moved["net"]]
    head = {
        "name": text("units.unit"),
        "then": text("since.overdue_then"),
        "newly": text("since.newly_overdue"),
        "cleared": text("since.cleared"),
        "now": text("since.overdue_now"),
        "net": text("since.net"),
    }

    def show(key: str) -> Any:
        cells = [[str(cell) for cell in row] for row in shown.to_numpy()]
        tables.sheet(list(head.values()), cells, noted=True, only_paper=True)
        return st.dataframe(
            shown,
            key=key,
            hide_index=True,
            column_config={
                name: st.column_config.TextColumn(label, alignment="left" if name == "name" else "right")
                for name, label in head.items()
            },
            height="content",
            row_height=38,
            on_select="rerun",
            selection_mode=tables.UNSORTABLE,
            alt=text("since.table"),
        )

    drill.table(show, "since_units", _of_unit(groups, view.day), case_filter)
    st.caption(text("since.units_note"))


def _of_unit(groups: Sequence[str], day: date) -> Callable[[int, str], Question | None]:
    def asked(row: int, column: str) -> Question | None:
        of = UNIT_COLUMNS.get(column)
        if of is None:
            return None
        if of == "overdue":
            return question(of, unit=groups[row])
        return question(of, since_day=day.isoformat(), unit=groups[row])

    return asked


# --- the records


def changed_records(view: Since) -> None:
    """Where a copy was kept: cases whose state on that day is another one in today's records."""
    if view.copy is None:
        return
    st.subheader(text("since.records"))
    found = [(asked, said) for asked, said in _items(view, CHANGED) if view.counts[asked.of]]
    if not found and not view.gone:
        st.caption(text("since.records_none", day=view.day))
        return
    st.caption(text("since.records_note", day=view.day))
    with st.container(horizontal=True):
        for asked, said in found:
            brief.note(said)
            drill.link(asked, said)
    if view.gone:
        st.caption(text("since.gone", n=view.gone))


def say_missing(database: CaseDatabase) -> None:
    """Name the numbers that the database cannot feed, and the columns it lacks."""
    for item in ("extended_since", "reopened_since"):
        if not can_tell(database, item):
            lacking = ", ".join(name for name in NEEDS[item] if not database.has(name))
            st.caption(text("since.missing", name=text(f"since.{item}"), columns=lacking))
