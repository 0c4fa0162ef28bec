"""Units beside the county without a league table: funnel limits, one verdict a unit, overdue cases given its mix.

Sources: D. J. Spiegelhalter, Funnel plots for comparing institutional performance, Statist. Med. 2005;
24:1185-1202 (limits: appendix A.1.1; overdispersion: section 5). E. B. Wilson, J. Am. Statist. Assoc. 1927;
22:209-212 (intervals of rates). N. E. Breslow and N. E. Day, Statistical Methods in Cancer Research II, 1987
(indirect standardisation and the exact interval of a count, chapter 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from scipy import special
from sqlalchemy import Connection

from data_access import lists, queries
from data_access.database import CaseDatabase
from data_access.filters import CaseFilter
from data_access.indicators import MEASURES
from data_access.schema import UNIT_KINDS

Verdict = Literal["worse", "better", "same", "too_few"]
VERDICTS: Final[tuple[Verdict, ...]] = ("worse", "better", "same", "too_few")
MIX_VERDICTS: Final = ("more", "fewer", "same", "too_few")
JUDGED: Final = ("on_time_closure_rate", "unit_timely_acceptance_rate", "overdue_share", "unit_satisfaction_rate")
"""The rates that units are compared by; volumes, repeat, group and outcome never."""
SURE: Final = 0.998
"""Beyond these limits a unit is told from the county: at 95 % chance would blame one of forty units each month."""
WARNING: Final = 0.95
EXTREME: Final = 0.1
"""The share of units at either end whose deviation is held back when overdispersion is estimated."""
FEWEST_UNITS: Final = 5
"""Fewer say nothing about overdispersion."""
FEWEST_EXPECTED: Final = 5
"""With fewer expected overdue cases a unit's count says nothing about it."""
Numbers = np.ndarray[Any, np.dtype[np.float64]]


def wilson(numerator: Any, denominator: Any, level: float = WARNING) -> tuple[Numbers, Numbers]:
    """Wilson's score interval of rates: lower and upper ends, shares 0-1; nan without cases."""
    k, n = _floats(numerator), _floats(denominator)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (k + z * z / 2) / (n + z * z)
        half = z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def poisson_interval(count: Any, level: float = WARNING) -> tuple[Numbers, Numbers]:
    """The exact interval of the mean that a count comes from (Breslow and Day 1987): half of chi-square quantiles."""
    k, tail = _floats(count), (1 - level) / 2
    low = np.where(k > 0, special.gammaincinv(np.maximum(k, 1), tail), 0.0)
    return low, special.gammaincinv(k + 1, 1 - tail)


def funnel_limits(n: Any, target: float, level: float) -> tuple[Numbers, Numbers]:
    """Exact binomial limits about `target` for rates of `n` cases; shares, not cut off at 0 and 1.

    The lower one is (r - alpha) / n of appendix A.1.1: r is the inverse of the binomial at p = (1 - level) / 2, alpha
    interpolates between r - 1 and r. A rate is below it only where P(R <= its cases) < p. The upper one is the mirror
    image, the lower limit of the complement: interpolated from below it would lie under r itself, and every unit
    without a single late case would be "better" wherever that has a probability of a half.
    """
    tail = (1 - level) / 2
    return _lower(_floats(n), target, tail), 1 - _lower(_floats(n), 1 - target, tail)


def _lower(n: Numbers, target: float, tail: float) -> Numbers:
    r = _inverse(n, target, tail)
    at, before = _cumulative(r, n, target), _cumulative(r - 1, n, target)
    return np.asarray((r - (at - tail) / (at - before)) / n, dtype="float64")


def _cumulative(r: Numbers, n: Numbers, target: float) -> Numbers:
    """P(R <= r) of a binomial."""
    inside = special.betaincc(np.maximum(r, 0) + 1, np.maximum(n - r, 1e-9), target)
    return np.where(r < 0, 0.0, np.where(r >= n, 1.0, inside))


def _inverse(n: Numbers, target: float, tail: float) -> Numbers:
    """The smallest r with P(R <= r) >= tail, halving what is left."""
    low, high = np.zeros_like(n), n.copy()
    while (low < high).any():
        middle = np.floor((low + high) / 2)
        enough = _cumulative(middle, n, target) >= tail
        low, high = np.where(enough, low, np.minimum(middle + 1, high)), np.where(enough, middle, high)
    return low


@dataclass(frozen=True)
class Dispersion:
    """How far `units` differ beyond chance: `phi` is the mean of their squared deviations, 1 where chance is all."""

    units: int = 0
    phi: float = 1.0

    @property
    def widening(self) -> float:
        """What the limits' distance is multiplied by: 1 unless phi is beyond what chance makes of so many units.

        Under chance alone units * phi is chi-square with mean `units` and variance 2 * units.
        """
        beyond = self.units >= FEWEST_UNITS and self.phi > 1 + 2 * np.sqrt(2 / self.units)
        return float(np.sqrt(self.phi)) if beyond else 1.0


def dispersion(deviations: Any) -> Dispersion:
    """From standardised deviations, the outer tenths held back to the tenth and ninetieth percentile (winsorised)."""
    z = _floats(deviations)
    if not len(z):
        return Dispersion()
    held_back = np.clip(z, *np.quantile(z, [EXTREME, 1 - EXTREME]))
    return Dispersion(len(z), float(np.mean(held_back**2)))


@dataclass(frozen=True, eq=False)
class Funnel:
    """One rate of units of one kind against the county's rate, `target`.

    `units`: group, n, value, low, high (95 %), verdict (`VERDICTS`).
    """

    key: str
    kind: str
    target: float
    dispersion: Dispersion
    units: pd.DataFrame

    def limits(self, n: Any, level: float) -> tuple[Numbers, Numbers]:
        """Lower and upper limits for `n` cases, widened where units differ beyond chance; shares 0-1."""
        low, high = funnel_limits(n, self.target, level)
        wide = self.dispersion.widening
        return tuple(np.clip(self.target + (end - self.target) * wide, 0, 1) for end in (low, high))  # type: ignore[return-value]

    def count(self, verdict: Verdict) -> int:
        """How many units have a verdict."""
        return int((self.units["verdict"] == verdict).sum())

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of each unit."""
        return dict(zip(self.units["group"], self.units["verdict"], strict=True))


def funnel(rows: pd.DataFrame, key: str, kind: str, target: float, small_n: int) -> Funnel:
    """`rows`: group, numerator, denominator, value of the units of one kind; values of small cells may be missing."""
    n, value = _floats(rows["denominator"]), _floats(rows["value"])
    low, high = wilson(value * n, n)
    enough = (n >= small_n) & ~np.isnan(value)
    spread = np.sqrt(target * (1 - target) / n[enough])
    beyond_chance = dispersion((value[enough] - target) / spread) if 0 < target < 1 else Dispersion()
    found = Funnel(key, kind, target, beyond_chance, pd.DataFrame())
    below, above = found.limits(n, SURE)
    more, less = ("better", "worse") if MEASURES[key].better == "more" else ("worse", "better")
    verdict = np.select([~enough, value < below, value > above], ["too_few", less, more], "same")
    table = {"group": list(rows["group"]), "n": n.astype("int64"), "value": value, "low": low, "high": high}
    return replace(found, units=pd.DataFrame({**table, "verdict": verdict}))


def standardised(cells: pd.DataFrame, kinds: Mapping[str, str | None]) -> pd.DataFrame:
    """Overdue cases of each unit beside those expected of its mix: indirect standardisation by field.

    `cells`: unit, field, open, overdue of the whole county. Comes back: unit, open, observed, expected (its open cases
    of each field times the county's overdue share of the field), low, high (of the observed, 95 %), verdict (`more` or
    `fewer` than its mix explains, `same`, `too_few`: fewer than five expected). As with rates it takes 99.8 %, and
    what units of a kind differ by beyond chance is allowed for.
    """
    known = cells.assign(unit=cells["unit"].fillna(""), field=cells["field"].fillna(""))
    fields = known.groupby("field")[["open", "overdue"]].transform("sum")
    known = known.assign(expected=known["open"] * fields["overdue"] / fields["open"])
    table = known.groupby("unit", sort=False)[["open", "overdue", "expected"]].sum().reset_index()
    table = table.rename(columns={"overdue": "observed"})
    observed, expected = _floats(table["observed"]), _floats(table["expected"])
    low, high = poisson_interval(observed)
    enough = expected >= FEWEST_EXPECTED
    wide = np.ones(len(table))
    kind = table["unit"].map(lambda unit: kinds.get(unit) or "").to_numpy()
    for each in set(kind[enough]):
        among = enough & (kind == each)
        wide[kind == each] = dispersion((observed - expected)[among] / np.sqrt(expected[among])).widening
    least, most = poisson_interval(observed, SURE)
    is_more, is_fewer = expected < observed - (observed - least) * wide, expected > observed + (most - observed) * wide
    verdict = np.select([~enough, is_more, is_fewer], ["too_few", "more", "fewer"], "same")
    return table.assign(low=low, high=high, verdict=verdict)


@dataclass(frozen=True)
class Standing:
    """Units as the filter shows them, judged against the whole county.

    `units`: indicator, group, numerator, denominator, value. `funnels`: by kind ('' = not in the unit table) and
    rate. `heat`: unit, field, open (on a clock), overdue. `mix`: the columns of `standardised`. Limits, target and
    expected cases never depend on the filter's own unit or kind.
    """

    units: pd.DataFrame
    heat: pd.DataFrame
    mix: pd.DataFrame
    funnels: dict[tuple[str, str], Funnel] = field(default_factory=dict)

    def of(self, key: str) -> Iterator[Funnel]:
        """The funnels of one rate, kind by kind."""
        return (self.funnels[kind, key] for kind in (*UNIT_KINDS, "") if (kind, key) in self.funnels)


def whole(case_filter: CaseFilter) -> CaseFilter:
    """The same without a choice of units: whom each of them is compared with."""
    return replace(case_filter, unit=(), kind=())


def standing(
    connection: Connection, database: CaseDatabase, case_filter: CaseFilter, keys: Sequence[str] = JUDGED
) -> Standing:
    """How the units stand by `keys`, of which those in `JUDGED` get a funnel."""
    wide = whole(case_filter)
    told = queries.measure_together(connection, database, wide, asked(database, wide, keys))
    return standing_of(connection, database, case_filter, keys, told)


def asked(database: CaseDatabase, case_filter: CaseFilter, keys: Sequence[str]) -> list[queries.Asked]:
    """What must be known of the whole: `keys` by unit, and ratings of all, since small cells are hidden."""
    by_unit = tuple(key for key in keys if not (key == "overdue_share" and _has_cells(database)))
    ratings = tuple(key for key in JUDGED if key in keys and MEASURES[key].confidential)
    return [queries.Asked(by_unit, (case_filter.span,), "unit"), queries.Asked(ratings, (case_filter.span,))]


def standing_of(
    connection: Connection,
    database: CaseDatabase,
    case_filter: CaseFilter,
    keys: Sequence[str],
    told: Sequence[pd.DataFrame],
) -> Standing:
    """`standing` with the answers to `asked`."""
    names = database.names
    cells = lists.overdue_by_unit_and_field(connection, database, whole(case_filter))
    if not _has_cells(database):
        cells = cells.iloc[:0]
    counted = [_overdue_share(cells)] if "overdue_share" in keys and len(cells) else []
    by_unit, ratings = told
    every = pd.concat([by_unit.drop(columns="span"), *counted], ignore_index=True)
    every["group"] = every["group"].fillna("")
    targets = _county(every, ratings)
    mix = standardised(cells, names.kinds)

    def is_shown(unit: Any) -> bool:
        key = "" if unit is None or pd.isna(unit) else str(unit)
        of_kind = not case_filter.kind or names.kinds.get(key) in case_filter.kind
        return of_kind and (not case_filter.unit or key in case_filter.unit)

    def shown(table: pd.DataFrame, column: str) -> pd.DataFrame:
        return table[table[column].map(is_shown).astype(bool)].reset_index(drop=True)

    judged = every[every["indicator"].isin(targets)].assign(
        kind=lambda table: table["group"].map(lambda group: names.kinds.get(group) or "")
    )
    funnels = {}
    for (kind, key), rows in judged.groupby(["kind", "indicator"], sort=False):
        small_n = database.settings.comparison.small_n
        found = funnel(rows, str(key), str(kind), targets[str(key)], small_n)
        units = shown(found.units, "group")
        if len(units):
            funnels[str(kind), str(key)] = replace(found, units=units)
    return Standing(shown(every, "group"), shown(cells, "unit"), shown(mix, "unit"), funnels)


def _has_cells(database: CaseDatabase) -> bool:
    """Whether overdue cases are counted by unit and field."""
    return queries.can_feed(database, "overdue_share") and database.has("category_id")


def _overdue_share(cells: pd.DataFrame) -> pd.DataFrame:
    """The overdue share by unit as `queries.measure` would give it, of what has been counted by field already."""
    units = cells.groupby("unit", dropna=False, sort=False)[["overdue", "open"]].sum().reset_index()
    units = units.set_axis(["group", "numerator", "denominator"], axis="columns")
    units = units.assign(indicator="overdue_share", value=units["numerator"] / units["denominator"])
    return units.astype({"numerator": "Int64", "denominator": "Int64", "value": "Float64"})


def _county(by_unit: pd.DataFrame, ratings: pd.DataFrame) -> dict[str, float]:
    """The county's rate by key: of its units' cases; of ratings counted for itself."""
    found = {}
    for key in (key for key in JUDGED if (by_unit["indicator"] == key).any()):
        of_whole = ratings if MEASURES[key].confidential else by_unit
        rows = of_whole[of_whole["indicator"] == key]
        n = int(rows["denominator"].fillna(0).sum())
        if n and rows["numerator"].notna().any():
            found[key] = int(rows["numerator"].sum()) / n
    return found


def _floats(numbers: Any) -> Numbers:
    """As plain numbers, NaN where there is none."""
    if isinstance(numbers, np.ndarray):
        return np.atleast_1d(numbers.astype("float64"))
    return np.atleast_1d(pd.Series(numbers).to_numpy(dtype="float64", na_value=np.nan))
