"""What dispatch needs of the ledger: a place to say what is about to be sent, and what became of it."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from headrace.model import Batch, Row, Settled


class Journal(Protocol):
    """The write-ahead record of one load. Called from the event loop; no method waits.

    A future's result comes when the record is durable (it survives a power cut); its exception is a `StoppedError`
    when it cannot be made so (a full disk), after which every further call fails in the same way.
    """

    def intend(self, batch: Batch, since: float | None = None) -> "Future[int]":
        """Record that the rows of `batch` are about to be sent together; the result is the intent's number.

        No byte of the request may leave before the result is there (RELIABILITY.md, invariant I1). `since` is the
        server's time, in seconds since the epoch, before which it cannot be executed; None where nobody knows.
        """

    def settle(self, intent: int, settled: Sequence[Settled]) -> "Future[None]":
        """Record what became of records of the intent's batch, in the batch's order where it is all of them.

        Those that are not named stay open. `NotAttempted` means proven not executed: only then may a row be part of
        another intent (invariant I2).
        """

    def give_up(self, intent: int) -> "Future[None]":
        """Record that the answer to an intent's request will not come: its rows that are open are unknown."""

    def note(self, settled: Sequence[Settled]) -> "Future[None]":
        """Record what became of rows that are not sent: `Invalid` or `Skipped`. The future is as of `settle`."""

    def sync(self) -> "Future[None]":
        """Return a future that comes when everything recorded so far is durable."""

    def held(self, ids: Sequence[str], resource: str) -> set[str]:
        """Return those of `ids`, of records of `resource`, that a row of this import holds which is durably done."""

    def clear(self, rows: Sequence[Row]) -> "Future[None]":
        """Record that rows which were proven absent once have been audited: nothing about them is open any more."""

    def id_of(self, row: Row) -> str | None:
        """Return the remote id of a row that is durably done, None for any other."""

    def revise(self, settled: Sequence[Settled]) -> "Future[None]":
        """Record that rows which had an outcome are there more often than that: `Duplicated` takes its place."""
