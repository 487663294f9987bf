"""Merging: updates of a field that an API overwrites as a whole are read, merged and written, one by one for a record.

Productive replaces the whole hash of custom fields (https://developer.productive.io/guides/working-with-custom-fields).
So what a row does not say is read first and sent along. Rows that are about one record, of this resource or another,
go one after the other, in the order in which they come; the next one waits while it is unknown whether the one before
has been executed, also if that was in an earlier run.
"""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct

from headrace.dispatch.halt import Halt
from headrace.dispatch.parked import Parked, Parking
from headrace.dispatch.teller import Told
from headrace.dispatch.transport import Transport
from headrace.dispatch.turns import Turns
from headrace.dispatch.writer import Writer
from headrace.errors import HeadraceError, LostError, NotSentError, UnreachableError
from headrace.model import Batch, Record, Settled
from headrace.provider import Provider, Resource

MERGED: Final = "custom_fields"
NO_TIMES: Final[Mapping[int, float]] = MappingProxyType({})

Identity: TypeAlias = Callable[[Record], str]
Value: TypeAlias = Callable[[Record], Any]


class Present:
    """What records hold now of the field that is merged. Mutable state: that of the rows under way, by offset."""

    def __init__(
        self, transport: Transport, provider: Provider, resource: Resource, *, identity: Identity, value: Value
    ) -> None:
        self._transport = transport
        self._provider = provider
        self._resource = resource
        self._value = value
        self.identity = identity
        self._held: dict[int, dict[str, Any]] = {}

    def value(self, record: Record) -> Struct:
        """Return what is sent of a row: merged into what its record holds."""
        value: Struct = self._value(record)
        held = self._held.get(record.row.offset)
        if held is None:
            return value
        merged: Struct = msgspec.structs.replace(value, **{MERGED: {**held, **getattr(value, MERGED)}})
        return merged

    def needs(self, record: Record) -> bool:
        """Whether a row says something of the field."""
        return isinstance(getattr(record.value, MERGED, UNSET), dict)

    async def read(self, record: Record) -> None:
        """Find out what the row's record holds. Of one that is gone the update itself says so.

        Raises `UnreachableError` where there is no answer.
        """
        request = self._provider.wire.record(self._provider, self._resource, self.identity(record), fields=(MERGED,))
        try:
            response = await self._transport.send(request)
        except (NotSentError, LostError) as error:
            raise _out_of_reach(str(error)) from None
        page = self._provider.wire.page(request, response.body) if response.status == 200 else None
        if page is not None and page.items:
            self._held[record.row.offset] = dict(page.items[0].get(MERGED) or {})
        elif response.status >= 500 or response.status in {200, 429}:
            raise _out_of_reach(f"status {response.status}")

    def forget(self, record: Record) -> None:
        """Forget what was read for a row."""
        self._held.pop(record.row.offset, None)


class Merging:
    """Writes updates as `Writer` does, each merged into what its record holds. Mutable state: whose turn it is."""

    def __init__(self, present: Present, writer: Writer, parking: Parking, halt: Halt) -> None:
        self._present = present
        self._writer = writer
        self._parking = parking
        self._halt = halt
        self._turns = Turns()

    async def write(self, batch: Batch) -> Told:
        """See `Writer.write`."""
        rounds = [*self._rounds(batch.records)]
        for record in batch.records:  # all at once, so that rows about one record keep the order of the source
            self._turns.enter(self._present.identity(record), record.row.offset)
        settled: list[Settled] = []
        durable = None
        for some in rounds:
            try:
                told = await self._round(some, partial(self._writer.write, Batch(some)))
            except HeadraceError as error:  # what was sent in earlier rounds is to be told all the same
                self._halt.stop(error)
                told = Told([])
            settled += told.settled
            durable = told.durable or durable
        return Told(settled, durable)

    async def repeat(self, parked: Sequence[Parked]) -> Told:
        """See `Writer.repeat`: what is repeated is merged anew.

        The first sending may still be executed after the second one, so whoever comes next waits until that is over.
        """
        until = {one.record.row.offset: self._parking.committed_by(one) for one in parked}
        try:
            return await self._round([one.record for one in parked], partial(self._writer.repeat, parked), until)
        except HeadraceError as error:
            self._parking.put(parked)
            self._halt.stop(error)
            return Told([])

    def hold(self, record: Record) -> None:
        """Give a row that an earlier run sent its turn: it may have been executed, and is older than what comes."""
        self._turns.enter(self._present.identity(record), record.row.offset)

    async def rest(self) -> None:
        """Wait until nothing that was sent can be executed any more: the next load may be about the same records."""
        with self._halt.scope():
            await self._turns.wait_empty()

    def under_way(self) -> list[Record]:
        """See `Writer.under_way`."""
        return self._writer.under_way()

    @property
    def interactions(self) -> int:
        """See `Writer.interactions`."""
        return self._writer.interactions

    def _rounds(self, records: Sequence[Record]) -> Iterator[list[Record]]:
        """Yield the rows in turns in which each is about another record."""
        some: dict[str, Record] = {}
        for record in records:
            identity = self._present.identity(record)
            if identity in some:
                yield [*some.values()]
                some = {}
            some[identity] = record
        if some:
            yield [*some.values()]

    async def _round(
        self, records: Sequence[Record], send: Callable[[], Awaitable[Told]], until: Mapping[int, float] = NO_TIMES
    ) -> Told:
        """Send rows when it is their turn. It stays theirs while their fate is unknown, and `until` a time."""
        for record in records:
            self._turns.enter(self._present.identity(record), record.row.offset)
        over: Sequence[Record] = records
        try:
            with self._halt.scope():
                await self._turns.wait([record.row.offset for record in records])
                for record in filter(self._present.needs, records):
                    await self._present.read(record)
            told = await send()  # after a halt, too: then nothing is sent, and what was stays unknown
            offsets = {one.row.offset for one in told.settled}
            over = [record for record in records if record.row.offset in offsets]
        finally:
            for record in records:
                self._present.forget(record)
            for record in over:
                self._leave(record.row.offset, until.get(record.row.offset, 0.0))
        return told

    def _leave(self, row: int, at: float) -> None:
        """Give up a row's turn, at a time of the loop if that is still to come."""
        if at <= get_running_loop().time():
            self._turns.leave(row)
        else:
            get_running_loop().call_at(at, self._turns.leave, row)

    def __repr__(self) -> str:
        return f"<Merging over {self._writer!r}>"


def _out_of_reach(what: str) -> UnreachableError:
    return UnreachableError(
        f"what a record holds cannot be read, to merge custom fields into it: {what}",
        hint="run the same command again later: it goes on where it stopped",
    )
