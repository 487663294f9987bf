"""Names that rows refer to records by: those that lead nowhere are told once, in the plan as in the run."""

from pathlib import Path
from typing import Any

import pytest
from flow_world import SERVICE, World, hours, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from test_flow_families import spec_of
from test_flow_migration import retried
from test_flow_plan import assert_true, plan_and_run

from headrace.intake import strays
from headrace.intake.strays import Place
from headrace.pipeline import Settings
from headrace.providers.productive.provider import PRODUCTIVE
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

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


# --- read, or asked for -----------------------------------------------------------------------------------------------


def crowd(world: World, count: int) -> list[str]:
    """Place so many people; return their addresses."""
    mails = [f"Person.{at}@crowd.example" for at in range(count)]
    for at, mail in enumerate(mails):
        named = {"email": mail, "first_name": "Person", "last_name": str(at)}
        world.sandbox.store.place("people", named, {}, 0.0, at=10_000 + at)
    return mails


def lookup_of(told: Any) -> tuple[int, int]:
    (table,) = told.plan.tables
    return table.pages, table.asked


@settings(max_examples=40)
@given(
    there=st.sampled_from([0, 150, 450, 1_300, 2_500]),
    names=st.integers(1, 140),
    spelling=st.sampled_from(["exact", "exact", "upper", "missing", "comma"]),
    size=st.sampled_from([3, 40]),
    limit=st.sampled_from([None, None, 1, 30, 90, 1_000]),
)
def test_names_are_read_or_asked_for(
    there: int, names: int, spelling: str, size: int, limit: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However many there are and are needed: never more requests than reading all, unless a name is not found.

    Needed are the names of the first rows only, where a limit says so.
    """
    world = World(tmp_path_factory.mktemp("crowd"))
    mails = [ADA, *crowd(world, there)]
    wanted = [mails[at % len(mails)] for at in range(0, names * size, size)]
    odd = {"upper": wanted[0].upper(), "missing": "nobody@crowd.example", "comma": "Doe, Jane"}.get(spelling, wanted[0])
    rows = [*wanted, odd] * 3
    told = plan_and_run(world, Settings(limit=limit), spec_of(entries(world.folder, rows)))
    assert_true(told)
    ids = {one.attributes["email"]: one.id for one in world.sandbox.store.table("people").values()}
    ids[wanted[0].upper()] = ids[wanted[0]]
    tried = rows[:limit]
    sent = [ids[mail] for mail in tried if mail in ids]
    assert told.report.summary.invalid == len(tried) - len(sent)
    stored = [one.links["person"] for one in world.sandbox.store.table("time_entries").values()]
    assert sorted(stored) == sorted(sent)
    is_exact = spelling == "exact" or odd not in tried
    whole = -(-len(world.sandbox.store.table("people")) // 200)
    questions = -(-len({*tried}) // 40)
    pages, asked = lookup_of(told)
    assert pages <= whole + (0 if is_exact else questions)
    assert (asked > 0) == (is_exact and questions < whole - 1)
    assert not asked or (pages, asked) == (1 + questions, len({*tried}))


def test_rows_without_a_name_look_none_up(tmp_path: Path) -> None:
    """Where no row has a name in a column, nothing is read for it, in the plan as in the run."""
    world = World(tmp_path)
    write_csv(tmp_path / "tasks.csv", [("T1", ""), ("T2", ""), ("T3", ADA)], ("title", "who"))
    who = {"column": "who", "lookup": "people", "by": "email"}
    fields = {"title": "title", "project_id": {"value": 501}, "task_list_id": {"value": 701}, "assignee_id": who}
    load = {"resource": "tasks", "source": str(tmp_path / "tasks.csv"), "fields": fields}
    told = plan_and_run(world, Settings(limit=2), spec_of(load))
    assert_true(told)
    assert (told.requests, told.plan.tables) == (2, ())
    assert lookup_of(plan_and_run(world, spec=spec_of(load))) == (1, 0)


def test_two_of_one_name_show_when_asked_for(tmp_path: Path) -> None:
    """A name that several records have is as ambiguous as if all had been read, and its ids are the same."""
    world = World(tmp_path)
    mails = crowd(world, 900)
    for at in (50_001, 50_002):
        world.sandbox.store.place("people", {"email": "twin@crowd.example", "first_name": "T"}, {}, 0.0, at=at)
    told = plan_and_run(world, spec=spec_of(entries(tmp_path, [mails[7], "twin@crowd.example"])))
    assert_true(told)
    assert lookup_of(told) == (2, 2)
    assert [(one.name, one.ids) for one in told.report.names] == [("twin@crowd.example", (50_001, 50_002))]


def test_a_question_that_the_api_does_not_take_is_asked_once(tmp_path: Path) -> None:
    """Where a filter is refused, all names are read, in the plan as in the run."""
    world = World(tmp_path)
    for at in range(900):
        world.sandbox.store.place("task_lists", {"name": f"List {at}"}, {"project": 501}, 0.0, at=10_000 + at)
    write_csv(tmp_path / "tasks.csv", [(f"T{at}", f"List {at * 7}") for at in range(3)], ("title", "list"))
    lists = {"column": "list", "lookup": "task_lists", "by": "name"}
    fields = {"title": "title", "project_id": {"value": 501}, "task_list_id": lists}
    spec = spec_of({"resource": "tasks", "source": str(tmp_path / "tasks.csv"), "fields": fields})
    odd = replace(
        PRODUCTIVE,
        resources=tuple(
            replace(one, askable=frozenset({"name"})) if one.name == "task_lists" else one
            for one in PRODUCTIVE.resources
        ),
    )

    async def main() -> tuple[Any, Any]:
        world.wait()
        async with simulated_client(world.sandbox, provider=odd) as client:
            planned = await client.plan(spec, checkpoint=world.checkpoint)
            return planned, await client.run(spec, checkpoint=world.checkpoint, results=world.results)

    planned, report = virtual_time.run(main)
    assert (report.summary.done, report.summary.requests) == (3, planned.requests)
    assert [(table.pages, table.asked) for table in planned.tables] == [(1 + 1 + 4, 0)]


def test_what_was_written_to_is_read_anew_and_whole(tmp_path: Path) -> None:
    """Loads before a lookup change what it finds: then all is read, so that the plan can count it."""
    world = World(tmp_path)
    mails = crowd(world, 900)
    write_csv(tmp_path / "people.csv", [("New", "One", "new.one@crowd.example")], ("first_name", "last_name", "email"))
    fields = {"company_id": {"value": 101}, "role_id": {"value": 2}}
    people = {"resource": "people", "source": str(tmp_path / "people.csv"), "fields": fields}
    later = {**entries(tmp_path, [mails[3], "new.one@crowd.example"], "later.csv"), "name": "later"}
    told = plan_and_run(world, spec=spec_of(entries(tmp_path, [mails[3], mails[4]]), people, later))
    assert_true(told)
    assert told.report.summary.done == 5
    assert [(table.load, table.pages, table.asked) for table in told.plan.tables] == [
        ("time_entries", 2, 2),
        ("later", 5, 0),
    ]
