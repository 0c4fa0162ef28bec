"""The statutory clock on the screen: every step with its limit, and where the open cases are."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import brief, drill, tables, words
from dashboard.tables import records
from data_access.database import CaseDatabase
from data_access.deadlines import STEPS, Step, last_known_year
from data_access.lists import Question, Story
from data_access.state import LEFT_OUT
from data_access.texts import text
from data_access.views import Steps

# --- the steps of the regulation, for the definitions page


def draw(database: CaseDatabase) -> None:
    """Every step that has a limit: how long, from when, by which article, and what the source may state instead."""
    head = [text(f"clock.{name}") for name in ("step", "limit", "begins", "stated", "article")]
    tables.sheet(head, step_rows(database), texts=5)
    rules = database.settings.deadlines
    notes = [text("clock.day_zero"), text("clock.rollover_on" if rules.holiday_rollover else "clock.rollover_off")]
    notes += [text("clock.stated_wins"), known_years(database)]
    st.markdown("\n".join(f"- {note}" for note in notes if note))


def step_rows(database: CaseDatabase) -> list[list[str]]:
    """step, limit in force, where it begins, the column of the source that wins, article; one row a step."""
    return [
        [
            text(f"clock.step_{step.key}"),
            _limit(step, database),
            text(f"clock.begins_{step.key}"),
            step.stated or text("clock.always_computed"),
            article(step),
        ]
        for step in STEPS
    ]


def _limit(step: Step, database: CaseDatabase) -> str:
    days = getattr(database.settings.deadlines, step.setting)
    kind = "working" if step.limit_of(database.clock).working else "more" if step.key == "extension" else "calendar"
    return text(f"clock.days_{kind}", n=days)


def article(step: Step) -> str:
    """Where the rule stands."""
    return text("clock.trial") if step.article is None else text(f"clock.article_{step.article}")


def known_years(database: CaseDatabase) -> str:
    """Until when working days are known, and so much louder where this database goes beyond."""
    year = last_known_year()
    newest = database.newest_at
    beyond = newest is not None and newest.year > year
    return text("clock.beyond_known" if beyond else "clock.known_until", year=str(year))


# --- one case against its limits

_WINDOWS: Final = {step.key for step in STEPS if step.window}
_STEP: Final = {step.key: step for step in STEPS}


def of_case(told: Story) -> None:
    """The steps a case has reached: limit, whether it is stated or computed, done or how many days are left."""
    if told.steps.empty:
        return
    head = [text(f"clock.{name}") for name in ("step", "since", "until", "source", "state", "article")]
    rows = [
        [
            text(f"clock.step_{row['step']}"),
            _day(row["began_at"]),
            _day(row["due_at"]),
            text(f"code.due_source.{'stated' if row['is_stated'] else 'computed'}"),
            state_words(row),
            article(_STEP[row["step"]]),
        ]
        for row in records(told.steps)
    ]
    tables.sheet(head, rows, texts=6)


def state_words(row: dict[str, Any]) -> str:
    """`3 天后到期`, `超期 5 天`, `按期完成`, `超期完成`; of a window, whether it is still open."""
    done, due, left = row["done_at"], row["due_at"], row["days_left"]
    window = row["step"] in _WINDOWS
    if pd.notna(done):
        if window:
            return text("clock.used", day=_day(done))
        return text("clock.done_late" if done > due else "clock.done_in_time", day=_day(done))
    if window:
        return text("clock.window_closed") if left < 0 else text("clock.window_open", n=int(left))
    return text("clock.late", n=-int(left)) if left < 0 else text("clock.left", n=int(left))


def _day(moment: Any) -> str:
    return words.NONE if pd.isna(moment) else f"{moment:%Y-%m-%d}"


# --- where the open cases are, for the overdue page

OPEN_STEPS: Final = ("forwarding", "acceptance", "closing")
APPEAL_STEPS: Final = ("review", "rereview")
COUNTS: Final = ("open", "late", "soon")


def by_step(view: Steps) -> pd.DataFrame:
    """stage, open, late (past its limit), soon (due within days): one row a step that the database knows."""
    folded = view.by_step.groupby("stage")[list(COUNTS)].sum()
    counted = {
        str(stage): [int(n) for n in counts] for stage, counts in zip(folded.index, folded.to_numpy(), strict=True)
    }
    rows: list[tuple[Any, ...]] = [(step, *counted[step]) for step in OPEN_STEPS if step in counted]
    for step in APPEAL_STEPS:
        if f"in_{step}" in view.appeals:
            counts = (view.appeals[key] for key in (f"in_{step}", f"{step}_overdue", f"{step}_soon"))
            rows.append((step, *counts))
    return pd.DataFrame(rows, columns=["stage", *COUNTS])


def question_of(stage: str, count: str) -> Question:
    """The cases behind one cell of the table."""
    if stage in APPEAL_STEPS:
        return Question({"open": f"in_{stage}", "late": f"{stage}_overdue", "soon": f"{stage}_soon"}[count])
    return drill.question({"open": "open", "late": "stage_late", "soon": "stage_soon"}[count], stage=stage)


def steps(view: Steps, overdue: int, soon_days: int, case_filter: Any) -> None:
    """The table of steps; every number opens its cases. `overdue`: how many cases are, wherever they stand."""
    table = by_step(view)
    if not table["open"].sum():
        st.caption(text("overdue.list_empty"))
        return
    head = [text("clock.step"), text("clock.open"), text("clock.of_which_late"), text("clock.soon", n=soon_days)]
    cells = [[text(f"clock.stage_{row['stage']}"), *(f"{row[count]:,}" for count in COUNTS)] for row in records(table)]
    brief.note_table(head, cells)

    def show(key: str) -> Any:
        tables.sheet(head, cells, only_paper=True)
        config = {
            name: st.column_config.TextColumn(label, alignment="right")
            for name, label in zip(COUNTS, head[1:], strict=True)
        }
        return st.dataframe(
            pd.DataFrame(cells, columns=["stage", *COUNTS]),
            key=key,
            hide_index=True,
            column_config={"stage": st.column_config.TextColumn(head[0], width="medium"), **config},
            height="content",
            row_height=38,
            on_select="rerun",
            selection_mode=tables.UNSORTABLE,
            alt=text("clock.steps"),
        )

    def asked(position: int, column: str) -> Question | None:
        return question_of(table["stage"][position], column) if column in COUNTS else None

    drill.table(show, "overdue_steps", asked, case_filter)
    elsewhere = overdue - int(table.loc[table["stage"] == "closing", "late"].sum())
    if elsewhere:
        st.caption(text("clock.late_elsewhere", n=elsewhere))


def left_out(view: Steps) -> list[tuple[Question, str]]:
    """Open cases outside the closing clock, by reason, each with its question; the first is their number in all."""
    folded = view.by_step.groupby("left_out")["open"].sum()
    found = []
    for reason in LEFT_OUT[1:]:
        n = int(folded.get(reason, 0))
        if n:
            found.append((drill.question("open", left_out=reason), text(f"clock.left_out_{reason}", n=n)))
    return found


def outside(view: Steps) -> None:
    """Who is not in the figures of the 60 days: one line, every number with its cases."""
    links = left_out(view)
    if not links:
        st.caption(text("overdue.list_empty"))
        return
    out = view.by_step[view.by_step["left_out"] != "in"]
    early = out[(out["left_out"] == "no_deadline") & out["stage"].isin(["forwarding", "acceptance"])]
    said = [text("clock.left_out", n=int(out["open"].sum()))]
    if len(early):
        said.append(text("clock.not_yet_accepted", n=int(early["open"].sum())))
    for sentence in said:
        brief.note(sentence)
        st.markdown(sentence)
    with st.container(horizontal=True):
        for asked, label in links:
            brief.note(label)
            drill.link(asked, label)
