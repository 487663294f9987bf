"""Names are asked for, where that takes fewer requests, by whoever looks them up: retry, verify and resolve too."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flow_world import SERVICE, World, read_csv, write_csv
from test_flow_families import spec_of
from test_flow_migration import retried
from test_flow_names import ADA, GHOST, crowd, entries
from test_flow_resolve import MUTE
from test_flow_verify import verified
from test_flow_verify_operations import asked

from headrace.deciding import candidates, cases
from headrace.ledger import Checkpoint
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client


def lists(seen: list[tuple[str, str]]) -> Counter[str]:
    """Return how often each kind of record was listed."""
    paths = (address.partition("?")[0] for method, address in seen if method == "GET")
    return Counter(path.rpartition("/")[2] for path in paths)


def repaired(world: World, names: dict[str, str]) -> None:
    """Correct the names in the reject file."""
    path = world.results / "time_entries.rejects.csv"
    rows = [
        [names.get(cell, cell) if name == "person_id" else cell for name, cell in row.items()] for row in read_csv(path)
    ]
    write_csv(path, rows, [*read_csv(path)[0]])


@pytest.mark.parametrize(
    ("names", "pages", "done"),
    [
        ({GHOST: "Person.7@crowd.example", "nobody": "Person.8@crowd.example"}, 1 + 1, 10),
        ({GHOST: "PERSON.7@crowd.example", "nobody": "Person.8@crowd.example"}, 1 + 1 + 4, 10),
        ({GHOST: "", "nobody": ""}, 0, 8),
    ],
)
def test_a_retry_asks_for_the_names_of_its_rows(names: dict[str, str], pages: int, done: int, tmp_path: Path) -> None:
    """Two rejects of a source with many names: their own are asked for; all are read where one is spelt otherwise."""
    world = World(tmp_path)
    mails = crowd(world, 900)
    world.spec = spec_of(entries(tmp_path, [*mails[20:28], GHOST, "nobody"]))
    assert world.run().summary.invalid == 2
    repaired(world, names)
    seen = asked(world)
    report = retried(world)
    assert (report.summary.done, report.summary.invalid) == (done, 10 - done)
    assert lists(seen)["people"] == pages
    assert report.summary.requests == len(seen)


def test_verify_asks_for_the_names_of_what_is_done(tmp_path: Path) -> None:
    """Of a thousand rows, each with its own name, three were sent: their names are asked for, and no others."""
    world = World(tmp_path)
    mails = crowd(world, 1_000)
    world.spec = spec_of(entries(tmp_path, mails))
    assert world.run(Settings(limit=3)).summary.done == 3
    seen = asked(world)
    found = verified(world)
    assert (found.checked, found.changed, found.exit_code) == (3, 0, 0)
    assert lists(seen)["people"] == 2
    assert found.requests == len(seen)


def test_verify_does_not_look_up_what_it_knows(tmp_path: Path) -> None:
    """Which record an update was about is in the checkpoint: the names that it was found by are not read again."""
    world = World(tmp_path)
    mails = crowd(world, 900)
    write_csv(tmp_path / "titles.csv", [(mail, f"Title {at}") for at, mail in enumerate(mails[:3])], ("who", "title"))
    who = {"column": "who", "lookup": "people", "by": "email"}
    fields = {"id": who, "title": "title"}
    load = {"resource": "people", "operation": "update", "source": str(tmp_path / "titles.csv"), "fields": fields}
    world.spec = spec_of(load)
    assert world.run().summary.done == 3
    seen = asked(world)
    found = verified(world)
    assert (found.checked, found.exit_code) == (3, 0)
    assert sum("page" in address for _, address in seen if "/people?" in address) <= 3  # the records, not the names
    assert not any("fields" in address for _, address in seen)


def test_resolve_asks_for_the_names_of_rows_in_doubt(tmp_path: Path) -> None:
    """Rows in doubt whose names are among many: the records that may be them are found by few requests."""
    lost = Rule(kind=FaultKind.DROP_AFTER_COMMIT, path="/time_entries", method=("POST",), at=(2,))
    world = World(tmp_path, faults=(lost,))
    mails = crowd(world, 900)
    world.spec = spec_of(entries(tmp_path, [ADA, *mails[30:39]]))

    async def run() -> Any:
        world.wait()
        async with simulated_client(world.sandbox, Settings(batch_size=5, concurrency=1), provider=MUTE) as client:
            return await client.run(world.spec, checkpoint=world.checkpoint, results=world.results)

    assert virtual_time.run(run).summary.in_doubt == 5
    seen = asked(world)

    async def search() -> Any:
        world.wait()
        with Checkpoint.read(world.checkpoint) as view:
            async with simulated_client(world.sandbox) as client:
                return await candidates(cases(view, world.results), view, client.connection)

    found = virtual_time.run(search)
    stored = {one.attributes["note"]: str(one.id) for one in world.sandbox.store.table("time_entries").values()}
    assert [one.candidates for one in found] == [(stored[f"row {at}"],) for at in range(5, 10)]
    assert {str(SERVICE)} == {one.cells["service_id"] for one in found}
    assert lists(seen)["people"] == 2
