"""The proxy's configuration in docs/ is one that nginx takes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CONFIG = Path(__file__).resolve().parent.parent / "docs" / "nginx" / "dashboard.conf"


@pytest.fixture
def nginx() -> str:
    """The program; Debian keeps it where only root looks."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip("no nginx: apt-get install nginx-light")
    return found


def _tested(nginx: str, folder: Path, configuration: str) -> subprocess.CompletedProcess[str]:
    here = configuration.replace("listen 80;", "listen 127.0.0.1:8799;").replace("/var/cache/nginx", f"{folder}/cache")
    (folder / "dashboard.conf").write_text(here, encoding="utf-8")
    (folder / "cache").mkdir(exist_ok=True)
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid; error_log stderr; events {{}} "
        f"http {{ access_log off; {temporary} include {folder}/dashboard.conf; }}",
        encoding="utf-8",
    )
    return subprocess.run(
        [nginx, "-t", "-p", str(folder), "-c", str(folder / "nginx.conf")], capture_output=True, text=True
    )


def test_nginx_takes_the_configuration(nginx: str, tmp_path: Path) -> None:
    found = _tested(nginx, tmp_path, CONFIG.read_text(encoding="utf-8"))
    assert found.returncode == 0, found.stderr
    # And it is this file that was looked at.
    broken = _tested(nginx, tmp_path, CONFIG.read_text(encoding="utf-8").replace("proxy_pass", "proxy_past"))
    assert broken.returncode != 0


def test_what_sticky_sessions_need_is_there() -> None:
    words = " ".join(CONFIG.read_text(encoding="utf-8").split())
    for needed in (
        "hash $dashboard_viewer consistent;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Host $http_host;",
        "location = /_stcore/stream",
        "proxy_read_timeout 1h;",
    ):
        assert needed in words
