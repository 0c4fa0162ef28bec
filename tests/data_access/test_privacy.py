"""What is private in a ledger stays out of the database and of all that is read from it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import engines
import openpyxl
import pandas as pd
import pytest
from handmade import make_file, seen

from dashboard.unit_tables import RANKED
from data_access import check, lists, queries, settings, texts, views
from data_access.database import CaseDatabase, open_database
from data_access.dimensions import DIMENSIONS
from data_access.engine import parsed
from data_access.filters import sentence
from data_access.indicators import INDICATORS
from data_access.ledger import import_ledger
from data_access.lists import Question

# One invented value of each kind; none of them may be found again.
PRIVATE = {
    "姓名": "欧阳无此人",
    "信访人姓名": "司徒甲乙",
    "手机号码": "13700001234",
    "联系电话": "0855-7654321",
    "身份证号": "522601198812345678",
    "住址": "梧桐巷97号",
    "户籍地址": "芭蕉寨十一组",
    "电子邮箱": "nobody@example.com",
    "标题": "反映邻居占用通道",
    "概况": "称其门前道路被堵三年",
    "主要诉求": "要求恢复原状并赔偿",
    "办理情况": "已与当事人面谈两次",
    "备注": "情绪激动需安抚",
    "登记人": "诸葛某某",
    "经办人": "公孙某某",
}
# Written where something else belongs: each of these columns is read, and the value is a private one.
MISPLACED = {
    "信访形式": "来电13700001234",
    "内容分类": "占道13700001234",
    "问题属地": "梧桐巷97号",
    "办理方式": "电话13700001234转送",
    "满意度": "13700001234满意",
    "包案领导": "皇甫副县长",
    "登记时间": "欧阳无此人2026-01-05",
}
READ = ("信访件编号", "登记时间", "受理时间", "办理期限", "办结时间", "责任单位")
PLAIN = {"内容分类": "城乡建设", "问题属地": "清河镇", "信访形式": "来访", "信访目的": "申诉求决"}
SECRETS = (*PRIVATE.values(), *MISPLACED.values(), "欧阳", "13700001234", "梧桐", "皇甫", "7654321", "example.com")


def rows() -> list[dict[str, str]]:
    """Four good rows, one for each value in the wrong column, one without number, two that contradict each other."""
    good = [
        {"信访件编号": f"K{n}", "登记时间": f"2026-01-0{n}", "受理时间": f"2026-01-1{n}", "办理期限": f"2026-03-1{n}",
         "办结时间": f"2026-0{n}-20" if n > 2 else "", "责任单位": "住建局" if n % 2 else "教育局"}
        for n in range(1, 5)
    ]  # fmt: skip
    wrong = [good[0] | {"信访件编号": f"W{n}", column: value} for n, (column, value) in enumerate(MISPLACED.items())]
    rest = [good[0] | {"信访件编号": ""}, good[1] | {"办结时间": "2026-02-01"}]
    return [PLAIN | PRIVATE | row for row in (*good, *wrong, *rest)]


@dataclass(frozen=True)
class Imported:
    """A ledger, loaded."""

    database: CaseDatabase
    told: str  # everything the import said, in both languages, and its report file


@pytest.fixture(scope="module", params=["csv", "xlsx"])
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp("ledger")
    header = list(dict.fromkeys((*READ, *PLAIN, *MISPLACED, *PRIVATE)))
    table = [header, *([row.get(name, "") for name in header] for row in rows())]
    file = folder / f"台账.{request.param}"
    if request.param == "csv":
        content = io.StringIO()
        csv.writer(content).writerows(table)
        file.write_text(content.getvalue(), encoding="utf-8")
    else:
        book = openpyxl.Workbook()
        for line in table:
            book.active.append(line)
        book.save(file)
    url = engines.fresh_url(folder)
    report = import_ledger(file, url, settings.load())
    told = [repr(report)]
    for language in texts.LANGUAGES:
        texts.use(language)
        told += report.sentences()
    assert report.report_file
    told.append(report.report_file.read_text(encoding="utf-8-sig"))
    assert report.inserted == 4 + len(MISPLACED) - 1  # without a moment of registration a case cannot be stored
    return Imported(open_database(url, settings.load()), "\n".join(told))


def found_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def everything(url: str) -> str:
    """Every value of every table, and the bytes of a file as far as they are text."""
    values = [repr(row) for name in engines.tables_of(url) for row in engines.rows_of(url, f"SELECT * FROM {name}")]
    file = parsed(url).database if engines.chosen in ("sqlite", "duckdb") else None
    return "\n".join(values) + (Path(file).read_bytes().decode("utf-8", errors="ignore") if file else "")


def deeply(value: Any) -> str:
    """All that a table or a view holds, as text."""
    if isinstance(value, pd.DataFrame | pd.Series):
        return str(value.to_csv())
    if hasattr(value, "__dataclass_fields__"):
        return "\n".join(deeply(getattr(value, each.name)) for each in fields(value))
    if isinstance(value, dict):
        return "\n".join(f"{key}: {deeply(each)}" for key, each in value.items())
    return repr(value)


def test_the_search_for_secrets_finds_them() -> None:
    assert found_in("…13700001234…") and found_in(deeply({"a": pd.DataFrame({"x": ["梧桐巷97号"]})}))


def test_nothing_private_is_in_the_database(imported: Imported) -> None:
    held = everything(imported.database.url)
    assert "K1" in held and "住建局" in held
    assert found_in(held) == []


def test_nothing_private_is_in_what_the_import_says(imported: Imported) -> None:
    assert "K2" in imported.told
    assert found_in(imported.told) == []


def test_nothing_private_is_in_a_list_or_a_story(imported: Imported) -> None:
    database = imported.database
    with database.reading() as connection:
        page = lists.case_list(connection, database, seen("2026-11-24"), Question(), limit=None)
        stories = [
            lists.case_story(connection, database, seen("2026-11-24"), number) for number in page.rows["case_no"]
        ]
    assert page.total == 4 + len(MISPLACED) - 1
    assert found_in(deeply(page)) == []
    assert found_in("\n".join(deeply(story) for story in stories)) == []


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_nothing_private_is_in_a_view_or_a_sentence(imported: Imported, language: str) -> None:
    texts.use(language)
    database, case_filter = imported.database, seen("2026-11-24", "2026-01-01", unit=("住建局",))
    shown = [sentence(case_filter, database.names), deeply(database.names)]
    with database.reading() as connection:
        for view in (views.overview, views.trends, views.overdue, views.resolution, views.departments):
            shown.append(deeply(view(connection, database, seen("2026-11-24", "2026-01-01"))))
    shown += [repr(finding) for finding in check.findings(database, datetime(2026, 11, 24))]
    assert len("".join(shown)) > 2000
    assert found_in("\n".join(shown)) == []


@pytest.mark.parametrize("search", ["欧阳", "欧阳无此人", "13700001234", "522601198812345678", "梧桐巷97号"])
def test_a_person_cannot_be_searched_for(imported: Imported, search: str) -> None:
    with imported.database.reading() as connection:
        page = lists.case_list(connection, imported.database, seen("2026-11-24"), Question(), search=search)
    assert (page.total, len(page.rows)) == (0, 0)


def test_columns_beyond_the_contract_are_never_read(tmp_path: Path) -> None:
    """A source may hold names beside the contract's columns: they reach no list, no story, no view."""
    url = make_file(
        tmp_path,
        unit=[{"unit_id": "A", "name": "甲局", "kind": "department"}],
        petition_case=[{"case_no": "1", "registered_at": "2026-01-05", "lead_unit_id": "A", "due_at": "2026-03-06"}],
    )
    for column, value in (("xm", "欧阳无此人"), ("phone", "13700001234"), ("summary", "称其门前道路被堵三年")):
        engines.written(
            url,
            f"ALTER TABLE petition_case ADD COLUMN {column} TEXT",
            f"UPDATE petition_case SET {column} = '{value}'",
        )
    database = open_database(url, settings.load())
    assert not {name for name in database.columns if name.split(".")[1] in ("xm", "phone", "summary")}
    with database.reading() as connection:
        shown = deeply(lists.case_list(connection, database, seen("2026-11-24"), Question()))
        shown += deeply(lists.case_story(connection, database, seen("2026-11-24"), "1"))
        for view in (views.overview, views.trends, views.overdue, views.resolution, views.departments):
            shown += deeply(view(connection, database, seen("2026-11-24", "2026-01-01")))
    assert found_in(shown) == []
    database.engine.dispose()


# Units are measured, people are not


def test_only_rates_with_a_better_end_may_be_ranked() -> None:
    assert RANKED
    for key in RANKED:
        assert INDICATORS[key].is_rate, key
        assert INDICATORS[key].better is not None, key


def test_volume_has_no_better_end_and_is_never_ranked() -> None:
    volumes = {"registered", "closed", "open", "repeat_share", "collective_share"}
    assert {INDICATORS[key].better for key in volumes} == {None}
    assert not volumes & set(RANKED)
    assert not {key for key, each in INDICATORS.items() if each.better is None} & set(RANKED)


def test_nothing_is_grouped_by_person_or_by_place_below_the_township() -> None:
    """A post is an office, never who holds it; `age` is the case's."""
    assert set(DIMENSIONS) == {
        *("unit", "kind", "township", "category", "field", "functional", "channel", "level", "repeat", "group"),
        *("handling", "track", "disposition", "task_force", "post", "assigned", "batch", "instructed", "item", "age"),
        *("stage", "left_out"),
    }


def test_accusations_are_in_county_totals_only(tmp_path: Path) -> None:
    case = {"registered_at": "2026-01-05", "lead_unit_id": "A", "due_at": "2026-03-06", "channel": "visit"}
    secret = case | {"purpose": "accusation", "channel": "mailbox", "lead_unit_id": "B"}
    url = make_file(
        tmp_path,
        unit=[{"unit_id": "A", "name": "甲局"}, {"unit_id": "B", "name": "乙局"}],
        petition_case=[case | {"case_no": "1"}, secret | {"case_no": "secret-2"}],
    )
    database = open_database(url, settings.load())
    with database.reading() as connection:
        totals = queries.measure(connection, database, seen("2026-11-24"), list(INDICATORS)).set_index("indicator")
        for by in ("unit", "channel"):
            groups = queries.measure(connection, database, seen("2026-11-24"), list(INDICATORS), by)
            assert set(groups["group"]) == {{"unit": "A", "channel": "visit"}[by]}
        shown = "".join(
            deeply(view(connection, database, seen("2026-11-24", "2026-01-01")))
            for view in (views.trends, views.overdue, views.resolution, views.departments)
        )
        narrowed = queries.measure(connection, database, seen("2026-11-24", unit=("B",)), ["registered", "open"])
    assert (totals.loc["registered", "numerator"], totals.loc["open", "numerator"]) == (2, 2)
    assert (totals.loc["overdue", "numerator"], totals.loc["overdue_share", "denominator"]) == (1, 1)
    assert list(narrowed["numerator"]) == [0, 0]
    assert "secret" not in shown and "mailbox" not in shown
    database.engine.dispose()


def test_few_ratings_are_not_shown(tmp_path: Path) -> None:
    """Four ratings of a unit are too few to show, five are not: a unit must not guess who was dissatisfied."""
    rated = {
        "registered_at": "2026-01-05",
        "closed_at": "2026-02-01",
        "due_at": "2026-03-06",
        "unit_rated_at": "2026-02-10",
        "unit_rating": "satisfied",
    }
    few = [rated | {"case_no": f"A{n}", "lead_unit_id": "A"} for n in range(4)]
    enough = [rated | {"case_no": f"B{n}", "lead_unit_id": "B"} for n in range(5)]
    enough[0]["unit_rating"] = "dissatisfied"
    units = [{"unit_id": "A", "name": "甲局"}, {"unit_id": "B", "name": "乙局"}]
    database = open_database(make_file(tmp_path, unit=units, petition_case=few + enough), settings.load())
    with database.reading() as connection:
        table = queries.measure(connection, database, seen("2026-11-24"), ["unit_satisfaction_rate"], by="unit")
    by_unit = table.set_index("group")
    assert pd.isna(by_unit.loc["A", "numerator"]) and pd.isna(by_unit.loc["A", "value"])
    assert by_unit.loc["A", "denominator"] == 4
    assert (by_unit.loc["B", "numerator"], by_unit.loc["B", "value"]) == (4, pytest.approx(0.8))
    database.engine.dispose()


def test_the_contract_has_no_column_for_a_person() -> None:
    from data_access import schema

    names = {f"{table.name}.{column.name}" for table in schema.metadata.tables.values() for column in table.columns}
    for word in ("person", "petitioner", "phone", "address", "id_card", "summary", "title", "remark", "text"):
        assert not {name for name in names if word in name}, word
