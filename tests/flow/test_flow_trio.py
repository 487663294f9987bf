"""Imports into the APIs of plain JSON, from end to end in virtual time: the sandbox's audit is the judge."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.client import Client
from headrace.errors import CredentialsError, HeadraceError, SourceError, UsageError
from headrace.importfile import ImportSpec, check_import, read_import
from headrace.loads import LoadSpec
from headrace.model import Secret
from headrace.outside import Outside
from headrace.pipeline import Settings
from headrace.provider import Login
from headrace.providers import PROVIDERS
from headrace.sandbox.core import Sandbox
from headrace.sandbox.faults import FaultKind, Rule
from headrace.sandbox.options import Options
from headrace.testing import virtual_time
from headrace.testing.wire import SandboxSender, simulated_client


class World:
    """One sandbox and a client for it."""

    def __init__(self, provider: str, *faults: Rule, settings: Settings | None = None, **options: Any) -> None:
        chosen: dict[str, Any] = {"latency": (20, 300)} | options
        self.sandbox = Sandbox(Options(provider=provider, faults=faults, **chosen), virtual_time.START)
        self.settings = settings
        self.seconds = 0.0

    def load(self, resource: str, rows: list[dict[str, Any]], checkpoint: Path, **how: Any) -> list[Any]:
        async def main() -> list[Any]:
            async with simulated_client(self.sandbox, self.settings) as client:
                found = [one async for one in client.load(resource, rows, checkpoint=checkpoint, **how)]
            self.seconds = virtual_time.clock() - virtual_time.START
            return found

        return virtual_time.run(main)

    @property
    def audit(self) -> dict[str, Any]:
        return self.sandbox.audit.report(self.sandbox.store, self.sandbox.api.identify)


def kinds(outcomes: list[Any]) -> dict[str, int]:
    names = [type(one).__name__ for one in outcomes]
    return {name: names.count(name) for name in sorted(set(names))}


def entries(count: int) -> list[dict[str, Any]]:
    return [
        {"date": "2026-03-02", "duration_minutes": 1 + at, "project_id": 501, "notes": f"row {at}"}
        for at in range(count)
    ]


# --- Agiled -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", ["sliding", "fixed"])
def test_reads_and_writes_are_counted_apart(tmp_path: Path, window: str) -> None:
    """Agiled's writes keep 30 a minute while reads have their own 60: no 429, and no time is given away."""
    world = World("agiled", window=window)
    assert kinds(world.load("time_entries", entries(100), tmp_path / "x.headrace")) == {"Done": 100}
    assert world.audit["throttled"] == 0
    assert world.audit["worst"]["writes 30/60s"] == 30
    assert 180 <= world.seconds < 185  # 30 at once, then 30 a minute: the last ten in the fourth minute


LOSSES = (
    FaultKind.DROP_AFTER_COMMIT,
    FaultKind.ERROR_AFTER_COMMIT,
    FaultKind.TRUNCATED_JSON,
    FaultKind.DROP_BEFORE_COMMIT,
)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_lost_answer_is_asked_for_again_under_its_key(tmp_path: Path, kind: FaultKind) -> None:
    """Whatever became of the request, its repetition under the same key settles the row, once."""
    world = World("agiled", Rule(kind=kind, method=("POST",), every=4))
    assert kinds(world.load("time_entries", entries(20), tmp_path / "x.headrace")) == {"Done": 20}
    assert (world.audit["duplicates"], world.audit["created"]) == (0, {"time-entries": 20})


def test_identical_rows_have_keys_of_their_own(tmp_path: Path) -> None:
    """Two equal rows are two records: their keys differ, so that the second is not taken for a repetition."""
    world = World("agiled")
    assert kinds(world.load("time_entries", entries(1) * 3, tmp_path / "x.headrace")) == {"Done": 3}
    assert world.audit["created"] == {"time-entries": 3}


@pytest.mark.parametrize("shape", ["wrapped", "bare"])
def test_refused_rows_say_why(tmp_path: Path, shape: str) -> None:
    """An unknown project is refused; the field is named where the answer names it."""
    rows = [row | {"project_id": 999 if at % 2 else 501} for at, row in enumerate(entries(6))]
    outcomes = World("agiled", shape=shape).load("time_entries", rows, tmp_path / "x.headrace")
    assert kinds(outcomes) == {"Done": 3, "Rejected": 3}
    fields = {fault.field for one in outcomes for fault in getattr(one, "errors", ())}
    assert fields == ({"project_id"} if shape == "wrapped" else {None})


# --- Time Magic -------------------------------------------------------------------------------------------------

SHAPES = pytest.mark.parametrize("shape", ["wrapped", "bare"])


def uuid(world: World, kind: str, number: int) -> str:
    return world.sandbox.api.identify(kind, number)


def tasks(world: World, count: int, project: int = 1) -> list[dict[str, Any]]:
    return [{"project_id": uuid(world, "projects", project), "name": f"task {at}"} for at in range(count)]


@SHAPES
@pytest.mark.parametrize("window", ["sliding", "fixed", "counter"])
def test_five_requests_a_minute_are_kept(tmp_path: Path, shape: str, window: str) -> None:
    """All methods together keep the limit of a user, whichever shape answers have and however they are counted."""
    world = World("timemagic", shape=shape, window=window)
    assert kinds(world.load("tasks", tasks(world, 12), tmp_path / "x.headrace")) == {"Done": 12}
    assert (world.audit["throttled"], world.audit["worst"]["5/60s"]) == (0, 5)


@SHAPES
def test_an_unknown_project_is_named(tmp_path: Path, shape: str) -> None:
    """A task is created below its project: a 404 there is about the project."""
    world = World("timemagic", shape=shape)
    rows = [*tasks(world, 2), {"project_id": uuid(world, "projects", 77), "name": "lost"}]
    outcomes = world.load("tasks", rows, tmp_path / "x.headrace")
    assert kinds(outcomes) == {"Done": 2, "Rejected": 1}
    assert [fault.field for one in outcomes for fault in getattr(one, "errors", ())] == ["project_id"]


def test_ids_that_are_no_uuids_are_refused_here(tmp_path: Path) -> None:
    """An id of another form costs no request."""
    world = World("timemagic")
    outcomes = world.load("tasks", [{"project_id": "17", "name": "x"}], tmp_path / "x.headrace")
    assert kinds(outcomes) == {"Invalid": 1}
    assert world.audit["methods"] == {"GET": 1}


@SHAPES
def test_a_lost_answer_is_looked_up_under_its_project(tmp_path: Path, shape: str) -> None:
    """Where answers tell when a record was made, what was lost is settled by reading; else it is in doubt, not sent."""
    lost = Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), at=(2,))
    world = World("timemagic", lost, shape=shape)
    found = kinds(world.load("tasks", tasks(world, 3), tmp_path / "x.headrace"))
    assert found == ({"Done": 3} if shape == "bare" else {"Done": 2, "InDoubt": 1})
    assert (world.audit["duplicates"], world.audit["created"]) == (0, {"tasks": 3})


def test_a_lost_entry_is_found_by_its_times(tmp_path: Path) -> None:
    """Times are compared as instants, however each side spells them."""
    lost = Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), at=(1,))
    world = World("timemagic", lost, shape="bare")
    rows = [{"begin_time": "2026-03-02T09:00:00+02:00", "end_time": "2026-03-02T10:00:00+02:00", "comment": "c"}]
    assert kinds(world.load("time_entries", rows, tmp_path / "x.headrace")) == {"Done": 1}
    assert world.audit["duplicates"] == 0


def test_without_a_subscription_writes_go_on_and_names_are_not_looked_up(tmp_path: Path) -> None:
    """402 on reads: rows with ids are written, a lookup by name ends with the provider's own reason."""
    world = World("timemagic", plan="free", shape="bare")
    assert kinds(world.load("tasks", tasks(world, 3), tmp_path / "x.headrace")) == {"Done": 3}
    by_name = {"project_id": {"column": "project", "lookup": "projects", "by": "name"}}
    with pytest.raises(CredentialsError, match="Subscription required") as caught:
        world.load("tasks", [{"project": "Globex app", "name": "x"}], tmp_path / "y.headrace", fields=by_name)
    assert caught.value.hint is not None
    assert "ids" in caught.value.hint


def test_without_a_subscription_what_was_lost_is_in_doubt(tmp_path: Path) -> None:
    """What cannot be looked up is never sent again blindly."""
    lost = Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), at=(1,))
    world = World("timemagic", lost, plan="free", shape="bare")
    assert kinds(world.load("tasks", tasks(world, 3), tmp_path / "x.headrace")) == {"Done": 2, "InDoubt": 1}
    assert world.audit["created"] == {"tasks": 3}


# --- Bezala -----------------------------------------------------------------------------------------------------


def bookings(count: int) -> list[dict[str, Any]]:
    return [
        {"task_id": 1001, "date": f"2026-03-{1 + at % 9:02}", "description": f"row {at}", "minutes": 1 + at}
        for at in range(count)
    ]


def run(world: World, tmp_path: Path, resource: str, rows: list[dict[str, Any]], **more: Any) -> Any:
    """Run an import of one load in its own world, and return its counts."""
    (tmp_path / "rows.json").write_bytes(msgspec.json.encode(rows))
    load = LoadSpec(resource=resource, source=str(tmp_path / "rows.json"), marker=more.pop("marker", "off"))
    spec = ImportSpec(provider=world.sandbox.options.provider, name="x", load=(load,), **more)
    provider = spec.fitted(PROVIDERS[spec.provider])

    async def main() -> Any:
        async with simulated_client(world.sandbox, world.settings, provider=provider) as client:
            report = await client.run(spec, checkpoint=tmp_path / "x.headrace", results=None)
        world.seconds = virtual_time.clock() - virtual_time.START
        assert report.reason is None
        return report.summary.counts

    return virtual_time.run(main)


@pytest.mark.parametrize("marker", ["off", "external_id"])
@pytest.mark.parametrize("kind", LOSSES)
def test_a_stored_marker_settles_what_was_lost(tmp_path: Path, marker: str, kind: FaultKind) -> None:
    """With our marker in external_id every lost row settles, once; without, what cannot be told apart is in doubt."""
    world = World("bezala", Rule(kind=kind, method=("POST",), every=5))
    counts = run(world, tmp_path, "time_entries", bookings(20), marker=marker)
    assert world.audit["duplicates"] == 0
    assert counts.done + counts.in_doubt == 20
    if marker == "external_id":
        assert counts.done == 20
        assert world.audit["created"] == {"time_entries": 20}


@pytest.mark.parametrize(("calls", "seconds"), [(60, 60), (120, 0)])
def test_the_limit_that_the_vendor_does_not_name_is_a_setting(tmp_path: Path, calls: int, seconds: int) -> None:
    """60 a minute unless the import file says otherwise."""
    world = World("bezala", window="off")
    run(world, tmp_path, "time_entries", bookings(100), provider_settings={"requests_per_minute": calls})
    assert min(calls, 101) * 0.9 <= world.audit["worst"]["60/60s"] <= calls
    assert world.seconds > seconds


def test_an_import_with_another_limit_is_not_run_on_this_client(tmp_path: Path) -> None:
    """The budget is the client's: a setting that comes too late is an error, not ignored."""
    load = LoadSpec(resource="tasks", source=str(tmp_path / "x.json"))
    spec = ImportSpec(provider="bezala", name="x", load=(load,), provider_settings={"requests_per_minute": 7})

    async def main() -> None:
        async with simulated_client(World("bezala").sandbox) as client:
            with pytest.raises(UsageError, match="other limits"):
                await client.run(spec, checkpoint=None, results=None)

    virtual_time.run(main)


@pytest.mark.parametrize("password", ["rehearsal", "wrong"])
def test_who_has_no_token_signs_in_for_one(tmp_path: Path, password: str) -> None:
    """The e-mail and its password get a token, in one request that is paid for; a wrong one ends with credentials."""
    world = World("bezala")
    outside = Outside(
        clock=virtual_time.clock, sender=lambda headers: SandboxSender(world.sandbox, headers), is_threaded=False
    )
    login = Login("ada.lovelace@northwind.example", Secret(password))

    async def main() -> list[Any]:
        async with Client("bezala", token=login, base_url="http://127.0.0.1:1/api", outside=outside) as client:
            assert client.connection.budget.statistics().granted == 1
            return [one async for one in client.load("time_entries", bookings(3), checkpoint=tmp_path / "x.headrace")]

    if password == "wrong":
        with pytest.raises(CredentialsError, match="does not accept e-mail and password") as caught:
            virtual_time.run(main)
        assert password not in f"{caught.value.message} {caught.value.hint}"
    else:
        assert kinds(virtual_time.run(main)) == {"Done": 3}


def test_only_providers_that_give_tokens_take_a_password() -> None:
    """Elsewhere a login is an error before anything is sent, and never shows its password."""
    with pytest.raises(CredentialsError, match="takes a token") as caught:
        Client("timemagic", token=Login("a@b.example", Secret("canary")))
    assert "canary" not in str(caught.value) + repr(Login("a@b.example", Secret("canary")))
    with pytest.raises(CredentialsError, match="no token"):
        Client("bezala", token=Login("a@b.example", Secret("")))


def test_every_cost_center_is_read_though_nothing_counts_them() -> None:
    """A bare list is walked page by page until one is not full."""
    world = World("bezala")
    world.sandbox.api.sow(world.sandbox.store, "cost_centers", 2_500, 0.0)

    async def main() -> list[str]:
        async with simulated_client(world.sandbox) as client:
            return [one["id"] async for one in client.read("cost_centers")]

    assert len(set(virtual_time.run(main))) == 2_502
    assert world.audit["methods"] == {"GET": 3}


# --- operations -------------------------------------------------------------------------------------------------

TRACKED = """
provider = "timemagic"
name = "tracked"

[[load]]
resource = "tasks"
source = "tasks.csv"
key = ["No"]
[load.fields]
name = "Task"
project_id = "Project"

[[load]]
name = "done"
resource = "tasks"
operation = "finish"
source = "done.csv"
[load.fields]
id = { column = "No", from = "tasks" }
"""


def read(tmp_path: Path, world: World, done: str) -> ImportSpec:
    project = uuid(world, "projects", 1)
    (tmp_path / "tasks.csv").write_text("No,Task,Project\n" + "".join(f"{no},task {no},{project}\n" for no in "123"))
    (tmp_path / "done.csv").write_text(f"No\n{done}")
    (tmp_path / "import.toml").write_text(TRACKED)
    return read_import(tmp_path / "import.toml")


def test_an_action_follows_a_create_in_one_import(tmp_path: Path) -> None:
    """Tasks are created, and those in a second file finished: by the keys of the first; run again, nothing is sent."""
    world = World("timemagic", shape="bare")
    spec = read(tmp_path, world, "3\n1\n")

    async def main() -> Any:
        async with simulated_client(world.sandbox) as client:
            planned = await client.plan(spec)
            for _ in range(2):
                report = await client.run(spec, checkpoint=tmp_path / "x.headrace", results=None)
            return planned, report

    planned, report = virtual_time.run(main)
    assert (planned.rows, planned.invalid) == (5, 0)
    assert planned.loads[1].promise.startswith("at most once")
    assert (report.exit_code, report.summary.counts.done) == (0, 5)
    statuses = [task.attributes.get("status") for task in world.sandbox.store.table("tasks").values()][2:]
    assert statuses == ["completed", None, "completed"]
    assert world.audit["methods"]["PUT"] == 2


def test_an_action_whose_answer_is_lost_is_in_doubt(tmp_path: Path) -> None:
    """What leaves nothing to be found again, and must not happen twice, is never sent again blindly."""
    world = World("timemagic", Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("PUT",), at=(1,)), shape="bare")
    rows = [{"id": uuid(world, "tasks", number)} for number in (1, 2)]
    assert kinds(world.load("tasks", rows, tmp_path / "x.headrace", operation="finish")) == {"Done": 1, "InDoubt": 1}
    assert world.audit["methods"]["PUT"] == 2


def test_a_transition_that_makes_no_sense_is_rejected_with_its_reason(tmp_path: Path) -> None:
    """The API's 422 is the row's fault, and the others go on."""
    world = World("timemagic", shape="bare")
    rows = [{"id": uuid(world, "tasks", number)} for number in (1, 1, 2)]
    outcomes = world.load("tasks", rows, tmp_path / "x.headrace", operation="start_tracking", key=())
    assert kinds(outcomes) == {"Done": 2, "Rejected": 1}
    assert [fault.field for one in outcomes for fault in getattr(one, "errors", ())] == ["status"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"finish"', '"finsh"', "did you mean 'finish'"),
        ("id = {", 'nmae = "No"\nid = {', "no field 'nmae'"),
        ('operation = "finish"', 'operation = "finish"\nmarker = "note"', "adds nothing"),
    ],
)
def test_operations_and_their_fields_are_checked(tmp_path: Path, old: str, new: str, says: str) -> None:
    """An operation that there is not, a field that it does not take, a marker on what is not created: with a hint."""
    (tmp_path / "import.toml").write_text(TRACKED.replace(old, new))
    spec = read_import(tmp_path / "import.toml")
    with pytest.raises(SourceError) as caught:
        check_import(spec, PROVIDERS["timemagic"], tmp_path / "import.toml")
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.line is not None


def test_a_field_that_an_update_cannot_change_is_no_field_of_it(tmp_path: Path) -> None:
    """The project of a task is set when it is created; naming it in an update is an error before anything is sent."""
    world = World("timemagic")
    with pytest.raises(HeadraceError, match="no field 'project_id'"):
        world.load(
            "tasks",
            [{"id": uuid(world, "tasks", 1)}],
            tmp_path / "x.headrace",
            operation="update",
            fields={"project_id": "id"},
        )
    assert world.audit["methods"] == {}


# --- forecasts --------------------------------------------------------------------------------------------------

TWO_LOADS = """
provider = "agiled"
name = "two"

[[load]]
resource = "tasks"
source = "tasks.csv"
key = ["No"]
[load.fields]
title = "Task"
project_id = { column = "Project", lookup = "projects", by = "name" }

[[load]]
resource = "time_entries"
source = "hours.csv"
[load.fields]
date = { value = "2026-03-02" }
duration_minutes = "Minutes"
task_id = { column = "No", from = "tasks" }
"""


@pytest.mark.parametrize(("tasks_", "entries_", "projects"), [(20, 5, 0), (40, 75, 150), (5, 100, 7_000)])
def test_a_plan_heeds_that_reads_and_writes_are_counted_apart(
    tmp_path: Path, tasks_: int, entries_: int, projects: int
) -> None:
    """Requests exactly, seconds within 2 % or 2 s, and the limit that binds, with lookups in the windows of reads."""
    world = World("agiled", latency=(100, 100))
    world.sandbox.api.sow(world.sandbox.store, "projects", projects, 0.0)
    (tmp_path / "tasks.csv").write_text("No,Task,Project\n" + "".join(f"{n},t{n},Globex app\n" for n in range(tasks_)))
    (tmp_path / "hours.csv").write_text("No,Minutes\n" + "".join(f"{n % tasks_},{1 + n}\n" for n in range(entries_)))
    (tmp_path / "import.toml").write_text(TWO_LOADS)
    spec = read_import(tmp_path / "import.toml")

    async def planned() -> Any:
        async with simulated_client(world.sandbox) as client:
            return await client.plan(spec)

    async def ran() -> tuple[Any, float]:
        virtual_time.advance(7_200)
        async with simulated_client(world.sandbox) as client:
            began = virtual_time.clock()
            report = await client.run(spec, checkpoint=tmp_path / "x.headrace", results=None)
            return report, virtual_time.clock() - began

    plan = virtual_time.run(planned)
    report, seconds = virtual_time.run(ran)
    assert report.exit_code == 0
    assert plan.requests == report.summary.requests
    assert plan.seconds == pytest.approx(seconds, rel=0.02, abs=2)
    assert plan.binding_limit == {0: "concurrency", 150: "writes 30/60s", 7_000: "writes 30/60s"}[projects]
    assert world.audit["throttled"] == 0
