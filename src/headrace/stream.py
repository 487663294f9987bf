"""The outcome stream: between a load that runs in the background and whoever iterates over its outcomes."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import anyio

from headrace.dispatch.halt import Halt
from headrace.errors import StoppedError
from headrace.migration import Report
from headrace.model import Outcome, Settled

_LOG: Final = logging.getLogger("headrace")


class OutcomeStream:
    """One load's outcomes on their way to the caller. A batch of them may wait; then the load waits.

    What the user should know beside them, a column that goes nowhere for example, is logged as a warning.

    Mutable state: why the load ended early, None while it has not, and whether the caller has left.
    """

    def __init__(self) -> None:
        self.halt = Halt()
        self._send, self._receive = anyio.create_memory_object_stream[Sequence[Settled]](1)
        self._error: Exception | None = None

    async def run(self, work: Callable[[], Awaitable[Report]]) -> None:
        """Run the load. Started by the client as a task of its own."""
        with self._send:
            try:
                report = await work()
                self._error = report.reason
                for notice in report.notices:
                    _LOG.warning("%s", notice)
            except Exception as error:  # noqa: BLE001 - also what the caller's own source raises; it is the caller's
                self._error = _innermost(error)

    async def emit(self, settled: Sequence[Settled]) -> None:
        """Hand over durable outcomes; nobody is there to take them once the caller has left."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._send.send(settled)

    async def outcomes(self) -> AsyncIterator[Outcome]:
        """Yield the outcomes one by one; raise what ended the load early after the last of them."""
        async for settled in self._receive:
            for one in settled:
                yield one.outcome
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the load: what is under way is settled, nothing new is begun. Again does nothing."""
        self.halt.stop(StoppedError("the caller has left", hint="call load() again with the same checkpoint to go on"))
        self._receive.close()


def _innermost(error: Exception) -> Exception:
    """Return the one exception that task groups have wrapped; a group of several stays a group."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
