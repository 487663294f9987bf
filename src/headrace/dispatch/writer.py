"""The writer: one batch in, exactly one outcome per record out, whatever the network does."""

from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from msgspec import Struct

from headrace.dispatch.atomicity import Atomicity
from headrace.dispatch.breaker import Breaker
from headrace.dispatch.halt import Halt
from headrace.dispatch.journal import Journal
from headrace.dispatch.judge import Ruling, Terms, judge, lost, not_sent, postponed
from headrace.dispatch.teller import Told
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
        self._atomicity = Atomicity(transport, terms.provider, terms.resource)

    async def write(self, batch: Batch) -> Told:
        """Send `batch`; return one outcome per record, in the batch's order, and when all of them are durable.

        Records that are proven not to have been executed are sent again, in smaller batches, unless the run is
        halting: then they stay `NotAttempted`. Raises `StoppedError` when the journal can no longer be written.
        """
        if self._halt:
            return Told(postponed(batch).settled)
        sent = await self._send(batch)
        return await self._send_rest(batch, sent) if sent.ruling.again else Told(sent.ruling.settled, sent.durable)

    async def _send_rest(self, batch: Batch, sent: "_Sent") -> Told:
        """Send again what the first ruling on `batch` asks for, and what later ones do."""
        outcomes: dict[int, Settled] = {}
        durable, pending = sent.durable, list[Batch]()
        for _ in range(MAX_REQUESTS_PER_ROW * len(batch)):
            outcomes.update((settled.row.offset, settled) for settled in sent.ruling.settled)
            pending.extend(reversed(sent.ruling.again))
            if not pending or self._halt:
                break
            sent = await self._send(pending.pop())
            durable = sent.durable or durable  # what is settled later is durable later
        return Told([outcomes[record.row.offset] for record in batch.records], durable)

    async def _send(self, batch: Batch) -> "_Sent":
        attempt = _Attempt(self._journal, self._wakeup, batch)
        ruling = await self._ask(batch, attempt)
        if ruling.refusal is not None and not await self._atomicity.holds(ruling, ruling.refusal, attempt.age):
            ruling = lost(batch, "its batch was refused, but the provider had stored a part of it")
            self._shrink(1)
        # No await between the answer and this call, so that no cancellation can lose the answer; but for the read-back
        # of a refusal just above, during which the open intent says what is true: nobody knows yet.
        durable = attempt.settle(ruling)
        reason = self._breaker.observe(ruling)
        if reason is not None:
            self._halt.stop(reason)
        if ruling.shrink:
            self._shrink(len(batch))
        return _Sent(ruling, durable)

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


class _Sent(Struct, frozen=True):
    """What came of one request: the ruling, and when it is durable; None where there was no intent to settle."""

    ruling: Ruling
    durable: "Future[None] | None"


class _Attempt:
    """One batch on its way: its intent is recorded once, however often the request is sent.

    Mutable state: the number of the intent, None until it is durable, and the loop's time when it was made.
    """

    __slots__ = ("_batch", "_began", "_intent", "_journal", "_wakeup")

    def __init__(self, journal: Journal, wakeup: Wakeup, batch: Batch) -> None:
        self._journal = journal
        self._wakeup = wakeup
        self._batch = batch
        self._intent: int | None = None
        self._began = 0.0

    async def intend(self) -> None:
        if self._intent is None:
            self._began = get_running_loop().time()
            self._intent = await self._wakeup.wait_done(self._journal.intend(self._batch))

    @property
    def age(self) -> float:
        """Seconds since the intent: at least as long ago as the request was sent."""
        return get_running_loop().time() - self._began

    def settle(self, ruling: Ruling) -> "Future[None] | None":
        return None if self._intent is None else self._journal.settle(self._intent, ruling.settled)
