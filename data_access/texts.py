"""The message catalogues in `locale/`: every word a person reads, by key.

Standard PO files, read by Babel; numbers and dates are written the language's way.
"""

from __future__ import annotations

import gettext
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES: Final = ("zh_CN", "en")
FOLDER: Final = Path(__file__).resolve().parent.parent / "locale"

_language: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def use(language: str) -> None:
    """Speak `language` from here on in this thread or task."""
    _language.set(language if language in LANGUAGES else LANGUAGES[0])


def language() -> str:
    """The language in use: `zh_CN` or `en`."""
    return _language.get()


@cache
def catalogue(language: str) -> gettext.GNUTranslations:
    """The compiled catalogue of one language."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        messages = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def text(key: str, /, **values: object) -> str:
    """The sentence of `key` in the language in use, with `values` filled in.

    A value `n` chooses between singular and plural; whole numbers get thousands
    separators and dates are written the language's way. An unknown key raises KeyError.
    """
    words = catalogue(language())
    n = values.get("n")
    found = words.ngettext(key, key, n) if isinstance(n, int) else key
    if found == key:
        found = words.gettext(key)
    if found == key:
        raise KeyError(f"no text for {key!r} in {language()}")
    return found.format(**{name: shown(value) for name, value in values.items()}) if values else found


def has_text(key: str) -> bool:
    """Whether the catalogue has `key`."""
    return catalogue(language()).gettext(key) != key


def shown(value: object) -> object:
    """`value` as a reader expects it: 12,000; 2026年11月24日."""
    if isinstance(value, bool):
        return text("common.yes" if value else "common.no")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        at_day_end = (value.hour, value.minute, value.second) == (23, 59, 59)
        return long_date(value) if at_day_end else f"{long_date(value)} {value:%H:%M}"
    if isinstance(value, date):
        return long_date(value)
    return value


def long_date(day: date) -> str:
    """2026年11月24日, or 24 November 2026."""
    return format_date(day, "long", locale=language() if language() != "en" else "en_GB")
