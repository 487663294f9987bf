"""What a run looks like while it goes on: a frozen snapshot that anyone may take at any time."""

from collections.abc import Callable

from msgspec import Struct

from headrace.model import Counts, WindowUse


class Snapshot(Struct, frozen=True, kw_only=True):
    """One moment of a run.

    `load` is the title of the current load, the `position`-th (1-based) of `loads`; `phase` what it is doing, in a
    few words. `counts` are those of all loads so far, `requests` and `throttled` (429s received) this run's.
    `seconds` is this run's age, `fraction` the part (0 to 1) of the current source that has been read, `requests_left`
    what the whole run has still to send and `eta` the seconds until that is answered, by the live budget; all None
    where they cannot be known. `paused_for` is how many seconds the gate stays closed after a 429.
    """

    load: str
    position: int
    loads: int
    phase: str
    counts: Counts
    requests: int
    throttled: int
    seconds: float
    fraction: float | None
    eta: float | None
    windows: tuple[WindowUse, ...]
    paused_for: float
    requests_left: int | None = None


class Progress:
    """Where a run publishes its snapshots. Given to `Client.run`, read by whoever made it.

    Mutable state: how to take a snapshot, None until the run begins.
    """

    def __init__(self) -> None:
        self._take: Callable[[], Snapshot] | None = None

    def publish(self, take: Callable[[], Snapshot]) -> None:
        """Say how to take a snapshot. Called by the run."""
        self._take = take

    def snapshot(self) -> Snapshot | None:
        """Return the present moment, None before the run has begun."""
        return None if self._take is None else self._take()
