"""The palettes: legible, apart for every kind of colour vision, and the same as Streamlit's own configuration."""

from __future__ import annotations

import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from dashboard import charts, theme
from dashboard.theme import DARK, LIGHT, Palette

CONFIG = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"
PALETTES = {"light": LIGHT, "dark": DARK}
both = pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)

TEXT, MAIN_TEXT, MARK = 4.5, 7.0, 3.0
"""WCAG 2.2: 1.4.3 (text), 1.4.6 (enhanced), 1.4.11 (what is not text)."""

# Machado, Oliveira and Fernandes 2009, severity 1.0; on linear RGB.
VISION = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
# A difference of 2.3 is just noticeable between large fields side by side (Mahy et al. 1994). Lines and points are
# small and apart, for which Stone, Szafir and Setlur 2014 ask several times that; steps are bars that touch and bear
# their own words.
ROLES_APART, STEPS_APART = 20.0, 9.0

Colour = tuple[float, float, float]


def linear(colour: str) -> Colour:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))  # type: ignore[return-value]


def luminance(colour: str) -> float:
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lab(colour: str, vision: str) -> Colour:
    """CIE L*a*b* (D65) of a colour as someone sees it."""
    seen = [sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in VISION[vision]]
    red, green, blue = (min(1.0, max(0.0, part)) for part in seen)
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def difference(one: str, other: str, vision: str) -> float:
    return sum((a - b) ** 2 for a, b in zip(lab(one, vision), lab(other, vision), strict=True)) ** 0.5


def test_the_yardsticks_measure_what_is_known() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert lab("#FF0000", "usual") == pytest.approx((53.24, 80.09, 67.20), abs=0.02)
    assert difference("#D00000", "#3F7000", "deuteranopia") < difference("#D00000", "#3F7000", "usual") / 3


@both
def test_words_are_legible(palette: Palette) -> None:
    for words in (palette.ink, palette.muted, palette.blue_text, palette.action_text):
        assert contrast(words, palette.paper) >= MAIN_TEXT
    panels = (palette.paper, palette.panel, palette.total, palette.action_panel)
    for words in (palette.ink, palette.muted, palette.blue_text, palette.action_text):
        assert min(contrast(words, panel) for panel in panels) >= TEXT
    assert min(contrast(palette.faint, panel) for panel in panels[:2]) >= TEXT
    assert min(contrast(palette.ink, panel) for panel in panels) >= MAIN_TEXT


@both
def test_marks_stand_out_from_the_paper(palette: Palette) -> None:
    marks = (palette.blue, palette.action, palette.context, palette.ink, palette.muted, *palette.lateness)
    assert min(contrast(mark, palette.paper) for mark in marks) >= MARK
    away = [contrast(step, palette.paper) for step in palette.lateness]
    assert away == sorted(away), "later is farther from the paper"


@both
def test_words_on_every_shade_of_the_heat_map_are_legible(palette: Palette) -> None:
    def between(one: str, other: str, share: float) -> str:
        parts = (round(int(one[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5))
        return "#" + "".join(f"{part:02X}" for part in parts)

    stops = [palette.panel, *palette.lateness]
    steps = len(stops) - 1
    for thousandth in range(1001):
        place = thousandth / 1000
        step = min(int(place * steps), steps - 1)
        shade = between(stops[step], stops[step + 1], place * steps - step)
        words = palette.on_full if place > palette.full_from else palette.on_pale
        assert contrast(words, shade) >= TEXT, f"{words} on {shade}, {place:.3f} of {charts.HEAT_TOP}"


@both
@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart_for_every_eye(palette: Palette, vision: str) -> None:
    roles = (palette.blue, palette.action, palette.context, palette.ink)
    for one, other in combinations(roles, 2):
        assert difference(one, other, vision) >= ROLES_APART, f"{one} and {other}"
    for one, other in combinations(palette.lateness, 2):
        assert difference(one, other, vision) >= STEPS_APART, f"{one} and {other}"


@pytest.mark.parametrize("name", PALETTES)
def test_streamlits_own_widgets_have_the_same_colours(name: str) -> None:
    palette, config = PALETTES[name], tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"]
    better = {"Color": palette.blue, "TextColor": palette.blue_text, "BackgroundColor": palette.total}
    worse = {"Color": palette.action, "TextColor": palette.action_text, "BackgroundColor": palette.action_panel}
    assert config[name] == {
        "backgroundColor": palette.paper,
        "secondaryBackgroundColor": palette.panel,
        "textColor": palette.ink,
        "grayTextColor": palette.muted,
        "borderColor": palette.line,
        "dataframeBorderColor": palette.line,
        "dataframeHeaderBackgroundColor": palette.panel,
        "dataframeHeaderTextColor": palette.muted,
        "primaryColor": palette.blue,
        "linkColor": palette.blue_text,
        **{f"{colour}{role}": value for colour in ("blue", "green") for role, value in better.items()},
        **{f"red{role}": value for role, value in worse.items()},
    }
    assert config["font"] == config["headingFont"] == theme.FONT


def test_a_chart_is_drawn_in_the_palette_of_its_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    for palette in PALETTES.values():
        for module in (theme, charts):
            monkeypatch.setattr(module, "palette", lambda palette=palette: palette)
        assert f"--paper: {palette.paper};" in theme.css()
        drawn = charts._rate(False)
        assert drawn["config"]["axis"]["labelColor"] == palette.ink
        assert palette.blue in str(drawn["layer"])


def test_a_dark_screens_charts_are_light_on_paper() -> None:
    inks = theme.inks_for_paper()
    assert (inks[DARK.ink], inks[DARK.blue], inks[DARK.action]) == (LIGHT.ink, LIGHT.blue, LIGHT.action)
    assert set(DARK.lateness) <= set(inks)
