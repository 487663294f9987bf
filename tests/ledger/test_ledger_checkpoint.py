"""The checkpoint's file: whose it is, who may read it, and what is refused."""

import os
import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest
from ledger_scene import COLUMNS, IDENTITY, batch, killed, load, open_checkpoint, run, send, source

from headrace.errors import ChangedError, HeadraceError, InvariantError, LockedError, UsageError
from headrace.ledger.checkpoint import Checkpoint


@pytest.mark.parametrize("field", ["import_name", "provider", "base_url", "organization"])
def test_a_checkpoint_of_another_import_is_refused(tmp_path: Path, field: str) -> None:
    """Name, provider, address and organization are all part of what a checkpoint belongs to."""
    open_checkpoint(tmp_path).close()
    other = msgspec.structs.replace(IDENTITY, **{field: "other"})
    with pytest.raises(ChangedError, match="'other'"):
        Checkpoint.open(tmp_path / "acme.headrace", identity=other)
    open_checkpoint(tmp_path).close()


@pytest.mark.parametrize("content", [b"Day,Hours\n1,2\n" * 100, b"x"])
def test_another_file_is_refused_and_untouched(tmp_path: Path, content: bytes) -> None:
    """A data file given as a checkpoint by mistake survives."""
    path = tmp_path / "hours.csv"
    path.write_bytes(content)
    for attempt in (lambda: Checkpoint.open(path, identity=IDENTITY), lambda: Checkpoint.read(path)):
        with pytest.raises(UsageError, match="not a headrace checkpoint"):
            attempt()
    assert path.read_bytes() == content
    assert [*tmp_path.iterdir()] == [path]


def test_a_foreign_database_is_refused_and_untouched(tmp_path: Path) -> None:
    """Someone else's SQLite file gets neither tables nor another journal mode."""
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE t (x)")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="not a headrace checkpoint"):
        Checkpoint.open(path, identity=IDENTITY)
    assert path.read_bytes() == before


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """What a later version wrote is not guessed at."""
    open_checkpoint(tmp_path).close()
    with sqlite3.connect(tmp_path / "acme.headrace") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UsageError, match="newer headrace"):
        open_checkpoint(tmp_path)


def test_a_damaged_file_is_named_as_such(tmp_path: Path) -> None:
    """Garbage in the middle is an error for the user, not a traceback of sqlite3."""
    run(tmp_path, source(range(200)), lambda _: "done")
    path = tmp_path / "acme.headrace"
    data = bytearray(path.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)
    with pytest.raises(UsageError, match="damaged"):
        open_checkpoint(tmp_path)


def test_a_creation_cut_short_begins_anew(tmp_path: Path) -> None:
    """An empty file, as a kill leaves it between creating and filling it, is a new checkpoint."""
    (tmp_path / "acme.headrace").touch()
    with pytest.raises(HeadraceError):
        Checkpoint.read(tmp_path / "acme.headrace")
    open_checkpoint(tmp_path).close()


def test_a_link_is_refused(tmp_path: Path) -> None:
    """Nobody can make us write into another file."""
    (tmp_path / "acme.headrace").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="symbolic link"):
        open_checkpoint(tmp_path)


def test_a_second_name_is_refused(tmp_path: Path) -> None:
    """Two names would be two locks on one file; with one name left it opens again."""
    with open_checkpoint(tmp_path):
        (tmp_path / "other.headrace").hardlink_to(tmp_path / "acme.headrace")
        with pytest.raises(UsageError, match="2 names"):
            Checkpoint.open(tmp_path / "other.headrace", identity=IDENTITY)
    with pytest.raises(UsageError, match="hard links"):
        open_checkpoint(tmp_path)
    (tmp_path / "other.headrace").unlink()
    open_checkpoint(tmp_path).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_others_that_is_open_to_all_is_refused(tmp_path: Path) -> None:
    """Nobody can swap our files for theirs."""
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, -1)
    (tmp_path / "theirs").chmod(0o777)
    with pytest.raises(UsageError, match="Anyone can swap"):
        open_checkpoint(tmp_path / "theirs")
    assert not [*(tmp_path / "theirs").glob("acme.headrace")]


def test_files_are_private(tmp_path: Path) -> None:
    """The file, its WAL, the results and their folder are for their owner only."""
    with open_checkpoint(tmp_path, threaded=True) as checkpoint:
        send(load(checkpoint), source("ab"))
        for path in tmp_path.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_second_opener_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    """While a run goes on its counts can be read; files are neither created nor changed by that."""
    with open_checkpoint(tmp_path, threaded=True) as checkpoint:
        ledger = load(checkpoint)
        rows = ledger.unsettled(source("abcde"), COLUMNS)
        send(ledger, rows[:2])
        ledger.intend(batch(rows[2:3])).result(5)
        with pytest.raises(LockedError):
            open_checkpoint(tmp_path)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        with Checkpoint.read(tmp_path / "acme.headrace") as view:
            assert view.holder is not None
            counts = view.counts("tasks")
            assert (counts.rows, counts.done, counts.in_doubt, counts.not_attempted) == (5, 2, 0, 3)
            assert view.identity.import_name == "acme"
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("suffixes", [("", "-wal", "-shm"), ("", "-wal")])
def test_a_killed_run_can_be_read(tmp_path: Path, suffixes: tuple[str, ...]) -> None:
    """What is only in the WAL is read too, unsettled intents count as in doubt, and nothing is created."""
    (tmp_path / "run").mkdir()
    with open_checkpoint(tmp_path / "run", threaded=True) as checkpoint:
        ledger = load(checkpoint)
        rows = ledger.unsettled(source("abcde"), COLUMNS)
        send(ledger, rows[:2])
        ledger.intend(batch(rows[2:4])).result(5)
        copy = killed(tmp_path / "run", tmp_path / "copy")
    for suffix in {"", "-wal", "-shm"} - set(suffixes):
        (copy / f"acme.headrace{suffix}").unlink()
    before = sorted(copy.iterdir())
    with Checkpoint.read(copy / "acme.headrace") as view:
        counts = view.counts()
        assert (counts.rows, counts.done, counts.in_doubt, counts.not_attempted) == (5, 2, 2, 1)
        assert [len(one.numbers) for one in view.unknown("tasks")] == [2]
        assert view.holder is None
    assert sorted(copy.iterdir()) == before


def test_a_closed_checkpoint_is_one_file(tmp_path: Path) -> None:
    """Nothing stays beside it, closing again does nothing, and reading it creates nothing."""
    checkpoint = open_checkpoint(tmp_path, threaded=True, results=False)
    send(load(checkpoint), source("ab"))
    checkpoint.close()
    checkpoint.close()
    with Checkpoint.read(tmp_path / "acme.headrace") as view:
        assert view.counts().done == 2
    assert [path.name for path in tmp_path.iterdir()] == ["acme.headrace"]


def test_the_lease_grows_with_each_opening(tmp_path: Path) -> None:
    """Every intent says which opening wrote it."""
    for _ in range(3):
        with open_checkpoint(tmp_path) as checkpoint:
            ledger = load(checkpoint)
            ledger.intend(batch(ledger.unsettled(source("abc"), COLUMNS)[:1])).result(5)
            lease = checkpoint.unknown("tasks")[-1].lease
    assert lease == 3


def test_definitions_are_kept(tmp_path: Path) -> None:
    """What `status` and `retry` need of the import is in the checkpoint; a load may have another order of calls."""
    with Checkpoint.open(tmp_path / "a", identity=IDENTITY, definition=b"import") as checkpoint:
        checkpoint.load(
            name="x", resource="r", operation="create", mapping_digest=b"", fingerprint=None, definition=b"load"
        )
    with Checkpoint.read(tmp_path / "a") as view:
        assert (view.definition, view.record("x").definition) == (b"import", b"load")
        with pytest.raises(UsageError, match="no load 'y'") as caught:
            view.counts("y")
        assert caught.value.hint == "It has: x."


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "a\0", "a\nb"])
def test_a_load_is_named_like_a_file(tmp_path: Path, name: str) -> None:
    """A load's name cannot lead its results files out of their folder."""
    with open_checkpoint(tmp_path) as checkpoint, pytest.raises(UsageError):
        load(checkpoint, name=name)


def test_use_after_closing_is_a_bug(tmp_path: Path) -> None:
    """A late call hears so instead of waiting for ever."""
    checkpoint = open_checkpoint(tmp_path, threaded=True)
    ledger = load(checkpoint)
    checkpoint.close()
    with pytest.raises(InvariantError):
        ledger.intend(batch(source("a")))


def test_in_memory_needs_no_file() -> None:
    """A library user without a checkpoint gets the same ledger."""
    with Checkpoint.open(None, identity=IDENTITY) as checkpoint:
        ledger = load(checkpoint)
        send(ledger, ledger.unsettled(source("ab"), COLUMNS))
        ledger.finish(2).result(5)
        assert checkpoint.counts().done == 2
        assert checkpoint.ids("tasks", [source("ab")[1].key]) == {source("ab")[1].key: "id-b-1"}
