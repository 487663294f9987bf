"""The summary: its keys, its sums and the exit code."""

from pathlib import Path

import msgspec
import pytest
from ledger_scene import open_checkpoint, run, source

from headrace.ledger.checkpoint import Checkpoint
from headrace.ledger.summary import exit_code, summarise, write_summary
from headrace.model import Counts

KEYS = [
    "import", "provider", "rows", "done", "rejected", "invalid", "skipped", "in_doubt", "duplicated", "not_attempted",
    "requests", "throttled", "seconds", "checkpoint", "loads",
]  # fmt: skip


def test_the_keys_are_those_that_were_promised(tmp_path: Path) -> None:
    """Exactly the keys of DESIGN.md section 10, in the file as in the object; the sums are those of the loads."""
    run(tmp_path, source("abcd"), lambda r: "done" if r.cells[0] != "d" else "rejected")
    with Checkpoint.read(tmp_path / "acme.headrace") as view:
        summary = summarise(view, requests=4, throttled=1, seconds=2.5)
        path = write_summary(tmp_path / "acme.results", summary)
    found = msgspec.json.decode(path.read_bytes())
    assert sorted(found) == sorted(KEYS)
    assert list(found["loads"][0]) == ["name", "resource", *Counts.__struct_fields__]
    assert (found["import"], found["rows"], found["done"], found["rejected"]) == ("acme", 4, 3, 1)
    assert summary.counts.is_conserved
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "summary.json",
        "tasks.rejects.csv",
        "tasks.success.csv",
    ]


def test_an_import_without_loads_is_all_zero(tmp_path: Path) -> None:
    """A checkpoint that was only opened has a summary too."""
    with open_checkpoint(tmp_path) as checkpoint:
        assert summarise(checkpoint).counts == Counts()


@pytest.mark.parametrize(
    ("counts", "reason", "code"),
    [
        (Counts(rows=1, done=1), None, 0),
        (Counts(rows=1, not_attempted=1), None, 0),
        (Counts(rows=2, rejected=1, done=1), None, 3),
        (Counts(rows=1, invalid=1), None, 3),
        (Counts(rows=2, invalid=1, in_doubt=1), None, 4),
        (Counts(rows=1, duplicated=1), None, 4),
        (Counts(rows=1, in_doubt=1), 5, 5),
        (Counts(rows=1, in_doubt=1), 7, 7),
        (Counts(rows=1, in_doubt=1), 130, 130),
        (Counts(rows=1, rejected=1), 143, 143),
        (Counts(rows=1, rejected=1), 1, 1),
        (Counts(), 6, 6),
        (Counts(), 9, 9),
        (Counts(), 99, 1),
    ],
)
def test_the_worst_decides_the_exit_code(counts: Counts, reason: int | None, code: int) -> None:
    """Where several hold, the order of DESIGN.md section 10 decides; an unknown one is our bug."""
    assert exit_code(counts, reason) == code
