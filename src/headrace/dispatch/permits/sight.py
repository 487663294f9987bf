"""A sight of one window in a log that is far away: what was seen there, and what has become of it since."""

import math
from collections.abc import Sequence

from msgspec import Struct


class Sight(Struct, frozen=True):
    """What was seen of a window `at` an instant of our clock.

    `unanswered` requests were under way; `counted` are the instants at which the others count, in order and for two
    windows back, and `lost` that at which the log lost what it knew, both in seconds from `at`. `calls` is the
    window's size.
    """

    at: float
    unanswered: int = 0
    counted: Sequence[float] = ()
    lost: float = -math.inf
    calls: int = 0

    def used(self, now: float, hold: float) -> int:
        """Return how many slots are held: all of them while nobody knows."""
        known = self.unanswered + len(self.releases(now, hold))
        return max(known, self.calls) if self._unknown_until(now, hold) > 0 else known

    def releases(self, now: float, hold: float) -> list[float]:
        """Return in how many seconds each slot comes free, in order."""
        since = now - self.at
        known = [left for at in self.counted if (left := at + hold - since) > 0]
        until = self._unknown_until(now, hold)
        return sorted(known + [until] * max(0, self.calls - len(known))) if until > 0 else known

    def past(self, now: float, hold: float) -> list[tuple[float, int]]:
        """Return how many seconds ago, and how many, requests were counted that hold no slot any longer, in order."""
        since = now - self.at
        return [(since - at, 1) for at in self.counted if at + hold - since <= 0]

    def _unknown_until(self, now: float, hold: float) -> float:
        return self.lost + hold - (now - self.at)
