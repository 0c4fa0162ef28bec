"""What was measured, as tables in docs/speed.md and as the plot docs/speed.svg."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import altair as alt
import pandas as pd
from rich.console import Console

from benchmarks.asked import PAGES
from dashboard.theme import LIGHT

NAMES: Final = {"duckdb": "DuckDB", "postgresql": "PostgreSQL", "sqlite": "SQLite"}
COLOURS: Final = {"DuckDB": LIGHT.blue, "PostgreSQL": LIGHT.ink, "SQLite": LIGHT.action}
APPS: Final = {
    "dashboard": "overview",
    "naive": "naive page, table read anew",
    "naive_kept": "naive page, table kept in memory",
}
VIEWERS: Final = (
    *("engine", "cases", "viewers", "thought, s", "filter changes", "half of them within, s", "95 % within, s"),
    *("95 % of first loads within, s", "errors", "memory at most, MiB", "a session, MiB"),
)
BEGIN: Final = "<!-- figures: written by python -m benchmarks report -->"
END: Final = "<!-- end of figures -->"
OVERVIEW: Final = "overview"
POWER: Final = "format(datum.value, ',')"
"""Vega's expression for a number of cases."""
HEIGHT: Final = 380
Found = dict[str, Any]


def say(screen: Console, found: Found) -> None:
    """A few lines on the screen about one result."""
    head = f"{NAMES[found['engine']]} {found['cases']:,}"
    if "pages" in found:
        times = {page: median(each["times"]) for page, each in found["pages"].items()}
        slowest = max(times, key=times.__getitem__)
        screen.print(
            f"{head}: {', '.join(f'{page} {_ms(seconds)}' for page, seconds in times.items())} ms; "
            f"slowest {slowest}, {_ratio(found['pages'][slowest]):.1f} scans; peak {_mb(found['memory']['peak'])} MB",
            highlight=False,
            soft_wrap=True,
        )
        naive = found.get("naive") or {}
        if "times" in naive:
            took, peak = _ms(median(naive["times"])), _mb(naive["peak"])
            screen.print(f"{head}: naive page {took} ms, peak {peak} MB", highlight=False, soft_wrap=True)
        return
    if "viewers" in found:
        cells = zip(VIEWERS[2:], _of_viewers(found)[2:], strict=True)
        said = ", ".join(f"{name} {cell}" for name, cell in cells)
        screen.print(f"{head}: {said}", highlight=False, soft_wrap=True)
        return
    for key, name in APPS.items():
        if key in found:
            load, known, change = (median(found[key][each]) for each in ("load", "load_known", "change"))
            screen.print(
                f"{head}: {name}: first load {load:,.0f} ms (known {known:,.0f}), filter change {change:,.0f} ms",
                highlight=False,
                soft_wrap=True,
            )


def write(found: Sequence[Found], folder: Path) -> None:
    """Put the tables between their marks in speed.md, and draw speed.svg."""
    file = folder / "speed.md"
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    file.write_text(f"{before}{BEGIN}\n\n{tables(found)}\n{END}{after}", encoding="utf-8")
    drawn = plot(found)
    if drawn is not None:
        drawn.save(str(folder / "speed.svg"))


# Tables


def tables(found: Sequence[Found]) -> str:
    """Every table, as Markdown."""
    data = sorted((each for each in found if "pages" in each), key=_place)
    seen = sorted((each for each in found if "dashboard" in each), key=_place)
    many = sorted((each for each in found if "viewers" in each), key=lambda each: (_place(each), each["think_seconds"]))
    parts = [_measured_on(found)]
    if data:
        parts += ["![Data time against size, both axes logarithmic](speed.svg)"]
    parts += [_pages([each for each in data if each["cases"] == size]) for size in sorted({e["cases"] for e in data})]
    more = (_lists(data), _growth(data), _beside_naive(data), _memory(data), _browser(seen), _viewers(many))
    parts += [table for table in more if table]
    return "\n\n".join(parts) + "\n"


def _place(found: Found) -> tuple[int, int]:
    return found["cases"], list(NAMES).index(found["engine"])


def _measured_on(found: Sequence[Found]) -> str:
    machines = {(each["machine"]["processor"], each["machine"]["cores"], each["machine"]["memory"]) for each in found}
    where = "; ".join(f"{cores} cores ({model}), {(memory or 0) / 2**30:.0f} GiB" for model, cores, memory in machines)
    packages = {f"{name} {version}" for each in found for name, version in each["machine"]["packages"].items()}
    servers = {f"PostgreSQL {e['version']}" for e in found if e["engine"] == "postgresql" and e.get("version")}
    days = sorted({each["measured_at"][:10] for each in found})
    on = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"Measured {on} on {where}; {', '.join(sorted(packages, key=str.lower) + sorted(servers))}."


def _markdown(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"### {title}", "", f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _pages(data: Sequence[Found]) -> str:
    head = ["page", "statements", "rows"]
    for each in data:
        head += [f"{NAMES[each['engine']]}, ms", "÷ scan"]
    rows = []
    for page in PAGES:
        there = [each["pages"][page] for each in data if page in each["pages"]]
        if not there or not there[0]["statements"]:
            continue
        row = [page, _range([p["statements"] for p in there]), _range([p["rows"] for p in there])]
        for each in data:
            got = each["pages"].get(page)
            row += [_spread(got["times"]), f"{_ratio(got):.1f}"] if got else ["", ""]
        rows.append(row)
    scans = [[s for page in each["pages"].values() for s in page["scans"]] for each in data]
    rows.append(["*one bare grouped scan*", "1", "1", *(cell for scan in scans for cell in (_spread(scan), "1"))])
    rows.append(
        ["*the look for a change, once a minute*", "", "", *(c for e in data for c in (_spread(e["look"]), ""))]
    )
    return _markdown(f"Data time at {data[0]['cases']:,} cases", head, rows)


def _growth(data: Sequence[Found]) -> str:
    """From 10^5 cases, or the smallest size above, to the largest."""
    rows = []
    for engine, name in NAMES.items():
        sizes = {each["cases"]: each["pages"] for each in data if each["engine"] == engine}
        small = min((size for size in sizes if size >= 100_000), default=None)
        if small is None or max(sizes) == small:
            continue
        large = max(sizes)
        factors = {
            page: median(sizes[large][page]["times"]) / median(sizes[small][page]["times"])
            for page in sizes[small].keys() & sizes[large].keys()
            if sizes[small][page]["statements"]
        }
        most = max(factors, key=factors.__getitem__)
        rows.append(
            [
                name,
                f"{small:,} → {large:,}",
                f"{large / small:,.0f} ×",
                f"{factors[OVERVIEW]:.1f} ×" if OVERVIEW in factors else "",
                f"{factors[most]:.1f} × ({most})",
            ]
        )
    head = ["engine", "cases", "data grow by", "the overview's time by", "the most any page's time"]
    return _markdown("Growth", head, rows) if rows else ""


def _lists(data: Sequence[Found]) -> str:
    rows = [
        [NAMES[each["engine"]], f"{each['cases']:,}", *(_spread(got[when]["times"]) for when in ("now", "past"))]
        for each in data
        if (got := each.get("lists"))
    ]
    head = ["engine", "cases", "as of the newest data, ms", "half a year earlier, ms"]
    return _markdown("First page of the overdue cases", head, rows) if rows else ""


def _of_viewers(found: Found) -> list[str]:
    change, first = found["filter_change"], found["first_load"]
    return [
        NAMES[found["engine"]],
        f"{found['cases']:,}",
        f"{found['viewers']}",
        f"{found['think_seconds']:g}",
        f"{change['n']:,}",
        f"{change['p50']:,.1f}",
        f"{change['p95']:,.1f}",
        f"{first['p95']:,.1f}",
        f"{sum(found['errors'].values())}",
        f"{found['memory_mib']['most']:,.0f}",
        f"{found['memory_mib_a_session']:,.1f}",
    ]


def _viewers(many: Sequence[Found]) -> str:
    rows = [_of_viewers(each) for each in many]
    return _markdown("Many viewers of one process", VIEWERS, rows) if rows else ""


def _beside_naive(data: Sequence[Found]) -> str:
    rows = []
    for each in data:
        naive, overview = each.get("naive") or {}, each["pages"].get(OVERVIEW)
        if not naive or not overview:
            continue
        head = [NAMES[each["engine"]], f"{each['cases']:,}", _spread(overview["times"]), f"{_ratio(overview):.1f}"]
        if "skipped" in naive:
            rows.append([*head, naive["skipped"], "", "", ""])
            continue
        times = median(naive["times"]) / median(overview["times"])
        rows.append([*head, _spread(naive["times"]), f"{_ratio(naive):.1f}", f"{times:.1f} ×", _mb(naive["peak"])])
    head = [
        "engine",
        "cases",
        "overview, ms",
        "÷ scan",
        "naive page, ms",
        "÷ scan",
        "naive ÷ overview",
        "naive peak, MB",
    ]
    return _markdown("Beside the whole table in pandas (data time)", head, rows) if rows else ""


def _memory(data: Sequence[Found]) -> str:
    rows = []
    for each in data:
        memory = each["memory"]
        rows.append(
            [
                NAMES[each["engine"]],
                f"{each['cases']:,}",
                "" if each["made_seconds"] is None else f"{each['made_seconds']:,.1f}",
                "" if each["bytes"] is None else _mb(each["bytes"]),
                _mb(memory["at_start"]),
                _mb(memory["peak"]),
                _mb(memory["mapped"]) if each["engine"] == "sqlite" else "",
            ]
        )
    head = ["engine", "cases", "made in, s", "on disk, MB", "process at first, MB", "peak, MB", "of it mapped file, MB"]
    return _markdown("Memory of the process that asks all pages, and the databases", head, rows)


def _browser(seen: Sequence[Found]) -> str:
    rows = []
    for each in seen:
        for key, name in APPS.items():
            if key not in each:
                continue
            got = each[key]
            over = median(got["load"]) - median(got["load_known"])
            rows.append(
                [
                    NAMES[each["engine"]],
                    f"{each['cases']:,}",
                    name,
                    _spread(got["load"], 1),
                    _spread(got["load_known"], 1),
                    f"{over:+,.0f}",
                    _spread(got["change"], 1),
                    _spread(got["change_known"], 1),
                    _mb(got["memory"]),
                ]
            )
    head = ["engine", "cases", "page", "first load, ms", "from memory", "difference"]
    head += ["filter change, ms", "from memory", "server peak, MB"]
    return _markdown("In the browser, until the last mark is painted", head, rows) if rows else ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f}"


def _spread(times: Sequence[float], unit: float = 1000) -> str:
    """`36 (33–48)`: median, least, most, in milliseconds."""
    return f"{median(times) * unit:,.0f} ({min(times) * unit:,.0f}–{max(times) * unit:,.0f})"


def _range(numbers: Sequence[int]) -> str:
    return f"{min(numbers):,}" if min(numbers) == max(numbers) else f"{min(numbers):,}–{max(numbers):,}"


def _ratio(got: Found) -> float:
    """How many bare scans it takes, of those measured by turns with it."""
    return float(median(got["times"]) / median(got["scans"]))


# The plot


def plot(found: Sequence[Found]) -> Any:
    """A chart of seconds against cases, both axes logarithmic: the overview beside the naive page, the slowest page.

    None where no data times are known.
    """
    points = pd.DataFrame(_points(found), columns=["panel", "engine", "way", "cases", "seconds", "least", "most"])
    if points.empty:
        return None
    panels = [_panel(points[points["panel"] == panel], panel) for panel in points["panel"].unique()]
    return alt.hconcat(*panels, spacing=40).configure_view(stroke=None).configure(background=LIGHT.paper)


def _points(found: Sequence[Found]) -> list[tuple[str, str, str, int, float, float, float]]:
    rows = []
    for each in sorted((each for each in found if "pages" in each), key=_place):
        pages = {page: got for page, got in each["pages"].items() if got["statements"]}
        shown = [("Overview, and the naive page", "", pages.get(OVERVIEW))]
        shown += [("Overview, and the naive page", " naive", each.get("naive"))]
        shown += [("The slowest page", "", max(pages.values(), key=lambda got: median(got["times"]), default=None))]
        for panel, way, got in shown:
            if got and "times" in got:
                times = got["times"]
                name = NAMES[each["engine"]]
                rows.append((panel, name, name + way, each["cases"], median(times), min(times), max(times)))
    return rows


def _panel(points: pd.DataFrame, title: str) -> Any:
    points = points.assign(naive=points["way"].str.endswith("naive"))
    sizes = sorted(points["cases"].unique().tolist())
    x = alt.X("cases:Q", scale=alt.Scale(type="log"), title="cases", axis=alt.Axis(values=sizes, labelExpr=POWER))
    low, high = math.floor(math.log10(points["least"].min())), math.ceil(math.log10(points["most"].max()))
    decades = [10.0**power for power in range(low, high + 1)]
    scale = alt.Scale(type="log", domain=[decades[0], decades[-1]])
    y = alt.Y("seconds:Q", scale=scale, title="seconds", axis=alt.Axis(values=decades, format="~g"))
    colour = alt.Color("engine:N", legend=None, scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())))
    dashed = alt.StrokeDash("naive:N", legend=None, scale=alt.Scale(domain=[False, True], range=[[1, 0], [6, 4]]))
    base = alt.Chart(points).encode(x=x, color=colour)
    lines = base.mark_line(strokeWidth=2.5).encode(y=y, detail="way:N", strokeDash=dashed)
    marks = base.mark_point(filled=True, size=60, opacity=1).encode(y=y)
    spread = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("least:Q", title="seconds"), y2="most:Q")
    labels = _apart(points.loc[points.groupby("way")["cases"].idxmax()], (decades[-1] / decades[0]) ** (17 / HEIGHT))
    words = alt.Chart(labels).mark_text(align="left", dx=9, fontSize=14)
    named = words.encode(x=x, y=alt.Y("seconds:Q", scale=scale), text="way:N", color=colour)
    return alt.layer(spread, lines, marks, named).properties(title=title, width=430, height=HEIGHT)


def _apart(labels: pd.DataFrame, factor: float) -> pd.DataFrame:
    """The labels at the ends of lines, those of one size moved up until they stand clear of each other."""
    placed = labels.sort_values(["cases", "seconds"])
    heights: list[float] = []
    before = 0
    for cases, seconds in zip(placed["cases"].tolist(), placed["seconds"].tolist(), strict=True):
        heights.append(max(seconds, heights[-1] * factor) if cases == before else seconds)
        before = cases
    return placed.assign(seconds=heights)
