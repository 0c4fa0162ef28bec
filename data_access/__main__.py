"""The command line: `python -m data_access` demo, check, import, freeze, extract, indicators.

Exit code 0: fine; 1: there are findings or rejected rows; 2: a mistake of usage, a file or
a database that cannot be used; 130: stopped. A mistake is one sentence on stderr, never a
traceback (CASES_DEBUG=1 shows it for what nobody expected). Data go to stdout, all else to stderr.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import pandas as pd
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from typer.core import TyperCommand, TyperGroup

from data_access import location, schema, texts
from data_access.check import SEVERITIES, Finding, findings, listed
from data_access.database import CaseDatabase, open_database
from data_access.deadlines import last_moment
from data_access.decisions import import_decisions
from data_access.demo import make_demo
from data_access.dimensions import DIMENSIONS
from data_access.engine import shown_url
from data_access.extract import extract, is_extract
from data_access.filters import FIELDS, CaseFilter
from data_access.frozen import freeze
from data_access.indicators import INDICATORS
from data_access.ledger import import_ledger
from data_access.periods import Span, month_key, month_of, month_span, year_start
from data_access.problems import Problem
from data_access.queries import can_feed, measure, measure_spans
from data_access.settings import PeriodRule, load
from data_access.texts import text

LANGUAGE: Final = "CASES_LANG"
DEBUG: Final = "CASES_DEBUG"
STOPPED: Final = 130
PERIODS: Final = {"month": 1, "quarter": 3, "year": 12}
COLUMNS: Final = ("indicator", "group", "label", "numerator", "denominator", "value")
_PIPED_WIDTH: Final = 160


# --- how commands speak and fail


class _Command(TyperCommand):
    """A command whose help comes from the catalogue, in the language of the moment."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _in_words(self.name or "", super().get_params(ctx))


class _Commands(TyperGroup):
    """The whole command line: chooses the language and turns every failure into a sentence and an exit code."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _in_words("", super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in self.commands and not args[0].startswith("-"):
            raise Problem("unknown_command", name=args[0], commands=", ".join(self.commands))
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        texts.use(_language())
        self.help = text("command.help")
        for name, command in self.commands.items():
            command.help = text(f"command.{name}.help")
            setattr(command, "rich_help_panel", text("command.commands"))  # noqa: B010
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
            if code == STOPPED:
                _complain(text("command.stopped"))
        except KeyboardInterrupt:
            code = STOPPED
            _complain(text("command.stopped"))
        except Problem as problem:
            code = 2
            _complain(str(problem))
        except typer.TyperException as error:
            code = 2
            _complain(_usage_sentence(error))
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            code = 2
            _complain(text("command.unexpected", kind=type(error).__name__))
        sys.exit(code if isinstance(code, int) else 0)


def _in_words(command: str, params: list[Any]) -> list[Any]:
    shared = {"help": "command.help_option", "url": "command.url"}
    for param in params:
        word = param.opts[0].lstrip("-")
        key = shared.get(word) or f"command.{command}.{word}"
        param.help = text(key)
        param.rich_help_panel = text("command.options" if param.param_type_name == "option" else "command.arguments")
    return params


def _language() -> str:
    try:
        return os.environ.get(LANGUAGE) or load().language
    except Problem:  # said by the command itself, for which the settings matter
        return texts.LANGUAGES[0]


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _usage_sentence(error: typer.TyperException) -> str:
    """A usage error of the library in our words, as far as it says what it is about."""
    option, param = getattr(error, "option_name", None), getattr(error, "param", None)
    if option and hasattr(error, "possibilities"):
        return str(Problem("unknown_option", option=option))
    if option:
        return str(Problem("option_needs_value", option=option))
    if param is not None and hasattr(error, "param_type"):
        return str(Problem("missing_argument", name=param.metavar or param.name))
    if "Missing command" in error.message:
        return str(Problem("missing_command"))
    return str(Problem("usage", detail=error.format_message()))


@contextmanager
def _progress(words: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, where that is a screen."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# --- what people type


def _now() -> datetime:
    return datetime.now(load().zone).replace(tzinfo=None, microsecond=0)


def _moment(option: str, value: str | None) -> datetime | None:
    """`2026-11-24`, its last moment, or `2026-11-24 10:00:00`."""
    if value is None:
        return None
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"):
        try:
            found = datetime.strptime(value.strip(), form)
        except ValueError:
            continue
        return last_moment(found.date()) if form == "%Y-%m-%d" else found
    raise Problem("bad_moment", option=option, value=value)


def _day(option: str, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return datetime.strptime(value.strip(), "%Y-%m-%d").date()
    except ValueError as error:
        raise Problem("bad_day", option=option, value=value) from error


def _whole(option: str, value: str, least: int) -> int:
    try:
        found = int(value)
    except ValueError:
        found = least - 1
    if found < least:
        raise Problem("bad_number", option=option, value=value, least=least)
    return found


def _seconds(option: str, value: str) -> int:
    """`30s`, `10m` or `2h` in seconds."""
    found = re.fullmatch(r"([1-9]\d{0,5})([smh])", value.strip().lower())
    if not found:
        raise Problem("bad_interval", option=option, value=value)
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def _choice(option: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise Problem("bad_choice", option=option, value=value, choices=", ".join(choices))
    return value


@contextmanager
def _opened(url: str | None, *, to_check: bool = False) -> Iterator[CaseDatabase]:
    """The database named, or the default one; a demo that is missing is made."""
    if not url:
        with _progress(text("command.demo.working")) as progress:
            location.ensure_demo(_now(), progress)
    url = url or location.default_url()
    database = open_database(url, load(), to_check=to_check)
    try:
        yield database
    finally:
        database.engine.dispose()


# --- the commands

app = typer.Typer(cls=_Commands, add_completion=False, pretty_exceptions_enable=False)

Url = Annotated[str | None, typer.Option("--url", metavar="URL")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE")]


@app.callback()
def _callback() -> None:
    pass


@app.command("demo", cls=_Command)
def demo(
    url: Url = None,
    cases: Annotated[str, typer.Option("--cases", metavar="N", show_default=False)] = "12000",
    seed: Annotated[str, typer.Option("--seed", metavar="S", show_default=False)] = "7",
    as_of: AsOf = None,
) -> None:
    _refuse_extract(url)
    number, start = _whole("--cases", cases, 1), _whole("--seed", seed, 0)
    moment = _moment("--as-of", as_of) or last_moment(_now().date())
    with _progress(text("command.demo.working")) as progress:
        made = make_demo(url or location.demo_url(), as_of=moment, cases=number, seed=start, progress=progress)
    print(text("command.demo.done", url=made.url, cases=made.cases, units=made.units, as_of=made.as_of))


@app.command("check", cls=_Command)
def check(
    url: Url = None,
    form: Annotated[str, typer.Option("--format", metavar="text|json", show_default=False)] = "text",
) -> None:
    _choice("--format", form, ("text", "json"))
    with _opened(url, to_check=True) as database:
        # A demo stands for a moment that may be later than the clock's.
        at = max(_now(), database.demo_as_of or datetime.min)
        found = findings(database, at)
    if form == "json":
        print(json.dumps([_as_object(each) for each in found], ensure_ascii=False, indent=2))
    else:
        print(text("check.checked", url=database.shown_url, at=at))
        _print_findings(found)
    raise typer.Exit(1 if found else 0)


def _as_object(found: Finding) -> dict[str, Any]:
    return {
        "finding": found.finding,
        "severity": found.severity,
        "count": found.count,
        "columns": found.columns,
        "what": found.what,
        "cost": found.cost,
        "examples": found.examples,
    }


def _print_findings(found: list[Finding]) -> None:
    if not found:
        print(text("check.clean"))
        return
    for severity in SEVERITIES:
        of_this = [each for each in found if each.severity == severity]
        if of_this:
            print(f"\n{text(f'check.severity.{severity}')}")
        for each in of_this:
            print(f"{each.count:>9,}  {each.what}")
            print(f"{'':11}{text('check.costs', words=each.cost)}")
            if each.examples:
                # Statements stand one a line, to be copied.
                words = f"\n{'':11}".join(each.examples) if each.finding == "no_index" else listed(each.examples)
                print(f"{'':11}{text('check.examples', words=words)}")
    print(f"\n{text('check.summary', n=len(found))}")


@app.command("import", cls=_Command)
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", show_default=False)],
    mapping: Annotated[str | None, typer.Option("--mapping", metavar="FILE.toml")] = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", show_default=False)] = False,
    decisions: Annotated[bool, typer.Option("--decisions", show_default=False)] = False,
    meeting: Annotated[str | None, typer.Option("--meeting", metavar="DATE")] = None,
) -> None:
    if not url:
        raise Problem("import_needs_url")
    _refuse_extract(url)
    held = _day("--meeting", meeting)
    if decisions and mapping:
        raise Problem("decisions_no_mapping")
    if held and not decisions:
        raise Problem("meeting_needs_decisions")
    if decisions:
        loaded = import_decisions(Path(file), url, load(), meeting=held, dry_run=dry_run)
        for sentence in loaded.sentences():
            print(sentence)
        raise typer.Exit(1 if loaded.rejected or loaded.unreadable else 0)
    with _progress(text("command.import.working")) as progress:
        report = import_ledger(
            Path(file),
            url,
            load(),
            mapping=Path(mapping) if mapping else None,
            dry_run=dry_run,
            progress=progress,
        )
    for sentence in report.sentences():
        print(sentence)
    raise typer.Exit(1 if report.rejected or report.unreadable else 0)


@app.command("freeze", cls=_Command)
def freeze_(
    url: Url = None,
    meeting: Annotated[str | None, typer.Option("--meeting", metavar="DATE")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="FILE")] = None,
) -> None:
    held = _day("--meeting", meeting)
    if held is None:
        raise Problem("freeze_needs_meeting")
    with _opened(url) as database, _progress(text("command.freeze.working")) as progress:
        made = freeze(database, held, _now(), Path(to) if to else None, progress)
    print(text("command.freeze.done", file=str(made.file), n=made.cases, meeting=held))


@app.command("extract", cls=_Command)
def extract_(
    url: Url = None,
    to: Annotated[str | None, typer.Option("--to", metavar="FILE")] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="10m")] = None,
    whole: Annotated[bool, typer.Option("--whole", show_default=False)] = False,
) -> None:
    pause = _seconds("--every", every) if every else None
    target = Path(to) if to else location.extract_file()
    _extract(url, target, whole)
    while pause:
        time.sleep(pause)
        try:
            _extract(url, target, whole)
        except Problem as problem:  # the next time may go well
            _complain(str(problem))


def _extract(url: str | None, target: Path, whole: bool) -> None:
    with _opened(url) as database, _progress(text("command.extract.working")) as progress:
        made = extract(database, target, _now(), progress, whole=whole)
    opened_as = f"duckdb:///{target.resolve().as_posix()}"
    said = {"file": str(made.file), "n": made.cases, "at": made.made_at, "url": opened_as}
    if made.changed is None:
        print(text("command.extract.done", **said), flush=True)
    else:
        print(text("command.extract.refreshed", **said, changed=made.changed), flush=True)


def _refuse_extract(url: str | None) -> None:
    """The next refresh would throw away what is written into a copy."""
    if url and is_extract(url):
        raise Problem("extract_not_written", url=shown_url(url))


Values = list[str] | None


@app.command("indicators", cls=_Command)
def indicators(
    url: Url = None,
    as_of: AsOf = None,
    start: Annotated[str | None, typer.Option("--from", metavar="DATE")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="WHAT")] = None,
    unit: Annotated[Values, typer.Option("--unit", metavar="ID")] = None,
    kind: Annotated[Values, typer.Option("--kind", metavar="KIND")] = None,
    township: Annotated[Values, typer.Option("--township", metavar="ID")] = None,
    category: Annotated[Values, typer.Option("--category", metavar="ID")] = None,
    channel: Annotated[Values, typer.Option("--channel", metavar="CODE")] = None,
    level: Annotated[Values, typer.Option("--level", metavar="CODE")] = None,
    track: Annotated[Values, typer.Option("--track", metavar="CODE")] = None,
    repeat: Annotated[Values, typer.Option("--repeat", metavar="CODE")] = None,
    group: Annotated[Values, typer.Option("--group", metavar="CODE")] = None,
    form: Annotated[str, typer.Option("--format", metavar="table|csv|json", show_default=False)] = "table",
) -> None:
    _choice("--format", form, ("table", "csv", "json"))
    if by:
        _choice("--by", by, (*DIMENSIONS, *PERIODS))
    moment, first, last = _moment("--as-of", as_of), _day("--from", start), _day("--to", end)
    narrowed = {
        "unit": unit,
        "kind": kind,
        "township": township,
        "category": category,
        "channel": channel,
        "level": level,
        "track": track,
        "repeat": repeat,
        "group": group,
    }
    with _opened(url) as database:
        at = moment or database.demo_as_of or _now()
        span = Span(first, last or at.date())
        if span.start and span.start > span.end:
            raise Problem("span_backwards", start=span.start, end=span.end)
        chosen = {key: _known_values(database, key, values) for key, values in narrowed.items() if values}
        case_filter = CaseFilter(at, span, "custom", **chosen)
        rows = indicator_rows(database, case_filter, by)
    if form == "json":
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_table(rows, by)


def _known_values(database: CaseDatabase, key: str, values: list[str]) -> tuple[str, ...]:
    """The values of a filter; raises Problem where the database or the contract does not know one."""
    if not database.has(FIELDS[key].needs):
        raise Problem("cannot_filter", option=f"--{key}", columns=FIELDS[key].needs)
    names = database.names
    ids = {"unit": names.units, "township": names.units, "category": names.categories}
    for value in values:
        if key in ids:
            if value not in ids[key]:
                raise Problem("unknown_id", option=f"--{key}", value=value)
        else:
            _choice(f"--{key}", value, FIELDS[key].codes)
    return tuple(dict.fromkeys(values))


# --- indicators as rows


def indicator_rows(database: CaseDatabase, case_filter: CaseFilter, by: str | None) -> list[dict[str, Any]]:
    """Every indicator that the database can feed, in order, each with its groups in their fixed order.

    Keys: indicator, group, label, numerator, denominator, value (None where there is none).
    """
    if by in DIMENSIONS and not database.has(*DIMENSIONS[by].needs):
        raise Problem("cannot_group", by=by, columns=", ".join(DIMENSIONS[by].needs))
    keys = [key for key in INDICATORS if can_feed(database, key)]
    with database.reading() as connection:
        if by in PERIODS:
            found = _by_period(connection, database, case_filter, keys, by)
        else:
            found = measure(connection, database, case_filter, keys, by)
    rows = [_row(database, by, measured) for measured in found.to_dict("records")]
    positions = {key: place for place, key in enumerate(keys)}
    order = {group: place for place, group in enumerate(_fixed_order(database, by))}

    def place(row: dict[str, Any]) -> tuple[int, bool, int, str]:
        group = row["group"]
        return positions[row["indicator"]], group is None, order.get(group, len(order)), group or ""

    return sorted(rows, key=place)


def _row(database: CaseDatabase, by: str | None, measured: dict[Any, Any]) -> dict[str, Any]:
    found = {name: None if pd.isna(value) else value for name, value in measured.items()}
    key = str(found["indicator"])
    group = None if by is None or found["group"] is None else str(found["group"])
    number = float if INDICATORS[key].is_rate else int
    return {
        "indicator": key,
        "group": group,
        "label": text(f"indicator.{key}.label") if by is None else _label(database, by, group),
        "numerator": None if found["numerator"] is None else int(found["numerator"]),
        "denominator": None if found["denominator"] is None else int(found["denominator"]),
        "value": None if found["value"] is None else number(found["value"]),
    }


def _fixed_order(database: CaseDatabase, by: str | None) -> Sequence[str]:
    """Groups as they stand everywhere, never by volume; periods and what is not here in the order of their keys."""
    names = database.names
    orders: dict[str, Sequence[str]] = {
        "unit": tuple(names.units),
        "township": tuple(names.units),
        "functional": tuple(names.units),
        "category": tuple(names.categories),
        "field": tuple(names.categories),
        "handling": schema.HANDLING_LEVELS,
        "disposition": schema.DISPOSITIONS,
        **{key: field.codes for key, field in FIELDS.items() if field.codes},
    }
    return orders.get(by or "", ())


def _label(database: CaseDatabase, by: str, group: str | None) -> str:
    if group is None or group == "":
        return text("command.indicators.without")
    if by in ("unit", "township", "functional"):
        return database.names.unit(group)
    if by in ("category", "field"):
        return database.names.category(group)
    if by == "kind":
        return database.names.kind(group) or group
    key = f"code.{by}.{group}"
    return text(key) if by not in PERIODS and texts.has_text(key) else group


def _by_period(
    connection: Any, database: CaseDatabase, case_filter: CaseFilter, keys: Sequence[str], by: str
) -> pd.DataFrame:
    """Each period on its own: flows of its days, stocks as of its end; nothing happened is 0, not left out."""
    named = _spans(database, case_filter, PERIODS[by])
    if not named:
        return pd.DataFrame(columns=["indicator", "group", "numerator", "denominator", "value"])
    labels, spans = list(named), list(named.values())
    flows = [key for key in keys if not INDICATORS[key].is_stock]
    found = measure_spans(connection, database, case_filter, flows, spans).drop(columns="group")
    every = pd.MultiIndex.from_product([flows, range(len(spans))], names=["indicator", "span"])
    found = found.set_index(["indicator", "span"]).reindex(every).reset_index()
    nothing = found["numerator"].isna() & found["denominator"].isna()
    rates = found["indicator"].map(lambda key: INDICATORS[key].is_rate)
    hidden = found["indicator"].map(lambda key: INDICATORS[key].confidential)
    found.loc[nothing & ~hidden, "numerator"] = 0
    found.loc[nothing & rates, "denominator"] = 0
    found.loc[nothing & ~rates, "value"] = 0.0
    found["group"] = found.pop("span").map(lambda place: labels[place])
    stocks = [key for key in keys if INDICATORS[key].is_stock]
    parts = [found]
    for label, span in named.items():
        parts.append(measure(connection, database, case_filter.over(span), stocks).assign(group=label))
    return pd.concat(parts, ignore_index=True)


def _spans(database: CaseDatabase, case_filter: CaseFilter, months: int) -> dict[str, Span]:
    """The statistical months, quarters or years with data in the filter's period, cut off at its ends, by name."""
    rule = database.settings.period
    first = database.first_registered_at
    end = min(case_filter.span.end, case_filter.as_of.date())
    if first is None or first.date() > end:
        return {}
    start = max(case_filter.span.start or first.date(), first.date())
    month = month_of(start, rule)
    month -= (month - year_start(month, rule)) % months
    spans: dict[str, Span] = {}
    while (whole := month_span(month, month + months - 1, rule)).start and whole.start <= end:
        # Before the first registration there is nothing: only a start that was asked for cuts a span.
        begins = max(whole.start, start) if case_filter.span.start else whole.start
        is_cut = begins > whole.start or whole.end > end
        spans[_period_name(month, months, rule)] = Span(begins, min(whole.end, end)) if is_cut else whole
        month += months
    return spans


def _period_name(month: int, months: int, rule: PeriodRule) -> str:
    year = year_start(month, rule)
    if months == 1:
        return month_key(month)
    return str(year // 12) if months == 12 else f"{year // 12}-Q{(month - year) // 3 + 1}"


def _print_table(rows: list[dict[str, Any]], by: str | None) -> None:
    table = Table(box=SIMPLE_HEAD)
    table.add_column(text("command.indicators.indicator"))
    if by:
        table.add_column(text("command.indicators.column"))
    for name in ("numerator", "denominator", "value"):
        table.add_column(text(f"command.indicators.{name}"), justify="right")
    for row in rows:
        value = row["value"]
        shown = "–" if value is None else f"{value:.1%}" if isinstance(value, float) else f"{value:,}"
        counts = ["–" if row[name] is None else f"{row[name]:,}" for name in ("numerator", "denominator")]
        label = [row["label"]] if by else []
        table.add_row(text(f"indicator.{row['indicator']}.label"), *label, *counts, shown)
    console = Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)
    console.print(table, markup=False)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # Not `isinstance(…, TextIOWrapper)`: what stands in for a stream may lack the method.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure and not os.environ.get("PYTHONIOENCODING"):
            reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")
    app(prog_name="python -m data_access")


if __name__ == "__main__":
    main()
