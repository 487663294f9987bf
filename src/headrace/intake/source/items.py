"""Items: a source of rows that are already in memory, mappings or Structs, from the library's caller."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from headrace.errors import SourceError
from headrace.intake.source.columns import Columns
from headrace.intake.source.compression import CutError
from headrace.intake.source.protocol import CHUNK_ROWS
from headrace.intake.suggestion import shown
from headrace.model import Chunk, Fault

Item: TypeAlias = Mapping[str, Any] | Struct


class Items:
    """Turns items into chunks, one call after another: the columns and the offset go on where they were.

    An item has no line in a file; its `line` is its place, counted from 1.
    """

    def __init__(self, name: str = "rows") -> None:
        self.name = name
        # Mutable: the keys seen so far, and the offset of the next item.
        self._columns = Columns()
        self._offset = 0

    def chunk(self, items: Sequence[Item]) -> Chunk:
        """Return the next rows as one chunk. Raises `SourceError` when they have too many different keys."""
        read = [_read(item) for item in items]
        start = self._offset
        try:
            cells = self._columns.cells(row for row, _ in read)
        except CutError as error:
            raise error.at(self.name, start + 1) from None
        self._offset += len(read)
        broken = {place: (fault,) for place, (_, fault) in enumerate(read) if fault is not None}
        return Chunk(self._columns.names, start, range(start + 1, self._offset + 1), cells, broken)


class ItemSource:
    """An iterable of items as a source. It can be read once."""

    has_open_columns = True
    is_replayable = False
    may_block = False

    def __init__(self, items: Iterable[Item], *, name: str = "rows") -> None:
        self.name = name
        self._items: Iterator[Item] | None = iter(items)

    def fingerprint(self) -> bytes | None:
        """See `Source`."""
        return None

    def fraction(self) -> float | None:
        """See `Source`."""
        return None

    def close(self) -> None:
        """See `Source`."""
        self._items = None

    def chunks(self) -> Iterator[Chunk]:
        """See `Source`."""
        items, self._items = self._items, None
        if items is None:
            raise SourceError("can be read only once", file=self.name, hint="give the rows again as a new iterable")
        reading = Items(self.name)
        while batch := list(islice(items, CHUNK_ROWS)):
            yield reading.chunk(batch)


def _read(item: Any) -> tuple[Mapping[str, Any], Fault | None]:
    """Return the item as a mapping by field name; an empty one and the fault if it is no row."""
    if isinstance(item, Struct):
        item = msgspec.structs.asdict(item)
    if not isinstance(item, Mapping):
        return {}, Fault(
            code="not_an_object", error="the row is neither a mapping nor a Struct", value=shown(type(item).__name__)
        )
    if not all(isinstance(key, str) for key in item):
        return {}, Fault(code="not_an_object", error="the row has keys that are not text", value=shown(list(item)))
    torn = next((key for key, cell in item.items() if isinstance(cell, str) and not _is_sound(cell)), None)
    if torn is not None:
        return {}, Fault(code="bad_text", error="the text holds half a surrogate pair", column=shown(torn))
    return item, None


def _is_sound(text: str) -> bool:
    """Whether `text` can be written as UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
