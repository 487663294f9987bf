"""What dispatch needs of the ledger: a place to say what is about to be sent, and what became of it."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from headrace.model import Batch, Settled


class Journal(Protocol):
    """The write-ahead record of one load. Called from the event loop; neither method waits.

    A future's result comes when the record is durable (it survives a power cut); its exception is a `StoppedError`
    when it cannot be made so (a full disk), after which every further call fails in the same way.
    """

    def intend(self, batch: Batch) -> "Future[int]":
        """Record that the rows of `batch` are about to be sent together; the result is the intent's number.

        No byte of the request may leave before the result is there (RELIABILITY.md, invariant I1).
        """

    def settle(self, intent: int, settled: Sequence[Settled]) -> "Future[None]":
        """Record what became of every record of the intent's batch, in the batch's order.

        `NotAttempted` means proven not executed: only then may a row be part of another intent (invariant I2).
        """
