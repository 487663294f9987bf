"""The pacer that is made for a provider's limits."""

import asyncio
import itertools

import pytest
from budget_scenarios import PRODUCTIVE

from headrace.dispatch.budget import Budget
from headrace.dispatch.pacing import LEEWAY, limiter
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time


@pytest.mark.parametrize(
    ("limits", "share", "gap"),
    [
        (PRODUCTIVE, 1.0, 1 / 9.5),
        (PRODUCTIVE, 0.5, 1 / 4.75),
        ([Limit(60, 60)], 1.0, 1 / 0.95),
        ([Limit(4000, 1800)], 1.0, None),
        ([Limit(1, 10)], 1.0, None),
        ([Limit(3, 10)], 0.5, None),
        ([Limit(10, 30, routes="reports")], 1.0, None),
        ([], 1.0, None),
    ],
)
def test_what_is_paced(limits: list[Limit], share: float, gap: float | None) -> None:
    """95 % of the shortest general window of at most a minute, where more than one request goes into it."""
    made = limiter(limits, share=share)
    assert (made and made.time_period / made.max_rate) == (gap and pytest.approx(gap))
    assert made is None or gap is None or made.time_period - gap == pytest.approx(LEEWAY)


@pytest.mark.parametrize("look", [0.001, 0.004, 0.008])
def test_late_timers_are_made_up_for(look: float) -> None:
    """On a loop that looks at its timers every few milliseconds only, it is still 9.5 a second, and never a burst."""
    budget = Budget([Limit(100, 10)], clock=virtual_time.clock)
    sent: list[float] = []

    async def send() -> None:
        permit = await budget.acquire(None, Lane.ROWS)
        sent.append(virtual_time.clock())
        permit.settle()

    async def main() -> None:
        everybody = asyncio.gather(*(send() for _ in range(96)))
        while not everybody.done():
            await asyncio.sleep(0)
            virtual_time.advance(look)

    virtual_time.run(main)
    assert sent[-1] - sent[0] == pytest.approx(95 / 9.5, rel=0.01)
    assert min(later - earlier for earlier, later in itertools.pairwise(sent)) >= 1 / 9.5 - LEEWAY - look
