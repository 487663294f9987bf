"""Virtual time: an asyncio loop that never sleeps, for tests of anything that waits.

When nothing is ready to run, the loop jumps to its next timer, so half an hour of schedule takes milliseconds and every
run takes the same course. Whatever reads `loop.time()` sees this time: `asyncio.sleep`, timeouts, anyio, aiolimiter. A
component with a clock of its own takes `clock` from here::

    def test_a_day_passes() -> None:
        async def main() -> float:
            await asyncio.sleep(86_400)
            return virtual_time.clock()

        assert virtual_time.run(main) == pytest.approx(virtual_time.START + 86_400)

Threads and sockets do not live in this time. `loop.run_in_executor` therefore runs its function at once, in line; what
waits for a thread of another kind (`anyio.to_thread`) or for another process is reported as a `DeadlockError`.
"""

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Final, ParamSpec, TypeVar, TypeVarTuple

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START: Final = 1_000.0
"""Seconds on the clock when a run begins; not zero, so that code which takes zero for "never" is found out."""
TICK: Final = 1e-9
"""Seconds that one turn of the loop costs. At a standstill, code that re-arms a timer for "now, less a rounding error"
(aiolimiter does) would spin for ever."""
HORIZON: Final = 14 * 86_400.0
"""Seconds after which a run that has not ended is taken for one that never will."""


class DeadlockError(RuntimeError):
    """The run can never end: nothing is ready and no timer is set, or the horizon has been passed."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The event loop whose time jumps. `run` is the usual way to it; it is public for runners of other frameworks."""

    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(_JumpingSelector(self._clock))

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._clock.now

    def advance(self, seconds: float) -> None:
        """Move the clock while nothing runs, as a stalled process or a suspended machine sees it."""
        self._clock.now += seconds

    def run_in_executor(self, _executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Run `func` at once and in line: a thread could not keep pace with a clock that jumps."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(contextvars.copy_context().run(func, *args))
        except Exception as error:  # noqa: BLE001  # whatever the function raises belongs to whoever awaits it
            future.set_exception(error)
        return future


def run(main: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `main` with the arguments, run the coroutine to its end in virtual time and return its result.

    Raises `DeadlockError` when it can never end, and whatever `main` raises. Tasks that are left over are cancelled.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(*args, **kwargs))


def clock() -> float:
    """Return the running loop's time in seconds: the clock to inject into what is tested."""
    return asyncio.get_running_loop().time()


def advance(seconds: float) -> None:
    """Let `seconds` pass at once with nothing running, as in a stall of the process. Only within `run`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "only a virtual loop can be moved"
    loop.advance(seconds)


class _Clock:
    """Mutable state: the virtual time and its end. The loop reads it, the selector moves it."""

    __slots__ = ("horizon", "now")

    def __init__(self) -> None:
        self.now = START
        self.horizon = START + HORIZON


class _JumpingSelector(selectors.SelectSelector):
    """Where another selector would sleep, this one moves the clock."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events:
            return events
        if timeout is None:
            raise DeadlockError("nothing is ready and no timer is set: what is awaited will never happen")
        self._clock.now += max(timeout, 0) + TICK
        if self._clock.now > self._clock.horizon:
            self._clock.horizon += HORIZON  # for the cleaning up
            raise DeadlockError(f"not at its end after {HORIZON:g} virtual seconds")
        return []
