"""The settings file, read once and checked: a sentence for each mistake.

`settings.toml` beside `app.py` holds every key with its default; the file named in the
environment variable CASES_SETTINGS may override single keys.
"""

from __future__ import annotations

import os
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from data_access.problems import Problem
from data_access.texts import has_text, language, text

FILE: Final = Path(__file__).resolve().parent.parent / "settings.toml"
OVERRIDE: Final = "CASES_SETTINGS"


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("time_zone")
    return name


def _ascending(days: tuple[int, ...]) -> tuple[int, ...]:
    if list(days) != sorted(set(days)):
        raise ValueError("ascending")
    return days


Days = Annotated[int, Field(ge=1, le=366)]
AscendingDays = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1), AfterValidator(_ascending)]
Share = Annotated[float, Field(ge=0, le=1)]


class Table(dict[str, Any]):
    """Settings by a name that the county chooses, hashable like the rest."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class PeriodRule(_Part):
    """When a statistical month closes and the assessment year begins."""

    month_closes_on: Annotated[int, Field(ge=0, le=28)]
    year_starts_in: Annotated[int, Field(ge=1, le=12)]


class Comparison(_Part):
    """Below which n nothing is ranked (`small_n`) or shown (`small_cell`, ratings)."""

    small_n: Annotated[int, Field(ge=1)]
    small_cell: Annotated[int, Field(ge=2)]


class GroupRule(_Part):
    """What counts as a group petition where a source gives a number of persons only."""

    rule: Literal["at_least_5", "more_than_5"]


class DeadlineRules(_Part):
    """Limits in days; those with `working` in their names are working days."""

    forwarding_days: Days
    acceptance_days: Days
    objection_working_days: Days
    closing_days: Days
    extension_days: Days
    review_apply_days: Days
    review_days: Days
    rereview_apply_days: Days
    rereview_days: Days
    summary_working_days: Days
    holiday_rollover: bool


class Thresholds(_Part):
    """Days and months at which pages draw their lines."""

    due_soon_days: AscendingDays
    age_bands: AscendingDays
    follow_up_after_days: Annotated[int, Field(ge=0)]
    first_time_months: Annotated[int, Field(ge=1, le=60)]
    progress_days: Annotated[int, Field(ge=1)]

    @property
    def first_time_days(self) -> int:
        """`first_time_months` in days (6 months = 183): engines differ on the same day of another month."""
        return round(self.first_time_months * 365.25 / 12)


AGENDA: Final = (
    "decisions",
    "changes",
    "volume",
    "channels",
    "levels",
    "seasons",
    "fields",
    "quality",
    "duration",
    "departments",
    "townships",
    "late",
    "late_units",
    "longest",
    "steps",
    "supervised",
    "instructed",
    "slips",
    "backlog",
    "checklist",
    "coming",
    "official",
    "data",
    "procedure",
)
"""The views of the meeting that there are, in the meeting's order."""


def _views(names: tuple[str, ...]) -> tuple[str, ...]:
    if any(name not in AGENDA for name in names) or len(set(names)) < len(names):
        raise ValueError("agenda")
    return names


class Meeting(_Part):
    """The room: which views in which order, how far the last seat is, how high the screen, seconds a view stays.

    `frozen_folder`: where the copies that `freeze` makes are; empty = beside a SQLite database.
    `next_on`: when the next meeting is; None = a month after the last one.
    """

    agenda: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_views)]
    farthest_seat_m: Annotated[float, Field(gt=0, le=100)]
    screen_height_m: Annotated[float, Field(gt=0, le=30)]
    advance_seconds: Annotated[int, Field(ge=3, le=3600)]
    frozen_folder: str
    next_on: Annotated[date | None, BeforeValidator(lambda day: day or None)]


class Targets(_Part):
    """Targets as shares 0-1, by indicator; None = no target."""

    on_time_closure_rate: Share | None = None
    on_time_answer_rate: Share | None = None
    office_timely_forwarding_rate: Share | None = None
    unit_timely_acceptance_rate: Share | None = None
    closure_rate: Share | None = None
    resolution_rate: Share | None = None
    overdue_share: Share | None = None
    office_rating_response_rate: Share | None = None
    unit_rating_response_rate: Share | None = None
    office_satisfaction_rate: Share | None = None
    unit_satisfaction_rate: Share | None = None
    follow_up_rate: Share | None = None
    slip_return_rate: Share | None = None
    slip_effect_rate: Share | None = None


class KindName(_Part):
    """Name of a kind of unit in each language."""

    zh_CN: str
    en: str


class Checklist(_Part):
    """The items of the county's checklist (七个一) in their order, by code."""

    items: Annotated[dict[str, KindName], AfterValidator(Table)]


SPRING_FESTIVAL: Final = "spring_festival"
"""The anchor of a season that hangs on lunar new year's day."""


def _anchor(day: str) -> str:
    if day != SPRING_FESTIVAL:
        try:
            written = date.fromisoformat(f"2001-{day}")  # a year without 29 February
        except ValueError as error:
            raise ValueError("season_anchor") from error
        if f"{written:%m-%d}" != day:
            raise ValueError("season_anchor")
    return day


class Season(_Part):
    """A season: its name in each language, the day it hangs on (`03-04`, or Spring Festival), days before and after.

    `leave_out`: months with at least seven of its days are left out of what counts as usual.
    """

    zh_CN: str
    en: str
    anchor: Annotated[str, AfterValidator(_anchor)]
    before: Annotated[int, Field(ge=0, le=60)]
    after: Annotated[int, Field(ge=0, le=60)]
    leave_out: bool = False

    @property
    def name(self) -> str:
        """Its name in the language in use."""
        return self.zh_CN if language() == "zh_CN" else self.en


class KindNames(_Part):
    """Names of the three kinds of unit."""

    department: KindName
    township: KindName
    other: KindName


class Database(_Part):
    """How patiently the database is asked."""

    statement_timeout_seconds: Annotated[int, Field(ge=1)]


class Official(_Part):
    """Published figures to stand beside ours: `file` is a CSV or Excel file; empty = none."""

    file: str


class Settings(_Part):
    """All settings. Hashable, so that it can be part of a cache key."""

    county: Annotated[str, Field(min_length=1)]
    language: Literal["zh_CN", "en"]
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    period: PeriodRule
    comparison: Comparison
    group: GroupRule
    deadlines: DeadlineRules
    thresholds: Thresholds
    meeting: Meeting
    targets: Targets
    annual_targets: Annotated[dict[str, Share], AfterValidator(Table)] = Table()
    checklist: Checklist
    official: Official = Official(file="")
    seasons: Annotated[dict[str, Season], AfterValidator(Table)] = Table()
    unit_kinds: KindNames
    database: Database

    @property
    def zone(self) -> ZoneInfo:
        """The local time zone."""
        return ZoneInfo(self.time_zone)

    def target(self, indicator: str) -> float | None:
        """The target of an indicator as a share, or None."""
        return getattr(self.targets, indicator, None)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Problem("settings_unreadable", file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem("settings_not_toml", file=str(path), detail=str(error)) from error


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {
        k: _merged(base[k], over[k])
        for k in base.keys() & over.keys()
        if isinstance(base[k], dict) and isinstance(over[k], dict)
    }
    return base | over | both


def _sentence(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    kind = error["type"] if error["type"] != "value_error" else str(error["ctx"]["error"])
    name = f"settings.mistake.{kind}"
    values = {k: v for k, v in error.get("ctx", {}).items() if k != "error"}
    return text(name if has_text(name) else "settings.mistake.other", key=key, value=repr(error["input"]), **values)


def parse(values: dict[str, Any], file: str) -> Settings:
    """Check `values`; raises Problem with one sentence for each mistake."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        mistakes = "\n".join(f"- {_sentence(each)}" for each in error.errors())
        raise Problem("settings_wrong", file=file, mistakes=mistakes) from error


@cache
def load() -> Settings:
    """The settings in force; raises Problem where the file cannot be used."""
    other = os.environ.get(OVERRIDE)
    values = _read(FILE)
    if other:
        values = _merged(values, _read(Path(other)))
    return parse(values, other or str(FILE))
