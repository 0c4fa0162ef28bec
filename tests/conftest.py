"""What tests share: databases to read, a browser, a running dashboard, and when to do without.

A test that needs a server or a browser skips where there is none and says how to get it.
With CASES_TEST_NO_SKIP set, as in CI, it fails instead. All is made in the process that needs it,
so pytest-xdist's workers do not meet. Databases shared by a session are to be read only.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import engines
import pytest
from engines import sqlite_url

from data_access.settings import AGENDA

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from dashboard.drawing import Drawing

ROOT = Path(__file__).resolve().parent.parent
DEMO_AS_OF = dt.date(2026, 11, 24)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
WINDOWS_BROWSERS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
BROWSER_FLAGS = (
    "--no-sandbox",  # CI is root in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
START_SECONDS = 60
PATIENCE = 20_000  # milliseconds

# The developer's own database and settings must never reach a test.
for _name in ("CASES_URL", "CASES_SETTINGS"):
    os.environ.pop(_name, None)


def skip_or_fail(reason: str) -> NoReturn:
    """Skip with `reason`; fail with it where nothing may be skipped."""
    if os.environ.get("CASES_TEST_NO_SKIP"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--engine`: where the databases of tests are made."""
    said = "the engine on which tests make their databases; tests/on_every_engine starts the servers"
    parser.addoption("--engine", choices=engines.ENGINES, default="sqlite", help=said)


def pytest_configure(config: pytest.Config) -> None:
    """Take the engine, before anything is collected."""
    engines.choose(config.getoption("engine"))
    needed = engines.SERVERS.get(engines.chosen)
    if needed and not os.environ.get(needed):
        raise pytest.UsageError(f"--engine {engines.chosen} needs {needed}; tests/on_every_engine starts a server")


@pytest.fixture(autouse=True, scope="session")
def _components_are_looked_for_once() -> Iterator[None]:
    """Before each run AppTest reads what every installed package says of itself: nearly half of a page's test."""
    if "streamlit" not in sys.modules:  # else some test needs it
        yield
        return
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


def pytest_sessionfinish() -> None:
    """Leave nothing on a server."""
    engines.drop_all()


@pytest.fixture(autouse=True, scope="module")
def _few_connections() -> Iterator[None]:
    """A server has so many connections; databases that stay opened for a session keep one each."""
    yield
    if engines.chosen in engines.SERVERS:
        engines.close_idle()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the fixtures they ask for, and run the browser's first.

    They take longest: what is left at the end is short, so that no worker waits long for the other.
    """

    def fixtures(item: pytest.Item) -> list[str]:
        return getattr(item, "fixturenames", [])

    for item in items:
        if "chromium" in fixtures(item):
            item.add_marker(pytest.mark.browser)
        for engine, fixture in (("postgresql", "postgres_server"), ("mariadb", "mariadb_server")):
            if fixture in fixtures(item):
                item.add_marker(pytest.mark.server)
                if engines.chosen not in ("sqlite", engine):
                    item.add_marker(pytest.mark.skip(reason=f"about {engine} by name: not with {engines.chosen}"))
        for mark in item.iter_markers("only_on"):
            if engines.chosen not in mark.args:
                why = mark.kwargs["reason"]
                item.add_marker(pytest.mark.skip(reason=f"only on {', '.join(mark.args)}: {why}"))
    items.sort(key=lambda item: "browser" not in fixtures(item))


@pytest.fixture(autouse=True)
def _chinese_first() -> None:
    """Each test begins in the default language, whatever the one before has chosen."""
    from data_access import texts

    texts.use(texts.LANGUAGES[0])


# Charts


def selections(drawing: Drawing) -> list[str]:
    """The names of what can be clicked on in a chart, whose specification is held against Vega-Lite's schema."""
    specification = drawing.vega_lite()
    return [each["name"] for layer in specification["layer"] for each in layer.get("params", ())]


@pytest.fixture(autouse=True, scope="session")
def _charts_are_vega_lite() -> Iterator[None]:
    """Every chart shown is held against Vega-Lite's schema, and none has a channel written in the way that is slow."""
    import altair as alt
    from altair.utils import schemapi

    from dashboard.drawing import Drawing

    held: set[str] = set()
    whole = Drawing.vega_lite

    def vega_lite(self: Drawing) -> dict[str, Any]:
        specification = json.dumps(self.specification)
        if specification not in held:
            alt.LayerChart.validate(json.loads(specification))
            held.add(specification)
        named = set(re.findall(r'"data": {"name": "(\w+)"}', specification))
        assert named == set(self.tables), "a table is named that is not there, or one is there that no layer names"
        return whole(self)

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError(
            "a channel is given as a bare string, alt.value or alt.condition: see dashboard/drawing.py"
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drawing, "vega_lite", vega_lite)
        patch.setattr(schemapi._FromDict, "__init__", refused)
        yield


# Databases


def _demo(url: str, cases: int = 12_000) -> str:
    from data_access.demo import make_demo

    make_demo(url, cases=cases, seed=7, as_of=DEMO_AS_OF)
    return url


@pytest.fixture(scope="session")
def demo_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo county: 12,000 cases, seed 7, as of 24 November 2026."""
    return _demo(engines.fresh_url(tmp_path_factory.mktemp("demo"), "demo"))


@pytest.fixture(scope="session")
def small_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo county with 2,000 cases, for tests that ask much and to which the size means nothing."""
    return _demo(engines.fresh_url(tmp_path_factory.mktemp("small"), "small"), cases=2_000)


@pytest.fixture(scope="session")
def demo_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo county as a SQLite file, whatever the engine: to be asked by hand, or copied and changed."""
    if engines.chosen == "sqlite":
        return Path(request.getfixturevalue("demo_url").removeprefix("sqlite:///"))
    file = tmp_path_factory.mktemp("demo_file") / "demo.sqlite"
    _demo(sqlite_url(file))
    return file


@pytest.fixture(scope="session")
def rough_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo county with the gaps and oddities of real sources, as a SQLite file; 5,000 cases have them all."""
    from rough_county import roughen

    file = tmp_path_factory.mktemp("rough_file") / "rough.sqlite"
    _demo(sqlite_url(file), cases=5_000)
    roughen(file, seed=3)
    return file


@pytest.fixture(scope="session")
def rough_url(rough_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """`rough_file` on the engine of this run."""
    if engines.chosen == "sqlite":
        return sqlite_url(rough_file)
    return engines.copied(rough_file, engines.fresh_url(tmp_path_factory.mktemp("rough"), "rough"))


@pytest.fixture(scope="session")
def empty_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with every table of the contract and its version, and no other row."""
    from data_access import schema
    from data_access.engine import writing_engine

    url = engines.fresh_url(tmp_path_factory.mktemp("empty"), "empty")
    engine = writing_engine(url)
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        connection.execute(schema.contract.insert().values(version=schema.VERSION))
    engine.dispose()
    return url


def minimal_cases() -> list[tuple[str, str, str | None, str, str]]:
    """The 40 cases of `minimal_url`: case_no, registered_at, closed_at, lead_unit_id, due_at.

    Case i is registered at 09:00 every 8th day from 5 January 2026 (the last on 13 November),
    for unit u1 … u4 in turn of ten, and due 60 days later, given as a date. By i % 4 it is
    left open, closed after 30 days, closed in the last minutes of its deadline, or closed
    10 days late; what would close after 24 November 2026 is open too.
    """
    cases = []
    for i in range(40):
        registered = dt.datetime(2026, 1, 5, 9) + dt.timedelta(days=8 * i)
        due = registered.date() + dt.timedelta(days=60)
        closed = (
            None,
            registered + dt.timedelta(days=30),
            dt.datetime.combine(due, dt.time(23, 50)),
            dt.datetime.combine(due + dt.timedelta(days=10), dt.time(10)),
        )[i % 4]
        if closed and closed.date() > DEMO_AS_OF:
            closed = None
        unit = f"u{i // 10 + 1}"
        cases.append((f"M{i + 1:03}", str(registered), str(closed) if closed else None, unit, str(due)))
    return cases


@pytest.fixture(scope="session")
def minimal_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with what the contract requires and nothing more: see `minimal_cases`."""
    url = engines.fresh_url(tmp_path_factory.mktemp("minimal"), "minimal")
    moment = "TIMESTAMP" if engines.chosen == "postgresql" else "DATETIME"

    def row(*values: object) -> str:
        return "(" + ", ".join("NULL" if value is None else f"'{value}'" for value in values) + ")"

    names = ("甲局", "乙局", "丙镇", "丁镇")
    engines.written(
        url,
        "CREATE TABLE unit (unit_id VARCHAR(40) PRIMARY KEY, name VARCHAR(120))",
        f"CREATE TABLE petition_case (case_no VARCHAR(40) PRIMARY KEY, registered_at {moment}, "
        f"closed_at {moment}, lead_unit_id VARCHAR(40), due_at DATE)",
        f"INSERT INTO unit VALUES {', '.join(row(f'u{n}', name) for n, name in enumerate(names, 1))}",
        f"INSERT INTO petition_case VALUES {', '.join(row(*case) for case in minimal_cases())}",
    )
    return url


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """URL of a PostgreSQL database whose user may create others and connects with a password over TCP."""
    url = os.environ.get("CASES_TEST_POSTGRES")
    if not url:
        skip_or_fail("no PostgreSQL: set CASES_TEST_POSTGRES=postgresql://user:password@host:port/database")
    return url


@pytest.fixture(scope="module")
def postgres_url(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a PostgreSQL database of the test module's own, empty at first."""
    return engines.fresh_url(tmp_path_factory.mktemp("postgres"), on="postgresql")


@pytest.fixture(scope="session")
def mariadb_server() -> str:
    """URL of a MariaDB database whose user may create others and connects with a password over TCP."""
    url = os.environ.get("CASES_TEST_MARIADB")
    if not url:
        skip_or_fail("no MariaDB: set CASES_TEST_MARIADB=mariadb://user:password@host:port/database")
    return url


@pytest.fixture(scope="module")
def mariadb_url(mariadb_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a MariaDB database of the test module's own, empty at first."""
    return engines.fresh_url(tmp_path_factory.mktemp("mariadb"), on="mariadb")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real ledgers, which lies beside the project where it is developed."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real ledgers in {folder}")
    return folder


# The running dashboard


@pytest.fixture(scope="session")
def server_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where each server's output goes, as <port>.log."""
    return tmp_path_factory.mktemp("servers")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(port: int) -> bool:
    # http.client, because urllib would ask a configured proxy.
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/_stcore/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


@contextmanager
def serving(logs: Path, url: str | None, env: dict[str, str]) -> Iterator[str]:
    """The dashboard in a process of its own on `url` (None: nothing configured); its base URL."""
    port = _free_port()
    log = logs / f"{port}.log"
    options = (f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options, "--server.fileWatcherType=none"],
            cwd=ROOT,
            env={**os.environ, **({"CASES_URL": url} if url else {}), **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        stop = time.monotonic() + START_SECONDS
        while not _healthy(port):
            if process.poll() is not None or time.monotonic() > stop:
                said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                pytest.fail(f"the dashboard did not start within {START_SECONDS} seconds:\n{said}", pytrace=False)
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()  # it only reads; asked politely, it waits for its viewers
        process.wait()


@pytest.fixture
def server(server_logs: Path) -> Iterator[Callable[..., str]]:
    """`server(url, NAME="value", …)`: a fresh dashboard on a database, with more environment; its base URL."""
    with ExitStack() as running:

        def start(url: str | None = None, **env: str) -> str:
            return running.enter_context(serving(server_logs, url, env))

        yield start


def with_every_view(folder: Path) -> dict[str, str]:
    """The environment of a dashboard with every view in its agenda and a file of official figures, made in `folder`."""
    published = ["指标,单位,时段,数值", "登记,全县,2026-10,186", "按期办结率,全县,2026年10月,97.5%"]
    (folder / "official.csv").write_text("\n".join(published), encoding="utf-8")
    settings = f"[meeting]\nagenda = {list(AGENDA)}\n[official]\nfile = {str(folder / 'official.csv')!r}\n"
    (folder / "settings.toml").write_text(settings, encoding="utf-8")
    return {"CASES_SETTINGS": str(folder / "settings.toml")}


@pytest.fixture(scope="session")
def every_view(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """`with_every_view` in a folder of the session."""
    return with_every_view(tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="session")
def demo_server(server_logs: Path, demo_url: str, every_view: dict[str, str]) -> Iterator[str]:
    """Base URL of a dashboard on the demo county, one for the session."""
    with serving(server_logs, demo_url, every_view) as base:
        yield base


# The browser


def _installed_browser() -> str | None:
    found = (shutil.which(name) for name in BROWSERS)
    homes = (os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"))
    usual = (Path(home) / path for home in homes if home for path in WINDOWS_BROWSERS)
    return next((path for path in found if path), None) or next((str(path) for path in usual if path.is_file()), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium, Chrome or Edge."""
    path = os.environ.get("CASES_TEST_CHROMIUM") or _installed_browser()
    if not path:
        skip_or_fail("no browser: install chromium, Chrome or Edge, or set CASES_TEST_CHROMIUM to its path")
    if not Path(path).is_file():
        skip_or_fail(f"no browser: CASES_TEST_CHROMIUM names {path}, where there is none")
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless browser, closed after the module: while it runs, playwright's event loop is in others' way."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        skip_or_fail(f"no browser: playwright cannot be imported ({error}); python run.py test installs it")
    with ExitStack() as running:
        try:
            playwright = running.enter_context(sync_playwright())
            launched = playwright.chromium.launch(executable_path=chromium, args=list(BROWSER_FLAGS))
        except (Error, OSError) as error:
            skip_or_fail(f"no browser: {chromium} could not be started: {str(error).splitlines()[0]}")
        yield launched
        launched.close()


@contextmanager
def visiting(browser: Browser, width: int = 1280, height: int = 720, **options: Any) -> Iterator[BrowserContext]:
    """A visitor with no history."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(PATIENCE)
    try:
        yield context
    finally:
        context.close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """One tab for all tests of a module: to fetch and compile Streamlit's scripts anew takes most of a visit."""
    with visiting(browser) as context:
        yield context.new_page()


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    """The tab as a visitor with no history has it."""
    size = tab.viewport_size
    yield tab
    tab.evaluate("localStorage.clear(); sessionStorage.clear()")
    tab.context.clear_cookies()
    tab.goto("about:blank")
    if size:
        tab.set_viewport_size(size)
