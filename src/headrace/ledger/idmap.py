"""The id map: source keys to remote ids, for the loads that refer to rows of an earlier one.

Built from the packed records the first time it is asked, in a temporary database on disk, and brought up to date by
what was settled since. Several rows may have one key: then it leads to all of their records. Rows whose records were
there before have ids too.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Final, TypeAlias

from headrace.ledger.packing import State, unpack_detail, unpack_ids, unpack_keys
from headrace.ledger.past import scratch

_DONE_SINCE: Final = (
    "SELECT settled, keys, outcomes, ids FROM request WHERE load = ? AND settled > ? AND done > 0 ORDER BY settled"
)
_THERE_SINCE: Final = "SELECT id, key, detail FROM fault WHERE load = ? AND state = ? AND id > ? ORDER BY id"
_AT_ONCE: Final = 500
_FIND: Final = "SELECT key, min(remote_id), max(remote_id) FROM id WHERE key IN"
_EACH: Final = "SELECT DISTINCT remote_id FROM id WHERE key = ? ORDER BY length(remote_id), remote_id LIMIT ?"
_MOST: Final = 1_000
"""Records of one key that are told; one more than that is enough to know that it is no key."""

Ids: TypeAlias = str | tuple[str, ...]
"""A remote id; or those of several rows that have one key."""


class IdMap:
    """The remote ids of one load's rows that are done, or were there before."""

    def __init__(self, connection: sqlite3.Connection, load_id: int) -> None:
        self._source = connection
        self._load = load_id
        self._seen = self._seen_there = 0  # the last settlement, and the last row found there, in the index
        self._is_frozen = False
        self._index = scratch()
        self._index.execute("CREATE TABLE id (key BLOB, remote_id TEXT)")

    def freeze(self) -> None:
        """Bring the map up to date for the last time."""
        self._catch_up()
        self._is_frozen = True

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Ids]:
        """Return the remote id, or those, of each of `keys` that is done, or known to have been there, by now."""
        if not self._is_frozen:
            self._catch_up()
        found: dict[bytes, Ids] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            for key, first, last in self._index.execute(f"{_FIND} ({marks}) GROUP BY key", some):
                found[key] = first if first == last else self._each(key)
        return found

    def _each(self, key: bytes) -> tuple[str, ...]:
        return tuple(identity for (identity,) in self._index.execute(_EACH, (key, _MOST)))

    def close(self) -> None:
        """Drop the index."""
        self._index.close()

    def _catch_up(self) -> None:
        self._index.execute("BEGIN")
        self._index.executemany("INSERT INTO id VALUES (?, ?)", self._done_since(self._seen))
        self._index.executemany("INSERT INTO id VALUES (?, ?)", self._there_since(self._seen_there))
        # After the bulk of the rows: sorting them at once is several times faster than one by one.
        self._index.execute("CREATE INDEX IF NOT EXISTS id_key ON id (key, remote_id)")
        self._index.execute("COMMIT")

    def _done_since(self, settlement: int) -> Iterator[tuple[bytes, str]]:
        """Return key and remote id of each row done after `settlement`, in that order."""
        for settled, keys, outcomes, ids in self._source.execute(_DONE_SINCE, (self._load, settlement)):
            is_done = map(State.DONE.__eq__, outcomes)
            found = zip(compress(unpack_keys(keys), is_done), unpack_ids(ids), strict=True)
            yield from ((key, remote_id) for key, remote_id in found if remote_id)  # "" was never found out
            self._seen = settled

    def _there_since(self, fault: int) -> Iterator[tuple[bytes, str]]:
        """Return key and remote id of each row found to be there since that record."""
        for found, key, detail in self._source.execute(_THERE_SINCE, (self._load, State.SKIPPED, fault)):
            yield from ((key, remote_id) for remote_id in unpack_detail(detail).ids)
            self._seen_there = found
