"""Memory stays flat, whatever the size of the source and of the checkpoint."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from ledger_scene import COLUMNS, batch, load, open_checkpoint, row, settled

from headrace.model import Row

FEW, MANY = 1_000, 6_000
ALLOWED = 300 << 10
"""Bytes that so many rows more may take: far less than a number for each."""


def chunks(rows: int) -> Iterator[list[Row]]:
    """Return the rows of a source, 100 at a time, as a source gives them."""
    for start in range(0, rows, 100):
        yield [row(offset, offset) for offset in range(start, start + 100)]


def peak(folder: Path, rows: int, fingerprint: bytes) -> int:
    """Return the most memory in bytes that a pass over so many rows takes."""
    tracemalloc.start()
    with open_checkpoint(folder) as checkpoint:
        ledger = load(checkpoint, fingerprint)
        ledger.recognise(one.key for some in chunks(rows) for one in some)
        for some in chunks(rows):
            left = ledger.unsettled(some, COLUMNS)
            if left:
                ledger.settle(ledger.intend(batch(left)).result(5), settled(left)).result(5)
        ledger.finish(rows).result(5)
        assert ledger.counts().done == rows
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Neither importing nor resuming, also with a changed source, keeps more than a byte or two per row."""
    peaks = {}
    for rows in (FEW, MANY):
        folder = tmp_path / str(rows)
        folder.mkdir()
        peaks[rows] = [peak(folder, rows, fingerprint) for fingerprint in (b"one", b"one", b"two")]
    grown = [many - few for few, many in zip(*peaks.values(), strict=True)]
    assert max(grown) < ALLOWED
