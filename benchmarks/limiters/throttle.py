"""throttled-py: GCRA and token bucket, one limiter inside the other, since a limiter of it keeps one rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

from benchmarks.contender import LONG, SHORT, Acquire, Answered, Clock, Contender, unheard
from throttled import utils
from throttled.asyncio import MemoryStore, RateLimiterType, Throttled, per_duration

PATIENCE: Final = 14 * 86_400.0
"""Seconds that it may wait: longer than any run."""


@contextmanager
def _nested(algorithm: RateLimiterType, clock: Clock) -> Iterator[Acquire]:
    store = MemoryStore()
    limiters = [
        Throttled(
            key=limit.name,
            using=algorithm.value,
            quota=per_duration(timedelta(seconds=limit.per), limit.calls),
            store=store,
            timeout=PATIENCE,
        )
        for limit in (LONG, SHORT)
    ]

    async def acquire() -> Answered:
        for limiter in limiters:
            await limiter.limit()
        return unheard

    with patch.object(utils, "time", SimpleNamespace(time=clock, monotonic=clock)):
        yield acquire


CONTENDERS: Final = (
    Contender(name="throttled-py, gcra x2", enter=partial(_nested, RateLimiterType.GCRA)),
    Contender(name="throttled-py, token bucket x2", enter=partial(_nested, RateLimiterType.TOKEN_BUCKET)),
)
