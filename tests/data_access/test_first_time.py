"""一次性化解率: no repeat within six months of closing, of first-time cases closed at least six months ago.

Worked out by pencil, DOMAIN.md "Indicators". Six months are 183 days (6 × 365.25 / 12 = 182.6): what was
closed on 31 May 2026 can be judged from 30 November on (June 30 + July 31 + August 31 + September 30 +
October 31 + November 30 = 183 days after 31 May).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from handmade import make_file, measured, opened, seen

from dashboard.unit_tables import RANKED
from data_access import queries, settings, views
from data_access.database import CaseDatabase, open_database
from data_access.lists import Question, case_list
from data_access.settings import Settings

KEY = "first_time_resolution_rate"


def case(number: str, closed: str | None, back: str | None = None, **more: Any) -> dict[str, Any]:
    """A first-time appeal registered on 5 January 2026."""
    begun = {"registered_at": "2026-01-05", "lead_unit_id": "D1", "purpose": "appeal", "disposition": "forwarded"}
    return {"case_no": number, "is_first": True, "closed_at": closed, "next_repeat_at": back, **begun, **more}


CASES = [
    case("did not come back", "2026-05-10"),
    case("came back in four months", "2026-05-10", "2026-09-10"),
    # 10 May + 183 days: May 21 + June 30 + July 31 + August 31 + September 30 + October 31 = 174, so 9 November
    case("came back on the last day", "2026-05-10", "2026-11-09 23:59:59"),
    case("came back a day later", "2026-05-10", "2026-11-10 00:00:00"),
    case("came back before it was closed", "2026-05-10", "2026-04-01"),
    case("closed on 31 May", "2026-05-31 18:00", "2026-11-30 12:00"),
    case("closed too lately", "2026-06-01"),
    case("still open", None),
    case("a repeat", "2026-05-10", is_first=False, is_repeat=True),
    case("flagged as no repeat only", "2026-05-10", is_first=None, is_repeat=False),
    case("flagged as a repeat only", "2026-05-10", is_first=None, is_repeat=True),
    case("not flagged", "2026-05-10", is_first=None),
    case("transferred", "2026-05-10", closed_how="transferred"),
    case("returned", "2026-05-10", disposition="returned"),
    case("an accusation", "2026-05-10", purpose="accusation"),
]
UNITS = [{"unit_id": "D1", "name": "住建局", "kind": "department"}]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> CaseDatabase:
    return opened(make_file(tmp_path_factory.mktemp("first_time"), unit=UNITS, petition_case=CASES))


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        # May's six that are flagged first (or not a repeat), less 31 May: it is 182 days old on 29 November.
        # Came back in time: in four months, on the last day, before it was closed.
        ("2026-11-29", (3, 6)),
        ("2026-11-30", (3, 7)),  # 31 May is of age, and came back that noon
        ("2026-11-30 11:59", (4, 7)),  # one minute before that it has not come back
        ("2026-11-09 12:00", (4, 6)),  # "on the last day" is to come back that evening
        ("2026-11-08", (0, 0)),  # 182 days after 10 May
    ],
)
def test_by_pencil(county: CaseDatabase, as_of: str, expected: tuple[int, int]) -> None:
    assert measured(county, seen(as_of), KEY)[KEY] == expected


def test_the_closing_decides_the_period(county: CaseDatabase) -> None:
    late = seen("2027-01-31", "2026-05-31", "2027-01-31")
    assert measured(county, late, KEY)[KEY] == (1, 2)  # 31 May (came back) and 1 June


def test_a_number_leads_to_its_cases(county: CaseDatabase) -> None:
    with county.reading() as connection:
        found = {
            part: set(case_list(connection, county, seen("2026-11-30"), Question(KEY, part)).rows["case_no"])
            for part in ("denominator", "numerator", "rest")
        }
    came_back = {
        *("came back in four months", "came back on the last day", "came back before it was closed"),
        "closed on 31 May",
    }
    assert found["rest"] == came_back
    assert found["numerator"] == {"did not come back", "came back a day later", "flagged as no repeat only"}
    assert found["denominator"] == found["rest"] | found["numerator"]


def with_months(months: int) -> Settings:
    usual = settings.load()
    return usual.model_copy(update={"thresholds": usual.thresholds.model_copy(update={"first_time_months": months})})


@pytest.mark.parametrize(("months", "days"), [(1, 30), (3, 91), (6, 183), (12, 365), (24, 730)])
def test_months_are_counted_in_days(months: int, days: int) -> None:
    assert with_months(months).thresholds.first_time_days == days
    assert views.days_to_compare(KEY, with_months(months)) == days


def test_the_number_of_months_is_a_setting(county: CaseDatabase) -> None:
    """Three months are 91 days: by 30 November all eight are old enough, and only the one before its closing counts."""
    database = open_database(county.url, with_months(3))
    # the others of May came back after 9 August (91 days), 31 May after 30 August, 1 June never
    assert measured(database, seen("2026-11-30"), KEY)[KEY] == (7, 8)


@pytest.mark.parametrize("column", ["is_first", "next_repeat_at"])
def test_without_its_columns_it_is_unavailable(tmp_path: Path, column: str) -> None:
    database = opened(make_file(tmp_path, unit=UNITS, petition_case=[row | {column: None} for row in CASES]))
    assert not queries.can_feed(database, KEY)
    assert KEY not in measured(database, seen("2026-11-30"), KEY)


def test_it_is_never_ranked() -> None:
    assert KEY not in RANKED
    assert KEY not in views.UNIT_KEYS
    assert KEY in views.QUALITY


def test_months_are_comparable_when_they_are_old_enough(county: CaseDatabase) -> None:
    """On 30 November 2026 May is over for 183 days, June for 153 only."""
    with county.reading() as connection:
        monthly = views.resolution(connection, county, seen("2026-11-30", "2026-01-01", "2026-12-31")).monthly
    months = monthly[monthly["indicator"] == KEY].set_index("start")
    assert bool(months.loc["2026-05-01", "unfinished"]) is False
    assert bool(months.loc["2026-06-01", "unfinished"]) is True
    assert (months.loc["2026-05-01", "denominator"], months.loc["2026-05-01", "value"]) == (7, pytest.approx(3 / 7))
    assert months.loc["2026-06-01", "denominator"] == 0
