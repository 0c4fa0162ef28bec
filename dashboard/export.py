"""Lists as .xlsx files to hand out: real dates, frozen header, ready to print, filter and as-of time on top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any, Final

import pandas as pd
import xlsxwriter

from dashboard import cache
from dashboard.tables import COLUMNS, readable
from data_access import lists
from data_access.filters import CaseFilter
from data_access.lists import Question
from data_access.texts import text

FORBIDDEN: Final = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
LONGEST_NAME: Final = 31
WIDTHS: Final = {"case_no": 22, "lead_unit": 24, "category": 18, "status": 14}


def of_cases(case_filter: CaseFilter, question: Question, title: str, sentence: str, *, per_unit: bool) -> bytes:
    """The whole list behind a number as a workbook. It is read part by part and not remembered: it may be long."""
    database = cache.database()
    with database.reading() as connection:
        total = lists.case_list(connection, database, case_filter, question, limit=1).total
        parts = lists.every_case(connection, database, case_filter, question)
        return _book(parts, total, title, sentence, per_unit=per_unit)


def workbook(rows: pd.DataFrame, title: str, sentence: str, *, per_unit: bool) -> bytes:
    """The cases of `rows` as a workbook; with `per_unit` one sheet for each responsible unit.

    Every text is written as text, so that one that starts with = + - @ stays what it is.
    """
    return _book([rows], len(rows), title, sentence, per_unit=per_unit)


def _book(parts: Iterable[pd.DataFrame], total: int, title: str, sentence: str, *, per_unit: bool) -> bytes:
    file = BytesIO()
    # Rows go to a temporary file as they come.
    plainly = {"strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, {"constant_memory": True, **plainly})
    formats = {
        "title": book.add_format({"bold": True, "font_size": 16}),
        "sentence": book.add_format({"font_color": "#52606D"}),
        "head": book.add_format(
            {"bold": True, "bg_color": "#E3EEF6", "border": 1, "text_wrap": True, "valign": "vcenter"}
        ),
        "cell": book.add_format({"border": 1, "valign": "vcenter"}),
        "share": book.add_format({"border": 1, "num_format": "0%", "valign": "vcenter"}),
        "date": book.add_format({"border": 1, "num_format": "yyyy-mm-dd", "align": "center", "valign": "vcenter"}),
    }
    taken: set[str] = set()
    if per_unit and total:
        rows = pd.concat(parts, ignore_index=True)
        for name, part in _by_unit(rows, readable(rows)):
            _sheet(book.add_worksheet(_free_name(name, taken)), [part], len(part), name, sentence, formats)
    else:
        _sheet(book.add_worksheet(_free_name(title, taken)), map(readable, parts), total, title, sentence, formats)
    book.close()
    return file.getvalue()


def _by_unit(rows: pd.DataFrame, shown: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The cases of each responsible unit under its name; two units of one name stay apart."""
    units = rows["lead_unit_id"].fillna("")
    parts = [shown[units == unit] for unit in dict.fromkeys(units)]
    return [(part["lead_unit"].iloc[0] or text("export.no_unit"), part) for part in parts]


def _free_name(name: str, taken: set[str]) -> str:
    """A sheet name that Excel allows and that no other sheet has."""
    plain = name.translate(FORBIDDEN).strip()[:LONGEST_NAME] or text("export.no_unit")
    free, number = plain, 2
    while free.lower() in taken:
        free = f"{plain[: LONGEST_NAME - 4]} {number}"
        number += 1
    taken.add(free.lower())
    return free


def _sheet(
    sheet: Any, parts: Iterable[pd.DataFrame], total: int, title: str, sentence: str, formats: dict[str, Any]
) -> None:
    sheet.write_string(0, 0, text("export.title", title=title, n=total), formats["title"])
    sheet.write_string(1, 0, sentence, formats["sentence"])
    for column, name in enumerate(COLUMNS):
        sheet.write_string(2, column, text(f"column.{name}"), formats["head"])
        sheet.set_column(column, column, WIDTHS.get(name, 12))
    for line, row in enumerate(_rows(parts), start=3):
        for column, name in enumerate(COLUMNS):
            _write(sheet, line, column, getattr(row, name), formats)
    sheet.freeze_panes(3, 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(2)
    sheet.set_footer("&C&P / &N")
    if total:
        sheet.autofilter(2, 0, 2 + total, len(COLUMNS) - 1)


def _rows(parts: Iterable[pd.DataFrame]) -> Iterator[Any]:
    for part in parts:
        yield from part.itertuples(index=False)


def _write(sheet: Any, line: int, column: int, value: Any, formats: dict[str, Any]) -> None:
    if pd.isna(value):
        sheet.write_blank(line, column, None, formats["cell"])
    elif isinstance(value, pd.Timestamp):
        sheet.write_datetime(line, column, value.to_pydatetime(), formats["date"])
    elif isinstance(value, str):
        sheet.write_string(line, column, value, formats["cell"])
    elif isinstance(value, float):
        sheet.write_number(line, column, value, formats["share"])
    else:
        sheet.write_number(line, column, int(value), formats["cell"])
