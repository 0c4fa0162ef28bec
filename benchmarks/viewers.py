"""Fifty viewers of one dashboard at once, over real WebSocket sessions: `python -m benchmarks.viewers --help`.

Each viewer opens a page by its link, waits until the script has finished, thinks, and then does
what people do: mostly another period or a narrower choice, sometimes another page or a reset. What
is timed is from sending until the script has finished and everything that it sent has arrived. At
the end some of the screens are opened again by their links, one by one, in a process that knows
nothing: their headlines must be the same.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from websockets.exceptions import WebSocketException

from benchmarks.viewers_client import Failed, Screen, Viewer

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = {
    "overview": 5,
    "overdue": 5,
    "departments": 4,
    "trends": 4,
    "resolution": 4,
    "cases": 4,
    "supervision": 3,
    "before": 2,
    "since": 2,
    "definitions": 1,
}
"""The pages with how many in so many viewers begin there, and go there."""
ACTS: Final = {"narrow": 45, "period": 30, "as_of": 5, "reset": 10, "page": 10}
"""What viewers do, in per cent."""
NARROW: Final = {"unit": 4, "township": 2, "category": 3, "channel": 2, "level": 1, "repeat": 1, "group": 1}
CUSTOM: Final = -1
"""Position of the period of one's own among the periods: it would ask for two more dates."""
VIEWERS: Final = 50
MINUTES: Final = 3.0
THINK: Final = 10.0
SAMPLE: Final = 20
Fresh = Callable[[], AbstractContextManager[str]]
METRIC: Final = re.compile(
    r'cache_lookups_total\{cache="dashboard\.cache\._(?:answer|about)",[^}]*result="(\w+)"\} (\d+)'
)


@dataclass
class Seen:
    """What all viewers have met."""

    changes: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    by_page: dict[str, list[float]] = field(default_factory=dict)
    slowest: list[tuple[float, str, str]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    headlines: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    asked: int = 0
    sizes: list[int] = field(default_factory=list)
    answered_by: Counter[str] = field(default_factory=Counter)
    reconnected: int = 0

    def take(self, screen: Screen, seconds: list[float]) -> None:
        """One run of the script."""
        self.asked += 1
        seconds.append(screen.seconds)
        self.by_page.setdefault(screen.page, []).append(screen.seconds)
        self.slowest = sorted([*self.slowest, (round(screen.seconds, 2), screen.page, screen.query)], reverse=True)[:8]
        self.sizes.append(screen.size)
        self.errors.update(screen.errors)
        if not screen.headline and not screen.errors and not screen.said:
            self.errors["neither a headline nor a sentence"] += 1
        # Parameters in one order: viewers may have come to the same screen another way.
        link = "&".join(sorted(screen.query.split("&")))
        self.headlines.setdefault((screen.page, link), set()).add(screen.headline)


@dataclass(frozen=True)
class Plan:
    """How many viewers, for how long, how far apart."""

    base: str
    viewers: int
    seconds: float
    think: float
    seed: int
    patience: float = 120.0


async def _view(number: int, plan: Plan, seen: Seen, start: asyncio.Event, ready: asyncio.Semaphore) -> None:
    """One viewer, who comes back after a lost connection."""
    chance = random.Random(f"{plan.seed}/{number}")  # noqa: S311 - a load test draws lots
    page = chance.choices(list(PAGES), list(PAGES.values()))[0]
    # Through a proxy that tells viewers apart by their address or cookie, each is one of its own.
    address = f"10.0.{number // 250}.{number % 250 + 1}"
    viewer = Viewer(plan.base, {"Cookie": f"viewer=load{number}", "X-Forwarded-For": address})
    try:
        async with viewer:
            seen.answered_by[viewer.answered_by] += 1
            async with ready:  # they come in one after another, a few at a time
                seen.take(await viewer.open(page), seen.first)
            await start.wait()
            stop = time.monotonic() + plan.seconds
            await asyncio.sleep(chance.uniform(0, plan.think))
            while time.monotonic() < stop:
                try:
                    await _act(viewer, chance, seen, plan.patience)
                except (WebSocketException, OSError) as error:
                    seen.errors[f"disconnected: {type(error).__name__}"] += 1
                    await _come_back(viewer, seen)
                await asyncio.sleep(chance.uniform(0.5, 1.5) * plan.think)
    except (Failed, WebSocketException, OSError, KeyError) as error:
        seen.errors[f"{type(error).__name__}: {error}"] += 1


async def _come_back(viewer: Viewer, seen: Seen) -> None:
    for pause in (0.5, 1, 2, 4, 8):
        with suppress(WebSocketException, OSError):
            await viewer.connect()
            screen = await viewer.open(viewer.page, viewer.query)
            seen.reconnected += 1
            seen.answered_by[viewer.answered_by] += 1
            seen.errors.update(screen.errors)
            return
        await asyncio.sleep(pause)
    raise Failed("could not connect again")


async def _act(viewer: Viewer, chance: random.Random, seen: Seen, patience: float) -> None:
    act = chance.choices(list(ACTS), list(ACTS.values()))[0]
    if act == "page":
        page = chance.choices(list(PAGES), list(PAGES.values()))[0]
        seen.take(await viewer.go_to(page, patience), seen.pages)
        return
    if act == "narrow":
        there = {name: weight for name, weight in NARROW.items() if viewer.options(name)}
        name = chance.choices(list(there), list(there.values()))[0]
        some = chance.sample(viewer.options(name), k=1 if chance.random() < 0.8 else min(2, len(viewer.options(name))))
        screen = await viewer.choose(name, some, patience)
    elif act == "period":
        screen = await viewer.choose("period", [chance.choice(viewer.options("period")[:CUSTOM])], patience)
    elif act == "as_of":
        _, control = viewer.controls["choice_as_of"]
        newest = control.max
        year = int(newest[:4])
        day = f"{year}/{chance.randint(1, int(newest[5:7])):02}/{chance.randint(1, 20):02}"
        screen = await viewer.choose("as_of", [day], patience)
    else:
        screen = await viewer.press("reset_filter", patience)
    seen.take(screen, seen.changes)


async def _all(plan: Plan, seen: Seen, memory: Memory) -> None:
    start, ready = asyncio.Event(), asyncio.Semaphore(4)
    viewers = [asyncio.create_task(_view(number, plan, seen, start, ready)) for number in range(plan.viewers)]
    while len(seen.first) + sum(task.done() for task in viewers) < plan.viewers:
        await asyncio.sleep(0.2)
    memory.take("all are in")
    start.set()
    watch = asyncio.create_task(memory.watch())
    await asyncio.gather(*viewers)
    watch.cancel()
    memory.take("end")


async def _again(base: str, links: list[tuple[str, str]], patience: float) -> dict[tuple[str, str], str]:
    """The headlines of these screens, each opened by its link in a session of its own."""
    found = {}
    for page, query in links:
        async with Viewer(base) as viewer:
            screen = await viewer.open(page, query, patience)
            found[page, query] = screen.headline if not screen.errors else f"! {screen.errors[0]}"
    return found


class Memory:
    """The resident memory of processes, in MiB, at named moments."""

    def __init__(self, processes: list[int]) -> None:
        self.processes = processes
        self.at: dict[str, int] = {}
        self.most = 0

    def now(self) -> int:
        """What all of them hold now, in MiB; 0 where the system does not say."""
        return sum(_resident(process) for process in self.processes) // 2**20

    def take(self, moment: str) -> None:
        """Remember what is held now."""
        self.at[moment] = self.now()
        self.most = max(self.most, self.at[moment])

    async def watch(self) -> None:
        """Look once a second."""
        while True:
            self.most = max(self.most, self.now())
            await asyncio.sleep(1)


def _resident(process: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def _worked(process: int) -> float:
    """Seconds of processor time that a process has used, whatever else the machine did meanwhile."""
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _get(base: str, path: str) -> str:
    parts = urlsplit(base)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else ""


def _lookups(base: str) -> Counter[str]:
    """Hits and misses of the dashboard's cache so far, as Streamlit counts them."""
    found: Counter[str] = Counter()
    for result, n in METRIC.findall(_get(base, "/_stcore/metrics")):
        found[result] += int(n)
    return found


@contextmanager
def served(url: str, port: int, options: tuple[str, ...] = ()) -> Iterator[tuple[str, int]]:
    """The dashboard in a process of its own; its address and process."""
    given = ("--server.headless=true", "--server.address=127.0.0.1", f"--server.port={port}", *options)
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "dashboard", *given],
        cwd=ROOT,
        env={**os.environ, "CASES_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        stop = time.monotonic() + 60
        while True:
            with suppress(OSError, http.client.HTTPException):
                if _get(base, "/_stcore/health"):
                    break
            if process.poll() is not None or time.monotonic() > stop:
                raise typer.BadParameter("the dashboard does not start; try `python run.py`")
            time.sleep(0.2)
        yield base, process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def quantile(values: list[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _times(values: list[float]) -> dict[str, Any]:
    return {
        "n": len(values),
        "p50": round(quantile(values, 0.5), 3),
        "p95": round(quantile(values, 0.95), 3),
        "max": round(max(values, default=0), 3),
    }


def measured(plan: Plan, processes: list[int], fresh: Fresh | None = None, sample: int = SAMPLE) -> dict[str, Any]:
    """Let the viewers do their work; what they met, as plain values.

    `fresh`: a dashboard where some of the screens are opened once more, and their headlines compared.
    """
    seen, memory = Seen(), Memory(processes)
    memory.take("start")
    asyncio.run(_again(plan.base, [("overview", "")], plan.patience))  # what every process loads but once
    memory.take("one viewer")
    before, began, worked = _lookups(plan.base), time.monotonic(), sum(map(_worked, processes))
    asyncio.run(_all(plan, seen, memory))
    took, lookups = time.monotonic() - began, _lookups(plan.base)
    worked = sum(map(_worked, processes)) - worked
    lookups.subtract(before)
    looked = lookups["hit"] + lookups["miss"]
    differ = [link for link, said in seen.headlines.items() if len(said) > 1]
    wrong: dict[str, list[str]] = {}
    chosen: list[tuple[str, str]] = []
    if fresh and sample:
        known = sorted(link for link, said in seen.headlines.items() if any(said))
        chosen = random.Random(plan.seed).sample(known, min(sample, len(known)))  # noqa: S311
        with fresh() as again_at:
            found = asyncio.run(_again(again_at, chosen, plan.patience))
        for link, headline in found.items():
            if {headline} != seen.headlines[link]:
                wrong["?".join(link)] = [*sorted(seen.headlines[link]), headline]
    held = memory.at
    return {
        "viewers": plan.viewers,
        "think_seconds": plan.think,
        "seconds": round(took),
        "filter_change": _times(seen.changes),
        "page_change": _times(seen.pages),
        "first_load": _times(seen.first),
        "by_page": {page: _times(values) for page, values in sorted(seen.by_page.items())},
        "slowest": seen.slowest,
        "errors": dict(seen.errors),
        "distinct_screens": len(seen.headlines),
        "screens": seen.asked,
        "from_cache": round(lookups["hit"] / looked, 3) if looked else None,
        "processor_seconds_a_screen": round(worked / max(seen.asked, 1), 3),
        "kilobytes_a_screen": round(mean(seen.sizes) / 1024) if seen.sizes else 0,
        "memory_mib": {**held, "most": memory.most},
        "memory_mib_a_session": round((held["end"] - held["one viewer"]) / plan.viewers, 1),
        "answered_by": dict(seen.answered_by),
        "reconnected": seen.reconnected,
        "same_link_other_headline": ["?".join(link) for link in differ],
        "checked_again": len(chosen),
        "wrong": wrong,
    }


def on_database(
    url: str,
    number: int = VIEWERS,
    minutes: float = MINUTES,
    think: float = THINK,
    seed: int = 7,
    check: int = SAMPLE,
    options: tuple[str, ...] = (),
) -> dict[str, Any]:
    """`measured` on one dashboard process of its own; some of the screens are opened again in another."""

    @contextmanager
    def fresh() -> Iterator[str]:
        with served(url, free_port(), options) as (base, _):
            yield base

    with served(url, free_port(), options) as (base, pid):
        return measured(Plan(base, number, minutes * 60, think, seed), [pid], fresh, check)


app = typer.Typer(add_completion=False)


@app.command()
def viewers(
    url: Annotated[str, typer.Option(help="The case database; read only.")] = "",
    at: Annotated[str, typer.Option(help="A dashboard or proxy that runs already, instead of a new process.")] = "",
    process: Annotated[list[int] | None, typer.Option(help="With --at: processes whose memory counts.")] = None,
    number: Annotated[int, typer.Option("--viewers", help="How many at once.")] = VIEWERS,
    minutes: Annotated[float, typer.Option(help="How long they change filters.")] = MINUTES,
    think: Annotated[float, typer.Option(help="Seconds from an answer to the next change, on average.")] = THINK,
    seed: Annotated[int, typer.Option(help="What they choose.")] = 7,
    check: Annotated[int, typer.Option(help="How many screens to open again in a fresh process.")] = SAMPLE,
    option: Annotated[list[str] | None, typer.Option(help="More options for Streamlit.")] = None,
    to: Annotated[Path | None, typer.Option(help="A JSON file for the results.")] = None,
) -> None:
    """Many viewers at once on one dashboard; p50 and p95 of a filter change, errors, memory."""
    if bool(url) == bool(at):
        raise typer.BadParameter("give either --url or --at")
    if at:
        plan = Plan(at, number, minutes * 60, think, seed)
        results = measured(plan, process or [], lambda: nullcontext(at), check)
    else:
        results = on_database(url, number, minutes, think, seed, check, tuple(option or ()))
    said = json.dumps(results, ensure_ascii=False, indent=2)
    typer.echo(said)
    if to:
        to.write_text(said + "\n", encoding="utf-8")
    if results["errors"] or results["wrong"] or results["same_link_other_headline"]:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
