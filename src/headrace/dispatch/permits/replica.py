"""The replica of a shared log: the mirrors of its windows, what we hold of them, and the store's clock."""

import math
import secrets
from collections.abc import Sequence
from itertools import count
from typing import Final

from headrace.dispatch.clock import Clock
from headrace.dispatch.permits.held import Holdings
from headrace.dispatch.permits.labour import Labour
from headrace.dispatch.permits.mirror import Mirror
from headrace.dispatch.permits.recollection import Memory
from headrace.dispatch.permits.step import Claim, Ending, Step, Told
from headrace.dispatch.permits.window import Window

RENEWAL: Final = 5.0
"""Seconds after which the store is told again what we hold, at the latest: it may have lost its data, and is held for a
window then, so half of the shortest window is soon enough."""
ROOMS: Final = (15, 3, 0)
"""How many grants to others may come before ours: as many as fit, so that we need not ask again for each of them."""


class Replica:
    """Says what a step says and asks, and takes its answer into account. Nothing waits.

    `linger`, `lease`, `memory` and `clock` as for `SharedLog`.
    """

    def __init__(self, *, linger: float, lease: float, memory: Memory, clock: Clock) -> None:
        self._linger = linger
        self._lease = lease
        self._memory = memory
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._steps = count(1)
        # Mutable state: the mirrors by key of the window, what we hold, the server's work, how far the store's clock is
        # ahead of ours, and when, by ours, it last answered and last heard what we hold.
        self.mirrors: dict[str, Mirror] = {}
        self.holdings = Holdings(self._owner)
        self.labour = Labour()
        self._ahead = 0.0
        self.stepped_at = self._renewed_at = -math.inf

    @property
    def now(self) -> float:
        """The store's time, rather late than early: its answer took some time to come."""
        return self._clock() + self._ahead

    @property
    def is_whole(self) -> bool:
        """Whether we have heard of all windows all there was when we asked."""
        return all(mirror.is_whole for mirror in self.mirrors.values())

    def mirror_of(self, window: Window) -> Mirror:
        """Return the mirror of a window, which may have to be filled yet."""
        mirror = self.mirrors.get(window.key)
        if mirror is None:
            mirror = self.mirrors[window.key] = Mirror(window.key, self._linger, self._memory.marker(window.key))
        mirror.need(window.hold)
        return mirror

    def free_in(self, windows: Sequence[Window], room: int = 0) -> float:
        """Return in how many seconds all of `windows` have room for `room` others and us; infinity if nobody knows.

        0 or less where they have it now, as far as we have heard.
        """
        now = self.now
        return max(self.mirror_of(window).free_at(window, now, room) for window in windows) - now

    def is_alone(self, windows: Sequence[Window]) -> bool:
        """Whether all that is under way in `windows` is ours."""
        return all(self.mirror_of(window).slots.unanswered <= self.holdings.in_window(window.key) for window in windows)

    def end(self, number: int, ending: Ending) -> None:
        """Note how a permit of ours ended."""
        self.holdings.end(number, ending, self._clock())

    def hold(self, number: int, windows: Sequence[Window]) -> None:
        """Note that a permit is ours."""
        self.holdings.add(number, [(window.key, self.mirrors[window.key].marker) for window in windows])

    def due_in(self) -> float:
        """Return in how many seconds there is something to tell, whoever wants what."""
        if self.holdings.untold or self.labour.is_untold or not self.is_whole:
            return 0.0
        return self._renewal_at - self._clock() if self.holdings.numbers else math.inf

    def step(self, number: int, windows: Sequence[Window]) -> Step:
        """Return the next step, with a claim for the permit `number` of `windows`; without one if there are none."""
        places = {key: place for place, key in enumerate(self.mirrors)}
        return Step(
            windows=tuple(mirror.asked() for mirror in self.mirrors.values()),
            owners=self.labour.owners,
            fresh=f"{self._owner}-{next(self._steps)}",
            lease=self._lease,
            linger=self._linger,
            held=self.holdings.held(places) if self._clock() >= self._renewal_at else (),
            ends=self.holdings.ends(places, self._clock()),
            work=self.labour.work(),
            claim=self._claim(number, windows, places) if windows else None,
        )

    def enter(self, step: Step, told: Told) -> list[str]:
        """Take the answer to `step` into account; return the keys of the windows whose data was lost."""
        self.stepped_at = self._clock()
        self._ahead = told.now - self.stepped_at
        self.holdings.told(len(step.ends))
        self.labour.heard(len(step.work), step.owners, told.work)
        views = list(zip(step.windows, told.views, strict=True))
        if step.held:
            self._renewed_at = self.stepped_at
            self.holdings.renewed(step.held, {asked.key: view.marker for asked, view in views})
        lost = [asked.key for asked, view in views if self.mirrors[asked.key].enter(asked, view, told.now)]
        if lost:
            self._renewed_at = -math.inf
        for key, mirror in self.mirrors.items():
            self._memory.note(key, mirror.marker)
        return lost

    @property
    def _renewal_at(self) -> float:
        shortest = min((mirror.slots.hold for mirror in self.mirrors.values()), default=math.inf)
        return self._renewed_at + min(RENEWAL, shortest / 2)

    def _claim(self, number: int, windows: Sequence[Window], places: dict[str, int]) -> Claim:
        free_at = max(self.mirrors[window.key].free_at(window, self.now) for window in windows)
        return Claim(
            name=self.holdings.name(number),
            places=tuple(places[window.key] for window in windows),
            room=next((room for room in ROOMS if self.free_in(windows, room) <= 0), 0),
            not_before=max(0.0, free_at),
        )

    def __repr__(self) -> str:
        held = ", ".join(f"{mirror.slots.used} in {key}" for key, mirror in self.mirrors.items())
        return f"<Replica: {held or 'nothing held'}>"
