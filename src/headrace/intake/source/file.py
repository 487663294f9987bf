"""A file, a pipe or standard input as a source. What its bytes hold is its layout's to know."""

from collections.abc import Iterator
from typing import Protocol

from headrace.intake.source.input import Input
from headrace.model import Chunk


class Layout(Protocol):
    """How rows are written in a file: one class a format. Without state, so that it may read a file again."""

    @property
    def has_open_columns(self) -> bool:
        """See `Source`."""

    def chunks(self, file: Input) -> Iterator[Chunk]:
        """Yield the rows of `file`, from its beginning; see `Source`."""


class FileSource:
    """The rows that `layout` finds in `file`."""

    def __init__(self, file: Input, layout: Layout) -> None:
        self._input = file
        self._layout = layout
        self.name = file.name
        self.is_replayable = file.is_replayable
        self.may_block = not file.is_replayable
        self.has_open_columns = layout.has_open_columns

    def fingerprint(self) -> bytes | None:
        """See `Source`."""
        return self._input.fingerprint()

    def chunks(self) -> Iterator[Chunk]:
        """See `Source`."""
        return self._layout.chunks(self._input)

    def fraction(self) -> float | None:
        """See `Source`."""
        return self._input.fraction()

    def close(self) -> None:
        """See `Source`."""
        self._input.close()
