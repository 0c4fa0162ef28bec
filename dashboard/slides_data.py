"""The wall's view of the data: how far their faults could move the headline; the bounds behind 怎么算的."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from dashboard import cache, data_charts, quality_of_data, slides, words
from dashboard.slides import Chart, Row, Slide
from data_access import data_quality
from data_access.data_quality import RATE, Doubts
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.queries import can_feed
from data_access.texts import text


def _doubts(database: CaseDatabase, case_filter: CaseFilter) -> Doubts:
    known, day = cache.ask_database(data_quality.standing), quality_of_data.today(database)
    return cache.ask(data_quality.doubts, case_filter, day, known, True)


def data(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """The rate, the range that faults of the data leave it, and what they are."""
    found = _doubts(database, case_filter)
    shown = quality_of_data.rows_of(found)
    if not shown:
        return Slide(quality_of_data.headline(found), methods=(RATE,))
    most = max(each.doubted for each in shown)
    rows = tuple(
        Row(
            text(f"fault.{each.key}"),
            words.cases(each.doubted),
            each.doubted / most,
            (quality_of_data.moved(each, found.rate),),
            quality_of_data.question("doubt", each.key, found),
            "context" if each is found.together else "subject",
        )
        for each in shown
    )
    return Slide(
        quality_of_data.headline(found),
        head=(text("faults.name"), text("faults.wall_rows"), text("faults.range")),
        rows=rows,
        note=text("faults.wall_note"),
        methods=(RATE,),
        evidence=(partial(bounds_slide, database, case_filter),) if found.rate is not None else (),
    )


def quality_rates(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """The rates against their targets, with the bounds of the first among the evidence."""
    slide = slides.quality_rates(database, case_filter)
    if not can_feed(database, RATE):
        return slide
    return replace(slide, evidence=(*slide.evidence, partial(bounds_slide, database, case_filter)))


def bounds_slide(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Best and worst case of the on-time closure rate, fault by fault, as a picture."""
    found = _doubts(database, case_filter)
    rows = quality_of_data.bounds_table(found)
    if rows.empty or found.rate is None:
        return Slide(quality_of_data.headline(found))
    now = text("faults.rate_now", rate=words.percent(found.rate))
    return Slide(
        quality_of_data.headline(found),
        chart=Chart(
            partial(data_charts.wall_bounds, rows, found.rate, now),
            quality_of_data.alt_text(found),
            lambda mark: quality_of_data.question("doubt", str(mark["key"]), found),
        ),
        note=text("faults.wall_note"),
    )
