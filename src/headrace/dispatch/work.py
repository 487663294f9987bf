"""The server's time: a budget not of requests but of what they cost to answer. Near its end the gate slows down.

A provider that counts it (`Provider.work`) says in a header of every answer how many seconds that one took. The windows
are fixed ones of the server's clock, which the answers' `Date` tells. What is used up to `FREE` of a quota passes as it
comes; the rest is spread over what is left of the window, so that its end comes before the quota's.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final

from msgspec import Struct

from headrace.dispatch.clock import Clock
from headrace.dispatch.forecast import Rhythm, Turnstile
from headrace.dispatch.permits import PermitLog
from headrace.provider import Hit, WorkLimit

FREE: Final = 0.8
"""Up to this part of a quota nothing is slowed down."""
FULL: Final = 0.98
"""What is used at the end of a window at most: the rest is for answers that take longer than those before."""
REMEMBERED: Final = 100
"""Over about how many of the last answers the mean cost of one is taken."""
PLAYED: Final = 20_000
"""A window of more requests than this is not played request by request: the forecast only knows when it is used up."""
MOST_WINDOWS: Final = 10_000
"""Bounds a forecast: ten thousand hours."""


def owner_key(limit: WorkLimit, scopes: Mapping[str, str]) -> str:
    """Return what identifies whom the work of a limit is counted for; `scopes` as for `Budget`."""
    return f"work:{limit.scope}:{scopes.get(limit.scope, '')}"


class _Quota(Struct, frozen=True):
    """A limit and whose it is."""

    limit: WorkLimit
    key: str

    def allowed(self, fraction: float) -> float:
        """Return how many seconds may have been used when `fraction` of the window has passed."""
        return self.limit.seconds * (FREE + (FULL - FREE) * fraction)

    def fraction_for(self, seconds: float) -> float:
        """Return from which fraction of a window on `seconds` may be used: 0 at once, above 1 not in this one."""
        return max(0.0, (seconds / self.limit.seconds - FREE) / (FULL - FREE))


class _Toll:
    """A quota, played forward with requests that cost `mean` seconds each; see `forecast.Turnstile`.

    Mutable state: when the present window began, in seconds from now, and what is used of it.
    """

    def __init__(self, quota: _Quota, begins: float, used: float, mean: float) -> None:
        self._quota = quota
        self._per = quota.limit.per
        self._mean = mean
        self._begins = begins
        self._used = used
        self.rhythm = Rhythm(max(1, math.floor(quota.allowed(1.0) / mean)), self._per)
        self.settles_at = begins + self._per

    def free_at(self, at: float) -> float:
        """See `Turnstile.free_at`."""
        self._enter(at)
        fraction = self._quota.fraction_for(self._used + self._mean)
        return max(at, self._begins + self._per * min(fraction, 1.0))

    def take(self, at: float) -> None:
        """See `Turnstile.take`."""
        self._enter(at)
        self._used += self._mean

    def skip(self, seconds: float) -> None:
        """See `Turnstile.skip`. Windows stay where they are on the server's clock."""
        self._begins += seconds - math.fmod(seconds, self._per)

    def _enter(self, at: float) -> None:
        windows = math.floor((at - self._begins) / self._per)
        if windows > 0:
            self._begins, self._used = self._begins + windows * self._per, 0.0


class Work:
    """The server's time of one budget. One event loop; nothing waits.

    `scopes` as for `Budget`. `wall` is our own idea of the time, until the first answer has told the server's.
    Mutable state: the server's clock less ours, the mean cost of a request, how many are under way, and what is used of
    each quota in its present window, by all who share the log.
    """

    def __init__(
        self, limits: Sequence[WorkLimit], log: PermitLog, scopes: Mapping[str, str], *, clock: Clock, wall: Clock
    ) -> None:
        self._quotas = [_Quota(limit, owner_key(limit, scopes)) for limit in limits]
        self._log = log
        self._clock = clock
        self._wall = wall
        self._ahead: float | None = None
        self._mean = 0.0
        self._averaged = 0
        self.under_way = 0
        self._used: dict[_Quota, tuple[float, float]] = {}

    @property
    def mean(self) -> float:
        """The mean seconds that the server takes for a request; 0 while none has been answered."""
        return self._mean

    def note(self, seconds: float, date: str) -> None:
        """Note that an answer took the server `seconds`, and its `Date` header."""
        self._note_date(date)
        self._averaged = min(self._averaged + 1, REMEMBERED)
        self._mean += (seconds - self._mean) / self._averaged
        self.presume(seconds)

    def presume(self, seconds: float) -> None:
        """Note that the server worked so many seconds for a request, or that nobody knows and it cannot be more."""
        entered = set[str]()
        for quota in self._quotas:  # several may count the same work
            self._enter(quota, 0.0 if quota.key in entered else seconds)
            entered.add(quota.key)

    def exhaust(self, hit: Hit) -> bool:
        """Whether a 429 names one of the quotas: then nothing of it is left in this window, whoever used it up."""
        quota = next(
            (one for one in self._quotas if (one.limit.seconds, one.limit.per) == (hit.limit, hit.period)), None
        )
        if quota is not None:
            start = self._start(quota)
            self._used[quota] = start, math.inf
        return quota is not None

    def left(self) -> float:
        """Return for how many seconds nothing may be sent; 0 where there is room."""
        return max(map(self._left, self._quotas), default=0.0) if self._quotas else 0.0

    def turnstiles(self) -> dict[str, Callable[[], Turnstile]]:
        """Return what plays each limit forward, by name, once the cost of a request is known."""
        return {one.limit.name: partial(self._turnstile, one) for one in self._quotas if 0 < self._holds(one) <= PLAYED}

    def gates(self) -> dict[str, Callable[[int], float]]:
        """Return for the other limits, by name, in how many seconds each lets the last of so many requests through."""
        return {one.limit.name: partial(self._eta, one) for one in self._quotas if self._holds(one) > PLAYED}

    def used(self) -> list[tuple[WorkLimit, float]]:
        """Return each limit, and how many seconds of it are used in its present window."""
        return [(quota.limit, self._used_of(quota)) for quota in self._quotas]

    def _left(self, quota: _Quota) -> float:
        if quota not in self._used:
            self._enter(quota, 0.0)  # what others, and earlier runs, have used
        fraction = quota.fraction_for(self._used_of(quota) + (self.under_way + 1) * self._mean)
        at = self._start(quota) + quota.limit.per * min(fraction, 1.0)
        return max(0.0, at - self._now())

    def _holds(self, quota: _Quota) -> int:
        """Return how many mean requests go into a window; 0 while their cost is not known."""
        return max(1, math.floor(quota.allowed(1.0) / self._mean)) if self._mean else 0

    def _turnstile(self, quota: _Quota) -> Turnstile:
        used = self._used_of(quota) + self.under_way * self._mean
        return _Toll(quota, self._start(quota) - self._now(), used, self._mean)

    def _eta(self, quota: _Quota, requests: int) -> float:
        seconds = requests * self._mean
        start, used = self._start(quota), self._used_of(quota)
        for _ in range(MOST_WINDOWS):
            left = max(0.0, quota.allowed(1.0) - used)
            if seconds <= left:
                break
            start, used, seconds = start + quota.limit.per, 0.0, seconds - left
        return max(0.0, start + quota.limit.per * min(1.0, quota.fraction_for(used + seconds)) - self._now())

    def _used_of(self, quota: _Quota) -> float:
        start, used = self._used.get(quota, (-math.inf, 0.0))
        return used if start == self._start(quota) else 0.0

    def _enter(self, quota: _Quota, seconds: float) -> None:
        start = self._start(quota)
        total = self._log.worked(quota.key, start, self._now(), seconds)
        known_start, known = self._used.get(quota, (start, 0.0))
        self._used[quota] = start, max(total, known) if known_start == start else total

    def _start(self, quota: _Quota) -> float:
        return math.floor(self._now() / quota.limit.per) * quota.limit.per

    def _now(self) -> float:
        """Return the server's time, in seconds of the epoch; rather late than early, so that no window ends early."""
        return self._wall() if self._ahead is None else self._clock() + self._ahead

    def _note_date(self, date: str) -> None:
        try:
            answered = parsedate_to_datetime(date)
        except (ValueError, OverflowError, IndexError):  # the parser leaks what it stumbles over
            return
        ahead = answered.replace(tzinfo=answered.tzinfo or UTC).timestamp() - self._clock()
        self._ahead = ahead if self._ahead is None else max(ahead, self._ahead)

    def __repr__(self) -> str:
        used = ", ".join(f"{seconds:.1f} of {limit.name}" for limit, seconds in self.used())
        return f"<Work: {used or 'not counted'}>"
