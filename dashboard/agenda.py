"""The table of views that an agenda may name: which function draws each, what it needs, the page it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dashboard import (
    slides,
    slides_accountability,
    slides_clock,
    slides_data,
    slides_duration,
    slides_fair,
    slides_official,
    slides_seasons,
)
from dashboard.slides import View
from data_access.database import CaseDatabase
from data_access.dimensions import DIMENSIONS
from data_access.queries import can_feed


@dataclass(frozen=True)
class Entry:
    """An agenda item: its view, the page it belongs to, and what the database must have for it."""

    view: View
    page: str
    needs: tuple[str, ...] = ()
    dimension: str = ""
    columns: tuple[str, ...] = ()
    given: Callable[[CaseDatabase], bool] = lambda _database: True
    """Whether what the view needs beside the database is there."""

    def is_fed(self, database: CaseDatabase) -> bool:
        """Whether the database can feed the view."""
        if not self.given(database):
            return False
        columns = DIMENSIONS[self.dimension].needs if self.dimension else ()
        return database.has(*columns, *self.columns) and all(can_feed(database, key) for key in self.needs)


VIEWS: Final[dict[str, Entry]] = {
    "decisions": Entry(slides_accountability.decisions, "since", columns=("meeting_decision.item",)),
    "changes": Entry(slides.changes, "since", ("overdue",)),
    "volume": Entry(slides_seasons.volume, "trends"),
    "channels": Entry(slides.made_of("channel", shares=False), "trends", dimension="channel"),
    "levels": Entry(slides.made_of("level", shares=True), "trends", dimension="level"),
    "seasons": Entry(slides_seasons.around, "trends"),
    "fields": Entry(slides.where_late("field", "dimension.field", "wall.fields"), "overview", ("overdue",), "field"),
    "quality": Entry(slides_data.quality_rates, "resolution"),
    "duration": Entry(slides_duration.time_to_close, "resolution"),
    "departments": Entry(slides_fair.units_of("department"), "departments", ("on_time_closure_rate",), "kind"),
    "townships": Entry(slides_fair.units_of("township"), "departments", ("on_time_closure_rate",), "kind"),
    "late": Entry(slides.late_bands, "overdue", ("overdue",)),
    "late_units": Entry(slides_fair.late_units, "overdue", ("overdue", "overdue_share"), "unit"),
    "longest": Entry(slides.longest, "overdue", ("overdue",)),
    "steps": Entry(slides_clock.steps, "overdue", ("overdue",)),
    "supervised": Entry(slides_accountability.supervised, "supervision", ("supervised", "milestone_overdue")),
    "instructed": Entry(slides_accountability.instructed, "supervision", ("instruction_answer_rate",)),
    "slips": Entry(slides_accountability.slips, "supervision", ("slip_overdue", "slips")),
    "backlog": Entry(slides_accountability.backlog, "supervision", ("backlog_resolution_rate",)),
    "checklist": Entry(slides_accountability.checklist, "supervision", ("checklist_rate",)),
    "coming": Entry(slides_accountability.coming, "before", ("due_soon",)),
    "official": Entry(slides_official.official_figures, "definitions", given=slides_official.has_file),
    "data": Entry(slides_data.data, "definitions", ("on_time_closure_rate",)),
    "procedure": Entry(slides_accountability.procedure, "supervision"),
}
"""Every view that an agenda may name (`settings.AGENDA`)."""
