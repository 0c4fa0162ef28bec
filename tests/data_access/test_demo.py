"""The demo county: the same every time, complete, believable, and never in the place of real data."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import create_engine, select

from data_access import demo, schema
from data_access.demo import make_demo
from data_access.problems import Problem

AS_OF = datetime(2026, 11, 24, 23, 59, 59)
CASES = 12_000
CODES = {
    ("unit", "kind"): schema.UNIT_KINDS,
    ("post", "level"): schema.POST_LEVELS,
    ("petition_case", "channel"): schema.CHANNELS,
    ("petition_case", "purpose"): schema.PURPOSES,
    ("petition_case", "petitioned_level"): schema.LEVELS,
    ("petition_case", "handling_level"): schema.HANDLING_LEVELS,
    ("petition_case", "disposition"): schema.DISPOSITIONS,
    ("petition_case", "track"): schema.TRACKS,
    ("petition_case", "closed_how"): schema.CLOSED_HOW,
    ("petition_case", "outcome"): schema.OUTCOMES,
    ("petition_case", "extension_reason_code"): schema.EXTENSION_REASONS,
    ("petition_case", "office_rating"): schema.RATINGS,
    ("petition_case", "unit_rating"): schema.RATINGS,
    ("petition_case", "assigned_from"): ("province", "prefecture", "county"),
    ("case_event", "kind"): schema.EVENT_KINDS,
    ("listing", "kind"): schema.LISTING_KINDS,
    ("listing", "milestone_code"): schema.MILESTONES,
    ("instruction", "level"): schema.INSTRUCTION_LEVELS,
    ("progress", "code"): schema.PROGRESS_CODES,
    ("reminder_slip", "reason_code"): schema.SLIP_REASONS,
    ("meeting_decision", "result"): schema.DECISION_RESULTS,
}
NEVER_FILLED = {
    "unit.parent_id",  # the demo county was never reorganised
    "unit.valid_to",
    "contract.extracted_at",  # only an extract has one
    "contract.prepared_for",
}
MAY_BE_LATER = ("due_at", "expires_at")

Tables = dict[str, pd.DataFrame]


def read(file: Path) -> Tables:
    """Every table of the contract, moments as datetimes."""
    with sqlite3.connect(file) as connection:
        tables = {name: pd.read_sql(f"SELECT * FROM {name}", connection) for name in schema.metadata.tables}
    for name, frame in tables.items():
        for column in schema.metadata.tables[name].columns:
            if column.type.python_type is datetime:
                frame[column.name] = pd.to_datetime(frame[column.name])
    return tables


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    file = tmp_path_factory.mktemp("demo") / "demo.sqlite"
    make_demo(f"sqlite:///{file}", cases=CASES, as_of=AS_OF.date())
    return read(file)


@pytest.fixture(scope="module")
def cases(county: Tables) -> pd.DataFrame:
    """The cases without those closed before they were registered, which are planted faults."""
    found = county["petition_case"]
    return found[~(found.closed_at < found.registered_at)]


@pytest.fixture(scope="module")
def timed(cases: pd.DataFrame) -> pd.DataFrame:
    """The cases on a clock, with the deadline in force in `due`, computed where it is not stated."""
    on_clock = cases[
        cases.disposition.isin(["forwarded", "assigned", "self_handled"])
        & (cases.track.fillna("statutory") != "other")
        & cases.accepted_at.notna()
    ]
    computed = on_clock.accepted_at.dt.normalize() + pd.Timedelta(days=61) - pd.Timedelta(seconds=1)
    return on_clock.assign(due=on_clock.due_at.fillna(computed))


def test_same_seed_same_rows(tmp_path: Path) -> None:
    contents = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        file = tmp_path / f"{name}.sqlite"
        make_demo(f"sqlite:///{file}", cases=1_500, seed=seed, as_of=AS_OF)
        with sqlite3.connect(file) as connection:
            contents.append("\n".join(connection.iterdump()))
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "CHUNK", 400)
    steps: list[tuple[int, int]] = []
    file = tmp_path / "demo.sqlite"
    make_demo(f"sqlite:///{file}", cases=1_000, as_of=AS_OF, progress=lambda done, of: steps.append((done, of)))
    assert steps == [(400, 1_000), (800, 1_000), (1_000, 1_000)]
    found = read(file)["petition_case"]
    assert len(found) == 1_000
    assert found.case_id.is_unique
    assert found.case_no.is_unique
    assert found.registered_at.is_monotonic_increasing


def test_every_table_and_column_is_filled(county: Tables) -> None:
    empty = {
        f"{name}.{column}" for name, frame in county.items() for column in frame.columns if frame[column].isna().all()
    }
    assert empty == NEVER_FILLED
    assert len(county["petition_case"]) == CASES
    assert len(county["contract"]) == 1
    assert county["contract"].version[0] == schema.VERSION
    assert county["contract"].demo_as_of[0] == AS_OF


@pytest.mark.parametrize(("table", "column"), CODES)
def test_codes_are_those_of_the_contract(county: Tables, table: str, column: str) -> None:
    assert set(county[table][column].dropna()) == set(CODES[table, column])


def test_moments_are_whole_seconds_of_text(tmp_path: Path) -> None:
    file = tmp_path / "demo.sqlite"
    make_demo(f"sqlite:///{file}", cases=50, as_of=AS_OF)
    with sqlite3.connect(file) as connection:
        moments = [row[0] for row in connection.execute("SELECT registered_at FROM petition_case")]
    assert len(moments) == 50
    assert all(datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M:%S") == moment for moment in moments)


@pytest.mark.parametrize("as_of", [AS_OF, datetime(2026, 3, 3, 10, 15)])
def test_nothing_happens_after_the_as_of_instant(tmp_path: Path, as_of: datetime) -> None:
    file = tmp_path / "demo.sqlite"
    make_demo(f"sqlite:///{file}", cases=2_000, as_of=as_of)
    for name, frame in read(file).items():
        for column, values in frame.select_dtypes("datetime").items():
            if not str(column).endswith(MAY_BE_LATER):
                assert not (values > as_of).any(), f"{name}.{column}"


def test_cases_go_their_way_in_order(cases: pd.DataFrame) -> None:
    way = [
        "petitioned_at",
        "registered_at",
        "forwarded_at",
        "unit_received_at",
        "noticed_at",
        "accepted_at",
        "answered_at",
        "closed_at",
    ]
    handled = cases[cases.closed_how.isna() | (cases.closed_how == "handled")]
    for place, later in enumerate(way):
        for earlier in way[:place]:
            assert not (handled[later] < handled[earlier]).any(), f"{later} before {earlier}"
    for later in ("resolved_at", "followed_up_at", "next_repeat_at", "unit_rated_at", "office_rated_at", "reported_at"):
        known = cases[cases[later].notna()]
        assert (known[later] >= known.closed_at).all(), later
    assert not (cases.extended_at < cases.accepted_at).any()
    assert not (cases.extended_at > cases.closed_at).any()
    assert not (cases.unit_rated_at > cases.unit_rating_expires_at).any()
    assert not (cases.review_decided_at < cases.review_applied_at).any()
    assert not (cases.rereview_applied_at < cases.review_decided_at).any()


def test_exits_are_those_of_the_disposition(cases: pd.DataFrame) -> None:
    closed = cases[cases.closed_at.notna()]
    assert (cases.closed_at.isna() == cases.closed_how.isna()).all()
    refused = closed[closed.disposition.isin(["not_accepted", "no_longer_accepted"])]
    assert (refused.not_accepted_at == refused.closed_at).all()
    how = {"not_accepted": "not_accepted", "no_longer_accepted": "not_accepted", "merged": "merged"}
    how |= {"returned": "transferred", "filed": "handled"}
    for disposition, exit_code in how.items():
        rows = cases[cases.disposition == disposition]
        assert set(rows.closed_how.dropna()) == {exit_code}
        assert rows.accepted_at.isna().all()
        assert rows.due_at.isna().all()
    own = cases[cases.disposition == "self_handled"]
    assert own.forwarded_at.isna().all()
    assert (own.unit_received_at == own.registered_at).all()


def test_deadlines_follow_the_regulation(cases: pd.DataFrame) -> None:
    assert (cases.due_at.isna() == cases.original_due_at.isna()).all()
    other = cases[cases.track == "other"]
    assert other.due_at.isna().all()
    assert other.acceptance_due_at.isna().all()
    assert set(other.purpose) == set(schema.PURPOSES)
    assert (cases[cases.purpose != "appeal"].track == "other").all()
    statutory = cases[(cases.track.fillna("statutory") == "statutory") & cases.due_at.notna()]
    assert ((statutory.original_due_at.dt.normalize() - statutory.accepted_at.dt.normalize()).dt.days == 60).all()
    granted = (cases.due_at - cases.original_due_at).dt.days
    assert (granted[cases.extended_at.isna() & cases.due_at.notna()] == 0).all()
    extended = granted[cases.extended_at.notna()]
    assert (extended > 0).all()
    assert 0 < (extended > 30).mean() < 0.04
    for name in schema.DEADLINES & set(cases.columns):
        assert set(cases[name].dropna().dt.strftime("%H:%M:%S")) == {"23:59:59"}, name


def test_events_tell_one_story(county: Tables) -> None:
    cases = county["petition_case"].set_index("case_id")
    events = county["case_event"]
    moved = events[events.kind == "reassigned"].sort_values(["case_id", "at"])
    assert (moved.from_unit_id != moved.to_unit_id).all()
    assert moved.groupby("case_id").size().max() == 2
    following = moved.groupby("case_id").from_unit_id.shift(-1)
    assert (following.dropna() == moved.to_unit_id[following.notna()]).all()
    last = moved.groupby("case_id").last().join(cases[["lead_unit_id", "unit_received_at", "closed_at"]])
    assert (last.to_unit_id == last.lead_unit_id).all()
    assert (last["at"] >= last.unit_received_at).all()
    assert not (last["at"] > last.closed_at).any()

    undone = events[events.kind == "closed"].set_index("case_id")["at"]
    reopened = events[events.kind == "reopened"].set_index("case_id")["at"]
    assert undone.index.is_unique
    assert set(undone.index) == set(reopened.index)
    assert (reopened > undone).all()
    assert not (cases.closed_at.reindex(reopened.index) < reopened).any()

    extended = events[events.kind == "extended"].set_index("case_id").join(cases)
    assert len(extended) == cases.extended_at.notna().sum()
    assert (extended["at"] == extended.extended_at).all()
    assert (extended.from_due_at == extended.original_due_at).all()
    assert (extended.to_due_at == extended.due_at).all()


def test_accusations_stay_out_of_the_lists(county: Tables) -> None:
    cases = county["petition_case"]
    accusations = set(cases.case_id[cases.purpose == "accusation"])
    assert len(accusations) > 200
    for name in ("listing", "instruction", "progress", "reminder_slip", "checklist_item"):
        assert not accusations & set(county[name].case_id), name


def test_lists_are_signed_off_after_closing(county: Tables) -> None:
    listing = county["listing"].merge(county["petition_case"], on="case_id")
    checked = listing[listing.verified_at.notna()]
    assert (checked.verified_at >= checked.closed_at).all()
    signed_off = listing[listing.signed_off_at.notna()]
    assert (signed_off.signed_off_at >= signed_off.verified_at).all()
    supervised = listing[listing.kind == "supervised"]
    assert supervised.case_id.duplicated().any()
    assert 0.03 < supervised.case_id.nunique() / CASES < 0.055
    assert set(listing.list_id[listing.kind == "backlog"]) == {"central-2024", "province-2025", "county-2026"}
    assert county["checklist_item"].groupby("case_id").size().eq(7).all()
    assert set(county["checklist_item"].case_id) == set(supervised.case_id)


def test_keys_lead_somewhere(county: Tables) -> None:
    units, known = set(county["unit"].unit_id), set(county["petition_case"].case_id)
    for name, frame in county.items():
        if "case_id" in frame:
            assert set(frame.case_id) <= known, name
        for column in set(frame.columns) & {"unit_id", "township_id", "registering_unit_id", "functional_unit_id"}:
            assert set(frame[column]) <= units, f"{name}.{column}"
    cases = county["petition_case"].merge(county["unit"], left_on="lead_unit_id", right_on="unit_id")
    local = cases[cases.kind == "township"]
    assert (local.township_id == local.lead_unit_id).all()
    helpers = county["case_unit"].merge(county["petition_case"], on="case_id")
    assert (helpers.unit_id != helpers.lead_unit_id).all()
    posts = set(county["post"].post_id)
    assert set(county["petition_case"].responsible_post_id.dropna()) <= posts


def test_planted_faults_are_few(county: Tables) -> None:
    cases = county["petition_case"]
    faults = (
        cases.closed_at < cases.registered_at,
        ~cases.lead_unit_id.isin(county["unit"].unit_id),
        ~cases.category_id.isin(county["category"].category_id),
    )
    assert [2 <= fault.sum() <= 24 for fault in faults] == [True] * 3


def test_figures_are_believable(cases: pd.DataFrame, timed: pd.DataFrame) -> None:
    assert 300 <= cases.closed_at.isna().sum() <= 450
    still_open = timed[timed.closed_at.isna()]
    days_over = (AS_OF - still_open.due).dt.days[still_open.due < AS_OF]
    assert 40 <= len(days_over) <= 90
    bands = pd.cut(days_over, [-1, 7, 30, 90, 180, 10_000]).value_counts()
    assert bands.min() >= 2
    assert 10 <= ((still_open.due >= AS_OF) & (still_open.due < AS_OF + timedelta(days=7))).sum() <= 50

    past = timed[(timed.due < AS_OF) & (timed.closed_how != "withdrawn")]
    on_time = past.closed_at <= past.due
    assert 0.88 <= on_time.mean() <= 0.92
    by_unit = on_time.groupby(past.lead_unit_id).agg(["mean", "size"])
    large = by_unit[by_unit["size"] >= 300]["mean"].sort_values()
    assert list(large.index[:2]) == ["T06", "D02"]
    assert large.iloc[1] < 0.78
    assert set(large.index[-2:]) == {"D03", "T02"}
    assert large.iloc[-2] > 0.965
    last_year = cases[cases.registered_at > AS_OF - timedelta(days=365)].groupby("lead_unit_id").size()
    assert (last_year < 15).sum() >= 3

    forwarded = cases[cases.forwarded_at.notna()]
    days = (forwarded.forwarded_at.dt.normalize() - forwarded.petitioned_at.dt.normalize()).dt.days
    assert 0.98 <= (days <= 15).mean() <= 0.992
    noticed = cases[cases.noticed_at.notna()]
    days = (noticed.noticed_at.dt.normalize() - noticed.unit_received_at.dt.normalize()).dt.days
    assert 0.94 <= (days <= 15).mean() <= 0.965


def test_the_year_has_its_seasons(cases: pd.DataFrame) -> None:
    daily = cases.groupby(cases.registered_at.dt.date).size()

    def per_day(first: date, last: date) -> float:
        return float(daily[(daily.index >= first) & (daily.index <= last)].sum()) / ((last - first).days + 1)

    usual = len(cases) / (5 * 365.25)
    assert per_day(date(2026, 1, 27), date(2026, 2, 15)) > 1.2 * usual  # Spring Festival was on 17 February 2026
    assert per_day(date(2026, 2, 16), date(2026, 2, 23)) < 0.3 * usual
    weekend = cases.registered_at.dt.day_of_week >= 5
    assert 0.02 < weekend.mean() < 0.12


def test_a_demo_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "demo.sqlite"
    for count in (100, 60):
        summary = make_demo(f"sqlite:///{file}", cases=count, as_of=AS_OF)
        assert summary == demo.DemoSummary(f"sqlite:///{file}", count, len(demo.UNITS), AS_OF)
        assert len(read(file)["petition_case"]) == count
    assert [path.name for path in tmp_path.iterdir()] == ["demo.sqlite"]


@pytest.mark.parametrize(
    "content",
    [
        "CREATE TABLE petition_case (case_no TEXT)",
        "CREATE TABLE contract (version INTEGER, demo_as_of DATETIME); INSERT INTO contract VALUES (1, NULL)",
        "CREATE TABLE contract (version INTEGER)",
        "CREATE TABLE accounts (a INTEGER)",
    ],
)
def test_real_data_is_not_overwritten(tmp_path: Path, content: str) -> None:
    file = tmp_path / "real.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript(content)
    before = file.read_bytes()
    with pytest.raises(Problem) as caught:
        make_demo(f"sqlite:///{file}", cases=10, as_of=AS_OF)
    assert caught.value.key == "demo_over_real"
    assert "real.sqlite" in str(caught.value)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["real.sqlite"]


def test_an_interrupted_run_leaves_the_old_demo(tmp_path: Path) -> None:
    file = tmp_path / "demo.sqlite"
    make_demo(f"sqlite:///{file}", cases=80, as_of=AS_OF)

    def stop(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo(f"sqlite:///{file}", cases=40, as_of=AS_OF, progress=stop)
    assert len(read(file)["petition_case"]) == 80
    assert [path.name for path in tmp_path.iterdir()] == ["demo.sqlite"]


def test_a_file_in_use_elsewhere_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError  # what Windows says of a file that is open

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(Problem) as caught:
        make_demo(f"sqlite:///{tmp_path / 'demo.sqlite'}", cases=10, as_of=AS_OF)
    assert caught.value.key == "locked"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_memory_is_no_place_for_a_demo(url: str) -> None:
    with pytest.raises(Problem) as caught:
        make_demo(url, cases=10, as_of=AS_OF)
    assert caught.value.key == "demo_needs_file"


def test_other_engines_get_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("duckdb_sqlalchemy")
    urls = [f"sqlite:///{tmp_path / 'demo.sqlite'}", f"duckdb:///{tmp_path / 'demo.duckdb'}"]
    found: list[dict[str, Any]] = []
    for url in urls:
        make_demo(url, cases=300, as_of=AS_OF)
        engine = create_engine(url)
        with engine.connect() as connection:
            found.append(
                {
                    name: sorted(map(str, connection.execute(select(table))))
                    for name, table in schema.metadata.tables.items()
                    if table is not schema.contract  # which says that DuckDB's cases are prepared
                }
            )
        engine.dispose()
    assert found[0] == found[1]
