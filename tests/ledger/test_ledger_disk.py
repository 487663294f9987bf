"""A disk that fills up: real ones, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_scene import COLUMNS, load, open_checkpoint, source

from headrace.errors import StoppedError

FILL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_scene import COLUMNS, batch, load, open_checkpoint, settled, source
from headrace.errors import StoppedError

checkpoint = open_checkpoint(Path(sys.argv[1]), threaded=True)
ledger = load(checkpoint)
rows = ledger.unsettled(source(range(20_000)), COLUMNS)
ballast = open(Path(sys.argv[1]) / "ballast", "wb", buffering=0)
done = 0
try:
    for start in range(0, len(rows), 50):
        some = rows[start : start + 50]
        intent = ledger.intend(batch(some)).result(20)
        if start == 1000:
            try:
                while True:
                    ballast.write(bytes(1 << 14))
            except OSError:
                pass
        ledger.settle(intent, settled(some)).result(20)
        done += len(some)
except StoppedError as error:
    print(error.exit_code, done)
checkpoint.close()
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 8 MiB; skip where that is not allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.real
def test_a_full_disk_stops_the_run_and_loses_nothing(small_disk: Path) -> None:
    """Intents are refused with exit code 5, no outcome is lost, closing does not hang, and the rest is sent later."""
    code = [sys.executable, "-c", FILL, str(small_disk), str(Path(__file__).parent)]
    ended = subprocess.run(code, capture_output=True, text=True, timeout=60, check=True)
    exit_code, done = map(int, ended.stdout.split())
    assert exit_code == 5
    (small_disk / "ballast").unlink()
    with open_checkpoint(small_disk) as checkpoint:
        ledger = load(checkpoint)
        left = ledger.unsettled(source(range(20_000)), COLUMNS)
        counts = ledger.counts()
    # The reserve was there for the outcome that came after the disk was full.
    assert done >= 1050
    assert (counts.done, counts.in_doubt) == (done, 0)
    assert len(left) == 20_000 - done


def test_a_disk_without_room_for_the_reserve_is_refused_at_once(small_disk: Path) -> None:
    """Nothing is sent when there is no space left to write an outcome."""
    (small_disk / "ballast").write_bytes(bytes(6 << 20))
    with pytest.raises(StoppedError, match="nothing was sent"):
        open_checkpoint(small_disk, threaded=True)
    (small_disk / "ballast").unlink()
    open_checkpoint(small_disk, threaded=True).close()
