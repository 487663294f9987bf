"""What a load has made: the remote ids of its rows that are done, each with the digest of what was sent, by key."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final

from msgspec import Struct

from headrace.identity import PRINT_BYTES
from headrace.ledger.packing import State, unpack_ids, unpack_keys
from headrace.ledger.past import scratch

_DONE: Final = (
    "SELECT keys, outcomes, ids, prints, since FROM request WHERE load = ? AND done > 0 AND settled IS NOT NULL"
    " ORDER BY settled"
)
_AT_ONCE: Final = 500
_ALL: Final = "SELECT remote_id, print, rowid FROM made ORDER BY rowid"
_FIND: Final = "SELECT key, remote_id, print, rowid FROM made WHERE key IN"


class Made(Struct, frozen=True):
    """One record that a row was made into; `print` is the digest of what was sent, None where it is not known.

    `turn` counts the rows of the load that are done, in the order of time.
    """

    remote_id: str
    print: bytes | None
    turn: int


class MadeRecords:
    """All that one load has made, in a temporary database. Rows with equal keys have as many, in their order."""

    def __init__(self, connection: sqlite3.Connection, load_id: int) -> None:
        self._index = scratch()
        self._index.execute("CREATE TABLE made (key BLOB, remote_id TEXT, print BLOB)")
        self.since: float | None = None
        """The server's time, in seconds since the epoch, before which none was made; None where it is not known."""
        self._index.execute("BEGIN")
        self._index.executemany("INSERT INTO made VALUES (?, ?, ?)", self._read(connection, load_id))
        self._index.execute("CREATE INDEX made_key ON made (key)")
        self._index.execute("COMMIT")

    def __len__(self) -> int:
        return int(self._index.execute("SELECT count(*) FROM made").fetchone()[0])

    def __iter__(self) -> Iterator[Made]:
        for remote_id, digest, turn in self._index.execute(_ALL):
            yield Made(remote_id, digest, turn)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, list[Made]]:
        """Return what was made of the rows with each of `keys`."""
        found: dict[bytes, list[Made]] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            for key, remote_id, digest, turn in self._index.execute(f"{_FIND} ({marks}) ORDER BY rowid", some):
                found.setdefault(key, []).append(Made(remote_id, digest, turn))
        return found

    def close(self) -> None:
        """Drop the index."""
        self._index.close()

    def _read(self, connection: sqlite3.Connection, load_id: int) -> Iterator[tuple[bytes, str, bytes | None]]:
        is_known = True
        for keys, outcomes, ids, prints, since in connection.execute(_DONE, (load_id,)):
            is_known = is_known and since is not None
            self.since = (since if self.since is None else min(self.since, since)) if is_known else None
            each = repeat(None) if prints is None else _each(prints)
            of_ids = iter(unpack_ids(ids))
            for key, state, digest in zip(unpack_keys(keys), outcomes, each, strict=False):
                if state == State.DONE and (remote_id := next(of_ids)):
                    yield key, remote_id, digest


def _each(prints: bytes) -> Iterator[bytes]:
    return (prints[at : at + PRINT_BYTES] for at in range(0, len(prints), PRINT_BYTES))
