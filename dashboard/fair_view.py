"""Units beside the county in words, tables and funnel plots: who is told from it, and why none is ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import bound, drill, fair_charts, frame, quality, words
from dashboard.drill import question
from dashboard.quality import Column
from dashboard.tables import records
from data_access import fair
from data_access.database import CaseDatabase, Names
from data_access.fair import JUDGED, Funnel, Standing, Verdict
from data_access.filters import CaseFilter
from data_access.settings import Settings
from data_access.texts import text

TONES: Final = {"worse": "action_text", "better": "blue_text", "same": "ink", "too_few": "faint"}
MIX_TONES: Final = {"more": "action_text", "fewer": "blue_text", "same": "ink", "too_few": "faint"}
BESIDE: Final = 2
"""Funnels side by side."""


def rate(standing: Standing) -> str:
    """The rate that the verdicts are about; what the database cannot feed is not offered."""
    offered = _offered(standing)
    return bound.one_of("rate", offered, offered[0])


def choose_rate(standing: Standing) -> str:
    """The control that chooses it."""
    offered = _offered(standing)
    return bound.segments(text("fair.rate"), offered, "rate", words.label, offered[0])


def _offered(standing: Standing) -> list[str]:
    known = {key for _, key in standing.funnels}
    return [key for key in JUDGED if key in known] or [JUDGED[0]]


def headline(standing: Standing, key: str) -> str:
    """How many units are worse, better, not to be told from the county."""
    funnels = list(standing.of(key))
    if not funnels:
        return text("fair.no_comparison")
    share = words.percent(funnels[0].target)
    return text("fair.headline", name=words.label(key), share=share, parts=parts(funnels))


def parts(funnels: Iterable[Funnel], verdicts: Sequence[Verdict] = fair.VERDICTS) -> str:
    """How many units have each of `verdicts`, in words; that none is worse is said too."""
    found = list(funnels)
    counts = {verdict: sum(each.count(verdict) for each in found) for verdict in verdicts}
    return _counted("fair.n", counts, "worse")


def mix_parts(mix: pd.DataFrame) -> str:
    """How many units have more or fewer overdue cases than their mix explains, in words."""
    counts = {verdict: int((mix["verdict"] == verdict).sum()) for verdict in fair.MIX_VERDICTS}
    return _counted("fair.mix_n", counts, "more")


def _counted(prefix: str, counts: dict[Any, int], always: str) -> str:
    said = [
        text(f"{prefix}_{verdict}", n=n) if n else text(f"{prefix}_none_{verdict}")
        for verdict, n in counts.items()
        if n or verdict == always
    ]
    return text("filter.joint").join(said)


def columns(standing: Standing, key: str) -> list[Column]:
    """Further columns of a table of units: the verdict on a rate, and the overdue cases expected of each unit's mix."""
    verdicts = {group: verdict for each in standing.of(key) for group, verdict in each.verdicts().items()}
    mix = standing.mix.set_index("unit")
    return [
        Column(
            "verdict",
            text("fair.against"),
            "name",
            {group: text(f"fair.{verdict}") for group, verdict in verdicts.items()},
            {group: TONES[verdict] for group, verdict in verdicts.items()},
            key,
            text("fair.against_help", name=words.label(key)),
        ),
        Column(
            "expected",
            text("fair.expected"),
            "overdue_share",
            {str(unit): _expected(row) for unit, row in mix.iterrows()},
            {str(unit): MIX_TONES[row["verdict"]] for unit, row in mix.iterrows()},
            "overdue_share",
            text("fair.expected_help"),
        ),
    ]


def _expected(row: Any) -> str:
    said = f"{row['expected']:.1f}"
    if row["verdict"] in ("more", "fewer"):
        said += text("common.joint") + text(f"fair.mix_{row['verdict']}")
    return said


def why(settings: Settings) -> None:
    """Why units are not ranked, and how they are compared, for who wants to know."""
    with st.expander(text("fair.why_title")):
        st.markdown(text("fair.why", n=settings.comparison.small_n))
        st.markdown(text("fair.method", expected=fair.FEWEST_EXPECTED))


def points(found: Funnel, names: Names) -> pd.DataFrame:
    """The dots of a funnel: group, name, n, value, verdict, said, interval; without hidden shares."""
    shown = found.units.dropna(subset=["value"])
    return shown.assign(
        name=[unit_name(group, names) for group in shown["group"]],
        said=[text(f"fair.{verdict}") for verdict in shown["verdict"]],
        interval=[f"{low:.1%}–{high:.1%}" for low, high in zip(shown["low"], shown["high"], strict=True)],
    )


def unit_name(unit: str, names: Names) -> str:
    """A unit's name; 未填 where a case has none."""
    return names.unit(unit) or text("common.unknown")


def message(found: Funnel, names: Names) -> str:
    """A funnel in a sentence, the units outside its limits by name."""
    said = text(
        "fair.alt",
        kind=names.kind(found.kind) or text("units.unknown_kind"),
        name=words.label(found.key),
        share=words.percent(found.target),
        parts=parts([found]),
    )
    for verdict in ("worse", "better"):
        units = found.units.loc[found.units["verdict"] == verdict, "group"]
        if len(units):
            listed = text("common.comma").join(unit_name(unit, names) for unit in units)
            said += text("fair.named", verdict=text(f"fair.{verdict}"), names=listed)
    return said


def question_of(key: str) -> drill.QuestionOf:
    """A dot asks for the unit's cases that missed the rate; of ratings for all that were rated."""
    return lambda mark: question(key, quality.part_to_list(key), unit=mark["group"])


def widened(found: Funnel) -> str:
    """That the limits are widened, and how much; nothing where they are not."""
    wide = found.dispersion.widening
    return text("fair.widened", times=f"{wide:.1f}") if wide > 1 else ""


def funnels(standing: Standing, key: str, database: CaseDatabase, case_filter: CaseFilter) -> None:
    """A funnel plot for each kind of unit, those of one kind in one picture."""
    small_n = database.settings.comparison.small_n
    st.subheader(text("fair.heading", name=words.label(key)))
    st.caption(text("fair.legend", n=small_n))
    compared = [each for each in standing.of(key) if each.count("too_few") < len(each.units)]
    for column, each in frame.grid(compared, BESIDE):
        with column:
            kind = database.names.kind(each.kind) or text("units.unknown_kind")
            st.markdown(f"**{frame.plain(kind)}** {widened(each)}")
            drill.chart(
                fair_charts.funnel(each, points(each, database.names)),
                f"funnel_{each.kind or 'unknown'}",
                message(each, database.names),
                question_of(key),
                case_filter,
            )
    left_out = [each for each in standing.of(key) if each.kind not in {one.kind for one in compared}]
    if left_out:
        kinds = [database.names.kind(each.kind) or text("units.unknown_kind") for each in left_out]
        st.caption(text("fair.no_funnel", kinds=text("common.comma").join(kinds), n=small_n))


def in_order(units: Iterable[str], names: Names, first: Callable[[str], int]) -> list[str]:
    """Units by `first`, then in the unit table's order."""
    place = {unit: position for position, unit in enumerate(names.units)}
    return sorted(units, key=lambda unit: (first(unit), place.get(unit, len(place))))


def mix_rows(mix: pd.DataFrame, names: Names) -> list[dict[str, Any]]:
    """The rows of the standardised table, units that have more than their mix explains first."""
    rows = {row["unit"]: row for row in records(mix)}
    order = in_order(rows, names, lambda unit: fair.MIX_VERDICTS.index(rows[unit]["verdict"]))
    return [rows[unit] for unit in order]
