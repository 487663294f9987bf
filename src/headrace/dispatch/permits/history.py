"""The history of one window: what a server that estimates it from two fixed windows may still remember. No clock.

Such a server counts `previous x (1 - f) + current`, where f is the part of its present window that has passed. An exact
log is not enough for it: 4000 requests at the end of one window weigh on all of the next. Since nobody tells us where
its windows begin, its sum is kept below the limit for every instant s at which the present one may have begun::

    P(s) x (1 - (t - s) / hold) + C(s) <= calls        P: counted in the window before s, C: counted since s

A request weighs the less the older it is, whatever s. So it is safe to take it for younger than it is: as counted when
its answer was seen, and together with the last one of its bucket.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Final

BUCKETS: Final = 200
"""How many buckets a window is kept in. One more costs time at every permit; one fewer, a part of the window's rate."""
SHORTEST: Final = 60.0
"""Seconds: shorter windows are paced, which satisfies such a server as well (`pacing`), and need no history."""


class _Bucket:
    """Requests that were counted close together: `since` the first, all of them taken to be `at` the last."""

    __slots__ = ("at", "number", "since")

    def __init__(self, at: float) -> None:
        self.since = self.at = at
        self.number = 0


class History:
    """Mutable state: the buckets of the last two windows, in order of time, and how many requests they hold."""

    __slots__ = ("_buckets", "number")

    def __init__(self) -> None:
        self._buckets: deque[_Bucket] = deque()
        self.number = 0

    def count(self, at: float, hold: float, number: int = 1) -> None:
        """Remember requests counted at `at`. What comes out of order counts as the last that came in order."""
        last = self._buckets[-1] if self._buckets else None
        if last is None or at - last.since > hold / BUCKETS:
            last = _Bucket(at)
            self._buckets.append(last)
        last.at = max(last.at, at)
        last.number += number
        self.number += number

    def expire(self, now: float, hold: float) -> None:
        """Forget what weighs nothing any longer: what is two windows old."""
        while self._buckets and self._buckets[0].at + 2 * hold <= now:
            self.number -= self._buckets.popleft().number

    def free_at(self, now: float, hold: float, spare: int) -> float:
        """Return the instant, `now` or later, from which all that is remembered weighs at most `spare`.

        That is: for every s, if nothing more is counted until then. `spare` is at least 0.
        """
        free_at = now
        if self.number <= spare:
            return free_at
        for begins, before, since in self._beginnings(hold):
            is_over = before + since <= spare
            if begins >= free_at and is_over:
                break
            if not is_over:
                free_at = max(free_at, begins + hold * _decay(before, spare - since))
        return free_at

    def dump(self) -> Iterator[tuple[float, int]]:
        """Yield instant and number of requests of every bucket, in order of time."""
        return ((bucket.at, bucket.number) for bucket in self._buckets)

    def __len__(self) -> int:
        return len(self._buckets)

    def _beginnings(self, hold: float) -> Iterator[tuple[float, int, int]]:
        """Yield the instants s at which P and C change, in order, with both as they are until then.

        Between two of them the time it takes grows with s, so that these are the ones that decide.
        """
        before, since = 0, self.number
        leave = ((bucket.at + hold, False, bucket.number) for bucket in self._buckets)
        join = ((bucket.at, True, bucket.number) for bucket in self._buckets)
        for at, is_joining, number in merge(join, leave):
            yield at, before, since
            if is_joining:
                before, since = before + number, since - number
            else:
                before -= number


def _decay(before: int, spare: int) -> float:
    """Return which part of a window must pass until `before` weighs at most `spare`."""
    return 1.0 if spare < 0 else max(0.0, 1.0 - spare / before) if before else 0.0


def history_of(instants: Iterable[float], hold: float) -> History:
    """Return the history of requests counted at `instants`, in order."""
    history = History()
    for at in instants:
        history.count(at, hold)
    return history
