"""What was sent without an answer settles itself: after its quiet period it is read back, and done or sent again."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path

import pytest
from flow_simulation import restore
from flow_world import World, hours, read_csv, write_csv

from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client


def killed(world: World, after: int, settings: Settings | None = None) -> None:
    """Run until the sandbox has stored so many more records, and leave things as SIGKILL at that moment would."""

    async def main() -> None:
        world.wait()
        dead: list[bool] = []
        async with simulated_client(world.sandbox, settings, is_dead=lambda: bool(dead)) as client:
            running = asyncio.create_task(client.run(world.spec, checkpoint=world.checkpoint, results=world.results))
            before = len(world.stored)
            while len(world.stored) < before + after and not running.done():  # noqa: ASYNC110  # virtual time
                await asyncio.sleep(0.003)
            snapshot = world.folder / "snapshot"
            shutil.copytree(world.folder, snapshot, ignore=shutil.ignore_patterns("snapshot"))
            dead.append(True)
            running.cancel()
            await asyncio.wait([running])
        restore(world, snapshot)

    virtual_time.run(main)


def settles(world: World, report: Report, rows: int) -> None:
    assert Counter(world.stored) == Counter(f"row {at}" for at in range(rows))
    assert (report.summary.done, report.summary.in_doubt, report.exit_code) == (rows, 0, 0)
    success = read_csv(world.results / "time_entries.success.csv")
    assert sorted(row["note"] for row in success) == sorted(world.stored)
    assert len({row["remote_id"] for row in success}) == rows
    assert not (world.results / "time_entries.in-doubt.csv").exists()


@pytest.mark.parametrize("size", [1, 10])
@pytest.mark.parametrize("after", [5, 40, 90])
def test_a_killed_run_settles_everything(size: int, after: int, tmp_path: Path) -> None:
    """Resumed after SIGKILL, what was in flight is read back and is done or sent again; nothing is left in doubt."""
    world = World(tmp_path, latency=(50, 400))
    write_csv(tmp_path / "hours.csv", hours(120))
    killed(world, after, Settings(batch_size=size, bulk=size > 1))
    settles(world, world.run(Settings(batch_size=size, bulk=size > 1)), 120)


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE_COMMIT, FaultKind.DROP_AFTER_COMMIT, FaultKind.TRUNCATED_JSON])
@pytest.mark.parametrize("size", [1, 10])
def test_a_lost_answer_settles_in_the_same_run(kind: FaultKind, size: int, tmp_path: Path) -> None:
    """An answer that does not come costs its quiet period and a read-back, not a row and not a second run."""
    rules = (Rule(kind=kind, path="/time_entries", method=("POST",), at=(2, 5)),)
    world = World(tmp_path, latency=(50, 400), faults=rules)
    write_csv(tmp_path / "hours.csv", hours(100))
    report = world.run(Settings(batch_size=size, bulk=size > 1))
    settles(world, report, 100)
    audit = 180 if kind is FaultKind.DROP_BEFORE_COMMIT else 0  # what was absent is looked up once more at the end
    assert 180 + audit <= report.summary.seconds < 220 + audit


@pytest.mark.parametrize("kind", [FaultKind.LATE_COMMIT, FaultKind.SEARCH_LAG])
def test_what_breaks_the_timing_is_found_and_listed(kind: FaultKind, tmp_path: Path) -> None:
    """A commit later than D, or a lag longer than L, doubles rows: the audit lists each with both ids, exit 4."""
    post = {"path": "/time_entries", "method": ("POST",), "at": (2,)}
    rules = [Rule(kind=kind, seconds=300.0, **post)]
    if kind is FaultKind.SEARCH_LAG:
        rules.append(Rule(kind=FaultKind.DROP_AFTER_COMMIT, **post))
    world = World(tmp_path, latency=(50, 400), faults=tuple(rules))
    write_csv(tmp_path / "hours.csv", hours(50))
    report = world.run(Settings(batch_size=10))
    assert (report.summary.done, report.summary.duplicated, report.exit_code) == (40, 10, 4)
    by_id = {str(one.id): one.attributes["note"] for one in world.sandbox.store.table("time_entries").values()}
    assert len(by_id) == 60
    twice = read_csv(world.results / "time_entries.duplicates.csv")
    assert {row["note"]: 2 for row in twice} == {note: 2 for note, count in Counter(world.stored).items() if count == 2}
    assert all(
        {by_id[one] for one in row["remote_ids"].split("; ")} == {row["note"]}
        and len(row["remote_ids"].split("; ")) == 2
        for row in twice
    )
    success = read_csv(world.results / "time_entries.success.csv")
    assert {row["note"] for row in success} == {f"row {at}" for at in range(50)} - {row["note"] for row in twice}
    again = world.run(Settings(batch_size=10))
    assert (again.summary.counts, again.exit_code, again.summary.requests) == (report.summary.counts, 4, 1)
    assert len(read_csv(world.results / "time_entries.success.csv")) == 40


def test_the_audit_survives_a_kill(tmp_path: Path) -> None:
    """Killed between sending again and the audit, the next run makes up for it."""
    rules = (Rule(kind=FaultKind.LATE_COMMIT, seconds=300.0, path="/time_entries", method=("POST",), at=(1,)),)
    world = World(tmp_path, latency=(50, 400), faults=rules)
    write_csv(tmp_path / "hours.csv", hours(20))
    killed(world, 20, Settings(batch_size=10))
    report = world.run(Settings(batch_size=10))
    assert (report.summary.done, report.summary.duplicated, report.exit_code) == (10, 10, 4)


def test_nothing_unknown_costs_nothing(tmp_path: Path) -> None:
    """Without a fault there is neither a read-back nor an audit: the requests are those of the plan, and the probe."""
    world = World(tmp_path, latency=(50, 400))
    write_csv(tmp_path / "hours.csv", hours(500))
    assert world.run().summary.requests == 6
