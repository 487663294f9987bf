"""pyrate-limiter: its sliding log with both rates in one bucket, which it takes in one step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

from benchmarks.contender import LONG, SHORT, Acquire, Answered, Clock, Contender, unheard
from pyrate_limiter import Limiter, Rate, clocks


@contextmanager
def _sliding_log(clock: Clock) -> Iterator[Acquire]:
    def nanoseconds() -> int:
        return round(clock() * 1e9)

    # Its intervals are in milliseconds.
    rates = [Rate(limit.calls, round(limit.per * 1000)) for limit in (SHORT, LONG)]
    with patch.object(clocks, "monotonic_ns", nanoseconds), Limiter(rates) as limiter:

        async def acquire() -> Answered:
            await limiter.try_acquire_async()
            return unheard

        yield acquire


CONTENDERS: Final = (Contender(name="pyrate-limiter, sliding log of both", enter=_sliding_log),)
