"""Imports into the APIs of plain JSON, from end to end in virtual time: the sandbox's audit is the judge."""

from pathlib import Path
from typing import Any

import pytest

from headrace.pipeline import Settings
from headrace.sandbox.core import Sandbox
from headrace.sandbox.faults import FaultKind, Rule
from headrace.sandbox.options import Options
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client


class World:
    """One sandbox and a client for it."""

    def __init__(self, provider: str, *faults: Rule, settings: Settings | None = None, **options: Any) -> None:
        chosen: dict[str, Any] = {"latency": (20, 300)} | options
        self.sandbox = Sandbox(Options(provider=provider, faults=faults, **chosen), virtual_time.START)
        self.settings = settings
        self.seconds = 0.0

    def load(self, resource: str, rows: list[dict[str, Any]], checkpoint: Path, **how: Any) -> list[Any]:
        async def main() -> list[Any]:
            async with simulated_client(self.sandbox, self.settings) as client:
                found = [one async for one in client.load(resource, rows, checkpoint=checkpoint, **how)]
            self.seconds = virtual_time.clock() - virtual_time.START
            return found

        return virtual_time.run(main)

    @property
    def audit(self) -> dict[str, Any]:
        return self.sandbox.audit.report(self.sandbox.store, self.sandbox.api.identify)


def kinds(outcomes: list[Any]) -> dict[str, int]:
    names = [type(one).__name__ for one in outcomes]
    return {name: names.count(name) for name in sorted(set(names))}


def entries(count: int) -> list[dict[str, Any]]:
    return [
        {"date": "2026-03-02", "duration_minutes": 1 + at, "project_id": 501, "notes": f"row {at}"}
        for at in range(count)
    ]


# --- Agiled -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", ["sliding", "fixed"])
def test_reads_and_writes_are_counted_apart(tmp_path: Path, window: str) -> None:
    """Agiled's writes keep 30 a minute while reads have their own 60: no 429, and no time is given away."""
    world = World("agiled", window=window)
    assert kinds(world.load("time_entries", entries(100), tmp_path / "x.headrace")) == {"Done": 100}
    assert world.audit["throttled"] == 0
    assert world.audit["worst"]["writes 30/60s"] == 30
    assert 180 <= world.seconds < 185  # 30 at once, then 30 a minute: the last ten in the fourth minute


LOSSES = (
    FaultKind.DROP_AFTER_COMMIT,
    FaultKind.ERROR_AFTER_COMMIT,
    FaultKind.TRUNCATED_JSON,
    FaultKind.DROP_BEFORE_COMMIT,
)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_lost_answer_is_asked_for_again_under_its_key(tmp_path: Path, kind: FaultKind) -> None:
    """Whatever became of the request, its repetition under the same key settles the row, once."""
    world = World("agiled", Rule(kind=kind, method=("POST",), every=4))
    assert kinds(world.load("time_entries", entries(20), tmp_path / "x.headrace")) == {"Done": 20}
    assert (world.audit["duplicates"], world.audit["created"]) == (0, {"time-entries": 20})


def test_identical_rows_have_keys_of_their_own(tmp_path: Path) -> None:
    """Two equal rows are two records: their keys differ, so that the second is not taken for a repetition."""
    world = World("agiled")
    assert kinds(world.load("time_entries", entries(1) * 3, tmp_path / "x.headrace")) == {"Done": 3}
    assert world.audit["created"] == {"time-entries": 3}


@pytest.mark.parametrize("shape", ["wrapped", "bare"])
def test_refused_rows_say_why(tmp_path: Path, shape: str) -> None:
    """An unknown project is refused; the field is named where the answer names it."""
    rows = [row | {"project_id": 999 if at % 2 else 501} for at, row in enumerate(entries(6))]
    outcomes = World("agiled", shape=shape).load("time_entries", rows, tmp_path / "x.headrace")
    assert kinds(outcomes) == {"Done": 3, "Rejected": 3}
    fields = {fault.field for one in outcomes for fault in getattr(one, "errors", ())}
    assert fields == ({"project_id"} if shape == "wrapped" else {None})
