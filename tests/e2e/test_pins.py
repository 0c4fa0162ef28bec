"""Units beside the county in a real browser: chosen, kept from page to page, and the cases behind their marks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import visiting
from test_browser import go, numbers, point_at, until_url_has, wait

from data_access.texts import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """A large tab for all tests of the module."""
    with visiting(browser, 1920, 1080) as context:
        yield context.new_page()


def test_pinned_units_are_chosen_kept_and_replaced(page: Page, demo_server: str) -> None:
    """Chosen on one page, there on the next; a third takes the place of the first."""
    go(page, f"{demo_server}/trends")
    control = page.locator("[class*='st-key-choice_pin']")
    for unit, codes in (("自然资源局", "D02"), ("西园街道", "D02,T03"), ("教育局", "T03,D06")):
        control.locator("input").first.focus()
        page.keyboard.type(unit)
        page.get_by_role("option", name=unit, exact=True).wait_for()
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        until_url_has(page, pin=codes)
    page.get_by_role("link", name=text("page.resolution"), exact=True).click()
    page.wait_for_url("**/resolution*")
    wait(page)
    until_url_has(page, pin="T03,D06")
    heads = page.locator(".sheet").first.locator("th").all_inner_texts()
    assert [head for head in heads if head in ("西园街道", "教育局", "自然资源局")] == ["西园街道", "教育局"]


@pytest.mark.parametrize(("where", "of"), [("trends", "registered"), ("resolution", "on_time_closure_rate")])
def test_a_mark_of_a_unit_leads_to_the_units_cases(page: Page, demo_server: str, where: str, of: str) -> None:
    go(page, f"{demo_server}/{where}?pin=D01")
    charts = page.locator("[data-testid=stVegaLiteChart]").locator("visible=true")
    chart = charts.nth(1 if where == "trends" else 0)
    marks = "path[aria-roledescription=point]"
    mark = chart.locator(marks if where == "trends" else f"{marks}[aria-label*='D01']").first
    mark.wait_for()
    point_at(page, mark)
    dialog = page.get_by_role("dialog")
    dialog.locator("[data-testid=stPageLink] a").wait_for()
    wait(page)
    count = numbers(dialog.inner_text())[0]
    link = dialog.locator("[data-testid=stPageLink] a")
    asked = parse_qs(urlsplit(link.get_attribute("href") or "").query)
    assert asked["of"][0].split(".")[0] == of
    assert "unit:D01" in asked["at"]
    link.click()
    page.wait_for_url("**/cases*")
    wait(page)
    assert "住房和城乡建设局" in page.locator(".headline").inner_text()
    assert numbers(page.locator(".headline").inner_text())[-1] == count
