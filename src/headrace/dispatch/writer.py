"""The writer: one batch in, exactly one outcome per record out, whatever the network does."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from headrace.dispatch.breaker import Breaker
from headrace.dispatch.halt import Halt
from headrace.dispatch.journal import Journal
from headrace.dispatch.judge import Ruling, Terms, judge, lost, not_sent, postponed
from headrace.dispatch.transport import Transport
from headrace.dispatch.wakeup import Wakeup
from headrace.errors import LostError, NotSentError
from headrace.model import Batch, Settled

MAX_REQUESTS_PER_ROW: Final = 3
"""Bounds the requests for one batch: isolating every row of a refused batch by halves takes fewer than this per row."""


class Writer:
    """Sends the batches of one load. Called from many tasks at once; batches do not wait for each other.

    `halt` is asked before anything is sent and told when the run should end. `shrink` is called with the size of a
    batch that was too large.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        journal: Journal,
        terms: Terms,
        breaker: Breaker,
        halt: Halt,
        shrink: Callable[[int], None],
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._terms = terms
        self._breaker = breaker
        self._halt = halt
        self._shrink = shrink
        self._wakeup = Wakeup()

    async def write(self, batch: Batch) -> list[Settled]:
        """Send `batch`; return one outcome per record, in the batch's order, when all of them are durable.

        Records that are proven not to have been executed are sent again, in smaller batches, unless the run is
        halting: then they stay `NotAttempted`. Raises `StoppedError` when the journal can no longer be written.
        """
        if self._halt:
            return postponed(batch).settled
        ruling = await self._send(batch)
        return await self._send_rest(batch, ruling) if ruling.again else ruling.settled

    async def _send_rest(self, batch: Batch, ruling: Ruling) -> list[Settled]:
        """Send again what a first ruling on `batch` asks for, and what later ones do; return the last outcomes."""
        outcomes = {settled.row.offset: settled for settled in ruling.settled}
        pending = [*reversed(ruling.again)]
        for _ in range(MAX_REQUESTS_PER_ROW * len(batch)):
            if not pending or self._halt:
                break
            ruling = await self._send(pending.pop())
            outcomes.update((settled.row.offset, settled) for settled in ruling.settled)
            pending.extend(reversed(ruling.again))
        return [outcomes[record.row.offset] for record in batch.records]

    async def _send(self, batch: Batch) -> Ruling:
        attempt = _Attempt(self._journal, self._wakeup, batch)
        ruling = await self._ask(batch, attempt)
        # No await between the answer and this call: from here on the answer cannot be lost by a cancellation.
        durable = attempt.settle(ruling)
        reason = self._breaker.observe(ruling)
        if reason is not None:
            self._halt.stop(reason)
        if ruling.shrink:
            self._shrink(len(batch))
        if durable is not None:
            await self._wakeup.wait_done(durable)
        return ruling

    async def _ask(self, batch: Batch, attempt: "_Attempt") -> Ruling:
        request = self._terms.codec.request([record.value for record in batch.records], bulk=len(batch) > 1)
        with self._halt.scope():
            try:
                response = await self._transport.send(request, attempt.intend)
            except NotSentError as error:
                return not_sent(batch, error)
            except LostError as error:
                return lost(batch, str(error))
            return judge(self._terms, batch, response)
        # The scope was cut short: the transport promises that then nothing of the request was executed.
        return postponed(batch)


class _Attempt:
    """One batch on its way: its intent is recorded once, however often the request is sent.

    Mutable state: the number of the intent, None until it is durable.
    """

    __slots__ = ("_batch", "_intent", "_journal", "_wakeup")

    def __init__(self, journal: Journal, wakeup: Wakeup, batch: Batch) -> None:
        self._journal = journal
        self._wakeup = wakeup
        self._batch = batch
        self._intent: int | None = None

    async def intend(self) -> None:
        if self._intent is None:
            self._intent = await self._wakeup.wait_done(self._journal.intend(self._batch))

    def settle(self, ruling: Ruling) -> "Future[None] | None":
        return None if self._intent is None else self._journal.settle(self._intent, ruling.settled)
