"""I1, I5, I7: no window is ever exceeded, no permit is ever lost, nothing is saved up."""

import asyncio

import anyio
import pytest
from aiolimiter import AsyncLimiter
from budget_scenarios import EPSILON, LINGER, PRODUCTIVE, Call, calls, limits, play
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time
from headrace.testing.servers import EXACT, MODELS, refusals, worst_window

pacers = st.sampled_from([None, None, (1, 0.5), (2, 3.0)])


@settings(max_examples=250, deadline=None)
@given(limits(), limits("reports"), st.lists(calls, min_size=1, max_size=40), pacers)
def test_no_window_is_exceeded(
    general: list[Limit], reports: list[Limit], scenario: list[Call], pacer: tuple[float, float] | None
) -> None:
    """I1: whatever is answered, lost, cancelled, refused or refunded, no half-open window counts more than its limit.

    Nor is anything refused by a server that counts in fixed windows, from the first hit, by a log or with a bucket.
    """
    windows = [*general, *reports]
    budget = Budget(
        windows,
        pacer=AsyncLimiter(*pacer) if pacer else None,
        linger=LINGER,
        slack=0,
        clock=virtual_time.clock,
    )
    trace = virtual_time.run(play, budget, scenario)
    for limit in windows:
        times = trace.counted_by(limit)
        assert worst_window(times, limit.per - EPSILON) <= limit.calls
        for model in EXACT:
            for phase in (0.0, 0.3, 0.77):
                server = MODELS[model](limit.calls, limit.per - EPSILON, phase * limit.per)
                assert refusals(times, [server]) == 0, model


@settings(max_examples=150, deadline=None)
@given(limits(), st.lists(calls, min_size=1, max_size=40), pacers)
def test_no_permit_leaks(general: list[Limit], scenario: list[Call], pacer: tuple[float, float] | None) -> None:
    """I5: when all has ended and the windows have passed, nothing is held and the whole burst is there at once."""
    budget = Budget(
        general, pacer=AsyncLimiter(*pacer) if pacer else None, linger=LINGER, slack=0, clock=virtual_time.clock
    )

    async def main() -> None:
        await play(budget, scenario)
        await asyncio.sleep(1_000)  # longer than every pause, window and linger together
        now = budget.statistics()
        assert now.waiting == 0
        assert now.paused_for == 0
        assert [use.used for use in now.windows] == [0] * len(general)
        start = virtual_time.clock()
        for _ in range(min(limit.calls for limit in general)):
            await budget.acquire(None, Lane.ROWS)
        allowed = 0 if pacer is None else 6 * pacer[1]
        assert virtual_time.clock() - start <= allowed + EPSILON

    virtual_time.run(main)


@settings(deadline=None)
@given(st.sampled_from([0, 1, 2, 3]), st.booleans())
def test_cancelled_in_the_tick_of_the_grant(turns: int, is_paced: bool) -> None:
    """I5: a permit granted to a task that is cancelled before, or just after, it resumes goes to the next in line."""
    pacer = AsyncLimiter(1, 0.5) if is_paced else None
    budget = Budget([Limit(1, 10)], pacer=pacer, clock=virtual_time.clock)

    async def main() -> None:
        first = await budget.acquire(None, Lane.ROWS)
        doomed = asyncio.ensure_future(budget.acquire(None, Lane.ROWS))
        await asyncio.sleep(0)
        next_in_line = asyncio.ensure_future(budget.acquire(None, Lane.ROWS))
        await asyncio.sleep(0)
        first.refund()  # grants to `doomed`
        for _ in range(turns if is_paced else 0):
            await asyncio.sleep(0)
        doomed.cancel()
        start = virtual_time.clock()
        (await next_in_line).refund()
        assert virtual_time.clock() - start < 1 + EPSILON
        with pytest.raises(asyncio.CancelledError):
            await doomed
        assert budget.statistics().windows[0].used == 0

    virtual_time.run(main)


def test_cancelled_waiter_at_the_head_is_passed_over() -> None:
    """I5: a waiter whose task was cancelled in this very tick does not swallow the permit that comes now."""
    budget = Budget([Limit(1, 10)], pacer=None, clock=virtual_time.clock)

    async def main() -> None:
        first = await budget.acquire(None, Lane.ROWS)
        waiters = [asyncio.ensure_future(budget.acquire(None, Lane.ROWS)) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        first.refund()
        permit = await waiters[1]
        assert not waiters[2].done()
        permit.refund()
        await waiters[2]

    virtual_time.run(main)


def test_cancellation_storm_leaves_nothing_behind() -> None:
    """I5: of 5,000 waiters 4,999 give up at once, by task and by scope; the last one is served as if alone."""
    budget = Budget([Limit(1, 10)], slack=0, clock=virtual_time.clock)

    async def main() -> float:
        (await budget.acquire(None, Lane.ROWS)).settle()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                for _ in range(2_500):
                    tasks.start_soon(budget.acquire, None, Lane.ROWS)
                await anyio.sleep(1)
                scope.cancel()
        crowd = [asyncio.ensure_future(budget.acquire(None, Lane.ROWS)) for _ in range(2_500)]
        await asyncio.sleep(1)
        assert budget.statistics().waiting == 2_500
        for waiter in crowd[:-1]:
            waiter.cancel()
        await crowd[-1]
        assert budget.statistics().waiting == 0
        return virtual_time.clock() - virtual_time.START

    assert virtual_time.run(main) == pytest.approx(10, abs=EPSILON)


@settings(deadline=None)
@given(st.sampled_from([0.5, 3.0, 12.0, 3_600.0]), st.booleans())
def test_a_stall_saves_nothing_up(stall: float, is_paced: bool) -> None:
    """I7: after the process stood still for however long, no window gets more than its limit."""
    pacer = AsyncLimiter(2, 1) if is_paced else None
    budget = Budget([Limit(5, 10)], pacer=pacer, slack=0, clock=virtual_time.clock)
    sent: list[float] = []

    async def one() -> None:
        permit = await budget.acquire(None, Lane.ROWS)
        sent.append(virtual_time.clock())
        await asyncio.sleep(0.5)
        permit.settle()

    async def main() -> None:
        tasks = [asyncio.ensure_future(one()) for _ in range(40)]
        await asyncio.sleep(3)
        virtual_time.advance(stall)
        await asyncio.gather(*tasks)

    virtual_time.run(main)
    assert worst_window(sent, 10 - EPSILON) <= 5


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from([0.05, 0.1, 0.2, 0.3, 0.4]), min_size=3, max_size=9), st.integers(5, 40))
def test_the_pacer_satisfies_a_sliding_counter(ways: list[float], concurrency: int) -> None:
    """I11: paced, nothing is refused by a server that estimates the window from two fixed ones, at any phase."""
    budget = Budget(PRODUCTIVE, clock=virtual_time.clock)
    arrivals: list[float] = []

    async def writer(numbers: "list[int]") -> None:
        while numbers:
            way = ways[numbers.pop() % len(ways)]
            permit = await budget.acquire(None, Lane.ROWS)
            arrivals.append(virtual_time.clock() + way)
            await asyncio.sleep(way + 0.05)
            permit.settle()

    async def main() -> None:
        numbers = list(range(350))
        await asyncio.gather(*(writer(numbers) for _ in range(concurrency)))

    virtual_time.run(main)
    for phase in range(20):
        assert refusals(arrivals, [MODELS["counter"](100, 10, phase / 2)]) == 0


def test_unpaced_bursts_do_not_satisfy_a_sliding_counter() -> None:
    """I11's reason: the exact log alone, in bursts, is refused by such a server."""
    budget = Budget([Limit(100, 10)], pacer=None, clock=virtual_time.clock)
    trace = virtual_time.run(play, budget, [Call(at=0, up=0.1)] * 600)
    counted = trace.counted_by(Limit(100, 10))
    assert max(refusals(counted, [MODELS["counter"](100, 10, phase / 2)]) for phase in range(20)) > 50


def test_aiolimiter_alone_lets_199_requests_into_a_window_of_100() -> None:
    """`AsyncLimiter(100, 10)` is a leaky bucket: 199 requests reach a 10 s window of 100. Ours never exceed 100."""
    limiter = AsyncLimiter(100, 10)
    budget = Budget(PRODUCTIVE, clock=virtual_time.clock)
    alone: list[float] = []
    ours: list[float] = []

    async def one() -> None:
        await limiter.acquire()
        alone.append(virtual_time.clock())
        permit = await budget.acquire(None, Lane.ROWS)
        ours.append(virtual_time.clock())
        permit.settle()

    async def main() -> None:
        await asyncio.gather(*(one() for _ in range(600)))

    virtual_time.run(main)
    assert worst_window(alone, 10 - EPSILON) == 199
    assert worst_window(alone, 10 + EPSILON) == 200
    assert refusals(alone, [MODELS["log"](100, 10, 0)]) >= 99
    assert worst_window(ours, 10 + EPSILON) <= 100
    assert all(refusals(ours, [MODELS[model](100, 10, phase)]) == 0 for model in MODELS for phase in range(10))
