"""Fault records: what was written down of exceptional rows, found again by number or by line."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from headrace.ledger.packing import State

_COLUMNS: Final = "SELECT id, number, line, key, state, detail, place IS NOT NULL FROM fault WHERE load = ? AND"
REFUSED: Final = (State.REJECTED, State.INVALID)
_AT_ONCE: Final = 500
_FORMER: Final = "SELECT line FROM former WHERE load = ? AND line"
_REMEMBER: Final = "INSERT OR IGNORE INTO former SELECT load, line FROM fault WHERE state IN (?, ?) AND load = ?"
_REMEMBER_ONE: Final = f"{_REMEMBER} AND number = ?"


class FaultRecord(Struct, frozen=True):
    """One exceptional row as recorded. `has_place` says that its line is in a results file."""

    id: int
    number: int
    line: int
    key: bytes
    state: State
    detail: bytes
    has_place: bool

    def is_told(self, line: int, *, has_results: bool) -> bool:
        """Whether nothing is left to tell of the row, which is now on `line`."""
        return self.line == line and (self.has_place or not has_results)


def faults_of(connection: sqlite3.Connection, load_id: int, numbers: Iterable[int]) -> Iterator[FaultRecord]:
    """Return what is recorded of the rows `numbers`."""
    return _find(connection, load_id, "number", numbers)


def refused_on(connection: sqlite3.Connection, load_id: int, lines: Iterable[int]) -> Iterator[FaultRecord]:
    """Return the refused rows, invalid or rejected, on `lines`; of several on one line the latest comes last."""
    found = _find(connection, load_id, "line", lines)
    return (fault for fault in found if fault.state in REFUSED)


def drop_faults(connection: sqlite3.Connection, rows: Sequence[tuple[int, int]]) -> None:
    """Delete what is recorded of `rows`, each a load and a number; remember the lines on which they were refused."""
    connection.executemany(_REMEMBER_ONE, [(*REFUSED, *row) for row in rows])
    connection.executemany("DELETE FROM fault WHERE load = ? AND number = ?", rows)


def begin_lines_anew(connection: sqlite3.Connection, load_id: int) -> None:
    """Remember the refused lines of a source that is read no more, and forget those of the sources before it."""
    connection.execute("DELETE FROM former WHERE load = ?", (load_id,))
    connection.execute(_REMEMBER, (*REFUSED, load_id))


def formerly_refused(connection: sqlite3.Connection, load_id: int, lines: Sequence[int]) -> Iterator[int]:
    """Return those of `lines` (at most a chunk of them) whose rows were refused once."""
    marks = ", ".join("?" * len(lines))
    return (line for (line,) in connection.execute(f"{_FORMER} IN ({marks})", (load_id, *lines)))


def _find(connection: sqlite3.Connection, load_id: int, by: str, values: Iterable[int]) -> Iterator[FaultRecord]:
    rest = iter(values)
    while some := list(islice(rest, _AT_ONCE)):
        marks = ", ".join("?" * len(some))
        query = f"{_COLUMNS} {by} IN ({marks}) ORDER BY id"
        for fault, number, line, key, state, detail, has_place in connection.execute(query, (load_id, *some)):
            yield FaultRecord(fault, number, line, key, State(state), detail, bool(has_place))
