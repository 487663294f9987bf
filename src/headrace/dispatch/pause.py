"""The pause of a gate after a 429: for how long, and what counts as one surprise. No clock of its own."""

from collections.abc import Callable
from typing import Final, TypeAlias

from headrace.dispatch.permits.headers import LONGEST_PAUSE

FIRST: Final = 2.0
LONGEST_UNASKED: Final = 60.0
"""Seconds: the bounds of the back-off where a 429 does not say how long to wait."""


SPREAD: Final = 0.1
"""Of a pause: up to so much longer it may last, so that the processes that share a token do not return together."""

Jitter: TypeAlias = Callable[[float, float], float]
"""Returns a number between the two."""


def exactly(least: float, _most: float) -> float:
    """Return the lower of the two: no jitter, for one process alone and for tests."""
    return least


class Pause:
    """Until when nothing may be sent, and how often in a row we were surprised. Times are the gate's, in seconds.

    A 429 means that somebody else uses the token or that the server counts otherwise than its manual says. Requests
    that were under way when the pause began earn their 429s from the same surprise: they can make the pause longer
    where the server says so, but not the back-off.
    """

    def __init__(self, jitter: Jitter = exactly) -> None:
        self._jitter = jitter
        # Mutable state.
        self._until = float("-inf")
        self._surprises = 0

    def left(self, now: float) -> float:
        """Return for how many seconds from `now` nothing may be sent; 0 outside a pause."""
        return max(0.0, self._until - now)

    def reject(self, now: float, sent_at: float, retry_after: float | None) -> None:
        """Note a 429 for a request sent at `sent_at`; `retry_after` is what it asks for, in seconds."""
        is_new = sent_at >= self._until
        if is_new:
            self._surprises += 1
        if is_new or retry_after is not None:
            seconds = self._seconds(retry_after)
            self._until = max(self._until, now + seconds + self._jitter(0.0, SPREAD * seconds))

    def accept(self, sent_at: float) -> None:
        """Note any other answer: if its request was sent after the last surprise, that one is over."""
        if sent_at >= self._until:
            self._surprises = 0

    def _seconds(self, retry_after: float | None) -> float:
        if retry_after is None:
            return min(FIRST * 2.0 ** min(self._surprises - 1, 10), LONGEST_UNASKED)
        # A server that asks for less than it needs is not believed twice: "0" must not become a tight circle.
        least = FIRST if self._surprises > 1 else 0.0
        return min(max(retry_after, least), LONGEST_PAUSE)
