"""Where the case database is when nobody says so: environment, secrets file, else the demo county."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from data_access.deadlines import last_moment
from data_access.demo import make_demo
from data_access.problems import Problem

VARIABLE: Final = "CASES_URL"
ROOT: Final = Path(__file__).resolve().parent.parent
SECRETS: Final = ROOT / ".streamlit" / "secrets.toml"
DEMO_FILE: Final = ROOT / "data" / "demo.sqlite"


def default_url() -> str:
    """The URL of the environment, else of the secrets file, else of the demo file.

    Raises Problem where the secrets file cannot be read or names no URL in its place.
    """
    return os.environ.get(VARIABLE, "").strip() or _url_in_secrets() or demo_url()


def demo_url() -> str:
    """The URL of the demo file: in the project's `data` folder, else in the user's temporary folder."""
    here = DEMO_FILE.is_file() or _can_write(DEMO_FILE.parent)
    return f"sqlite:///{(DEMO_FILE if here else _temporary() / DEMO_FILE.name).as_posix()}"


def extract_file() -> Path:
    """Where an extract goes unless someone says so: the project's `data` folder, else the folder one is in."""
    return (DEMO_FILE.parent if _can_write(DEMO_FILE.parent) else Path()) / "extract.duckdb"


def is_demo(url: str) -> bool:
    """Whether `url` is the demo file that is used when nothing is configured."""
    return url == demo_url()


def ensure_demo(now: datetime, progress: Callable[[int, int], None] | None = None) -> None:
    """Make the demo as of the end of today where it is to be used and missing; raises Problem."""
    url = demo_url()
    if default_url() == url and not Path(url.removeprefix("sqlite:///")).is_file():
        make_demo(url, as_of=last_moment(now.date()), progress=progress)


def _url_in_secrets() -> str:
    if not SECRETS.is_file():
        return ""
    try:
        values = tomllib.loads(SECRETS.read_text(encoding="utf-8-sig"))
        url = values.get("connections", {}).get("cases", {}).get("url", "")
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError) as error:
        # Not the parser's words: they might quote a password.
        raise Problem("secrets_wrong", file=str(SECRETS)) from error
    if not isinstance(url, str):
        raise Problem("secrets_wrong", file=str(SECRETS))
    return url.strip()


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _temporary() -> Path:
    """A folder of the user's own, so that nobody else's file is taken for the demo."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    folder = Path(tempfile.gettempdir()) / f"petition-dashboard-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Problem("cannot_write", file=str(folder)) from error
    return folder
