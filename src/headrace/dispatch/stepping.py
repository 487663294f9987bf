"""Stepping: rows that are linked to one record are sent one after the other, because a link replaces the whole list.

Whoever comes next reads the list with what came before. While it is unknown whether that has been executed, also in an
earlier run, the next one waits: a link that is executed late would leave out what was linked meanwhile.
"""

from collections.abc import Sequence

from headrace.dispatch.halt import Halt
from headrace.dispatch.merging import Identity
from headrace.dispatch.parked import Parked, Parking
from headrace.dispatch.teller import Told
from headrace.dispatch.turns import Turns
from headrace.dispatch.writer import Writer
from headrace.model import Batch, Record


class Stepping:
    """Writes as `Writer` does, one row about a record at a time. Mutable state: whose turn it is."""

    def __init__(self, writer: Writer, parking: Parking, halt: Halt, identity: Identity) -> None:
        self._writer = writer
        self._halt = halt
        self._identity = identity
        self._turns = Turns()
        parking.on_recall = self._enter
        parking.on_settled = lambda record: self._turns.leave(record.row.offset)

    async def write(self, batch: Batch) -> Told:
        """See `Writer.write`. A row whose fate is unknown keeps its turn until it is settled, also to be sent again."""
        (record,) = batch.records
        self._enter(record)
        is_over = True
        try:
            with self._halt.scope():
                await self._turns.wait([record.row.offset])
            told = await self._writer.write(batch)  # after a halt, too: then nothing is sent
            is_over = bool(told.settled)
        finally:
            if is_over:
                self._turns.leave(record.row.offset)
        return told

    async def repeat(self, parked: Sequence[Parked]) -> Told:
        """See `Writer.repeat`."""
        return await self._writer.repeat(parked)

    def under_way(self) -> list[Record]:
        """See `Writer.under_way`."""
        return self._writer.under_way()

    @property
    def interactions(self) -> int:
        """See `Writer.interactions`."""
        return self._writer.interactions

    def _enter(self, record: Record) -> None:
        self._turns.enter(self._identity(record), record.row.offset)

    def __repr__(self) -> str:
        return f"<Stepping over {self._writer!r}>"
