"""Each page as a reader gets it, in both languages, on full, empty and scant databases, run by Streamlit's AppTest."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache as cached
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import streamlit as st
from streamlit.proto.Dataframe_pb2 import Dataframe
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from dashboard import cache, unit_tables
from dashboard.frame import PAGES
from data_access import fair, frozen, schema, settings, texts
from data_access.__main__ import app as command_line
from data_access.database import open_database
from data_access.indicators import INDICATORS, MEASURES
from data_access.texts import text

ROOT = Path(__file__).resolve().parent.parent.parent
AS_OF = dt.datetime(2026, 11, 24, 12)
LANGUAGES = texts.LANGUAGES
in_languages = pytest.mark.parametrize("language", ["zh_CN", pytest.param("en", marks=pytest.mark.thorough)])
"""For what a page does the same in both; its words in English are looked at by a test of their own."""
CJK = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
LATIN = re.compile(r"[A-Za-z]{2,}")
WRITTEN = frozenset(
    ("label", "body", "help", "placeholder", "options", "content", "delta", "delta_description", "alt", "title", "text")
)
"""Fields of Streamlit's messages that hold words for a reader."""
IN_CHARTS = frozenset(("title", "text", "labelExpr", "format", "formatType", "domain", "sort"))

Show = Callable[..., AppTest]


@pytest.fixture(autouse=True, scope="module")
def _answers() -> Iterator[None]:
    """Answers last for the module, as they do in a process that serves: a page asks the same in most tests."""
    st.cache_data.clear()
    yield
    st.cache_data.clear()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No open database is remembered, and now is 24 November 2026 whatever the machine says."""
    monkeypatch.setattr(cache, "now", lambda: AS_OF)
    monkeypatch.delenv("CASES_SETTINGS", raising=False)

    def forget() -> None:
        st.cache_resource.clear()
        settings.load.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """`show(url, page, lang="en", …)`: a page on a database, with more URL parameters, after one run."""

    def run(url: str, page: str = "", /, **parameters: Any) -> AppTest:
        monkeypatch.setenv("CASES_URL", url)
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        for name, value in parameters.items():
            at.query_params[name] = value
        if page:
            at.switch_page(f"pages/{page}.py")
        at.run()
        assert not at.exception, at.exception
        return at

    return run


@pytest.fixture(scope="module")
def seen() -> dict[Any, AppTest]:
    """What `look` has shown."""
    return {}


@pytest.fixture
def look(show: Show, seen: dict[Any, AppTest]) -> Show:
    """`show`, once in the module for the same page and parameters: to be read, not to be clicked on."""

    def remembered(url: str, page: str = "", /, **parameters: Any) -> AppTest:
        asked = url, page, repr(sorted(parameters.items()))
        if asked not in seen:
            seen[asked] = show(url, page, **parameters)
        return seen[asked]

    return remembered


def copy_of(url: str, path: Path, *statements: str) -> str:
    """A copy of a SQLite database after some statements."""
    with (
        closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)
        with target:
            for statement in statements:
                target.execute(statement)
    return f"sqlite:///{path.as_posix()}"


@pytest.fixture(scope="module")
def latin_url(demo_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo county with names of Latin letters."""
    return copy_of(
        demo_url,
        tmp_path_factory.mktemp("latin") / "latin.sqlite",
        "UPDATE unit SET name = 'Unit ' || unit_id",
        "UPDATE category SET name = 'Field ' || category_id",
        "UPDATE post SET name = 'Post ' || post_id",
        "UPDATE meeting_decision SET item = 'Item ' || decision_id",
    )


@pytest.fixture(scope="module")
def latin_minimal_url(minimal_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the contract requires and nothing more, with names of Latin letters."""
    folder = tmp_path_factory.mktemp("latin_minimal")
    return copy_of(minimal_url, folder / "latin.sqlite", "UPDATE unit SET name = 'Unit ' || unit_id")


# What is on a page


def shown(body: str) -> str:
    """The words of a piece of HTML."""
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", body, flags=re.DOTALL)))


def _of_message(message: Any) -> Iterator[str]:
    for field, value in message.ListFields():
        several = value if field.is_repeated else [value]
        if field.message_type:
            for each in several:
                yield from _of_message(each)
        elif field.name in WRITTEN:
            yield from (shown(each) for each in several if isinstance(each, str))


def _of_chart(part: Any, key: str = "") -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _of_chart(value, name if name in IN_CHARTS else key if isinstance(value, list) else "")
    elif isinstance(part, list):
        for each in part:
            yield from _of_chart(each, key)
    elif isinstance(part, str) and key in ("title", "text", "domain", "sort"):
        yield part


def _of_table(table: Dataframe) -> Iterator[str]:
    columns = json.loads(table.columns or "{}")
    for settings_of_column in columns.values():
        yield from (str(settings_of_column.get(name) or "") for name in ("label", "help"))


def hidden(element: Any) -> bool:
    """A field that only keeps a choice for the URL."""
    return element.type == "text_input" and bool(element.proto.label_visibility.value)


def words(at: AppTest, *, tables: bool = True) -> list[str]:
    """Every word on the page that is not drawn from data on a canvas, piece by piece."""
    found: list[str] = []
    for element in at:
        if hidden(element) or element.type in ("root", "main", "sidebar", "event"):
            continue
        found += _of_message(element.proto)
        if element.type == "vega_lite_chart":
            found += _of_chart(json.loads(element.proto.spec))
        if element.type == "dataframe" and tables:
            found += _of_table(element.proto)
            found += [str(cell) for cell in element.value.to_numpy().ravel() if isinstance(cell, str)]
    return [piece.strip() for piece in found if piece.strip()]


def problems(at: AppTest) -> list[str]:
    """The sentences about what is wrong, as a reader sees them."""
    return [re.sub(r" *\n", "\n", re.sub(r"\\(.)", r"\1", error.value)) for error in at.error]


def sheet_rows(at: AppTest) -> list[list[str]]:
    """The cells of all tables drawn as HTML, row by row."""
    bodies = [element.proto.body for element in at.get("html")]
    rows = [row for body in bodies for row in re.findall(r"<tr>(.*?)</tr>", body)]
    return [[html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def element_words(at: AppTest, pattern: str) -> str:
    """What the one HTML element says whose body matches."""
    found = [element.proto.body for element in at.get("html") if re.search(pattern, element.proto.body)]
    assert len(found) == 1, f"{len(found)} elements match {pattern}"
    return shown(found[0]).strip()


def headline(at: AppTest) -> str:
    return element_words(at, '<h1 class="headline">')


def numbers(words_shown: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", words_shown)]


def links(at: AppTest) -> dict[str, str]:
    """The question of each link to cases, by its words."""
    return {element.proto.label: element.proto.query_string for element in at.get("page_link")}


def parameters(query: str) -> dict[str, Any]:
    """The URL parameters of a link."""
    return dict(parse_qs(query, keep_blank_values=True))


@cached
def indicators(url: str, *options: str) -> dict[str, dict[str, Any]]:
    """What `python -m data_access indicators` says, by indicator."""
    done = CliRunner().invoke(command_line, ["indicators", "--url", url, "--format", "json", *options])
    assert done.exit_code == 0, done.output
    return {row["indicator"]: row for row in json.loads(done.stdout)}


# Every page, language and database


@in_languages
@pytest.mark.parametrize("page", ["", *PAGES])
def test_a_page_on_the_demo(look: Show, demo_url: str, page: str, language: str) -> None:
    at = look(demo_url, page, lang=language)
    assert problems(at) == []
    texts.use(language)
    assert text("frame.demo") in element_words(at, 'id="filter-sentence"')
    assert headline(at)


@in_languages
@pytest.mark.parametrize("page", PAGES)
def test_a_page_on_an_empty_database_says_what_to_do(look: Show, empty_url: str, page: str, language: str) -> None:
    at = look(empty_url, page, lang=language)
    texts.use(language)
    assert [info.value for info in at.info] == [text("empty.database")]
    assert not at.error
    assert not at.get("vega_lite_chart") and not at.dataframe and not at.metric


@in_languages
@pytest.mark.parametrize("page", PAGES)
def test_a_page_on_what_the_contract_requires(look: Show, minimal_url: str, page: str, language: str) -> None:
    at = look(minimal_url, page, lang=language)
    assert problems(at) == []
    assert headline(at)
    texts.use(language)
    assert text("frame.demo") not in element_words(at, 'id="filter-sentence"')


def test_the_first_page_answers_at_the_root(look: Show, demo_url: str) -> None:
    assert words(look(demo_url)) == words(look(demo_url, "overview"))


def test_the_first_page_does_not_depend_on_the_working_directory(
    show: Show, demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    at = show(demo_url)
    assert problems(at) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in ("definitions", "cases", "overdue", "before", "since")]
)
def test_a_filter_without_cases_says_what_to_do(look: Show, demo_url: str, page: str) -> None:
    at = look(demo_url, page, unit="D01", township="T01", channel="agency", level="national", track="other")
    assert [info.value for info in at.info] == [text("empty.filter")]
    assert not at.error


def test_lists_without_cases_say_so(look: Show, demo_url: str) -> None:
    nothing = {"unit": "D01", "township": "T01", "channel": "agency", "level": "national", "track": "other"}
    assert [info.value for info in look(demo_url, "cases", **nothing).info] == [text("empty.filter")]
    at = look(demo_url, "overdue", **nothing)
    assert numbers(headline(at)) == [0, 0, 0, 0]
    assert not at.dataframe and not at.get("download_button")
    at = look(demo_url, "before", **nothing)
    assert numbers(headline(at).partition("还有")[2])[:4] == [0, 0, 0, 0]
    assert not at.dataframe and not at.get("download_button")


# What a scant database cannot feed

UNFED = {
    "overview": ("unit_satisfaction_rate", "office_satisfaction_rate"),
    "overdue": ("acceptance_overdue",),
    "resolution": (
        "on_time_answer_rate",
        "resolution_rate",
        "first_time_resolution_rate",
        "office_timely_forwarding_rate",
        "unit_timely_acceptance_rate",
        "extension_rate",
        "follow_up_rate",
        "office_satisfaction_rate",
        "unit_satisfaction_rate",
        "office_rating_response_rate",
        "unit_rating_response_rate",
    ),
    "departments": ("unit_timely_acceptance_rate", "unit_satisfaction_rate"),
}


@in_languages
@pytest.mark.parametrize("page", UNFED)
def test_a_page_names_what_the_database_cannot_feed(look: Show, minimal_url: str, page: str, language: str) -> None:
    at = look(minimal_url, page, lang=language)
    texts.use(language)
    said = [caption.value for caption in at.caption]
    for key in UNFED[page]:
        name = text(f"indicator.{key}.label")
        lacking = [caption for caption in said if f"“{name}”" in caption]
        assert len(lacking) == 1, f"{name} is named {len(lacking)} times"
        assert any(column in lacking[0] for column in INDICATORS[key].needs)
    named = [caption for caption in said if re.search("“.+”", caption)]
    assert len(named) == len(UNFED[page]), f"more is missing than expected: {named}"


def test_the_definitions_page_names_what_is_missing(show: Show, minimal_url: str) -> None:
    rows = sheet_rows(show(minimal_url, "definitions", part="database"))
    assert ["category", text("definitions.whole_table")] in rows
    lacking = next(row for row in rows if row[0] == "petition_case" and len(row) == 2)
    there = {"case_no", "registered_at", "closed_at", "lead_unit_id", "due_at"}
    assert not there & set(lacking[1].split(", "))
    assert {"category_id", "accepted_at", "unit_rating"} <= set(lacking[1].split(", "))
    fed = {row[0]: row[-1] for row in sheet_rows(show(minimal_url, "definitions")) if len(row) == 6}
    assert fed[text("indicator.on_time_closure_rate.label")] == text("common.yes")
    assert fed[text("indicator.unit_satisfaction_rate.label")] == text("definitions.not_fed")


# Whatever is wrong is one sentence


@in_languages
@pytest.mark.parametrize("page", ["", *PAGES])
def test_an_unreachable_database_is_one_sentence(show: Show, page: str, language: str) -> None:
    at = show("postgresql://clerk:secret-word@127.0.0.1:1/cases", page, lang=language)
    texts.use(language)
    assert len(at.error) == 1
    said = problems(at)[0]
    assert said.startswith(text("problem.unreachable", url="…").split("…")[0])
    assert "127.0.0.1:1/cases" in said
    assert "secret-word" not in " ".join(words(at))
    assert not at.metric and not at.dataframe


@pytest.mark.parametrize("page", ["", "cases"])
def test_a_missing_file_is_one_sentence(show: Show, tmp_path: Path, page: str) -> None:
    path = tmp_path / "nowhere.sqlite"
    at = show(f"sqlite:///{path.as_posix()}", page)
    assert problems(at) == [text("problem.no_such_file", file=str(path))]
    assert not path.exists()


def test_a_file_that_is_no_database_is_one_sentence(show: Show, tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_text("信访件编号,登记日期\n" * 100, encoding="utf-8")
    at = show(f"sqlite:///{path.as_posix()}", "overdue")
    assert len(at.error) == 1
    assert problems(at)[0].startswith(text("problem.not_a_database", url="…").split("…")[0])


def test_a_missing_column_is_one_sentence_that_names_it(show: Show, minimal_url: str, tmp_path: Path) -> None:
    url = copy_of(minimal_url, tmp_path / "old.sqlite", "ALTER TABLE petition_case RENAME COLUMN due_at TO term")
    at = show(url, "trends")
    assert len(at.error) == 1
    assert "petition_case.due_at" in problems(at)[0]


@pytest.mark.parametrize("page", ["", *PAGES])
def test_mistakes_in_the_settings_are_a_sentence_each(
    show: Show, demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('time_zone = "Mars"\n[comparison]\nsmall_n = 0\n[period]\nmonth_closes = 25\n', encoding="utf-8")
    monkeypatch.setenv("CASES_SETTINGS", str(path))
    at = show(demo_url, page)
    assert len(at.error) == 1
    said = problems(at)[0]
    assert str(path) in said
    assert all(key in said for key in ("time_zone", "comparison.small_n", "period.month_closes"))
    assert not at.get("html") or "headline" not in " ".join(element.proto.body for element in at.get("html")[1:])


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"of": "nonsense"}, "unknown_question"),
        ({"of": "overdue.everything"}, "unknown_question"),
        ({"of": "overdue.denominator", "at": "petitioner:x"}, "unknown_question"),
        ({"of": "overdue.denominator", "at": "days:2026-13-01..2026-01-01"}, "unknown_question"),
        ({"of": "overdue.denominator", "at": "late:x..y"}, "unknown_question"),
        ({"of": "unit_satisfaction_rate.numerator"}, "rating_not_listed"),
        ({"of": "unit_satisfaction_rate.rest"}, "rating_not_listed"),
        ({"of": "office_satisfaction_rate.rest"}, "rating_not_listed"),
    ],
)
def test_a_link_that_asks_what_cannot_be_answered(
    show: Show, demo_url: str, asked: dict[str, str], problem: str
) -> None:
    at = show(demo_url, "cases", **asked)
    assert problems(at) == [text(f"problem.{problem}")]
    assert not at.dataframe


@pytest.mark.parametrize(
    "wrong",
    [{"period": "nonsense"}, {"as_of": "2026-02-30"}, {"unit": "nobody"}, {"lang": "xx"}, {"order": "registered"}],
    ids=lambda wrong: "".join(wrong),
)
def test_a_parameter_that_means_nothing_is_the_default(look: Show, demo_url: str, wrong: dict[str, str]) -> None:
    page = "departments" if "order" in wrong else "overview"
    assert headline(look(demo_url, page, **wrong)) == headline(look(demo_url, page))


def test_a_page_that_fails_says_so_and_shows_no_traceback(
    show: Show, demo_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(cache, "ask", fail)
    at = show(demo_url, "overdue")
    assert problems(at) == [text("problem.unexpected")]
    assert "boom" in caplog.text, "the server's log must have the reason"


# Language


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("scant", [False, True], ids=["full", "scant"])
def test_the_english_interface_speaks_english(
    look: Show, latin_url: str, latin_minimal_url: str, page: str, scant: bool
) -> None:
    at = look(latin_minimal_url if scant else latin_url, page, lang="en")
    chinese = {piece for piece in words(at) if CJK.search(piece)} - {text("language.zh_CN")}
    assert not chinese


def without_column_names(piece: str) -> str:
    """What is left without the contract's tables and columns, the URL of the database and its time zone."""
    names = {name for table in schema.metadata.tables.values() for name in (table.name, *table.columns.keys())}
    rest = re.sub(r"sqlite:\S+|Asia/Shanghai", "", piece)
    return re.sub(r"[a-z_]+", lambda word: "" if word[0] in names else word[0], rest)


ALLOWED = ("Excel", "URL", "English")
"""Latin words that a Chinese reader expects."""


@pytest.mark.parametrize("page", PAGES)
def test_the_chinese_interface_speaks_chinese(look: Show, demo_url: str, page: str) -> None:
    pieces = words(look(demo_url, page))
    if page == "definitions":
        pieces = [without_column_names(piece) for piece in pieces]
    expressions = ("timeFormat", "month(")  # of Vega, drawn as months and years
    pieces = [re.sub(r"\b(XF|TF)\d+", "", piece) for piece in pieces if not piece.startswith(expressions)]
    english = {piece for piece in pieces if set(LATIN.findall(piece)) - {*ALLOWED}}
    assert not english


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_show_the_same_figures(look: Show, demo_url: str, page: str) -> None:
    chinese, english = (headline(look(demo_url, page, lang=language)) for language in LANGUAGES)
    # The month of the Chinese date is 2026年10月, of the English one 2026-10.
    # A whole date has a number more in Chinese: 12月18日, 18 December.
    day = r"(\d{4})年\d+月(\d+)日|(\d+) [A-Z][a-z]+ (\d{4})"
    chinese, english = (re.sub(day, r"\1 \2 \3 \4", words_said) for words_said in (chinese, english))
    assert sorted(numbers(chinese)) == sorted(numbers(english))


def test_the_settings_choose_the_first_language(
    show: Show, demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('language = "en"\n', encoding="utf-8")
    monkeypatch.setenv("CASES_SETTINGS", str(path))
    assert "Overdue" in headline(show(demo_url, "overdue"))
    assert "超期" in headline(show(demo_url, "overdue", lang="zh_CN"))


# The numbers


FILTERS = (
    {},
    {"unit": "D01", "channel": "visit"},
    {"period": "last_month", "kind": "township"},
    {"as_of": "2025-06-30", "level": "county"},
)


def options(chosen: dict[str, str]) -> list[str]:
    """The same filter for the command line, as far as it has one (stock figures know no period)."""
    given = {"--as-of": "2026-11-24"} | {f"--{name.replace('_', '-')}": value for name, value in chosen.items()}
    if chosen.get("period") == "last_month":
        given |= {"--as-of": "2026-10-31", "--from": "2026-10-01", "--to": "2026-10-31"}
    given.pop("--period", None)
    return [word for pair in given.items() for word in pair]


@pytest.mark.parametrize("chosen", FILTERS, ids=lambda chosen: "+".join(chosen) or "county")
def test_the_overdue_number_is_the_same_everywhere(look: Show, demo_url: str, chosen: dict[str, str]) -> None:
    expected = indicators(demo_url, *options(chosen))["overdue"]["numerator"]
    overview = look(demo_url, "overview", **chosen)
    overdue = look(demo_url, "overdue", **chosen)
    cases = look(demo_url, "cases", of="overdue.denominator", **chosen)
    assert expected > 0, "a filter without late cases shows nothing"
    assert numbers(headline(overview))[3] == expected
    total, in_period, before, _ = numbers(headline(overdue))
    assert (total, in_period + before) == (expected, expected)
    assert numbers(headline(cases))[-1] == expected
    tile = next(metric for metric in overview.metric if metric.label == text("indicator.overdue.label"))
    assert numbers(tile.value) == [expected]
    heading = next(each.value for each in overdue.subheader if each.value.startswith("超期清单"))
    assert numbers(heading)[0] == expected


@pytest.mark.parametrize("chosen", FILTERS, ids=lambda chosen: "+".join(chosen) or "county")
def test_the_strip_adds_up_as_shown(look: Show, demo_url: str, chosen: dict[str, str]) -> None:
    at = look(demo_url, "overview", **chosen)
    strip = element_words(at, 'id="balance"')
    opening, new, again, came, went, closed, closing = numbers(strip)
    assert opening + new + again + came - went - closed == closing
    assert re.findall(r"[+−=]", strip) == ["+", "+", "+", "−", "−", "="]
    assert numbers(headline(at))[:3] == [new, closed, closing]


def test_tiles_and_command_line_agree(look: Show, demo_url: str) -> None:
    at = look(demo_url, "overview")
    told = indicators(demo_url, "--as-of", "2026-11-24", "--from", "2026-01-01", "--to", "2026-12-31")
    for key in ("open", "overdue", "due_soon"):
        tile = next(metric for metric in at.metric if metric.label == text(f"indicator.{key}.label"))
        assert numbers(tile.value) == [told[key]["numerator"]], key
    for key in ("on_time_closure_rate", "closure_rate", "unit_satisfaction_rate"):
        tile = next(metric for metric in at.metric if metric.label == text(f"indicator.{key}.label"))
        assert tile.value == f"{told[key]['value'] * 100:.1f}%", key


def test_rates_on_the_resolution_page_are_their_numerator_and_denominator(look: Show, demo_url: str) -> None:
    told = indicators(demo_url, "--as-of", "2026-11-24", "--from", "2026-01-01", "--to", "2026-12-31")
    rows = {row[0]: row for row in sheet_rows(look(demo_url, "resolution")) if len(row) == 6}
    shown_keys = [key for key in INDICATORS if text(f"indicator.{key}.label") in rows]
    assert len(shown_keys) >= 10
    for key in shown_keys:
        _, value, part, *_ = rows[text(f"indicator.{key}.label")]
        digits = len(value.rstrip("%").partition(".")[2])
        assert digits >= 1 and value == f"{told[key]['value'] * 100:.{digits}f}%", key
        if not INDICATORS[key].confidential:
            assert numbers(part) == [told[key]["numerator"], told[key]["denominator"]], key


@pytest.mark.parametrize("page", ["overview", "since", "overdue", "resolution"])
def test_every_number_on_a_link_is_the_length_of_its_list(look: Show, demo_url: str, page: str) -> None:
    asked = {words_of: query for words_of, query in links(look(demo_url, page)).items() if numbers(words_of)}
    assert asked
    for words_of, query in asked.items():
        heading = headline(look(demo_url, "cases", **parameters(query)))
        assert numbers(heading)[-1] == numbers(words_of)[-1], f"{words_of} leads to {heading}"


def test_the_strip_leads_to_as_many_cases_as_it_shows(look: Show, demo_url: str) -> None:
    """Without accusations, which count in the county's total and are listed nowhere."""
    at = look(demo_url, "overview", unit="D01")
    counts = dict(
        zip(
            ("opening", "registered", "reopened", "moved_in", "moved_out", "closed", "closing"),
            numbers(element_words(at, 'id="balance"')),
            strict=True,
        )
    )
    asked = links(at)
    followed = 0
    for name, count in counts.items():
        query = asked.get(text("balance.open", name=text(f"balance.{name}")))
        assert (query is None) == (count == 0), name
        if query:
            heading = headline(look(demo_url, "cases", unit="D01", **parameters(query)))
            assert numbers(heading)[-1] == count, f"{name}: {heading}"
            followed += 1
    assert followed >= 4


def test_the_list_of_late_cases_is_complete_and_late(show: Show, demo_url: str) -> None:
    at = show(demo_url, "cases", of="overdue.denominator")
    total = numbers(headline(at))[-1]
    table = at.dataframe[0].value
    seen = list(table["case_no"])
    second = show(demo_url, "cases", of="overdue.denominator", page=place_of(at, "next")).dataframe[0].value
    seen += list(second["case_no"])
    assert len(seen) == len(set(seen)) == total
    assert set(table["status"]) == {text("status.overdue")}
    assert (table["days_overdue"] >= 1).all()
    assert table["due_at"].is_monotonic_increasing


# The cases page


def test_a_case_is_found_by_its_number_and_told_as_a_story(show: Show, demo_url: str) -> None:
    number = show(demo_url, "cases", of="overdue.denominator").dataframe[0].value["case_no"].iloc[0]
    at = show(demo_url, "cases", no=number)
    assert numbers(headline(at))[-1] == 1
    assert [heading.value for heading in at.subheader] == [text("story.title", number=number)]
    chart = at.get("vega_lite_chart")[0]
    assert text("moment.registered_at") in chart.proto.alt


def test_lists_can_be_ordered_and_paged(show: Show, demo_url: str) -> None:
    at = show(demo_url, "cases", sort="registered", desc="true")
    assert at.dataframe[0].value["registered_at"].is_monotonic_decreasing
    first = set(at.dataframe[0].value["case_no"])
    turned = {
        name: place_of(show(demo_url, "cases", sort="registered", desc="true"), name) for name in ("next", "last")
    }
    second = show(demo_url, "cases", sort="registered", desc="true", page=turned["next"])
    last = show(demo_url, "cases", sort="registered", desc="true", page=turned["last"])
    pages = [first, *(set(each.dataframe[0].value["case_no"]) for each in (second, last))]
    assert all(pages) and not pages[0] & pages[1] and not pages[2] & (pages[0] | pages[1])
    assert last.button("to_next").disabled and last.button("to_last").disabled
    back = show(demo_url, "cases", sort="registered", desc="true", page=place_of(second, "previous"))
    assert set(back.dataframe[0].value["case_no"]) == first
    # In another list the place means nothing, and one that cannot be read is said to be so.
    other = show(demo_url, "cases", sort="registered", page=turned["next"])
    assert not other.info and other.dataframe[0].value["registered_at"].min() < min(
        at.dataframe[0].value["registered_at"]
    )
    for broken in ("2", turned["next"][:-30], "x.after~~"):
        shown_anew = show(demo_url, "cases", sort="registered", desc="true", page=broken)
        assert set(shown_anew.dataframe[0].value["case_no"]) == first
    assert [info.value for info in show(demo_url, "cases", page="2").info] == [text("cases.place_unknown")]


def place_of(at: AppTest, name: str) -> str:
    """What the URL says after a click on the way to the first, previous, next or last page; `at` is then spent."""
    at.button(f"to_{name}").click().run()
    return str(at.session_state["page"])


def test_an_accusation_is_in_no_list_and_has_no_story(look: Show, demo_url: str) -> None:
    with closing(sqlite3.connect(demo_url.removeprefix("sqlite:///"))) as connection:
        (number,) = connection.execute("SELECT case_no FROM petition_case WHERE purpose = 'accusation'").fetchone()
    at = look(demo_url, "cases", no=number, period="all")
    assert [info.value for info in at.info] == [text("empty.filter")]
    assert not at.dataframe and not at.get("vega_lite_chart") and not at.subheader


def rated_case(url: str) -> str:
    """A case with both ratings, closed this year."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        (number,) = connection.execute(
            "SELECT case_no FROM petition_case WHERE office_rating IS NOT NULL AND unit_rating IS NOT NULL "
            "AND coalesce(purpose, '') <> 'accusation' AND registered_at > '2026-01-01'"
        ).fetchone()
    return str(number)


@in_languages
def test_the_rating_of_a_case_is_never_shown(look: Show, demo_url: str, language: str) -> None:
    at = look(demo_url, "cases", no=rated_case(demo_url), lang=language)
    texts.use(language)
    assert len(at.subheader) == 1
    everything = " ".join(words(at)) + " ".join(str(table.value.to_dict()) for table in at.dataframe)
    told = " ".join(element.proto.spec for element in at.get("vega_lite_chart")) + everything
    for rating in ("满意", "不满意", "satisfied", "dissatisfied"):
        assert rating not in told.lower()
    assert "rating" not in " ".join(str(list(table.value.columns)) for table in at.dataframe)


# What must never be


def test_tables_of_units_cannot_be_sorted(look: Show, demo_url: str) -> None:
    """Streamlit turns the sorting of a table off where columns can be selected."""
    tables = look(demo_url, "departments").dataframe
    assert len(tables) >= 5
    for table in tables:
        assert Dataframe.SelectionMode.SINGLE_COLUMN in table.proto.selection_mode


@pytest.mark.parametrize("page", ["departments", "resolution"])
def test_every_table_with_volumes_is_unsortable(look: Show, demo_url: str, page: str) -> None:
    volumes = {key for key, measure in MEASURES.items() if not measure.is_rate}
    for table in look(demo_url, page).dataframe:
        if volumes & set(table.value.columns):
            assert Dataframe.SelectionMode.SINGLE_COLUMN in table.proto.selection_mode


def test_units_can_only_be_ordered_by_rates(look: Show, demo_url: str) -> None:
    at = look(demo_url, "departments")
    offered = [option.content for group in at.get("button_group") for option in group.proto.options]
    languages = [text(f"language.{language}") for language in LANGUAGES]
    orders = [text("units.fixed"), *(text(f"indicator.{key}.label") for key in unit_tables.RANKED)]
    compared = [text(f"indicator.{key}.label") for key in fair.JUDGED]
    assert sorted(offered) == sorted([*languages, *orders, *compared])


def test_units_ranked_by_a_rate(show: Show, demo_url: str) -> None:
    """The best first; those below the small-n limit follow and are never among the ranked."""
    small_n = settings.load().comparison.small_n
    for key in ("on_time_closure_rate", "unit_satisfaction_rate"):
        ranked = 0
        for table in show(demo_url, "departments", order=key, period="last_month").dataframe[:3]:
            cells = [re.fullmatch(r"([\d.]+)%（\d+–\d+）· ([\d,]+)", cell) for cell in table.value[key]]
            rates = [(float(cell[1]), numbers(cell[2])[0]) if cell else (0.0, 0) for cell in cells]
            enough = [n >= small_n for _, n in rates]
            assert enough == sorted(enough, reverse=True), f"{key}: a small n stands among the ranked: {rates}"
            shares = [share for share, n in rates if n >= small_n]
            assert shares == sorted(shares, reverse=True)
            ranked += len(shares)
        assert ranked, "nothing was ranked, so nothing was tested"


def test_no_page_has_words_of_a_petitioner(show: Show, demo_url: str, tmp_path: Path) -> None:
    """Columns that the contract does not have are never read, whatever they hold."""
    url = copy_of(
        demo_url,
        tmp_path / "named.sqlite",
        "ALTER TABLE petition_case ADD COLUMN petitioner_name VARCHAR(40)",
        "ALTER TABLE petition_case ADD COLUMN id_number VARCHAR(40)",
        "ALTER TABLE petition_case ADD COLUMN content VARCHAR(40)",
        "UPDATE petition_case SET petitioner_name = '张三丰', id_number = '110101199003070011', content = '反映的内容'",
    )
    number = rated_case(demo_url)
    for page in PAGES:
        at = show(url, page, **({"no": number} if page == "cases" else {}))
        cells = [str(table.value.to_dict()) for table in at.dataframe]
        everything = " ".join([*words(at), *cells, *(element.proto.body for element in at.get("html"))])
        for secret in ("张三丰", "110101199003070011", "反映的内容", "petitioner_name", "id_number"):
            assert secret not in everything, f"{secret} on {page}"


# State and time


def test_two_as_of_dates_give_two_states(look: Show, demo_url: str) -> None:
    then, now = (
        look(demo_url, "overview", period="all", **({"as_of": day} if day else {})) for day in ("2025-06-30", "")
    )
    told = indicators(demo_url, "--as-of", "2025-06-30")
    assert numbers(headline(then))[2:4] == [told["open"]["numerator"], told["overdue"]["numerator"]]
    assert numbers(headline(then)) != numbers(headline(now))


def test_a_language_change_keeps_filter_and_numbers(show: Show, demo_url: str) -> None:
    chosen = {"period": "last_month", "unit": "D01"}
    chinese, english = (show(demo_url, "overdue", lang=language, **chosen) for language in LANGUAGES)
    assert numbers(headline(chinese)) == numbers(headline(english))


def test_hostile_names_are_words(show: Show, minimal_url: str, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> **b** [l](http://example.org)"
    url = copy_of(minimal_url, tmp_path / "hostile.sqlite", f"UPDATE unit SET name = '{hostile}' WHERE unit_id = 'u1'")
    for page in PAGES:
        at = show(url, page, unit="u1", period="all")
        for element in at.get("html"):
            assert "<script" not in element.proto.body
        for element in [*at.markdown, *at.subheader, *at.caption]:
            assert "**b**" not in element.value and "](http" not in element.value, f"{page}: {element.value}"
        assert hostile in element_words(at, 'id="filter-sentence"')


def test_the_database_is_only_read(show: Show, demo_url: str, tmp_path: Path) -> None:
    path = tmp_path / "asked.sqlite"  # one that no answer is remembered of
    url = copy_of(demo_url, path)
    before = path.read_bytes()
    for page in PAGES:
        show(url, page)
    assert path.read_bytes() == before


# One or two units beside the county

UNIT_NAMES = {"D01": "住房和城乡建设局", "D02": "自然资源局", "T03": "西园街道", "T08": "云岭乡"}
THIS_YEAR = ("--as-of", "2026-11-24", "--from", "2026-01-01", "--to", "2026-12-31")


def rates_table(at: AppTest) -> dict[str, list[str]]:
    """The cells of the rates table by the name of the rate, with its head under ''."""
    head, *rows = [row for row in sheet_rows(at) if len(row) >= 6]
    return {"": head[1:], **{row[0]: row[1:] for row in rows}}


def pinned(at: AppTest) -> list[list[str]]:
    """What the control shows; none where there is no control."""
    return [list(control.value) for control in at.multiselect if control.key == "choice_pin"]


def charts_said(at: AppTest) -> list[str]:
    return [element.proto.alt for element in at.get("vega_lite_chart")]


def test_pinned_units_have_the_numbers_of_the_command_line(show: Show, demo_url: str) -> None:
    rows = rates_table(show(demo_url, "resolution", pin="D01,T03"))
    assert rows[""][5:] == [UNIT_NAMES["D01"], text("quality.n"), UNIT_NAMES["T03"], text("quality.n")]
    compared = 0
    for place, unit in ((5, "D01"), (7, "T03")):
        told = indicators(demo_url, *THIS_YEAR, "--unit", unit)
        for key in INDICATORS:
            cells = rows.get(text(f"indicator.{key}.label"))
            if cells is None:
                continue
            if INDICATORS[key].office:
                assert cells[place : place + 2] == ["–", "–"], f"{key} is charged to the petition office"
                continue
            assert cells[place] == f"{told[key]['value'] * 100:.1f}%", f"{unit} {key}"
            assert numbers(cells[place + 1]) == [told[key]["numerator"], told[key]["denominator"]], f"{unit} {key}"
            compared += 1
    assert compared >= 16


def test_a_pinned_unit_has_the_numbers_of_the_page_narrowed_to_it(show: Show, demo_url: str) -> None:
    beside = rates_table(show(demo_url, "resolution", pin="T08", period="last_12_months"))
    alone = rates_table(show(demo_url, "resolution", unit="T08", period="last_12_months"))
    office = {text(f"indicator.{key}.label") for key in INDICATORS if INDICATORS[key].office}
    same = {name for name in beside if name and name not in office}
    assert len(same) >= 8
    assert {name: beside[name][5:7] for name in same} == {name: alone[name][:2] for name in same}


def test_hidden_ratings_of_a_pinned_unit_stay_hidden(show: Show, demo_url: str) -> None:
    """Counted from the rows: ratings given in October to a unit that has fewer than five of them."""
    with closing(sqlite3.connect(demo_url.removeprefix("sqlite:///"))) as connection:
        counts = connection.execute(
            "SELECT lead_unit_id, count(*) FROM petition_case WHERE unit_rating IS NOT NULL "
            "AND unit_rated_at >= '2026-10-01' AND unit_rated_at < '2026-11-01' "
            "AND coalesce(purpose, '') <> 'accusation' GROUP BY 1 HAVING count(*) < 5"
        ).fetchall()
    assert counts
    for unit, n in counts[:2]:
        at = show(demo_url, "resolution", pin=unit, period="last_month")
        cells = rates_table(at)[text("indicator.unit_satisfaction_rate.label")]
        assert cells[5:] == ["–", f"– / {n}"]
        line = next(line for line in conclusions(at) if line.startswith(text("indicator.unit_satisfaction_rate.label")))
        assert line.split("\t")[6:] == cells[5:]


def test_the_flow_of_pinned_units_is_counted_right_and_in_the_order_chosen(look: Show, demo_url: str) -> None:
    with closing(sqlite3.connect(demo_url.removeprefix("sqlite:///"))) as connection:

        def october(unit: str, moment: str) -> int:
            (n,) = connection.execute(
                f"SELECT count(*) FROM petition_case WHERE lead_unit_id = ? AND {moment} >= '2026-10-01' "
                f"AND {moment} < '2026-11-01' AND coalesce(purpose, '') <> 'accusation'",
                [unit],
            ).fetchone()
            return int(n)

        at = look(demo_url, "trends", pin="T03,D01")
        flows = [said for said in charts_said(at) if said.endswith("件。") and "：2026年10月登记" in said]
        assert [said.split("：")[0] for said in flows] == [UNIT_NAMES["T03"], UNIT_NAMES["D01"]]
        for unit, said in zip(("T03", "D01"), flows, strict=True):
            registered, closed = numbers(said.split("10月")[1])[:2]
            assert (registered, closed) == (october(unit, "registered_at"), october(unit, "closed_at")), said
    assert len(charts_said(at)) == len(charts_said(look(demo_url, "trends"))) + 4
    assert text("compare.own_scale") in [caption.value for caption in at.caption]


@pytest.mark.parametrize("page", ["trends", "resolution"])
@pytest.mark.parametrize(
    ("asked", "shown_units"),
    [
        ("", []),
        ("D01", ["D01"]),
        ("T03,D01", ["T03", "D01"]),
        ("D01,D01", ["D01"]),
        ("nobody,D01", ["D01"]),
        ("nobody", []),
        ("D01,D02,T03", ["D02", "T03"]),
    ],
)
def test_units_are_pinned_by_the_url(look: Show, demo_url: str, page: str, asked: str, shown_units: list[str]) -> None:
    at = look(demo_url, page, pin=asked)
    assert pinned(at) == [shown_units]
    assert problems(at) == []
    if page == "resolution":
        assert rates_table(at)[""][5::2] == [UNIT_NAMES[unit] for unit in shown_units]


def test_only_units_of_the_filter_stand_beside_what_it_leaves(look: Show, demo_url: str) -> None:
    at = look(demo_url, "resolution", unit="D01,D02", pin="T03,D02")
    assert pinned(at) == [["D02"]]
    said = element_words(at, 'class="subline"')
    assert UNIT_NAMES["D02"] in said and text("compare.base") in said and text("filter.everything") not in said
    assert pinned(look(demo_url, "resolution", kind="township", pin="D01,T03")) == [["T03"]]
    assert pinned(look(demo_url, "resolution", unit="D01", pin="D01")) == [], "there is no other to stand beside"


def test_the_distance_to_the_county_is_that_of_the_two_rates(look: Show, demo_url: str) -> None:
    county, unit = (
        indicators(demo_url, *THIS_YEAR, *more)["on_time_closure_rate"]["value"] for more in ((), ("--unit", "D02"))
    )
    said = element_words(look(demo_url, "resolution", pin="D02"), 'class="subline"')
    assert f"{unit * 100:.1f}%" in said
    assert f"{'低' if unit < county else '高'} {abs(unit - county) * 100:.1f} 个百分点" in said


# What is copied for a briefing


def conclusions(at: AppTest) -> list[str]:
    """The lines that the button would copy; none where there is no button."""
    found = [e.proto.json for e in at.get("bidi_component") if e.proto.component_name == "petition_dashboard.copy"]
    assert len(found) <= 1
    return json.loads(found[0])["words"].split("\n") if found else []


@in_languages
@pytest.mark.parametrize("page", PAGES)
def test_conclusions_begin_with_where_they_are_from(look: Show, demo_url: str, page: str, language: str) -> None:
    at = look(demo_url, page, lang=language, unit="D01")
    texts.use(language)
    lines = conclusions(at)
    demo = text("frame.demo")
    assert lines[0] == text(f"page.{page}")
    assert f"{demo} {lines[1]}" == " ".join(element_words(at, 'id="filter-sentence"').split())
    assert lines[2] == text("brief.source", source=demo)
    assert lines[3:5] == ["", headline(at)]
    said = [line for line in lines if line and "\t" not in line]
    assert len(said) == len(set(said)), "nothing is said twice"


def test_conclusions_of_a_database_in_use_name_the_county(look: Show, minimal_url: str) -> None:
    lines = conclusions(look(minimal_url, "overview"))
    assert lines[2] == text("brief.source", source=text("brief.database", county=settings.load().county))


def test_conclusions_of_the_overview_have_its_figures(look: Show, demo_url: str) -> None:
    at = look(demo_url, "overview")
    lines = conclusions(at)
    told = indicators(demo_url, *THIS_YEAR)
    for tile in at.metric:
        line = next(line for line in lines if line.startswith(f"{tile.label} {tile.value}"))
        key = next(key for key in MEASURES if text(f"indicator.{key}.label") == tile.label)
        if MEASURES[key].is_rate:
            assert f"（{told[key]['numerator']:,}/{told[key]['denominator']:,}）" in line
            assert f"{settings.load().target(key):.0%}" in line
        if tile.delta:
            assert text("brief.before", change=tile.delta) in line
    assert len(at.metric) == 6
    strip = " ".join(element_words(at, 'id="balance"').split())
    assert strip in lines
    rows = sheet_rows(at)
    assert len(rows) == 6
    assert ["\t".join(row) for row in rows] == [line for line in lines if "\t" in line]
    assert charts_said(at) == [line for line in lines if line in charts_said(at)]


@pytest.mark.parametrize("page", ["trends", "overdue", "departments"])
def test_conclusions_have_the_message_of_every_picture(look: Show, demo_url: str, page: str) -> None:
    at = look(demo_url, page)
    small = re.escape(text("trends.one", name="NAME", n=7)).replace("NAME", ".+").replace("7", r"[\d,]+")
    said = [words_of for words_of in charts_said(at) if not re.fullmatch(small, words_of)]
    assert said and set(said) <= set(conclusions(at))


def test_conclusions_of_the_trends_compare_this_year_with_the_last(look: Show, demo_url: str) -> None:
    with closing(sqlite3.connect(demo_url.removeprefix("sqlite:///"))) as connection:
        counts = [
            connection.execute(
                "SELECT count(*) FROM petition_case WHERE registered_at >= ? AND registered_at < ?",
                [f"{year}-01-01", f"{year}-11-01"],
            ).fetchone()[0]
            for year in (2026, 2025)
        ]
    line = next(line for line in conclusions(look(demo_url, "trends")) if "上年同期" in line)
    assert numbers(line)[-2:] == counts


def test_conclusions_of_the_rates_are_the_table(look: Show, demo_url: str) -> None:
    at = look(demo_url, "resolution", pin="D01")
    rows = ["\t".join([name, *cells]) for name, cells in rates_table(at).items() if name]
    assert len(rows) >= 10
    assert rows == [line for line in conclusions(at) if "\t" in line][1:]
    assert element_words(at, 'class="subline"') in conclusions(at)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "definitions"])
def test_conclusions_hold_no_case(look: Show, demo_url: str, page: str) -> None:
    asked = {"of": "overdue.denominator"} if page == "cases" else {}
    assert not re.search(r"XF\d+", "\n".join(conclusions(look(demo_url, page, **asked))))


def test_conclusions_of_one_case_tell_nothing_of_it(look: Show, demo_url: str) -> None:
    number = rated_case(demo_url)
    at = look(demo_url, "cases", no=number)
    assert at.get("vega_lite_chart"), "the case is told on the screen"
    assert conclusions(at)[3:] == ["", headline(at)]
    assert number not in "".join(conclusions(at))


def test_a_page_without_figures_has_nothing_to_copy(look: Show, demo_url: str, empty_url: str) -> None:
    nothing = {"unit": "D01", "township": "T01", "channel": "agency", "level": "national", "track": "other"}
    for page in ("overview", "trends", "resolution", "departments"):
        assert conclusions(look(demo_url, page, **nothing)) == []
        assert conclusions(look(empty_url, page)) == []


def test_a_failed_page_has_nothing_to_copy(show: Show, demo_url: str) -> None:
    at = show(demo_url, "cases", of="nonsense")
    assert problems(at)
    assert conclusions(at) == []


# Since the last meeting


def test_since_the_last_meeting_says_what_became_of_its_decisions(look: Show, demo_url: str) -> None:
    at = look(demo_url, "since")
    assert "2026年11月18日会议" in headline(at)
    assert text("since.from_records") in element_words(at, 'class="subline"')
    with closing(sqlite3.connect(demo_url.removeprefix("sqlite:///"))) as connection:
        items = [
            item
            for (item,) in connection.execute(
                "SELECT item FROM meeting_decision WHERE date(meeting_on) = '2026-11-18' ORDER BY decision_id"
            )
        ]
    assert [row[0] for row in sheet_rows(at)][1 : len(items) + 1] == items


@pytest.mark.parametrize("then", ["2026-10-31", "2026-08-31"])
def test_the_day_to_compare_with_is_in_the_url(look: Show, demo_url: str, then: str) -> None:
    at = look(demo_url, "since", then=then)
    before = numbers(headline(look(demo_url, "overdue", as_of=then)))[0]
    *_, newly, cleared, now, by = numbers(headline(at))
    assert before + newly - cleared == now and abs(now - before) == by


def test_since_narrowed_to_what_has_no_cases_is_all_nothing(look: Show, demo_url: str) -> None:
    at = look(demo_url, "since", unit="D01", township="T01", channel="agency", level="national", track="other")
    assert not at.dataframe and not at.error


@in_languages
def test_since_compares_with_the_copy_where_one_was_kept(
    show: Show, demo_url: str, tmp_path: Path, language: str
) -> None:
    url = copy_of(demo_url, tmp_path / "county.sqlite")
    frozen.freeze(open_database(url, settings.load()), dt.date(2026, 11, 18), dt.datetime(2026, 11, 18, 9))
    late = (
        "SELECT case_id FROM petition_case WHERE closed_at IS NULL AND due_at <= '2026-11-10 23:59:59' "
        "AND purpose = 'appeal' AND disposition = 'forwarded' AND coalesce(track, 'statutory') = 'statutory' LIMIT 1"
    )
    changed = copy_of(
        url, tmp_path / "changed.sqlite", f"UPDATE petition_case SET lead_unit_id = 'T07' WHERE case_id = ({late})"
    )
    (tmp_path / "county.sqlite").write_bytes((tmp_path / "changed.sqlite").read_bytes())
    assert changed
    at = show(url, "since", lang=language)
    texts.use(language)
    assert text("since.from_records") not in element_words(at, 'class="subline"')
    assert "12,000" in element_words(at, 'class="subline"')
    assert text("since.number", name=text("since.changed_unit"), n=1) in links(at)


# The supervision page


def test_the_supervision_strip_adds_up_and_opens_its_cases(look: Show, demo_url: str) -> None:
    at = look(demo_url, "supervision")
    told = indicators(demo_url, *THIS_YEAR)
    opening, new, again, signed_off, remaining = numbers(element_words(at, 'id="supervised"'))
    assert opening + new + again - signed_off == remaining
    keys = ("supervised_new", "supervised_again", "signed_off", "supervised")
    assert [new, again, signed_off, remaining] == [told[key]["numerator"] for key in keys]
    assert numbers(headline(at)) == [remaining, new, again, signed_off, told["milestone_overdue"]["numerator"]]
    for label, n in (("opening", opening), ("signed_off", signed_off), ("remaining", remaining)):
        query = links(at)[text("balance.open", name=text(f"supervision.{label}"))]
        assert n in numbers(headline(look(demo_url, "cases", **parameters(query)))), label


def test_links_of_the_supervision_page_say_how_many_cases_they_open(look: Show, demo_url: str) -> None:
    at = look(demo_url, "supervision")
    compared = 0
    for label, query in links(at).items():
        asked = parameters(query)
        if "of" in asked and numbers(label):
            assert numbers(label)[-1] in numbers(headline(look(demo_url, "cases", **asked))), label
            compared += 1
    assert compared >= 8


def test_low_ratings_without_a_second_look_are_a_count_without_a_list(look: Show, demo_url: str) -> None:
    at = look(demo_url, "supervision")
    n = indicators(demo_url, *THIS_YEAR)["no_second_look"]["numerator"]
    assert text("supervision.second_look", n=n) in words(at)
    assert not [query for query in links(at).values() if "no_second_look" in query]
    assert problems(look(demo_url, "cases", of="no_second_look.denominator")) == [text("problem.rating_not_listed")]


def test_a_database_without_lists_says_so_and_shows_the_rest(look: Show, minimal_url: str) -> None:
    at = look(minimal_url, "supervision")
    assert headline(at) == text("supervision.headline_missing")
    assert any("listing.case_id" in caption.value for caption in at.caption)


def test_posts_are_in_their_own_order_and_cannot_be_sorted(look: Show, demo_url: str) -> None:
    at = look(demo_url, "supervision")
    table = next(each for each in at.dataframe if "副县长（分管城建）" in list(each.value.iloc[:, 0]))
    with closing(sqlite3.connect(demo_url.removeprefix("sqlite:///"))) as connection:
        order = [name for (name,) in connection.execute("SELECT name FROM post ORDER BY post_id")]
    shown_posts = list(table.value["c0"])
    assert shown_posts == [name for name in order if name in shown_posts]
    assert Dataframe.SelectionMode.SINGLE_COLUMN in table.proto.selection_mode, "column selection turns sorting off"
