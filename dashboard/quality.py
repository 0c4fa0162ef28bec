"""Rates of quality in words and tables: for the county, by field, by unit. Small n is greyed and never ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import brief, drill, tables, theme, words
from data_access import fair, views
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.settings import Settings
from data_access.texts import text
from data_access.views import COHORTS, Figure

SPARK_WIDTH: Final = 84
"""Pixels of a small line in a table: what the other columns leave on a screen of 1280."""


def message(figures: Mapping[str, Figure], settings: Settings) -> str:
    """The headline: on-time rate against its target, and how many rates miss theirs."""
    below = [key for key, figure in figures.items() if misses(figure, settings.target(key))]
    on_time = figures.get("on_time_closure_rate")
    share = words.percent(on_time.value if on_time else None)
    if not below:
        return text("resolution.headline_good", share=share)
    named = below[:3]
    words_for = "resolution.headline" if named == below else "resolution.headline_some"
    return text(words_for, share=share, n=len(below), names=text("common.comma").join(map(words.label, named)))


def misses(figure: Figure, target: float | None) -> bool:
    """Whether a figure is on the wrong side of its target."""
    if target is None or figure.value is None:
        return False
    return figure.value > target if MEASURES[figure.key].better == "less" else figure.value < target


def figures_table(
    figures: Mapping[str, Figure], settings: Settings, beside: Mapping[str, Mapping[str, Figure]] | None = None
) -> None:
    """One row a rate: value, n, target, change against the span before and a year ago.

    `beside`: figures of units by their names, two more columns each, pale where n is small.
    """
    small_n, others = settings.comparison.small_n, beside or {}
    head = [text(f"quality.{name}") for name in ("rate", "value", "n", "target", "before", "year_ago")]
    head += [title for name in others for title in (name, text("quality.n"))]
    rows = []
    for key, figure in figures.items():
        target = settings.target(key)
        missed = text("quality.missed") if misses(figure, target) else ""
        rows.append(
            [
                words.label(key),
                words.against(figure.value, target),
                _ratio(figure),
                words.NONE if target is None else f"{words.percent(target, 0)}{missed}",
                words.change(figure, figure.before, figure.before_n, small_n),
                words.change(figure, figure.year_ago, figure.year_ago_n, small_n),
                *(cell for other in others.values() for cell in _pair(other.get(key), small_n)),
            ]
        )
    tables.sheet(head, rows, noted=True)
    if any(isinstance(cell, tables.Faint) for row in rows for cell in row):
        few = text("quality.few", n=small_n)
        brief.note(few)
        st.caption(few)


def _pair(figure: Figure | None, small_n: int) -> tuple[str, str]:
    """A unit's value and what it is of; both pale where that is too little to say anything."""
    if figure is None:
        return words.NONE, words.NONE
    pair = words.percent(figure.value), _ratio(figure)
    return pair if (figure.denominator or 0) >= small_n else (tables.Faint(pair[0]), tables.Faint(pair[1]))


def _ratio(figure: Figure) -> str:
    return text("quality.of", part=_shown(figure.numerator), whole=_shown(figure.denominator))


def _shown(n: int | None) -> str:
    return words.NONE if n is None else f"{n:,}"


def links(figures: Mapping[str, Figure]) -> None:
    """A link to the cases that did not reach each rate; for ratings only to those that were rated."""
    for key, figure in figures.items():
        if not figure.denominator:
            continue
        if MEASURES[key].confidential:
            drill.link(Question(key), text("quality.open_rated", name=words.label(key), n=figure.denominator))
        elif figure.numerator is not None:
            rest = figure.denominator - figure.numerator
            part, n = ("numerator", figure.numerator) if MEASURES[key].better == "less" else ("rest", rest)
            drill.link(Question(key, part), text(f"quality.open_{part}", name=words.label(key), n=n))


def named_months(monthly: pd.DataFrame) -> pd.DataFrame:
    """`monthly` with the indicators' screen names, without months that have no denominator."""
    shown = monthly[monthly["denominator"].fillna(0) > 0]
    return shown.assign(name=[words.label(key) for key in shown["indicator"]])


def titled(key: str, settings: Settings) -> str:
    """The rate's name and its target, as the title of a small chart."""
    target = settings.target(key)
    aim = "" if target is None else text("quality.title_target", target=words.percent(target, 0))
    return f"**{words.label(key)}**{aim}"


def month_message(key: str, months: pd.DataFrame) -> str:
    """The last complete month of a rate in a sentence."""
    complete = np.flatnonzero(~months["unfinished"].to_numpy(bool) & months["value"].notna().to_numpy())
    if not len(complete):
        return words.label(key)
    start, share = (months[name].iloc[complete[-1]] for name in ("start", "value"))
    return text("resolution.month_alt", name=words.label(key), month=f"{start:%Y-%m}", share=words.percent(share))


def month_question(key: str) -> drill.QuestionOf:
    """What a month of a rate's chart counts: the cases that did not reach it, as of the month's end.

    Cohorts are drawn as they are now, which no list as of a month's end would equal: their marks list the cohort.
    The mark of a unit's line asks for the unit's cases.
    """
    part = "denominator" if MEASURES[key].confidential or key in COHORTS else _missing_part(key)

    def asked(mark: dict[str, Any]) -> Question:
        days, unit = ("days", drill.days(mark["first"], mark["last"])), mark.get("unit")
        return Question(key, part, (days, ("unit", unit)) if unit else (days,))

    return asked


def part_to_list(key: str) -> str:
    """The part of a rate whose cases are worth a list: those that missed it; of ratings all that were rated."""
    return "denominator" if MEASURES[key].confidential else _missing_part(key)


def _missing_part(key: str) -> str:
    return "numerator" if MEASURES[key].better == "less" else "rest"


@dataclass(frozen=True)
class Column:
    """A further column of words, behind the column `after`: what each group has, and the colour of its words.

    `tones`: a colour of the palette by group. A cell asks for the cases of the indicator `asks`.
    """

    name: str
    title: str
    after: str
    cells: Mapping[str, str]
    tones: Mapping[str, str]
    asks: str
    help: str = ""


@dataclass(frozen=True)
class RateTable:
    """A table of rates by group: `frame` as shown, `groups` and `keys` to find what a cell counts.

    `head` and `cells` are the same in words. `asks`: the indicator whose cases a further column opens.
    """

    frame: Any
    groups: tuple[str, ...]
    keys: tuple[str, ...]
    config: dict[str, Any]
    head: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    asks: Mapping[str, str] = field(default_factory=dict)

    def show(self, key: str) -> Any:
        """Draw it under a widget key; column selection keeps it unsortable. On paper it is a plain table."""
        tables.sheet(self.head, self.cells, only_paper=True)
        return st.dataframe(
            self.frame,
            key=key,
            hide_index=True,
            column_config=self.config,
            height="content",
            row_height=38,
            on_select="rerun",
            selection_mode=tables.UNSORTABLE,
            alt=text("table.rates"),
        )

    def question(self, dimension: str) -> Callable[[int, str], Question | None]:
        """What a cell counts: the late or missing cases of a rate, the cases of a count."""

        def asked(row: int, column: str) -> Question | None:
            key = self.asks.get(column, column)
            if key not in self.keys:
                return None
            indicator = MEASURES[key]
            part = "denominator"
            if indicator.is_rate and not indicator.confidential:
                part = _missing_part(key)
            return Question(key, part, ((dimension, self.groups[row]),))

        return asked


def by_group(
    table: pd.DataFrame,
    keys: Sequence[str],
    names: Mapping[str, str],
    settings: Settings,
    *,
    order: str = "",
    sparks: Mapping[str, list[float]] | None = None,
    title: str = "",
    interval: bool = False,
    further: Sequence[Column] = (),
) -> RateTable:
    """Groups as rows in the order of `names`, or by the rate `order`; rates with n; small n greyed and last.

    Counts of volume are context: they never decide the order. With `interval` rates have their 95 % Wilson interval.
    """
    rows = zip(table["group"].fillna("").tolist(), views.figures(table), strict=True)
    rates = {(group, figure.key): figure for group, figure in rows}
    present = [key for key in keys if any(key == indicator for _, indicator in rates)]
    known = {group for group, _ in rates}
    groups = [*(group for group in names if group in known), *sorted(known.difference(names))]
    small_n = settings.comparison.small_n

    def at(group: str, key: str) -> Figure:
        return rates.get((group, key), Figure(key, None, None, None))

    def is_small(group: str, key: str) -> bool:
        return MEASURES[key].is_rate and (at(group, key).denominator or 0) < small_n

    if order in present and MEASURES[order].is_rate:
        best_first = MEASURES[order].better == "less"
        reached = {group: at(group, order).value for group in groups if not is_small(group, order)}
        ranked = {group: value for group, value in reached.items() if value is not None}
        best = sorted(ranked, key=lambda group: ranked[group], reverse=not best_first)
        groups = best + [group for group in groups if group not in ranked]
    shown = pd.DataFrame({"name": [_group_name(names, group) for group in groups]})
    config: dict[str, Any] = {"name": st.column_config.TextColumn(title or text("units.unit"))}
    for key in present:
        cells = _with_intervals if interval and MEASURES[key].is_rate else _cells
        shown[key] = cells([at(group, key) for group in groups])
        config[key] = st.column_config.TextColumn(
            words.label(key), help=text(f"indicator.{key}.formula"), alignment="right"
        )
    if sparks is not None:
        shown["months"] = [sparks.get(group, []) for group in groups]
        config["months"] = st.column_config.LineChartColumn(
            text("units.months"),
            help=text("units.months_help"),
            width=SPARK_WIDTH,
            y_min=0.5,
            y_max=1,
            color=theme.palette().blue,
        )

    titles = {key: words.label(key) for key in present}
    tones: dict[str, Mapping[str, str]] = {}
    for column in further:
        if column.after not in shown:
            continue
        words_of = [column.cells.get(group, words.NONE) for group in groups]
        shown.insert(int(list(shown).index(column.after)) + 1, column.name, words_of)
        config[column.name] = st.column_config.TextColumn(column.title, help=column.help or None)
        titles[column.name], tones[column.name] = column.title, column.tones

    def grey(column: pd.Series[Any]) -> list[str]:
        tone = tones.get(str(column.name))
        if tone is not None:
            return [f"color: {getattr(theme.palette(), tone.get(group, 'ink'))}" for group in groups]
        if column.name not in present:
            return [f"color: {theme.palette().ink}"] * len(column)
        return [f"color: {theme.palette().faint}" if is_small(group, str(column.name)) else "" for group in groups]

    written = [name for name in shown if name in titles]
    head = (title or text("units.unit"), *(titles[name] for name in written))

    def is_pale(group: str, name: str) -> bool:
        return is_small(group, name) if name in present else tones[name].get(group) == "faint"

    said = tuple(
        (str(row["name"]), *(tables.Faint(row[name]) if is_pale(group, name) else row[name] for name in written))
        for group, row in zip(groups, tables.records(shown), strict=True)
    )
    asks = {column.name: column.asks for column in further}
    return RateTable(shown.style.apply(grey), tuple(groups), tuple(present), config, head, said, asks)


def _group_name(names: Mapping[str, str], group: str) -> str:
    return names.get(group) or (text("common.not_listed", key=group) if group else text("common.unknown"))


def _cells(rates: Sequence[Figure]) -> list[str]:
    return [words.NONE if rate.value is None else _cell(rate, rate.value) for rate in rates]


def _cell(rate: Figure, value: float) -> str:
    if not MEASURES[rate.key].is_rate:
        return f"{round(value):,}"
    if rate.key == "overdue_share":
        return text("units.overdue_cell", n=rate.numerator, share=words.percent(value, 0))
    return text("units.rate_cell", share=words.percent(value), n=rate.denominator)


def _with_intervals(rates: Sequence[Figure]) -> list[str]:
    """Rates with the ends of their intervals and what they are of."""
    ends = zip(*fair.wilson([rate.numerator for rate in rates], [rate.denominator for rate in rates]), strict=True)
    return [
        words.NONE if rate.value is None else _with_interval(rate, rate.value, *(f"{end * 100:.0f}" for end in both))
        for rate, both in zip(rates, ends, strict=True)
    ]


def _with_interval(rate: Figure, value: float, low: str, high: str) -> str:
    said = {"n": rate.denominator, "low": low, "high": high}
    if rate.key == "overdue_share":
        return text("fair.count_cell", part=rate.numerator, share=words.percent(value, 0), **said)
    return text("fair.rate_cell", share=words.percent(value), **said)
