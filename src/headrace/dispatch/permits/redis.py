"""The permit log in Redis: shared by the processes of several machines, by the clock of the server they share.

No method may wait, and Redis is a journey away. So `take` only asks: the question travels while the gate waits, its
answer wakes the gate, and the next `take` collects it. One question is under way at a time, and before it goes whatever
has ended since the last one. A lease that nobody collects is given back.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from headrace.dispatch.clock import Clock, boottime
from headrace.dispatch.permits import Answer, Failure, Lease, Unknown, Wait, Window
from headrace.dispatch.permits.courier import Courier, Errand, open_courier
from headrace.dispatch.permits.folder import state_folder
from headrace.dispatch.permits.memory import LINGER
from headrace.dispatch.permits.sight import Sight
from headrace.dispatch.permits.toil import HOUR, microseconds
from headrace.dispatch.permits.watchers import Watchers
from headrace.errors import HeadraceError
from headrace.identity import digest

POLL: Final = 1.0
"""Seconds after which to ask again while others' requests are under way: nobody tells us of their end."""
OUTLIVED: Final = 1_200.0
"""Seconds after which a permit that has not ended is lost: a pause, the pacer and the request, all at their longest."""
UNCOLLECTED: Final = 0.5
"""Seconds that a lease waits to be collected before it is given back."""
STALE: Final = 1.0
"""Seconds after which what is known of a window is looked up again, when somebody asks."""
_CLOSING: Final = 5.0


class RedisLog:
    """Keeps the permits of all who use the same Redis; see `PermitLog` for what its methods promise.

    `used`, `releases` and `worked` tell what was seen last, at most about a second ago. Made by `open_redis_log`.
    """

    def __init__(self, courier: Courier, clock: Clock) -> None:
        self._courier = courier
        self._clock = clock
        # Mutable state: what was asked and is not collected, what has ended and is not yet told, what was seen of each
        # window and of the server's work, why there will be no more answers, and whether nobody asks any longer.
        self._asked: dict[tuple[Window, ...], None] = {}
        self._answers: dict[tuple[Window, ...], tuple[float, Answer]] = {}
        self._ended: deque[Errand] = deque()
        self._sights: dict[str, Sight] = {}
        self._looked_for: dict[str, Window] = {}
        self._worked: dict[tuple[str, float], float] = {}
        self._failure: HeadraceError | None = None
        self._is_over = False
        self._watchers = Watchers()
        self._is_needed = asyncio.Event()

    def take(self, windows: tuple[Window, ...]) -> Answer:
        """See `PermitLog.take`."""
        if self._failure is not None:
            return Failure(self._failure)
        if not windows:
            return Lease(0, windows)
        now = self._clock()
        answered_at, answer = self._answers.pop(windows, (now, None))
        match answer:
            case Lease():
                return answer
            case Wait(seconds) if now < answered_at + seconds:
                self._answers[windows] = answered_at, answer
                return Wait(answered_at + seconds - now)
        self._asked[windows] = None
        self._is_needed.set()
        return Unknown()

    def settle(self, lease: Lease) -> None:
        """See `PermitLog.settle`."""
        self._end(lease, "settle")

    def lost(self, lease: Lease) -> None:
        """See `PermitLog.lost`."""
        self._end(lease, "lost")

    def refund(self, lease: Lease) -> None:
        """See `PermitLog.refund`."""
        self._end(lease, "refund")

    def used(self, window: Window) -> int:
        """See `PermitLog.used`."""
        return self._sight(window).used(self._clock(), window.hold)

    def releases(self, window: Window) -> Sequence[float]:
        """See `PermitLog.releases`."""
        return self._sight(window).releases(self._clock(), window.hold)

    def past(self, window: Window) -> Sequence[tuple[float, int]]:
        """See `PermitLog.past`."""
        return self._sight(window).past(self._clock(), window.hold)

    def worked(self, key: str, since: float, now: float, seconds: float) -> float:
        """See `PermitLog.worked`."""
        hours = (f"{math.floor(since / HOUR)}", f"{math.floor(now / HOUR)}")
        self._ended.append(Errand("work", (f"toil:{_digested(key)}",), (*hours, microseconds(seconds), key, since)))
        self._is_needed.set()
        known = self._worked.get((key, since), 0.0) + seconds
        self._worked = {one: used for one, used in self._worked.items() if one[0] != key or one[1] >= since - 25 * HOUR}
        self._worked[key, since] = known
        return known

    def watch(self, wake: Callable[[], None]) -> None:
        """See `PermitLog.watch`."""
        self._watchers.add(wake)

    async def look(self, windows: Sequence[Window]) -> None:
        """Look up what is spent of `windows` now. Raises `UnreachableError`."""
        keys = [key for window in windows for key in _keys(window)]
        lost, *seen = (await self._courier.run(Errand("look", keys, [window.hold for window in windows])))[1:]
        now = self._clock()
        for window, (open_, instants) in zip(windows, seen, strict=True):
            self._sights[window.key] = Sight(now, int(open_), tuple(map(float, instants)), float(lost), window.calls)

    async def run(self) -> None:
        """Do what is asked for, until `stop`. A task of its own."""
        try:
            while not self._is_over:
                timeout = UNCOLLECTED if self._answers else None
                # Not wait_for, which swallows a cancellation that comes together with the event (CPython issue 86296).
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await self._is_needed.wait()
                self._is_needed.clear()
                await self._tell()
                await self._ask()
                self._give_back()
                if self._looked_for:
                    await self.look([self._looked_for.popitem()[1] for _ in range(len(self._looked_for))])
        except HeadraceError as error:
            self._failure = error
            self._watchers.notify()

    def stop(self) -> None:
        """Have `run` end with what it is at. Its task is to be cancelled as well.

        A cancellation alone is not enough: redis-py swallows one that comes together with an answer, and `run` would
        then wait for ever.
        """
        self._is_over = True
        self._is_needed.set()

    async def close(self) -> None:
        """Tell what has ended, for at most a few seconds: what is not told in time counts as lost."""
        for windows in tuple(self._answers):
            self._drop(windows)
        with suppress(TimeoutError, HeadraceError):
            await asyncio.wait_for(self._tell(), _CLOSING)

    # What happens on the way...

    async def _tell(self) -> None:
        while self._ended:
            errand = self._ended[0]
            if errand.verb == "work":
                *arguments, key, since = errand.arguments
                _, total = await self._courier.run(Errand("work", errand.keys, arguments))
                known = self._worked.get((str(key), float(since)), 0.0)
                self._worked[str(key), float(since)] = max(known, int(total) / 1e6)
            else:
                await self._courier.run(errand)
            self._ended.popleft()

    async def _ask(self) -> None:
        while self._asked:
            windows = next(iter(self._asked))
            keys = [key for window in windows for key in _keys(window)]
            terms = [term for one in windows for term in (one.calls, one.hold, int(one.is_counter_safe))]
            verdict, detail = await self._courier.run(Errand("take", keys, (OUTLIVED, *terms)))
            del self._asked[windows]
            # Others' requests may be answered, or not have been sent, earlier than the log can say.
            answer = Lease(int(detail), windows) if verdict == "lease" else Wait(min(float(detail), POLL))
            self._answers[windows] = self._clock(), answer
            self._watchers.notify()
            await self._tell()

    def _give_back(self) -> None:
        """Give back what was granted to those who have gone since."""
        now = self._clock()
        for windows, (answered_at, _) in tuple(self._answers.items()):
            if now >= answered_at + UNCOLLECTED:
                self._drop(windows)

    def _drop(self, windows: tuple[Window, ...]) -> None:
        _, answer = self._answers.pop(windows)
        if isinstance(answer, Lease):
            self._end(answer, "refund")

    def _end(self, lease: Lease, how: str) -> None:
        if lease.windows:
            keys = [key for window in lease.windows for key in _keys(window)]
            self._ended.append(Errand("end", keys, (str(lease.number), how)))
            self._is_needed.set()
        self._watchers.notify()

    def _sight(self, window: Window) -> Sight:
        sight = self._sights.get(window.key, Sight(-math.inf))
        if self._clock() - sight.at > STALE and self._failure is None:
            self._looked_for[window.key] = window
            self._is_needed.set()
        return sight

    def __repr__(self) -> str:
        return f"<RedisLog: {len(self._asked)} asked, {len(self._ended)} to tell>"


@asynccontextmanager
async def open_redis_log(
    url: str, provider: str, base_url: str, *, linger: float = LINGER, clock: Clock = boottime
) -> AsyncIterator[RedisLog]:
    """Give the log that the Redis at `url` keeps for the API at `base_url`. Raises what `open_courier` raises."""
    name = f"{provider} {base_url}"
    marker = state_folder() / "redis-1" / digest(url.rpartition("@")[2].encode(), name.encode()).hex()
    async with open_courier(url, name, linger=linger, marker=marker, clock=clock) as courier:
        log = RedisLog(courier, clock)
        task = asyncio.create_task(log.run())
        try:
            yield log
        finally:
            log.stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await log.close()


def _keys(window: Window) -> tuple[str, str]:
    name = _digested(window.key)
    return f"{name}:counted", f"{name}:open"


def _digested(key: str) -> str:
    return digest(b"permits", key.encode()).hex()
