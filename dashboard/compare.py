"""One or two units beside the whole: pinned in the URL, measured by the very views that measure the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

import pandas as pd
import streamlit as st

from dashboard import bound, cache, charts, drill, frame, quality, trend_words, words
from dashboard.drawing import Drawing
from data_access.database import CaseDatabase, Names
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.texts import text
from data_access.views import Figure, Resolution, Trends

View = TypeVar("View")
PARAMETERS: Final = ("pin",)
MOST: Final = 2
"""How many units stand beside the whole: more lines than three nobody tells apart."""


def candidates(names: Names, case_filter: CaseFilter) -> list[str]:
    """The units that the filter keeps: of others no case could be listed under it."""
    return [
        unit
        for unit, kind in ((unit, names.kinds.get(unit)) for unit in names.units)
        if (not case_filter.unit or unit in case_filter.unit) and (not case_filter.kind or kind in case_filter.kind)
    ]


def choose(database: CaseDatabase, case_filter: CaseFilter) -> tuple[str, ...]:
    """The control, and the units chosen with it; none where there is no other unit to stand beside."""
    units = candidates(database.names, case_filter)
    if len(units) < 2:
        return ()
    return bound.several(
        text("compare.pin"), units, "pin", database.names.unit, text("compare.none"), limit=MOST, width=460
    )


def ask(
    view: Callable[..., View], case_filter: CaseFilter, units: tuple[str, ...], *arguments: object
) -> dict[str, View]:
    """What the view says of each unit alone."""
    return {unit: cache.ask(view, replace(case_filter, unit=(unit,)), *arguments) for unit in units}


def base(case_filter: CaseFilter) -> str:
    """What units stand beside: the county, or what the filter leaves of it."""
    return text("compare.base") if case_filter.narrowed else text("filter.everything")


# Trends


def panels(views: Mapping[str, Trends], length: str, names: Names, case_filter: CaseFilter) -> None:
    """Each unit's flow and stock in a panel of its own with its own scale: volume is context and is not compared."""
    if not views:
        return
    st.subheader(text("compare.panels"))
    st.caption(text("compare.own_scale"))
    for column, (unit, view) in frame.grid(views.items(), len(views)):
        with column:
            name, series = names.unit(unit), view.series
            message = text("compare.flow", unit=name, message=trend_words.message(series, length))
            top = int(series[["registered", "closed"]].to_numpy().max())
            st.markdown(text("compare.panel", unit=frame.plain(name), top=top))
            drill.chart(
                charts.flow(series, length, height=200),
                f"flow_{length}_{unit}",
                message,
                flow_question(unit),
                case_filter,
            )
            st.caption(text("trends.stock"))
            drill.chart(
                charts.stock(series, length, height=130),
                f"stock_{length}_{unit}",
                text("compare.flow", unit=name, message=text("trends.stock_alt", n=int(series["open"].iloc[-1]))),
                stock_question(unit),
                case_filter,
            )


def flow_question(unit: str) -> drill.QuestionOf:
    """What a mark of the unit's flow counts."""
    return lambda mark: drill.question(mark["kind"], days=drill.days(mark["first"], mark["last"]), unit=unit)


def stock_question(unit: str) -> drill.QuestionOf:
    """What a mark of the unit's stock counts."""
    return lambda mark: drill.question("open", days=drill.days("", mark["last"]), unit=unit)


# Rates


def figures(views: Mapping[str, Resolution], names: Names) -> dict[str, dict[str, Figure]]:
    """The rates of each unit by its name; the petition office's own are not charged to a unit."""
    return {
        names.unit(unit): {key: figure for key, figure in view.figures.items() if not MEASURES[key].office}
        for unit, view in views.items()
    }


def sentences(whole: Figure | None, views: Mapping[str, Resolution], database: CaseDatabase, of: str) -> list[str]:
    """How far each unit's rate is from that of the whole, called `of`; only where both stand on enough cases."""
    found = []
    for unit, view in views.items():
        figure = whole and view.figures.get(whole.key)
        if whole is None or figure is None or whole.value is None or figure.value is None:
            continue
        if min(whole.denominator or 0, figure.denominator or 0) < database.settings.comparison.small_n:
            continue
        said = {"unit": database.names.unit(unit), "name": words.label(whole.key), "base": of}
        points = round((figure.value - whole.value) * 100, 1)
        key = "same" if points == 0 else "higher" if points > 0 else "lower"
        found.append(text(f"compare.{key}", share=words.percent(figure.value), points=f"{abs(points):.1f}", **said))
    return found


def months(whole: pd.DataFrame, views: Mapping[str, Resolution], names: Names, of: str) -> pd.DataFrame:
    """The months of the whole and of each unit, one below the other: `unit` ('' = the whole), `who`, `place`.

    The petition office's own rates have no line of a unit.
    """
    parts = [whole.assign(unit="", who=of, place=0)]
    for place, (unit, view) in enumerate(views.items(), start=1):
        charged = view.monthly[[not MEASURES[key].office for key in view.monthly["indicator"]]]
        parts.append(charged.assign(unit=unit, who=names.unit(unit), place=place))
    return pd.concat(parts, ignore_index=True)


def rate(months_of_rate: pd.DataFrame, target: float | None, small_n: int) -> Drawing:
    """The chart of one rate: of complete months where units stand beside the whole, else of the whole alone."""
    if months_of_rate["place"].any():
        complete = months_of_rate[~months_of_rate["unfinished"]].dropna(subset=["value"])
        if complete["unit"].any():
            return charts.rates(complete, target, small_n)
        months_of_rate = months_of_rate[months_of_rate["unit"] == ""]
    return charts.rate(months_of_rate, target)


def months_message(key: str, months_of_rate: pd.DataFrame) -> str:
    """The last complete month of the whole and of each unit."""
    if not months_of_rate["place"].any():
        return quality.month_message(key, months_of_rate)
    return " ".join(
        quality.month_message(key, part) if not part["unit"].any() else _of_unit(key, part)
        for _, part in months_of_rate.groupby("place")
    )


def _of_unit(key: str, part: pd.DataFrame) -> str:
    return text("compare.flow", unit=part["who"].iloc[0], message=quality.month_message(key, part))
