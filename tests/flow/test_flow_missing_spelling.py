"""Missing records and how their names are spelt: what is one, what are two, and what corrections make of them."""

from pathlib import Path
from typing import Any

import pytest
from flow_simulation import killed
from flow_world import World, read_csv
from test_flow_families import spec_of
from test_flow_migration import killed_after, retried
from test_flow_missing import (
    COMPANIES,
    PEOPLE,
    Firms,
    assert_verified,
    by_load,
    clients,
    companies,
    owners,
    people,
    run,
    staff,
)
from test_flow_plan import plan_and_run

from headrace.dispatch.readback.matching import Likeness
from headrace.dispatch.readback.natural import compare
from headrace.identity import folded
from headrace.pipeline import Settings

COMPOSED, DECOMPOSED = "Caf\u00e9", "Cafe\u0301"


def split(folder: Path, more: int = 0) -> World:
    """Return a world with two companies whose names differ in case only, and so many others."""
    world = World(folder)
    for at, name in enumerate(["acme", "ACME", *(f"Firm {at}" for at in range(more))]):
        world.sandbox.store.place("companies", {"name": name}, {}, 0.0, at=7001 + at)
    return world


@pytest.mark.parametrize("more", [0, 3_000])
@pytest.mark.parametrize("codes", ["AB", "ABC", "CAB"])
def test_records_that_differ_in_case_only_are_told_apart(codes: str, more: int, tmp_path: Path) -> None:
    """Each row gets the record that is spelt as it is, as without `create_missing`; one spelt otherwise is a fault."""
    world = split(tmp_path, more)
    spelt = {"A": "acme", "B": "ACME", "C": "Acme"}
    world.spec = spec_of(clients(tmp_path, [(code, spelt[code]) for code in codes]))
    told = plan_and_run(world)
    assert told.plan.requests == told.requests
    assert owners(world) == {"A": "acme", "B": "ACME"}
    assert [one.ids for one in told.report.names] == ([(7001, 7002)] if "C" in codes else [])
    assert told.plan.invalid == told.report.summary.invalid
    assert_verified(world, 2)


def test_a_row_of_another_spelling_may_come_later(tmp_path: Path) -> None:
    """Also when the name has been settled for long by the other one."""
    world = split(tmp_path)
    run(world, clients(tmp_path, [("A", "acme")]))
    assert by_load(run(world, clients(tmp_path, [("A", "acme"), ("B", "ACME")])))["projects"] == (2, 0, 0, 0)
    assert owners(world) == {"A": "acme", "B": "ACME"}
    assert_verified(world, 2)


def test_accents_are_accents_however_they_are_encoded(tmp_path: Path) -> None:
    """A letter and its accent in one character or in two are the same name, in sources and among what is there."""
    world = World(tmp_path)
    world.sandbox.store.place("companies", {"name": "Z" + DECOMPOSED}, {}, 0.0, at=7001)
    rows = [("A", COMPOSED), ("B", DECOMPOSED.upper()), ("C", "Z" + COMPOSED)]
    assert by_load(run(world, clients(tmp_path, rows)))[COMPANIES] == (1, 1, 0, 0)
    assert companies(world) == {COMPOSED: 1, "Z" + DECOMPOSED: 1}
    assert folded(DECOMPOSED.upper()) == folded(COMPOSED)


def test_the_name_in_doubt_may_be_encoded_otherwise_by_then() -> None:
    """It is recognised when it is read back."""
    assert compare(COMPOSED, DECOMPOSED) is Likeness.LOOSE


def corrected(world: World, title: str, **changes: str) -> Any:
    file = world.results / f"{title}.rejects.csv"
    text = file.read_text()
    for old, new in changes.items():
        text = text.replace(f"\n{old},", f"\n{new},").replace(f"\n{old}@", f"\n{new}@")
    file.write_text(text.replace("999999", "102"))
    return retried(world)


@pytest.mark.parametrize(("first", "second"), [("z", "Z"), ("y", "y"), ("x", "X")])
def test_two_names_are_corrected_to_one(first: str, second: str, tmp_path: Path) -> None:
    """One record is created, whichever row it stands in; the other row finds it when it is tried again."""
    world = World(tmp_path)
    run(world, staff(tmp_path, [("One", "x@new.example;y@new.example", 999_999)]))
    report = corrected(world, PEOPLE, x=first, y=second)
    assert by_load(report)[PEOPLE][0] == 1
    (left,) = read_csv(world.results / f"{PEOPLE}.rejects.csv")
    assert (left["code"], left["error"]) == ("duplicate_row", "another row has been corrected to this name")
    report = retried(world)
    assert by_load(report) == {PEOPLE: (1, 1, 0, 0), "companies": (1, 0, 0, 0)}
    assert [*people(world)] == [f"{first}@new.example"]


def test_a_name_is_corrected_to_one_in_doubt(tmp_path: Path) -> None:
    """Killed before the answer, the other row comes first: else its record would be taken from it, and made again."""
    world = Firms(tmp_path, latency=(2_000, 3_000))
    for at in (7001, 7002):
        world.sandbox.store.place("companies", {"name": "Twice"}, {}, 0.0, at=at)
    world.spec = spec_of(clients(tmp_path, [("A", "New"), ("B", "Twice")]))
    killed(world, 1)
    file = world.results / f"{COMPANIES}.rejects.csv"
    file.write_text(file.read_text().replace("\nTwice,", "\nNEW,"))
    retried(world)
    (left,) = read_csv(file)
    assert (left["name"], left["code"]) == ("NEW", "parent_in_doubt")
    world.run()
    file.write_text(file.read_text().replace("\nTwice,", "\nNEW,"))
    assert by_load(retried(world)) == {COMPANIES: (1, 1, 0, 0), "projects": (2, 0, 0, 0)}
    assert owners(world) == {"A": "New", "B": "New"}
    assert companies(world) == {"New": 1, "Twice": 2}


def test_a_name_is_corrected_to_one_that_a_killed_retry_sent(tmp_path: Path) -> None:
    """Its record is not taken from it; and a row that was sent itself, under another name, is in doubt."""
    world = World(tmp_path, latency=(1_000, 1_500))
    run(world, staff(tmp_path, [("One", "x@new.example", 999_999), ("Two", "y@new.example", 999_999)]))
    file = world.results / f"{PEOPLE}.rejects.csv"
    file.write_text(file.read_text().replace("999999", "102", 1).replace("\nx@", "\nz@"))
    killed_after(world, 3, "retry")
    assert [*people(world)] == ["z@new.example"]
    (interrupted,) = world.results.glob(f"{PEOPLE}.rejects.retry.csv")
    interrupted.write_text(interrupted.read_text().replace("999999", "102").replace("\ny@", "\nZ@"))
    report = retried(world)
    assert by_load(report)[PEOPLE][0] == report.summary.in_doubt == 1  # nobody knows whether y was created
    assert [*people(world)] == ["z@new.example"]


def test_nobody_is_told_to_give_an_id_for_a_name(tmp_path: Path) -> None:
    """Where names are created, an id in the place of a name would be the name of a new record."""
    world = World(tmp_path)
    for at in (7001, 7002):
        world.sandbox.store.place("companies", {"name": "Twice"}, {}, 0.0, at=at)
    run(world, clients(tmp_path, [("A", "Twice")]), how=Settings())
    (left,) = read_csv(world.results / f"{COMPANIES}.rejects.csv")
    assert left["hint"] == "leave one of them with it, and run again: 7001, 7002"
