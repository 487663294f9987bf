"""The models of servers: each counts as it says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.testing.servers import EXACT, MODELS, Server, refusals, worst_window

times = st.lists(st.sampled_from([x / 4 for x in range(80)]), max_size=60).map(sorted)


@settings(deadline=None)
@given(times, st.sampled_from([1.0, 2.5, 4.0]))
def test_the_worst_window_is_the_worst(times: list[float], per: float) -> None:
    """The largest count of any half-open window, which always begins at one of the times."""
    assert worst_window(times, per) == max([sum(a <= t < a + per for t in times) for a in times], default=0)


@settings(deadline=None)
@given(times, st.integers(1, 6), st.sampled_from([1.0, 2.5, 4.0]), st.sampled_from([0.0, 0.3, 0.9]))
def test_who_keeps_every_window_is_never_refused(times: list[float], calls: int, per: float, phase: float) -> None:
    """The exact models accept whatever has at most `calls` in any half-open window."""
    kept: list[float] = []
    for time in times:
        if worst_window([*kept, time], per) <= calls:
            kept.append(time)
    for model in EXACT:
        assert refusals(kept, [MODELS[model](calls, per, phase)]) == 0


@settings(deadline=None)
@given(times, st.integers(1, 6), st.sampled_from([1.0, 2.5, 4.0]))
def test_the_log_accepts_no_more_than_the_limit(times: list[float], calls: int, per: float) -> None:
    """What a sliding log lets through never exceeds its limit in any window."""
    server: Server = MODELS["log"](calls, per, 0)
    accepted = [time for time in times if server.hit(time)]
    assert worst_window(accepted, per) <= calls


@pytest.mark.parametrize(
    ("model", "answers"),
    [
        ("fixed", "110110011"),
        ("first_hit", "110001111"),
        ("log", "110001110"),
        ("counter", "110011011"),
        ("bucket", "110101011"),
    ],
)
def test_each_model_counts_in_its_own_way(model: str, answers: str) -> None:
    """Two calls per second, at chosen instants: where the five models differ."""
    server = MODELS[model](2, 1.0, 0.0)
    instants = [0.5, 0.6, 0.7, 1.0, 1.1, 1.55, 1.65, 2.6, 2.62]
    got = "".join(str(int(server.hit(time))) for time in instants)
    assert got == answers
