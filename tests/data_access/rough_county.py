"""The demo county with the gaps and oddities of real sources."""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
from contextlib import closing
from pathlib import Path


def roughen(path: Path, seed: int) -> None:
    """Make a demo database as gaps and oddities of real sources make it."""
    chance = random.Random(seed)
    empty = (
        *("due_at", "acceptance_due_at", "petitioned_at", "unit_received_at", "noticed_at", "answered_at"),
        *("disposition", "purpose", "track", "is_repeat", "is_collective", "channel", "category_id", "township_id"),
        *("registering_unit_id", "lead_unit_id", "closed_how", "unit_rating", "office_rating_expires_at"),
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        ids = [row[0] for row in connection.execute("SELECT case_id FROM petition_case ORDER BY case_id")]

        def some(share: float) -> list[tuple[str]]:
            return [(each,) for each in ids if chance.random() < share]

        def change(share: float, what: str) -> None:
            connection.executemany(f"UPDATE petition_case SET {what} WHERE case_id = ?", some(share))

        for column in empty:
            change(0.06, f"{column} = NULL")
        change(0.04, "due_at = NULL, original_due_at = NULL")  # computed, extended or not, summary or not
        change(0.02, "original_due_at = NULL, extended_at = NULL")
        change(0.02, "due_at = substr(due_at, 1, 10) || ' 12:00:00'")
        change(0.02, "closed_at = due_at")  # at the last second
        change(0.02, "closed_at = datetime(registered_at, '-3 days')")
        change(0.02, "registered_at = substr(registered_at, 1, 10) || ' 23:59:59'")
        change(0.01, "closed_at = accepted_at, closed_how = 'merged'")
        change(0.01, "purpose = 'accusation'")
        change(0.01, "lead_unit_id = 'nowhere', category_id = 'nothing'")
        connection.execute("UPDATE case_event SET from_unit_id = 'nowhere' WHERE kind = 'reassigned' AND rowid % 9 = 0")
        connection.execute("UPDATE reminder_slip SET issued_at = NULL WHERE slip_id LIKE '%7'")
        connection.execute("UPDATE reminder_slip SET effective = NULL WHERE slip_id LIKE '%3'")
        # Lists, instructions and slips as they are kept by hand.
        for n, change_some in enumerate(
            (
                "UPDATE listing SET verified_at = NULL",
                "UPDATE listing SET signed_off_at = datetime(verified_at, '-20 days')",
                "UPDATE listing SET signed_off_at = datetime(listed_at, '-2 days')",
                "UPDATE listing SET listed_at = datetime(listed_at, '-90 days')",
                "UPDATE listing SET listed_at = NULL",
                "UPDATE listing SET kind = NULL",
                "UPDATE listing SET verified_at = datetime(listed_at, '+9 days'), "
                "signed_off_at = datetime(listed_at, '+9 days')",
                "UPDATE instruction SET due_at = NULL",
                "UPDATE instruction SET answered_at = due_at",
                "UPDATE case_unit SET due_at = NULL",
                "UPDATE case_unit SET unit_id = 'nowhere-' || rowid",
                "UPDATE checklist_item SET done_at = NULL",
            )
        ):
            connection.execute(f"{change_some} WHERE rowid % 17 = {n}")
        connection.execute(
            "INSERT INTO listing (case_id, kind, listed_at) SELECT case_id, kind, listed_at FROM listing "
            "WHERE rowid % 31 = 0"
        )
        for days in (8, 30):
            connection.execute(
                "INSERT INTO reminder_slip (slip_id, case_id, unit_id, issued_at, due_at) "
                f"SELECT slip_id || '-{days}', case_id, unit_id, datetime(issued_at, '+{days} days'), "
                f"datetime(due_at, '+{days} days') FROM reminder_slip WHERE slip_id LIKE '%{days % 10}'"
            )
        # A second reopening, and a reassignment, of cases that were closed by then.
        closed = connection.execute(
            "SELECT case_id, closed_at FROM petition_case WHERE closed_at BETWEEN '2023' AND '2026-06' "
            "AND closed_at > registered_at AND CAST(case_id AS INTEGER) % 23 = 0 ORDER BY case_id"
        ).fetchall()
        for number, (case_id, closed_at) in enumerate(closed):
            again = dt.datetime.fromisoformat(closed_at) + dt.timedelta(days=20)
            moved = (case_id, "reassigned", str(again + dt.timedelta(days=2 - number % 5)), "D01", "T01")
            connection.execute(
                "INSERT INTO case_event (case_id, kind, at) VALUES (?, 'closed', ?)", (case_id, closed_at)
            )
            connection.execute(
                "INSERT INTO case_event (case_id, kind, at) VALUES (?, 'reopened', ?)", (case_id, str(again))
            )
            connection.execute(
                "INSERT INTO case_event (case_id, kind, at, from_unit_id, to_unit_id) VALUES (?, ?, ?, ?, ?)", moved
            )
            final = None if number % 3 == 0 else str(again + dt.timedelta(days=30))
            change_one = "UPDATE petition_case SET closed_at = ?, lead_unit_id = 'T01' WHERE case_id = ?"
            connection.execute(change_one, (final, case_id))
        assert len(closed) > 100
        for kind in ("reopened", "reassigned"):
            connection.execute(
                f"UPDATE petition_case SET last_{kind}_at = (SELECT max(at) FROM case_event "
                f"WHERE kind = '{kind}' AND case_event.case_id = petition_case.case_id)"
            )
