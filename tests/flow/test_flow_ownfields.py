"""Custom fields: called by name, filled by what their type takes, and never overwritten where a row says nothing."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from flow_world import World, read_csv, write_csv
from test_flow_plan import assert_true, plan_and_run

from headrace.errors import UsageError
from headrace.importfile import ImportSpec

TYPES = {"Text": 1, "Amount": 2, "Level": 3, "Since": 4, "Colours": 5, "Owner": 6, "File": 7}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Make a sandbox with a custom field of each data type for tasks, and one of a name that is there twice."""
    made = World(tmp_path, window="sliding")
    place = made.sandbox.store.place
    for number, (name, kind) in enumerate(TYPES.items(), 70):
        place("custom_fields", {"name": name, "data_type_id": kind, "customizable_type": "tasks"}, {}, 0.0, at=number)
    for number in (80, 81):
        place("custom_fields", {"name": "Twice", "data_type_id": 1, "customizable_type": "tasks"}, {}, 0.0, at=number)
    for number, (name, field) in enumerate((("Low", 72), ("High", 72), ("Red", 74), ("Blue", 74), ("Low", 74)), 90):
        place("custom_field_options", {"name": name}, {"custom_field": field}, 0.0, at=number)
    return made


def load(world: World, rows: list[tuple[Any, ...]], columns: tuple[str, ...], **fields: Any) -> None:
    write_csv(world.folder / "tasks.csv", rows, columns)
    own = {"title": "title", "project_id": {"value": 501}, "task_list_id": {"value": 701}}
    source = str(world.folder / "tasks.csv")
    spec = {
        "provider": "productive",
        "name": "x",
        "load": [{"resource": "tasks", "source": source, "fields": own | fields}],
    }
    world.spec = msgspec.convert(spec, ImportSpec)


def values(world: World) -> dict[str, Any]:
    table = world.sandbox.store.table("tasks").values()
    return {one.attributes["title"]: one.attributes.get("custom_fields") for one in table if one.id > 1003}


def test_every_type_takes_what_people_write(world: World) -> None:
    """Text, numbers, options by name, dates, several options, people by e-mail; the plan counts what is read for it."""
    row = ("T1", "7", "1,5", "High", "31.12.2026", "Red; Blue", "ada.lovelace@northwind.example")
    columns = ("title", "t", "n", "l", "d", "c", "o")
    load(
        world,
        [row, ("T2", "", "", "", "", "", "")],
        columns,
        **{
            "custom_fields.Text": "t",
            "custom_fields.amount": "n",
            "custom_fields.Level": "l",
            "custom_fields.Since": {"column": "d", "format": "%d.%m.%Y"},
            "custom_fields.Colours": "c",
            "custom_fields.Owner": "o",
        },
    )
    told = plan_and_run(world)
    assert_true(told)
    assert values(world) == {
        "T1": {"70": "7", "71": 1.5, "72": 91, "73": "2026-12-31", "74": [92, 93], "75": 201},
        "T2": None,
    }


def test_what_no_option_is_called_is_a_fault(world: World) -> None:
    """An option of another field, a date in another form, somebody unknown: with line and suggestion, and not sent."""
    rows = [
        ("T1", "Blue", "", ""),
        ("T2", "Hihg", "", ""),
        ("T3", "", "1.2.2026", ""),
        ("T4", "", "", "nobody@x.example"),
    ]
    fields = {"custom_fields.Level": "l", "custom_fields.Since": "d", "custom_fields.Owner": "o"}
    load(world, rows, ("title", "l", "d", "o"), **fields)
    report = world.run()
    assert (report.summary.done, report.summary.invalid) == (0, 4)
    rejects = {row["title"]: row for row in read_csv(world.results / "tasks.rejects.csv")}
    codes = [row["code"] for row in rejects.values()]
    assert codes == ["unknown_reference", "unknown_reference", "not_a_date", "unknown_reference"]
    assert "did you mean 'High'" in rejects["T2"]["hint"]


def test_fields_that_there_are_not_are_listed_once(world: World) -> None:
    """All names that are missing or ambiguous, with suggestions, before a row is judged; the plan says the same."""
    load(
        world,
        [("T1", "a")],
        ("title", "a"),
        **{"custom_fields.Levle": "a", "custom_fields.Twice": "a", "custom_fields.Nothing": "a"},
    )
    report = world.run()
    assert isinstance(report.reason, UsageError)
    assert "no custom field 'Levle' (did you mean 'Level'" in report.reason.message
    assert "2 custom fields of tasks are called 'Twice': call it by id, custom_fields.80 or custom_fields.81" in str(
        report.reason
    )
    assert "'Nothing'" in report.reason.message
    assert not values(world)
    with pytest.raises(UsageError, match="Levle"):
        plan_and_run(world)


def test_a_name_and_its_id_are_one_mapping(world: World) -> None:
    """A run that goes on asks for the definitions again, and takes the mapping for what it was."""
    load(world, [(f"T{at}", "x") for at in range(9)], ("title", "a"), **{"custom_fields.Text": "a"})
    world.run()
    report = world.run()
    assert (report.summary.done, report.exit_code) == (9, 0)
