"""Virtual time: deterministic, true to the order of events, and never silent when it cannot go on."""

import asyncio
import time

import anyio
import pytest
from aiolimiter import AsyncLimiter
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.testing import virtual_time


def test_a_day_passes_at_once() -> None:
    """A day of sleep takes no time on the real clock, and exactly a day on the virtual one."""

    async def main() -> float:
        await asyncio.sleep(86_400)
        return virtual_time.clock()

    began = time.monotonic()
    assert virtual_time.run(main) == pytest.approx(virtual_time.START + 86_400)
    assert time.monotonic() - began < 60


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 3_600.0]), max_size=30))
def test_sleepers_wake_in_order_and_on_time(delays: list[float]) -> None:
    """Whatever the delays, each sleeper wakes after its own, neither early nor late, and in their order."""
    woken: list[float] = []

    async def sleeper(delay: float) -> None:
        await asyncio.sleep(delay)
        assert virtual_time.clock() - virtual_time.START == pytest.approx(delay, abs=1e-6)
        woken.append(delay)

    async def main() -> None:
        await asyncio.gather(*map(sleeper, delays))

    virtual_time.run(main)
    if 0.0 not in delays:  # a sleep of nothing is one turn of the loop, and no timer
        assert woken == sorted(woken)


def test_foreign_libraries_see_the_same_time() -> None:
    """Anyio's timeouts and aiolimiter, which re-arms timers at a standstill, run in virtual time."""

    async def main() -> None:
        limiter = AsyncLimiter(1, 1 / 9.5)
        for _ in range(96):
            await limiter.acquire()
        assert virtual_time.clock() - virtual_time.START == pytest.approx(10, abs=1e-3)
        with anyio.move_on_after(5) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert anyio.current_time() - virtual_time.START == pytest.approx(15, abs=1e-3)

    virtual_time.run(main)


def test_arguments_results_and_errors_pass_through() -> None:
    """`run` hands the arguments on, returns the result and raises the error."""

    async def main(number: int, *, fail: bool) -> int:
        await asyncio.sleep(1)
        if fail:
            raise KeyError(number)
        return number

    assert virtual_time.run(main, 7, fail=False) == 7
    with pytest.raises(KeyError):
        virtual_time.run(main, 7, fail=True)


def test_executors_run_in_line() -> None:
    """What is handed to a thread runs at once, and its error arrives where it is awaited."""

    async def main() -> str:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        return await asyncio.to_thread("{}-{}".format, 1, 2)

    assert virtual_time.run(main) == "1-2"


def test_a_deadlock_is_an_error() -> None:
    """Who waits for what can never come is told so, instead of hanging."""
    with pytest.raises(virtual_time.DeadlockError, match="never happen"):
        virtual_time.run(asyncio.Event().wait)


def test_an_endless_run_is_an_error() -> None:
    """A loop that only ever sleeps is ended at the horizon."""

    async def main() -> None:
        while True:  # noqa: ASYNC110  # the point of the test
            await asyncio.sleep(3_600)

    with pytest.raises(virtual_time.DeadlockError, match="not at its end"):
        virtual_time.run(main)


def test_a_stall_makes_timers_late() -> None:
    """After `advance` the time is later, and timers that fell due meanwhile run late, as after a real stall."""

    async def main() -> None:
        asyncio.get_running_loop().call_later(5, times.append, None)
        virtual_time.advance(60)
        assert not times
        await asyncio.sleep(0.1)
        assert times
        assert virtual_time.clock() - virtual_time.START == pytest.approx(60.1, abs=1e-6)

    times: list[None] = []
    virtual_time.run(main)


def test_every_run_takes_the_same_course() -> None:
    """Two runs of the same program see the same times, to the last bit."""

    async def main() -> list[float]:
        limiter, times = AsyncLimiter(3, 7), []
        for _ in range(20):
            await limiter.acquire()
            times.append(virtual_time.clock())
        return times

    assert virtual_time.run(main) == virtual_time.run(main)
