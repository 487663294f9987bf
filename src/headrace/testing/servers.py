"""Servers' rate limiters, as models: the five ways in which an API may count requests, to test a client against.

Vendors name a limit ("100 requests per 10 seconds") and hardly ever say how they count. A client is safe when it is
never refused by any of these, whatever their phase. Times are seconds on any one clock and must not decrease.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

_ROUNDING: Final = 1e-9


class Server(Protocol):
    """One limit as one server enforces it."""

    def hit(self, time: float) -> bool:
        """Count a request that arrives at `time`; return False where the server answers it with 429."""


class FixedWindow:
    """Windows aligned to the epoch, shifted by `phase` seconds; refused requests count too.

    Rack::Attack counts so (`Time.now.to_i / period`), and so do most Rails applications in front of their own API.
    """

    def __init__(self, calls: int, per: float, phase: float = 0.0) -> None:
        self._calls, self._per, self._phase = calls, per, phase
        self._window = -1
        self._count = 0

    def hit(self, time: float) -> bool:
        """See `Server.hit`."""
        window = math.floor((time + self._phase) / self._per)
        if window != self._window:
            self._window, self._count = window, 0
        self._count += 1
        return self._count <= self._calls


class FirstHitWindow:
    """A window opens with the first request after the last one has ended, as with a cache counter that expires.

    Rails' own `rate_limit` and most Redis `INCR`/`EXPIRE` recipes. `phase` has no meaning here and is ignored.
    """

    def __init__(self, calls: int, per: float, phase: float = 0.0) -> None:  # noqa: ARG002  # one signature for all
        self._calls, self._per = calls, per
        self._end = -math.inf
        self._count = 0

    def hit(self, time: float) -> bool:
        """See `Server.hit`."""
        if time >= self._end:
            self._end, self._count = time + self._per, 0
        self._count += 1
        return self._count <= self._calls


class SlidingLog:
    """Exact: at most `calls` accepted requests in any `per` seconds. `phase` has no meaning here and is ignored."""

    def __init__(self, calls: int, per: float, phase: float = 0.0) -> None:  # noqa: ARG002  # one signature for all
        self._calls, self._per = calls, per
        self._accepted: deque[float] = deque()

    def hit(self, time: float) -> bool:
        """See `Server.hit`."""
        while self._accepted and self._accepted[0] <= time - self._per:
            self._accepted.popleft()
        if len(self._accepted) >= self._calls:
            return False
        self._accepted.append(time)
        return True


class SlidingCounter:
    """Two fixed windows, the previous one weighted by how much of it the sliding one still covers.

    How edge proxies estimate a sliding window in constant memory. It over-counts whoever sends in bursts.
    """

    def __init__(self, calls: int, per: float, phase: float = 0.0) -> None:
        self._calls, self._per, self._phase = calls, per, phase
        self._counts: Counter[int] = Counter()

    def hit(self, time: float) -> bool:
        """See `Server.hit`."""
        place = (time + self._phase) / self._per
        window = math.floor(place)
        before = math.floor(self._counts[window - 1] * (1 - (place - window)))
        if before + self._counts[window] + 1 > self._calls:
            return False
        self._counts[window] += 1
        return True


class TokenBucket:
    """A bucket of `calls` tokens, full at first, refilled at `calls / per` a second. `phase` is ignored."""

    def __init__(self, calls: int, per: float, phase: float = 0.0) -> None:  # noqa: ARG002  # one signature for all
        self._calls, self._rate = calls, calls / per
        self._tokens = float(calls)
        self._filled_at = -math.inf

    def hit(self, time: float) -> bool:
        """See `Server.hit`."""
        self._tokens = min(self._calls, self._tokens + (time - self._filled_at) * self._rate)
        self._filled_at = time
        if self._tokens + _ROUNDING < 1:
            return False
        self._tokens -= 1
        return True


Model: TypeAlias = Callable[[int, float, float], Server]
"""What makes a server of `calls`, `per` seconds and `phase` seconds."""

MODELS: Final[Mapping[str, Model]] = MappingProxyType(
    {
        "bucket": TokenBucket,
        "counter": SlidingCounter,
        "first_hit": FirstHitWindow,
        "fixed": FixedWindow,
        "log": SlidingLog,
    }
)
"""All five by name."""

EXACT: Final = ("bucket", "first_hit", "fixed", "log")
"""The models that a client obeys by never letting more than `calls` requests arrive in any `per` seconds."""


def refusals(times: Iterable[float], servers: Sequence[Server]) -> int:
    """Return how many of the requests that arrive at `times` at least one of `servers` refuses.

    Every request is counted by every server, also by those behind one that refuses it.
    """
    refused = 0
    for time in sorted(times):
        answers = [server.hit(time) for server in servers]
        refused += not all(answers)
    return refused


def worst_window(times: Iterable[float], per: float) -> int:
    """Return the largest number of `times` in any half-open interval of `per` seconds."""
    recent: deque[float] = deque()
    worst = 0
    for time in sorted(times):
        while recent and recent[0] <= time - per:
            recent.popleft()
        recent.append(time)
        worst = max(worst, len(recent))
    return worst
