"""The wall's view of time to close: of 100 cases so many by each day; the curve and the months behind 怎么算的."""

from __future__ import annotations

from functools import partial

from dashboard import cache, duration_charts, duration_view, words
from dashboard.drawing import Drawing
from dashboard.drill import question
from dashboard.room import Room
from dashboard.slides import Chart, Fact, Row, Slide
from data_access import duration
from data_access.database import CaseDatabase
from data_access.duration import DAYS, Cohorts, Curve, Duration
from data_access.filters import CaseFilter
from data_access.texts import text


def time_to_close(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """How many of 100 cases are handled by each day, beside last year's cases followed for as long."""
    view: Duration = cache.ask(duration.duration, case_filter)
    then: Curve | None = cache.ask(duration.year_before, case_filter)
    curve = view.whole
    if not curve.n:
        return Slide(duration_view.message(curve))
    median = text("duration.not_reached") if curve.median is None else text("duration.days", n=curve.median)
    earlier = None if then is None or then.median is None else text("duration.days", n=then.median)
    facts = [
        Fact(text("duration.n"), words.cases(curve.n), asked=question("closure_rate")),
        Fact(
            text("duration.median"),
            median,
            text("duration.year_ago_none") if earlier is None else text("duration.year_ago", value=earlier),
        ),
        Fact(text("duration.open"), words.cases(curve.still_open), asked=question("closure_rate", "rest")),
    ]
    return Slide(
        duration_view.message(curve),
        tuple(facts),
        (text("duration.by_day"), text("duration.of_100"), text("duration.year_ago_head")),
        tuple(_row(curve, then, day) for day in DAYS),
        note=duration_view.against(curve, then, database.settings.comparison.small_n) or text("duration.wall_note"),
        methods=("closure_rate",),
        evidence=(
            partial(_curve, curve, then),
            partial(_cohorts, database, case_filter),
            _method,
        ),
    )


def _row(curve: Curve, then: Curve | None, day: int) -> Row:
    """How many of 100 by `day`, and of last year's."""
    now, before = curve.by(day), then.by(day) if then else None
    name = text("duration.within", day=day)
    ago = text("change.none")
    if then and before:
        ago = text("duration.hundred", n=duration_view.of_hundred(before.value, then))
    if now is None:
        return Row(name, text("duration.not_yet"), 0.0, (ago,), tone="context")
    label = text("duration.hundred", n=duration_view.of_hundred(now.value, curve))
    return Row(name, label, now.value, (ago,), question("closure_rate"))


def _curve(curve: Curve, then: Curve | None) -> Slide:
    """The curve with its band and the numbers followed."""

    def drawing(room: Room) -> Drawing:
        return duration_charts.curve(curve, then, room)

    said = duration_view.message(curve)
    return Slide(
        text("duration.wall_curve", n=curve.n + curve.left, open=curve.still_open),
        chart=Chart(drawing, said, lambda _mark: question("closure_rate")),
        note=text("duration.wall_curve_note") + (text("duration.dashed") if then is not None and then.n else ""),
    )


def _cohorts(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """The months of registration."""
    found: Cohorts = cache.ask(duration.cohorts, case_filter)
    said = duration_view.cohorts_message(found, database.settings.comparison.small_n)
    if not duration_charts.drawn(found):
        return Slide(said)
    return Slide(
        said,
        chart=Chart(
            lambda room: duration_charts.cohorts(found, room),
            said,
            duration_view.month_question,
        ),
        note=text("duration.wall_cohorts_note"),
    )


def _method() -> Slide:
    """The rule and the sources."""
    return Slide(text("duration.how"), lines=duration_view.method())
