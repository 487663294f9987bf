"""Verification: every field that is not what was sent is named, and nothing that is."""

from pathlib import Path
from typing import Any

import pytest
from flow_world import World, hours, write_csv
from msgspec.structs import replace
from test_flow_families import spec_of
from test_flow_trio import World as Trio

from headrace.cli.app import main as command
from headrace.errors import UsageError
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client
from headrace.verified import Difference, Verified

ADA, GRACE = "ada.lovelace@northwind.example", "grace.hopper@northwind.example"


def verified(world: Any, checkpoint: Path | None = None, **settings: Any) -> Verified:
    async def main() -> Verified:
        world.wait()
        async with simulated_client(world.sandbox, Settings(**settings)) as client:
            return await client.verify(checkpoint or world.checkpoint)

    return virtual_time.run(main)


def verified_by(world: Trio, checkpoint: Path) -> Verified:
    async def main() -> Verified:
        virtual_time.advance(3_600.0)
        async with simulated_client(world.sandbox) as client:
            return await client.verify(checkpoint)

    return virtual_time.run(main)


def entries(world: World) -> dict[str, Any]:
    table = world.sandbox.store.table("time_entries").values()
    return {one.attributes["note"].split("\n")[0]: one for one in table}


def test_what_cannot_be_compared_yet_is_said(tmp_path: Path) -> None:
    """Rows in doubt, and those that a halted run has not sent, are counted in a notice each."""
    rules = (Rule(kind=FaultKind.DROP_AFTER_COMMIT, path="/time_entries", method=("POST",), at=(2,)),)
    world = World(tmp_path, latency=(1_000, 1_000), faults=rules)
    write_csv(tmp_path / "hours.csv", hours(60))
    world.run(Settings(batch_size=10, concurrency=1, deadline=4.0))
    found = verified(world)
    assert (found.checked, found.exit_code) == (20, 0)
    assert "time_entries: 10 rows are in doubt, and not compared; `headrace run` goes on there" in found.notices
    assert "time_entries: 30 rows are not sent yet, and not compared; `headrace run` goes on there" in found.notices
    world.run()
    assert verified(world).notices == ()


@pytest.mark.parametrize("marker", ["off", "note"])
def test_what_is_as_it_was_sent_is_not_named(marker: str, tmp_path: Path) -> None:
    """450 rows, copies among them, are read back: all equal, with or without marks; exit 0; nothing is written."""
    world = World(tmp_path, window="sliding")
    rows = [*hours(440), *hours(10)]
    write_csv(tmp_path / "hours.csv", rows)
    world.spec = replace(world.spec, load=(replace(world.spec.load[0], marker=marker),))
    world.run()
    before = [(one.id, one.attributes) for one in world.sandbox.store.table("time_entries").values()]
    found = verified(world)
    assert (found.checked, found.differing, found.missing, found.changed) == (450, 0, 0, 0)
    assert (found.exit_code, found.differences) == (0, ())
    total = sum(row[1] for row in rows)
    assert sum(one.sent for one in found.minutes if one.person) == total
    assert sum(one.sent for one in found.minutes if one.project) == total
    assert all(one.sent == one.found for one in found.minutes)
    assert found.requests == 3 + 2 + 2 * 12  # pages, services and budgets, and two reports a month
    assert before == [(one.id, one.attributes) for one in world.sandbox.store.table("time_entries").values()]


def test_every_difference_is_named(tmp_path: Path) -> None:
    """Edited, moved and deleted records: file, line, id, field, what was sent and what is there; exit 4."""
    world = World(tmp_path, window="sliding")
    write_csv(tmp_path / "hours.csv", hours(30))
    world.run()
    stored = entries(world)
    stored["row 3"].attributes["time"] = 999
    stored["row 5"].attributes["note"] = "something else"
    stored["row 7"].links["service"] = 902
    stored["row 8"].attributes["note"] = "<p>row 8</p>"  # as the provider itself writes what was sent
    world.sandbox.store.remove("time_entries", stored["row 9"])
    found = verified(world)
    assert (found.checked, found.differing, found.missing, found.exit_code) == (30, 3, 1, 4)
    told = {one.line: one for one in found.differences}
    assert {line: (one.field, one.sent, one.found) for line, one in told.items()} == {
        5: ("time", 4, 999),
        7: ("note", "row 5", "something else"),
        9: ("service_id", 901, "902"),
        11: (None, None, None),
    }
    assert isinstance(told[5], Difference)
    assert (told[5].file, told[5].load, told[5].id) == (
        str(tmp_path / "hours.csv"),
        "time_entries",
        str(stored["row 3"].id),
    )
    assert any(one.found < one.sent for one in found.minutes)


def test_a_row_that_was_edited_is_no_difference(tmp_path: Path) -> None:
    """What the source says now and was not sent is counted apart, whatever the provider has."""
    world = World(tmp_path)
    world.spec = replace(world.spec, load=(replace(world.spec.load[0], key=("note",)),))
    rows = hours(20)
    write_csv(tmp_path / "hours.csv", rows)
    world.run()
    write_csv(tmp_path / "hours.csv", [(rows[0][0], 77, *rows[0][2:]), *rows[1:], ("2026-01-01", 5, 201, 901, "new")])
    found = verified(world)
    assert (found.checked, found.differing, found.missing, found.changed) == (19, 0, 0, 1)


@pytest.mark.parametrize("limit", [20, 25])
def test_copies_that_are_not_done_are_not_counted(limit: int, tmp_path: Path) -> None:
    """Where of identical rows only some are done, in whichever chunk they come, only those are checked."""
    world = World(tmp_path)
    rows = hours(20)
    write_csv(tmp_path / "hours.csv", [*rows, *rows[:10], *(row for row in rows for _ in range(100)), *rows])
    world.run(Settings(limit=limit))
    found = verified(world)
    assert (found.checked, found.differing, found.missing, found.changed) == (limit, 0, 0, 0)
    assert all(one.sent == one.found for one in found.minutes)


def test_loads_with_references_are_verified(tmp_path: Path) -> None:
    """Ids of earlier loads, names, lists and custom fields are compared as they were sent."""
    world = World(tmp_path)
    write_csv(tmp_path / "projects.csv", [("P1", "One"), ("P2", "Two")], ("code", "name"))
    write_csv(
        tmp_path / "tasks.csv",
        [("T1", "P1", "a;b", "x", f"{ADA};{GRACE}"), ("T2", "P2", "", "y", "")],
        ("title", "code", "tags", "own", "told"),
    )
    fixed = {"project_type_id": {"value": 2}, "workflow_id": {"value": "Default", "lookup": "workflows", "by": "name"}}
    world.spec = spec_of(
        {
            "resource": "projects",
            "source": str(tmp_path / "projects.csv"),
            "key": ["code"],
            "fields": {"name": "name", "project_manager_id": {"value": 201}, "company_id": {"value": 102}, **fixed},
        },
        {
            "resource": "tasks",
            "source": str(tmp_path / "tasks.csv"),
            "fields": {
                "title": "title",
                "project_id": {"column": "code", "from": "projects"},
                "task_list_id": {"value": 701},
                "tag_list": {"column": "tags", "split": ";"},
                "custom_fields.51": "own",
                "subscriber_ids": {"column": "told", "split": ";", "lookup": "people", "by": "email"},
            },
        },
    )
    assert world.run().summary.done == 4
    assert verified(world).exit_code == 0
    task = next(one for one in world.sandbox.store.table("tasks").values() if one.attributes["title"] == "T1")
    task.attributes["custom_fields"] = {"51": "other"}
    task.links |= {"project": 501, "subscribers": (201,)}
    found = verified(world)
    assert {one.field for one in found.differences} == {"custom_fields", "project_id", "subscriber_ids"}


BOOKED = {"date": "2026-03-02", "minutes": 9, "task_id": 1001}
PLAIN: list[tuple[str, str, dict[str, Any], str]] = [
    ("agiled", "projects", {"name": "row {}"}, "name"),
    ("agiled", "tasks", {"title": "row {}", "project_id": 501}, "title"),
    ("agiled", "time_entries", {"date": "2026-03-02", "duration_minutes": 9, "notes": "row {}"}, "notes"),
    ("timemagic", "projects", {"name": "row {}"}, "name"),
    ("timemagic", "tasks", {"name": "row {}", "project_id": ("projects", 1)}, "name"),
    ("timemagic", "time_entries", {"begin_time": "2026-03-02T09:00:00Z", "comment": "row {}"}, "comment"),
    ("bezala", "cost_centers", {"name": "row {}"}, "name"),
    ("bezala", "tasks", {"name": "row {}", "cost_center_id": 501}, "name"),
    ("bezala", "time_entries", BOOKED | {"description": "row {}"}, "description"),
]


@pytest.mark.parametrize(("provider", "resource", "row", "text"), PLAIN)
@pytest.mark.parametrize("shape", ["wrapped", "bare"])
def test_every_resource_of_the_other_providers_is_verified(
    provider: str, resource: str, row: dict[str, Any], text: str, shape: str, tmp_path: Path
) -> None:
    """Equal is equal; of the records that the import made an edited one is named with its field, and a missing one."""
    world = Trio(provider, window="off", shape=shape)
    spelt = {name: world.sandbox.api.identify(*cell) if isinstance(cell, tuple) else cell for name, cell in row.items()}
    rows = [[str(cell).format(at) for cell in spelt.values()] for at in range(6)]
    source = write_csv(tmp_path / "rows.csv", rows, [*row])
    checkpoint = tmp_path / "x.headrace"
    kind = {"time_entries": "time-entries"}.get(resource, resource) if provider == "agiled" else resource
    before = {*world.sandbox.store.table(kind)}
    world.load(resource, source, checkpoint)  # type: ignore[arg-type]  # a file is as good as rows
    made = [one for one in world.sandbox.store.table(kind).values() if one.id not in before]
    assert len(made) == 6
    found = verified_by(world, checkpoint)
    assert (found.checked, found.exit_code, found.differences) == (6, 0, ())
    edited = next(one for one in made if one.attributes[text] == "row 2")
    edited.attributes[text] = "not ours"
    gone = next(one for one in made if one.attributes[text] == "row 4")
    world.sandbox.store.remove(kind, gone)
    found = verified_by(world, checkpoint)
    told = {one.line: (one.id, one.field, one.sent, one.found) for one in found.differences}
    identify = world.sandbox.api.identify
    assert told == {
        4: (str(identify(kind, edited.id)), text, "row 2", "not ours"),
        6: (str(identify(kind, gone.id)), None, None, None),
    }
    assert (found.differing, found.missing, found.exit_code) == (1, 1, 4)


def test_what_was_silently_dropped_is_named(tmp_path: Path) -> None:
    """Time Magic stores an entry about a task that there is not about nothing, without a word: verify has the word."""
    world = Trio("timemagic", window="off")
    known, unknown = (world.sandbox.api.identify("tasks", number) for number in (1, 77))
    rows = [("2026-03-02T09:00:00Z", "task", task) for task in (known, unknown)]
    source = write_csv(tmp_path / "rows.csv", rows, ("begin_time", "resource_type", "resource_id"))
    world.load("time_entries", source, tmp_path / "x.headrace")  # type: ignore[arg-type]  # a file is as good as rows
    found = verified_by(world, tmp_path / "x.headrace")
    assert [(one.line, one.field, one.found) for one in found.differences] == [(3, "resource_id", None)]


def test_the_command_says_it_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint that is not there, and one of another account, are errors with a remedy."""
    assert command(["verify", str(tmp_path / "none.headrace"), "--json"]) == 2
    assert "none.headrace" in capsys.readouterr().out


def test_rows_of_a_program_are_verified_by_it(tmp_path: Path) -> None:
    """Given once more they are compared; the command, which cannot have them, says so, and what to do."""
    world = Trio("productive", window="off")
    rows = [
        {"date": "2026-03-02", "time": int(at), "person_id": 201, "service_id": 901, "note": f"r{at}"} for at in "123"
    ]
    checkpoint = tmp_path / "x.headrace"
    world.load("time_entries", rows, checkpoint)
    world.sandbox.store.table("time_entries")[2].attributes["time"] = 700

    async def main(given: list[dict[str, Any]] | None) -> Verified:
        async with simulated_client(world.sandbox) as client:
            return await client.verify(str(checkpoint), rows=given)

    found = virtual_time.run(main, rows)
    assert [(one.file, one.line, one.field, one.found) for one in found.differences] == [("rows", 2, "time", 700)]
    with pytest.raises(UsageError, match="came from a program") as refusal:
        virtual_time.run(main, None)
    assert "rows=..." in (refusal.value.hint or "")
