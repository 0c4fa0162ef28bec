"""通报对照: the official figures beside ours, with the difference and its likely reason, on the definitions page."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import brief, cache, drill, frame, tables, words
from dashboard.supervised import Cells
from data_access import official
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import INDICATORS
from data_access.lists import Question
from data_access.official import Beside, Official
from data_access.problems import Problem
from data_access.texts import text

EXPLAINED: Final = ("cut_off", "later", "closed_only", "not_due", "not_due_left_out", "dispositions", "accusations")
"""Reasons that say why the two differ."""
COLUMNS: Final = ("indicator", "unit", "period", "published", "ours", "difference", "reason")


def ask(database: CaseDatabase, case_filter: CaseFilter) -> Official | None:
    """The official figures beside ours; None where no file is given. Raises Problem."""
    if official.given_file(database.settings) is None:
        return None
    return cache.ask(official.beside, case_filter, official.stamp(database.settings))


def draw(database: CaseDatabase, case_filter: CaseFilter) -> None:
    """The part of the definitions page."""
    try:
        view = ask(database, case_filter)
    except Problem as problem:
        frame.headline(text("official.headline_none"))
        st.warning(str(problem))
        return
    if view is None:
        frame.headline(text("official.headline_none"))
        st.markdown(text("official.how"))
        return
    frame.headline(headline(view))
    st.caption(text("official.note", file=view.file, day=case_filter.as_of.date()))
    if case_filter.narrowed:
        st.caption(text("official.narrowed"))
    if view.rows:
        table = cells(view, database, case_filter)
        brief.note_table(table.head, table.rows)
        drill.table(table.show, "official", table.question, case_filter)
    if view.mistakes:
        st.subheader(text("official.mistakes", n=len(view.mistakes)))
        bad = [(mistake.where, str(mistake.problem)) for mistake in view.mistakes]
        tables.sheet((text("official.row"), text("official.problem")), bad, texts=2)


def headline(view: Official) -> str:
    """How many agree, how many are explained, how many are to be checked."""
    counts = {"agrees": view.count("agrees"), "explained": view.count(*EXPLAINED), "unknown": view.count("unknown")}
    return text("official.headline", n=len(view.rows), **counts)


def cells(view: Official, database: CaseDatabase, case_filter: CaseFilter) -> Cells:
    """The table in words, and what its cells ask; what does not agree stands first."""
    head = tuple(text(f"official.{name}") for name in COLUMNS)
    ordered = sorted(view.rows, key=lambda row: row.agrees)
    rows, asked = [], []
    for row in ordered:
        rows.append(
            (
                words.label(row.published.indicator),
                unit_name(row, database),
                period_name(row, case_filter),
                shown(row, row.published.value),
                ours(row),
                difference(row),
                reason(row, database),
            )
        )
        asked.append((None, None, None, None, question(row, case_filter), None, None))
    return Cells(head, tuple(rows), tuple(asked), texts=(0, 1, 2, 6))


def unit_name(row: Beside, database: CaseDatabase) -> str:
    """The unit, or the county."""
    return database.names.unit(row.published.unit) or text("official.county")


def period_name(row: Beside, case_filter: CaseFilter) -> str:
    """`2026年10月`, `2026年1月—10月`, `2026年`; unfinished where it runs past the as-of instant."""
    first, last = row.published.months
    names = {
        "year": str(first // 12),
        "month": words.month_name(first),
        "last_year": str(last // 12),
        "last": words.month_name(last),
    }
    if first == last:
        said = text("official.month", year=names["year"], month=names["month"])
    elif first % 12 == 0 and last == first + 11:
        said = text("official.whole_year", year=names["year"])
    elif first // 12 == last // 12:
        said = text("official.months", year=names["year"], month=names["month"], last=names["last"])
    else:
        said = text("official.months_over", **names)
    return text("official.unfinished", period=said) if official.is_unfinished(row, case_filter.as_of) else said


def shown(row: Beside, value: float | None) -> str:
    """A share with as many digits as published (one at least), or a count."""
    if value is None:
        return words.NONE
    if not INDICATORS[row.published.indicator].is_rate:
        return words.cases(value)
    return words.percent(value, _digits(row))


def ours(row: Beside) -> str:
    """Our figure, a rate with what it is of."""
    if row.value is None or row.denominator is None or row.numerator is None:
        return shown(row, row.value)
    return text("official.of", share=shown(row, row.value), part=row.numerator, whole=row.denominator)


def difference(row: Beside) -> str:
    """Ours minus published, in percentage points or cases."""
    if row.difference is None:
        return words.NONE
    if INDICATORS[row.published.indicator].is_rate:
        points = f"{row.difference * 100:+.{_digits(row)}f}"
        return text("official.points", points=points) if float(points) else text("official.no_difference")
    return text("official.cases", n=f"{row.difference:+,.0f}") if row.difference else text("official.no_difference")


def _digits(row: Beside) -> int:
    """Of the per cent: one, or two where two were published."""
    return 2 if row.published.tolerance < official.HALF_SHARE - 1e-9 else 1


def reason(row: Beside, database: CaseDatabase) -> str:
    """Why the two may differ, in a sentence."""
    code, value = row.reason.code, row.reason.value
    if code == "cut_off" and not row.reason.day:
        code = "cut_off_calendar"
    if code == "few":
        return text("official.reason.few", n=database.settings.comparison.small_cell)
    said = {"value": shown(row, value)} if value is not None else {}
    if code == "cut_off":
        said["day"] = str(row.reason.day)
    return text(f"official.reason.{code}", **said)


def question(row: Beside, case_filter: CaseFilter) -> Question | None:
    """The cases behind our figure: of a rate all that it is of; none of what is never listed.

    A list keeps the filter, which our figure does not: under a narrowing filter there is none.
    """
    indicator = INDICATORS[row.published.indicator]
    if case_filter.narrowed or row.value is None or not (row.denominator if indicator.is_rate else row.value):
        return None
    if indicator.confidential and not indicator.is_rate:
        return None
    start = row.span.start
    assert start
    end = min(row.span.end, case_filter.as_of.date())
    at = {"days": drill.days(start.isoformat(), end.isoformat())}
    if row.published.unit:
        at["unit"] = row.published.unit
    return drill.question(indicator.key, **at)
