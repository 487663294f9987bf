"""Upserting: rows whose record is there become updates of it, the others creates; decided just before they are sent.

So a row whose create may have been stored is looked for again when its turn comes once more: what was lost is settled
as after a create, and whatever is there then is updated.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct

from headrace.dispatch.existing import Existing, Key
from headrace.dispatch.journal import Journal
from headrace.dispatch.merging import Merging
from headrace.dispatch.parked import Parked
from headrace.dispatch.teller import Told
from headrace.dispatch.writer import Writer
from headrace.model import Batch, Done, Fault, Invalid, Record, Settled


class Updates:
    """What is sent of rows whose record is there. Mutable state: the ids of the records of rows under way."""

    def __init__(self, form: type[Struct]) -> None:
        self._form = form
        self._fields = [field.name for field in msgspec.structs.fields(form)]
        self.ids: dict[int, str] = {}

    def value(self, record: Record) -> Struct:
        """Return what an update of the row's record carries."""
        fields = {name: getattr(record.value, name, UNSET) for name in self._fields}
        identity = self.ids[record.row.offset]
        given = {name: value for name, value in fields.items() if value is not UNSET}
        return self._form(**given | {"id": int(identity) if identity.isdecimal() else identity})


class Twins:
    """Knows which rows are about a record that another row stands for. Mutable state: the first row of each record."""

    def __init__(self, existing: Existing) -> None:
        self._existing = existing
        self._seen: dict[Key, tuple[int, int]] = {}

    def parted(self, records: Sequence[Record]) -> tuple[list[Record], list[Settled]]:
        """Return the rows that stand for their records, and the others, which are invalid."""
        lines = [self._twin(one) for one in records]
        each = [*zip(records, lines, strict=True)]
        return [one for one, line in each if line is None], [_double(one, line) for one, line in each if line]

    def _twin(self, record: Record) -> int | None:
        """Return the line of another row that is about the same record, None where there is none before this one."""
        offset, line = self._seen.setdefault(self._existing.key(record), (record.row.offset, record.row.line))
        return None if offset == record.row.offset else line


class Upserting:
    """Writes batches of rows as `Writer` does, by the two that it is given, so many rows a request of each.

    Mutable state: how many rows were created and updated.
    """

    def __init__(
        self,
        existing: Existing,
        journal: Journal,
        updates: Updates,
        *,
        creating: Writer,
        updating: Merging,
        sizes: tuple[int, int],
    ) -> None:
        self._existing = existing
        self._twins = Twins(existing)
        self._journal = journal
        self._updates = updates
        self._writers: tuple[Writer, Merging] = (creating, updating)
        self._sizes = sizes
        self.done = [0, 0]
        """How many rows were created, and how many updated."""

    async def write(self, batch: Batch) -> Told:
        """See `Writer.write`. A row that several records match, or another row stands for, is invalid and not sent."""
        records, refused = self._twins.parted(batch.records)
        found = await self._existing.find(records)
        refused += ambiguous(records, found)
        there = {one.row.offset: ids[0] for one, ids in zip(records, found, strict=True) if len(ids) == 1}
        made = [one for one, ids in zip(records, found, strict=True) if not ids]
        durable = self._journal.note(refused) if refused else None
        self._updates.ids.update(there)
        settled = [*refused]
        for kind, some in enumerate((made, [one for one in records if one.row.offset in there])):
            for start in range(0, len(some), self._sizes[kind]):
                told = await self._writers[kind].write(Batch(some[start : start + self._sizes[kind]]))
                settled += told.settled
                durable = told.durable or durable
                self.done[kind] += sum(isinstance(one.outcome, Done) for one in told.settled)
        for offset in there:
            self._updates.ids.pop(offset, None)
        return Told(settled, durable)

    async def repeat(self, parked: Sequence[Parked]) -> Told:
        """See `Writer.repeat`: never asked for, since no upsert is repeated without being looked for."""
        raise AssertionError(f"{len(parked)} rows of an upsert would be repeated blindly")

    def under_way(self) -> list[Record]:
        """See `Writer.under_way`."""
        return [record for writer in self._writers for record in writer.under_way()]

    @property
    def interactions(self) -> int:
        """See `Writer.interactions`."""
        return sum(writer.interactions for writer in self._writers)

    def __repr__(self) -> str:
        return f"<Upserting: {self.done[0]} created, {self.done[1]} updated>"


def ambiguous(records: Sequence[Record], found: Sequence[Sequence[str]]) -> list[Settled]:
    """Return the rows that several records are like, which are invalid; `found` are the ids of those of each row."""
    return [_ambiguous(one, ids) for one, ids in zip(records, found, strict=True) if len(ids) > 1]


def _double(record: Record, line: int) -> Settled:
    fault = Fault(
        code="duplicate_row",
        error=f"line {line} is about the same record",
        hint="keep one of the rows, or find records by more fields",
    )
    return Settled(record.row, Invalid(record.row.offset, record.row.line, (fault,)))


def _ambiguous(record: Record, ids: Sequence[str]) -> Settled:
    fault = Fault(
        code="ambiguous_record",
        error=f"{len(ids)} records are like this row: {', '.join(ids[:10])}",
        hint="update by id instead, or find records by more fields",
    )
    return Settled(record.row, Invalid(record.row.offset, record.row.line, (fault,)))
