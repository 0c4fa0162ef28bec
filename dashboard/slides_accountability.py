"""The views of the wall for what must be seen done: supervised, instructed, reminded, long-standing, procedure."""

from __future__ import annotations

from typing import Final

import pandas as pd

from dashboard import before_view, cache, trend_words, words
from dashboard.drill import question
from dashboard.slides import Fact, Row, Slide
from dashboard.tables import records
from data_access import before, meeting, since
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.texts import text

DONE: Final = ("done", "done_late", "done_undated")
LEADS: Final = (
    ("office_timely_forwarding_rate", "rest"),
    ("unit_timely_acceptance_rate", "rest"),
    ("on_time_closure_rate", "rest"),
    ("slip_return_rate", "rest"),
    ("extension_unreasoned", "denominator"),
    ("extension_over_limit", "denominator"),
    ("closed_unanswered", "numerator"),
)
"""程序规范情况: what each step counts, as an indicator and its part."""


def _figures(case_filter: CaseFilter, keys: tuple[str, ...]) -> dict[str, dict[str, int | float | None]]:
    """numerator, denominator and value of each key that the database can feed."""
    table = cache.ask(meeting.figures, case_filter, keys, None)
    return {
        row["indicator"]: {name: row[name] for name in ("numerator", "denominator", "value")} for row in records(table)
    }


def _count(figures: dict[str, dict[str, int | float | None]], key: str) -> int:
    found = figures.get(key, {}).get("numerator")
    return 0 if found is None or pd.isna(found) else int(found)


def _fact(figures: dict[str, dict[str, int | float | None]], key: str, *, urgent: bool = False) -> list[Fact]:
    """The figure as a fact, where the database has it; a rate with its n."""
    if key not in figures:
        return []
    figure = figures[key]
    if not MEASURES[key].is_rate:
        n = _count(figures, key)
        return [Fact(words.label(key), words.cases(n), asked=question(key) if n else None, urgent=urgent and n > 0)]
    value, n = figure["value"], int(figure["denominator"] or 0)
    number = words.NONE if value is None or pd.isna(value) else words.percent(float(value))
    return [Fact(words.label(key), number, text("tile.n", n=n), question(key, "rest") if n else None)]


def _by_unit(database: CaseDatabase, case_filter: CaseFilter, late: str, beside: str) -> tuple[Row, ...]:
    """Units with late entries, most first, and how many they have in all."""
    table = cache.ask(meeting.figures, case_filter, (late, beside), "unit")
    counts = table.assign(group=table["group"].fillna("")).pivot_table(
        index="group", columns="indicator", values="numerator", aggfunc="sum", fill_value=0
    )
    counts = counts.reindex(columns=[late, beside], fill_value=0)
    counts = counts[counts[late] > 0].sort_values(late, ascending=False, kind="stable")
    most = float(counts[late].max()) if len(counts) else 1.0
    return tuple(
        Row(
            database.names.unit(str(unit)) or text("common.unknown"),
            words.cases(int(row[late])),
            float(row[late]) / most,
            (words.cases(int(row[beside])),),
            question(late, unit=str(unit)),
            "urgent",
            n=int(row[late]),
        )
        for unit, row in counts.iterrows()
    )


def supervised(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """What is on the supervision list, and where milestones are late."""
    keys = ("supervised", "supervised_new", "supervised_again", "signed_off", "milestone_overdue")
    figures = _figures(case_filter, keys)
    return Slide(
        text(
            "wall.supervised",
            n=_count(figures, "supervised"),
            new=_count(figures, "supervised_new") + _count(figures, "supervised_again"),
            off=_count(figures, "signed_off"),
            late=_count(figures, "milestone_overdue"),
        ),
        (
            *_fact(figures, "supervised"),
            *_fact(figures, "supervised_new"),
            *_fact(figures, "signed_off"),
            *_fact(figures, "milestone_overdue", urgent=True),
        ),
        (text("units.unit"), words.label("milestone_overdue"), words.label("supervised")),
        _by_unit(database, case_filter, "milestone_overdue", "supervised"),
        methods=("supervised", "signed_off", "milestone_overdue"),
    )


def instructed(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Leaders' instructions and what was assigned from above: answered in time, and what is late."""
    keys = ("instruction_answer_rate", "instruction_overdue", "report_rate", "report_overdue")
    figures = _figures(case_filter, keys)
    levels = cache.ask(meeting.figures, case_filter, ("instruction_answer_rate", "instruction_overdue"), "instructed")
    late = {
        row["group"]: int(row["numerator"]) for row in records(levels[levels["indicator"] == "instruction_overdue"])
    }
    rows = tuple(
        Row(
            trend_words.group_name(row["group"], "instructed", database.names),
            text("units.rate_cell", share=words.percent(float(row["value"])), n=int(row["denominator"])),
            float(row["value"]),
            (words.cases(late.get(row["group"], 0)),),
            question("instruction_answer_rate", "rest", instructed=row["group"] or ""),
            "urgent" if late.get(row["group"]) else "subject",
        )
        for row in records(levels[levels["indicator"] == "instruction_answer_rate"])
    )
    return Slide(
        text(
            "wall.instructed",
            instructions=_count(figures, "instruction_overdue"),
            reports=_count(figures, "report_overdue"),
        ),
        (
            *_fact(figures, "instruction_answer_rate"),
            *_fact(figures, "instruction_overdue", urgent=True),
            *_fact(figures, "report_rate"),
            *_fact(figures, "report_overdue", urgent=True),
        ),
        (text("dimension.instructed"), words.label("instruction_answer_rate"), words.label("instruction_overdue")),
        rows,
        methods=keys,
    )


def slips(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Slips: answered in time, effective, and what is late or was never reminded."""
    keys = ("slips", "slip_return_rate", "slip_effect_rate", "slip_overdue", "overdue_without_slip")
    figures = _figures(case_filter, keys)
    return Slide(
        text(
            "wall.slips",
            late=_count(figures, "slip_overdue"),
            without=_count(figures, "overdue_without_slip"),
        ),
        (
            *_fact(figures, "slip_return_rate"),
            *_fact(figures, "slip_effect_rate"),
            *_fact(figures, "slip_overdue", urgent=True),
            *_fact(figures, "overdue_without_slip", urgent=True),
        ),
        (text("units.unit"), words.label("slip_overdue"), words.label("slips")),
        _by_unit(database, case_filter, "slip_overdue", "slips"),
        methods=keys[1:],
    )


def backlog(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Long-standing cases by batch: resolved of the frozen list, whenever it was made."""
    table = cache.ask(meeting.backlog, case_filter)
    target = database.settings.target("backlog_resolution_rate")
    rows = tuple(
        Row(
            trend_words.group_name(row["group"], "batch", database.names),
            text("units.rate_cell", share=words.percent(float(row["value"])), n=int(row["denominator"])),
            float(row["value"]),
            (words.cases(int(row["denominator"] - row["numerator"])),),
            Question("backlog_resolution_rate", "rest", (("batch", row["group"] or ""), ("days", row["days"]))),
            mark=target,
        )
        for row in records(table)
    )
    listed, resolved = int(table["denominator"].sum()), int(table["numerator"].sum())
    return Slide(
        text("wall.backlog", n=listed, resolved=resolved, remaining=listed - resolved),
        head=(text("dimension.batch"), words.label("backlog_resolution_rate"), text("wall.remaining")),
        rows=rows,
        methods=("backlog_resolution_rate",),
    )


def checklist(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """The seven items: only what is missing."""
    table = cache.ask(meeting.figures, case_filter, ("checklist_rate",), "item")
    missing = table.assign(missing=table["denominator"] - table["numerator"])
    missing = missing[missing["missing"] > 0].sort_values("missing", ascending=False, kind="stable")
    most = float(missing["missing"].max()) if len(missing) else 1.0
    rows = tuple(
        Row(
            trend_words.group_name(row["group"], "item", database.names),
            words.cases(int(row["missing"])),
            float(row["missing"]) / most,
            asked=question("checklist_rate", "rest", item=row["group"] or ""),
            tone="urgent",
        )
        for row in records(missing)
    )
    return Slide(
        text("wall.checklist", n=int(missing["missing"].sum())) if rows else text("wall.checklist_done"),
        head=(text("dimension.item"), text("wall.missing")),
        rows=rows,
        methods=("checklist_rate",),
    )


def procedure(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Procedural points: leads, not verdicts."""
    figures = _figures(case_filter, tuple(key for key, _part in LEADS))
    counted = []
    for key, part in LEADS:
        if key in figures:
            n = _count(figures, key)
            whole = figures[key]["denominator"]
            counted.append((key, part, int(whole or 0) - n if part == "rest" else n))
    most = float(max((n for *_key, n in counted), default=1)) or 1.0
    rows = tuple(
        Row(
            text(f"procedure.{key}"),
            words.cases(n),
            n / most,
            asked=Question(key, part) if n else None,
        )
        for key, part, n in counted
    )
    return Slide(
        text("wall.procedure", n=sum(n for *_key, n in counted)),
        head=(text("procedure.step"), text("wall.points")),
        rows=rows,
        methods=("unit_timely_acceptance_rate", "extension_over_limit", "closed_unanswered"),
    )


def decisions(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """What the last meeting decided, what is late first."""
    found = cache.ask(since.decisions, case_filter)
    if found is None or found.rows.empty:
        return Slide(text("since.no_decisions"))
    order = {"late": 0, "running": 1}
    rows = sorted(records(found.rows), key=lambda row: order.get(row["state"], 2))
    late, done = int((found.rows["state"] == "late").sum()), found.count(*DONE)
    return Slide(
        text("wall.decisions", day=found.meeting, n=found.count("late", "running", *DONE), done=done, late=late),
        head=(text("wall.item"), text("since.state"), text("units.unit")),
        rows=tuple(
            Row(
                str(row["item"]),
                text(f"since.state_{row['state']}"),
                cells=(database.names.unit(row["unit"]),),
                tone="urgent" if row["state"] == "late" else "subject",
            )
            for row in rows
        ),
    )


def coming(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """What must move before the next meeting, and how many will be overdue on its day."""
    meeting_on = cache.ask(before.next_meeting, case_filter)
    view = cache.ask(before.before, case_filter, meeting_on)
    if not view.closing and not view.overdue:
        return Slide(text("before.nothing", day=meeting_on))
    asked = before_view.due_by(view)
    units = view.units[view.units["closing"] > 0]
    most = float(units["closing"].max()) if len(units) else 1.0
    low, high = view.expected.low, view.expected.high
    return Slide(
        text("wall.coming", day=meeting_on, n=view.closing, days=view.working_days),
        (
            Fact(text("wall.overdue_now"), words.cases(view.overdue), asked=question("overdue"), urgent=True),
            Fact(text("wall.falls_due"), words.cases(view.closing), asked=asked),
            Fact(text("wall.expected"), text("before.band", low=low, high=high)),
            Fact(text("wall.working_days"), text("wall.days", n=view.working_days)),
        ),
        (text("units.unit"), text("wall.falls_due"), text("wall.expected")),
        tuple(
            Row(
                database.names.unit(row["unit"]) or text("common.unknown"),
                words.cases(row["closing"]),
                row["closing"] / most,
                (text("before.band", low=row["low"], high=row["high"]),),
                Question(asked.of, asked.part, (*asked.at, ("unit", row["unit"]))),
                "context",
                n=int(row["closing"]),
            )
            for row in records(units)
        ),
        methods=("overdue", "due_soon"),
    )
