"""What a viewer waits for: first load and filter change until the last mark is painted, in a real browser.

The dashboard is started as it is. Each round opens the overview with a period that nobody has
asked for before, so that nothing is cached, in a browser with nothing in its cache, and then chooses
a channel; then the same once more in another fresh browser, where the process knows the answers: that
is the same page drawn from constants. The rounds alternate, so that noise hits both.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.asked import ROOT
from benchmarks.machine import Failed, peak_of
from benchmarks.naive import KEEP
from data_access.schema import CHANNELS
from data_access.texts import text, use

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRIPT: Final = (Path(__file__).parent / "painted.js").read_text(encoding="utf-8")
CHROMIUM: Final = "CASES_TEST_CHROMIUM"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
QUIET: Final = 700
"""Milliseconds without a change after which the page is taken as painted; they are not counted."""
RUNS: Final = 9
WARM_UP: Final = 2
PATIENCE: Final = 300
"""Seconds until a page that is not drawn is given up."""
SIZE: Final = {"width": 1920, "height": 1080}


@dataclass(frozen=True)
class App:
    """A page to visit: how it is started, its path, its control of channels, and the words of a channel there."""

    script: str
    path: str
    control: str
    words: Callable[[str], str]
    opens: str | None = None  # what must be clicked before the control can be seen
    environment: tuple[tuple[str, str], ...] = ()


DASHBOARD: Final = App(
    "app.py",
    "/overview",
    "[class*='st-key-choice_channel'] input",
    lambda code: text(f"code.channel.{code}"),
    opens=".st-key-narrowing button",
)
NAIVE: Final = App("benchmarks/naive.py", "/", ".st-key-channel input", str)
NAIVE_KEPT: Final = App("benchmarks/naive.py", "/", ".st-key-channel input", str, environment=((KEEP, "1"),))


def measured(
    app: App, url: str, as_of: date, runs: int, seconds: float, said: Callable[[int, int], None]
) -> dict[str, Any]:
    """Milliseconds: `load` and `change` uncached, `load_known` and `change_known` once the process has answered them.

    `memory`: the most that the process has held. At most about `seconds` are spent, on at least three rounds.
    """
    use("zh_CN")
    found: dict[str, list[float]] = {"load": [], "change": [], "load_known": [], "change_known": []}
    with _serving(app, url) as (base, process), _browser() as browser:
        for round_ in range(-WARM_UP, runs):
            if round_ == 0:
                began = time.monotonic()
            if round_ >= 3 and time.monotonic() - began > seconds:
                break
            said(round_, runs)
            start = as_of - timedelta(days=350 + round_)
            address = f"{base}{app.path}?period=custom&from={start}&to={as_of}"
            channel = CHANNELS[round_ % len(CHANNELS)]
            for known in ("", "_known"):
                load, change = _visit(browser, app, address, channel)
                if round_ >= 0:
                    found[f"load{known}"].append(load)
                    found[f"change{known}"].append(change)
        return {**found, "memory": peak_of(process)}


def _visit(browser: Browser, app: App, address: str, channel: str) -> tuple[float, float]:
    """Milliseconds of the first load and of choosing a channel, by a visitor with no history."""
    context = browser.new_context(viewport={"width": SIZE["width"], "height": SIZE["height"]}, locale="zh-CN")
    context.set_default_timeout(PATIENCE * 1000)
    context.add_init_script(SCRIPT)
    try:
        page = context.new_page()
        page.goto(address, wait_until="commit")
        load = _painted(page)
        if app.opens:
            page.locator(app.opens).first.click()
        page.locator(app.control).first.focus()
        page.keyboard.type(app.words(channel))
        page.get_by_role("option", name=app.words(channel), exact=True).wait_for()
        page.evaluate("paintedBy.begin()")
        page.keyboard.press("Enter")
        return load, _painted(page)
    finally:
        context.close()


def _painted(page: Page) -> float:
    handle = page.wait_for_function("(quiet) => window.paintedBy?.settled(quiet)", arg=QUIET, polling=100)
    return float(handle.json_value())


def browser_file() -> str:
    """Path of a Chromium, Chrome or Edge; raises Failed."""
    found = os.environ.get(CHROMIUM) or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise Failed(f"no browser: install chromium, or set {CHROMIUM} to its path")
    return found


@contextmanager
def _browser() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise Failed("no playwright: pip install -r tests/requirements.txt") from error
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browser_file(), args=list(FLAGS))
        try:
            yield launched
        finally:
            launched.close()


@contextmanager
def _serving(app: App, url: str) -> Iterator[tuple[str, int]]:
    """The app in a process of its own; its address and the process."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = (f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true")
    environment = {**os.environ, "CASES_URL": url, "PYTHONPATH": str(ROOT), **dict(app.environment)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", app.script, *options],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            stop = time.monotonic() + 60
            while not _healthy(port):
                if process.poll() is not None or time.monotonic() > stop:
                    log.seek(0)
                    raise Failed(f"{app.script} did not start: {log.read().decode(errors='replace')[-500:]}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _healthy(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/_stcore/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
