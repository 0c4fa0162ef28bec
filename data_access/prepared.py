"""The statutory clock worked out beforehand, in a copy of the data that is ours: an extract, or a demo on DuckDB.

Every statement would otherwise work out the deadline of every case again. The columns of `schema.PREPARED` are
added to `petition_case` of the copy and read instead of what they were made from (`state.Cases`), as long as the
settings are those they were made with (`database.prepared_for`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Dialect, case, cast, false, func, null, or_, select
from sqlalchemy.schema import CreateTable

from data_access import schema
from data_access.database import CaseDatabase, prepared_for
from data_access.indicators import OUT_OF_ORDER
from data_access.state import BEGINNING, Cases

_FRESH: Final = "petition_case_prepared"
_AGAIN: Final = {
    "listing": (("case_id", "kind"), "listed_at"),
    "reminder_slip": (("case_id",), "issued_at"),
}
"""Tables in which an entry may be one of several of the same sort, and the moment that says which came first."""


def _key(database: CaseDatabase) -> str:
    return "case_id" if database.has("case_id") else "case_no"


def _changed(database: CaseDatabase) -> list[str]:
    """Which cases events have changed, as conditions: by what each says itself, else by the events."""
    kinds = ("reopened", "reassigned")
    said = [f"last_{kind}_at IS NOT NULL" for kind in kinds if database.has(f"last_{kind}_at")]
    unsaid = ", ".join(f"'{kind}'" for kind in kinds if not database.has(f"last_{kind}_at"))
    if not unsaid or not database.has("case_event.case_id", "case_event.kind"):
        return said
    return [*said, f"{_key(database)} IN (SELECT case_id FROM case_event WHERE kind IN ({unsaid}))"]  # noqa: S608


def _write_past(target: Any, cases: Cases, dialect: Dialect) -> None:
    """What events say of the past, as tables: every statement that asks would otherwise work it out again."""
    for table, rows in ((schema.former_unit, cases.former_units), (schema.undone_closing, cases.undone_closings)):
        target.execute(str(CreateTable(table).compile(dialect=dialect)))
        if rows is not None:
            found = select(rows).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
            target.execute(f"INSERT INTO {table.name} {found}")


def _write_entries(target: Any, table: str, database: CaseDatabase) -> None:
    """Each entry of a table beside its case, oldest case first."""
    every = schema.prepared_parts[f"prepared_{table}"]
    kept = [name for name in schema.metadata.tables[table].columns.keys() if f"{table}.{name}" in database.columns]  # noqa: SIM118
    if "case_id" not in kept:
        target.execute(f"CREATE TABLE {every.name} AS SELECT * FROM petition_case WHERE false")  # noqa: S608
        return
    entry = [f"entry.{name} AS {schema.ENTRY}{name}" for name in kept]
    same, moment = _AGAIN.get(table, ((), ""))
    again = "NULL::BOOLEAN"
    if moment in kept:
        such = ", ".join(f"entry.{name}" for name in same)
        again = f"coalesce(entry.{moment} > min(entry.{moment}) OVER (PARTITION BY {such}), false)"
    target.execute(
        f"CREATE TABLE {every.name} AS SELECT petition_case.*, {', '.join(entry)}, {again} AS {schema.ENTRY}again "  # noqa: S608
        f"FROM petition_case JOIN {table} AS entry ON entry.case_id = petition_case.{_key(database)} "
        "ORDER BY registered_at"
    )


def _first(cases: Cases, table: str, moment: str, **only: str) -> ColumnElement[Any]:
    """The first moment of a case's entries in a table."""
    if not cases.database.has(f"{table}.case_id", f"{table}.{moment}", *(f"{table}.{name}" for name in only)):
        return cast(null(), schema.Moment)
    entry = cases.database.read(table)
    of_case = [entry.case_id == cases.case_id, *(getattr(entry, name) == value for name, value in only.items())]
    return select(func.min(getattr(entry, moment))).where(*of_case).scalar_subquery()


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
        "prepared_closed_at": cases.recorded_closing,
        "prepared_left_at": cases.left_at,
        "prepared_forwarding_due": cases.forwarding_due,
        "prepared_acceptance_due": cases.acceptance_due,
        "prepared_office_rating_due": cases.office_rating_due,
        "prepared_unit_rating_due": cases.unit_rating_due,
        "prepared_forwarded_at": func.least(*cases.ways_forward),
        "prepared_noticed_at": func.least(*cases.ways_of_notice),
        "prepared_office_satisfied": cases.is_satisfied("office"),
        "prepared_unit_satisfied": cases.is_satisfied("unit"),
        "prepared_on_clock": cases.has_clock,
        "prepared_accusation": cases.is_accusation,
        "prepared_outside": cases.is_outside,
        "prepared_first_instructed_at": _first(cases, "instruction", "issued_at"),
        "prepared_first_supervised_at": _first(cases, "listing", "listed_at", kind="supervised"),
        "prepared_first_slip_at": _first(cases, "reminder_slip", "issued_at"),
        "prepared_out_of_order": func.coalesce(or_(*out_of_order.values()), false()),
    }
    assert made.keys() == {column.name for column in schema.PREPARED}
    kept = [column for column in schema.petition_case.columns if f"petition_case.{column.name}" in database.columns]
    rows = select(*kept, *(column.label(name) for name, column in made.items())).order_by(cases.registered_at)
    statement = rows.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    target.execute(f"CREATE TABLE {_FRESH} AS {statement}")
    target.execute("DROP TABLE petition_case")
    target.execute(f"ALTER TABLE {_FRESH} RENAME TO petition_case")
    apart = " OR ".join(["prepared_out_of_order", *_changed(database)])
    target.execute(f"CREATE TABLE prepared_apart AS SELECT * FROM petition_case WHERE {apart}")  # noqa: S608
    for table in schema.ENTRIES:
        _write_entries(target, table.name, copy)
    _write_past(target, replace(cases, as_recorded=False), dialect)
    found = select(*(func.count(case((rule, 1))) for rule in out_of_order.values()))
    counts = target.execute(str(found.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))).fetchone()
    there = [moment for moment, n in zip(out_of_order, counts, strict=True) if n]
    target.execute("UPDATE contract SET prepared_for = ?", [" ".join((prepared_for(database.settings), *there))])
