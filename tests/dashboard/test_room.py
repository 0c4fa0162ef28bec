"""The room check: how large letters must be, worked out by hand."""

from __future__ import annotations

import pytest

from dashboard.room import Room


@pytest.mark.parametrize(
    ("seat", "screen", "needed", "body", "legible"),
    [
        (9.0, 1.8, 3.33, 3.5, True),  # 9 m / 150 = 6 cm of 180 cm
        (9.45, 1.8, 3.5, 3.5, True),
        (12.0, 1.5, 5.33, 5.33, True),  # 8 cm of 150 cm
        (21.0, 2.0, 7.0, 7.0, True),
        (30.0, 2.0, 10.0, 7.0, False),  # larger letters would leave no room for a table
        (0.5, 5.0, 0.07, 3.5, True),
    ],
)
def test_letters_grow_with_the_distance(seat: float, screen: float, needed: float, body: float, legible: bool) -> None:
    room = Room(seat, screen)
    assert room.needed == pytest.approx(needed, abs=0.005)
    assert room.body == pytest.approx(body, abs=0.005)
    assert room.is_legible is legible


def test_how_far_it_reads() -> None:
    assert Room(9, 1.8).readable_to == pytest.approx(9.45)  # 3.5 % of 1.8 m is 6.3 cm; 150 times that
    assert Room(30, 2).readable_to == pytest.approx(21)
