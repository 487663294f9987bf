"""Atomicity: whether a refused batch of a load really leaves nothing behind. Assumed, and checked until proven."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import anyio

from headrace.dispatch.judge import Ruling
from headrace.dispatch.readback.sampling import Sampling, server_time
from headrace.dispatch.transport import Transport
from headrace.errors import HeadraceError
from headrace.model import Done, Response, Settled
from headrace.provider import Provider, Resource


class Atomicity:
    """One load's answers to the question. Refused batches are read back before their rows are sent again.

    That a row is absent proves something only if it was a good one: until one that was absent is accepted, every
    refused batch is asked about. So mostly it is one. And it proves something of refusals with the same status only:
    what is refused for its address leaves nothing behind, what is refused for a row may.

    Mutable state: what was found, by the status of refusals, and the server's time before the first of them.
    """

    def __init__(self, transport: Transport, provider: Provider, resource: Resource) -> None:
        self._sampling = Sampling(transport, provider, resource)
        self._found: defaultdict[int, _Finding] = defaultdict(_Finding)
        self._since: datetime | None = None
        self._turn = anyio.Lock()

    async def holds(self, ruling: Ruling, refusal: Response, age: float) -> bool:
        """Whether nothing of the refused batch was stored; `age` is how many seconds ago it was sent.

        The rows that would be sent again are the ones asked for: a provider that stored them must not get them twice.
        A read that fails decides nothing: it is asked again.
        """
        found = self._found[refusal.status]
        async with self._turn:
            if found.is_atomic is None:
                try:
                    await self._look(found, ruling, refusal, age)
                except HeadraceError:
                    return False
            return found.is_atomic is not False

    def observe(self, settled: Sequence[Settled]) -> None:
        """Take note of outcomes: a row that is accepted, and was absent before, proves that nothing is left behind."""
        for found in self._found.values():
            if found.is_atomic is None and found.absent:
                is_proven = any(one.row.offset in found.absent for one in settled if isinstance(one.outcome, Done))
                found.is_atomic = True if is_proven else None

    async def _look(self, found: "_Finding", ruling: Ruling, refusal: Response, age: float) -> None:
        """Look for rows of a refused batch, which an earlier refused one may have held too."""
        self._since = self._since or server_time(refusal, age)
        records = [record for batch in ruling.again for record in batch.records]
        if await self._sampling.is_any_stored(records, self._since):
            found.is_atomic = False
        else:
            found.absent.update(record.row.offset for record in records)

    def __repr__(self) -> str:
        return f"<Atomicity: { ({status: found.is_atomic for status, found in self._found.items()}) }>"


@dataclass(slots=True)
class _Finding:
    """What refusals of one status leave behind: nothing, something, or None until that is proven; and absent rows."""

    is_atomic: bool | None = None
    absent: set[int] = field(default_factory=set)
