"""The clock in words: the table of the rules, the steps of a case, what lies outside."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from dashboard import clock_view
from data_access import settings, views
from data_access.database import CaseDatabase, open_database
from data_access.deadlines import STEPS, last_known_year
from data_access.filters import county
from data_access.lists import Question
from data_access.texts import use

DUE = pd.Timestamp("2026-11-20 23:59:59")


@pytest.fixture(scope="module")
def demo(demo_url: str) -> CaseDatabase:
    return open_database(demo_url, settings.load())


def test_the_table_of_steps_says_the_settings_limits(demo: CaseDatabase) -> None:
    rows = {row[0]: row[1:] for row in clock_view.step_rows(demo)}
    assert len(rows) == len(STEPS)
    assert rows["办结"][0] == "60 日" and rows["办结"][2:] == ["due_at", "《条例》第三十四条"]
    assert rows["延期后办结"][0] == "再加不超过 30 日，一次"
    assert rows["单位提出管辖异议"][0] == "5 个工作日"
    assert rows["作出复核意见"][1] == "申请之日，听证时间不计"
    use("en")
    assert clock_view.step_rows(demo)[3][1] == "5 working days"


def test_beyond_the_known_years_it_says_so() -> None:
    year = last_known_year()
    inside, beyond = (
        clock_view.known_years(SimpleNamespace(newest_at=dt.datetime(each, 1, 5)))  # type: ignore[arg-type]
        for each in (year, year + 1)
    )
    assert str(year) in inside and "注意" not in inside
    assert str(year) in beyond and "注意" in beyond


@pytest.mark.parametrize(
    ("step", "done", "left", "words"),
    [
        ("closing", None, 3, "剩 3 天"),
        ("closing", None, -4, "超期 4 天"),
        ("closing", pd.Timestamp("2026-11-20 10:00"), None, "2026-11-20 按期完成"),
        ("review", pd.Timestamp("2026-11-21 10:00"), None, "2026-11-21 超期完成"),
        ("objection", None, 2, "还可提出，剩 2 天"),
        ("review_apply", None, -1, "期限已过"),  # a window: nobody is late
        ("review_apply", pd.Timestamp("2026-11-01"), None, "2026-11-01 提出"),
    ],
)
def test_where_a_step_stands(step: str, done: Any, left: int | None, words: str) -> None:
    row = {"step": step, "due_at": DUE, "done_at": done if done is not None else pd.NaT, "days_left": left}
    assert clock_view.state_words(row) == words


def test_the_overdue_pages_table_and_its_questions(demo: CaseDatabase) -> None:
    with demo.reading() as connection:
        view = views.overdue(connection, demo, county(dt.date(2026, 11, 24), demo.settings.period))
    table = clock_view.by_step(view.steps).set_index("stage")
    assert list(table.index) == ["forwarding", "acceptance", "closing", "review", "rereview"]
    assert table.loc["closing", "late"] == sum(view.late_now)
    assert table.loc["acceptance", "late"] == view.acceptance["numerator"].sum()
    assert table.loc["closing", "soon"] == view.soon[0]
    assert table.loc["review", "open"] == view.steps.appeals["in_review"]
    assert clock_view.question_of("closing", "late") == Question("stage_late", at=(("stage", "closing"),))
    assert clock_view.question_of("review", "late") == Question("review_overdue")
    asked = [question.at[0] for question, _ in clock_view.left_out(view.steps)]
    out = view.steps.by_step[view.steps.by_step["left_out"] != "in"]
    assert {reason for _, reason in asked} == set(out["left_out"])
    assert clock_view.left_out(replace(view.steps, by_step=view.steps.by_step.drop(out.index))) == []
