"""The kill sweep in small: every numbered point once. `flow_sweep.py` is the whole of it."""

from pathlib import Path

import pytest
from flow_sweep import cases, sweep
from mortal import POINTS

PARTS = 2


@pytest.mark.real
@pytest.mark.parametrize("part", range(PARTS))
def test_no_kill_doubles_or_loses_a_row(part: int, tmp_path: Path) -> None:
    """Killed at a point, then at any time, and run again under faults: every good row is there once, none in doubt."""
    tally = sweep(tmp_path, cases(len(POINTS))[part::PARTS])
    assert tally.wrong == []
    assert (tally.duplicates, tally.missing, tally.in_doubt) == (0, 0, 0)
    assert tally.runs == len(POINTS) / PARTS
    assert tally.kills >= tally.runs
