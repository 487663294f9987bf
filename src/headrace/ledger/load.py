"""The ledger of one load: what is still to be sent, and the journal of what is.

Rows of the source go through `unsettled` in order, what comes back is sent (through `intend` and `settle`) or noted,
and `finish` ends the pass.
"""

import sqlite3
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Final

from headrace.errors import ChangedError, InvariantError
from headrace.ledger.commit import Urgency
from headrace.ledger.edited import Edited
from headrace.ledger.faults import REFUSED, faults_of
from headrace.ledger.journal import ADD_FAULT, RowJournal, nothing_more
from headrace.ledger.lines import Exceptional, line_again, lines_of
from headrace.ledger.packing import GENERATION_BITS, State
from headrace.ledger.past import Matches, Past
from headrace.ledger.pen import Pen
from headrace.ledger.progress import Progress
from headrace.ledger.recovery import WHY
from headrace.ledger.schema import translated
from headrace.ledger.sheet import Kind, Line
from headrace.ledger.tidy import Tidying
from headrace.model import InDoubt, Row, Settled

# Lines that are written again after a crash wait for nobody, so that many are bounded by waiting for the oldest.
_MOST_RETOLD_AT_ONCE: Final = 16
_AT_ONCE: Final = 500
_TO_SEND: Final = bytes([State.UNSENT, State.INVALID, State.OPEN])
_DONE: Final = bytes([State.DONE])
_LISTED: Final = bytes([State.REJECTED, State.IN_DOUBT, State.DUPLICATED, State.UNKNOWN])
_UNKNOWN: Final = bytes([State.UNKNOWN])
_OWED: Final = "SELECT number, remote_id FROM owed WHERE load = ? AND number IN"


class LoadLedger(RowJournal):
    """One pass over one load's source. Made by `Checkpoint.load`.

    `notices` are sentences for the user about what was found on opening. `must_recognise` says that the source is not
    the one of the last run, so that `recognise` has to be asked before `unsettled`. `has_sent` says that an earlier
    run sent rows of it.
    """

    def __init__(
        self,
        pen: Pen,
        reader: sqlite3.Connection,
        past: Past,
        progress: Progress,
        *,
        generation: int,
        notices: Sequence[str],
        must_recognise: bool,
        has_sent: bool,
    ) -> None:
        super().__init__(pen, reader, past.states, base=generation << GENERATION_BITS)
        self._past = past
        self._progress = progress
        self.notices = tuple(notices)
        self.must_recognise = must_recognise
        self.has_sent = has_sent
        # Of this pass: how many rows it has shown, and lines that are being written again.
        self._rows = 0
        self._retold: deque[Future[None]] = deque()
        self._kept: list[tuple[Row, bytes]] = []
        self._edited = Edited(reader, pen)
        self._owes_done = _owes_done(reader, pen.load_id)

    def recognise(self, keys: Iterable[bytes]) -> None:
        """Check that a changed source is a version of the old one: that it shares at least one row with it.

        `keys` are those of its rows, as many as can be read before the first is sent (of a file all, lazily: reading
        stops at the first known one). Raises `ChangedError` when none is known. No keys at all are no other file.
        """
        if self.must_recognise and self._knows_none(keys):
            raise ChangedError(
                "The source shares no row with the one that this checkpoint has imported from.",
                hint="Give the right file, or import this one under another name or with another --checkpoint.",
            )
        self.must_recognise = False

    def unsettled(self, rows: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        """Return the rows that are still to be judged and sent, in order; the others keep their outcomes.

        `columns` name the cells; they may grow from call to call. Rows come in the order of the source.
        """
        if self.must_recognise:
            raise InvariantError("The source has changed: ask `recognise` before sending any of it.")
        self._columns = columns
        matches = self._past.match(rows)
        prints = matches.prints.items()
        self._kept = [(rows[place], digest) for place, digest in prints if matches.states[place] == State.DONE]
        self._advance(rows)
        if self._intents.recalls_any:
            self._recall_all(rows, matches)
        if not matches.states.translate(None, _TO_SEND):
            return list(rows)
        self._tell_again(rows, matches)
        return [row for row, state in zip(rows, matches.states, strict=True) if state in _TO_SEND]

    def kept(self) -> Sequence[tuple[Row, bytes]]:
        """See `feed.Notebook`."""
        return self._kept

    def edited(self, rows: Sequence[Row]) -> None:
        """See `feed.Notebook`."""
        try:
            self._edited.add(rows, self._columns)
        except OSError as error:
            raise translated(error) from None

    def finish(self, rows_read: int) -> "Future[None]":
        """End the pass over a source of `rows_read` rows (those that the run no longer came to included).

        Results files are tidied: stale lines dropped, in the order of the source. The future is as of `settle`.
        """
        # Settled rows may well be among those that were not shown: only a full pass can say that some are gone.
        unseen = self._past.unseen if rows_read <= self._rows else 0
        self._progress.advance(max(rows_read, self._rows), unseen)
        self._list_unknown()
        self._list_edited()
        if self._pen.results is None:
            return self._submit(Urgency.ALONE, nothing_more)
        tidying = Tidying(self._pen.results, self._pen.load_id)
        return self._submit(Urgency.ALONE, tidying.prepare, tidying.swap)

    @property
    def vanished(self) -> int:
        """How many rows that an earlier run left unknown the pass has not shown."""
        return self._intents.unseen

    def close(self) -> None:
        """Drop what was built to know the past, and accept nothing more. What is recorded stays."""
        super().close()
        self._edited.close()
        self._past.close()

    # What was sent and is not answered

    def _recall_all(self, rows: Sequence[Row], matches: Matches) -> None:
        """Keep those of `rows` that are to be looked up; not those of a retry, whose values are in the reject file."""
        repaired = {
            fault.number
            for fault in faults_of(self._reader, self._pen.load_id, _select(rows, matches, _UNKNOWN))
            if fault.state in REFUSED
        }
        for row, recorded, state in zip(rows, matches.numbers, matches.states, strict=True):
            if recorded not in repaired and state != State.DUPLICATED:  # of which nothing more is to be found out
                self._recall(row, recorded)

    def _list_unknown(self) -> None:
        """List the rows that stay unknown at the end of the pass as in doubt, for people. Their intents stay open."""
        left = {number: (intent, row) for intent, row, number in self._intents.left()}
        faults = {fault.number: fault.state for fault in faults_of(self._reader, self._pen.load_id, left)}
        unlisted = [(number, *left[number]) for number in left if number not in faults]
        if not unlisted:
            return
        exceptional = [
            Exceptional(
                Settled(row, InDoubt(row.offset, row.line, WHY)), number, State.IN_DOUBT, next(self._pen.numbers.fault)
            )
            for number, _, row in unlisted
        ]
        records = [self._pen.fault(one, intent) for one, (_, intent, _) in zip(exceptional, unlisted, strict=True)]

        def execute(connection: sqlite3.Connection) -> None:
            connection.executemany(ADD_FAULT, records)

        lines = [] if self._pen.results is None else lines_of((), (), exceptional, self._columns)
        self._submit(Urgency.OUTCOME, execute, self._pen.telling(lines))

    def _list_edited(self) -> None:
        try:
            self.notices += self._edited.finish()
        except OSError as error:
            raise translated(error) from None

    def _knows_none(self, keys: Iterable[bytes]) -> bool:
        some: list[bytes] = []
        is_empty = True
        for key in keys:
            is_empty = False
            some.append(key)
            if len(some) == _AT_ONCE:
                if self._past.knows_any(some):
                    return False
                some.clear()
        return not is_empty and not self._past.knows_any(some)

    def _advance(self, rows: Sequence[Row]) -> None:
        if rows:
            self._rows = max(self._rows, rows[-1].offset + 1)
            self._progress.advance(self._rows, self._past.unseen)

    # Telling again what an earlier run could not

    def _tell_again(self, rows: Sequence[Row], matches: Matches) -> None:
        """Write the lines of settled rows that were lost with a crash, or whose rows are on another line now."""
        if self._pen.results is None:
            return
        done = self._owed_done(rows, matches)
        faults = self._owed_faults(rows, matches)
        if not done and not faults:
            return
        moved = [(line.own[0], line.fault) for line in faults]

        def execute(connection: sqlite3.Connection) -> None:
            connection.executemany("UPDATE fault SET line = ?, place = NULL WHERE id = ?", moved)

        telling = self._pen.telling([*done, *faults], paid=[line.number for line in done])
        self._retold.append(self._submit(Urgency.TOLD, execute, telling))
        if len(self._retold) > _MOST_RETOLD_AT_ONCE:
            self._retold.popleft().result()

    def _owed_done(self, rows: Sequence[Row], matches: Matches) -> list[Line]:
        """Return the lines that rows which are done are owed."""
        if not self._owes_done:
            return []
        done = _select(rows, matches, _DONE)
        return [
            Line(Kind.SUCCESS, self._columns, done[number].cells, (remote_id,), number)
            for number, remote_id in _owed(self._reader, self._pen.load_id, list(done))
        ]

    def _owed_faults(self, rows: Sequence[Row], matches: Matches) -> list[Line]:
        """Return the lines of exceptional rows that are in no file yet, or under another line's number."""
        listed = _select(rows, matches, _LISTED)
        return [
            line_again(listed[fault.number], fault, self._columns)
            for fault in faults_of(self._reader, self._pen.load_id, listed)
            if not fault.is_told(listed[fault.number].line, has_results=True)
        ]


def _select(rows: Sequence[Row], matches: Matches, states: bytes) -> dict[int, Row]:
    """Return the rows in one of `states`, by the numbers they are recorded under."""
    known = zip(rows, matches.numbers, matches.states, strict=True)
    return {number: row for row, number, state in known if state in states}


def _owes_done(connection: sqlite3.Connection, load_id: int) -> bool:
    return connection.execute("SELECT 1 FROM owed WHERE load = ? LIMIT 1", (load_id,)).fetchone() is not None


def _owed(connection: sqlite3.Connection, load_id: int, numbers: Sequence[int]) -> list[tuple[int, str]]:
    """Return number and remote id of the rows whose lines are owed."""
    owed = []
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        query = f"{_OWED} ({marks}) ORDER BY number"
        owed += connection.execute(query, (load_id, *some)).fetchall()
    return owed
