"""What was sent without an answer settles itself: after its quiet period it is read back, and done or sent again."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from flow_simulation import killed
from flow_world import World, hours, read_csv, write_csv
from msgspec.structs import replace

from headrace.dispatch.halt import Halt
from headrace.errors import InterruptionError
from headrace.importfile import single
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.progress import Progress
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client


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


def test_one_id_for_two_records_stops_the_run(tmp_path: Path) -> None:
    """A provider that lies is not asked for more: exit 5; the next run looks up what was sent, and all is well."""
    rules = (Rule(kind=FaultKind.REPEATED_ID, path="/time_entries", method=("POST",), at=(2,)),)
    world = World(tmp_path, latency=(50, 400), faults=rules)
    write_csv(tmp_path / "hours.csv", hours(300))
    report = world.run(Settings(batch_size=10, concurrency=2))
    assert report.exit_code == 5
    assert "one id for two records" in str(report.reason)
    assert report.summary.done < 60
    settles(world, world.run(Settings(batch_size=10)), 300)


def test_a_partial_answer_is_believed_as_far_as_it_goes(tmp_path: Path) -> None:
    """Nine of ten records in the answer: nine are done at once, and only one is looked up."""
    rules = (Rule(kind=FaultKind.MISSING_ITEM, path="/time_entries", method=("POST",), at=(2,)),)
    world = World(tmp_path, latency=(50, 400), faults=rules, order="shuffled")
    write_csv(tmp_path / "hours.csv", hours(30))
    report = interrupted_when_parked(world)
    assert (report.summary.done, report.summary.in_doubt, report.exit_code) == (29, 1, 130)
    assert len(read_csv(world.results / "time_entries.in-doubt.csv")) == 1
    settles(world, world.run(Settings(batch_size=10)), 30)


def interrupted_when_parked(world: World) -> Report:
    """Run until everything is sent and something is parked, and interrupt."""
    halt = Halt()

    async def main() -> Report:
        world.wait()
        async with simulated_client(world.sandbox, Settings(batch_size=10)) as client:
            running = asyncio.create_task(
                client.run(world.spec, checkpoint=world.checkpoint, results=world.results, halt=halt)
            )
            await asyncio.sleep(60)
            halt.stop(InterruptionError("interrupted"))
            return await running

    return virtual_time.run(main)


def test_what_is_parked_when_a_run_is_interrupted_is_listed_and_settled_by_the_next(tmp_path: Path) -> None:
    """In doubt for now: counted and listed, and gone from the list when the next run has looked it up."""
    rules = (Rule(kind=FaultKind.DROP_BEFORE_COMMIT, path="/time_entries", method=("POST",), at=(1, 3)),)
    world = World(tmp_path, latency=(50, 400), faults=rules)
    write_csv(tmp_path / "hours.csv", hours(50))
    report = interrupted_when_parked(world)
    assert (report.summary.done, report.summary.in_doubt, report.exit_code) == (30, 20, 130)
    assert len(read_csv(world.results / "time_entries.in-doubt.csv")) == 20
    settles(world, world.run(Settings(batch_size=10)), 50)


def test_a_row_that_was_edited_after_it_was_sent_stays_in_doubt(tmp_path: Path) -> None:
    """What was sent cannot be told from a row that says something else now: it is listed, never sent again blindly."""
    world = World(tmp_path, latency=(2_000, 3_000))
    (one,) = world.spec.load
    world.spec = replace(world.spec, load=(replace(one, key=("note",)),))
    write_csv(tmp_path / "hours.csv", hours(20))
    killed(world, 1, Settings(batch_size=10))
    before = len(world.stored)
    write_csv(tmp_path / "hours.csv", [(row[0], row[1] + 1, *row[2:]) for row in hours(20)])
    report = world.run(Settings(batch_size=10))
    listed = read_csv(world.results / "time_entries.in-doubt.csv")
    assert report.exit_code == 4
    assert report.summary.in_doubt == len(listed) > 0
    assert all("edited" in row["why"] for row in listed)
    assert max(Counter(world.stored).values()) == 1
    assert before <= len(world.stored) <= 20


def test_rows_that_left_the_source_stay_in_doubt_until_they_are_back(tmp_path: Path) -> None:
    """They cannot be looked up: counted, told of, and settled as soon as the source holds them again."""
    world = World(tmp_path, latency=(2_000, 3_000))
    write_csv(tmp_path / "hours.csv", hours(20))
    killed(world, 1, Settings(batch_size=10))
    write_csv(tmp_path / "hours.csv", hours(30)[1:])
    report = world.run(Settings(batch_size=10))
    assert (report.summary.in_doubt, report.exit_code) == (1, 4)
    assert any("not in the source any more" in notice for notice in report.notices)
    write_csv(tmp_path / "hours.csv", hours(30))
    settles(world, world.run(Settings(batch_size=10)), 30)


def test_what_goes_on_is_told(tmp_path: Path) -> None:
    """While rows wait, the phase says what for: how many, and how long still."""
    rules = (Rule(kind=FaultKind.DROP_BEFORE_COMMIT, path="/time_entries", method=("POST",), at=(1,)),)
    world = World(tmp_path, latency=(50, 400), faults=rules)
    write_csv(tmp_path / "hours.csv", hours(30))
    progress, phases = Progress(), list[str]()

    async def main() -> None:
        async with simulated_client(world.sandbox, Settings(batch_size=10)) as client:
            running = asyncio.create_task(
                client.run(world.spec, checkpoint=world.checkpoint, results=world.results, progress=progress)
            )
            while not running.done():
                await asyncio.wait([running], timeout=30)
                if running.done():
                    break
                snapshot = progress.snapshot()
                phases.append("" if snapshot is None else snapshot.phase)

    virtual_time.run(main)
    assert phases[0].startswith("settling, 10 rows, 15")
    assert any(phase.startswith("checking once more, 10 rows, ") for phase in phases)


@pytest.mark.parametrize("lost", [2, 3])
def test_rows_of_a_refused_batch_go_alone_when_they_are_sent_again(lost: int, tmp_path: Path) -> None:
    """A part whose answer is lost does not meet the bad row a second time: each of its rows is a request of its own.

    In a sweep with every fifth answer lost, a bad row had kept its neighbours from being stored six times in a row.
    """
    rule = Rule(kind=FaultKind.DROP_BEFORE_COMMIT, path="/time_entries", method=("POST",), at=(lost,))
    world = World(tmp_path, faults=(rule,), pointers="plain")
    write_csv(tmp_path / "hours.csv", hours(5, bad=[2]))
    report = world.run(Settings(batch_size=5, concurrency=1))
    assert (report.summary.done, report.summary.rejected, report.exit_code) == (4, 1, 3)
    assert sorted(world.stored) == [f"row {at}" for at in (0, 1, 3, 4)]
    posts = world.sandbox.audit.report(world.sandbox.store, world.sandbox.api.identify)["methods"]["POST"]
    assert posts == {2: 1 + 1 + 1 + 3 + 2, 3: 1 + 1 + 1 + 3}[lost]


@pytest.mark.parametrize("size", [1, 10])
def test_drafts_that_lists_hide_are_found_again(size: int, tmp_path: Path) -> None:
    """A lost booking that is a draft is not taken to be absent because lists leave drafts out: it is made once."""
    world = World(tmp_path, faults=(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=("POST",), at=(1, 2)),))
    columns = ("person_id", "service_id", "started_on", "ended_on", "booking_method_id", "time", "note", "draft")
    rows = [(201, 901, "2026-03-02", "2026-03-06", 1, 60, f"b{at}", at % 2) for at in range(20)]
    source = str(write_csv(tmp_path / "bookings.csv", rows, columns))
    world.spec = single(source, "productive", "bookings")
    report = world.run(Settings(batch_size=size))
    assert (report.summary.done, report.exit_code) == (20, 0)
    made = [one.attributes["note"] for one in world.sandbox.store.table("bookings").values()]
    assert Counter(made) == Counter(f"b{at}" for at in range(20))
