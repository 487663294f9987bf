"""The order of answers: whatever it is, the id that a row gets is that of the record which says what the row says."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flow_world import COLUMNS, World, read_csv, write_csv
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from test_flow_plan import assert_true, plan_and_run

from headrace.importfile import single
from headrace.migration import Report
from headrace.pipeline import Settings

PEOPLE, SERVICES = (201, 202, 203, 204, 205, 206), (901, 902)
ALIKE = [("2026-03-02", 60, person, service, "Daily") for person in PEOPLE for service in SERVICES]
"""Rows that an answer does not tell apart by itself: it shows attributes only."""
Row = tuple[Any, ...]

ROWS = st.tuples(
    st.sampled_from(["2026-03-02", "2026-03-03"]),
    st.just(60),
    st.sampled_from(PEOPLE),
    st.sampled_from(SERVICES),
    st.sampled_from(["", "Daily", "<b>Daily</b>"]),
)


def said(row: dict[str, str]) -> tuple[str, ...]:
    return row["date"], row["person_id"], row["service_id"], row["note"]


def assert_own_ids(world: World, rows: list[Row]) -> None:
    """Assert that what is stored under the id of a row is what the row says."""
    told = read_csv(world.results / "time_entries.success.csv")
    assert sorted(map(said, told)) == sorted((row[0], str(row[2]), str(row[3]), row[4]) for row in rows)
    assert len({row["remote_id"] for row in told}) == len(rows)
    held = world.sandbox.store.table("time_entries")
    for row in told:
        record = held[int(row["remote_id"])]
        found = {
            **record.attributes,
            "person_id": str(record.links["person"]),
            "service_id": str(record.links["service"]),
        }
        assert said(row) == said({**found, "note": found.get("note") or ""})


def imported(world: World, rows: list[Row], settings: Settings | None = None) -> Report:
    write_csv(world.folder / "hours.csv", rows)
    report = world.run(settings)
    assert (report.exit_code, report.summary.done) == (0, len(rows))
    assert world.sandbox.store.counts["time_entries"] == len(rows)
    return report


@pytest.mark.parametrize("includes", ["shown", "ignored", "refused"])
@given(rows=st.lists(ROWS, min_size=1, max_size=25), seed=st.integers(0, 99))
@example(rows=ALIKE, seed=1)
def test_every_row_gets_the_id_of_its_own_record(includes: str, rows: list[Row], seed: int) -> None:
    """Answers in any order, of an API that shows relationships when asked to, never, or refuses to be asked."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), order="shuffled", includes=includes, seed=seed)
        imported(world, rows, Settings(batch_size=10))
        assert_own_ids(world, rows)


@pytest.mark.parametrize(("includes", "requests"), [("shown", 2), ("ignored", 3)])
def test_what_it_takes(includes: str, requests: int, tmp_path: Path) -> None:
    """Asked to show them, an answer costs nothing more; ignored, all rows that look alike take one question."""
    world = World(tmp_path, order="shuffled", includes=includes)
    assert imported(world, ALIKE).summary.requests == requests


def test_where_rows_differ_nothing_is_asked_for(tmp_path: Path) -> None:
    """Rows that differ in what answers show anyway are sent as ever: an API that refuses to be asked does not mind."""
    rows = [(*row[:4], f"row {place}") for place, row in enumerate(ALIKE)]
    world = World(tmp_path, includes="refused")
    assert imported(world, rows).summary.requests == 2


def test_the_plan_knows_what_is_sent(tmp_path: Path) -> None:
    """Rows that look alike take what the plan says, in any order of answers."""
    world = World(tmp_path, latency=(50, 400), order="shuffled")
    write_csv(tmp_path / "hours.csv", ALIKE * 20)
    assert_true(plan_and_run(world))


def test_timesheets_are_told_apart_by_their_people(tmp_path: Path) -> None:
    """All that a day's timesheets differ in is whose they are."""
    world = World(tmp_path, order="shuffled", seed=5)
    world.spec = single(str(tmp_path / "days.csv"), "productive", "timesheets")
    write_csv(tmp_path / "days.csv", [("2026-03-02", person) for person in PEOPLE], (COLUMNS[0], COLUMNS[2]))
    assert world.run().exit_code == 0
    told = read_csv(world.results / "timesheets.success.csv")
    held = world.sandbox.store.table("timesheets")
    assert [str(held[int(row["remote_id"])].links["person"]) for row in told] == [row["person_id"] for row in told]


def test_the_ids_that_later_loads_take_are_right(tmp_path: Path) -> None:
    """Deleted by the ids of the first import, the entries of one person go, and nobody else's."""
    world = World(tmp_path, order="shuffled", seed=2)
    imported(world, ALIKE)
    told = [row for row in read_csv(world.results / "time_entries.success.csv") if row["person_id"] == "201"]
    write_csv(tmp_path / "gone.csv", [[row["remote_id"]] for row in told], ["id"])
    (load,) = single(str(tmp_path / "gone.csv"), "productive", "time_entries").load
    world.spec = replace(world.spec, name="gone", load=(replace(load, operation="delete"),))
    world.checkpoint = tmp_path / "gone.headrace"
    assert world.run().exit_code == 0
    left = {record.links["person"] for record in world.sandbox.store.table("time_entries").values()}
    assert left == set(PEOPLE[1:])


def test_what_is_refused_for_its_address_says_nothing_of_rows(tmp_path: Path) -> None:
    """A batch refused for its `include` leaves nothing; one that is then refused for a row may, and is looked at.

    One finding for both stored the good rows of the second twice (seed 74 of the simulation).
    """
    bad = ("2026-03-04", 60, 999_999, 901, "bad")
    rows = [*ALIKE[:4], *(("2026-03-05", 60, 201, 901, f"row {place}") for place in range(40))]
    rows[25:25] = [bad]
    world = World(tmp_path, includes="refused", atomicity="partial")
    write_csv(tmp_path / "hours.csv", rows)
    report = world.run(Settings(batch_size=10, concurrency=1))
    assert (report.exit_code, report.summary.done, report.summary.rejected) == (3, 44, 1)
    assert world.sandbox.store.counts["time_entries"] == 44
