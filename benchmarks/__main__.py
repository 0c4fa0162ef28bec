"""`python -m benchmarks`: make databases of every size, measure the pages on them, write docs/speed.md.

`all` does everything; `data`, `browser`, `viewers` and `report` are its steps. What has been measured is kept as JSON
in the work folder and not measured again, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import asked, browser, data, machine, places, report, viewers
from data_access.periods import PRESETS
from data_access.problems import Problem

FOLDER: Final = asked.ROOT / "data" / "benchmarks"
SIZES: Final = "1e4,1e5,1e6,1e7"
IN_BROWSER: Final = "1e6"
ALL_ENGINES: Final = ",".join(places.ENGINES)
PERIOD: Final = "last_12_months"
NAIVE_BYTES_A_CASE: Final = 4500
"""About what the whole table in pandas takes at its peak, to leave it out where it would not fit."""

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(__doc__ or "").split("\n\n")[0]
)
screen = Console(stderr=True)

Sizes = Annotated[str, typer.Option("--cases", metavar="N,N…", help="Sizes, such as 1e4,1e5.")]
Engines = Annotated[str, typer.Option("--engines", metavar="E,E…", help="Which engines.")]
Folder = Annotated[Path, typer.Option("--folder", help="Work folder: databases and results.")]
Server = Annotated[
    str | None,
    typer.Option(
        "--postgres", envvar=places.POSTGRES, metavar="URL", help="A PostgreSQL whose user may create databases."
    ),
]
Urls = Annotated[
    list[str] | None,
    typer.Option("--url", metavar="ENGINE=URL", help="Measure this database instead of making any; repeatable."),
]
Again = Annotated[bool, typer.Option("--again", help="Measure once more what has been measured.")]
Runs = Annotated[int, typer.Option("--runs", min=1, help="Times each thing is measured.")]


@dataclass(frozen=True)
class Work:
    """What to measure and where to keep what was found."""

    sizes: tuple[int, ...]
    engines: tuple[str, ...]
    folder: Path
    server: str | None
    urls: tuple[str, ...]
    again: bool

    @property
    def results(self) -> Path:
        """The folder of the results."""
        return self.folder / "results"

    def places(self) -> Iterator[places.Place]:
        """The databases, made where they are missing; one that cannot be had is said and left out."""
        if self.urls:
            for url in self.urls:
                try:
                    yield places.named(url.partition("=")[2])
                except (places.Unusable, Problem) as error:
                    complain(str(error))
            return
        for cases in self.sizes:
            for engine in self.engines:
                try:
                    with step(f"{engine} {cases:,}: making") as progress:
                        place = places.made(engine, cases, self.folder, self.server, progress)
                except places.Unusable as error:
                    complain(f"{engine} {cases:,}: {error}")
                    continue
                yield place

    def kept(self, name: str, *unasked: str) -> dict[str, Any]:
        """What has been found earlier under this name; where all is measured again, only what is `unasked`."""
        file = self.results / f"{name}.json"
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return {key: value for key, value in found.items() if key in unasked} if self.again else found

    def keep(self, name: str, found: dict[str, Any]) -> None:
        """Write down what was found, whole or not at all."""
        self.results.mkdir(parents=True, exist_ok=True)
        file = self.results / f"{name}.json"
        fresh = file.with_suffix(".part")
        fresh.write_text(json.dumps(found, indent=1, default=str), encoding="utf-8")
        fresh.replace(file)


_complaints: list[str] = []


def complain(words: str) -> None:
    """Say what went wrong; the run goes on with the next, and ends with code 1."""
    _complaints.append(words)
    screen.print(f"[bold red]![/] {words}", highlight=False)


@contextmanager
def step(words: str) -> Iterator[Callable[[int, int], None]]:
    """A line of progress, a bar where there is a screen: `update(done, all)`."""
    if not screen.is_terminal:
        screen.print(words, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _work(sizes: str, engines: str, folder: Path, server: str | None, urls: list[str] | None, again: bool) -> Work:
    try:
        numbers = tuple(int(float(size)) for size in sizes.split(","))
    except ValueError:
        raise typer.BadParameter(f"--cases {sizes}: numbers such as 1e4,1e5 are meant") from None
    names = tuple(engines.split(","))
    for name in (*names, *(url.partition("=")[0] for url in urls or ())):
        if name not in places.ENGINES:
            raise typer.BadParameter(f"{name}: one of {', '.join(places.ENGINES)} is meant")
    folder.mkdir(parents=True, exist_ok=True)
    return Work(numbers, names, folder.resolve(), server, tuple(urls or ()), again)


def _head(place: places.Place) -> dict[str, Any]:
    return {
        "engine": place.engine,
        "cases": place.cases,
        "made_seconds": place.seconds,
        "bytes": places.size_of(place),
        "machine": machine.about(),
        "measured_at": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _data(work: Work, place: places.Place, period: str, runs: int, seconds: float, naive: bool, only: str) -> None:
    """Measure what is not known yet of a database."""
    name = f"data-{place.name}"
    found = work.kept(name, *(() if naive else ("naive",)))
    wanted = tuple(only.split(",")) if only else tuple(asked.PAGES)
    if not set(wanted) <= found.get("pages", {}).keys():
        with step(f"{place.engine} {place.cases:,}: what the pages ask") as update:
            update(0, len(wanted))
            calls, failed = machine.apart(data.record, place.url, period, wanted)
        for words in failed:
            complain(f"{place.engine} {place.cases:,}: {words}")
        with step(f"{place.engine} {place.cases:,}: data times") as update:
            ordered = list(calls)
            measured = machine.apart(
                data.pages, place.url, calls, runs, seconds, said=lambda page: update(ordered.index(page), len(ordered))
            )
        kept = {key: found.get(key) for key in ("naive", "lists")}
        found = _head(place) | {"period": period} | measured | kept
        work.keep(name, found)
    if not found.get("lists"):
        with step(f"{place.engine} {place.cases:,}: pages of lists"):
            found["lists"] = machine.apart(data.lists, place.url, runs, seconds, said=lambda _words: None)
        work.keep(name, found)
    if naive and not found.get("naive"):
        found["naive"] = _naive(place, runs, seconds * 3)
        work.keep(name, found)
    report.say(screen, found)


def _naive(place: places.Place, runs: int, seconds: float) -> dict[str, Any]:
    reason = _too_large(place)
    if reason:
        screen.print(f"{place.engine} {place.cases:,}: naive page {reason}", highlight=False)
        return {"skipped": reason}
    with step(f"{place.engine} {place.cases:,}: the naive page"):
        try:
            found: dict[str, Any] = machine.apart(data.whole_table, place.url, runs, seconds, said=lambda _words: None)
        except machine.Failed as error:
            return {"skipped": f"failed: {error}"}
    return found


def _too_large(place: places.Place) -> str | None:
    needed, free = NAIVE_BYTES_A_CASE * place.cases, machine.memory_free()
    if free is None or needed <= free * 0.8:
        return None
    return f"left out: it would take about {needed / 1e9:.0f} GB of memory, {free / 1e9:.0f} are free"


@app.command("data")
def measure_data(
    sizes: Sizes = SIZES,
    engines: Engines = ALL_ENGINES,
    folder: Folder = FOLDER,
    server: Server = None,
    urls: Urls = None,
    again: Again = False,
    runs: Runs = data.RUNS,
    seconds: Annotated[float, typer.Option("--seconds", help="About the most to spend on a page.")] = 25.0,
    period: Annotated[str, typer.Option("--period", help=", ".join(PRESETS[:-1]))] = PERIOD,
    naive: Annotated[bool, typer.Option("--naive/--no-naive", help="The naive page too.")] = True,
    only: Annotated[str, typer.Option("--pages", metavar="P,P…", help="Only these pages.")] = "",
) -> None:
    """Data time of each page with nothing cached, statements, rows, memory; the naive page."""
    work = _work(sizes, engines, folder, server, urls, again)
    for page in filter(None, only.split(",")):
        if page not in asked.PAGES:
            raise typer.BadParameter(f"--pages {page}: one of {', '.join(asked.PAGES)} is meant")
    for place in work.places():
        try:
            _data(work, place, period, runs, seconds, naive, only)
        except (machine.Failed, places.Unusable, Problem) as error:
            complain(f"{place.engine} {place.cases:,}: {error}")


@app.command("browser")
def measure_browser(
    sizes: Sizes = IN_BROWSER,
    engines: Engines = ALL_ENGINES,
    folder: Folder = FOLDER,
    server: Server = None,
    urls: Urls = None,
    again: Again = False,
    runs: Runs = browser.RUNS,
    seconds: Annotated[float, typer.Option("--seconds", help="About the most to spend on an app.")] = 180.0,
    naive: Annotated[bool, typer.Option("--naive/--no-naive", help="The naive page too.")] = True,
) -> None:
    """First load and filter change in a real browser, until the last mark is painted."""
    work = _work(sizes, engines, folder, server, urls, again)
    apps = {"dashboard": browser.DASHBOARD}
    if naive:
        apps |= {"naive": browser.NAIVE, "naive_kept": browser.NAIVE_KEPT}
    for place in work.places():
        name = f"browser-{place.name}"
        found = work.kept(name) or _head(place)
        for key, each in apps.items():
            if key in found or (key != "dashboard" and _too_large(place)):
                continue
            with step(f"{place.engine} {place.cases:,}: browser, {key}") as update:
                try:
                    found[key] = browser.measured(each, place.url, places.AS_OF, runs, seconds, partial(_round, update))
                except Exception as error:  # playwright's are many
                    complain(f"{name}, {key}: {str(error).splitlines()[0]}")
                    continue
            work.keep(name, found)
        report.say(screen, found)


def _round(update: Callable[[int, int], None], done: int, runs: int) -> None:
    update(max(done, 0), runs)


@app.command("viewers")
def measure_viewers(
    sizes: Sizes = IN_BROWSER,
    engines: Engines = ALL_ENGINES,
    folder: Folder = FOLDER,
    server: Server = None,
    urls: Urls = None,
    again: Again = False,
    number: Annotated[int, typer.Option("--viewers", min=1, help="How many at once.")] = viewers.VIEWERS,
    minutes: Annotated[float, typer.Option("--minutes", help="How long they change filters.")] = viewers.MINUTES,
    think: Annotated[float, typer.Option("--think", help="Seconds to the next change, on average.")] = viewers.THINK,
) -> None:
    """Many viewers of one process at once: filter changes, memory, errors."""
    work = _work(sizes, engines, folder, server, urls, again)
    for place in work.places():
        name = f"viewers-{place.name}" + (f"-{think:g}s" if think != viewers.THINK else "")
        found = work.kept(name)
        if not found:
            with step(f"{place.engine} {place.cases:,}: {number} viewers"):
                found = _head(place) | viewers.on_database(place.url, number, minutes, think)
            work.keep(name, found)
        if found["errors"] or found["wrong"] or found["same_link_other_headline"]:
            wrong = [*found["wrong"], *found["same_link_other_headline"]]
            complain(f"{name}: errors {found['errors']}, wrong screens {wrong}")
        report.say(screen, found)


@app.command("report")
def write_report(
    folder: Folder = FOLDER,
    to: Annotated[Path, typer.Option("--to", help="Folder of speed.md and speed.svg.")] = asked.ROOT / "docs",
) -> None:
    """Tables in docs/speed.md and the plot docs/speed.svg, from everything that has been measured."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((folder / "results").glob("*.json"))]
    if not found:
        raise typer.BadParameter(f"nothing has been measured in {folder}")
    report.write(found, to)
    screen.print(f"{to / 'speed.md'}, {to / 'speed.svg'}", highlight=False)


@app.command("all")
def everything(
    sizes: Sizes = SIZES,
    in_browser: Annotated[str, typer.Option("--browser-cases", metavar="N,N…", help="Sizes in it.")] = IN_BROWSER,
    engines: Engines = ALL_ENGINES,
    folder: Folder = FOLDER,
    server: Server = None,
    again: Again = False,
) -> None:
    """Make, measure and write the report: everything at once."""
    measure_data(sizes, engines, folder, server, None, again)
    measure_browser(in_browser, engines, folder, server, None, again)
    measure_viewers(in_browser, engines, folder, server, None, again)
    write_report(folder)


def main() -> None:
    """Run the command; code 1 where something could not be measured."""
    try:
        app()
    except SystemExit as end:
        raise SystemExit(end.code or bool(_complaints)) from None


if __name__ == "__main__":
    main()
