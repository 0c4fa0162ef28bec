"""Paging by key: a page of a list begins beside a row, known by its sort value and number, not at a count of rows.

Such a page costs the same wherever it stands, and rows that come or go before it do not shift it.
Rows without a sort value come last in both directions; equal ones go by case_id, in the list's direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from sqlalchemy import ColumnElement, and_, literal, or_

from data_access import schema

_WORDS: Final = {"after": False, "before": True}
_BETWEEN: Final = "~"


@dataclass(frozen=True)
class Place:
    """Where a page stands: after the row of this sort value and case_id, or with `back` before it.

    Without a `case_id` it is the beginning of the list, or with `back` its end.
    """

    value: datetime | str | None = None
    case_id: str = ""
    back: bool = False

    def url(self) -> str:
        """The place as a parameter of a URL: `after~2024-06-30T23:59:59~XF0001`."""
        word = next(word for word, back in _WORDS.items() if back == self.back)
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return _BETWEEN.join((word, *(_quoted(part or "") for part in (value, self.case_id))))

    @classmethod
    def parse(cls, written: str, *, by_moment: bool) -> Place | None:
        """The place that a URL names; None where it names none. `by_moment`: whether the list goes by a moment."""
        word, *parts = written.split(_BETWEEN)
        if word not in _WORDS or len(parts) != len(("value", "case_id")):
            return None
        value, case_id = (unquote(part) for part in parts)
        if not case_id:
            return cls(back=_WORDS[word]) if not value else None
        if "\0" in value + case_id:  # PostgreSQL's texts hold none
            return None
        try:
            found = datetime.fromisoformat(value) if by_moment and value else value or None
        except ValueError:
            return None
        if isinstance(found, datetime) and found.tzinfo:
            return None
        return cls(found, case_id, _WORDS[word])


START: Final = Place()
END: Final = Place(back=True)


def _quoted(part: str) -> str:
    return quote(part, safe=":").replace(_BETWEEN, "%7E")


@dataclass(frozen=True)
class Order:
    """An order of cases: by `key`, then by `case_id`. `always`: no row lacks the key, so that an index can give it."""

    key: ColumnElement[Any]
    case_id: ColumnElement[Any]
    descending: bool = False
    always: bool = False

    def by(self, *, back: bool) -> Sequence[ColumnElement[Any]]:
        """For ORDER BY; with `back` from the end of the list."""
        down = self.descending != back
        key, case_id = (each.desc() if down else each.asc() for each in (self.key, self.case_id))
        if self.always:
            return (key, case_id)
        empty = self.key.is_(None)
        return (empty.desc() if back else empty, key, case_id)

    def beyond(self, place: Place) -> ColumnElement[bool] | None:
        """The rows after the place, or before it where it looks back; None where these are all."""
        if not place.case_id:
            return None
        down = self.descending != place.back
        other = self.case_id < place.case_id if down else self.case_id > place.case_id
        if place.value is None:
            tied = and_(self.key.is_(None), other)
            return or_(self.key.is_not(None), tied) if place.back else tied
        value = literal(place.value, schema.Moment) if isinstance(place.value, datetime) else literal(place.value)
        further = self.key < value if down else self.key > value
        if self.always:
            # One range that an index can find, and what is left over at its edge.
            return and_(self.key <= value if down else self.key >= value, or_(further, other))
        found = or_(further, and_(self.key == value, other))
        return found if place.back else or_(found, self.key.is_(None))
