"""What the part on data quality and its wall view say: words, the widest fault first, every count with its cases."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from dashboard import quality_of_data
from data_access import faults, texts
from data_access.data_quality import Check, Doubt, Doubts
from data_access.lists import Question
from data_access.problems import Problem
from data_access.texts import has_text, text

TODAY = dt.date(2026, 11, 24)


def doubt(key: str, n: int, low: float | None = None, high: float | None = None) -> Doubt:
    return Doubt(key, "wrong", n, 0, n if low is not None else 0, low, high)


FOUND = Doubts(
    951,
    1000,
    (
        doubt("closed_before_registered", 2, 0.949, 0.951),
        doubt("no_deadline", 5, 0.946, 0.9512),
        doubt("unknown_unit", 9),
    ),
    doubt("any", 7, 0.944, 0.9514),
    120,
    TODAY,
)


def test_the_headline_says_the_rate_and_how_far_it_could_move() -> None:
    assert quality_of_data.headline(FOUND) == "按期办结率 95.10%，数据问题最多使它在 94.40%–95.14% 之间"
    wide = Doubts(951, 1000, (), doubt("any", 7, 0.946, 0.954), 120, TODAY)
    assert quality_of_data.headline(wide) == "按期办结率 95.1%，数据问题最多使它在 94.6%–95.4% 之间"
    clean = Doubts(951, 1000, (), None, 120, TODAY)
    assert "没有发现" in quality_of_data.headline(clean)
    assert "没有按期办结率" in quality_of_data.headline(Doubts(0, 0, (), None, 120, TODAY))


def test_the_fault_that_touches_most_stands_first_and_all_together_last() -> None:
    assert [each.key for each in quality_of_data.rows_of(FOUND)] == ["no_deadline", "closed_before_registered", "any"]
    table = quality_of_data.bounds_table(FOUND)
    assert table["said"].tolist() == ["94.60%–95.12%", "94.90%–95.10%", "94.40%–95.14%"]


def test_a_fault_that_cannot_move_the_rate_says_so() -> None:
    assert quality_of_data.moved(FOUND.found[2], FOUND.rate) == "不影响"


def test_each_count_asks_for_its_cases_and_nothing_else_can_be_asked() -> None:
    asked = quality_of_data.question("doubt", "no_deadline", FOUND)
    url = asked.url()
    assert url == {"of": "doubt.no_deadline", "at": ["today:2026-11-24"]}
    assert Question.parse(str(url["of"]), list(url["at"])) == asked
    for of, at in (("fault.nothing", []), ("fault", []), ("doubt.no_deadline", ["today:soon"])):
        with pytest.raises(Problem):
            Question.parse(of, at)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_fault_has_a_name_and_a_sentence(language: str) -> None:
    texts.use(language)
    for key in faults.KEYS:
        assert text(f"fault.{key}")
        assert has_text(f"check.{key}.what") and has_text(f"check.{key}.cost")
    if language == texts.LANGUAGES[0]:
        assert not [key for key in (*faults.KEYS, faults.ANY) if re.search("[A-Za-z]", text(f"fault.{key}"))]


def test_a_check_that_fails_is_not_hidden() -> None:
    assert not Check("balance", 3, 4).holds
    assert Check("overdue_open", 3, 4, at_most=True).holds and not Check("overdue_open", 5, 4, at_most=True).holds
