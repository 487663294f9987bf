"""Custom fields: called by name, filled by what their type takes, and never overwritten where a row says nothing."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from flow_world import World, read_csv, write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from test_flow_plan import assert_true, plan_and_run

from headrace.errors import UsageError
from headrace.importfile import ImportSpec
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule

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


def test_an_archived_field_is_none_of_the_name(world: World) -> None:
    """Where two fields have one name, and one of them is archived, the other is meant."""
    world.sandbox.store.table("custom_fields")[80].attributes["archived_at"] = "2023-11-14T22:13:20.000+00:00"
    load(world, [("T1", "x")], ("title", "t"), **{"custom_fields.Twice": "t"})
    assert world.run().summary.done == 1
    assert values(world) == {"T1": {"81": "x"}}


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


# --- updates ----------------------------------------------------------------------------------------------------------


def updating(world: World, rows: list[tuple[Any, ...]], **more: Any) -> None:
    """Have tasks updated: id, title, and two of the fields, each blank where a row does not say it."""
    load(world, rows, ("id", "title", "a", "b"), **{"custom_fields.Text": "a", "custom_fields.51": "b"})
    fields = {name: rule for name, rule in world.spec.load[0].fields.items() if name.startswith("custom_fields.")}
    world.spec = replace(world.spec, load=(replace(world.spec.load[0], operation="update", fields=fields, **more),))


def owned(world: World, count: int) -> dict[int, dict[str, Any]]:
    """Give the sandbox tasks with custom fields, and return these by id."""
    made = {}
    for at in range(count):
        own = {"71": at, "51": f"key {at}"}
        attributes = {"title": f"T{at}", "custom_fields": dict(own)}
        task = world.sandbox.store.place("tasks", attributes, {"project": 501, "task_list": 701}, 0.0)
        made[task.id] = own
    return made


def test_what_a_row_does_not_say_stays(world: World) -> None:
    """One field of the hash is written and the others are kept, in the requests of the plan; else none is read."""
    own = owned(world, 5)
    updating(world, [(task, "", "new", "") for task in own])
    told = plan_and_run(world)
    assert_true(told)
    assert {task: values(world)[f"T{at}"] for at, task in enumerate(own)} == {
        task: {**its, "70": "new"} for task, its in own.items()
    }
    updating(world, [(task, "other", "", "") for task in own])
    world.checkpoint = world.folder / "second.headrace"
    assert plan_and_run(world).report.summary.requests == 3  # the first question, the definitions, the rows


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 2**32), is_lossy=st.booleans(), bulk=st.booleans())
def test_rows_about_one_record_keep_their_order(
    data: st.DataObject, seed: int, is_lossy: bool, bulk: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever latency and losses: each field ends as the last row says that says anything of it, no other is lost."""
    kinds = (FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT, FaultKind.ERROR_AFTER_COMMIT)
    faults = tuple(Rule(kind=kind, method=("PATCH",), probability=0.08) for kind in kinds) if is_lossy else ()
    made = World(tmp_path_factory.mktemp("merge"), window="off", latency=(1, 900), seed=seed, faults=faults)
    made.sandbox.store.place(
        "custom_fields", {"name": "Text", "data_type_id": 1, "customizable_type": "tasks"}, {}, 0.0, at=70
    )
    made.sandbox.store.place(
        "custom_fields", {"name": "Amount", "data_type_id": 2, "customizable_type": "tasks"}, {}, 0.0, at=71
    )
    own = owned(made, 3)
    texts = st.sampled_from(["", "x", "y", "z"])
    rows = data.draw(st.lists(st.tuples(st.sampled_from([*own]), st.just(""), texts, texts), min_size=1, max_size=14))
    updating(made, rows)
    report = made.run(Settings(batch_size=4, bulk=bulk))
    assert (report.summary.done, report.exit_code) == (len(rows), 0)
    for task, _, a, b in rows:
        own[task].update({number: cell for number, cell in (("70", a), ("51", b)) if cell})
    stored = {
        one.id: one.attributes["custom_fields"] for one in made.sandbox.store.table("tasks").values() if one.id in own
    }
    assert stored == own


def test_an_upsert_merges_too(world: World) -> None:
    """A record that is there keeps what the row does not say; the requests are those of the plan."""
    own = owned(world, 4)
    load(world, [(f"T{at}", "new") for at in range(6)], ("title", "a"), **{"custom_fields.Text": "a"})
    world.spec = replace(world.spec, load=(replace(world.spec.load[0], operation="upsert", by=("title",)),))
    told = plan_and_run(world)
    assert_true(told)
    assert [values(world)[f"T{at}"] for at in range(6)] == [
        *({**its, "70": "new"} for its in own.values()),
        {"70": "new"},
        {"70": "new"},
    ]


def test_a_record_that_is_gone_is_refused(world: World) -> None:
    """There is nothing to merge into: the provider's refusal is the row's."""
    updating(world, [(9_999, "", "new", "")])
    report = world.run()
    assert (report.summary.rejected, report.exit_code) == (1, 3)


@pytest.mark.parametrize("rule", [{}, "custom_fields.Text"])
def test_a_column_may_be_called_as_the_field(rule: Any, world: World) -> None:
    """Its cells go to the field's id, and not under its name as well."""
    load(world, [("T", "x")], ("title", "custom_fields.Text"), **{"custom_fields.Text": rule})
    assert world.run().summary.done == 1
    assert values(world) == {"T": {"70": "x"}}


def test_a_column_of_a_custom_field_needs_a_rule(world: World) -> None:
    """Nothing is sent under a name that the API does not know: the error says what to write."""
    load(world, [("T", "x")], ("title", "custom_fields.Text"))
    with pytest.raises(UsageError, match="no rule says so") as caught:
        world.run()
    assert '"custom_fields.Text" = "custom_fields.Text"' in str(caught.value.hint)
