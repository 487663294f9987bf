"""The log of permits: what was sent, and until when each of it counts in the provider's windows.

A permit holds a slot in every window that its request touches, from the moment it is granted until the server cannot
count it any longer: the answer (`settle`) or the latest instant at which a request without one may still be counted
(`lost`), plus the window, plus slack for clocks. While no window ever holds more than its limit, no window of the
server does, whatever the latency and the alignment (BUDGETS.md, section 2).

The gate talks to this protocol only. `memory` is the log of one process, `file` that of all processes of a machine, and
`shared` that of several machines, with its store in `redis`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from headrace.dispatch.permits.window import Window
from headrace.errors import HeadraceError


class Lease(Struct, frozen=True, gc=False):
    """A permit as the log knows it: its number, and the windows in which it holds a slot."""

    number: int
    windows: tuple[Window, ...]


class Wait(Struct, frozen=True, gc=False):
    """No slot now; asking again makes sense after so many seconds. Others may be faster: it is no promise."""

    seconds: float


class Unknown(Struct, frozen=True, gc=False):
    """No slot, and no telling when: every slot is held by a request of this process that has no answer yet."""


class Failure(Struct, frozen=True):
    """No slot, and none to be had soon: the log has failed, and whoever waits is to be told why."""

    error: HeadraceError


Answer: TypeAlias = Lease | Wait | Unknown | Failure


class PermitLog(Protocol):
    """Keeps who holds a slot in which window. Called from one event loop; no method waits or awaits.

    Each call is one atomic step over all the windows of the request: a request never holds a slot in one window while
    it waits for another. Windows are told apart by `Window.key` alone, so budgets that share a log share what their
    keys have in common. The clock is the log's own affair; callers see durations only.
    """

    def take(self, windows: tuple[Window, ...]) -> Answer:
        """Take a slot in every one of `windows`, or in none."""

    def settle(self, lease: Lease) -> None:
        """Note that the answer is here, whatever its status: the server has counted the request by now."""

    def lost(self, lease: Lease) -> None:
        """Note that it was sent and no answer will come: the server may count the request for some time yet."""

    def refund(self, lease: Lease) -> None:
        """Free the slots at once: nothing was sent."""

    def used(self, window: Window) -> int:
        """Return how many slots of `window` are held now."""

    def releases(self, window: Window) -> Sequence[float]:
        """Return in how many seconds each slot of `window` comes free, in order; unanswered requests are left out."""

    def past(self, window: Window) -> Sequence[tuple[float, int]]:
        """Return how many seconds ago, and how many, requests were counted that hold no slot any longer, in order.

        Only as far as `history` remembers them, which a server that estimates the window may do as well.
        """

    def worked(self, key: str, since: float, now: float, seconds: float) -> float:
        """Note that the server worked `seconds` for the owner of `key`; return what it has worked since `since`.

        Both instants are the server's, in seconds of the epoch; `since` is a whole hour. What is two days old is
        forgotten.
        """

    def watch(self, wake: Callable[[], None]) -> None:
        """Have `wake`, a bound method, called when an answer of `take` may have changed other than by time passing.

        The log does not keep the method's object alive.
        """


__all__ = ["Answer", "Failure", "Lease", "PermitLog", "Unknown", "Wait", "Window"]
