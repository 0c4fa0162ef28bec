"""Colours, type and spacing: each stands once, for light and for dark.

Streamlit's own widgets take theirs from `.streamlit/config.toml`; a test keeps it in step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

FONT: Final = "'Microsoft YaHei', 'PingFang SC', 'Noto Sans CJK SC', 'Noto Sans SC', 'Segoe UI', sans-serif"


@dataclass(frozen=True)
class Palette:
    """Every colour by what it means; the strings are CSS variables too: `blue_text` is `--blue-text`."""

    paper: str
    panel: str  # a field that stands out from the paper
    total: str  # the same for a sum
    line: str  # between rows, around panels
    soft: str  # areas under a line
    context: str  # marks that only give context
    ink: str
    muted: str  # second to ink, still 7:1
    faint: str  # words on too few cases to say anything
    blue: str  # the subject, as a mark
    blue_text: str
    action: str  # what needs action, as a mark: vermillion
    action_text: str
    action_panel: str
    lateness: tuple[str, str, str, str, str]
    """Five steps of being late, from a few days to more than half a year: ever farther from the paper."""
    on_pale: str
    on_full: str
    full_from: float
    """Words on a shade of lateness (0-1 of the heat map's scale): from `full_from` on in `on_full`."""


LIGHT: Final = Palette(
    paper="#FFFFFF",
    panel="#F3F5F8",
    total="#E3EEF6",
    line="#DDE3EA",
    soft="#D5DCE4",
    context="#7F8B98",
    ink="#1B2430",
    muted="#46525E",
    faint="#626D79",
    blue="#0072B2",
    blue_text="#00507D",
    action="#D55E00",
    action_text="#863500",
    action_panel="#FBEEE4",
    lateness=("#E17630", "#C9570A", "#A83F00", "#822D03", "#5A1C00"),
    on_pale="#000000",
    on_full="#FFFFFF",
    full_from=0.43,
)
DARK: Final = Palette(
    paper="#10161D",
    panel="#1B242E",
    total="#17314A",
    line="#2C3743",
    soft="#2E3A47",
    context="#7C8894",
    ink="#E8EDF2",
    muted="#B4BFCA",
    faint="#8E9AA6",
    blue="#56B4E9",
    blue_text="#7FC4F0",
    action="#F07F3C",
    action_text="#FFB085",
    action_panel="#3A2417",
    lateness=("#AD5324", "#D46727", "#F3873E", "#FEAF73", "#FFDCBF"),
    on_pale="#FFFFFF",
    on_full="#000000",
    full_from=0.265,
)
_STYLE: Final = (Path(__file__).parent / "browser" / "look.css").read_text(encoding="utf-8")


def palette() -> Palette:
    """The colours of the viewer's screen; light where there is no screen."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def css() -> str:
    """The style of every page, in the palette's colours."""
    return _css(palette())


@cache
def _css(colours: Palette) -> str:
    screen, paper = (
        "; ".join(f"--{name.replace('_', '-')}: {colour}" for name, colour in _named(each).items())
        for each in (colours, LIGHT)
    )
    return f"<style>\n:root {{{screen}; --font: {FONT}}}\n:root.paper {{{paper}}}\n{_STYLE}</style>"


def _named(colours: Palette) -> dict[str, str]:
    named = {field.name: getattr(colours, field.name) for field in fields(colours)}
    return {name: value for name, value in named.items() if isinstance(value, str)}


def inks_for_paper() -> dict[str, str]:
    """Each colour of a dark screen's charts with the one that it has on paper."""
    light = _named(LIGHT)
    shades = zip(DARK.lateness, LIGHT.lateness, strict=True)
    return {colour: light[name] for name, colour in _named(DARK).items()} | dict(shades)


def of_charts() -> dict[str, Any]:
    """How every chart looks, as Vega-Lite's `config`, in the palette's colours."""
    colours = palette()
    axis = {
        "labelFontSize": 14,
        "titleFontSize": 14,
        "labelColor": colours.ink,
        "titleColor": colours.muted,
        "titleFontWeight": "normal",
        "gridColor": colours.line,
        "domainColor": colours.context,
        "tickColor": colours.context,
        "labelLimit": 260,
    }
    words = {"labelFontSize": 14, "labelColor": colours.ink, "title": None}
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": axis,
        "legend": {**words, "titleFontSize": 14, "orient": "top"},
        "header": {"labelFontSize": 14, "labelColor": colours.ink, "title": None},
        "text": {"fontSize": 14, "color": colours.ink},
        "title": {"fontSize": 16, "anchor": "start", "color": colours.ink},
    }
