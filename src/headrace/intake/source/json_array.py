"""A JSON document: a layout whose rows are the elements of one array, streamed."""

from collections.abc import Iterator, Sequence

import msgspec

from headrace.errors import SourceError
from headrace.intake.source.columns import Columns
from headrace.intake.source.compression import CutError
from headrace.intake.source.encoding import known, utf8
from headrace.intake.source.input import Input, refusing_foreign
from headrace.intake.source.json_lines import reread
from headrace.intake.source.objects import objects
from headrace.intake.source.protocol import CHUNK_ROWS, MAX_LINE
from headrace.intake.source.tape import Element, Tape
from headrace.intake.suggestion import listed
from headrace.model import Chunk


class JsonArray:
    """The array that is the document, or that is found in it under `path` (names of keys).

    A file that is called JSON and is JSON Lines is read as that. A broken element is a broken row, as long as its
    brackets and quotes are balanced.
    """

    has_open_columns = True

    def __init__(self, *, encoding: str | None = None, path: Sequence[str] = ()) -> None:
        self._encoding = encoding and known(encoding)
        self._path = tuple(path)

    def chunks(self, file: Input) -> Iterator[Chunk]:
        """See `Layout`."""
        blocks = self._utf8(file)
        tape = Tape(blocks)
        try:
            if not self._path and tape.peek() == b"{":
                refuse_envelope(tape, file=file.name)
                yield from reread(file.name, blocks, already=b"\n" * (tape.line - 1) + tape.window)
                return
            enter(tape, self._path)
            yield from chunked(elements(tape))
            if not self._path:
                tape.finish()
        except CutError as error:
            raise error.at(file.name, tape.line) from None

    def _utf8(self, file: Input) -> Iterator[bytes]:
        """Yield the document as UTF-8; what is wrong with its first bytes shows when they are asked for."""
        yield from utf8(refusing_foreign(file.blocks()), encoding=self._encoding)


def elements(tape: Tape) -> Iterator[list[Element]]:
    """Yield the elements of the array at which `tape` stands, some at a time."""
    tape.take(b"[")
    if tape.peek() == b"]":
        tape.drop(1)
        return
    while True:
        yield tape.run() or [tape.value()]
        if tape.peek() == b"]":
            tape.drop(1)
            return
        tape.take(b",")
        tape.peek()


class _Chunks:
    """Elements gathered into chunks: full ones, and what is left."""

    def __init__(self) -> None:
        # Mutable: elements not yet in a chunk and their bytes, the keys seen, the next chunk's offset.
        self.held: list[Element] = []
        self._size = 0
        self._columns = Columns()
        self._offset = 0

    def add(self, run: list[Element]) -> None:
        self.held += run
        self._size += sum(len(text) for _, text in run)

    @property
    def is_full(self) -> bool:
        return len(self.held) >= CHUNK_ROWS or self._size > MAX_LINE

    def take(self) -> Chunk:
        """Return the first elements as a chunk."""
        taken, self.held = self.held[:CHUNK_ROWS], self.held[CHUNK_ROWS:]
        self._size = sum(len(text) for _, text in self.held)
        rows, broken = objects([text for _, text in taken])
        cells = self._columns.cells(rows)
        offset, self._offset = self._offset, self._offset + len(taken)
        return Chunk(self._columns.names, offset, [line for line, _ in taken], cells, broken)


def chunked(runs: Iterator[list[Element]]) -> Iterator[Chunk]:
    """Yield the rows that `runs` of elements are; where those end in an error, the rows before it first."""
    chunks, failure = _Chunks(), None
    try:
        for run in runs:
            chunks.add(run)
            while chunks.is_full:
                yield chunks.take()
    except CutError as error:
        failure = error
    while chunks.held:
        yield chunks.take()
    if failure is not None:
        raise failure


def enter(tape: Tape, path: Sequence[str]) -> None:
    """Move `tape` to the value under `path`, passing over what stands before it."""
    for depth, name in enumerate(path):
        place = ".".join(path[: depth + 1])
        tape.take(b"{")
        for key in keys(tape):
            if key == name:
                break
            tape.skip()
        else:
            raise CutError(f"holds nothing under '{place}'", line=0)
    if path and tape.peek() != b"[":
        raise CutError(f"holds no array under '{'.'.join(path)}'", line=0)


def keys(tape: Tape) -> Iterator[str]:
    """Yield the keys of the object that `tape` has just entered; the caller passes over each one's value."""
    if tape.peek() == b"}":
        tape.drop(1)
        return
    while True:
        _, text = tape.value()
        try:
            key = msgspec.json.decode(text, type=str)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise CutError("expected a key in quotes", hint="the file is not valid JSON") from None
        tape.take(b":")
        tape.peek()
        yield key
        if tape.peek() == b"}":
            tape.drop(1)
            return
        tape.take(b",")


def refuse_envelope(tape: Tape, *, file: str) -> None:
    """Raise `SourceError` if the object at which `tape` stands is a wrapping around the rows, not the first of them.

    It is one if it spans lines (JSON Lines do not), or if it is alone and holds an array of objects.
    """
    while b"\n" not in tape.window and tape.grow():
        if len(tape.window) > MAX_LINE:
            break
    first, _, rest = bytes(tape.window).partition(b"\n")
    following = rest.lstrip()[:1]
    if following == b"{" and first.rstrip().endswith(b"}"):
        return
    if not following and _is_json(first) and not arrays(first):
        return
    names = arrays(bytes(tape.window[: 1 << 20]))
    hint = f'say where: path = "{names[0]}"' if names else "write the rows as an array, or as one object a line"
    found = f"; there is one under {listed(names, last='and')}" if names else ""
    raise SourceError(f"holds one object, not an array of rows{found}", file=file, hint=hint)


def arrays(text: bytes) -> list[str]:
    """Return the keys of the object that begins with `text` under which there are arrays of objects."""
    tape = Tape(iter((text,)))
    names = []
    try:
        tape.take(b"{")
        for key in keys(tape):
            if tape.window[:1] == b"[" and b"{" in tape.window[1:40]:
                names.append(key)
            tape.skip()
    except CutError:
        pass  # as far as the text goes
    return names


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
