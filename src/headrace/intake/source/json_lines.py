"""JSON Lines: a layout with one object a line."""

from collections.abc import Iterator
from itertools import chain

from headrace.intake.source.columns import Columns
from headrace.intake.source.compression import CutError
from headrace.intake.source.encoding import known, utf8
from headrace.intake.source.input import Input, refusing_foreign
from headrace.intake.source.objects import objects
from headrace.intake.source.protocol import CHUNK_ROWS, MAX_LINE
from headrace.model import Chunk


class JsonLines:
    """Text with one JSON object a line. Blank lines are passed over; a line that is no object is a broken row."""

    has_open_columns = True

    def __init__(self, *, encoding: str | None = None) -> None:
        self._encoding = encoding and known(encoding)

    def chunks(self, file: Input) -> Iterator[Chunk]:
        """See `Layout`."""
        reading = JsonLinesReading()
        try:
            blocks = utf8(refusing_foreign(file.blocks()), encoding=self._encoding)
            yield from reading.chunks(blocks)
        except CutError as error:
            raise error.at(file.name, reading.line) from None


class JsonLinesReading:
    """One pass. `line` is where the next chunk starts."""

    def __init__(self) -> None:
        # Mutable: where the next chunk starts, by line and by offset, and the keys seen so far.
        self.line = 1
        self._offset = 0
        self._columns = Columns()

    def chunks(self, blocks: Iterator[bytes]) -> Iterator[Chunk]:
        """Yield the rows of `blocks`, which are UTF-8."""
        for text in _whole_lines(blocks):
            lines = text.split(b"\n")
            for start in range(0, len(lines), CHUNK_ROWS):
                chunk = self._chunk(lines[start : start + CHUNK_ROWS])
                if chunk.rows:
                    yield chunk

    def _chunk(self, lines: list[bytes]) -> Chunk:
        start = self.line
        filled = [(start + place, line) for place, line in enumerate(lines) if line and not line.isspace()]
        rows, broken = objects([line for _, line in filled])
        cells = self._columns.cells(rows)
        chunk = Chunk(self._columns.names, self._offset, [place for place, _ in filled], cells, broken)
        self.line += len(lines)
        self._offset += len(filled)
        return chunk


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    r"""Yield text of one or more whole lines, without the last `\n`."""
    held: list[bytes] = []
    length = 0
    for block in blocks:
        head, end, tail = block.rpartition(b"\n")
        if end:
            yield b"".join((*held, head))
            held, length = [tail], len(tail)
            continue
        held.append(block)
        length += len(block)
        if length > MAX_LINE:
            raise CutError(f"holds a line longer than {MAX_LINE >> 20} MiB", hint="is it JSON Lines at all?")
    if length:
        yield b"".join(held)


def reread(file: str, blocks: Iterator[bytes], *, already: bytes) -> Iterator[Chunk]:
    """Yield the rows of what turned out to be JSON Lines after its first bytes were read `already`."""
    reading = JsonLinesReading()
    try:
        yield from reading.chunks(chain((already,), blocks))
    except CutError as error:
        raise error.at(file, reading.line) from None
