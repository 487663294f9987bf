"""I11 for the long window: the counter-safe profile, for servers that estimate a window from two fixed ones."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from budget_scenarios import EPSILON, PRODUCTIVE
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.dispatch.permits import Lease, PermitLog, Wait, Window
from headrace.dispatch.permits.file import FileLog
from headrace.dispatch.permits.history import History
from headrace.dispatch.permits.memory import MemoryLog
from headrace.model import Lane
from headrace.provider import Hit, Limit
from headrace.testing import virtual_time
from headrace.testing.servers import MODELS, refusals, worst_window

PHASES = 24
LONG = Limit(40, 180.0, "organization")
"""The 30-minute window at a hundredth of its calls and a tenth of its length."""


def refused(arrivals: Sequence[float], limit: Limit) -> int:
    """Return the 429s of a counter, at the worst alignment of its windows."""
    phases = [limit.per * place / PHASES for place in range(PHASES)]
    return max(refusals(sorted(arrivals), [MODELS["counter"](limit.calls, limit.per, phase)]) for phase in phases)


async def send(budget: Budget, requests: int, ways: Sequence[float], *, writers: int = 8) -> list[float]:
    """Send `requests` as fast as the budget lets us; return when the server counted them."""
    left, arrivals = iter(range(requests)), list[float]()

    async def write() -> None:
        for number in left:
            permit = await budget.acquire(None, Lane.ROWS)
            way = ways[number % len(ways)]
            arrivals.append(virtual_time.clock() + way)
            await asyncio.sleep(way + 0.1)
            permit.settle()

    await asyncio.gather(*(write() for _ in range(writers)))
    return arrivals


def engaged(limits: Sequence[Limit], **options: object) -> Budget:
    """Return a budget whose first request was answered by a 429 that nothing of ours explains."""
    budget = Budget(limits, pacer=None, clock=virtual_time.clock, **options)  # type: ignore[arg-type]

    async def surprise() -> None:
        (await budget.acquire(None, Lane.ROWS)).rejected(0.0)

    virtual_time.run(surprise)
    return budget


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.5, 3.0, 20.0]), min_size=1, max_size=7), st.integers(1, 20))
def test_no_alignment_refuses(ways: list[float], writers: int) -> None:
    """I11: once engaged, the sum stays within the limit at every phase: a counter refuses nothing, however aligned."""
    budget = engaged([LONG])
    arrivals = virtual_time.run(send, budget, 150, ways, writers=writers)
    assert refused(arrivals, LONG) == 0
    assert worst_window(arrivals, LONG.per - EPSILON) <= LONG.calls


def test_the_exact_log_alone_is_refused() -> None:
    """Why: without it such a server refuses many, though no window ever holds more than its limit."""
    budget = Budget([LONG], pacer=None, clock=virtual_time.clock)
    assert refused(virtual_time.run(send, budget, 150, [0.1]), LONG) > 20


def test_it_costs_next_to_nothing_more_than_it_must() -> None:
    """With 4000 in 30 minutes 10,000 requests take less than 1 % longer than 4,503 s, the least possible."""
    budget = Budget([Limit(100, 10.0), Limit(4_000, 1_800.0)], clock=virtual_time.clock)

    async def main() -> float:
        (await budget.acquire(None, Lane.ROWS)).rejected(0.0)
        arrivals = await send(budget, 10_000, [0.1])
        assert refused(arrivals, Limit(4_000, 1_800.0)) == 0
        return virtual_time.clock() - virtual_time.START

    # The 10 s window was cut by the 429 and recovers for a minute.
    assert virtual_time.run(main) < 4_503 * 1.01 + 10


def test_the_first_429_is_the_last_surprise() -> None:
    """A server that estimates both windows, aligned at the worst, refuses what is under way once, and nothing more."""
    limits = PRODUCTIVE[:2]
    budget = Budget(limits, clock=virtual_time.clock)
    servers = [(limit, MODELS["counter"](limit.calls, limit.per, limit.per / 2)) for limit in limits]
    left, refused = iter(range(4_700)), list[float]()

    async def write() -> None:
        for _ in left:
            while not await attempt():
                pass

    async def attempt() -> bool:
        permit = await budget.acquire(None, Lane.ROWS)
        await asyncio.sleep(0.1)
        full = [limit for limit, server in servers if not server.hit(virtual_time.clock())]
        if not full:
            permit.settle()
            return True
        refused.append(virtual_time.clock())
        permit.rejected(None, Hit(full[0].calls))
        return False

    async def main() -> None:
        await asyncio.gather(*(write() for _ in range(16)))

    virtual_time.run(main)
    assert 0 < len(refused) <= 16
    assert max(refused) - min(refused) < 1
    assert budget.notices()[0].endswith("longer limits are spent more evenly from now on.")


def test_it_engages_at_the_first_surprise_and_not_before() -> None:
    """Before a 429 the long window may be spent at once; after one the next of it comes bit by bit."""
    log = MemoryLog(clock=lambda: 1_000.0)
    plain = Window("w", "w", 4, 180.0, per=180.0)
    assert isinstance(log.take((plain,)), Lease)
    budget = engaged([LONG])
    assert "counter-safe" in repr(budget._allowance)
    assert "counter-safe" not in repr(Budget([LONG], clock=virtual_time.clock)._allowance)


instants = st.lists(st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0, 7.0, 30.0, 90.0, 180.0, 200.0]), max_size=30)


@settings(max_examples=150, deadline=None)
@given(instants, st.integers(0, 12))
def test_the_instant_is_the_first_that_every_beginning_allows(gaps: list[float], spare: int) -> None:
    """`free_at` against the sum itself: it is never too early, and too late only by the width of a bucket."""
    hold, now, history, counted = 180.0, 0.0, History(), list[float]()
    for gap in gaps:
        now += gap
        history.expire(now, hold)
        history.count(now, hold)
        counted.append(now)

    def weight(at: float) -> float:
        """Return the largest sum over all beginnings s, on a fine lattice and at every instant that matters."""
        lattice = {at - hold * part / 400 for part in range(400)}
        lattice |= {
            s for one in counted for s in (one, one + hold, one + 1e-9, one + hold - 1e-9) if at - hold < s <= at
        }
        return max(
            sum(one >= s for one in counted) + sum(s - hold <= one < s for one in counted) * (1 - (at - s) / hold)
            for s in lattice
        )

    free_at = history.free_at(now, hold, spare)
    assert weight(free_at + 1e-6) <= spare + 1e-6
    early = free_at - hold / 200 - 0.5
    if early > now:
        assert weight(early) > spare - 1e-6


def test_lingering_requests_weigh_in_full() -> None:
    """A lost request may be counted as late as `linger` allows: until then it takes room in every sum."""
    now = 1_000.0
    log = MemoryLog(linger=60.0, clock=lambda: now)
    window = Window("w", "w", 1, 180.0, per=180.0, is_counter_safe=True)
    lease = log.take((window,))
    assert isinstance(lease, Lease)
    log.lost(lease)
    answer = log.take((window,))
    assert isinstance(answer, Wait)
    assert answer.seconds >= 60.0
    now += 60.0 + 359.0  # counted a minute later, it weighs something for two windows
    answer = log.take((window,))
    assert isinstance(answer, Wait)
    assert answer.seconds == pytest.approx(1.0, abs=1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(0, 90), st.sampled_from([0.0, 40.0, 100.0, 170.0, 200.0, 250.0]), st.booleans())
def test_the_forecast_goes_by_it(requests: int, spent: int, idle: float, is_on_disk: bool) -> None:
    """`eta` tells when the last of so many requests is sent while the profile is engaged, within 2 % or 2 s.

    Also where what decides holds no slot any longer, but is remembered: in memory, or in files.
    """

    async def course(log: PermitLog) -> tuple[float, float]:
        budget = Budget([LONG], log=log, pacer=None, is_counter_safe=True, clock=virtual_time.clock)
        await send(budget, spent, [0.1])
        await asyncio.sleep(idle)
        foreseen, began = budget.eta(requests, concurrency=8), virtual_time.clock()
        return foreseen, max(await send(budget, requests, [0.1])) - 0.1 - began

    async def main() -> tuple[float, float]:
        if not is_on_disk:
            return await course(MemoryLog(clock=virtual_time.clock))
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(FileLog(Path(folder), clock=virtual_time.clock, boot=1)) as log,
        ):
            return await course(log)

    foreseen, took = virtual_time.run(main)
    assert foreseen == pytest.approx(took, rel=0.02, abs=2.0)


@pytest.mark.parametrize(("spent", "idle", "requests"), [(1, 0.0, 4_500), (4_100, 0.0, 300), (2_000, 2_000.0, 2_500)])
def test_the_forecast_under_productive_limits(spent: int, idle: float, requests: int) -> None:
    """The same at full size: with the pacer, across the half hour, and with a past that weighs without holding."""
    budget = Budget(PRODUCTIVE, is_counter_safe=True, clock=virtual_time.clock)

    async def main() -> tuple[float, float]:
        await send(budget, spent, [0.1])
        await asyncio.sleep(idle)
        foreseen, began = budget.eta(requests, concurrency=8), virtual_time.clock()
        return foreseen, max(await send(budget, requests, [0.1])) - 0.1 - began

    foreseen, took = virtual_time.run(main)
    assert foreseen == pytest.approx(took, rel=0.01)
