"""What is ahead of a run: the progress bar's forecast is the plan's, and a deadline or a halt cuts every wait short."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from flow_world import World, hours, write_csv

from headrace.dispatch.halt import Halt
from headrace.errors import InterruptionError
from headrace.importfile import ImportSpec, read_import
from headrace.intake import Rule
from headrace.loads import LoadSpec
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.progress import Progress, Snapshot
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

SAMPLES = Path(__file__).parents[2] / "samples"


def watched(world: World, how: Settings, spec: ImportSpec | None = None) -> tuple[list[Snapshot], Report]:
    """Run an import and look at it twice a second."""
    moments: list[Snapshot] = []
    progress = Progress()

    async def look() -> None:
        while True:
            await asyncio.sleep(0.5)
            snapshot = progress.snapshot()
            if snapshot is not None:
                moments.append(snapshot)

    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox, how) as client:
            looking = asyncio.create_task(look())
            report = await client.run(
                spec or world.spec, checkpoint=world.checkpoint, results=world.results, progress=progress
            )
            looking.cancel()
            return report

    report = virtual_time.run(main)
    return moments, report


def assert_foreseen(moments: Sequence[Snapshot], report: Report) -> None:
    """Assert that every moment said when the end would be."""
    end, requests = report.summary.seconds, report.summary.requests
    assert len(moments) > 3
    for moment in moments:
        assert moment.eta is not None
        assert moment.requests_left is not None
        assert abs(moment.seconds + moment.eta - end) <= max(2.0, 0.02 * end), (moment, end)
        assert abs(moment.requests + moment.requests_left - requests) <= 1, (moment, requests)


@pytest.mark.parametrize(
    ("rows", "how"),
    [
        (6_050, Settings()),
        (150, Settings(bulk=False)),
        (400, Settings(bulk=False, share=0.5)),
        (90, Settings(limit=60)),
    ],
)
def test_the_progress_bar_knows_the_end(rows: int, how: Settings, tmp_path: Path) -> None:
    """From the first look on: the requests that are left, to the request, and the end within 2 % or 2 seconds."""
    world = World(tmp_path, latency=(50, 400) if rows != 90 else (3_000, 3_000), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(rows))
    assert_foreseen(*watched(world, how))


def test_the_progress_bar_knows_the_long_window(tmp_path: Path) -> None:
    """Half an hour before the last row can be sent, it is said."""
    world = World(tmp_path, latency=(225, 225), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(1_100))
    moments, report = watched(world, Settings(bulk=False, share=0.25))
    assert report.summary.seconds > 1_800
    assert_foreseen(moments, report)


def test_the_loads_to_come_are_ahead_too(tmp_path: Path) -> None:
    """The forecast is that of the whole import: of names to be read and of loads that have not begun."""
    world = World(tmp_path, latency=(20, 200), window="sliding")
    assert_foreseen(*watched(world, Settings(), read_import(SAMPLES / "productive" / "import.toml")))


def test_rows_of_earlier_runs_are_not_ahead(tmp_path: Path) -> None:
    """After an interruption the progress bar counts what is left, not what the file holds."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(900))
    world.run(Settings(batch_size=5, limit=500))
    assert_foreseen(*watched(world, Settings(batch_size=5)))


def test_invalid_rows_are_foreseen_by_those_before(tmp_path: Path) -> None:
    """Where one row in ten is invalid, the rows to come are taken to be like those that came."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(600, invalid=range(0, 600, 10)))
    moments, report = watched(world, Settings(bulk=False))
    assert all(abs(one.seconds + (one.eta or 0) - report.summary.seconds) < 2.0 for one in moments[2:])


# --- deadlines --------------------------------------------------------------------------------------------------


def spent_then(world: World, how: Settings, spec: ImportSpec | None = None, *, spend: int) -> tuple[Report, float]:
    """Spend so much of the budget, then run; return the report, and how long it took."""

    async def main() -> tuple[Report, float]:
        world.wait()
        async with simulated_client(world.sandbox, how) as client:
            await asyncio.gather(*(client.request("GET", "/people") for _ in range(spend)))
            began = virtual_time.clock()
            report = await client.run(spec or world.spec, checkpoint=world.checkpoint, results=world.results)
            return report, virtual_time.clock() - began

    return virtual_time.run(main)


def test_a_deadline_at_a_long_gate(tmp_path: Path) -> None:
    """A run that waits for the half-hour window ends at its deadline, not when the gate opens; the rest comes later."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(450))
    how = Settings(bulk=False, share=0.1, deadline=900.0)
    report, seconds = spent_then(world, how, spend=0)
    assert (report.exit_code, report.summary.in_doubt) == (5, 0)
    assert 390 <= report.summary.done < 400
    assert 900 <= seconds < 901
    assert world.run(Settings(bulk=False, share=0.1)).summary.done == len(set(world.stored)) == 450


def test_a_deadline_before_the_first_question(tmp_path: Path) -> None:
    """The deadline counts from the start of the run: with the budget spent it ends there, and nothing was begun."""
    world = World(tmp_path, window="sliding")
    write_csv(tmp_path / "hours.csv", hours(5))
    report, seconds = spent_then(world, Settings(share=0.01, deadline=30.0), spend=40)
    assert (report.exit_code, report.summary.rows, report.summary.not_attempted) == (5, 5, 5)
    assert 30 <= seconds < 31
    assert not world.checkpoint.exists()
    assert world.run().summary.done == 5
    report, seconds = spent_then(world, Settings(share=0.01, deadline=30.0), spend=40)
    assert (report.exit_code, report.summary.done, report.summary.requests) == (5, 5, 0)
    assert 30 <= seconds < 31


def with_names(folder: Path) -> ImportSpec:
    write_csv(
        folder / "hours.csv", [(f"2026-03-{1 + at:02}", 5, "Ada Lovelace") for at in range(9)], ("date", "time", "who")
    )
    fields: dict[str, Any] = {
        "person_id": Rule(column="who", lookup="people", by="name"),
        "service_id": Rule(value=901),
    }
    load = LoadSpec(resource="time_entries", source=str(folder / "hours.csv"), fields=fields)
    return ImportSpec(provider="productive", name="names", load=(load, LoadSpec(**{**asdict(load), "name": "again"})))


def asdict(load: LoadSpec) -> dict[str, Any]:
    return {name: getattr(load, name) for name in load.__struct_fields__}


def test_a_deadline_while_names_are_read(tmp_path: Path) -> None:
    """Names that wait for the budget are given up at the deadline; all rows are counted and none is judged."""
    world = World(tmp_path, window="sliding")
    report, seconds = spent_then(world, Settings(share=0.01, deadline=60.0), with_names(tmp_path), spend=39)
    assert (report.exit_code, report.summary.requests) == (5, 1)
    assert (report.summary.rows, report.summary.not_attempted) == (18, 18)
    assert 60 <= seconds < 61


def test_after_a_halt_no_names_are_read(tmp_path: Path) -> None:
    """An interruption ends the run at once, also for the loads to come: they are counted, and ask nothing."""
    world = World(tmp_path, window="sliding", latency=(100, 100))
    spec = with_names(tmp_path)

    async def main() -> Report:
        halt = Halt()
        world.wait()
        async with simulated_client(world.sandbox) as client:
            running = asyncio.create_task(client.run(spec, checkpoint=world.checkpoint, results=None, halt=halt))
            await asyncio.sleep(0.15)  # the first question is answered, the names are under way
            halt.stop(InterruptionError("interrupted"))
            return await running

    report = virtual_time.run(main)
    assert (report.exit_code, report.summary.requests, report.summary.rows) == (130, 2, 18)
    assert report.summary.not_attempted == 18


# --- lanes and courtesy -----------------------------------------------------------------------------------------


def test_the_application_goes_first(tmp_path: Path) -> None:
    """While an import keeps every writer waiting at the gate, a request of the application's own waits for no row."""
    world = World(tmp_path, latency=(100, 100), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(300))
    waits: list[float] = []

    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox, Settings(bulk=False)) as client:
            running = asyncio.create_task(client.run(world.spec, checkpoint=world.checkpoint, results=world.results))
            for _ in range(20):
                await asyncio.sleep(1.03)
                began = virtual_time.clock()
                assert (await client.request("GET", "/people")).status == 200
                waits.append(virtual_time.clock() - began)
            return await running

    report = virtual_time.run(main)
    assert (report.summary.done, report.summary.throttled) == (300, 0)
    assert max(waits) < 0.1 + 1.1 / 9.5


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_a_share_leaves_the_rest(share: float, tmp_path: Path) -> None:
    """No window of the server ever sees more than the share of its limit."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(200))
    report = world.run(Settings(bulk=False, share=share))
    assert (report.summary.done, report.summary.throttled) == (200, 0)
    assert (
        world.sandbox.audit.report(world.sandbox.store, world.sandbox.api.identify)["worst"]["100/10s"] <= 100 * share
    )


def test_a_retry_keeps_its_deadline(tmp_path: Path) -> None:
    """Rejects that wait for the budget are left for the next time when the deadline comes."""
    world = World(tmp_path, window="sliding")
    write_csv(tmp_path / "hours.csv", hours(30, bad=[3]))
    world.run()

    async def main(how: Settings, spend: int) -> tuple[Report, float]:
        world.wait()
        async with simulated_client(world.sandbox, how) as client:
            await asyncio.gather(*(client.request("GET", "/people") for _ in range(spend)))
            began = virtual_time.clock()
            report = await client.retry(checkpoint=world.checkpoint, results=world.results)
            return report, virtual_time.clock() - began

    report, seconds = virtual_time.run(main, Settings(share=0.01, deadline=40.0), 40)
    assert (report.exit_code, 40 <= seconds < 41) == (5, True)
    assert virtual_time.run(main, Settings(), 0)[0].summary.rejected == 1
