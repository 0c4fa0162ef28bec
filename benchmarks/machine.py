"""Where it was measured: cores, memory, versions; the memory of a process; work in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import platform
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from queue import Empty
from typing import Any, Final

PACKAGES: Final = ("streamlit", "pandas", "SQLAlchemy", "duckdb", "psycopg")
_PROC: Final = Path("/proc/self")


class Failed(Exception):
    """What a process of its own failed with."""


class Memory:
    """The resident memory of this process. `mapped_file`: a file whose mapped pages are told apart."""

    def __init__(self, mapped_file: Path | None = None) -> None:
        self.mapped_file = mapped_file

    def forget_peak(self) -> None:
        """Begin a new peak, where the system can."""
        with suppress(OSError):
            (_PROC / "clear_refs").write_text("5", encoding="ascii")

    def peak(self) -> int:
        """The most bytes held at once, pages of mapped files included."""
        return peak_of(os.getpid()) or _peak_of_this()

    def mapped(self) -> int:
        """Of what is held now, the bytes that are pages of the mapped file: the system takes them back at need."""
        if not self.mapped_file or not (_PROC / "smaps").is_file():
            return 0
        found, of_file = 0, False
        for line in (_PROC / "smaps").read_text(encoding="utf-8").splitlines():
            words = line.split()
            if "-" in words[0]:
                of_file = words[-1] == str(self.mapped_file.resolve())
            elif of_file and words[0] == "Rss:":
                found += int(words[1]) * 1024
        return found


def peak_of(process: int) -> int:
    """The most bytes a process has held; 0 where the system does not say.

    Not `ru_maxrss`, which on Linux begins with what the parent held when it started the process.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _peak_of_this() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_free() -> int | None:
    """Bytes that a new process could have; None where the system does not say."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def about() -> dict[str, Any]:
    """Processor, cores, memory, system and versions."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory": memory,
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def apart(work: Callable[..., Any], *arguments: Any, said: Callable[[str], None] | None = None) -> Any:
    """The answer of `work` in a process of its own; raises Failed. With `said`, the work gets such a function last."""
    fresh = multiprocessing.get_context("spawn")
    answers = fresh.Queue()
    process = fresh.Process(target=_answer, args=(answers, work, arguments, said is not None), daemon=True)
    process.start()
    try:
        while True:
            alive = process.is_alive()  # asked first: what it said last may still be on its way
            try:
                kind, answer = answers.get(timeout=1)
            except Empty:
                if alive:
                    continue
                raise Failed(f"the process ended with code {process.exitcode}; out of memory?") from None
            if kind == "said" and said:
                said(answer)
            elif kind == "failed":
                raise Failed(answer)
            elif kind == "done":
                return answer
    finally:
        process.join(5)
        if process.is_alive():
            process.kill()


def _answer(answers: Any, work: Callable[..., Any], arguments: tuple[Any, ...], says: bool) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # DuckDB draws progress bars of its own
    try:
        more = (lambda words: answers.put(("said", words)),) if says else ()
        answers.put(("done", work(*arguments, *more)))
    except BaseException as error:
        answers.put(("failed", f"{type(error).__name__}: {error}"))
