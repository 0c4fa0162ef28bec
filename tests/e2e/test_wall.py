"""Projector mode in a real browser: it fits, it can be read, keys walk it, numbers open their cases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import crowded_county
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import serving, sqlite_url

from data_access import texts
from data_access.settings import AGENDA
from data_access.texts import text

if TYPE_CHECKING:
    from playwright.sync_api import Page

NARROWEST = (1024, 768)
SIZES = ((1920, 1080), (1280, 720), NARROWEST, (3840, 1080))
BODY, FACT, FOOTER, MARGIN = 0.035, 0.06, 0.027, 0.03  # shares of the screen's height or width
CONTRAST = 7.0
FURTHER = ".stage .rest [data-do=next]"

# Every piece of text on the wall: its words, box, size, weight, colours and the part it stands in.
LOOK = """
() => {
  const stage = document.querySelector('.stage'), found = [];
  const colour = (words) => (words.match(/[\\d.]+/g) || []).map(Number);
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = colour(getComputedStyle(at).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const add = (node, holder, part) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const style = getComputedStyle(holder), size = parseFloat(style.fontSize);
    for (const line of range.getClientRects()) if (line.width > 2) {
      // A font's line is higher than its letters.
      const middle = (line.top + line.bottom) / 2;
      found.push({words: node.textContent.trim(), part, left: line.left, right: line.right, top: middle - size / 2,
      bottom: middle + size / 2, size, weight: Number(style.fontWeight),
      ink: colour(holder.namespaceURI.endsWith('svg') ? style.fill : style.color).slice(0, 3),
      paper: holder.namespaceURI.endsWith('svg') ? paper(stage) : paper(holder)});
    }
  };
  const walker = document.createTreeWalker(stage, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || holder.closest('.hints') || !holder.checkVisibility()) continue;
    const part = holder.closest('footer') ? 'footer' : holder.closest('.number') ? 'number' : 'body';
    add(walker.currentNode, holder, part);
  }
  for (const label of document.querySelectorAll('.st-key-stage_picture svg.marks text'))
    if (label.textContent.trim() && getComputedStyle(label).opacity !== '0') add(label, label, 'chart');
  const scrolls = [...document.querySelectorAll('html, body, [data-testid=stMain], .stage, .stage *')].filter((box) =>
    /auto|scroll/.test(getComputedStyle(box).overflowY) && box.scrollHeight > box.clientHeight + 1);
  const picture = stage.querySelector('.picture');
  const cut = [...stage.querySelectorAll('.picture, .fact, td, th, h1, .rest')].filter((box) =>
    box.checkVisibility() && box.clientWidth && box.scrollWidth > box.clientWidth + 1 && !box.matches('td.bar'));
  return {found, scrolls: scrolls.map((box) => box.className || box.tagName), cut: cut.map((box) => box.innerText),
    over: picture ? picture.scrollHeight - picture.clientHeight : 0,
    facts: stage.querySelectorAll('.fact').length, rows: stage.querySelectorAll('tbody tr:not([hidden])').length,
    drawn: !stage.querySelector('.hole') || Boolean(document.querySelector('.st-key-stage_picture svg.marks'))};
}
"""


@pytest.fixture(scope="module")
def crowded_server(
    server_logs: Path, tmp_path_factory: pytest.TempPathFactory, every_view: dict[str, str]
) -> Iterator[str]:
    """A dashboard on 60 units with names of 16 characters and a month with 9,999 cases."""
    url = crowded_county.make(sqlite_url(tmp_path_factory.mktemp("crowded") / "crowded.sqlite"))
    with serving(server_logs, url, every_view) as base:
        yield base


def go(page: Page, url: str) -> None:
    page.goto(url)
    settled(page)


def settled(page: Page) -> None:
    """Until the wall is there and nothing runs."""
    page.wait_for_selector(".stage h1")
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_function(
        "!document.querySelector('.stage .hole') || document.querySelector('.st-key-stage_picture svg.marks')"
    )


def enter(page: Page) -> None:
    """From a page to the wall. Streamlit listens for a key a moment after it has drawn the button for it."""
    page.wait_for_selector(".headline")
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.locator(".st-key-present_enter button").wait_for()
    page.wait_for_timeout(1000)
    page.keyboard.press("p")
    settled(page)


def message(page: Page) -> str:
    return page.locator(".stage h1").inner_text()


def press(page: Page, *keys: str) -> str:
    """Press keys that change the view; its new message."""
    before = page.locator(".stage .slide").inner_html()
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function("html => document.querySelector('.stage .slide')?.innerHTML !== html", arg=before)
    settled(page)
    return message(page)


def number(words: str) -> int:
    found = re.search(r"\d[\d,]*", words)
    assert found, words
    return int(found[0].replace(",", ""))


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def luminance(colour: list[float]) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[float], other: list[float]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def faults(look: dict[str, Any], width: int, height: int) -> list[str]:
    """What is wrong with a view, each in a sentence."""
    found = [f"scroll bar in {name}" for name in look["scrolls"]]
    found += [f"cut off: {words!r}" for words in look["cut"]]
    if look["over"] > 1:
        found.append(f"the picture is {look['over']} px too high")
    if look["facts"] > 4 or look["rows"] > 8:
        found.append(f"{look['facts']} figures and {look['rows']} rows")
    least = {"body": BODY, "chart": BODY, "number": FACT, "footer": FOOTER}
    for each in look["found"]:
        words = each["words"][:30]
        if each["size"] < least[each["part"]] * height - 0.1:
            found.append(f"{each['part']} {words!r} is {each['size']} px high")
        if each["part"] != "footer" and each["weight"] < 500:
            found.append(f"{words!r} has weight {each['weight']}")
        if contrast(each["ink"], each["paper"]) < CONTRAST:
            found.append(f"{words!r} has contrast {contrast(each['ink'], each['paper']):.1f}")
        edge = MARGIN - 0.002
        inside = edge * width <= each["left"] and each["right"] <= (1 - edge) * width
        if not (inside and edge * height <= each["top"] and each["bottom"] <= (1 - edge) * height):
            found.append(f"{words!r} lies in the margin")
    found += [f"{one!r} over {other!r}" for one, other in overlaps(look["found"])]
    return found


def overlaps(texts_found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Pairs of texts whose letters lie over each other; a text's own halo is none."""
    found = []
    for place, one in enumerate(texts_found):
        for other in texts_found[place + 1 :]:
            wide = min(one["right"], other["right"]) - max(one["left"], other["left"])
            high = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            middles = (each["left"] + each["right"] for each in (one, other))
            is_halo = one["words"] == other["words"] and abs(next(middles) - next(middles)) < 2
            if wide > 2 and high > 2 and not is_halo:
                found.append((one["words"][:20], other["words"][:20]))
    return found


@pytest.mark.parametrize(
    ("county", "theme", "language"),
    [
        pytest.param("demo", "light", "zh_CN", marks=pytest.mark.thorough),
        pytest.param("demo", "dark", "zh_CN", marks=pytest.mark.thorough),
        pytest.param("crowded", "light", "zh_CN", marks=pytest.mark.thorough),
        ("crowded", "light", "en"),  # the widest words
    ],
)
def test_every_view_fits_and_can_be_read(
    page: Page, demo_server: str, crowded_server: str, county: str, language: str, theme: str
) -> None:
    base = demo_server if county == "demo" else crowded_server
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wrong: list[str] = []
    seen: list[str] = []
    explained = 0

    def measure(name: str, sizes: Sequence[tuple[int, int]]) -> None:
        for width, height in sizes if theme == "light" else sizes[:1]:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300 if page.locator(".stage .hole").count() else 80)
            look = page.evaluate(LOOK)
            found = faults(look, width, height)
            for _ in range(20):  # on a busy machine a chart takes its new size later
                if not found:
                    break
                page.wait_for_timeout(200)
                look = page.evaluate(LOOK)
                found = faults(look, width, height)
            assert look["drawn"] and len(look["found"]) > 5, f"{name}: nothing was found to look at"
            wrong.extend(f"{name} at {width}×{height}: {fault}" for fault in found)
            seen.extend(each["part"] for each in look["found"])

    go(page, f"{base}/overview?present=1&view={AGENDA[0]}&lang={language}&embed_options={theme}_theme")
    for place, name in enumerate(AGENDA):
        if place:
            press(page, "PageDown")
        assert parameters(page)["view"] == [name]
        measure(name, SIZES)
        press(page, "m")
        while page.locator(FURTHER).count():  # evidence, before the formulas
            explained += 1
            measure(f"{name}, how it is worked out", [NARROWEST])
            press(page, "PageDown")
        press(page, "Escape")
    assert explained > 5
    assert not wrong, "\n".join(wrong[:40])
    assert {"body", "chart", "number", "footer"} <= set(seen)
    shown = page.evaluate("getComputedStyle(document.querySelector('.stage')).backgroundColor")
    assert (shown == "rgb(255, 255, 255)") is (theme == "light")
    hosts = {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in ("data", "blob")}
    assert hosts == {urlsplit(base).netloc}


def test_keys_walk_the_agenda_and_coming_back_keeps_the_place(page: Page, demo_server: str) -> None:
    page.goto(f"{demo_server}/overdue?unit=D02")
    enter(page)
    assert page.locator(".st-key-filter_bar, [data-testid=stHeader]").locator("visible=true").count() == 0
    late = message(page)
    after = press(page, "PageDown")
    assert press(page, "ArrowLeft") == late
    assert press(page, "ArrowRight") == after
    assert press(page, "PageUp") == late
    first = press(page, "Home")
    assert parameters(page)["view"] == [AGENDA[0]]
    page.keyboard.press("PageUp")
    page.wait_for_timeout(300)
    assert message(page) == first, "before the first view there is none"
    press(page, "End")
    assert parameters(page)["view"] == [AGENDA[-1]]
    press(page, "5")
    assert parameters(page)["view"] == [AGENDA[4]]
    assert parameters(page)["unit"] == ["D02"]
    assert "自然资源局" in page.locator(".stage .sentence").inner_text()

    page.keyboard.press("b")
    covered = "getComputedStyle(document.querySelector('.stage'), '::after').backgroundColor"
    assert page.evaluate(covered) == "rgb(0, 0, 0)"
    page.keyboard.press("b")
    assert page.evaluate(covered) != "rgb(0, 0, 0)"

    here = message(page)
    page.keyboard.press("p")
    page.wait_for_selector(".headline")
    assert "present" not in parameters(page)
    assert parameters(page)["unit"] == ["D02"]
    assert urlsplit(page.url).path == "/overdue"
    enter(page)
    assert message(page) == here


def test_a_number_opens_its_cases_in_place_and_escape_returns(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overview?present=1&view=late")
    at_first = message(page)
    total = page.locator(".stage .fact .number").first
    count = number(total.inner_text())
    assert count > 8
    total.click()
    page.wait_for_selector(".stage .pages")
    assert number(message(page)) == count
    cases = page.locator(".stage tbody tr:not([hidden]) th")
    shown = cases.all_inner_texts()
    assert 1 < len(shown) <= 8 and len(set(shown)) == len(shown)
    page.keyboard.press("PageDown")
    page.wait_for_function("no => document.querySelector('.stage tbody th').innerText !== no", arg=shown[0])
    settled(page)
    assert not set(cases.all_inner_texts()) & set(shown), "the next ones, none twice"
    assert press(page, "Escape") == at_first


def test_a_mark_of_a_chart_opens_its_cases(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overview?present=1&view=volume")
    at_first = message(page)
    mark = page.locator(".st-key-stage_picture path[aria-roledescription=point]").first
    said = mark.get_attribute("aria-label") or ""
    n = re.search(r"\bn: (\d+)", said)
    assert n, said
    box = mark.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".stage .pages")
    # A month's accusations are counted and never listed.
    assert 0 < number(message(page).rpartition("：")[2]) <= int(n[1])
    assert press(page, "Escape") == at_first
    page.wait_for_selector(".st-key-stage_picture svg.marks")


def test_cases_become_the_filter_and_the_chip_drops_it(page: Page, demo_server: str) -> None:
    go(page, f"{demo_server}/overview?present=1&view=late_units")
    row = page.locator(".stage tbody tr").first
    name, count = row.locator("th").inner_text(), number(row.locator(".label").inner_text())
    row.locator(".label").click()
    page.wait_for_selector(".stage .pages")
    assert number(message(page).rpartition("：")[2]) == count
    whole = page.locator(".stage .rest a").get_attribute("href") or ""
    assert parse_qs(urlsplit(whole).query)["of"] == ["overdue.denominator"]
    page.locator('.stage [data-do="narrow"]').click()
    page.wait_for_function("new URL(location.href).searchParams.get('unit')")
    settled(page)
    assert name in page.locator(".stage .sentence").inner_text()
    assert page.locator(".stage tbody tr").count() == 1
    page.locator('.stage [data-do="drop:unit"]').dispatch_event("click")
    page.wait_for_function("!new URL(location.href).searchParams.get('unit')")
    settled(page)
    assert page.locator(".stage tbody tr").count() > 1

    page.goto(f"{demo_server}{whole}")
    page.wait_for_selector(".headline")
    assert number(page.locator(".headline").inner_text().rpartition("，")[2]) == count


@pytest.mark.parametrize(
    ("language", "typed", "expected"),
    [
        ("zh_CN", "住建局 超期 今年", {"unit": ["D01"]}),
        pytest.param(
            *("en", "zjj overdue last month", {"unit": ["D01"], "period": ["last_month"]}), marks=pytest.mark.thorough
        ),
    ],
)
def test_typed_words_become_a_filter(
    page: Page, demo_server: str, language: str, typed: str, expected: dict[str, list[str]]
) -> None:
    texts.use(language)
    go(page, f"{demo_server}/overview?present=1&view=late&lang={language}")
    page.keyboard.press("/")
    page.keyboard.type(typed)
    page.locator(".ask li").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_function("new URL(location.href).searchParams.get('unit')")
    page.wait_for_selector(".stage .pages")
    settled(page)
    assert expected.items() <= parameters(page).items()
    count = number(message(page)[-8:])
    press(page, "Escape")
    assert number(page.locator(".stage .fact .number").first.inner_text()) == count

    page.keyboard.press("/")
    page.keyboard.type("张三")
    page.locator(".ask p", has_text="张三").wait_for()
    assert page.locator(".ask li").count() == 0
    assert text("ask.unknown", words="张三") == page.locator(".ask p").inner_text()
    before = page.url
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.url == before


def test_the_room_decides_how_large_the_letters_are(page: Page, demo_server: str) -> None:
    def size() -> float:
        return float(page.evaluate("parseFloat(getComputedStyle(document.querySelector('.stage')).fontSize)"))

    go(page, f"{demo_server}/overview?present=1&view=departments")
    rows = page.locator(".stage tbody tr:not([hidden])")
    assert size() == pytest.approx(0.035 * 720, abs=0.1)
    usual = rows.count()
    press(page, "s")
    for _ in range(5):
        before = page.url
        page.locator('.stage [data-do="seat:1"]').click()
        page.wait_for_function("url => location.href !== url", arg=before)
        settled(page)
    assert parameters(page)["seat"] == ["14"]
    press(page, "Escape")
    # 14 m / 150 / 1.8 m of screen
    assert size() == pytest.approx(14 / 150 / 1.8 * 720, abs=0.3)
    assert 1 <= rows.count() < usual
    left_out = number(page.locator(".stage .left-out").inner_text())
    go(page, f"{demo_server}/overview?present=1&view=departments")
    assert left_out + 0 > number(page.locator(".stage .left-out").inner_text())
    go(page, f"{demo_server}/overview?present=1&view=departments&seat=40&screen=1")
    assert page.locator(".stage .verdict.bad").count() == 1


def test_views_change_by_themselves_until_paused(
    page: Page, server: Callable[..., str], small_url: str, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[meeting]\nagenda = ["late", "fields"]\nadvance_seconds = 3\n', encoding="utf-8")
    base = server(small_url, CASES_SETTINGS=str(settings))
    go(page, f"{base}/overview?present=1&auto=1")
    first = message(page)
    assert page.locator(".stage .countdown").inner_text()
    page.wait_for_function("words => document.querySelector('.stage h1')?.innerText !== words", arg=first)
    second = message(page)
    page.wait_for_function("words => document.querySelector('.stage h1')?.innerText === words", arg=first)
    page.keyboard.press("Space")
    page.wait_for_timeout(4500)
    assert message(page) == first
    assert page.locator(".stage .countdown").inner_text() == text("wall.paused")
    page.keyboard.press("Space")
    page.wait_for_function("words => document.querySelector('.stage h1')?.innerText === words", arg=second)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_axe_finds_nothing_serious_on_the_wall(page: Page, demo_server: str, theme: str) -> None:
    found = []

    def look(where: str) -> None:
        page.wait_for_timeout(300)
        report = Axe().run(page, None, {"resultTypes": ["violations"]}).response
        found.extend(
            f"{where}: {one['id']} {one['nodes'][0]['html'][:200]}"
            for one in report["violations"]
            if one["impact"] in ("serious", "critical")
        )

    go(page, f"{demo_server}/overview?present=1&view=changes&embed_options={theme}_theme")
    for view in ("changes", "volume", "departments"):
        if view != "changes":
            press(page, *str(AGENDA.index(view) + 1))
        look(view)
    page.locator(".stage .label").first.click()
    page.wait_for_selector(".stage .pages")
    look("cases")
    press(page, "Escape")
    press(page, "m")
    look("methods")
    page.keyboard.press("/")
    page.keyboard.type("住建局")
    page.locator(".ask li").first.wait_for()
    look("quick filter")
    assert not found, "\n".join(found)
