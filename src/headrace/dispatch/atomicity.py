"""Atomicity: whether a refused batch of this load really leaves nothing behind. Assumed, and checked once."""

import anyio

from headrace.dispatch.judge import Ruling
from headrace.dispatch.readback.sampling import is_stored, samples, server_time
from headrace.dispatch.transport import Transport
from headrace.errors import HeadraceError
from headrace.model import Response
from headrace.provider import Provider, Resource


class Atomicity:
    """One load's answer to the question. The first refused batch is read back before its rows are sent again.

    Mutable state: what was found, None until it was asked. A read that fails decides nothing: it is asked again.
    """

    def __init__(self, transport: Transport, provider: Provider, resource: Resource) -> None:
        self._transport = transport
        self._provider = provider
        self._resource = resource
        self._found: bool | None = None
        self._turn = anyio.Lock()

    async def holds(self, ruling: Ruling, refusal: Response, age: float) -> bool:
        """Whether nothing of the refused batch was stored; `age` is how many seconds ago it was sent.

        The rows that would be sent again are the ones asked for: a provider that stored them must not get them twice.
        """
        async with self._turn:
            if self._found is None:
                try:
                    self._found = not await self._is_any_stored(ruling, refusal, age)
                except HeadraceError:
                    return False
            return self._found

    async def _is_any_stored(self, ruling: Ruling, refusal: Response, age: float) -> bool:
        since = server_time(refusal, age)
        bystanders = samples([record for batch in ruling.again for record in batch.records])
        for record in bystanders:
            if await is_stored(self._transport, self._provider, self._resource, record, since):
                return True
        return False
