"""The pacer: aiolimiter behind the gate. The gate keeps the limits; the pacer takes the burst out."""

import math
from collections.abc import Sequence
from typing import Final

from aiolimiter import AsyncLimiter

from headrace.dispatch.clock import Clock
from headrace.dispatch.permits.window import scaled
from headrace.provider import Limit

FRACTION: Final = 0.95
"""How much of the window's own rate: what is left absorbs up to 0.4 s of jitter on a 10 s window (BUDGETS.md 1.1)."""
LEEWAY: Final = 0.02
"""Seconds by which a request may come early after one that came late. Timers wake up a millisecond late or two, which
at ten requests a second would otherwise be lost each time: 1.4 % of the rate (`python -m benchmarks live`)."""
LONGEST_PACED: Final = 60.0
"""Seconds: a longer window is not paced."""


def limiter(limits: Sequence[Limit], *, share: float = 1.0) -> AsyncLimiter | None:
    """Return the limiter to pace `limits` with: one request at a time, at 95 % of the shortest general window's rate.

    A server that estimates a sliding window from two fixed ones over-counts bursts, so that no log, however exact,
    satisfies it; evenly spaced requests do. None where pacing would cost more than it gives: where the shortest window
    is longer than a minute (4000 in 30 minutes would be spread to one in 0.5 s, and the burst that the vendor allows be
    lost), where it holds a single request (nothing to spread), or where there is no general limit.
    """
    general = [limit for limit in limits if limit.routes is None and limit.per <= LONGEST_PACED]
    shortest = min(general, key=lambda limit: limit.per, default=None)
    if shortest is None or scaled(shortest, share) == 1:
        return None
    gap = shortest.per / (FRACTION * scaled(shortest, share))
    return AsyncLimiter(1 + LEEWAY / gap, gap + LEEWAY)


class Pacer:
    """Spaces requests with an `AsyncLimiter` and remembers when it will have room again, for forecasts.

    `gap` is the seconds between requests in the long run, `tolerance` by how many seconds a burst may be ahead of that.
    Both grow while only a part of the pace may be used.
    """

    def __init__(self, limiter: AsyncLimiter, clock: Clock) -> None:
        self._clock = clock
        self._burst, self._period = limiter.max_rate, limiter.time_period
        # Mutable state: the limiter, which part of the pace it keeps, and when its bucket will be empty.
        self._limiter = limiter
        self._part = 1.0
        self._empty_at = -math.inf

    @property
    def gap(self) -> float:
        """See above."""
        return self._limiter.time_period / self._burst

    @property
    def full_gap(self) -> float:
        """The gap at the whole pace."""
        return self._period / self._burst

    @property
    def tolerance(self) -> float:
        """See above."""
        return self._limiter.time_period - self.gap

    def keep_to(self, part: float) -> None:
        """Keep to `part` (above 0, at most 1) of the pace from now on."""
        if part != self._part:
            self._part = part
            self._limiter = AsyncLimiter(self._burst, self._period / part)

    async def pace(self) -> None:
        """Wait until the next request may go."""
        await self._limiter.acquire()
        self._empty_at = max(self._empty_at, self._clock()) + self.gap

    @property
    def full_for(self) -> float:
        """How many seconds until there is room for the next request; 0 when there is."""
        return max(0.0, self._empty_at - self.tolerance - self._clock())

    @property
    def backlog(self) -> float:
        """How many seconds until the bucket is empty; 0 when it is."""
        return max(0.0, self._empty_at - self._clock())

    def __repr__(self) -> str:
        return f"<Pacer: {1 / self.gap:.3g} a second>"
