"""A disk that fills up: real ones, in a process of its own."""

import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from ledger_scene import COLUMNS, batch, load, names, open_checkpoint, row, send, settled, source

from headrace.errors import StoppedError
from headrace.ledger.load import LoadLedger
from headrace.model import Row

FILL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_scene import COLUMNS, batch, load, open_checkpoint, settled, source
from headrace.errors import StoppedError
from headrace.ledger.load import LoadLedger
from headrace.model import Row

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


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse to make any file larger than `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def send_until_it_fails(ledger: LoadLedger, rows: Sequence[Row]) -> tuple[int, StoppedError | None]:
    """Send rows, ten a request; return how many are done, and what stopped it."""
    for start in range(0, len(rows), 10):
        some = rows[start : start + 10]
        try:
            ledger.settle(ledger.intend(batch(some)).result(20), settled(some)).result(20)
        except StoppedError as error:
            return start, error
    return len(rows), None


@pytest.mark.parametrize("note", ["", "long " * 2000])
def test_a_failing_disk_stops_the_run_and_loses_nothing(tmp_path: Path, note: str) -> None:
    """Whether the checkpoint or a results file cannot grow, the run stops, and all that was told is there."""
    rows = [row(offset, offset, note) for offset in range(1000)]
    checkpoint = open_checkpoint(tmp_path, threaded=True)
    ledger = load(checkpoint)
    ledger.unsettled(rows, COLUMNS)
    with files_of_at_most(400_000):
        done, error = send_until_it_fails(ledger, rows)
    assert error is not None
    assert error.hint is not None
    assert done > 0
    assert isinstance(ledger.intend(batch(rows[-1:])).exception(20), StoppedError)
    checkpoint.close()
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        left = ledger.unsettled(rows, COLUMNS)
        counts = ledger.counts()
        assert counts.done >= done
        assert counts.in_doubt <= 10
        assert len(left) == len(rows) - counts.done - counts.in_doubt
        send(ledger, left)
        ledger.finish(len(rows)).result(20)
    told = names(tmp_path, "success")
    assert set(told.values()) == {1}
    assert len(told) == 1000 - counts.in_doubt
