"""What everybody sees first, asked for before anybody waits: at the start, and when the data or the hour change.

A thread of the process that serves (`python -m dashboard`). It asks through `cache.ask`, one question
at a time with a rest as long as the answer took, so that viewers go first; a viewer with the same
question waits for this answer instead of computing another. A database that is away is tried again
later: no page is the worse for it.
"""

from __future__ import annotations

import gc
import logging
import pkgutil
import time
from datetime import datetime, timedelta
from importlib import import_module
from typing import Final

import dashboard
from dashboard import cache
from data_access import supervision, views
from data_access.database import CaseDatabase
from data_access.problems import Problem

LOG: Final = logging.getLogger("petition_dashboard")
FIRST: Final[tuple[cache.Question, ...]] = (
    (views.overview, ()),
    (views.overdue, ()),
    (views.departments, ()),
    (views.resolution, ()),
    (supervision.supervision, ()),
)
"""The pages of a meeting, before anyone has asked; afterwards, what viewers do ask."""
LOOK: Final = timedelta(seconds=10)
IN_USE: Final = timedelta(minutes=30)
"""What nobody has asked for so long is not asked again, and nothing where nobody has asked: the night is quiet."""
MOST: Final = 40
"""So many of viewers' questions at most; the last ones."""

State = tuple[cache.Version, datetime]


def keep() -> None:
    """Look again and again, as long as the process lives."""
    _load()
    known: State | None = None
    while True:
        known = look(known)
        time.sleep(LOOK.total_seconds())


def look(known: State | None) -> State | None:
    """Ask anew where the data or now have changed since `known`; what is known now. Raises nothing."""
    questions = FIRST if known is None else _in_use()
    if not questions:
        return known
    try:
        cases = cache.database()
        state = (cache.version(cases), cache.default_as_of(cases))
        if state != known:
            _ask(cases, questions)
    except Problem:
        return known  # the pages say what is wrong
    except Exception:
        LOG.exception("warming up failed")
        return known
    return state


def _in_use() -> tuple[cache.Question, ...]:
    """What viewers ask these days and what comes first; nothing where nobody is there."""
    since = time.monotonic() - IN_USE.total_seconds()
    # A copy first: viewers ask on.
    asked = [question for question, at in list(cache.usual_questions().items()) if at > since]
    return tuple(dict.fromkeys((*FIRST, *asked[-MOST:]))) if asked else ()


def _ask(cases: CaseDatabase, questions: tuple[cache.Question, ...]) -> None:
    for view, arguments in questions:
        began = time.monotonic()
        try:
            cache.remember(view, cache.usual(cases), *arguments)
        except Problem:
            raise
        except Exception:
            # What was asked once may not be possible any more: the page will say so, if it is.
            LOG.exception("warming up: %s failed", view.__qualname__)
        time.sleep(min(time.monotonic() - began, 5))


def _load() -> None:
    """Import what the first page would wait for, and spare the garbage collector from looking at it again."""
    for module in pkgutil.iter_modules(dashboard.__path__):
        if module.name != "__main__":
            import_module(f"dashboard.{module.name}")
    gc.collect()
    gc.freeze()
