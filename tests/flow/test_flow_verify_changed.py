"""Verification of rows that are not what they were, and of records that are gone in great numbers."""

from pathlib import Path
from typing import Any

import pytest
from flow_world import World, hours, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from test_flow_families import spec_of
from test_flow_verify import entries, verified
from test_flow_verify_operations import MADE, PROJECTS, asked, load, run, told

from headrace import verified as limits
from headrace.comparison import ENOUGH
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule


def keyed(world: World, rows: list[tuple[Any, ...]]) -> None:
    """Write time entries that are known by their notes."""
    world.spec = replace(world.spec, load=(replace(world.spec.load[0], key=("note",)),))
    write_csv(world.folder / "hours.csv", rows)


def test_changed_rows_are_listed(tmp_path: Path) -> None:
    """Edited, spoilt and removed rows: each with file, line, load and id; their records are there, so all is well."""
    world = World(tmp_path)
    rows = hours(20)
    keyed(world, rows)
    world.run()
    ids = {note: str(one.id) for note, one in entries(world).items()}
    edited = [(rows[3][0], 77, *rows[3][2:]), ("soon", *rows[4][1:]), *rows[7:]]
    write_csv(tmp_path / "hours.csv", [*rows[:3], *edited])
    found = verified(world)
    assert (found.checked, found.changed, found.differing, found.missing, found.exit_code) == (16, 4, 0, 0, 0)
    assert [(one.line, one.id) for one in found.changed_rows] == [
        (5, ids["row 3"]),
        (6, ids["row 4"]),
        (None, ids["row 5"]),
        (None, ids["row 6"]),
    ]
    assert {(one.file, one.load) for one in found.changed_rows} == {(str(tmp_path / "hours.csv"), "time_entries")}


def test_records_of_changed_rows_are_looked_for(tmp_path: Path) -> None:
    """A record that is gone is missing whatever its row says now; what it holds is not compared."""
    world = World(tmp_path)
    rows = hours(20)
    keyed(world, rows)
    world.run()
    write_csv(tmp_path / "hours.csv", [(rows[0][0], 77, *rows[0][2:]), (rows[1][0], 78, *rows[1][2:]), *rows[3:]])
    table, stored = world.sandbox.store.table("time_entries"), entries(world)
    stored["row 1"].attributes["time"] = 999
    for note in ("row 0", "row 2", "row 9"):
        world.sandbox.store.remove("time_entries", table[stored[note].id])
    found = verified(world)
    assert (found.checked, found.changed, found.differing, found.missing, found.exit_code) == (17, 3, 0, 3, 4)
    assert [(one.line, one.id, one.field) for one in found.differences] == [
        (None, str(stored["row 2"].id), None),
        (2, str(stored["row 0"].id), None),
        (10, str(stored["row 9"].id), None),
    ]


def test_what_a_changed_row_may_have_said_is_not_compared(tmp_path: Path) -> None:
    """The row that made a project is no measure for what a later, changed row has made of it; the others are."""
    world = World(tmp_path)
    ours = {"id": {"column": "code", "from": "made"}, "name": "name"}
    change = {"resource": "projects", "operation": "update", "key": ["code"], "fields": ours}
    made = load(world, "made", [("P1", "One"), ("P2", "Two")], PROJECTS, **MADE)
    run(world, made, load(world, "changed", [("P1", "Uno"), ("P2", "Due")], PROJECTS, **change))
    write_csv(tmp_path / "changed.csv", [("P1", "Eins"), ("P2", "Due")], PROJECTS)
    found = verified(world)
    assert ([(one.name, one.checked, one.changed) for one in found.loads], told(found)) == (
        [("made", 2, 0), ("changed", 1, 1)],
        [],
    )


def test_as_many_changed_rows_are_told_as_differences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are counted, the first are told."""
    for module in ("verification", "comparison", "expecting"):
        monkeypatch.setattr(f"headrace.{module}.MOST", 5)
    assert limits.MOST == 1_000
    world = World(tmp_path)
    rows = hours(20)
    keyed(world, rows)
    world.run()
    write_csv(tmp_path / "hours.csv", [(row[0], 777, *row[2:]) for row in rows])
    found = verified(world)
    assert (found.checked, found.changed, [one.line for one in found.changed_rows]) == (0, 20, [2, 3, 4, 5, 6])


def singly(seen: list[tuple[str, str]]) -> int:
    """Return how many records were asked for by id."""
    return sum(address.partition("?")[0].rpartition("/")[2].isdecimal() for _, address in seen)


def test_a_wiped_account_is_not_asked_for_every_record(tmp_path: Path) -> None:
    """A hundred in a row that are not there are enough: all are missing, and a notice says how that is known."""
    world = World(tmp_path, window="sliding")
    write_csv(tmp_path / "hours.csv", hours(2_500))
    world.run()
    for one in [*world.sandbox.store.table("time_entries").values()]:
        world.sandbox.store.remove("time_entries", one)
    seen = asked(world)
    found = verified(world)
    assert (found.checked, found.missing, len(found.differences), found.exit_code) == (2_500, 2_500, 1_000, 4)
    assert singly(seen) == ENOUGH
    assert found.requests == len(seen)
    (notice,) = found.notices
    assert notice == (
        "time_entries: 100 records that the list does not show were asked for by id, and the last 100 in a row were"
        " missing; the other 2,400 were not asked for, and are counted as missing"
    )


@settings(max_examples=12, deadline=None)
@given(rows=st.integers(1, 420), gone=st.sampled_from([0, 1, 30, 60, 90, 100]), lags=st.booleans())
def test_what_is_there_is_not_called_missing(
    rows: int, gone: int, *, lags: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever part is gone, and whether the list shows the rest or nothing: what was asked for is told as it is."""
    rule = Rule(kind=FaultKind.SEARCH_LAG, method=("POST",), seconds=3_600.0)
    world = World(tmp_path_factory.mktemp("gone"), window="sliding", faults=(rule,) if lags else ())
    write_csv(world.folder / "hours.csv", hours(rows))
    world.run(Settings(settle_after=2.0))
    store = world.sandbox.store
    lost = [one for one in store.table("time_entries").values() if one.id * 37 % 100 < gone]
    for one in lost:
        store.remove("time_entries", one)
    seen = asked(world)
    found = verified(world)
    assert (found.checked, found.differing) == (rows, 0)
    if found.notices:
        assert found.missing >= len(lost)
        assert singly(seen) < found.missing
    else:
        assert found.missing == len(lost)
    hidden = rows if lags else len(lost)
    if hidden == len(lost):
        assert singly(seen) == min(hidden, ENOUGH)
    elif gone < 90:
        assert singly(seen) == hidden


def test_the_first_rows_do_not_stand_for_all(tmp_path: Path) -> None:
    """The first half is gone, the other is there and in no list: they are asked for in no order, and told apart."""
    lag = Rule(kind=FaultKind.SEARCH_LAG, method=("POST",), seconds=3_600.0)
    world = World(tmp_path, window="sliding", faults=(lag,))
    write_csv(tmp_path / "hours.csv", hours(400))
    world.run(Settings(settle_after=2.0))
    stored = entries(world)
    for at in range(200):
        world.sandbox.store.remove("time_entries", stored[f"row {at}"])
    found = verified(world)
    assert (found.missing, found.notices) == (200, ())
    assert [one.line for one in found.differences] == [*range(2, 202)]


def test_deletes_that_were_undone_are_not_all_asked_for(tmp_path: Path) -> None:
    """What should be gone and the list shows is asked for, until the list has been right a hundred times in a row."""
    world = World(tmp_path, window="sliding")
    for number in range(1_101, 1_351):
        world.sandbox.store.place("projects", {"name": f"Old {number}"}, {}, 0.0, at=number)
    gone = {"resource": "projects", "operation": "delete"}
    world.spec = spec_of(load(world, "old", [(number,) for number in range(1_101, 1_351)], ("id",), **gone))
    assert world.run().summary.done == 250
    for number in range(1_101, 1_351):
        world.sandbox.store.place("projects", {"name": f"Old {number}"}, {}, 0.0, at=number)
    seen = asked(world)
    found = verified(world)
    assert (found.checked, found.differing, found.missing, found.exit_code) == (250, 250, 0, 4)
    assert singly(seen) == ENOUGH
    assert "the other 150 were not asked for, and are counted as differing" in found.notices[0]
