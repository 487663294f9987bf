"""429: one answer pauses everybody, for as long as it asks, and a burst of them is one surprise."""

import asyncio
from collections.abc import Sequence

import pytest
from aiolimiter import AsyncLimiter
from budget_scenarios import EPSILON, LINGER, PRODUCTIVE, Call, calls, limits, play
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time


async def _wait_after(budget: Budget, retry_after: float | None, *, burst: int = 1) -> float:
    """Have `burst` requests under way answered with 429, and return how long the next one had to wait."""
    permits = [await budget.acquire(None, Lane.ROWS) for _ in range(burst)]
    await asyncio.sleep(0.1)
    start = virtual_time.clock()
    for permit in permits:
        await asyncio.sleep(0.001)
        permit.rejected(retry_after)
    (await budget.acquire(None, Lane.APPLICATION)).refund()
    return virtual_time.clock() - start


def _waits(answers: Sequence[float | None], *, burst: int = 1) -> list[float]:
    budget = Budget([Limit(1_000, 10)], pacer=None, clock=virtual_time.clock)

    async def main() -> list[float]:
        return [await _wait_after(budget, answer, burst=burst) for answer in answers]

    return virtual_time.run(main)


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([7.0, 7.0], [7, 7]),
        ([None] * 7, [2, 4, 8, 16, 32, 60, 60]),
        ([0.0, 0.0, 0.0], [0, 2, 2]),
        ([0.0, 0.5, 3.0], [0, 2, 3]),
        ([5_000.0], [900]),
        ([3.0, None], [3, 4]),
    ],
)
def test_how_long_the_pause_is(answers: list[float | None], waits: list[float]) -> None:
    """As long as asked, up to 15 minutes; else doubling from 2 s to 60 s. Who asks for too little is not believed."""
    assert _waits(answers) == pytest.approx(waits, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=1, max_size=4), st.sampled_from([None, 7.0, 900.0]))
def test_processes_do_not_come_back_together(parts: list[float], asked: float | None) -> None:
    """A pause lasts up to 10 % longer than it must, by chance; it is never shorter than what was asked for."""
    chance = iter(parts)
    budget = Budget(
        [Limit(1_000, 10)],
        pacer=None,
        clock=virtual_time.clock,
        jitter=lambda least, most: least + (most - least) * next(chance),
    )

    async def main() -> list[float]:
        return [await _wait_after(budget, asked) for _ in parts]

    least = [asked or 2.0 * 2**number for number in range(len(parts))]
    expected = [wait * (1 + 0.1 * part) for wait, part in zip(least, parts, strict=True)]
    assert virtual_time.run(main) == pytest.approx(expected, abs=0.01)


def test_a_burst_is_one_surprise() -> None:
    """Twenty 429s of requests that were under way together make the back-off grow once, not twenty times."""
    assert _waits([None, None, None], burst=20) == pytest.approx([2, 4, 8], abs=0.01)


def test_a_burst_waits_for_the_longest_that_was_asked_for() -> None:
    """Where the answers of one burst say different times, none is sent before the last of them."""
    budget = Budget([Limit(100, 10)], pacer=None, clock=virtual_time.clock)

    async def main() -> float:
        permits = [await budget.acquire(None, Lane.ROWS) for _ in range(3)]
        for permit, seconds in zip(permits, (4.0, 9.0, 1.0), strict=True):
            permit.rejected(seconds)
        await budget.acquire(None, Lane.ROWS)
        return virtual_time.clock() - virtual_time.START

    assert virtual_time.run(main) == pytest.approx(9, abs=EPSILON)


def test_a_success_resets_the_back_off() -> None:
    """After an answer to a request sent since the last pause, the next surprise starts at 2 s again."""
    budget = Budget([Limit(100, 10)], pacer=None, clock=virtual_time.clock)

    async def main() -> list[float]:
        waits = [await _wait_after(budget, None) for _ in range(3)]
        (await budget.acquire(None, Lane.ROWS)).settle()
        return [*waits, await _wait_after(budget, None)]

    assert virtual_time.run(main) == pytest.approx([2, 4, 8, 2], abs=0.01)


def test_a_late_success_does_not_reset_the_back_off() -> None:
    """An answer to a request sent before the surprise says nothing about the time after it."""
    budget = Budget([Limit(100, 10)], pacer=None, clock=virtual_time.clock)

    async def main() -> float:
        early = await budget.acquire(None, Lane.ROWS)
        await _wait_after(budget, None)
        early.settle()
        return await _wait_after(budget, None)

    assert virtual_time.run(main) == pytest.approx(4, abs=0.01)


def test_who_was_being_paced_waits_too() -> None:
    """A 429 that comes while the next request is in the pacer holds that one back as well."""
    budget = Budget([Limit(100, 10)], clock=virtual_time.clock)

    async def main() -> float:
        first = await budget.acquire(None, Lane.ROWS)
        paced = asyncio.ensure_future(budget.acquire(None, Lane.ROWS))
        await asyncio.sleep(0.05)
        first.rejected(6.0)
        await paced
        return virtual_time.clock() - virtual_time.START

    assert virtual_time.run(main) == pytest.approx(6.05, abs=EPSILON)


@pytest.mark.parametrize("is_paced", [True, False])
def test_who_comes_in_a_pause_goes_by_rank_after_it(*, is_paced: bool) -> None:
    """A pause holds the gate, not single requests: after it the application goes before rows that came earlier."""
    pacer = AsyncLimiter(1, 0.1) if is_paced else None
    budget = Budget([Limit(100, 10)], pacer=pacer, clock=virtual_time.clock)
    order: list[Lane] = []

    async def one(lane: Lane) -> None:
        await budget.acquire(None, lane)
        order.append(lane)

    async def main() -> None:
        (await budget.acquire(None, Lane.ROWS)).rejected(6.0)
        rows = [asyncio.ensure_future(one(Lane.ROWS)) for _ in range(3)]
        await asyncio.sleep(1)
        await asyncio.gather(*rows, one(Lane.APPLICATION))

    virtual_time.run(main)
    assert order == [Lane.APPLICATION, Lane.ROWS, Lane.ROWS, Lane.ROWS]


@settings(max_examples=150, deadline=None)
@given(limits(), st.lists(calls, min_size=1, max_size=40))
def test_nothing_is_sent_in_a_pause(general: list[Limit], scenario: list[Call]) -> None:
    """For every 429 and what it asked for: not one request, of any lane, leaves before that time has passed."""
    budget = Budget(general, linger=LINGER, slack=0, clock=virtual_time.clock)
    trace = virtual_time.run(play, budget, scenario)
    for began, seconds in trace.pauses:
        early = [sent for sent in trace.sends if began + EPSILON < sent < began + seconds - EPSILON]
        assert not early


def test_a_pause_is_counted_and_told() -> None:
    """The statistics say for how long the gate is shut, how many 429s there were, and the repr says it in words."""
    budget = Budget(PRODUCTIVE, clock=virtual_time.clock)

    async def main() -> None:
        (await budget.acquire("reports", Lane.ROWS)).rejected(12.0)
        now = budget.statistics()
        assert (now.throttled, now.granted, now.paused_for) == (1, 1, pytest.approx(12))
        assert [use.used for use in now.windows] == [1, 1, 1]
        assert repr(budget) == (
            "<Budget: 1 of 100/10s, 1 of 4000/1800s, 1 of reports 10/30s, 0 waiting, paused for 12.0 s>"
        )

    virtual_time.run(main)
