"""The button that copies a page's conclusions, in a real browser, with the clipboard of today and without one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from conftest import visiting
from test_browser import go, headline, numbers, sentence, until_url_has, wait

from data_access import texts
from data_access.texts import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

SAID_FOR = 2_000  # milliseconds
READ = "() => navigator.clipboard.readText()"
PLAIN_HTTP = """
  window.readAll = navigator.clipboard.readText.bind(navigator.clipboard)
  Object.defineProperty(Navigator.prototype, "clipboard", {value: undefined, configurable: true})
"""
REFUSED = """
  window.readAll = navigator.clipboard.readText.bind(navigator.clipboard)
  navigator.clipboard.writeText = () => Promise.reject(new Error("refused"))
"""


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """A tab that may read what was copied."""
    with visiting(browser) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context.new_page()


@pytest.fixture
def changed(tab: Page) -> Iterator[Page]:
    """Another tab of the same browser, to begin with a script of the test's own."""
    with closing(tab.context.new_page()) as page:
        yield page


def copied(page: Page, read: str = READ) -> list[str]:
    """The lines on the clipboard after a click, when the button says that it is done."""
    page.locator("button.copy").click()
    page.get_by_role("button", name=text("brief.copied"), exact=True).wait_for()
    return str(page.evaluate(read)).replace("\r\n", "\n").split("\n")


@pytest.mark.parametrize("language", ["zh_CN", pytest.param("en", marks=pytest.mark.thorough)])
def test_a_click_copies_what_the_page_says(page: Page, demo_server: str, language: str) -> None:
    texts.use(language)
    go(page, f"{demo_server}/resolution?unit=D01&lang={language}")
    lines = copied(page)
    assert lines[0] == text("page.resolution")
    assert f"{text('frame.demo')} {lines[1]}" == " ".join(sentence(page).split())
    assert headline(page) in lines
    rows = page.locator(".sheet").first.locator("tr").all()
    shown = ["\t".join(cell.inner_text() for cell in row.locator("th, td").all()) for row in rows]
    assert [line for line in lines if "\t" in line] == shown


def test_it_says_so_for_two_seconds(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overdue")
    button, status = page.locator("button.copy"), page.locator("span.copy-said")
    button.get_by_text(text("brief.copy"), exact=True).wait_for()
    assert status.get_attribute("aria-live") == "polite"
    assert (button.inner_text(), status.inner_text()) == (text("brief.copy"), "")
    copied(page)
    assert status.inner_text() == text("brief.copied")
    page.wait_for_timeout(SAID_FOR / 2)
    assert button.inner_text() == text("brief.copied")
    page.wait_for_timeout(SAID_FOR)
    assert (button.inner_text(), status.inner_text()) == (text("brief.copy"), "")


@pytest.mark.parametrize("script", [PLAIN_HTTP, REFUSED], ids=["plain http", "refused"])
def test_where_there_is_no_clipboard_to_write_to_it_copies_all_the_same(
    changed: Page, demo_server: str, script: str
) -> None:
    page = changed
    page.add_init_script(script)
    go(page, f"{demo_server}/overview")
    lines = copied(page, "() => window.readAll()")
    assert lines[0] == text("page.overview")
    assert headline(page) in lines
    assert page.locator("textarea").count() == 0, "nothing is left behind"
    assert page.evaluate("document.activeElement.className") == "copy", "the keyboard stays where it was"


def test_a_failure_is_said(changed: Page, demo_server: str) -> None:
    page = changed
    page.add_init_script(PLAIN_HTTP + "document.execCommand = () => false")
    go(page, f"{demo_server}/overview")
    page.locator("button.copy").click()
    page.get_by_role("button", name=text("brief.failed"), exact=True).wait_for()


def test_it_is_reached_by_keyboard_and_seen(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overview")
    button = page.locator("button.copy")
    button.wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "copy":
            break
    else:
        pytest.fail("the button cannot be reached by Tab")
    assert button.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    assert button.evaluate("button => parseFloat(getComputedStyle(button).outlineWidth)") >= 2
    page.keyboard.press("Enter")
    page.get_by_role("button", name=text("brief.copied"), exact=True).wait_for()
    assert headline(page) in str(page.evaluate(READ))


def test_after_a_change_of_the_filter_the_new_figures_are_copied(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overdue?unit=D02")
    before = copied(page)
    page.locator(".st-key-reset_filter button").click()
    until_url_has(page, unit=None)
    page.wait_for_function("words => !document.querySelector('.headline').innerText.includes(words)", arg=before[4])
    wait(page)
    after = copied(page)
    assert after[4] == headline(page)
    assert numbers(after[4])[0] > numbers(before[4])[0]
