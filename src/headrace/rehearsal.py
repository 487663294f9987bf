"""The rehearsal of an import: its loads played one after the other, up to the point where rows would be sent.

The run's own way as far as it goes: the same passages on a private copy of the checkpoint, the same intake, the same
names. Rows are counted in place of being sent, and later loads find them as if they had been.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio.lowlevel import checkpoint as let_others_run
from msgspec import UNSET, Struct
from msgspec.structs import replace

from headrace.checking import Located, located
from headrace.connection import Connection
from headrace.dispatch.existing import Existing
from headrace.dispatch.halt import Halt
from headrace.dispatch.merging import MERGED
from headrace.dispatch.reading import probe
from headrace.dispatch.upserting import Twins, ambiguous
from headrace.feed import Load
from headrace.importfile import ImportSpec, check_import
from headrace.intake.references import SHOWN
from headrace.intake.strays import Stray, Strays, further, together
from headrace.intake.suggestion import listed, shown
from headrace.ledger import Checkpoint, View
from headrace.model import Batch, Chunk, Done, Record, Settled
from headrace.parents import Parents, earlier_imports
from headrace.passage import Passage, prepare
from headrace.pipeline import Settings, batching_of, flies_canary, upsert_sizes
from headrace.prospects import Lookup, Prospects
from headrace.provider import UPSERT
from headrace.scouting import Scout, Scouting
from headrace.waves import waves


class Rehearsed(Struct, frozen=True):
    """What came of it: every load as it was counted, the tables of names that a run reads, notices and stray names."""

    sketches: Sequence["Sketch"]
    lookups: Sequence[Lookup]
    notices: Sequence[str]
    names: tuple[Stray, ...]


async def rehearse(
    spec: ImportSpec, connection: Connection, settings: Settings, *, checkpoint: Path | None
) -> Rehearsed:
    """Play an import, going on where `checkpoint` is. Reads from the provider, writes nothing anywhere.

    Raises `HeadraceError` where a run would not begin either.
    """
    check_import(spec, connection.provider)
    with ExitStack() as resources:
        passages = [
            prepare(
                load,
                connection.provider,
                resources,
                accept_mapping_change=settings.accept_mapping_change,
                attachments=settings.attachments_dir,
                limit=settings.limit,
            )
            for load in spec.in_order
        ]
        copy = resources.enter_context(_copy(connection, checkpoint, spec))
        earlier = resources.enter_context(earlier_imports(spec, copy))
        await probe(connection.transport, connection.provider, passages[0].intake.resource)
        stage = _Stage(passages, connection, settings, copy, earlier=earlier)
        sketches = [await stage.play(passage) for passage in passages]
        notices = [*stage.notices, *further(stage.strays)]
        return Rehearsed(sketches, stage.prospects.lookups, notices, together(stage.strays))


@contextmanager
def _copy(connection: Connection, checkpoint: Path | None, spec: ImportSpec) -> Iterator[Checkpoint]:
    """Give a checkpoint to play with: a private copy of the import's, an empty one where there is none yet."""
    inline = replace(connection, outside=replace(connection.outside, is_threaded=False))
    if checkpoint is None or not checkpoint.exists():
        with inline.open(None, spec, None) as fresh:
            yield fresh
        return
    with TemporaryDirectory(prefix="headrace-plan-") as folder:
        path = Path(folder) / checkpoint.name
        with Checkpoint.read(checkpoint) as view:
            view.copy_to(path)
        with inline.open(path, spec, None) as copy:
            yield copy


class Sketch:
    """One load as it was counted. Mutable state: the counts, which grow chunk by chunk."""

    def __init__(self, load: Load, passage: Passage) -> None:
        self.load = load
        self.title = passage.title
        self.marker = passage.spec.marker
        self.read = self.rows = self.unknown = self.there = 0
        self.reads = 0
        """Requests that read what a record holds, to merge into it."""
        self.waves: list[int] = []
        self.upserts: list[tuple[int, int]] = []
        """Of each batch of an upsert, how many rows are created and how many updated."""
        self.faults: list[Located] = []
        self.missing: list[str] = []
        """Of an implied load, the first names that will be created, each with what is close to it."""

    @property
    def valid(self) -> int:
        """How many of its rows are sent, in all waves."""
        return sum(self.waves)

    def requests(self, way: "Way") -> int:
        """Return how many requests carry its valid rows: a canary goes alone, each wave has a last batch of its own."""
        if self.load.operation == UPSERT:
            sizes = upsert_sizes(self.load, way.settings)
            sent = (-(-count // size) for pair in self.upserts for count, size in zip(pair, sizes, strict=True))
            return self.reads + sum(sent)
        size, alone = self.batch_size(way), int(self.load.canary and self.valid > 0)
        batches = sum(-(-(valid - (alone if at == 0 else 0)) // size) for at, valid in enumerate(self.waves))
        return self.reads + (alone + batches) * self.load.resource.requests(self.load.operation)

    def batch_size(self, way: "Way") -> int:
        """Return how many rows one of them carries."""
        wanted = self.load.batch_size if way.heeds_loads else None
        return way.settings.batch(self.load.resource, self.load.operation, wanted)


class Way(Struct, frozen=True):
    """How rows are sent; `heeds_loads` says whether by the batch sizes that the loads themselves ask for."""

    settings: Settings
    heeds_loads: bool = True


class _Stage:
    """Where loads are played.

    Mutable state: what later ones will find, in the prospects and the copy; the notices, and stray names by load.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        connection: Connection,
        settings: Settings,
        copy: Checkpoint,
        *,
        earlier: Sequence[View],
    ) -> None:
        intakes = [passage.intake for passage in passages]
        self._parents = Parents(copy, earlier)
        self.prospects = Prospects(connection.transport, connection.provider, self._parents, intakes)
        self.notices: list[str] = []
        self.strays: dict[str, Strays] = {}
        self._settings = settings
        self._copy = copy
        self._connection = connection
        self._scouting = Scouting(connection, copy.identity, self.prospects)
        self._referred = {one.target for intake in intakes for one in intake.references if one.kind == "from"}

    async def play(self, passage: Passage) -> Sketch:
        """Judge the rows of one load. Raises what `Passage.begin` and reading the source raise."""
        self.prospects.title = passage.title
        load = await passage.begin(self._copy, self.prospects, Halt())
        load = replace(load, canary=flies_canary(load, self._settings, self._copy.counts(passage.title).done))
        sketch = Sketch(load, passage)
        scout = await self._scouting.scout(passage, load)
        for number, wave in enumerate(waves(passage.title, passage.intake, self._copy, self._parents)):
            if number:
                load = await passage.begin(self._copy, self.prospects, Halt())
            await self._pass(replace(load, resolving=load.resolving.within(wave)), sketch, scout)
        self.prospects.forget(load.resource.name)
        self.notices += [*passage.notices(), *_created(sketch)]
        self.notices += [f"{load.intake.source}: no row has the column '{name}'" for name in self._unseen(sketch)]
        return sketch

    async def _pass(self, load: Load, sketch: Sketch, scout: Scout) -> None:
        """Go through the source once. What every pass finds anew counts once."""
        is_first = not sketch.waves
        sketch.waves.append(0)
        sketch.faults.clear()
        self.strays.setdefault(sketch.title, load.resolving.strays)
        size, expect = batching_of(load, self._settings).size, partial(self._expect, sketch, load)
        upsert = _Upsert(sketch, self._connection, size, expect)
        async for chunk in load.chunks:
            rows = load.unsettled(chunk)
            sifted = load.resolving.sift(chunk, rows)
            recalled = load.journal.recalled()
            if is_first:
                sketch.unknown += sum(one.intent is not None for one in recalled)
                sketch.read += len(chunk.rows)
                sketch.rows += len(rows)
            sketch.waves[-1] += len(sifted.records)
            sketch.there += len(sifted.there)
            sketch.missing += islice(_shown(load, chunk, sifted.records), SHOWN - len(sketch.missing))
            sketch.reads += sum(map(_is_merged, sifted.records)) if load.operation == "update" else 0
            sketch.faults += located(load.intake, sifted.invalid)
            if sifted.records and sketch.valid == len(sifted.records):
                await scout.ask(sifted.records)
            if load.operation == UPSERT:
                await upsert.add(sifted.records)
            else:
                self._expect(sketch, load, sifted.records)
            if sketch.title in self._referred:
                # So that later loads are told what became of them.
                load.journal.note([*sifted.there, *sifted.invalid]).result()
            await let_others_run()
        await upsert.finish()
        if upsert.pages:
            self.prospects.note(load.resource.name, ", ".join(load.by), pages=upsert.pages)

    def _unseen(self, sketch: Sketch) -> Sequence[str]:
        """Return the columns that no row had, where all rows were read."""
        return sorted(sketch.load.intake.unseen()) if sketch.read and self._settings.limit is None else ()

    def _expect(self, sketch: Sketch, load: Load, records: Sequence[Record], ids: Sequence[str] = ()) -> None:
        """Have later loads, and later waves, find these records, by name and by key; `ids` of an upsert's are there."""
        if load.operation in {"create", UPSERT} and not ids:
            self.prospects.made(load.resource, [record.value for record in records])
        if records and sketch.title in self._referred:
            intent = load.journal.intend(Batch(records)).result()
            new = [str(getattr(one.value, "id", "") or self.prospects.identity(load.resource)) for one in records]
            settled = [
                Settled(one.row, Done(one.row.offset, one.row.line, identity))
                for one, identity in zip(records, ids or new, strict=True)
            ]
            load.journal.settle(intent, settled).result()


def _shown(load: Load, chunk: Chunk, records: Sequence[Record]) -> Iterator[str]:
    """Yield the names that records will be created under, each with names that are there and close: a slip, perhaps."""
    stands_for = load.intake.stands_for
    if stands_for is not None:
        for (text,) in load.intake.texts(chunk, [one.row for one in records], stands_for.field):
            close = load.resolving.close_to(text)
            yield f"{shown(text)} (close to {listed(close, last='or')})" if close else shown(text)


def _created(sketch: Sketch) -> Sequence[str]:
    """Return what to say of records that will be created because names lead to none."""
    if sketch.load.intake.stands_for is None or not sketch.rows:
        return ()
    if not sketch.valid:
        return (f"{sketch.title}: no record is created, {sketch.there:,} of {sketch.rows:,} names are there",)
    others = f" and {sketch.valid - len(sketch.missing):,} more" if sketch.valid > len(sketch.missing) else ""
    count = f"{sketch.valid:,} of {sketch.rows:,} names are not there and will be created"
    return (f"{sketch.title}: {count}: {'; '.join(sketch.missing)}{others}",)


def _is_merged(record: Record) -> bool:
    return isinstance(getattr(record.value, MERGED, UNSET), dict)


class _Upsert:
    """The batches of an upsert, looked for as the run will. Mutable state: the records that wait for a full batch."""

    def __init__(self, sketch: Sketch, connection: Connection, size: int, expect: Callable[..., None]) -> None:
        load = sketch.load
        self._existing = Existing(connection.transport, connection.provider, load.resource, load.by)
        self._twins = Twins(self._existing)
        self._expect = expect
        self._size = size
        self._sketch = sketch
        self._waiting: list[Record] = []

    @property
    def pages(self) -> int:
        """How many pages it took so far."""
        return self._existing.pages

    async def add(self, records: Sequence[Record]) -> None:
        """Take records; look for full batches."""
        self._waiting += records
        while len(self._waiting) >= self._size:
            some, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            await self._look(some)

    async def finish(self) -> None:
        """Look for what is left."""
        if self._waiting:
            await self._look(self._waiting)

    async def _look(self, records: Sequence[Record]) -> None:
        records, invalid = self._twins.parted(records)
        found = await self._existing.find(records)
        invalid += ambiguous(records, found)
        self._sketch.waves[-1] -= len(invalid)
        self._sketch.faults += located(self._sketch.load.intake, invalid)
        each = [*zip(records, found, strict=True)]
        made, there = [one for one, ids in each if not ids], [(one, ids[0]) for one, ids in each if len(ids) == 1]
        self._sketch.reads += sum(_is_merged(one) for one, _ in there)
        self._sketch.upserts.append((len(made), len(there)))
        self._expect(made)
        self._expect([one for one, _ in there], [identity for _, identity in there])
