"""The permit log that machines share: kept in a store (`step`), of which every process has a replica.

The methods answer from the replica and from the permits in hand. One task tells the store what has ended and asks it
for what is wanted, in one step after the other; its answers wake the gate. Who goes first is the gate's own affair.

While the store cannot be reached nothing is granted. What ends meanwhile is told later, with its age, so that nothing
is held for longer than it must. A permit whose holder is not heard of any more is lost when its lease ends.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final

from headrace.dispatch.clock import Clock, boottime
from headrace.dispatch.permits import Answer, Failure, Lease, Unknown, Wait, Window
from headrace.dispatch.permits.demand import Demand
from headrace.dispatch.permits.memory import LINGER
from headrace.dispatch.permits.mirror import Mirror
from headrace.dispatch.permits.recollection import Memory
from headrace.dispatch.permits.replica import Replica
from headrace.dispatch.permits.step import Ending, Store
from headrace.dispatch.permits.watchers import Watchers
from headrace.errors import HeadraceError, InvariantError, UnreachableError

POLL: Final = 1.0
"""Seconds after which to ask again while somebody waits: nobody tells us what others do."""
LEASE: Final = 120.0
"""Seconds for which a permit is ours without a word: as long as a request takes at the longest, and as much again."""
PATIENCE: Final = 120.0
"""Seconds without the store after which whoever waits is told so, with an error."""
NOTED: Final = 10.0
"""Seconds: an outage that was longer is worth a note."""
_SHORTEST, _LONGEST = 0.1, 2.0
"""Seconds between attempts to reach the store, at first and at last."""
_IDLE: Final = 30.0


class SharedLog:
    """Keeps the permits of all who use the same `store`; see `PermitLog` for what its methods promise.

    `begin` is awaited first; then `run` is a task of its own, which ends after `close`. `linger` is how many seconds
    after a loss the server may still count the request, `lease` for how many we hold a permit without a word: longer
    than a request can take. `clock` is this machine's and measures durations only. `memory` is what this machine
    has seen of the store before. `notice` is told, in a sentence for the user, when the store was out of reach or has
    lost what it knew. `take` fails with what the store raised, of an outage from `PATIENCE` seconds after its beginning
    until its end.
    """

    def __init__(
        self,
        store: Store,
        *,
        notice: Callable[[str], None],
        linger: float = LINGER,
        lease: float = LEASE,
        memory: Memory | None = None,
        clock: Clock = boottime,
    ) -> None:
        self._store = store
        self._notice = notice
        self._clock = clock
        self._replica = Replica(linger=linger, lease=lease, memory=memory or Memory(), clock=clock)
        self._numbers = count(1)
        self._watchers = Watchers()
        # Mutable state: who wants what, since when the store is out of reach, what went wrong for good, whether we are
        # to come to an end, or are over, whether somebody looked at what is no longer new, and what wakes the task.
        self._demands: dict[tuple[str, ...], Demand] = {}
        self._silent_since: float | None = None
        self._failure: HeadraceError | None = None
        self._is_closing = self._is_over = self._is_looked_at = False
        self._stirred = asyncio.Event()

    # What the gate and the budget ask...

    def take(self, windows: tuple[Window, ...]) -> Answer:
        """See `PermitLog.take`."""
        if not windows:
            return Lease(next(self._numbers), windows)
        demand, now = self._demand_of(windows), self._clock()
        if (number := demand.collect(now)) is not None:
            self._stirred.set()
            return Lease(number, windows)
        if self._failure is not None:
            return Failure(self._failure)
        answer = self._refusal(windows)
        demand.want(now, answer.seconds if isinstance(answer, Wait) else _IDLE)
        self._stirred.set()
        return answer

    def settle(self, lease: Lease) -> None:
        """See `PermitLog.settle`."""
        self._end(lease.number, Ending.SETTLED)

    def lost(self, lease: Lease) -> None:
        """See `PermitLog.lost`."""
        self._end(lease.number, Ending.LOST)

    def refund(self, lease: Lease) -> None:
        """See `PermitLog.refund`."""
        self._end(lease.number, Ending.REFUNDED)

    def used(self, window: Window) -> int:
        """See `PermitLog.used`. What is in hand is not used yet."""
        replica = self._replica
        used = self._seen(window).used(window, replica.now)
        in_hand = sum(demand.number is not None and demand.is_for(window) for demand in self._demands.values())
        return max(0, used - in_hand - replica.holdings.refunds(window.key))

    def releases(self, window: Window) -> Sequence[float]:
        """See `PermitLog.releases`."""
        return self._seen(window).releases(window, self._replica.now)

    def past(self, window: Window) -> Sequence[tuple[float, int]]:
        """See `PermitLog.past`."""
        return self._seen(window).past(self._replica.now)

    def worked(self, key: str, since: float, now: float, seconds: float) -> float:
        """See `PermitLog.worked`. What others have had done shows when the store next answers."""
        self._replica.labour.enter(key, now, seconds)
        if self._replica.labour.is_untold:
            self._stirred.set()
        return self._replica.labour.since(key, since)

    def watch(self, wake: Callable[[], None]) -> None:
        """See `PermitLog.watch`."""
        self._watchers.add(wake)

    def _seen(self, window: Window) -> Mirror:
        """Return what is known of a window, to be heard of again where that is a while ago."""
        if self._clock() > self._replica.stepped_at + POLL:
            self._is_looked_at = True
            self._stirred.set()
        return self._replica.mirror_of(window)

    def _end(self, number: int, ending: Ending) -> None:
        self._replica.end(number, ending)
        self._stirred.set()

    def _refusal(self, windows: tuple[Window, ...]) -> Wait | Unknown:
        seconds = self._replica.free_in(windows)
        if seconds <= 0:
            return Wait(POLL)  # the store is being asked, and its answer wakes the gate
        is_alone = self._replica.is_alone(windows)
        if seconds == math.inf and is_alone:
            return Unknown()
        return Wait(seconds if is_alone else min(seconds, POLL))

    def _demand_of(self, windows: tuple[Window, ...]) -> Demand:
        keys = tuple(window.key for window in windows)
        demand = self._demands.get(keys)
        if demand is None:
            demand = self._demands[keys] = Demand(windows)
        demand.windows = windows
        return demand

    # The task...

    async def begin(self, windows: Iterable[Window], owners: Iterable[str] = ()) -> None:
        """Hear all there is to hear of `windows`, and of the work for `owners`. Raises what the store raises."""
        for window in windows:
            self._replica.mirror_of(window)
        for owner in owners:
            self._replica.labour.enter(owner, 0.0, 0.0)
        while self._replica.stepped_at == -math.inf or not self._replica.is_whole:
            await self._step()

    async def run(self) -> None:
        """Take one step after the other, until all is told after `close`, or until a failure for good."""
        try:
            while not (self._is_over or (self._is_closing and self._replica.due_in() > 0)):
                self._stirred.clear()
                if self._due_in() <= 0:
                    await self._step_when_it_can_be()
                else:
                    await self._rest(self._due_in())
        except HeadraceError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  # whoever waits must hear of it, whatever it is
            self._fail(InvariantError(f"the shared budget failed: {error!r}", hint="please report this"))

    def close(self) -> None:
        """Give back what is in hand; what else has not ended is lost. `run` ends when the store has been told."""
        for demand in self._demands.values():
            self._drop(demand, math.inf)
        for number in self._replica.holdings.numbers:
            self._replica.end(number, Ending.LOST)
        self._is_closing = True
        self._stirred.set()

    def stop(self) -> None:
        """Have `run` end whatever there is to tell. Its task is to be cancelled as well.

        A cancellation alone is not enough: redis-py swallows one that comes together with an answer.
        """
        self._is_over = True
        self._stirred.set()

    async def _step_when_it_can_be(self) -> None:
        pause = _SHORTEST
        while not self._is_over:  # each way round takes longer, and whoever waits is told after a while
            try:
                await self._step()
            except UnreachableError as error:
                self._note_silence(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST)
            else:
                self._note_answer()
                return

    async def _step(self) -> None:
        replica, now = self._replica, self._clock()
        for demand in self._demands.values():
            self._drop(demand, now)
        claimed = None if self._is_closing else self._claimable(now)
        windows, number = (claimed.windows, next(self._numbers)) if claimed else ((), 0)
        step = replica.step(number, windows)
        try:
            told = await self._store.take(step)
        except BaseException:
            if claimed:  # granted or not, nobody waits for it any longer
                replica.hold(number, windows)
                replica.end(number, Ending.REFUNDED)
            raise
        self._is_looked_at = False
        lost = replica.enter(step, told)
        if lost:
            self._notice("The store of the budget has lost its data: nothing is sent for one whole window.")
        if claimed and told.is_granted:
            replica.hold(number, windows)
            claimed.grant(number, self._clock())
        if step.ends or told.is_granted:
            self._watchers.notify()

    def _claimable(self, now: float) -> Demand | None:
        wanted = [demand for demand in self._demands.values() if demand.is_wanted(now)]
        free = [demand for demand in wanted if self._replica.free_in(demand.windows) <= 0]
        return min(free, key=lambda demand: demand.wanted_since, default=None)

    def _due_in(self) -> float:
        now, due = self._clock(), 0.0 if self._is_looked_at else self._replica.due_in()
        for demand in self._demands.values():
            due = min(due, demand.drops_in(now))
            if demand.is_wanted(now):
                due = min(due, self._replica.free_in(demand.windows), self._replica.stepped_at + POLL - now)
        return due

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(min(seconds, _IDLE)):
                await self._stirred.wait()
        except TimeoutError:
            pass

    def _drop(self, demand: Demand, now: float) -> None:
        number = demand.drop(now)
        if number is not None:
            self._replica.end(number, Ending.REFUNDED)

    def _note_silence(self, error: UnreachableError) -> None:
        now = self._clock()
        if self._silent_since is None:
            self._silent_since = now
        if now >= self._silent_since + PATIENCE:
            self._fail(error)

    def _note_answer(self) -> None:
        if self._silent_since is not None:
            seconds = self._clock() - self._silent_since
            if seconds > NOTED:
                self._notice(f"The budget could not be reached for {seconds:.0f} s; nothing was sent meanwhile.")
            if isinstance(self._failure, UnreachableError):
                self._failure = None
            self._silent_since = None

    def _fail(self, error: HeadraceError) -> None:
        self._failure = error
        self._watchers.notify()

    def __repr__(self) -> str:
        return f"<SharedLog: {self._replica!r}>"
