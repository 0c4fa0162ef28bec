"""Pictures of every page and every view of the wall, on the demo county, for the documents.

`python docs/screenshots/take.py` writes them beside this file. Needs tests/requirements.txt and a Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import conftest  # noqa: E402

from dashboard.frame import PAGES  # noqa: E402
from data_access.demo import make_demo  # noqa: E402
from data_access.settings import AGENDA  # noqa: E402

SIZE = {"width": 1280, "height": 720}


def take(page: Page, name: str) -> None:
    """One picture, in as few colours as a screen of words needs."""
    path = ROOT / f"docs/screenshots/{name}.png"
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        url = conftest.sqlite_url(Path(folder) / "demo.sqlite")
        make_demo(url, cases=12_000, seed=7, as_of=conftest.DEMO_AS_OF)
        browser = playwright.chromium.launch(
            executable_path=conftest._installed_browser(), args=list(conftest.BROWSER_FLAGS)
        )
        page = browser.new_page(viewport=SIZE)
        with conftest.serving(Path(folder), url, conftest.with_every_view(Path(folder))) as base:
            for name in PAGES:
                page.goto(f"{base}/{name}")
                page.wait_for_selector(".headline")
                page.wait_for_timeout(2500)
                take(page, name)
            for part in ("clock", "data", "official"):
                page.goto(f"{base}/definitions?part={part}")
                page.wait_for_selector(".headline")
                page.wait_for_timeout(2500)
                take(page, f"definitions-{part}")
            for name in AGENDA:
                page.goto(f"{base}/overview?present=1&view={name}")
                page.wait_for_selector(".stage h1")
                page.wait_for_timeout(4500)  # the hints go
                take(page, f"wall-{name}")
        browser.close()


if __name__ == "__main__":
    main()
