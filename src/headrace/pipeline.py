"""The flow of one load, the only file that knows every stage.

    source ─▶ identity ─▶ [already settled?] ─▶ mapping ─▶ references ─▶ validation ─▶ batching ─▶
    [budget ─▶ intent ─▶ request ─▶ verdict] ─▶ outcome ─▶ checkpoint ─▶ results

Writers pull: N tasks take the next batch from one `Feed`, send it and settle it. There is no queue between them, so
back-pressure and the end of the source need no further machinery.
"""

from collections import Counter
from typing import Final

import anyio
from msgspec import Struct

from headrace.dispatch.batching import Batching
from headrace.dispatch.breaker import Breaker, ErrorThreshold
from headrace.dispatch.budget import Budget
from headrace.dispatch.judge import Terms
from headrace.dispatch.pause import Jitter
from headrace.dispatch.transport import Budgeted, Retrying, Sender, Transport
from headrace.dispatch.writer import Writer
from headrace.errors import HeadraceError
from headrace.feed import Feed, Load
from headrace.model import COUNTED, Counts, Outcome
from headrace.provider import Provider, Resource

CONCURRENCY: Final = 16
"""Requests under way at once: at 10 requests/s this covers answers that take 1.6 s, as large bulk requests do."""
REQUEST_SECONDS: Final = 60.0
"""How long one request may take from the connection to the last byte of its answer."""


class Settings(Struct, frozen=True, kw_only=True):
    """How to run, whatever is run. Defaults are the command line's.

    `limit` is how many rows of each source are taken, `batch_size` records a bulk request (None: the resource's own),
    `share` the part of every rate limit that is ours, `deadline` and `settle_after` seconds (the latter is for the
    read-back of requests without an answer, which is still to come), `max_errors` and
    `max_error_part` (0 to 1) how many refused rows end the run. `limits` false leaves gate and pacer out, on loopback
    only.
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
    limits: bool = True
    accept_mapping_change: bool = False
    allow_host: bool = False
    request_seconds: float = REQUEST_SECONDS

    def batch(self, resource: Resource, operation: str) -> int:
        """Return how many records one request of a load carries."""
        if not self.bulk or resource.bulk is None or not resource.takes_bulk(operation):
            return 1
        return self.batch_size or resource.bulk.size


def connect(http: Sender, budget: Budget, provider: Provider, jitter: Jitter) -> Transport:
    """Stack the layers, outermost first.

    Retrying is outside Budgeted so that every attempt pays; Budgeted is outside Http so that nothing leaves unpaid.
    """
    budgeted = Budgeted(
        http,
        budget,
        reset_header=provider.reset_header,
        runtime_header=provider.runtime_header,
        hit=provider.wire.hit,
    )
    return Retrying(budgeted, verdicts=provider.verdicts, jitter=jitter)


def batching_of(load: Load, settings: Settings) -> Batching:
    """Return the queue that cuts a load's records into batches."""
    return Batching(settings.batch(load.resource, load.operation))


async def run(feed: Feed, provider: Provider, transport: Transport, settings: Settings) -> Counts:
    """Run one load to its end, or until its feed is halted; return how many rows this run settled, and how.

    What ends the run early is the halt's reason, never an exception. Every row is then settled and durable, or still
    to be attempted by the next run.
    """
    load, halt = feed.load, feed.halt
    writer = Writer(
        transport=transport,
        journal=load.journal,
        terms=Terms(
            provider=provider,
            resource=load.resource,
            codec=provider.wire.codec(provider, load.resource, load.operation),
            columns=load.intake.columns,
        ),
        breaker=Breaker(ErrorThreshold(settings.max_errors, settings.max_error_part)),
        halt=halt,
        shrink=feed.batching.shrink,
    )
    tally: Counter[type[Outcome]] = Counter()
    async with anyio.create_task_group() as telling:
        telling.start_soon(feed.teller.run)
        async with anyio.create_task_group() as writing:
            for _ in range(settings.concurrency):
                writing.start_soon(_write, feed, writer, tally)
        await feed.teller.finish()
    await feed.finish()
    return Counts(**{COUNTED[kind.__name__]: count for kind, count in tally.items()})


async def _write(feed: Feed, writer: Writer, tally: Counter[type[Outcome]]) -> None:
    """Pull, write, tell, until there is nothing left or the run is halted."""
    try:
        while (batch := await feed.pull()) is not None:
            told = await writer.write(batch)
            tally.update([type(one.outcome) for one in told.settled])
            await feed.teller.tell(told)
    except HeadraceError as error:
        feed.halt.stop(error)
