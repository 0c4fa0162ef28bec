"""Signal or noise in words: one plain sentence a series, and the table that a control chart is drawn from."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from dashboard import words
from data_access import signals
from data_access.database import CaseDatabase
from data_access.settings import Settings
from data_access.signals import Signals
from data_access.texts import text


def _recent(months: pd.DataFrame, column: str, database: CaseDatabase) -> tuple[pd.DataFrame, Signals]:
    recent, first = months.tail(signals.MONTHS), database.first_registered_at
    return recent, signals.of_months(recent, column, database.settings, first.date() if first else None)


def of(months: pd.DataFrame, column: str, database: CaseDatabase) -> Signals:
    """The signals of the last months of a series (`signals.of_months`)."""
    return _recent(months, column, database)[1]


def sentence(months: pd.DataFrame, column: str, name: str, database: CaseDatabase) -> str:
    """What the newest judged month says: `11月登记 412 件，在正常波动内。`"""
    recent, found = _recent(months, column, database)
    if found.verdict == "too_short" or found.newest is None:
        return text("signal.too_short", name=name, fewest=signals.FEWEST)
    row = recent.iloc[found.newest]
    month = month_of(row)
    if "denominator" in months:
        what = text("signal.rate", month=month, name=name, share=words.percent(float(row[column])))
    else:
        what = text("signal.count", month=month, name=name, n=int(row[column]))
    return text(f"signal.{found.verdict}", what=what, run=found.run)


def month_of(row: Any) -> str:
    """`10月`: a statistical month bears the name of the month it ends in."""
    return text(f"month.{row['end'].month}")


def short(months: pd.DataFrame, database: CaseDatabase) -> str:
    """The same for a tile, whose name and value stand above it."""
    recent, found = _recent(months, "value", database)
    if found.verdict == "too_short" or found.newest is None:
        return text("signal.tile_too_short", fewest=signals.FEWEST)
    return text(f"signal.tile_{found.verdict}", month=month_of(recent.iloc[found.newest]), run=found.run)


def method(settings: Settings) -> str:
    """How a control chart is read, with the seasons that are left out of it."""
    seasons = text("common.comma").join(season.name for season in settings.seasons.values() if season.leave_out)
    if not seasons:
        return text("signal.method_none", months=signals.MONTHS)
    return text("signal.method", months=signals.MONTHS, left_out=seasons)


def chart_table(months: pd.DataFrame, column: str, database: CaseDatabase) -> tuple[pd.DataFrame, Signals]:
    """What a control chart is drawn from: start, end, n, state, note, season, unfinished; and the signals.

    `state`: `usual`, `signal` or `apart` (not judged), which `note` says in words; `season`: why it is not judged.
    """
    recent, found = _recent(months, column, database)
    seasons = database.settings.seasons
    names = [seasons[code].name if code else "" for code in signals.season_of(recent, database.settings)]
    unfinished = recent["unfinished"].tolist()
    names = ["" if is_unfinished else name for name, is_unfinished in zip(names, unfinished, strict=True)]
    table = pd.DataFrame(
        {
            "start": recent["start"].to_numpy(),
            "end": recent["end"].to_numpy(),
            "n": recent[column].to_numpy(),
            "state": [STATES.get(flag, "signal") for flag in found.flags],
            "note": [_note(*each) for each in zip(found.flags, names, unfinished, strict=True)],
            "season": names,
            "unfinished": unfinished,
        }
    )
    return table, found


STATES: Final = {"": "apart", "within": "usual"}


def _note(flag: str, season: str, is_unfinished: bool) -> str:
    if flag:
        return text(f"signal.flag_{flag}")
    if is_unfinished:
        return text("signal.flag_unfinished")
    return text("signal.flag_left_out", season=season) if season else text("signal.flag_other")
