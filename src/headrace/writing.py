"""Writing: the writer of one load, or for an upsert the two that it takes, put together."""

from operator import attrgetter

from msgspec import Struct

from headrace.dispatch.breaker import Breaker
from headrace.dispatch.existing import Existing
from headrace.dispatch.judge import Terms
from headrace.dispatch.merging import Identity, Merging, Present, Value
from headrace.dispatch.parked import Parking
from headrace.dispatch.servertime import ServerTime
from headrace.dispatch.stepping import Stepping
from headrace.dispatch.steps import StepCodec, Steps, Uploads
from headrace.dispatch.transport import Transport
from headrace.dispatch.upserting import Updates, Upserting
from headrace.dispatch.writer import Writer
from headrace.feed import Feed
from headrace.provider import Codec, IdempotencyKey, Link, Provider
from headrace.provider.form import form


class Writing(Struct, frozen=True):
    """What the writers of one load have in common."""

    feed: Feed
    provider: Provider
    transport: Transport
    parking: Parking
    breaker: Breaker
    time: ServerTime

    def writer(
        self, operation: str | None = None, value: Value | None = None, way: tuple[Transport, Codec] | None = None
    ) -> Writer:
        """Return what sends the load's records, by its own operation and in the usual `way` unless others are given."""
        load = self.feed.load
        operation = operation or load.operation
        transport, codec = way or (self.transport, self.provider.wire.codec(self.provider, load.resource, operation))
        terms = Terms(
            provider=self.provider,
            resource=load.resource,
            codec=codec,
            columns=load.intake.columns,
            operation=operation,
            header=load.guarantee.header if isinstance(load.guarantee, IdempotencyKey) else None,
            key=load.key,
            **({} if value is None else {"value": value}),
        )
        return Writer(
            transport=transport,
            journal=load.journal,
            terms=terms,
            breaker=self.breaker,
            halt=self.feed.halt,
            shrink=self.feed.batching.shrink,
            parking=self.parking,
            now=self.time.earliest,
        )

    def merging(self, identity: Identity, value: Value) -> Merging:
        """Return what sends updates whose custom fields are merged into those that a record has."""
        present = Present(self.transport, self.provider, self.feed.load.resource, identity=identity, value=value)
        return Merging(present, self.writer("update", present.value), self.parking, self.feed.halt)

    def stepping(self, uploads: Uploads) -> Stepping:
        """Return what sends records that take several steps, those that are linked to one record in their order."""
        resource = self.feed.load.resource
        codec = StepCodec(self.provider, resource)
        steps = Steps(self.transport, uploads, self.provider, resource, codec)
        link = next(step for step in resource.steps if isinstance(step, Link))
        return Stepping(
            self.writer(way=(steps, codec)), self.parking, self.feed.halt, lambda one: "/".join(link.target(one.value))
        )

    def own(self) -> Writer | Merging | Stepping:
        """Return what sends the load's records by its own operation; updates of one record in their order."""
        if self.feed.load.uploads is not None:
            return self.stepping(self.feed.load.uploads)
        if self.feed.load.operation != "update":
            return self.writer()
        merging = self.merging(lambda record: str(getattr(record.value, "id", "")), attrgetter("value"))
        self.parking.on_recall = merging.hold
        return merging

    def upserting(self, sizes: tuple[int, int]) -> Upserting:
        """Return what looks for the records of rows first; so many are created, and updated, by one request."""
        load = self.feed.load
        updates = Updates(form(load.resource, "update"))
        return Upserting(
            Existing(self.transport, self.provider, load.resource, load.by),
            load.journal,
            updates,
            creating=self.writer("create"),
            updating=self.merging(lambda record: updates.ids[record.row.offset], updates.value),
            sizes=sizes,
        )
