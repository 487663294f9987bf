"""The ledger of a retry: the refused rows of one load, repaired in its reject file, sent once more.

A repaired row keeps the identity of the row in the source, so that a later run of the source knows it. It stays
refused until it has another outcome; what the retry does not come to is back in the reject file at its end, as edited.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Final

from headrace.errors import InvariantError, SourceError
from headrace.ledger.commit import Urgency
from headrace.ledger.journal import RowJournal, nothing_more
from headrace.ledger.packing import State
from headrace.ledger.past import States
from headrace.ledger.pen import Pen
from headrace.ledger.rejects import Reject, RejectFile
from headrace.ledger.repairs import chunks, left_over, still_refused
from headrace.ledger.results import Results
from headrace.ledger.tidy import Tidying
from headrace.model import Row

_UNKNOWN: Final = bytes([State.UNKNOWN])


class RetryLedger(RowJournal):
    """One retry of one load. Made by `Checkpoint.retry`.

    The rows it gives have their number in the ledger as `offset`. `columns` name their cells; without any there is
    nothing to retry. `notices` are sentences for the user.
    """

    def __init__(
        self,
        pen: Pen,
        reader: sqlite3.Connection,
        results: Results,
        *,
        generation: int,
        notices: Sequence[str],
    ) -> None:
        super().__init__(pen, reader, States(generation), base=0)
        self._results = results
        self._file = RejectFile(results.repairs) if results.repairs.exists() else None
        self._columns = self.columns = () if self._file is None else self._file.columns
        self.notices = tuple(notices)

    def rows(self) -> Iterator[list[Row]]:
        """Return the rows of the reject file that are still refused, some at a time; each may be sent once.

        Raises `SourceError` when the file cannot be understood or names a row twice.
        """
        if self._file is None:
            return
        for some in chunks(self._file):
            found = [
                (Row(fault.number, reject.line, fault.key, reject.cells), fault.state)
                for reject, fault in still_refused(self._reader, self._pen.load_id, some)
            ]
            for row, state in found:
                self._reopen(row, state)
            yield [row for row, _ in found if self._states.get(_only(row)) != _UNKNOWN]

    def listed(self) -> Iterator[list[Reject]]:
        """Return what is in the reject file, some at a time, to look at; for any thread."""
        return iter(()) if self._file is None else chunks(self._file)

    def kept(self) -> Sequence[tuple[Row, bytes]]:
        """See `feed.Notebook`. Rows that are done are in no reject file."""
        return ()

    def edited(self, rows: Sequence[Row]) -> None:
        """See `feed.Notebook`."""
        if rows:
            raise InvariantError("Rows that are done came by in a reject file.")

    def _reopen(self, row: Row, state: State) -> None:
        """Let a refused row be sent again, or, where a killed retry had sent it, be looked up."""
        assert self._file is not None  # rows has looked
        if self._states.get(_only(row)) != bytes([State.UNSENT]):
            raise SourceError(f"Line {row.line} of the source is there twice.", file=str(self._file.path))
        self._reopened.add(row.offset)
        is_unknown = self._intents.is_unknown(row.offset)
        self._states.put(_only(row), _UNKNOWN if is_unknown else bytes([state]))
        if is_unknown:
            self._recall(row, row.offset, state)

    def finish(self) -> "Future[None]":
        """End the retry: the reject file then holds exactly the rows still refused. The future is as of `settle`."""
        if self._file is not None:
            self._submit(Urgency.ALONE, nothing_more, self._put_back)
        tidying = Tidying(self._results, self._pen.load_id)

        def swap() -> None:
            tidying.swap()
            self._results.repairs.unlink(missing_ok=True)

        return self._submit(Urgency.ALONE, tidying.prepare, swap)

    def _put_back(self) -> None:
        """Write what the retry did not come to into the new reject file, as it was edited."""
        for lines in left_over(self._results, self._reader, self._pen.load_id):
            self._results.write(lines)


def _only(row: Row) -> range:
    """Return the number of a row of a retry, which is its offset, as a run."""
    return range(row.offset, row.offset + 1)
