"""Open cases by the day on which a limit of theirs passes: of closing, or of the acceptance notice."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final

from sqlalchemy import and_, false, func, literal

from data_access import schema
from data_access.deadlines import last_moment
from data_access.problems import Problem
from data_access.state import Cases, Condition

PASSING: Final = {"due_by": "closing", "notice_by": "acceptance"}
"""How a question asks for them (`due_by:2026-12-18`), with the limit that is meant."""


def passing_days(value: str) -> tuple[date | None, date]:
    """First and last day of a value of `PASSING`; raises Problem where it names none."""
    first, _, last = value.rpartition("..")
    try:
        return date.fromisoformat(first) if first else None, date.fromisoformat(last)
    except ValueError as error:
        raise Problem("unknown_question") from error


def passing(cases: Cases, name: str, value: str) -> Condition:
    """Open cases whose limit passes after the instant and by a day, `2026-12-18`.

    Or in some days, `2026-12-01..2026-12-03`; or by a day with those past already, `..2026-12-18`.
    """
    first, last = passing_days(value)
    if PASSING[name] == "closing":
        due, waits = cases.due, and_(cases.is_open, cases.on_clock)
    else:
        noticed = func.coalesce(cases.noticed_by(cases.at), false())
        due, waits = cases.acceptance_due, and_(cases.is_open, cases.unit_received_at.is_not(None), ~noticed)
    where = [waits, due <= literal(last_moment(last), schema.Moment)]
    if first:
        where.append(due >= literal(datetime.combine(first, time()), schema.Moment))
    if not value.startswith(".."):
        where.append(due > cases.at)
    return and_(*where)
