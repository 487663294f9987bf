"""Actions of Productive: archived, copied, closed, approved, given another workflow; once each, or harmlessly."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from flow_world import World, hours, read_csv, write_csv

from headrace.errors import SourceError
from headrace.importfile import ImportSpec
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule


def acting(
    world: World, resource: str, operation: str, rows: list[tuple[Any, ...]], columns: tuple[str, ...], **fields: Any
) -> None:
    write_csv(world.folder / "rows.csv", rows, columns)
    load = {"resource": resource, "operation": operation, "source": str(world.folder / "rows.csv"), "fields": fields}
    world.spec = msgspec.convert({"provider": "productive", "name": operation, "load": [load]}, ImportSpec)


def table(world: World, kind: str) -> dict[int, Any]:
    return {one.id: one for one in world.sandbox.store.table(kind).values()}


def test_projects_are_archived_and_restored(tmp_path: Path) -> None:
    """By id or by name, and repeated where the answer is lost."""
    world = World(tmp_path, faults=(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("PATCH",), at=(1,)),))
    acting(
        world,
        "projects",
        "archive",
        [("Acme website",), ("Globex app",)],
        ("who",),
        id={"column": "who", "lookup": "projects", "by": "name"},
    )
    report = world.run()
    assert (report.summary.done, report.exit_code) == (2, 0)
    assert [bool(one.attributes.get("archived_at")) for one in table(world, "projects").values()] == [True, True, False]
    acting(world, "projects", "restore", [(501,)], ("id",))
    world.checkpoint = tmp_path / "restore.headrace"
    assert world.run().summary.done == 1
    assert not table(world, "projects")[501].attributes["archived_at"]


def test_a_project_is_copied_once(tmp_path: Path) -> None:
    """The copy has what was asked for; one whose answer is lost stays in doubt, and is not made a second time."""
    world = World(tmp_path, faults=(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), at=(2,)),))
    rows = [(501, "Copy one", 2, "true"), (502, "Copy two", 2, "")]
    acting(world, "projects", "copy", rows, ("id", "name", "project_type_id", "copy_boards"))
    report = world.run(Settings(settle_after=2.0, concurrency=1))
    assert (report.summary.done, report.summary.in_doubt, report.exit_code) == (1, 1, 4)
    made = {one.attributes["name"]: one for one in table(world, "projects").values() if one.id > 503}
    assert sorted(made) == ["Copy one", "Copy two"]
    (told,) = read_csv(world.results / "projects.success.csv")
    assert told["remote_id"] == str(made["Copy one"].id)
    assert len(table(world, "folders")) == 4
    assert world.run().summary.in_doubt == 1
    assert len(table(world, "projects")) == 5


def test_a_workflow_is_changed_by_its_action_only(tmp_path: Path) -> None:
    """An update refuses the field before anything is sent and names the action, which moves the tasks by the map."""
    world = World(tmp_path)
    acting(world, "projects", "update", [(501, 729)], ("id", "w"), workflow_id="w")
    with pytest.raises(SourceError, match="takes no field 'workflow_id'") as refusal:
        world.run()
    assert refusal.value.hint == 'operation = "change_workflow" sets it'
    statuses = '{"2001": 2011, "2002": 2012, "2003": 2014}'
    acting(
        world,
        "projects",
        "change_workflow",
        [(501, 729, statuses), (502, 729, '{"2001": 2011}')],
        ("id", "w", "map"),
        workflow_id="w",
    )
    report = world.run()
    assert (report.summary.done, report.summary.rejected) == (1, 1)
    assert table(world, "projects")[501].links["workflow"] == 729
    assert table(world, "tasks")[1001].links["workflow_status"] == 2011
    (refused,) = read_csv(world.results / "projects.rejects.csv")
    assert "doesn't contain all statuses" in refused["error"]
    acting(world, "projects", "map_to_workflow", [(501, '{"701": 2013}')], ("id", "map"))
    world.checkpoint = tmp_path / "map.headrace"
    assert world.run().summary.done == 1
    assert table(world, "tasks")[1001].links["workflow_status"] == 2013


def test_a_budget_is_closed_on_a_day(tmp_path: Path) -> None:
    """The day of delivery is set by the action; an update that tries is told so."""
    world = World(tmp_path)
    acting(world, "deals", "update", [(801, "2026-03-14")], ("id", "d"), delivered_on="d")
    with pytest.raises(SourceError) as refusal:
        world.run()
    assert '"close"' in (refusal.value.hint or "")
    acting(world, "deals", "close", [(801, "2026-03-14"), (802, "")], ("id", "delivered_on"))
    assert world.run().summary.done == 2
    assert table(world, "deals")[801].attributes["delivered_on"] == "2026-03-14"
    assert table(world, "deals")[802].attributes["delivered_on"]


def test_many_entries_are_approved_by_one_request(tmp_path: Path) -> None:
    """A hundred a request, repeated where the answer is lost; an id that there is not is the only one refused."""
    world = World(tmp_path, faults=(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("PATCH",), at=(1,)),))
    write_csv(tmp_path / "hours.csv", hours(250))
    world.run()
    ids = [*table(world, "time_entries")]
    acting(
        world,
        "time_entries",
        "approve",
        [*((one,) for one in ids[:200]), (999_999,), *((one,) for one in ids[200:])],
        ("id",),
    )
    world.checkpoint, world.results = tmp_path / "approve.headrace", tmp_path / "approve.results"
    report = world.run()
    assert (report.summary.done, report.summary.rejected) == (250, 1)
    assert all(one.attributes["approved"] for one in table(world, "time_entries").values())
    acting(world, "time_entries", "unapprove", [(ids[0],)], ("id",))
    world.checkpoint = tmp_path / "un.headrace"
    assert world.run().summary.done == 1
    assert not table(world, "time_entries")[ids[0]].attributes["approved"]


def test_expenses_are_approved(tmp_path: Path) -> None:
    """By the path of their own."""
    world = World(tmp_path)
    expense = world.sandbox.store.place("expenses", {"name": "Taxi", "date": "2026-01-01"}, {"service": 901}, 0.0)
    acting(world, "expenses", "approve", [(expense.id,)], ("id",))
    assert world.run().summary.done == 1
    assert table(world, "expenses")[expense.id].attributes["approved"]
