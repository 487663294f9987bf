"""Names that rows refer to records by: those that lead nowhere are told once, in the plan as in the run."""

from pathlib import Path
from typing import Any

import pytest
from flow_world import SERVICE, World, hours, write_csv
from test_flow_families import spec_of
from test_flow_migration import retried
from test_flow_plan import assert_true, plan_and_run

from headrace.intake import strays
from headrace.intake.strays import Place
from headrace.pipeline import Settings

ADA, GHOST = "ada.lovelace@northwind.example", "ada.lovelase@northwind.example"


def entries(folder: Path, people: list[str], name: str = "hours.csv") -> dict[str, Any]:
    """Return a load of time entries of these people, called by e-mail."""
    rows = [(*row[:2], who, SERVICE, row[4]) for row, who in zip(hours(len(people)), people, strict=True)]
    write_csv(folder / name, rows)
    fields = {"person_id": {"column": "person_id", "lookup": "people", "by": "email"}}
    return {"resource": "time_entries", "source": str(folder / name), "fields": fields}


def test_a_name_that_many_rows_have_is_told_once(tmp_path: Path) -> None:
    """Ten thousand rows name the same missing person: one name says so, how often, where first, and who is close."""
    world = World(tmp_path)
    told = plan_and_run(world, spec=spec_of(entries(tmp_path, [ADA, *[GHOST] * 9_000, *[f" {GHOST.upper()}"] * 1_000])))
    assert_true(told)
    assert told.plan.names == told.report.names
    (one,) = told.plan.names
    assert (one.resource, one.by, one.name, one.rows, one.ids) == ("people", "email", GHOST, 10_000, ())
    assert one.places == tuple(Place(str(tmp_path / "hours.csv"), line) for line in range(3, 8))
    assert one.suggestions[0] == ADA
    assert told.report.summary.invalid == 10_000
    assert [name.rows for name in retried(world).names] == [10_000]


def test_names_of_several_loads_are_told_together(tmp_path: Path) -> None:
    """A name of two loads is one; one that several records have says their ids; a list tells each of its names."""
    world = World(tmp_path)
    for at in (7001, 7002):
        world.sandbox.store.place("companies", {"name": "Twice"}, {}, 0.0, at=at)
    write_csv(tmp_path / "a.csv", [("One", "twice"), ("Two", "None Such")], ("name", "client"))
    write_csv(
        tmp_path / "b.csv", [("Three", "Twice"), ("Four", "none  such"), ("Five", "None Such")], ("name", "client")
    )
    fields: dict[str, Any] = {
        "project_type_id": {"value": 2},
        "project_manager_id": {"value": 201},
        "company_id": {"column": "client", "lookup": "companies", "by": "name"},
        "workflow_id": {"value": "Nowhere", "lookup": "workflows", "by": "name"},
    }
    loads = [
        {"resource": "projects", "name": one, "source": str(tmp_path / f"{one}.csv"), "fields": fields} for one in "ab"
    ]
    told = plan_and_run(world, spec=spec_of(*loads))
    assert_true(told)
    assert told.plan.names == told.report.names
    assert [(one.resource, one.name, one.rows, one.ids) for one in told.plan.names] == [
        ("workflows", "Nowhere", 5, ()),
        ("companies", "None Such", 3, ()),
        ("companies", "twice", 2, (7001, 7002)),
    ]
    assert [place.line for place in told.plan.names[1].places] == [3, 3, 4]


def test_rows_that_wait_are_counted_once(tmp_path: Path) -> None:
    """A source that is read wave after wave counts its rows once, also those that wait for another row as well."""
    world = World(tmp_path)
    rows = [("C", "B", ADA), ("B", "A", GHOST), ("A", "", ADA), ("D", "A", GHOST), ("E", "", "nobody")]
    write_csv(tmp_path / "tasks.csv", rows, ("no", "parent", "who"))
    fields = {
        "title": "no",
        "parent_task_id": {"column": "parent", "from": "tasks"},
        "project_id": {"value": 501},
        "task_list_id": {"value": 701},
        "assignee_id": {"column": "who", "lookup": "people", "by": "email"},
    }
    load = {"resource": "tasks", "source": str(tmp_path / "tasks.csv"), "key": ["no"], "fields": fields}
    told = plan_and_run(world, spec=spec_of(load))
    assert told.report.summary.invalid == told.plan.invalid == 4
    assert told.plan.names == told.report.names
    assert [(one.name, one.rows) for one in told.plan.names] == [(GHOST, 2), ("nobody", 1)]


def test_a_file_of_nothing_but_strays_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many different names the rest are counted, and a notice says where they are."""
    monkeypatch.setattr(strays, "MOST", 20)
    world = World(tmp_path)
    told = plan_and_run(world, Settings(), spec_of(entries(tmp_path, [f"{at}@nowhere.example" for at in range(50)])))
    assert len(told.plan.names) == len(told.report.names) == 20
    assert any("30 rows have further names" in notice for notice in told.plan.notices)
    assert any("30 rows have further names" in notice for notice in told.report.notices)
