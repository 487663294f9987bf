"""Tidying at the end of a load: results files without stale lines, in the order of the source, with one header.

A line is stale when its row has another outcome by now (an invalid row that became valid, a repaired one). The new
version is written beside the file and synced, its places are committed, and only then does it take the file's place;
a crash in between is finished by the next `Results.recover`.
"""

import csv
import os
import sqlite3
import zlib
from collections.abc import Container, Iterator
from io import StringIO
from typing import BinaryIO, Final

from msgspec.structs import replace

from headrace.ledger import durable
from headrace.ledger.cells import ENCODING, render
from headrace.ledger.results import Results
from headrace.ledger.sheet import OWN_COLUMNS, STATES_IN, Account, Extent, Kind, Sheet

_LIVE: Final = (
    "SELECT id, place, length FROM fault WHERE load = ? AND state IN ({}) AND place IS NOT NULL ORDER BY line, number"
)
_AT_ONCE: Final = 500


class Tidying:
    """One tidying of one load's results. `prepare` runs inside a transaction of its own, `swap` after its commit."""

    def __init__(self, results: Results, load_id: int) -> None:
        self._results = results
        self._load = load_id
        self._next: dict[Kind, Account] = {}

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Write the next version of the files that need one, and record it. Raises `OSError`."""
        for kind, sheet in self._results.sheets.items():
            if sheet.account.length and self._needs_it(connection, sheet):
                self._next[kind] = self._rewrite(connection, sheet)
                self._results.save(connection, kind, self._next[kind], is_swapping=True)

    def swap(self) -> None:
        """Put the next versions in their places. Raises `OSError`."""
        with self._results.tearing():
            for kind, account in self._next.items():
                sheet = self._results.sheets[kind]
                sheet.close()
                if account.length:
                    durable.rename(self._results.draft(kind), sheet.path)
                else:
                    sheet.path.unlink(missing_ok=True)
                sheet.account = account
                self._results.changed.add(kind)

    def _needs_it(self, connection: sqlite3.Connection, sheet: Sheet) -> bool:
        """Whether the file has stale lines, lines out of order, or lines wider than its header."""
        if sheet.account.is_ragged or sheet.kind is Kind.SUCCESS:
            return sheet.account.is_ragged or bool(self._results.revised)
        place = len(render([sheet.header])[0])
        for _, found, length in self._live(connection, sheet.kind):
            if found != place:
                return True
            place += length
        return place != sheet.account.length

    def _live(self, connection: sqlite3.Connection, kind: Kind) -> Iterator[tuple[int, int, int]]:
        """Return fault id, place and length of each line that still holds, in the order of the source."""
        states = ", ".join(str(int(state)) for state in STATES_IN[kind])
        return connection.execute(_LIVE.format(states), (self._load,))

    def _rewrite(self, connection: sqlite3.Connection, sheet: Sheet) -> Account:
        """Write the next version of `sheet`; return its account."""
        draft = self._results.draft(sheet.kind)
        with os.fdopen(durable.create(draft), "w+b") as target, sheet.path.open("rb") as source:
            header = render([sheet.header])[0]
            target.write(header)
            count = 0
            for data, fault in self._lines(connection, sheet, source):
                if fault is not None:
                    _move(connection, Extent(fault, target.tell(), len(data)))
                target.write(data)
                count += 1
            length, crc = _finish(target)
        if not count:
            draft.unlink()
            length = crc = 0
        return replace(sheet.account, length=length, crc=crc, is_ragged=False, is_sealed=False)

    def _lines(
        self, connection: sqlite3.Connection, sheet: Sheet, source: BinaryIO
    ) -> Iterator[tuple[bytes, int | None]]:
        """Return the lines of the next version, each with its fault."""
        if sheet.kind is Kind.SUCCESS:
            yield from ((data, None) for data in _squared(sheet, source, self._results.revised))
            return
        # Places change while this query runs; it walks an index that they are not part of, so it meets each row once.
        for fault, place, length in self._live(connection, sheet.kind):
            source.seek(place)
            data = source.read(length)
            yield (_square(sheet, data) if sheet.account.is_ragged else data), fault


def _move(connection: sqlite3.Connection, extent: Extent) -> None:
    """Record where the line of a fault is in the next version."""
    connection.execute(
        "UPDATE fault SET place = ?, length = ? WHERE id = ?", (extent.place, extent.length, extent.fault)
    )


def _square(sheet: Sheet, data: bytes) -> bytes:
    """Return one line with as many cells as the header has columns."""
    fields = next(csv.reader(StringIO(data.decode(ENCODING), newline=""), strict=True))
    return _render_raw(sheet, fields)


def _squared(sheet: Sheet, source: BinaryIO, without: Container[str]) -> Iterator[bytes]:
    """Return all lines of the successes but the header and those with an id in `without`, each as `_square` does."""
    with open(source.fileno(), encoding=ENCODING, newline="", closefd=False) as text:
        rows = csv.reader(text, strict=True)
        next(rows)
        yield from (_render_raw(sheet, fields) for fields in rows if fields[-1] not in without)


def _render_raw(sheet: Sheet, fields: list[str]) -> bytes:
    """Return `fields`, which are protected already, with blanks between the original cells and ours."""
    own = len(OWN_COLUMNS[sheet.kind])
    missing = len(sheet.account.columns) + own - len(fields)
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([*fields[:-own], *[""] * missing, *fields[-own:]])
    return text.getvalue().encode(ENCODING)


def _finish(file: BinaryIO) -> tuple[int, int]:
    """Sync a file that was written through; return its length and CRC-32."""
    file.flush()
    os.fsync(file.fileno())
    file.seek(0)
    crc = 0
    while block := file.read(1 << 20):
        crc = zlib.crc32(block, crc)
    return file.tell(), crc
