"""The feed of one load: reads the source, judges its rows, and hands writers what is ready to be sent.

It joins intake, which is pure, to the ledger, which is disk, and waits only where the source itself does.
"""

from asyncio import Lock
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, TypeAlias

import anyio
from anyio.lowlevel import checkpoint
from msgspec import Struct

from headrace.dispatch.audit import Audit
from headrace.dispatch.batching import Batching
from headrace.dispatch.halt import Halt
from headrace.dispatch.journal import Journal
from headrace.dispatch.lookup import Wanted
from headrace.dispatch.parked import Parking
from headrace.dispatch.steps import Uploads
from headrace.dispatch.teller import Emit, Teller, Told
from headrace.identity import value_prints
from headrace.intake import Intake
from headrace.intake.first import First
from headrace.intake.source import CHUNK_ROWS, Item, Items, Source
from headrace.model import Batch, Chunk, InDoubt, Recalled, Record, Row, Settled
from headrace.provider import Guarantee, Name, NoGuarantee, Resource
from headrace.resolving import Resolving

CHANGED: Final = "sent, and no answer came; the row has been edited since, so that it cannot be looked up"


class Notebook(Journal, Protocol):
    """A journal that also takes rows which have an outcome without a request, and knows those sent before."""

    def number(self, row: Row) -> int:
        """Return what a row is recorded under for good, however its place in the source changes."""

    def kept(self) -> Sequence[tuple[Row, bytes]]:
        """Return the rows of the last chunk that are done, each with the digest of what was sent (`value_prints`).

        Only those that were sent from an earlier version of the source: others say what they said.
        """

    def edited(self, rows: Sequence[Row]) -> None:
        """Note that rows which are done say something else now than what was sent: they stay as they are."""

    def recalled(self) -> Sequence[Recalled]:
        """Return the rows that came by since the last call and that an earlier run left to be looked up."""


def unmarked(records: Sequence[Record]) -> Sequence[Record]:
    """Return the records as they are: nothing is added to what was mapped."""
    return records


class Load(Struct, frozen=True, kw_only=True):
    """Rows on their way into one resource, compiled: everything that a run of them needs.

    `chunks` is one pass over the source, `unsettled` says which rows of a chunk are still to be judged and sent.
    `counts_rest` says that what a halted run did not come to is read all the same, to be counted; a pipe or a live
    iterator is left alone. `mark` makes of records what is sent of them, `key` the idempotency key of one, and
    `guarantee` is what holds for those whose answer is lost. `batch_size` is how many records the import file wants in
    a bulk request, None for the resource's own number; `by` are the fields by which an upsert finds records.
    `has_sent` says that an earlier run sent rows; where none did, `preflight` is asked about the first ones, and raises
    where they must not be sent. `canary` says that one row goes ahead of the others. `uploads` is what creates of files
    need.
    """

    resource: Resource
    operation: str
    intake: Intake
    chunks: AsyncIterator[Chunk]
    unsettled: Callable[[Chunk], Sequence[Row]]
    journal: Notebook
    resolving: Resolving
    counts_rest: bool = True
    mark: Callable[[Sequence[Record]], Sequence[Record]] = unmarked
    key: Callable[[Record], str] | None = None
    guarantee: Guarantee = NoGuarantee()
    batch_size: int | None = None
    by: Sequence[str] = ()
    has_sent: bool = True
    canary: bool = False
    preflight: Callable[[Sequence[Record]], Awaitable[None]] | None = None
    uploads: Uploads | None = None


class Feed:
    """Where writers get their batches.

    Mutable state: how many rows were read, how many of them were settled or valid, the records that wait, and what is
    not yet told.
    """

    def __init__(self, load: Load, batching: Batching, halt: Halt, *, emit: Emit | None = None) -> None:
        self.load = load
        self.batching = batching
        self.halt = halt
        self.teller = Teller(halt, emit)
        # Where rows go that an earlier run sent; the flow sets both.
        self.parking: Parking | None = None
        self.audit: Audit | None = None
        self.notices: list[str] = []
        self._turn = Lock()
        self.rows = 0
        self.settled = 0
        self._judged = self._valid = 0

    @property
    def validity(self) -> float:
        """Which part of the rows judged so far is valid, 1 before the first."""
        return self._valid / self._judged if self._judged else 1.0

    @property
    def phase(self) -> str:
        """What is being done, in a few words: after the last row was sent, what its load waits for."""
        if self.parking is None or self.audit is None or not self.parking.is_closed:
            return "sending"
        for word, waits in (("settling", self.parking), ("checking once more", self.audit)):
            if len(waits):
                return f"{word}, {len(waits):,} rows, {waits.seconds:.0f} s"
        return "sending"

    async def pull(self, most: int | None = None) -> Batch | None:
        """Return the next batch, of at most `most` rows, None at the end of the source or of the run.

        One puller at a time reads.
        """
        if self.batching.is_ready and not self.halt:
            return self.batching.take(most)
        async with self._turn:
            while not self.batching.is_ready and not self.halt:
                chunk = await self._next_chunk()
                if chunk is None:
                    break
                await self._judge(chunk)
                # The loop is held for one chunk at a time, also while a long stretch of settled rows is passed.
                await checkpoint()
            return None if self.halt else self.batching.take(most)

    async def finish(self) -> None:
        """Count what the run did not come to."""
        while self.load.counts_rest and (chunk := await self._next_chunk()) is not None:
            self.load.unsettled(chunk)  # so that the ledger knows which rows the source still has
            await checkpoint()

    async def _judge(self, chunk: Chunk) -> None:
        load = self.load
        rows = load.unsettled(chunk)
        await self._recall(chunk, load.journal.recalled())
        self._compare(chunk, load.journal.kept())
        sifted = load.resolving.sift(chunk, rows)
        self.settled += len(chunk.rows) - len(rows)
        self._judged, self._valid = self._judged + len(rows), self._valid + len(sifted.records)
        if noted := [*sifted.there, *sifted.invalid]:
            await self.teller.tell(Told(noted, load.journal.note(noted)))
        records = load.mark(sifted.records)
        if records and self._valid == len(records) and load.preflight is not None:
            await load.preflight(records)
        self.batching.add(records)

    def _compare(self, chunk: Chunk, kept: Sequence[tuple[Row, bytes]]) -> None:
        """Note which rows that are done have been edited since."""
        if kept:
            prints = self._prints(chunk, [row for row, _ in kept])
            self.load.journal.edited([row for row, sent in kept if prints.get(row.offset) != sent])

    def _prints(self, chunk: Chunk, rows: Sequence[Row]) -> dict[int, bytes]:
        """Return the digests of what would be sent of rows now, by offset; none of a row that is not valid any more."""
        sifted = self.load.intake.sift(chunk, rows, self.load.resolving.resolvers(chunk, rows))
        records = self.load.mark(sifted.records)
        prints = value_prints(record.value for record in records)
        return {record.row.offset: one for record, one in zip(records, prints, strict=True)}

    async def _recall(self, chunk: Chunk, recalled: Sequence[Recalled]) -> None:
        """Have the rows of `chunk` that an earlier run sent looked up, as far as they still say the same."""
        if not recalled or self.parking is None or self.audit is None:
            return
        by_offset = {one.row.offset: one for one in recalled}
        rows = [one.row for one in recalled]
        own = {one.row.offset for one in recalled if one.intent is None}
        own |= self.load.resolving.hand_on(chunk, [one.row for one in recalled if one.intent is not None])
        sifted = self.load.intake.sift(chunk, rows, self.load.resolving.resolvers(chunk, rows))
        records = self.load.mark(sifted.records)
        prints = value_prints(record.value for record in records)
        found = [
            (record, by_offset[record.row.offset])
            for record, now in zip(records, prints, strict=True)
            if by_offset[record.row.offset].print == now or (self._is_name and record.row.offset in own)
        ]
        self.parking.recall((record, one) for record, one in found if one.intent is not None)
        self.audit.suspect(Wanted(record, one.since) for record, one in found if one.intent is None)
        same = {record.row.offset for record, _ in found}
        for one in recalled:
            if one.intent is not None and one.row.offset not in same:
                await self._doubt(one)

    @property
    def _is_name(self) -> bool:
        """Whether rows are names that are read back by themselves, whatever else they say by now."""
        return isinstance(self.load.guarantee, Name)

    async def _doubt(self, one: Recalled) -> None:
        """Leave a row in doubt for good: what was sent cannot be told from the source any more."""
        assert one.intent is not None, "only unknown rows are doubted"
        settled = [Settled(one.row, InDoubt(one.row.offset, one.row.line, CHANGED))]
        await self.teller.tell(Told(settled, self.load.journal.settle(one.intent, settled)))

    async def _next_chunk(self) -> Chunk | None:
        chunk = None
        with suppress(StopAsyncIteration):
            chunk = await anext(self.load.chunks)
        self.rows += 0 if chunk is None else len(chunk.rows)
        return chunk


# --- sources as something that may be awaited -------------------------------------------------------------------


class LiveSource:
    """An async iterable of items, as far as it is like a `Source`: it can be read once, by `read_source` only."""

    name = "rows"
    has_open_columns = True
    is_replayable = False

    def __init__(self, items: AsyncIterable[Item]) -> None:
        self.items = items

    def fingerprint(self) -> None:
        """See `Source`: what passes by cannot be recognised."""

    def fraction(self) -> None:
        """See `Source`: nobody knows how much is to come."""

    def close(self) -> None:
        """See `Source`: whoever made the iterable closes it."""


AnySource: TypeAlias = Source | LiveSource


async def first_of(chunks: AsyncIterator[Chunk], limit: int | None) -> AsyncIterator[Chunk]:
    """Yield the first `limit` rows, all where it is None, as `first.first_rows` does."""
    first = First(limit)
    async for chunk in chunks:
        yield first.of(chunk)
        if first.left == 0:
            return


async def read_source(source: AnySource, halt: Halt) -> AsyncIterator[Chunk]:
    """Yield the chunks of a source. A halt does not wait for a source that may block, nor for a live one."""
    if isinstance(source, LiveSource):
        chunks = _gather(source.items)
        step = partial(anext, chunks, None)
    elif source.may_block:
        step = partial(anyio.to_thread.run_sync, next, source.chunks(), None, abandon_on_cancel=True)
    else:
        for chunk in source.chunks():
            yield chunk
        return
    while (ready := await _unless_halted(step, halt)) is not None:
        yield ready


async def _unless_halted(step: Callable[[], Awaitable[Chunk | None]], halt: Halt) -> Chunk | None:
    with halt.scope():
        return await step()
    return None


async def _gather(items: AsyncIterable[Item]) -> AsyncIterator[Chunk]:
    """Yield items in chunks; they are taken as they come and sent when a chunk is full."""
    gathered, chunks = list[Item](), Items()
    async for item in items:
        gathered.append(item)
        if len(gathered) == CHUNK_ROWS:
            yield chunks.chunk(gathered)
            gathered = []
    if gathered:
        yield chunks.chunk(gathered)
