"""Verification: what an import has made, read back in pages and compared field by field with what its sources say.

The checkpoint holds no values, so the sources are read again and joined with it by their keys. A row that says
something else now than what was sent is counted as changed, and not compared.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.connection import Connection
from headrace.dispatch.asking import Asking
from headrace.dispatch.halt import Halt
from headrace.dispatch.readback.differing import differing, sent_fields
from headrace.dispatch.readback.matching import Item
from headrace.feed import unmarked
from headrace.identity import value_prints
from headrace.importfile import LoadSpec, recorded
from headrace.intake import Intake
from headrace.intake.source import Source
from headrace.ledger import View
from headrace.ledger.expected import Expectations, Expected
from headrace.ledger.made import Made, MadeRecords
from headrace.marking import find_field, marked_by, marks_field
from headrace.meter import Meter
from headrace.minutes import Minutes, Worked, worked
from headrace.model import Lane, Record, Request, Row
from headrace.parents import Parents, earlier_imports
from headrace.passage import intake_of, open_of
from headrace.provider import Resource, references
from headrace.resolving import Tables

MOST: Final = 1_000
"""Differences that are told; all are counted."""
_COMPARED: Final = frozenset({"create", "update", "upsert"})


class Difference(Struct, frozen=True, kw_only=True):
    """A field of a record that is not what was sent, or a record that is not there: then `field` is None."""

    file: str
    line: int
    load: str
    id: str
    field: str | None = None
    sent: Any = None
    found: Any = None


class LoadVerified(Struct, frozen=True, kw_only=True):
    """What was found of one load: records `checked`, of which some are `differing` or `missing`.

    `changed` are rows that are done and say something else in the source now.
    """

    name: str
    resource: str
    checked: int
    differing: int
    missing: int
    changed: int


class Verified(Struct, frozen=True, kw_only=True, rename={"import_name": "import"}):
    """What a verification found; the numbers are those of all loads. `minutes` are compared with the time report."""

    import_name: str
    provider: str
    checked: int
    differing: int
    missing: int
    changed: int
    requests: int
    seconds: float
    loads: tuple[LoadVerified, ...]
    differences: tuple[Difference, ...]
    minutes: tuple[Minutes, ...]
    notices: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The command's exit code: 0 when everything is as it was sent, 4 when not."""
        is_short = any(one.found < one.sent for one in self.minutes)
        return 4 if self.differing or self.missing or is_short else 0


async def verify(view: View, connection: Connection) -> Verified:
    """Read back what the import of a checkpoint has made. Writes nothing anywhere.

    Raises `HeadraceError` where a source or the provider cannot be read.
    """
    spec = recorded(view.definition)
    connection = connection.fitted(spec)
    meter = Meter(connection.budget, connection.outside.clock)
    begun = {load.name for load in view.loads}
    loads, differences, minutes = list[LoadVerified](), list[Difference](), list[Minutes]()
    with ExitStack() as resources:
        earlier = resources.enter_context(earlier_imports(spec, view))
        for load in (one for one in spec.in_order if one.title in begun and one.operation in _COMPARED):
            check = resources.enter_context(closing(_Check(load, view, connection)))
            loads.append(await check.run(Parents(view, earlier)))
            differences += check.differences[: MOST - len(differences)]
            minutes += await worked(check.worked, connection)
    sums = {name: sum(getattr(one, name) for one in loads) for name in ("checked", "differing", "missing", "changed")}
    return Verified(
        import_name=spec.name,
        provider=connection.provider.name,
        requests=meter.spent()["requests"],
        seconds=round(meter.seconds, 3),
        loads=tuple(loads),
        differences=tuple(differences),
        minutes=tuple(minutes),
        notices=tuple(connection.notices),
        **sums,
    )


class _Check:
    """The check of one load. Mutable state: what is expected, what differs, and the minutes that were sent."""

    def __init__(self, spec: LoadSpec, view: View, connection: Connection) -> None:
        self._spec = spec
        self._view = view
        self._connection = connection
        self._resources = ExitStack()
        self._source: Source = self._resources.enter_context(closing(open_of(spec)))
        self._made: MadeRecords = self._resources.enter_context(closing(view.made(spec.title)))
        self._expected = self._resources.enter_context(closing(Expectations()))
        self._intake: Intake = intake_of(
            spec, connection.provider, source=self._source.name, has_open_columns=self._source.has_open_columns
        )
        self._twins: Counter[bytes] = Counter()
        self._changed = self._checked = self._differing = 0
        self.differences: list[Difference] = []
        self.worked: Worked = Counter()

    async def run(self, parents: Parents) -> LoadVerified:
        """Gather what is expected, read what there is, and compare."""
        await self._gather(parents)
        self._checked = len(self._expected)
        if self._checked:
            await self._read()
        missing = 0
        for one in self._expected.left():
            missing += 1
            self._tell(one)
        return LoadVerified(
            name=self._spec.title,
            resource=self._spec.resource,
            checked=self._checked,
            differing=self._differing,
            missing=missing,
            changed=self._changed,
        )

    def close(self) -> None:
        """Close the source, and drop what was gathered."""
        self._resources.close()

    # What is expected

    async def _gather(self, parents: Parents) -> None:
        connection = self._connection
        tables = Tables(connection.transport, connection.provider, parents, Halt())
        self._intake = await tables.fitted(self._intake)
        resolving = await tables.resolving(self._intake)
        mark = None
        for chunk in self._source.chunks():
            rows = self._intake.rows(chunk)
            made = self._made.find([row.key for row in rows])
            done = [(row, one) for row in rows if (one := self._next(row, made)) is not None]
            if not done:
                continue
            mark, its = mark or await self._marks(), [row for row, _ in done]
            sifted = self._intake.sift(chunk, its, resolving.resolvers(chunk, its))
            self._expect(mark(sifted.records), {row.offset: one for row, one in done})

    def _next(self, row: Row, made: Mapping[bytes, Sequence[Made]]) -> Made | None:
        """Return the record that a row was made into: of rows with equal keys each has its own."""
        its = made.get(row.key, ())
        if len(its) <= 1:
            return its[0] if its else None
        self._twins[row.key] += 1
        place = self._twins[row.key] - 1
        return its[place] if place < len(its) else None

    async def _marks(self) -> Callable[[Sequence[Record]], Sequence[Record]]:
        """Return what puts the marks into records that were sent with them."""
        if self._spec.marker == "off":
            return unmarked
        connection, spec, resource = self._connection, self._spec, self._intake.resource
        number: str | None = ""
        if marks_field(spec, resource):
            number = (await find_field(spec, resource, connection.provider, connection.transport)).id
        return marked_by(number or "", spec, resource, self._view.identity).mark

    def _expect(self, records: Sequence[Record], made: Mapping[int, Made]) -> None:
        prints = value_prints(record.value for record in records)
        same = [
            (record, made[record.row.offset])
            for record, digest in zip(records, prints, strict=True)
            if made[record.row.offset].print in {None, digest}
        ]
        self._changed += len(made) - len(same)
        expected = [Expected(one.remote_id, record.row.line, sent_fields(record.value)) for record, one in same]
        self._expected.put(expected)
        for one in expected if self._spec.resource == "time_entries" and self._spec.operation != "update" else ():
            self.worked.update({_whose(one.fields): int(one.fields["time"])})

    # What there is

    async def _read(self) -> None:
        connection, resource = self._connection, self._intake.resource
        asking = Asking([*references(resource.struct)], by_cursor=True)

        def first() -> Request:
            return replace(
                connection.provider.wire.listing(
                    connection.provider,
                    resource,
                    filters=_since(resource, self._made.since),
                    include=asking.links,
                    by_cursor=asking.by_cursor,
                ),
                lane=Lane.ROWS,
            )

        async for page, _ in asking.answers(connection.transport, connection.provider, first):
            items = {str(item["id"]): item for item in page.items}
            for one in self._expected.take([*items]):
                self._compare(one, items[one.remote_id])
            if not len(self._expected):
                return

    def _compare(self, one: Expected, item: Item) -> None:
        different = differing(one.fields, item)
        self._differing += bool(different)
        for name in different:
            self._tell(one, name, one.fields[name], item.get(name))

    def _tell(self, one: Expected, field: str | None = None, sent: Any = None, found: Any = None) -> None:
        if len(self.differences) < MOST:
            self.differences.append(
                Difference(
                    file=self._source.name,
                    line=one.line,
                    load=self._spec.title,
                    id=one.remote_id,
                    field=field,
                    sent=sent,
                    found=found,
                )
            )


def _whose(fields: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return person, service and month of a time entry."""
    person, service, day = (str(fields.get(name)) for name in ("person_id", "service_id", "date"))
    return person, service, day[:7]


def _since(resource: Resource, since: float | None) -> dict[str, Any]:
    """Return the filter that leaves older records out: by whole days, and one to spare."""
    if since is None or "created_at" not in resource.filters:
        return {}
    return {"created_at": {"gt_eq": datetime.fromtimestamp(max(0.0, since - 86_400.0), UTC).date()}}
