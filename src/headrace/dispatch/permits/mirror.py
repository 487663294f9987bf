"""The mirror of one window that is kept elsewhere: as it was when its store was last heard of. No clock."""

import math
from collections.abc import Sequence
from itertools import chain

from msgspec.structs import replace

from headrace.dispatch.permits.slots import Slots
from headrace.dispatch.permits.step import BEGINNING, Asked, View
from headrace.dispatch.permits.window import Window


class Mirror:
    """Mutable state: the slots of one window, by the store's clock, and how far we have heard of it.

    What we have not heard of can only free slots, grants apart; those are what a claim is verified for (`step`).
    `marker` names the data that this machine has seen there before, empty for none.
    """

    def __init__(self, key: str, linger: float, marker: str = "") -> None:
        self.key = key
        self._linger = linger
        self.slots = Slots()
        self.marker = marker
        self.grants = 0
        self.is_whole = False
        self._seen = BEGINNING
        self._spent_at = -math.inf

    def need(self, hold: float) -> None:
        """Keep what was counted for `hold` seconds at least. If that is new, all of it has to be heard again."""
        if hold > self.slots.hold:
            self._begin(self.marker, hold)

    def asked(self) -> Asked:
        """Return what we know, to ask for the rest."""
        keep = 2 * self.slots.hold + self._linger
        return Asked(key=self.key, keep=keep, marker=self.marker, grants=self.grants, seen=self._seen)

    def enter(self, asked: Asked, view: View, now: float) -> bool:
        """Take the answer to `asked` at the store's instant `now` into account; return whether it had lost its data."""
        if asked != self.asked():  # more was needed meanwhile, so that all has to be heard again
            return False
        is_lost = view.marker != self.marker
        was_known = self.marker != ""
        if is_lost:
            self._begin(view.marker, self.slots.hold)
        self.slots.expire(now, self.slots.hold)
        for at in view.counted:
            if at + 2 * self.slots.hold > now:
                self.slots.count(at, now)
        self.slots.unanswered = view.under_way
        self.grants = view.grants
        self._seen = view.seen
        self._spent_at = view.spent_at if view.spent_at > 0 else -math.inf
        self.is_whole = not view.is_more
        return is_lost and was_known

    def free_at(self, window: Window, now: float, room: int = 0) -> float:
        """Return the instant from which `window` has room for `room` others and us; infinity if an answer decides."""
        self.slots.expire(now, self.slots.hold)
        asked = replace(window, calls=window.calls - room) if room else window
        return max(self.slots.free_at(asked, now), self.spent_until)

    def used(self, window: Window, now: float) -> int:
        """Return how many slots are held: all of them while it is not known."""
        self.slots.expire(now, self.slots.hold)
        return max(self.slots.used, window.calls) if self.spent_until > now else self.slots.used

    def releases(self, window: Window, now: float) -> Sequence[float]:
        """Return in how many seconds each slot comes free, in order; those of unanswered requests are left out."""
        unknown = self.used(window, now) - self.slots.used
        instants = chain(self.slots.counted, self.slots.lingering, [self._spent_at] * unknown)
        return sorted(at + window.hold - now for at in instants)

    def past(self, now: float) -> Sequence[tuple[float, int]]:
        """Return how many seconds ago, and how many, requests were counted that hold no slot any longer, in order."""
        self.slots.expire(now, self.slots.hold)
        return [(now - at, number) for at, number in self.slots.past()]

    @property
    def spent_until(self) -> float:
        """The store's instant until which nothing is known to be left, in the past where all is known."""
        return self._spent_at + self.slots.hold

    def _begin(self, marker: str, hold: float) -> None:
        self.slots = Slots()
        self.slots.hold = hold
        self.marker = marker
        self.is_whole = False
        self._seen = BEGINNING

    def __repr__(self) -> str:
        return f"<Mirror: {self.slots.used} held in {self.key}>"
