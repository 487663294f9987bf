"""What is expected to be found: values by remote id, in a temporary database, so that memory stays flat."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from headrace.ledger.past import scratch

_AT_ONCE: Final = 500
_encode: Final = msgspec.msgpack.Encoder(enc_hook=str).encode
_decode: Final = msgspec.msgpack.Decoder(dict[str, Any]).decode


class Expected(Struct, frozen=True):
    """One record: its id, the line of its row, and its fields as they were sent, under the vendor's names."""

    remote_id: str
    line: int
    fields: dict[str, Any]


class Expectations:
    """Records that are expected. What is taken is expected no more."""

    def __init__(self) -> None:
        self._index = scratch()
        self._index.execute("CREATE TABLE expected (id TEXT PRIMARY KEY, line INTEGER, fields BLOB) WITHOUT ROWID")
        self._index.execute("BEGIN")  # never ended: the database is dropped with the connection

    def put(self, records: Iterable[Expected]) -> None:
        """Expect records."""
        rows = ((one.remote_id, one.line, _encode(one.fields)) for one in records)
        self._index.executemany("INSERT OR REPLACE INTO expected VALUES (?, ?, ?)", rows)

    def take(self, ids: Sequence[str]) -> list[Expected]:
        """Return those of the records with these ids that are expected, and expect them no more."""
        taken: list[Expected] = []
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            where = f"WHERE id IN ({marks})"
            rows = self._index.execute(f"SELECT id, line, fields FROM expected {where}", some)  # noqa: S608 - marks only
            taken += [Expected(identity, line, _decode(fields)) for identity, line, fields in rows]
            self._index.execute(f"DELETE FROM expected {where}", some)  # noqa: S608 - marks only
        return taken

    def left(self) -> Iterator[Expected]:
        """Return what is still expected, in the order of the lines."""
        for identity, line, fields in self._index.execute("SELECT id, line, fields FROM expected ORDER BY line"):
            yield Expected(identity, line, _decode(fields))

    def __len__(self) -> int:
        return int(self._index.execute("SELECT count(*) FROM expected").fetchone()[0])

    def close(self) -> None:
        """Forget everything."""
        self._index.close()
