"""The dashboard in a real browser: deep links, filters, drills and back, downloads, sizes. Few and real."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import PATIENCE, visiting
from openpyxl import load_workbook

from dashboard.frame import PAGES
from data_access import texts
from data_access.texts import text

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

SIZES = ((1920, 1080), (1280, 720))
SMALLEST = 12  # pixels
ERRORS = "Page not found|Traceback|Error running app|StreamlitAPIException|KeyError|ValueError"

# The smallest letters on the screen, without icons and what only a screen reader sees.
LETTERS = """
() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, holder = node.parentElement;
    if (!node.textContent.trim() || !holder.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect(), style = getComputedStyle(holder);
    const frame = holder.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || frame.width < 2 || frame.height < 2) continue;
    if (/Material|style|script/i.test(style.fontFamily + holder.tagName)) continue;
    found.push([parseFloat(style.fontSize), node.textContent.trim().slice(0, 40)]);
  }
  return found;
}
"""


def wait(page: Page) -> None:
    """Until the page is drawn and nothing runs."""
    page.wait_for_selector(".headline, [data-testid=stAlert]")
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_function("!document.querySelector('[data-stale=true]')")


def go(page: Page, url: str) -> None:
    page.goto(url)
    wait(page)


def headline(page: Page) -> str:
    return page.locator(".headline").inner_text()


def sentence(page: Page) -> str:
    return page.locator("#filter-sentence").inner_text()


def numbers(words: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", words)]


def parameters(page: Page) -> dict[str, list[str]]:
    """The URL's parameters."""
    return parse_qs(urlsplit(page.url).query, keep_blank_values=True)


def until_url_has(page: Page, **expected: str | None) -> None:
    """Wait until each parameter has its value (None: is gone) and the page is drawn again."""
    for name, value in expected.items():
        page.wait_for_function(
            "([name, value]) => new URL(location.href).searchParams.get(name) === value", arg=[name, value]
        )
    wait(page)


def control(page: Page, name: str) -> Locator:
    """The visible control of a choice."""
    return page.locator(f"[class*='st-key-choice_{name}']")


def choose_by_keyboard(page: Page, name: str, word: str) -> None:
    """Type an option into a list and press Enter."""
    control(page, name).locator("input").first.focus()
    page.keyboard.type(word)
    page.get_by_role("option", name=word, exact=True).wait_for()
    page.keyboard.press("Enter")


def assert_sound(page: Page, where: str) -> None:
    """The frame is there and nothing failed."""
    assert sentence(page), where
    assert headline(page), where
    assert page.locator(".st-key-filter_bar").is_visible(), where
    assert page.get_by_role("dialog").count() == 0, where
    assert not re.search(ERRORS, page.locator("body").inner_text()), where
    assert page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0, where


# Deep links


def test_any_page_may_be_the_very_first_request(browser: Browser, server: Callable[..., str], small_url: str) -> None:
    """Streamlit's trap: until someone has been at the root, it runs a page's script without the app around it."""
    with visiting(browser) as context:
        tab = context.new_page()
        go(tab, f"{server(small_url)}/overdue")
        assert_sound(tab, "overdue")
        assert urlsplit(tab.url).path == "/overdue"
    base = server(small_url)
    urls = [f"{base}/{path}" for path in ("", "overview", "departments", "cases", "definitions")]
    with visiting(browser) as context:
        context.set_default_timeout(len(urls) * PATIENCE)  # so many pages share what one has otherwise
        tabs = [context.new_page() for _ in urls]
        for tab, url in zip(tabs, urls, strict=True):
            tab.goto(url, wait_until="commit")
        for tab, url in zip(tabs, urls, strict=True):
            wait(tab)
            assert_sound(tab, url)
            assert urlsplit(tab.url).path == urlsplit(url).path
        said = [headline(tab) for tab in tabs]
    assert said[0] == said[1], "the root is the overview"
    assert len(set(said)) == len(said) - 1, "each page has a message of its own"


# Filters


@pytest.mark.parametrize("language", ["zh_CN", pytest.param("en", marks=pytest.mark.thorough)])
def test_a_filter_set_by_keyboard_makes_a_link_that_reproduces_the_screen(
    browser: Browser, page: Page, demo_server: str, language: str
) -> None:
    texts.use(language)
    go(page, f"{demo_server}/overdue" + ("?lang=en" if language == "en" else ""))
    at_first = headline(page), sentence(page)
    choose_by_keyboard(page, "period", text("period.last_12_months"))
    until_url_has(page, period="last_12_months")
    page.locator(".st-key-narrowing button").first.focus()
    page.keyboard.press("Enter")
    choose_by_keyboard(page, "kind", kind_name("township", language))
    page.keyboard.press("Escape")
    until_url_has(page, period="last_12_months", kind="township")
    narrowed = headline(page), sentence(page)
    assert narrowed != at_first
    assert kind_name("township", language) in narrowed[1]

    with visiting(browser) as elsewhere:
        copied = elsewhere.new_page()
        go(copied, page.url)
        assert (headline(copied), sentence(copied)) == narrowed
        other = next(each for each in texts.LANGUAGES if each != language)
        control(copied, "lang").get_by_text(text(f"language.{other}")).click()
        copied.wait_for_function("words => document.querySelector('.headline')?.innerText !== words", arg=narrowed[0])
        wait(copied)
        assert sorted(numbers(headline(copied))) == sorted(numbers(narrowed[0])), "another language, the same figures"
        assert parameters(copied)["kind"] == ["township"]
        control(copied, "lang").get_by_text(text(f"language.{language}")).click()
        copied.wait_for_function("words => document.querySelector('.headline')?.innerText === words", arg=narrowed[0])
        wait(copied)
        assert (headline(copied), sentence(copied)) == narrowed, "there and back again, nothing is lost"
        assert parameters(copied) == parameters(page)

    page.locator(".st-key-reset_filter button").focus()
    page.keyboard.press("Enter")
    until_url_has(page, period=None, kind=None)
    assert (headline(page), sentence(page)) == at_first
    assert set(parameters(page)) <= {"lang"}


def kind_name(kind: str, language: str) -> str:
    """The name of a kind of unit in the settings."""
    from data_access import settings

    return str(getattr(getattr(settings.load().unit_kinds, kind), language))


def test_the_as_of_day_is_set_and_kept_on_the_way_to_another_page(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overview?as_of=2025-06-30&unit=D02")
    then = numbers(headline(page))
    assert "2025年6月30日" in sentence(page)
    page.get_by_role("link", name=text("page.overdue"), exact=True).click()
    page.wait_for_url("**/overdue*")
    wait(page)
    assert parameters(page) == {"as_of": ["2025-06-30"], "unit": ["D02"]}
    assert "2025年6月30日" in sentence(page)
    assert numbers(headline(page))[0] == then[3]


# To the cases and back


def test_a_number_leads_to_its_cases_and_back_leads_back(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overview")
    choose_by_keyboard(page, "period", text("period.last_12_months"))
    until_url_has(page, period="last_12_months")
    page.locator(".st-key-narrowing button").first.click()
    choose_by_keyboard(page, "unit", "自然资源局")
    page.keyboard.press("Escape")
    until_url_has(page, unit="D02")
    url, said, filtered = page.url, headline(page), sentence(page)
    count = numbers(said)[3]
    assert count > 0

    page.locator("[data-testid=stPageLink] a[href*='of=overdue.']").first.click()
    page.wait_for_url("**/cases*")
    wait(page)
    assert numbers(headline(page))[-1] == count
    assert sentence(page) == filtered
    assert {"period", "unit", "of"} <= set(parameters(page))

    page.go_back()
    page.wait_for_url("**/overview*")
    wait(page)
    page.wait_for_function("words => document.querySelector('.headline')?.innerText === words", arg=said)
    assert page.url == url
    assert sentence(page) == filtered


def mark(page: Page, chart: int) -> Locator:
    """The first bar or point of the chart in this place of the page."""
    marks = "path[aria-roledescription=bar], path[aria-roledescription=point]"
    return page.locator("[data-testid=stVegaLiteChart]").nth(chart).locator(marks).first


def point_at(page: Page, place: Locator, x: float | None = None, y: float | None = None) -> None:
    """Click on the screen where `place` is: in its middle, or so far from its corner."""
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box
    page.mouse.click(
        box["x"] + (box["width"] / 2 if x is None else x), box["y"] + (box["height"] / 2 if y is None else y)
    )


def test_a_bar_opens_its_cases_and_can_be_opened_again(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overdue")
    dialog = page.get_by_role("dialog")
    mark(page, 1).wait_for()
    said = mark(page, 1).get_attribute("aria-label") or ""
    found = re.search(r"n: (\d+); name: (.+?);", said)
    assert found, said
    count, unit = int(found[1]), found[2]
    for time in range(3):
        point_at(page, mark(page, 1))
        dialog.wait_for()
        wait(page)
        assert numbers(dialog.inner_text())[0] == count
        assert dialog.locator("[data-testid=stDataFrame]").count() == 1
        if time < 2:
            page.keyboard.press("Escape")
            dialog.wait_for(state="detached")
            page.wait_for_timeout(500)  # the chart is drawn anew, without the selection
            wait(page)
    dialog.locator("[data-testid=stPageLink] a").click()
    page.wait_for_url("**/cases*")
    wait(page)
    assert numbers(headline(page))[-1] == count
    assert unit in headline(page)
    assert dialog.count() == 0


def test_a_bar_becomes_the_filter_and_its_chip_drops_it(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overdue")
    whole = numbers(headline(page))[0]
    mark(page, 1).wait_for()
    found = re.search(r"n: (\d+); name: (.+?);", mark(page, 1).get_attribute("aria-label") or "")
    assert found
    count, unit = int(found[1]), found[2]
    point_at(page, mark(page, 1))
    page.get_by_role("dialog").get_by_role("button", name=text("drill.filter_by")).click()
    page.get_by_role("dialog").wait_for(state="detached")
    page.wait_for_function("new URL(location.href).searchParams.get('unit')")
    wait(page)
    page.wait_for_function("n => document.querySelector('.headline')?.innerText.includes(` ${n} `)", arg=count)
    assert unit in sentence(page)
    assert numbers(headline(page))[0] == count < whole
    page.locator(".st-key-chips button").first.click()
    until_url_has(page, unit=None)
    page.wait_for_function("n => document.querySelector('.headline')?.innerText.includes(` ${n} `)", arg=whole)
    assert unit not in sentence(page)


@pytest.mark.parametrize("zone", [pytest.param("Asia/Shanghai", marks=pytest.mark.thorough), "America/Los_Angeles"])
def test_a_month_of_the_trend_is_that_month_wherever_the_browser_is(
    browser: Browser, demo_server: str, zone: str
) -> None:
    with visiting(browser, 1920, 1080, timezone_id=zone) as context:
        page = context.new_page()
        go(page, f"{demo_server}/trends?length=year&by=channel")
        mark(page, 0).wait_for()
        label = mark(page, 0).get_attribute("aria-label") or ""
        point_at(page, mark(page, 0))
        link = page.get_by_role("dialog").locator("[data-testid=stPageLink] a")
        link.wait_for()
        (days,) = parse_qs(urlsplit(link.get_attribute("href") or "").query)["at"]
        assert re.fullmatch(r"days:20\d\d-01-01\.\.20\d\d-12-31", days), f"{label} leads to {days}"


def test_a_row_of_the_list_tells_its_story(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/cases?of=overdue.denominator")
    table = page.locator("[data-testid=stDataFrame]").first
    table.wait_for()
    assert page.locator("[data-testid=stVegaLiteChart]").count() == 0
    point_at(page, table, 18, 38 + 19)
    page.locator("[data-testid=stVegaLiteChart] svg").wait_for()
    wait(page)
    assert re.search(r"XF\d+", page.locator("h3").first.inner_text())
    assert page.locator("[data-testid=stVegaLiteChart]").count() == 1


# Downloads


def test_the_list_of_late_cases_comes_as_a_workbook(page: Page, demo_server: str, tmp_path: Path) -> None:
    go(page, f"{demo_server}/overdue?period=last_12_months&kind=department")
    count = numbers(headline(page))[0]
    assert count > 0
    for key, sheets in (("download_overdue_whole", False), ("download_overdue_units", True)):
        with page.expect_download() as waiting:
            page.locator(f".st-key-{key} button").click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        assert path.suffix == ".xlsx"
        book = load_workbook(BytesIO(path.read_bytes()))
        rows = [row for sheet in book for row in sheet.iter_rows(min_row=4, values_only=True)]
        assert len(rows) == len({row[0] for row in rows}) == count
        assert (len(book.worksheets) > 1) is sheets
        for sheet in book:
            assert sheet["A2"].value == sentence(page).removeprefix(text("frame.demo")).strip()


# What every page must keep


@pytest.mark.parametrize("language", [pytest.param("zh_CN", marks=pytest.mark.thorough), "en"])
def test_every_page_fits_reads_and_stays_on_this_machine(
    browser: Browser, demo_server: str, server_logs: Path, language: str
) -> None:
    texts.use(language)
    asked: list[str] = []
    wide, small, unmarked = [], [], []
    with visiting(browser) as context:
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.on("websocket", lambda socket: asked.append(socket.url))
        for name in PAGES:
            page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
            go(page, f"{demo_server}/{name}?lang={language}")
            assert_sound(page, name)
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_timeout(350)
                wait(page)
                over = page.evaluate(
                    "() => [document.documentElement, ...document.querySelectorAll('[data-testid=stMain]')]"
                    ".map(box => box.scrollWidth - box.clientWidth)"
                )
                if max(over) > 0:
                    wide.append(f"{name} at {width}: {max(over)} px too wide")
            letters = page.evaluate(LETTERS)
            assert len(letters) > 10, "the letters of the page were not found"
            small += [f"{name}: {size} px {words!r}" for size, words in letters if size < SMALLEST]
            if text("frame.demo") not in sentence(page):
                unmarked.append(name)
    assert not wide
    assert not small
    assert not unmarked
    hosts = {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in ("data", "blob")}
    assert hosts == {urlsplit(demo_server).netloc}
    log = (server_logs / f"{urlsplit(demo_server).port}.log").read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log and "Error" not in log, log[-2000:]


def test_names_from_the_database_do_nothing_on_a_page(
    page: Page, server: Callable[..., str], minimal_url: str, tmp_path: Path
) -> None:
    hostile = '<img src=x onerror="document.title=`taken`"> **b** [l](http://example.org) $x^2$ :red[r]'
    path = tmp_path / "hostile.sqlite"
    with (
        closing(sqlite3.connect(minimal_url.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)
        with target:
            target.execute("UPDATE unit SET name = ?", [hostile])
            target.execute(
                "UPDATE petition_case SET case_no = '**M** [l](http://example.org) <b>' WHERE case_no = 'M001'"
            )
    base = server(f"sqlite:///{path.as_posix()}")
    for url in ("overview?unit=u1", "trends?by=unit", "overdue", "departments", "cases?no=**M**&period=all"):
        go(page, f"{base}/{url}")
        assert page.title() != "taken", url
        assert page.locator("img[src=x], .katex").count() == 0, url
        assert page.get_by_role("link", name="l", exact=True).count() == 0, url
        if url.startswith(("overview", "trends")):
            assert hostile in page.locator("[data-testid=stMain]").inner_text(), url
