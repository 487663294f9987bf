"""I2, I3, I4, I6: who goes when. In order, never idle without need, at the shortest time, no lane in another's way."""

import asyncio
from dataclasses import replace

import pytest
from aiolimiter import AsyncLimiter
from budget_scenarios import EPSILON, LINGER, PRODUCTIVE, Call, fastest, limits, oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time
from headrace.testing.servers import worst_window

arrivals = st.builds(
    Call,
    at=st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 2.5, 4.0, 9.0, 20.0]),
    up=st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0]),
    fate=st.sampled_from(["answer", "answer", "answer", "lose"]),
    route=st.sampled_from([None, None, "reports"]),
    lane=st.sampled_from(list(Lane)),
)


async def _grants(budget: Budget, scenario: list[Call]) -> list[float]:
    start = virtual_time.clock()

    async def one(call: Call) -> float:
        await asyncio.sleep(call.at)
        permit = await budget.acquire(call.route, call.lane)
        granted = virtual_time.clock() - start
        await asyncio.sleep(call.up)
        permit.lost() if call.fate == "lose" else permit.settle()
        return granted

    return await asyncio.gather(*map(one, scenario))


@settings(max_examples=200, deadline=None)
@given(limits(most=9), limits("reports", most=2), st.lists(arrivals, min_size=1, max_size=25))
def test_every_grant_comes_when_the_rules_say(general: list[Limit], reports: list[Limit], scenario: list[Call]) -> None:
    """I2, I3, I6: each request is granted exactly when a slow and obvious gate would grant it.

    So nobody overtakes in a lane, nothing idles while the first that may go would fit, lanes go by rank, and who waits
    for a window of reports stands in nobody's way. Arrivals are a few milliseconds apart, so that their order is known.
    """
    apart = [replace(call, at=call.at + number * 4 * EPSILON) for number, call in enumerate(scenario)]
    budget = Budget([*general, *reports], pacer=None, slack=0, linger=LINGER, clock=virtual_time.clock)
    granted = virtual_time.run(_grants, budget, apart)
    assert granted == pytest.approx(oracle([*general, *reports], apart), abs=EPSILON)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.sampled_from([2.0, 5.0]), st.integers(1, 60))
def test_the_last_send_is_at_the_optimum(size: int, per: float, requests: int) -> None:
    """I4: without latency, slack and pacer the last of a backlog goes at T(k), to the microsecond."""
    short, long = Limit(size, per), Limit(3 * size, 4 * per)
    budget = Budget([short, long], pacer=None, slack=0, clock=virtual_time.clock)
    granted = virtual_time.run(_grants, budget, [Call(at=0)] * requests)
    assert max(granted) == pytest.approx(fastest(requests, short, long), abs=1e-6)


@pytest.mark.parametrize(
    ("requests", "seconds"), [(1, 0), (100, 0), (101, 10), (1_000, 90), (4_000, 390), (4_100, 1800)]
)
def test_the_optimum_under_productive_limits(requests: int, seconds: float) -> None:
    """I4: T(k) for the limits of Productive, as BUDGETS.md lists it."""
    budget = Budget(PRODUCTIVE, pacer=None, slack=0, clock=virtual_time.clock)
    granted = virtual_time.run(_grants, budget, [Call(at=0)] * requests)
    assert max(granted) == pytest.approx(seconds, abs=1e-4)


def test_nobody_barges_in_after_a_stall() -> None:
    """I2: slots came free while the process stood still; those who waited go before whoever comes now."""
    budget = Budget([Limit(1, 10)], pacer=None, slack=0, clock=virtual_time.clock)
    order: list[int] = []

    async def one(name: int, route: str | None = None) -> None:
        permit = await budget.acquire(route, Lane.ROWS)
        order.append(name)
        permit.settle()

    async def main() -> None:
        await one(0)
        waiting = [asyncio.ensure_future(one(name)) for name in (1, 2, 3)]
        await asyncio.sleep(0)
        virtual_time.advance(12)
        await asyncio.gather(one(98, "another class of routes"), one(99), *waiting)

    virtual_time.run(main)
    assert order == [0, 1, 2, 3, 98, 99]


def test_the_application_waits_for_no_row() -> None:
    """Lanes: with a thousand rows before the gate, the application's request is the next that the pacer lets pass."""
    budget = Budget(PRODUCTIVE, clock=virtual_time.clock)
    order: list[Lane] = []

    async def one(lane: Lane) -> None:
        permit = await budget.acquire(None, lane)
        order.append(lane)
        permit.settle()

    async def main() -> None:
        rows = [asyncio.ensure_future(one(Lane.ROWS)) for _ in range(1_000)]
        await asyncio.sleep(5.01)
        before = len(order)
        await asyncio.gather(one(Lane.READBACK), one(Lane.APPLICATION))
        assert order[before:] == [Lane.APPLICATION, Lane.READBACK]
        for row in rows:
            row.cancel()
        await asyncio.gather(*rows, return_exceptions=True)

    virtual_time.run(main)


@pytest.mark.parametrize("lane", list(Lane))
def test_reports_pay_everywhere_and_delay_nobody(lane: Lane) -> None:
    """I6, stacking: reports pay in all windows, and wait for their own without holding up rows, whatever their lane."""
    budget = Budget([Limit(40, 10), Limit(3, 30, routes="reports")], pacer=None, slack=0, clock=virtual_time.clock)
    scenario = [Call(at=0, route="reports", lane=lane) for _ in range(12)]
    scenario += [Call(at=number * 0.5) for number in range(1, 100)]
    granted = virtual_time.run(_grants, budget, scenario)
    reports, rows = granted[:12], granted[12:]
    assert worst_window(reports, 30 - EPSILON) == 3
    assert max(reports) == pytest.approx(90, abs=EPSILON)
    assert worst_window(granted, 10 - EPSILON) <= 40
    assert rows == pytest.approx([call.at for call in scenario[12:]], abs=EPSILON)


def test_reports_without_an_answer_delay_nobody() -> None:
    """I6: while nobody can tell when the next report may go, because the last has no answer yet, rows go on."""
    budget = Budget([Limit(5, 10), Limit(1, 30, routes="reports")], pacer=None, slack=0, clock=virtual_time.clock)
    scenario = [Call(at=0, up=3, route="reports"), Call(at=0.5, route="reports"), Call(at=1)]
    assert virtual_time.run(_grants, budget, scenario) == pytest.approx([0, 33, 1], abs=EPSILON)


def test_nested_limiters_would_let_reports_through() -> None:
    """Why one step over all windows: two aiolimiters, each safe alone, nested let 20 reports into a window of 10."""
    reports, general = AsyncLimiter(1, 3), AsyncLimiter(1, 0.1)
    sent: list[float] = []

    async def report() -> None:
        async with reports, general:
            sent.append(virtual_time.clock())

    async def main() -> None:
        row = [asyncio.ensure_future(general.acquire()) for _ in range(300)]
        await asyncio.gather(*(report() for _ in range(20)), *row)

    virtual_time.run(main)
    assert worst_window(sent, 30 - EPSILON) == 20
