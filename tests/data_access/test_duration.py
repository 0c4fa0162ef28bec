"""Time to close with open cases counted: published examples, by pencil, and statsmodels on one row a case."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import DEMO_AS_OF
from handmade import make, make_file, opened, seen
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from sqlalchemy import event, text
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from data_access import duration as d
from data_access import lists, settings
from data_access.database import CaseDatabase, open_database
from data_access.extract import extract
from data_access.filters import CaseFilter, county
from data_access.lists import Question
from data_access.problems import Problem
from data_access.state import as_then

UNITS = [{"unit_id": "u1", "name": "甲局", "kind": "department"}, {"unit_id": "u2", "name": "乙镇", "kind": "township"}]


def counted(*cells: tuple[int, str, int]) -> d.Counts:
    """Counts of (day, ending, cases)."""
    table = np.zeros((len(d.ENDINGS), max((day for day, _, _ in cells), default=-1) + 1), dtype=np.int64)
    for day, ending, n in cells:
        table[d.ENDINGS.index(ending), day] += n
    return table


# Published and by pencil


def test_remission_times_of_leukaemia_patients() -> None:
    """The 6-MP group of Freireich et al. 1963 (Blood 21:699), as in Kalbfleisch & Prentice 2002 and Collett 2015.

    Survival, Greenwood's standard errors and log-log limits as Stata and R print them.
    """
    relapsed = {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1}
    followed = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    curve = d.curve_of(
        counted(*((week, "handled", n) for week, n in relapsed.items()), *((week, "open", 1) for week in followed))
    )
    printed = {
        6: (0.8571, 0.0764, 0.6197, 0.9516),
        7: (0.8067, 0.0869, 0.5631, 0.9228),
        10: (0.7529, 0.0963, 0.5032, 0.8894),
        13: (0.6902, 0.1068, 0.4316, 0.8491),
        16: (0.6275, 0.1141, 0.3675, 0.8049),
        22: (0.5378, 0.1282, 0.2678, 0.7468),
        23: (0.4482, 0.1346, 0.1881, 0.6801),
    }
    for week, (survival, error, low, high) in printed.items():
        share = curve.by(week)
        assert share is not None and share.low is not None and share.high is not None
        assert (1 - share.value, share.error) == pytest.approx((survival, error), abs=5e-5)
        assert (1 - share.high, 1 - share.low) == pytest.approx((low, high), abs=1e-4)
    assert curve.median == 23
    assert [curve.at_risk_on(week) for week in (6, 7, 10, 13, 16, 22, 23)] == [21, 17, 15, 12, 11, 7, 6]
    assert (curve.n, curve.still_open, curve.longest) == (21, 12, 35)


def test_withdrawals_by_pencil() -> None:
    """Ten cases. Day 1: 2 handled, 1 withdrawn: F = 2/10, S = 7/10. Day 2: one left. Day 3: 3 of 6 handled:
    F = 0.2 + 0.7/2 = 0.55, S = 0.35. Day 4: 1 of 3 withdrawn: S = 0.35 x 2/3. Day 5: 1 of 2 handled: F = 0.55 + 0.7/6.
    Before day 2 nobody is censored: there the variance is that of a share, F(1-F)/10."""
    curve = d.curve_of(
        counted(
            (1, "handled", 2), (1, "withdrawn", 1), (2, "left", 1), (3, "handled", 3), (4, "withdrawn", 1),
            (5, "handled", 1), (5, "open", 1),
        )
    )  # fmt: skip
    assert curve.share == pytest.approx([0, 0.2, 0.2, 0.55, 0.55, 0.55 + 0.7 / 6])
    assert curve.error[1] == pytest.approx(math.sqrt(0.2 * 0.8 / 10))
    assert curve.at_risk.tolist() == [10, 10, 7, 6, 3, 2]
    assert (curve.n, curve.handled, curve.withdrawn, curve.left, curve.still_open) == (9, 6, 2, 1, 1)
    assert curve.median == 3
    assert curve.by(6) is None


def test_without_censoring_it_is_the_plain_share() -> None:
    curve = d.curve_of(counted((0, "handled", 30), (10, "withdrawn", 20), (20, "handled", 50)))
    assert curve.share[[0, 10, 20]] == pytest.approx([0.3, 0.3, 0.8])
    assert curve.error[[0, 10, 20]] == pytest.approx([math.sqrt(0.3 * 0.7 / 100)] * 2 + [math.sqrt(0.8 * 0.2 / 100)])
    for_ever = curve.by(90)
    assert for_ever is not None and for_ever.value == pytest.approx(0.8)
    assert curve.median == 20


def test_all_handled_is_all_and_has_no_band() -> None:
    share = d.curve_of(counted((3, "handled", 4), (9, "handled", 5))).by(15)
    assert share is not None
    assert (share.value, share.error, share.low, share.high) == (1.0, 0.0, None, None)


def test_no_case_has_no_share() -> None:
    curve = d.curve_of(counted())
    assert (curve.n, curve.longest, curve.by(15), curve.median, curve.at_risk_on(0)) == (0, -1, None, None, 0)


# Against statsmodels, on one row a case: its standard errors with weights are another formula

TABLES = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(d.ENDINGS), st.integers(1, 9)), min_size=1, max_size=25)


def rows(table: d.Counts, events: tuple[str, ...]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Days and status (1 = the first of `events`, 0 = censored) of each case."""
    days, status = [], []
    for place, ending in enumerate(d.ENDINGS):
        for day, n in enumerate(table[place]):
            days += [day] * int(n)
            status += [events.index(ending) + 1 if ending in events else 0] * int(n)
    return np.array(days), np.array(status)


def close(ours: float, theirs: float) -> bool:
    """Equal to 1e-9; a standard error next to 0 by its square, which is what rounding moves."""
    return math.isclose(ours, theirs, abs_tol=1e-9) or (
        max(ours, theirs) < 1e-5 and math.isclose(ours**2, theirs**2, abs_tol=1e-12)
    )


@given(TABLES)
@how(max_examples=150, deadline=None)
def test_kaplan_meier_and_greenwood_as_statsmodels(cells: list[tuple[int, str, int]]) -> None:
    table = counted(*(cell for cell in cells if cell[1] != "withdrawn"), (0, "handled", 1))
    curve = d.curve_of(table)
    theirs = SurvfuncRight(*rows(table, ("handled",)))
    for day, survival, error in zip(theirs.surv_times, theirs.surv_prob, theirs.surv_prob_se, strict=True):
        assert close(curve.share[int(day)], 1 - survival)
        assert np.isnan(error) or close(curve.error[int(day)], error)
        assert curve.at_risk_on(int(day)) == theirs.n_risk[list(theirs.surv_times).index(day)]


@given(TABLES)
@how(max_examples=150, deadline=None)
def test_cumulative_incidence_as_statsmodels(cells: list[tuple[int, str, int]]) -> None:
    table = counted(*cells, (0, "handled", 1), (1, "withdrawn", 1))
    curve = d.curve_of(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = CumIncidenceRight(*rows(table, ("handled", "withdrawn")))
    for day, share, error in zip(theirs.times, theirs.cinc[0], theirs.cinc_se[0], strict=True):
        assert close(curve.share[int(day)], share)
        assert not np.isfinite(error) or close(curve.error[int(day)], error)


@given(TABLES)
@how(max_examples=100, deadline=None)
def test_variance_is_the_double_sum(cells: list[tuple[int, str, int]]) -> None:
    """The formula of Marubini & Valsecchi term by term, also where all end on one day (statsmodels: nan)."""
    table = counted(*cells)
    curve = d.curve_of(table)
    ended = table[0] + table[1]
    for t in range(len(curve.share)):
        remaining, variance = 1.0, 0.0
        for s in range(t + 1):
            n, h, all_ended = int(curve.at_risk[s]), int(table[0][s]), int(ended[s])
            gain = curve.share[t] - curve.share[s]
            if all_ended < n:
                variance += gain**2 * all_ended / (n * (n - all_ended))
            variance += remaining**2 * (n - h) * h / n**3 - 2 * gain * remaining * h / n**2
            remaining *= 1 - all_ended / n
        assert close(curve.error[t], math.sqrt(max(variance, 0.0)))


@given(TABLES)
@how(max_examples=100, deadline=None)
def test_shares_grow_and_lie_in_their_bands(cells: list[tuple[int, str, int]]) -> None:
    curve = d.curve_of(counted(*cells))
    assert (np.diff(curve.share) >= -1e-12).all()
    assert (curve.share <= 1 + 1e-12).all()
    known = ~np.isnan(curve.low)
    assert (curve.low[known] <= curve.share[known] + 1e-12).all()
    assert (curve.high[known] >= curve.share[known] - 1e-12).all()
    assert (curve.low[known] >= 0).all() and (curve.high[known] <= 1).all()


# What the database counts


def asked(database: CaseDatabase, view: Any, case_filter: CaseFilter, *arguments: Any) -> Any:
    with database.reading() as connection:
        return view(connection, database, case_filter, *arguments)


def case(number: int, registered: str, closed: str | None = None, **more: Any) -> dict[str, Any]:
    return {"case_no": f"A{number}", "registered_at": registered, "closed_at": closed, "lead_unit_id": "u1"} | more


def spelled() -> dict[str, list[dict[str, Any]]]:
    """Cases that end in every way, with the events of one whose closing was undone."""
    cases = [
        case(1, "2026-03-01 23:50", "2026-03-02 0:10", closed_how="handled"),  # a night: 1 day
        case(2, "2026-03-01 8:00", "2026-03-01 9:00"),  # the same day; no exit given: handled
        case(3, "2026-03-10", "2026-03-20", closed_how="withdrawn"),  # 10 days
        case(4, "2026-03-10", "2026-03-15", closed_how="transferred"),  # left after 5 days
        case(5, "2026-03-10", "2026-03-15", closed_how="not_accepted", lead_unit_id="u2"),
        case(6, "2026-03-11", "2026-03-31", closed_how="merged"),  # after the instant: open, 19 days
        case(7, "2026-03-11", None, channel="visit", lead_unit_id="u2"),  # open, 19 days
        case(8, "2026-03-11", "2026-03-05"),  # closed before it was registered: counts from then, 0 days
        case(9, "2026-03-11", "2026-03-12", disposition="filed"),  # outside the closing denominators
        case(10, "2026-03-11", "2026-03-12", purpose="accusation"),  # in no breakdown
        case(11, "2026-02-28", "2026-03-12"),  # before the period
        case(12, "2026-03-11", None, lead_unit_id="u2"),  # its closing was undone after the instant: 4 days
        case(13, "2026-03-31"),  # not there yet
    ]
    events = [
        {"case_id": "A12", "kind": "closed", "at": "2026-03-15"},
        {"case_id": "A12", "kind": "reopened", "at": "2026-04-02"},
    ]
    return {"unit": UNITS, "petition_case": cases, "case_event": events}


MARCH = seen("2026-03-30", "2026-03-01", "2026-03-30")
HANDLED, WITHDRAWN, LEFT, OPEN = range(4)


def test_how_a_spell_ends(tmp_path: Path) -> None:
    ends_as_told(opened(make_file(tmp_path, **spelled())))


def test_how_a_spell_ends_on_duckdb(tmp_path: Path) -> None:
    ends_as_told(opened(make(f"duckdb:///{(tmp_path / 'cases.duckdb').as_posix()}", **spelled())))


@pytest.mark.parametrize("is_said", [True, False])
def test_how_a_spell_ends_in_a_copy(tmp_path: Path, is_said: bool) -> None:
    """Where each case says when it was last reopened, those that were stand apart."""
    rows = spelled()
    if is_said:
        rows["petition_case"][11]["last_reopened_at"] = "2026-04-02"
    extract(opened(make_file(tmp_path, **rows)), tmp_path / "copy.duckdb", dt.datetime(2026, 4, 3))
    copy = opened(f"duckdb:///{(tmp_path / 'copy.duckdb').as_posix()}")
    assert copy.prepared and len(as_then(copy, MARCH.at)) == (2 if is_said else 1)
    ends_as_told(copy)


def test_how_a_spell_ends_on_postgresql(postgres_url: str) -> None:
    database = opened(make(postgres_url, **spelled()))
    ends_as_told(database)
    database.engine.dispose()


def ends_as_told(small: CaseDatabase) -> None:
    """The counts worked out by hand, and the same by group, by year and by month."""
    view = asked(small, d.duration, MARCH, "unit")
    assert asked(small, d.duration, MARCH, "year").groups["2026-01-01"].n == 7 + 1
    assert [each.curve.n for each in asked(small, d.cohorts, MARCH).recent] == [1]
    assert {key: each.n for key, each in asked(small, d.duration, MARCH, "channel").groups.items()} == {
        "": 6,
        "visit": 1,
    }
    expected = np.zeros((4, 20), dtype=np.int64)
    expected[HANDLED, [0, 1, 4]] = 2, 1, 1
    expected[WITHDRAWN, 10] = 1
    expected[LEFT, 5] = 2
    expected[OPEN, 19] = 2
    assert view.whole.counts.tolist() == expected.tolist()
    assert (view.groups["u1"].n, view.groups["u2"].n) == (5, 2)
    assert view.groups["u2"].counts[HANDLED].tolist()[:5] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("by", d.GROUPINGS[:3])
def test_groups_add_up_and_lists_agree(demo_url: str, by: str) -> None:
    database = opened(demo_url)
    seen_by = county(DEMO_AS_OF, database.settings.period, "last_12_months")
    view = asked(database, d.duration, seen_by, by)
    assert sum(curve.n for curve in view.groups.values()) == view.whole.n > 1000
    parts = {"denominator": "n", "rest": "still_open"}
    for group in [*view.groups][:4]:
        for part, name in parts.items():
            question = Question("closure_rate", part, ((by, group),))
            assert asked(database, lists.case_list, seen_by, question).total == getattr(view.groups[group], name)


@pytest.mark.parametrize(
    ("rule", "years"),
    [
        ({"month_closes_on": 0, "year_starts_in": 1}, [f"{year}-01-01" for year in range(2022, 2027)]),
        ({"month_closes_on": 25, "year_starts_in": 12}, [f"{year}-11-26" for year in range(2021, 2026)]),
    ],
)
def test_years_and_cohorts_are_listed_as_they_are_now(demo_url: str, rule: dict[str, int], years: list[str]) -> None:
    shipped = settings.load()
    period = shipped.period.model_copy(update=rule)
    database = open_database(demo_url, shipped.model_copy(update={"period": period}))
    seen_by = county(DEMO_AS_OF, period, "this_month")
    view = asked(database, d.duration, seen_by, "year")
    assert [*view.groups] == years
    assert view.spans[years[-1]].end == DEMO_AS_OF
    monthly = asked(database, d.cohorts, seen_by)
    found = [(view.spans[key], curve) for key, curve in view.groups.items()]
    found += [(each.span, each.curve) for each in monthly.recent]
    for span, curve in found:
        at = (("cohort", f"{span.start}..{span.end}"),)
        for part, n in (("denominator", curve.n), ("rest", curve.still_open)):
            asks = Question.parse(f"closure_rate.{part}", [f"{name}:{value}" for name, value in at])
            assert asked(database, lists.case_list, seen_by, asks).total == n


@pytest.mark.parametrize("of", ["overdue.denominator", "closed.denominator", ""])
def test_only_what_is_counted_by_registration_has_cohorts(of: str) -> None:
    with pytest.raises(Problem):
        Question.parse(of, ["cohort:2026-01-01..2026-01-31"])


def test_cohorts_are_cut_where_all_have_been_observed(demo_url: str) -> None:
    database = opened(demo_url)
    found = asked(database, d.cohorts, county(DEMO_AS_OF, database.settings.period))
    assert [each.span.months for each in found.recent] == [(month, month) for month in range(24310, 24322)]
    october = found.recent[-1]
    assert (october.span.end, october.observed) == (dt.date(2026, 10, 31), 24)
    assert october.by(24) is not None
    assert october.by(25) is None
    assert october.curve.counts[d.ENDINGS.index("open"), :24].sum() == 0
    year_earlier = found.before[october.month]
    assert year_earlier.span.start == dt.date(2025, 10, 1)
    assert year_earlier.observed == 24 + 365


def test_last_year_is_followed_for_as_long(demo_url: str) -> None:
    database = opened(demo_url)
    seen_by = county(DEMO_AS_OF, database.settings.period, "this_year")
    now = asked(database, d.duration, seen_by).whole
    then = asked(database, d.year_before, seen_by)
    assert then.longest == pytest.approx(now.longest, abs=3)
    with_end = CaseFilter(dt.datetime(2025, 11, 24, 23, 59, 59), seen("2025-11-24", "2025-01-01").span, "custom")
    assert asked(database, d.duration, with_end).whole.counts.tolist() == then.counts.tolist()
    assert asked(database, d.year_before, county(DEMO_AS_OF, database.settings.period, "all")) is None


@pytest.mark.parametrize("as_of", ["2026-11-24", "2025-06-30"])
def test_counts_as_pandas_makes_them(demo_url: str, as_of: str) -> None:
    """From raw rows; an undone closing is looked up in the events."""
    database = opened(demo_url)
    seen_by = seen(as_of, "2025-01-01", as_of)
    with database.reading() as connection:
        raw = pd.read_sql(
            text(
                "SELECT case_id, registered_at, closed_at, closed_how FROM petition_case "
                "WHERE COALESCE(purpose, '') <> 'accusation' AND COALESCE(disposition, '') NOT IN "
                "('not_accepted', 'no_longer_accepted', 'returned', 'merged', 'filed')"
            ),
            connection,
            parse_dates=["registered_at", "closed_at"],
        )
        events = pd.read_sql(text("SELECT e.case_id, e.kind, e.at FROM case_event e"), connection, parse_dates=["at"])
    at = pd.Timestamp(seen_by.at)
    raw = raw[(raw["registered_at"] >= "2025-01-01") & (raw["registered_at"] <= at)]
    happened = raw["closed_at"] <= at
    closing, ending = raw["closed_at"].where(happened), raw["closed_how"].fillna("handled").where(happened, "open")
    for case_id, told in events.sort_values("at").groupby("case_id"):
        told = told[told["kind"].isin(["closed", "reopened"]) & (told["at"] <= at)]
        index = raw.index[(raw["case_id"] == case_id) & ~happened]
        if len(index) and len(told) and told.iloc[-1]["kind"] == "closed":
            closing[index], ending[index] = told.iloc[-1]["at"], "handled"
    closing = closing.where(~(closing < raw["registered_at"]), raw["registered_at"])
    days = (closing.fillna(at).dt.normalize() - raw["registered_at"].dt.normalize()).dt.days
    ending = ending.replace(dict.fromkeys(("not_accepted", "transferred", "merged"), "left"))
    expected = {key: int(n) for key, n in pd.Series(1, index=[days, ending]).groupby(level=[0, 1]).sum().items()}
    counts = asked(database, d.duration, seen_by).whole.counts
    found = {(day, d.ENDINGS[place]): int(counts[place, day]) for place, day in zip(*np.nonzero(counts), strict=True)}
    assert found == expected


@pytest.mark.only_on("sqlite", reason="how it says that it reads an index only")
def test_one_statement_that_touches_no_row_of_the_table(demo_url: str) -> None:
    database = open_database(demo_url, settings.load())
    seen_by = county(DEMO_AS_OF, database.settings.period, "last_12_months")
    ran: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        ran.append((statement, parameters))

    with database.reading() as connection:
        event.listen(database.engine, "before_cursor_execute", note)
        d.duration(connection, database, seen_by, "unit")
        d.cohorts(connection, database, seen_by)
        event.remove(database.engine, "before_cursor_execute", note)
        assert len(ran) == 2
        for statement, parameters in ran:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert any("COVERING INDEX ix_case_registered" in step[3] for step in plan)
            assert not any("SCAN petition_case" in step[3] for step in plan)
    database.engine.dispose()


def test_a_ledger_without_exits_counts_every_closing_as_handled(minimal_url: str) -> None:
    """`minimal_cases`: 10 are left open, the others are closed after 30, 60 or 70 days as far as that is past."""
    view = asked(opened(minimal_url), d.duration, county(DEMO_AS_OF, settings.load().period), "channel")
    assert view.groups == {}
    assert view.whole.counts[[WITHDRAWN, LEFT]].sum() == 0
    assert view.whole.counts[HANDLED].nonzero()[0].tolist() == [30, 60, 70]
