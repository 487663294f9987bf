"""The comparison of one resource: what its loads should have left, with what the provider holds.

Loads of one resource are compared together: what a later row says of a record stands for what earlier ones did.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from headrace.connection import Connection
from headrace.dispatch.asking import Asking
from headrace.dispatch.readback.differing import differing
from headrace.dispatch.readback.matching import Item
from headrace.dispatch.readback.natural import created_since
from headrace.dispatch.reading import read_record
from headrace.expecting import Expecting, said_of, whose
from headrace.ledger.expected import Expectations, Expected
from headrace.minutes import Minutes, Worked, is_reported, worked
from headrace.model import Lane, Request
from headrace.provider import references
from headrace.resolving import Tables
from headrace.verified import MOST, Difference, LoadVerified

ENOUGH: Final = 100
"""Records in a row about which a list was right; then it is believed about the others."""


class _Trust:
    """How far a list is believed.

    Mutable state: how many records were `asked` for by id, how many were `taken` as the list told them, and about how
    many in a row it was right.
    """

    def __init__(self) -> None:
        self.asked = self.taken = self._right = 0

    async def about(self, told: Item | None, ask: Callable[[], Awaitable[Item | None]]) -> Item | None:
        """Return the record as it is asked for; once the list is believed, as it was `told` there, None for missing."""
        if self._right >= ENOUGH:
            self.taken += 1
            return told
        found = await ask()
        self.asked += 1
        self._right = self._right + 1 if (found is None) == (told is None) else 0
        return found


class Comparison:
    """The comparison of the records of one resource.

    Mutable state: what is expected, what differs by load, which fields were sent and found, how far the list was right,
    and the minutes sent.
    """

    def __init__(self, loads: Sequence[Expecting], connection: Connection) -> None:
        self._loads = loads
        self._by_place = {one.place: one for one in loads}
        self._connection = connection
        self._resource = loads[0].resource
        self._is_reported = is_reported(self._resource, connection)
        self._expected = Expectations()
        self._asking = Asking([*references(self._resource.struct)], by_cursor=True)
        self._differing: Counter[int] = Counter()
        self._missing: Counter[int] = Counter()
        self._sent: set[str] = set()
        self._found: set[str] = set()
        self._shown = _Trust()
        self._hidden = _Trust()
        self.differences: list[Difference] = []
        self.minutes: Sequence[Minutes] = ()
        self._worked: Worked = Counter()

    async def run(self, tables: Tables) -> None:
        """Gather what is expected, read what there is, and compare."""
        for load in self._loads:
            await load.gather(tables, self._expected)
        if len(self._expected):
            is_whole = await self._read()
            for rows in self._expected.left():
                self._judge(rows, await self._unlisted(rows, is_whole=is_whole))
            self.minutes = await worked(self._worked, self._connection)

    def loads(self) -> Iterator[tuple[int, LoadVerified]]:
        """Yield what was found of each load, by its place."""
        for load in self._loads:
            yield (
                load.place,
                LoadVerified(
                    name=load.spec.title,
                    resource=load.spec.resource,
                    operation=load.spec.operation,
                    checked=load.checked,
                    differing=self._differing[load.place],
                    missing=self._missing[load.place],
                    changed=load.changed,
                ),
            )

    def notices(self) -> Iterator[str]:
        """Yield what the user should know."""
        name = self._resource.name
        if untold := sorted(self._sent - self._found):
            yield f"{self._connection.provider.name} does not tell {', '.join(untold)} of {name}: not compared"
        for trust, which, was, counted in (
            (self._hidden, "the list does not show", "missing", "missing"),
            (self._shown, "should be gone and the list shows", "there", "differing"),
        ):
            if trust.taken:
                yield (
                    f"{name}: {trust.asked:,} records that {which} were asked for by id, and the last {ENOUGH} in a row"
                    f" were {was}; the other {trust.taken:,} were not asked for, and are counted as {counted}"
                )

    def close(self) -> None:
        """Drop what was gathered."""
        self._expected.close()

    # What there is

    async def _read(self) -> bool:
        """Compare what the listing holds; return whether it was read to its end.

        It is left when as many pages were read as records are still to be found: then these are asked for one by one,
        which is less than twice the least that could do.
        """
        connection, pages = self._connection, 0
        since = min(one.since or 0.0 for one in self._loads)
        self._asking.filters = created_since(self._resource, since or None)
        async for page, _ in self._asking.answers(connection.transport, connection.provider, self._first):
            pages += 1
            items = {str(item["id"]): item for item in page.items}
            for rows in self._expected.take([*items]):
                self._judge(rows, await self._listed(rows, items[rows[-1].remote_id]))
            if pages >= len(self._expected):
                return page.following is None
        return True

    def _first(self) -> Request:
        provider, asking = self._connection.provider, self._asking
        first = provider.wire.listing(
            provider, self._resource, filters=asking.filters, include=asking.links, by_cursor=asking.by_cursor
        )
        return replace(first, lane=Lane.ROWS)

    async def _listed(self, rows: Sequence[Expected], item: Item) -> Item | None:
        """Return a record that the list shows: what should be gone is asked for, for a list may lag behind."""
        return item if rows[-1].is_there else await self._shown.about(item, partial(self._record, rows))

    async def _unlisted(self, rows: Sequence[Expected], *, is_whole: bool) -> Item | None:
        """Return a record that the list does not show, or, where it was not read as a whole, might have shown yet."""
        if not is_whole:
            return await self._record(rows)
        return await self._hidden.about(None, partial(self._record, rows)) if rows[-1].is_there else None

    async def _record(self, rows: Sequence[Expected]) -> Item | None:
        """Return the record, asked for by its id."""
        provider = self._connection.provider
        request = provider.wire.record(provider, self._resource, rows[-1].remote_id, include=self._asking.links)
        return await read_record(self._connection.transport, provider, replace(request, lane=Lane.ROWS))

    # What differs

    def _judge(self, rows: Sequence[Expected], item: Item | None) -> None:
        """Compare a record with what its rows have left of it, or of which there is none any more."""
        first, last = rows[0], rows[-1]
        if not last.is_there:
            if item is not None:
                self._differing[last.load] += 1
                self._tell(last, "id", None, last.remote_id)
            return
        said = [*said_of(rows)]
        is_known = all(row.fields is not None for row in rows)
        if is_known and self._is_reported and self._by_place[first.load].makes_records:
            fields = {name: value for _, its in said for name, value in its.items()}
            self._worked[whose(fields)] += int(fields["time"])
        if item is None:
            self._missing[first.load] += 1
            self._tell(first)
            return
        self._found.update(item)
        for row, fields in said:
            self._sent.update(fields)
            different = differing(fields, item)
            self._differing[row.load] += bool(different)
            for name in different:
                self._tell(row, name, fields[name], item.get(name))

    def _tell(self, row: Expected, field: str | None = None, sent: Any = None, found: Any = None) -> None:
        if len(self.differences) < MOST:
            load = self._by_place[row.load]
            self.differences.append(
                Difference(
                    file=load.file,
                    line=row.line or None,
                    load=load.spec.title,
                    id=row.remote_id,
                    field=field,
                    sent=sent,
                    found=found,
                )
            )
