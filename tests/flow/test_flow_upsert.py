"""Upserts: what is there is updated, what is not is created, and no answer that is lost makes two of one."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from flow_world import World, read_csv, write_csv
from msgspec.structs import replace
from test_flow_migration import killed_after
from test_flow_plan import assert_true, plan_and_run
from test_flow_trio import World as Trio
from test_flow_trio import kinds

from headrace.cli.app import main
from headrace.errors import SourceError
from headrace.importfile import ImportSpec
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule

COLUMNS = ("title", "project_id", "task_list_id", "description")


def upserting(world: World, rows: list[tuple[Any, ...]], by: list[str] | None = None, **more: Any) -> None:
    write_csv(world.folder / "tasks.csv", rows, COLUMNS)
    load = {
        "resource": "tasks",
        "source": str(world.folder / "tasks.csv"),
        "operation": "upsert",
        "by": ["title", "project_id"] if by is None else by,
        "key": ["title"],
    }
    spec = {"provider": "productive", "name": "upsert", "load": [load | more]}
    world.spec = msgspec.convert(spec, ImportSpec)


def tasks(world: World) -> dict[str, Any]:
    return {one.attributes["title"]: one for one in world.sandbox.store.table("tasks").values() if one.id > 1003}


def place(world: World, titles: list[str], project: int = 501) -> None:
    for title in titles:
        attributes = {"title": title, "description": "old"}
        world.sandbox.store.place("tasks", attributes, {"project": project, "task_list": project + 200}, 0.0)


@pytest.mark.parametrize("there", [0, 30, 3_000])
@pytest.mark.parametrize("bulk", [True, False])
def test_what_is_there_is_updated_and_the_rest_created(there: int, bulk: bool, tmp_path: Path) -> None:
    """Few records are read once, of many only those are asked for that the rows are about; the plan counts it all."""
    world = World(tmp_path, window="off")
    place(world, [f"T{at}" for at in range(there)])
    rows = [(f"T{at}", 501, 701, "new") for at in range(0, 120, 2)]
    upserting(world, rows)
    told = plan_and_run(world, Settings(bulk=bulk))
    assert_true(told)
    known = {f"T{at}" for at in range(there)}
    assert told.report.summary.done == 60
    assert len(tasks(world)) == there + sum(row[0] not in known for row in rows)
    assert all(tasks(world)[row[0]].attributes["description"] == "new" for row in rows)
    made = sum(row[0] not in known for row in rows)
    assert f"{made} rows were created, {60 - made} were there and updated" in told.report.notices
    assert told.plan.lookups <= 3 if there <= 30 else told.plan.lookups <= 4


def test_another_record_of_that_name_is_left_alone(tmp_path: Path) -> None:
    """All fields count by which a record is found; one that is there twice is nobody's to choose between.

    The plan says so as well.
    """
    world = World(tmp_path)
    place(world, ["T1"], project=502)
    place(world, ["T2", "T2"])
    upserting(world, [("T1", 501, 701, "new"), ("T2", 501, 701, "new"), ("T3", 501, 701, "a"), ("T3", 501, 701, "b")])
    world.spec = replace(world.spec, load=(replace(world.spec.load[0], key=()),))
    told = plan_and_run(world)
    assert_true(told)
    report = told.report
    assert (report.summary.done, report.summary.invalid, report.exit_code) == (2, 2, 3)
    assert {(one.line, one.fault.code) for one in told.plan.faults} == {(3, "ambiguous_record"), (5, "duplicate_row")}
    codes = {row["title"]: row["code"] for row in read_csv(world.results / "tasks.rejects.csv")}
    assert codes == {"T2": "ambiguous_record", "T3": "duplicate_row"}
    rejects = (world.results / "tasks.rejects.csv").read_text()
    assert "line 4 is about the same record" in rejects
    titles = Counter(one.attributes["title"] for one in world.sandbox.store.table("tasks").values())
    assert (titles["T1"], titles["T2"], titles["T3"]) == (2, 2, 1)


LOSSES = [
    FaultKind.DROP_AFTER_COMMIT,
    FaultKind.DROP_BEFORE_COMMIT,
    FaultKind.ERROR_AFTER_COMMIT,
    FaultKind.LATE_COMMIT,
    FaultKind.TRUNCATED_JSON,
]


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_lost_answers_make_nothing_twice(kind: FaultKind, seed: int, tmp_path: Path) -> None:
    """Creates and updates whose answers are lost, and two kills: every record is there once, with what the row says."""
    chance = Random(seed)
    rule = {"method": ("POST", "PATCH"), "probability": 0.25}
    seconds = {"seconds": 60.0} if kind is FaultKind.LATE_COMMIT else {}
    world = World(tmp_path, latency=(50, 300), seed=seed, faults=(Rule(kind=kind, **rule, **seconds),))
    place(world, [f"T{at}" for at in range(0, 40, 2)])
    upserting(world, [(f"T{at}", 501, 701, "new") for at in range(40)])
    for _ in range(2):
        killed_after(world, chance.uniform(0.2, 200.0))
    report = world.run(Settings(batch_size=5))
    for _ in range(4):
        if report.exit_code == 0:
            break
        report = world.run(Settings(batch_size=5))
    assert (report.summary.done, report.exit_code) == (40, 0)
    made = [one for one in world.sandbox.store.table("tasks").values() if one.id > 1003]
    assert Counter(one.attributes["title"] for one in made) == Counter(f"T{at}" for at in range(40))
    assert {one.attributes["description"] for one in made} == {"new"}


@pytest.mark.parametrize(
    ("provider", "resource", "rows", "by"),
    [
        ("bezala", "tasks", [{"name": f"T{at}", "external_id": f"x{at}"} for at in range(8)], ["external_id"]),
        ("agiled", "projects", [{"name": f"P{at}"} for at in range(8)], ["name"]),
    ],
)
def test_other_providers_are_looked_through(
    provider: str, resource: str, rows: list[dict[str, Any]], by: list[str], tmp_path: Path
) -> None:
    """Where a filter takes one value at a time all records are read once; run twice under two names, nothing is new."""
    world = Trio(provider, window="off")
    before = len(world.sandbox.store.table(resource))
    how: dict[str, Any] = {"operation": "upsert", "by": by}
    assert kinds(world.load(resource, rows, tmp_path / "a.headrace", **how)) == {"Done": 8}
    assert kinds(world.load(resource, rows, tmp_path / "b.headrace", **how)) == {"Done": 8}
    assert len(world.sandbox.store.table(resource)) == before + 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"by": []}, "needs by"),
        ({"by": ["titel"]}, "cannot be found by 'titel'"),
        ({"operation": "create"}, "finds nothing by 'title'"),
        ({"operation": "upsrt"}, "no operation 'upsrt'"),
    ],
)
def test_an_upsert_that_cannot_be_meant(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    """The import file is refused before anything is asked."""
    world = World(tmp_path)
    upserting(world, [("T1", 501, 701, "")], **change)
    with pytest.raises(SourceError, match=said):
        world.run()


def test_a_data_file_may_be_upserted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--operation` and `--by` do for a data file what an import file says, and are checked as that is."""
    file = write_csv(tmp_path / "c.csv", [("Acme",)], ("name",))
    where = (str(file), "--to", "productive:companies", "--json")
    assert main(["check", *where, "--operation", "upsert", "--by", "name"]) == 0
    assert main(["check", *where, "--operation", "upsert"]) == 2
    assert "needs by" in capsys.readouterr().out
    assert main(["check", *where, "--operation", "updat"]) == 2
    assert "did you mean 'update'" in capsys.readouterr().out


@pytest.mark.parametrize("how", [{"lookup": "companies", "by": "name"}, {"from": "companies"}])
def test_what_an_upsert_leaves_is_found_once(how: dict[str, str], tmp_path: Path) -> None:
    """Rows find what an upsert has updated or created, once; a row that another one stands for leaves nothing."""
    world = World(tmp_path, window="off")
    names = ["Acme Corporation", "New", "New", "Acme Corporation", "Newer"]
    write_csv(tmp_path / "companies.csv", [[name] for name in names], ["name"])
    wanted = ["Acme Corporation", "New", "Newer", "Nobody"]
    write_csv(tmp_path / "projects.csv", [[f"P{at}", name] for at, name in enumerate(wanted)], ["name", "client"])
    fields = {
        "project_type_id": {"value": 2},
        "project_manager_id": {"value": 201},
        "workflow_id": {"value": 728},
        "company_id": {"column": "client", **how},
    }
    first = {"resource": "companies", "source": str(tmp_path / "companies.csv"), "operation": "upsert"}
    then = {"resource": "projects", "source": str(tmp_path / "projects.csv"), "fields": fields}
    loads = [first | {"by": ["name"], "key": ["name"]}, then]
    world.spec = msgspec.convert({"provider": "productive", "name": "both", "load": loads}, ImportSpec)
    told = plan_and_run(world)
    assert_true(told)
    assert (told.report.summary.done, told.report.summary.invalid) == (6, 3)
