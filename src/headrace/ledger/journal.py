"""The journal of one load: intents before anything is sent, outcomes after (dispatch calls it by its protocol).

What is cheap to check is asserted here, before it is written: a row is in a new intent only when it is neither open
nor settled (RELIABILITY.md, invariant I2), and a settled row stays as it is unless it was reopened (I5).
"""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import compress
from typing import Any, Final

from headrace.errors import InvariantError
from headrace.identity import value_prints
from headrace.ledger.commit import Entry, Urgency, nothing
from headrace.ledger.faults import drop_faults, faults_of
from headrace.ledger.held import HeldIds
from headrace.ledger.intents import Closing, Intents
from headrace.ledger.lines import Exceptional, lines_of
from headrace.ledger.packing import STATE_OF, State, pack_detail, pack_runs, runs
from headrace.ledger.past import States
from headrace.ledger.pen import Pen
from headrace.ledger.recovery import CLOSED, PENDING, part, suspects, unknown
from headrace.ledger.revision import id_of, revise
from headrace.ledger.tally import tally
from headrace.model import Batch, Counts, Duplicated, Invalid, Recalled, Row, Settled, Skipped

_INTEND: Final = "INSERT INTO request (seq, load, lease, numbers, keys, prints, since) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SETTLE: Final = (
    "UPDATE request SET settled = ?, outcomes = ?, ids = ?, done = ?, unknown = ? WHERE seq = ? AND settled IS NULL"
)
_GIVE_UP: Final = "UPDATE request SET unknown = ? WHERE seq = ?"
_UNLIST: Final = "DELETE FROM fault WHERE load = ? AND number = ? AND state = ?"
ADD_FAULT: Final = (
    "INSERT OR REPLACE INTO fault (id, load, number, line, key, state, request, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)

_SENDABLE: Final = bytes([State.UNSENT, State.INVALID])
_AUDITED: Final = bytes([State.DONE, State.REJECTED])
_PLAIN: Final = bytes([State.UNSENT, State.DONE])


class RowJournal:
    """Records intents and outcomes of one load. Called from one thread; nothing waits.

    `base` is what turns a row's offset into its number: the first number of the source's generation.
    """

    def __init__(self, pen: Pen, reader: sqlite3.Connection, states: States, *, base: int) -> None:
        self._intents = Intents(unknown(reader, pen.load_id), suspects(reader, pen.load_id))
        self._held: dict[str, HeldIds] = {}  # by resource, for those that were asked about
        self._recalled: list[Recalled] = []
        self._pen = pen
        self._reader = reader
        self._states = states
        self._base = base
        self._columns: tuple[str, ...] = ()
        # Refused rows that may be sent again: as many as the caller has in hand.
        self._reopened: set[int] = set()
        self._is_retired = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of load {self._pen.load_id}, {len(self._intents)} requests open>"

    def intend(self, batch: Batch, since: float | None = None) -> "Future[int]":
        """See `dispatch.journal.Journal`."""
        rows = [record.row for record in batch.records]
        numbers = [self._base + row.offset for row in rows]
        before = self._sendable(numbers)
        self._set(numbers, bytes([State.OPEN]) * len(numbers))
        intent = next(self._pen.numbers.request)
        self._intents.add(intent, numbers, before, rows, since)
        keys = b"".join([row.key for row in rows])
        prints = b"".join(value_prints(record.value for record in batch.records))
        record = (intent, self._pen.load_id, self._pen.lease, pack_runs(numbers), keys, prints, since)
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

    def give_up(self, intent: int) -> "Future[None]":
        """See `dispatch.journal.Journal`."""
        self._intents.give_up(intent)
        return self._submit(
            Urgency.OUTCOME, lambda connection: connection.execute(_GIVE_UP, (PENDING, intent)) and None
        )

    def settle(self, intent: int, settled: Sequence[Settled]) -> "Future[None]":
        """See `dispatch.journal.Journal`."""
        numbers = [self._base + one.row.offset for one in settled]
        closing = self._intents.close(intent, numbers)
        states = _states_after(settled, closing.before)
        seq = intent if closing.is_whole else next(self._pen.numbers.request)
        exceptional = self._exceptional(settled, numbers, states)
        record = self._pen.outcome(seq, settled, states, self._fate(seq, numbers, states, closing))
        faults = [self._pen.fault(one, seq) for one in exceptional]
        replaced = self._close_rows(numbers, closing.before, states)
        listed = [(self._pen.load_id, number, State.IN_DOUBT) for number in closing.listed if closing.is_unknown]

        def execute(connection: sqlite3.Connection) -> None:
            if closing.must_move:
                part(connection, intent, closing.places, numbers, into=seq)
            if connection.execute(_SETTLE, record).rowcount != 1:
                raise InvariantError(f"Request {intent} is not open in the checkpoint.")
            connection.executemany(_UNLIST, listed)
            drop_faults(connection, replaced)
            connection.executemany(ADD_FAULT, faults)

        lines = [] if self._pen.results is None else lines_of(settled, numbers, exceptional, self._columns)
        return self._submit(Urgency.OUTCOME, execute, self._pen.telling(lines, settlement=record[0]))

    def id_of(self, row: Row) -> str | None:
        """See `dispatch.journal.Journal`."""
        return id_of(self._reader, self._pen.load_id, self._base + row.offset)

    def number(self, row: Row) -> int:
        """See `feed.Notebook`."""
        return self._intents.recorded(self._base + row.offset)

    def revise(self, settled: Sequence[Settled]) -> "Future[None]":
        """See `dispatch.journal.Journal`."""
        numbers = [self._base + one.row.offset for one in settled]
        before = b"".join(map(self._states.get, runs(numbers)))
        if {type(one.outcome) for one in settled} != {Duplicated} or before.translate(None, _AUDITED):
            raise InvariantError("Only rows that are done or rejected can turn out to be there too often.")
        exceptional = self._exceptional(settled, numbers, bytes([State.DUPLICATED]) * len(numbers))
        self._set(numbers, bytes([State.DUPLICATED]) * len(numbers))
        keys = b"".join([one.row.key for one in settled])
        seq, settlement = next(self._pen.numbers.request), next(self._pen.numbers.settlement)
        record = (seq, self._pen.load_id, self._pen.lease, pack_runs(numbers), keys, settlement, before)
        faults = [self._pen.fault(one, seq) for one in exceptional]

        def execute(connection: sqlite3.Connection) -> None:
            revise(connection, record)
            connection.executemany(ADD_FAULT, faults)

        lines = [] if self._pen.results is None else lines_of((), (), exceptional, self._columns)
        telling = self._pen.telling(lines, settlement=settlement, revised=settled)
        return self._submit(Urgency.OUTCOME, execute, telling)

    def _fate(self, seq: int, numbers: list[int], states: bytes, closing: Closing) -> int:
        """Return the value of `unknown` after an outcome: rows proven absent are suspects until they are audited."""
        if not closing.is_unknown:
            return 0
        absent = [number for number, state in zip(numbers, states, strict=True) if state == State.UNSENT]
        self._intents.suspect(seq, absent, closing.since)
        return PENDING if absent else CLOSED

    def sync(self) -> "Future[None]":
        """See `dispatch.journal.Journal`."""
        return self._submit(Urgency.TOLD, nothing_more)

    def held(self, ids: Sequence[str], resource: str) -> set[str]:
        """See `dispatch.journal.Journal`."""
        if resource not in self._held:
            self._held[resource] = HeldIds(self._reader, resource)
        return self._held[resource].among(ids)

    def recalled(self) -> list[Recalled]:
        """Return the rows that came by since the last call and that an earlier run left to be looked up."""
        found, self._recalled = self._recalled, []
        return found

    def clear(self, rows: Sequence[Row]) -> "Future[None]":
        """See `dispatch.journal.Journal`."""
        requests = self._intents.clear(self._base + row.offset for row in rows)

        def execute(connection: sqlite3.Connection) -> None:
            connection.executemany(_GIVE_UP, [(CLOSED, request) for request in requests])

        return self._submit(Urgency.OUTCOME, execute)

    def note(self, settled: Sequence[Settled]) -> "Future[None]":
        """Record rows that have an outcome without a request: `Invalid` or `Skipped`. The future is as of `settle`."""
        if not {type(one.outcome) for one in settled} <= {Invalid, Skipped}:
            raise InvariantError("An outcome that takes a request came without one.")
        numbers = [self._base + one.row.offset for one in settled]
        before = self._sendable(numbers)
        states = _states_after(settled, before)
        exceptional = self._exceptional(settled, numbers, states)
        told = self._told_before(exceptional, frozenset(compress(numbers, map(State.INVALID.__eq__, before))))
        faults = [self._pen.fault(one, None) for one in exceptional if one.number not in told]
        there = [(self._pen.load_id, one.number) for one in exceptional if one.state == State.SKIPPED]
        self._close_rows(numbers, before, states)

        def execute(connection: sqlite3.Connection) -> None:
            drop_faults(connection, there)
            connection.executemany(ADD_FAULT, faults)

        untold = [one for one in exceptional if one.number not in told]
        lines = [] if self._pen.results is None else lines_of((), (), untold, self._columns)
        return self._submit(Urgency.OUTCOME, execute, self._pen.telling(lines))

    def counts(self) -> Counts:
        """Return how many rows ended how, from what is durable."""
        return tally(self._reader, self._pen.load_id, is_live=True)

    def close(self) -> None:
        """Accept nothing more. What is recorded stays."""
        self._is_retired = True
        for held in self._held.values():
            held.close()

    def _recall(self, row: Row, recorded: int, before: int = State.UNSENT) -> None:
        """Keep `row`, which is recorded under that number, for `recalled` where it is to be looked up."""
        found = self._intents.recall(row, recorded, self._base + row.offset, before)
        if found is not None:
            self._recalled.append(found)

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

    def _exceptional(self, settled: Sequence[Settled], numbers: Sequence[int], states: bytes) -> list[Exceptional]:
        """Return the rows that get a fault record."""
        if not states.translate(None, _PLAIN):
            return []
        return [
            Exceptional(one, number, State(state), next(self._pen.numbers.fault))
            for one, number, state in zip(settled, numbers, states, strict=True)
            if state not in _PLAIN
        ]

    def _told_before(self, exceptional: Sequence[Exceptional], invalid: frozenset[int]) -> set[int]:
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


def nothing_more(_: sqlite3.Connection) -> None:
    """Write nothing but what the books record."""
