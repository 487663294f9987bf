"""The flow of one load: every row in one named outcome, the outcome the truth, the budget kept, resumption exact."""

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from flow_world import World, hours, read_csv, write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.dispatch.halt import Halt
from headrace.errors import AddressError, CredentialsError, InterruptionError, StoppedError, UnreachableError
from headrace.importfile import read_import
from headrace.migration import Report
from headrace.model import COUNTED
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

SAMPLES = Path(__file__).parents[2] / "samples"


def counts(report: Report) -> dict[str, int]:
    return {name: getattr(report.summary, name) for name in ("rows", *COUNTED.values())}


def test_twenty_thousand_rows_take_two_hundred_requests(tmp_path: Path) -> None:
    """20,000 time entries in bulk are 200 requests and the probe, at full rate, without a 429."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(20_000))
    report = world.run()
    assert counts(report) == {**dict.fromkeys(COUNTED.values(), 0), "rows": 20_000, "done": 20_000}
    assert report.exit_code == 0
    assert report.summary.requests == 201
    assert report.summary.throttled == 0
    assert report.summary.seconds < 10 + 201 / 9.5 + 2
    assert Counter(world.stored).most_common(1)[0][1] == 1
    assert len(world.stored) == 20_000


def test_single_records_keep_every_window(tmp_path: Path) -> None:
    """4,100 single requests pass the 30 minute window as well, and no limit is ever exceeded."""
    world = World(tmp_path, latency=(50, 400), window="sliding")
    write_csv(tmp_path / "hours.csv", hours(4_100))
    report = world.run(Settings(bulk=False))
    assert report.summary.done == len(world.stored) == 4_100
    assert report.summary.throttled == 0
    assert 1_800 < report.summary.seconds < 1_850


@given(
    bad=st.sets(st.integers(0, 299), max_size=12),
    invalid=st.sets(st.integers(0, 299), max_size=12),
    indexed=st.booleans(),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_ends_in_the_right_file(bad: set[int], invalid: set[int], *, indexed: bool) -> None:
    """Good rows are stored once and listed with their ids, bad ones are in the rejects with line and reason."""
    bad = bad - invalid
    with TemporaryDirectory() as name:
        world = World(Path(name), pointers="indexed" if indexed else "plain")
        write_csv(world.folder / "hours.csv", hours(300, bad=sorted(bad), invalid=sorted(invalid)))
        report = world.run()
        good = {f"row {at}" for at in range(300)} - {f"row {at}" for at in bad | invalid}
        assert Counter(world.stored) == Counter(good)
        assert (report.summary.done, report.summary.rejected, report.summary.invalid) == (
            len(good),
            len(bad),
            len(invalid),
        )
        success = read_csv(world.results / "time_entries.success.csv")
        by_id = {
            str(record.id): record.attributes["note"] for record in world.sandbox.store.table("time_entries").values()
        }
        assert {row["remote_id"]: row["note"] for row in success} == by_id
        rejects = read_csv(world.results / "time_entries.rejects.csv") if bad | invalid else []
        assert {int(row["line"]) for row in rejects} == {at + 2 for at in bad | invalid}
        assert all(row["code"] and row["error"] and row["field"] for row in rejects)


FAULTS = [
    FaultKind.DROP_BEFORE_COMMIT,
    FaultKind.DROP_AFTER_COMMIT,
    FaultKind.ERROR_BEFORE_COMMIT,
    FaultKind.ERROR_AFTER_COMMIT,
    FaultKind.HTML,
    FaultKind.TRUNCATED_JSON,
    FaultKind.THROTTLE,
    FaultKind.SHUFFLED,
]


@pytest.mark.parametrize("seed", range(40))
def test_no_silent_loss_and_no_silent_duplicate(seed: int, tmp_path: Path) -> None:
    """Whatever breaks, in however many runs: done is stored once, in doubt is listed, nothing is stored otherwise."""
    kinds = [FAULTS[(seed + step) % len(FAULTS)] for step in range(3)]
    rules = tuple(Rule(kind=kind, path="/time_entries", method=("POST",), probability=0.08) for kind in kinds)
    world = World(tmp_path, seed=seed, faults=rules, latency=(10, 300))
    write_csv(tmp_path / "hours.csv", hours(2_000, bad=[seed, 700 + seed], invalid=[100 + seed]))
    first = world.run(Settings(batch_size=20))
    reports = [first, *(world.run(Settings(batch_size=20)) for _ in range(4))]
    last = reports[-1]
    assert all(report.summary.counts.is_conserved for report in reports)
    assert last.summary.rows == 2_000
    stored = Counter(world.stored)
    assert not stored or max(stored.values()) == 1
    done = {row["note"] for row in read_csv(world.results / "time_entries.success.csv")}
    doubt_file = world.results / "time_entries.in-doubt.csv"
    doubt = {row["note"] for row in read_csv(doubt_file)} if doubt_file.exists() else set()
    assert done <= set(stored) <= done | doubt
    assert (len(done), len(doubt)) == (last.summary.done, last.summary.in_doubt)
    if last.summary.not_attempted == 0:
        faulty = {f"row {seed}", f"row {700 + seed}", f"row {100 + seed}"}
        missing = {f"row {at}" for at in range(2_000)} - done - doubt
        assert missing == faulty - doubt


@pytest.mark.parametrize("stops", [[100], [500, 900], [0, 1, 1, 1]])
def test_an_interrupted_run_goes_on(stops: list[int], tmp_path: Path) -> None:
    """Halted at any point and run again: every row is sent once, and the end is that of an uninterrupted run."""
    world = World(tmp_path, latency=(50, 400))
    write_csv(tmp_path / "hours.csv", hours(1_500, bad=[7], invalid=[9]))
    for stop in stops:
        report = interrupted(world, stop)
        assert report.exit_code == 130
        assert report.summary.rows == 1_500
        assert report.summary.in_doubt == 0
        assert report.summary.counts.is_conserved
    last = world.run(Settings(batch_size=10))
    assert (last.summary.done, last.summary.rejected, last.summary.invalid) == (1_498, 1, 1)
    assert len(world.stored) == len(set(world.stored)) == 1_498
    assert len(read_csv(world.results / "time_entries.success.csv")) == 1_498
    again = world.run(Settings(batch_size=10))
    assert again.summary.requests == 1
    assert counts(again) == counts(last)


def interrupted(world: World, after: int) -> Report:
    halt = Halt()

    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox, Settings(batch_size=10)) as client:
            running = asyncio.create_task(
                client.run(world.spec, checkpoint=world.checkpoint, results=world.results, halt=halt)
            )
            before = len(world.stored)
            while len(world.stored) < before + after:  # noqa: ASYNC110  # virtual time: a poll costs nothing
                await asyncio.sleep(0.01)
            halt.stop(InterruptionError("interrupted"))
            return await running

    return virtual_time.run(main)


def test_the_deadline_stops_cleanly(tmp_path: Path) -> None:
    """At the deadline the run stops with exit 5; the same command goes on."""
    world = World(tmp_path, latency=(50, 400))
    write_csv(tmp_path / "hours.csv", hours(1_000))
    report = world.run(Settings(batch_size=5, deadline=8.0))
    assert isinstance(report.reason, StoppedError)
    assert report.exit_code == 5
    assert 0 < report.summary.done < 1_000
    assert world.run().summary.done == 1_000


def test_a_revoked_token_refuses_no_row(tmp_path: Path) -> None:
    """A 401 in the middle stops the run with exit 6; with a valid token again nothing is missing."""
    world = World(
        tmp_path, faults=(Rule(kind=FaultKind.REVOKE_TOKEN, path="/time_entries", method=("POST",), at=(4,)),)
    )
    write_csv(tmp_path / "hours.csv", hours(1_000))
    report = world.run()
    assert isinstance(report.reason, CredentialsError)
    assert report.exit_code == 6
    assert report.summary.rejected == report.summary.in_doubt == 0
    assert 0 < report.summary.done < 1_000


def test_a_dead_provider_is_noticed_before_anything_is_sent(tmp_path: Path) -> None:
    """Errors of the provider at the first question raise; the checkpoint holds no intent."""
    world = World(tmp_path, faults=(Rule(kind=FaultKind.ERROR_BEFORE_COMMIT, status=503),))
    write_csv(tmp_path / "hours.csv", hours(10))
    with pytest.raises(UnreachableError):
        world.run()
    assert not world.stored


def test_a_limit_is_not_an_error(tmp_path: Path) -> None:
    """`--limit 20` takes the first twenty rows; without it the same command takes the rest."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(150))
    report = world.run(Settings(limit=20))
    assert (report.summary.rows, report.summary.done, report.exit_code) == (20, 20, 0)
    assert world.run().summary.done == 150
    assert len(set(world.stored)) == len(world.stored) == 150


def test_what_is_behind_a_limit_is_not_gone(tmp_path: Path) -> None:
    """Rows without an answer that a trial does not come to are not said to be missing from the source."""
    lost = Rule(kind=FaultKind.DROP_AFTER_COMMIT, path="/time_entries", method=("POST",), at=(3,))
    world = World(tmp_path, window="sliding", faults=(lost,))
    write_csv(tmp_path / "hours.csv", hours(50))
    assert world.run(Settings(batch_size=10, concurrency=1, deadline=20.0)).summary.in_doubt == 10
    report = world.run(Settings(limit=10))
    assert (report.summary.in_doubt, report.notices) == (10, ())
    write_csv(tmp_path / "hours.csv", hours(20))
    assert any("10 rows that were sent without an answer" in notice for notice in world.run().notices)


def test_the_summary_is_written(tmp_path: Path) -> None:
    """`summary.json` holds what `--json` prints."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(5))
    report = world.run()
    written = orjson.loads((world.results / "summary.json").read_bytes())
    assert written["import"] == "hours"
    assert written["rows"] == written["done"] == report.summary.done == 5
    assert written["loads"][0]["resource"] == "time_entries"


def test_the_sample_import_works(tmp_path: Path) -> None:
    """Nine loads that refer to each other by key and by name arrive whole, inside the budget, without a 429."""
    world = World(tmp_path, latency=(20, 200))
    spec = read_import(SAMPLES / "productive" / "import.toml")

    async def main() -> Report:
        async with simulated_client(world.sandbox) as client:
            return await client.run(spec, checkpoint=world.checkpoint, results=world.results)

    report = virtual_time.run(main)
    assert report.exit_code == 0
    assert report.summary.done == report.summary.rows > 100
    assert report.summary.throttled == 0
    entries = world.sandbox.store.table("time_entries").values()
    assert all(
        entry.links["task"] in world.sandbox.store.table("tasks") for entry in entries if entry.links.get("task")
    )


def test_rejects_are_repaired_and_sent(tmp_path: Path) -> None:
    """What `retry` sends is the reject file's rows and nothing else; afterwards the counts add up anew."""
    world = World(tmp_path)
    write_csv(tmp_path / "hours.csv", hours(200, bad=[3, 4], invalid=[5]))
    world.run()
    rejects = world.results / "time_entries.rejects.csv"
    text = rejects.read_text().replace("999999,901,row 3", "201,901,row 3").replace("soon", "2026-02-02")
    rejects.write_text(text)

    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox) as client:
            return await client.retry(checkpoint=world.checkpoint, results=world.results)

    report = virtual_time.run(main)
    assert (report.summary.rows, report.summary.done, report.summary.rejected, report.summary.invalid) == (
        200,
        199,
        1,
        0,
    )
    assert Counter(world.stored) == Counter(f"row {at}" for at in range(200) if at != 4)
    assert [row["note"] for row in read_csv(rejects)] == ["row 4"]
    assert len(read_csv(world.results / "time_entries.success.csv")) == 199
    assert counts(world.run()) == counts(report)


@pytest.mark.parametrize("pointers", ["plain", "indexed"])
@pytest.mark.parametrize(
    ("bad", "size"),
    [
        ([30, 420, 777], 100),
        ([0, 2, 4], 5),  # the first, the middle and the last: whoever asks for these only sees nothing
        ([*range(5), 7], 5),  # of the first refused batch nothing could be stored, which proves nothing
        ([*range(19), 30], 20),
    ],
)
def test_a_provider_that_stores_a_part_of_a_refused_batch_is_found_out(
    bad: list[int], size: int, pointers: str, tmp_path: Path
) -> None:
    """Bulk is taken to be atomic; where it is not, what is uncertain is looked up, and every row is stored once."""
    world = World(tmp_path, atomicity="partial", pointers=pointers, latency=(20, 200))
    write_csv(tmp_path / "hours.csv", hours(1_000, bad=bad))
    report = world.run(Settings(batch_size=size))
    done = [row["note"] for row in read_csv(world.results / "time_entries.success.csv")]
    assert sorted(done) == sorted(world.stored) == sorted(f"row {at}" for at in range(1_000) if at not in bad)
    assert (report.summary.rejected, report.exit_code) == (len(bad), 3)


def test_a_row_with_surplus_cells_is_refused_until_it_is_repaired(tmp_path: Path) -> None:
    """A note with unquoted commas comes back whole in the reject file, and is not sent cut short by `retry`."""
    world = World(tmp_path)
    path = write_csv(tmp_path / "hours.csv", hours(3))
    with path.open("a") as file:
        file.write("2026-01-01,5,201,901,one, two, three\n")
    assert world.run().summary.invalid == 1
    rejects = world.results / "time_entries.rejects.csv"
    assert "one, two, three" in rejects.read_text()

    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox) as client:
            return await client.retry(checkpoint=world.checkpoint, results=world.results)

    assert virtual_time.run(main).summary.invalid == 1
    rejects.write_text(rejects.read_text().replace("one, two, three", '"one, two, three"'))
    assert virtual_time.run(main).summary.done == 4
    assert "one, two, three" in world.stored


def test_a_wrong_target_leaves_no_checkpoint_behind(tmp_path: Path) -> None:
    """When the first question fails, the corrected command is not held up by a checkpoint for the wrong target."""
    world = World(tmp_path, faults=(Rule(kind=FaultKind.REDIRECT, times=1),))
    write_csv(tmp_path / "hours.csv", hours(3))
    with pytest.raises(AddressError):
        world.run()
    assert not world.checkpoint.exists()
    assert world.run().summary.done == 3


def test_a_program_is_told_of_columns_that_go_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key that no field takes is logged as a warning, with what may be meant: outcomes say nothing of it."""
    world = World(tmp_path)

    async def main() -> int:
        rows = [{"date": "2026-03-02", "time": 5, "person_id": 201, "service_id": 901, "notes": "hey"}]
        async with simulated_client(world.sandbox) as client:
            return len([one async for one in client.load("time_entries", rows)])

    assert virtual_time.run(main) == 1
    assert [record.name for record in caplog.records] == ["headrace"]
    assert "the column 'notes' goes nowhere; did you mean 'note'?" in caplog.text
