"""The command line: exit codes, sentences instead of tracebacks, and figures against hand-written SQL."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import engines
import pandas as pd
import pytest
import typer
from conftest import DEMO_AS_OF
from typer.testing import CliRunner, Result

from data_access import location, texts
from data_access.__main__ import COLUMNS, PERIODS, app
from data_access.database import open_database
from data_access.demo import make_demo
from data_access.dimensions import DIMENSIONS
from data_access.indicators import INDICATORS, MEASURES
from data_access.settings import load

ROOT = Path(__file__).resolve().parent.parent.parent
AS_OF = "2026-11-24 23:59:59"


def run(*words: str, **env: str) -> Result:
    return CliRunner().invoke(app, words, env={"CASES_LANG": "zh_CN", "CASES_URL": None, **env})


def real(*words: str, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "data_access", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1", **env},
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


def rows_of(*words: str) -> list[dict[str, Any]]:
    done = run("indicators", *words, "--format", "json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def assert_one_sentence(done: Result | subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 2, nothing on stdout, one line on stderr with `words`, no traceback."""
    code = done.exit_code if isinstance(done, Result) else done.returncode
    assert "Traceback" not in done.stdout + done.stderr
    assert (code, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr


# --- mistakes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "demo、check、import"),
        (["examine"], "没有命令 examine"),
        (["check", "--nonsense"], "没有选项 --nonsense"),
        (["check", "--url"], "--url 后面"),
        (["check", "--format", "xml"], "--format 的值“xml”"),
        (["check", "one", "two"], "用法不对"),
        (["import"], "缺少 FILE"),
        (["import", "ledger.xlsx"], "--url"),
        (["demo", "--cases", "many"], "--cases 应为不小于 1 的整数"),
        (["demo", "--cases", "0"], "--cases"),
        (["demo", "--seed", "-1"], "--seed"),
        (["demo", "--as-of", "24.11.2026"], "--as-of 的值“24.11.2026”不是日期"),
        (["indicators", "--from", "2026-02-30"], "--from 的值“2026-02-30”不是日期"),
        (["indicators", "--to", "2026-11-24 10:00:00"], "--to"),
        (["indicators", "--by", "person"], "--by 的值“person”"),
        (["indicators", "--format", "xlsx"], "--format"),
    ],
    ids=" ".join,
)
def test_a_mistake_of_usage_is_one_sentence(words: list[str], said: str) -> None:
    assert_one_sentence(run(*words), said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--unit", "张三"], "张三"),
        (["--township", "nowhere"], "--township"),
        (["--category", "nothing"], "--category"),
        (["--channel", "fax"], "letter"),
        (["--level", "world"], "province"),
        (["--kind", "village"], "department"),
        (["--track", "fast"], "summary"),
        (["--repeat", "yes"], "first"),
        (["--group", "yes"], "collective"),
        (["--from", "2026-06-01", "--to", "2026-05-31"], "晚于"),
        (["--from", "2026-06-01", "--as-of", "2026-05-31"], "晚于"),
    ],
    ids=" ".join,
)
def test_a_filter_that_names_nothing_is_one_sentence(demo_url: str, words: list[str], said: str) -> None:
    assert_one_sentence(run("indicators", "--url", demo_url, *words), said)


def test_what_a_database_cannot_feed_is_one_sentence(minimal_url: str) -> None:
    assert_one_sentence(run("indicators", "--url", minimal_url, "--by", "channel"), "channel")
    assert_one_sentence(run("indicators", "--url", minimal_url, "--channel", "letter"), "channel")
    rows = rows_of("--url", minimal_url, "--by", "unit", "--as-of", "2026-11-24")
    assert {row["label"] for row in rows} >= {"甲局", "丁镇"}


BAD_DATABASES: dict[str, Callable[[Path], tuple[str, str]]] = {
    "no URL": lambda folder: ("cases.sqlite", "无法识别"),
    "unknown kind": lambda folder: ("nosuch://host/name", "驱动"),
    "no file": lambda folder: (f"sqlite:///{(folder / 'none.sqlite').as_posix()}", "没有找到"),
    "unreachable": lambda folder: ("postgresql://user:secret@127.0.0.1:1/cases", "连不上"),
}


@pytest.mark.parametrize("command", ["check", "indicators"])
@pytest.mark.parametrize("name", BAD_DATABASES)
def test_a_database_that_cannot_be_reached_is_one_sentence(command: str, name: str, tmp_path: Path) -> None:
    url, said = BAD_DATABASES[name](tmp_path)
    done = run(command, "--url", url)
    assert_one_sentence(done, said)
    assert "secret" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_text("信访件编号,登记时间\n" * 100, encoding="utf-8")
    assert_one_sentence(run("check", "--url", f"sqlite:///{file.as_posix()}"), "不是数据库文件")


def test_a_missing_table_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "cases.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE unit (unit_id TEXT, name TEXT)")
    for command in ("check", "indicators"):
        done = run(command, "--url", f"sqlite:///{file.as_posix()}")
        assert_one_sentence(done, "petition_case.case_no", "petition_case.due_at")


@pytest.mark.only_on("sqlite", reason="no other engine keeps moments as text")
def test_moments_that_cannot_be_read_are_one_sentence(tmp_path: Path, minimal_url: str) -> None:
    file = tmp_path / "slashes.sqlite"
    file.write_bytes(path_of(minimal_url).read_bytes())
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE petition_case SET registered_at = replace(registered_at, '-', '/')")
        ((count,),) = connection.execute("SELECT count(*) FROM petition_case")
    url = f"sqlite:///{file.as_posix()}"
    assert_one_sentence(run("indicators", "--url", url), "check")
    done = run("check", "--url", url, "--format", "json")
    assert done.exit_code == 1, "what check is there to find does not stop it"
    assert {each["finding"]: each["count"] for each in json.loads(done.stdout)}["mixed_date_text"] == count


@pytest.mark.only_on("sqlite", reason="one process locks the whole file")
def test_a_locked_file_is_one_sentence(tmp_path: Path, minimal_url: str) -> None:
    file, impatient = tmp_path / "cases.sqlite", tmp_path / "settings.toml"
    file.write_bytes(path_of(minimal_url).read_bytes())
    impatient.write_text("[database]\nstatement_timeout_seconds = 1\n", encoding="utf-8")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        done = real("check", "--url", f"sqlite:///{file.as_posix()}", CASES_SETTINGS=str(impatient))
    assert_one_sentence(done, "占用")


def test_a_wrong_password_is_one_sentence(postgres_url: str) -> None:
    from sqlalchemy import make_url

    wrong = make_url(postgres_url).set(password="open-sesame").render_as_string(hide_password=False)
    done = run("check", "--url", wrong)
    assert_one_sentence(done, "用户名和密码")
    assert "open-sesame" not in done.stderr


@pytest.mark.parametrize("name", ["ledger.csv", "ledger.xlsx", "ledger.docx", "none.csv"])
def test_a_file_that_is_no_ledger_is_one_sentence(tmp_path: Path, name: str) -> None:
    if name != "none.csv":
        (tmp_path / name).write_bytes(b"\x00\x01 not a ledger \xff" * 20)
    target = tmp_path / "cases.sqlite"
    done = run("import", str(tmp_path / name), "--url", f"sqlite:///{target.as_posix()}")
    assert_one_sentence(done, name)
    assert not target.exists()


def test_settings_with_a_mistake_are_said(tmp_path: Path, demo_url: str) -> None:
    wrong = tmp_path / "settings.toml"
    wrong.write_text("[comparison]\nsmall_n = 0\n", encoding="utf-8")
    done = real("check", "--url", demo_url, CASES_SETTINGS=str(wrong))
    assert done.returncode == 2
    assert "comparison.small_n" in done.stderr and "Traceback" not in done.stderr


def test_the_unexpected_is_a_sentence_too(demo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("private")

    monkeypatch.setattr("data_access.__main__.findings", fail)
    done = run("check", "--url", demo_url)
    assert_one_sentence(done, "ZeroDivisionError", "CASES_DEBUG")
    assert "private" not in done.output
    assert isinstance(run("check", "--url", demo_url, CASES_DEBUG="1").exception, ZeroDivisionError)


def listen_to_interrupts() -> None:
    """What runs in the background ignores them, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name == "nt", reason="a console's Ctrl-C cannot be sent to one process there")
def test_stopping_leaves_everything_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{(tmp_path / 'demo.sqlite').as_posix()}"
    command = [sys.executable, "-m", "data_access", "demo", "--url", url, "--cases", "3000000"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, preexec_fn=listen_to_interrupts, **pipes) as process:
        stop = time.monotonic() + 30
        while not list(tmp_path.iterdir()) and time.monotonic() < stop:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err and len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


# --- languages and help


def test_the_language_is_chosen_by_the_environment() -> None:
    assert "no command examine" in run("examine", CASES_LANG="en").stderr
    assert run("--help", CASES_LANG="en").stdout != run("--help").stdout


def commands() -> dict[str, list[str]]:
    """Every command with its options."""
    group: Any = typer.main.get_command(app)
    return {
        name: [option for param in command.params for option in param.opts if option.startswith("--")]
        for name, command in group.commands.items()
    }


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("command", ["demo", "check", "import", "freeze", "extract", "indicators"])
def test_help_names_every_option(command: str, language: str) -> None:
    done = run(command, "--help", CASES_LANG=language)
    assert done.exit_code == 0
    assert all(option in done.stdout for option in commands()[command])


def test_the_manual_names_every_command_option_and_grouping() -> None:
    manual = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    sections = {part.split()[0]: part for part in manual.split("\n## ")[1:]}
    assert sections.keys() == commands().keys() == {"demo", "check", "import", "freeze", "extract", "indicators"}
    missing = [
        f"{name} {option}"
        for name, options in commands().items()
        for option in options
        if f"`{option}`" not in sections[name]
    ]
    missing += [by for by in (*DIMENSIONS, *PERIODS) if f"`{by}`" not in sections["indicators"]]
    assert missing == []


# --- demo and where the database is


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of the test's own."""
    monkeypatch.setattr(location, "DEMO_FILE", tmp_path / "data" / "demo.sqlite")
    monkeypatch.setattr(location, "SECRETS", tmp_path / "secrets.toml")
    monkeypatch.delenv("CASES_URL", raising=False)
    return tmp_path


def test_demo_makes_the_default_file_and_says_so(somewhere: Path) -> None:
    done = run("demo", "--cases", "300", "--as-of", "2026-11-24 10:00:00")
    assert done.exit_code == 0, done.output
    assert "300 件" in done.stdout and done.stderr == ""
    assert (somewhere / "data" / "demo.sqlite").is_file()
    (registered,) = [row for row in rows_of() if row["indicator"] == "registered"]
    assert registered["value"] == 300


def test_the_demo_is_made_when_nothing_is_configured(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def make(url: str, **options: Any) -> None:
        made.append({"url": url, **options})

    monkeypatch.setattr(location, "make_demo", make)
    location.ensure_demo(dt.datetime(2026, 11, 24, 10))
    assert made == [{"url": location.demo_url(), "as_of": dt.datetime(2026, 11, 24, 23, 59, 59), "progress": None}]
    assert location.is_demo(location.default_url())
    monkeypatch.setenv("CASES_URL", "sqlite:///other.sqlite")
    location.ensure_demo(dt.datetime(2026, 11, 24, 10))
    assert len(made) == 1
    assert not location.is_demo(location.default_url())


def test_the_secrets_file_names_the_database(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location.SECRETS.write_text('[connections.cases]\nurl = "sqlite:///mine.sqlite"\n', encoding="utf-8")
    assert location.default_url() == "sqlite:///mine.sqlite"
    monkeypatch.setenv("CASES_URL", "sqlite:///first.sqlite")
    assert location.default_url() == "sqlite:///first.sqlite"


@pytest.mark.parametrize("content", ['url = "secret', "connections = 1", "[connections.cases]\nurl = 1"])
def test_a_broken_secrets_file_is_one_sentence(somewhere: Path, content: str) -> None:
    location.SECRETS.write_text(content, encoding="utf-8")
    done = run("check")
    assert_one_sentence(done, "secrets.toml")
    assert "secret " not in done.stderr


def test_a_folder_that_cannot_be_written_moves_the_demo(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (somewhere / "data").write_text("a file where the folder should be", encoding="utf-8")
    monkeypatch.setattr("tempfile.tempdir", str(somewhere))
    found = path_of(location.demo_url())
    assert found.name == "demo.sqlite"
    assert found.is_relative_to(somewhere) and found.parent != somewhere / "data"


# --- check


def test_check_of_the_demo_as_json(demo_url: str) -> None:
    done = run("check", "--url", demo_url, "--format", "json")
    found = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (1, "")
    assert found
    for each in found:
        assert each.keys() == {"finding", "severity", "count", "columns", "what", "cost", "examples"}
        assert each["severity"] in ("missing", "wrong", "suspicious")
        assert isinstance(each["count"], int) and each["what"] and each["cost"]


def test_check_as_text_is_grouped(minimal_url: str, demo_url: str) -> None:
    text = run("check", "--url", minimal_url)
    assert text.exit_code == 1
    assert "缺少" in text.stdout and "有误" not in text.stdout
    both = run("check", "--url", demo_url).stdout
    assert -1 < both.index("有误") < both.index("可疑")
    assert "影响：" in both and "例：" in both


def test_check_of_a_clean_database_exits_with_nothing(demo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_access.__main__.findings", lambda *_: [])
    done = run("check", "--url", demo_url)
    assert (done.exit_code, "没有发现问题" in done.stdout) == (0, True)
    assert json.loads(run("check", "--url", demo_url, "--format", "json").stdout) == []


# --- import


@contextmanager
def ledger(folder: Path, *rows: str) -> Iterator[tuple[str, str]]:
    file = folder / "台账.csv"
    file.write_text("\n".join(["信访件编号,登记时间,责任单位,办理期限,办结时间", *rows]), encoding="utf-8")
    yield str(file), f"sqlite:///{(folder / 'cases.sqlite').as_posix()}"


def test_a_clean_import_exits_with_nothing_and_feeds_the_indicators(tmp_path: Path) -> None:
    rows = [
        "A1,2026-01-05,甲局,2026-03-06,2026-03-06",
        "A2,2026-01-06,甲局,2026-03-07,",
        "A3,2026-01-07,乙局,2026-12-31,",
    ]
    with ledger(tmp_path, *rows) as (file, url):
        tried = run("import", file, "--url", url, "--dry-run")
        assert (tried.exit_code, path_of(url).exists()) == (0, False), tried.output
        done = run("import", file, "--url", url)
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        found = {row["indicator"]: row for row in rows_of("--url", url, "--as-of", "2026-11-24")}
    assert [found[key]["value"] for key in ("registered", "closed", "open", "overdue")] == [3, 1, 2, 1]
    rate = found["on_time_closure_rate"]
    assert (rate["numerator"], rate["denominator"], rate["value"]) == (1, 2, 0.5)


def test_an_import_with_faults_exits_with_one(tmp_path: Path) -> None:
    with ledger(tmp_path, "A1,2026-01-05,甲局,2026-03-06,someday", ",2026-01-06,甲局,,") as (file, url):
        done = run("import", file, "--url", url)
    assert (done.exit_code, done.stderr) == (1, ""), done.output
    assert done.stdout


# --- indicators


def test_json_has_the_promised_keys_in_order(demo_url: str) -> None:
    rows = rows_of("--url", demo_url)
    assert [row["indicator"] for row in rows] == list(INDICATORS)
    for row in rows:
        assert tuple(row) == COLUMNS
        assert row["group"] is None
        assert row["label"] == texts.text(f"indicator.{row['indicator']}.label")
        if INDICATORS[row["indicator"]].is_rate:
            assert row["value"] == row["numerator"] / row["denominator"]
        else:
            assert (row["denominator"], row["numerator"]) == (None, row["value"])
            assert isinstance(row["value"], int)


def test_the_figures_follow_the_filter_of_the_pages(demo_url: str) -> None:
    from data_access.filters import CaseFilter
    from data_access.periods import Span
    from data_access.queries import measure

    database = open_database(demo_url, load())
    units = list(database.names.units)[:3]
    at = dt.datetime(2026, 9, 30, 12)
    span = Span(dt.date(2026, 1, 1), dt.date(2026, 8, 31))
    case_filter = CaseFilter(at, span, unit=tuple(units), repeat=("first",), track=("statutory",))
    with database.reading() as connection:
        expected = measure(connection, database, case_filter, list(INDICATORS)).set_index("indicator")["value"]
    database.engine.dispose()
    words = [
        "--as-of",
        str(at),
        "--from",
        "2026-01-01",
        "--to",
        "2026-08-31",
        "--repeat",
        "first",
        "--track",
        "statutory",
    ]
    rows = rows_of("--url", demo_url, *words, *(word for unit in units for word in ("--unit", unit)))
    assert len(rows) == len(expected)
    for row in rows:
        value = expected[row["indicator"]]
        assert row["value"] == (None if pd.isna(value) else value)


CLOCK = (
    "coalesce(track, '') <> 'other' AND coalesce(purpose, '') NOT IN ('suggestion', 'accusation') "
    "AND coalesce(disposition, '') NOT IN ('not_accepted', 'no_longer_accepted', 'returned', 'merged', 'filed') "
    "AND NOT (coalesce(closed_how, '') IN ('not_accepted', 'transferred', 'merged') "
    "AND closed_at IS NOT NULL AND closed_at <= :at)"
)
# Hand-written for the as-of date of the demo, when every extension and event has happened. A deadline that is not
# stated is 60 days after acceptance, 90 with an extension; a closing before its registration counts from that.
DUE = (
    "coalesce(due_at, date(accepted_at, CASE WHEN extended_at IS NULL THEN '+60 days' ELSE '+90 days' END) "
    "|| ' 23:59:59')"
)
CLOSED = "max(closed_at, registered_at)"
OPEN = "registered_at <= :at AND (closed_at IS NULL OR closed_at > :at)"
BY_HAND = {
    "registered": "sum(registered_at BETWEEN :first AND :last)",
    "closed": f"sum(closed_at <= :at AND {CLOSED} BETWEEN :first AND :last)",
    "open": f"sum({OPEN})",
    "overdue": f"sum({OPEN} AND {CLOCK} AND {DUE} <= :at)",
    "on_time": f"sum({CLOCK} AND registered_at <= :at AND {DUE} <= :at AND {DUE} BETWEEN :first AND :last "
    f"AND {CLOSED} <= {DUE})",
    "due": f"sum({CLOCK} AND registered_at <= :at AND {DUE} <= :at AND {DUE} BETWEEN :first AND :last)",
}


def by_hand(file: Path, group: str = "NULL", where: str = "1", **values: str) -> dict[str | None, dict[str, int]]:
    """The figures of each group; `values`: at, first, last."""
    moments = {"at": AS_OF, "first": "0000", "last": AS_OF, **values}
    sums = ", ".join(f"coalesce({formula}, 0) AS {name}" for name, formula in BY_HAND.items())
    statement = f"SELECT {group} AS g, {sums} FROM petition_case WHERE {where} GROUP BY 1"
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return {row["g"]: {name: row[name] for name in BY_HAND} for row in connection.execute(statement, moments)}


def told(rows: list[dict[str, Any]]) -> dict[str | None, dict[str, int]]:
    """The same from the command's rows; a group that a figure does not name has none."""
    found: dict[str | None, dict[str, int]] = {}
    for row in rows:
        figures = found.setdefault(row["group"], dict.fromkeys(BY_HAND, 0))
        if row["indicator"] in figures:
            figures[row["indicator"]] = row["value"]
        if row["indicator"] == "on_time_closure_rate":
            figures["on_time"], figures["due"] = row["numerator"], row["denominator"]
            assert row["value"] == (row["numerator"] / row["denominator"] if row["denominator"] else None)
    return found


def test_the_countys_totals_equal_hand_written_sql(demo_url: str, demo_file: Path) -> None:
    assert told(rows_of("--url", demo_url)) == by_hand(demo_file)


def test_a_period_equals_hand_written_sql(demo_url: str, demo_file: Path) -> None:
    rows = rows_of("--url", demo_url, "--from", "2026-03-01", "--to", "2026-11-24")
    assert told(rows) == by_hand(demo_file, first="2026-03-01 00:00:00")


def test_units_equal_hand_written_sql(demo_url: str, demo_file: Path) -> None:
    expected = by_hand(demo_file, "lead_unit_id", "coalesce(purpose, '') <> 'accusation'")
    rows = rows_of("--url", demo_url, "--by", "unit")
    found = told([row for row in rows if row["indicator"] in ("on_time_closure_rate", *BY_HAND)])
    assert found == expected
    database = open_database(demo_url, load())
    groups = [row["group"] for row in rows if row["indicator"] == "registered" and row["group"] in database.names.units]
    assert groups == [unit for unit in database.names.units if unit in groups], "the fixed order, never by volume"
    assert {row["label"] for row in rows} >= set(database.names.units.values()) - {None} - {
        database.names.units[unit] for unit in database.names.units if unit not in groups
    }
    database.engine.dispose()


def months_until(last: dt.date, first: dt.date) -> Iterator[tuple[str, str, str]]:
    """Month, first moment and last moment."""
    day = first.replace(day=1)
    while day <= last:
        following = (day + dt.timedelta(days=31)).replace(day=1)
        end = min(following - dt.timedelta(days=1), last)
        yield f"{day:%Y-%m}", f"{max(day, first)} 00:00:00", f"{end} 23:59:59"
        day = following


@pytest.fixture(scope="module")
def plain_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo without extensions and events, whose states of earlier dates plain SQL can tell."""
    copy = tmp_path_factory.mktemp("plain") / "plain.sqlite"
    make_demo(engines.sqlite_url(copy), cases=3_000, seed=7, as_of=DEMO_AS_OF)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("DELETE FROM case_event")
        connection.execute("UPDATE petition_case SET extended_at = NULL")
    return copy


@pytest.fixture(scope="module")
def plain_url(plain_file: Path) -> str:
    """`plain_file` on the engine of this run."""
    if engines.chosen == "sqlite":
        return engines.sqlite_url(plain_file)
    return engines.copied(plain_file, engines.fresh_url(plain_file.parent, "plain"))


def test_the_demo_states_what_plain_sql_needs(demo_file: Path, plain_file: Path) -> None:
    computed = (
        "SELECT count(*) FROM petition_case WHERE due_at IS NULL AND accepted_at IS NOT NULL AND track = 'summary'"
    )
    for file in (demo_file, plain_file):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute(computed).fetchone() == (0,), "working days would have to be counted by hand"


def test_months_equal_hand_written_sql(plain_url: str, plain_file: Path) -> None:
    with closing(sqlite3.connect(plain_file)) as connection:
        (first,) = connection.execute("SELECT min(registered_at) FROM petition_case").fetchone()
    found = told(rows_of("--url", plain_url, "--by", "month"))
    months = list(months_until(dt.date(2026, 11, 24), dt.datetime.fromisoformat(first).date().replace(day=1)))
    assert list(found) == [name for name, _, _ in months]
    for name, start, end in months:
        assert found[name] == by_hand(plain_file, at=end, first=start, last=end)[None], name


def test_months_are_cut_at_the_period(plain_url: str, plain_file: Path) -> None:
    found = told(rows_of("--url", plain_url, "--by", "month", "--from", "2026-03-10", "--to", "2026-05-20"))
    months = list(months_until(dt.date(2026, 5, 20), dt.date(2026, 3, 10)))
    assert list(found) == ["2026-03", "2026-04", "2026-05"]
    for name, start, end in months:
        assert found[name] == by_hand(plain_file, at=end, first=start, last=end)[None], name


@pytest.mark.parametrize("by", ["quarter", "year"])
def test_flows_of_periods_add_up_to_the_whole(plain_url: str, by: str) -> None:
    # Without events: a closing that is later undone belongs to its own month and not to the whole.
    (whole,) = told(rows_of("--url", plain_url)).values()
    periods = told(rows_of("--url", plain_url, "--by", by))
    for name in ("registered", "closed"):
        assert sum(figures[name] for figures in periods.values()) == whole[name]
    assert periods.keys() >= ({"2026-Q3", "2026-Q4"} if by == "quarter" else {"2025", "2026"})


@pytest.fixture(scope="module")
def totals(demo_url: str) -> list[dict[str, Any]]:
    return rows_of("--url", demo_url)


@pytest.mark.parametrize("by", DIMENSIONS)
def test_every_grouping_adds_up(demo_url: str, totals: list[dict[str, Any]], by: str) -> None:
    """Entries have groups of their own, which what counts cases has not."""
    stock = {"batch": "supervised", "instructed": "instruction_overdue", "item": "checklist_rate"}.get(by, "overdue")
    found = rows_of("--url", demo_url, "--by", by)
    rows = [row for row in found if row["indicator"] == stock]
    whole = next(row for row in totals if row["indicator"] == stock)
    assert rows and sum(row["numerator"] for row in rows) == whole["numerator"]
    if stock != "overdue":
        assert {MEASURES[row["indicator"]].table for row in found} == {MEASURES[stock].table}
    assert all(row["label"] for row in rows)
    if by in ("kind", "channel", "level", "repeat", "group", "handling", "track", "disposition"):
        assert all(row["label"] != row["group"] for row in rows), "a code needs its word"


def test_small_cells_of_ratings_stay_hidden(small_url: str) -> None:
    rows = rows_of("--url", small_url, "--by", "month")
    rated = [row for row in rows if row["indicator"].endswith("satisfaction_rate")]
    small = [row for row in rated if row["denominator"] < load().comparison.small_cell]
    assert small and rated != small
    assert all((row["numerator"], row["value"]) == (None, None) for row in small)


def test_csv_says_the_same_as_json(demo_url: str) -> None:
    done = run("indicators", "--url", demo_url, "--by", "kind", "--format", "csv")
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    expected = rows_of("--url", demo_url, "--by", "kind")
    assert found == [{key: "" if value is None else str(value) for key, value in row.items()} for row in expected]


def test_the_table_shows_percentages(demo_url: str) -> None:
    done = run("indicators", "--url", demo_url)
    assert (done.exit_code, done.stderr) == (0, "")
    (line,) = [line for line in done.stdout.splitlines() if "按期办结率" in line]
    assert line.rstrip().endswith("%")


def test_an_empty_database_has_figures_of_nothing(empty_url: str) -> None:
    found = {row["indicator"]: row for row in rows_of("--url", empty_url, "--as-of", "2026-11-24")}
    assert list(found) == list(INDICATORS)
    assert (found["registered"]["value"], found["closure_rate"]["value"]) == (0, None)
    assert rows_of("--url", empty_url, "--by", "month") == rows_of("--url", empty_url, "--by", "unit") == []


def test_a_process_of_its_own_keeps_data_and_words_apart(demo_url: str) -> None:
    done = real("indicators", "--format", "json", "--as-of", "2026-11-24", CASES_URL=demo_url, CASES_LANG="en")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["label"] == "On-time closure"
    assert_one_sentence(real("check", "--url", "nonsense"), "nonsense")
    assert real("check", "--url", demo_url).returncode == 1
