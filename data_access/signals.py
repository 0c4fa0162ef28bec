"""Signal or noise: the XmR chart (individuals and moving ranges) of a monthly series.

Shewhart's chart as Wheeler draws it: natural process limits are the mean plus and minus
2.66 times the mean moving range, and three run rules say what is more than routine variation.
Source: D. J. Wheeler, Understanding Variation: The Key to Managing Chaos, 2nd ed., SPC Press
2000, chapters 3 and 5 and its appendix; NIST/SEMATECH e-Handbook of Statistical Methods 6.3.2.2
(there 3/1.128 instead of its rounding 2.66).

Choices of this product: a month that is unfinished, left out (a festival's) or without a value is
not judged and takes no part in the limits. Moving ranges are taken between neighbours only: two
months with such a month between them have none. A run goes over such months.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import fsum, inf
from typing import Final, Literal

import numpy as np
import pandas as pd

from data_access import seasons
from data_access.settings import Settings

FEWEST: Final = 12
"""No verdict on fewer points: limits of a few months are guesses."""
MONTHS: Final = 24
"""How many months back a series is judged by, where they cost nothing: older ones were another process."""
WIDTH: Final = 2.66
"""Natural process limits in mean moving ranges from the mean: 3 / d2 for ranges of two, d2 = 1.128."""
RUN: Final = 8
"""So many successive points on one side of the mean are a signal (rule 2)."""
NEAR: Final = (3, 4)
"""So many of so many successive points nearer a limit than the mean are a signal (rule 3)."""

Verdict = Literal["within", "above", "below", "run_above", "run_below", "near_upper", "near_lower", "too_short"]
Flag = Verdict | Literal[""]
UP: Final = ("above", "run_above", "near_upper")
DOWN: Final = ("below", "run_below", "near_lower")


@dataclass(frozen=True)
class Signals:
    """What is usual in a series, in its own unit, and where it is not.

    `mean`, `lower`, `upper`: None where the series is too short. `flags`: for each point the
    rule it breaks, `within`, or "" where it is not judged. `verdict`: that of the `newest`
    judged point (its position). `run`: how many successive points up to it are on its side of the mean.
    """

    mean: float | None
    lower: float | None
    upper: float | None
    flags: tuple[Flag, ...]
    verdict: Verdict
    newest: int | None
    run: int

    @property
    def is_signal(self) -> bool:
        """Whether the newest judged point is more than routine variation."""
        return self.verdict in UP or self.verdict in DOWN


def judge(
    values: Sequence[float | None],
    usable: Sequence[bool] | None = None,
    *,
    lowest: float = -inf,
    highest: float = inf,
) -> Signals:
    """The XmR chart of `values`, of which those not `usable` (and those without a value) are left out.

    `lowest`, `highest`: what the values cannot pass (0 for counts, 0 and 1 for shares); limits are
    drawn no farther. Which of two lines a point is nearer to is told by the limits as computed.
    """
    marks = [True] * len(values) if usable is None else usable
    points = [(place, value) for place, value in enumerate(values) if value is not None and marks[place]]
    ranges = [abs(one - other) for (at, one), (then, other) in pairwise(points) if then == at + 1]
    newest = points[-1][0] if points else None
    if len(points) < FEWEST or not ranges:
        nothing: list[Flag] = [""] * len(values)
        return Signals(None, None, None, tuple(nothing), "too_short", newest, 0)
    mean = fsum(value for _, value in points) / len(points)
    reach = WIDTH * fsum(ranges) / len(ranges)
    slack = 1e-9 * max(reach, abs(mean))  # rounding is no signal
    offsets = [value - mean for _, value in points]
    sides = [0 if abs(offset) <= slack else 1 if offset > 0 else -1 for offset in offsets]
    found = _rules(offsets, sides, reach + slack)
    flags: list[Flag] = [""] * len(values)
    for (place, _), flag in zip(points, found, strict=True):
        flags[place] = flag
    return Signals(
        mean=mean,
        lower=max(mean - reach, lowest),
        upper=min(mean + reach, highest),
        flags=tuple(flags),
        verdict=found[-1],
        newest=newest,
        run=_runs(sides)[-1][0],
    )


def of_months(months: pd.DataFrame, column: str, settings: Settings, begins: date | None = None) -> Signals:
    """The chart of a monthly series: start, end, unfinished, `column` and, where it is a share, `denominator`.

    Unfinished months, those of a season that leaves them out, shares of too few cases and months
    that began before the records (`begins`) are not judged.
    """
    is_share = "denominator" in months
    usable = ~months["unfinished"].to_numpy(bool) & (np.array(season_of(months, settings), dtype=object) == "")
    if begins:
        usable &= months["start"].to_numpy() >= np.datetime64(begins)
    if is_share:
        usable &= months["denominator"].to_numpy("float64", na_value=0) >= settings.comparison.small_n
    values = [None if pd.isna(value) else float(value) for value in months[column].tolist()]
    return judge(values, usable.tolist(), lowest=0.0, highest=1.0 if is_share else inf)


def season_of(months: pd.DataFrame, settings: Settings) -> list[str]:
    """For each month (start, end) the code of the season it is left out for, or ""."""
    days = zip(months["start"].dt.date, months["end"].dt.date, strict=True)
    return seasons.left_out(settings, list(days))


def _rules(offsets: Sequence[float], sides: Sequence[int], reach: float) -> list[Verdict]:
    """The first of the three rules that each point breaks, by its distance from the mean."""
    near = [side if abs(offset) > reach / 2 else 0 for offset, side in zip(offsets, sides, strict=True)]
    enough, among = NEAR
    crowded = {
        place
        for end in range(among, len(near) + 1)
        for side in (1, -1)
        for window in [range(end - among, end)]
        if sum(near[each] == side for each in window) >= enough
        for place in window
        if near[place] == side
    }
    runs = _runs(sides)
    found: list[Verdict] = []
    for place, (offset, side) in enumerate(zip(offsets, sides, strict=True)):
        up = side > 0
        if abs(offset) > reach:
            found.append("above" if up else "below")
        elif side and runs[place][1] >= RUN:
            found.append("run_above" if up else "run_below")
        elif place in crowded:
            found.append("near_upper" if up else "near_lower")
        else:
            found.append("within")
    return found


def _runs(sides: Sequence[int]) -> list[tuple[int, int]]:
    """For each point: how many successive points up to it are on its side, and how long that run gets in all."""
    found: list[tuple[int, int]] = []
    start = 0
    for place, side in enumerate(sides):
        if place + 1 == len(sides) or sides[place + 1] != side:
            length = place + 1 - start
            found += [(step + 1, length) if side else (0, 0) for step in range(length)]
            start = place + 1
    return found
