"""What typed words can mean: units, categories, codes, periods and lists, by the words of `locale/phrases.toml`.

A vocabulary is made once for the names of a database. What is written with numbers is in `phrase_rules`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from pypinyin import Style, lazy_pinyin

from data_access.database import CaseDatabase
from data_access.filters import FIELDS
from data_access.periods import PRESETS
from data_access.queries import can_feed
from data_access.settings import KindNames
from data_access.texts import FOLDER, LANGUAGES, catalogue

LONGEST_LINE: Final = 80
GAPS: Final = " ;"
_INSIDE_NUMBERS: Final = "-./"
_APOSTROPHES, _DASHES, _KEPT = "'\u2019", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-~+>./"
# How well words match, 0 to 100; where they are a part of a name, up to 9 more for how much of it they are.
EXACT, _ALIAS, _BEGINNING, _PART, _SHORTENED, _PINYIN, _COVERAGE = 100, 98, 85, 75, 65, 20, 9
_SYNONYM_COSTS: Final = 4
_LONGEST_NAME, _LONGEST_PART, _MOST_MEANINGS = 40, 12, 8


class Meaning(NamedTuple):
    """One thing that words can mean: a code of a field, a `period`, a `list`, or by themselves nothing (`filler`).

    Code of a period: a preset's or `2026-01-01..2026-01-31`; of a list: `overdue` or `overdue:61..`.
    """

    parameter: str
    code: str
    quality: float


Meanings = tuple[Meaning, ...]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What every phrase can mean, best first; names to shorten by first and last letter; codes in their fixed order."""

    phrases: dict[str, Meanings]
    names: dict[str, list[tuple[str, Meaning]]]
    order: dict[tuple[str, str], int]
    lists: frozenset[str]
    longest: int

    def meanings(self, words: str) -> Meanings:
        """What these words can mean, the best first; nothing where they are not known."""
        return self.phrases.get(_spelled(words)) or self._shortened(words)

    def _shortened(self, word: str) -> Meanings:
        """Names that begin and end as `word` does and have its letters between, in this order.

        Of Chinese three letters at least, since two are as often a person's name; of pinyin two initials.
        """
        is_pinyin = word.isascii()
        if len(word) < (2 if is_pinyin else 3):
            return ()
        found = []
        for name, (parameter, code, _) in self.names.get(word[0] + word[-1], ()):
            letters = iter(name)
            if all(letter in letters for letter in word):
                quality = (_PINYIN if is_pinyin else _SHORTENED) + _COVERAGE * len(word) / len(name)
                found.append(Meaning(parameter, code, quality))
        return _best(found, self.order)


def read_line(typed: str) -> tuple[str, list[int]]:
    """A line as it is read: small letters, full width made half, `;` where words do not join; each letter's place."""
    letters: list[tuple[str, int]] = []
    for place, written in enumerate(typed[:LONGEST_LINE]):
        for letter in unicodedata.normalize("NFKC", written).lower():
            plain = "-" if letter in _DASHES else letter
            if plain.isspace() or not plain.isprintable():
                plain = " "
            elif not plain.isalnum() and plain not in _KEPT:
                plain = ";"
            if letter not in _APOSTROPHES and not (plain == " " and letters and letters[-1][0] == " "):
                letters.append((plain, place))
    line = "".join(letter for letter, _ in letters[:LONGEST_LINE])
    return re.sub(r"(?<![0-9])[./]|[./](?![0-9])", ";", line), [place for _, place in letters]


def _spelled(words: str) -> str:
    """Words as they are known: a hyphen between letters is a space."""
    return re.sub("(?<=[a-z])-(?=[a-z])", " ", words)


def may_cut(line: str, place: int) -> bool:
    """Whether words may begin or end at `place`: not within a word in Latin letters, a number or a date."""
    if not 0 < place < len(line):
        return True
    before, after = line[place - 1], line[place]
    if not (before + after).isascii():
        return True
    if before.isdigit() and after in _INSIDE_NUMBERS:
        return not line[place + 1 : place + 2].isdigit()
    if before in _INSIDE_NUMBERS and after.isdigit():
        return not line[max(place - 2, 0) : place - 1].isdigit()
    return not ((before.isalpha() and after.isalpha()) or (before.isdigit() and after.isdigit()))


# --- the vocabulary


@cache
def words_file() -> dict[str, Any]:
    """`locale/phrases.toml`."""
    return tomllib.loads((FOLDER / "phrases.toml").read_text(encoding="utf-8"))


def vocabulary(database: CaseDatabase) -> Vocabulary:
    """All that can be typed for this database: what it cannot filter by or list is not in it."""
    names = database.names
    townships = tuple(unit for unit, kind in names.kinds.items() if kind == "township")
    return _vocabulary(
        tuple(names.units.items()),
        townships or tuple(names.units),
        tuple(names.categories.items()),
        tuple(names.aliases.items()),
        names.kind_names,
        database.settings.county,
        frozenset(key for key, field in FIELDS.items() if database.has(field.needs)),
        frozenset(key for key in words_file()["lists"] if can_feed(database, key)),
    )


@lru_cache(maxsize=4)
def _vocabulary(
    units: tuple[tuple[str, str], ...],
    places: tuple[str, ...],
    categories: tuple[tuple[str, str], ...],
    aliases: tuple[tuple[str, str], ...],
    kind_names: KindNames,
    county: str,
    fields: frozenset[str],
    lists: frozenset[str],
) -> Vocabulary:
    found: dict[str, list[Meaning]] = defaultdict(list)
    names: dict[str, list[tuple[str, Meaning]]] = defaultdict(list)
    named = {
        "unit": dict(units),
        "township": {place: dict(units)[place] for place in places},
        "category": dict(categories),
    }
    order = [(key, code) for key, field in FIELDS.items() for code in field.codes or named.get(key, ())]

    def say(words: Iterable[str], parameter: str, code: str, quality: float = EXACT) -> None:
        for phrase in words:
            found[_key(phrase)].append(Meaning(parameter, code, quality))

    for key in (key for key in named if key in fields):
        for code, name in named[key].items():
            if "," in code:
                continue  # the URL joins codes by it
            others = _other_names(code, name, aliases) if key != "category" else []
            for form, is_whole in _forms(name, others, county):
                meaning = Meaning(key, code, EXACT if form == _key(name) else _ALIAS)
                say([form], *meaning)
                if key != "category":
                    say([leading + form for leading in words_file()["forms"]["leading"]], key, code, _ALIAS)
                if code in places and len(places) < len(units):
                    say([form + ending for ending in words_file()["forms"]["township_endings"]], key, code, _ALIAS)
                for part, quality in _parts(form, is_whole):
                    say([part], key, code, quality)
                for spelled in () if form.isascii() else (form, _initials(form)):
                    names[spelled[0] + spelled[-1]].append((spelled, meaning))
    _leave_what_tells_nothing(found)
    for part, synonyms in words_file()["names"].items():
        for parameter, code, quality in tuple(found.get(part, ())):
            say(synonyms, parameter, code, quality - _SYNONYM_COSTS)
    for parameter, code, words in _words_of_codes(kind_names, lists):
        if parameter in ("period", "list") or parameter in fields:
            say(words, parameter, code)
    say([*words_file()["fillers"]["words"], county], "filler", "")
    say(words_file()["fillers"]["between"], "filler", "", EXACT / 2)
    places_of = {code: place for place, code in enumerate(order)}
    phrases = {phrase: _best(meanings, places_of) for phrase, meanings in found.items() if phrase}
    return Vocabulary(phrases, names, places_of, lists, max(map(len, phrases)))


def _key(words: str) -> str:
    """Known words in the form in which a line has them."""
    return _spelled(read_line(words)[0].strip(GAPS))


def _forms(name: str, aliases: list[str], county: str) -> Iterator[tuple[str, bool]]:
    """A name and other ways to write it whole; with each, whether its inner parts stand for it too."""
    leading = tuple(words_file()["forms"]["leading"])
    whole = [_key(name)[:_LONGEST_NAME]]
    whole.append(whole[0].removeprefix(_key(county)))
    whole += [form[1:] for form in whole if form.startswith(leading)]
    forms = {form: True for form in whole if len(form) > 1}
    for alias in map(_key, aliases):
        forms |= {
            form: False for form in (alias, alias.removeprefix(_key(county))) if form not in forms and len(form) > 1
        }
    for long, shorts in words_file()["names"].items():
        for form in [form for form in forms if long in form]:
            forms |= {form.replace(long, short): False for short in shorts if not short.isascii()}
    yield from forms.items()


def _other_names(unit: str, name: str, aliases: tuple[tuple[str, str], ...]) -> list[str]:
    offices = (offices for long, offices in words_file()["offices"].items() if long in name)
    return [alias for alias, code in aliases if code == unit] + [office for some in offices for office in some]


def _parts(form: str, inner: bool) -> Iterator[tuple[str, float]]:
    """The parts of a name that stand for it, and how well: its beginnings, and where `inner` others too.

    Words of two letters follow each other: the second and third letter are not one.
    """
    joining = tuple(words_file()["forms"]["joining"])
    word = 0
    for start in range(len(form) - 1 if inner else 1):
        word = start + 1 if form[start] in joining else word
        for end in range(start + 2, min(len(form), start + _LONGEST_PART) + 1):
            part = form[start:end]
            whole = may_cut(form, start) and may_cut(form, end) and (len(part) > 2 or (start - word) % 2 == 0)
            if len(part) < len(form) and whole:
                yield part, (_PART if start else _BEGINNING) + _COVERAGE * len(part) / len(form)


def _leave_what_tells_nothing(found: dict[str, list[Meaning]]) -> None:
    """Drop parts that so many names share that they tell none of them apart."""
    for phrase, meanings in found.items():
        codes: dict[str, set[str]] = defaultdict(set)
        for meaning in meanings:
            codes[meaning.parameter].add(meaning.code)
        kept = [one for one in meanings if one.quality >= _ALIAS or len(codes[one.parameter]) <= _MOST_MEANINGS]
        found[phrase] = kept


def _words_of_codes(kind_names: KindNames, lists: frozenset[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Parameter, code and words of what does not depend on the database: the screen's in every language, and more."""
    file = words_file()
    for key, codes in file["fields"].items():
        for code, more in codes.items():
            kinds = kind_names.model_dump()[code].values() if key == "kind" else _labels(f"code.{key}.{code}")
            parts = [part for label in kinds for part in (label, *_key(label).split(";"))]
            yield key, code, [part for part in parts if not part.strip()[:1].isdigit()] + more
    for code in PRESETS[:-1]:
        yield "period", code, _labels(f"period.{code}")
    for code, more in file["periods"].items():
        yield "period", code, more
    for code in sorted(lists):
        yield "list", code, [label for label in _labels(f"indicator.{code}.label") if not re.search("[0-9]", label)]
        yield "list", code, file["lists"][code]


def _labels(key: str) -> list[str]:
    return [catalogue(language).gettext(key) for language in LANGUAGES]


def _initials(name: str) -> str:
    return "".join(lazy_pinyin(name, style=Style.FIRST_LETTER))


def _best(found: Iterable[Meaning], order: dict[tuple[str, str], int]) -> Meanings:
    """The best meanings, each once; equals in the fixed order of codes."""
    ranked = sorted(found, key=lambda one: (-one.quality, order.get(one[:2], len(order)), one))
    once: dict[tuple[str, str], Meaning] = {}
    for meaning in ranked:
        once.setdefault(meaning[:2], meaning)
    return tuple(once.values())[:_MOST_MEANINGS]
