"""Rows that are done and say something else in the source now than what was sent: counted, and listed in a file.

They stay as they are. The file is a source for a load that updates them: the original columns and the remote id, but
not where several rows have one key: then nobody could tell which of the records is whose.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from headrace.ledger import durable
from headrace.ledger.cells import render
from headrace.ledger.idmap import IdMap
from headrace.ledger.pen import Pen
from headrace.model import Row

REMOTE_ID: Final = "remote_id"


class Edited:
    """The edited rows of one pass. Mutable state: how many there are, and the draft of their file."""

    def __init__(self, reader: sqlite3.Connection, pen: Pen) -> None:
        self._reader = reader
        self._pen = pen
        self._count = 0
        self._first_line = 0
        self._ids: IdMap | None = None
        self._draft: int | None = None

    def add(self, rows: Sequence[Row], columns: tuple[str, ...]) -> None:
        """Take edited rows, in the order of the source. Raises `OSError`."""
        if not rows:
            return
        self._first_line = self._first_line or rows[0].line
        self._count += len(rows)
        if self._path is not None:
            self._write(self._path, rows, columns)

    def finish(self) -> tuple[str, ...]:
        """Put the file in its place, or take an old one away where no row is edited any more; return what to say."""
        path = self._path
        if path is not None and self._draft is not None:
            os.fsync(self._draft)
            durable.rename(_draft_of(path), path)
        elif path is not None:
            path.unlink(missing_ok=True)
        self.close()
        if not self._count:
            return ()
        rows = "1 row that is" if self._count == 1 else f"{self._count} rows that are"
        where = "" if path is None else f", and are listed in {path.name}"
        told = f"{rows} done, from line {self._first_line} on, changed in the source since they were sent"
        return (f"{told}: they stay as they are{where}; a load that updates them brings the changes over.",)

    def close(self) -> None:
        """Close what is open. What is not finished is written anew by the next pass."""
        if self._ids is not None:
            self._ids.close()
            self._ids = None
        if self._draft is not None:
            os.close(self._draft)
            self._draft = None

    @property
    def _path(self) -> Path | None:
        results = self._pen.results
        return None if results is None else results.beside("changed")

    def _write(self, path: Path, rows: Sequence[Row], columns: tuple[str, ...]) -> None:
        lines: list[Sequence[object]] = []
        if self._draft is None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._draft = durable.create(_draft_of(path))
            self._ids = IdMap(self._reader, self._pen.load_id)
            lines.append([*columns, REMOTE_ID])
        assert self._ids is not None, "opened with the draft"
        ids = self._ids.find([row.key for row in rows])
        each = (ids.get(row.key, "") for row in rows)
        lines += [[*row.cells, one if isinstance(one, str) else ""] for row, one in zip(rows, each, strict=True)]
        durable.write_all(self._draft, b"".join(render(lines)))


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.next")
