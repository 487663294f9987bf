"""The history of one window: what a server that estimates it from two fixed windows may still remember. No clock.

Such a server counts `previous x (1 - f) + current`, where f is the part of its present window that has passed. An exact
log is not enough for it: 4000 requests at the end of one window weigh on all of the next. Since nobody tells us where
its windows begin, its sum is kept below the limit for every instant s at which the present one may have begun::

    P(s) x (1 - (t - s) / hold) + C(s) <= calls        P: counted in the window before s, C: counted since s

A request weighs the less the older it is, whatever s. So it is safe to take it for younger than it is: as counted when
its answer was seen, and together with the last one of its bucket.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf
from typing import Final

BUCKETS: Final = 200
"""How many buckets a window is kept in. One more costs time at every permit; one fewer, a part of the window's rate."""
SHORTEST: Final = 60.0
"""Seconds: shorter windows are paced, which satisfies such a server as well (`pacing`), and need no history."""


class History:
    """Mutable state: the buckets of the last two windows, in order of time, and how many requests they hold.

    A bucket opens with the first request in it, and takes more until `hold / BUCKETS` later. All of them are taken to
    have been counted with the last one, at its instant in `_ats`.
    """

    __slots__ = ("_ats", "_known", "_numbers", "_opened", "number")

    def __init__(self) -> None:
        self._ats: deque[float] = deque()
        self._numbers: deque[int] = deque()
        self._opened = -inf
        self.number = 0
        # What `free_at` was asked last since something was counted: the hold and spare, and its answer.
        self._known: tuple[float, int, float] | None = None

    def count(self, at: float, hold: float, number: int = 1) -> None:
        """Remember requests counted at `at`. What comes out of order counts as the last that came in order."""
        if not self._ats or at - self._opened > hold / BUCKETS:
            self._opened = at
            self._ats.append(at)
            self._numbers.append(0)
        self._ats[-1] = max(self._ats[-1], at)
        self._numbers[-1] += number
        self.number += number
        self._known = None

    def expire(self, now: float, hold: float) -> None:
        """Forget what weighs nothing any longer: what is two windows old."""
        while self._ats and self._ats[0] + 2 * hold <= now:
            self._ats.popleft()
            self.number -= self._numbers.popleft()

    def free_at(self, now: float, hold: float, spare: int) -> float:
        """Return the instant, `now` or later, from which all that is remembered weighs at most `spare`.

        That is: for every s, if nothing more is counted until then. `spare` is at least 0.
        """
        if self.number <= spare:
            return now
        if self._known is None or self._known[:2] != (hold, spare):
            self._known = hold, spare, _latest(list(self._ats), list(accumulate(self._numbers, initial=0)), hold, spare)
        # It is an instant, whatever `now` is; and what has been forgotten since had no part in it any longer.
        return max(now, self._known[2])

    def dump(self) -> Iterator[tuple[float, int]]:
        """Yield instant and number of requests of every bucket, in order of time."""
        return zip(self._ats, self._numbers, strict=True)

    def __len__(self) -> int:
        return len(self._ats)


def _latest(ats: Sequence[float], until: Sequence[int], hold: float, spare: int) -> float:
    """Return the latest instant that any beginning s of the server's window asks for.

    `ats` are the instants of the buckets, of which the first n hold `until[n]` requests. P and C change only where a
    bucket joins the window before s, or leaves it. Between two of these the instant grows with s, so that they decide.
    Where C alone weighs too much, s must have left the window; of those the last decides.
    """
    total = until[-1]
    first = bisect_left(until, total - spare)
    latest = ats[first - 1] + hold if first else -inf
    left = 0  # buckets that left the window before s
    for place in range(first, len(ats)):
        begins = ats[place]
        while ats[left] + hold < begins:
            left += 1
        before, rest = until[place] - until[left], spare - total + until[place]
        if before > rest:
            latest = max(latest, begins + hold - hold * rest / before)
    joined = first
    for place in range(bisect_left(ats, latest - 2 * hold), bisect_left(until, total - spare)):
        begins = ats[place] + hold
        while joined < len(ats) and ats[joined] < begins:
            joined += 1
        before, rest = until[joined] - until[place], spare - total + until[joined]
        if before > rest >= 0:
            latest = max(latest, begins + hold - hold * rest / before)
    return latest
