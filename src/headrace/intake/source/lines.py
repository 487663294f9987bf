"""Text cut into whole lines, in blocks: what the CSV reader is fed with."""

import io
from collections.abc import Iterator

from headrace.intake.source.compression import CutError
from headrace.intake.source.protocol import MAX_CHUNK, MAX_LINE


class Lines:
    r"""Yields blocks of whole lines, each block an iterator of lines with their `\n`, `\r\n` or `\r`.

    Memory is bounded by `MAX_LINE` for what has not seen its line's end, and by `MAX_CHUNK` for what is fed between
    two calls of `rest()`.
    """

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        # Mutable: text after the last line end so far, how long it is, what was looked at but not yet fed.
        self._held: list[str] = []
        self._held_length = 0
        self._ahead: str | None = None
        self._fed = 0
        self.has_nul = False
        """Whether a NUL has come by; sticky, so that rows are looked at one by one only in files that have one."""

    def peek(self) -> str:
        """Return the first block of whole lines without using it up."""
        if self._ahead is None:
            self._ahead = self._block()
        return self._ahead

    def skip(self, length: int) -> None:
        """Leave out the first `length` characters of what `peek()` shows."""
        self._ahead = self.peek()[length:] or None

    def rest(self) -> None:
        """Say that all that was fed so far is dealt with."""
        self._fed = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> Iterator[str]:
        text, self._ahead = self.peek(), None
        if not text:
            raise StopIteration
        self._fed += len(text)
        if self._fed > MAX_CHUNK:
            raise CutError(f"holds rows that are too long to read: more than {MAX_CHUNK >> 20} MiB in a few rows")
        self.has_nul = self.has_nul or "\0" in text
        return io.StringIO(text, newline="")

    def _block(self) -> str:
        """Return the text up to the last line end of the next block that has one; at the end, all that is left."""
        for text in self._texts:
            cut = _last_line_end(text)
            if cut:
                whole = "".join((*self._held, text[:cut]))
                self._hold(text[cut:])
                return whole
            self._held.append(text)
            self._held_length += len(text)
            if self._held_length > MAX_LINE:
                raise CutError(f"holds a line longer than {MAX_LINE >> 20} MiB", hint="is it a text file at all?")
        whole = "".join(self._held)
        self._hold("")
        return whole

    def _hold(self, text: str) -> None:
        self._held = [text]
        self._held_length = len(text)


def _last_line_end(text: str) -> int:
    r"""Return where the last whole line of `text` ends, 0 where none does.

    A `\r` that ends the block is left alone: it may be one half of a `\r\n`.
    """
    return text.rfind("\n") + 1 or text.rfind("\r", 0, -1) + 1
