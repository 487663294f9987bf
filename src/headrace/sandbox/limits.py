"""The limits of an API and how its server counts them: three algorithms, and off. Exact; time is given."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` requests in `per` seconds, of those whose path begins with `prefix`, by `methods` if any.

    `title` is what a limit on some methods is called. `scope` says who shares it; a sandbox has one token and one
    organization, so it is only told.
    """

    calls: int
    per: float
    scope: str
    prefix: str = "/"
    methods: frozenset[str] = frozenset()
    title: str = ""

    @property
    def name(self) -> str:
        """What the audit calls the window, for example `100/10s` or `reports 10/30s`."""
        return f"{self.title or self.prefix.strip('/')} {self.calls}/{self.per:g}s".strip()

    def covers(self, method: str, path: str) -> bool:
        """Whether a request counts here."""
        return path.startswith(self.prefix) and (not self.methods or method in self.methods)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that a limit had no room for, and the seconds until it has."""

    limit: Limit
    wait: float


class Meter(Protocol):
    """Counts the requests of one limit. Calls come in the order of time."""

    def __init__(self, calls: int, per: float) -> None: ...

    def wait(self, now: float) -> float:
        """Return in how many seconds there is room for one more request: 0.0 for at once."""

    def count(self, now: float) -> None:
        """Count one request."""


class FixedMeter:
    """Windows that start at multiples of their length since the epoch, as Rack::Attack counts."""

    def __init__(self, calls: int, per: float) -> None:
        self._calls, self._per = calls, per
        self._index, self._used = -1, 0  # of the window that was last counted in

    def wait(self, now: float) -> float:
        """Until the window ends."""
        index = math.floor(now / self._per)
        is_full = index == self._index and self._used >= self._calls
        return (index + 1) * self._per - now if is_full else 0.0

    def count(self, now: float) -> None:
        """Count in the window of `now`."""
        index = math.floor(now / self._per)
        self._used = self._used + 1 if index == self._index else 1
        self._index = index


class SlidingMeter:
    """An exact log: no half-open window of the limit's length, wherever it starts, holds more than its calls."""

    def __init__(self, calls: int, per: float) -> None:
        self._per = per
        # Older ones cannot matter: there is room exactly when the oldest of the last `calls` has left the window.
        self._times: deque[float] = deque(maxlen=calls)

    def wait(self, now: float) -> float:
        """Until the oldest that counts has left."""
        if len(self._times) < (self._times.maxlen or 0):
            return 0.0
        return max(0.0, self._times[0] + self._per - now)

    def count(self, now: float) -> None:
        """Remember `now`."""
        self._times.append(now)


class CounterMeter:
    """The weighted sum of this fixed window and the last one, as Cloudflare approximates a sliding window."""

    def __init__(self, calls: int, per: float) -> None:
        self._calls, self._per = calls, per
        self._index, self._last, self._used = -1, 0, 0  # the current window, the one before it

    def wait(self, now: float) -> float:
        """Until the weights have decayed enough."""
        self._roll(now)
        fraction = now / self._per - self._index
        if math.floor(self._last * (1 - fraction)) + self._used < self._calls:
            return 0.0
        # At that very moment the sum is still full; there is room right after it.
        return math.nextafter(max(self._room_at() * self._per - now, 0.0), math.inf)

    def count(self, now: float) -> None:
        """Count in the window of `now`."""
        self._roll(now)
        self._used += 1

    def _roll(self, now: float) -> None:
        index = math.floor(now / self._per)
        if index != self._index:
            self._last = self._used if index == self._index + 1 else 0
            self._index, self._used = index, 0

    def _room_at(self) -> float:
        """Return when, in windows since the epoch, the weights have decayed enough for one more."""
        spare = self._calls - self._used
        if spare > 0:
            return self._index + 1 - spare / self._last
        return self._index + 2 - self._calls / self._used


METERS: Final[Mapping[str, type[Meter] | None]] = {
    "fixed": FixedMeter,
    "sliding": SlidingMeter,
    "counter": CounterMeter,
    "off": None,
}


class TimeMeter:
    """The server's own time, in fixed windows of an hour from the top of it: at most `seconds` of processing in each.

    Nothing is refused where `seconds` is None.
    """

    PER: Final = 3_600.0

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.worst = 0.0
        self._index, self._used = -1, 0.0  # the current hour

    def wait(self, now: float) -> float:
        """Return in how many seconds there is time for one more request: 0.0 for at once."""
        self._roll(now)
        is_spent = self.seconds is not None and self._used >= self.seconds
        return (self._index + 1) * self.PER - now if is_spent else 0.0

    def work(self, now: float, seconds: float) -> None:
        """Count what a request took."""
        self._roll(now)
        self._used += seconds
        self.worst = max(self.worst, self._used)

    def _roll(self, now: float) -> None:
        index = math.floor(now / self.PER)
        if index != self._index:
            self._index, self._used = index, 0.0


class Throttle:
    """All limits of an API under one algorithm. A request must find room in every limit that covers it."""

    def __init__(self, limits: Iterable[Limit], window: str, *, counts_rejected: bool = False) -> None:
        meter = METERS[window]
        self._meters = [] if meter is None else [(limit, meter(limit.calls, limit.per)) for limit in limits]
        self._counts_rejected = counts_rejected

    def admit(self, method: str, path: str, now: float) -> Refusal | None:
        """Count a request, or return the limit that refuses it: of several the one that takes longest."""
        covering = [(limit, meter) for limit, meter in self._meters if limit.covers(method, path)]
        refusals = [Refusal(limit, wait) for limit, meter in covering if (wait := meter.wait(now)) > 0]
        if not refusals or self._counts_rejected:
            for _, meter in covering:
                meter.count(now)
        return max(refusals, key=lambda refusal: refusal.wait, default=None)

    def spend(self, method: str, path: str, now: float, calls: int) -> None:
        """Count `calls` requests of someone else who uses the same token."""
        for limit, meter in self._meters:
            if limit.covers(method, path):
                for _ in range(calls):
                    meter.count(now)
