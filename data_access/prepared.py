"""The statutory clock worked out beforehand, in a copy of the data that is ours: an extract, or a demo on DuckDB.

Every statement would otherwise work out the deadline of every case again. The columns of `schema.PREPARED` are
added to `petition_case` of the copy and read instead of what they were made from (`state.Cases`), as long as the
settings are those they were made with (`database.prepared_for`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Dialect, case, false, func, or_, select
from sqlalchemy.schema import CreateTable

from data_access import schema
from data_access.database import CaseDatabase, prepared_for
from data_access.indicators import OUT_OF_ORDER
from data_access.state import BEGINNING, Cases

_FRESH: Final = "petition_case_prepared"


def _changed(database: CaseDatabase) -> list[str]:
    """Which cases events have changed, as conditions: by what each says itself, else by the events."""
    kinds = ("reopened", "reassigned")
    said = [f"last_{kind}_at IS NOT NULL" for kind in kinds if database.has(f"last_{kind}_at")]
    unsaid = ", ".join(f"'{kind}'" for kind in kinds if not database.has(f"last_{kind}_at"))
    if not unsaid or not database.has("case_event.case_id", "case_event.kind"):
        return said
    key = "case_id" if database.has("case_id") else "case_no"
    return [*said, f"{key} IN (SELECT case_id FROM case_event WHERE kind IN ({unsaid}))"]  # noqa: S608


def _write_past(target: Any, cases: Cases, dialect: Dialect) -> None:
    """What events say of the past, as tables: every statement that asks would otherwise work it out again."""
    for table, rows in ((schema.former_unit, cases.former_units), (schema.undone_closing, cases.undone_closings)):
        target.execute(str(CreateTable(table).compile(dialect=dialect)))
        if rows is not None:
            found = select(rows).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
            target.execute(f"INSERT INTO {table.name} {found}")


def prepare(target: Any, database: CaseDatabase, dialect: Dialect) -> None:
    """Add the prepared columns to the cases that DuckDB's connection `target` has just written, oldest first.

    `database`: where they come from, which knows what its cases leave to be computed.
    """
    # In the copy all moments are plain ones.
    copy = replace(database, dates_only=frozenset(), zoned=frozenset(), prepared=False, empty=frozenset())
    cases = Cases(copy, BEGINNING, BEGINNING, as_recorded=True)
    out_of_order = {moment: rule(cases) for moment, rule in OUT_OF_ORDER.items()}
    made: dict[str, ColumnElement[Any]] = {
        "prepared_first_due": cases.first_due,
        "prepared_final_due": cases.final_due,
        "prepared_left_at": cases.left_at,
        "prepared_forwarding_due": cases.forwarding_due,
        "prepared_acceptance_due": cases.acceptance_due,
        "prepared_office_rating_due": cases.office_rating_due,
        "prepared_unit_rating_due": cases.unit_rating_due,
        "prepared_forwarded_at": func.least(*cases.ways_forward),
        "prepared_noticed_at": func.least(*cases.ways_of_notice),
        "prepared_on_clock": cases.has_clock,
        "prepared_accusation": cases.is_accusation,
        "prepared_outside": cases.is_outside,
        "prepared_out_of_order": func.coalesce(or_(*out_of_order.values()), false()),
    }
    assert made.keys() == {column.name for column in schema.PREPARED}
    kept = [column for column in schema.petition_case.columns if f"petition_case.{column.name}" in database.columns]
    rows = select(*kept, *(column.label(name) for name, column in made.items())).order_by(cases.registered_at)
    statement = rows.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    target.execute(f"CREATE TABLE {_FRESH} AS {statement}")
    target.execute("DROP TABLE petition_case")
    target.execute(f"ALTER TABLE {_FRESH} RENAME TO petition_case")
    apart = ["prepared_out_of_order", *_changed(database)]
    having = {"apart": " OR ".join(apart)}
    for part in schema.PARTS[1:]:
        is_kept = database.has(f"{part}.case_id")
        having[part] = f"case_id IN (SELECT case_id FROM {part})" if is_kept else "false"  # noqa: S608
    for part, condition in having.items():
        target.execute(f"CREATE TABLE prepared_{part} AS SELECT * FROM petition_case WHERE {condition}")  # noqa: S608
    _write_past(target, replace(cases, as_recorded=False), dialect)
    found = select(*(func.count(case((rule, 1))) for rule in out_of_order.values()))
    counts = target.execute(str(found.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))).fetchone()
    there = [moment for moment, n in zip(out_of_order, counts, strict=True) if n]
    target.execute("UPDATE contract SET prepared_for = ?", [" ".join((prepared_for(database.settings), *there))])
