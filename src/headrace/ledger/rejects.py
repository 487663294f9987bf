"""Reject files as they come back: edited in whatever program, and read as what was written.

The last columns are ours (`line` names the row), the others the source's.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from headrace.errors import SourceError
from headrace.ledger.cells import exposed
from headrace.ledger.sheet import OWN_COLUMNS, Kind, own_columns

_OWN: Final = len(OWN_COLUMNS[Kind.REJECTS])
_DELIMITERS: Final = ",;\t"
_LONGEST_CELL: Final = 1 << 20
_LINE: Final = re.compile(r"[0-9]{1,15}")  # what fits an integer of SQLite
_REMEDY: Final = "Keep the header and the column `line` as headrace wrote them; edit the other cells."


class Reject(Struct, frozen=True):
    """One record of a reject file, the header being the first: the source's line, the cells, our other columns."""

    record: int
    line: int
    cells: list[str]
    reason: tuple[str, ...]


class RejectFile:
    """A reject file, opened. Iterating gives its rejects. Raises `SourceError` where it cannot be understood."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: tuple[str, ...] = self._header()

    def __iter__(self) -> Iterator[Reject]:
        rows = self._rows()
        next(rows)
        return (self._reject(fields, number) for number, fields in enumerate(rows, 2) if any(fields))

    def _header(self) -> tuple[str, ...]:
        header = [exposed(name) for name in next(self._rows(), [])]
        columns = tuple(header[:-_OWN])
        if not columns or tuple(header[-_OWN:]) != own_columns(Kind.REJECTS, columns):
            raise SourceError("This is not a reject file.", file=str(self.path), line=1, hint=_REMEDY)
        return columns

    def _reject(self, fields: Sequence[str], number: int) -> Reject:
        own = fields[-_OWN:]
        if len(fields) <= _OWN or not _LINE.fullmatch(own[0]):
            raise SourceError(
                f"Record {number} does not say which line of the source it is.", file=str(self.path), hint=_REMEDY
            )
        return Reject(number, int(own[0]), [exposed(cell) for cell in fields[:-_OWN]], tuple(map(exposed, own[1:])))

    def _rows(self) -> Iterator[list[str]]:
        """Return the records as they are; spreadsheets may have chosen another delimiter, and added a BOM."""
        try:
            with self.path.open(encoding=_encoding(self.path), newline="") as file:
                csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
                delimiter = _delimiter(file.readline())
                file.seek(0)
                yield from csv.reader(file, delimiter=delimiter, strict=True)
        except OSError as error:
            raise SourceError(f"Cannot be read: {error.strerror}.", file=str(self.path)) from None
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(f"Is not CSV in UTF-8: {error}.", file=str(self.path), hint=_REMEDY) from None


def _encoding(path: Path) -> str:
    """Return the encoding of a file: UTF-8 where it is all valid, else what spreadsheets on Windows write."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            while file.read(_LONGEST_CELL):
                pass
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _delimiter(header: str) -> str:
    """Return the delimiter of a header that ends in our columns."""
    return max(_DELIMITERS, key=lambda one: header.endswith(one.join(OWN_COLUMNS[Kind.REJECTS][1:]) + _end(header)))


def _end(line: str) -> str:
    """Return the line end of `line`."""
    return line[len(line.rstrip("\r\n")) :]
