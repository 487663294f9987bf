"""Rows that refer to other rows: of other loads in whatever order, of the same source, and of earlier imports."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from flow_world import World, read_csv, write_csv
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from test_flow_migration import killed_after, retried
from test_flow_plan import assert_true, plan_and_run

from headrace.errors import ChangedError, SourceError, UsageError
from headrace.importfile import ImportSpec, read_import
from headrace.ordering import cycle, ordered
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

PROJECT = {
    "project_type_id": {"value": 2},
    "project_manager_id": {"value": 201},
    "company_id": {"value": 102},
    "workflow_id": {"value": 728},
}


def spec_of(*loads: dict[str, Any], **more: Any) -> ImportSpec:
    return msgspec.convert({"provider": "productive", "name": "family", "load": loads, **more}, ImportSpec)


def projects(folder: Path, codes: list[str], name: str = "projects.csv", **fields: Any) -> dict[str, Any]:
    write_csv(folder / name, [(code, f"Project {code}") for code in codes], ("code", "name"))
    fields = {"name": "name", **PROJECT, **fields}
    return {"resource": "projects", "source": str(folder / name), "key": ["code"], "fields": fields}


def tasks(folder: Path, rows: list[tuple[Any, ...]], name: str = "tasks.csv", **more: Any) -> dict[str, Any]:
    """Return a load of tasks: number, parent's number, project's code."""
    write_csv(folder / name, rows, ("no", "parent", "project"))
    fields = {
        "title": "no",
        "parent_task_id": {"column": "parent", "from": "tasks"},
        "project_id": {"value": 501},
        "task_list_id": {"value": 701},
    }
    return {"resource": "tasks", "source": str(folder / name), "key": ["no"], "fields": fields, **more}


def tree(world: World) -> dict[str, str | None]:
    """Return the numbers of all tasks that were made, each with its parent's."""
    table = {one.id: one for one in world.sandbox.store.table("tasks").values() if one.id > 1003}
    parents = {one.attributes["title"]: one.links.get("parent_task") for one in table.values()}
    return {
        title: table[int(link)].attributes["title"] if isinstance(link, int) else None
        for title, link in parents.items()
    }


# --- the order of loads -----------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.data())
def test_every_load_comes_after_those_it_refers_to(data: st.DataObject) -> None:
    """Whatever refers to what without a circle; loads that do not wait stay in the order of the file."""
    count = data.draw(st.integers(1, 8))
    names = data.draw(st.permutations([f"load {at}" for at in range(count)]))
    order = sorted(names)
    parents = {
        name: frozenset(data.draw(st.sets(st.sampled_from(order[: at + 1]), max_size=3)))
        for at, name in enumerate(order)
    }
    found = list(ordered({name: name for name in names}, {name: parents[name] for name in names}))
    assert sorted(found) == order
    assert all(found.index(parent) <= found.index(name) for name in names for parent in parents[name])
    assert not cycle(parents)
    if not any(parents[name] - {name} for name in names):
        assert found == list(names)


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from("abcde"), st.frozensets(st.sampled_from("abcde"), max_size=3), max_size=5))
def test_a_circle_is_one(parents: dict[str, frozenset[str]]) -> None:
    """What is named leads back to its beginning, over other loads; without one the order is whole."""
    known = {name: its & parents.keys() for name, its in parents.items()}
    found = cycle(known)
    if found:
        assert found[0] == found[-1]
        assert len(found) > 2
        assert all(after in known[name] for name, after in pairwise(found))
    else:
        order = list(ordered({name: name for name in known}, known))
        assert all(order.index(parent) <= order.index(name) for name in known for parent in known[name])


def test_loads_may_stand_in_any_order(tmp_path: Path) -> None:
    """A load that stands before the one that it refers to is run after it, in the plan as in the run."""
    world = World(tmp_path)
    load = tasks(tmp_path, [(f"T{at}", "", f"P{at % 3}") for at in range(9)])
    load["fields"]["project_id"] = {"column": "project", "from": "projects"}
    load["fields"]["task_list_id"] = {"column": "project", "from": "lists"}
    lists = {
        "resource": "task_lists",
        "name": "lists",
        "source": str(tmp_path / "projects.csv"),
        "key": ["code"],
        "fields": {
            "name": {"value": "All"},
            "project_id": {"column": "code", "from": "projects"},
            "folder_id": {"column": "code", "from": "folders"},
        },
    }
    folders = {**lists, "resource": "folders", "name": "folders"}
    folders["fields"] = {name: rule for name, rule in lists["fields"].items() if name != "folder_id"}
    told = plan_and_run(
        world, spec=spec_of(load, lists, folders, projects(tmp_path, ["P0", "P1", "P2"])), how=Settings(batch_size=4)
    )
    assert_true(told)
    assert told.report.summary.done == 18
    assert [one.name for one in told.plan.loads] == ["projects", "folders", "lists", "tasks"]


def test_loads_that_wait_for_each_other_are_named(tmp_path: Path) -> None:
    """The circle, its line and the remedy, before anything is read."""
    (tmp_path / "a.toml").write_text(
        'provider = "productive"\nname = "x"\n'
        '[[load]]\nresource = "projects"\nsource = "p.csv"\n[load.fields]\ncompany_id = { from = "companies" }\n'
        '[[load]]\nresource = "companies"\nsource = "c.csv"\n[load.fields]\nparent_company_id = { from = "projects" }\n'
    )
    world = World(tmp_path)
    world.spec = read_import(tmp_path / "a.toml")
    with pytest.raises(SourceError, match="projects → companies → projects") as error:
        world.run()
    assert "a load that updates" in (error.value.hint or "")


# --- what became of a parent ------------------------------------------------------------------------------------------


def test_a_row_says_what_became_of_its_parent(tmp_path: Path) -> None:
    """Refused, invalid or in no row at all: the fault has a code of its own, and the parent's line; nothing is sent."""
    world = World(tmp_path)
    parents = projects(tmp_path, ["good", "bad", "short"], project_manager_id={"column": "who"})
    write_csv(
        tmp_path / "projects.csv",
        [("good", "Project good", 201), ("bad", "Project bad", 999_999), ("short", "", 201)],
        ("code", "name", "who"),
    )
    load = tasks(tmp_path, [("T1", "", "good"), ("T2", "", "bad"), ("T3", "", "short"), ("T4", "", "none")])
    load["fields"]["project_id"] = {"column": "project", "from": "projects"}
    load["fields"]["task_list_id"] = {"value": 701}
    world.spec = spec_of(parents, load)
    report = world.run()
    assert (report.summary.rejected, report.summary.invalid) == (1, 4)
    rejects = {row["no"]: row for row in read_csv(world.results / "tasks.rejects.csv")}
    assert {no: row["code"] for no, row in rejects.items()} == {
        "T2": "parent_rejected",
        "T3": "parent_invalid",
        "T4": "unknown_reference",
    }
    assert "line 3" in rejects["T2"]["error"]
    assert "line 4" in rejects["T3"]["error"]
    assert "retry" in rejects["T2"]["hint"]


def test_children_go_after_a_repaired_parent(tmp_path: Path) -> None:
    """One retry sends the repaired parent and then the rows that were refused for its sake."""
    world = World(tmp_path)
    write_csv(tmp_path / "companies.csv", [("C1", ""), ("C2", "Two")], ("code", "name"))
    companies = {"resource": "companies", "source": str(tmp_path / "companies.csv"), "key": ["code"]}
    load = projects(
        tmp_path, ["P1", "P2"], company_id={"column": "code", "from": "companies", "map": {"P1": "C1", "P2": "C2"}}
    )
    world.spec = spec_of(companies, load)
    report = world.run()
    assert (report.summary.done, report.summary.invalid) == (2, 2)
    rejects = world.results / "companies.rejects.csv"
    rejects.write_text(rejects.read_text().replace("C1,,", "C1,One,"))
    assert retried(world).summary.counts.done == 4


# --- rows of the same source ------------------------------------------------------------------------------------------


def forest(chance: Random, count: int) -> list[tuple[str, str, str]]:
    """Return tasks, some below others, in any order."""
    rows = [(f"T{at}", f"T{chance.randrange(at)}" if at and chance.random() < 0.7 else "", "") for at in range(count)]
    chance.shuffle(rows)
    return rows


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), size=st.sampled_from([1, 4, 100]))
@example(seed=0, count=30, size=1)
def test_rows_follow_their_parents(seed: int, count: int, size: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any forest in any order: each row is there once below the right one, in exactly the requests of the plan."""
    folder = tmp_path_factory.mktemp("forest")
    world, rows = World(folder, window="off"), forest(Random(seed), count)
    told = plan_and_run(
        world, spec=spec_of(tasks(folder, rows)), how=Settings(batch_size=size, bulk=size > 1, concurrency=3)
    )
    assert_true(told)
    assert tree(world) == {no: parent or None for no, parent, _ in rows}


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_forest_grows_on(seed: int, tmp_path: Path) -> None:
    """Killed in some wave, with answers lost: the next run goes on, and nothing is twice or below the wrong row."""
    chance = Random(seed)
    drops = (
        Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), probability=0.1),
        Rule(kind=FaultKind.DROP_BEFORE_COMMIT, method=("POST",), probability=0.1),
    )
    world = World(tmp_path, window="off", faults=drops, seed=seed, latency=(100, 300))
    rows = forest(chance, 60)
    world.spec = spec_of(tasks(tmp_path, rows))
    for _ in range(2):
        killed_after(world, chance.uniform(0.3, 200.0))
    report = world.run(Settings(batch_size=5))
    assert (report.summary.done, report.exit_code) == (60, 0)
    assert tree(world) == {no: parent or None for no, parent, _ in rows}
    assert len(world.sandbox.store.table("tasks")) == 63


def test_rows_that_wait_for_each_other_are_named(tmp_path: Path) -> None:
    """A circle is named on each of its rows, what hangs below it says so, and everything else is sent."""
    world = World(tmp_path)
    rows = [("A", "B", ""), ("B", "C", ""), ("C", "A", ""), ("below", "A", ""), ("self", "self", ""), ("free", "", "")]
    rows += [("lost", "nobody", ""), ("under", "lost", "")]
    world.spec = spec_of(tasks(tmp_path, rows))
    told = plan_and_run(world)
    assert_true(told)
    assert tree(world) == {"free": None}
    rejects = {row["no"]: row for row in read_csv(world.results / "tasks.rejects.csv")}
    assert {no: row["code"] for no, row in rejects.items()} == {
        **dict.fromkeys(("A", "B", "C", "below", "self"), "circular_reference"),
        "lost": "unknown_reference",
        "under": "parent_invalid",
    }
    assert "B → C → A → B" in rejects["A"]["error"]
    assert world.run().summary.counts == told.report.summary.counts
    again = {row["no"]: row["code"] for row in read_csv(world.results / "tasks.rejects.csv")}
    assert again == {no: row["code"] for no, row in rejects.items()}  # also when it is known of each that it is invalid


def test_a_refused_row_takes_those_below_it_along(tmp_path: Path) -> None:
    """They are named with its line; repaired, one retry sends them all, wave after wave."""
    world = World(tmp_path)
    rows = [("low", "mid", 501), ("mid", "top", 501), ("top", "", 999_999)]
    load = tasks(tmp_path, rows)
    load["fields"]["project_id"] = "project"
    world.spec = spec_of(load)
    report = world.run()
    assert (report.summary.rejected, report.summary.invalid, report.exit_code) == (1, 2, 3)
    rejects = world.results / "tasks.rejects.csv"
    codes = {row["no"]: row["code"] for row in read_csv(rejects)}
    assert (codes["mid"], codes["low"]) == ("parent_rejected", "parent_invalid")
    rejects.write_text(rejects.read_text().replace("999999", "501"))
    assert retried(world).summary.done == 3
    assert tree(world) == {"low": "mid", "mid": "top", "top": None}


def test_rows_of_one_source_need_one_that_can_be_read_again(tmp_path: Path) -> None:
    """Only a source that is read wave after wave can hold rows that wait."""
    world = World(tmp_path)
    world.spec = spec_of(tasks(tmp_path, [("A", "", "")], operation="update"))
    with pytest.raises(SourceError, match="makes no records"):
        world.run()

    async def rows() -> AsyncIterator[dict[str, str]]:
        yield {"no": "A", "parent": ""}

    async def main() -> None:
        fields = tasks(tmp_path, [])["fields"]
        async with simulated_client(world.sandbox) as client:
            async for _ in client.load("tasks", rows(), fields=fields, key=["no"]):
                pass

    with pytest.raises(UsageError, match="only once"):
        virtual_time.run(main)


# --- earlier imports --------------------------------------------------------------------------------------------------


def test_keys_of_an_earlier_import_are_found(tmp_path: Path) -> None:
    """A later import refers to rows of an earlier one, beside its own of the same name, and names what it lacks."""
    world = World(tmp_path)
    world.spec = spec_of(projects(tmp_path, ["P1", "P2"]))
    world.run()
    ids = {row["code"]: row["remote_id"] for row in read_csv(world.results / "projects.success.csv")}
    folders = {
        "resource": "folders",
        "source": str(tmp_path / "folders.csv"),
        "fields": {"name": "name", "project_id": {"column": "code", "from": "projects"}},
    }
    write_csv(tmp_path / "folders.csv", [("F1", "P1"), ("F2", "P2"), ("F3", "P3"), ("F4", "P4")], ("name", "code"))
    later = spec_of(folders, projects(tmp_path, ["P3"], "more.csv"), ids=[str(world.checkpoint)])
    world.spec = replace(later, name="later")
    world.checkpoint, world.results = tmp_path / "later.headrace", tmp_path / "later.results"
    told = plan_and_run(world)
    assert_true(told)
    assert (told.report.summary.done, told.report.summary.invalid) == (4, 1)
    stored = {
        one.attributes["name"]: str(one.links["project"])
        for one in world.sandbox.store.table("folders").values()
        if one.attributes["name"].startswith("F") and one.attributes["name"][1:].isdigit()
    }
    assert (stored["F1"], stored["F2"]) == (ids["P1"], ids["P2"])
    assert stored["F3"] not in ids.values()


def test_earlier_imports_must_fit(tmp_path: Path) -> None:
    """One of another account, one that is not there, a load that none has, and ids that contradict each other."""
    world = World(tmp_path)
    world.spec = spec_of(projects(tmp_path, ["P1"]))
    world.run()
    first = str(world.checkpoint)
    folders = {
        "resource": "folders",
        "source": str(tmp_path / "folders.csv"),
        "fields": {"name": "name", "project_id": {"column": "code", "from": "projects"}},
    }
    write_csv(tmp_path / "folders.csv", [("F1", "P1")], ("name", "code"))
    world.checkpoint = tmp_path / "later.headrace"
    for ids, said in (
        ([str(tmp_path / "none.headrace")], "no checkpoint"),
        ([str(world.folder / "x")], "no checkpoint"),
    ):
        world.spec = replace(spec_of(folders, ids=ids), name="later")
        with pytest.raises(UsageError, match=said):
            world.run()
    other = replace(
        spec_of(
            {**folders, "fields": {"name": "name", "project_id": {"column": "code", "from": "deals"}}}, ids=[first]
        ),
        name="later",
    )
    world.spec = other
    with pytest.raises(UsageError, match="takes ids from 'deals', which neither"):
        world.run()
    world.checkpoint, world.results = tmp_path / "second.headrace", tmp_path / "second.results"
    world.spec = replace(spec_of(projects(tmp_path, ["P1"])), name="second")
    world.run()
    world.checkpoint, world.results = tmp_path / "third.headrace", tmp_path / "third.results"
    world.spec = replace(spec_of(folders, ids=[first, str(tmp_path / "second.headrace")]), name="third")
    report = world.run()
    assert report.summary.invalid == 1
    (row,) = read_csv(world.results / "folders.rejects.csv")
    assert "ambiguous_reference" in row.values()
    strange = World(tmp_path / "x" if (tmp_path / "x").mkdir() is None else tmp_path, organization="7")
    strange.spec = world.spec
    with pytest.raises((UsageError, ChangedError), match="another organization"):
        strange.run()
