"""The writer: one batch in, one outcome per record out, or its name on the list of what is to be looked up."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

from msgspec import Struct

from headrace.dispatch.atomicity import Atomicity
from headrace.dispatch.attempt import Attempt
from headrace.dispatch.breaker import Breaker
from headrace.dispatch.halt import Halt
from headrace.dispatch.journal import Journal
from headrace.dispatch.judge import Ruling, Terms, judge, lost, not_sent, postponed, uncertain
from headrace.dispatch.parked import Parked, Parking
from headrace.dispatch.repeating import UNANSWERED, repeated, still_unknown
from headrace.dispatch.teller import Told
from headrace.dispatch.transport import Transport
from headrace.dispatch.wakeup import Wakeup
from headrace.errors import LostError, NotSentError
from headrace.model import Batch, Done, Record, Settled

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
        self.interactions = 0
        """How many batches were refused as a whole and stored in parts: their rows stood in each other's way."""
        self._atomicity = Atomicity(transport, terms.provider, terms.resource)

    async def write(self, batch: Batch) -> Told:
        """Send `batch`; return the outcomes of its records, in order, and when all of them are durable.

        Records whose fate is unknown have none: they are parked. Records that are proven not to have been executed are
        sent again, in smaller batches, unless the run is halting: then they stay `NotAttempted`. Raises `StoppedError`
        when the journal can no longer be written.
        """
        if self._halt:
            return Told(postponed(batch).settled)
        return await self._deliver(Attempt(self._journal, self._wakeup, batch, self._now))

    async def repeat(self, parked: Sequence[Parked]) -> Told:
        """Send rows of one intent once more under that very intent, because doing it twice is doing it once.

        For updates and deletes, and for a request whose key the provider knows again. As `write` otherwise.
        """
        batch = Batch([one.record for one in parked])
        return await self._deliver(Attempt(self._journal, self._wakeup, batch, self._now, is_repeat=True, of=parked[0]))

    async def _deliver(self, attempt: Attempt) -> Told:
        """Send a batch, and again what the first ruling on it asks for, and what later ones do."""
        batch, sent = attempt.batch, await self._send(attempt)
        if not sent.ruling.again:
            return Told(sent.ruling.settled, sent.durable)
        outcomes: dict[int, Settled] = {}
        durable, pending, was_refused = sent.durable, list[Batch](), False
        for _ in range(MAX_REQUESTS_PER_ROW * len(batch)):
            outcomes.update((settled.row.offset, settled) for settled in sent.ruling.settled)
            for record in sent.ruling.unknown:  # also one that was proven not executed a moment ago
                outcomes.pop(record.row.offset, None)
            pending.extend(reversed(sent.ruling.again))
            if not pending or self._halt:
                break
            was_refused = was_refused or sent.ruling.refusal is not None
            sent = await self._send(attempt.part(pending.pop()))
            durable = sent.durable or durable  # what is settled later is durable later
        if attempt.is_repeat:  # what an earlier sending did of these is as unknown as before
            for left in pending:
                self._parking.put(attempt.part(left).parked(lost(left, UNANSWERED)))
        offsets = [record.row.offset for record in batch.records]
        if was_refused and len(outcomes) == len(batch):
            self.interactions += all(isinstance(one.outcome, Done) for one in outcomes.values())
        return Told([outcomes[offset] for offset in offsets if offset in outcomes], durable)

    def under_way(self) -> list[Record]:
        """Return the records that are being sent just now."""
        return [record for batch in self._under_way.values() for record in batch.records]

    async def _has_left_parts(self, ruling: Ruling, attempt: Attempt) -> bool:
        """Whether a refused batch has left something behind that must not be there twice."""
        if ruling.refusal is None or self._terms.resource.repeats(self._terms.operation):
            return False
        return not await self._atomicity.holds(ruling, ruling.refusal, attempt.age)

    async def _send(self, attempt: Attempt) -> "_Sent":
        batch = attempt.batch
        self._under_way[id(attempt)] = batch
        try:
            ruling = await self._ask(attempt)
            if await self._has_left_parts(ruling, attempt):
                ruling = uncertain(batch, "its batch was refused, but the provider had stored a part of it")
                self._shrink(1)
        finally:
            del self._under_way[id(attempt)]
        # No await between the answer and this call, so that no cancellation can lose the answer; but for the read-back
        # of a refusal just above, during which the open intent says what is true: nobody knows yet.
        durable = attempt.settle(ruling)
        self._parking.put(attempt.parked(ruling))
        self._atomicity.observe(ruling.settled)
        reason = self._breaker.observe(ruling)
        if reason is not None:
            self._halt.stop(reason)
        if ruling.shrink:
            self._shrink(len(batch))
        return _Sent(ruling, durable)

    async def _ask(self, attempt: Attempt) -> Ruling:
        batch, ruling = attempt.batch, postponed(attempt.batch)
        request = self._terms.request(batch)
        with self._halt.scope():  # cut short, the transport promises that nothing of the request was executed
            try:
                response = await self._transport.send(request, attempt.intend)
            except NotSentError as error:
                ruling = not_sent(batch, error)
            except LostError as error:
                ruling = lost(batch, str(error))
            else:
                ruling = judge(self._terms, batch, response)
                if attempt.is_repeat or (attempt.is_part and not self._terms.is_atomic):
                    ruling = repeated(self._terms, batch, response, ruling)
        # What was sent before under the same intent may have been executed, whatever became of this sending.
        return still_unknown(batch, ruling) if attempt.is_repeat and attempt.is_open else ruling


class _Sent(Struct, frozen=True):
    """What came of one request: the ruling, and when it is durable; None where there was no intent to settle."""

    ruling: Ruling
    durable: "Future[None] | None"
