"""What engines write differently: days and sums of days. The only place for dialects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    Boolean,
    Date,
    DateTime,
    FromClause,
    Integer,
    Select,
    String,
    any_,
    cast,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from data_access.schema import Moment


class day_of(FunctionElement[date]):
    """The day of a moment."""

    type = Date()
    inherit_cache = True


class day_number(FunctionElement[int]):
    """Days from 1 January 2000 to the day of a moment."""

    type = Integer()
    inherit_cache = True


class month_number(FunctionElement[int]):
    """The calendar month of a moment, as year * 12 + month - 1."""

    type = Integer()
    inherit_cache = True


class end_of_day(FunctionElement[Any]):
    """`end_of_day(moment, days)`: the last second of the day `days` (a whole number) later."""

    type = Moment
    inherit_cache = True


class start_of_day(FunctionElement[Any]):
    """The first moment of a column that holds dates only."""

    type = Moment
    inherit_cache = True


class likely(FunctionElement[bool]):
    """A condition, said to hold for most rows: SQLite takes few for granted, and then joins without an index."""

    type = Boolean()
    inherit_cache = True


class _written_well(FunctionElement[bool]):
    """Whether a text is written as a pattern of digits. Only SQLite keeps moments as text."""

    type = Boolean()
    inherit_cache = True


class local_moment(FunctionElement[Any]):
    """A column with a zone as a moment in the session's time zone, without zone."""

    type = Moment
    inherit_cache = True


def _parts(element: FunctionElement[Any], compiler: Any, kw: dict[str, Any]) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


@compiles(day_of)
def _day_of(element: day_of, compiler: Any, **kw: Any) -> str:
    return f"CAST({_parts(element, compiler, kw)[0]} AS DATE)"


@compiles(day_of, "sqlite")
def _day_of_sqlite(element: day_of, compiler: Any, **kw: Any) -> str:
    return f"substr({_parts(element, compiler, kw)[0]}, 1, 10)"


@compiles(day_of, "mysql", "mariadb")
def _day_of_mysql(element: day_of, compiler: Any, **kw: Any) -> str:
    return f"DATE({_parts(element, compiler, kw)[0]})"


@compiles(day_number)
def _day_number(element: day_number, compiler: Any, **kw: Any) -> str:
    return f"(CAST({_parts(element, compiler, kw)[0]} AS DATE) - DATE '2000-01-01')"


@compiles(day_number, "sqlite")
def _day_number_sqlite(element: day_number, compiler: Any, **kw: Any) -> str:
    return f"CAST(julianday(date({_parts(element, compiler, kw)[0]})) - julianday('2000-01-01') AS INTEGER)"


@compiles(day_number, "mysql", "mariadb")
def _day_number_mysql(element: day_number, compiler: Any, **kw: Any) -> str:
    return f"DATEDIFF({_parts(element, compiler, kw)[0]}, '2000-01-01')"


@compiles(month_number)
def _month_number(element: month_number, compiler: Any, **kw: Any) -> str:
    (moment,) = _parts(element, compiler, kw)
    return f"CAST(date_part('year', {moment}) * 12 + date_part('month', {moment}) - 1 AS INTEGER)"


@compiles(month_number, "sqlite")
def _month_number_sqlite(element: month_number, compiler: Any, **kw: Any) -> str:
    (moment,) = _parts(element, compiler, kw)
    return f"(CAST(substr({moment}, 1, 4) AS INTEGER) * 12 + CAST(substr({moment}, 6, 2) AS INTEGER) - 1)"


@compiles(month_number, "mysql", "mariadb")
def _month_number_mysql(element: month_number, compiler: Any, **kw: Any) -> str:
    (moment,) = _parts(element, compiler, kw)
    return f"(YEAR({moment}) * 12 + MONTH({moment}) - 1)"


@compiles(end_of_day)
def _end_of_day(element: end_of_day, compiler: Any, **kw: Any) -> str:
    moment, days = _parts(element, compiler, kw)
    return f"(CAST({moment} AS DATE) + ({days} + 1) * INTERVAL '1 day' - INTERVAL '1 second')"


@compiles(end_of_day, "sqlite")
def _end_of_day_sqlite(element: end_of_day, compiler: Any, **kw: Any) -> str:
    moment, days = _parts(element, compiler, kw)
    return f"(date({moment}, ({days}) || ' days') || ' 23:59:59')"


@compiles(end_of_day, "mysql", "mariadb")
def _end_of_day_mysql(element: end_of_day, compiler: Any, **kw: Any) -> str:
    moment, days = _parts(element, compiler, kw)
    return f"DATE_SUB(DATE_ADD(DATE({moment}), INTERVAL ({days}) + 1 DAY), INTERVAL 1 SECOND)"


@compiles(start_of_day)
def _start_of_day(element: start_of_day, compiler: Any, **kw: Any) -> str:
    return f"CAST({_parts(element, compiler, kw)[0]} AS TIMESTAMP)"


@compiles(start_of_day, "sqlite")
def _start_of_day_sqlite(element: start_of_day, compiler: Any, **kw: Any) -> str:
    return f"({_parts(element, compiler, kw)[0]} || ' 00:00:00')"


@compiles(start_of_day, "mysql", "mariadb")
def _start_of_day_mysql(element: start_of_day, compiler: Any, **kw: Any) -> str:
    return f"CAST({_parts(element, compiler, kw)[0]} AS DATETIME)"


@compiles(likely)
def _likely(element: likely, compiler: Any, **kw: Any) -> str:
    return _parts(element, compiler, kw)[0]


@compiles(likely, "sqlite")
def _likely_sqlite(element: likely, compiler: Any, **kw: Any) -> str:
    return f"likely({_parts(element, compiler, kw)[0]})"


@compiles(_written_well, "sqlite")
def _is_written_well_sqlite(element: _written_well, compiler: Any, **kw: Any) -> str:
    written, pattern = _parts(element, compiler, kw)
    return f"({written} GLOB {pattern} AND julianday({written}) IS NOT NULL)"


@compiles(local_moment)
def _local_moment(element: local_moment, compiler: Any, **kw: Any) -> str:
    return f"CAST({_parts(element, compiler, kw)[0]} AS TIMESTAMP)"


@compiles(CreateIndex, "mysql")
def _create_index_mysql(create: Any, compiler: Any, **kw: Any) -> str:
    """MySQL takes no more than 16 columns in an index, MariaDB 32: the first ones find the rows, the rest only spare
    a look at the table."""
    index, quote = create.element, compiler.preparer
    columns = ", ".join(quote.quote(column.name) for column in list(index.columns)[:16])
    unique = "UNIQUE " if index.unique else ""
    return f"CREATE {unique}INDEX {quote.quote(index.name)} ON {quote.format_table(index.table)} ({columns})"


def rows_of(dialect: str, name: str, columns: Mapping[str, Any], rows: Sequence[Sequence[Any]]) -> FromClause:
    """`rows` as a small table to join with: as an array a column where an engine can take them so, so that the
    statement is the same however many rows there are."""
    if dialect in ("duckdb", "postgresql"):
        arrays = zip(columns.items(), zip(*rows, strict=True), strict=True)
        of_column = [
            func.unnest(cast(list(each), ARRAY(kind)), type_=kind).label(column) for (column, kind), each in arrays
        ]
        return select(*of_column).subquery(name)
    named = [
        select(*(literal(value, kind).label(each) for value, (each, kind) in zip(row, columns.items(), strict=True)))
        for row in rows
    ]
    return union_all(*named).subquery(name)


def one_of(dialect: str, key: ColumnElement[Any], keys: Sequence[str]) -> ColumnElement[bool]:
    """Whether `key` is one of many `keys`, handed over as one value where an engine can take them so."""
    if dialect == "sqlite":
        each = func.json_each(json.dumps(keys)).table_valued("value", name="of_these")
        return key.in_(select(each.c.value))
    if dialect == "postgresql":
        return key == any_(literal(list(keys), ARRAY(String)))
    if dialect == "duckdb":
        return key.in_(select(func.unnest(cast(list(keys), ARRAY(String)), type_=String())))
    return key.in_(keys)


def once(rows: Select[Any], name: str) -> CTE:
    """`rows`, found before all else: planners would rather join first what they should look up first."""
    found = rows.cte(name)
    for dialect in ("sqlite", "postgresql"):
        found = found.prefix_with("MATERIALIZED", dialect=dialect)
    return found


def holds_dates_only(column_type: Any, sample: list[object]) -> bool:
    """Whether a column holds dates only: by its type, or by every value of `sample` being ten characters."""
    if isinstance(column_type, DateTime):
        texts = [value for value in sample if isinstance(value, str)]
        return bool(texts) and all(len(value) == 10 for value in texts)
    if isinstance(column_type, Date):
        return True
    texts = [str(value) for value in sample]
    return bool(texts) and all(len(value) == 10 for value in texts)


def plain(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """`expression` as plain text, without the conversion that its type would make on reading."""
    return type_coerce(expression, String)


def written_well(written: ColumnElement[Any], *, day: bool) -> ColumnElement[bool]:
    """Whether a text is a date (`2026-11-24`) or a moment (`2026-11-24 09:30:00`) of the calendar. For SQLite."""
    two = "[0-9][0-9]"
    pattern = f"{two}{two}-{two}-{two}" + ("" if day else f" {two}:{two}:{two}")
    return _written_well(written, literal(pattern))
