"""What is expected to be found: values by remote id, in a temporary database, so that memory stays flat."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final
from zlib import crc32

import msgspec
from msgspec import Struct

from headrace.ledger.past import scratch

_AT_ONCE: Final = 500
_TABLE: Final = (
    "CREATE TABLE expected (id TEXT, load INTEGER, turn INTEGER, line INTEGER, fields BLOB, is_there INTEGER)"
)
_TAKEN: Final = "SELECT * FROM expected WHERE id IN ({}) ORDER BY id, load, turn"
_LEFT: Final = "SELECT DISTINCT id FROM expected ORDER BY scattered(id)"
_OF: Final = "SELECT * FROM expected WHERE id = ? ORDER BY load, turn"
_encode: Final = msgspec.msgpack.Encoder(enc_hook=str).encode
_decode: Final = msgspec.msgpack.Decoder(dict[str, Any] | None).decode


class Expected(Struct, frozen=True):
    """What one row has left of a record: its `fields` as they were sent, under the vendor's names, or that it is gone.

    `fields` are None where the source does not say what was sent any more; where it does not have the row, `line` is 0.

    `load` is the place of the row's load among those that were run, `turn` the row's among those of the load that are
    done, in the order of time.
    """

    remote_id: str
    load: int
    turn: int
    line: int
    fields: dict[str, Any] | None
    is_there: bool = True


class Expectations:
    """Records that are expected, each with its rows in the order of time. What is taken is expected no more."""

    def __init__(self) -> None:
        self._index = scratch()
        self._index.execute(_TABLE)
        self._index.execute("CREATE INDEX expected_id ON expected (id)")
        self._index.create_function("scattered", 1, _scattered, deterministic=True)
        self._index.execute("BEGIN")  # never ended: the database is dropped with the connection
        # How many records there are; None when it is to be counted.
        self._count: int | None = 0

    def put(self, rows: Iterable[Expected]) -> None:
        """Expect what rows have left."""
        given = ((one.remote_id, one.load, one.turn, one.line, _encode(one.fields), int(one.is_there)) for one in rows)
        self._index.executemany("INSERT INTO expected VALUES (?, ?, ?, ?, ?, ?)", given)
        self._count = None

    def take(self, ids: Sequence[str]) -> list[list[Expected]]:
        """Return the rows of those of the records with these ids that are expected, and expect them no more."""
        taken: list[list[Expected]] = []
        left = len(self)
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = map(_expected, self._index.execute(_TAKEN.format(marks), some))
            taken += [[*its] for _, its in groupby(rows, attrgetter("remote_id"))]
            self._index.execute(f"DELETE FROM expected WHERE id IN ({marks})", some)  # noqa: S608 - marks only
        self._count = left - len(taken)
        return taken

    def left(self) -> Iterator[list[Expected]]:
        """Yield the rows of each record that is still expected, in no order: the first of them stand for all."""
        for (identity,) in self._index.execute(_LEFT):
            yield [*map(_expected, self._index.execute(_OF, (identity,)))]

    def __len__(self) -> int:
        if self._count is None:
            self._count = int(self._index.execute("SELECT count(DISTINCT id) FROM expected").fetchone()[0])
        return self._count

    def close(self) -> None:
        """Forget everything."""
        self._index.close()


def _scattered(identity: str) -> int:
    """Return the place of an id among others: as good as by chance, and the same every time."""
    return crc32(identity.encode())


def _expected(row: tuple[str, int, int, int, bytes, int]) -> Expected:
    identity, load, turn, line, fields, is_there = row
    return Expected(identity, load, turn, line, _decode(fields), bool(is_there))
