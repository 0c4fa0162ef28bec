"""Where cases stand on the statutory clock, on the wall."""

from __future__ import annotations

from dashboard import cache, clock_view, words
from dashboard.slides import Row, Slide
from dashboard.tables import records
from data_access import views
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.texts import text


def steps(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """How many cases are past the limit of the step they are at, how many soon, of how many."""
    view = cache.ask(views.steps, case_filter)
    table = clock_view.by_step(view)
    if not table["open"].sum():
        return Slide(text("overdue.list_empty"))
    soon = database.settings.thresholds.due_soon_days[0]
    most = max(int(table["late"].max()), 1)
    outside = int(view.by_step.loc[view.by_step["left_out"] != "in", "open"].sum())
    rows = tuple(
        Row(
            text(f"clock.stage_{row['stage']}"),
            words.cases(row["late"]),
            row["late"] / most,
            (words.cases(row["soon"]), words.cases(row["open"])),
            clock_view.question_of(row["stage"], "late"),
            "urgent" if row["late"] else "subject",
        )
        for row in records(table)
    )
    return Slide(
        text(
            "clock.wall",
            n=int(table["open"].sum()),
            late=int(table["late"].sum()),
            soon=int(table["soon"].sum()),
            days=soon,
        ),
        head=(text("clock.step"), text("clock.wall_late"), text("clock.wall_soon", n=soon), text("clock.open")),
        rows=rows,
        note=text("clock.wall_outside", n=outside) if outside else "",
        methods=("overdue", "acceptance_overdue", "review_overdue"),
    )
