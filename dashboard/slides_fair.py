"""Units beside the county on the wall: verdicts in words; funnel and standardised table wait behind 怎么算的."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from dashboard import cache, fair_charts, fair_view, words
from dashboard.drill import question
from dashboard.slides import Chart, Row, Slide, View
from dashboard.tables import records
from data_access import fair
from data_access.database import CaseDatabase
from data_access.fair import Funnel
from data_access.filters import CaseFilter
from data_access.texts import text

RATE: Final = "on_time_closure_rate"
RATES: Final = (RATE, "overdue_share")
METHODS: Final = ("on_time_closure_rate", "overdue")
MIX_HEAD: Final = ("units.unit", "fair.wall_mix_head", "fair.verdict", "fair.ratio")


def units_of(kind: str) -> View:
    def view(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
        """Units of one kind against the county: those told from it first, the rest in fixed order; nobody is last."""
        standing = cache.ask(fair.standing, case_filter, RATES)
        names, small_n = database.names, database.settings.comparison.small_n
        found = standing.funnels.get((kind, RATE))
        if found is None:
            return Slide(text("wall.no_units", kind=names.kind(kind), n=small_n))
        mix = standing.mix[standing.mix["unit"].map(lambda unit: names.kinds.get(unit) == kind).astype(bool)]
        beside = {row["unit"]: row for row in fair_view.mix_rows(mix, names)}
        units = {str(row["group"]): row for row in records(found.units)}
        order = fair_view.in_order(units, names, lambda unit: fair.VERDICTS.index(units[unit]["verdict"]))
        return Slide(
            text(
                "fair.wall",
                kind=names.kind(kind),
                n=len(units),
                name=words.label(RATE),
                parts=fair_view.parts([found]),
            ),
            head=(
                text("units.unit"),
                text("fair.wall_county", name=words.label(RATE), share=words.percent(found.target)),
                text("fair.against"),
                text("fair.overdue_expected"),
            ),
            rows=tuple(_unit(unit, units[unit], beside.get(unit), found, database) for unit in order),
            methods=METHODS,
            evidence=(
                partial(_funnel, found, database),
                partial(_mix, mix, database),
            ),
        )

    return view


def _unit(unit: str, row: dict[str, Any], mix: dict[str, Any] | None, found: Funnel, database: CaseDatabase) -> Row:
    verdict, is_few = row["verdict"], row["verdict"] == "too_few"
    overdue = words.NONE if mix is None else _beside(mix)
    return Row(
        fair_view.unit_name(unit, database.names),
        text("units.rate_cell", share=words.percent(row["value"]), n=row["n"]),
        row["value"],
        (text(f"fair.{verdict}"), overdue),
        fair_view.question_of(RATE)({"group": unit}),
        "urgent" if verdict == "worse" else "context" if is_few else "subject",
        found.target,
    )


def _beside(mix: dict[str, Any]) -> str:
    """Overdue cases and those expected of the unit's mix."""
    return text("quality.of", part=mix["observed"], whole=f"{mix['expected']:.1f}")


def _funnel(found: Funnel, database: CaseDatabase) -> Slide:
    """The funnel plot behind the verdicts."""
    names = database.names
    dots = fair_view.points(found, names)
    return Slide(
        text(
            "fair.wall_funnel",
            kind=names.kind(found.kind),
            name=words.label(found.key),
            parts=fair_view.parts([found], ("worse", "better")),
        ),
        chart=Chart(
            fair_charts.on_wall(found, dots),
            fair_view.message(found, names),
            fair_view.question_of(found.key),
            (("hollow", text("fair.hollow", n=database.settings.comparison.small_n)),),
        ),
        note=fair_view.widened(found),
    )


def _mix(mix: Any, database: CaseDatabase) -> Slide:
    """Overdue cases of units beside those expected of their mix: a bar and the mark it is compared with."""
    rows = fair_view.mix_rows(mix, database.names)
    most = max((max(row["observed"], row["expected"]) for row in rows), default=0)
    return Slide(
        text("fair.wall_mix", parts=fair_view.mix_parts(mix)),
        head=tuple(text(key) for key in MIX_HEAD),
        rows=tuple(
            Row(
                fair_view.unit_name(row["unit"], database.names),
                _beside(row),
                row["observed"] / most if most else 0.0,
                (text(f"fair.mix_{row['verdict']}"), _ratio(row)),
                question("overdue", unit=row["unit"]),
                "urgent" if row["verdict"] == "more" else "context" if row["verdict"] == "too_few" else "subject",
                row["expected"] / most if most else 0.0,
            )
            for row in rows
        ),
        note=text("fair.mix_note", expected=fair.FEWEST_EXPECTED),
    )


def _ratio(row: dict[str, Any]) -> str:
    """Observed to expected with its 95 % interval."""
    if row["verdict"] == "too_few":
        return words.NONE
    ratio, low, high = (f"{row[name] / row['expected']:.1f}" for name in ("observed", "low", "high"))
    return text("fair.ratio_cell", ratio=ratio, low=low, high=high)


def late_units(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Where late cases are, beside what each unit's mix of cases explains; urgent only where they are more."""
    standing = cache.ask(fair.standing, case_filter, ("overdue_share",))
    rates = standing.units[standing.units["numerator"].fillna(0) > 0]
    if rates.empty:
        return Slide(text("overview.none_overdue"))
    mix = {row["unit"]: row for row in fair_view.mix_rows(standing.mix, database.names)}
    late = {str(row["group"]): row for row in records(rates)}
    most = max(int(row["numerator"]) for row in late.values())

    def place(unit: str) -> tuple[bool, int]:
        return not _is_more(mix, unit), -int(late[unit]["numerator"])

    rows = tuple(
        Row(
            fair_view.unit_name(unit, database.names),
            text("overview.share_label", n=int(row["numerator"]), share=words.percent(float(row["value"]), 0)),
            int(row["numerator"]) / most,
            (
                f"{mix[unit]['expected']:.1f}" if unit in mix else words.NONE,
                text(f"fair.mix_{mix[unit]['verdict']}") if unit in mix else words.NONE,
            ),
            question("overdue", unit=unit),
            "urgent" if _is_more(mix, unit) else "subject",
            n=int(row["numerator"]),
        )
        for unit, row in sorted(late.items(), key=lambda item: place(item[0]))
    )
    return Slide(
        text(
            "fair.wall_late",
            groups=len(rows),
            total=int(rates["numerator"].sum()),
            parts=fair_view.mix_parts(standing.mix[standing.mix["unit"].isin(list(late))]),
        ),
        head=(text("units.unit"), text("wall.overdue_of_open"), text("fair.expected"), text("fair.verdict")),
        rows=rows,
        methods=("overdue_share",),
        evidence=(partial(_mix, standing.mix, database),),
    )


def _is_more(mix: dict[str, dict[str, Any]], unit: str) -> bool:
    return unit in mix and mix[unit]["verdict"] == "more"
