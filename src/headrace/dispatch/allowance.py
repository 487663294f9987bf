"""The allowance: how much of each limit the gate uses. All of it, until the server is surprised; then less for a while.

Our own log never lets a window exceed its limit. A 429 all the same means that somebody else uses the token, or that
the server counts in another way than an exact window. Against the first, the window that was hit is cut and recovers
(additive increase, multiplicative decrease: BUDGETS.md 2.5); against the second, long windows are kept in the way that
is safe for a server which estimates them (`permits.history`). Short ones are so anyhow, since they are paced.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.dispatch.permits import Window
from headrace.dispatch.permits.history import SHORTEST
from headrace.provider import Hit

CUT: Final = 0.7
"""What is left of a window after a surprise. Once in the window's length: all 429s of a burst are one surprise."""
GROWTH: Final = 0.05
"""By what part of the limit the window recovers for each of its lengths without a surprise."""
LEAST: Final = 0.1
"""Of the limit: a window is never cut below this, so that we always come to know when the other user is gone."""


ROUNDING: Final = 1e-6
"""Seconds after which an instant has surely come."""


class Surprise(Struct, frozen=True):
    """A 429 that our own log does not explain: when it came, in how many seconds to come back, the limit it names."""

    at: float
    retry_after: float | None = None
    named: Hit | None = None


class _Cut:
    """One window that was cut. Mutable state: when it was last cut and surprised, and what was left of it then."""

    def __init__(self, per: float, now: float) -> None:
        self._per = per
        self._cut_at = self._hit_at = now
        self._left = CUT

    def hit(self, now: float) -> None:
        """Note a further surprise."""
        self._left = self.part(now)
        if now >= self._cut_at + self._per:
            self._left = max(LEAST, CUT * self._left)
            self._cut_at = now
        self._hit_at = now

    def part(self, now: float) -> float:
        """Return which part of the limit may be used."""
        return min(1.0, self._left + GROWTH * self._steps(now))

    def grows_in(self, now: float) -> float:
        """Return in how many seconds more may be used."""
        return self._hit_at + (self._steps(now) + 1) * self._per - now

    def _steps(self, now: float) -> int:
        return max(0, math.floor((now - self._hit_at) / self._per))


class Allowance:
    """The windows as they may be used now.

    Mutable state: the windows that were cut, by key, the fewest calls that any of them was cut to, by its name, and
    whether there was a surprise, so that the server may estimate (`is_counter_safe`).
    """

    def __init__(self, windows: Sequence[Window], *, is_counter_safe: bool = False) -> None:
        self._full = tuple(windows)
        self._cuts: dict[str, _Cut] = {}
        self._least: dict[str, int] = {}
        self._touched: dict[str | None, tuple[Window, ...]] = {}
        self.windows = self._full
        self.is_counter_safe = is_counter_safe
        self._is_surprised = False
        self._renew(0.0)

    def touched_by(self, route: str | None) -> tuple[Window, ...]:
        """Return the windows in which a request of the route class `route` is counted."""
        touched = self._touched.get(route)
        if touched is None:
            touched = tuple(window for window in self.windows if window.routes in {None, route})
            self._touched[route] = touched
        return touched

    def part(self, now: float) -> float:
        """Return which part of the pace may be used: that of the shortest general window, which sets the pace."""
        return min((cut.part(now) for key, cut in self._cuts.items() if key in self._general), default=1.0)

    def hit(self, touched: Sequence[Window], used: Callable[[Window], int], surprise: "Surprise") -> None:
        """Note a 429 for a request that had a slot in `touched`, of which `used` slots are held."""
        if not touched:
            return
        now = surprise.at
        named = _named(touched, surprise.named)
        possible = _possible(touched, surprise) if named is None else [named]
        # A long one is not cut: the pause is enough, and it would take hours to recover.
        short = [window for window in possible if window.per <= SHORTEST]
        if short:
            self._cut(max(short, key=lambda window: used(window) / window.calls), now)
        self.is_counter_safe = self._is_surprised = True
        self._renew(now)

    def returns(self, window: Window, now: float) -> list[float]:
        """Return in how many seconds each call that `window` was cut by comes back, in order, if all is clean."""
        cut, found = self._cuts.get(window.key), list[float]()
        full = next(one.calls for one in self._full if one.key == window.key)
        calls, at = window.calls, now
        while cut is not None and calls < full:
            at += cut.grows_in(at)
            grown = max(calls, math.floor(full * cut.part(at + ROUNDING)))
            found += [at - now] * (grown - calls)
            calls = grown
        return found

    def notice(self) -> str | None:
        """Return what came of surprises, in a sentence for the user; None where there were none."""
        if not self._least and not self._is_surprised:
            return None
        less = "".join(f"; {name} was cut to as few as {calls} for a while" for name, calls in self._least.items())
        long = "; longer limits are spent more evenly from now on" if self._counts_long else ""
        return f"Others use this token too, or the server counts in another way than it says{less}{long}."

    def refresh(self, now: float) -> float:
        """Let what was cut recover; return in how many seconds the next bit comes back, infinity where nothing will."""
        if not self._cuts:
            return math.inf
        self._renew(now)
        return min((cut.grows_in(now) for cut in self._cuts.values()), default=math.inf)

    def _cut(self, window: Window, now: float) -> None:
        known = self._cuts.get(window.key)
        if known is None:
            self._cuts[window.key] = _Cut(window.per, now)
        else:
            known.hit(now)

    def _renew(self, now: float) -> None:
        self._cuts = {key: cut for key, cut in self._cuts.items() if cut.part(now) < 1}
        windows = tuple(self._allowed(window, now) for window in self._full)
        for window in windows:
            if window.key in self._cuts:
                self._least[window.name] = min(window.calls, self._least.get(window.name, window.calls))
        if windows != self.windows:
            self.windows = windows
            self._touched = {}

    def _allowed(self, window: Window, now: float) -> Window:
        cut = self._cuts.get(window.key)
        calls = window.calls if cut is None else max(1, math.floor(window.calls * cut.part(now)))
        return replace(window, calls=calls, is_counter_safe=self.is_counter_safe and window.per > SHORTEST)

    @property
    def _counts_long(self) -> bool:
        return any(window.is_counter_safe for window in self.windows)

    @property
    def _general(self) -> set[str]:
        return {window.key for window in self._full if window.routes is None}

    def __repr__(self) -> str:
        held = ", ".join(f"{window.calls} of {window.name}" for window in self.windows if window.key in self._cuts)
        return f"<Allowance: {held or 'everything'}{', counter-safe' if self.is_counter_safe else ''}>"


def _possible(touched: Sequence[Window], surprise: "Surprise") -> Sequence[Window]:
    """Return the windows that may be full for as long as the answer says: nobody waits longer than a window."""
    long_enough = [window for window in touched if window.per >= (surprise.retry_after or 0.0)]
    return long_enough or [max(touched, key=lambda window: window.per)]


def _named(touched: Sequence[Window], named: Hit | None) -> Window | None:
    """Return the window that a 429 names, None where it names none of ours."""
    if named is None:
        return None
    return next((one for one in touched if one.limit == named.limit and named.period in {None, one.per}), None)
