"""The cases page: what a list is of, its footer, and one case as a timeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import pandas as pd
import streamlit as st

from dashboard import bound, charts, clock_view, export, frame, tables, trend_words, words
from dashboard.tables import records
from data_access.database import CaseDatabase
from data_access.faults import ASKED
from data_access.filters import CaseFilter, sentence
from data_access.flows import BETWEEN, LIST_MOVES
from data_access.indicators import MEASURES
from data_access.keyset import END, START, Place
from data_access.limits import PASSING
from data_access.lists import CasePage, Question, Story
from data_access.since import SINCE
from data_access.texts import text


def heading(question: Question, case_filter: CaseFilter, database: CaseDatabase, page: CasePage) -> str:
    """What the list is of, and how many."""
    joined = counted(question, database)
    if page.entries != page.total:
        return text("cases.heading_entries", name=joined, n=page.total, entries=page.entries)
    return text("cases.heading", name=joined, n=page.total)


def counted(question: Question, database: CaseDatabase) -> str:
    """What a question counts, in words: the figure and its group or days."""
    name = text("cases.all") if not question.of else _asked(question)
    return text("common.joint").join([name, *(_where(key, value, database) for key, value in question.at)])


def _asked(question: Question) -> str:
    if question.of in (*BETWEEN, *LIST_MOVES):
        return text(f"balance.{question.of}")
    if question.of in SINCE:
        return text(f"since.{question.of}")
    if question.of in ASKED:
        return text(f"faults.of_{question.of}", name=text(f"fault.{question.part}"))
    return text(f"cases.part_{question.part}", name=words.label(question.of))


def _where(key: str, value: str, database: CaseDatabase) -> str:
    if key in ("days", "cohort"):
        start, _, end = value.partition("..")
        return text("span.days", start=start, end=end) if start else text("cases.until", day=end)
    if key == "late":
        start, _, end = value.partition("..")
        return text("band.between", start=start, end=end) if end else text("band.over", days=int(start) - 1)
    if key in PASSING:
        start, _, end = value.rpartition("..")
        how = "on" if start else "all" if value.startswith("..") else "until"
        return text(f"cases.{key}_{how}", day=end if start in ("", end) else text("span.days", start=start, end=end))
    if key == "today":
        return text("faults.today", day=value)
    if key == "since_day":
        return text("cases.since_day", day=value)
    if key == "since":
        return text(f"cases.since_{value}")
    return trend_words.group_name(value, key, database.names)


PLACE: Final = "page"
"""The choice, kept in the URL, of the page's place in the list."""


@dataclass(frozen=True)
class Listing:
    """A list as it is asked for: what of, searched by, in which order."""

    question: Question
    case_filter: CaseFilter
    search: str
    order: str
    descending: bool

    def _mark(self) -> str:
        """What tells a place in this list from one in another; the same tomorrow, when the as-of has moved on."""
        chosen = [(key, getattr(self.case_filter, key)) for key in self.case_filter.narrowed]
        return f"{crc32(repr((self.question, self.search, self.order, self.descending, chosen)).encode()):08x}"

    def place(self) -> tuple[Place, bool]:
        """Where the URL stands in the list, and whether it could be read. In a list made anew: its beginning."""
        mark, _, written = bound.stored(PLACE).partition(".")
        if not mark:
            return START, True
        found = Place.parse(written, by_moment=self.order != "case_no")
        return (found or START) if mark == self._mark() else START, found is not None

    def turn(self, place: Place) -> None:
        """Go to the page at `place`; for a callback."""
        bound.store(PLACE, "" if place == START else f"{self._mark()}.{place.url()}")


def footer(page: CasePage, listing: Listing, database: CaseDatabase) -> None:
    """Which part of the list this is, the ways to the others, and the whole of it as a file."""
    question, case_filter = listing.question, listing.case_filter
    if question.of in MEASURES and MEASURES[question.of].county_wide and not case_filter.narrowed:
        st.caption(text("cases.without_accusations"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(text("cases.footer", first=page.first, last=page.last, n=page.total))
        if page.previous or page.next:
            ways = {"first": page.previous and START, "previous": page.previous}
            for name, place in (ways | {"next": page.next, "last": page.next and END}).items():
                st.button(
                    text(f"cases.{name}_page"),
                    key=f"to_{name}",
                    type="tertiary",
                    on_click=listing.turn,
                    args=(place or START,),
                    disabled=place is None,
                )

        def file() -> bytes:
            title = _asked(question) if question.of else text("cases.all")
            return export.of_cases(case_filter, question, title, sentence(case_filter, database.names), per_unit=False)

        st.download_button(
            text("export.button_whole"),
            file,
            file_name=f"{text('page.cases')}-{case_filter.today:%Y%m%d}.xlsx",
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            on_click="ignore",
        )


def story(told: Story, database: CaseDatabase) -> None:
    """One case: its moments against its limits, who had it, who assisted."""
    names, row = database.names, told.row
    st.subheader(text("story.title", number=frame.plain(row["case_no"])))
    facts = [
        (text("column.status"), text(f"status.{tables.status(row)}")),
        (text("column.lead_unit"), names.unit(row["lead_unit_id"])),
        (text("column.category"), names.category(row["category_id"])),
        (text("column.disposition"), _code("disposition", row["disposition"])),
        (text("filter.channel"), _code("channel", row["channel"])),
        (text("filter.track"), _code("track", row["track"] or "statutory")),
    ]
    st.markdown(
        text("common.joint").join(
            text("story.fact", name=name, value=frame.plain(value)) for name, value in facts if value
        )
    )
    moments = _moments(told.moments)
    if moments.empty:
        frame.say(text("story.no_moments"))
    else:
        st.vega_lite_chart(charts.timeline(moments).vega_lite(), alt=_sentences(moments))
    clock_view.of_case(told)
    if len(told.events):
        tables.sheet(
            [text("story.event"), text("story.when"), text("story.from"), text("story.to")],
            [
                [
                    _code("event", event["kind"]),
                    _day(event["at"]),
                    names.unit(event["from_unit_id"]),
                    names.unit(event["to_unit_id"]),
                ]
                for event in records(told.events)
            ],
            texts=4,
        )
    if len(told.assisting):
        tables.sheet(
            [text("story.assisting"), text("story.asked"), text("column.due_at"), text("story.answered")],
            [
                [names.unit(unit["unit_id"]), _day(unit["asked_at"]), _day(unit["due_at"]), _day(unit["answered_at"])]
                for unit in records(told.assisting)
            ],
            texts=4,
        )


def _code(list_name: str, code: Any) -> str:
    return text(f"code.{list_name}.{code}") if isinstance(code, str) and code else ""


def _day(moment: Any) -> str:
    return words.NONE if pd.isna(moment) else f"{moment:%Y-%m-%d}"


def _moments(moments: pd.DataFrame) -> pd.DataFrame:
    """name, at, due, late, words of each moment, those still to come last."""
    shown = moments.assign(at=pd.to_datetime(moments["at"]), due=pd.to_datetime(moments["due"]))
    shown["late"] = (shown["at"] > shown["due"]).astype(bool)
    shown["name"] = [text(f"moment.{moment}") for moment in shown["moment"]]
    shown["words"] = [
        "" if pd.isna(row["at"]) else text("story.late" if row["late"] else "story.at", day=_day(row["at"]))
        for row in records(shown)
    ]
    return shown.drop(columns="moment")


def _sentences(moments: pd.DataFrame) -> str:
    return text("common.comma").join(f"{row['name']} {row['words']}" for row in records(moments))
