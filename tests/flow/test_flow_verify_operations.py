"""Verification of what is not a create, of several loads about one record, and of what a listing does not show."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from flow_world import World, hours, write_csv
from msgspec.structs import replace
from test_flow_families import PROJECT, spec_of
from test_flow_trio import World as Trio
from test_flow_verify import entries, verified, verified_by

from headrace.errors import UsageError
from headrace.pipeline import Settings
from headrace.provider import Provider, Resource
from headrace.providers import PROVIDERS
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client
from headrace.verified import Verified


def load(world: World, name: str, rows: Sequence[Sequence[Any]], columns: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return a load of rows that are in a file called `name`."""
    return {"name": name, "source": str(write_csv(world.folder / f"{name}.csv", rows, columns)), **more}


def told(found: Verified) -> list[tuple[str, int, str | None, Any, Any]]:
    return [(one.load, one.line, one.field, one.sent, one.found) for one in found.differences]


def run(world: World, *loads: dict[str, Any]) -> None:
    world.spec = spec_of(*loads)
    report = world.run(Settings(settle_after=2.0))
    assert (report.exit_code, report.summary.done) == (0, report.summary.rows)


def asked(world: World) -> list[tuple[str, str]]:
    """Note from now on method and address of every request; return the list that they go to."""
    handle, seen = world.sandbox.handle, list[tuple[str, str]]()

    def watch(method: str, path: str, query: str = "", **more: Any) -> Any:
        seen.append((method, f"{path}?{query}"))
        return handle(method, path, query, **more)

    world.sandbox.handle = watch  # type: ignore[method-assign]  # looks on
    return seen


PROJECTS = ("code", "name")
MADE = {"resource": "projects", "key": ["code"], "fields": {"name": "name", **PROJECT}}


def test_an_update_is_verified(tmp_path: Path) -> None:
    """What an update said is compared, and nothing else of the record; one that is gone is missing."""
    world = World(tmp_path)
    rows = [(1001, "New 1"), (1002, "New 2"), (1003, "New 3")]
    run(world, load(world, "titles", rows, ("id", "title"), resource="tasks", operation="update"))
    found = verified(world)
    assert (found.checked, found.exit_code) == (3, 0)
    table = world.sandbox.store.table("tasks")
    table[1001].attributes |= {"title": "Other", "description": "nobody said"}
    world.sandbox.store.remove("tasks", table[1003])
    found = verified(world)
    assert told(found) == [("titles", 2, "title", "New 1", "Other"), ("titles", 4, None, None, None)]
    assert (found.differing, found.missing, found.exit_code) == (1, 1, 4)


def test_a_record_that_was_found_by_its_old_name_is_verified(tmp_path: Path) -> None:
    """An update that renames what it looks up cannot look it up again, and need not: the checkpoint knows the id."""
    world = World(tmp_path)
    who = {"column": "old", "lookup": "projects", "by": "name"}
    rows = [("Acme website", "Acme shop"), ("Globex app", "Acme website")]
    names = {"resource": "projects", "operation": "update", "fields": {"id": who, "name": "new"}}
    run(world, load(world, "names", rows, ("old", "new"), **names))
    found = verified(world)
    assert (found.checked, found.changed, found.exit_code) == (2, 0, 0)
    world.sandbox.store.table("projects")[501].attributes["name"] = "Acme website"
    assert told(verified(world)) == [("names", 2, "name", "Acme shop", "Acme website")]


def test_an_upsert_is_verified(tmp_path: Path) -> None:
    """What was there and what was made: both are compared with their rows."""
    world = World(tmp_path)
    world.sandbox.store.place("tasks", {"title": "T1", "description": "old"}, {"project": 501, "task_list": 701}, 0.0)
    columns = ("title", "project_id", "task_list_id", "description")
    rows = [("T1", 501, 701, "new"), ("T2", 501, 701, "new")]
    run(world, load(world, "tasks", rows, columns, resource="tasks", operation="upsert", by=["title", "project_id"]))
    found = verified(world)
    assert (found.checked, found.exit_code) == (2, 0)
    made = {one.attributes["title"]: one for one in world.sandbox.store.table("tasks").values()}
    made["T1"].attributes["description"] = "old"
    made["T2"].links["task_list"] = 702
    assert told(verified(world)) == [
        ("tasks", 2, "description", "new", "old"),
        ("tasks", 3, "task_list_id", 701, "702"),
    ]


@pytest.mark.parametrize("name", ["by id", "by name"])
def test_a_deleted_record_must_be_gone(name: str, tmp_path: Path) -> None:
    """What a load deleted and is there still is named; that its name cannot be looked up any more does not matter."""
    world = World(tmp_path)
    for number, title in ((1101, "Old 1"), (1102, "Old 2")):
        world.sandbox.store.place("projects", {"name": title}, {}, 0.0, at=number)
    cells = [(1101,), (1102,)] if name == "by id" else [("Old 1",), ("Old 2",)]
    fields = {"id": "who" if name == "by id" else {"column": "who", "lookup": "projects", "by": "name"}}
    run(world, load(world, "old", cells, ("who",), resource="projects", operation="delete", fields=fields))
    found = verified(world)
    assert (found.checked, found.differing, found.exit_code) == (2, 0, 0)
    world.sandbox.store.place("projects", {"name": "Old 2"}, {}, 0.0, at=1102)
    found = verified(world)
    assert told(found) == [("old", 3, "id", None, "1102")]
    assert (found.differing, found.missing, found.exit_code) == (1, 0, 4)


ACTIONS: list[tuple[str, str, dict[str, Any], str, dict[str, Any], dict[str, Any]]] = [
    ("projects", "archive", {"id": 501}, "archived_at", {}, {"archived_at": None}),
    ("projects", "restore", {"id": 501}, "archived_at", {}, {"archived_at": "2026-01-01T00:00:00.000+00:00"}),
    ("deals", "close", {"id": 801, "delivered_on": "2026-03-14"}, "delivered_on", {}, {"delivered_on": "2026-03-15"}),
    ("deals", "close", {"id": 801}, "delivered_on", {}, {"delivered_on": None}),
    ("time_entries", "approve", {"id": 1}, "approved", {"date": "2026-01-01", "time": 5}, {"approved": False}),
    ("time_entries", "unapprove", {"id": 1}, "approved", {"date": "2026-01-01", "time": 5}, {"approved": True}),
    ("expenses", "approve", {"id": 1}, "approved", {"name": "Taxi", "date": "2026-01-01"}, {"approved": False}),
    ("expenses", "unapprove", {"id": 81}, "approved", {}, {"approved": True}),
    ("deals", "reopen", {"id": 801}, "delivered_on", {}, {"delivered_on": "2026-03-15"}),
    ("people", "deactivate", {"id": 206}, "deactivated_at", {}, {"deactivated_at": None}),
    ("people", "activate", {"id": 206}, "deactivated_at", {}, {"deactivated_at": "2026-01-01T00:00:00.000+00:00"}),
    ("invoices", "finalize", {"id": 71}, "finalized_on", {}, {"finalized_on": None}),
    *(
        (resource, "archive", {"id": number}, "archived_at", {}, {"archived_at": None})
        for resource, number in (("companies", 104), ("people", 206), ("folders", 601), ("task_lists", 701))
    ),
    ("custom_fields", "archive", {"id": 60}, "archived_at", {}, {"archived_at": None}),
]


@pytest.mark.parametrize(("resource", "action", "row", "field", "given", "spoilt"), ACTIONS)
def test_what_an_action_leaves_is_verified(
    resource: str,
    action: str,
    row: dict[str, Any],
    field: str,
    given: dict[str, Any],
    spoilt: dict[str, Any],
    tmp_path: Path,
) -> None:
    """Archived is archived, closed is delivered on that day, approved is approved: and where it is not, it is named."""
    world = World(tmp_path)
    if given:
        world.sandbox.store.place(resource, given, {"service": 901, "person": 201}, 0.0, at=1)
    run(world, load(world, "act", [[*row.values()]], [*row], resource=resource, operation=action))
    found = verified(world)
    assert (found.checked, found.exit_code, found.minutes) == (1, 0, ())
    world.sandbox.store.table(resource)[row["id"]].attributes.update(spoilt)
    found = verified(world)
    assert [(one.line, one.field) for one in found.differences] == [(2, field)]
    assert found.exit_code == 4


COPIES: dict[str, dict[str, Any]] = {
    "deals": {"id": 801, "name": "Again", "project_id": 502, "date": "2027-01-01"},
    "folders": {"id": 601, "name": "Copy", "project_id": 502, "copy_task_lists": "true", "copy_open_tasks": "true"},
    "task_lists": {"id": 701, "name": "Copy", "project_id": 502, "folder_id": 602, "copy_open_tasks": "true"},
    "tasks": {"id": 1001, "title": "Copy", "project_id": 502, "task_list_id": 702, "workflow_status_id": 2002},
}


@pytest.mark.parametrize("resource", COPIES)
def test_every_copy_is_made_and_verified(resource: str, tmp_path: Path) -> None:
    """A copy is another record than the original, where the row says; a flag is nothing that could be compared."""
    world = World(tmp_path)
    before = world.sandbox.store.counts[resource]
    row = COPIES[resource]
    run(world, load(world, "copies", [[*row.values()]], [*row], resource=resource, operation="copy"))
    assert world.sandbox.store.counts[resource] == before + 1
    found = verified(world)
    assert (found.checked, found.differing, found.missing, found.exit_code) == (1, 0, 0, 0)
    (made,) = [each for number, each in world.sandbox.store.table(resource).items() if number != row["id"]][-1:]
    made.links["project"] = 503
    assert [one.field for one in verified(world).differences] == ["project_id"]


COPY = {"resource": "projects", "operation": "copy"}


def test_copies_and_workflows_are_verified(tmp_path: Path) -> None:
    """A copy is compared with what was asked for it, a project with the workflow that it was given."""
    world = World(tmp_path)
    statuses = '{"2001": 2011, "2002": 2012, "2003": 2014}'
    run(
        world,
        load(world, "copies", [(501, "Copy", 2)], ("id", "name", "project_type_id"), **COPY),
        load(
            world,
            "flow",
            [(502, 729, statuses)],
            ("id", "workflow_id", "map"),
            resource="projects",
            operation="change_workflow",
        ),
    )
    found = verified(world)
    assert ([(one.name, one.checked) for one in found.loads], found.exit_code) == ([("copies", 1), ("flow", 1)], 0)
    table = world.sandbox.store.table("projects")
    next(one for one in table.values() if one.attributes["name"] == "Copy").attributes["name"] = "Other"
    table[502].links["workflow"] = 728
    assert told(verified(world)) == [
        ("copies", 2, "name", "Copy", "Other"),
        ("flow", 2, "workflow_id", 729, "728"),
    ]


@pytest.mark.parametrize(("event", "status"), [("finish", "completed"), ("start_without_tracking", "in_progress")])
def test_events_of_tasks_are_verified(event: str, status: str, tmp_path: Path) -> None:
    """Time Magic's tasks are in the status that the event leads to."""
    world = Trio("timemagic", window="off")
    source = write_csv(tmp_path / "x.csv", [(world.sandbox.api.identify("tasks", 1),)], ("id",))
    world.load("tasks", source, tmp_path / "x.headrace", operation=event)  # type: ignore[arg-type]  # a file will do
    assert verified_by(world, tmp_path / "x.headrace").exit_code == 0
    world.sandbox.store.table("tasks")[1].attributes["status"] = "pending"
    (one,) = verified_by(world, tmp_path / "x.headrace").differences
    assert (one.field, one.sent, one.found) == ("status", status, "pending")


def test_what_a_later_row_says_of_a_record_stands(tmp_path: Path) -> None:
    """Made, changed twice, archived and in part deleted by one import: only the last word on each field is compared."""
    world = World(tmp_path)
    ours = {"id": {"column": "code", "from": "made"}}
    run(
        world,
        load(world, "made", [("P1", "One"), ("P2", "Two"), ("P3", "Three")], PROJECTS, **MADE),
        load(
            world,
            "changed",
            [("P1", "Uno", "red"), ("P1", "Eins", ""), ("P2", "Zwei", "")],
            ("code", "name", "own"),
            resource="projects",
            operation="update",
            fields={**ours, "name": "name", "custom_fields.52": "own"},
        ),
        load(world, "kept", [("P2",)], ("code",), resource="projects", operation="archive", fields=ours),
    )
    found = verified(world)
    assert ([one.checked for one in found.loads], told(found)) == ([3, 3, 1], [])
    table = {one.attributes["name"]: one for one in world.sandbox.store.table("projects").values()}
    table["Eins"].attributes |= {"name": "Uno", "custom_fields": {"52": "blue"}}
    table["Zwei"].attributes |= {"archived_at": None, "project_type_id": 1}
    world.sandbox.store.remove("projects", table["Three"])
    found = verified(world)
    assert told(found) == [
        ("made", 3, "project_type_id", 2, 1),
        ("made", 4, None, None, None),
        ("changed", 2, "custom_fields", {"52": "red"}, {"52": "blue"}),
        ("changed", 3, "name", "Eins", "Uno"),
        ("kept", 2, "archived_at", "<something>", None),
    ]
    assert [(one.name, one.differing, one.missing) for one in found.loads] == [
        ("made", 1, 1),
        ("changed", 2, 0),
        ("kept", 1, 0),
    ]


def test_what_an_import_made_and_deleted_again_is_not_missed(tmp_path: Path) -> None:
    """A record that a later load deleted is as it should be, and its minutes are not looked for."""
    world = World(tmp_path, window="sliding")
    rows = [(*row, f"k{at}") for at, row in enumerate(hours(4))]
    columns = ("date", "time", "person_id", "service_id", "note", "k")
    gone = {"resource": "time_entries", "operation": "delete", "fields": {"id": {"column": "k", "from": "made"}}}
    run(
        world,
        load(world, "made", rows, columns, resource="time_entries", key=["k"]),
        load(world, "gone", [("k1",), ("k2",)], ("k",), **gone),
    )
    found = verified(world)
    assert ([one.checked for one in found.loads], found.exit_code) == ([4, 2], 0)
    assert sum(one.sent for one in found.minutes if one.person) == rows[0][1] + rows[3][1]


def test_what_a_list_does_not_show_is_asked_for_by_its_id(tmp_path: Path) -> None:
    """Records that are missing from the pages are asked for once each; only one that is gone is called missing."""
    lag = Rule(kind=FaultKind.SEARCH_LAG, method=("POST",), seconds=3_600.0)
    world = World(tmp_path, window="sliding", faults=(lag,))
    write_csv(tmp_path / "hours.csv", hours(5))
    world.run(Settings(settle_after=2.0))
    world.sandbox.store.remove("time_entries", entries(world)["row 3"])
    seen = asked(world)
    found = verified(world)
    assert [(one.line, one.field) for one in found.differences] == [(5, None)]
    own = [address for _, address in seen if "/time_entries" in address]
    assert sorted(address.partition("?")[0].rpartition("/")[2] for address in own) == [*"12345", "time_entries"]
    assert all("include=" in address for address in own)


def test_a_few_records_among_many_are_asked_for_one_by_one(tmp_path: Path) -> None:
    """Three updates in an account of 2,000 tasks: three pages at most, then three questions, not ten pages."""
    world = World(tmp_path, window="sliding")
    for at in range(2_000):
        world.sandbox.store.place("tasks", {"title": f"T{at}"}, {"project": 501, "task_list": 701}, 0.0)
    last = max(world.sandbox.store.table("tasks"))
    rows = [(last - at, f"New {at}") for at in range(3)]
    run(world, load(world, "titles", rows, ("id", "title"), resource="tasks", operation="update"))
    found = verified(world)
    assert (found.checked, found.exit_code, found.requests) == (3, 0, 6)


def test_older_records_are_left_out_where_all_were_created(tmp_path: Path) -> None:
    """Created ones are listed from the day before the import on, changed ones from the beginning."""
    world = World(tmp_path, window="sliding")
    for at in range(2_000):
        world.sandbox.store.place("time_entries", {"date": "2020-01-01", "time": 5, "note": f"old {at}"}, {}, 0.0)
    world.hours = 100
    write_csv(tmp_path / "hours.csv", hours(250))
    world.run()
    seen = asked(world)
    assert verified(world).exit_code == 0
    own = [address for _, address in seen if "/time_entries?" in address]
    assert len(own) == 2
    assert all("filter%5Bcreated_at%5D%5Bgt_eq%5D=" in address for address in own)


def narrowed(name: str) -> tuple[Provider, Resource]:
    """Return the provider as if one of its resources took a filter that it does not."""
    shipped = PROVIDERS["productive"]
    resource = next(one for one in shipped.resources if one.name == name)
    wrong = replace(resource, filters=resource.filters | {"created_at"})
    others = tuple(wrong if one.name == name else one for one in shipped.resources)
    return replace(shipped, resources=others), wrong


def test_a_filter_of_ours_that_is_refused_is_left_out(tmp_path: Path) -> None:
    """Should the API not filter by the time of creation, all is read; cursor and relationships stay."""
    world = World(tmp_path)
    rows = [(f"D{at}", 1001) for at in range(3)]
    run(world, load(world, "todos", rows, ("description", "task_id"), resource="todos"))
    seen = asked(world)

    async def main() -> Verified:
        world.wait()
        async with simulated_client(world.sandbox, provider=narrowed("todos")[0]) as client:
            return await client.verify(world.checkpoint)

    assert virtual_time.run(main).exit_code == 0
    first, second = (address for _, address in seen if "/todos?" in address)
    assert "created_at" in first
    assert "created_at" not in second
    assert "page%5Bafter%5D" in second


def test_what_can_be_read_only_once_cannot_be_compared(tmp_path: Path) -> None:
    """The checkpoint holds no values: a pipe as source is an error with a remedy, and nobody waits for it."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(2))
    world.run()
    (tmp_path / "hours.csv").unlink()
    os.mkfifo(tmp_path / "hours.csv")
    with pytest.raises(UsageError, match="only once"):
        verified(world)
