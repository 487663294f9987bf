"""limits: its moving window, twice. It decides and does not wait, so whoever waits asks it again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

from benchmarks.contender import LONG, SHORT, Acquire, Answered, Clock, Contender, unheard
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, memory
from limits.aio.strategies import MovingWindowRateLimiter

SHORTEST_POLL: Final = 0.01
"""Seconds: as in its own manual, for when the slot that was waited for has gone to another."""


@contextmanager
def _moving_windows(clock: Clock) -> Iterator[Acquire]:
    limiter = MovingWindowRateLimiter(MemoryStorage())
    windows = [RateLimitItemPerSecond(limit.calls, round(limit.per)) for limit in (LONG, SHORT)]

    async def wait_turn(window: RateLimitItem) -> None:
        while not await limiter.hit(window):
            free_at, _ = await limiter.get_window_stats(window)
            await asyncio.sleep(max(free_at - clock(), SHORTEST_POLL))

    async def acquire() -> Answered:
        for window in windows:
            await wait_turn(window)
        return unheard

    with patch.object(memory, "time", SimpleNamespace(time=clock)):
        yield acquire


CONTENDERS: Final = (Contender(name="limits, moving window x2, polled", enter=_moving_windows),)
