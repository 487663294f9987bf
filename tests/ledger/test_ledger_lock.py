"""One holder at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.errors import LockedError, UsageError
from headrace.ledger.lock import Lock, _is_still_at, holder

HOLD = """
import sys
from pathlib import Path
from headrace.ledger.lock import Lock
Lock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_opener_is_told_who_has_it(tmp_path: Path) -> None:
    """The error names process and host, and its exit code is 8."""
    path = tmp_path / "acme.headrace.lock"
    lock = Lock.acquire(path)
    with pytest.raises(LockedError, match=f"acme.headrace is in use by process {os.getpid()} on ") as caught:
        Lock.acquire(path)
    assert caught.value.exit_code == 8
    lock.release()
    Lock.acquire(path).release()


def test_release_leaves_no_file_and_may_be_repeated(tmp_path: Path) -> None:
    """The lock's file goes with the lock."""
    lock = Lock.acquire(tmp_path / "lock")
    lock.release()
    lock.release()
    assert not [*tmp_path.iterdir()]


def test_a_lock_on_a_file_that_is_gone_is_none(tmp_path: Path) -> None:
    """Who locks the file that a leaving holder has just removed must not believe to hold the lock."""
    path = tmp_path / "lock"
    with path.open("w") as late:
        assert _is_still_at(path, late.fileno())
        path.unlink()
        assert not _is_still_at(path, late.fileno())
        Lock.acquire(path)
        assert not _is_still_at(path, late.fileno())


def test_asking_for_the_holder_creates_nothing(tmp_path: Path) -> None:
    """Nobody holds what is not there, and asking leaves it so."""
    assert holder(tmp_path / "lock") is None
    assert not [*tmp_path.iterdir()]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Someone's symbolic link does not make us write elsewhere."""
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        Lock.acquire(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.real
def test_another_process_holds_it_until_it_dies(tmp_path: Path) -> None:
    """The kernel keeps the lock while the process lives, and takes it back when it is killed."""
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"process {process.pid} on"):
            Lock.acquire(path)
        found = holder(path)
        assert found is not None
        assert found.pid == process.pid
        process.kill()
        process.wait(10)
    assert holder(path) is None
    Lock.acquire(path).release()
