"""Recovery: what happens to the intents that an earlier run left without an outcome.

They are *unknown*: their rows may or may not be with the provider. `unknown` lists them, for whoever can read back;
`doubt` settles them the safe way, as in doubt: never sent again, and reported.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from headrace.ledger.journal import Numbers
from headrace.ledger.packing import Detail, State, encode_detail, unpack_keys, unpack_numbers

WHY: Final = "sent, but the run ended before an answer was recorded"
_NO_LINE: Final = 0  # known again when the row comes by


class Unknown(Struct, frozen=True):
    """An intent without an outcome: its number, whose lease it is of, and the rows it named, with their keys."""

    intent: int
    lease: int
    numbers: list[int]
    keys: list[bytes]


def unknown(connection: sqlite3.Connection, load_id: int) -> Iterator[Unknown]:
    """Return the intents of a load that have no outcome. While a run goes on these are the requests in flight."""
    query = "SELECT seq, lease, numbers, keys FROM request WHERE load = ? AND settled IS NULL ORDER BY seq"
    for seq, lease, packed, keys in connection.execute(query, (load_id,)).fetchall():
        yield Unknown(seq, lease, [*unpack_numbers(packed)], [*unpack_keys(keys)])


def doubt(connection: sqlite3.Connection, load_id: int, numbers: Numbers) -> int:
    """Settle all unknown intents of a load as in doubt; return how many rows that are."""
    detail = encode_detail(Detail(why=WHY))
    count = 0
    for one in unknown(connection, load_id):
        connection.execute(
            "UPDATE request SET settled = ?, outcomes = ? WHERE seq = ?",
            (next(numbers.settlement), bytes([State.IN_DOUBT]) * len(one.numbers), one.intent),
        )
        connection.executemany(
            "INSERT OR REPLACE INTO fault (id, load, number, line, key, state, request, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (next(numbers.fault), load_id, number, _NO_LINE, key, int(State.IN_DOUBT), one.intent, detail)
                for number, key in zip(one.numbers, one.keys, strict=True)
            ],
        )
        count += len(one.numbers)
    return count
