"""The views of the wall: one message, one picture, a few figures each; the same answers as the pages give.

A view is a function of the database and the filter; how many of its rows fit, the browser knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from dashboard import cache, drill, late, quality, tables, trend_words, words
from dashboard.drawing import Drawing
from dashboard.drill import question
from dashboard.figures import shares_by
from dashboard.room import ROWS, Room
from dashboard.tables import records
from data_access import lists, meeting
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.keyset import START
from data_access.lists import Question
from data_access.texts import text
from data_access.views import Figure

METHODS: Final = 4
"""As many methods as a view has room to explain."""
Tone = Literal["subject", "urgent", "context"]


@dataclass(frozen=True)
class Fact:
    """A key figure: its name, the number, a note under it, the cases behind it, and whether it needs action."""

    name: str
    number: str
    note: str = ""
    asked: Question | None = None
    urgent: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the picture: a name, a bar (`share` of the scale, 0-1) with its words, further cells.

    `mark`: where on the scale the target is. `n`: its cases, where those of rows left out are told.
    `tone`: the subject, something that needs action, or context that nobody is judged by.
    """

    name: str
    label: str
    share: float | None = None
    cells: tuple[str, ...] = ()
    asked: Question | None = None
    tone: Tone = "subject"
    mark: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Chart:
    """A chart for the picture, what it says, the question that a mark asks, and its lines' tones and names."""

    drawing: Callable[[Room], Drawing]
    message: str
    question_of: drill.QuestionOf
    key: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Way:
    """A way on from a view: a link out of the wall, or a word for the wall to follow."""

    words: str
    href: str = ""
    do: str = ""


@dataclass(frozen=True)
class Slide:
    """One view. The picture is rows, lines of text (name, words) or a chart.

    `head`: over name, label and cells. `rows`: all there are, of which the wall shows what fits; of a list that
    PageUp and PageDown leaf through (`pages`) they are those from `first` on, of `total`. `note`: under the picture.
    `methods`: the indicators to explain behind 怎么算的, after the views of `evidence`, which are made when asked for;
    `of_method` is how many there are, where this is one of them.
    """

    message: str
    facts: tuple[Fact, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    chart: Chart | None = None
    pages: bool = False
    first: int = 0
    total: int = 0
    note: str = ""
    ways: tuple[Way, ...] = ()
    methods: tuple[str, ...] = ()
    evidence: tuple[Callable[[], Slide], ...] = ()
    of_method: int = 0

    @property
    def has_bars(self) -> bool:
        """Whether rows are drawn as bars."""
        return any(row.share is not None for row in self.rows)

    @property
    def has_marks(self) -> bool:
        """Whether targets are marked on the bars; the words then stand behind all of them."""
        return any(row.mark is not None for row in self.rows)

    @property
    def name_width(self) -> float:
        """Room for the longest name, in letters."""
        return _width([*(row.name for row in self.rows), *self.head[:1]])

    @property
    def label_width(self) -> float:
        """Room for the longest words behind a bar, in letters."""
        return _width([row.label for row in self.rows])


def _width(names: Sequence[str]) -> float:
    """The longest of `names` in letters: a Chinese one counts as one, a Latin one as little more than half."""
    return max((sum(1.0 if ord(letter) > 0x2E80 else 0.62 for letter in name) for name in names), default=0.0)


View = Callable[[CaseDatabase, CaseFilter], Slide]


def _fact(figure: Figure, note: str, asked: Question | None = None, *, urgent: bool = False) -> Fact:
    return Fact(words.label(figure.key), words.value(figure), note, asked, urgent)


def changes(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """What has changed since the last meeting."""
    view = cache.ask(meeting.changes, case_filter)
    difference, then = view.now - view.then, view.since.isoformat()
    day = text("wall.since_meeting" if view.is_meeting else "wall.since_month", day=view.since)
    way = "more" if difference > 0 else "less" if difference < 0 else "same"
    moved = view.by_unit.assign(change=view.by_unit["now"] - view.by_unit["then"])
    moved = moved[moved["change"] != 0].sort_values(["change", "now"], ascending=False, kind="stable")
    rows = tuple(
        Row(
            database.names.unit(row["group"]) or text("common.unknown"),
            words.cases(row["now"]),
            cells=(words.cases(row["then"]), _signed(row["change"])),
            asked=question("overdue", unit=row["group"]),
            tone="urgent" if row["now"] > 0 else "subject",
        )
        for row in records(moved)
    )
    return Slide(
        text(f"wall.changes_{way}", n=view.now, by=abs(difference), since=day),
        (
            Fact(text("wall.overdue_then"), words.cases(view.then), asked=question("overdue_then", since_day=then)),
            Fact(
                text("wall.newly"),
                words.cases(view.newly),
                asked=question("newly_overdue", since_day=then),
                urgent=view.newly > 0,
            ),
            Fact(text("wall.cleared"), words.cases(view.cleared), asked=question("no_longer_overdue", since_day=then)),
            Fact(text("wall.overdue_now"), words.cases(view.now), asked=question("overdue"), urgent=view.now > 0),
        ),
        (text("wall.unit_changed"), text("wall.overdue_now"), text("wall.overdue_then"), text("wall.change")),
        rows,
        methods=("overdue",),
    )


def _signed(difference: int) -> str:
    return text("wall.signed", n=abs(difference), sign="+" if difference > 0 else "−")


def made_of(dimension: str, *, shares: bool) -> View:
    def view(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
        """Registered cases by channel or level, in fixed order: context, not a judgement."""
        found = cache.ask(meeting.makeup, case_filter, dimension)
        groups = trend_words.named(found.groups.assign(start=0), dimension, database.names)
        most = float(groups["now"].max()) if len(groups) else 0.0
        small_n = database.settings.comparison.small_n
        facts = tuple(
            _fact(
                figure,
                text("change.year_ago", change=words.change(figure, figure.year_ago, figure.year_ago_n, small_n)),
                question(figure.key, "numerator"),
            )
            for figure in found.shares.values()
            if shares and figure.value is not None
        )
        rows = tuple(
            Row(
                str(row["name"]),
                words.cases(row["now"]),
                row["now"] / most if most else 0.0,
                (_ago(row["year_ago"]),),
                question("registered", **{dimension: row["group"]}),
                "context",
            )
            for row in records(groups)
        )
        # Only accusations are in the county's total and in no group; a narrowed total is without them.
        apart = found.registered - int(groups["now"].sum())
        return Slide(
            text("wall.makeup", n=found.registered, parts=text(f"dimension.{dimension}")),
            facts,
            head=(text(f"dimension.{dimension}"), text("indicator.registered.label"), text("wall.year_ago")),
            rows=rows,
            note=text("wall.apart", n=apart) if apart else "",
            methods=("registered", *(found.shares if shares else ())),
        )

    return view


def _ago(n: Any) -> str:
    return text("change.none") if n is None or pd.isna(n) else words.cases(n)


def where_late(dimension: str, head: str, message: str) -> View:
    def view(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
        """Where late cases pile up: groups by how many they have, each with its share of what is open."""
        table = cache.ask(meeting.late_by, case_filter, dimension)
        shown = shares_by(table, lambda group: trend_words.group_name(group, dimension, database.names))
        if shown.empty:
            return Slide(text("overview.none_overdue"))
        most = float(shown["overdue"].max())
        rows = tuple(
            Row(
                str(row["name"]),
                str(row["label"]),
                row["overdue"] / most,
                asked=question("overdue", **{dimension: row["group"]}),
                tone="urgent",
                n=int(row["overdue"]),
            )
            for row in records(shown)
        )
        first = shown.iloc[0]
        return Slide(
            text(
                message,
                name=first["name"],
                n=int(first["overdue"]),
                share=words.percent(float(first["share"]), 0),
                total=int(shown["overdue"].sum()),
                groups=len(shown),
            ),
            head=(text(head), text("wall.overdue_of_open")),
            rows=rows,
            methods=("overdue_share",),
        )

    return view


def quality_rates(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """The rates against their targets, those that miss them marked."""
    figures = cache.ask(meeting.quality, case_filter)
    settings = database.settings
    small_n = settings.comparison.small_n
    known = [figure for figure in figures.values() if figure.value is not None]
    if not known:
        return Slide(text("empty.filter"))

    def is_few(figure: Figure) -> bool:
        return (figure.denominator or 0) < small_n

    ordered = sorted(known, key=lambda f: (is_few(f), not quality.misses(f, settings.target(f.key))))
    rows = []
    for figure in ordered:
        target = settings.target(figure.key)
        missed = quality.misses(figure, target)
        rows.append(
            Row(
                words.label(figure.key),
                text("units.rate_cell", share=words.against(figure.value, target), n=figure.denominator or 0),
                figure.value,
                (
                    words.NONE
                    if target is None
                    else f"{words.percent(target, 0)}{text('quality.missed') if missed else ''}",
                    words.change(figure, figure.year_ago, figure.year_ago_n, small_n),
                ),
                Question(figure.key, quality.part_to_list(figure.key)),
                "context" if is_few(figure) else "urgent" if missed else "subject",
                target,
            )
        )
    return Slide(
        quality.message(figures, settings),
        head=(text("quality.rate"), text("quality.value"), text("quality.target"), text("quality.year_ago")),
        rows=tuple(rows),
        methods=tuple(figure.key for figure in ordered[:METHODS]),
    )


def late_bands(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """How long late cases have been late."""
    view = cache.ask(meeting.late, case_filter)
    ends = database.settings.thresholds.age_bands
    table = late.by_band(view.by_day, ends)
    period, before = view.late_now
    longest = int(view.by_day["days_overdue"].max()) if len(view.by_day) else 0
    most = float(table["n"].max())
    acceptance = (
        ()
        if view.acceptance is None
        else (
            Fact(words.label("acceptance_overdue"), words.cases(view.acceptance), asked=question("acceptance_overdue")),
        )
    )
    rows = tuple(
        Row(
            row["band"],
            row["label"],
            row["n"] / most if most else 0.0,
            asked=question("overdue", late=row["late"]),
            tone="urgent",
        )
        for row in records(table)
    )
    return Slide(
        text("wall.late", n=period + before, days=longest) if longest else text("overview.none_overdue"),
        (
            Fact(words.label("overdue"), words.cases(period + before), asked=question("overdue"), urgent=True),
            Fact(text("wall.since_period"), words.cases(period), asked=question("overdue", since="period")),
            Fact(text("wall.since_before"), words.cases(before), asked=question("overdue", since="before")),
            *acceptance,
        ),
        (text("wall.band"), words.label("overdue")),
        rows,
        methods=("overdue", "acceptance_overdue"),
    )


def longest(database: CaseDatabase, case_filter: CaseFilter) -> Slide:
    """The cases that have been late for longest."""
    return of_cases(database, case_filter, Question("overdue"), "wall.longest")


def of_cases(
    database: CaseDatabase,
    case_filter: CaseFilter,
    asked: Question,
    key: str = "wall.cases",
    first: int = 0,
    name: str = "",
) -> Slide:
    """Cases behind a number in large type, from the `first` on; the next ones wait behind PageDown."""
    place, done = START, 0
    while done < first:  # these pages have just been leafed through, and are remembered
        step = min(ROWS, first - done)
        beside = cache.ask(lists.case_list, case_filter, asked, "", "due", False, step, place).next
        if beside is None:  # the list has become shorter
            place, first = START, 0
            break
        place, done = beside, done + step
    page = cache.ask(lists.case_list, case_filter, asked, "", "due", False, ROWS, place)
    if not page.total:
        return Slide(text("wall.no_cases", name=name))
    cases = records(page.rows)
    all_late = asked.of == "overdue"
    longest = max((int(row["days_overdue"]) for row in cases if row["is_overdue"]), default=1)
    head = ("wall.case_no", "column.days_overdue" if all_late else "column.due_at")
    further = ("column.lead_unit", "column.category") if all_late else ("column.status", "column.lead_unit")
    rows = tuple(
        Row(
            str(row["case_no"]),
            _days(row) if all_late else words.NONE if pd.isna(row["due_at"]) else f"{row['due_at']:%Y-%m-%d}",
            int(row["days_overdue"]) / longest if all_late and key == "wall.longest" else None,
            (database.names.unit(row["lead_unit_id"]), database.names.category(row["category_id"]))
            if all_late
            else (_status(row), database.names.unit(row["lead_unit_id"])),
            tone="urgent" if row["is_overdue"] else "subject",
        )
        for row in cases
    )
    return Slide(
        text(key, name=name, n=page.total, days=longest),
        head=tuple(text(each) for each in (*head, *further)),
        rows=rows,
        pages=True,
        first=first,
        total=page.total,
        methods=(asked.of,) if asked.of in MEASURES else (),
    )


def _days(row: Mapping[str, Any]) -> str:
    return text("wall.days", n=int(row["days_overdue"]))


def _status(row: Mapping[str, Any]) -> str:
    """Where a case stands, with the days it is late by."""
    late_by = text("common.joint") + _days(row) if row["is_overdue"] else ""
    return text(f"status.{tables.status(row)}") + late_by
