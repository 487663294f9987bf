"""The server's own time as a budget: near its end the gate slows down, and no 429 is earned."""

import asyncio
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.dispatch.forecast import Course, last_send
from headrace.dispatch.permits.file import FileLog
from headrace.dispatch.permits.memory import MemoryLog
from headrace.dispatch.work import FREE, FULL, Work
from headrace.model import Lane
from headrace.provider import Hit, Limit, WorkLimit
from headrace.testing import virtual_time

HOURLY = WorkLimit(seconds=1_800.0, per=3_600.0)
DAILY = WorkLimit(seconds=21_600.0, per=86_400.0)


class Server:
    """Counts its own time in fixed hours, and refuses when the hour's is used up."""

    def __init__(self, seconds: float = 1_800.0) -> None:
        self.seconds = seconds
        self.used: dict[int, float] = {}
        self.refused = 0

    def serve(self, seconds: float) -> bool:
        hour = int(virtual_time.clock() // 3_600)
        if self.used.get(hour, 0.0) >= self.seconds:
            self.refused += 1
            return False
        self.used[hour] = self.used.get(hour, 0.0) + seconds
        return True


async def send(budget: Budget, server: Server, requests: int, costs: list[float]) -> float:
    """Send `requests` with 16 writers; return when the last was sent."""
    left, last = iter(range(requests)), 0.0

    async def write() -> None:
        nonlocal last
        for number in left:
            permit = await budget.acquire(None, Lane.ROWS)
            last, cost = virtual_time.clock(), costs[number % len(costs)]
            await asyncio.sleep(cost)
            if server.serve(cost):
                permit.settle(cost, formatdate(virtual_time.clock(), usegmt=True))
            else:
                permit.rejected(None, Hit(server.seconds, 3_600.0))

    await asyncio.gather(*(write() for _ in range(16)))
    return last


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.5, 2.0, 5.0, 10.0]), min_size=1, max_size=4), st.integers(1, 900))
@example([2.0, 10.0], 514)
def test_no_hour_is_overdrawn(costs: list[float], requests: int) -> None:
    """Whatever requests cost, the server never has to refuse one, and the forecast is right once the cost is known.

    Near the end of a quota one in a hundred more is spread over minutes, so it is known from whole rounds of `costs`.
    """
    budget, server = Budget([Limit(1_000, 10)], work=(HOURLY, DAILY), pacer=None, clock=virtual_time.clock), Server()

    async def main() -> tuple[float, float]:
        await send(budget, server, 24, costs)
        foreseen = virtual_time.clock() + budget.eta(requests, concurrency=16)
        return foreseen, await send(budget, server, requests, costs)

    foreseen, last = virtual_time.run(main)
    assert server.refused == 0
    mean = sum(costs) / len(costs)
    if requests * mean > 1_800:  # else it is the round trips that take the time
        # Near its end every second of the quota stands for 11 of the clock; which of the costs come last decides there.
        slope = HOURLY.per / (HOURLY.seconds * (FULL - FREE))
        assert foreseen == pytest.approx(last, rel=0.02, abs=max(60, 4 * max(costs) * slope))


@pytest.mark.parametrize(
    ("cost", "spent", "requests"), [(0.5, 20, 5_000), (0.5, 3_000, 5_000), (10.0, 20, 1_000), (0.1, 20, 20_000)]
)
def test_the_forecast_plays_quotas_and_windows_together(cost: float, spent: int, requests: int) -> None:
    """What an hour has left goes at the pace of the windows: the end is told within 2 %, also of a partial hour."""
    limits, work = [Limit(100, 10.0), Limit(4_000, 1_800.0)], (HOURLY, DAILY)
    budget, server = Budget(limits, work=work, clock=virtual_time.clock), Server()

    async def main() -> tuple[float, float]:
        await send(budget, server, spent, [cost])
        foreseen = virtual_time.clock() + budget.eta(requests, concurrency=16)
        return foreseen, await send(budget, server, requests, [cost])

    foreseen, last = virtual_time.run(main)
    assert server.refused == 0
    assert foreseen == pytest.approx(last, rel=0.02)


def test_an_hour_is_used_up_to_its_end() -> None:
    """Nothing is wasted: of each hour but the last, 93 to 98 % of the quota are used."""
    budget, server = Budget([Limit(1_000, 10)], work=(HOURLY,), pacer=None, clock=virtual_time.clock), Server()
    virtual_time.run(send, budget, server, 3_000, [2.0])
    whole = [used for hour, used in sorted(server.used.items())][:-1]
    assert len(whole) == 3
    assert all(0.93 * 1_800 <= used <= FULL * 1_800 + 16 * 2.0 for used in whole)


def test_it_is_free_at_first_and_slow_near_the_end() -> None:
    """Up to 80 % nothing waits; what is left then is spread over the rest of the hour."""
    log = MemoryLog(clock=lambda: 0.0)
    now = 10 * 3_600.0
    work = Work((HOURLY,), log, {}, clock=lambda: now, wall=lambda: now)
    work.note(FREE * 1_800 - 20, formatdate(now, usegmt=True))
    work._mean = 10.0
    assert work.left() == 0.0
    work.note(20.0, formatdate(now, usegmt=True))
    work._mean = 10.0
    assert 0 < work.left() < 400
    assert last_send(36, Course([], turnstiles=work.turnstiles())) == pytest.approx(3_600, rel=0.02)
    now += 3_600.0
    assert work.left() == 0.0  # a new hour


def test_what_has_no_answer_may_have_cost_the_server_as_much_time_as_it_took() -> None:
    """A request that was given up after a minute, or answered by a proxy, is charged with that; the mean is not."""
    budget = Budget([Limit(100, 10)], work=(HOURLY,), pacer=None, clock=virtual_time.clock)

    async def main() -> None:
        (await budget.acquire(None, Lane.ROWS)).settle(2.0, formatdate(virtual_time.clock(), usegmt=True))
        lost, proxied, refunded = [await budget.acquire(None, Lane.ROWS) for _ in range(3)]
        await asyncio.sleep(5)
        proxied.settle()
        await asyncio.sleep(55)
        lost.lost()
        refunded.refund()
        assert budget.statistics().work[0].used == pytest.approx(2 + 5 + 60)
        assert budget._work.mean == pytest.approx(2)

    virtual_time.run(main)


def test_a_429_for_it_ends_the_hour() -> None:
    """Somebody else has used it up: nothing is sent until the next hour, and no window of ours is cut for it."""
    budget = Budget([Limit(100, 10)], work=(HOURLY,), clock=virtual_time.clock)

    async def main() -> float:
        permit = await budget.acquire(None, Lane.ROWS)
        permit.settle(0.1, formatdate(virtual_time.clock(), usegmt=True))
        (await budget.acquire(None, Lane.ROWS)).rejected(1.0, Hit(1_800, 3_600))
        await budget.acquire(None, Lane.APPLICATION)
        assert [use.limit for use in budget.statistics().windows] == [100]
        return virtual_time.clock()

    assert virtual_time.run(main) == pytest.approx(3_600, abs=2.5)


def test_it_is_remembered_on_disk_and_shared(tmp_path: Path) -> None:
    """Another process, and the next one, know what was used; of an earlier hour they know that it is over."""
    now = 100 * 3_600.0
    first, second = FileLog(tmp_path), FileLog(tmp_path)
    assert first.worked("work:o", now, now + 5, 12.5) == pytest.approx(12.5)
    assert second.worked("work:o", now, now + 6, 2.5) == pytest.approx(15.0)
    first.close()
    second.close()
    third = FileLog(tmp_path)
    assert third.worked("work:o", now, now + 7, 0.0) == pytest.approx(15.0)
    assert third.worked("work:o", now + 3_600, now + 3_601, 1.0) == pytest.approx(1.0)
    assert third.worked("work:o", now - 23 * 3_600, now + 3_601, 0.0) == pytest.approx(16.0)
    assert third.worked("work:other", now, now, 0.0) == 0.0
    third.close()
