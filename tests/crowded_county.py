"""A county that is hard to fit on a screen: 60 units with names of 16 characters, a month with 9,999 cases."""

from __future__ import annotations

import datetime as dt
import random

from data_access import schema
from data_access.engine import writing_engine

AS_OF = dt.datetime(2026, 11, 24, 9)
UNITS = 60
BUSY_MONTH = dt.date(2026, 10, 1)
BUSY_CASES = 9_999
OTHER_CASES = 8_000
_PLACES = "东西南北中上下前后左右高平新老"


def unit_name(number: int) -> str:
    """A name of 16 characters, a different one for each number."""
    place = _PLACES[number % len(_PLACES)] + _PLACES[number // len(_PLACES)]
    return f"{place}城乡居民住房保障和房地产管理局"[:15] + "局"


def make(url: str) -> str:
    """Fill the empty database at `url`; the same rows each time. Gives back `url`."""
    chance = random.Random(5)
    kinds = ("department", "township", "other")
    units = [{"unit_id": f"U{n:02}", "name": unit_name(n), "kind": kinds[n % 3], "sort_order": n} for n in range(UNITS)]
    categories = [
        {"category_id": f"C{n}", "name": f"第{'一二三四五六七八九十'[n]}类城乡规划建设与不动产登记"} for n in range(10)
    ]
    engine = writing_engine(url)
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        connection.execute(schema.contract.insert().values(version=schema.VERSION))
        cases = _cases(chance)
        tables = {"unit": units, "category": categories, "petition_case": cases, **_supervision(cases, chance)}
        for table, rows in tables.items():
            connection.execute(schema.metadata.tables[table].insert(), rows)
    engine.dispose()
    return url


def _cases(chance: random.Random) -> list[dict[str, object]]:
    first = dt.datetime(2024, 11, 1)
    long_ago = [first + dt.timedelta(minutes=chance.randrange(690 * 1440)) for _ in range(OTHER_CASES)]
    busy = dt.datetime.combine(BUSY_MONTH, dt.time())
    in_month = [busy + dt.timedelta(minutes=chance.randrange(31 * 1440)) for _ in range(BUSY_CASES)]
    others = [moment for moment in long_ago if (moment.year, moment.month) != (busy.year, busy.month)]
    return [_case(number, moment, chance) for number, moment in enumerate(sorted(others + in_month))]


def _case(number: int, registered: dt.datetime, chance: random.Random) -> dict[str, object]:
    def later(low: int, high: int) -> dt.datetime:
        return registered + dt.timedelta(days=chance.randint(low, high), minutes=chance.randint(0, 600))

    closed = later(10, 90) if chance.random() < 0.93 else None
    closed = closed if closed and closed < AS_OF else None
    due = dt.datetime.combine(registered.date() + dt.timedelta(days=62), dt.time(23, 59, 59))
    return {
        "case_id": f"XF{number:012}",
        "case_no": f"XF{number:012}",
        "channel": chance.choice(schema.CHANNELS),
        "petitioned_level": chance.choice(schema.LEVELS),
        "purpose": "appeal",
        "category_id": f"C{chance.randrange(10)}",
        "township_id": f"U{chance.randrange(20) * 3 + 1:02}",
        "lead_unit_id": f"U{chance.randrange(UNITS):02}",
        "is_collective": chance.random() < 0.1,
        "is_repeat": chance.random() < 0.2,
        "petitioned_at": registered,
        "registered_at": registered,
        "forwarded_at": later(1, 4),
        "unit_received_at": later(1, 4),
        "noticed_at": later(4, 17),
        "accepted_at": later(4, 17),
        "due_at": due,
        "closed_at": closed,
        "resolved_at": closed if closed and chance.random() < 0.8 else None,
        "unit_rating": chance.choice(("satisfied", "basically_satisfied", "dissatisfied")) if closed else None,
        "unit_rated_at": closed,
        "updated_at": registered,
    }


def _supervision(cases: list[dict[str, object]], chance: random.Random) -> dict[str, list[dict[str, object]]]:
    """Listings, instructions, slips, checklist items and decisions: some late, some never done."""
    late = dt.datetime(2026, 11, 10, 23, 59, 59)
    open_cases = [str(case["case_id"]) for case in cases if not case["closed_at"]]
    chosen = chance.sample(open_cases, 900)
    issued = dt.datetime(2026, 11, 1, 9)
    listings = [
        {"case_id": case, "kind": "supervised", "list_id": "supervised-2026", "listed_at": issued,
         "milestone_code": "plan", "milestone_due_at": late}
        for case in chosen[:400]
    ] + [
        {"case_id": case, "kind": "backlog", "list_id": f"{level}-2026", "listed_at": issued}
        for level, case in zip(("national", "province", "prefecture", "county") * 50, chosen[400:600], strict=True)
    ]  # fmt: skip
    for row in listings:
        row |= {"verified_at": None, "signed_off_at": None} | {
            name: row.get(name) for name in ("milestone_code", "milestone_due_at")
        }
    listings[0] |= {"verified_at": AS_OF, "signed_off_at": AS_OF}
    instructions = [
        {"case_id": case, "level": level, "issued_at": issued, "due_at": late, "answered_at": answered}
        for case, level, answered in zip(
            chosen[:90], ("province", "prefecture", "county") * 30, (None, issued, issued) * 30, strict=True
        )
    ]
    slips = [
        {"slip_id": f"S{n}", "case_id": case, "unit_id": f"U{n % UNITS:02}", "issued_at": issued, "due_at": late,
         "answered_at": None if n % 2 else issued, "effect_checked_at": None if n % 2 else late, "effective": n % 3 > 0}
        for n, case in enumerate(chosen[600:])
    ]  # fmt: skip
    items = [
        {"case_id": case, "item": item, "done_at": None if chance.random() < 0.3 else issued}
        for case in chosen[:400]
        for item in ("leader", "team", "plan", "deadline", "visit", "once", "file")
    ]
    decisions = [
        {"decision_id": f"M{n}", "meeting_on": dt.datetime(2026, 10, 18), "unit_id": f"U{n:02}", "due_at": late,
         "item": "对超过办理期限的信访件逐件明确责任人和办结时间并书面报告", "done_at": issued if n % 3 == 0 else None}
        for n in range(12)
    ]  # fmt: skip
    return {
        "listing": listings,
        "instruction": instructions,
        "reminder_slip": slips,
        "checklist_item": items,
        "meeting_decision": decisions,
    }
