"""Whole migrations under faults, killed and resumed: parents, children, changes and deletions, each done once.

`soak.py SEEDS FIRST family` plays as many as you like; a seed that it finds belongs into `REGRESSIONS`.
"""

from pathlib import Path

import pytest
from flow_families import FamilySimulation

SEEDS, AT_ONCE = 60, 10
REGRESSIONS = (18, 35, 36, 51, 79, 88, 164, 220, 481, 646, 701)
"""Seeds that have failed once: a change that an earlier run had sent came after a newer one about the same record, or
waited for it for ever; a batch of deletions was killed while it was taken apart, or refused again and again; a
change that was executed late undid a newer one, of its load or of the next."""


def play(folder: Path, seed: int) -> None:
    folder.mkdir()
    world = FamilySimulation(folder, seed)
    world.judge(world.play())


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_load_ends_as_if_nothing_had_happened(first: int, tmp_path: Path) -> None:
    """Trees are whole, changes in the order of the source, deletions done; rows below refused ones are not sent."""
    for seed in range(first, first + AT_ONCE):
        play(tmp_path / str(seed), seed)


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_failed_once_fails_no_more(seed: int, tmp_path: Path) -> None:
    """Seeds that have found something stay here."""
    play(tmp_path / str(seed), seed)
