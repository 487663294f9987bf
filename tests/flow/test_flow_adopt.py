"""Adoption: a lost checkpoint is made anew from the marks; and without it nothing is sent that may be there already."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from flow_simulation import killed
from flow_world import PERSON, SERVICE, World, hours, read_csv, write_csv
from msgspec.structs import replace

from headrace.dispatch.halt import Halt
from headrace.errors import ChangedError, LockedError, StoppedError, UsageError
from headrace.importfile import ImportSpec
from headrace.ledger.lock import Lock
from headrace.ledger.view import lock_path
from headrace.loads import LoadSpec
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.provider import Provider
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

SETTINGS = Settings(batch_size=10, concurrency=4)
LOST = Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), at=(2, 5))
NEVER = Rule(kind=FaultKind.DROP_BEFORE_COMMIT, method=("POST",), at=(3,))


def marked(folder: Path, rows: list[tuple[Any, ...]], marker: str = "note", **options: Any) -> World:
    world = World(folder, **options)
    write_csv(folder / "hours.csv", rows)
    (one,) = world.spec.load
    world.spec = replace(world.spec, load=(replace(one, marker=marker),))
    return world


def watched(world: World) -> list[str]:
    """Return a list that grows by the method of every request that reaches the sandbox."""
    methods: list[str] = []
    handle = world.sandbox.handle

    def note(method: str, path: str, query: str = "", **more: Any) -> Any:
        methods.append(method)
        return handle(method, path, query, **more)

    world.sandbox.handle = note  # type: ignore[method-assign]  # looks on, and changes nothing
    return methods


def adopt(world: World, settings: Settings = SETTINGS, *, provider: Provider | None = None) -> Report:
    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox, settings, provider=provider) as client:
            return await client.adopt(world.spec, checkpoint=world.checkpoint, results=world.results, halt=Halt())

    return virtual_time.run(main)


def lose(world: World) -> None:
    """Take the checkpoint and the results away."""
    world.checkpoint.unlink()
    for file in world.results.glob("*"):
        file.unlink()


def notes(world: World) -> Counter[str]:
    return Counter(note.split("\n")[0] for note in world.stored)


def test_a_lost_checkpoint_is_made_anew(tmp_path: Path) -> None:
    """Every stored row is known again under its id, by reading only; the run that follows sends just the others."""
    world = marked(tmp_path, hours(90))
    assert world.run(replace(SETTINGS, limit=50)).summary.done == 50
    ids = {row["remote_id"] for row in read_csv(world.results / "time_entries.success.csv")}
    lose(world)
    methods = watched(world)
    report = adopt(world)
    assert (report.summary.done, report.summary.not_attempted, report.exit_code) == (50, 40, 0)
    assert report.summary.checkpoint == str(world.checkpoint)
    assert {row["remote_id"] for row in read_csv(world.results / "time_entries.success.csv")} == ids
    assert set(methods) == {"GET"}
    assert not [*tmp_path.glob("*.adopting*")]
    again = world.run(SETTINGS)
    assert (again.summary.done, again.exit_code) == (90, 0)
    assert notes(world) == Counter(f"row {at}" for at in range(90))


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_doubled_after_a_loss_at_any_moment(seed: int, tmp_path: Path) -> None:
    """Killed at some request under faults, copies among the rows, checkpoint deleted: every row is there once."""
    chance = Random(seed)
    rows = [(f"2026-01-{1 + at % 5:02}", 30, PERSON, SERVICE, f"row {at // chance.choice([1, 2])}") for at in range(80)]
    world = marked(tmp_path, rows, latency=(50, 400), faults=(LOST, NEVER), seed=seed)
    killed(world, chance.randint(3, 12), SETTINGS)
    lose(world)
    adopt(world)
    report = world.run(SETTINGS)
    assert (report.summary.done, report.exit_code) == (80, 0)
    assert notes(world) == Counter(row[4] for row in rows)


def test_copies_far_apart_each_get_their_record(tmp_path: Path) -> None:
    """Identical rows share a mark; those of another question are no surplus, and one too many is listed."""
    rows = [("2026-01-01", 30, PERSON, SERVICE, "same" if at % 60 == 0 else f"row {at}") for at in range(150)]
    world = marked(tmp_path, rows)
    world.run(SETTINGS)
    lose(world)
    report = adopt(world)
    assert (report.summary.done, report.summary.duplicated, report.exit_code) == (150, 0, 0)
    lose(world)
    table = world.sandbox.store.table("time_entries")
    one = next(record for record in table.values() if record.attributes["note"].startswith("row 7\n"))
    world.sandbox.store.place("time_entries", one.attributes, {"person": PERSON, "service": SERVICE}, 0.0)
    report = adopt(world)
    assert (report.summary.done, report.summary.duplicated, report.exit_code) == (149, 1, 4)
    (listed,) = read_csv(world.results / "time_entries.duplicates.csv")
    assert listed["note"] == "row 7"


def test_loads_that_refer_to_each_other_are_adopted(tmp_path: Path) -> None:
    """Parents known again by a custom field give their children's rows the ids that these were sent with."""
    world = World(tmp_path)
    write_csv(tmp_path / "projects.csv", [(f"P{at}", f"Project {at}") for at in range(5)], ("code", "name"))
    tasks = [(f"Task {at}", f"P{at % 5}", 701 + at % 3) for at in range(60)]
    write_csv(tmp_path / "tasks.csv", tasks, ("title", "code", "task_list_id"))
    fixed = {"project_type_id": {"value": 2}, "project_manager_id": {"value": PERSON}, "company_id": {"value": 102}}
    spec = {
        "provider": "productive",
        "name": "family",
        "load": [
            {
                "resource": "projects",
                "source": str(tmp_path / "projects.csv"),
                "key": ["code"],
                "marker": "headrace key",
                "create_marker": True,
                "fields": {"name": "name", "workflow_id": {"value": 728}, **fixed},
            },
            {
                "resource": "tasks",
                "source": str(tmp_path / "tasks.csv"),
                "marker": "Import key",
                "fields": {
                    "title": "title",
                    "project_id": {"column": "code", "from": "projects"},
                    "task_list_id": "task_list_id",
                },
            },
        ],
    }
    world.spec = msgspec.convert(spec, ImportSpec)
    first = world.run(SETTINGS)
    lose(world)
    report = adopt(world)
    assert report.summary.counts == first.summary.counts


def test_rows_without_marks_come_to_be_in_doubt(tmp_path: Path) -> None:
    """What carries no mark is not sent blindly: it is listed, and `resolve` decides; other loads are adopted."""
    world = marked(tmp_path, hours(30))
    (one,) = world.spec.load
    write_csv(tmp_path / "firms.csv", [("Firm 1",), ("Firm 2",)], ("name",))
    plain = LoadSpec(resource="companies", source=str(tmp_path / "firms.csv"))
    world.spec = replace(world.spec, load=(one, plain))
    world.run(SETTINGS)
    lose(world)
    report = adopt(world)
    assert (report.summary.done, report.summary.in_doubt, report.exit_code) == (30, 2, 4)
    assert [row["name"] for row in read_csv(world.results / "companies.in-doubt.csv")] == ["Firm 1", "Firm 2"]
    assert world.run(SETTINGS).summary.in_doubt == 2
    assert sum("Firm" in one.attributes["name"] for one in world.sandbox.store.table("companies").values()) == 2


def test_an_import_without_marks_cannot_be_adopted(tmp_path: Path) -> None:
    """It says what cannot be known, makes no checkpoint and asks nothing."""
    world = marked(tmp_path, hours(3), "off")
    methods = watched(world)
    with pytest.raises(UsageError, match="carries no marks"):
        adopt(world)
    assert not world.checkpoint.exists()
    assert not methods


def test_keys_make_adoption_needless(tmp_path: Path) -> None:
    """Where the provider keeps answers under keys, the remedy is a new run, and it says for how long."""
    world = World(tmp_path, provider="agiled")
    write_csv(tmp_path / "hours.csv", [("One",)], ("name",))
    world.spec = ImportSpec(
        provider="agiled", name="x", load=(LoadSpec(resource="projects", source=str(tmp_path / "hours.csv")),)
    )
    with pytest.raises(UsageError, match="within 30 days"):
        adopt(world)


def test_a_checkpoint_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Neither one in its place nor one that somebody holds is touched."""
    world = marked(tmp_path, hours(12))
    world.run(SETTINGS)
    before = world.checkpoint.read_bytes()
    with pytest.raises(UsageError, match="is there"):
        adopt(world)
    assert world.checkpoint.read_bytes() == before
    world.checkpoint.unlink()
    held = Lock.acquire(lock_path(world.checkpoint))
    with pytest.raises(LockedError):
        adopt(world)
    held.release()


def test_an_interrupted_adoption_is_no_checkpoint(tmp_path: Path) -> None:
    """What is half known must not be run from: it stays a draft, and the same command goes on with it."""
    world = marked(tmp_path, hours(200), latency=(900, 900))
    world.run(SETTINGS)
    lose(world)
    report = adopt(world, replace(SETTINGS, deadline=184.0))
    assert isinstance(report.reason, StoppedError)
    assert 0 < report.summary.done < 200
    assert not world.checkpoint.exists()
    methods = watched(world)
    report = adopt(world)
    assert (report.summary.done, report.exit_code) == (200, 0)
    assert len(methods) < 6  # the probe, and the questions that were left
    assert len(read_csv(world.results / "time_entries.success.csv")) == 200


def test_another_machine_is_noticed_before_anything_is_sent(tmp_path: Path) -> None:
    """A new checkpoint of an import whose marks are there already: the run ends with the remedy, and sends nothing."""
    world = marked(tmp_path, hours(60))
    world.run(SETTINGS)
    lose(world)
    stored = len(world.stored)
    report = world.run(SETTINGS)
    assert isinstance(report.reason, ChangedError)
    assert report.exit_code == 9
    assert "headrace adopt" in (report.reason.hint or "")
    assert report.summary.not_attempted == 60
    assert len(world.stored) == stored
    report = adopt(world)  # in the place of the checkpoint that knows nothing
    assert (report.summary.done, report.exit_code) == (60, 0)
    assert world.run(SETTINGS).summary.requests == 1


def test_a_second_import_of_the_same_rows_is_its_own(tmp_path: Path) -> None:
    """Marks are the import's: under another name the same file is wanted twice, and nothing stands in its way."""
    world = marked(tmp_path, hours(20))
    world.run(SETTINGS)
    world.spec = replace(world.spec, name="once more")
    world.checkpoint = tmp_path / "more.headrace"
    world.results = tmp_path / "more.results"
    assert world.run(SETTINGS).exit_code == 0
    assert set(notes(world).values()) == {2}
