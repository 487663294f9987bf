"""Sources that change between the runs of an import: each row is still sent once (RELIABILITY.md, rows 37 to 39)."""

import csv
import io
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from flow_world import COLUMNS, PERSON, SERVICE, World, hours, read_csv, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ChangedError
from headrace.feed import Emit
from headrace.intake.rule import Rule
from headrace.migration import Report, Watch, migrate
from headrace.pipeline import Settings
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

ENCODINGS: Final = ("utf-8", "utf-8-sig", "utf-16", "cp1252")


class Sheet:
    """A source as its owner works on it: rows by their note, which is the key, and the form of the file."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.made = 0
        self.encoding, self.delimiter, self.columns = "utf-8", ",", list(COLUMNS)

    def append(self, count: int) -> None:
        """Add new rows at the end; their notes need more than ASCII."""
        added = hours(self.made + count)[self.made :]
        self.rows += [dict(zip(COLUMNS, row, strict=True)) | {"note": f"Zoë {row[-1]}"} for row in added]
        self.made += count

    def change(self, kind: str, luck: random.Random) -> None:
        """Do what people do to a source between two runs. Its first row stays in it: it is a version of the same."""
        match kind:
            case "append" | "insert":
                self.append(luck.randint(1, 4))
                if kind == "insert":
                    self.rows = self.rows[-1:] + self.rows[:-1]
            case "sort" | "shuffle":
                luck.shuffle(self.rows)
                if kind == "sort":
                    self.rows.sort(key=lambda row: (row["time"], row["note"]), reverse=luck.random() < 0.5)
            case "shorten":
                self.rows = self.rows[: max(1, len(self.rows) - luck.randint(1, 4))]
            case "delete":
                self.rows = self.rows[:1] + [row for row in self.rows[1:] if luck.random() < 0.7]
            case "edit":
                self.rows = [row | {"time": row["time"] + 7} if luck.random() < 0.5 else row for row in self.rows]
            case _:
                self.encoding = luck.choice(ENCODINGS)
                self.delimiter = luck.choice(",;\t")
                luck.shuffle(self.columns)

    def save(self, path: Path) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns, delimiter=self.delimiter)
        writer.writeheader()
        writer.writerows(self.rows)
        path.write_bytes(text.getvalue().encode(self.encoding))

    @property
    def notes(self) -> set[str]:
        return {row["note"] for row in self.rows}


CHANGES: Final = ("append", "sort", "shuffle", "shorten", "delete", "edit", "insert", "form")


def keyed(world: World, *key: str, **changed: Any) -> World:
    """Let the world's load identify rows by `key`."""
    load = msgspec.structs.replace(world.spec.load[0], key=key, **changed)
    world.spec = msgspec.structs.replace(world.spec, load=(load,))
    return world


@settings(max_examples=12)
@given(
    changes=st.lists(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4), min_size=1, max_size=4),
    limits=st.lists(st.integers(1, 12), min_size=4, max_size=4),
    seed=st.integers(0, 2**32),
)
def test_whatever_happens_to_the_source_each_row_is_sent_once(
    changes: list[list[str]], limits: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Runs that are cut short between changes, and a last whole one: every key of it is stored once, none twice."""
    folder, luck, sheet = tmp_path_factory.mktemp("source"), random.Random(seed), Sheet()
    world = keyed(World(folder, window="off"), "note")
    sheet.append(8)
    sheet.save(folder / "hours.csv")
    world.run(Settings(limit=limits[0]))
    for kinds, limit in zip(changes, limits, strict=False):
        for kind in kinds:
            sheet.change(kind, luck)
        sheet.save(folder / "hours.csv")
        if world.stored and not sheet.notes & set(world.stored):
            return  # nothing that is known is left: that is another file, which has its own test
        world.run(Settings(limit=limit))
        assert len(set(world.stored)) == len(world.stored)
    report = world.run()
    assert report.exit_code == 0
    assert len(set(world.stored)) == len(world.stored)
    assert sheet.notes <= set(world.stored)
    assert report.summary.done == len(world.stored)
    told = [row["note"].removeprefix("'") for row in read_csv(world.results / "time_entries.success.csv")]
    assert sorted(told) == sorted(world.stored)
    changed = world.results / "time_entries.changed.csv"
    listed = {row["note"].removeprefix("'") for row in read_csv(changed)} if changed.exists() else set[str]()
    assert listed == {row["note"] for row in sheet.rows if row["time"] != times(world)[row["note"]]}


def times(world: World) -> dict[str, int]:
    return {
        one.attributes["note"]: one.attributes["time"] for one in world.sandbox.store.table("time_entries").values()
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_is_no_change(encoding: str, tmp_path: Path) -> None:
    """The same rows in another encoding or with a byte order mark are the same rows, also without key columns."""
    world, sheet = World(tmp_path), Sheet()
    sheet.append(20)
    sheet.save(tmp_path / "hours.csv")
    world.run()
    sheet.encoding = encoding
    sheet.save(tmp_path / "hours.csv")
    assert world.run().summary.done == 20
    assert len(world.stored) == 20


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file that shares no row with the one before stops with exit code 9, nothing sent, nothing lost."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(10))
    world.run()
    write_csv(tmp_path / "hours.csv", hours(30)[10:])
    report = world.run()
    assert isinstance(report.reason, ChangedError)
    assert report.exit_code == 9
    assert len(world.stored) == 10
    write_csv(tmp_path / "hours.csv", hours(30))
    assert world.run().summary.done == len(world.stored) == 30


@pytest.mark.parametrize("change", [{"fields": {"note": "date"}}, {"key": ("note", "date")}])
def test_a_changed_mapping_stops_until_it_is_accepted(change: dict[str, Any], tmp_path: Path) -> None:
    """Other fields stop with exit code 9; accepted, what is done stays as it is and the rest goes the new way."""
    world = keyed(World(tmp_path), "note")
    write_csv(tmp_path / "hours.csv", hours(10))
    world.run(Settings(limit=4))
    keyed(world, *change.get("key", ("note",)), fields=change.get("fields", {}))
    report = world.run()
    assert isinstance(report.reason, ChangedError)
    assert (report.exit_code, len(world.stored)) == (9, 4)
    before = list(world.stored)
    if "fields" in change:
        assert world.run(Settings(accept_mapping_change=True)).summary.done == 10
        assert world.stored[:4] == before
        assert {note.split("-")[0] for note in world.stored[4:]} == {"2026"}


def test_a_file_that_grows_while_it_is_read_is_read_as_it_was(tmp_path: Path) -> None:
    """Rows that somebody appends during the run wait for the next run, which sends these and no others."""
    world = World(tmp_path, window="off")
    file = write_csv(tmp_path / "hours.csv", hours(300))

    async def append(_: Any) -> None:
        if not grown:
            grown.append(True)
            with file.open("a", newline="") as end:
                csv.writer(end).writerows(hours(310)[300:])

    grown: list[bool] = []
    report = watched(world, append)
    assert grown
    assert (report.summary.rows, report.summary.done) == (300, 300)
    assert world.run().summary.done == len(set(world.stored)) == len(world.stored) == 310


def _edit(rows: Sequence[Any]) -> list[Any]:
    return [(day, time + 1, *rest) for day, time, *rest in rows]


@pytest.mark.parametrize("key", [(), ("note",)])
def test_an_edited_row_is_new_only_without_a_key(key: tuple[str, ...], tmp_path: Path) -> None:
    """With key columns an edited row that is done stays done; without them it is another row, and the run says so."""
    world = keyed(World(tmp_path), *key)
    rows = hours(10)
    write_csv(tmp_path / "hours.csv", rows)
    world.run()
    write_csv(tmp_path / "hours.csv", [*_edit(rows[:3]), *rows[3:]])
    report = world.run()
    assert len(world.stored) == (10 if key else 13)
    assert any("no key columns" in notice for notice in report.notices) is not bool(key)


def test_edited_rows_that_are_done_are_listed_and_can_be_brought_over(tmp_path: Path) -> None:
    """The notice counts them, the file holds them with their ids, and as an update's source it makes them equal."""
    world = keyed(World(tmp_path), "note")
    rows = hours(40)
    write_csv(tmp_path / "hours.csv", rows)
    world.run()
    write_csv(tmp_path / "hours.csv", [*rows[:30], *_edit(rows[30:33]), ("soon", *rows[33][1:]), *rows[34:]])
    report = world.run()
    assert (report.summary.done, report.exit_code) == (40, 0)
    assert [notice for notice in report.notices if "4 rows that are done, from line 32 on, changed" in notice]
    changed = world.results / "time_entries.changed.csv"
    listed = read_csv(changed)
    ids = {one.attributes["note"]: str(one.id) for one in world.sandbox.store.table("time_entries").values()}
    assert [(row["note"], row["remote_id"]) for row in listed] == [(row[4], ids[row[4]]) for row in rows[30:34]]
    update = World(tmp_path)
    update.sandbox, update.checkpoint, update.hours = world.sandbox, tmp_path / "more.headrace", world.hours
    load = msgspec.structs.replace(
        world.spec.load[0], source=str(changed), operation="update", key=(), fields={"id": Rule(column="remote_id")}
    )
    update.spec = msgspec.structs.replace(world.spec, name="more", load=(load,))
    report = update.run()
    assert (report.summary.done, report.summary.invalid) == (3, 1)  # what is invalid now is named as ever
    assert [times(world)[row[4]] for row in rows[30:33]] == [row[1] + 1 for row in rows[30:33]]
    write_csv(tmp_path / "hours.csv", [*_edit(rows[:1]), *rows[1:]])
    world.hours = update.hours
    assert any("1 row that is done, from line 2 on" in notice for notice in world.run().notices)
    write_csv(tmp_path / "hours.csv", rows)
    assert not any("changed" in notice for notice in world.run().notices)
    assert not changed.exists()


def test_of_edited_rows_with_one_key_no_record_is_named(tmp_path: Path) -> None:
    """Which record is whose nobody could tell: the file leaves the id out, and a load that updates names the row."""
    world = keyed(World(tmp_path), "note")
    rows = [*hours(3), ("2026-05-05", 60, PERSON, SERVICE, "row 2")]
    write_csv(tmp_path / "hours.csv", rows)
    world.run()
    write_csv(tmp_path / "hours.csv", [*_edit(rows[:1]), *rows[1:3], *_edit(rows[3:])])
    assert world.run().exit_code == 0
    listed = read_csv(world.results / "time_entries.changed.csv")
    assert [(row["note"], bool(row["remote_id"])) for row in listed] == [("row 0", True), ("row 2", False)]


def watched(world: World, emit: Emit) -> Report:
    """Run the import with somebody who is told of every outcome."""

    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox, Settings(batch_size=10)) as client:
            return await migrate(
                world.spec,
                client.connection.fitted(world.spec),
                client.settings,
                Watch(emit=emit),
                checkpoint=world.checkpoint,
                results=world.results,
            )

    return virtual_time.run(main)


@pytest.mark.parametrize("kind", [RuntimeError, OSError])
@pytest.mark.parametrize("calls", [0, 3])
def test_an_exception_of_the_callers_own_loses_no_outcome(kind: type[Exception], calls: int, tmp_path: Path) -> None:
    """What a callback raises ends the run; what was stored by then is known, and the next run sends the rest."""
    world = World(tmp_path, window="off")
    write_csv(tmp_path / "hours.csv", hours(120))
    left = [calls]

    async def emit(_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise kind("the caller's own")

    with pytest.raises(ExceptionGroup):  # of the task groups between the callback and here
        watched(world, emit)
    assert world.stored
    assert world.run(Settings(batch_size=10)).summary.done == 120
    assert len(set(world.stored)) == len(world.stored) == 120
