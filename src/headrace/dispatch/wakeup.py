"""The wake-up: how what another thread has finished reaches the loop. Between the ledger's thread and whoever waits.

`asyncio.wrap_future` wakes the loop once for every future, also for those that are done already, and each time costs
two system calls and a turn of the loop. A group commit finishes dozens at once.
"""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


class Wakeup:
    """Lets tasks of one event loop wait for futures of other threads: the loop is woken once for all that are done.

    Mutable state: the waiters whose futures are done and which the loop has not released yet.
    """

    def __init__(self) -> None:
        self._done: deque[asyncio.Future[None]] = deque()

    async def wait_done(self, future: "Future[_T]") -> _T:
        """Return the future's result, or raise its exception; at once where it is done. Cancelling it does nothing."""
        if not future.done():
            waiter = asyncio.get_running_loop().create_future()
            future.add_done_callback(lambda _: self._note(waiter))
            await waiter
        return future.result()

    def _note(self, waiter: "asyncio.Future[None]") -> None:
        """Note in the other thread that what `waiter` waits for is done; wake the loop unless it is on its way."""
        if waiter.done():  # cancelled, and its loop perhaps closed
            return
        self._done.append(waiter)
        if len(self._done) == 1:
            waiter.get_loop().call_soon_threadsafe(self._release)

    def _release(self) -> None:
        while self._done:
            waiter = self._done.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def __repr__(self) -> str:
        return f"<Wakeup: {len(self._done)} to release>"
