"""Results files as they come back: edited in whatever program, and read as what was written.

The last columns are ours (`line` names the row), the others the source's. Where somebody has put the columns in another
order, ours are known by their names; only `line` must be there.
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

_DELIMITERS: Final = ",;\t"
_LONGEST_CELL: Final = 1 << 20
_LINE: Final = re.compile(r"[0-9]{1,15}")  # what fits an integer of SQLite


class Returned(Struct, frozen=True):
    """One record of such a file, the header being the first: the source's line, the cells, our other columns."""

    record: int
    line: int
    cells: list[str]
    own: tuple[str, ...]


class _Layout(Struct, frozen=True):
    """How a file is written: the source's columns, how many there are in all, and where ours are.

    `own` has None for those that are not there; None for all says that the last `count` are ours, as we write them:
    then a row with surplus cells has them before ours.
    """

    delimiter: str
    columns: tuple[str, ...]
    width: int
    count: int
    own: tuple[int | None, ...] | None = None

    def parts(self, fields: list[str]) -> tuple[list[str], list[str]]:
        """Return the source's cells of a record, and ours. Excel leaves out empty cells at the end of a line."""
        fields = fields + [""] * (self.width - len(fields))
        if self.own is None:
            return fields[: -self.count], fields[-self.count :]
        cells = [cell for place, cell in enumerate(fields) if place not in self.own]
        return cells, ["" if place is None else fields[place] for place in self.own]


class ReturnedFile:
    """A results file of one kind, opened; `added` are columns that somebody may have added at the end.

    Iterating gives its records. Raises `SourceError`, with `remedy`, where it cannot be understood.
    """

    def __init__(self, path: Path, kind: Kind, remedy: str, added: Sequence[str] = ()) -> None:
        self.path = path
        self._kind = kind
        self._remedy = remedy
        self._added = tuple(added)
        self._layout = self._header()
        self.columns = self._layout.columns

    def __iter__(self) -> Iterator[Returned]:
        rows = self._rows(self._layout.delimiter)
        next(rows)
        return (self._record(fields, number) for number, fields in enumerate(rows, 2) if any(fields))

    def _header(self) -> _Layout:
        fault = SourceError(
            "Its header does not have the column `line`, once.", file=str(self.path), line=1, hint=self._remedy
        )
        for delimiter in _DELIMITERS:
            try:
                header = next(self._rows(delimiter), [])
            except SourceError as error:  # with another delimiter its quotes may be right
                fault = error
                continue
            layout = _layout([exposed(name) for name in header], delimiter, self._kind, self._added)
            if layout is not None:
                return layout
        raise fault

    def _record(self, fields: list[str], number: int) -> Returned:
        cells, own = self._layout.parts(fields)
        if not cells or not _LINE.fullmatch(own[0]):
            raise SourceError(
                f"Record {number} does not say which line of the source it is.", file=str(self.path), hint=self._remedy
            )
        return Returned(number, int(own[0]), [exposed(cell) for cell in cells], tuple(map(exposed, own[1:])))

    def _rows(self, delimiter: str) -> Iterator[list[str]]:
        """Return the records as they are; spreadsheets may have chosen another delimiter, and added a BOM."""
        try:
            with self.path.open(encoding=_encoding(self.path), newline="") as file:
                csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
                yield from csv.reader(file, delimiter=delimiter, strict=True)
        except OSError as error:
            raise SourceError(f"Cannot be read: {error.strerror}.", file=str(self.path)) from None
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(f"Is not CSV in UTF-8: {error}.", file=str(self.path), hint=self._remedy) from None


def _encoding(path: Path) -> str:
    """Return the encoding of a file: UTF-8 where it is all valid, else what spreadsheets on Windows write."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            while file.read(_LONGEST_CELL):
                pass
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _layout(header: Sequence[str], delimiter: str, kind: Kind, added: tuple[str, ...]) -> _Layout | None:
    """Return how a file with this header is written, None where nothing says which of its columns are ours."""
    for more in (added, ()):
        count = len(OWN_COLUMNS[kind]) + len(more)
        columns = tuple(header[:-count])
        if columns and tuple(header[-count:]) == (*own_columns(kind, columns), *more):
            return _Layout(delimiter, columns, len(header), count)
    own = tuple(_place(header, name) for name in (*OWN_COLUMNS[kind], *added))
    columns = tuple(name for place, name in enumerate(header) if place not in own)
    return None if own[0] is None or not columns else _Layout(delimiter, columns, len(header), len(own), own)


def _place(header: Sequence[str], name: str) -> int | None:
    """Return where our column `name` is, None where it is not or where the source may have one of that name too."""
    places = [place for place, one in enumerate(header) if re.fullmatch(f"(?:headrace_)*{name}", one)]
    return places[0] if len(places) == 1 else None
