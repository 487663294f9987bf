"""The benchmark of budgets: the harness is fair, its yardstick right, and its servers do refuse."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import from the repository's root: the benchmarks are not installed."""
    monkeypatch.syspath_prepend(str(ROOT))


def module(name: str) -> Any:
    return import_module(f"benchmarks.{name}")


def stand(contender: Any, requests: int) -> Any:
    took = module("schedule").schedule(contender, requests)
    cost = module("schedule").Cost(cpu_us=0.0, permits=1, is_cut=False)
    return module("standing").standing(contender.name, took, {100: cost, 10_000: cost})


@given(st.integers(1, 13_000))
def test_shortest_is_the_earliest_schedule_of_the_two_windows(requests: int) -> None:
    """T(k) is what sending each request as early as the windows allow comes to."""
    sends: list[float] = []
    for number in range(requests):
        short = sends[number - 100] + 10 if number >= 100 else 0.0
        long = sends[number - 4000] + 1800 if number >= 4000 else 0.0
        sends.append(max(short, long))
    assert module("standing").shortest(requests) == sends[-1]


def test_headrace_without_margins_takes_the_shortest_time() -> None:
    """Without pacer, slack and latency the last send is at T(k): nothing of the budget is wasted, none overspent."""
    *_, bare = module("limiters.ours").CONTENDERS
    for requests in (600, 4_101):
        assert stand(bare, requests).ratio == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("requests", "ratio"), [(4_000, 1.06), (10_000, 1.01)])
def test_headrace_as_it_comes_wastes_next_to_nothing(requests: int, ratio: float) -> None:
    """With all defaults, 50-400 ms each way and 25 connections: within 6 % and 1 % of T(k), plus the pacer's ramp."""
    took = module("schedule").schedule(module("limiters.ours").CONTENDERS[0], requests)
    assert max(took.sends) <= ratio * module("standing").shortest(requests) + 10


def test_headrace_counter_safe_is_never_refused() -> None:
    """10,000 requests on a server that estimates both windows: not one 429 at any phase, within 1 % of 4,503 s."""
    contender = module("limiters.ours").CONTENDERS[1]
    took = module("schedule").schedule(contender, 10_000)
    standing = module("standing")
    assert standing._refused(took.arrivals, standing.RULES["counter"]) == 0
    assert max(took.sends) < 4_503 * 1.01


def test_headrace_as_it_comes_is_never_refused() -> None:
    """With latency and all defaults no server of any kind refuses a request of a short run."""
    result = stand(module("limiters.ours").CONTENDERS[0], 600)
    assert set(result.refused) >= {"bucket", "counter", "first_hit", "fixed", "log"}
    assert not any(result.refused.values())
    assert result.worst_short <= 100


def test_the_servers_refuse_who_breaks_the_limits() -> None:
    """With the vendor's figures aiolimiter sends nearly twice as many in a window as it may, and is told so."""
    result = stand(module("limiters.leaky").CONTENDERS[0], 600)
    assert result.worst_short > 190
    assert all(result.refused[server] > 90 for server in ("counter", "first_hit", "fixed", "log"))


@pytest.mark.parametrize("library", ["headrace", "aiolimiter", "pyrate-limiter", "limits", "throttled-py"])
def test_every_contender_sends_all_it_is_asked_to_in_virtual_time(library: str) -> None:
    """Each limiter lives in the harness's time: 300 requests take it the 20 seconds and more that they must."""
    if not module("budget").is_installed(library):
        pytest.skip(f"{library} is not installed: it comes with the extra `bench`")
    for contender in module(f"limiters.{module('budget').LIMITERS[library]}").CONTENDERS:
        took = module("schedule").schedule(contender, 300)
        assert len(took.sends) == 300
        assert 20 <= max(took.sends) <= 40


def test_all_contenders_meet_the_same_latencies() -> None:
    """The ways to the server are the same for all, request by request, and within the bounds that are named."""
    took = [
        module("schedule").schedule(contender, 200)
        for name in ("ours", "leaky")
        for contender in module(f"limiters.{name}").CONTENDERS
        if not contender.is_instant
    ]
    ways = [[there - sent for sent, there in zip(one.sends, one.arrivals, strict=True)] for one in took]
    assert all(own == pytest.approx(ways[0]) for own in ways)
    assert 0.05 - 1e-9 <= min(ways[0]) < max(ways[0]) <= 0.4 + 1e-9


def test_a_permit_costs_more_than_nothing() -> None:
    """The cost is that of all who waited, unless it was cut short."""
    cost = module("schedule").cost(module("limiters.leaky").CONTENDERS[1], 500)
    assert cost.cpu_us > 0
    assert cost.is_cut == (cost.permits < 500)


def test_a_library_that_is_missing_is_shown_as_such() -> None:
    """The table has a line for every library; of one that is not installed it says so and nothing else."""
    standing = module("standing")
    here = stand(module("limiters.ours").CONTENDERS[0], 200)
    ranking = standing.Ranking(name="budget", about="both", figures=(here, standing.Absent("limits")))
    titles, ours, absent = module("table").drawn(ranking).splitlines()[1:4]
    assert ours.startswith("headrace")
    assert all(title in titles for title in standing.COLUMNS)
    assert absent.split() == ["limits", "not", "installed"]
