"""The fates: what became of the rows of a load that made no record, by key, for those whose rows refer to them.

Built from the fault records when it is first asked, in a temporary database, and anew when there are others.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from headrace.ledger.packing import State, unpack_detail
from headrace.ledger.past import scratch

_VERSION: Final = "SELECT count(*), max(id) FROM fault WHERE load = ?"
_ALL: Final = "SELECT key, line, state, detail FROM fault WHERE load = ? ORDER BY id"
_FIND: Final = "SELECT key, line, state, detail FROM fate WHERE key IN"
_AT_ONCE: Final = 500
_TOLD: Final = 3
"""Faults of a row that are told to others."""
_WORDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        State.REJECTED: "rejected",
        State.INVALID: "invalid",
        State.IN_DOUBT: "in_doubt",
        State.DUPLICATED: "duplicated",
    }
)


class Fate(Struct, frozen=True):
    """What became of a row: `rejected`, `invalid`, `in_doubt` or `duplicated`; the line it is on, and its faults."""

    word: str
    line: int
    faults: tuple[str, ...] = ()


class Fates:
    """The exceptional rows of one load, by key. Mutable state: the index, and which records it was made of."""

    def __init__(self, connection: sqlite3.Connection, load_id: int) -> None:
        self._source = connection
        self._load = load_id
        self._index = scratch()
        self._index.execute("CREATE TABLE fate (key BLOB, line INTEGER, state INTEGER, detail BLOB)")
        self._index.execute("CREATE INDEX fate_key ON fate (key)")
        self._version: tuple[int, int | None] = (0, None)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Fate]:
        """Return the fates of those of `keys` that have one; of several rows with one key the latest counts."""
        self._catch_up()
        found: dict[bytes, Fate] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            for key, line, state, detail in self._index.execute(f"{_FIND} ({marks}) ORDER BY rowid", some):
                if state in _WORDS:
                    found[key] = Fate(_WORDS[state], line, _faults(detail))
        return found

    def close(self) -> None:
        """Drop the index."""
        self._index.close()

    def _catch_up(self) -> None:
        version = self._source.execute(_VERSION, (self._load,)).fetchone()
        if version == self._version:
            return
        self._version = version
        self._index.execute("BEGIN")
        self._index.execute("DELETE FROM fate")
        self._index.executemany("INSERT INTO fate VALUES (?, ?, ?, ?)", self._source.execute(_ALL, (self._load,)))
        self._index.execute("COMMIT")


def _faults(detail: bytes) -> tuple[str, ...]:
    """Return the first faults of a row in a few words each."""
    errors = unpack_detail(detail).errors[:_TOLD]
    said = ((error.field, error.error or error.code) for error in errors)
    return tuple(f"{field}: {what}" if field else what for field, what in said)
