"""Missing records at the APIs of plain JSON: by idempotency key, by marker or read back, each name is there once."""

import csv
from pathlib import Path
from typing import Any

import msgspec
import pytest
from test_flow_trio import World

from headrace.importfile import ImportSpec
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

LOADS: dict[str, tuple[str, dict[str, Any]]] = {
    "agiled": ("projects", {"title": "Task"}),
    "timemagic": ("projects", {"name": "Task"}),
    "bezala": ("cost_centers", {"name": "Task"}),
}
"""By provider, what may be missing when its tasks are created, and the tasks' other fields."""


@pytest.mark.parametrize("provider", LOADS)
@pytest.mark.parametrize(
    "kind", [None, FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT, FaultKind.ERROR_AFTER_COMMIT]
)
def test_each_name_is_there_once(provider: str, kind: FaultKind | None, tmp_path: Path) -> None:
    """Every second answer is lost: plan and run agree where none is, and no name is created twice or left out."""
    target, fields = LOADS[provider]
    names = ["One", "TWO", "two ", "Three", "one", "Four"]
    rows = [(f"Task {at}", names[at % 6]) for at in range(12)]
    with (tmp_path / "tasks.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("Task", "Of"), *rows])
    lookup = {"column": "Of", "lookup": target, "by": "name", "create_missing": True}
    link = {"projects": "project_id", "cost_centers": "cost_center_id"}[target]
    load = {"resource": "tasks", "source": str(tmp_path / "tasks.csv"), "key": ["Task"]}
    raw = {"provider": provider, "name": "trio", "load": [{**load, "fields": {**fields, link: lookup}}]}
    spec = msgspec.convert(raw, ImportSpec)
    faults = () if kind is None else (Rule(kind=kind, method=("POST",), every=2),)
    world = World(provider, *faults)
    before = set(world.sandbox.store.table(target))

    async def main() -> tuple[Any, Any]:
        async with simulated_client(world.sandbox) as client:
            planned = await client.plan(spec, checkpoint=tmp_path / "trio.headrace")
            report = await client.run(spec, checkpoint=tmp_path / "trio.headrace", results=tmp_path / "results")
            found = await client.verify(tmp_path / "trio.headrace")
            return (planned, report, found)

    planned, report, found = virtual_time.run(main)
    table = world.sandbox.store.table(target)
    made = [one.attributes["name"] for at, one in table.items() if at not in before]
    assert sorted(made) == ["Four", "One", "TWO", "Three"]
    assert (report.summary.done, report.summary.skipped, report.exit_code) == (16, 0, 0)
    assert kind is not None or planned.requests == report.summary.requests
    assert (found.differing, found.missing) == (0, 0)
    assert world.audit["duplicates"] == 0
