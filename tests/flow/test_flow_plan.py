"""The plan: what it says is what the run then does, to the request and within 2 % or 2 seconds; it writes nothing."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from flow_world import World, hours, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.halt import Halt
from headrace.errors import (
    AddressError,
    ChangedError,
    CredentialsError,
    InterruptionError,
    UnreachableError,
    UsageError,
)
from headrace.importfile import ImportSpec, read_import
from headrace.intake import Rule
from headrace.loads import LoadSpec
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.planning import Plan
from headrace.sandbox import faults
from headrace.sandbox.faults import FaultKind
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

SAMPLES = Path(__file__).parents[2] / "samples"
SINGLY = Settings(bulk=False)


class Told(NamedTuple):
    """A plan, and the run that came right after it: its report, its requests, and its seconds from begin to end."""

    plan: Plan
    report: Report
    requests: int
    seconds: float


def audit(world: World) -> Any:
    return world.sandbox.audit.report(world.sandbox.store, world.sandbox.api.identify)


def plan(world: World, how: Settings | None = None, spec: ImportSpec | None = None) -> Plan:
    """Plan an import, an hour after whatever was before; make sure that nothing was written."""

    async def main() -> Plan:
        world.wait()
        async with simulated_client(world.sandbox, how) as client:
            return await client.plan(spec or world.spec, checkpoint=world.checkpoint)

    before = audit(world)
    found = virtual_time.run(main)
    assert_only_read(before, audit(world))
    return found


def assert_only_read(before: Any, after: Any) -> None:
    assert after["methods"].keys() <= before["methods"].keys() | {"GET"}
    assert all(after["methods"][name] == count for name, count in before["methods"].items() if name != "GET")
    assert (after["records"], after["created"], after["deleted"]) == (
        before["records"],
        before["created"],
        before["deleted"],
    )


def plan_and_run(
    world: World, how: Settings | None = None, spec: ImportSpec | None = None, *, spent: int = 0, pause: float = 0.0
) -> Told:
    """Spend a part of the budget, let some time pass, plan the import and run it, all with one client."""

    async def main() -> Told:
        world.wait()
        async with simulated_client(world.sandbox, how) as client:
            await asyncio.gather(*(client.request("GET", "/people") for _ in range(spent)))
            await asyncio.sleep(pause)
            before = audit(world)
            planned = await client.plan(spec or world.spec, checkpoint=world.checkpoint)
            halfway, began = audit(world), virtual_time.clock()
            assert_only_read(before, halfway)
            report = await client.run(spec or world.spec, checkpoint=world.checkpoint, results=world.results)
            requests = audit(world)["requests"] - halfway["requests"]
            return Told(planned, report, requests, virtual_time.clock() - began)

    return virtual_time.run(main)


def assert_true(told: Told) -> None:
    """Assert that the run did what the plan said."""
    planned, summary = told.plan, told.report.summary
    assert planned.requests == told.requests == summary.requests
    assert summary.throttled == 0
    assert planned.valid == summary.done + summary.skipped - planned.settled
    assert planned.invalid == summary.invalid
    assert abs(planned.seconds - told.seconds) <= max(2.0, 0.02 * told.seconds), (planned.seconds, told.seconds)
    assert sum(load.requests + load.lookups for load in planned.loads) + 1 == planned.requests


@pytest.mark.parametrize(
    ("rows", "how", "requests", "spent"),
    [
        (1, None, 2, 0),
        (100, None, 2, 0),
        (101, None, 3, 0),
        (101, SINGLY, 102, 0),
        (20_000, None, 201, 0),
        (300, Settings(bulk=False, share=0.5), 301, 0),
        (350, Settings(batch_size=1), 351, 95),
        (40, SINGLY, 41, 300),
        (90, Settings(batch_size=30, limit=70), 4, 0),
        (200, Settings(bulk=False, limits=False), 201, 0),
    ],
)
def test_the_run_takes_what_the_plan_said(
    rows: int, how: Settings | None, requests: int, spent: int, tmp_path: Path
) -> None:
    """One row or many, in bulk or singly, with the budget whole, shared or partly spent: the requests, the time."""
    world = World(tmp_path, latency=(50, 400), window="off" if how and not how.limits else "sliding")
    write_csv(tmp_path / "hours.csv", hours(rows))
    told = plan_and_run(world, how, spent=spent)
    assert_true(told)
    assert told.plan.requests == requests


@pytest.mark.parametrize(
    "how", [Settings(bulk=False, concurrency=1), Settings(bulk=False, concurrency=2, limits=False)]
)
def test_the_round_trip_is_measured(how: Settings, tmp_path: Path) -> None:
    """Where answers are what is waited for, the plan takes them to come as fast as those to its own questions."""
    world = World(tmp_path, latency=(225, 225), window="off")
    write_csv(tmp_path / "hours.csv", hours(300))
    assert_true(plan_and_run(world, how))


def test_a_plan_knows_the_long_window(tmp_path: Path) -> None:
    """4,100 single rows wait for the window of half an hour, which is said to bind; bulk would save it."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(4_100))
    told = plan_and_run(world, SINGLY)
    assert_true(told)
    assert told.seconds > 1_800
    assert told.plan.binding_limit == "4000/1800s"
    (bulk,) = told.plan.alternatives
    assert (bulk.bulk, bulk.batch_size, bulk.requests) == (True, 100, 42)
    assert bulk.seconds < 10


@pytest.mark.parametrize(
    ("rows", "how", "binding"),
    [
        (1, None, None),
        (1_000, SINGLY, "100/10s"),
        (60, Settings(bulk=False, concurrency=1), "concurrency"),
        (100, Settings(bulk=False, limits=False), "concurrency"),
    ],
)
def test_what_binds_is_named(rows: int, how: Settings | None, binding: str | None, tmp_path: Path) -> None:
    """The limit without which it would be quicker, or that too few requests are under way; nothing for one row."""
    world = World(tmp_path, latency=(200, 300), window="off")
    write_csv(tmp_path / "hours.csv", hours(rows))
    assert plan(world, how).binding_limit == binding


def test_the_sample_import_takes_what_its_plan_said(tmp_path: Path) -> None:
    """Nine loads that refer to each other, by keys of rows not yet made and by names: requests and time as planned."""
    world = World(tmp_path, latency=(20, 200), window="sliding")
    told = plan_and_run(world, spec=read_import(SAMPLES / "productive" / "import.toml"))
    assert_true(told)
    assert told.plan.lookups > 0
    assert all(load.promise for load in told.plan.loads)


def companies_then_projects(folder: Path, clients: int, projects: Sequence[str]) -> ImportSpec:
    """Return an import of companies and of projects that look them up by name."""
    write_csv(folder / "companies.csv", [(f"Client {at}",) for at in range(clients)], ("name",))
    write_csv(folder / "projects.csv", [(f"P {at}", name) for at, name in enumerate(projects)], ("name", "client"))
    fields: dict[str, Any] = {
        "project_type_id": Rule(value=2),
        "company_id": Rule(column="client", lookup="companies", by="name"),
        "project_manager_id": Rule(value="ada.lovelace@northwind.example", lookup="people", by="email"),
        "workflow_id": Rule(value="Default", lookup="workflows", by="name"),
    }
    return ImportSpec(
        provider="productive",
        name="names",
        load=(
            LoadSpec(resource="companies", source=str(folder / "companies.csv")),
            LoadSpec(resource="projects", source=str(folder / "projects.csv"), fields=fields),
        ),
    )


@given(clients=st.integers(1, 420), spent=st.integers(0, 120), latency=st.sampled_from([0, 100, 400]))
@settings(max_examples=8, deadline=None)
def test_names_that_an_earlier_load_makes_are_found(clients: int, spent: int, latency: int) -> None:
    """A lookup finds records that the import itself will have made; the pages that they fill are counted."""
    with TemporaryDirectory() as name:
        world = World(Path(name), latency=(latency / 2, latency), window="sliding")
        spec = companies_then_projects(world.folder, clients, ["Client 0", f"client {clients - 1} ", "Client 0"])
        told = plan_and_run(world, spec=spec, spent=spent)
        assert_true(told)
        assert told.plan.invalid == 0
        table = next(table for table in told.plan.tables if table.resource == "companies")
        assert table.records == len(world.sandbox.store.table("companies"))
        assert table.pages == -(-table.records // 200)


def test_a_name_that_there_will_not_be_is_invalid(tmp_path: Path) -> None:
    """What makes a plan more than a check: names and keys that will not be found are faults, with suggestions."""
    world = World(tmp_path)
    write_csv(tmp_path / "companies.csv", [("Client 1",), ("Client 1",)], ("name",))
    spec = companies_then_projects(tmp_path, 3, ["Client 1", "Cleint 2", "Client 2"])
    found = plan(world, spec=spec)
    assert (found.rows, found.valid, found.invalid, found.exit_code) == (6, 5, 1, 3)
    (one,) = found.faults
    assert (one.file.rpartition("/")[2], one.line, one.fault.code) == ("projects.csv", 3, "unknown_reference")
    assert "Client 2" in (one.fault.hint or "")


def folders_of(folder: Path, codes: Sequence[str], wanted: Sequence[str]) -> ImportSpec:
    """Return an import of projects with keys, and of folders that refer to them."""
    write_csv(folder / "projects.csv", [(code, f"P {code}") for code in codes], ("code", "name"))
    write_csv(folder / "folders.csv", [(f"F {at}", code) for at, code in enumerate(wanted)], ("name", "project"))
    fixed: dict[str, Any] = {
        "project_type_id": Rule(value=2),
        "company_id": Rule(value="Acme Corporation", lookup="companies", by="name"),
        "project_manager_id": Rule(value="ada.lovelace@northwind.example", lookup="people", by="email"),
        "workflow_id": Rule(value="Default", lookup="workflows", by="name"),
    }
    to_projects: dict[str, Any] = {"project_id": Rule(column="project", from_="projects")}
    return ImportSpec(
        provider="productive",
        name="keys",
        load=(
            LoadSpec(resource="projects", source=str(folder / "projects.csv"), key=("code",), fields=fixed),
            LoadSpec(resource="folders", source=str(folder / "folders.csv"), fields=to_projects),
        ),
    )


@given(
    codes=st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=9),
    wanted=st.lists(st.sampled_from("ABCDEFGH"), max_size=9),
)
@settings(max_examples=10, deadline=None)
def test_keys_of_rows_that_are_yet_to_be_sent_are_found(codes: list[str], wanted: list[str]) -> None:
    """A `from` cell is valid where the earlier load has one valid row of that key, sent before or still to be."""
    with TemporaryDirectory() as name:
        world = World(Path(name), window="sliding")
        spec = folders_of(world.folder, codes, wanted)
        told = plan_and_run(world, spec=spec)
        assert_true(told)
        assert told.plan.invalid == sum(codes.count(code) != 1 for code in wanted)
        found = Counter(fault.fault.code for fault in told.plan.faults)
        assert found["unknown_reference"] == sum(code not in codes for code in wanted)
        assert found["ambiguous_reference"] == sum(codes.count(code) > 1 for code in wanted)


@pytest.mark.parametrize("stop", [0, 130, 640])
def test_a_plan_counts_what_is_still_to_be_sent(stop: int, tmp_path: Path) -> None:
    """After an interruption the plan is that of the rest, and the run that goes on does exactly it."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(900, invalid=[5]))
    how = Settings(batch_size=10)

    async def begin() -> Report:
        halt = Halt()
        world.wait()
        async with simulated_client(world.sandbox, how) as client:
            run = client.run(world.spec, checkpoint=world.checkpoint, results=world.results, halt=halt)
            running = asyncio.create_task(run)
            while len(world.stored) < stop:  # noqa: ASYNC110  # virtual time: a poll costs nothing
                await asyncio.sleep(0.01)
            halt.stop(InterruptionError("interrupted"))
            return await running

    done = virtual_time.run(begin).summary.done
    told = plan_and_run(world, how)
    assert_true(told)
    assert (told.plan.settled, told.plan.rows, told.plan.valid) == (done, 900 - done, 899 - done)
    assert plan(world, how).valid == 0
    assert len(set(world.stored)) == len(world.stored) == 899


def test_a_plan_leaves_no_trace(tmp_path: Path) -> None:
    """Neither a checkpoint nor a results folder is made, and those there are stay as they were, byte for byte."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(250))
    plan(world)
    assert {path.name for path in tmp_path.iterdir()} == {"hours.csv"}
    world.run(Settings(limit=100))
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    assert plan(world).settled == 100
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before


def test_a_plan_fails_where_the_run_would(tmp_path: Path) -> None:
    """A wrong address, a token that is not valid, a provider that is down, another mapping: as the run says it."""
    write_csv(tmp_path / "hours.csv", hours(3))
    for kind, error in (
        ({"kind": FaultKind.REDIRECT}, AddressError),
        ({"kind": FaultKind.REVOKE_TOKEN}, CredentialsError),
        ({"kind": FaultKind.ERROR_BEFORE_COMMIT, "status": 503}, UnreachableError),
    ):
        with pytest.raises(error):
            plan_alone(World(tmp_path, faults=(faults.Rule(**kind),)))
    world = World(tmp_path)
    world.run()
    other = ImportSpec(
        provider="productive",
        name="hours",
        load=(LoadSpec(resource="time_entries", source=world.spec.load[0].source, fields={"note": "service_id"}),),
    )
    with pytest.raises(ChangedError):
        plan_alone(world, spec=other)
    assert plan(world, Settings(accept_mapping_change=True), spec=other).settled == 3


def plan_alone(world: World, spec: ImportSpec | None = None) -> Plan:
    async def main() -> Plan:
        world.wait()
        async with simulated_client(world.sandbox) as client:
            return await client.plan(spec or world.spec, checkpoint=world.checkpoint)

    return virtual_time.run(main)


def test_a_load_may_ask_for_its_own_batches(tmp_path: Path) -> None:
    """`batch_size` of the import file holds for its load, and the command line's for all; the plan counts both."""
    world = World(tmp_path, window="sliding")
    write_csv(tmp_path / "hours.csv", hours(60))
    load = LoadSpec(resource="time_entries", source=world.spec.load[0].source, batch_size=20)
    spec = ImportSpec(provider="productive", name="hours", load=(load,))
    assert plan(world, Settings(batch_size=30), spec=spec).requests == 3
    assert [(way.bulk, way.requests) for way in plan(world, spec=spec).alternatives] == [(True, 2), (False, 61)]
    assert_true(plan_and_run(world, spec=spec))
    assert audit(world)["methods"]["POST"] == 3


@given(
    rows=st.integers(1, 160),
    batch_size=st.sampled_from([None, 1, 7, 30, 100]),
    bulk=st.booleans(),
    share=st.sampled_from([1.0, 0.3]),
    spent=st.integers(0, 130),
    pause=st.sampled_from([0.0, 4.0, 11.0]),
    limit=st.sampled_from([None, 20]),
    latency=st.sampled_from([(0, 0), (20, 120), (50, 400)]),
)
@settings(max_examples=25, deadline=None)
def test_whatever_was_spent_the_run_takes_what_the_plan_said(
    rows: int,
    batch_size: int | None,
    *,
    bulk: bool,
    share: float,
    spent: int,
    pause: float,
    limit: int | None,
    latency: tuple[float, float],
) -> None:
    """For any size, way of sending, share and past: as many requests as planned, in the time that was planned."""
    with TemporaryDirectory() as name:
        world = World(Path(name), latency=latency, window="sliding")
        write_csv(world.folder / "hours.csv", hours(rows, invalid=range(3, rows, 11)))
        how = Settings(batch_size=batch_size, bulk=bulk, share=share, limit=limit)
        assert_true(plan_and_run(world, how, spent=spent, pause=pause))


def test_a_plan_beside_a_run(tmp_path: Path) -> None:
    """While the import runs, holding its checkpoint, a plan of it counts what is left; neither disturbs the other."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(600))
    how = Settings(batch_size=10)

    async def main() -> tuple[Plan, Report]:
        world.wait()
        async with simulated_client(world.sandbox, how) as client:
            run = client.run(world.spec, checkpoint=world.checkpoint, results=world.results)
            running = asyncio.create_task(run)
            while len(world.stored) < 200:  # noqa: ASYNC110  # virtual time: a poll costs nothing
                await asyncio.sleep(0.01)
            return await client.plan(world.spec, checkpoint=world.checkpoint), await running

    planned, report = virtual_time.run(main)
    assert (planned.rows + planned.settled, report.summary.done) == (600, 600)
    assert 180 <= planned.settled - planned.unknown <= 250
    assert len(set(world.stored)) == len(world.stored) == 600


def test_rows_without_an_answer_are_not_planned_anew(tmp_path: Path) -> None:
    """What an earlier run sent and nobody answered will be looked up: it is told, and not counted as to be sent."""
    lost = faults.Rule(kind=FaultKind.DROP_AFTER_COMMIT, path="/time_entries", method=("POST",), at=(2,))
    world = World(tmp_path, window="sliding", faults=(lost,))
    write_csv(tmp_path / "hours.csv", hours(300))
    assert world.run(Settings(deadline=20.0)).summary.in_doubt == 100
    found = plan(world)
    assert (found.settled, found.unknown, found.rows, found.requests) == (300, 100, 0, 1)
    assert world.run().summary.done == 300
    assert plan(world).unknown == 0


@pytest.mark.parametrize(
    ("marker", "create", "guarantee", "before"),
    [
        ("off", False, "NaturalKey", 0),
        ("note", False, "NoteMarker", 1),
        ("Import key", False, "Marker", 2),
        ("Another key", True, "Marker", 5),
    ],
)
def test_markers_are_planned(marker: str, create: bool, guarantee: str, before: int, tmp_path: Path) -> None:
    """The promise is the one with the load's marker; a field for it is looked for, and only created by the run.

    Before the first marked row of a load comes the question whether it is there already.
    """
    world = World(tmp_path, window="sliding")
    write_csv(
        tmp_path / "tasks.csv", [(f"Task {at}", 501, 701) for at in range(5)], ("title", "project_id", "task_list_id")
    )
    loads = tuple(
        LoadSpec(resource="tasks", source=str(tmp_path / "tasks.csv"), name=name, marker=marker, create_marker=create)
        for name in ("first", "second")[: 2 if create else 1]
    )
    told = plan_and_run(world, spec=ImportSpec(provider="productive", name="marked", load=loads))
    assert_true(told)
    assert {load.guarantee for load in told.plan.loads} == {guarantee}
    assert told.plan.lookups == before


def test_a_marker_that_there_is_not_ends_the_plan(tmp_path: Path) -> None:
    """Where the run would end for want of a field, so does the plan."""
    world = World(tmp_path)
    write_csv(tmp_path / "tasks.csv", [("Task", 501, 701)], ("title", "project_id", "task_list_id"))
    load = LoadSpec(resource="tasks", source=str(tmp_path / "tasks.csv"), marker="No such field")
    with pytest.raises(UsageError, match="No such field"):
        plan_alone(world, spec=ImportSpec(provider="productive", name="marked", load=(load,)))
