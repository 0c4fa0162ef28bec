"""Where a case is on the statutory way: its step, the limit of the step, and why it is on no clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from handmade import end_of, make_file, measured, moment, opened, seen
from hypothesis import Phase, given, settings
from random_filters import filters
from sqlalchemy import and_, case, func, select

from data_access import lists, views
from data_access import settings as settings_file
from data_access.database import CaseDatabase, open_database
from data_access.filters import CaseFilter
from data_access.keyset import START, Place
from data_access.lists import PAGE, CasePage, Question
from data_access.state import LEFT_OUT, OF_CLOSED, STAGES, cases_at

quietly = settings(derandomize=True, deadline=None, database=None, phases=(Phase.generate,))
AS_OF = "2026-11-24"


@pytest.fixture(scope="module", params=[pytest.param("demo", marks=pytest.mark.thorough), "rough"])
def county(request: pytest.FixtureRequest) -> CaseDatabase:
    """The demo county, and the same with gaps and oddities."""
    return opened(request.getfixturevalue(f"{request.param}_url"))


def states(database: CaseDatabase, case_filter: CaseFilter) -> pd.DataFrame:
    """Every registered case with its step and the conditions that other figures count by."""
    cases = cases_at(database, case_filter.at)
    flags = {
        name: getattr(cases, name)
        for name in ("is_open", "is_closed", "is_overdue", "acceptance_overdue", "on_clock", "in_review", "in_rereview")
    }
    columns = {
        "stage": cases.stage,
        "left_out": cases.left_out,
        "stage_due_at": cases.stage_due_at,
        "due": cases.due,
        **{name: case((condition, 1), else_=0) for name, condition in flags.items()},
        "stage_late": case((cases.stage_due_at <= cases.at, 1), else_=0),
    }
    where = [*case_filter.where(cases), cases.exists]
    selected = [column.label(name) for name, column in columns.items()]
    statement = select(*selected).select_from(cases.source).where(*where)
    with database.reading() as connection:
        found = pd.DataFrame(connection.execute(statement).all(), columns=list(columns))
    for name in (*flags, "stage_late"):
        found[name] = found[name].astype(bool)
    return found


@given(case_filter=filters())
@settings(quietly, max_examples=15)
def test_the_step_never_contradicts_what_is_counted_late(county: CaseDatabase, case_filter: CaseFilter) -> None:
    found = states(county, case_filter)
    stage, late = found["stage"], found["stage_late"]
    assert set(stage) <= set(STAGES) and set(found["left_out"]) <= set(LEFT_OUT)
    assert (found["is_open"] == ~stage.isin(OF_CLOSED)).all()
    # Without notice past the limit: exactly those at that step and late there.
    assert (found["acceptance_overdue"] == ((stage == "acceptance") & late)).all()
    # Overdue: at the step of closing and late there, or held up at a step before it.
    assert (found["is_overdue"] & (stage == "closing") == (stage == "closing") & late).all()
    assert stage[found["is_overdue"]].isin(["closing", "acceptance", "forwarding"]).all()
    closing = found[stage == "closing"]
    assert (closing["stage_due_at"] == closing["due"]).all() and closing["on_clock"].all()
    assert (found["in_review"] == (stage == "review")).all()
    assert (found["in_rereview"] == (stage == "rereview")).all()
    assert found.loc[stage.isin(["closed", "outside"]), "stage_due_at"].isna().all()
    assert (found["on_clock"] == (found["left_out"] == "in")).all()
    assert not found.loc[stage == "outside", "on_clock"].any()


def test_the_demo_has_cases_at_every_step(demo_url: str) -> None:
    found = states(opened(demo_url), seen(AS_OF))
    assert set(found["stage"]) == set(STAGES)
    assert set(found["left_out"]) == set(LEFT_OUT) - {"left"}  # those have a disposition outside, too
    assert found["is_overdue"].sum() > 20 and found["acceptance_overdue"].sum() > 2


@given(case_filter=filters())
@settings(quietly, max_examples=8)
def test_steps_and_reasons_add_up_to_all_open_cases(county: CaseDatabase, case_filter: CaseFilter) -> None:
    with county.reading() as connection:
        table = lists.open_by_step(connection, county, case_filter)
        everything = connection.execute(
            select(func.count())
            .select_from((cases := cases_at(county, case_filter.at)).columns.source)
            .where(cases.exists, func.coalesce(cases.purpose, "") != "accusation")
        ).scalar()
    narrowed = CaseFilter(case_filter.as_of, case_filter.span, track=("statutory", "summary", "other"))
    reasons = measured(county, narrowed, "registered", by="left_out")
    if case_filter.span.first is None:
        assert sum(n for n, _ in reasons.values()) == everything
    open_now = {stage: n for (_, stage), (n, _) in measured(county, case_filter, "open", by="stage").items()}
    assert table.groupby("stage")["open"].sum().to_dict() == open_now
    reasons_now = {reason: n for (_, reason), (n, _) in measured(county, case_filter, "open", by="left_out").items()}
    assert table.groupby("left_out")["open"].sum().to_dict() == reasons_now
    for count in ("late", "soon"):
        by_stage = table.groupby("stage")[count].sum()
        numbers = measured(county, case_filter, f"stage_{count}", by="stage")
        assert {stage: n for (_, stage), (n, _) in numbers.items()} == by_stage[by_stage > 0].to_dict()


def listed(database: CaseDatabase, case_filter: CaseFilter, question: Question, **options: Any) -> CasePage:
    with database.reading() as connection:
        return lists.case_list(connection, database, case_filter, question, **options)


def test_every_number_of_the_overdue_page_opens_its_cases(county: CaseDatabase) -> None:
    case_filter = seen(AS_OF, "2026-01-01")
    with county.reading() as connection:
        view = views.overdue(connection, county, case_filter)
    for stage, rows in view.steps.by_step.groupby("stage"):
        for count, of in (("open", "open"), ("late", "stage_late"), ("soon", "stage_soon")):
            page = listed(county, case_filter, Question(of, "denominator", (("stage", str(stage)),)), limit=None)
            assert page.total == rows[count].sum()
            assert set(page.rows["stage"]) <= {stage}
            if count == "late":
                assert (page.rows["days_left"] < 0).all()
            if count == "soon":
                assert page.rows["days_left"].between(0, 7).all()
    for reason, rows in view.steps.by_step.groupby("left_out"):
        assert (
            listed(county, case_filter, Question("open", at=(("left_out", str(reason)),))).total == rows["open"].sum()
        )
    assert set(view.steps.appeals) == set(views.APPEALS)
    for key, n in view.steps.appeals.items():
        assert listed(county, case_filter, Question(key)).total == n


@pytest.mark.parametrize(("order", "descending"), [("due", False), ("closed", True), ("registered", False)])
def test_pages_are_the_whole_list_in_pieces(county: CaseDatabase, order: str, descending: bool) -> None:
    """A page is found in two statements, the whole list in one."""
    case_filter = seen(AS_OF, "2026-10-01")
    question = Question("registered")
    whole = listed(county, case_filter, question, order=order, descending=descending, limit=None)
    assert whole.total > 2 * PAGE
    place: Place | None = START
    for _ in range(3):
        assert place is not None
        page = listed(county, case_filter, question, order=order, descending=descending, place=place)
        expected = whole.rows.iloc[page.first - 1 : page.last].reset_index(drop=True)
        pd.testing.assert_frame_equal(page.rows, expected, check_dtype=False)
        place = page.next


# --- by pencil


CASES = [
    # Received by the office on 5 November 2026, not forwarded: until the 20th.
    {"case_no": "forwarding", "registered_at": "2026-11-05 10:00"},
    # Received by the unit on 10 November: notice until the 25th, tomorrow; a day of 15 is left.
    {
        "case_no": "acceptance",
        "registered_at": "2026-11-08",
        "forwarded_at": "2026-11-09",
        "unit_received_at": "2026-11-10 00:00",
    },
    # The source states the 23rd instead: yesterday.
    {
        "case_no": "acceptance late",
        "registered_at": "2026-11-08",
        "forwarded_at": "2026-11-09",
        "unit_received_at": "2026-11-10",
        "acceptance_due_at": "2026-11-23 23:59:59",
    },
    # Accepted on 25 September: 5 days left of September, 31 of October, 24 of November: the 60th is today.
    {
        "case_no": "closing",
        "registered_at": "2026-09-20",
        "forwarded_at": "2026-09-21",
        "unit_received_at": "2026-09-21",
        "noticed_at": "2026-09-25",
        "accepted_at": "2026-09-25 09:00",
    },
    # Stated, extended once: 14 December wins over any computed one.
    {
        "case_no": "extended",
        "registered_at": "2026-09-10",
        "forwarded_at": "2026-09-11",
        "accepted_at": "2026-09-15 00:00",
        "original_due_at": "2026-11-14 23:59:59",
        "due_at": "2026-12-14 23:59:59",
        "extended_at": "2026-11-10",
    },
    # No notice on record although the stated closing deadline is past: late at both, held up at the earlier step.
    {
        "case_no": "both",
        "registered_at": "2026-08-01",
        "forwarded_at": "2026-08-02",
        "unit_received_at": "2026-08-03",
        "due_at": "2026-10-01 23:59:59",
    },
    {"case_no": "other", "registered_at": "2026-11-01", "forwarded_at": "2026-11-02", "track": "other"},
    {"case_no": "filed", "registered_at": "2026-11-01", "disposition": "filed"},
    {"case_no": "gone", "registered_at": "2026-10-01", "closed_at": "2026-10-09", "closed_how": "transferred"},
    # Answered on 1 November: until 1 December a review can be applied for.
    {
        "case_no": "closed",
        "registered_at": "2026-09-01",
        "forwarded_at": "2026-09-01",
        "accepted_at": "2026-09-03",
        "answered_at": "2026-11-01 09:00",
        "closed_at": "2026-11-02",
    },
    # Applied for on 20 October: 11 days left of October, until 19 November; five days late.
    {
        "case_no": "review",
        "registered_at": "2026-08-01",
        "forwarded_at": "2026-08-01",
        "accepted_at": "2026-08-03",
        "closed_at": "2026-10-01",
        "review_applied_at": "2026-10-20 10:00",
    },
    # Applied for on 20 October, hearing of ten days: until 29 November; decided reviews are done.
    {
        "case_no": "rereview",
        "registered_at": "2026-07-01",
        "forwarded_at": "2026-07-01",
        "accepted_at": "2026-07-03",
        "closed_at": "2026-09-01",
        "review_applied_at": "2026-09-10 10:00",
        "review_decided_at": "2026-10-01 10:00",
        "rereview_applied_at": "2026-10-20 10:00",
        "hearing_days": 10,
    },
    # Review applied for on 1 April, until 1 May: late; re-review on 1 June, until 1 July: in time.
    {
        "case_no": "rereviewed",
        "registered_at": "2026-01-05",
        "forwarded_at": "2026-01-05",
        "accepted_at": "2026-01-06",
        "closed_at": "2026-03-01",
        "review_applied_at": "2026-04-01",
        "review_decided_at": "2026-05-20",
        "rereview_applied_at": "2026-06-01",
        "rereview_decided_at": "2026-06-20",
    },
]
BY_PENCIL = {
    "forwarding": ("forwarding", "2026-11-20", -4, "computed", "no_deadline"),
    "acceptance": ("acceptance", "2026-11-25", 1, "computed", "no_deadline"),
    "acceptance late": ("acceptance", "2026-11-23", -1, "stated", "no_deadline"),
    "closing": ("closing", "2026-11-24", 0, "computed", "in"),
    "extended": ("closing", "2026-12-14", 20, "stated", "in"),
    "both": ("acceptance", "2026-08-18", -98, "computed", "in"),  # 13 left of August, 30, 31, 24
    "other": ("outside", None, None, None, "other_track"),
    "filed": ("outside", None, None, None, "disposition"),
    "gone": ("closed", None, None, None, "left"),
    "closed": ("closed", None, None, "computed", "in"),
    "review": ("review", "2026-11-19", -5, "computed", "in"),
    "rereview": ("rereview", "2026-11-29", 5, "computed", "in"),
    "rereviewed": ("closed", None, None, "computed", "in"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    cases = [{"lead_unit_id": "A"} | case for case in CASES]
    return opened(
        make_file(tmp_path_factory.mktemp("clock"), unit=[{"unit_id": "A", "name": "甲局"}], petition_case=cases)
    )


NOON = moment("2026-11-24 12:00")


def test_by_pencil(small: CaseDatabase) -> None:
    page = listed(small, seen(NOON), Question(), limit=None)
    assert page.total == len(CASES)
    rows = page.rows.set_index("case_no")
    cases = cases_at(small, NOON)
    with small.reading() as connection:
        statement = select(cases.case_no, cases.left_out).where(cases.exists).select_from(cases.columns.source)
        reasons = {row[0]: row[1] for row in connection.execute(statement)}
    for number, (stage, due, left, source, reason) in BY_PENCIL.items():
        row = rows.loc[number]
        assert row["stage"] == stage, number
        assert (None if pd.isna(row["stage_due_at"]) else row["stage_due_at"]) == (due and end_of(due)), number
        assert (None if pd.isna(row["days_left"]) else row["days_left"]) == left, number
        assert (row["due_source"] if isinstance(row["due_source"], str) else None) == source, number
        assert reasons[number] == reason, number
    # 14.5 of the 16 days less a second from 10 November 0:00 to the end of the 25th; 70.5 of 91 days.
    assert rows.loc["acceptance", "share_used"] == pytest.approx(14.5 / 16, abs=1e-5)
    assert rows.loc["extended", "share_used"] == pytest.approx(70.5 / 91, abs=1e-5)
    assert rows.loc["closing", "share_used"] < 1 < rows.loc["review", "share_used"]
    assert pd.isna(rows.loc["closed", "share_used"])


def test_late_on_the_day_itself_counts_a_day(small: CaseDatabase) -> None:
    """As of a whole day, a deadline that ends with it is past: late, by one day like everywhere else."""
    row = listed(small, seen(AS_OF), Question("overdue"), order="case_no", limit=None).rows.set_index("case_no")
    assert row.loc["closing", "days_overdue"] == 1 and row.loc["closing", "days_left"] == -1


def test_reviews_are_counted_by_their_own_limits(small: CaseDatabase) -> None:
    found = measured(
        small,
        seen(AS_OF),
        *("in_review", "review_overdue", "review_soon", "in_rereview", "rereview_overdue", "rereview_soon"),
        *("review_timely_rate", "rereview_timely_rate"),
    )
    assert found == {
        "in_review": (1, None),
        "review_overdue": (1, None),
        "review_soon": (0, None),
        "in_rereview": (1, None),
        "rereview_overdue": (0, None),
        "rereview_soon": (1, None),
        "review_timely_rate": (1, 3),  # of 1 May, late; of 10 October, decided on the 1st; of 19 November, undecided
        "rereview_timely_rate": (1, 1),
    }
    later = measured(small, seen("2026-11-30"), "rereview_overdue", "rereview_timely_rate", "review_timely_rate")
    assert later == {"rereview_overdue": (1, None), "rereview_timely_rate": (1, 2), "review_timely_rate": (1, 3)}
    in_october = measured(small, seen(AS_OF, "2026-10-01", "2026-10-31"), "review_timely_rate")
    assert in_october == {"review_timely_rate": (1, 1)}


def test_a_review_rolls_over_where_the_setting_says_so(tmp_path: Path) -> None:
    """30 days from 5 September 2025: 5 October, in the National Day holiday; rolled over to Thursday the 9th."""
    applied = {"review_applied_at": "2025-09-05 9:00", "registered_at": "2025-06-01", "closed_at": "2025-08-20"}
    url = make_file(tmp_path, petition_case=[applied | {"case_no": "1", "lead_unit_id": "A", "due_at": "2025-08-25"}])
    shipped = settings_file.load()
    rolled = shipped.model_copy(update={"deadlines": shipped.deadlines.model_copy(update={"holiday_rollover": True})})
    for chosen, day in ((shipped, "2025-10-05"), (rolled, "2025-10-09")):
        database = open_database(url, chosen)
        assert listed(database, seen("2025-09-30"), Question("in_review")).rows["stage_due_at"][0] == end_of(day)
        database.engine.dispose()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            "closing",
            [
                ("forwarding", "2026-10-05", False, True, None),
                ("acceptance_forwarded", "2026-10-06", False, True, None),
                ("objection", "2026-09-29", False, False, -56),  # 22, 23, 24; Mid-Autumn from Fri 25 to 27; 28, 29
                ("closing", "2026-11-24", False, False, 0),
            ],
        ),
        (
            "rereview",
            [
                ("forwarding", "2026-07-16", False, True, None),
                ("closing", "2026-09-01", False, True, None),
                ("review_apply", "2026-10-01", False, True, None),
                ("review", "2026-10-10", False, True, None),
                ("rereview_apply", "2026-10-31", False, True, None),
                ("rereview", "2026-11-29", False, False, 5),
            ],
        ),
        ("extended", [("forwarding", "2026-09-25", False, True, None), ("extension", "2026-12-14", True, False, 20)]),
    ],
)
def test_the_steps_of_one_case(small: CaseDatabase, number: str, expected: list[Any]) -> None:
    with small.reading() as connection:
        steps = lists.case_story(connection, small, seen(NOON), number).steps
    found = [
        (row.step, row.due_at, row.is_stated, pd.notna(row.done_at), None if pd.isna(row.days_left) else row.days_left)
        for row in steps.itertuples()
    ]
    assert found == [(step, end_of(due), stated, done, left) for step, due, stated, done, left in expected]


def test_a_database_with_deadlines_only_has_no_other_steps(minimal_url: str) -> None:
    database = opened(minimal_url)
    with database.reading() as connection:
        view = views.overdue(connection, database, seen(AS_OF))
    assert set(view.steps.by_step["stage"]) == {"closing"} and view.steps.appeals == {}
    assert view.steps.by_step["late"].sum() == sum(view.late_now)
    page = listed(database, seen(AS_OF), Question("open"), limit=None)
    assert set(page.rows["due_source"]) == {"stated"}


def test_the_deadline_column_of_a_closed_case_says_where_it_comes_from(small: CaseDatabase) -> None:
    cases = cases_at(small, NOON)
    with small.reading() as connection:
        where = and_(cases.on_clock, cases.due_is_stated)
        stated = connection.execute(
            select(cases.case_no).where(where).select_from(cases.columns.source).order_by(cases.case_no)
        )
        assert list(stated.scalars()) == ["both", "extended"]
