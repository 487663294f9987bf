"""The tally: how many rows of a load ended how, derived from the records every time and kept nowhere."""

import sqlite3
from typing import Final

from headrace.ledger.packing import State, unpack_numbers
from headrace.model import Counts

_OPEN: Final = "SELECT numbers FROM request WHERE load = ? AND settled IS NULL"


def tally(connection: sqlite3.Connection, load_id: int, *, is_live: bool) -> Counts:
    """Return the counts of one load.

    `is_live` says that its holder is at work: rows in flight are then not attempted yet. Otherwise they are in doubt,
    as the next run will find.
    """
    connection.execute("BEGIN")  # all of one moment, while another process writes
    try:
        rows, unseen = connection.execute("SELECT rows, unseen FROM load WHERE id = ?", (load_id,)).fetchone()
        done = connection.execute("SELECT total(done) FROM request WHERE load = ?", (load_id,)).fetchone()[0]
        by_state = dict(
            connection.execute("SELECT state, count(*) FROM fault WHERE load = ? GROUP BY state", (load_id,))
        )
        in_flight = 0 if is_live else _in_flight(connection, load_id)
    finally:
        connection.execute("COMMIT")
    counts = Counts(
        done=int(done),
        rejected=by_state.get(State.REJECTED, 0),
        invalid=by_state.get(State.INVALID, 0),
        skipped=by_state.get(State.SKIPPED, 0),
        in_doubt=by_state.get(State.IN_DOUBT, 0) + in_flight,
        duplicated=by_state.get(State.DUPLICATED, 0),
    )
    total = max(rows + unseen, counts.settled)
    return counts + Counts(rows=total, not_attempted=total - counts.settled)


def _in_flight(connection: sqlite3.Connection, load_id: int) -> int:
    """Return how many rows are in intents without outcome and have no other outcome (a refused row sent again has)."""
    return sum(
        connection.execute("SELECT 1 FROM fault WHERE load = ? AND number = ?", (load_id, number)).fetchone() is None
        for (numbers,) in connection.execute(_OPEN, (load_id,)).fetchall()
        for number in unpack_numbers(numbers)
    )
