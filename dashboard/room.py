"""Can the last row read it? From the farthest seat and the screen's height to the size of letters and rows.

Text can be read from as far as 150 times its height; what is smaller than that for the
farthest seat is enlarged. Sizes are per cent of the screen's height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

READABLE: Final = 150
"""How many times its own height a text can be read from."""
BODY: Final = 3.5
LARGEST: Final = 7.0
"""Larger body text leaves no room for a table."""
ROWS: Final = 8
"""A view shows no more rows; the browser drops those that enlarged text leaves no room for."""


@dataclass(frozen=True)
class Room:
    """A meeting room: `seat` metres from the screen to the last seat, `screen` metres from its top to its bottom."""

    seat: float
    screen: float

    @property
    def needed(self) -> float:
        """The smallest text that the last seat can read, in per cent of the screen's height."""
        return self.seat / READABLE / self.screen * 100

    @property
    def body(self) -> float:
        """Body text of a view, in per cent of the screen's height: never less than 3.5."""
        return round(min(max(BODY, self.needed), LARGEST), 2)

    @property
    def is_legible(self) -> bool:
        """Whether the last seat can read the body text."""
        return self.body >= round(self.needed, 2)

    @property
    def readable_to(self) -> float:
        """How far body text can be read, in metres."""
        return self.body / 100 * self.screen * READABLE
