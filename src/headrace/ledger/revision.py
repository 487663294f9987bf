"""Revisions: rows that were done, and that an audit found to be there more often than that.

A revision is a record of its own, which takes the place of the earlier outcome (invariant I5: terminal states change
only by an explicit, journalled act). It counts the rows out of the ones that are done.
"""

import sqlite3
from collections.abc import Iterator
from itertools import compress
from typing import Any, Final

from headrace.ledger.packing import State, unpack_detail, unpack_ids, unpack_numbers
from headrace.ledger.recovery import CLOSED

_REVISE: Final = (
    "INSERT INTO request (seq, load, lease, numbers, keys, settled, outcomes, done, unknown)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DONE: Final = "SELECT numbers, outcomes, ids FROM request WHERE load = ? AND done > 0 ORDER BY seq DESC"
_REVISED: Final = "SELECT EXISTS (SELECT 1 FROM request WHERE load = ? AND done < 0)"
_TWICE: Final = "SELECT detail FROM fault WHERE load = ? AND state = ?"


def revise(connection: sqlite3.Connection, record: tuple[Any, ...]) -> None:
    """Record rows as duplicated; `record` is number, load, lease, numbers, keys, settlement, and the states so far."""
    *head, before = record
    outcomes = bytes([State.DUPLICATED]) * len(before)
    connection.execute(_REVISE, (*head, outcomes, -before.count(State.DONE), CLOSED))


def id_of(connection: sqlite3.Connection, load_id: int, number: int) -> str | None:
    """Return the remote id of a row that is done. Reads the records backwards: what is asked for is recent."""
    for numbers, outcomes, ids in connection.execute(_DONE, (load_id,)):
        done = compress(unpack_numbers(numbers), map(State.DONE.__eq__, outcomes))
        found: dict[int, str] = dict(zip(done, unpack_ids(ids), strict=True))
        if number in found:
            return found[number]
    return None


def revised_ids(connection: sqlite3.Connection, load_id: int) -> Iterator[str]:
    """Return the ids under which revised rows were done: they are not among the successes any more."""
    if connection.execute(_REVISED, (load_id,)).fetchone()[0]:
        for (detail,) in connection.execute(_TWICE, (load_id, State.DUPLICATED)):
            yield from unpack_detail(detail).ids[:1]
