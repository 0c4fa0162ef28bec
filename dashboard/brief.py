"""What a page says, as plain text for a briefing: noted while the page is drawn, copied by one button.

Only sentences, key figures and small tables are noted: no list of cases, nothing of a single case.
What the screen hides is hidden here, because the same words are noted that are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

import streamlit as st

from data_access.texts import text

BROWSER: Final = Path(__file__).resolve().parent / "browser"
FORMULA: Final = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet would calculate."""

_notes: ContextVar[list[str] | None] = ContextVar("notes", default=None)
_copy = st.components.v2.component(
    "petition_dashboard.copy",
    html='<button type="button" class="copy"></button><span class="copy-said" role="status" aria-live="polite"></span>',
    css=(BROWSER / "copy.css").read_text(encoding="utf-8"),
    js=(BROWSER / "copy.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@contextmanager
def collecting() -> Iterator[list[str]]:
    """What is noted inside, in order."""
    notes: list[str] = []
    before = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(before)


def note(words: str) -> None:
    """Keep a sentence for the briefing, unless it is there already or nobody collects."""
    plain = _plain(words)
    _keep(f" {plain}" if plain.startswith(FORMULA) else plain)


def note_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Keep a small table, as lines of cells that an office program takes for one."""
    # Units' names stand in heads; what stands in rows is written by this program, where + and - are signs.
    top = [f" {cell}" if cell.startswith(FORMULA) else cell for cell in map(_plain, head)]
    _keep("\n".join("\t".join(row) for row in (top, *(map(_plain, row) for row in rows))))


def _plain(words: str) -> str:
    """Words on one line, without tabs."""
    return " ".join(words.split())


def _keep(entry: str) -> None:
    notes = _notes.get()
    if notes is not None and entry and entry not in notes:
        notes.append(entry)


def briefing(opening: Sequence[str], notes: Sequence[str]) -> str:
    """The whole text: where it is from, then what was noted, each table set off by empty lines."""
    found = [*opening, ""]
    for entry in notes:
        is_table = "\n" in entry
        if is_table and found[-1]:
            found.append("")
        found.append(entry)
        if is_table:
            found.append("")
    return "\n".join(found).strip("\n")


def button(words: str) -> None:
    """Copies `words` to the clipboard."""
    said = {"label": text("brief.copy"), "done": text("brief.copied"), "failed": text("brief.failed")}
    _copy(key="copy_brief", data={"words": words, **said}, width="content")
