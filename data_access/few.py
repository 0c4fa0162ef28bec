"""Cases out of the ordinary, known by their keys for as long as the data stay the same.

A rule that no index answers, such as "extended after the deadline", would have each statement read the whole
table for a handful of cases. They are looked for once with each state of the data.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import select

from data_access.database import CaseDatabase
from data_access.dialect import one_of
from data_access.indicator import Rule
from data_access.state import BEGINNING, Cases, Condition

MOST: Final = 5_000
"""More of them than this are not few: then the rule itself is asked."""
_KNOWN: Final[WeakKeyDictionary[CaseDatabase, dict[Rule, tuple[str, ...] | None]]] = WeakKeyDictionary()


def few(database: CaseDatabase, rule: Rule) -> tuple[str, ...] | None:
    """The keys of the cases that meet `rule` as recorded; None where they are not few, or need not be known.

    DuckDB reads the columns of a rule sooner than it finds keys; numbers that are no keys may be those of others.
    """
    if database.engine.dialect.name == "duckdb" or not database.has("case_id"):
        return None
    known = _KNOWN.setdefault(database, {})
    if rule not in known:
        cases = Cases(database, BEGINNING, BEGINNING, as_recorded=True)
        statement = select(cases.case_id).select_from(cases.columns.source).where(rule(cases)).limit(MOST + 1)
        with database.reading() as connection:
            keys = tuple(connection.scalars(statement))
        known[rule] = keys if len(keys) <= MOST else None
    return known[rule]


def are_few(cases: Cases, rule: Rule) -> Condition:
    """The cases that meet `rule`, in a way that an index can find where they are few."""
    keys = few(cases.database, rule)
    if keys is None:
        return rule(cases)
    return one_of(cases.database.engine.dialect.name, cases.case_id, keys) & rule(cases)
