"""Kills at every step: what is durable stays, and each outcome is in exactly one results file, exactly once."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_scene import COLUMNS, NOTED, batch, load, names, open_checkpoint, send, settled, source, table

from headrace.ledger import durable
from headrace.ledger.checkpoint import Checkpoint
from headrace.model import Row

ROWS = source("abcdefghijaab")
HOW = dict.fromkeys("abcdefghij", "done") | {"b": "rejected", "c": "invalid", "f": "skipped", "g": "in_doubt"}
KINDS = ("success", "rejects", "in-doubt", "duplicates")


class Snapshots:
    """Copies of a folder, one for each moment at which a process could die."""

    def __init__(self, folder: Path, copies: Path) -> None:
        self._folder = folder
        self._copies = copies
        self.count = 0

    def take(self, *_: object) -> None:
        """Copy the folder as it is now."""
        shutil.copytree(self._folder, self._copies / f"{self.count:04}")
        self.count += 1

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Return `act` with a copy before and after it."""

        def acting(*arguments: Any) -> Any:
            self.take()
            result = act(*arguments)
            self.take()
            return result

        return acting


@pytest.fixture
def snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    """Take a snapshot around each write to a results file, and before each statement of the database."""
    (tmp_path / "run").mkdir()
    (tmp_path / "copies").mkdir()
    taken = Snapshots(tmp_path / "run", tmp_path / "copies")
    for name in ("write_all", "rename"):
        monkeypatch.setattr(durable, name, taken.around(getattr(durable, name)))
    return taken


def first_run(folder: Path, snapshots: Snapshots, sent: list[str]) -> None:
    """Import all rows but the last, with requests of two that overlap."""
    with open_checkpoint(folder) as checkpoint:
        checkpoint._connection.set_trace_callback(snapshots.take)
        ledger = load(checkpoint)
        flying: list[tuple[int, list[Row]]] = []
        for start in range(0, len(ROWS) - 1, 4):
            kept = ledger.unsettled(ROWS[start : start + 4], COLUMNS)
            noted = [one for one in kept if HOW[one.cells[0]] in NOTED]
            for one in noted:
                send(ledger, [one], HOW[one.cells[0]])
            some = [one for one in kept if one not in noted]
            flying.append((ledger.intend(batch(some)).result(5), some))
            sent += [f"{one.offset}" for one in some]
            if len(flying) > 1:
                answer(ledger, *flying.pop(0))
        for intent, some in flying:
            answer(ledger, intent, some)
        ledger.finish(len(ROWS)).result(5)


def answer(ledger: Any, intent: int, rows: list[Row]) -> None:
    """Settle each row of a request as it is bound to."""
    ledger.settle(intent, [one for row in rows for one in settled([row], HOW[row.cells[0]])]).result(5)


def complete(folder: Path, rows: list[Row], fingerprint: bytes) -> Counter[int]:
    """Run the import again to its end; return how often each row was sent."""
    resent: Counter[int] = Counter()
    with open_checkpoint(folder) as checkpoint:
        ledger = load(checkpoint, fingerprint)
        if ledger.must_recognise:
            ledger.recognise(row.key for row in rows)
        for one in ledger.unsettled(rows, COLUMNS):
            send(ledger, [one], HOW[one.cells[0]])
            resent[one.offset] += HOW[one.cells[0]] not in NOTED
        ledger.finish(len(rows)).result(5)
    return resent


def check(folder: Path) -> None:
    """Check that counts and files agree, and that each row is where it belongs, once."""
    with Checkpoint.read(folder / "acme.headrace") as view:
        counts = view.counts()
    assert counts.is_conserved
    assert (counts.rows, counts.not_attempted, counts.invalid) == (len(ROWS), 0, 1)
    found = {kind: names(folder, kind) for kind in KINDS}
    assert sum(found["success"].values()) == counts.done
    assert sum(found["rejects"].values()) == counts.rejected + counts.invalid
    assert sum(found["in-doubt"].values()) == counts.in_doubt
    together = sum(found.values(), Counter[str]())
    assert together == Counter(row.cells[0] for row in ROWS) - Counter("f")  # what is skipped is in no file
    remote = Counter(line["remote_id"] for line in table(folder, "success"))
    assert set(remote.values()) <= {1}
    kept = {f"tasks.{kind}.csv" for kind in KINDS}
    assert {file.name for file in (folder / "acme.results").iterdir()} <= kept  # nothing set aside or left over
    lines = [int(line["line"]) for line in table(folder, "rejects")]
    assert lines == sorted(lines)


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_kill_at_any_moment_loses_and_doubles_nothing(
    tmp_path: Path, snapshots: Snapshots, is_changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed after any kill, also with a sorted source, all ends as without it but for what was in flight."""
    sent: list[str] = []
    first_run(tmp_path / "run", snapshots, sent)
    monkeypatch.undo()
    assert snapshots.count > 80
    rows = sorted(ROWS, key=lambda row: row.cells[0]) if is_changed else ROWS
    rows = [Row(offset, offset + 2, row.key, row.cells) for offset, row in enumerate(rows)]
    # Every second moment for the one, the moments between for the other.
    for copy in sorted((tmp_path / "copies").iterdir())[is_changed::2]:
        with sqlite3.connect(copy / "acme.headrace") as connection:
            is_begun = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'request'").fetchone()[0]
            durable_rows = connection.execute("SELECT count(*) FROM request").fetchone()[0] if is_begun else 0
        connection.close()
        resent = complete(copy, rows, b"two" if is_changed else b"one")
        assert durable_rows == 0 or sum(resent.values()) < len(ROWS)
        check(copy)
        complete(copy, rows, b"two" if is_changed else b"one")
        check(copy)


def test_a_torn_wal_keeps_what_was_committed_before_the_tear(tmp_path: Path) -> None:
    """However much of the WAL reached the disk, the intents in it are the first ones, and none is half there."""
    (tmp_path / "run").mkdir()
    with open_checkpoint(tmp_path / "run", threaded=True, results=False) as checkpoint:
        ledger = load(checkpoint)
        for one in ledger.unsettled(ROWS, COLUMNS):
            ledger.intend(batch([one])).result(5)
        shutil.copytree(tmp_path / "run", tmp_path / "whole")
    size = (tmp_path / "whole" / "acme.headrace-wal").stat().st_size
    most = 0
    for length in range(0, size + 1, max(1, size // 60)):
        torn = tmp_path / f"torn-{length}"
        torn.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(tmp_path / "whole" / f"acme.headrace{suffix}", torn)
        os.truncate(torn / "acme.headrace-wal", length)
        with open_checkpoint(torn, results=False) as checkpoint:
            left = {row.offset for row in load(checkpoint).unsettled(ROWS, COLUMNS)}
        known = len(ROWS) - len(left)
        assert left == set(range(known, len(ROWS)))
        assert known >= most
        most = known
    assert most > len(ROWS) - 2


IMPORT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_scene import COLUMNS, batch, load, open_checkpoint, settled, source

checkpoint = open_checkpoint(Path(sys.argv[1]), threaded=True)
ledger = load(checkpoint)
rows = ledger.unsettled(source(range(5000)), COLUMNS)
flying = []
for start in range(0, len(rows), 5):
    some = rows[start : start + 5]
    flying.append((some, ledger.settle(ledger.intend(batch(some)).result(20), settled(some))))
    if len(flying) > 3:
        some, future = flying.pop(0)
        future.result(20)
        print(*[row.offset for row in some], flush=True)
"""


@pytest.mark.real
def test_real_kills_lose_nothing_that_was_told(tmp_path: Path) -> None:
    """Killed again and again, the import keeps every outcome it told of, and never doubts more than was in flight."""
    told: set[int] = set()
    code = [sys.executable, "-c", IMPORT, str(tmp_path), str(Path(__file__).parent)]
    for requests in (1, 7, 30, 4):
        with subprocess.Popen(code, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _, line in zip(range(requests), process.stdout, strict=False):
                told.update(map(int, line.split()))
            process.kill()
    rows = source(range(5000))
    with open_checkpoint(tmp_path, threaded=True) as checkpoint:
        ledger = load(checkpoint)
        left = {row.offset for row in ledger.unsettled(rows, COLUMNS)}
        assert not left & told
        send(ledger, [row for row in rows if row.offset in left])
        ledger.finish(5000).result(20)
        counts = ledger.counts()
    assert (counts.rows, counts.done + counts.in_doubt) == (5000, 5000)
    assert counts.in_doubt <= 4 * 4 * 5
    assert set(names(tmp_path, "success").values()) == {1}
    assert len(names(tmp_path, "success")) == counts.done
    assert len(names(tmp_path, "in-doubt")) == counts.in_doubt
