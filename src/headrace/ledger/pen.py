"""The pen: what writing for one load takes, and the numbers that records get."""

import sqlite3
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from msgspec import Struct

from headrace.ledger.commit import nothing
from headrace.ledger.lines import Exceptional
from headrace.ledger.packing import State, pack_detail, pack_ids
from headrace.ledger.results import Results
from headrace.ledger.sheet import Line
from headrace.ledger.writer import Writer
from headrace.model import Duplicated, Settled


class Numbers:
    """The next numbers of requests, settlements and faults, each given once in the life of a checkpoint."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.request = _following(connection, "SELECT max(seq) FROM request")
        self.settlement = _following(connection, "SELECT max(settled) FROM request")
        self.fault = _following(connection, "SELECT max(id) FROM fault")


class Pen(Struct, frozen=True):
    """What writing for one load takes: the writer, whose lease it is, which load, and the files for people."""

    writer: Writer
    numbers: Numbers
    lease: int
    load_id: int
    results: Results | None

    def outcome(
        self, seq: int, settled: Sequence[Settled], states: bytes, fate: int
    ) -> tuple[int, bytes, bytes | None, int, int, int]:
        """Return the record of a request's outcome, its settlement number first."""
        done = states.count(State.DONE)
        ids = pack_ids(one.outcome for one in settled) if done else None
        return next(self.numbers.settlement), states, ids, done, fate, seq

    def fault(self, one: Exceptional, intent: int | None) -> tuple[Any, ...]:
        """Return the record of an exceptional row."""
        row, outcome = one.settled.row, one.settled.outcome
        detail = pack_detail(outcome)
        return (one.fault, self.load_id, one.number, row.line, row.key, int(one.state), intent, detail)

    def telling(
        self,
        lines: Sequence[Line],
        *,
        settlement: int = 0,
        paid: Sequence[int] = (),
        revised: Sequence[Settled] = (),
    ) -> Callable[[], None]:
        """Return what writes `lines` once they are durable; `revised` rows are no longer among the successes."""
        results = self.results
        if results is None:
            return nothing
        gone = [one.outcome.remote_ids[0] for one in revised if isinstance(one.outcome, Duplicated)]

        def tell() -> None:
            results.write(lines, settlement=settlement, paid=paid)
            results.revised.update(gone)

        return tell


def _following(connection: sqlite3.Connection, query: str) -> "count[int]":
    """Return the numbers after the highest that `query` finds."""
    return count((connection.execute(query).fetchone()[0] or 0) + 1)
