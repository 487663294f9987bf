"""The gate: who of the waiting may send next. Lanes by priority, first come first served within a lane."""

import asyncio
import math
from collections import OrderedDict
from itertools import count
from typing import Final

from headrace.dispatch.allowance import Allowance
from headrace.dispatch.clock import Clock
from headrace.dispatch.pacing import Pacer
from headrace.dispatch.pause import Pause
from headrace.dispatch.permits import Failure, Lease, PermitLog, Unknown, Wait
from headrace.dispatch.work import Work
from headrace.errors import HeadraceError
from headrace.model import Lane

SHORTEST_SLEEP: Final = 1e-3
"""Seconds: rounding may wake us an instant too early, and then we must not spin."""
LONGEST_SLEEP: Final = 30.0
"""Seconds: the loop's clock may stand still while the machine is suspended; this soon after it we notice."""


def bounded(sleep: float) -> float:
    """Return how long to sleep, in seconds, on a loop whose clock is not the budget's, before looking again."""
    return min(max(sleep, SHORTEST_SLEEP), LONGEST_SLEEP)


class Gate:
    """Hands the log's permits to whoever waits, in order. Used by any number of tasks of one event loop.

    A lane's request goes before those of later lanes. Within a lane the oldest goes first, unless its own windows are
    full and the next one's are not. Nobody overtakes by arriving at the right moment. The next permit is granted only
    after `leave()`, so that nobody queues, out of order, behind the gate; `passing` is the lease that has not left yet.
    Nor is one granted before the pacer has room for it: whoever comes until then and ranks higher goes first.
    """

    def __init__(
        self, allowance: Allowance, log: PermitLog, pause: Pause, pacer: Pacer | None, work: Work, *, clock: Clock
    ) -> None:
        self._allowance = allowance
        self._log = log
        self._pause = pause
        self._pacer = pacer
        self._work = work
        self._clock = clock
        # Mutable state: who waits, who is between gate and wire, and the timer that asks the log again. The queues are
        # made when they are first asked for; route classes are few.
        self._queues: dict[tuple[str | None, Lane], _Queue] = {}
        self._tickets = count()
        self.passing: Lease | None = None
        self._timer: asyncio.TimerHandle | None = None
        log.watch(self.wake)

    async def enter(self, route: str | None, lane: Lane) -> Lease:
        """Wait for this request's turn, and for a slot in each window that `route` touches; return the lease of them.

        Cancelled at any point, it leaves no trace: a lease that nobody is left to use is given back. Raises what has
        ended the log for good, `UnreachableError`.
        """
        ticket = next(self._tickets)
        waiter: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        queue = self._queue_of(route, lane)
        queue.waiters[ticket] = waiter
        if len(queue.waiters) == 1:  # behind others of its kind it changes nothing
            self.wake()
        try:
            return await waiter
        except asyncio.CancelledError:
            queue.waiters.pop(ticket, None)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._log.refund(waiter.result())
                self.leave()
            raise

    def leave(self) -> None:
        """Let the next one in: the holder of the last lease is on its way, or has given it back."""
        self.passing = None
        self.wake()

    def wake(self) -> None:
        """Grant the next permit if it can be granted now; else set the timer for when it can."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sleep = self._grant_next() if self.passing is None else math.inf
        if sleep < math.inf:
            self._timer = asyncio.get_running_loop().call_later(bounded(sleep), self.wake)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(len(queue.waiters) for queue in self._queues.values())

    def _grant_next(self) -> float:
        """Grant one permit if there is one; return in how many seconds to try again, infinity for "when woken"."""
        queues = [queue for queue in self._queues.values() if queue.is_waited_in()]
        if not queues:
            return math.inf
        now = self._clock()
        shut_for = max(self._pause.left(now), self._work.left(), 0.0 if self._pacer is None else self._pacer.full_for)
        if shut_for > SHORTEST_SLEEP:  # the pacer itself waits for a shorter time, and more exactly
            return shut_for
        sleep = self._allowance.refresh(now)
        if self._pacer is not None:
            self._pacer.keep_to(self._allowance.part(now))
        queues.sort(key=_Queue.precedence)
        for queue in queues:
            match self._log.take(self._allowance.touched_by(queue.route)):
                case Lease() as lease:
                    self.passing = lease
                    queue.waiters.popitem(last=False)[1].set_result(lease)
                    return math.inf
                case Wait(seconds):
                    sleep = min(sleep, seconds)
                case Failure(error):
                    self._give_up(error)
                case Unknown():
                    pass
        return sleep

    def _give_up(self, error: HeadraceError) -> None:
        """Tell everybody who waits that there will be no more permits."""
        for queue in self._queues.values():
            for waiter in queue.waiters.values():
                if not waiter.done():
                    waiter.set_exception(error)
            queue.waiters.clear()

    def _queue_of(self, route: str | None, lane: Lane) -> "_Queue":
        queue = self._queues.get((route, lane))
        if queue is None:
            queue = self._queues[route, lane] = _Queue(route, lane)
        return queue

    def __repr__(self) -> str:
        return f"<Gate: {self.waiting} waiting>"


class _Queue:
    """Those of one lane and route class, by ticket. Ordered, so that leaving from the middle is cheap."""

    __slots__ = ("lane", "route", "waiters")

    def __init__(self, route: str | None, lane: Lane) -> None:
        self.route = route
        self.lane = lane
        self.waiters: OrderedDict[int, asyncio.Future[Lease]] = OrderedDict()

    def is_waited_in(self) -> bool:
        """Whether somebody waits; those who were cancelled and have not yet noticed are dropped from the head."""
        waiters = self.waiters
        while waiters and next(iter(waiters.values())).done():
            waiters.popitem(last=False)
        return bool(waiters)

    def precedence(self) -> tuple[Lane, int]:
        """Return what queues are sorted by: the lane, then who came first."""
        return self.lane, next(iter(self.waiters))
