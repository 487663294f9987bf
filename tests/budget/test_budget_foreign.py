"""Somebody else on the token: the budget makes room for them, and takes it back when they are gone (AIMD)."""

import asyncio
import itertools
import re

import pytest
from budget_scenarios import PRODUCTIVE
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.allowance import CUT, GROWTH, LEAST, Allowance, Surprise
from headrace.dispatch.budget import Budget
from headrace.dispatch.permits.window import windows
from headrace.model import Lane
from headrace.provider import Hit, Limit
from headrace.testing import virtual_time
from headrace.testing.servers import MODELS

SHORT = Limit(100, 10.0)


class Shared:
    """A server whose one window two users share, and the 429s of each."""

    def __init__(self, model: str, limit: Limit = SHORT) -> None:
        self.model = MODELS[model](limit.calls, limit.per, 0.0)
        self.refused = {"ours": 0, "theirs": 0}

    def call(self, who: str) -> bool:
        is_in = self.model.hit(virtual_time.clock())
        self.refused[who] += not is_in
        return is_in


async def theirs(server: Shared, rate: float, until: float) -> None:
    """Send `rate` requests a second, evenly, whatever the answers are."""
    while virtual_time.clock() - virtual_time.START < until:
        server.call("theirs")
        await asyncio.sleep(1 / rate)


async def ours(server: Shared, budget: Budget, requests: int, *, reset: float | None = None) -> float:
    """Send `requests` with 16 writers, refused ones again; return how many seconds that took."""
    left = iter(range(requests))

    async def write() -> None:
        for _ in left:
            is_in = False
            while not is_in:
                permit = await budget.acquire(None, Lane.ROWS)
                await asyncio.sleep(0.1)
                is_in = server.call("ours")
                await asyncio.sleep(0.1)
                if is_in:
                    permit.settle()
                else:
                    permit.rejected(reset)

    await asyncio.gather(*(write() for _ in range(16)))
    return virtual_time.clock() - virtual_time.START


def test_a_steady_other_user_costs_few_429s() -> None:
    """With 3 foreign requests a second on fixed windows, 1,500 of ours earn under 40 429s (a mere pause: about 250)."""
    server, budget = Shared("fixed"), Budget([SHORT], clock=virtual_time.clock)
    assert budget.notices() == ()

    async def main() -> float:
        other = asyncio.ensure_future(theirs(server, 3.0, 10_000.0))
        took = await ours(server, budget, 1_500)
        other.cancel()
        now = budget.statistics()
        assert now.throttled == server.refused["ours"]
        assert now.is_counter_safe
        assert now.windows[0].limit < 100
        (notice,) = budget.notices()
        assert re.fullmatch(r"Others use this token too, .*; 100/10s was cut to as few as \d\d for a while\.", notice)
        return took

    took = virtual_time.run(main)
    assert server.refused["ours"] < 40
    assert took < 1_500 / 7 * 1.25  # 7 a second are left for us


def test_the_other_user_gains_as_well() -> None:
    """Making room spares them 429s too: they get through what a share of 30 % is."""
    server, budget = Shared("fixed"), Budget([SHORT], clock=virtual_time.clock)

    async def main() -> None:
        other = asyncio.ensure_future(theirs(server, 3.0, 10_000.0))
        await ours(server, budget, 1_500)
        other.cancel()

    virtual_time.run(main)
    assert server.refused["theirs"] < 100


def test_the_whole_budget_comes_back() -> None:
    """When the other user has gone, window and pace are the whole limit again, after some clean windows."""
    server, budget = Shared("log"), Budget([SHORT], clock=virtual_time.clock)

    async def main() -> None:
        other = asyncio.ensure_future(theirs(server, 3.0, 60.0))
        await ours(server, budget, 800)
        await other
        assert server.refused["ours"] > 0
        await asyncio.sleep(10 * 20)
        (await budget.acquire(None, Lane.ROWS)).settle()
        began = virtual_time.clock()
        for _ in range(95):
            (await budget.acquire(None, Lane.ROWS)).settle()
        assert virtual_time.clock() - began == pytest.approx(10, abs=0.2)
        assert [use.limit for use in budget.statistics().windows] == [100]

    virtual_time.run(main)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.0, 0.5, 9.9, 10.0, 10.1, 35.0, 400.0]), min_size=1, max_size=30))
def test_cut_once_in_a_window_and_never_to_nothing(gaps: list[float]) -> None:
    """However 429s come: at most one cut in a window's length, never below a tenth, whole again when all is clean."""
    allowance, now = Allowance(windows([SHORT])), 1_000.0
    cuts: list[float] = []
    for gap in gaps:
        now += gap
        allowance.refresh(now)
        before = allowance.windows[0].calls
        allowance.hit(allowance.windows, lambda _: 1, Surprise(now))
        after = allowance.windows[0].calls
        assert 100 * LEAST <= after <= before
        if after < before:
            cuts.append(now)
    assert all(later - earlier >= SHORT.per - 1e-6 for earlier, later in itertools.pairwise(cuts))
    assert cuts
    allowance.refresh(now + SHORT.per * (1 / GROWTH + 1))
    assert allowance.windows[0].calls == 100


@pytest.mark.parametrize(("surprises", "requests"), [(1, 200), (1, 1_000), (3, 300), (3, 2_000)])
def test_the_forecast_knows_that_it_comes_back(surprises: int, requests: int) -> None:
    """`eta` after cuts: what is left is spent at first, and each clean window gives some back; within 7 %."""
    budget = Budget([SHORT], clock=virtual_time.clock)

    async def send() -> None:
        (await budget.acquire(None, Lane.ROWS)).settle()

    async def main() -> tuple[float, float]:
        for _ in range(surprises):
            (await budget.acquire(None, Lane.ROWS)).rejected(10.5)
        await asyncio.sleep(10.5)
        foreseen, began = budget.eta(requests), virtual_time.clock()
        await asyncio.gather(*(send() for _ in range(requests)))
        return foreseen, virtual_time.clock() - began

    foreseen, took = virtual_time.run(main)
    # The pace is that of the whole limit in the forecast: near the cut it is 5 % slower than the window.
    assert foreseen == pytest.approx(took, rel=0.07)


def test_what_grows_back() -> None:
    """After a cut to 70 % each clean window gives 5 % back, and `refresh` says when."""
    allowance = Allowance(windows([SHORT]))
    allowance.hit(allowance.windows, lambda _: 1, Surprise(0.0))
    seen = []
    for at in (0.0, 9.0, 10.0, 25.0, 60.0):
        grows_in = allowance.refresh(at)
        seen.append((allowance.windows[0].calls, grows_in))
    assert seen == [(70, 10.0), (70, 1.0), (75, 10.0), (80, 5.0), (100, float("inf"))]
    assert pytest.approx(0.7) == CUT


@pytest.mark.parametrize(
    ("used", "retry_after", "named", "cut"),
    [
        ((95, 300, 0), None, None, "100/10s"),
        ((20, 300, 9), None, None, "reports 10/30s"),
        ((20, 300, 9), 25.0, None, "reports 10/30s"),
        ((20, 3_900, 1), None, None, "100/10s"),
        ((20, 3_900, 1), 8.0, None, "100/10s"),
        ((95, 300, 9), None, Hit(10.0), "reports 10/30s"),
        ((20, 300, 9), None, Hit(100.0, 10.0), "100/10s"),
        ((95, 300, 9), 700.0, None, None),
        ((95, 300, 9), None, Hit(4000.0, 1800.0), None),
    ],
)
def test_which_window_is_cut(
    used: tuple[int, ...], retry_after: float | None, named: Hit | None, cut: str | None
) -> None:
    """The window that the answer names; else the fullest short one of those that can be full for as long as it says.

    The 30-minute window is not cut: a pause until it has room is enough, and it would take hours to recover.
    """
    allowance = Allowance(windows(PRODUCTIVE))
    held = dict(zip((window.key for window in allowance.windows), used, strict=True))
    allowance.hit(allowance.windows, lambda window: held[window.key], Surprise(0.0, retry_after, named))
    whole = Allowance(windows(PRODUCTIVE)).windows
    smaller = [now.name for now, was in zip(allowance.windows, whole, strict=True) if now.calls < was.calls]
    assert smaller == ([] if cut is None else [cut])
    assert allowance.is_counter_safe
