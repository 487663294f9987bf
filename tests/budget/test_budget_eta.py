"""The forecast: what `eta` says is what then happens, within 2 % or 2 seconds."""

import asyncio

import pytest
from aiolimiter import AsyncLimiter
from budget_scenarios import PRODUCTIVE, fastest, limits
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch import forecast
from headrace.dispatch.budget import Budget
from headrace.dispatch.forecast import Course, Pace, Stage, Track, binding, last_answer, last_send
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time


async def _send(
    budget: Budget, requests: int, *, round_trip: float, writers: int, lose_every: int = 0, route: str | None = None
) -> float:
    """Send `requests` with so many writers; return how many seconds after the start the last one was sent."""
    start = last = virtual_time.clock()
    numbers = iter(range(1, requests + 1))

    async def writer() -> None:
        nonlocal last
        for number in numbers:
            permit = await budget.acquire(route, Lane.ROWS)
            last = virtual_time.clock()
            await asyncio.sleep(round_trip)
            permit.lost() if lose_every and number % lose_every == 0 else permit.settle()

    await asyncio.gather(*(writer() for _ in range(writers)))
    return last - start


def _close(forecast: float, actual: float) -> bool:
    return abs(forecast - actual) <= max(2.0, 0.02 * actual)


@settings(max_examples=60, deadline=None)
@given(
    limits(),
    st.integers(1, 40),
    st.sampled_from([0.0, 0.5, 3.0, 12.0]),
    st.integers(1, 60),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.integers(1, 8),
    st.sampled_from([0, 0, 7]),
)
def test_the_run_takes_what_the_forecast_says(
    general: list[Limit], spent: int, pause: float, requests: int, round_trip: float, writers: int, lose_every: int
) -> None:
    """Whatever was spent before, however long ago, with answers lost: the last request goes when `eta` said."""
    budget = Budget(general, linger=20, clock=virtual_time.clock)

    async def main() -> tuple[float, float]:
        await _send(budget, spent, round_trip=round_trip, writers=writers, lose_every=lose_every)
        await asyncio.sleep(pause)
        expected = budget.eta(requests, concurrency=writers)
        return expected, await _send(budget, requests, round_trip=round_trip, writers=writers)

    expected, actual = virtual_time.run(main)
    assert _close(expected, actual), (expected, actual)


@settings(max_examples=60, deadline=None)
@given(limits(most=20), st.integers(1, 60), st.sampled_from([0.25, 1.0, 4.0]), st.sampled_from([1, 3, 20]))
def test_the_forecast_from_the_middle_of_a_run(
    general: list[Limit], requests: int, round_trip: float, writers: int
) -> None:
    """Asked again at every send, with requests under way and others waiting, it says the same end."""
    budget = Budget(general, clock=virtual_time.clock)
    forecasts: list[float] = []
    sent: list[float] = []
    numbers = iter(range(requests))

    async def writer() -> None:
        for _ in numbers:
            permit = await budget.acquire(None, Lane.ROWS)
            sent.append(virtual_time.clock())
            forecasts.append(sent[-1] + budget.eta(requests - len(sent), concurrency=writers))
            await asyncio.sleep(round_trip)
            permit.settle()

    async def main() -> None:
        await _send(budget, 1, round_trip=round_trip, writers=1)
        await asyncio.gather(*(writer() for _ in range(writers)))

    virtual_time.run(main)
    assert all(_close(expected - sent[0], sent[-1] - sent[0]) for expected in forecasts), (sent[-1], forecasts)


@pytest.mark.parametrize(("spent", "requests"), [(1, 50), (250, 300), (4_000, 150), (1, 4_200)])
def test_the_forecast_under_productive_limits(spent: int, requests: int) -> None:
    """With default slack and pacer, 16 writers and 225 ms round trips, also across the half-hour window."""
    budget = Budget(PRODUCTIVE, clock=virtual_time.clock)

    async def main() -> tuple[float, float]:
        await _send(budget, spent, round_trip=0.225, writers=16)
        expected = budget.eta(requests, concurrency=16)
        return expected, await _send(budget, requests, round_trip=0.225, writers=16)

    expected, actual = virtual_time.run(main)
    assert _close(expected, actual), (expected, actual)


@pytest.mark.parametrize("requests", [1, 100, 4_000, 10_000, 100_000, 1_000_000])
def test_the_forecast_is_the_optimum_when_nothing_slows_it(requests: int) -> None:
    """Without latency, slack and pacer the forecast is T(k), also far beyond what is played out."""
    short, long = PRODUCTIVE[:2]
    tracks = [Track(limit.calls, limit.per) for limit in (short, long)]
    assert last_send(requests, Course(tracks)) == pytest.approx(fastest(requests, short, long))


tracks = st.builds(
    Track,
    st.integers(1, 12),
    st.sampled_from([0.0, 1.0, 2.5, 2.525, 4.0, 9.0, 20.0]),
    st.lists(st.sampled_from([0.0, 1.0, 3.0, 8.0, 20.0, 70.0]), max_size=12).map(sorted),
)
courses = st.builds(
    Course,
    tracks=st.lists(tracks, min_size=1, max_size=3),
    pace=st.builds(Pace, gap=st.sampled_from([0.0, 0.1, 1.0])),
    round_trip=st.sampled_from([0.0, 0.2, 1.0]),
    pause=st.sampled_from([0.0, 5.0]),
)


@settings(max_examples=300, deadline=None)
@given(courses, st.integers(1, 300))
def test_the_short_cut_agrees_with_the_long_way(course: Course, requests: int) -> None:
    """Where the forecast extrapolates instead of playing every request, it stays within 2 % or 2 seconds."""
    player = forecast._Player(course)
    played = [player.send() for _ in range(requests)]
    assert played == sorted(played)
    assert _close(last_send(requests, course), played[-1])


@pytest.mark.parametrize(("burst", "per"), [(1, 8.0), (3, 6.0)])
def test_the_forecast_knows_what_the_pacer_has_let_through(burst: int, per: float) -> None:
    """The pacer's own backlog is part of it, and wears off: here nothing but the pacer binds."""
    budget = Budget([Limit(1_000, 1)], pacer=AsyncLimiter(burst, per), clock=virtual_time.clock)

    async def main() -> None:
        assert budget.eta(burst) == 0
        for spent in range(1, 2 * burst):
            await _send(budget, 1, round_trip=0, writers=1)
            for requests in (1, burst, 3 * burst):
                expected = budget.eta(requests)
                assert expected == pytest.approx(max(0, (requests - burst) * per / burst + _backlog(spent)), abs=1e-3)
        await asyncio.sleep(per / 2)
        assert budget.eta(burst) == pytest.approx(max(0, _backlog(2 * burst - 1) - per / 2), abs=1e-3)

    def _backlog(spent: int) -> float:
        return min(spent, burst) * per / burst

    virtual_time.run(main)


def test_nothing_takes_no_time() -> None:
    """No requests, or no limits, take no time; a pause takes its own."""
    budget = Budget([], clock=virtual_time.clock)

    async def main() -> None:
        assert budget.eta(0) == 0
        assert budget.eta(1_000) == 0
        (await budget.acquire(None, Lane.ROWS)).rejected(30)
        assert budget.eta(1) == pytest.approx(30)

    virtual_time.run(main)


def test_reports_are_forecast_by_their_own_window() -> None:
    """25 reports at 10 per 30 s take a minute and some slack; the same number of rows a few seconds."""
    budget = Budget(PRODUCTIVE, clock=virtual_time.clock)

    async def main() -> None:
        assert budget.eta(25, "reports") == pytest.approx(60, abs=2)
        assert budget.eta(25) == pytest.approx(24 / 9.5, abs=0.1)

    virtual_time.run(main)


@settings(max_examples=40, deadline=None)
@given(
    limits(),
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([1, 4, 16])), min_size=1, max_size=4),
    st.sampled_from([0.0, 0.25, 1.0]),
)
def test_stages_are_forecast_one_after_the_other(
    general: list[Limit], spent: int, parts: list[tuple[int, int]], round_trip: float
) -> None:
    """Each stage waits for the answers of the one before it: the last answer comes when the forecast said."""
    budget = Budget(general, clock=virtual_time.clock)
    stages = [Stage(*part) for part in parts]

    async def main() -> tuple[float, float]:
        await _send(budget, 1 + spent, round_trip=round_trip, writers=4)
        expected, start = last_answer(stages, budget.course()), virtual_time.clock()
        for stage in stages:
            await _send(budget, stage.requests, round_trip=round_trip, writers=stage.concurrency or 1)
        return expected, virtual_time.clock() - start

    expected, actual = virtual_time.run(main)
    assert _close(expected, actual), (expected, actual)


APART = (Limit(7, 5.0, routes="reads"), Limit(3, 5.0, routes="writes"), Limit(40, 20.0))
asked = st.tuples(st.integers(0, 60), st.sampled_from([1, 4, 16]), st.sampled_from([None, "reads", "writes"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(asked, min_size=1, max_size=4), st.integers(0, 9), st.sampled_from([0.0, 0.25, 1.0]))
def test_each_stage_pays_in_the_windows_of_its_class(
    parts: list[tuple[int, int, str | None]], spent: int, round_trip: float
) -> None:
    """Reads, writes and others, one after the other: each is held up by its own windows and the general ones only."""
    budget = Budget(APART, clock=virtual_time.clock)
    stages = [Stage(*part) for part in parts]

    async def main() -> tuple[float, float]:
        await _send(budget, 1 + spent, round_trip=round_trip, writers=4, route="reads")
        expected, start = last_answer(stages, budget.course("reads", "writes")), virtual_time.clock()
        for stage in stages:
            writers = stage.concurrency or 1
            await _send(budget, stage.requests, round_trip=round_trip, writers=writers, route=stage.route)
        return expected, virtual_time.clock() - start

    expected, actual = virtual_time.run(main)
    assert _close(expected, actual), (expected, actual)


@pytest.mark.parametrize(
    ("requests", "concurrency", "name"),
    [(1, 16, None), (50, 1, None), (200, 16, "100/10s"), (3_990, 16, "100/10s"), (9_000, 16, "4000/1800s")],
)
def test_the_limit_that_binds_is_named(requests: int, concurrency: int, name: str | None) -> None:
    """It is the one without which the end would come soonest; none where something else decides."""
    budget = Budget([Limit(100, 10), Limit(4_000, 1_800)], clock=virtual_time.clock)

    async def main() -> str | None:
        return binding([Stage(requests, concurrency)], budget.course())

    assert virtual_time.run(main) == name
