"""The first rows of a source, for a trial: as many as a limit says."""

from collections.abc import Iterable, Iterator

from headrace.model import Chunk


class First:
    """Takes the first `limit` rows, chunk after chunk; all where it is None. Mutable state: how many are `left`."""

    def __init__(self, limit: int | None) -> None:
        self.left = limit

    def of(self, chunk: Chunk) -> Chunk:
        """Return the next chunk without the rows that are too many."""
        if self.left is None:
            return chunk
        kept = _cut(chunk, self.left)
        self.left -= len(kept.rows)
        return kept


def first_rows(chunks: Iterable[Chunk], limit: int | None) -> Iterator[Chunk]:
    """Yield the first `limit` rows of `chunks`, all where it is None."""
    first = First(limit)
    for chunk in chunks:
        yield first.of(chunk)
        if first.left == 0:
            return


def _cut(chunk: Chunk, count: int) -> Chunk:
    """Return `chunk` with at most its first `count` rows."""
    if len(chunk.rows) <= count:
        return chunk
    return Chunk(
        columns=chunk.columns,
        offset=chunk.offset,
        lines=chunk.lines[:count],
        rows=chunk.rows[:count],
        broken={at: faults for at, faults in chunk.broken.items() if at < count},
    )
