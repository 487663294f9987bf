"""The forecast for a server that estimates a window from two fixed ones: its sum decays, and makes room bit by bit."""

from collections.abc import Sequence
from typing import Final

from headrace.dispatch.forecast import Rhythm
from headrace.dispatch.permits.history import History

BLOCKS: Final = 50
"""A window is played in so many blocks of requests, each let through evenly: exact enough, and a hundred times faster
than to ask about each request."""


class Decay:
    """A counter-safe window of `calls` and `hold`, played forward; see `forecast.Turnstile`.

    `past` are the instants at which requests were or will be counted, in seconds from now, with how many at each.
    Mutable state: what has been counted, and the block that is being let through: from when to when, and its rest.
    """

    def __init__(self, calls: int, hold: float, past: Sequence[tuple[float, int]], round_trip: float) -> None:
        self._calls = calls
        self._hold = hold
        self._round_trip = round_trip
        self._block = max(1, calls // BLOCKS)
        self._history = History()
        for at, number in sorted(past):
            self._history.count(at, hold, number)
        self._begins = self._ends = 0.0
        self._left = 0
        self.rhythm = Rhythm(calls, hold + round_trip)
        self.settles_at = 2 * hold

    def free_at(self, at: float) -> float:
        """See `Turnstile.free_at`."""
        if not self._left:
            self._begins = self._asked(at, 1)
            self._ends = self._asked(at, self._block)
            self._left = self._block
        passed = 1 - (self._left - 1) / (self._block - 1) if self._block > 1 else 1.0
        return max(at, self._begins + (self._ends - self._begins) * passed)

    def take(self, at: float) -> None:
        """See `Turnstile.take`."""
        self._left -= 1
        self._history.count(at + self._round_trip, self._hold)
        self._history.expire(at, self._hold)

    def skip(self, seconds: float) -> None:
        """See `Turnstile.skip`."""
        known, self._history = self._history, History()
        for at, number in known.dump():
            self._history.count(at + seconds, self._hold, number)
        self._begins += seconds
        self._ends += seconds

    def _asked(self, at: float, number: int) -> float:
        return self._history.free_at(at, self._hold, self._calls - number)
