"""Where a checkpoint is: folders that are read-only, vanish or are swapped, and holders that are stopped."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ledger_scene import COLUMNS, batch, load, names, open_checkpoint, send, settled, source

from headrace.errors import HeadraceError, LockedError, StoppedError
from headrace.ledger import mounts
from headrace.ledger.checkpoint import Checkpoint

ROWS = source(range(30))


def _delete(folder: Path) -> None:
    shutil.rmtree(folder)


def _move(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))


def _swap(folder: Path) -> None:
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    _move(folder)
    copy.rename(folder)


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("vanish", [_delete, _move, _swap])
def test_nothing_is_sent_without_the_checkpoint(vanish: Callable[[Path], None], threaded: bool, tmp_path: Path) -> None:
    """When the folder is deleted, moved or swapped during a run no further intent is accepted, with exit code 5."""
    folder = tmp_path / "run"
    folder.mkdir()
    checkpoint = open_checkpoint(folder, threaded=threaded)
    ledger = load(checkpoint)
    rows = ledger.unsettled(ROWS, COLUMNS)
    send(ledger, rows[:4])
    flying = ledger.intend(batch(rows[4:6])).result(5)
    vanish(folder)
    with pytest.raises(StoppedError, match="cannot be found any more") as refusal:
        ledger.intend(batch(rows[6:8])).result(5)
    assert refusal.value.exit_code == 5
    ledger.settle(flying, settled(rows[4:6])).result(5)
    checkpoint.close()


def test_a_checkpoint_that_was_moved_has_every_outcome(tmp_path: Path) -> None:
    """What was under way when the folder was moved is settled in it, so that putting it back loses nothing."""
    folder = tmp_path / "run"
    folder.mkdir()
    checkpoint = open_checkpoint(folder)
    ledger = load(checkpoint)
    rows = ledger.unsettled(ROWS, COLUMNS)
    flying = ledger.intend(batch(rows[:6])).result(5)
    _move(folder)
    ledger.settle(flying, settled(rows[:6])).result(5)
    checkpoint.close()
    shutil.rmtree(folder)  # lines for people went to a new folder of the old name; they are written again
    (tmp_path / "moved").rename(folder)
    with open_checkpoint(folder) as checkpoint:
        ledger = load(checkpoint)
        left = ledger.unsettled(ROWS, COLUMNS)
        assert (len(left), ledger.recalled()) == (24, [])
        send(ledger, left)
        ledger.finish(len(ROWS)).result(5)
    assert set(names(folder, "success").values()) == {1}
    assert len(names(folder, "success")) == len(ROWS)


@pytest.fixture
def read_only(small_disk: Path) -> Path:
    """Give a folder on a file system that is mounted read-only, with a checkpoint in it."""
    with open_checkpoint(small_disk) as checkpoint:
        send(load(checkpoint), ROWS[:3])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    return small_disk


def test_a_read_only_folder_is_refused_before_anything_is_sent(read_only: Path) -> None:
    """Opening to write names the path and a remedy; reading it works."""
    with pytest.raises(HeadraceError) as refusal:
        open_checkpoint(read_only)
    assert refusal.value.exit_code in {2, 5}
    assert refusal.value.hint
    with Checkpoint.read(read_only / "acme.headrace") as view:
        assert view.counts().done == 3


def test_a_network_file_system_is_warned_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint on NFS is used, and the user is told why it should not be; the innermost mount decides."""
    place = str(tmp_path.resolve()).replace(" ", r"\040")
    table = tmp_path / "mounts"
    warn = mounts.warning
    monkeypatch.setattr(mounts, "warning", lambda path: warn(path, table))
    for kind, inner in (("nfs4", ""), ("nfs4", f"tmpfs {place}/other tmpfs rw 0 0\n"), ("ext4", "")):
        table.write_text(f"rootfs / ext4 rw 0 0\nserver:/x {place} {kind} rw 0 0\n{inner}")
        with open_checkpoint(tmp_path) as checkpoint:
            first, second = load(checkpoint, name="a"), load(checkpoint, name="b")
        assert any("network file system (nfs4)" in notice for notice in first.notices) is (kind == "nfs4")
        assert second.notices == ()
    assert warn(tmp_path, tmp_path / "absent") is None


HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_scene import COLUMNS, load, open_checkpoint, send, source

with open_checkpoint(Path(sys.argv[1]), threaded=True) as checkpoint:
    ledger = load(checkpoint)
    rows = ledger.unsettled(source(range(30)), COLUMNS)
    send(ledger, rows[:10])
    print("held", flush=True)
    sys.stdin.readline()
    send(ledger, rows[10:])
    ledger.finish(30).result(5)
"""


@pytest.mark.real
def test_a_stopped_holder_still_holds(tmp_path: Path) -> None:
    """A holder under SIGSTOP keeps others out, however long; continued, it ends its run as if nothing had been."""
    code = [sys.executable, "-c", HOLD, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(LockedError, match=f"process {process.pid}") as refusal:
                open_checkpoint(tmp_path)
            assert refusal.value.exit_code == 8
        with Checkpoint.read(tmp_path / "acme.headrace") as view:
            assert view.counts().done == 10
        process.send_signal(signal.SIGCONT)
        process.communicate("go on\n", timeout=30)
        assert process.returncode == 0
    with open_checkpoint(tmp_path) as checkpoint:
        assert load(checkpoint).unsettled(ROWS, COLUMNS) == []
    assert len(names(tmp_path, "success")) == len(ROWS)
