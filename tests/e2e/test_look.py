"""Light and dark, paper, and who cannot see or use a mouse: in a real browser, on every page."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import visiting
from pypdf import PdfReader
from test_browser import go, sentence, wait

from dashboard.frame import PAGES
from dashboard.theme import DARK, LIGHT, Palette
from data_access.texts import text

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PAPER = (842, 595)  # A4 across, in points
SMALLEST = 7.0  # points; what a chart or table may come down to on paper

# What Streamlit draws itself and cannot be told about: the sparkline of a metric holds an empty group without a name.
# The figure and its change stand beside it in words.
NOT_OURS = ["[data-testid=stMetricChart]"]


@pytest.fixture
def dark_system(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor with no history whose system is dark."""
    with visiting(browser, color_scheme="dark") as context:
        yield context


def paper_colour(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor"))


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"


def until_painted(page: Page, palette: Palette) -> None:
    """Wait until Streamlit's widgets, our own style and the words in the charts have the palette's colours."""
    page.wait_for_function(
        "([paper, ink]) => getComputedStyle(document.querySelector('.stApp')).backgroundColor === paper"
        " && document.querySelector('.stVegaLiteChart .role-axis-label text')?.getAttribute('fill') === ink",
        arg=[rgb(palette.paper), palette.ink],
    )
    wait(page)
    assert page.evaluate("getComputedStyle(document.querySelector('.headline')).color") == rgb(palette.ink)


def turn(page: Page) -> None:
    """Press the switch between light and dark."""
    page.locator(".look-switch").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    wait(page)


def test_light_is_the_default_and_dark_is_kept(dark_system: BrowserContext, demo_server: str) -> None:
    page = dark_system.new_page()
    url = f"{demo_server}/overdue?period=last_12_months&kind=department"
    go(page, url)
    until_painted(page, LIGHT)
    said = sentence(page)
    turn(page)
    until_painted(page, DARK)
    assert (page.url, sentence(page)) == (url, said)
    page.get_by_role("link", name=text("page.trends"), exact=True).click()
    page.wait_for_url("**/trends*")
    wait(page)
    until_painted(page, DARK)
    page.reload()
    wait(page)
    until_painted(page, DARK)
    other = dark_system.new_page()
    go(other, url)
    until_painted(other, DARK)
    turn(other)
    until_painted(other, LIGHT)


def letters(path: Path) -> tuple[str, dict[float, int]]:
    """The text of a one-page PDF, and how many letters it has of each size in points."""
    sizes: dict[float, int] = {}

    def count(words: str, transformed: list[float], placed: list[float], _font: object, size: float) -> None:
        if words.strip() and placed[3]:
            points = round(abs(size * placed[3] * transformed[3]), 1)
            sizes[points] = sizes.get(points, 0) + len(words.strip())

    (page,) = PdfReader(path).pages  # one sheet
    assert (round(float(page.mediabox.width)), round(float(page.mediabox.height))) == PAPER
    words = page.extract_text(visitor_text=count)
    return plain(words), sizes


def plain(words: str) -> str:
    """Words without spaces, in the letters that a PDF gives back: dashes of one shape are one letter to it."""
    return unicodedata.normalize("NFKC", "".join(words.split())).replace("\u2012", "\u2013")


def serious(page: Page) -> list[str]:
    """What axe finds of consequence."""
    report = Axe().run(page, {"exclude": NOT_OURS}, {"resultTypes": ["violations"]}).response
    return [
        f"{one['impact']} {one['id']} {one['nodes'][0]['html'][:200]}"
        for one in report["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def assert_prints_on_one_sheet(page: Page, path: Path) -> None:
    page.pdf(path=path, format="A4", landscape=True, prefer_css_page_size=True, print_background=True)
    words, sizes = letters(path)
    source = page.locator("p.only-paper").first.text_content() or ""
    for line in (sentence(page), source, page.locator(".headline").inner_text()):
        assert plain(line) in words, f"{path.name}: {line}"
    assert text("frame.demo") in source
    small = sum(n for size, n in sizes.items() if size < SMALLEST - 0.15)
    assert small <= 0.05 * sum(sizes.values()), f"{path.name}: {sorted(sizes.items())}"
    assert page.evaluate("document.documentElement.className") == "", "the screen is as it was before"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), pytest.param(1920, True, marks=pytest.mark.thorough)])
def test_every_page_is_for_everybody_and_prints_on_one_sheet(
    browser: Browser, demo_server: str, tmp_path: Path, width: int, dark: bool
) -> None:
    found = []
    with visiting(browser, width, width * 9 // 16) as context:
        page = context.new_page()
        go(page, f"{demo_server}/{PAGES[0]}")
        if dark:
            turn(page)
        for name in PAGES:
            go(page, f"{demo_server}/{name}")
            page.wait_for_function("[...document.querySelectorAll('.vega-embed')].every(chart => chart.innerHTML)")
            page.wait_for_function("document.querySelector('.look-switch')?.textContent")  # it brings the paper
            page.wait_for_function("!document.querySelector('.stBidiComponent button:empty')")
            page.wait_for_timeout(500)  # what has just appeared is faded
            found += [f"{name}: {fault}" for fault in serious(page)]
            assert_prints_on_one_sheet(page, tmp_path / f"{name}.pdf")
    assert not found, "\n".join(found)
