"""Views of the wall about time: how much came in, whether that is routine, and the weeks around a season."""

from __future__ import annotations

from functools import partial
from typing import Final

import pandas as pd

from dashboard import cache, drill, season_charts, signal_words, trend_words, wall_charts, words
from dashboard.drill import question
from dashboard.slides import Chart, Fact, Slide
from data_access import meeting, seasons
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.lists import Question
from data_access.texts import text

FLOWS: Final = ("registered", "closed")


def volume(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """How much came in and was closed, against a year ago; whether the last month is routine, and the chart of that."""
    view = cache.ask(meeting.volume, case_filter)
    small_n = database.settings.comparison.small_n

    def fact(key: str) -> Fact:
        figure = view.figures[key]
        year_ago = text("change.year_ago", change=words.change(figure, figure.year_ago, figure.year_ago_n, small_n))
        return Fact(words.label(key), words.value(figure), year_ago, Question(key), key == "overdue")

    counts = {key: view.figures[key].numerator or 0 for key in ("registered", "closed", "open")}
    shown = view.series.tail(meeting.MONTHS)
    return Slide(
        text("wall.volume", **counts),
        tuple(fact(key) for key in meeting.VOLUMES),
        chart=Chart(
            partial(wall_charts.flow, shown),
            _flow_message(shown),
            lambda mark: question(mark["kind"], days=drill.days(mark["first"], mark["last"])),
            (
                ("ink", text("flow.registered")),
                ("blue", text("flow.closed")),
                ("hollow", text("chart.unfinished")),
            ),
        ),
        note=signal_words.sentence(view.series, "registered", text("flow.registered"), database),
        evidence=tuple(partial(_control, view.series, key, database) for key in FLOWS),
        methods=meeting.VOLUMES,
    )


def _flow_message(series: pd.DataFrame) -> str:
    """The last complete month in a sentence."""
    complete = series[~series["unfinished"]]
    month = (complete if len(complete) else series).iloc[-1]
    return text(
        "wall.flow_alt",
        span=trend_words.span_words(month["start"], month["end"], "month"),
        registered=int(month["registered"]),
        closed=int(month["closed"]),
    )


def _control(series: pd.DataFrame, key: str, database: CaseDatabase) -> Slide:
    """The control chart of a flow: is its last month more than routine variation?"""
    table, found = signal_words.chart_table(series, key, database)
    said = signal_words.sentence(series, key, text(f"flow.{key}"), database)
    if found.mean is not None and found.lower is not None and found.upper is not None:
        limits = {"mean": round(found.mean), "lower": round(found.lower), "upper": round(found.upper)}
        said = text("signal.wall_how", sentence=said, **limits)
    return Slide(
        said,
        chart=Chart(
            partial(season_charts.control, table, found),
            said,
            lambda mark: question(key, days=drill.days(mark["first"], mark["last"])),
            (("hollow", text("signal.wall_key_left_out")),),
        ),
        note=text("signal.wall_note"),
    )


def around(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Registered cases in the weeks around the season that is nearest, this year and the ones before."""
    settings = database.settings
    code = seasons.nearest(settings, case_filter.today)
    if code is None:
        return Slide(text("season.no_season"))
    season, table = settings.seasons[code], cache.ask(seasons.around, case_filter, code)
    said = season_charts.message(table, season)
    if table.empty:
        return Slide(said)
    return Slide(
        said,
        chart=Chart(
            partial(season_charts.aligned, table, season.name),
            said,
            lambda mark: question("registered", days=drill.days(mark["first"], mark["last"])),
            (("hollow", text("chart.unfinished")),) if table["unfinished"].any() else (),
        ),
        note=text("season.wall_note", season=season.name),
        methods=("registered",),
    )
