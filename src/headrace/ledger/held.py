"""The ids that this import holds: which records of the provider its rows stand for in any load, made or found there.

Built from the packed records the first time it is asked, in a temporary database that goes to disk when it is large,
and brought up to date by what was settled since.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from headrace.ledger.packing import State, unpack_detail, unpack_ids
from headrace.ledger.past import scratch

_SINCE: Final = (
    "SELECT settled, ids FROM request WHERE settled > ? AND done > 0"
    " AND load IN (SELECT id FROM load WHERE resource = ? AND operation IN ('create', 'upsert')) ORDER BY settled"
)
_THERE_SINCE: Final = (
    "SELECT id, detail FROM fault WHERE id > ? AND state = ? AND load IN (SELECT id FROM load WHERE resource = ?)"
    " ORDER BY id"
)
_AMONG: Final = "SELECT id FROM held WHERE id IN"
_AT_ONCE: Final = 500


class HeldIds:
    """The remote ids of all rows that are done, or were there before, in the loads of one resource.

    Mutable state: the index, once asked.
    """

    def __init__(self, connection: sqlite3.Connection, resource: str) -> None:
        self._source = connection
        self._resource = resource
        self._seen = self._seen_there = 0  # the last settlement, and the last row found there, in the index
        self._index: sqlite3.Connection | None = None

    def among(self, ids: Sequence[str]) -> set[str]:
        """Return those of `ids` that a row holds, from what is durable."""
        index = self._caught_up()
        found: set[str] = set()
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            found.update(one for (one,) in index.execute(f"{_AMONG} ({marks})", some))
        return found

    def close(self) -> None:
        """Drop the index."""
        if self._index is not None:
            self._index.close()

    def _caught_up(self) -> sqlite3.Connection:
        if self._index is None:
            self._index = scratch()
            self._index.execute("CREATE TABLE held (id TEXT PRIMARY KEY) WITHOUT ROWID")
            self._index.execute("BEGIN")  # never ended: the database is dropped with the connection
        self._index.executemany("INSERT OR IGNORE INTO held VALUES (?)", self._since(self._seen))
        self._index.executemany("INSERT OR IGNORE INTO held VALUES (?)", self._there_since(self._seen_there))
        return self._index

    def _since(self, settlement: int) -> Iterator[tuple[str]]:
        for settled, ids in self._source.execute(_SINCE, (settlement, self._resource)):
            yield from ((one,) for one in unpack_ids(ids))
            self._seen = settled

    def _there_since(self, fault: int) -> Iterator[tuple[str]]:
        for found, detail in self._source.execute(_THERE_SINCE, (fault, State.SKIPPED, self._resource)):
            yield from ((one,) for one in unpack_detail(detail).ids)
            self._seen_there = found
