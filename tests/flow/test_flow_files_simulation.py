"""Attachments under faults, killed and resumed: every file where it belongs, once, beside those that were there.

`soak.py SEEDS FIRST files` plays as many as you like.
"""

from pathlib import Path

import pytest
from flow_files import FilesSimulation

SEEDS, AT_ONCE = 60, 10


def play(folder: Path, seed: int) -> None:
    folder.mkdir()
    world = FilesSimulation(folder, seed)
    world.judge(world.play())


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_file_is_attached_once(first: int, tmp_path: Path) -> None:
    """Whatever gets no answer, and whenever the process is killed, links and lists agree with the source."""
    for seed in range(first, first + AT_ONCE):
        play(tmp_path / str(seed), seed)
