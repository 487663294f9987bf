"""What the ledger's tests share: rows, an import to belong to, and passes over a source."""

import csv
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from headrace.identity import row_key
from headrace.ledger.checkpoint import Checkpoint
from headrace.ledger.load import LoadLedger
from headrace.ledger.view import Identity
from headrace.model import (
    Batch,
    Done,
    Duplicated,
    Fault,
    InDoubt,
    Invalid,
    NotAttempted,
    Outcome,
    Record,
    Rejected,
    Row,
    Settled,
    Skipped,
)

COLUMNS = ("name", "note")
IDENTITY = Identity(import_name="acme", provider="productive", base_url="http://127.0.0.1:1/api/v2", organization="7")
FAULT = Fault(code="invalid_attribute", error="is invalid", field="note", column="note", value="secret cell")


class Value(Struct):
    """A record's value; the ledger never looks at it."""

    name: str


def row(offset: int, name: object, note: str = "x") -> Row:
    """Return a row that is identified by `name`."""
    return Row(offset, offset + 2, row_key([name]), [str(name), note])


def source(names: Iterable[object]) -> list[Row]:
    """Return the rows of a source with these names."""
    return [row(offset, name) for offset, name in enumerate(names)]


def batch(rows: Sequence[Row]) -> Batch:
    """Return the rows as a batch."""
    return Batch([Record(one, Value("x")) for one in rows])


OUTCOMES: dict[str, Callable[[Row], Outcome]] = {
    "done": lambda r: Done(r.offset, r.line, f"id-{r.cells[0]}-{r.offset}"),
    "rejected": lambda r: Rejected(r.offset, r.line, (FAULT,)),
    "invalid": lambda r: Invalid(r.offset, r.line, (FAULT,)),
    "skipped": lambda r: Skipped(r.offset, r.line, "already there"),
    "in_doubt": lambda r: InDoubt(r.offset, r.line, "no answer"),
    "duplicated": lambda r: Duplicated(r.offset, r.line, ("1", "2")),
    "not_attempted": lambda r: NotAttempted(r.offset, r.line, "stopped"),
}
NOTED = frozenset({"invalid", "skipped"})


def settled(rows: Sequence[Row], how: str = "done") -> list[Settled]:
    """Return the rows with one outcome."""
    return [Settled(one, OUTCOMES[how](one)) for one in rows]


def open_checkpoint(folder: Path, *, threaded: bool = False, results: bool = True) -> Checkpoint:
    """Open the checkpoint in `folder`."""
    return Checkpoint.open(
        folder / "acme.headrace",
        identity=IDENTITY,
        results=folder / "acme.results" if results else None,
        threaded=threaded,
    )


def load(checkpoint: Checkpoint, fingerprint: bytes | None = b"one", name: str = "tasks") -> LoadLedger:
    """Begin a pass of the load that most tests use."""
    return checkpoint.load(
        name=name, resource="tasks", operation="create", mapping_digest=b"mapping", fingerprint=fingerprint
    )


def send(ledger: LoadLedger, rows: Sequence[Row], how: str = "done") -> None:
    """Send rows in one request that ends `how`, or note them."""
    if how in NOTED:
        ledger.note(settled(rows, how)).result(5)
    elif rows:
        ledger.settle(ledger.intend(batch(rows)).result(5), settled(rows, how)).result(5)


def run(
    folder: Path, rows: Sequence[Row], how: Callable[[Row], str], *, fingerprint: bytes | None = b"one"
) -> list[Row]:
    """Import all of a source, one request a row; return the rows that were sent or noted."""
    sent: list[Row] = []
    with open_checkpoint(folder) as checkpoint:
        ledger = load(checkpoint, fingerprint)
        if ledger.must_recognise:
            ledger.recognise(one.key for one in rows)
        for start in range(0, len(rows), 3):
            for one in ledger.unsettled(rows[start : start + 3], COLUMNS):
                send(ledger, [one], how(one))
                sent.append(one)
        ledger.finish(len(rows)).result(5)
    return sent


def table(folder: Path, kind: str, name: str = "tasks") -> list[dict[str, str]]:
    """Return the lines of a results file; none where there is no file."""
    path = folder / "acme.results" / f"{name}.{kind}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def names(folder: Path, kind: str) -> Counter[str]:
    """Return how often each row is in a results file."""
    return Counter(line["name"] for line in table(folder, kind))


def killed(folder: Path, copy: Path) -> Path:
    """Return a copy of `folder` as a kill at this moment would leave it (the lock dies with the process)."""
    shutil.copytree(folder, copy)
    return copy
