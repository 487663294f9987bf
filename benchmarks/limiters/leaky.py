"""aiolimiter alone: the figures of the vendor, one limiter in the other, and the pace that headrace adds to a gate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from aiolimiter import AsyncLimiter
from benchmarks.contender import LONG, SHORT, Acquire, Answered, Clock, Contender, unheard


@contextmanager
def _nested(rates: Sequence[tuple[float, float]], _clock: Clock) -> Iterator[Acquire]:
    limiters = [AsyncLimiter(*rate) for rate in rates]

    async def acquire() -> Answered:
        for limiter in limiters:
            await limiter.acquire()
        return unheard

    yield acquire


_NOMINAL: Final = ((LONG.calls, LONG.per), (SHORT.calls, SHORT.per))
_EVEN: Final = ((1, 1 / 9.5),)

CONTENDERS: Final = (
    Contender(name="aiolimiter (100, 10) + (4000, 1800)", enter=partial(_nested, _NOMINAL)),
    Contender(name="aiolimiter (1, 1/9.5)", enter=partial(_nested, _EVEN)),
)
