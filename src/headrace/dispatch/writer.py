"""The writer: one batch in, one outcome per record out, or its name on the list of what is to be looked up."""

from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from msgspec import Struct

from headrace.dispatch.atomicity import Atomicity
from headrace.dispatch.breaker import Breaker
from headrace.dispatch.halt import Halt
from headrace.dispatch.journal import Journal
from headrace.dispatch.judge import Ruling, Terms, judge, lost, not_sent, postponed, uncertain
from headrace.dispatch.parked import Parked, Parking
from headrace.dispatch.teller import Told
from headrace.dispatch.transport import Transport
from headrace.dispatch.wakeup import Wakeup
from headrace.errors import LostError, NotSentError
from headrace.model import Batch, Record, Settled

MAX_REQUESTS_PER_ROW: Final = 3
"""Bounds the requests for one batch: isolating every row of a refused batch by halves takes fewer than this per row."""


class Writer:
    """Sends the batches of one load. Called from many tasks at once; batches do not wait for each other.

    `halt` is asked before anything is sent and told when the run should end. `shrink` is called with the size of a
    batch that was too large; records whose answer was given up go to `parking`. `now` is the server's time, from below.

    Mutable state: the batches under way, from before their intent until they are settled or parked.
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
        parking: Parking,
        now: Callable[[], float | None],
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._terms = terms
        self._breaker = breaker
        self._halt = halt
        self._shrink = shrink
        self._parking = parking
        self._now = now
        self._under_way: dict[int, Batch] = {}
        self._wakeup = Wakeup()
        self._atomicity = Atomicity(transport, terms.provider, terms.resource)

    async def write(self, batch: Batch) -> Told:
        """Send `batch`; return the outcomes of its records, in order, and when all of them are durable.

        Records whose fate is unknown have none: they are parked. Records that are proven not to have been executed are
        sent again, in smaller batches, unless the run is halting: then they stay `NotAttempted`. Raises `StoppedError`
        when the journal can no longer be written.
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
            for record in sent.ruling.unknown:  # also one that was proven not executed a moment ago
                outcomes.pop(record.row.offset, None)
            pending.extend(reversed(sent.ruling.again))
            if not pending or self._halt:
                break
            sent = await self._send(pending.pop())
            durable = sent.durable or durable  # what is settled later is durable later
        offsets = [record.row.offset for record in batch.records]
        return Told([outcomes[offset] for offset in offsets if offset in outcomes], durable)

    def under_way(self) -> list[Record]:
        """Return the records that are being sent just now."""
        return [record for batch in self._under_way.values() for record in batch.records]

    async def _send(self, batch: Batch) -> "_Sent":
        attempt = _Attempt(self._journal, self._wakeup, batch, self._now)
        self._under_way[id(attempt)] = batch
        try:
            ruling = await self._ask(batch, attempt)
            if ruling.refusal is not None and not await self._atomicity.holds(ruling, ruling.refusal, attempt.age):
                ruling = uncertain(batch, "its batch was refused, but the provider had stored a part of it")
                self._shrink(1)
        finally:
            del self._under_way[id(attempt)]
        # No await between the answer and this call, so that no cancellation can lose the answer; but for the read-back
        # of a refusal just above, during which the open intent says what is true: nobody knows yet.
        durable = attempt.settle(ruling)
        self._parking.put(attempt.parked(ruling, self._parking.due(is_answered=ruling.is_answered)))
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

    Mutable state: the number of the intent, None until it is durable, and the loop's and the server's time of it.
    """

    __slots__ = ("_batch", "_began", "_intent", "_journal", "_now", "_since", "_wakeup")

    def __init__(self, journal: Journal, wakeup: Wakeup, batch: Batch, now: Callable[[], float | None]) -> None:
        self._now = now
        self._since: float | None = None
        self._journal = journal
        self._wakeup = wakeup
        self._batch = batch
        self._intent: int | None = None
        self._began = 0.0

    async def intend(self) -> None:
        if self._intent is None:
            self._began = get_running_loop().time()
            self._since = self._now()
            self._intent = await self._wakeup.wait_done(self._journal.intend(self._batch, self._since))

    @property
    def age(self) -> float:
        """Seconds since the intent: at least as long ago as the request was sent."""
        return get_running_loop().time() - self._began

    def settle(self, ruling: Ruling) -> "Future[None] | None":
        """Record what is known; what is not stays open, and is given up."""
        if self._intent is None:
            return None
        durable = self._journal.settle(self._intent, ruling.settled) if ruling.settled else None
        return self._journal.give_up(self._intent) if ruling.unknown else durable

    def parked(self, ruling: Ruling, due: float) -> list[Parked]:
        """Return the records that are to be looked up."""
        if not ruling.unknown:
            return []
        assert self._intent is not None, "what was never meant to be sent is not unknown"
        return [
            Parked(
                record=record,
                intent=self._intent,
                since=self._since,
                due=due,
                why=ruling.why,
                is_answered=ruling.is_answered,
            )
            for record in ruling.unknown
        ]
