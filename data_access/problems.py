"""What can go wrong that a person can put right, as one sentence in their language."""

from __future__ import annotations

from data_access.texts import text


class Problem(Exception):
    """A mistake or condition that the reader can act on; `str()` is the sentence to show.

    `key` names the sentence in the catalogue (`problem.<key>`), `values` fill it in.
    """

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def __str__(self) -> str:
        return text(f"problem.{self.key}", **self.values)
