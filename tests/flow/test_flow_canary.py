"""The canary: one row goes ahead, is read back and compared; what is not as it was sent ends the run."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from flow_world import PERSON, SERVICE, World, hours, read_csv, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from test_flow_plan import assert_true, audit, plan_and_run
from test_flow_trio import World as Trio
from test_flow_trio import uuid

from headrace.errors import StoppedError
from headrace.importfile import ImportSpec
from headrace.loads import LoadSpec
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time

CANARY = Settings(canary=True, batch_size=10)


def posts(world: World) -> int:
    return int(audit(world)["methods"].get("POST", 0))


def test_one_row_goes_ahead(tmp_path: Path) -> None:
    """The first row is alone in its request and is read once; the others follow in batches."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(21))
    report = world.run(CANARY)
    assert (report.summary.done, report.exit_code, posts(world)) == (21, 0, 3)
    assert report.summary.requests == 1 + 3 + 1
    write_csv(tmp_path / "hours.csv", hours(31))
    assert world.run(CANARY).summary.done == 31
    assert posts(world) == 4, "where rows are done there is nothing to try"


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    """By default no row goes alone and nothing is read back."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(21))
    assert world.run(Settings(batch_size=10)).summary.requests == 1 + 3


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(0, 40),
    bad=st.sets(st.integers(0, 39), max_size=4),
    there=st.integers(0, 450),
    marker=st.sampled_from(["off", "note"]),
)
def test_the_plan_knows_what_it_takes(rows: int, bad: set[int], there: int, marker: str) -> None:
    """Planned and sent requests are equal, however many records the canary is looked for among."""
    with TemporaryDirectory() as name:
        world = World(Path(name))
        for at in range(there):
            values = {"date": "2026-01-01", "time": 1_000 + at, "note": f"old {at}"}
            links = {"person": PERSON, "service": SERVICE}
            world.sandbox.store.place("time_entries", values, links, virtual_time.START)
        write_csv(Path(name) / "hours.csv", hours(rows, invalid=sorted(bad)))
        load = msgspec.structs.replace(world.spec.load[0], marker=marker)
        world.spec = msgspec.structs.replace(world.spec, load=(load,))
        assert_true(plan_and_run(world, CANARY))


def test_a_refused_canary_ends_the_run(tmp_path: Path) -> None:
    """Nothing else is sent; corrected or not, the next run tries the next row."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(21, bad=[0]))
    report = world.run(CANARY)
    assert isinstance(report.reason, StoppedError)
    assert "hours.csv line 2" in str(report.reason)
    assert (report.exit_code, report.summary.rejected, world.stored) == (5, 1, [])
    assert world.run(CANARY).summary.done == 20


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT])
def test_a_canary_without_an_answer_ends_the_run(kind: FaultKind, tmp_path: Path) -> None:
    """It is in doubt, no other row is sent, and the next run settles it."""
    rule = Rule(kind=kind, path="/time_entries", method=("POST",), at=(1,))
    world = World(tmp_path, faults=(rule,))
    write_csv(tmp_path / "hours.csv", hours(21))
    report = world.run(CANARY)
    assert (report.exit_code, report.summary.in_doubt, len(world.stored)) == (
        5,
        1,
        int(kind is FaultKind.DROP_AFTER_COMMIT),
    )
    report = world.run(CANARY)
    assert (report.summary.done, report.exit_code) == (21, 0)
    assert sorted(world.stored) == sorted(f"row {at}" for at in range(21))


def test_what_the_provider_dropped_unsaid_is_named(tmp_path: Path) -> None:
    """Time Magic drops an unknown resource_id without a word: every row would be done, and about nothing."""
    world = Trio("timemagic", settings=Settings(canary=True), window="off")
    rows: list[dict[str, Any]] = [
        {
            "begin_time": f"2026-03-{day:02}T09:00:00+01:00",
            "end_time": f"2026-03-{day:02}T10:00:00+01:00",
            "resource_type": "task",
            "resource_id": uuid(world, "tasks", 999_999),
        }
        for day in range(1, 11)
    ]
    with pytest.raises(StoppedError, match="resource_id was sent as"):
        world.load("time_entries", rows, tmp_path / "x.headrace")
    assert world.audit["created"] == {"time_entries": 1}


def test_a_lag_makes_looking_up_more_patient(tmp_path: Path) -> None:
    """The canary waits until it is seen; a row that is lost later waits five times as long to be seen."""
    post = {"path": "/time_entries", "method": ("POST",)}
    rules = (
        Rule(kind=FaultKind.SEARCH_LAG, seconds=40.0, at=(1,), **post),
        Rule(kind=FaultKind.DROP_AFTER_COMMIT, at=(3,), **post),
    )
    world = World(tmp_path, faults=rules)
    write_csv(tmp_path / "hours.csv", hours(21))
    report = world.run(CANARY)
    assert (report.summary.done, report.exit_code, len(world.stored)) == (21, 0, 21)
    assert report.summary.seconds >= 40 + 120 + 5 * 40


def test_a_canary_that_is_not_seen_ends_the_run(tmp_path: Path) -> None:
    """A record that does not show within D + L would not show for a lost row either."""
    rule = Rule(kind=FaultKind.SEARCH_LAG, seconds=900.0, path="/time_entries", method=("POST",), at=(1,))
    world = World(tmp_path, faults=(rule,))
    write_csv(tmp_path / "hours.csv", hours(21))
    report = world.run(CANARY)
    assert "is not found after" in str(report.reason)
    assert (report.exit_code, report.summary.done, posts(world)) == (5, 1, 1)
    assert len(read_csv(world.results / "time_entries.success.csv")) == 1


def test_resources_without_a_search_are_read_by_id(tmp_path: Path) -> None:
    """Where a lost row would be repeated under its key, the canary is read by its id."""
    world = Trio("agiled", settings=Settings(canary=True), window="off")
    rows = [{"name": f"project {at}"} for at in range(5)]
    assert len(world.load("projects", rows, tmp_path / "x.headrace")) == 5
    assert world.audit["created"] == {"projects": 5}


def test_other_operations_have_none(tmp_path: Path) -> None:
    """An update says what it changes; there is no record to try it on."""
    world = World(tmp_path)
    write_csv(tmp_path / "u.csv", [(PERSON, "Ada")], ("id", "first_name"))
    load = LoadSpec(resource="people", source=str(tmp_path / "u.csv"), operation="update")
    world.spec = ImportSpec(provider="productive", name="u", load=(load,))
    assert_true(plan_and_run(world, CANARY))
