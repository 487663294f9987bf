"""Turns: rows that are about one record go one after the other, in the order in which they came."""

from asyncio import Event
from collections import deque
from collections.abc import Sequence


class Turns:
    """Whose turn it is with each record. Mutable state: the rows that wait, by record; the first one has its turn."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[int]] = {}
        self._places: dict[int, str] = {}
        self._changed = Event()

    def enter(self, record: str, row: int) -> None:
        """Queue up, unless the row has a place already."""
        if row not in self._places:
            self._places[row] = record
            self._queues.setdefault(record, deque()).append(row)

    def leave(self, row: int) -> None:
        """Give up a place."""
        record = self._places.pop(row, None)
        if record is None:
            return
        queue = self._queues[record]
        queue.remove(row)
        if not queue:
            del self._queues[record]
        self._changed.set()
        self._changed = Event()

    async def wait_empty(self) -> None:
        """Wait until nobody has a place."""
        while self._places:
            await self._changed.wait()

    async def wait(self, rows: Sequence[int]) -> None:
        """Wait until all these rows have their turn."""
        while not all(self._queues[self._places[row]][0] == row for row in rows):
            await self._changed.wait()
