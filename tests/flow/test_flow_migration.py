"""A whole migration, killed and resumed: nine loads that refer to each other, every resource by its own natural key."""

import asyncio
from pathlib import Path
from random import Random

import pytest
from flow_simulation import killed_when
from flow_world import World, hours, read_csv, write_csv

from headrace.importfile import read_import
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

SAMPLES = Path(__file__).parents[2] / "samples"
DROPS = (
    Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), probability=0.05),
    Rule(kind=FaultKind.DROP_BEFORE_COMMIT, method=("POST",), probability=0.05),
)


def killed_after(world: World, seconds: float, verb: str = "run") -> None:
    """Run or retry, and leave the files as SIGKILL does after so many seconds."""
    killed_when(lambda running: asyncio.wait([running], timeout=seconds), world, verb, Settings(batch_size=5))


def retried(world: World) -> Report:
    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox, Settings(batch_size=5)) as client:
            return await client.retry(checkpoint=world.checkpoint, results=world.results)

    return virtual_time.run(main)


@pytest.mark.parametrize("seed", range(12))
def test_a_killed_migration_arrives_whole(seed: int, tmp_path: Path) -> None:
    """Killed three times while answers are lost: every record is there once, with the right references; exit 0."""
    chance = Random(seed)
    world = World(tmp_path, latency=(20, 200), faults=DROPS, seed=seed)
    world.spec = read_import(SAMPLES / "productive" / "import.toml")
    before = sum(world.sandbox.store.counts.values())
    for _ in range(3):
        killed_after(world, chance.uniform(0.5, 250))
    report = world.run(Settings(batch_size=5))
    for _ in range(6):
        if report.exit_code == 0:
            break
        assert report.exit_code == 7
        report = world.run(Settings(batch_size=5))
    assert (report.exit_code, report.summary.done) == (0, report.summary.rows)
    assert sum(world.sandbox.store.counts.values()) - before == report.summary.rows
    entries = world.sandbox.store.table("time_entries").values()
    tasks = world.sandbox.store.table("tasks")
    assert all(entry.links["task"] in tasks for entry in entries if entry.links.get("task"))


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_retry_settles_what_it_had_sent(seed: int, tmp_path: Path) -> None:
    """Repaired rows that were in flight are looked up as they were repaired, by the next retry; none is there twice."""
    chance = Random(seed)
    world = World(tmp_path, latency=(200, 900), seed=seed)
    write_csv(tmp_path / "hours.csv", hours(200, bad=range(0, 200, 3)))
    world.run(Settings(batch_size=5, max_errors=1_000))
    rejects = world.results / "time_entries.rejects.csv"
    assert world.run().exit_code == 3
    rejects.write_text(rejects.read_text().replace("999999,901", "201,901"))
    killed_after(world, chance.uniform(1.2, 4), "retry")
    report = retried(world)
    assert (report.summary.done, report.summary.rejected, report.exit_code) == (200, 0, 0)
    assert sorted(world.stored) == sorted(f"row {at}" for at in range(200))
    assert len(read_csv(world.results / "time_entries.success.csv")) == 200
    assert world.run().summary.done == 200
