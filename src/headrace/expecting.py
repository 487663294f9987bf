"""Expecting: what the rows of one load should have left at the provider.

The checkpoint holds no values, so the source is read again and joined with it by the keys of the rows.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final, TypeAlias

from headrace.connection import Connection
from headrace.dispatch.merging import MERGED
from headrace.dispatch.readback.differing import sent_fields
from headrace.errors import UsageError
from headrace.feed import unmarked
from headrace.identity import value_prints
from headrace.intake import Intake
from headrace.intake.names import Names
from headrace.intake.references import AnyRecord, Resolver
from headrace.intake.source import Item, Source, open_source
from headrace.ledger import View
from headrace.ledger.expected import Expectations, Expected
from headrace.ledger.made import Made, MadeRecords
from headrace.loads import ROWS, LoadSpec
from headrace.marking import find_field, marked_by, marks_field
from headrace.model import NO_MAPPING, Chunk, Record, Row
from headrace.provider import UPSERT, Action, Provider, Resource
from headrace.resolving import Resolving, Tables
from headrace.sources import intake_over, open_of
from headrace.verified import MOST, Place

_MADE: Final = frozenset({"create", UPSERT})
_ID: Final = "id"

Rows: TypeAlias = Iterable[Item]
"""What a program gives to a load: mappings or Structs."""
Mark: TypeAlias = Callable[[Sequence[Record]], Sequence[Record]]
_Done: TypeAlias = Mapping[int, Made]
"""What rows were made into, by their offset."""


class Expecting:
    """One load that has been run, the `place`-th of its import; `resources` closes its source.

    `attachments` is the folder of the files that rows name, `rows` are those of a load that a program gave them to.
    Mutable state: how many of its rows are `checked`, the first of those that are changed, and of which records its
    rows have come by.
    """

    def __init__(
        self,
        spec: LoadSpec,
        place: int,
        view: View,
        connection: Connection,
        resources: ExitStack,
        *,
        attachments: str | Path | None = None,
        rows: Rows | None = None,
    ) -> None:
        self.spec = spec
        self.place = place
        self._view = view
        self._connection = connection
        self._source: Source = resources.enter_context(closing(_opened(spec, connection.provider, rows)))
        self._made: MadeRecords = resources.enter_context(closing(view.made(spec.title)))
        self._intake: Intake = intake_over(spec, connection.provider, self._source, attachments)
        self._action: Action | None = self.resource.action(spec.operation)
        self._twins: Counter[bytes] = Counter()
        self._met = bytearray(len(self._made) + 1)
        self.checked = 0
        self.changed_rows: list[Place] = []

    @property
    def resource(self) -> Resource:
        """What the load writes to."""
        return self._intake.resource

    @property
    def file(self) -> str:
        """What its source is called."""
        return self._source.name

    @property
    def makes_records(self) -> bool:
        """Whether the records are of the load's own making, at least some."""
        return self.spec.operation in _MADE

    @property
    def since(self) -> float | None:
        """The server's time before which none of its records was made; None where nobody knows."""
        return self._made.since if self.spec.operation == "create" else None

    @property
    def changed(self) -> int:
        """How many rows are done of which the source does not say any more what was sent."""
        return len(self._made) - self.checked

    async def gather(self, tables: Tables, into: Expectations) -> None:
        """Put what every row has left `into` what is expected. Raises as `Tables` does, and `SourceError`.

        Of a row that says something else now, and of one that is not in the source any more, that is a record at most.
        """
        find = self._deleted if self.spec.operation == "delete" else await self._sent(tables)
        for chunk in self._source.chunks():
            rows = self._intake.rows(chunk)
            made = self._made.find([row.key for row in rows])
            done = {row.offset: one for row in rows if (one := self._next(row, made)) is not None}
            into.put(self._noted(find(chunk, [row for row in rows if row.offset in done], done)))
        into.put(self._noted(self._unmet()))

    def _noted(self, found: Iterable[Expected]) -> Iterator[Expected]:
        """Yield what was found, and note what the source still says, and what not."""
        for one in found:
            self._met[one.turn] = True
            if one.line and one.fields is not None:
                self.checked += 1
            elif len(self.changed_rows) < MOST:
                row = Place(file=self.file, line=one.line or None, load=self.spec.title, id=one.remote_id)
                self.changed_rows.append(row)
            yield one

    def _unmet(self) -> Iterator[Expected]:
        """Yield the records of rows that the source does not have any more."""
        is_there = self.spec.operation != "delete"
        for one in self._made:
            if not self._met[one.turn]:
                yield Expected(one.remote_id, self.place, one.turn, 0, None, is_there=is_there)

    def _next(self, row: Row, made: Mapping[bytes, Sequence[Made]]) -> Made | None:
        """Return the record that a row was made into: of rows with equal keys each has its own."""
        its = made.get(row.key, ())
        if len(its) <= 1:
            return next(filter(self._meets, its), None)  # a twin of the row may be in doubt, or refused
        self._twins[row.key] += 1
        place = self._twins[row.key] - 1
        return its[place] if place < len(its) else None

    def _meets(self, one: Made) -> bool:
        """Whether a row comes by that a record was made of, and none came before."""
        is_first = not self._met[one.turn]
        self._met[one.turn] = True
        return is_first

    def _deleted(self, _: Chunk, rows: Sequence[Row], done: _Done) -> Iterator[Expected]:
        """Yield that the records are gone: what their rows say of them cannot be looked up any more."""
        for row in rows:
            one = done[row.offset]
            yield Expected(one.remote_id, self.place, one.turn, row.line, {}, is_there=False)

    # What was sent

    async def _sent(self, tables: Tables) -> Callable[[Chunk, Sequence[Row], _Done], Iterator[Expected]]:
        self._intake = await tables.fitted(self._intake)
        resolving, mark = await tables.resolving(self._intake, self._names), await self._marks()
        leaves = NO_MAPPING if self._action is None else self._action.leaves

        def sent(chunk: Chunk, rows: Sequence[Row], done: _Done) -> Iterator[Expected]:
            records = mark(self._records(chunk, rows, done, resolving))
            prints = value_prints(record.value for record in records)
            now = {record.row.offset: (record, digest) for record, digest in zip(records, prints, strict=True)}
            for row in rows:
                one, (record, digest) = done[row.offset], now.get(row.offset, (None, b""))
                is_same = record is not None and one.print in {None, digest}
                fields = {**leaves, **sent_fields(record.value)} if record is not None and is_same else None
                yield Expected(one.remote_id, self.place, one.turn, row.line, fields)

        return sent

    def _records(self, chunk: Chunk, rows: Sequence[Row], done: _Done, resolving: Resolving) -> Sequence[Record]:
        """Return the records that the rows are now.

        Which one a row is about is known: the name by which it was found may be another one since.
        """
        resolvers = resolving.resolvers(chunk, rows)
        if not rows or not self._is_about:
            return self._intake.sift(chunk, rows, resolvers).records
        known: list[Record] = []
        for row in rows:
            its: dict[str, Resolver] = {**resolvers, _ID: AnyRecord(done[row.offset].remote_id)}
            known += self._intake.sift(chunk, [row], its).records
        return known

    @property
    def _is_about(self) -> bool:
        """Whether rows refer to the records that they are about; one that they copy is another matter."""
        is_copy = self._action is not None and self._action.source
        return not is_copy and any(one.field == _ID for one in self._intake.references)

    async def _names(self, field: str, most: int) -> set[str] | None:
        """Return the names that the rows which are done have in a field (`resolving.Names`)."""
        if field == _ID and self._is_about:
            return set()  # the checkpoint knows the record
        if isinstance(self._source, Names):  # how names are spelt tells the records apart that rows refer to
            return self._source.spellings(most)
        return self._intake.names(self._done(), field, most)

    def _done(self) -> Iterator[Chunk]:
        """Yield the rows of the source that are done, to look at."""
        for chunk in self._source.chunks():
            rows = [row for row in self._intake.rows(chunk) if row.offset - chunk.offset not in chunk.broken]
            made = self._made.find([row.key for row in rows])
            done = [row for row in rows if row.key in made]
            yield Chunk(
                columns=chunk.columns,
                offset=chunk.offset,
                lines=[row.line for row in done],
                rows=[list(row.cells) for row in done],
            )

    async def _marks(self) -> Mark:
        """Return what puts the marks into records that were sent with them."""
        if self.spec.marker == "off":
            return unmarked
        connection, spec, resource = self._connection, self.spec, self.resource
        number: str | None = ""
        if marks_field(spec, resource):
            number = (await find_field(spec, resource, connection.provider, connection.transport)).id
        return marked_by(number or "", spec, resource, self._view.identity).mark


def _opened(spec: LoadSpec, provider: Provider, rows: Rows | None) -> Source:
    """Open the source of a load once more. Raises `UsageError` where it can be read only once, as `open_of` does."""
    if spec.source == ROWS and rows is not None:
        return open_source(rows)
    if spec.source == ROWS and not Path(ROWS).exists():
        raise UsageError(
            f"the rows of {spec.title} came from a program, and the checkpoint holds no values to compare with",
            hint="verify it there: client.verify(checkpoint, rows=...) takes the rows again",
        )
    source = open_of(spec, provider)
    if source.is_replayable:
        return source
    source.close()
    raise UsageError(
        f"the source of {spec.title} can be read only once, and the checkpoint holds no values to compare with",
        hint="save the rows to a file, and import from that: then it can be verified",
    )


# --- what rows say together -----------------------------------------------------------------------------------------


def said_of(rows: Sequence[Expected]) -> Iterator[tuple[Expected, dict[str, Any]]]:
    """Yield the rows of a record in the order of time, each with those of its fields that no later one says.

    None from before a row of which nobody knows what it said.
    """
    later: dict[str, Any] = {}
    told: list[tuple[Expected, dict[str, Any]]] = []
    for row in reversed(rows):
        if row.fields is None:
            break
        own = {name: value for name, value in row.fields.items() if name not in later}
        if MERGED in row.fields and MERGED in later:  # an update says those fields of its own that it changes
            own[MERGED] = {name: value for name, value in row.fields[MERGED].items() if name not in later[MERGED]}
        later = {**row.fields, **later, MERGED: {**row.fields.get(MERGED, {}), **later.get(MERGED, {})}}
        told.append((row, own))
    yield from reversed(told)


def whose(fields: dict[str, Any]) -> tuple[str, str, str]:
    """Return person, service and month of a time entry."""
    person, service, day = (str(fields.get(name)) for name in ("person_id", "service_id", "date"))
    return person, service, day[:7]
