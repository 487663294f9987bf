"""The benchmark in real time: its figures are right, and the processes that it starts do send."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import from the repository's root: the benchmarks are not installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("benchmarks.live")


def test_the_rate_is_that_of_whole_windows_after_the_ramp(live: Any) -> None:
    """One request every 0.125 s for 47 s is 80 % of the limit, whatever happened in the first 10 s."""
    arrivals = [50 + at / 8 for at in range(47 * 8)]
    ride = live._judged("steady", [50.0] * 30 + arrivals, 97.0, refused=2, ended=(130,))
    assert (ride.rate, ride.seconds, ride.requests, ride.refused) == (8.0, 47.0, 30 + 47 * 8, 2)
    assert ride.worst == 30 + 80
    assert live.COLUMNS["rate"](ride) == "80.0%"


@pytest.mark.real
def test_a_killed_process_goes_on_against_a_limiter_that_is_not_ours(live: Any, tmp_path: Path) -> None:
    """Some seconds of the longest scene: requests arrive before and after the kills, and none is refused."""
    if not import_module("benchmarks.budget").is_installed("limits"):
        pytest.skip("limits is not installed: it comes with the extra `bench`")
    ride = live._ride("killed", live._killed, tmp_path / "ride", 6.0)
    assert ride.requests > 10
    assert (ride.refused, ride.ended) == (0, (130,))
