"""What is typed with numbers: days, months, spans, the last so many days, days overdue.

The rules are the regular expressions of `locale/phrases.toml`; what they find is read on a
day, by the settings' statistical months and assessment year.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final

from data_access.periods import PRESETS, Span, month_of, month_span, year_start
from data_access.phrase_words import EXACT, Meaning, words_file
from data_access.settings import PeriodRule

Groups = dict[str, str]
Rule = tuple[str, re.Pattern[str]]
"""What kind of thing is written, and how."""
_LONGEST_SPAN: Final = 36_500  # days
_END: Final = "(?!(?<=[0-9])[0-9]|(?<=[a-z])[a-z])"  # not within a number or a word


@dataclass(frozen=True)
class Calendar:
    """The day on which words are read, the settings' rule for periods, and their days for what is due soon."""

    today: date
    rule: PeriodRule
    due_soon_days: tuple[int, ...]

    @property
    def month(self) -> int:
        """The statistical month of today."""
        return month_of(self.today, self.rule)

    @property
    def year(self) -> int:
        """The first statistical month of this assessment year."""
        return year_start(self.month, self.rule)

    def months(self, first: int, last: int) -> Span:
        """The days of these statistical months."""
        return month_span(first, last, self.rule)


def rules(lists: frozenset[str]) -> list[Rule]:
    """The rules for what a database with these lists can answer: kind and pattern."""
    return [(kind, rule) for kind, rule in _rules() if kind in _PERIODS or (kind in _LISTS and "overdue" in lists)]


def said(kind: str, match: re.Match[str], calendar: Calendar) -> Meaning | None:
    """What the match of a rule means; None where there is no such day or number."""
    groups = {name: written for name, written in match.groupdict().items() if written}
    try:
        return _PERIODS[kind](groups, calendar) if kind in _PERIODS else _list(kind, groups, calendar)
    except (ValueError, OverflowError):
        return None


def dated(meaning: Meaning, calendar: Calendar) -> Meaning:
    """The meaning with its days, where it is a period that the filter bar has no name for."""
    if meaning.parameter != "period" or meaning.code in PRESETS:
        return meaning
    today, year = calendar.today, calendar.year
    quarter = calendar.month - (calendar.month - year) % 3
    monday, day = today - timedelta(days=today.weekday()), timedelta(days=1)
    spans = {
        "last_year": calendar.months(year - 12, year - 1),
        "year_before_last": calendar.months(year - 24, year - 13),
        "last_quarter": calendar.months(quarter - 3, quarter - 1),
        "this_week": Span(monday, monday + 6 * day),
        "last_week": Span(monday - 7 * day, monday - day),
        "today": Span(today, today),
        "yesterday": Span(today - day, today - day),
    }
    return _period(spans[meaning.code])


def _period(span: Span) -> Meaning:
    return Meaning("period", f"{span.start}..{span.end}", EXACT)


def _number(written: str) -> int:
    """12, 十二 or October."""
    if written.isdecimal():
        return int(written)
    if written in words_file()["months"]:
        return int(words_file()["months"][written])
    total = digit = 0
    for letter in written:
        value = words_file()["numbers"][letter]
        total, digit = (total + (digit or 1) * value, 0) if value >= 10 else (total, value)
    return total + digit


def _year(written: str, this_year: int) -> int:
    return int(written) if written.isdecimal() else this_year - _years_back()[written]


def _point(groups: Groups, calendar: Calendar) -> Span:
    """The days of a year, a part of one, a month or a day; where no year is said, of the latest that has begun.

    Years and their parts are the assessment's, named after the calendar year with most of their months.
    Raises ValueError where there are no such days.
    """
    written = groups.get("y")
    if "d" in groups:
        this_year = calendar.today.year
        day = date(_year(written, this_year) if written else this_year, _number(groups["m"]), _number(groups["d"]))
        day = day if written or day <= calendar.today else day.replace(year=this_year - 1)
        return Span(day, day)
    if "m" in groups:
        offset, first = 0, _number(groups["m"])
        last = first
    else:
        starts = calendar.rule.year_starts_in
        offset = starts - 1 if starts < 7 else starts - 13
        first, last = _parts_of_year().get(groups.get("p", ""), (1, 12))
    if not 1 <= first <= last <= 12:
        raise ValueError(first)
    this_year = ((calendar.month if "m" in groups else calendar.year) - offset) // 12
    begins = this_year * 12 + offset + first - 1
    year = _year(written, this_year) if written else this_year - (begins > calendar.month)
    return calendar.months(year * 12 + offset + first - 1, year * 12 + offset + last - 1)


def _span(groups: Groups, calendar: Calendar) -> Span:
    """From one point to another; a year or month that only one of them says holds for both."""
    first, last = _written_point(groups["first"]), _written_point(groups["last"])
    if "y" in last:
        first = {"y": last["y"]} | first
    begins = _point(first, calendar)
    if "y" in first or "p" not in last:
        last = {"y": first.get("y") or str(begins.months[0] // 12 if begins.months else begins.end.year)} | last
    if "d" in last:
        last = {"m": first.get("m", "")} | last
    ends = _point(last, calendar)
    if ends.end < begins.end:
        raise ValueError(ends)
    return Span(begins.start, ends.end)


def _written_point(written: str) -> Groups:
    matches = (rule.fullmatch(written) for kind, rule in _rules() if kind in ("point", "end"))
    return next({key: group for key, group in match.groupdict().items() if group} for match in matches if match)


def _recent(groups: Groups, calendar: Calendar) -> Meaning:
    """The last so many days or weeks up to today, or months or years with this month."""
    number, length = _number(groups["n"]), words_file()["lengths"][groups["u"]]
    if not 0 < number * length <= _LONGEST_SPAN:
        raise ValueError(number)
    if length < 30:
        return _period(Span(calendar.today - timedelta(days=number * length - 1), calendar.today))
    months = number if length == 30 else 12 * number
    if months == 12:
        return Meaning("period", "last_12_months", EXACT)
    return _period(calendar.months(calendar.month - months + 1, calendar.month))


_PERIODS: Final[dict[str, Callable[[Groups, Calendar], Meaning]]] = {
    "point": lambda groups, calendar: _period(_point(groups, calendar)),
    "span": lambda groups, calendar: _period(_span(groups, calendar)),
    "recent": _recent,
}
_LISTS: Final = ("over", "within", "between", "due")


def _list(kind: str, groups: Groups, calendar: Calendar) -> Meaning:
    """Cases overdue by so many days, or due within the days that the settings call soon; ValueError for others."""
    days = _number(groups["n"]) * int(words_file()["lengths"][groups["u"]])
    until = _number(groups.get("n2", groups["n"]))
    soon = calendar.due_soon_days
    late = {"over": f"{days + 1}..", "within": f"1..{days}", "between": f"{max(days, 1)}..{until}"}
    if kind == "due" and days in (soon[0], soon[-1]):
        return Meaning("list", "due_soon" if days == soon[0] else "due_later", EXACT)
    if kind == "due" or days > _LONGEST_SPAN or (kind == "within" and not days) or (kind == "between" and until < days):
        raise ValueError(days)
    return Meaning("list", f"overdue:{late[kind]}", EXACT)


@cache
def _years_back() -> dict[str, int]:
    return {word: int(back) for back, words in words_file()["years"].items() for word in words}


@cache
def _parts_of_year() -> dict[str, tuple[int, int]]:
    """First and last month of the parts of a year, by their words."""
    found = {}
    for months, words in words_file()["parts_of_year"].items():
        first, _, last = months.partition("-")
        found.update(dict.fromkeys(words, (int(first), int(last))))
    return found


@cache
def _rules() -> list[Rule]:
    def any_of(words: Iterable[str]) -> str:
        return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))

    file = words_file()
    pieces = {
        "number": f"(?:[0-9]{{1,4}}|[{''.join(file['numbers'])}]{{1,5}})",
        "year": f"(?:(?:19|20)[0-9]{{2}}|{any_of(_years_back())})",
        "month": f"(?:{any_of(file['months'])})",
        "part": f"(?:{any_of(_parts_of_year())})",
        "length": f"(?:{any_of(file['lengths'])})",
        **file["pieces"],
    }

    def whole(pattern: str) -> str:
        return re.sub("@([a-z]+)", lambda found: pieces[found[1]], pattern) + _END

    points, ends = ([whole(pattern) for pattern in file[table].values()] for table in ("points", "ends"))
    first, last = (re.sub(r"\(\?P<\w+>", "(?:", "|".join((*points, end))) for end in ends)
    span = f"{pieces['from']}(?P<first>{first}) ?{pieces['to']} ?(?P<last>{last})"
    written = [("point", point) for point in points] + [("end", end) for end in ends] + [("span", span)]
    written += [(kind, whole(pattern)) for kind, patterns in file["amounts"].items() for pattern in patterns]
    return [(kind, re.compile(pattern)) for kind, pattern in written]
