"""What the supervision page shows: listed, instructed, owned, reminded, long-standing, rated, in one transaction.

Every figure is an indicator of `indicators.MEASURES`; what is counted besides (ages of
long-standing cases, the newest progress) uses the indicators' own conditions, so that each
number opens its cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Subquery, case, cast, false, func, null, select

from data_access import dimensions, flows, queries, views
from data_access.database import CaseDatabase
from data_access.dialect import day_of
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.periods import Span, last_months, month_of, month_span, previous, year_ago
from data_access.schema import Moment
from data_access.state import Cases, Condition, cases_at
from data_access.views import Figure, Measured

MONTHS: Final = 12
PACE_MONTHS: Final = 3
BURN_COLUMNS: Final = ["batch", "end", "unfinished", "listed", "resolved", "remaining"]
ROWS: Final = 60
"""As many of the oldest listed cases as the page shows; the rest is behind a link."""
MOVES: Final = ("supervised_new", "supervised_again", "signed_off")
LISTED: Final = ("supervised", "milestone_overdue", "supervised_still", "supervised_unowned")
INSTRUCTED: Final = ("instructed", "instruction_answer_rate", "instruction_overdue")
ASSIGNED: Final = ("assigned", "report_rate", "report_overdue")
PAPERS: Final = ("progress_report_rate", "legal_review_rate")
OWNED: Final = ("open", "closed", "overdue")
SLIPS: Final = ("slips", "slip_return_rate", "slip_effect_rate", "slip_overdue", "slips_again")
RATINGS: Final = (
    "office_rating_response_rate",
    "office_satisfaction_rate",
    "unit_rating_response_rate",
    "unit_satisfaction_rate",
    "follow_up_rate",
)
PROCEDURE: Final = (
    ("office_timely_forwarding_rate", "rest"),
    ("unit_timely_acceptance_rate", "rest"),
    ("on_time_closure_rate", "rest"),
    ("extension_unreasoned", "denominator"),
    ("extension_over_limit", "denominator"),
    ("slip_overdue", "denominator"),
    ("closed_unanswered", "denominator"),
)
"""Procedural points, leads and not verdicts: the indicator and the part of it that is counted."""
ASSISTING: Final = ("assisting_answer_rate", "assisting_overdue")
BACKLOG: Final = "backlog_resolution_rate"
UNIT_KEYS: Final = tuple(dict.fromkeys((*LISTED, *SLIPS, "checklist_rate", *(key for key, _ in PROCEDURE), *ASSISTING)))
COUNTY_KEYS: Final = tuple(
    dict.fromkeys(
        (
            *("open", "closed", "overdue", "overdue_without_slip", "no_second_look", "lowest_level_rate"),
            *(*MOVES, *LISTED, *INSTRUCTED, *ASSIGNED, *PAPERS, *SLIPS, *ASSISTING, "checklist_rate"),
        )
    )
)
BY: Final = {
    "unit": UNIT_KEYS,
    "instructed": INSTRUCTED,
    "assigned": ASSIGNED,
    "post": OWNED,
    "item": ("checklist_rate",),
    "handling": ("lowest_level_rate",),
}
"""What is shown by group, by dimension."""
KEYS: Final = tuple(dict.fromkeys((*COUNTY_KEYS, *UNIT_KEYS, *RATINGS, BACKLOG)))


@dataclass(frozen=True)
class Supervision:
    """The supervision page. Tables with `indicator` have the columns of `queries.measure`.

    `figures`: the whole by key; keys the database cannot feed are left out. `balance`: None
    where it keeps no list. `months`: start, end, unfinished, supervised (at the end), the
    flows of `MOVES`. `listed`: the oldest of the listed cases, see `_listed`. `posts`: post,
    open, closed, overdue, longest (days open), progress (days since the newest record).
    `batches`: batch, listed_on, listed, resolved, remaining, value, then one column for each
    of `dimensions.AGES`. `burn_down`: see there.
    `targets`: unit, target, listed, resolved, value. `levels`: group, denominator of what was
    closed at each handling level. `days`: the days that a question on long-standing cases has to name.
    """

    figures: dict[str, Figure]
    ratings: dict[str, Figure]
    balance: flows.ListBalance | None
    months: pd.DataFrame
    by_unit: pd.DataFrame
    listed: pd.DataFrame
    instructions: pd.DataFrame
    assigned: pd.DataFrame
    posts: pd.DataFrame
    items: pd.DataFrame
    batches: pd.DataFrame
    burn_down: pd.DataFrame
    targets: pd.DataFrame
    levels: pd.DataFrame
    days: str

    @property
    def is_empty(self) -> bool:
        """Whether the filter leaves no case at all."""
        counted = ("open", "closed", "supervised")
        return not any(self.figures[key].value for key in counted if key in self.figures) and self.listed.empty

    def count(self, key: str) -> int:
        """The value of a count; 0 where there is none."""
        return int((self.figures[key].value if key in self.figures else None) or 0)


def supervision(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> Supervision:
    """Everything on the supervision page."""
    rule, today, span = database.settings.period, case_filter.today, case_filter.span
    compared = (span, previous(span, today, rule), year_ago(span, today, rule))
    months = last_months(today, MONTHS, rule)
    ends = [Span(None, min(month.end, today)) for month in months]
    has_list = queries.can_feed(database, "supervised")
    ever = case_filter.over(Span(None, today))
    targeted = (ever.span,) if database.settings.annual_targets else ()
    county, ratings, stock, moves, frozen, reached, *found = views.measured_together(
        connection,
        database,
        case_filter,
        views.asked(COUNTY_KEYS, span),
        views.asked(RATINGS, *compared),
        views.asked(["supervised"], *ends),
        views.asked(MOVES, *months),
        queries.Asked((BACKLOG,), (ever.span,), "batch"),
        queries.Asked((BACKLOG,), targeted, "unit"),
        *(queries.Asked(keys, (span,), dimension) for dimension, keys in BY.items()),
        *(flows.asked_for_list_balance(case_filter) if has_list else ()),
    )
    by = {dimension: each.rows.drop(columns="span") for dimension, each in zip(BY, found, strict=False)}
    of_list = [each.rows for each in found[len(BY) :]]
    return Supervision(
        figures={key: county.figure(key, span) for key in COUNTY_KEYS if queries.can_feed(database, key)},
        ratings={key: ratings.figure(key, *compared) for key in RATINGS if queries.can_feed(database, key)},
        balance=flows.list_balance_of(connection, database, case_filter, of_list) if has_list else None,
        months=_months(months, ends, stock, moves, today),
        by_unit=by["unit"],
        listed=_listed(connection, database, case_filter) if has_list else pd.DataFrame(columns=LIST_COLUMNS),
        instructions=by["instructed"],
        assigned=by["assigned"],
        posts=_posts(connection, database, case_filter, by["post"]),
        items=by["item"],
        batches=_batches(connection, database, ever, frozen.rows),
        burn_down=burn_down(connection, database, case_filter),
        targets=_targets(database, reached.rows),
        levels=by["handling"],
        days=days_of_lists(case_filter),
    )


def _months(
    months: Sequence[Span], ends: Sequence[Span], stock: Measured, moves: Measured, today: date
) -> pd.DataFrame:
    """The columns of `Supervision.months`."""
    table = pd.DataFrame(
        {
            "start": [pd.Timestamp(month.start or today) for month in months],
            "end": [pd.Timestamp(end.end) for end in ends],
            "unfinished": [month.end > today for month in months],
        }
    )
    for key, of, spans in (("supervised", stock, ends), *((key, moves, months) for key in MOVES)):
        table[key] = pd.Series([of.figure(key, span).numerator or 0 for span in spans], dtype="int64")
    return table


LIST_COLUMNS: Final = [
    *("case_no", "unit", "post", "is_open", "listed_at", "milestone", "milestone_due_at"),
    *("progress_at", "days_listed", "days_since", "milestone_late", "assisting"),
]


def _listed(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> pd.DataFrame:
    """The listed cases, longest first: `LIST_COLUMNS`; `assisting` is a tuple of units, days are whole days."""
    indicator = MEASURES["supervised"]
    cases = replace(cases_at(database, case_filter.at), part=indicator.table)
    listing, last = cases.listing, _last_progress(cases)
    where = [*case_filter.where(cases), indicator.counted(cases), ~cases.is_accusation]
    columns = {
        "case_id": cases.case_id,
        "case_no": cases.case_no,
        "unit": cases.lead_unit_id,
        "post": cases.responsible_post_id,
        "is_open": case((cases.is_open, 1), else_=0),
        "listed_at": cases.listing_began_at,
        "milestone": listing.milestone_code,
        "milestone_due_at": listing.milestone_due_at,
        "progress_at": cast(null(), Moment) if last is None else last.c.progress_at,
        "milestone_late": case((MEASURES["milestone_overdue"].counted(cases), 1), else_=0),
    }
    source = dimensions.source_of(cases, indicator, [])
    if last is not None:
        source = source.outerjoin(last, last.c.case_id == cases.case_id)
    statement = (
        select(*(column.label(name) for name, column in columns.items()))
        .select_from(source)
        .where(*where)
        .order_by(columns["listed_at"], cases.case_no)
        .limit(ROWS)
    )
    rows = pd.DataFrame(connection.execute(statement).mappings().all(), columns=list(columns))
    rows["assisting"] = _assisting(connection, cases, rows["case_id"].tolist())
    for name in ("listed_at", "milestone_due_at", "progress_at"):
        rows[name] = pd.to_datetime(rows[name])
    for name in ("is_open", "milestone_late"):
        rows[name] = rows[name].astype("int64").astype(bool)
    rows["days_listed"] = _days_since(rows["listed_at"], case_filter.today)
    rows["days_since"] = _days_since(rows["progress_at"], case_filter.today)
    return rows[LIST_COLUMNS]


def _days_since(moments: pd.Series[Any], today: date) -> pd.Series[Any]:
    """Whole days from the day of each moment to `today`."""
    days: pd.Series[Any] = (pd.Timestamp(today) - moments.dt.normalize()).dt.days.astype("Int64")
    return days


def _last_progress(cases: Cases) -> Subquery | None:
    """The newest record of progress of each case by the instant: case_id, progress_at."""
    if not cases.database.has("progress.case_id", "progress.at"):
        return None
    progress = cases.database.read("progress", "newest_progress")
    return (
        select(progress.case_id, func.max(progress.at).label("progress_at"))
        .where(progress.at <= cases.at)
        .group_by(progress.case_id)
        .subquery("last_progress")
    )


def _assisting(connection: Connection, cases: Cases, case_ids: list[str]) -> list[tuple[str, ...]]:
    """The units asked to assist by the instant, case by case."""
    if not case_ids or not cases.database.has("case_unit.case_id", "case_unit.unit_id"):
        return [()] * len(case_ids)
    unit = cases.database.read("case_unit")
    asked = func.coalesce(unit.asked_at <= cases.at, True)
    statement = select(unit.case_id, unit.unit_id).where(unit.case_id.in_(case_ids), asked)
    found: dict[str, list[str]] = {}
    for case_id, unit_id in connection.execute(statement.order_by(unit.case_id, unit.unit_id)):
        found.setdefault(case_id, []).append(unit_id)
    return [tuple(found.get(case_id, ())) for case_id in case_ids]


def _posts(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, counted: pd.DataFrame
) -> pd.DataFrame:
    """What each post owns, in the order of the posts."""
    columns = ["post", *OWNED, "longest", "progress"]
    counted = counted[counted["group"].notna() & (counted["group"] != "")]
    if counted.empty:
        return pd.DataFrame(columns=columns)
    wide = counted.pivot_table(index="group", columns="indicator", values="numerator", aggfunc="first")
    cases = cases_at(database, case_filter.at)
    last = _last_progress(cases)
    newest = cast(null(), Moment) if last is None else func.max(last.c.progress_at)
    post = cases.responsible_post_id
    where = [*case_filter.where(cases), cases.is_open, post.is_not(None), ~cases.is_accusation]
    source = cases.source if last is None else cases.source.outerjoin(last, last.c.case_id == cases.case_id)
    statement = select(post, func.min(cases.columns.registered_at), newest).select_from(source).where(*where)
    rows = connection.execute(statement.group_by(post)).all()
    open_now = pd.DataFrame(rows, columns=["post", "longest", "progress"]).set_index("post")
    known = list(database.names.posts)
    order = [post for post in known if post in wide.index] + [post for post in wide.index if post not in known]
    table = wide.reindex(index=order, columns=list(OWNED)).fillna(0).astype("int64")
    for name in ("longest", "progress"):
        table[name] = _days_since(pd.to_datetime(open_now[name].reindex(order)), case_filter.today)
    return table.rename_axis("post").reset_index()[columns]


def _remaining(cases: Cases) -> Condition:
    """Long-standing and not resolved."""
    indicator = MEASURES[BACKLOG]
    assert indicator.numerator
    return indicator.base(cases) & ~func.coalesce(indicator.numerator(cases), false())


def days_of_lists(case_filter: CaseFilter) -> str:
    """The days that a question on long-standing cases has to name: lists count whenever they were made."""
    return f"..{case_filter.today.isoformat()}"


def batches(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> pd.DataFrame:
    """Long-standing cases by batch, whenever it was listed, oldest list first: the columns of `Supervision.batches`."""
    ever = case_filter.over(Span(None, case_filter.today))
    return _batches(connection, database, ever, queries.measure(connection, database, ever, [BACKLOG], by="batch"))


def _batches(connection: Connection, database: CaseDatabase, ever: CaseFilter, counted: pd.DataFrame) -> pd.DataFrame:
    """`batches` with the rate of `BACKLOG` by batch that has been counted."""
    columns = ["batch", "listed_on", "listed", "resolved", "remaining", "value", *dimensions.AGES]
    counted = counted.dropna(subset="group")
    if counted.empty:
        return pd.DataFrame(columns=columns)
    indicator = MEASURES[BACKLOG]
    cases = replace(cases_at(database, ever.at), part=indicator.table)
    batch, age = (dimensions.group_of(cases, name, indicator) for name in ("batch", "age"))
    each = select(
        batch.label("batch"),
        case((_remaining(cases), age)).label("age"),  # of those that are resolved, none
        cases.listing_began_at.label("began_at"),
    ).where(*ever.where(cases), ~cases.is_accusation, indicator.base(cases))
    entry = each.select_from(dimensions.source_of(cases, indicator, [])).subquery("entry").c
    by_age = select(entry.batch, entry.age, func.count(), func.min(entry.began_at)).group_by(entry.batch, entry.age)
    ages: dict[tuple[str, str | None], int] = {}
    listed_on: dict[str, Any] = {}
    for group, code, n, began_at in connection.execute(by_age):
        ages[group, code] = n
        listed_on[group] = min(listed_on.get(group, began_at), began_at)
    rows = [
        (
            row["group"],
            pd.Timestamp(listed_on[row["group"]]),
            int(row["denominator"]),
            int(row["numerator"]),
            int(row["denominator"] - row["numerator"]),
            float(row["value"]),
            *(ages.get((row["group"], code), 0) for code in dimensions.AGES),
        )
        for row in counted.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=columns).sort_values(["listed_on", "batch"], ignore_index=True)


def burn_down(connection: Connection, database: CaseDatabase, case_filter: CaseFilter) -> pd.DataFrame:
    """What was left of each batch on the day it was frozen and at each month's end since: `BURN_COLUMNS`.

    `listed`, `resolved` and `remaining` are counts by the end of the day `end`, by the rule of backlog_resolution_rate;
    `unfinished`: the month goes on past the instant. Oldest batch first.
    """
    if not queries.can_feed(database, BACKLOG) or not database.has("listing.list_id"):
        return pd.DataFrame(columns=BURN_COLUMNS)
    ever = case_filter.over(Span(None, case_filter.today))
    found = _listed_and_resolved(connection, database, ever)
    rule, today = database.settings.period, case_filter.today
    rows = []
    first_days = found.groupby("batch")["listed_on"].min().sort_values(kind="stable")
    for batch, first in first_days.items():
        entries = found[found["batch"] == batch]
        done = entries[entries["resolved_on"].notna()]
        months = [month_span(month, month, rule) for month in range(month_of(first, rule), month_of(today, rule) + 1)]
        ends = [(first, False), *((min(month.end, today), month.end > today) for month in months)]
        days = [end for end, _ in ends]
        counted = zip(_until(entries, "listed_on", days), _until(done, "until", days), strict=True)
        rows += [
            (batch, pd.Timestamp(end), unfinished, listed, resolved, listed - resolved)
            for (end, unfinished), (listed, resolved) in zip(ends, counted, strict=True)
        ]
    table = pd.DataFrame(rows, columns=BURN_COLUMNS)
    if _follows_units(database, ever) and len(table):
        table = _as_then(connection, database, ever, table)
    return table


def _until(entries: pd.DataFrame, column: str, days: Sequence[date]) -> list[int]:
    """How many of `entries` (n) there are by each of `days`, by the day in `column`."""
    reached = entries[column].to_numpy("datetime64[D]") <= np.array(days, "datetime64[D]")[:, np.newaxis]
    return [int(n) for n in reached @ entries["n"].to_numpy("int64")]


def _listed_and_resolved(connection: Connection, database: CaseDatabase, ever: CaseFilter) -> pd.DataFrame:
    """Entries of the batches by the days they were listed and resolved on: batch, listed_on, resolved_on, until, n.

    `until` is the later of the two days: from it on the entry is done.
    """
    indicator = MEASURES[BACKLOG]
    cases = replace(cases_at(database, ever.at), part=indicator.table)
    assert indicator.numerator
    batch = dimensions.group_of(cases, "batch", indicator)
    listed = day_of(cases.listing_began_at)
    resolved = case((indicator.numerator(cases), day_of(cases.resolved_at)))
    where = [*ever.where(cases), indicator.base(cases), batch.is_not(None), ~cases.is_accusation]
    source = dimensions.source_of(cases, indicator, [])
    statement = select(batch, listed, resolved, func.count()).select_from(source).where(*where)
    rows = connection.execute(statement.group_by(batch, listed, resolved)).all()
    columns = ["batch", "listed_on", "resolved_on", "n"]
    table = pd.DataFrame([tuple(row) for row in rows], columns=columns).astype({"resolved_on": object})
    days = zip(table["listed_on"], table["resolved_on"], strict=True)
    table["until"] = [max(began, ended or began) for began, ended in days]
    return table


def _follows_units(database: CaseDatabase, case_filter: CaseFilter) -> bool:
    """Whether the filter is about units and cases went from one to another, so that each day has its own cases."""
    return bool(case_filter.unit or case_filter.kind) and bool(database.last_event_at.get("reassigned"))


def _as_then(connection: Connection, database: CaseDatabase, ever: CaseFilter, table: pd.DataFrame) -> pd.DataFrame:
    """`table` with its counts as of each day, like the lists behind them: for units that cases were moved between."""
    days = sorted(set(table["end"].dt.date))
    spans = [Span(None, day) for day in days]
    counted = queries.measure_spans(connection, database, ever, [BACKLOG], spans, by="batch")
    pairs = {
        (row["group"], pd.Timestamp(days[row["span"]])): (int(row["denominator"]), int(row["numerator"]))
        for row in counted.to_dict("records")
    }
    found = [pairs.get((batch, end), (0, 0)) for batch, end in zip(table["batch"], table["end"], strict=True)]
    table = table.assign(listed=[listed for listed, _ in found], resolved=[resolved for _, resolved in found])
    return table.assign(remaining=table["listed"] - table["resolved"])


def pace(batch: pd.DataFrame) -> tuple[float, int] | None:
    """Cases resolved a month over the last whole months, `PACE_MONTHS` at most, and how many those are.

    None where no whole month has gone by since the list was frozen. `batch`: the rows of one in `burn_down`.
    """
    whole = batch[~batch["unfinished"].astype(bool)]["resolved"].tolist()[1:]
    months = min(PACE_MONTHS, len(whole) - 1)
    return ((whole[-1] - whole[-1 - months]) / months, months) if months > 0 else None


def _targets(database: CaseDatabase, counted: pd.DataFrame) -> pd.DataFrame:
    """Units with an annual target (目标责任书): the share of long-standing cases to resolve, and what is reached.

    `counted`: the rate of `BACKLOG` by unit; without rows where there are no targets.
    """
    targets = database.settings.annual_targets
    columns = ["unit", "target", "listed", "resolved", "value"]
    if counted.empty:
        return pd.DataFrame(columns=columns)
    counted = counted.set_index("group")
    order = [unit for unit in database.names.units if unit in targets and unit in counted.index]
    rows = [
        (
            unit,
            targets[unit],
            int(counted["denominator"][unit]),
            int(counted["numerator"][unit]),
            float(counted["value"][unit]),
        )
        for unit in order
    ]
    return pd.DataFrame(rows, columns=columns)
