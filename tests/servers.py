#!/usr/bin/env python3
"""Private PostgreSQL and MariaDB servers for tests, for as long as a command runs.

    python3 tests/servers.py postgresql mariadb -- python3 run.py test

Each server has a folder, socket and port of its own, so that the machine's own one, if any, is
left alone; its user `tester` has a password, connects over TCP and may create databases. The
command finds their URLs in CASES_TEST_POSTGRES and CASES_TEST_MARIADB. As root what is missing is
installed with apt. Only the standard library is used: this runs before anything is installed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

SERVERS = {"postgresql": "CASES_TEST_POSTGRES", "mariadb": "CASES_TEST_MARIADB"}
PACKAGES = {"postgresql": "postgresql", "mariadb": "mariadb-server"}
ACCOUNTS = {"postgresql": "postgres", "mariadb": "mysql"}
START_SECONDS = 60
USER, PASSWORD, DATABASE = "tester", "secret", "cases_test"


class NoServer(Exception):
    """A server that cannot be had; the message is a sentence."""


def main(arguments: Sequence[str]) -> int:
    """Run the command after `--` with the servers named before it; its exit code."""
    if "--" not in arguments or arguments[-1] == "--":
        print("usage: servers.py [postgresql] [mariadb] -- command …", file=sys.stderr)
        return 2
    at = list(arguments).index("--")
    names, command = arguments[:at], arguments[at + 1 :]
    if unknown := [name for name in names if name not in SERVERS]:
        print(f"servers.py: no server {', '.join(unknown)}; there are {', '.join(SERVERS)}", file=sys.stderr)
        return 2
    try:
        with running(names) as urls:
            return subprocess.run(command, env={**os.environ, **urls}, check=False).returncode
    except NoServer as error:
        print(f"servers.py: {error}", file=sys.stderr)
        return 1


@contextmanager
def running(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """The servers while the block runs; their URLs by the variable that tests read. Raises NoServer."""
    installed(names)
    # A stop from outside ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        start = {"postgresql": _postgresql, "mariadb": _mariadb}
        yield {SERVERS[name]: stack.enter_context(start[name]()) for name in names}


def installed(names: Sequence[str]) -> None:
    """See to it that the servers are on the machine; raises NoServer where they cannot be."""
    missing = [PACKAGES[name] for name in names if _programs(name) is None]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoServer(f"{' and '.join(missing)} must be installed first (apt-get install {' '.join(missing)})")
    print(f"installing {' '.join(missing)}", flush=True)
    # Debian would start its own servers at once, which nobody needs here.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *step], env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise NoServer(f"apt-get {step[0]} failed, so there is no {' and '.join(missing)}:\n{done.stderr.strip()}")


def _programs(name: str) -> Path | None:
    """The folder with a server's programs, the newest version's."""
    if name == "mariadb":
        found = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        return Path(found).parent if found and shutil.which("mariadb-install-db") else None
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((found.parent for found in versions), key=lambda folder: float(folder.parent.name), default=None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _folder(name: str) -> Iterator[tuple[Path, list[str]]]:
    """A folder for a server, and what starts its commands: root hands them to the server's own account."""
    folder = Path(tempfile.mkdtemp(prefix=f"cases-{name}-"))
    try:
        if os.geteuid() != 0:
            yield folder, []
            return
        account = ACCOUNTS[name]
        try:
            pwd.getpwnam(account)
        except KeyError as error:
            raise NoServer(f"the machine has no account {account}, under which {name} must run") from error
        shutil.chown(folder, account)
        yield folder, ["runuser", "-u", account, "--"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str], folder: Path, said: str, script: str | None = None) -> None:
    done = subprocess.run(command, cwd=folder, input=script, capture_output=True, text=True)
    if done.returncode:
        raise NoServer(f"{said}:\n{(done.stderr or done.stdout).strip()[-2000:]}")


def _url(scheme: str, port: int) -> str:
    return f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}"


@contextmanager
def _postgresql() -> Iterator[str]:
    programs = _programs("postgresql")
    assert programs is not None
    with _folder("postgresql") as (folder, as_account):
        port, data = _free_port(), folder / "data"
        # Trust on the socket, passwords over TCP: a wrong password must be refused in the tests.
        how = ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        _run([*as_account, programs / "initdb", "-D", data, "-U", "postgres", *how], folder, "initdb failed")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        options += " -c max_connections=500"  # tests keep a connection to each of many small databases
        control = [*as_account, programs / "pg_ctl", "-D", data]
        start = [*control, "-l", folder / "server.log", "-w", "start", "-o", options]
        # pg_ctl's child keeps its output open: to the log, or this would wait for ever.
        with (folder / "start.log").open("w+") as log:
            if subprocess.run(start, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode:
                raise NoServer(f"PostgreSQL did not start:\n{_end_of(folder / 'server.log')}")
        try:
            to_all = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", str(port), "-d", "postgres"]
            script = (
                f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{PASSWORD}'; CREATE DATABASE {DATABASE} OWNER {USER};"
            )
            lines = script.replace("; ", ";\n")
            _run([*as_account, programs / "psql", *to_all], folder, "the test database could not be made", lines)
            yield _url("postgresql", port)
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], cwd=folder, capture_output=True)


@contextmanager
def _mariadb() -> Iterator[str]:
    programs = _programs("mariadb")
    assert programs is not None
    with _folder("mariadb") as (folder, as_account):
        port, data, server_socket = _free_port(), folder / "data", folder / "socket"
        own = ["--no-defaults", f"--datadir={data}"]
        # The account that made it is root without password on the socket.
        how = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        _run([*as_account, "mariadb-install-db", *own, *how], folder, "mariadb-install-db failed")
        options = (
            *(f"--port={port}", f"--socket={server_socket}", f"--pid-file={folder / 'pid'}"),
            *("--max-connections=500", "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin"),
            # Nothing here has to outlive the machine.
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-flush-method=nosync"),
            *("--innodb-buffer-pool-size=256M", "--innodb-log-file-size=256M"),
        )
        log = folder / "server.log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [*as_account, programs / "mariadbd", *own, *options],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            stop = time.monotonic() + START_SECONDS
            while not server_socket.exists():
                if server.poll() is not None or time.monotonic() > stop:
                    raise NoServer(f"MariaDB did not start:\n{_end_of(log)}")
                time.sleep(0.1)
            script = (
                f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
                f"GRANT ALL ON *.* TO {USER}@'127.0.0.1';\n"
                f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;\n"
            )
            client = ["mariadb", "--no-defaults", f"--socket={server_socket}", "--user=root"]
            _run([*as_account, *client], folder, "the test database could not be made", script)
            yield _url("mariadb", port)
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
