"""The views of the wall for what must be seen done: supervised, instructed, reminded, long-standing, procedure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboard import before_view, burn_down, cache, trend_words, words
from dashboard.drill import question
from dashboard.slides import Fact, Row, Slide
from dashboard.tables import records
from data_access import before, meeting, since, supervision
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.lists import Question
from data_access.schema import INSTRUCTION_LEVELS
from data_access.texts import text
from data_access.views import Figure

DONE: Final = ("done", "done_late", "done_undated")
Figures = Mapping[str, Figure]


def _count(figures: Figures, key: str) -> int:
    return (figures[key].numerator if key in figures else None) or 0


def _facts(figures: Figures, *keys: str) -> tuple[Fact, ...]:
    """The figures that the database has: a rate with its n and what missed it; a late count in the tone of action."""
    found = []
    for figure in (figures[key] for key in keys if key in figures):
        n, among = figure.numerator or 0, figure.denominator
        note = "" if among is None else text("tile.n", n=among)
        asked = question(figure.key, "denominator" if among is None else "rest") if among or n else None
        late = among is None and MEASURES[figure.key].better == "less"
        found.append(Fact(words.label(figure.key), words.value(figure), note, asked, urgent=late and n > 0))
    return tuple(found)


def _by_unit(database: CaseDatabase, case_filter: CaseFilter, late: str, beside: str) -> tuple[Row, ...]:
    """Units with late entries, most first, and how many they have in all."""
    table = cache.ask(meeting.by_group, case_filter, (late, beside), "unit")
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
    figures = cache.ask(meeting.figures, case_filter, keys)
    return Slide(
        text(
            "wall.supervised",
            n=_count(figures, "supervised"),
            new=_count(figures, "supervised_new"),
            again=_count(figures, "supervised_again"),
            off=_count(figures, "signed_off"),
            late=_count(figures, "milestone_overdue"),
        ),
        _facts(figures, "supervised", "supervised_new", "signed_off", "milestone_overdue"),
        (text("units.unit"), words.label("milestone_overdue"), words.label("supervised")),
        _by_unit(database, case_filter, "milestone_overdue", "supervised"),
        methods=("supervised", "signed_off", "milestone_overdue"),
    )


def instructed(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Leaders' instructions and what was assigned from above: answered in time, and what is late."""
    keys = ("instruction_answer_rate", "instruction_overdue", "report_rate", "report_overdue")
    figures = cache.ask(meeting.figures, case_filter, keys)
    levels = cache.ask(meeting.by_group, case_filter, ("instruction_answer_rate", "instruction_overdue"), "instructed")
    answered = {row["group"]: row for row in records(levels[levels["indicator"] == "instruction_answer_rate"])}
    late = {row["group"]: row["numerator"] for row in records(levels[levels["indicator"] == "instruction_overdue"])}
    small_n = database.settings.comparison.small_n
    rows = tuple(
        Row(
            trend_words.group_name(level, "instructed", database.names),
            text("units.rate_cell", share=words.percent(float(row["value"])), n=int(row["denominator"])),
            float(row["value"]),
            (words.cases(int(late.get(level, 0))),),
            question("instruction_answer_rate", "rest", instructed=level),
            "subject" if row["denominator"] >= small_n else "context",
        )
        for level, row in ((level, answered[level]) for level in INSTRUCTION_LEVELS if level in answered)
    )
    return Slide(
        text(
            "wall.instructed",
            instructions=_count(figures, "instruction_overdue"),
            reports=_count(figures, "report_overdue"),
        ),
        _facts(figures, *keys),
        (text("dimension.instructed"), words.label("instruction_answer_rate"), words.label("instruction_overdue")),
        rows,
        methods=keys,
    )


def slips(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Slips: answered in time, effective, and what is late or was never reminded."""
    keys = ("slips", "slip_return_rate", "slip_effect_rate", "slip_overdue", "overdue_without_slip")
    figures = cache.ask(meeting.figures, case_filter, keys)
    return Slide(
        text(
            "wall.slips",
            late=_count(figures, "slip_overdue"),
            without=_count(figures, "overdue_without_slip"),
        ),
        _facts(figures, *keys[1:]),
        (text("units.unit"), words.label("slip_overdue"), words.label("slips")),
        _by_unit(database, case_filter, "slip_overdue", "slips"),
        methods=keys[1:],
    )


def backlog(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """Long-standing cases by batch: resolved of the frozen list, whenever it was made."""
    table = cache.ask(supervision.batches, case_filter)
    target, days = database.settings.target(supervision.BACKLOG), supervision.days_of_lists(case_filter)
    rows = tuple(
        Row(
            trend_words.group_name(row["batch"], "batch", database.names),
            text("units.rate_cell", share=words.percent(row["value"]), n=row["listed"]),
            row["value"],
            (words.cases(row["remaining"]),),
            question(supervision.BACKLOG, "rest", batch=row["batch"] or "", days=days),
            mark=target,
        )
        for row in records(table)
    )
    listed, resolved = int(table["listed"].sum()), int(table["resolved"].sum())
    return Slide(
        text("wall.backlog", n=listed, resolved=resolved, remaining=listed - resolved),
        head=(text("dimension.batch"), words.label(supervision.BACKLOG), text("wall.remaining")),
        rows=rows,
        methods=(supervision.BACKLOG,),
        evidence=burn_down.evidence(cache.ask(supervision.burn_down, case_filter), case_filter, database.settings),
    )


def checklist(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """The seven items: only what is missing."""
    table = cache.ask(meeting.by_group, case_filter, ("checklist_rate",), "item")
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
    figures = cache.ask(meeting.figures, case_filter, tuple(key for key, _ in supervision.PROCEDURE))
    counted = []
    for key, part in supervision.PROCEDURE:
        if key in figures:
            n = _count(figures, key)
            counted.append((Question(key, part), (figures[key].denominator or 0) - n if part == "rest" else n))
    most = float(max((n for _, n in counted), default=0)) or 1.0
    rows = tuple(
        Row(text(f"supervision.point_{asked.of}"), words.cases(n), n / most, asked=asked if n else None)
        for asked, n in counted
    )
    return Slide(
        text("wall.procedure", n=sum(n for _, n in counted)),
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
            Fact(text("wall.expected"), text("wall.cases_band", band=before_view.band(low, high))),
            Fact(text("wall.working_days"), text("wall.days", n=view.working_days)),
        ),
        (text("units.unit"), text("wall.falls_due"), text("wall.expected")),
        tuple(
            Row(
                database.names.unit(row["unit"]) or text("common.unknown"),
                words.cases(row["closing"]),
                row["closing"] / most,
                (before_view.band(row["low"], row["high"]),),
                Question(asked.of, asked.part, (*asked.at, ("unit", row["unit"]))),
                "context",
                n=int(row["closing"]),
            )
            for row in records(units)
        ),
        methods=("overdue", "due_soon"),
    )
