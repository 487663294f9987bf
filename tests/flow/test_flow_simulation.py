"""Two hundred imports under faults, killed and resumed: every good row once, every other one named, one seed one trace.

`soak.py` plays as many as you like; a seed that it finds belongs into `REGRESSIONS`.
"""

from pathlib import Path

import pytest
from flow_simulation import Simulation, scenario

SEEDS, AT_ONCE = 200, 10
REGRESSIONS = (460, 3724)
"""Seeds beyond the first that have failed once: faults that strike together."""


def play(folder: Path, seed: int) -> Simulation:
    world = Simulation(folder, scenario(seed))
    world.judge(world.play())
    return world


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_row_is_stored_once_whatever_happens(first: int, tmp_path: Path) -> None:
    """Drops, late commits, lag, partial batches, lies, 429s, a revoked token and kills: nothing twice, nothing lost."""
    for seed in range(first, first + AT_ONCE):
        folder = tmp_path / str(seed)
        folder.mkdir()
        play(folder, seed)


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_failed_once_fails_no_more(seed: int, tmp_path: Path) -> None:
    """Seeds that have found something stay here."""
    play(tmp_path, seed)


@pytest.mark.parametrize("seed", [1, 27, 84, 109])
def test_one_seed_is_one_trace(seed: int, tmp_path: Path) -> None:
    """Every request, its time and its answer are the same each time, kills included."""
    traces = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        traces.add(play(tmp_path / name, seed).trace)
    assert len(traces) == 1
