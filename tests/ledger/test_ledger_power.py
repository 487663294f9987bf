"""Power cuts: what was written after the last acknowledged commit is cut, torn or zeroed, in every file there is.

A commit is acknowledged when the files it needs are synced. Here the folder is copied at each acknowledgement; a power
cut leaves what the copy holds, and of everything that was written after it any part, in pieces of a disk's sector.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_scene import COLUMNS, batch, load, names, open_checkpoint, send, settled, source, table
from msgspec import Struct

from headrace.ledger import durable
from headrace.ledger.checkpoint import Checkpoint
from headrace.model import Row

SECTOR = 512
_HEADER = 32  # bytes of a WAL's header
DATABASE, WAL = "acme.headrace", "acme.headrace-wal"
ROWS = source(range(40))
KINDS = ("success", "rejects", "in-doubt")

Files: TypeAlias = dict[str, bytes]


class Moment(Struct):
    """An acknowledged commit: the files then, what every row was, and which rows the next commit was about."""

    files: Files
    states: dict[int, str]
    next_rows: list[int]


def fate(row: Row) -> str:
    """Return how a row ends whenever it is sent."""
    return "rejected" if row.offset % 7 == 3 else "done"


def read(folder: Path) -> Files:
    """Return what is in the files of the run; the lock dies with its holder, -shm is made anew."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.endswith((".lock", "-shm"))}


def history(folder: Path, steps: list[int]) -> list[Moment]:
    """Send rows, two a request, and return the moments: a step n settles the n-th request that is open, if there is."""
    folder.mkdir()
    states = {row.offset: "unsent" for row in ROWS}
    moments: list[Moment] = []

    def acknowledged(rows: list[Row], state: Callable[[Row], str]) -> None:
        moments[-1].next_rows.extend(row.offset for row in rows)
        states.update({row.offset: state(row) for row in rows})
        moments.append(Moment(read(folder), dict(states), []))

    with open_checkpoint(folder) as checkpoint:
        # A WAL that is carried over and begun anew every few commits, as it is every thousand pages otherwise.
        checkpoint._connection.execute("PRAGMA wal_autocheckpoint = 12")
        ledger = load(checkpoint)
        left = ledger.unsettled(ROWS, COLUMNS)
        moments.append(Moment(read(folder), dict(states), []))
        flying: list[tuple[int, list[Row]]] = []
        for step in steps:
            if flying and step < len(flying):
                intent, some = flying.pop(step)
                ledger.settle(intent, [one for row in some for one in settled([row], fate(row))]).result(5)
                acknowledged(some, fate)
            elif left:
                some, left = left[:2], left[2:]
                flying.append((ledger.intend(batch(some)).result(5), some))
                acknowledged(some, lambda _: "open")
    return moments


def torn(old: bytes, new: bytes, luck: random.Random) -> bytes:
    """Return what a power cut leaves of a file that was `old` when it was synced and was being made `new`."""
    match luck.choice(["cut", "zeroed", "sectors"]):
        case "cut":
            length = luck.randint(_same(old, new), len(new))
            return new[:length] + old[length:]
        case "zeroed":
            start = luck.randint(len(old), max(len(old), len(new)))
            return (new[:start] + bytes(len(new) - start)) if len(new) > len(old) else old
        case _:
            return b"".join(_sector(old, new, place, luck) for place in range(0, max(len(old), len(new)), SECTOR))


def _same(old: bytes, new: bytes) -> int:
    """Return how many bytes at the start are the same."""
    return next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _sector(old: bytes, new: bytes, place: int, luck: random.Random) -> bytes:
    """Return one sector: what did not change stays; else it is the old one, the new one, or was never written."""
    before, after = old[place : place + SECTOR], new[place : place + SECTOR]
    if before == after:
        return before
    written = luck.choice([before, after]) if before else luck.choice([after, bytes(len(after))])
    return written.ljust(len(after), b"\0")


def _torn_wal(old: bytes, new: bytes, luck: random.Random) -> bytes:
    """Return what is left of a WAL. Begun anew, it has its new header synced before any frame is written over."""
    if old[:_HEADER] == new[:_HEADER]:
        return torn(old, new, luck)
    begun = new[:_HEADER] + old[_HEADER:]
    return luck.choice([old, torn(begun, new, luck)])


def after_a_power_cut(before: Files, after: Files, luck: random.Random) -> Files:
    """Return the files that a cut leaves between two acknowledgements, in the order in which SQLite syncs them."""
    left = dict(before)
    if before[DATABASE] == after[DATABASE] or luck.random() < 0.5:
        left[WAL] = _torn_wal(before[WAL], after[WAL], luck)
    else:  # the WAL is synced, and is being carried over into the database
        left |= {WAL: after[WAL], DATABASE: torn(before[DATABASE], after[DATABASE], luck)}
    for name in after.keys() - {DATABASE, WAL}:  # never synced before the end of a run: anything may be left of it
        if luck.random() < 0.2:
            left.pop(name, None)
        else:
            left[name] = torn(b"", after[name], luck)
    return left


def restore(folder: Path, files: Files) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def resume(folder: Path) -> tuple[dict[int, str], Callable[[], None]]:
    """Open what the cut left; return what each row is, and what completes the import."""
    checkpoint = open_checkpoint(folder)
    ledger = load(checkpoint)
    left = ledger.unsettled(ROWS, COLUMNS)
    recalled = {one.row.offset for one in ledger.recalled()}
    ids = checkpoint.ids("tasks", [row.key for row in ROWS])
    states = {row.offset: "done" if row.key in ids else "rejected" for row in ROWS}
    states |= dict.fromkeys((row.offset for row in left), "unsent") | dict.fromkeys(recalled, "open")

    def complete() -> None:
        with checkpoint:
            for row in left:
                send(ledger, [row], fate(row))
            ledger.finish(len(ROWS)).result(5)

    return states, complete


@settings(max_examples=15)
@given(steps=st.lists(st.integers(0, 4), min_size=2, max_size=36), seed=st.integers(0, 2**32))
def test_a_power_cut_loses_nothing_that_was_acknowledged(
    steps: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After any cut every row is what it was at the last acknowledgement, or what the next one would have made it."""
    folder = tmp_path_factory.mktemp("power")
    luck = random.Random(seed)
    moments = history(folder / "run", steps)
    for number, (before, after) in enumerate(_cuts(moments, luck)):
        copy = folder / f"cut-{number}"
        restore(copy, after_a_power_cut(before.files, after.files, luck))
        states, complete = resume(copy)
        acknowledged = [{row: before.states[row] for row in states}, {row: after.states[row] for row in states}]
        assert states in acknowledged
        complete()
        _check_results(copy, states)
        shutil.rmtree(copy)


def _cuts(moments: list[Moment], luck: random.Random) -> Iterator[tuple[Moment, Moment]]:
    """Return some neighbouring moments, and the last ones always."""
    pairs = list(pairwise(moments))
    yield from luck.sample(pairs, min(2, len(pairs)))
    yield from pairs[-1:]


def _check_results(folder: Path, states: dict[int, str]) -> None:
    """Check that the files tell each row once, in the right one, whatever was left of them."""
    in_doubt = {str(row) for row, state in states.items() if state == "open"}
    rejected = {str(row.offset) for row in ROWS if fate(row) == "rejected"} - in_doubt
    found = {kind: names(folder, kind) for kind in KINDS}
    assert found["in-doubt"] == Counter(in_doubt)
    assert found["rejects"] == Counter(rejected)
    assert found["success"] == Counter({str(row.offset) for row in ROWS} - in_doubt - rejected)
    assert all(line["remote_id"] == f"id-{line['name']}-{line['name']}" for line in table(folder, "success"))
    with Checkpoint.read(folder / DATABASE) as view:
        counts = view.counts()
    assert (counts.done, counts.in_doubt, counts.is_conserved) == (len(found["success"].keys()), len(in_doubt), True)


def test_a_closed_run_is_on_the_disk_with_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When closing returns every file is synced after its last byte, and every folder after its last new name."""
    synced: dict[int, int] = {}

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced[found.st_ino] = max(found.st_mtime_ns, found.st_ctime_ns)
        real(descriptor)

    real = os.fsync
    monkeypatch.setattr(os, "fsync", fsync)
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        for row in ledger.unsettled(ROWS, COLUMNS):
            send(ledger, [row], fate(row))
        ledger.finish(len(ROWS)).result(5)
    for path in [tmp_path / "acme.results", *(tmp_path / "acme.results").iterdir()]:
        assert synced.get(path.stat().st_ino) == path.stat().st_mtime_ns, path
    assert tmp_path.stat().st_ino in synced


def test_a_draft_that_a_cut_left_is_nothing(tmp_path: Path) -> None:
    """A next version that was never recorded is dropped, one that was is put in its place, and never a half one."""
    for row_fate in ("done", "rejected"):
        folder = tmp_path / row_fate
        folder.mkdir()
        with open_checkpoint(folder) as checkpoint:
            ledger = load(checkpoint)
            send(ledger, ledger.unsettled(ROWS, COLUMNS), row_fate)
            ledger.finish(len(ROWS)).result(5)
        before = read(folder)
        for kind in KINDS:
            (folder / "acme.results" / f".tasks.{kind}.csv.next").write_bytes(b"half a li")
        states, complete = resume(folder)
        complete()
        assert set(states.values()) == {row_fate}
        assert {name: data for name, data in read(folder).items() if name != DATABASE} == {
            name: data for name, data in before.items() if name != DATABASE
        }


def test_the_failure_to_sync_is_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose sync failed is not synced a second time, and is not called complete: it is written anew."""
    checkpoint = open_checkpoint(tmp_path)
    ledger = load(checkpoint)
    send(ledger, ledger.unsettled(ROWS, COLUMNS))
    attempts: list[int] = []

    def fsync(descriptor: int) -> None:
        attempts.append(descriptor)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        checkpoint.close()
    assert len(attempts) == 1
    success = tmp_path / "acme.results" / "tasks.success.csv"
    success.write_bytes(success.read_bytes()[:-100])  # what the disk lost
    states, complete = resume(tmp_path)
    complete()
    assert set(states.values()) == {"done"}
    assert names(tmp_path, "success") == Counter(str(row.offset) for row in ROWS)


def test_durable_replaces_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step of a replacement fails, the old content is there whole."""
    path = tmp_path / "summary.json"
    durable.replace(path, b"old")
    for step in ("create", "write_all", "rename"):

        def failing(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(durable, step, failing)
            with pytest.raises(OSError, match="No space"):
                durable.replace(path, b"new and longer")
        assert path.read_bytes() == b"old"
    durable.replace(path, b"new")
    assert path.read_bytes() == b"new"
