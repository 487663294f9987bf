"""Adoption: a checkpoint made anew from what the provider holds, known by the marks that its records carry.

A course through the import that only asks. What is found is done, as if its answer had come late; what is not found is
left to the next run. Rows that carry no mark cannot be told from others: they are in doubt, for `resolve` to decide.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import anyio
from msgspec.structs import replace

from headrace.connection import Connection
from headrace.course import Course, Errand, Report, Watch
from headrace.dispatch.audit import AGAIN, Audit
from headrace.dispatch.batching import Batching
from headrace.dispatch.halt import Halt
from headrace.dispatch.lookup import LookUp, Wanted
from headrace.dispatch.parked import Parked, Quiet
from headrace.dispatch.readback.marked import AT_ONCE
from headrace.dispatch.readback.matching import ALWAYS, Finding, Present, conclude
from headrace.dispatch.readback.question import Question
from headrace.dispatch.readback.reader import Reader, Unreadable
from headrace.dispatch.readback.strategy import strategy
from headrace.dispatch.reading import probe
from headrace.dispatch.servertime import ServerTime
from headrace.dispatch.teller import Told
from headrace.dispatch.transport import Transport
from headrace.dispatch.wakeup import Wakeup
from headrace.errors import HeadraceError, UsageError
from headrace.feed import Feed, Load
from headrace.importfile import ImportSpec, check_import
from headrace.ledger import write_summary
from headrace.ledger.draft import adopting, put_in_place
from headrace.loads import LoadSpec
from headrace.meter import Meter
from headrace.model import COUNTED, Batch, Counts, Done, InDoubt, Outcome, Record, Settled
from headrace.parents import earlier_imports
from headrace.passage import prepare
from headrace.pipeline import Settings
from headrace.provider import (
    UPSERT,
    IdempotencyKey,
    Marker,
    NoteMarker,
    Provider,
    Resource,
    StoredMarker,
    effective,
)


async def adopt(
    spec: ImportSpec,
    connection: Connection,
    settings: Settings,
    watch: Watch,
    *,
    checkpoint: Path,
    results: Path | None,
) -> Report:
    """Make the lost `checkpoint` of an import anew, by reading. Interrupted, the same call goes on.

    Nothing is proven while requests of the lost run may still be under way, so the quiet period of the provider (or
    `settle_after`) is waited first. Raises `UsageError` where there is a checkpoint, or nothing by which a record
    could be known; else as `migrate` does.
    """
    meter = Meter(connection.budget, connection.outside.clock)
    check_import(spec, connection.provider)
    _check_marks(spec, connection.provider)
    spec = replace(spec, load=tuple(replace(load, create_marker=False) for load in spec.load))
    with ExitStack() as resources:
        resources.enter_context(watch.halt.deadline(settings.deadline))
        passages = [
            prepare(load, connection.provider, resources, attachments=settings.attachments_dir, limit=settings.limit)
            for load in spec.in_order
        ]
        draft = resources.enter_context(adopting(checkpoint))
        await _settle_down(connection, passages[0].intake.resource, settings, watch.halt)
        with connection.open(draft, spec, results) as opened:
            earlier = resources.enter_context(earlier_imports(spec, opened))
            course = Course(
                passages, connection, settings, watch, opened, meter=meter, errand=ADOPTING, earlier=earlier
            )
            course.publish()
            await course.run_all()
            report = course.report()
        if not watch.halt:
            put_in_place(draft, checkpoint)
            report = replace(report, summary=replace(report.summary, checkpoint=str(checkpoint)))
            if results is not None:
                write_summary(results, report.summary)
    return report


async def _settle_down(connection: Connection, resource: Resource, settings: Settings, halt: Halt) -> None:
    """Make sure of address and credentials, and wait until what the lost run sent is stored and shows, or never is."""
    quiet = settings.quiet(connection.provider)
    with halt.scope():
        await probe(connection.transport, connection.provider, resource)
        await anyio.sleep(quiet.commit + quiet.visible)


# --- what can be known ------------------------------------------------------------------------------------------------


_MARKED: Final = (Marker, NoteMarker, StoredMarker)
_KEYED: Final = "has idempotency keys: a new run within {days:.0f} days is answered with the records that there are"


def _check_marks(spec: ImportSpec, provider: Provider) -> None:
    """Raise `UsageError` where no load marks its rows."""
    guarantees = [effective(_resource(load, provider), load.marker, load.operation) for load in spec.load]
    if any(isinstance(one, _MARKED) for one in guarantees):
        return
    keyed = next((one for one in guarantees if isinstance(one, IdempotencyKey)), None)
    why = "carries no marks" if keyed is None else _KEYED.format(days=keyed.window / 86_400)
    raise UsageError(
        f"the import {spec.name} {why}, so which of its rows are there already cannot be known",
        hint="compare by hand what the provider holds; `marker` in the import file makes later imports adoptable",
    )


def _resource(load: LoadSpec, provider: Provider) -> Resource:
    found = provider.resource(load.resource)
    assert found is not None, "check_import has looked"
    return found


# --- the errand -------------------------------------------------------------------------------------------------------


class Recognition:
    """Tells which records of one load the provider holds. Mutable state: how many rows ended how."""

    def __init__(self, feed: Feed, provider: Provider, transport: Transport) -> None:
        load = feed.load
        how = strategy(load.resource, load.guarantee, load.operation)
        is_marked = how is not None and how.is_certain
        reader = Reader(transport, provider, load.resource)
        self._lookup = LookUp(reader, how, load.journal, feed.halt, load.resource) if how and is_marked else None
        self._audit = Audit(self._lookup, load.journal, self._tell, feed.halt, Quiet(0.0, 0.0))
        self._is_needless = load.resource.repeats(load.operation) or load.operation == UPSERT
        self._are_names = load.intake.stands_for is not None
        self._wakeup = Wakeup()
        self._feed = feed
        self._told: Counter[type[Outcome]] = Counter()

    async def run(self) -> Counts:
        """Ask about all records that are not known to be done. After a halt the rest are only counted."""
        async with anyio.create_task_group() as telling:
            telling.start_soon(self._feed.teller.run)
            try:
                # What may be repeated harmlessly, or looks first itself, needs no recognition.
                while not self._is_needless and (batch := await self._feed.pull()) is not None:
                    await self._judge(batch.records)
                if not self._feed.halt:
                    await self._audit.run()
            except HeadraceError as error:
                self._feed.halt.stop(error)
            await self._feed.teller.finish()
        await self._feed.finish()
        return Counts(**{COUNTED[kind.__name__]: count for kind, count in self._told.items()}) + Counts(
            done=-self._audit.revised
        )

    async def _judge(self, records: Sequence[Record]) -> None:
        if self._are_names:
            return  # they were looked for, and no record has them: the next run creates it
        if self._lookup is None:
            await self._record([Settled(one.row, _doubted(one, _UNMARKED)) for one in records], records)
            return
        for question in self._lookup.questions([Wanted(one, None) for one in records]):
            asked = [records[place] for place in question.places]
            found = [*await self._ask(self._lookup, question, asked)]
            await self._record([settled for _, settled in found], [record for record, _ in found])

    async def _ask(
        self, lookup: LookUp, question: Question, asked: Sequence[Record]
    ) -> Iterator[tuple[Record, Settled]]:
        """Return those of `asked` that are found, or that cannot be looked up, with what to say of them."""
        items = None
        while items is None and not self._feed.halt:  # bounded: the look-up raises when it fails too often
            items = await lookup.ask(question)
            if items is None:
                with self._feed.halt.scope():
                    await anyio.sleep(AGAIN)
        if items is None:
            return iter(())
        if isinstance(items, Unreadable):
            return iter([(one, Settled(one.row, _doubted(one, items.why))) for one in asked])
        findings = conclude([_parked(one) for one in asked], await lookup.unheld(items), lookup.like)
        return self._found(asked, findings)

    def _found(self, asked: Sequence[Record], findings: Sequence[Finding]) -> Iterator[tuple[Record, Settled]]:
        for record, finding in zip(asked, findings, strict=True):
            if isinstance(finding, Present):
                if len(finding.ids) > 1:  # of an identical row that comes later, or there too often: the audit tells
                    self._audit.suspect([Wanted(record, None)])
                row = record.row
                yield record, Settled(row, Done(row.offset, row.line, finding.ids[0], "readback"))

    async def _record(self, settled: list[Settled], records: Sequence[Record]) -> None:
        if not settled:
            return
        journal = self._feed.load.journal
        intent = journal.intend(Batch([*records]))
        await self._wakeup.wait_done(intent)
        await self._tell(Told(settled, journal.settle(intent.result(), settled)))

    async def _tell(self, told: Told) -> None:
        self._told.update([type(one.outcome) for one in told.settled])
        await self._feed.teller.tell(told)

    def __repr__(self) -> str:
        return f"<Recognition: {self._told.total()} rows told>"


_UNMARKED: Final = "the checkpoint was lost and the row carries no mark: whether it was sent cannot be known"


def _doubted(record: Record, why: str) -> InDoubt:
    return InDoubt(record.row.offset, record.row.line, why)


def _parked(record: Record) -> Parked:
    return Parked(record=record, intent=0, since=ALWAYS, why="")


async def _recognise(
    feed: Feed, provider: Provider, transport: Transport, settings: Settings, time: ServerTime
) -> Counts:
    del settings, time
    return await Recognition(feed, provider, transport).run()


def _by_questions(load: Load, settings: Settings) -> Batching:
    del load, settings
    return Batching(AT_ONCE)


ADOPTING: Final = Errand(batching=_by_questions, run=_recognise, is_writing=False)
