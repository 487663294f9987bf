"""What a source is to the rest of the flow: the first stage, rows as found, in chunks."""

from collections.abc import Iterator
from typing import Final, Protocol

from headrace.model import Chunk

CHUNK_ROWS: Final = 100
"""Rows in a full chunk: large enough to share the cost of a call, small enough that one bad row costs little."""

MAX_COLUMNS: Final = 4_096
MAX_CELL: Final = 1 << 20
"""Longest cell of a text file, in characters."""

MAX_LINE: Final = 16 << 20
"""Longest line of a text file in characters, longest row of a JSON file in bytes."""

MAX_CHUNK: Final = 256 << 20
"""Most characters that the rows of one chunk may have together."""


class Source(Protocol):
    """Rows from one place. Used by one thread at a time; nothing of it is `async`.

    Errors: every method may raise `SourceError`, which names the file and, where it is known, the line.
    """

    @property
    def name(self) -> str:
        """What messages call it: the file's name as given."""

    @property
    def is_replayable(self) -> bool:
        """Whether it can be read more than once: a regular file can, a pipe or an iterator cannot."""

    @property
    def may_block(self) -> bool:
        """Whether the next chunk may be long in coming (a pipe, a terminal): read it in a thread."""

    @property
    def has_open_columns(self) -> bool:
        """Whether later chunks may bring columns that the first one lacks (JSON, items)."""

    def fingerprint(self) -> bytes | None:
        """Return the digest of the whole content, as stored; None where it can be read only once."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in order, at most 100 to a chunk, in constant memory.

        A row that can be read only in part, or not at all, is in its chunk's `broken`. Where the input itself breaks
        off, the rows before that place come first and then the error. A replayable source starts afresh at each call,
        whether or not an earlier iterator was exhausted; any other source can be read once.
        """

    def fraction(self) -> float | None:
        """Return how much of the stored bytes the latest `chunks()` has taken in, 0 to 1; None where unknown."""

    def close(self) -> None:
        """Let go of what is open. Idempotent; the source may be read again afterwards if it is replayable."""
