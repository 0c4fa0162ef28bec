"""Sheets of a meeting's decisions: what is read, what is refused and why, and that importing again repeats nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import engines
import pytest
import xlsxwriter
from handmade import make_file
from typer.testing import CliRunner

from data_access import settings, since
from data_access.__main__ import app
from data_access.database import open_database
from data_access.decisions import DecisionReport, import_decisions
from data_access.filters import county
from data_access.problems import Problem

MET = dt.date(2026, 11, 18)
HEAD = ["序号", "议定事项", "责任单位", "责任人", "完成时限", "完成时间", "完成情况"]
ROWS: list[list[Any]] = [
    [1, "逐件过一遍超期信访件", "住房和城乡建设局", "张三", "2026-12-02", "", "进行中"],
    [2, "积案逐件明确化解方案", "住建局、白石镇", "李四", "2026年12月9日", "2026.11.23", "已完成"],
    [3, "通报全县", "", "", "", "", ""],
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return make_file(
        tmp_path,
        unit=[{"unit_id": "D01", "name": "住房和城乡建设局"}, {"unit_id": "T05", "name": "白石镇"}],
        unit_alias=[{"alias": "住建局", "unit_id": "D01"}],
        petition_case=[{"case_no": "1", "registered_at": "2026-01-01", "lead_unit_id": "D01", "due_at": "2026-03-01"}],
    )


def sheet(folder: Path, rows: list[list[Any]], head: list[str] = HEAD, title: str = "") -> Path:
    """A workbook of one sheet, with a title over its header."""
    file = folder / "decisions.xlsx"
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet("议定事项")
        for number, row in enumerate([[title or "县信访工作联席会议议定事项"], head, *rows]):
            page.write_row(number, 0, row)
    return file


def load(file: Path, url: str, **options: Any) -> DecisionReport:
    return import_decisions(file, url, settings.load(), **{"meeting": MET, **options})


def stored(url: str) -> dict[str, tuple[Any, ...]]:
    with open_database(url, settings.load()).reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT item, date(meeting_on), unit_id, due_at, done_at, result FROM meeting_decision"
        ).all()
    assert len({row[0] for row in rows}) == len(rows), "an item is there once"
    return {row[0]: tuple(row[1:]) for row in rows}


def test_a_sheet_of_decisions_is_read(url: str, tmp_path: Path) -> None:
    report = load(sheet(tmp_path, ROWS), url)
    assert (report.inserted, report.updated, report.unchanged, report.rejected) == (3, 0, 0, [])
    found = {item: [str(value)[:19] if value else None for value in row] for item, row in stored(url).items()}
    assert found == {
        "逐件过一遍超期信访件": ["2026-11-18", "D01", "2026-12-02 23:59:59", None, "under_way"],
        "积案逐件明确化解方案": ["2026-11-18", "D01", "2026-12-09 23:59:59", "2026-11-23 00:00:00", "done"],
        "通报全县": ["2026-11-18", None, None, None, None],
    }
    assert report.dropped == ["责任人"]
    database = open_database(url, settings.load())
    with database.reading() as connection:
        shown = since.decisions(connection, database, county(dt.date(2026, 11, 24), database.settings.period))
    assert shown and shown.meeting == MET
    assert sorted(shown.rows["state"]) == ["done", "running", "running"]


def test_names_of_persons_are_not_stored(url: str, tmp_path: Path) -> None:
    load(sheet(tmp_path, ROWS), url)
    content = repr([engines.rows_of(url, f"SELECT * FROM {table}") for table in engines.tables_of(url)])
    assert "白石镇" in content
    assert "张三" not in content and "李四" not in content


def test_importing_again_updates_and_repeats_nothing(url: str, tmp_path: Path) -> None:
    load(sheet(tmp_path, ROWS), url)
    assert (again := load(sheet(tmp_path, ROWS), url)).unchanged == 3 and not again.inserted
    later = [[*ROWS[0][:4], "2026-12-10", "2026-12-08", "完成"], ROWS[1]]
    report = load(sheet(tmp_path, later), url)
    assert (report.inserted, report.updated, report.unchanged, report.only_in_database) == (0, 1, 1, 1)
    found = stored(url)
    assert len(found) == 3
    assert str(found["逐件过一遍超期信访件"][2]).startswith("2026-12-10 23:59:59")
    assert found["逐件过一遍超期信访件"][4] == "done"


def test_decisions_that_a_system_wrote_are_updated_not_repeated(tmp_path: Path) -> None:
    known = {"decision_id": "M1", "meeting_on": "2026-11-18", "item": ROWS[0][1], "unit_id": "D01"}
    url = make_file(tmp_path, unit=[{"unit_id": "D01", "name": "住房和城乡建设局"}], meeting_decision=[known])
    report = load(sheet(tmp_path, ROWS[:1]), url)
    assert (report.inserted, report.updated) == (0, 1)
    assert len(stored(url)) == 1


def test_rows_that_cannot_be_taken_are_named(url: str, tmp_path: Path) -> None:
    rows = [
        [1, "", "白石镇", "", "2026-12-02", "", ""],
        [2, "请联系13912345678办理", "白石镇", "", "2026-12-02", "", ""],
        [3, "一" * 121, "白石镇", "", "2026-12-02", "", ""],
        [4, "督办", "月球管理局", "", "2026-12-02", "", ""],
        [5, "通报", "白石镇", "", "月底前", "", "差不多了"],
        [6, "通报", "白石镇", "", "2026-12-02", "", ""],
        ["合计", "", "", "", "", "", ""],
    ]
    report = load(sheet(tmp_path, rows), url)
    assert [(each.row, each.reason) for each in report.rejected] == [
        (3, "no_item"),
        (4, "personal"),
        (5, "too_long"),
        (6, "unknown_unit"),
        (8, "repeated"),
    ]
    assert [each.reason for each in report.unreadable] == ["unread_due_at", "unread_result"]
    assert list(stored(url)) == ["通报"]
    said = "\n".join(report.sentences())
    assert "月球管理局" in said and "13912345678" not in said


def test_the_day_of_the_meeting_may_stand_in_the_sheet(url: str, tmp_path: Path) -> None:
    head, rows = ["事项", "责任单位", "会议日期"], [["甲", "白石镇", "2026-10-19"], ["乙", "白石镇", ""]]
    report = load(sheet(tmp_path, rows, head), url, meeting=None)
    assert [each.reason for each in report.rejected] == ["no_meeting"]
    assert {item: str(row[0]) for item, row in stored(url).items()} == {"甲": "2026-10-19"}


def test_a_dry_run_changes_nothing(url: str, tmp_path: Path) -> None:
    assert load(sheet(tmp_path, ROWS), url, dry_run=True).inserted == 3
    assert stored(url) == {}


def test_files_and_databases_that_cannot_be_used(url: str, demo_url: str, tmp_path: Path) -> None:
    for file, target, key in (
        (sheet(tmp_path, [], ["信访件编号", "责任单位"]), url, "decisions_no_header"),
        (tmp_path / "nothing.xlsx", url, "ledger_missing"),
    ):
        with pytest.raises(Problem) as problem:
            load(file, target)
        assert problem.value.key == key
    with pytest.raises(Problem) as problem:
        load(sheet(tmp_path, ROWS), demo_url)
    assert problem.value.key == "import_into_demo"


def test_the_command(url: str, tmp_path: Path) -> None:
    file = str(sheet(tmp_path, ROWS))
    run = CliRunner()
    done = run.invoke(app, ["import", file, "--decisions", "--meeting", "2026-11-18", "--url", url])
    assert done.exit_code == 0, done.output
    assert "3" in done.stdout and "责任人" in done.stdout
    undated = run.invoke(app, ["import", file, "--decisions", "--url", url])
    assert undated.exit_code == 1
    for wrong in (["--meeting", "2026-11-18"], ["--decisions", "--mapping", "m.toml"]):
        assert run.invoke(app, ["import", file, "--url", url, *wrong]).exit_code == 2
