"""Official figures beside ours: what the province published, what this database says, and why they may differ.

The file has one figure a row: indicator, unit, period, value (docs/official.md). Ours is the same indicator of the same
statistical months, seen from their end like everywhere. Where the two differ, ours is worked out again by the other
conventions that are in use (another cut-off day, counted later, cases not yet due, closed cases only, dispositions,
accusations); the one that comes closest to what was published, and close enough, is named as the likely reason.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, ZipError
from sqlalchemy import Connection, and_, func, not_

from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicator import Indicator
from data_access.indicators import INDICATORS
from data_access.periods import Span, month_span
from data_access.problems import Problem
from data_access.queries import can_feed
from data_access.settings import FILE, PeriodRule, Settings
from data_access.state import Cases, Condition
from data_access.tally import count_spans
from data_access.texts import LANGUAGES, catalogue

HEADERS: Final = {
    "indicator": ("indicator", "指标", "指标名称", "指标项", "项目"),
    "unit": ("unit", "单位", "责任单位", "单位名称", "部门"),
    "period": ("period", "时段", "统计期", "期间", "统计时段", "月份", "时间"),
    "value": ("value", "数值", "通报数", "通报值", "通报数值", "值", "官方数"),
}
HEADER_WITHIN: Final = 10
CUT_OFF_DAYS: Final = (0, 20, 25)
"""Days on which months close elsewhere; 0 = the end of the calendar month."""
CLOSE: Final = 0.005
"""How near an explanation must come: half a percentage point, or half a per cent of a count."""
HALF_SHARE: Final = 0.0005
"""Half of the last digit that is shown of a share, 0.1 %."""
_WHOLE_COUNTY: Final = ("", "全县", "本县", "县", "全部", "合计", "county", "wholecounty")
_QUARTERS: Final = {"一": 1, "二": 2, "三": 3, "四": 4}
_YEAR: Final = r"(?P<year>(?:19|20)\d\d)"
_DASH: Final = r"(?:\.\.|[-—–~至到])"
_FORMS: Final = (
    rf"{_YEAR}[-/.年](?P<month>\d{{1,2}})(?:月份?)?",
    rf"{_YEAR}(?:年度?|年全年)?",
    rf"{_YEAR}年?第?(?P<quarter>[一二三四1-4])季度?",
    rf"{_YEAR}年?-?q(?P<quarter>[1-4])",
    rf"{_YEAR}年?(?P<half>[上下])半年",
    rf"{_YEAR}年(?P<month>\d{{1,2}})月?{_DASH}(?P<last>\d{{1,2}})月份?",
    rf"{_YEAR}[-/.年](?P<month>\d{{1,2}})月?{_DASH}(?P<last_year>(?:19|20)\d\d)[-/.年](?P<last>\d{{1,2}})(?:月份?)?",
)
_PERIODS: Final = tuple(re.compile(form) for form in _FORMS)


@dataclass(frozen=True)
class Published:
    """A published figure. `value`: a share 0-1, or a count; `tolerance`: half of its last digit written.

    `months`: its first and last statistical month. `unit` is empty for the county.
    """

    where: str
    indicator: str
    unit: str
    months: tuple[int, int]
    value: float
    tolerance: float

    @property
    def named_by(self) -> tuple[str, str, tuple[int, int]]:
        """What it is a figure of."""
        return self.indicator, self.unit, self.months


@dataclass(frozen=True)
class Mistake:
    """A row that cannot be used, and why, as a Problem to be said in the reader's language."""

    where: str
    problem: Problem


@dataclass(frozen=True)
class Reason:
    """Why ours may differ: `official.reason.<code>`, with the cut-off day, and ours by that convention."""

    code: str
    value: float | None = None
    day: int = 0


@dataclass(frozen=True)
class Beside:
    """A published figure and ours: `value` as published's, of `denominator` cases; None where hidden or unavailable.

    `span`: the days that ours counts, up to the as-of instant.
    """

    published: Published
    span: Span
    value: float | None
    numerator: int | None
    denominator: int | None
    reason: Reason

    @property
    def difference(self) -> float | None:
        """Ours minus the published figure."""
        return None if self.value is None else self.value - self.published.value

    @property
    def agrees(self) -> bool:
        """Equal within the rounding of the published figure."""
        return self.reason.code == "agrees"


@dataclass(frozen=True)
class Official:
    """The file and what it says beside ours. `mistakes`: its rows that could not be used."""

    file: str
    rows: tuple[Beside, ...]
    mistakes: tuple[Mistake, ...]

    def count(self, *codes: str) -> int:
        """The rows with one of these reasons."""
        return sum(row.reason.code in codes for row in self.rows)


# --- the file


def given_file(settings: Settings) -> Path | None:
    """The file of the settings, beside settings.toml unless its path is whole; None where there is none."""
    return FILE.parent / Path(settings.official.file).expanduser() if settings.official.file else None


def stamp(settings: Settings) -> float:
    """When the file was last changed, so that answers are not older than it; 0 where it is missing."""
    file = given_file(settings)
    return file.stat().st_mtime if file and file.is_file() else 0.0


def read(file: Path, database: CaseDatabase) -> tuple[tuple[Published, ...], tuple[Mistake, ...]]:
    """The figures of a CSV or Excel file and the rows that are none. Raises Problem where it cannot be read."""
    figures: dict[tuple[str, str, tuple[int, int]], Published] = {}
    mistakes: list[Mistake] = []
    words = _Words.of(database)
    for where, cells in _cells(file):
        try:
            found = _figure(where, cells, words, database.settings.period)
            earlier = figures.setdefault(found.named_by, found)
            if earlier.value != found.value:
                raise Problem("official_twice", other=earlier.where)
        except Problem as problem:
            mistakes.append(Mistake(where, problem))
    return tuple(figures.values()), tuple(mistakes)


def _cells(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and cells of each row under a header, by the names of `HEADERS`."""
    if not file.is_file():
        raise Problem("official_missing", file=str(file))
    found = False
    sheets = list(_sheets(file))
    for name, rows in sheets:
        places: dict[str, int] = {}
        for number, row in enumerate(rows, start=1):
            if not places:
                places = _header(row) if number <= HEADER_WITHIN else {}
                found = found or bool(places)
            elif any(_plain(cell) for cell in row):
                cells = {column: row[place] for column, place in places.items() if place < len(row)}
                yield (f"{name}!{number}" if len(sheets) > 1 else str(number)), cells
    if not found:
        raise Problem("official_no_header", file=str(file))


def _header(row: Sequence[Any]) -> dict[str, int]:
    """Which cell holds what, where the row names all that is needed; a unit may be missing."""
    keys = [_plain(cell) for cell in row]
    places = {
        column: next(place for place, key in enumerate(keys) if key in names)
        for column, names in HEADERS.items()
        if any(key in names for key in keys)
    }
    return places if {"indicator", "period", "value"} <= places.keys() else {}


def _sheets(file: Path) -> Iterator[tuple[str, list[list[Any]]]]:
    if file.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"):
        try:
            book = CalamineWorkbook.from_path(str(file))
            yield from (
                (name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names
            )
        except (CalamineError, PasswordError, ZipError, OSError) as error:
            raise Problem("official_unreadable", file=str(file)) from error
        return
    data = file.read_bytes()
    for encoding in ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030"):
        try:
            content = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        delimiter = max(",;\t", key=content[:10_000].count)
        yield file.stem, list(csv.reader(StringIO(content, newline=""), delimiter=delimiter))
        return
    raise Problem("official_unreadable", file=str(file))


def _plain(cell: Any) -> str:
    """A cell as compared: no spaces, narrow letters and signs, lower case."""
    return "" if cell is None else "".join(unicodedata.normalize("NFKC", str(cell)).split()).casefold()


@dataclass(frozen=True)
class _Words:
    """What indicators and units may be called, each with its key."""

    indicators: dict[str, str]
    units: dict[str, str]

    @classmethod
    def of(cls, database: CaseDatabase) -> _Words:
        labels = {
            _plain(catalogue(language).gettext(f"indicator.{key}.label")): key
            for language in LANGUAGES
            for key in INDICATORS
        }
        names = database.names
        units = {_plain(name): unit for unit, name in names.units.items()}
        aliases = {_plain(alias): unit for alias, unit in names.aliases.items()}
        county = dict.fromkeys((*_WHOLE_COUNTY, _plain(database.settings.county)), "")
        ids = {_plain(unit): unit for unit in names.units}
        return cls(labels | {key: key for key in INDICATORS}, county | aliases | units | ids)


def _figure(where: str, cells: dict[str, Any], words: _Words, rule: PeriodRule) -> Published:
    indicator = words.indicators.get(_plain(cells.get("indicator")))
    if indicator is None:
        raise Problem("official_indicator", given=_shown(cells.get("indicator")))
    unit = words.units.get(_plain(cells.get("unit")))
    if unit is None:
        raise Problem("official_unit", given=_shown(cells.get("unit")))
    months = period(cells.get("period"), rule)
    if months is None:
        raise Problem("official_period", given=_shown(cells.get("period")))
    is_rate = INDICATORS[indicator].is_rate
    read_as = share(cells.get("value")) if is_rate else count(cells.get("value"))
    if read_as is None:
        raise Problem("official_share" if is_rate else "official_count", given=_shown(cells.get("value")))
    return Published(where, indicator, unit, months, *read_as)


def _shown(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()[:30]


def period(cell: Any, rule: PeriodRule) -> tuple[int, int] | None:
    """First and last statistical month (year * 12 + month - 1); None where it is none.

    `2026-10`, `2026年10月`, `2026`, `2026年`, `2026年第3季度`, `2026-Q3`, `2026年上半年`, `2026年1—10月`,
    `2026-01..2026-10`; a date (Excel makes one of `2026-10`) is its month. The year is the assessment year that ends
    in it.
    """
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, date):
        month = cell.year * 12 + cell.month - 1
        return (month, month) if cell.day == 1 else None
    found = next((match for form in _PERIODS if (match := form.fullmatch(_plain(cell)))), None)
    if found is None:
        return None
    parts = found.groupdict()
    year = int(parts["year"])
    begins = (year - (rule.year_starts_in > 1)) * 12 + rule.year_starts_in - 1
    if quarter := parts.get("quarter"):
        first = begins + 3 * (_QUARTERS.get(quarter) or int(quarter)) - 3
        return first, first + 2
    if half := parts.get("half"):
        first = begins + (6 if half == "下" else 0)
        return first, first + 5
    if parts.get("month") is None:
        return begins, begins + 11
    month, last = int(parts["month"]), int(parts.get("last") or parts["month"])
    last_year = int(parts.get("last_year") or year)
    months = year * 12 + month - 1, last_year * 12 + last - 1
    return months if 1 <= month <= 12 and 1 <= last <= 12 and months[0] <= months[1] else None


def share(cell: Any) -> tuple[float, float] | None:
    """A rate as written (`92.5%`, `0.925`, `92.5`) as a share 0-1, with half of its last digit.

    A number up to 1 is a share, a larger one per cent. Spreadsheets drop closing zeros (0.9 for 90.0 %), so that a
    figure without a sign is taken to be exact to the 0.1 % shown.
    """
    written = _plain(cell).replace(",", "")
    found = re.fullmatch(r"(\d+(?:\.(\d+))?)(%?)", written)
    if found is None:
        return None
    number, digits = float(found[1]), len(found[2] or "")
    value = number / 100 if found[3] or number > 1 else number
    half = 0.005 / 10**digits if found[3] else HALF_SHARE
    return (value, half) if value <= 1 else None


def count(cell: Any) -> tuple[float, float] | None:
    """A number of cases as written (`1,234`, `412件`, 412.0), exact."""
    found = re.fullmatch(r"(\d+)(?:\.0+)?[件次人批]*", _plain(cell).replace(",", ""))
    return (float(found[1]), 0.0) if found else None


# --- ours, and ours by other conventions


def _is_on_some_clock(cases: Cases) -> Condition:
    """Like `on_clock`, whatever was disposed and however it was closed."""
    return and_(cases.exists, cases.left_out.in_(("in", "disposition", "left")), cases.due.is_not(None))


def _is_due(cases: Cases) -> Condition:
    return and_(_is_on_some_clock(cases), cases.due <= cases.at)


def _on_clock(cases: Cases) -> Condition:
    return and_(cases.exists, cases.on_clock)


_ON_TIME: Final = ("on_time_closure_rate", "on_time_answer_rate")
Change = Callable[[Indicator], Indicator]
_CHANGES: Final[tuple[tuple[str, tuple[str, ...], Change], ...]] = (
    # Open cases past their deadline left out: by deadline, and by closing.
    (
        "closed_only",
        (*_ON_TIME, "unit_timely_acceptance_rate", "office_timely_forwarding_rate"),
        lambda each: replace(each, only=lambda cases: cases.is_closed),
    ),
    (
        "closed_only",
        _ON_TIME,
        lambda each: replace(each, moment="closed_at", denominator=lambda cases: and_(cases.is_closed, cases.on_clock)),
    ),
    # Cases not yet due in the denominator, where ours leaves them out: due in the period, and registered in it.
    ("not_due", _ON_TIME, lambda each: replace(each, denominator=_on_clock)),
    ("not_due", _ON_TIME, lambda each: replace(each, moment="registered_at", denominator=_on_clock)),
    # Cases not yet due out of the denominator, where ours has them.
    (
        "not_due_left_out",
        ("closure_rate",),
        lambda each: replace(
            each,
            only=lambda cases: not_(and_(cases.is_open, func.coalesce(cases.due > cases.at, True))),
        ),
    ),
    ("dispositions", _ON_TIME, lambda each: replace(each, denominator=_is_due)),
    ("dispositions", ("closure_rate",), lambda each: replace(each, denominator=lambda cases: cases.exists)),
    (
        "dispositions",
        ("resolution_rate", "first_time_resolution_rate", "follow_up_rate"),
        lambda each: replace(each, denominator=lambda cases: cases.is_closed),
    ),
    (
        "dispositions",
        ("overdue_share", "overdue"),
        lambda each: replace(
            each,
            denominator=lambda cases: and_(cases.is_open, _is_on_some_clock(cases)),
            numerator=lambda cases: cases.due <= cases.at,
        ),
    ),
    (
        "accusations",
        ("registered", "closed", "open"),
        lambda each: replace(each, county_wide=False),
    ),
)
"""Conventions other than ours: the reason's code, the indicators that it concerns, and how it changes them."""

Counts = dict[tuple[str, Span, str], tuple[int, int]]


def beside(connection: Connection, database: CaseDatabase, case_filter: CaseFilter, _changed: float = 0) -> Official:
    """The official figures beside ours, as of the filter's as-of instant; its period and what narrows it do not count.

    `_changed`: the file's `stamp`. Raises Problem where there is no file or it cannot be read.
    """
    file = given_file(database.settings)
    if file is None:
        raise Problem("official_missing", file="")
    figures, mistakes = read(file, database)
    whole = CaseFilter(case_filter.as_of, Span(None, case_filter.as_of.date()), "custom")
    rule, day = database.settings.period, case_filter.as_of.date()
    ours: Counts = {}
    for by, months, some in _alike(figures, database, rule, day):
        asked = [INDICATORS[each.indicator] for each in some]
        ours |= _counts(connection, database, whole, asked, [month_span(*months, rule)], by)
    rows = [_compared(each, ours, database, rule, day) for each in figures]
    open_ones = [row for row in rows if row.reason.code == "unknown"]
    tried = _tried(connection, database, whole, [row.published for row in open_ones])
    return Official(
        file.name,
        tuple(_explained(row, tried.get(row.published.where, [])) if row in open_ones else row for row in rows),
        mistakes,
    )


def _alike(
    figures: Iterable[Published], database: CaseDatabase, rule: PeriodRule, day: date
) -> Iterator[tuple[str | None, tuple[int, int], list[Published]]]:
    """The figures that can be worked out: those of the county and of units apart, those of the same months together.

    One window a statement: a database finds its cases by an index, and indicators with one base are counted together.
    """
    found: dict[tuple[str | None, tuple[int, int]], list[Published]] = {}
    for each in figures:
        if can_feed(database, each.indicator) and (month_span(*each.months, rule).start or day) <= day:
            found.setdefault(("unit" if each.unit else None, each.months), []).append(each)
    for (by, months), some in found.items():
        yield by, months, some


def _counts(
    connection: Connection,
    database: CaseDatabase,
    whole: CaseFilter,
    indicators: Sequence[Indicator],
    spans: Sequence[Span],
    by: str | None,
    seen_at: datetime | None = None,
    *,
    as_recorded: bool = False,
) -> Counts:
    """Numerator and denominator by indicator, span and unit (empty: the county)."""
    keys = {each.key: each for each in indicators}
    found: Counts = {} if by else {(key, span, ""): (0, 0) for key in keys for span in spans}
    every = list(keys.values())
    counted = count_spans(connection, database, whole, every, spans, by, seen_at, as_recorded=as_recorded)
    for key, place, group, numerator, denominator in counted:
        if not by or group:
            name = key, spans[place], group or ""
            before = found.get(name, (0, 0))
            found[name] = before[0] + numerator, before[1] + denominator
    return found


def _value(indicator: Indicator, pair: tuple[int, int], small_cell: int) -> float | None:
    """The figure of a pair of counts; None where nothing was counted or few were rated."""
    numerator, denominator = pair
    if not indicator.is_rate:
        return None if indicator.confidential and 0 < numerator < small_cell else float(numerator)
    if not denominator or (indicator.confidential and denominator < small_cell):
        return None
    return numerator / denominator


def _compared(published: Published, ours: Counts, database: CaseDatabase, rule: PeriodRule, day: date) -> Beside:
    indicator, span = INDICATORS[published.indicator], month_span(*published.months, rule)
    row = Beside(published, span, None, None, None, Reason("unknown"))
    if not can_feed(database, indicator.key):
        return replace(row, reason=Reason("not_fed"))
    if (span.start or day) > day:
        return replace(row, reason=Reason("ahead"))
    pair = ours.get((indicator.key, span, published.unit), (0, 0))
    value = _value(indicator, pair, database.settings.comparison.small_cell)
    if value is None:
        few = indicator.confidential and any(pair)
        return replace(row, denominator=pair[1] if indicator.is_rate else None, reason=Reason("few" if few else "none"))
    row = replace(row, value=value, numerator=pair[0], denominator=pair[1] if indicator.is_rate else None)
    return replace(row, reason=Reason("agrees")) if _near(value, published) else row


def _near(value: float, published: Published) -> bool:
    return abs(value - published.value) <= published.tolerance + 1e-9


def _explained(row: Beside, tried: Sequence[Reason]) -> Beside:
    """The row with the convention that comes closest to what was published; `unknown` where none is close enough."""
    published = row.published
    enough = CLOSE if INDICATORS[published.indicator].is_rate else CLOSE * published.value
    far = abs(row.difference or 0)

    def distance(reason: Reason) -> float:
        return abs((reason.value or 0) - published.value)

    close = [
        each for each in tried if distance(each) <= max(enough, published.tolerance) + 1e-9 and distance(each) < far
    ]
    return replace(row, reason=min(close, key=distance)) if close else row


def _tried(
    connection: Connection, database: CaseDatabase, whole: CaseFilter, figures: Sequence[Published]
) -> dict[str, list[Reason]]:
    """What each figure would be by the other conventions, by the place of the figure; as the records are now."""
    rule, day, small_cell = database.settings.period, whole.as_of.date(), database.settings.comparison.small_cell
    found: dict[str, list[Reason]] = {each.where: [] for each in figures}
    measured = partial(_counts, connection, database, whole, as_recorded=True)

    def note(some: Iterable[Published], counts: Counts, span: Span, reason: Reason, as_key: str = "") -> None:
        for each in some:
            pair = counts.get((as_key or each.indicator, span, each.unit), (0, 0))
            value = _value(INDICATORS[each.indicator], pair, small_cell)
            if value is not None:
                found[each.where].append(replace(reason, value=value))

    for by, months, some in _alike(figures, database, rule, day):
        indicators = [INDICATORS[each.indicator] for each in some]
        cut_off = {
            month_span(*months, rule.model_copy(update={"month_closes_on": on})): on
            for on in CUT_OFF_DAYS
            if on != rule.month_closes_on
        }
        begun = [span for span in cut_off if (span.start or day) <= day]
        counts = measured(indicators, begun, by) if begun else {}
        for span in begun:
            note(some, counts, span, Reason("cut_off", day=cut_off[span]))
        span = month_span(*months, rule)
        if span.last < whole.as_of:
            note(some, measured(indicators, [span], by, whole.as_of), span, Reason("later"))
        changed = {
            f"{each.indicator}.{place}": (Reason(code), each.indicator, change)
            for place, (code, keys, change) in enumerate(_CHANGES)
            for each in some
            if each.indicator in keys and not (by and code == "accusations")
        }
        others = [replace(change(INDICATORS[key]), key=name) for name, (_, key, change) in changed.items()]
        counts = measured(others, [span], by) if others else {}
        for name, (reason, key, _) in changed.items():
            note((each for each in some if each.indicator == key), counts, span, reason, name)
    return found


def is_unfinished(row: Beside, as_of: datetime) -> bool:
    """Whether the months go on past the as-of instant."""
    return row.span.last > as_of
