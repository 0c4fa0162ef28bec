"""Late cases folded into bands and units, and the files to hand out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from dashboard import export
from dashboard.tables import COLUMNS, records
from dashboard.words import cases
from data_access.database import Names
from data_access.filters import CaseFilter
from data_access.lists import Question
from data_access.texts import text
from data_access.views import Overdue

LIST_COLUMNS: Final = tuple(name for name in COLUMNS if name not in ("status", "closed_at"))
SOON: Final = ("due_soon", "due_later")


def by_band(by_day: pd.DataFrame, ends: Sequence[int]) -> pd.DataFrame:
    """Overdue cases by days late: band (words), late (code of `Question`), n, label. Every band has a row."""
    starts = [1, *(end + 1 for end in ends)]
    rows = []
    for start, end in zip(starts, [*ends, None], strict=True):
        inside = by_day["days_overdue"] >= start
        if end is not None:
            inside &= by_day["days_overdue"] <= end
        n = int(by_day.loc[inside, "n"].sum())
        words = text("band.over", days=start - 1) if end is None else text("band.between", start=start, end=end)
        rows.append((words, f"{start}..{'' if end is None else end}", n, cases(n)))
    return pd.DataFrame(rows, columns=["band", "late", "n", "label"])


def bands_message(table: pd.DataFrame) -> str:
    """The bands in one sentence, for those who cannot see them."""
    bands = (f"{row['band']} {row['label']}" for row in records(table))
    return text("overdue.bands_alt", bands=text("common.comma").join(bands))


def by_unit(by_day: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Overdue cases by unit, most first: unit, name, n, label."""
    counted = by_day.assign(unit=by_day["unit"].fillna("")).groupby("unit")["n"].sum()
    counted = counted.sort_values(ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "unit": counted.index,
            "name": [names.unit(str(unit)) or text("common.unknown") for unit in counted.index],
            "n": counted.to_numpy(),
            "label": [cases(n) for n in counted],
        }
    )


def links(view: Overdue, soon_days: Sequence[int]) -> list[tuple[Question, str]]:
    """The figures beside the chart, each with the question that opens its cases."""
    period, before = view.late_now
    waiting = int(view.acceptance["numerator"].sum())
    found = [
        (Question("overdue", at=(("since", "period"),)), text("overdue.since_period", n=period)),
        (Question("overdue", at=(("since", "before"),)), text("overdue.since_before", n=before)),
        (Question("acceptance_overdue"), text("overdue.acceptance", n=waiting)),
    ]
    soon = dict(zip((soon_days[0], soon_days[-1]), zip(SOON, view.soon, strict=True), strict=True))
    return found + [(Question(of), text("overdue.soon", days=days, n=n)) for days, (of, n) in soon.items()]


def downloads(of: str, case_filter: CaseFilter, sentence: str, asked: Question | None = None) -> None:
    """Two buttons: the whole list as one sheet, or one sheet a unit. The file is made when asked for.

    `asked`: the cases, where they are not those of the figure `of`.
    """
    title = text(f"export.{of}")

    def file(per_unit: bool) -> bytes:
        return export.of_cases(case_filter, asked or Question(of), title, sentence, per_unit=per_unit)

    for kind, per_unit in (("whole", False), ("units", True)):
        st.download_button(
            text(f"export.button_{kind}"),
            partial(file, per_unit),
            file_name=f"{title}-{text(f'export.{kind}')}-{case_filter.today:%Y%m%d}.xlsx",
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            key=f"download_{of}_{kind}",
            on_click="ignore",
        )
