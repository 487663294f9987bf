"""The bytes of a JSON document at hand: a window that moves over its blocks, one value at a time."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

import msgspec

from headrace.intake.source.compression import CutError
from headrace.intake.source.protocol import MAX_LINE

MAX_STEPS: Final = 8
"""How many places are tried, from the window's end backwards, as the border between two rows."""

_BLANK: Final = re.compile(rb"[ \t\r\n]*")
_BORDER: Final = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")
_FIRST_KEY: Final = re.compile(rb'\{[ \t\r\n]*"[^"\\]*"')
_BLANKS: Final = b" \t\r\n"
_BETWEEN: Final = re.compile(rb"[ \t\r\n,]*")
_SCALAR: Final = re.compile(rb"[^ \t\r\n,\]}]*")
_STRUCTURE: Final = re.compile(rb'[{}\[\]]|"[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
"""A bracket or a whole string; group 1 is empty where the string does not end within the window."""

_REST: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
"""The rest of a string; group 1 as above."""

_raws: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode

Element = tuple[int, bytes]
"""The 1-based line on which a value starts, and its text."""


class Tape:
    """A window on the document that starts where the reader stands. `line` is where that is.

    It grows by blocks and shrinks as values are taken; one value may be at most `MAX_LINE` bytes long.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        # Mutable: the window, the line of its first byte, and how much of it is not worth another try at a run.
        self.window = bytearray()
        self.line = 1
        self._tried = 0

    def grow(self) -> bool:
        """Append the next block; false at the end of the document."""
        block = next(self._blocks, b"")
        self.window += block
        return bool(block)

    def drop(self, length: int) -> None:
        """Move on by `length` bytes."""
        self.line += self.window.count(b"\n", 0, length)
        del self.window[:length]
        self._tried = max(0, self._tried - length)

    def peek(self) -> bytes:
        """Move on to the next byte that is not blank and return it; empty at the end of the document."""
        while True:
            blank = _BLANK.match(self.window)
            self.drop(blank.end() if blank else 0)
            if self.window or not self.grow():
                return bytes(self.window[:1])

    def take(self, sign: bytes) -> None:
        """Move on past `sign`, which must come next."""
        found = self.peek()
        if found != sign:
            raise CutError(f"expected {_named(sign)}, found {_named(found)}", hint="the file is not valid JSON")
        self.drop(1)

    def finish(self) -> None:
        """Make sure that nothing but blanks follows."""
        if found := self.peek():
            raise CutError(f"expected the end of the file, found {_named(found)}", hint="one file holds one array")

    def run(self) -> list[Element]:
        """Take as many array elements as the window holds whole, if they are all objects; none where that fails.

        `[` + a part of the window + `]` is valid JSON only if the part is a sequence of whole elements, so that
        trying is proof; the borders tried are the last ones that look like one.
        """
        if not self.window or self._tried:
            return []
        for cut in chain(islice(self._likely_borders(), MAX_STEPS), islice(self._borders(), MAX_STEPS)):
            try:
                raws = _raws(b"[%b]" % bytes(self.window[:cut]))
            except (msgspec.MsgspecError, RecursionError):
                continue
            return self._taken(raws, cut)
        # An element that is no valid JSON, or a deep one: one by one until past this window, not to try all again.
        self._tried = len(self.window)
        return []

    def _likely_borders(self) -> Iterator[int]:
        """Yield, from the last, where an object ends that another one follows with the same first key as this one."""
        first = _FIRST_KEY.match(self.window)
        start = self.window.rfind(first[0], 1) if first else -1
        while first and start > 0:
            before = self.window[:start].rstrip(_BLANKS)
            if before.endswith(b","):
                yield len(before) - 1
            start = self.window.rfind(first[0], 1, start)

    def _borders(self) -> Iterator[int]:
        """Yield, from the last, where any object ends that another one follows."""
        cut = self.window.rfind(b"}")
        while cut > 0:
            if _BORDER.match(self.window, cut):
                yield cut + 1
            cut = self.window.rfind(b"}", 0, cut)

    def _taken(self, raws: list[msgspec.Raw], cut: int) -> list[Element]:
        """Move past the elements `raws`, which end at `cut`, and return them with their lines."""
        if self.window.find(b"\n", 0, cut) < 0:
            self.drop(cut)
            return [(self.line, bytes(raw)) for raw in raws]
        elements = []
        for raw in raws:
            gap = _BETWEEN.match(self.window)
            self.drop(gap.end() if gap else 0)
            text = bytes(raw)
            elements.append((self.line, text))
            self.drop(len(text))
        return elements

    def value(self) -> Element:
        """Take the next value, whatever it is."""
        self.peek()
        line, end = self.line, self._end(is_kept=True)
        text = bytes(self.window[:end])
        self.drop(end)
        return line, text

    def skip(self) -> None:
        """Move past the next value, however long it is."""
        self.peek()
        self.drop(self._end(is_kept=False))

    def _end(self, *, is_kept: bool) -> int:
        """Return where the value ends that the window starts with; unless it is to be kept, drop what is passed."""
        if not self.window or self.window[0] not in _OPENING:
            return self._end_of_scalar()
        at = depth = 0
        is_inside = False  # a string that began in an earlier block
        while True:
            found = _REST.match(self.window, at) if is_inside else _STRUCTURE.search(self.window, at)
            if found is None or found[1] == b"":
                is_inside = found is not None
                at = found.end() if found else len(self.window)
                if not is_kept:
                    self.drop(at)
                    at = 0
                self._grow_value()
                continue
            depth += 0 if is_inside else _STEP.get(self.window[found.start()], 0)
            is_inside = False
            at = found.end()
            if depth == 0:
                return at

    def _end_of_scalar(self) -> int:
        while True:
            found = _SCALAR.match(self.window)
            end = found.end() if found else 0
            if end < len(self.window) or not self.grow():
                break
        if not end:
            raise CutError(f"expected a value, found {_named(self.peek())}", hint="the file is not valid JSON")
        return end

    def _grow_value(self) -> None:
        if len(self.window) > MAX_LINE:
            raise CutError(f"holds a row longer than {MAX_LINE >> 20} MiB", hint="is a quote or a bracket left open?")
        if not self.grow():
            raise CutError("ends in the middle of a value", hint="the file is truncated: copy or export it again")


_OPENING: Final = b'{["'
_STEP: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


def _named(found: bytes) -> str:
    return repr(found.decode("latin-1")) if found else "the end of the file"
