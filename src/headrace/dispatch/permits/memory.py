"""The permit log of one process: a response-anchored sliding log, amortised O(1) per permit and window."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

from headrace.dispatch.clock import Clock, boottime
from headrace.dispatch.permits import Answer, Lease, Unknown, Wait, Window
from headrace.dispatch.permits.slots import Slots
from headrace.dispatch.permits.toil import Toil, microseconds
from headrace.dispatch.permits.watchers import Watchers

LINGER: Final = 60.0
"""Seconds that a request may still wait inside the server to be counted after we gave up on it."""


class MemoryLog:
    """Keeps the permits of one event loop; see `PermitLog` for what its methods promise.

    `linger` is how many seconds after a loss the server may still count the request. `clock` returns seconds and never
    goes back.
    """

    def __init__(self, *, linger: float = LINGER, clock: Clock = boottime) -> None:
        # Mutable state: slots of windows and work for owners, as seen so far, by key, and who wants to hear of changes.
        self._slots: dict[str, Slots] = {}
        self._toil: dict[str, Toil] = {}
        self._watchers = Watchers()
        self._linger = linger
        self._clock = clock
        self._granted = 0

    def take(self, windows: tuple[Window, ...]) -> Answer:
        """See `PermitLog.take`."""
        now = self._clock()
        free_at, touched = now, []
        for window in windows:
            slots = self._slots_of(window, now)
            touched.append(slots)
            free_at = max(free_at, slots.free_at(window, now))
        if free_at > now:
            if free_at == math.inf or any(slots.lingering for slots in touched):
                self._watchers.await_answer()
            return Unknown() if free_at == math.inf else Wait(free_at - now)
        for slots in touched:
            slots.unanswered += 1
        self._granted += 1
        return Lease(self._granted, windows)

    def settle(self, lease: Lease) -> None:
        """See `PermitLog.settle`."""
        now = self._clock()
        for slots in self._answered(lease, now):
            slots.count(now, now)
        self._watchers.answered()

    def lost(self, lease: Lease) -> None:
        """See `PermitLog.lost`."""
        now = self._clock()
        for slots in self._answered(lease, now):
            slots.lingering.append(now + self._linger)
        self._watchers.answered()

    def refund(self, lease: Lease) -> None:
        """See `PermitLog.refund`."""
        for _ in self._answered(lease, self._clock()):
            pass
        self._watchers.notify()

    def used(self, window: Window) -> int:
        """See `PermitLog.used`."""
        return self._slots_of(window, self._clock()).used

    def releases(self, window: Window) -> Sequence[float]:
        """See `PermitLog.releases`."""
        now = self._clock()
        slots = self._slots_of(window, now)
        return [at + window.hold - now for at in chain(slots.counted, slots.lingering)]

    def past(self, window: Window) -> Sequence[tuple[float, int]]:
        """See `PermitLog.past`."""
        now = self._clock()
        return [(now - at, number) for at, number in self._slots_of(window, now).past()]

    def worked(self, key: str, since: float, now: float, seconds: float) -> float:
        """See `PermitLog.worked`."""
        toil = self._toil.setdefault(key, Toil())
        toil.enter(now, microseconds(seconds))
        return toil.since(since)

    def watch(self, wake: Callable[[], None]) -> None:
        """See `PermitLog.watch`."""
        self._watchers.add(wake)

    def _slots_of(self, window: Window, now: float) -> Slots:
        slots = self._slots.get(window.key)
        if slots is None:
            slots = self._slots[window.key] = Slots()
        slots.expire(now, window.hold)
        return slots

    def _answered(self, lease: Lease, now: float) -> Iterator[Slots]:
        for window in lease.windows:
            slots = self._slots_of(window, now)
            slots.unanswered -= 1
            assert slots.unanswered >= 0, "a permit was given back twice"
            yield slots

    def __repr__(self) -> str:
        held = ", ".join(f"{slots.used} in {key}" for key, slots in self._slots.items())
        return f"<MemoryLog: {held or 'nothing held'}>"
