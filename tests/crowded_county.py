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
        for table, rows in (("unit", units), ("category", categories), ("petition_case", _cases(chance))):
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
