"""One pass over a delimited text: rows become chunks, each row with the line it starts on."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import ClassVar, Final, TypeAlias

from headrace.errors import SourceError
from headrace.intake.source.compression import CutError
from headrace.intake.source.dialect import Header, header_of, unquoted
from headrace.intake.source.lines import Lines
from headrace.intake.source.protocol import CHUNK_ROWS, MAX_CELL
from headrace.intake.suggestion import shown
from headrace.model import Chunk, Fault

Faults: TypeAlias = Mapping[int, tuple[Fault, ...]]
Run: TypeAlias = tuple[Sequence[int], list[list[str]], Faults]

NO_FAULTS: Final[Faults] = {}


class OpenQuoteError(Exception):
    """The text ends, or a cell outgrows its limit, inside the row at which the table stands."""

    hint: ClassVar[str] = 'close the quote, or write a quote inside a quoted cell as ""'


class Table:
    """The rows of one text. `line` is where the next row starts, or the one that cannot be read."""

    def __init__(self, lines: Lines, delimiter: str, *, file: str, first_line: int) -> None:
        self._file = file
        self._lines = lines
        self.delimiter = delimiter
        self._reader = csv.reader(chain.from_iterable(lines), delimiter=delimiter, strict=True)
        self._before = first_line - 1
        # Mutable: where the next row starts, and its offset.
        self.line = first_line
        self._offset = 0

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows below the header. Raises `CutError` and `OpenQuoteError` after the rows before the place."""
        header = self._header()
        for places, rows, faults in self._runs(CHUNK_ROWS):
            self._lines.rest()
            chunk = self._chunk(header, places, rows, faults)
            if chunk.rows:
                self._offset += len(chunk.rows)
                yield chunk

    def _header(self) -> Header:
        for places, rows, faults in self._runs(1):
            if faults:
                raise SourceError(faults[0][0].error, file=self._file, line=places[0], hint=faults[0][0].hint)
            if any(rows[0]):
                return header_of(rows[0], file=self._file, line=places[0])
        raise CutError("holds no header row", hint="its first row must name the columns")

    def _runs(self, count: int) -> Iterator[Run]:
        """Yield up to `count` rows at a time with the lines they start on; a row that cannot be read by itself."""
        while True:
            rows: list[list[str]] = []
            failure: csv.Error | CutError | None = None
            try:
                rows.extend(islice(self._reader, count))  # what came before an error stays in `rows`
            except (csv.Error, CutError) as error:
                failure = error
            places = self._places(rows, is_whole=failure is None)
            if rows:
                yield places, rows, NO_FAULTS
            if failure is not None:
                yield self._unreadable(failure)
            elif not rows:
                return

    def _places(self, rows: list[list[str]], *, is_whole: bool) -> Sequence[int]:
        """Return the lines that `rows` start on, and move on to the line after them.

        A row takes a line more for each line end in its cells; only where lines and rows differ in number are those
        counted.
        """
        start = self.line
        behind = self._before + self._reader.line_num + 1
        if is_whole and behind - start == len(rows):
            self.line = behind
            return range(start, behind)
        places = []
        for row in rows:
            places.append(self.line)
            self.line += 1 + _line_ends("\v".join(row))
        return places

    def _unreadable(self, failure: csv.Error | CutError) -> Run:
        """Return the row that `failure` is about as a broken one, or raise where nothing after it can be trusted."""
        if isinstance(failure, CutError):
            raise failure
        if "expected after" not in str(failure):
            raise OpenQuoteError(_BEYOND_HELP.get(str(failure)[:11], str(failure))) from None
        start, end = self.line, self._before + self._reader.line_num
        self.line = end + 1
        return [start], [[]], {0: (_stray_quote(start, end),)}

    def _chunk(self, header: Header, places: Sequence[int], rows: list[list[str]], faults: Faults) -> Chunk:
        if not faults and not all(map(any, rows)):
            places, rows = _without_blank(places, rows)
        faults = {**self._misfits(header, rows, faults), **faults}
        if self._lines.has_nul:
            faults = {**faults, **_with_nul(rows)}
        if header.is_ours:
            rows = [[unquoted(cell) for cell in row] for row in rows]
        return Chunk(header.columns, self._offset, places, rows, faults)

    def _misfits(self, header: Header, rows: list[list[str]], known: Faults) -> Faults:
        """Cut or fill every row to the header's width, in place, and return the faults of those that do not fit."""
        width = len(header.columns)
        if set(map(len, rows)) <= {width}:
            return NO_FAULTS
        faults = {}
        for place, row in enumerate(rows):
            extra = row[width + header.tail :]
            if any(extra):
                faults[place] = (_extra_cells(width, extra),)
            elif len(row) < width and place not in known:
                faults[place] = (_missing_cells(header.columns, len(row)),)
            row[width:] = extra if place in faults else []  # what is surplus must be in the reject file too
            row.extend([""] * (width - len(row)))
        return faults


_BEYOND_HELP: Final = {
    "unexpected ": "a quote that is opened here is never closed",
    "field large": f"a cell that starts here is longer than {MAX_CELL >> 20} MiB; a quote may have been left open",
}
"""What csv says, by its first letters, to what we say, when the rest of the text cannot be trusted."""


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _without_blank(places: Sequence[int], rows: list[list[str]]) -> tuple[list[int], list[list[str]]]:
    kept = [place for place, row in enumerate(rows) if any(row) and (len(row) > 1 or row[0].strip())]
    return [places[place] for place in kept], [rows[place] for place in kept]


def _with_nul(rows: list[list[str]]) -> Faults:
    fault = Fault(code="nul", error="the row holds a NUL character", hint="no API takes it: delete it from the file")
    return {place: (fault,) for place, row in enumerate(rows) if any("\0" in cell for cell in row)}


def _stray_quote(start: int, end: int) -> Fault:
    between = "" if start == end else f", and swallows lines {start + 1} to {end}"
    return Fault(
        code="stray_quote",
        error=f"a quoted cell goes on after its closing quote{between}",
        hint='write a quote inside a quoted cell as ""',
    )


def _extra_cells(width: int, extra: list[str]) -> Fault:
    return Fault(
        code="extra_cells",
        error=f"the row has more cells than the header has columns ({width})",
        value=shown(" | ".join(extra)),
        hint="quote the cells that hold a delimiter",
    )


def _missing_cells(columns: tuple[str, ...], found: int) -> Fault:
    return Fault(
        code="missing_cells",
        error=f"the row has {found} of {len(columns)} cells; '{columns[found]}' and what follows are missing",
        column=columns[found],
        hint="the row may be broken in two by a line end without quotes; if not, write the empty cells too",
    )


_QUOTED: Final = re.compile(r'"(?:[^"]|"")*+"')


def open_quote(lines: Iterable[str], *, from_line: int, delimiter: str) -> int:
    """Return the line of the quote that the row starting at `from_line` opens and does not close.

    `lines` are those of the whole file; as much of the row is looked at as one cell may be long, and a half.
    """
    text, length = [], 0
    for line in islice(lines, from_line - 1, None):
        text.append(line)
        length += len(line)
        if length > MAX_CELL * 3 // 2:
            break
    row = "".join(text)
    return from_line + _line_ends(row[: _open_at(row, delimiter)])


def _open_at(row: str, delimiter: str) -> int:
    """Return where the cell starts that is not closed; the row's start where all are."""
    at = 0
    while at < len(row):
        if row[at] == '"':
            quoted = _QUOTED.match(row, at)
            if quoted is None:
                return at
            at = quoted.end()
        following = row.find(delimiter, at) + 1
        if not following:
            break
        at = following
    return 0
