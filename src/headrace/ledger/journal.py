"""The journal of one load: intents before anything is sent, outcomes after (dispatch calls it by its protocol).

What is cheap to check is asserted here, before it is written: a row is in a new intent only when it is neither open
nor settled (RELIABILITY.md, invariant I2), and a settled row stays as it is unless it was reopened (I5).
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from itertools import compress, count
from typing import Any, Final

from msgspec import Struct

from headrace.errors import InvariantError
from headrace.ledger.commit import Entry, Urgency, nothing
from headrace.ledger.faults import drop_faults, faults_of
from headrace.ledger.lines import line_for
from headrace.ledger.packing import STATE_OF, State, pack_detail, pack_ids, pack_runs, runs
from headrace.ledger.past import States
from headrace.ledger.results import Results
from headrace.ledger.sheet import KIND_OF, Kind, Line
from headrace.ledger.tally import tally
from headrace.ledger.writer import Writer
from headrace.model import Batch, Counts, Done, Invalid, Settled, Skipped

_INTEND: Final = "INSERT INTO request (seq, load, lease, numbers, keys) VALUES (?, ?, ?, ?, ?)"
_SETTLE: Final = "UPDATE request SET settled = ?, outcomes = ?, ids = ?, done = ? WHERE seq = ? AND settled IS NULL"
_FAULT: Final = (
    "INSERT OR REPLACE INTO fault (id, load, number, line, key, state, request, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

_SENDABLE: Final = bytes([State.UNSENT, State.INVALID])
_PLAIN: Final = bytes([State.UNSENT, State.DONE])


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


class _Open(Struct, frozen=True, gc=False):
    """An intent without outcome: its rows' offsets and numbers, and their states before it."""

    offsets: list[int]
    numbers: list[int]
    before: bytes


class _Exceptional(Struct, frozen=True, gc=False):
    """A row with an outcome other than done: the number of the row, its state, and the id of its fault record."""

    settled: Settled
    number: int
    state: State
    fault: int


class RowJournal:
    """Records intents and outcomes of one load. Called from one thread; nothing waits.

    `base` is what turns a row's offset into its number: the first number of the source's generation.
    """

    def __init__(self, pen: Pen, reader: sqlite3.Connection, states: States, *, base: int) -> None:
        self._pen = pen
        self._reader = reader
        self._states = states
        self._base = base
        self._columns: tuple[str, ...] = ()
        # Intents under way, and refused rows that may be sent again: both as many as the caller has in hand.
        self._open: dict[int, _Open] = {}
        self._reopened: set[int] = set()
        self._is_retired = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of load {self._pen.load_id}, {len(self._open)} requests in flight>"

    def intend(self, batch: Batch) -> "Future[int]":
        """See `dispatch.journal.Journal`."""
        rows = [record.row for record in batch.records]
        offsets = [row.offset for row in rows]
        numbers = [self._base + offset for offset in offsets]
        before = self._sendable(numbers)
        self._set(numbers, bytes([State.OPEN]) * len(numbers))
        intent = next(self._pen.numbers.request)
        self._open[intent] = _Open(offsets, numbers, before)
        record = (intent, self._pen.load_id, self._pen.lease, pack_runs(numbers), b"".join([row.key for row in rows]))
        # An invalid row that is sent was judged again and is valid now. A repaired one stays refused until it is not.
        revised = [
            (self._pen.load_id, number)
            for number, state in zip(numbers, before, strict=True)
            if state == State.INVALID and number not in self._reopened
        ]

        def execute(connection: sqlite3.Connection) -> int:
            connection.execute(_INTEND, record)
            drop_faults(connection, revised)
            return intent

        return self._submit(Urgency.INTENT, execute)

    def settle(self, intent: int, settled: Sequence[Settled]) -> "Future[None]":
        """See `dispatch.journal.Journal`."""
        opened = self._open.pop(intent, None)
        if opened is None or [one.row.offset for one in settled] != opened.offsets:
            raise InvariantError(f"Request {intent} was settled twice, or with other rows than it carried.")
        states = _states_after(settled, opened.before)
        exceptional = self._exceptional(settled, opened.numbers, states)
        record = self._outcome(intent, settled, states)
        faults = [self._fault(one, intent) for one in exceptional]
        replaced = self._close_rows(opened.numbers, opened.before, states)

        def execute(connection: sqlite3.Connection) -> None:
            if connection.execute(_SETTLE, record).rowcount != 1:
                raise InvariantError(f"Request {intent} is not open in the checkpoint.")
            drop_faults(connection, replaced)
            connection.executemany(_FAULT, faults)

        done = self._lines_of_done(settled, opened.numbers)
        lines = [*done, *self._lines(exceptional)]
        return self._submit(Urgency.OUTCOME, execute, self._telling(lines, settlement=record[0]))

    def note(self, settled: Sequence[Settled]) -> "Future[None]":
        """Record rows that have an outcome without a request: `Invalid` or `Skipped`. The future is as of `settle`."""
        if not {type(one.outcome) for one in settled} <= {Invalid, Skipped}:
            raise InvariantError("An outcome that takes a request came without one.")
        numbers = [self._base + one.row.offset for one in settled]
        before = self._sendable(numbers)
        states = _states_after(settled, before)
        exceptional = self._exceptional(settled, numbers, states)
        told = self._told_before(exceptional, frozenset(compress(numbers, map(State.INVALID.__eq__, before))))
        faults = [self._fault(one, None) for one in exceptional if one.number not in told]
        self._close_rows(numbers, before, states)

        def execute(connection: sqlite3.Connection) -> None:
            connection.executemany(_FAULT, faults)

        lines = self._lines(one for one in exceptional if one.number not in told)
        return self._submit(Urgency.OUTCOME, execute, self._telling(lines))

    def counts(self) -> Counts:
        """Return how many rows ended how, from what is durable."""
        return tally(self._reader, self._pen.load_id, is_live=True)

    def close(self) -> None:
        """Accept nothing more. What is recorded stays."""
        self._is_retired = True

    # Judging

    def _sendable(self, numbers: list[int]) -> bytes:
        """Return the states of rows that may be sent or judged. Raises `InvariantError` where one may not."""
        if len(set(numbers)) != len(numbers):
            raise InvariantError("A row is twice in one batch.")
        states = b"".join(map(self._states.get, runs(numbers)))
        if states.translate(None, _SENDABLE):
            for number, state in zip(numbers, states, strict=True):
                if state not in _SENDABLE and not (state != State.OPEN and number in self._reopened):
                    raise InvariantError(f"Row {number} is {State(state).name.lower()} and must not be sent again.")
        return states

    def _exceptional(self, settled: Sequence[Settled], numbers: Sequence[int], states: bytes) -> list[_Exceptional]:
        """Return the rows that get a fault record."""
        if not states.translate(None, _PLAIN):
            return []
        return [
            _Exceptional(one, number, State(state), next(self._pen.numbers.fault))
            for one, number, state in zip(settled, numbers, states, strict=True)
            if state not in _PLAIN
        ]

    def _told_before(self, exceptional: Sequence[_Exceptional], invalid: frozenset[int]) -> set[int]:
        """Return the rows, of those that were `invalid`, of which an earlier run recorded and told the very same."""
        again = {one.number: one for one in exceptional if one.number in invalid - self._reopened}
        return {
            fault.number
            for fault in faults_of(self._reader, self._pen.load_id, again)
            if fault.is_told(again[fault.number].settled.row.line, has_results=self._pen.results is not None)
            and fault.detail == pack_detail(again[fault.number].settled.outcome)
        }

    def _close_rows(self, numbers: Sequence[int], before: bytes, states: bytes) -> list[tuple[int, int]]:
        """Set the states after an outcome; return the reopened rows whose old fault the outcome replaces."""
        reopened = [
            (place, number) for place, number in enumerate(numbers) if self._reopened and number in self._reopened
        ]
        after, replaced = bytearray(states), []
        for place, number in reopened:
            if after[place] == State.UNSENT:
                after[place] = before[place]  # still refused, and may be sent once more
            else:
                self._reopened.discard(number)
                replaced.append((self._pen.load_id, number))
        self._set(numbers, bytes(after))
        return replaced

    def _set(self, numbers: Sequence[int], states: bytes) -> None:
        place = 0
        for run in runs(numbers):
            self._states.put(run, states[place : place + len(run)])
            place += len(run)

    # Recording

    def _outcome(
        self, intent: int, settled: Sequence[Settled], states: bytes
    ) -> tuple[int, bytes, bytes | None, int, int]:
        """Return the record of a request's outcome, its settlement number first."""
        done = states.count(State.DONE)
        ids = pack_ids(one.outcome for one in settled) if done else None
        return next(self._pen.numbers.settlement), states, ids, done, intent

    def _fault(self, one: _Exceptional, intent: int | None) -> tuple[Any, ...]:
        """Return the record of an exceptional row."""
        row, outcome = one.settled.row, one.settled.outcome
        load_id, detail = self._pen.load_id, pack_detail(outcome)
        return (one.fault, load_id, one.number, row.line, row.key, int(one.state), intent, detail)

    # Telling

    def _lines_of_done(self, settled: Sequence[Settled], numbers: Sequence[int]) -> list[Line]:
        """Return the lines of the rows that are done."""
        if self._pen.results is None:
            return []
        columns = self._columns
        return [
            Line(Kind.SUCCESS, columns, one.row.cells, (one.outcome.remote_id,), number)
            for one, number in zip(settled, numbers, strict=True)
            if type(one.outcome) is Done
        ]

    def _lines(self, exceptional: Iterable[_Exceptional]) -> list[Line]:
        """Return the lines of the others, of those that a file lists."""
        if self._pen.results is None:
            return []
        return [
            line_for(one.settled, one.state, self._columns, number=one.number, fault=one.fault)
            for one in exceptional
            if one.state in KIND_OF
        ]

    def _telling(self, lines: Sequence[Line], *, settlement: int = 0, paid: Sequence[int] = ()) -> Callable[[], None]:
        """Return what writes `lines` once they are durable."""
        results = self._pen.results
        if results is None:
            return nothing
        return lambda: results.write(lines, settlement=settlement, paid=paid)

    def _submit(
        self, urgency: Urgency, execute: Callable[[sqlite3.Connection], Any], tell: Callable[[], None] = nothing
    ) -> "Future[Any]":
        """Hand an entry to the writer; return its future."""
        if self._is_retired:
            raise InvariantError("The load was opened again; this ledger of it is over.")
        entry = Entry(urgency, execute, tell)
        self._pen.writer.submit(entry)
        return entry.future


def _states_after(settled: Sequence[Settled], before: bytes) -> bytes:
    """Return the states that outcomes lead to."""
    states = bytes([STATE_OF[type(one.outcome)] for one in settled])
    if State.REJECTED not in before:
        return states
    # A repaired row that we refuse ourselves stays rejected: a plain run judges invalid rows again, and would send
    # the row of the source, which the provider refused.
    return bytes(
        State.REJECTED if state == State.INVALID and was == State.REJECTED else state
        for state, was in zip(states, before, strict=True)
    )


def _following(connection: sqlite3.Connection, query: str) -> "count[int]":
    """Return the numbers after the highest that `query` finds."""
    return count((connection.execute(query).fetchone()[0] or 0) + 1)


def nothing_more(_: sqlite3.Connection) -> None:
    """Write nothing but what the books record."""
