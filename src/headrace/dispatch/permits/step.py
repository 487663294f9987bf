"""One step of a shared permit log: what is said and asked, and what is answered. Between the log and its store.

A step is atomic over all its windows. A store keeps three things of a window: who is under way (with the deadline of
each), the instants at which requests were counted, in the order in which it was told, and how many were ever granted.
Its clock is the only one: callers send durations, and instants only as they got them.

A claim is decided by whoever makes it, from what the store told before, and verified by the store. That is sound since
only a grant can make a window fuller: answers, losses and refunds that the claimant has not heard of free slots, or
leave them as they are. So it says how many grants it has not heard of would still leave room. What a store that lost
its data is told of once more, a permit that is held or one that has ended, is a grant there.
"""

from enum import StrEnum
from typing import Protocol

from msgspec import Struct

BEGINNING = "0-0"
"""The place before the first thing that a window was told."""


class Ending(StrEnum):
    """How a permit ended. The letters are the store's."""

    SETTLED = "s"
    LOST = "l"
    REFUNDED = "r"


class Asked(Struct, frozen=True, kw_only=True):
    """A window as we know it: `marker` names the data, empty if we have seen none; how far is in `grants` and `seen`.

    `keep` is for how many seconds the store must not forget what was counted.
    """

    key: str
    keep: float
    marker: str = ""
    grants: int = 0
    seen: str = BEGINNING


class Held(Struct, frozen=True, kw_only=True):
    """A permit of ours that has not ended, in the windows at `places` of the step."""

    name: str
    places: tuple[int, ...]


class End(Struct, frozen=True, kw_only=True):
    """A permit that ended `age` seconds ago. `markers` name the data, window by window, in which it was granted."""

    name: str
    places: tuple[int, ...]
    markers: tuple[str, ...]
    ending: Ending
    age: float


class Claim(Struct, frozen=True, kw_only=True):
    """A permit that we take from the windows at `places`, not before the store's instant `not_before`.

    It is void if any of them saw more than `room` grants of which we have not heard, or lost its data.
    """

    name: str
    places: tuple[int, ...]
    room: int
    not_before: float


class Worked(Struct, frozen=True, kw_only=True):
    """Microseconds that the server worked in an hour of the epoch, for the owner at `place` of the step."""

    place: int
    hour: int
    amount: int


class Step(Struct, frozen=True, kw_only=True):
    """All that is said and asked at once, in this order: what is held, what has ended, work, the claim.

    A permit is held for `lease` seconds from the last step that said so; then it is lost. What is lost may be counted
    for `linger` seconds more. Windows without data get the marker `fresh`. Where somebody knows by an older marker that
    there was some, it was lost: the window then counts as wholly spent at the instant when the new data began.
    """

    windows: tuple[Asked, ...]
    owners: tuple[str, ...]
    fresh: str
    lease: float
    linger: float
    held: tuple[Held, ...] = ()
    ends: tuple[End, ...] = ()
    work: tuple[Worked, ...] = ()
    claim: Claim | None = None


class View(Struct, frozen=True, kw_only=True):
    """A window after the step: what was `counted` since we last heard, the first part of it if there `is_more`.

    Nobody knows what was sent until `spent_at`, 0 for never. An instant of the future is the latest possible one.
    """

    marker: str
    grants: int
    under_way: int
    spent_at: float
    seen: str
    is_more: bool
    counted: tuple[float, ...]


class Told(Struct, frozen=True, kw_only=True):
    """The answer: the store's time, whether the claim was granted, every window, and each owner's work by hour."""

    now: float
    is_granted: bool
    views: tuple[View, ...]
    work: tuple[dict[int, int], ...]


class Store(Protocol):
    """Where a shared log is kept. Called from one task, one step after the other."""

    async def take(self, step: Step) -> Told:
        """Do the step. Raises `UnreachableError` when it may or may not have been done; other errors are for good."""

    async def close(self) -> None:
        """Let go of it."""
