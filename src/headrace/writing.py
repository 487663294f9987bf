"""Writing: the writer of one load, or for an upsert the two that it takes, put together."""

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from headrace.dispatch.breaker import Breaker
from headrace.dispatch.existing import Existing
from headrace.dispatch.judge import Terms
from headrace.dispatch.parked import Parking
from headrace.dispatch.servertime import ServerTime
from headrace.dispatch.transport import Transport
from headrace.dispatch.upserting import Updates, Upserting
from headrace.dispatch.writer import Writer
from headrace.feed import Feed
from headrace.model import Record
from headrace.provider import IdempotencyKey, Provider
from headrace.provider.form import form

Value: TypeAlias = Callable[[Record], Struct]


class Writing(Struct, frozen=True):
    """What the writers of one load have in common."""

    feed: Feed
    provider: Provider
    transport: Transport
    parking: Parking
    breaker: Breaker
    time: ServerTime

    def writer(self, operation: str | None = None, value: Value | None = None) -> Writer:
        """Return what sends the load's records, by its own operation unless another is given."""
        load = self.feed.load
        operation = operation or load.operation
        terms = Terms(
            provider=self.provider,
            resource=load.resource,
            codec=self.provider.wire.codec(self.provider, load.resource, operation),
            columns=load.intake.columns,
            operation=operation,
            header=load.guarantee.header if isinstance(load.guarantee, IdempotencyKey) else None,
            key=load.key,
            **({} if value is None else {"value": value}),
        )
        return Writer(
            transport=self.transport,
            journal=load.journal,
            terms=terms,
            breaker=self.breaker,
            halt=self.feed.halt,
            shrink=self.feed.batching.shrink,
            parking=self.parking,
            now=self.time.earliest,
        )

    def upserting(self, sizes: tuple[int, int]) -> Upserting:
        """Return what looks for the records of rows first; so many are created, and updated, by one request."""
        load = self.feed.load
        updates = Updates(form(load.resource, "update"))
        return Upserting(
            Existing(self.transport, self.provider, load.resource, load.by),
            load.journal,
            updates,
            creating=self.writer("create"),
            updating=self.writer("update", updates.value),
            sizes=sizes,
        )
