"""What narrows the cases, one thing at a time: chips that drop it, and the group of a question to narrow to."""

from __future__ import annotations

from typing import Final

from dashboard import bound
from data_access.database import CaseDatabase
from data_access.filters import FIELDS, CaseFilter, period_words
from data_access.lists import Question
from data_access.texts import text

PARAMETERS: Final = ("period", "from", "to", "as_of", *FIELDS)
"""The parameters of the URL that make the filter."""
_PERIOD: Final = ("period", "from", "to")


def chips(case_filter: CaseFilter, database: CaseDatabase) -> dict[str, str]:
    """What narrows the cases, by the name to drop it by, in words."""
    found = {}
    if case_filter.preset == "custom":
        found["period"] = period_words(case_filter)
    for key in case_filter.narrowed:
        words = [FIELDS[key].words(value, database.names) for value in getattr(case_filter, key)]
        shown = text("common.comma").join(words[:3])
        found[key] = shown if len(words) <= 3 else text("filter.and_more", listed=shown, count=len(words))
    return found


def drop(name: str) -> None:
    """Take one chip away; only a callback may."""
    for each in _PERIOD if name == "period" else (name,):
        bound.store(each, "")


def of_question(asked: Question) -> dict[str, str]:
    """The parameters that narrow the filter to the group and days of a question, as far as they are filters."""
    found = {}
    for name, value in asked.at:
        key = "category" if name == "field" else name
        if key in FIELDS and value:
            found[key] = value
        start, _, end = value.partition("..")
        if name == "days" and start:
            found |= {"period": "custom", "from": start, "to": end}
    return found


def take(parameters: dict[str, str]) -> None:
    """Set these parameters and leave the others; only a callback may."""
    for name, code in parameters.items():
        bound.store(name, code)
