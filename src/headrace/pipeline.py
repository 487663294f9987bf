"""The flow of one load, the only file that knows every stage.

    source ─▶ identity ─▶ [already settled?] ─▶ mapping ─▶ references ─▶ validation ─▶ batching ─▶
    [budget ─▶ intent ─▶ request ─▶ verdict] ─▶ outcome ─▶ checkpoint ─▶ results
                 ▲                     └─▶ unknown ─▶ [quiet period ─▶ read-back] ─▶ outcome, or sent again ─┐
                 └────────────────────────────────────────────────────────────────────────────────────────────┘

Writers pull: N tasks take the next batch from one `Feed`, send it and settle it. There is no queue between them, so
back-pressure and the end of the source need no further machinery.
"""

from collections import Counter
from pathlib import Path
from typing import Final

import anyio
from msgspec import Struct
from msgspec.structs import force_setattr

from headrace.dispatch.audit import Audit
from headrace.dispatch.batching import Batching
from headrace.dispatch.breaker import Breaker, ErrorThreshold
from headrace.dispatch.budget import Budget
from headrace.dispatch.canary import Canary, look
from headrace.dispatch.existing import AT_ONCE
from headrace.dispatch.lookup import LookUp
from headrace.dispatch.merging import Merging
from headrace.dispatch.parked import Parking, Quiet, Repeat
from headrace.dispatch.pause import Jitter
from headrace.dispatch.readback.reader import Reader
from headrace.dispatch.readback.strategy import repeat, strategy
from headrace.dispatch.servertime import ServerTime, Timed
from headrace.dispatch.settling import Settling
from headrace.dispatch.teller import Told
from headrace.dispatch.transport import Budgeted, Retrying, Sender, Transport
from headrace.dispatch.upserting import Upserting
from headrace.errors import HeadraceError
from headrace.feed import Feed, Load
from headrace.model import COUNTED, Counts, Outcome, Secret
from headrace.provider import UPSERT, Provider, Resource
from headrace.provider.guarantee import CREATE
from headrace.writing import Writing

CONCURRENCY: Final = 16
"""Requests under way at once: at 10 requests/s this covers answers that take 1.6 s, as large bulk requests do."""
REQUEST_SECONDS: Final = 60.0
"""How long one request may take from the connection to the last byte of its answer."""


class Settings(Struct, frozen=True, kw_only=True):
    """How to run, whatever is run. Defaults are the command line's.

    `limit` is how many rows of each source are taken, `batch_size` records a bulk request (None: the resource's own),
    `share` the part of every rate limit that is ours, `deadline` seconds, `settle_after` the seconds after which what
    was sent without an answer is looked up (None: as the provider's table has it). `canary` sends one row of each load
    that creates ahead of the others. `max_errors` and `max_error_part` (0 to 1) say how many refused rows end the run.
    `limits` false leaves gate and pacer out, on loopback only. `budget` is the URL of a Redis that keeps what is spent
    for several machines, None for this machine's disk. `attachments_dir` is the folder of the files that rows name.
    """

    limit: int | None = None
    batch_size: int | None = None
    bulk: bool = True
    concurrency: int = CONCURRENCY
    share: float = 1.0
    deadline: float | None = None
    max_errors: int | None = None
    max_error_part: float | None = None
    settle_after: float | None = None
    canary: bool = False
    limits: bool = True
    budget: str | Secret | None = None
    accept_mapping_change: bool = False
    allow_host: bool = False
    request_seconds: float = REQUEST_SECONDS
    attachments_dir: str | Path | None = None

    def __post_init__(self) -> None:
        """Hide the budget's URL: it may hold a password, and settings may be shown."""
        if isinstance(self.budget, str):
            force_setattr(self, "budget", Secret(self.budget))

    def batch(self, resource: Resource, operation: str, wanted: int | None = None) -> int:
        """Return how many records one request of a load carries; `wanted` is what the load itself asks for."""
        operation = CREATE if operation == UPSERT else operation
        if not self.bulk or resource.bulk is None or not resource.takes_bulk(operation):
            return 1
        return self.batch_size or wanted or resource.bulk.size

    def quiet(self, provider: Provider, repeat: Repeat | None = None) -> Quiet:
        """Return how long nothing is proven about what was sent without an answer."""
        if self.settle_after is None:
            return Quiet(provider.commit_within, provider.visible_within, repeat)
        return Quiet(self.settle_after / 2, self.settle_after / 2, repeat)


def flies_canary(load: Load, settings: Settings, done: int) -> bool:
    """Whether one row of a load, of which `done` rows are, goes ahead of the others."""
    return settings.canary and load.operation == CREATE and not done


def connect(http: Sender, budget: Budget, provider: Provider, time: ServerTime, jitter: Jitter) -> Transport:
    """Stack the layers, outermost first.

    Retrying is outside Budgeted so that every attempt pays; Budgeted is outside Http so that nothing leaves unpaid.
    Timed is next to Http, so that it sees every answer when it comes.
    """
    budgeted = Budgeted(
        Timed(http, time),
        budget,
        reset_header=provider.reset_header,
        runtime_header=provider.runtime_header,
        hit=provider.wire.hit,
    )
    return Retrying(budgeted, verdicts=provider.verdicts, jitter=jitter)


class Classes(Struct, frozen=True):
    """Of which class the requests of a load are: those that read, names for example, and those that write its rows."""

    read: str | None
    write: str | None


def classes_of(provider: Provider, resource: Resource, operation: str) -> Classes:
    """Return the classes of a load's requests."""
    write = provider.wire.codec(provider, resource, CREATE if operation == UPSERT else operation).route
    return Classes(provider.wire.listing(provider, resource, filters={}).route, write)


def batching_of(load: Load, settings: Settings) -> Batching:
    """Return the queue that cuts a load's records into batches; of an upsert, into rows that are looked for at once."""
    size = settings.batch(load.resource, load.operation, load.batch_size)
    return Batching(max(size, AT_ONCE) if load.operation == UPSERT else size)


def upsert_sizes(load: Load, settings: Settings) -> tuple[int, int]:
    """Return how many rows of an upsert one request creates, and how many one updates."""
    resource, wanted = load.resource, load.batch_size
    return settings.batch(resource, CREATE, wanted), settings.batch(resource, "update", wanted)


async def run(feed: Feed, provider: Provider, transport: Transport, settings: Settings, time: ServerTime) -> Counts:
    """Run one load to its end, or until its feed is halted; return how many rows this run settled, and how.

    What ends the run early is the halt's reason, never an exception. Every row is then settled and durable, or still
    to be attempted or looked up by the next run; the latter are counted as in doubt.
    """
    flow = Flow(feed, provider, transport, settings, time)
    async with anyio.create_task_group() as telling:
        telling.start_soon(feed.teller.run)
        async with anyio.create_task_group() as settling:
            settling.start_soon(flow.settling.run)
            await flow.lead()
            async with anyio.create_task_group() as writing:
                for _ in range(settings.concurrency):
                    writing.start_soon(flow.write)
            flow.parking.close()
        await flow.finish()
    await feed.finish()
    return flow.counts()


class Flow:
    """The stages of one load, put together. Mutable state: how many rows were told of, and how they ended."""

    def __init__(
        self, feed: Feed, provider: Provider, transport: Transport, settings: Settings, time: ServerTime
    ) -> None:
        load, halt = feed.load, feed.halt
        self._feed = feed
        quiet = settings.quiet(provider, repeat(load.resource, load.guarantee, load.operation, time.earliest))
        self._told: Counter[type[Outcome]] = Counter()
        self.parking = feed.parking = Parking(quiet, halt)
        breaker = Breaker(ErrorThreshold(settings.max_errors, settings.max_error_part))
        writing = Writing(feed, provider, transport, self.parking, breaker, time)
        is_upsert = load.operation == UPSERT
        self._writer = writing.upserting(upsert_sizes(load, settings)) if is_upsert else writing.own()
        how = strategy(load.resource, load.guarantee, load.operation)
        reader = Reader(transport, provider, load.resource)
        lookup = None if how is None else LookUp(reader, how, load.journal, halt, load.resource)
        self._canary = Canary(look(how, load.resource, provider, transport), quiet, halt, load.intake.source or "")
        self.audit = feed.audit = Audit(lookup, load.journal, self._tell, halt, quiet)
        self.settling = Settling(
            lookup=lookup,
            journal=load.journal,
            writer=self._writer,
            parking=self.parking,
            audit=self.audit,
            tell=self._tell,
            halt=halt,
            size=feed.batching.size,
        )

    async def lead(self) -> None:
        """Send one row ahead of the others, where that is asked for, and follow it."""
        if not self._feed.load.canary:
            return
        try:
            batch = await self._feed.pull(most=1)
            if batch is not None:
                told = await self._writer.write(batch)
                await self._tell(told)
                await self._canary.follow(batch.records[0], told.settled)
        except HeadraceError as error:
            self._feed.halt.stop(error)

    async def write(self) -> None:
        """Pull, write, tell, until there is nothing left or the run is halted."""
        try:
            await self.parking.wait_room()
            while (batch := await self._feed.pull()) is not None:
                await self._tell(await self._writer.write(batch))
                await self.parking.wait_room()
        except HeadraceError as error:
            self._feed.halt.stop(error)

    async def _tell(self, told: Told) -> None:
        self._told.update([type(one.outcome) for one in told.settled])
        await self._feed.teller.tell(told)

    async def finish(self) -> None:
        """Say of what is still unknown that it is in doubt, and that nothing more will come."""
        if isinstance(self._writer, Merging):
            await self._writer.rest()
        await self._feed.teller.tell(Told(self.parking.unsettled()))
        await self._feed.teller.finish()
        if isinstance(self._writer, Upserting):
            created, updated = self._writer.done
            self._feed.notices.append(f"{created} rows were created, {updated} were there and updated")
        if self._writer.interactions:
            self._feed.notices.append(
                f"{self._writer.interactions} batches were refused as a whole, and all their rows taken in smaller"
                " ones: some rows of a batch stand in each other's way"
            )

    def counts(self) -> Counts:
        """Return how many rows this run settled: of those in doubt, how many more there are now."""
        told = Counts(**{COUNTED[kind.__name__]: count for kind, count in self._told.items()})
        return told + Counts(in_doubt=self.parking.left - self.settling.recalled, done=-self.audit.revised)
