"""The slots of one window: who holds one, and until when. The arithmetic that every permit log shares; no clock."""

import math
from bisect import insort
from collections import deque
from collections.abc import Iterator

from headrace.dispatch.permits.history import SHORTEST, History
from headrace.dispatch.permits.window import Window


class Slots:
    """Mutable state: who holds a slot of one window. Both queues hold instants at which the server counted, in order.

    `counted` are in the past, `lingering` in the future: the latest instant at which a lost request may be counted.
    `unanswered` is how many are under way. `history` is what a server that estimates the window may remember.
    """

    __slots__ = ("counted", "history", "hold", "lingering", "unanswered")

    def __init__(self) -> None:
        self.counted: deque[float] = deque()
        self.lingering: deque[float] = deque()
        self.unanswered = 0
        self.hold = 0.0
        self.history = History()

    @property
    def used(self) -> int:
        """How many slots are held."""
        return self.unanswered + len(self.counted) + len(self.lingering)

    def count(self, at: float, now: float) -> None:
        """Hold a slot for a request that the server counts at `at`, which may lie in the past or in the future."""
        if at <= now and self.hold > SHORTEST:
            self.history.count(at, self.hold)
        instants = self.lingering if at > now else self.counted
        if not instants or instants[-1] <= at:
            instants.append(at)
        else:
            insort(instants, at)

    def expire(self, now: float, hold: float) -> None:
        """Forget what the server cannot count any longer."""
        # Budgets that share a window may keep it with different slack: the longest decides what may be forgotten.
        self.hold = max(self.hold, hold)
        while self.lingering and self.lingering[0] <= now:
            self.count(self.lingering.popleft(), now)
        while self.counted and self.counted[0] + self.hold <= now:
            self.counted.popleft()
        self.history.expire(now, self.hold)

    def past(self) -> Iterator[tuple[float, int]]:
        """Yield when, and how many, requests were counted that hold no slot any longer but are remembered."""
        left = self.history.number - len(self.counted)
        for at, number in self.history.dump():
            if left <= 0:
                return
            yield at, min(number, left)
            left -= number

    def free_at(self, window: Window, now: float) -> float:
        """Return the instant from which `window` has room; infinity where only an answer can tell."""
        at = self._free_at(window.calls)
        if not window.is_counter_safe or at == math.inf:
            return at
        spare = window.calls - 1 - self.unanswered - len(self.lingering)
        if spare < 0:  # until some of those who linger have been counted
            return max(at, self.lingering[0]) if self.lingering else math.inf
        return max(at, self.history.free_at(now, self.hold, spare))

    def _free_at(self, calls: int) -> float:
        """Return the instant from which fewer than `calls` slots are held; infinity where only an answer can tell."""
        excess = self.used + 1 - calls
        if excess <= 0:
            return -math.inf
        for instants in (self.counted, self.lingering):
            if excess <= len(instants):
                return instants[excess - 1] + self.hold
            excess -= len(instants)
        return math.inf
