"""The demo county: a made-up case database of any size, the same for the same seed.

The county, its units and every case are invented. Cases are made in chunks with numpy: each
chunk draws from its own generator, lives every case to its end and then forgets what lies
after the as-of instant, so that open, overdue and freshly registered cases come out as they
would in a real office. A `Rows` is a table's columns by name, all of one length: moments as
whole seconds since 1970 (`NEVER` = empty), codes and texts as objects (None = empty).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import holidays
import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, DateTime, Table, inspect, select
from sqlalchemy.schema import CreateTable

from data_access import schema, settings
from data_access.database import open_database
from data_access.deadlines import Limit, is_working_day, last_moment
from data_access.engine import parsed, sentences, shown_url, writing_engine
from data_access.prepared import prepare
from data_access.problems import Problem

Column = npt.NDArray[Any]
Rows = dict[str, Column]
Random = np.random.Generator
Writer = Callable[[Table, Rows], None]

DAY: Final = 86_400
NEVER: Final = int(np.iinfo(np.int64).min)
YEARS: Final = 5
CHUNK: Final = 50_000
FORWARDING_DAYS, ACCEPTANCE_DAYS, CLOSING_DAYS = 15, 15, 60
OBJECTION, SUMMARY_CLOSING = Limit(5, working=True), Limit(10, working=True)


def _objects(values: Iterable[Any]) -> Column:
    """One dimension of Python objects."""
    return np.array(list(values), dtype=object)


def _shares(weights: Sequence[float]) -> Column:
    return np.divide(weights, sum(weights))


# Units: id, name, aliases, chance that a case is late, weight among leads that are neither functional nor local.
DEPARTMENTS: Final = (
    ("D01", "住房和城乡建设局", ("住建局", "县住房和城乡建设局"), 0.11, 1.0),
    ("D02", "自然资源局", ("资源局", "自规局", "县自然资源局"), 0.27, 1.0),
    ("D03", "人力资源和社会保障局", ("人社局", "县人社局"), 0.012, 0.5),
    ("D04", "农业农村局", ("农业局",), 0.09, 0.5),
    ("D05", "公安局", ("县公安局",), 0.05, 2.0),
    ("D06", "教育局", ("县教育局",), 0.06, 0.2),
    ("D07", "卫生健康局", ("卫健局",), 0.08, 0.2),
    ("D08", "交通运输局", ("交通局",), 0.12, 0.3),
    ("D09", "民政局", ("县民政局",), 0.07, 1.0),
    ("D10", "市场监督管理局", ("市监局", "市场监管局"), 0.05, 0.5),
    ("D11", "生态环境局", ("环保局", "生态环境分局"), 0.09, 0.3),
    ("D12", "发展和改革局", ("发改局",), 0.10, 0.1),
    ("D13", "文化体育和旅游局", ("文旅局",), 0.10, 0.05),
    ("D14", "科技和工业信息化局", ("科工信局",), 0.10, 0.05),
    ("D15", "退役军人事务局", ("退役军人局",), 0.05, 0.05),
    ("D16", "县委组织部", ("组织部",), 0.06, 0.05),
    ("D17", "县委政法委", ("政法委",), 0.10, 0.3),
    ("D18", "县纪委监委", ("纪委监委", "纪委"), 0.06, 0.2),
    ("D19", "县信访局", ("信访局",), 0.03, 0.0),
)
# Townships: the last figure is the share of cases that concern the place.
TOWNSHIPS: Final = (
    ("T01", "东关街道", ("东关街道办事处",), 0.10, 0.22),
    ("T02", "清河镇", ("清河镇人民政府",), 0.015, 0.19),
    ("T03", "西园街道", ("西园街道办",), 0.08, 0.17),
    ("T04", "松坪镇", ("松坪镇政府",), 0.12, 0.14),
    ("T05", "白石镇", ("白石镇政府",), 0.09, 0.11),
    ("T06", "南泉镇", ("南泉镇政府",), 0.28, 0.10),
    ("T07", "柳溪乡", ("柳溪乡政府",), 0.10, 0.05),
    ("T08", "云岭乡", ("云岭乡人民政府",), 0.07, 0.02),
)
OTHERS: Final = (
    ("O01", "经济开发区管委会", ("开发区管委会", "经开区"), 0.13, 1.5),
    ("O02", "供水集团公司", ("自来水公司", "供水公司"), 0.06, 1.0),
    ("O03", "税务局", ("县税务局",), 0.04, 0.25),
)
UNITS: Final = (*DEPARTMENTS, *TOWNSHIPS, *OTHERS)
UNIT_IDS: Final = _objects([unit[0] for unit in UNITS])
OFFICE: Final = [unit[0] for unit in UNITS].index("D19")
FIRST_TOWNSHIP: Final = len(DEPARTMENTS)
LATE: Final = np.array([unit[3] for unit in UNITS])
ELSEWHERE: Final = np.array([place for place, unit in enumerate(UNITS) if not unit[0].startswith("T")])
ELSEWHERE_SHARES: Final = _shares([unit[4] for unit in UNITS if not unit[0].startswith("T")])

COUNTY_POSTS: Final = (
    "县委书记", "县长", "县委副书记", "常务副县长", "副县长（分管城建）", "副县长（分管农业农村）",
    "副县长（分管公安）", "副县长（分管教育卫生）",
)  # fmt: skip

COUNTY_POST_IDS: Final = _objects([f"P{number:02d}" for number in range(1, len(COUNTY_POSTS) + 1)])
TOWNSHIP_POST_IDS: Final = _objects([f"P{town[0]}{each}" for town in TOWNSHIPS for each in "AB"])

# Categories: id, name, responsible department, share of the cases. A longer id belongs to the shorter one.
CATEGORIES: Final = (
    ("C01", "农村农业", "D04", 0.065),
    ("C0101", "村务财务", "D04", 0.045),
    ("C0102", "惠农补贴", "D04", 0.020),
    ("C02", "市场监督", "D10", 0.050),
    ("C03", "自然资源", "D02", 0.045),
    ("C0301", "土地征用", "D02", 0.065),
    ("C0302", "林权纠纷", "D02", 0.020),
    ("C04", "城乡建设", "D01", 0.075),
    ("C0401", "城镇拆迁", "D01", 0.060),
    ("C0402", "供水供气", "O02", 0.018),
    ("C05", "生态环境", "D11", 0.040),
    ("C06", "劳动和社会保障", "D03", 0.035),
    ("C0601", "劳资纠纷", "D03", 0.075),
    ("C0602", "社会保险", "D03", 0.020),
    ("C07", "交通运输", "D08", 0.045),
    ("C08", "卫生健康", "D07", 0.035),
    ("C09", "房产物业", "D01", 0.070),
    ("C10", "经济管理", "D12", 0.020),
    ("C11", "文体旅游", "D13", 0.006),
    ("C12", "党务政务", "D16", 0.006),
    ("C13", "组织人事", "D16", 0.003),
    ("C14", "科技与信息产业", "D14", 0.005),
    ("C15", "军队事务", "D15", 0.006),
    ("C16", "民政与应急", "D09", 0.060),
    ("C17", "教育", "D06", 0.040),
    ("C18", "政法", "D17", 0.025),
    ("C1801", "涉法涉诉", "D05", 0.035),
    ("C19", "纪检监察", "D18", 0.015),
    ("C20", "其他", "D19", 0.016),
)
CATEGORY_IDS: Final = _objects([row[0] for row in CATEGORIES])
CATEGORY_SHARES: Final = _shares([row[3] for row in CATEGORIES])
FUNCTIONAL: Final = np.array([[unit[0] for unit in UNITS].index(row[2]) for row in CATEGORIES])

CHANNEL_MIX: Final = {
    "web": 0.24, "visit": 0.23, "mobile": 0.16, "letter": 0.12, "wechat": 0.11, "phone": 0.09, "mailbox": 0.05
}  # fmt: skip
PURPOSE_MIX: Final = {"appeal": 0.90, "suggestion": 0.05, "accusation": 0.03, "other": 0.02}
LEVEL_MIX: Final = {"county": 0.63, "township": 0.21, "prefecture": 0.08, "province": 0.05, "national": 0.03}
DISPOSITION_MIX: Final = {
    "forwarded": 0.55, "assigned": 0.20, "self_handled": 0.12, "not_accepted": 0.04, "no_longer_accepted": 0.02,
    "returned": 0.02, "merged": 0.03, "filed": 0.02,
}  # fmt: skip
REASON_MIX: Final = {
    "complex": 0.40, "investigation": 0.25, "coordination": 0.20, "expert_opinion": 0.10, "other": 0.05
}  # fmt: skip
OUTCOME_MIX: Final = {"explained": 0.50, "supported": 0.34, "not_supported": 0.16}
ASSIGNED_MIX: Final = {"prefecture": 0.60, "province": 0.25, "county": 0.15}
# Days late, as a mixture of exponentials: (share, mean).
LATENESS: Final = ((0.40, 14.0), (0.42, 100.0), (0.18, 260.0))
INSTRUCTION_MIX: Final = {"county": 0.75, "prefecture": 0.19, "province": 0.06}

# Long-standing cases: who made the list and how many days before the as-of instant it was frozen.
BATCHES: Final = (("central", 820), ("province", 470), ("county", 130))
ITEMS: Final = tuple(f"item{number}" for number in range(1, 8))
DECISIONS: Final = (
    "{unit}：逐件过一遍超期信访件，报出办结时间",
    "{unit}：挂账督办件每两周报一次进展",
    "{unit}：对即将到期的信访件倒排工期",
    "{unit}：重复信访件一次性查清，书面答复",
    "{unit}：受理告知超过十五日的，说明原因并整改",
    "{unit}：积案清单逐件明确化解方案",
)

# Planted faults for `check`: one case in FAULT_EVERY has each, at these places.
FAULT_EVERY: Final = 500
CLOSED_TOO_EARLY, UNKNOWN_UNIT, UNKNOWN_CATEGORY = 137, 251, 389


@dataclass(frozen=True)
class DemoSummary:
    """What was made: the URL without its password, counts of cases and units, the instant the data stands for."""

    url: str
    cases: int
    units: int
    as_of: datetime


@dataclass(frozen=True)
class _World:
    """What all chunks share. Days and moments count from 1970; the calendars start at day `first_known`."""

    seed: int
    cases: int
    as_of: int
    first_day: int
    starts: Column  # number of the first case of each day, and the number of all cases at the end
    first_known: int
    on_or_after: Column  # for each day the first working day from it on
    on_or_before: Column
    five_working: Column  # for each day the calendar days that five and ten working days take
    ten_working: Column

    def known(self, day: Column) -> Column:
        """Where the calendars keep each day."""
        place: Column = np.clip(day - self.first_known, 0, len(self.on_or_after) - 1)
        return place


def make_demo(
    url: str,
    *,
    as_of: datetime | date,
    cases: int = 12_000,
    seed: int = 7,
    progress: Callable[[int, int], None] | None = None,
) -> DemoSummary:
    """Make the demo county at `url`, replacing an earlier demo; `progress(done, cases)` after each chunk.

    `as_of` is the instant the data stands for (a date means its last moment); no event is later.
    Raises Problem where the database holds anything but a demo, or cannot be written.
    """
    instant = as_of.replace(microsecond=0) if isinstance(as_of, datetime) else last_moment(as_of)
    world = _world(seed, cases, instant)
    report = progress or (lambda _done, _all: None)
    with sentences(url):
        if parsed(url).get_backend_name() == "sqlite":
            _replace_file(url, world, report)
        else:
            _replace_tables(url, world, report)
    return DemoSummary(shown_url(url), cases, len(UNITS), instant)


# The world: calendars, and how many cases each day brings.


def _seconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _world(seed: int, cases: int, as_of: datetime) -> _World:
    last = as_of.date()
    first = last - timedelta(days=round(YEARS * 365.25) - 1)
    known = [first + timedelta(days=n) for n in range(-90, (last - first).days + 1500)]
    working = np.array([is_working_day(day) for day in known])
    days = np.arange(len(known)) + _day(known[0])
    weights = _weights(np.random.default_rng([seed, 0]), first, last)
    hours_gone = (as_of.hour + as_of.minute / 60 - 8.5) / 9
    weights[-1] *= min(max(hours_gone, 0.0), 1.0)
    starts = np.concatenate(([0], np.round(np.cumsum(weights) / weights.sum() * cases))).astype(np.int64)
    return _World(
        seed=seed,
        cases=cases,
        as_of=_seconds(as_of),
        first_day=_day(first),
        starts=starts,
        first_known=_day(known[0]),
        on_or_after=np.minimum.accumulate(np.where(working, days, days[-1])[::-1])[::-1],
        on_or_before=np.maximum.accumulate(np.where(working, days, days[0])),
        five_working=np.array([OBJECTION.calendar_days(day) for day in known]),
        ten_working=np.array([SUMMARY_CLOSING.calendar_days(day) for day in known]),
    )


def _weights(rng: Random, first: date, last: date) -> Column:
    """How busy each day is: trend, days off, the weeks around Spring Festival and before the Two Sessions."""
    named = holidays.country_holidays("CN", years=range(first.year, last.year + 2), language="zh_CN")
    festivals = {day.year: day for day in sorted(named.get_named("春节"), reverse=True)}
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    weights = rng.gamma(30.0, 1 / 30.0, len(days))
    for place, day in enumerate(days):
        to_festival = (festivals[day.year] - day).days
        to_sessions = (date(day.year, 3, 4) - day).days
        weights[place] *= 1.05 ** (place / 365.25) * (1.0 if is_working_day(day) else 0.10)
        if 0 < to_festival <= 21:
            weights[place] *= 1.65
        elif -7 <= to_festival <= 0:
            weights[place] *= 0.35
        elif 0 <= to_sessions <= 14:
            weights[place] *= 1.45
    return weights


# Drawing.


def _pick(rng: Random, mix: Mapping[str, float], n: int) -> Column:
    """`n` codes in the proportions of `mix`."""
    return _objects(mix)[rng.choice(len(mix), n, p=_shares(list(mix.values())))]


def _where(condition: Column, one: Any, other: Any) -> Column:
    """Objects: `one` where the condition holds, else `other`."""
    return np.where(condition, np.array(one, dtype=object), np.array(other, dtype=object))


def _office_hours(share: Column) -> Column:
    """Seconds of a day for a share 0-1 of its seven office hours, 8:30 to 12:00 and 14:00 to 17:30."""
    seconds = (share * 7 * 3600).astype(np.int64)
    return seconds + np.where(seconds < 12_600, 30_600, 37_800)


def _later(world: _World, rng: Random, after: Column, days: Column | int, by: Column | None = None) -> Column:
    """A moment on a working day about `days` days after `after`, never before it, and by the day of `by` if it can."""
    day = world.on_or_after[world.known(after // DAY + days)]
    if by is not None:
        day = np.where(day > by // DAY, world.on_or_before[world.known(by // DAY)], day)
    moment = day * DAY + _office_hours(rng.random(len(after)))
    return np.where(moment > after, moment, after + rng.integers(60, 1200, len(after)))


def _between(rng: Random, start: Column, end: Column, earliest: float, latest: float) -> Column:
    """A moment after `start` and not after `end`, between two shares of the way; in office hours if it can."""
    on_the_way = start + ((end - start) * rng.uniform(earliest, latest, len(start))).astype(np.int64)
    moment: Column = np.minimum(
        np.maximum(on_the_way // DAY * DAY + _office_hours(rng.random(len(start))), start + 120), end
    )
    return moment


def _end_of(moment: Column, days: Column | int = 0) -> Column:
    """The last second of the day `days` days after `moment`."""
    return (moment // DAY + days + 1) * DAY - 1


def _tail(rng: Random, n: int, *parts: tuple[float, float]) -> Column:
    """Whole days from a mixture of exponentials, each given as (share, mean)."""
    shares, means = np.array([part[0] for part in parts]), np.array([part[1] for part in parts])
    return rng.exponential(means[rng.choice(len(parts), n, p=shares)]).astype(np.int64)


def _some(rng: Random, n: int, share: Column | float) -> Column:
    return rng.random(n) < share


# The cases of one chunk: first their whole lives, then only what has happened by the as-of instant.


def _cases(world: _World, rng: Random, first: int, last: int) -> Rows:
    """Cases number `first` to `last` (excluded): the columns of petition_case, and `fault`, `place` and `unit`."""
    c = _matter(world, rng, first, last)
    _way(world, rng, c)
    _closing(world, rng, c)
    _forget_the_future(world, c)
    _afterwards(world, rng, c)
    _appeals(world, rng, c)
    _accountability(world, rng, c)
    c["updated_at"] = np.max([c[name] for name in _events_of(c)], axis=0)
    return c


def _events_of(c: Rows) -> list[str]:
    """Names of the columns that tell of something done, as opposed to due."""
    return [name for name in c if name.endswith("_at") and name not in schema.DEADLINES]


def _matter(world: _World, rng: Random, first: int, last: int) -> Rows:
    """What each case is about and who has it; `unit` is the lead unit's place in UNITS, planted faults aside."""
    number = np.arange(first, last)
    n = len(number)
    day = np.searchsorted(world.starts, number, side="right") - 1
    serial = number - world.starts[day]
    time_of_day = _office_hours((serial + rng.random(n)) / (world.starts[day + 1] - world.starts[day]))
    dates = [f"{date(1970, 1, 1) + timedelta(days=world.first_day + d):%Y%m%d}" for d in range(len(world.starts))]

    disposition, purpose = _pick(rng, DISPOSITION_MIX, n), _pick(rng, PURPOSE_MIX, n)
    category = rng.choice(len(CATEGORIES), n, p=CATEGORY_SHARES)
    place = FIRST_TOWNSHIP + rng.choice(len(TOWNSHIPS), n, p=[town[4] for town in TOWNSHIPS])
    elsewhere = ELSEWHERE[rng.choice(len(ELSEWHERE), n, p=ELSEWHERE_SHARES)]
    chance = rng.random(n)
    unit = np.where(chance < 0.52, FUNCTIONAL[category], np.where(chance < 0.92, place, elsewhere))
    unit = np.where(np.isin(disposition, ("self_handled", "filed")), OFFICE, unit)
    track = _where(_some(rng, n, 0.08), "summary", "statutory")
    track = _where((purpose != "appeal") | _some(rng, n, 0.03), "other", track)
    first_time = _some(rng, n, 0.75)
    fault = number % FAULT_EVERY
    return {
        "case_id": _objects([f"{each:09d}" for each in (number + 1).tolist()]),
        "case_no": _objects([f"XF{dates[d]}{s:05d}" for d, s in zip(day.tolist(), (serial + 1).tolist(), strict=True)]),
        "channel": _pick(rng, CHANNEL_MIX, n),
        "purpose": purpose,
        "petitioned_level": _pick(rng, LEVEL_MIX, n),
        "handling_level": np.where(
            (unit >= FIRST_TOWNSHIP) & (unit < FIRST_TOWNSHIP + len(TOWNSHIPS)),
            _pick(rng, {"township": 0.62, "village": 0.28, "group": 0.10}, n),
            _pick(rng, {"county": 0.92, "township": 0.08}, n),
        ),
        "category_id": _where(fault == UNKNOWN_CATEGORY, "C99", CATEGORY_IDS[category]),
        "township_id": UNIT_IDS[place],
        "registering_unit_id": _where(_some(rng, n, 0.84), UNIT_IDS[OFFICE], UNIT_IDS[place]),
        "lead_unit_id": _where(fault == UNKNOWN_UNIT, "X99", UNIT_IDS[unit]),
        "disposition": disposition,
        "track": track,
        "is_collective": _some(rng, n, 0.06),
        "is_first": first_time,
        "is_repeat": ~first_time,
        "task_force": _where(_some(rng, n, 0.03), _pick(rng, {"TF1": 0.6, "TF2": 0.4}, n), None),
        "registered_at": np.minimum((world.first_day + day) * DAY + time_of_day, world.as_of),
        "fault": fault,
        "unit": unit,
        "regular": np.isin(disposition, ("forwarded", "assigned", "self_handled")),
    }


def _way(world: _World, rng: Random, c: Rows) -> None:
    """From the petition's receipt to the unit's acceptance."""
    n = len(c["unit"])
    registered, disposition, regular = c["registered_at"], c["disposition"], c["regular"]
    waited = rng.choice([0, 1, 2, 5, 8], n, p=[0.70, 0.12, 0.08, 0.06, 0.04])
    petitioned = world.on_or_before[world.known(registered // DAY - waited)] * DAY + _office_hours(rng.random(n))
    c["petitioned_at"] = np.where(petitioned <= registered, petitioned, registered - rng.integers(60, 3600, n))

    limit = _end_of(c["petitioned_at"], FORWARDING_DAYS)
    in_time = _later(world, rng, registered, _tail(rng, n, (1.0, 2.0)), limit)
    too_late = _later(world, rng, np.maximum(limit, registered), 1 + _tail(rng, n, (1.0, 4.0)))
    forwarded = np.where(_some(rng, n, 0.013), too_late, in_time)
    own = disposition == "self_handled"
    sent = np.isin(disposition, ("forwarded", "assigned", "returned", "not_accepted"))
    received = np.where(own, registered, _later(world, rng, forwarded, rng.choice(3, n, p=[0.5, 0.35, 0.15])))

    limit = _end_of(received, ACCEPTANCE_DAYS)
    in_time = _later(world, rng, received, 1 + _tail(rng, n, (0.7, 2.0), (0.3, 6.0)), limit)
    too_late = _later(world, rng, limit, 1 + _tail(rng, n, (0.7, 6.0), (0.3, 60.0)))
    noticed = np.where(_some(rng, n, 0.01 + 0.4 * LATE[c["unit"]]), too_late, in_time)
    accepted = np.where(_some(rng, n, 0.9), noticed + rng.integers(0, 600, n), _later(world, rng, noticed, 1))
    five_days = world.five_working[world.known(received // DAY)]
    objected = _later(world, rng, received, rng.integers(0, five_days + np.where(_some(rng, n, 0.2), 9, 0)))
    objecting = sent & regular & _some(rng, n, 0.02)

    c["forwarded_at"] = np.where(sent, forwarded, NEVER)
    c["unit_received_at"] = np.where(sent | own, received, NEVER)
    c["acceptance_due_at"] = np.where(
        (own | sent) & (disposition != "returned") & (c["track"] != "other") & _some(rng, n, 0.5), limit, NEVER
    )
    c["noticed_at"] = np.where(regular, noticed, NEVER)
    c["accepted_at"] = np.where(regular, accepted, NEVER)
    c["not_accepted_at"] = np.select(
        [disposition == "not_accepted", disposition == "no_longer_accepted"], [noticed, forwarded], NEVER
    )
    c["objected_at"] = np.select(
        [disposition == "returned", objecting], [objected, np.minimum(objected, noticed)], NEVER
    )


def _closing(world: _World, rng: Random, c: Rows) -> None:
    """Deadlines, extension, answer and closing; `first_closed_at` and `reopened_at` of closings later undone."""
    n = len(c["unit"])
    accepted, disposition, regular = c["accepted_at"], c["disposition"], c["regular"]
    start = np.where(regular, accepted, c["registered_at"])
    summary = c["track"] == "summary"
    original = _end_of(start, np.where(summary, world.ten_working[world.known(start // DAY)], CLOSING_DAYS))
    withdrawn = regular & _some(rng, n, 0.02)
    unstated = (c["track"] == "statutory") & _some(rng, n, 0.03)
    extended = regular & (c["track"] == "statutory") & ~withdrawn & ~unstated & _some(rng, n, 0.09)
    irregular = np.where(_some(rng, n, 0.04), rng.integers(1, 4, n), 0)  # 1 too late, 2 too long, 3 no reason
    granted = rng.choice([15, 20, 30], n, p=[0.15, 0.15, 0.70]) + np.where(irregular == 2, 25, 0)
    before = np.maximum(_later(world, rng, original - rng.integers(2, 14, n) * DAY, 0, original - DAY), start + 60)
    extended_at = np.where(irregular == 1, _later(world, rng, original, rng.integers(1, 9, n)), before)
    due = np.where(extended, _end_of(original, granted), original)

    begun = np.where(extended, extended_at, start)
    room = np.maximum((due - begun) // DAY, 0)
    at_the_end = np.maximum(room - _tail(rng, n, (1.0, 2.6)), room // 2)
    took = np.where(_some(rng, n, 0.68), at_the_end, (room * rng.beta(2.2, 1.3, n)).astype(np.int64))
    in_time = _later(world, rng, begun, took, due)
    too_late = _later(world, rng, due, 1 + _tail(rng, n, *LATENESS))
    finished = np.where(_some(rng, n, LATE[c["unit"]]), too_late, in_time)
    answered = _later(world, rng, finished - rng.integers(0, 6, n) * _some(rng, n, 0.5) * DAY, 0)
    given_up = _later(world, rng, start, rng.integers(1, 50, n))

    undone = regular & ~withdrawn & (c["fault"] != CLOSED_TOO_EARLY) & _some(rng, n, 0.011)
    reopened = _later(world, rng, finished, rng.integers(5, 90, n))
    undone &= reopened <= world.as_of
    final = np.where(undone, _later(world, rng, reopened, rng.integers(7, 60, n)), finished)

    c["first_closed_at"] = np.where(undone, finished, NEVER)
    c["reopened_at"] = np.where(undone, reopened, NEVER)
    dated = regular & (c["track"] != "other") & ~unstated
    c["original_due_at"] = np.where(dated, original, NEVER)
    c["due_at"] = np.where(dated, due, NEVER)
    c["extended_at"] = np.where(extended, extended_at, NEVER)
    c["extension_reason_code"] = _where(extended & (irregular != 3), _pick(rng, REASON_MIX, n), None)
    spoken = regular & ~withdrawn & ~_some(rng, n, 0.02)
    c["answered_at"] = np.where(spoken, np.clip(answered, begun, finished), NEVER)
    c["closed_at"] = np.select(
        [withdrawn, regular, c["not_accepted_at"] != NEVER, disposition == "merged", disposition == "filed"],
        [
            given_up,
            final,
            c["not_accepted_at"],
            _later(world, rng, c["registered_at"], rng.integers(0, 4, n)),
            c["registered_at"] + rng.integers(60, 7200, n),
        ],
        _later(world, rng, np.maximum(c["objected_at"], c["registered_at"]), rng.integers(0, 4, n)),
    )
    c["closed_how"] = np.select(
        [withdrawn, disposition == "merged", disposition == "returned", c["not_accepted_at"] != NEVER],
        [_objects([code]) for code in ("withdrawn", "merged", "transferred", "not_accepted")],
        _objects(["handled"]),
    )
    c["track"] = _where((c["track"] == "statutory") & _some(rng, n, 0.02), None, c["track"])


def _forget_the_future(world: _World, c: Rows) -> None:
    """Empty what lies after the as-of instant, and what follows from it."""
    for name in _events_of(c):
        c[name] = np.where(c[name] <= world.as_of, c[name], NEVER)
    accepted, closed = c["accepted_at"] != NEVER, c["closed_at"] != NEVER
    extended = c["extended_at"] != NEVER
    c["acceptance_due_at"] = np.where(c["unit_received_at"] != NEVER, c["acceptance_due_at"], NEVER)
    c["original_due_at"] = np.where(accepted, c["original_due_at"], NEVER)
    c["due_at"] = np.where(extended, c["due_at"], c["original_due_at"])
    c["extension_reason_code"] = _where(extended, c["extension_reason_code"], None)
    c["closed_how"] = _where(closed, c["closed_how"], None)
    c["handled"] = c["regular"] & (c["closed_how"] == "handled")
    c["ended"] = np.where(closed, c["closed_at"], world.as_of)


def _afterwards(world: _World, rng: Random, c: Rows) -> None:
    """Outcome, settling, return of the matter, call-back and the two ratings of handled cases."""
    n = len(c["unit"])
    handled, closed = c["handled"], c["ended"]

    def happened(condition: Column, moment: Column) -> Column:
        return np.where(condition & (moment <= world.as_of), moment, NEVER)

    c["outcome"] = _where(handled, _pick(rng, OUTCOME_MIX, n), None)
    settled = np.where(_some(rng, n, 0.7), closed, _later(world, rng, closed, _tail(rng, n, (1.0, 25.0))))
    c["resolved_at"] = happened(handled & _some(rng, n, 0.83), settled)
    accepted = _later(world, rng, settled, rng.integers(0, 30, n))
    c["outcome_accepted_at"] = happened((c["resolved_at"] != NEVER) & _some(rng, n, 0.75), accepted)
    back = _later(world, rng, closed, rng.integers(10, 300, n))
    c["next_repeat_at"] = happened(handled & c["is_first"] & _some(rng, n, 0.10), back)
    c["follow_up_due_at"] = np.where(handled, _end_of(closed, 30), NEVER)
    called = _later(world, rng, closed, np.where(_some(rng, n, 0.9), rng.integers(3, 28, n), rng.integers(31, 50, n)))
    c["followed_up_at"] = happened(handled & _some(rng, n, 0.87), called)

    asked = handled & (c["purpose"] == "appeal")
    good = np.array(schema.RATINGS, dtype=object)
    for side, bad in (("office", np.full(n, 0.05)), ("unit", 0.05 + 0.7 * LATE[c["unit"]])):
        rated = happened(asked & _some(rng, n, 0.66), closed + rng.integers(3600, 59 * DAY, n))
        chance = rng.random(n)
        level = np.where(chance < bad, 2, np.where(chance < bad + 0.25, 1, 0))
        c[f"{side}_rating"] = _where(rated != NEVER, good[level], None)
        c[f"{side}_rated_at"] = rated
        c[f"{side}_rating_expires_at"] = np.where(asked, _end_of(closed, 60), NEVER)


def _appeals(world: _World, rng: Random, c: Rows) -> None:
    """Review and re-review (Art. 35, 36): to apply for within 30 days, to decide within 30 days."""
    n = len(c["unit"])
    applying = c["handled"] & (c["purpose"] == "appeal") & _some(rng, n, 0.03)
    since = c["ended"]
    hearing = np.where(_some(rng, n, 0.3), rng.integers(5, 21, n), 0)
    for stage, share, extra in (("review", 1.0, np.zeros(n, np.int64)), ("rereview", 0.35, hearing)):
        applied = _later(world, rng, since, rng.integers(2, 27, n))
        applying = applying & (applied <= world.as_of) & _some(rng, n, share)
        due = _end_of(applied, 30 + extra)
        in_time = _later(world, rng, applied, rng.integers(12, 29, n) + extra, due)
        decided = np.where(_some(rng, n, 0.08), _later(world, rng, due, rng.integers(1, 15, n)), in_time)
        c[f"{stage}_applied_at"] = np.where(applying, applied, NEVER)
        c[f"{stage}_due_at"] = np.where(applying, due, NEVER)
        c[f"{stage}_decided_at"] = np.where(applying & (decided <= world.as_of), decided, NEVER)
        applying, since = c[f"{stage}_decided_at"] != NEVER, decided
    c["hearing_days"] = np.where(c["rereview_applied_at"] != NEVER, hearing.astype(object), _objects([None]))


def _owners(rng: Random, c: Rows) -> Column:
    """The post that would own each case: a township's own heads, else a county leader."""
    n = len(c["unit"])
    town = c["unit"] - FIRST_TOWNSHIP
    of_town = (town >= 0) & (town < len(TOWNSHIPS))
    county = COUNTY_POST_IDS[rng.integers(0, len(COUNTY_POST_IDS), n)]
    heads = TOWNSHIP_POST_IDS[np.clip(town, 0, len(TOWNSHIPS) - 1) * 2 + rng.integers(0, 2, n)]
    return np.where(of_town, heads, county)


def _own_listed(rng: Random, c: Rows, listings: Rows) -> None:
    """What is listed has an owner, but for some that still have none."""
    cases, on_list = (rows["case_id"].astype(np.int64) for rows in (c, listings))  # as texts it takes minutes
    listed = np.isin(cases, on_list) & _some(rng, len(c["unit"]), 0.85)
    owner = _owners(rng, c)
    c["responsible_post_id"] = np.where(listed & (c["responsible_post_id"] == None), owner, c["responsible_post_id"])  # noqa: E711


def _stand_still(rng: Random, progress: Rows) -> Rows:
    """`progress` with nothing but the first month of some cases, which stand still since."""
    cases, place = np.unique(progress["case_id"], return_inverse=True)
    first = np.full(len(cases), np.iinfo(np.int64).max)
    np.minimum.at(first, place, progress["at"])
    still = _some(rng, len(cases), 0.35)[place]
    return _chosen(progress, ~still | (progress["at"] < first[place] + 30 * DAY))


def _second_slips(world: _World, rng: Random, slips: Rows) -> Rows:
    """Another slip on some cases whose first was found without effect or was never answered."""
    failed = (slips["effective"] == False) | (slips["answered_at"] == NEVER)  # noqa: E712
    again = _chosen(slips, failed & _some(rng, len(failed), 0.4))
    n = len(again["case_id"])
    issued = _later(world, rng, np.maximum(again["due_at"], again["effect_checked_at"]), rng.integers(3, 20, n))
    answered = _later(world, rng, issued, rng.integers(1, 5, n), _end_of(issued, 5))
    again |= {
        "slip_id": _objects([f"{slip_id}-2" for slip_id in again["slip_id"].tolist()]),
        "issued_at": issued,
        "due_at": _end_of(issued, 5),
        "answered_at": np.where(answered <= world.as_of, answered, NEVER),
        "effect_checked_at": np.full(n, NEVER),
        "effective": np.full(n, None, dtype=object),
    }
    return _stacked(slips, _chosen(again, issued <= world.as_of))


def _accountability(world: _World, rng: Random, c: Rows) -> None:
    """The leader who owns a case, what a higher level wants reported, legal review."""
    n = len(c["unit"])
    owner = _owners(rng, c)
    c["responsible_post_id"] = _where(c["regular"] & (c["purpose"] != "accusation") & _some(rng, n, 0.11), owner, None)
    assigned = c["disposition"] == "assigned"
    c["assigned_from"] = _where(assigned, _pick(rng, ASSIGNED_MIX, n), None)
    forwarded = c["forwarded_at"]
    c["report_due_at"] = np.where(assigned & (forwarded != NEVER), _end_of(np.maximum(forwarded, 0), 75), NEVER)
    reported = _later(world, rng, c["ended"], rng.integers(0, 7, n))
    c["reported_at"] = np.where(assigned & c["handled"] & (reported <= world.as_of), reported, NEVER)
    opinion = np.maximum(c["answered_at"], 0)
    legal = np.maximum(opinion - rng.integers(1800, 5 * DAY, n), c["accepted_at"])
    c["legal_reviewed_at"] = np.where((opinion > 0) & _some(rng, n, 0.15), legal, NEVER)


# What hangs on cases. Each takes the cases of a chunk and gives the rows of one table.


def _chosen(c: Rows, which: Column) -> Rows:
    return {name: column[which] for name, column in c.items()}


def _stacked(*parts: Rows) -> Rows:
    """Rows of the same columns, one below the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _with_unit(c: Rows) -> Column:
    """Cases that a unit is handling or has handled, without the planted faults."""
    which: Column = c["regular"] & (c["accepted_at"] != NEVER) & ~np.isin(c["fault"], (CLOSED_TOO_EARLY, UNKNOWN_UNIT))
    return which


def _assisting(world: _World, rng: Random, c: Rows) -> Rows:
    """Assisting units: one for some cases, now and then two, never the lead unit."""
    one = _chosen(c, _with_unit(c) & _some(rng, len(c["unit"]), 0.15))
    n = len(one["unit"])
    step = rng.integers(1, len(UNITS) - 1, n)
    parts = []
    for further, which in ((0, np.full(n, True)), (1, _some(rng, n, 0.2))):
        helper = (one["unit"] + step + further) % len(UNITS)
        asked = np.minimum(_later(world, rng, one["accepted_at"], rng.integers(0, 6, n)), one["ended"])
        answered = _later(world, rng, asked, rng.integers(3, 20, n))
        rows = {
            "case_id": one["case_id"],
            "unit_id": UNIT_IDS[helper],
            "asked_at": asked,
            "due_at": _end_of(asked, 15),
            "answered_at": np.where((answered <= world.as_of) & _some(rng, n, 0.95), answered, NEVER),
        }
        parts.append(_chosen(rows, which & (helper != one["unit"])))
    return _stacked(*parts)


def _event_rows(c: Rows, kind: str, at: Column, **more: Column) -> Rows:
    n = len(at)
    empty: Rows = {
        "from_unit_id": np.full(n, None, dtype=object),
        "to_unit_id": np.full(n, None, dtype=object),
        "from_due_at": np.full(n, NEVER),
        "to_due_at": np.full(n, NEVER),
    }
    return {"case_id": c["case_id"], "kind": np.full(n, kind, dtype=object), "at": at, **empty, **more}


def _events(world: _World, rng: Random, c: Rows) -> Rows:
    """What the record keeps of changes: reassignments end with the lead unit, each closing here was undone."""
    undone = _chosen(c, c["reopened_at"] != NEVER)
    extended = _chosen(c, c["extended_at"] != NEVER)
    returned = _chosen(c, (c["closed_how"] == "transferred") & _some(rng, len(c["unit"]), 0.8))
    moved = _chosen(c, _with_unit(c) & (c["unit"] != OFFICE) & _some(rng, len(c["unit"]), 0.042))
    n = len(moved["unit"])
    closed = np.where(moved["first_closed_at"] != NEVER, moved["first_closed_at"], moved["ended"])
    second = _between(rng, moved["unit_received_at"], closed, 0.1, 0.6)
    first = np.minimum(_between(rng, moved["unit_received_at"], second, 0.2, 0.8), second - 60)
    middle = (moved["unit"] + rng.integers(1, len(UNITS), n)) % len(UNITS)
    start = (middle + rng.integers(1, len(UNITS), n)) % len(UNITS)
    twice = _some(rng, n, 0.2)
    again = _chosen(moved, twice)
    return _stacked(
        _event_rows(undone, "closed", undone["first_closed_at"]),
        _event_rows(undone, "reopened", undone["reopened_at"]),
        _event_rows(extended, "extended", extended["extended_at"],
                    from_due_at=extended["original_due_at"], to_due_at=extended["due_at"]),
        _event_rows(returned, "returned", returned["closed_at"]),
        _event_rows(again, "reassigned", first[twice],
                    from_unit_id=UNIT_IDS[start[twice]], to_unit_id=UNIT_IDS[middle[twice]]),
        _event_rows(moved, "reassigned", second, from_unit_id=UNIT_IDS[middle], to_unit_id=moved["lead_unit_id"]),
    )  # fmt: skip


def _last(events: Rows, kind: str, first: int, n: int) -> Column:
    """When the last event of a kind happened, for each of `n` cases from number `first` on."""
    of_kind = events["kind"] == kind
    places = events["case_id"][of_kind].astype(np.int64) - 1 - first
    found = np.full(n, NEVER)
    order = np.argsort(events["at"][of_kind], kind="stable")
    found[places[order]] = events["at"][of_kind][order]  # of several, the last one written stays
    return found


def _listings(world: _World, rng: Random, c: Rows) -> Rows:
    """Rows of `listing`, with `ended` of their cases."""
    may = _with_unit(c) & (c["purpose"] != "accusation")
    lasted = (c["ended"] - c["accepted_at"] * may) // DAY
    share = np.where(lasted <= 50, 0.015, np.where(c["closed_at"] != NEVER, 0.055, 0.40))
    one = _chosen(c, may & _some(rng, len(may), share))
    listed = _later(world, rng, one["accepted_at"], rng.integers(8, 45, len(one["unit"])))
    began = listed < one["ended"]
    year = _objects([f"supervised-{datetime.fromtimestamp(moment, UTC).year}" for moment in listed[began].tolist()])
    supervised = _listing_rows(world, rng, _chosen(one, began), "supervised", year, listed[began])
    parts = [supervised]

    again = _chosen(supervised, (supervised["signed_off_at"] != NEVER) & _some(rng, len(supervised["kind"]), 0.12))
    relisted = _later(world, rng, again["signed_off_at"], rng.integers(10, 90, len(again["kind"])))
    verified = _later(world, rng, relisted, rng.integers(15, 60, len(relisted)))
    done = (verified <= world.as_of) & _some(rng, len(relisted), 0.6)
    again |= {
        "listed_at": relisted,
        "milestone_code": np.full(len(relisted), "verified", dtype=object),
        "milestone_due_at": _end_of(relisted, 45),
        "verified_at": np.where(done, verified, NEVER),
        "signed_off_at": np.where(done, np.minimum(verified + rng.integers(0, 5 * DAY, len(done)), world.as_of), NEVER),
        "ended": np.where(done, verified, world.as_of),
    }
    parts.append(_chosen(again, relisted <= world.as_of))

    for level, days_ago in BATCHES:
        frozen = (world.as_of // DAY - days_ago) * DAY + 9 * 3600
        old = may & (c["accepted_at"] < frozen - 40 * DAY) & (c["ended"] > frozen) & _some(rng, len(may), 0.8)
        rows = _chosen(c, old)
        name = _objects([f"{level}-{datetime.fromtimestamp(frozen, UTC).year}"])
        n = len(rows["unit"])
        parts.append(_listing_rows(world, rng, rows, "backlog", np.repeat(name, n), np.full(n, frozen)))
    return _stacked(*parts)


def _listing_rows(world: _World, rng: Random, c: Rows, kind: str, list_id: Column, listed: Column) -> Rows:
    """One listing for each of the cases `c`; verified and signed off some time after closing."""
    n = len(listed)
    verified = _later(world, rng, c["ended"], rng.integers(4, 30, n))
    signed_off = _later(world, rng, verified, rng.integers(0, 9, n))
    checked = c["handled"] & (verified <= world.as_of) & _some(rng, n, 0.9)
    closed = c["closed_at"] != NEVER
    soon = _end_of(np.full(n, world.as_of), rng.integers(-10, 30, n))
    return {
        "case_id": c["case_id"],
        "kind": np.full(n, kind, dtype=object),
        "list_id": list_id,
        "listed_at": listed,
        "milestone_code": _where(closed, "verified", np.array(schema.MILESTONES, dtype=object)[rng.integers(0, 4, n)]),
        "milestone_due_at": np.where(closed, _end_of(c["ended"], 30), soon),
        "verified_at": np.where(checked, verified, NEVER),
        "signed_off_at": np.where(checked & (signed_off <= world.as_of) & _some(rng, n, 0.93), signed_off, NEVER),
        "ended": c["ended"],
    }


def _instructions(world: _World, rng: Random, c: Rows) -> Rows:
    """Written instructions, more often on group petitions, sometimes two on a case."""
    share = np.where(c["is_collective"], 0.12, 0.025)
    one = _chosen(c, _with_unit(c) & (c["purpose"] != "accusation") & _some(rng, len(share), share))
    more = _chosen(one, _some(rng, len(one["unit"]), 0.15))
    one = _stacked(one, more)
    n = len(one["unit"])
    issued = _between(rng, one["accepted_at"], one["ended"], 0.0, 1.0)
    due = _end_of(issued, rng.choice([10, 15, 30], n))
    in_time = _later(world, rng, issued, rng.integers(3, 28, n), due)
    answered = np.where(_some(rng, n, 0.88), in_time, _later(world, rng, due, rng.integers(1, 12, n)))
    level = _pick(rng, INSTRUCTION_MIX, n)
    return {
        "case_id": one["case_id"],
        "level": level,
        "post_id": _where(level == "county", COUNTY_POST_IDS[rng.integers(0, len(COUNTY_POST_IDS), n)], None),
        "issued_at": issued,
        "due_at": due,
        "answered_at": np.where((answered <= world.as_of) & _some(rng, n, 0.96), answered, NEVER),
    }


def _progress(rng: Random, listings: Rows) -> Rows:
    """A record every two to six weeks from the listing on, while the case is open."""
    n, most = len(listings["case_id"]), 24
    at = listings["listed_at"][:, None] + np.cumsum(rng.integers(14 * DAY, 42 * DAY, (n, most)), axis=1)
    kept = at < listings["ended"][:, None]
    codes = np.array(schema.PROGRESS_CODES, dtype=object)[rng.integers(0, len(schema.PROGRESS_CODES), (n, most))]
    return {"case_id": np.repeat(listings["case_id"], most)[kept.ravel()], "at": at[kept], "code": codes[kept]}


def _slips(world: _World, rng: Random, c: Rows) -> Rows:
    """One slip at most for a case (see `_second_slips`), for the first reason that holds, in the order below."""
    n = len(c["unit"])
    may = _with_unit(c) & (c["purpose"] != "accusation")
    dated, ended = c["due_at"] != NEVER, c["ended"]
    due, accepted = np.where(dated, c["due_at"], world.as_of), np.where(may, c["accepted_at"], 0)
    received = np.where(may, c["unit_received_at"], 0)
    issued = {
        "not_accepted_in_time": _later(world, rng, _end_of(received, ACCEPTANCE_DAYS), rng.integers(1, 3, n)),
        "overdue": _later(world, rng, due, rng.integers(1, 6, n)),
        "due_soon": _later(world, rng, np.maximum(due - rng.integers(3, 8, n) * DAY, accepted), 0),
        "low_quality": _later(world, rng, ended, rng.integers(5, 30, n)),
        "repeat": _later(world, rng, accepted, rng.integers(1, 15, n)),
    }
    holds = {
        "not_accepted_in_time": (issued["not_accepted_in_time"] < accepted) & _some(rng, n, 0.25),
        "overdue": dated & (issued["overdue"] < ended) & _some(rng, n, 0.30),
        "due_soon": dated & (issued["due_soon"] < ended) & _some(rng, n, 0.04),
        "low_quality": c["handled"] & _some(rng, n, 0.007),
        "repeat": c["is_repeat"] & (issued["repeat"] < ended) & _some(rng, n, 0.015),
    }
    reason = np.select(list(holds.values()), [_objects([code]) for code in holds], _objects([None]))
    at = np.select(list(holds.values()), list(issued.values()), NEVER)
    which = may & (at != NEVER) & (at <= world.as_of)
    at, n = at[which], int(which.sum())
    late = _later(world, rng, _end_of(at, 5), rng.integers(1, 7, n))
    answered = np.where(_some(rng, n, 0.88), _later(world, rng, at, rng.integers(1, 5, n), _end_of(at, 5)), late)
    answered = np.where((answered <= world.as_of) & _some(rng, n, 0.97), answered, NEVER)
    checked = _later(world, rng, np.maximum(answered, at), rng.integers(4, 16, n))
    checked = np.where((answered != NEVER) & (checked <= world.as_of) & _some(rng, n, 0.85), checked, NEVER)
    effective = _some(rng, n, 0.8).astype(object)
    return {
        "slip_id": _objects([f"TS{case_id}" for case_id in c["case_id"][which].tolist()]),
        "case_id": c["case_id"][which],
        "unit_id": c["lead_unit_id"][which],
        "issued_at": at,
        "due_at": _end_of(at, 5),
        "answered_at": answered,
        "effect_checked_at": checked,
        "effective": np.where(checked != NEVER, effective, _objects([None])),
        "reason_code": reason[which],
    }


def _checklist(world: _World, rng: Random, listings: Rows) -> Rows:
    """Seven items for each supervised case, counted from its first listing."""
    supervised = _chosen(listings, listings["kind"] == "supervised")
    _, places = np.unique(supervised["case_id"], return_index=True)
    one = _chosen(supervised, np.sort(places))
    n = len(one["case_id"]) * len(ITEMS)
    done = _later(world, rng, np.repeat(one["listed_at"], len(ITEMS)), rng.integers(0, 60, n))
    return {
        "case_id": np.repeat(one["case_id"], len(ITEMS)),
        "item": np.tile(_objects(ITEMS), len(one["case_id"])),
        "done_at": np.where((done <= world.as_of) & _some(rng, n, 0.88), done, NEVER),
    }


# The small tables.


def _unit_tables(world: _World) -> Iterator[tuple[Table, Rows]]:
    """Units, their other names, posts, categories and the mark of a demo."""
    n = len(UNITS)
    kinds = ["department"] * len(DEPARTMENTS) + ["township"] * len(TOWNSHIPS) + ["other"] * len(OTHERS)
    opened = _seconds(datetime(2000, 1, 1))
    yield schema.contract, {"version": _objects([schema.VERSION]), "demo_as_of": np.array([world.as_of])}
    yield (
        schema.unit,
        {
            "unit_id": UNIT_IDS,
            "name": _objects([unit[1] for unit in UNITS]),
            "kind": _objects(kinds),
            "sort_order": _objects(range(1, n + 1)),
            "valid_from": np.full(n, opened),
        },
    )
    aliases = [(alias, unit[0]) for unit in UNITS for alias in unit[2]]
    yield schema.unit_alias, {"alias": _objects([a for a, _ in aliases]), "unit_id": _objects([u for _, u in aliases])}
    heads = [f"{town[1]}{title}" for town in TOWNSHIPS for title in _heads_of(town[1])]
    yield (
        schema.post,
        {
            "post_id": np.concatenate((COUNTY_POST_IDS, TOWNSHIP_POST_IDS)),
            "name": _objects([*COUNTY_POSTS, *heads]),
            "level": _objects(["county"] * len(COUNTY_POSTS) + ["township"] * len(heads)),
        },
    )
    yield (
        schema.category,
        {
            "category_id": CATEGORY_IDS,
            "name": _objects([row[1] for row in CATEGORIES]),
            "parent_id": _objects([row[0][:3] if len(row[0]) > 3 else None for row in CATEGORIES]),
            "functional_unit_id": _objects([row[2] for row in CATEGORIES]),
        },
    )


def _heads_of(town: str) -> tuple[str, str]:
    if town.endswith("街道"):
        return "党工委书记", "办事处主任"
    return "党委书记", "镇长" if town.endswith("镇") else "乡长"


def _decisions(world: _World) -> Rows:
    """Three decisions of each monthly meeting of the last twelve months."""
    rng = np.random.default_rng([world.seed, 1])
    today = world.as_of // DAY
    n = 12 * 3
    met = np.repeat(world.on_or_before[world.known(today - 6 - np.arange(11, -1, -1) * 30)] * DAY, 3)
    units = rng.permutation(len(UNITS))[np.arange(n) % len(UNITS)]
    due = _end_of(met, rng.choice([14, 21, 28], n))
    done = _later(world, rng, met + 9 * 3600, rng.integers(5, 35, n))
    done = np.where((done <= world.as_of) & _some(rng, n, 0.85), done, NEVER)
    open_result = _where((due < world.as_of) & _some(rng, n, 0.5), "not_done", "under_way")
    return {
        "decision_id": _objects([f"M{number + 1:03d}" for number in range(n)]),
        "meeting_on": met,
        "item": _objects(
            [DECISIONS[i % len(DECISIONS)].format(unit=UNITS[unit][1]) for i, unit in enumerate(units.tolist())]
        ),
        "unit_id": UNIT_IDS[units],
        "due_at": due,
        "done_at": done,
        "result": _where(done != NEVER, "done", open_result),
    }


def _chunk(world: _World, number: int) -> Iterator[tuple[Table, Rows]]:
    """The rows of the cases of one chunk, table by table."""
    rng = np.random.default_rng([world.seed, 2, number])
    c = _cases(world, rng, number * CHUNK, min((number + 1) * CHUNK, world.cases))
    listings = _listings(world, rng, c)
    yield schema.case_unit, _assisting(world, rng, c)
    events = _events(world, rng, c)
    for kind in ("reopened", "reassigned"):
        c[f"last_{kind}_at"] = _last(events, kind, number * CHUNK, len(c["unit"]))
    yield schema.case_event, events
    yield schema.listing, listings
    later = np.random.default_rng([world.seed, 3, number])  # a stream of its own: what was made before stays as it is
    _own_listed(later, c, listings)
    yield schema.progress, _stand_still(later, _progress(rng, listings))
    yield schema.checklist_item, _checklist(world, rng, listings)
    yield schema.instruction, _instructions(world, rng, c)
    yield schema.reminder_slip, _second_slips(world, later, _slips(world, rng, c))
    early = (c["fault"] == CLOSED_TOO_EARLY) & (c["closed_at"] != NEVER)
    c["closed_at"] = np.where(early, c["registered_at"] - 2 * DAY, c["closed_at"])
    yield schema.petition_case, c


# Writing.


def _texts(moments: Column) -> list[str | None]:
    """Moments as `2026-11-24 23:59:59`, empty ones as None."""
    found = np.full(len(moments), None, dtype=object)
    there = moments != NEVER
    found[there] = [each.replace("T", " ") for each in moments[there].astype("datetime64[s]").astype(str).tolist()]
    texts: list[str | None] = found.tolist()
    return texts


def _values(table: Table, rows: Rows) -> Iterator[tuple[str, list[Any]]]:
    """Each column of `table` that `rows` has, with its values as Python objects; moments as text."""
    for column in table.columns:
        if column.name in rows:
            values = rows[column.name]
            yield column.name, _texts(values) if isinstance(column.type, DateTime) else values.tolist()


def _writer(connection: Connection) -> Writer:
    """How this database takes many rows at once."""
    raw: Any = connection.connection.driver_connection
    backend = connection.dialect.name

    def to_sqlite(table: Table, rows: Rows) -> None:
        columns = dict(_values(table, rows))
        marks = ", ".join("?" * len(columns))
        raw.executemany(f"INSERT INTO {_target(table, columns)} VALUES ({marks})", zip(*columns.values(), strict=True))  # noqa: S608

    def to_postgresql(table: Table, rows: Rows) -> None:
        columns = dict(_values(table, rows))
        cells = [["\\N" if value is None else str(value) for value in values] for values in columns.values()]
        with raw.cursor().copy(f"COPY {_target(table, columns)} FROM STDIN") as copy:
            copy.write("".join("\t".join(row) + "\n" for row in zip(*cells, strict=True)))

    def to_duckdb(table: Table, rows: Rows) -> None:
        import pyarrow  # type: ignore[import-untyped]

        def values(name: str, kind: Any) -> Any:
            if not isinstance(kind, DateTime):
                return pyarrow.array(rows[name].tolist())
            empty = rows[name] == NEVER
            return pyarrow.array(np.where(empty, 0, rows[name]).astype("datetime64[s]"), mask=empty)

        columns = {each.name: values(each.name, each.type) for each in table.columns if each.name in rows}
        raw.register("chunk", pyarrow.table(columns))
        connection.exec_driver_sql(f"INSERT INTO {_target(table, columns)} FROM chunk")
        raw.unregister("chunk")

    def to_any(table: Table, rows: Rows) -> None:
        columns = dict(_values(table, rows))
        for name, values in columns.items():
            if isinstance(table.c[name].type, DateTime):
                columns[name] = [datetime.fromisoformat(value) if value else None for value in values]
        found = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if found:
            connection.execute(table.insert(), found)

    return {"sqlite": to_sqlite, "postgresql": to_postgresql, "duckdb": to_duckdb}.get(backend, to_any)


def _target(table: Table, names: Iterable[str]) -> str:
    """The table and the columns to fill, quoted because `at` is a word of some engines."""
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"{table.name} ({quoted})"


def _fill(connection: Connection, world: _World, report: Callable[[int, int], None]) -> None:
    """Make all tables, fill them chunk by chunk, then index them."""
    for table in schema.metadata.sorted_tables:
        connection.execute(CreateTable(table))
    write = _writer(connection)
    for table, rows in _unit_tables(world):
        write(table, rows)
    write(schema.meeting_decision, _decisions(world))
    for number in range(-(-world.cases // CHUNK)):
        for table, rows in _chunk(world, number):
            write(table, rows)
        report(min((number + 1) * CHUNK, world.cases), world.cases)
    for table in schema.metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            index.create(connection)


def _refuse_real_data(connection: Connection, url: str) -> None:
    """Raise Problem where the database holds a table or view of the contract but is not marked as a demo."""
    found = inspect(connection)
    names = {*found.get_table_names(), *found.get_view_names()}
    if "contract" in names and any(column["name"] == "demo_as_of" for column in found.get_columns("contract")):
        marks = connection.scalars(select(schema.contract.c.demo_as_of)).all()
        if marks and None not in marks:
            return
    if names & set(schema.metadata.tables) or (names and connection.dialect.name == "sqlite"):
        raise Problem("demo_over_real", url=shown_url(url))


def _replace_file(url: str, world: _World, report: Callable[[int, int], None]) -> None:
    """SQLite: make a new file beside the old one and put it in its place only when it is whole."""
    database = parsed(url).database
    if not database or database == ":memory:":
        raise Problem("demo_needs_file")
    target = Path(database)
    if target.exists():
        old = writing_engine(url)
        try:
            with old.connect() as connection:
                _refuse_real_data(connection, url)
        finally:
            old.dispose()
    fresh = target.with_name(f"{target.name}.{secrets.token_hex(4)}.tmp")
    engine = writing_engine(parsed(url).set(database=str(fresh)).render_as_string(hide_password=False))
    try:
        fresh.touch()
    except OSError as error:
        raise Problem("cannot_write", file=str(target)) from error
    try:
        with engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA journal_mode = OFF")
            raw.execute("PRAGMA synchronous = OFF")
            with connection.begin():
                _fill(connection, world, report)
                connection.exec_driver_sql("ANALYZE")
        engine.dispose()
        fresh.replace(target)
    except PermissionError as error:
        raise Problem("locked", url=shown_url(url)) from error
    finally:
        engine.dispose()
        fresh.unlink(missing_ok=True)


def _replace_tables(url: str, world: _World, report: Callable[[int, int], None]) -> None:
    """A server or DuckDB: drop and make the tables in one transaction, where the engine has that for tables."""
    engine = writing_engine(url)
    try:
        with engine.begin() as connection:
            _refuse_real_data(connection, url)
            schema.metadata.drop_all(connection)
            _fill(connection, world, report)
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE petition_case")
    finally:
        engine.dispose()
    if engine.dialect.name == "duckdb":
        _prepare(url)


def _prepare(url: str) -> None:
    found = open_database(url, settings.load())
    found.engine.dispose()  # DuckDB lets a process read a file or write it, not both
    engine = writing_engine(url)
    try:
        with engine.begin() as connection:
            prepare(connection.connection.driver_connection, found, engine.dialect)
    finally:
        engine.dispose()
