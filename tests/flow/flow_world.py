"""A simulated world for tests of the flow: the real client and the sandbox's core in one process, in virtual time."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.importfile import single
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.sandbox.core import Sandbox
from headrace.sandbox.options import Options
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

PERSON, SERVICE = 201, 901
"""Of the sandbox's fixture."""
COLUMNS = ("date", "time", "person_id", "service_id", "note")


def hours(count: int, *, bad: Sequence[int] = (), invalid: Sequence[int] = ()) -> list[tuple[Any, ...]]:
    """Return rows of time entries, all different; the provider refuses those in `bad`, we those in `invalid`."""
    return [
        (
            "soon" if at in invalid else f"2026-{1 + at % 12:02}-{1 + at % 28:02}",
            1 + at % 600,
            999_999 if at in bad else PERSON,
            SERVICE,
            f"row {at}",
        )
        for at in range(count)
    ]


def write_csv(path: Path, rows: Sequence[Sequence[Any]], columns: Sequence[str] = COLUMNS) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class World:
    """A folder and a sandbox, across the runs of one import."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.options = Options(token="canary-3c1e", **options)
        self.sandbox = Sandbox(self.options, virtual_time.START)
        self.spec = single(str(folder / "hours.csv"), "productive", "time_entries")
        self.checkpoint = folder / "hours.headrace"
        self.results = folder / "hours.results"
        self.hours = 0

    def run(self, settings: Settings | None = None, **watch: Any) -> Report:
        """Import `hours.csv`, an hour after the run before: the budget of one process is not yet the next one's."""

        async def main() -> Report:
            self.wait()
            async with simulated_client(self.sandbox, settings) as client:
                return await client.run(self.spec, checkpoint=self.checkpoint, results=self.results, **watch)

        return virtual_time.run(main)

    def wait(self) -> None:
        """Let the running loop's time go on an hour after the last run's, so that every window is empty again."""
        self.hours += 1
        virtual_time.advance(self.hours * 3_600.0)

    @property
    def stored(self) -> list[str]:
        """The notes of the time entries that the sandbox holds."""
        return [record.attributes["note"] for record in self.sandbox.store.table("time_entries").values()]
