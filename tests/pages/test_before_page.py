"""The page before the next meeting: what it says is what the command line and the lists say."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd
import pytest
from test_pages import Show, _answers, _fresh, headline, links, numbers, parameters, sheet_rows, show

from dashboard import late
from data_access.lists import PAGE
from data_access.texts import text

__all__ = ["_answers", "_fresh", "show"]


def test_headline_links_and_table_agree(show: Show, demo_url: str) -> None:
    at = show(demo_url, "before")
    said = headline(at)
    assert said.startswith("到2026年12月18日会前")  # a month after the last meeting of the demo county
    due, expected, low, high, days = numbers(said.partition("还有")[2])
    assert low <= expected <= high
    assert days == 18
    asked = {words: parameters(query) for words, query in links(at).items()}
    by_number = {re.sub(r"\d[\d,]*", "#", words): numbers(words) for words in asked}
    assert by_number["会前到期 # 件"] == [due]
    assert by_number["如都不办结，届时超期 # 件"] == [due + by_number["已超期 # 件"][0]]
    assert asked[f"会前到期 {due} 件"]["at"] == ["due_by:2026-12-18"]
    head = [text("units.unit"), *(text(f"before.column_{name}") for name in ("overdue", "closing", "band"))]
    rows = sheet_rows(at)
    start = next(position for position, row in enumerate(rows) if row[:4] == head)
    units = [row for row in rows[start + 1 :] if len(row) == 6]
    assert sum(int(row[2]) for row in units) == due
    assert [int(row[2]) for row in units] == sorted((int(row[2]) for row in units), reverse=True)
    list_of = show(demo_url, "cases", of="open.denominator", at=["due_by:2026-12-18"])
    assert due in numbers(headline(list_of))


def test_the_day_is_in_the_url(show: Show, demo_url: str) -> None:
    near, far = (numbers(headline(show(demo_url, "before", meeting=day)))[3] for day in ("2026-11-30", "2027-01-20"))
    assert near < far
    wrong = show(demo_url, "before", meeting="2020-01-01")
    assert "2026年12月18日" in headline(wrong)


@pytest.mark.parametrize(("lang", "said"), [("zh_CN", "未计入"), ("en", "not counted")])
def test_a_far_meeting_says_what_it_leaves_out(show: Show, demo_url: str, lang: str, said: str) -> None:
    captions = [each.value for each in show(demo_url, "before", meeting="2027-02-10", lang=lang).caption]
    assert any(said in each for each in captions)


def test_scant_database_shows_the_rest_and_says_what_is_missing(show: Show, minimal_url: str) -> None:
    at = show(minimal_url, "before")
    assert numbers(headline(at))
    assert any("unit_received_at" in each.value for each in at.caption)


@pytest.mark.parametrize("name", ["overdue", "before"])
def test_the_file_holds_the_whole_list(show: Show, demo_url: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """More cases than the screen shows at once."""
    handed_out: list[int] = []

    def book(parts: Iterable[pd.DataFrame], total: int, title: str, *_: str, **__: bool) -> bytes:
        rows = sum(len(part) for part in parts)
        assert rows == total
        handed_out.append(rows)
        return title.encode()

    monkeypatch.setattr(late.export, "_book", book)
    monkeypatch.setattr(late.st, "download_button", lambda label, data, **_: data())
    found = links(show(demo_url, name))
    longer = [numbers(words)[0] for words in found if words.startswith("打开全部")]
    assert longer and all(n > PAGE for n in longer)
    assert set(longer) <= set(handed_out), handed_out
