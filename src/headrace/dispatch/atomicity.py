"""Atomicity: whether a refused batch of a load really leaves nothing behind. Assumed, and checked until proven."""

from collections.abc import Sequence
from datetime import datetime

import anyio

from headrace.dispatch.judge import Ruling
from headrace.dispatch.readback.sampling import Sampling, server_time
from headrace.dispatch.transport import Transport
from headrace.errors import HeadraceError
from headrace.model import Done, Response, Settled
from headrace.provider import Provider, Resource


class Atomicity:
    """One load's answer to the question. Refused batches are read back before their rows are sent again.

    That a row is absent proves something only if it was a good one: until one that was absent is accepted, every
    refused batch is asked about. So mostly it is one.

    Mutable state: what was found, None until it is proven; which rows were found absent, and the server's time before
    the first refusal. A read that fails decides nothing: it is asked again.
    """

    def __init__(self, transport: Transport, provider: Provider, resource: Resource) -> None:
        self._sampling = Sampling(transport, provider, resource)
        self._found: bool | None = None
        self._absent: set[int] = set()
        self._since: datetime | None = None
        self._turn = anyio.Lock()

    async def holds(self, ruling: Ruling, refusal: Response, age: float) -> bool:
        """Whether nothing of the refused batch was stored; `age` is how many seconds ago it was sent.

        The rows that would be sent again are the ones asked for: a provider that stored them must not get them twice.
        """
        async with self._turn:
            if self._found is None:
                try:
                    await self._look(ruling, refusal, age)
                except HeadraceError:
                    return False
            return self._found is not False

    def observe(self, settled: Sequence[Settled]) -> None:
        """Take note of outcomes: a row that is accepted, and was absent before, proves that nothing is left behind."""
        if self._found is None and self._absent:
            is_proven = any(one.row.offset in self._absent for one in settled if isinstance(one.outcome, Done))
            self._found = True if is_proven else None

    async def _look(self, ruling: Ruling, refusal: Response, age: float) -> None:
        """Look for rows of a refused batch, which an earlier refused one may have held too."""
        self._since = self._since or server_time(refusal, age)
        records = [record for batch in ruling.again for record in batch.records]
        if await self._sampling.is_any_stored(records, self._since):
            self._found = False
        else:
            self._absent.update(record.row.offset for record in records)

    def __repr__(self) -> str:
        return f"<Atomicity: {'not proven yet' if self._found is None else self._found}>"
