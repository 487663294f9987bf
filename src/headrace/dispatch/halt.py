"""The halt of a run: the first reason to stop, and the waits that it cuts short."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from anyio import CancelScope

from headrace.errors import HeadraceError, StoppedError


class Halt:
    """Says whether a run should end, and why. One per run; the first reason stays.

    Mutable state: the reason, and the scopes of the waits that are to be cut short.
    """

    def __init__(self) -> None:
        self._reason: HeadraceError | None = None
        self._scopes: set[CancelScope] = set()

    @property
    def reason(self) -> HeadraceError | None:
        """Why the run ends, None while it goes on."""
        return self._reason

    def __bool__(self) -> bool:
        return self._reason is not None

    def stop(self, reason: HeadraceError) -> None:
        """End the run: nothing new is begun, what waits is released, what is under way is awaited."""
        if self._reason is None:
            self._reason = reason
            for scope in tuple(self._scopes):
                scope.cancel()

    @contextmanager
    def scope(self) -> Iterator[CancelScope]:
        """Run a block that is left early, with `cancelled_caught` set on its scope, when the run is halted."""
        with CancelScope() as scope:
            self._scopes.add(scope)
            if self:
                scope.cancel()
            try:
                yield scope
            finally:
                self._scopes.discard(scope)

    @contextmanager
    def deadline(self, seconds: float | None) -> Iterator[None]:
        """Run a block that is halted after `seconds`; None for no deadline."""
        if seconds is None:
            yield
            return
        reason = StoppedError("the deadline was reached", hint="run the same command again to go on")
        timer = asyncio.get_running_loop().call_later(seconds, self.stop, reason)
        try:
            yield
        finally:
            timer.cancel()

    def __repr__(self) -> str:
        return f"<Halt: {self._reason or 'going on'}>"
