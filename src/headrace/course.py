"""The course of an import: its loads run one after the other, each in as many passes as its rows need."""

from asyncio import wrap_future
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import anyio
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from headrace.ahead import Ahead
from headrace.attaching import uploads
from headrace.connection import Connection
from headrace.dispatch.batching import Batching
from headrace.dispatch.halt import Halt
from headrace.dispatch.readback.reader import Reader
from headrace.dispatch.reading import probe
from headrace.dispatch.servertime import ServerTime
from headrace.dispatch.teller import Emit
from headrace.dispatch.transport import Transport
from headrace.errors import HeadraceError, InvariantError, StoppedError
from headrace.feed import Feed, Load
from headrace.intake.strays import Stray, Strays, further, together
from headrace.ledger import Checkpoint, Summary, View, exit_code, summarise, write_summary
from headrace.marking import Marking, marking, preflight_of
from headrace.meter import Meter
from headrace.model import Counts
from headrace.parents import Parents
from headrace.passage import Passage
from headrace.pipeline import Settings, batching_of, flies_canary, run
from headrace.progress import Progress, Snapshot
from headrace.provider import Provider
from headrace.resolving import Tables
from headrace.waves import Wave, waves


class Report(Struct, frozen=True, kw_only=True):
    """How a run ended: the state of the import, and why it ended early, None when it did not.

    `names` are those by which rows refer to no record or to several, each once.
    """

    summary: Summary
    reason: HeadraceError | None = None
    notices: tuple[str, ...] = ()
    names: tuple[Stray, ...] = ()

    @property
    def exit_code(self) -> int:
        """The command's exit code (DESIGN.md, section 10)."""
        return exit_code(self.summary.counts, None if self.reason is None else self.reason.exit_code)


class Watch(Struct, frozen=True, kw_only=True):
    """Who looks on: `halt` ends the run early, `progress` shows it, `emit` is told of every durable outcome."""

    halt: Halt = msgspec.field(default_factory=Halt)
    progress: Progress | None = None
    emit: Emit | None = None


class Errand(Struct, frozen=True, kw_only=True):
    """What a course does with the records of each load: how it cuts them into batches, and what becomes of these.

    `is_writing` says that they are sent, so that it matters whether they are there already.
    """

    batching: Callable[[Load, Settings], Batching]
    run: Callable[[Feed, Provider, Transport, Settings, ServerTime], Awaitable[Counts]]
    is_writing: bool


SENDING: Final = Errand(batching=batching_of, run=run, is_writing=True)


def _write_summary(folder: Path, summary: Summary) -> None:
    """Write `summary.json`; where it cannot be, the same counts are in the checkpoint and in the report."""
    with suppress(OSError):
        write_summary(folder, summary)


async def make_sure(connection: Connection, passage: Passage, halt: Halt) -> None:
    """Make sure of address and credentials (`reading.probe`), unless the run is halted meanwhile."""
    with halt.scope():
        await probe(connection.transport, connection.provider, passage.intake.resource)


class Course:
    """The run of an import through its loads.

    Mutable state: which load it is at and what it is doing, what is ahead, the notices so far, and by load the names
    that lead nowhere, as its first pass has found them: it judges all rows.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        connection: Connection,
        settings: Settings,
        watch: Watch,
        checkpoint: Checkpoint,
        *,
        meter: Meter,
        errand: Errand = SENDING,
        earlier: Sequence[View] = (),
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._watch = watch
        self._checkpoint = checkpoint
        self._parents = Parents(checkpoint, earlier)
        self._marking: Marking | None = None
        self._tables = Tables(connection.transport, connection.provider, self._parents, watch.halt)
        self._meter = meter
        self._errand = errand
        self._passages = passages
        self._ahead = Ahead(
            passages, checkpoint, self._tables, connection.budget, provider=connection.provider, settings=settings
        )
        self._position = 0
        self._phase = "starting"
        self._feed: Feed | None = None
        self._notices: list[str] = []
        self._strays: dict[str, Strays] = {}

    def publish(self) -> None:
        """Let whoever looks on see how it goes."""
        if self._watch.progress is not None:
            self._watch.progress.publish(self.snapshot)

    async def probe(self, passage: Passage) -> None:
        """Make sure of address and credentials."""
        await make_sure(self._connection, passage, self._watch.halt)

    async def run_all(self) -> None:
        """Run the loads in order. After a halt the rest are only counted."""
        with closing(self._ahead):
            async with anyio.create_task_group() as tasks:
                if self._watch.progress is not None:
                    tasks.start_soon(self._ahead.count)
                for position, passage in enumerate(self._passages):
                    self._position = position
                    await self._run(passage)
                tasks.cancel_scope.cancel()

    async def _run(self, passage: Passage) -> None:
        halt, self._marking = self._watch.halt, None
        try:
            for wave in waves(passage.title, passage.intake, self._checkpoint, self._parents):
                await self._pass(passage, wave)
                if halt:
                    break
            self._tables.forget(passage.intake.resource.name)
        except HeadraceError as error:
            halt.stop(error)
        self._notices += passage.notices()
        if passage.intake.stands_for is not None:
            counts = self._checkpoint.counts(passage.title)
            there = f"{counts.skipped:,} of {counts.rows:,} names are there already"
            self._notices.append(f"{passage.title}: {there}, {counts.done:,} were created")

    async def _pass(self, passage: Passage, wave: Wave | None) -> None:
        """Go through the source of a load once."""
        self._phase, self._feed = "reading names", None
        self._ahead.enter(self._position)
        load = await self._begin(passage, wave)
        before = self._checkpoint.counts(passage.title)
        batching = self._errand.batching(load, self._settings)
        emit = self._watch.emit if load.intake.stands_for is None else None  # what became of names shows in their rows
        feed = Feed(load, batching, self._watch.halt, emit=emit)
        self._phase, self._feed = "sending", feed
        self._ahead.enter(self._position, feed)
        connection = self._connection
        settled = await self._errand.run(
            feed, connection.provider, connection.transport, self._settings, connection.time
        )
        self._notices += feed.notices
        self._strays.setdefault(passage.title, load.resolving.strays)
        await wrap_future(passage.finish(feed.rows))
        _check(before, settled, self._checkpoint.counts(passage.title), self._watch.halt)

    async def _begin(self, passage: Passage, wave: Wave | None) -> Load:
        """Return the load, with what it promises about rows whose answer is lost."""
        load = await passage.begin(self._checkpoint, self._tables, self._watch.halt)
        connection, identity = self._connection, self._checkpoint.identity
        files = uploads(load.resource, load.operation, self._settings.attachments_dir, connection.storage)
        load = replace(load, resolving=load.resolving.within(wave), uploads=files)
        with self._watch.halt.scope():
            how = self._marking = self._marking or await marking(
                passage.spec, load, identity, connection.provider, connection.transport
            )
            load = replace(load, guarantee=how.guarantee, mark=how.mark, key=how.key(load.journal.number))
            done = self._checkpoint.counts(passage.title).done
            load = replace(load, canary=self._errand.is_writing and flies_canary(load, self._settings, done))
            reader = Reader(connection.transport, connection.provider, load.resource)
            return replace(load, preflight=preflight_of(load, reader) if self._errand.is_writing else None)
        return load  # halted: none of its rows is sent any more

    def report(self) -> Report:
        """Return how the run ended, and write it down."""
        summary = summarise(self._checkpoint, seconds=round(self._meter.seconds, 3), **self._meter.spent())
        if self._checkpoint.results is not None:
            _write_summary(self._checkpoint.results, summary)
        told = self._connection.budget.notices() if summary.throttled else ()
        return Report(
            summary=summary,
            reason=self._watch.halt.reason,
            notices=(*self._connection.notices, *self._notices, *further(self._strays), *told),
            names=together(self._strays),
        )

    def snapshot(self) -> Snapshot:
        """Return the present moment (`Progress`)."""
        now = self._connection.budget.statistics()
        passage = self._passages[self._position] if self._passages else None
        return Snapshot(
            load="" if passage is None else passage.title,
            position=self._position + 1,
            loads=len(self._passages),
            phase="stopping" if self._watch.halt else self._phase if self._feed is None else self._feed.phase,
            counts=self._checkpoint.counts(),
            seconds=self._meter.seconds,
            fraction=None if passage is None else passage.fraction(),
            eta=None if passage is None else self._ahead.eta(self._connection.outside.clock),
            requests_left=None if passage is None else self._ahead.requests(),
            windows=now.windows,
            paused_for=now.paused_for,
            **self._meter.spent(),
        )


def _check(before: Counts, settled: Counts, after: Counts, halt: Halt) -> None:
    """Compare what the writers settled with what the ledger holds (RELIABILITY.md, invariant I6).

    Not after a full disk, when the ledger may hold less. Raises `InvariantError`.
    """
    if isinstance(halt.reason, StoppedError):
        return
    for name in ("done", "in_doubt", "duplicated"):
        expected, found = getattr(before + settled, name), getattr(after, name)
        if expected != found:
            raise InvariantError(
                f"the checkpoint counts {found} rows as {name} where the run counts {expected}",
                hint="please report this; `headrace status` shows what is recorded",
            )
