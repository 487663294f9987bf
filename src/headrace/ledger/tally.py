"""The tally: how many rows of a load ended how, derived from the records every time and kept nowhere."""

import sqlite3
from collections import Counter

from headrace.ledger.packing import State
from headrace.ledger.recovery import open_rows
from headrace.model import Counts


def tally(connection: sqlite3.Connection, load_id: int, *, is_live: bool) -> Counts:
    """Return the counts of one load.

    Rows that were sent and not answered are in doubt until somebody has looked them up. `is_live` says that the holder
    is at work: what is in flight is then not attempted yet.
    """
    connection.execute("BEGIN")  # all of one moment, while another process writes
    try:
        rows, unseen = connection.execute("SELECT rows, unseen FROM load WHERE id = ?", (load_id,)).fetchone()
        done = connection.execute("SELECT total(done) FROM request WHERE load = ?", (load_id,)).fetchone()[0]
        by_state = Counter(
            dict(connection.execute("SELECT state, count(*) FROM fault WHERE load = ? GROUP BY state", (load_id,)))
        )
        unknown = open_rows(connection, load_id, is_live=is_live)
    finally:
        connection.execute("COMMIT")
    known = by_state - Counter({state: count for state, count in unknown.items() if state is not None})
    counts = Counts(
        done=int(done),
        rejected=known[State.REJECTED],
        invalid=known[State.INVALID],
        skipped=known[State.SKIPPED],
        in_doubt=known[State.IN_DOUBT] + unknown.total(),
        duplicated=known[State.DUPLICATED],
    )
    total = max(rows + unseen, counts.settled)
    return counts + Counts(rows=total, not_attempted=total - counts.settled)
