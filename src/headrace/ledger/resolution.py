"""Resolution: what a person has found out about rows that are in doubt, recorded as an act of its own (invariant I5).

A row that was created is done, under the id that was found; a missing one is unsent again, and the next run sends it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from headrace.errors import UsageError
from headrace.ledger.packing import State, pack_runs, unpack_detail, unpack_numbers
from headrace.ledger.pen import Numbers
from headrace.ledger.recovery import CLOSED, WHY, part, unknown

_DOUBTED: Final = (
    "SELECT number, line, key, detail, request FROM fault WHERE load = ? AND state = ? ORDER BY line, number"
)
_RESOLVE: Final = (
    "INSERT INTO request (seq, load, lease, numbers, keys, settled, outcomes, ids, done, unknown)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SETTLE: Final = (
    "UPDATE request SET lease = ?, settled = ?, outcomes = ?, ids = ?, done = ?, unknown = ?"
    " WHERE seq = ? AND settled IS NULL"
)
_NO_LINE: Final = 0


class Doubt(Struct, frozen=True, kw_only=True):
    """A row in doubt. `line` is 0 where it was not seen since it was sent; `intent` is open, None where it is not."""

    number: int
    line: int
    key: bytes
    why: str
    intent: int | None
    request: int | None = None


class Decision(Struct, frozen=True):
    """What is known of a row now: its `remote_id` ("" where nobody knows it), None where it was not created."""

    number: int
    remote_id: str | None


def doubts(connection: sqlite3.Connection, load_id: int) -> list[Doubt]:
    """Return the rows of a load that are in doubt, in the order of the source as far as it is known."""
    intents = {number: one for one in unknown(connection, load_id) for number in one.numbers}
    found = {
        number: Doubt(
            number=number,
            line=line,
            key=key,
            why=unpack_detail(detail).why,
            intent=intents[number].intent if number in intents else None,
            request=request,
        )
        for number, line, key, detail, request in connection.execute(_DOUBTED, (load_id, State.IN_DOUBT))
    }
    unseen = [
        Doubt(number=number, line=_NO_LINE, key=key, why=WHY, intent=one.intent)
        for one in unknown(connection, load_id)
        for number, key in zip(one.numbers, one.keys, strict=True)
        if number not in found
    ]
    return [*found.values(), *unseen]


class Resolution:
    """Decisions on one load, recorded together. `lease` is that of the opening in which they were made."""

    def __init__(self, load_id: int, lease: int, numbers: Numbers, decisions: Sequence[Decision]) -> None:
        self._load = load_id
        self._lease = lease
        self._numbers = numbers
        self._decisions = decisions

    def record(self, connection: sqlite3.Connection) -> None:
        """Record the decisions, in one transaction. Raises `UsageError` for a row that is not in doubt (any more)."""
        known = {one.number: one for one in doubts(connection, self._load)}
        for decision in self._decisions:
            doubt = known.pop(decision.number, None)
            if doubt is None:
                raise UsageError(f"Row {decision.number} is not in doubt, or is named twice.")
            self._record(connection, doubt, decision)

    def _record(self, connection: sqlite3.Connection, doubt: Doubt, decision: Decision) -> None:
        is_done = decision.remote_id is not None
        state = bytes([State.DONE if is_done else State.UNSENT])
        ids = msgspec.msgpack.encode([decision.remote_id]) if is_done else None
        seq, settlement = next(self._numbers.request), next(self._numbers.settlement)
        if doubt.intent is not None:
            seq = _take_out(connection, doubt.intent, doubt.number, seq)
            connection.execute(_SETTLE, (self._lease, settlement, state, ids, int(is_done), CLOSED, seq))
        else:
            _unsettle(connection, doubt)
            row = (seq, self._load, self._lease, pack_runs([doubt.number]), doubt.key)
            connection.execute(_RESOLVE, (*row, settlement, state, ids, int(is_done), CLOSED))
        connection.execute("DELETE FROM fault WHERE load = ? AND number = ?", (self._load, doubt.number))
        if is_done:
            connection.execute(
                "INSERT OR REPLACE INTO owed (load, number, remote_id) VALUES (?, ?, ?)",
                (self._load, doubt.number, decision.remote_id),
            )


def _take_out(connection: sqlite3.Connection, intent: int, number: int, seq: int) -> int:
    """Give a row of an open intent a record of its own; return its number."""
    numbers = list(_numbers_of(connection, intent))
    into = intent if numbers == [number] else seq
    part(connection, intent, [numbers.index(number)], [number], into=into)
    return into


def _unsettle(connection: sqlite3.Connection, doubt: Doubt) -> None:
    """Take the doubt back from the record that holds it: what is known now is in the record of the decision."""
    row = connection.execute("SELECT outcomes FROM request WHERE seq = ?", (doubt.request,)).fetchone()
    if row is None or row[0] is None:
        return
    place = list(_numbers_of(connection, doubt.request)).index(doubt.number)
    outcomes = bytearray(row[0])
    outcomes[place] = State.UNSENT
    connection.execute("UPDATE request SET outcomes = ? WHERE seq = ?", (bytes(outcomes), doubt.request))


def _numbers_of(connection: sqlite3.Connection, seq: int | None) -> Iterator[int]:
    (packed,) = connection.execute("SELECT numbers FROM request WHERE seq = ?", (seq,)).fetchone()
    return unpack_numbers(packed)
