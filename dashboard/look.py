"""Light or dark, and one sheet of paper: what only the browser can do for a page.

Light by default, also on a dark system, because a projector washes out a dark screen.
Streamlit itself keeps a viewer's choice in the browser, so no session is needed for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import streamlit as st

from dashboard import theme
from data_access.texts import text

_FOLDER: Final = Path(__file__).parent / "browser"
_mount = st.components.v2.component(
    "petition_look",
    html='<button type="button" class="look-switch"></button>',
    js=(_FOLDER / "look.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def switch(pages: Sequence[str]) -> None:
    """The button that turns a light screen dark and a dark one light; with it pages print on one sheet."""
    is_dark = theme.palette() is theme.DARK
    other = "light" if is_dark else "dark"
    data = {
        "other": other.capitalize(),
        "label": text(f"look.{other}"),
        "hint": text(f"look.to_{other}"),
        "pages": ["", "home", *pages],
        "inks": theme.inks_for_paper() if is_dark else {},
    }
    _mount(key="look", data=data, width="content")
