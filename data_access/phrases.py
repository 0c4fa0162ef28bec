"""The quick filter: typed words in, filters to choose from out. Fixed rules, no model, no guessing at spelling.

Words are looked up among the database's own units and categories, the contract's codes,
periods and lists, in both languages at once. Nothing is looked up by person: a name is an
unknown word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from data_access.database import CaseDatabase, Names
from data_access.filters import FIELDS
from data_access.lists import Question
from data_access.phrase_rules import Calendar, Rule, dated, rules, said
from data_access.phrase_words import EXACT, GAPS, Meaning, Meanings, Vocabulary, may_cut, read_line, vocabulary
from data_access.texts import long_date, text

MOST_WORDS: Final = 12
_MOST_READINGS: Final = 16


@dataclass(frozen=True)
class Proposal:
    """What one reading of the typed words would do.

    `parameters`: URL parameters and their codes, several joined by a comma. `question`: a
    list to open as well. `words`: all of it in the language in use.
    """

    parameters: tuple[tuple[str, str], ...]
    question: Question | None
    words: str


@dataclass(frozen=True)
class Reading:
    """Proposals, each different, the best first; and the typed words that match nothing."""

    proposals: tuple[Proposal, ...]
    unknown: tuple[str, ...]


class Piece(NamedTuple):
    """A stretch of the line that is understood; without meanings where it is understood to be impossible.

    `weak`: so short that it counts only where no unknown letter touches it, for it may be part of a name.
    """

    start: int
    end: int
    meanings: Meanings
    weak: bool


def propose(typed: str, database: CaseDatabase, today: date, limit: int = 6) -> Reading:
    """What `typed` may mean on `today`, at most `limit` proposals; asks the database nothing."""
    settings, known = database.settings, vocabulary(database)
    calendar = Calendar(today, settings.period, settings.thresholds.due_soon_days)
    line, places = read_line(typed)
    pieces = _pieces(line, known, calendar)
    proposals: dict[Any, Proposal] = {}
    for chosen in _readings((piece.meanings for piece in pieces if piece.meanings), known):
        proposal = _proposal(chosen, known, database.names)
        proposals.setdefault((proposal.parameters, proposal.question), proposal)
    unknown = (typed[places[start] : places[end - 1] + 1] for start, end in _unknown(line, pieces))
    return Reading(tuple(proposals.values())[: max(limit, 0)], tuple(dict.fromkeys(unknown)))


# --- cutting the line


def _pieces(line: str, known: Vocabulary, calendar: Calendar) -> list[Piece]:
    """The line cut so that the least is left over, by the fewest and best pieces."""
    options: list[list[tuple[int, int, float, list[Piece]]]] = [[] for _ in range(len(line) + 1)]
    options[0] = [(0, 0, 0.0, [])]
    usable = rules(known.lists)
    for start, letter in enumerate(line):
        left, count, quality, so_far = _best(options[start])
        options[start + 1].append((left + (letter not in GAPS), count, quality, so_far))
        if letter not in GAPS and may_cut(line, start):
            for piece in _beginning_at(line, start, known, usable, calendar):
                better = quality - (piece.meanings[0].quality if piece.meanings else 0)
                options[piece.end].append((left, count + 1, better, [*so_far, piece]))
    return _that_count(line, _best(options[-1])[-1])


def _best(options: list[tuple[int, int, float, list[Piece]]]) -> tuple[int, int, float, list[Piece]]:
    # Of equals the one found last: it has the longest pieces first.
    return min(reversed(options), key=lambda option: option[:3])


def _beginning_at(line: str, start: int, known: Vocabulary, usable: list[Rule], calendar: Calendar) -> Iterator[Piece]:
    for end in range(start + 1, min(len(line), start + known.longest) + 1):
        words = line[start:end]
        found = known.meanings(words)
        alone = line[max(start - 1, 0) : start] in ("", *GAPS) and line[end : end + 1] in ("", *GAPS)
        if found and may_cut(line, end) and (len(words) > 1 or alone or found[0].parameter not in FIELDS):
            by_day = tuple(dated(meaning, calendar) for meaning in found)
            yield Piece(start, end, by_day, _is_weak(words, found[0]))
    for kind, rule in usable:
        match = rule.match(line, start)
        if match and may_cut(line, match.end()):
            meaning = said(kind, match, calendar)
            yield Piece(start, match.end(), (meaning,) if meaning else (), len(match[0]) < 3 and match[0].isalpha())


def _is_weak(words: str, meaning: Meaning) -> bool:
    if meaning.parameter == "filler":
        return meaning.quality < EXACT
    return meaning.parameter in FIELDS and len(words) < 3


def _that_count(line: str, pieces: list[Piece]) -> list[Piece]:
    """Without the weak ones that touch an unknown letter, and without more words than a meeting can mean."""
    while True:
        covered = {place for piece in pieces for place in range(piece.start, piece.end)}
        strange = {place for place, letter in enumerate(line) if letter.isalnum() and place not in covered}
        kept = [piece for piece in pieces if not (piece.weak and {piece.start - 1, piece.end} & strange)]
        if len(kept) == len(pieces):
            break
        pieces = kept
    telling = (piece.meanings for piece in pieces if piece.meanings and piece.meanings[0].parameter != "filler")
    beyond = set(list(dict.fromkeys(telling))[MOST_WORDS:])
    return [piece for piece in pieces if piece.meanings not in beyond]


def _unknown(line: str, pieces: list[Piece]) -> Iterator[tuple[int, int]]:
    """From where to where nothing is understood, word by word; an impossible date is one."""
    covered = {place for piece in pieces for place in range(piece.start, piece.end)}
    marks = "".join(" " if place in covered or letter in GAPS else "x" for place, letter in enumerate(line))
    left = [run.span() for run in re.finditer("x+", marks)]
    for start, end in sorted(left + [(piece.start, piece.end) for piece in pieces if not piece.meanings]):
        letters = [place for place in range(start, end) if line[place].isalnum()]
        if letters:
            yield letters[0], letters[-1] + 1


# --- combining what the words say


def _readings(words: Iterable[Meanings], known: Vocabulary) -> list[Meanings]:
    """One meaning of each, in every combination that makes sense, the best first."""
    readings: list[tuple[float, Meanings]] = [(0.0, ())]
    for meanings in dict.fromkeys(words):
        longer = [new for reading in readings for meaning in meanings for new in _with(*reading, meaning, known)]
        # Equals stay in the order of their meanings, which is fixed.
        readings = sorted(longer or readings, key=lambda reading: -reading[0])[:_MOST_READINGS]
    return [chosen for _, chosen in readings if chosen]


def _with(score: float, chosen: Meanings, new: Meaning, known: Vocabulary) -> list[tuple[float, Meanings]]:
    """A reading with one more meaning: beside what it has, or instead of another period or list."""
    score_with = score + new.quality
    if new.parameter == "filler" or any(one[:2] == new[:2] for one in chosen):
        return [(score_with, chosen)]
    if any(_is_place_and_unit(one, new, known) for one in chosen):
        return []
    rival = next((one for one in chosen if one.parameter == new.parameter not in FIELDS), None)
    if rival is None:
        return [(score_with, (*chosen, new))]
    instead = tuple(one for one in chosen if one != rival)
    if rival.parameter == "list" and _includes(rival.code, new.code):
        return [(score_with, (*instead, new))]
    if rival.parameter == "list" and _includes(new.code, rival.code):
        return [(score_with, chosen)]
    return [(score, chosen), (score_with - rival.quality, (*instead, new))]


def _is_place_and_unit(one: Meaning, other: Meaning, known: Vocabulary) -> bool:
    """Whether of two townships one is meant as place and the other as responsible unit: alike, they are meant alike."""
    unit = one if one.parameter == "unit" else other
    return {one.parameter, other.parameter} == {"unit", "township"} and ("township", unit.code) in known.order


def _includes(wider: str, narrower: str) -> bool:
    """Whether all cases of one list are in the other."""
    of = narrower.partition(":")[0]
    return wider == of or (wider == "open" and of not in ("closed", "registered"))


def _proposal(chosen: Meanings, known: Vocabulary, names: Names) -> Proposal:
    parameters, words = [], []
    period = next((one.code for one in chosen if one.parameter == "period"), "")
    asked = next((one.code for one in chosen if one.parameter == "list"), "")
    start, _, end = period.partition("..")
    if period:
        parameters += [("period", "custom"), ("from", start), ("to", end)] if end else [("period", period)]
    for key in FIELDS:
        codes = sorted((one.code for one in chosen if one.parameter == key), key=lambda code: known.order[key, code])
        if codes:
            parameters.append((key, ",".join(codes)))
            listed = text("common.comma").join(FIELDS[key].words(code, names) for code in codes)
            # What the values of these two are called is also said of units.
            named = key in ("township", "level")
            words.append(text("phrases.named", field=text(f"filter.{key}"), value=listed) if named else listed)
    if end:
        words.append(text("filter.days", start=_day(start), end=_day(end)))
    elif period:
        words.append(text(f"period.{period}"))
    of, _, late = asked.partition(":")
    question = Question(of, at=(("late", late),) if late else ()) if of else None
    if of:
        words.append(_list_words(text(f"indicator.{of}.label"), late))
    return Proposal(tuple(parameters), question, text("common.joint").join(words))


def _day(written: str) -> str:
    return long_date(date.fromisoformat(written))


def _list_words(label: str, late: str) -> str:
    if not late:
        return text("phrases.list", name=label)
    low, _, high = late.partition("..")
    band = text("band.between", start=low, end=high) if high else text("band.over", days=int(low) - 1)
    return text("phrases.late", name=label, band=band)
