"""CaseFilter: one frozen value that is a WHERE clause, a sentence and a cache key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import or_, select

from data_access import schema
from data_access.database import Names
from data_access.deadlines import last_moment
from data_access.periods import DEFAULT_PRESET, Span, preset_span
from data_access.state import Cases, Condition
from data_access.texts import long_date, text

Words = Callable[[str, Names], str]


@dataclass(frozen=True)
class CaseFilter:
    """Which cases, in which period, seen at which moment.

    Stock figures are as of `at`; flow figures belong to `span`. Empty tuples mean all.
    """

    as_of: datetime
    span: Span
    preset: str = DEFAULT_PRESET
    unit: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    township: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    repeat: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    track: tuple[str, ...] = ()
    task_force: tuple[str, ...] = ()

    @property
    def at(self) -> datetime:
        """The effective instant of the whole screen: the as-of instant, or the end of the period before it."""
        return min(self.as_of, self.span.last)

    @property
    def today(self) -> date:
        """The day of the effective instant."""
        return self.at.date()

    @property
    def is_unfinished(self) -> bool:
        """Whether the period runs past the as-of instant."""
        return self.span.last > self.as_of

    @property
    def narrowed(self) -> tuple[str, ...]:
        """The fields that narrow the cases, beside period and as-of."""
        return tuple(key for key in FIELDS if getattr(self, key))

    def over(self, span: Span) -> CaseFilter:
        """The same cases in another period."""
        return replace(self, span=span, preset="custom")

    def where(self, cases: Cases) -> list[Condition]:
        """The conditions of everything but the period, for a WHERE clause."""
        return [FIELDS[key].condition(cases, getattr(self, key)) for key in self.narrowed]


def county(as_of: datetime | date, settings_period: Any, preset: str = DEFAULT_PRESET) -> CaseFilter:
    """The whole county in a preset period as of a moment; a date means its last moment."""
    moment = as_of if isinstance(as_of, datetime) else last_moment(as_of)
    return CaseFilter(moment, preset_span(preset, moment.date(), settings_period), preset)


@dataclass(frozen=True)
class Field:
    """One thing to filter by: its condition, the column it needs and its values' words."""

    needs: str
    condition: Callable[[Cases, tuple[str, ...]], Condition]
    words: Words
    codes: tuple[str, ...] = ()


def _code_words(list_name: str) -> Words:
    return lambda value, _names: text(f"code.{list_name}.{value}")


def _column(name: str) -> Callable[[Cases, tuple[str, ...]], Condition]:
    return lambda cases, values: getattr(cases, name).in_(values)


def _of_kind(cases: Cases, kinds: tuple[str, ...]) -> Condition:
    unit = cases.database.read("unit")
    return cases.lead_unit_id.in_(select(unit.unit_id).where(unit.kind.in_(kinds)))


def _in_category(cases: Cases, categories: tuple[str, ...]) -> Condition:
    category = cases.database.read("category")
    inside = select(category.category_id).where(category.parent_id.in_(categories))
    return or_(cases.category_id.in_(categories), cases.category_id.in_(inside))


def _flag(true_value: str, column: str) -> Callable[[Cases, tuple[str, ...]], Condition]:
    def condition(cases: Cases, values: tuple[str, ...]) -> Condition:
        flag = getattr(cases, column)
        return or_(*(flag.is_(value == true_value) for value in values))

    return condition


def _on_track(cases: Cases, tracks: tuple[str, ...]) -> Condition:
    chosen: Condition = cases.track.in_(tracks)
    return or_(chosen, cases.track.is_(None)) if "statutory" in tracks else chosen


FIELDS: Final[dict[str, Field]] = {
    "unit": Field("lead_unit_id", _column("lead_unit_id"), lambda value, names: names.unit(value)),
    "kind": Field("unit.kind", _of_kind, lambda value, names: names.kind(value), schema.UNIT_KINDS),
    "township": Field("township_id", _column("township_id"), lambda value, names: names.unit(value)),
    "category": Field("category_id", _in_category, lambda value, names: names.category(value)),
    "channel": Field("channel", _column("channel"), _code_words("channel"), schema.CHANNELS),
    "level": Field("petitioned_level", _column("petitioned_level"), _code_words("level"), schema.LEVELS),
    "repeat": Field("is_repeat", _flag("repeat", "is_repeat"), _code_words("repeat"), ("first", "repeat")),
    "group": Field(
        "is_collective", _flag("collective", "is_collective"), _code_words("group"), ("individual", "collective")
    ),
    "track": Field("track", _on_track, _code_words("track"), schema.TRACKS),
    "task_force": Field("task_force", _column("task_force"), lambda value, _names: value),
}


def period_words(case_filter: CaseFilter) -> str:
    """The period in words: its days, as far as they have elapsed."""
    span = case_filter.span
    if span.start is None:
        return text("filter.until", day=case_filter.today)
    return text("filter.days", start=long_date(span.start), end=long_date(case_filter.today))


def sentence(case_filter: CaseFilter, names: Names) -> str:
    """The active filter in one sentence, in the language in use."""
    parts = [period_words(case_filter)]
    for key in case_filter.narrowed:
        values = getattr(case_filter, key)
        words = [FIELDS[key].words(value, names) for value in values[:3]]
        listed = text("common.comma").join(words)
        parts.append(listed if len(values) <= 3 else text("filter.and_more", listed=listed, count=len(values)))
    if not case_filter.narrowed:
        parts.append(text("filter.everything"))
    return text("filter.sentence", parts=text("filter.joint").join(parts), as_of=case_filter.at)
