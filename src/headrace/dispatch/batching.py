"""Batching: records come in as intake finds them, and leave as the batches that requests carry."""

from collections import deque
from collections.abc import Iterable

from headrace.model import Batch, Record


class Batching:
    """A short queue of records that is emptied in batches of `size`.

    Mutable state: the records that wait, never more than a batch and a chunk, and the size, which only shrinks.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: deque[Record] = deque()

    @property
    def size(self) -> int:
        """How many records a batch holds at most."""
        return self._size

    @property
    def is_ready(self) -> bool:
        """Whether a full batch waits."""
        return len(self._waiting) >= self._size

    def add(self, records: Iterable[Record]) -> None:
        """Append records, in order."""
        self._waiting.extend(records)

    def take(self, most: int | None = None) -> Batch | None:
        """Return the next batch, the last one perhaps not full, of at most `most`; None when nothing waits."""
        if not self._waiting:
            return None
        size = self._size if most is None else most
        return Batch([self._waiting.popleft() for _ in range(min(size, len(self._waiting)))])

    def shrink(self, refused: int) -> None:
        """Make batches half as large as one of `refused` records that was too large, for the rest of the load."""
        self._size = max(1, min(self._size, refused // 2))

    def __len__(self) -> int:
        return len(self._waiting)

    def __repr__(self) -> str:
        return f"<Batching: {len(self)} waiting, batches of {self._size}>"
