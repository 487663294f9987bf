"""The demand for permits of some windows: whether somebody waits for one, and the one that is in hand. No clock."""

import math
from typing import Final

from headrace.dispatch.permits.window import Window

HOT: Final = 1.0
"""Seconds: two permits taken within this time make us fetch a third one ahead, as the store may be far away."""
IN_HAND: Final = 0.5
"""Seconds that a permit is kept for somebody to collect it, and a wish remembered that nobody repeats."""


class Demand:
    """Mutable state: until when a permit is wanted, which one is in hand, and when things last happened.

    `windows` are as they were last asked for, `wanted_since` is when waiting began. All instants are the caller's.
    """

    def __init__(self, windows: tuple[Window, ...]) -> None:
        self.windows = windows
        self.number: int | None = None
        self._granted_at = 0.0
        self._collected_at = -math.inf
        self.wanted_since = 0.0
        self._wanted_until = -math.inf

    def want(self, now: float, seconds: float) -> None:
        """Note that somebody waits, and asks again in `seconds` at the latest."""
        if not self.is_wanted(now):
            self.wanted_since = now
        self._wanted_until = max(self._wanted_until, now + seconds + IN_HAND)

    def is_wanted(self, now: float) -> bool:
        """Whether somebody waits and none is in hand."""
        return self.number is None and now < self._wanted_until

    def is_for(self, window: Window) -> bool:
        """Whether this window is among those that permits are wanted of."""
        return any(window.key == one.key for one in self.windows)

    def grant(self, number: int, now: float) -> None:
        """Keep a permit for whoever asks next."""
        self.number, self._granted_at = number, now
        self._wanted_until = -math.inf

    def collect(self, now: float) -> int | None:
        """Give away the permit in hand, None where there is none. Where they go fast, the next one is wanted."""
        number, self.number = self.number, None
        if number is not None:
            if now - self._collected_at < HOT:
                self.want(now, 0.0)
            self._collected_at = now
        return number

    def drop(self, now: float) -> int | None:
        """Give back the permit that nobody has collected in time, None where there is no such."""
        if self.number is None or now < self._granted_at + IN_HAND:
            return None
        number, self.number = self.number, None
        return number

    def drops_in(self, now: float) -> float:
        """Return in how many seconds the permit in hand is to be given back."""
        return math.inf if self.number is None else max(0.0, self._granted_at + IN_HAND - now)

    def __repr__(self) -> str:
        return f"<Demand: {'one' if self.number is not None else 'none'} in hand>"
