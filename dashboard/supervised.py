"""The parts of the supervision page: who has to see what done, each number with its cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import (
    brief,
    burn_down,
    charts,
    drill,
    figures,
    frame,
    quality,
    supervised_charts,
    tables,
    trend_words,
    words,
)
from dashboard.tables import records
from data_access import queries, supervision
from data_access.database import CaseDatabase
from data_access.dimensions import AGES
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.schema import HANDLING_LEVELS, INSTRUCTION_LEVELS
from data_access.supervision import BACKLOG, MOVES, Supervision
from data_access.texts import has_text, text

ITEMS: Final = (
    ("opening", ""),
    ("new", "+"),
    ("again", "+"),
    ("moved_in", "+"),
    ("moved_out", "−"),
    ("signed_off", "−"),
    ("remaining", "="),
)
BEHIND: Final = {
    "new": "supervised_new",
    "again": "supervised_again",
    "moved_in": "listed_in",
    "moved_out": "listed_out",
    "signed_off": "signed_off",
    "remaining": "supervised",
}
"""What each item of the balance counts."""


@dataclass(frozen=True)
class Context:
    """What every part of the page is drawn for."""

    view: Supervision
    database: CaseDatabase
    case_filter: CaseFilter

    @property
    def small_n(self) -> int:
        """Below this a rate is pale."""
        return self.database.settings.comparison.small_n


@dataclass(frozen=True)
class Cells:
    """A table whose cells open their cases: words in rows, and for each cell what it counts, if anything."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    asked: tuple[tuple[Question | None, ...], ...]
    row_height: int = 38
    narrow: bool = False
    texts: tuple[int, ...] = (0,)
    """The columns that are words; the others are figures."""

    def show(self, key: str) -> Any:
        """Draw it under a widget key, unsortable; on paper it is a plain table."""
        tables.sheet(self.head, self.rows, only_paper=True)
        names = [f"c{position}" for position in range(len(self.head))]
        config = {
            name: st.column_config.TextColumn(
                title,
                alignment="left" if position in self.texts else "right",
                width=(150 if self.narrow else "medium") if not position else None,
            )
            for position, (name, title) in enumerate(zip(names, self.head, strict=True))
        }
        return st.dataframe(
            pd.DataFrame(list(self.rows), columns=names),
            key=key,
            hide_index=True,
            column_config=config,
            height="content",
            row_height=self.row_height,
            on_select="rerun",
            selection_mode=tables.UNSORTABLE,
            alt=text("table.rates"),
        )

    def question(self, row: int, column: str) -> Question | None:
        """What a clicked cell counts."""
        return self.asked[row][int(column[1:])]


# --- the list


def message(view: Supervision) -> str:
    """How many are listed, came, were signed off, and are past a milestone."""
    balance = view.balance
    if balance is None:
        return text("supervision.headline_missing")
    return text(
        "supervision.headline",
        remaining=balance.remaining,
        new=balance.new,
        again=balance.again,
        signed_off=balance.signed_off,
        late=view.count("milestone_overdue"),
    )


def strip(context: Context) -> None:
    """Opening + new + listed again − signed off = remaining; transfers where units are chosen. Links to the cases."""
    balance = context.view.balance
    if balance is None:
        return
    moves = bool(context.case_filter.unit or context.case_filter.kind)
    items = [item for item in ITEMS if moves or item[0] not in ("moved_in", "moved_out")]
    named = {name: text(f"supervision.{name}") for name, _ in items}
    figures.balance_strip("supervised", [(sign, named[name], getattr(balance, name)) for name, sign in items])
    with st.container(horizontal=True, gap="medium"):
        for name, _sign in items:
            if getattr(balance, name):
                drill.link(_behind(name, context.case_filter), text("balance.open", name=named[name]))


def _behind(name: str, case_filter: CaseFilter) -> Question:
    if name != "opening":
        return Question(BEHIND[name])
    day = case_filter.span.before
    assert day, "without a beginning there is no opening balance, and no link to it"
    return drill.question("supervised", days=drill.days("", f"{day:%Y-%m-%d}"))


def months(context: Context) -> None:
    """The list at the end of each month, and what came to it and left it."""
    view = context.view
    table = view.months.assign(month=[words.month_name(end.year * 12 + end.month - 1) for end in view.months["end"]])
    st.subheader(text("supervision.months"))
    drill.chart(
        supervised_charts.remaining(table),
        "supervised_remaining",
        text(
            "supervision.remaining_alt",
            first=int(table["supervised"].iloc[0]),
            month=table["month"].iloc[0],
            last=int(table["supervised"].iloc[-1]),
        ),
        lambda mark: drill.question("supervised", days=drill.days("", mark["last"])),
        context.case_filter,
    )
    long = charts.with_days(table).melt(["month", "first", "last", "unfinished"], list(MOVES), "indicator", "n")
    long["name"] = [words.label(key) for key in long["indicator"]]
    came = int(table["supervised_new"].sum() + table["supervised_again"].sum())
    drill.chart(
        supervised_charts.flows(long),
        "supervised_flows",
        text("supervision.flows_alt", came=came, signed_off=int(table["signed_off"].sum())),
        lambda mark: drill.question(mark["indicator"], days=drill.days(mark["first"], mark["last"])),
        context.case_filter,
    )
    if table["unfinished"].any():
        st.caption(text("supervision.unfinished"))


def by_unit(context: Context) -> None:
    """Listed, past a milestone, standing still, without an owner: unit by unit in the fixed order."""
    st.subheader(text("supervision.by_unit"))
    days = context.database.settings.thresholds.progress_days
    st.caption(text("supervision.by_unit_note", days=days))
    points = [(key, "denominator") for key in supervision.LISTED]
    _counted(context, "listed_units", points, row_height=30, narrow=True)


def oldest(context: Context) -> None:
    """The listed cases, longest first; a chosen one leads to its story."""
    view, names = context.view, context.database.names
    st.subheader(text("supervision.list", n=view.count("supervised")))
    if view.listed.empty:
        st.caption(text("supervision.none"))
        return
    shown = pd.DataFrame(
        {
            "case_no": view.listed["case_no"],
            "lead_unit": [names.unit(_text(unit)) or text("common.unknown") for unit in view.listed["unit"]],
            "post": [names.post(_text(post)) or text("supervision.no_owner") for post in view.listed["post"]],
            "days_listed": view.listed["days_listed"],
            "milestone": [_milestone(row) for row in records(view.listed)],
            "milestone_due_at": view.listed["milestone_due_at"],
            "days_since": view.listed["days_since"],
            "assisting": [text("common.comma").join(map(names.unit, units)) for units in view.listed["assisting"]],
        }
    )
    formats: dict[str, Any] = {
        "days_listed": st.column_config.NumberColumn(text("supervision.days_listed"), format="%d"),
        "days_since": st.column_config.NumberColumn(text("supervision.days_since"), format="%d"),
        "milestone_due_at": st.column_config.DateColumn(text("supervision.milestone_due_at"), format="YYYY-MM-DD"),
        "case_no": text("column.case_no"),
        "lead_unit": text("column.lead_unit"),
        "post": text("dimension.post"),
        "milestone": text("supervision.milestone"),
        "assisting": text("supervision.assisting"),
    }
    state = st.dataframe(
        shown,
        key="listed",
        hide_index=True,
        column_config=formats,
        height=430,
        row_height=38,
        placeholder=text("supervision.no_record"),
        on_select="rerun",
        selection_mode=("single-row", "single-column"),
        alt=text("table.cases"),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        rows = state.selection.rows
        if rows:
            number = str(shown["case_no"].iloc[rows[0]])
            st.page_link(
                frame.page_file("cases"),
                label=text("supervision.open_case", number=frame.plain(number)),
                query_params={**Question("supervised").url(), "no": number},
            )
        elif len(view.listed) < view.count("supervised"):
            st.caption(text("supervision.first_rows", n=len(view.listed)))
        else:
            st.caption(text("cases.choose"))
        drill.link(Question("supervised"), text("supervision.open_list", n=view.count("supervised")))
        _count_link(context, "milestone_overdue")
        _count_link(context, "supervised_still")
        _count_link(context, "supervised_unowned")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _milestone(row: Mapping[str, Any]) -> str:
    """The next milestone in words, with a mark where its day is past."""
    code = _text(row["milestone"])
    if code is None:
        return ""
    name = text(f"code.milestone.{code}") if has_text(f"code.milestone.{code}") else code
    return text("supervision.milestone_late", name=name) if row["milestone_late"] else name


def _count_link(context: Context, key: str) -> None:
    n = context.view.count(key)
    if n:
        drill.link(Question(key), text("supervision.count", name=words.label(key), n=n))


# --- instructions, assigned cases, reports, legal review


def instructed(context: Context) -> None:
    """Leaders' instructions by level, beside what was assigned from above."""
    view, levels = context.view, {level: text(f"code.level.{level}") for level in INSTRUCTION_LEVELS}
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(text("supervision.instructed"))
        title = text("dimension.instructed")
        _grouped(context, view.instructions, supervision.INSTRUCTED, "instructed", levels, title=title, noted=True)
    with right:
        st.subheader(text("supervision.assigned"))
        table = view.assigned[view.assigned["group"].notna()]
        title = text("dimension.assigned")
        _grouped(context, table, supervision.ASSIGNED, "assigned", levels, title=title, noted=True)
    for key in supervision.PAPERS:
        figure = view.figures.get(key)
        if figure is None or not figure.denominator:
            continue
        done = figure.numerator or 0
        said = text(f"supervision.{key}", n=figure.denominator, done=done, share=words.percent(figure.value))
        brief.note(said)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(said)
            drill.link(Question(key, "numerator"), text(f"supervision.{key}_with", n=done))
            drill.link(Question(key, "rest"), text(f"supervision.{key}_without", n=figure.denominator - done))


# --- leaders who own cases


def posts(context: Context) -> None:
    """Case-owning leaders by post, in the order of the posts: owned, closed, overdue, longest open, newest progress."""
    st.caption(text("supervision.posts_note"))
    table = context.view.posts
    if table.empty:
        st.caption(text("supervision.none"))
        return
    head = [text("dimension.post"), *(text(f"supervision.post_{name}") for name in supervision.OWNED)]
    head += [text("supervision.post_longest"), text("supervision.post_progress")]
    rows, asked = [], []
    for row in records(table):
        at = {"post": str(row["post"])}
        rows.append(
            (
                context.database.names.post(row["post"]),
                *(f"{row[key]:,}" for key in supervision.OWNED),
                *(words.NONE if pd.isna(row[name]) else f"{row[name]:,}" for name in ("longest", "progress")),
            )
        )
        behind = [drill.question(key, **at) if row[key] else None for key in supervision.OWNED]
        still_open = drill.question("open", **at) if row["open"] else None
        asked.append((None, *behind, still_open, still_open))
    _cells(context, "posts", Cells(tuple(head), tuple(rows), tuple(asked)))


# --- slips


def slips(context: Context) -> None:
    """Reminder slips and what came of them, by unit; late cases that nobody was reminded of."""
    view = context.view
    parts = [_said(context, key) for key in supervision.SLIPS if key in view.figures]
    if parts:
        whole = text("common.comma").join(parts)
        brief.note(whole)
        st.markdown(whole)
    without = view.count("overdue_without_slip")
    if without:
        said = text("supervision.without_slip", n=without, overdue=view.count("overdue"))
        brief.note(said)
        drill.link(Question("overdue_without_slip"), said)
    _grouped(context, view.by_unit, supervision.SLIPS, "unit", context.database.names.units, key="slips")


def _said(context: Context, key: str) -> str:
    """A figure in words: a count, or a rate with what it is of."""
    figure = context.view.figures[key]
    if not MEASURES[key].is_rate:
        return text("supervision.count", name=words.label(key), n=int(figure.value or 0))
    shown = {"part": figure.numerator or 0, "whole": figure.denominator or 0}
    return text("brief.ratio", name=words.label(key), value=words.percent(figure.value), **shown)


# --- the checklist


def checklist(context: Context) -> None:
    """七个一: each item's completeness over the listed cases, and the units' over all items."""
    st.caption(text("supervision.checklist"))
    view, names = context.view, context.database.names
    items, units = st.columns(2, gap="large")
    there = [str(code) for code in view.items["group"].dropna()]
    labels = {code: names.item(code) for code in (*names.checklist, *there) if code in there}
    with items:
        title = text("dimension.item")
        _grouped(context, view.items, ("checklist_rate",), "item", labels, title=title, noted=True)
    with units:
        _grouped(context, view.by_unit, ("checklist_rate",), "unit", names.units, key="checklist_units")


# --- long-standing cases


def backlog(context: Context) -> None:
    """积案 by batch: how far it is, how old the rest is, how it burned down, and the units' targets."""
    view = context.view
    if view.batches.empty:
        st.caption(text("supervision.none"))
        return
    st.caption(text("supervision.backlog_note"))
    head = [text("dimension.batch"), text("supervision.listed_on")]
    head += [text(f"supervision.{name}") for name in ("listed", "resolved", "left")]
    head += [text("indicator.backlog_resolution_rate.label"), *(text(f"code.age.{code}") for code in AGES)]
    rows, asked = [], []
    for row in records(view.batches):
        at = {"batch": str(row["batch"]), "days": view.days}
        rows.append(
            (
                trend_words.batch_name(row["batch"]),
                f"{row['listed_on']:%Y-%m-%d}",
                *(f"{row[name]:,}" for name in ("listed", "resolved", "remaining")),
                words.percent(row["value"]),
                *(f"{row[code]:,}" for code in AGES),
            )
        )
        behind = [
            drill.question(BACKLOG, part, **at) if row[name] else None
            for name, part in (("listed", "denominator"), ("resolved", "numerator"), ("remaining", "rest"))
        ]
        old = [drill.question(BACKLOG, "rest", age=code, **at) if row[code] else None for code in AGES]
        asked.append((None, None, *behind, behind[2], *old))
    table = Cells(tuple(head), tuple(rows), tuple(asked))
    brief.note_table(table.head, table.rows)
    _cells(context, "batches", table)
    burn_down.draw(view.burn_down, context.case_filter, context.database.settings)
    _targets(context)


def _targets(context: Context) -> None:
    table = context.view.targets
    if table.empty:
        return
    st.subheader(text("supervision.targets"))
    names = ("listed", "resolved", "reached", "target")
    head = (text("units.unit"), *(text(f"supervision.{name}") for name in names))
    rows, asked = [], []
    for row in records(table):
        at = {"unit": str(row["unit"]), "days": context.view.days}
        missed = text("quality.missed") if row["value"] < row["target"] else ""
        rows.append(
            (
                context.database.names.unit(row["unit"]),
                f"{row['listed']:,}",
                f"{row['resolved']:,}",
                words.against(row["value"], row["target"]),
                f"{words.percent(row['target'], 0)}{missed}",
            )
        )
        parts = ("denominator", "numerator", "rest")
        asked.append((None, *(drill.question(BACKLOG, part, **at) for part in parts), None))
    table_of = Cells(head, tuple(rows), tuple(asked))
    brief.note_table(table_of.head, table_of.rows)
    _cells(context, "targets", table_of)


# --- behind tabs


def ratings(context: Context) -> None:
    """两评议一回访: response, satisfaction, follow-up; low ratings nobody looked at again, as a count only."""
    view = context.view
    if not view.ratings:
        st.caption(text("supervision.none"))
        return
    quality.figures_table(view.ratings, context.database.settings)
    figure = view.figures.get("no_second_look")
    if figure is not None:
        few = context.database.settings.comparison.small_cell
        n = None if figure.value is None else int(figure.value)
        said = text("supervision.second_look_few", few=few) if n is None else text("supervision.second_look", n=n)
        brief.note(said)
        st.markdown(said)
    with st.container(horizontal=True):
        quality.links(view.ratings)


def levels(context: Context) -> None:
    """四级: what was closed at each handling level, with shares."""
    view = context.view
    counted = view.levels.set_index("group")["denominator"].astype("int64")
    total = int(counted.sum())
    if not total:
        st.caption(text("supervision.none"))
        return
    table = pd.DataFrame(
        {
            "level": list(HANDLING_LEVELS),
            "name": [text(f"code.handling.{level}") for level in HANDLING_LEVELS],
            "n": [int(counted.get(level, 0)) for level in HANDLING_LEVELS],
        }
    )
    table["label"] = [
        text("supervision.level_label", n=n, share=words.percent(n / total)) for n in table["n"].astype(int)
    ]
    figure = view.figures.get("lowest_level_rate")
    said = text(
        "supervision.lowest",
        share=words.percent(figure.value if figure else None),
        part=(figure.numerator if figure else None) or 0,
        whole=total,
    )
    st.markdown(said)
    drill.chart(
        charts.bars(table, "name", "n", "label", fields=["level"]),
        "handling_levels",
        said,
        lambda mark: drill.question("lowest_level_rate", handling=mark["level"]),
        context.case_filter,
    )


def procedure(context: Context) -> None:
    """程序规范情况: counts by unit and step; leads, not verdicts."""
    st.caption(text("supervision.procedure_note"))
    _counted(context, "procedure", supervision.PROCEDURE)


def _counted(
    context: Context, name: str, points: Sequence[tuple[str, str]], row_height: int = 38, *, narrow: bool = False
) -> None:
    """Counts of units with any, in the units' fixed order: a column for each part of an indicator."""
    fed = [point for point in points if queries.can_feed(context.database, point[0])]
    counted = {key: _counts(context.view.by_unit, key, part) for key, part in fed}
    names = context.database.names
    groups = {group for counts in counted.values() for group, n in counts.items() if n}
    order = [unit for unit in names.units if unit in groups] + sorted(groups - set(names.units))
    if not order:
        st.caption(text("supervision.none"))
        return
    head = (text("units.unit"), *(text(f"supervision.point_{key}") for key, _ in fed))
    rows, asked = [], []
    for group in order:
        cells = [counted[key].get(group, 0) for key, _ in fed]
        rows.append((names.unit(group) or text("common.unknown"), *(f"{n:,}" if n else words.NONE for n in cells)))
        behind = [
            drill.question(key, part, unit=group) if n else None for (key, part), n in zip(fed, cells, strict=True)
        ]
        asked.append((None, *behind))
    _cells(context, name, Cells(head, tuple(rows), tuple(asked), row_height, narrow))


def _counts(table: pd.DataFrame, key: str, part: str) -> dict[str, int]:
    rows = table[table["indicator"] == key]
    n = rows["denominator"] - rows["numerator"] if part == "rest" else rows["numerator"]
    return {_text(group) or "": int(each) for group, each in zip(rows["group"], n, strict=True)}


def assisting(context: Context) -> None:
    """协办: answered in time and late, charged to the assisting unit only."""
    st.caption(text("supervision.assisting_note"))
    names = context.database.names.units
    _grouped(context, context.view.by_unit, supervision.ASSISTING, "unit", names, key="assisting")


# --- drawing


def _grouped(
    context: Context,
    table: pd.DataFrame,
    keys: Sequence[str],
    dimension: str,
    names: Mapping[str, str],
    *,
    title: str = "",
    key: str = "",
    noted: bool = False,
) -> None:
    """Groups beside each other in the order of `names`; a cell opens its cases."""
    rows = table[table["indicator"].isin(keys)]
    if rows.empty:
        st.caption(text("supervision.none"))
        return
    made = quality.by_group(rows, keys, names, context.database.settings, title=title)
    if noted:
        brief.note_table(made.head, made.cells)
    shorter = {each: _short(each) for each in made.keys if has_text(f"supervision.short_{each}")}
    made = replace(made, config=made.config | shorter)
    drill.table(made.show, f"supervision_{key or dimension}", made.question(dimension), context.case_filter)


def _short(key: str) -> Any:
    """A column whose title leaves out what the table's own title says."""
    formula = text(f"indicator.{key}.formula")
    return st.column_config.TextColumn(text(f"supervision.short_{key}"), help=formula, alignment="right")


def _cells(context: Context, key: str, table: Cells) -> None:
    question: Callable[[int, str], Question | None] = table.question
    drill.table(table.show, f"supervision_{key}", question, context.case_filter)
