"""A damaged checkpoint: found when it is opened, repaired, and run to its end without a duplicate or a loss."""

import random
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from flow_world import World, hours, read_csv, write_csv

from headrace.errors import HeadraceError, UsageError
from headrace.ledger import Checkpoint
from headrace.ledger.repair import repair
from headrace.ledger.seals import TABLES, seal
from headrace.pipeline import Settings
from headrace.sandbox.faults import parse_faults

ROWS = 60
SETTINGS = Settings(batch_size=5, settle_after=2.0, concurrency=3)


def begun(folder: Path, after: int = 30, seed: int = 0) -> World:
    """Return a world whose import has come to its first rows only, a refused and an invalid one among them."""
    world = World(folder, latency=(1, 20), seed=seed)
    write_csv(folder / "hours.csv", hours(ROWS, bad=[7], invalid=[11]))
    world.run(msgspec.structs.replace(SETTINGS, limit=after))
    return world


def flip(path: Path, places: list[int], *, to: int | None = None) -> None:
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] = data[place] ^ (1 << (place % 8)) if to is None else to
    path.write_bytes(bytes(data))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begun(tmp_path_factory.mktemp("sound")).checkpoint


@pytest.mark.parametrize("seed", range(60))
def test_a_flipped_bit_is_found_or_changes_nothing(seed: int, sound: Path, tmp_path: Path) -> None:
    """Wherever bits of the file flip: opening it names the damage, or what it says is what it said before."""
    chance, copy = random.Random(seed), tmp_path / "hours.headrace"
    shutil.copyfile(sound, copy)
    with Checkpoint.read(sound) as view:
        before = view.counts(), [view.record(load.name) for load in view.loads]
    flip(copy, chance.sample(range(copy.stat().st_size), chance.choice([1, 1, 3, 40])))
    try:
        with Checkpoint.read(copy) as view:
            assert (view.counts(), [view.record(load.name) for load in view.loads]) == before
    except HeadraceError as error:
        told = (error.exit_code, bool(error.hint))
        assert told == (2, True)  # one of two ways in which it may end


@pytest.mark.parametrize("table", ["import", "load", "request", "fault"])
def test_the_damaged_record_is_named(table: str, sound: Path, tmp_path: Path) -> None:
    """A cell that was changed without SQLite noticing: the message names table and record, and the remedy."""
    copy = tmp_path / "hours.headrace"
    shutil.copyfile(sound, copy)
    column = {"import": "lease", "load": "rows", "request": "done", "fault": "line"}[table]
    with sqlite3.connect(copy) as connection:
        query = "SELECT sql FROM sqlite_master WHERE name = ?"
        (trigger,) = connection.execute(query, (f"{table}_changed",)).fetchone()
        connection.execute(f"DROP TRIGGER {table}_changed")
        connection.execute(f"UPDATE {table} SET {column} = {column} + 1 WHERE rowid = 1")
        connection.execute(trigger)
    connection.close()
    with pytest.raises(UsageError, match=rf"record 1 of table {table}") as caught:
        Checkpoint.read(copy)
    assert "headrace repair" in str(caught.value.hint)


def test_a_sound_checkpoint_is_left_alone(sound: Path, tmp_path: Path) -> None:
    """Repairing what is not damaged changes nothing and leaves nothing behind."""
    copy = tmp_path / "hours.headrace"
    shutil.copyfile(sound, copy)
    before = copy.read_bytes()
    found = repair(copy)
    assert (found.lost, found.unknown, found.original) == (0, 0, None)
    assert found.kept > 0
    assert copy.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} <= {"hours.headrace", "hours.headrace.lock"}


@pytest.mark.parametrize("seed", range(16))
def test_a_repaired_import_doubles_and_loses_nothing(seed: int, tmp_path: Path) -> None:
    """Damaged, repaired and run again: every good row is stored once; what cannot be told is in doubt, not sent."""
    chance = random.Random(seed)
    world = begun(tmp_path, after=chance.choice([10, 30, 50]), seed=seed)
    size = world.checkpoint.stat().st_size
    if seed % 2:
        page = chance.randrange(1, size // 4096)
        flip(world.checkpoint, [*range(page * 4096, page * 4096 + 4096)], to=0xAA)
    else:
        flip(world.checkpoint, chance.sample(range(4096, size), 12))
    try:
        found = repair(world.checkpoint)
    except UsageError as error:
        assert "backup" in str(error.hint)  # noqa: PT017  # which import it was is lost
        return
    world.sandbox.arm(parse_faults({}))
    report = world.run(SETTINGS)
    assert report.exit_code in {3, 4}
    assert len(world.stored) == len(set(world.stored))
    listed = world.results / "time_entries.in-doubt.csv"
    doubt = {row["note"] for row in read_csv(listed)} if listed.exists() else set()
    good = {f"row {at}" for at in range(ROWS)} - {"row 7", "row 11"}
    assert good <= set(world.stored) | doubt
    assert report.summary.counts.rows == ROWS
    if found.original is not None:
        assert found.original.exists()


def test_a_repair_that_fails_half_way_leaves_the_checkpoint(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repaired file takes its place in one step: until then the old one is there, and again works."""
    copy = tmp_path / "hours.headrace"
    shutil.copyfile(sound, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("DROP TRIGGER load_changed")
    connection.close()
    before = copy.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("no")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="no"):
            repair(copy)
    assert copy.read_bytes() == before
    assert not (tmp_path / "hours.headrace.repairing").exists()
    found = repair(copy)
    assert (found.lost, found.unknown) == (0, 0)
    with Checkpoint.read(copy) as view:
        assert view.counts().done > 0


def test_a_seal_tells_cells_apart() -> None:
    """Types, borders and order of cells all count."""
    cases = [(1, "a"), ("1", "a"), ("1a",), ("1", "a", None), (b"1", "a"), (1.0, "a"), ("a", 1), (), (None,), ("",)]
    assert len({seal(*cells) for cells in cases}) == len(cases)
    assert seal(1, "a") == seal(1, "a")
    assert set(TABLES) == {"import", "load", "request", "fault", "owed"}
