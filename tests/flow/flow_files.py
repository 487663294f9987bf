"""The simulation of attachments: files in four steps, to tasks, comments and pages, by one seed.

As `flow_simulation`. Some files go to the same record, some twice; some are not there, and some records are not.
"""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
from flow_simulation import COMMIT_WITHIN, GARBLED, LOST, Scenario, Simulation, conditions, delayed
from flow_world import write_csv

from headrace.importfile import ImportSpec
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time

NOBODY: Final = 999_999
TARGETS: Final = ("task", "comment", "page")

Row = tuple[str, str, int]
"""A file's name, what it goes to, and which of these."""


def scenario(seed: int, files: Path) -> tuple[Scenario, list[Row]]:
    chance = Random(seed)
    rows = [_row(chance, at) for at in range(chance.randint(1, 30))]
    plan = Scenario(
        rows=[],
        good=Counter(),
        settings=Settings(concurrency=chance.choice([1, 4, 16]), attachments_dir=files),
        options=conditions(chance, seed) | {"faults": tuple(_faults(chance))},
        kills=[(chance.randint(1, 80), chance.uniform(0.5, 900)) for _ in range(chance.randint(0, 3))],
        sorts=False,
        marker="off",
    )
    return plan, rows


def _row(chance: Random, at: int) -> Row:
    name = f"file-{chance.randrange(at + 1) if chance.random() < 0.3 else at}.txt"
    fate = chance.random()
    kind, number = chance.choice(TARGETS), chance.choice([1, 1, 2, 3])
    return ("nowhere.txt" if fate < 0.04 else name, kind, NOBODY if 0.04 < fate < 0.08 else number)


def _faults(chance: Random) -> list[Rule]:
    kinds: list[dict[str, Any]] = [
        *LOST,
        *GARBLED,
        *delayed(chance),
        {"kind": FaultKind.LATE_COMMIT, "seconds": chance.uniform(1, COMMIT_WITHIN - 1)},
    ]
    return [
        Rule(method=("POST", "PATCH"), probability=chance.uniform(0.02, 0.2), **chance.choice(kinds))
        for _ in range(chance.randint(0, 3))
    ]


class FilesSimulation(Simulation):
    """An import of files under the conditions of a scenario."""

    def __init__(self, folder: Path, seed: int) -> None:
        files = folder.with_name(f"{folder.name}-files")  # beside what a kill puts back
        files.mkdir()
        plan, self.rows = scenario(seed, files)
        super().__init__(folder, plan)
        for name in {name for name, *_ in self.rows} - {"nowhere.txt"}:
            (files / name).write_text(f"this is {name}\n")
        sow = self.sandbox.api.sow
        wanted = {"task": {"title": "T", "project_id": 501, "task_list_id": 701}, "page": {"title": "P"}}
        wanted["comment"] = {"body": "C", "task_id": 1001}
        self.ids = {
            kind: [int(one) for one in sow(self.sandbox.store, f"{kind}s", [what] * 3, virtual_time.START)]
            for kind, what in wanted.items()
        }
        load = {"resource": "attachments", "source": str(folder / "hours.csv"), "name": "time_entries"}
        self.spec = msgspec.convert({"provider": "productive", "name": "files", "load": [load]}, ImportSpec)

    def target(self, kind: str, number: int) -> int:
        return number if number == NOBODY else self.ids[kind][number - 1]

    @property
    def good(self) -> Counter[tuple[str, str, int]]:
        return Counter(
            (name, kind, self.target(kind, number))
            for name, kind, number in self.rows
            if name != "nowhere.txt" and number != NOBODY
        )

    def write_sources(self) -> None:
        rows = [
            (name, *(self.target(kind, number) if kind == one else "" for one in TARGETS))
            for name, kind, number in self.rows
        ]
        write_csv(self.folder / "hours.csv", rows, ("file", *(f"{kind}_id" for kind in TARGETS)))

    def judge(self, report: Report) -> None:
        """Compare everything that was reported with what the sandbox holds, from both ends of each link."""
        summary, store = report.summary, self.sandbox.store
        assert summary.counts.is_conserved
        assert (summary.not_attempted, summary.in_doubt, summary.duplicated) == (0, 0, 0), self.doubts()
        assert summary.done == self.good.total()
        table = store.table("attachments")
        linked = [
            (one.attributes["name"], kind, one.links[kind])
            for one in table.values()
            for kind in TARGETS
            if one.links.get(kind)
        ]
        assert Counter(linked) == self.good
        listed = [
            (table[number].attributes["name"], kind, record.id)
            for kind in TARGETS
            for record in store.table(f"{kind}s").values()
            for number in record.links.get("attachments") or ()  # type: ignore[union-attr]
        ]
        assert Counter(listed) == self.good
        audit = self.sandbox.audit.report(store, self.sandbox.api.identify)
        assert audit["throttled"] <= audit["faults"].get("throttle", 0), "a 429 of our own making"
        assert audit["uploads"]["with_credentials"] == 0
