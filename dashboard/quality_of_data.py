"""The data and their faults on the definitions page: what each could do to the headline, and where each case is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import pandas as pd
import streamlit as st

from dashboard import cache, data_charts, drill, frame, tables, words
from dashboard.supervised import Cells
from data_access import data_quality
from data_access.data_quality import Check, DataQuality, Doubt, Doubts
from data_access.database import CaseDatabase
from data_access.faults import ANY
from data_access.filters import CaseFilter
from data_access.lists import Question
from data_access.state import LEFT_OUT
from data_access.texts import text


def today(database: CaseDatabase) -> date:
    """The day after which moments are in the future; a demo stands for a moment that may be later than the clock's."""
    return max(cache.now(), database.demo_as_of or datetime.min).date()


def percent(*shares: float) -> tuple[str, ...]:
    """Shares in words, with as many digits as it takes to tell them apart, at most three."""

    def written(digits: int) -> tuple[str, ...]:
        return tuple(words.percent(share, digits) for share in shares)

    return next((written(digits) for digits in (1, 2) if len(set(written(digits))) == len(set(shares))), written(3))


def headline(found: Doubts) -> str:
    """The rate, and how far all faults together could move it."""
    if found.rate is None:
        return text("faults.headline_none")
    worst = found.together
    if worst is None or worst.low is None or worst.high is None:
        return text("faults.headline_clean", rate=words.percent(found.rate))
    low, rate, high = percent(worst.low, found.rate, worst.high)
    return text("faults.headline", rate=rate, low=low, high=high)


def moved(each: Doubt, rate: float | None) -> str:
    """`95.12% → 94.80%–95.31%`, or that it cannot move the rate."""
    if each.low is None or each.high is None:
        return text("faults.cannot")
    if rate is None:
        return _interval(each)
    low, now, high = (words.percent(share, 2) for share in (each.low, rate, each.high))
    return text("faults.moved", rate=now, low=low, high=high)


def question(kind: str, key: str, found: Doubts) -> Question:
    """The cases with a fault (`fault`, `moving`), or those through which it can move the rate (`doubt`)."""
    return Question(kind, key, (("today", found.today.isoformat()),))


def rows_of(found: Doubts) -> tuple[Doubt, ...]:
    """The faults that can move the rate, widest first; then all of them together where there are several."""
    moving = sorted((each for each in found.found if each.low is not None), key=lambda each: -each.doubted)
    return (*moving, found.together) if found.together and len(moving) > 1 else tuple(moving)


def bounds_table(found: Doubts) -> pd.DataFrame:
    """key, name, low, high, said: what the chart of bounds draws; empty without a rate."""
    shown = [each for each in rows_of(found) if each.low is not None and found.rate is not None]
    return pd.DataFrame(
        [(each.key, text(f"fault.{each.key}"), each.low, each.high, _interval(each)) for each in shown],
        columns=["key", "name", "low", "high", "said"],
    )


def _interval(each: Doubt) -> str:
    assert each.low is not None and each.high is not None
    return text("faults.interval", low=words.percent(each.low, 2), high=words.percent(each.high, 2))


def alt_text(found: Doubts) -> str:
    """What the chart of bounds says."""
    worst = found.together
    assert worst is not None and worst.low is not None and worst.high is not None and found.rate is not None
    low, rate, high = percent(worst.low, found.rate, worst.high)
    return text("faults.alt", rate=rate, low=low, high=high)


def draw(database: CaseDatabase, case_filter: CaseFilter) -> None:
    """The whole part: faults with their bounds, the ledgers, the figures checked against each other."""
    known, day = cache.ask_database(data_quality.standing), today(database)
    found = cache.ask(data_quality.data_quality, case_filter, day, known, True)
    frame.headline(headline(found.doubts))
    st.subheader(text("faults.title"))
    _faults(found, case_filter)
    _others(found, case_filter, day)
    _ledger(found, case_filter)
    _checks(case_filter)


def _faults(found: DataQuality, case_filter: CaseFilter) -> None:
    doubts = found.doubts
    if doubts.together is None:
        frame.say(text("faults.clean"))
        return
    table, picture = st.columns([3, 2], gap="large")
    with table:
        _table(doubts, rows_of(doubts), found.registered, "faults", case_filter)
    with picture:
        bounds = bounds_table(doubts)
        if len(bounds) and doubts.rate is not None:
            drill.chart(
                data_charts.bounds(bounds, doubts.rate, text("faults.rate_now", rate=words.percent(doubts.rate))),
                "fault_bounds",
                alt_text(doubts),
                lambda mark: question("doubt", str(mark["key"]), doubts),
                case_filter,
            )
    st.caption(text("faults.rule", days=doubts.reach_days))


def _table(doubts: Doubts, shown: Sequence[Doubt], registered: int, key: str, case_filter: CaseFilter) -> None:
    head = tuple(text(f"faults.{name}") for name in ("name", "cases", "share", "doubted", "range"))
    cells = Cells(
        head,
        tuple(
            (
                text(f"fault.{each.key}"),
                words.NONE if each.key == ANY else f"{each.cases:,}",
                words.NONE if each.key == ANY or not registered else words.percent(each.cases / registered, 2),
                f"{each.doubted:,}" if each.low is not None else words.NONE,
                moved(each, doubts.rate),
            )
            for each in shown
        ),
        tuple(
            (
                None,
                question("moving" if doubts.moving_only else "fault", each.key, doubts)
                if each.cases > each.unlisted
                else None,
                None,
                question("doubt", each.key, doubts) if each.doubted else None,
                question("doubt", each.key, doubts) if each.doubted else None,
            )
            for each in shown
        ),
    )
    drill.table(cells.show, key, cells.question, case_filter)
    unlisted = sum(each.unlisted for each in shown)
    if unlisted:
        st.caption(text("faults.unlisted", n=unlisted))


def _others(found: DataQuality, case_filter: CaseFilter, day: date) -> None:
    """Faults that cannot move the rate: looked for when asked, since they take longer."""
    if not st.toggle(text("faults.more"), key="faults.more"):
        return
    known = cache.ask_database(data_quality.standing_in_full)
    whole = cache.ask(data_quality.doubts, case_filter, day, known)
    shown = {each.key: each.cases for each in found.doubts.found}
    others = tuple(each for each in whole.found if each.cases > shown.get(each.key, 0))
    if not others:
        frame.say(text("faults.more_clean"))
        return
    _table(whole, others, found.registered, "faults_others", case_filter)
    if any(each.key == "unknown_unit" for each in others):
        st.caption(text("faults.more_note"))


def _ledger(found: DataQuality, case_filter: CaseFilter) -> None:
    """Where every registered case counts, and what became of those that fell due."""
    st.subheader(text("faults.ledger", n=found.registered))
    counted: list[tuple[str, int, Question | None]] = []
    for code in LEFT_OUT:
        why, n = text(f"code.left_out.{code}"), found.left_out[code]
        if n:
            named = why if code == "in" else text("faults.left", why=why)
            counted.append((named, n, drill.question("registered", left_out=code)))
    if found.accusations:
        counted.append((text("faults.left", why=text("faults.left_accusation")), found.accusations, None))
    counted.append((text("faults.left_total"), found.registered, Question("registered")))
    cells = Cells(
        tuple(text(f"faults.{name}") for name in ("ledger_reason", "ledger_cases", "share")),
        tuple(
            (why, f"{n:,}", words.percent(n / found.registered) if found.registered else words.NONE)
            for why, n, _ in counted
        ),
        tuple((None, asked, None) for _, _, asked in counted),
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        drill.table(cells.show, "left_out", cells.question, case_filter)
    with right:
        doubts, sources = found.doubts, found.deadlines
        due = doubts.counted + found.not_yet_due
        st.markdown(text("faults.due", due=due, counted=doubts.counted, later=found.not_yet_due))
        if doubts.counted:
            rate = Question(data_quality.RATE)
            drill.link(rate, text("faults.open_counted", n=doubts.counted))
        n = sources.stated + sources.computed
        st.markdown(text("faults.deadlines", n=n, stated=sources.stated, computed=sources.computed))


def _checks(case_filter: CaseFilter) -> None:
    """Figures of different screens, each worked out in two ways; when asked, since they take seconds at a million."""
    st.subheader(text("faults.checks"))
    if not st.toggle(text("faults.check_now"), key="faults.check_now"):
        return
    checks: tuple[Check, ...] = cache.ask(data_quality.contradictions, case_filter)
    bad = [each for each in checks if not each.holds]
    st.markdown(text("faults.checks_bad" if bad else "faults.checks_good", n=len(checks), bad=len(bad)))
    head = [text(f"faults.{name}") for name in ("check", "check_first", "check_second", "check_result")]
    rows = [
        [
            text(f"faults.check.{each.key}"),
            f"{each.first:,}",
            f"{each.second:,}",
            text("faults.agrees" if each.holds else "faults.differs"),
        ]
        for each in checks
    ]
    tables.sheet(head, rows)
