"""The teller: says what became of rows when that is durable, and not before. After the writers, who do not wait for it.

So an outcome is committed together with the intent of whatever its writer sends next: one sync serves both.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import Final, TypeAlias

from msgspec import Struct

from headrace.dispatch.halt import Halt
from headrace.dispatch.wakeup import Wakeup
from headrace.errors import HeadraceError
from headrace.model import Settled

MOST_UNTOLD: Final = 16
"""Batches and notes that may wait to be told; then whoever settles more waits, and so a slow listener slows the run."""

Emit: TypeAlias = Callable[[Sequence[Settled]], Awaitable[None]]
"""Told of rows when what became of them is durable, never before."""


class Told(Struct, frozen=True):
    """Rows with their outcomes, and the future that comes when these are durable; None where there is none to come."""

    settled: list[Settled]
    durable: "Future[None] | None" = None


Tell: TypeAlias = Callable[[Told], Awaitable[None]]
"""Has rows told of as soon as that is durable; waits while too much is untold."""


class Teller:
    """Passes outcomes on to `emit`, in the order in which they were settled. One per load; `run` is a task of its own.

    Mutable state: what waits to be durable. None ends it.
    """

    def __init__(self, halt: Halt, emit: Emit | None = None) -> None:
        self._halt = halt
        self._emit = emit
        self._wakeup = Wakeup()
        self._untold: asyncio.Queue[Told | None] = asyncio.Queue(MOST_UNTOLD)

    async def tell(self, told: Told) -> None:
        """Have `told` passed on when it is durable. Waits while too much is untold."""
        await self._untold.put(told)

    async def finish(self) -> None:
        """Say that nothing more will come; `run` then ends when all is told."""
        await self._untold.put(None)

    async def run(self) -> None:
        """Tell until `finish`. What cannot be made durable is not told, and halts the run."""
        while (told := await self._untold.get()) is not None:
            try:
                if told.durable is not None:
                    await self._wakeup.wait_done(told.durable)
            except HeadraceError as error:
                self._halt.stop(error)
            else:
                await self._pass_on(told.settled)

    async def _pass_on(self, settled: Sequence[Settled]) -> None:
        if self._emit is not None:
            await self._emit(settled)

    def __repr__(self) -> str:
        return f"<Teller: {self._untold.qsize()} untold>"
