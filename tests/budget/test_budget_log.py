"""The permit log in memory, against a log that is obviously right; and budgets that share one."""

import asyncio
import math

import pytest
from budget_scenarios import EPSILON
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.dispatch.permits import Lease, Unknown, Wait, Window
from headrace.dispatch.permits.memory import MemoryLog
from headrace.dispatch.permits.window import slack, windows
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time

LINGER = 3.0
WIDE = Window("wide", "wide", 3, 4.0)
NARROW = Window("narrow", "narrow", 2, 9.0)
STEPS = st.tuples(
    st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0, 4.0, 9.0]),
    st.sampled_from(["take", "take", "take both", "settle", "lost", "refund"]),
)


class _PlainLog:
    """Every permit ever taken, with the instant at which it comes free: infinity while it is not known."""

    def __init__(self) -> None:
        self.free_at: dict[int, dict[str, float]] = {}

    def used(self, window: Window, now: float) -> int:
        return sum(ends[window.key] > now for ends in self.free_at.values() if window.key in ends)

    def wait(self, touched: tuple[Window, ...], now: float) -> float:
        return max(self._wait(window, now) for window in touched)

    def _wait(self, window: Window, now: float) -> float:
        ends = sorted(ends[window.key] for ends in self.free_at.values() if ends.get(window.key, now) > now)
        return ends[len(ends) - window.calls] - now if len(ends) >= window.calls else 0.0

    def end(self, lease: Lease, counted_at: float) -> None:
        self.free_at[lease.number] = {window.key: counted_at + window.hold for window in lease.windows}


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_the_log_agrees_with_a_plain_one(steps: list[tuple[float, str]]) -> None:
    """After any course of takes, answers, losses and refunds: the same grants, waits, use and releases."""
    now = 0.0
    log, plain = MemoryLog(linger=LINGER, clock=lambda: now), _PlainLog()
    held: list[Lease] = []
    for pause, step in steps:
        now += pause
        if step.startswith("take"):
            touched = (WIDE, NARROW) if step == "take both" else (WIDE,)
            wait = plain.wait(touched, now)
            match log.take(touched):
                case Lease() as lease:
                    assert wait == 0
                    held.append(lease)
                    plain.free_at[lease.number] = {window.key: math.inf for window in touched}
                case Wait(seconds):
                    assert seconds == pytest.approx(wait)
                case Unknown():
                    assert wait == math.inf
        elif held:
            lease = held.pop(len(held) // 2)
            getattr(log, step)(lease)
            if step == "refund":
                del plain.free_at[lease.number]
            else:
                plain.end(lease, now + (LINGER if step == "lost" else 0.0))
        for window in (WIDE, NARROW):
            assert log.used(window) == plain.used(window, now)
            known = [ends[window.key] - now for ends in plain.free_at.values() if window.key in ends]
            assert list(log.releases(window)) == pytest.approx(sorted(s for s in known if 0 < s < math.inf))


def test_slack_is_50_ms_and_500_ppm() -> None:
    """The margin on top of a window: 55 ms on 10 seconds, 0.95 s on half an hour."""
    assert slack(10) == pytest.approx(0.055)
    assert slack(1800) == pytest.approx(0.95)
    assert [window.hold for window in windows([Limit(100, 10)])] == [pytest.approx(10.055)]


@settings(deadline=None)
@given(st.floats(0.001, 1), st.integers(1, 5_000))
def test_a_share_is_rounded_down_and_never_nothing(share: float, calls: int) -> None:
    """`share` takes its part of every window, whole calls only, and leaves at least one."""
    (window,) = windows([Limit(calls, 10)], share=share)
    assert 1 <= window.calls <= max(1, calls * share)


@pytest.mark.parametrize("share", [0, -0.5, 1.01])
def test_a_share_is_a_part(share: float) -> None:
    """Shares outside of 0 to 1 are refused."""
    with pytest.raises(ValueError, match="share"):
        Budget([Limit(1, 1)], share=share)


def test_half_a_share_takes_half_the_rate() -> None:
    """With `share=0.5` only half of each window is used, and the pacer goes at half the pace."""
    budget = Budget([Limit(10, 10), Limit(20, 60)], share=0.5, slack=0, clock=virtual_time.clock)

    async def main() -> list[float]:
        times = []
        for _ in range(11):
            (await budget.acquire(None, Lane.ROWS)).settle()
            times.append(virtual_time.clock() - virtual_time.START)
        return times

    times = virtual_time.run(main)
    assert times[1] == pytest.approx(10 / (0.95 * 5), abs=0.021)
    assert times[10] == pytest.approx(60, abs=EPSILON)


def _shared() -> tuple[Budget, Budget]:
    log = MemoryLog(clock=virtual_time.clock)
    limits = [Limit(2, 10), Limit(3, 60, "organization")]
    mine, yours = (
        Budget(
            limits, log=log, pacer=None, slack=0, scopes={"token": token, "organization": "o"}, clock=virtual_time.clock
        )
        for token in ("a", "b")
    )
    return mine, yours


def test_two_tokens_of_one_organization_share_its_window() -> None:
    """Budgets over one log share the windows of the scopes they have in common, and only those."""
    mine, yours = _shared()

    async def main() -> None:
        for budget in (mine, mine, yours):
            (await budget.acquire(None, Lane.ROWS)).settle()
        assert virtual_time.clock() - virtual_time.START < EPSILON
        assert [use.used for use in mine.statistics().windows] == [2, 3]
        assert [use.used for use in yours.statistics().windows] == [1, 3]
        await yours.acquire(None, Lane.ROWS)
        assert virtual_time.clock() - virtual_time.START == pytest.approx(60, abs=EPSILON)

    virtual_time.run(main)


def test_an_answer_to_one_budget_wakes_the_other() -> None:
    """Who waits on slots that another budget's requests hold goes on when those are given back."""
    mine, yours = _shared()

    async def main() -> None:
        held = [await budget.acquire(None, Lane.ROWS) for budget in (mine, mine, yours)]
        waiting = asyncio.ensure_future(yours.acquire(None, Lane.ROWS))
        await asyncio.sleep(5)
        assert not waiting.done()
        held[0].refund()
        await waiting
        assert virtual_time.clock() - virtual_time.START == pytest.approx(5, abs=EPSILON)

    virtual_time.run(main)


def test_a_smaller_slack_does_not_shorten_a_larger_one() -> None:
    """Two budgets keep one window with different slack: what the cautious one still counts, the other keeps for it."""
    now = 0.0
    log = MemoryLog(clock=lambda: now)
    bold, cautious = Window("same", "same", 1, 10.0), Window("same", "same", 1, 15.0)
    lease = log.take((cautious,))
    assert isinstance(lease, Lease)
    log.settle(lease)
    now = 11.0
    log.used(bold)
    assert isinstance(log.take((cautious,)), Wait)
    now = 15.0
    assert isinstance(log.take((cautious,)), Lease)


def test_a_budget_that_is_gone_is_forgotten() -> None:
    """A log that outlives its budgets does not keep them alive, nor call them."""
    log = MemoryLog(clock=virtual_time.clock)

    async def main() -> None:
        for _ in range(50):
            budget = Budget([Limit(5, 10)], log=log, pacer=None, clock=virtual_time.clock)
            (await budget.acquire(None, Lane.ROWS)).refund()
        assert len(log._watchers) <= 2

    virtual_time.run(main)


def test_the_first_word_about_a_permit_counts() -> None:
    """What is said about a permit after its end changes nothing: an answer is an answer."""
    budget = Budget([Limit(2, 10)], pacer=None, clock=virtual_time.clock)

    async def main() -> None:
        permit = await budget.acquire(None, Lane.ROWS)
        assert repr(permit) == "<Permit: open>"
        permit.settle()
        permit.lost()
        permit.refund()
        permit.rejected(5)
        now = budget.statistics()
        assert (now.granted, now.refunded, now.lost, now.throttled, now.paused_for) == (1, 0, 0, 0, 0)
        assert now.windows[0].used == 1
        assert repr(permit) == "<Permit: ended>"

    virtual_time.run(main)


def test_without_limits_nothing_waits() -> None:
    """The budget of `--no-limits` counts and never waits; a 429 pauses it all the same."""
    budget = Budget([], clock=virtual_time.clock)

    async def main() -> None:
        for _ in range(1_000):
            (await budget.acquire("reports", Lane.ROWS)).settle()
        assert virtual_time.clock() - virtual_time.START < EPSILON
        assert budget.statistics().granted == 1_000
        assert repr(budget) == "<Budget: no limits, 0 waiting>"

    virtual_time.run(main)


def test_a_budget_made_outside_a_loop_runs_on_the_real_clock() -> None:
    """With its default clock a budget can be made before there is a loop, and then be used in one."""
    budget = Budget([Limit(5, 0.02)], slack=0)

    async def main() -> None:
        for _ in range(8):
            (await budget.acquire(None, Lane.ROWS)).settle()

    asyncio.run(main())
    assert budget.statistics().granted == 8
