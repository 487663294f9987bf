"""Recovery: the intents that have no outcome, and what is kept of them until nothing about them is open any more.

They are *unknown*: their rows may or may not be with the provider. A run lists them, reads them back and settles them
in the records of their own; what is proven absent, and so may be sent again, is a *suspect* until the end of the load
has shown that it did not arrive after all (RELIABILITY.md 1.6).
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from headrace.identity import PRINT_BYTES
from headrace.ledger.packing import State, pack_runs, unpack_keys, unpack_numbers

WHY: Final = "sent, and no answer proves what became of it; the next run looks it up"
PENDING: Final = 1
CLOSED: Final = 2
"""Values of `request.unknown`."""

_OPEN: Final = (
    "SELECT seq, lease, numbers, keys, since, prints FROM request WHERE load = ? AND settled IS NULL ORDER BY seq"
)
_ABSENT: Final = (
    "SELECT seq, numbers, outcomes, since, prints FROM request WHERE load = ? AND unknown = 1 AND settled NOTNULL"
)
_PART: Final = (
    "SELECT load, lease, numbers, keys, since, prints, unknown FROM request WHERE seq = ? AND settled IS NULL"
)
_GIVE_UP: Final = "UPDATE request SET unknown = :unknown WHERE settled IS NULL"
_MOVE: Final = "UPDATE request SET numbers = ?, keys = ?, prints = ? WHERE seq = ?"


class Unknown(Struct, frozen=True):
    """An intent without an outcome: its number, whose lease it is of, and the rows it named, with their keys.

    `since` is the server's time before which it was not executed; `prints` are those of the values that were sent,
    None where an older version wrote it.
    """

    intent: int
    lease: int
    numbers: list[int]
    keys: list[bytes]
    since: float | None
    prints: list[bytes] | None


class Suspect(Struct, frozen=True):
    """A row that was proven absent, and is to be looked up once more at the end of the load."""

    request: int
    number: int
    since: float | None
    print: bytes | None


def unknown(connection: sqlite3.Connection, load_id: int) -> Iterator[Unknown]:
    """Return the intents of a load that have no outcome. While a run goes on these are also the requests in flight."""
    for seq, lease, packed, keys, since, prints in connection.execute(_OPEN, (load_id,)).fetchall():
        yield Unknown(seq, lease, [*unpack_numbers(packed)], [*unpack_keys(keys)], since, _unpack_prints(prints))


def open_rows(connection: sqlite3.Connection, load_id: int, *, is_live: bool) -> Counter[int | None]:
    """Count the rows that are unknown by the state of their fault record, None for those that have none.

    `is_live` says that requests under way are waited for; else they are unknown as well.
    """
    query = "SELECT numbers FROM request WHERE load = ? AND settled IS NULL AND unknown >= ?"
    packed = connection.execute(query, (load_id, PENDING if is_live else 0)).fetchall()
    states = "SELECT state FROM fault WHERE load = ? AND number = ?"
    return Counter(
        (connection.execute(states, (load_id, number)).fetchone() or (None,))[0]
        for (numbers,) in packed
        for number in unpack_numbers(numbers)
    )


def suspects(connection: sqlite3.Connection, load_id: int) -> Iterator[Suspect]:
    """Return the rows of a load that were proven absent and not yet audited."""
    for seq, packed, outcomes, since, blob in connection.execute(_ABSENT, (load_id,)).fetchall():
        prints: Sequence[bytes | None] = _unpack_prints(blob) or [None] * len(outcomes)
        for number, state, one in zip(unpack_numbers(packed), outcomes, prints, strict=True):
            if state == State.UNSENT:
                yield Suspect(seq, number, since, one)


def give_up(connection: sqlite3.Connection, load_id: int | None = None) -> None:
    """Take note that nobody waits any more for the answers to the open requests of a load, or of all."""
    which = "" if load_id is None else " AND load = :load"
    connection.execute(f"{_GIVE_UP}{which}", {"load": load_id, "unknown": PENDING})


def part(
    connection: sqlite3.Connection, intent: int, places: Sequence[int], numbers: Sequence[int], *, into: int
) -> None:
    """Give the rows at `places` of an open intent a record of their own, `into`, under `numbers`.

    The others stay in the intent's record; where there are no others, `into` is the intent itself.
    """
    load, lease, packed, keys, since, prints, is_unknown = connection.execute(_PART, (intent,)).fetchone()
    mine = _Rows([*unpack_numbers(packed)], [*unpack_keys(keys)], _unpack_prints(prints))
    theirs = mine.without(places)
    mine = mine.only(places)
    moved = (pack_runs(numbers), mine.packed_keys, mine.packed_prints)
    if into == intent:
        connection.execute(_MOVE, (*moved, intent))
        return
    connection.execute(
        "INSERT INTO request (seq, load, lease, numbers, keys, prints, since, unknown) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (into, load, lease, *moved, since, is_unknown),
    )
    connection.execute(_MOVE, (pack_runs(theirs.numbers), theirs.packed_keys, theirs.packed_prints, intent))


class _Rows(Struct, frozen=True):
    """The rows of one record."""

    numbers: list[int]
    keys: list[bytes]
    prints: list[bytes] | None

    @property
    def packed_keys(self) -> bytes:
        return b"".join(self.keys)

    @property
    def packed_prints(self) -> bytes | None:
        return None if self.prints is None else b"".join(self.prints)

    def only(self, places: Sequence[int]) -> "_Rows":
        return _Rows(
            [self.numbers[place] for place in places],
            [self.keys[place] for place in places],
            self.prints and [self.prints[place] for place in places],
        )

    def without(self, places: Sequence[int]) -> "_Rows":
        gone = frozenset(places)
        return self.only([place for place in range(len(self.numbers)) if place not in gone])


def _unpack_prints(blob: bytes | None) -> list[bytes] | None:
    if blob is None:
        return None
    return [blob[start : start + PRINT_BYTES] for start in range(0, len(blob), PRINT_BYTES)]
