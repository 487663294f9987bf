"""Verification: what an import has left, read back in pages and compared field by field with what its sources say.

Loads of one resource are checked together: what a later row says of a record stands for what earlier ones did. A row
that says something else now than what was sent is counted as changed, and not compared.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.attaching import OPTION, upload_of
from headrace.connection import Connection
from headrace.dispatch.asking import Asking
from headrace.dispatch.halt import Halt
from headrace.dispatch.readback.differing import differing
from headrace.dispatch.readback.matching import Item
from headrace.dispatch.readback.natural import created_since
from headrace.dispatch.reading import read_record
from headrace.expecting import Expecting, Rows, said_of, whose
from headrace.importfile import recorded
from headrace.ledger import View
from headrace.ledger.expected import Expectations, Expected
from headrace.meter import Meter
from headrace.minutes import Minutes, Worked, is_reported, worked
from headrace.model import Lane, Request
from headrace.parents import Parents, earlier_imports
from headrace.passage import resource_of
from headrace.provider import references
from headrace.resolving import Tables

MOST: Final = 1_000
"""Differences that are told; all are counted."""


class Difference(Struct, frozen=True, kw_only=True):
    """A field of a record that is not what was sent.

    Where the record is not there `field` is None; where it was deleted and is there still, `field` is its `id`.
    """

    file: str
    line: int
    load: str
    id: str
    field: str | None = None
    sent: Any = None
    found: Any = None


class LoadVerified(Struct, frozen=True, kw_only=True):
    """What was found of one load: rows `checked`, of which some are `differing` or `missing`.

    `changed` are rows that are done and of which the source does not say what was sent any more.
    """

    name: str
    resource: str
    operation: str
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


async def verify(
    view: View,
    connection: Connection,
    *,
    attachments: str | Path | None = None,
    rows: Rows | None = None,
) -> Verified:
    """Read back what the import of a checkpoint has left. Writes nothing anywhere.

    Loads of files are left out unless `attachments` is the folder that they were in; `rows` are those of a load that a
    program gave them to, once more. Raises `HeadraceError` where a source or the provider cannot be read.
    """
    spec = recorded(view.definition)
    connection = connection.fitted(spec)
    meter = Meter(connection.budget, connection.outside.clock)
    begun = {load.name for load in view.loads}
    files = {
        one.title for one in spec.in_order if one.title in begun and upload_of(resource_of(one, connection.provider))
    }
    left_out = files if attachments is None else set[str]()
    with ExitStack() as resources:
        parents = Parents(view, resources.enter_context(earlier_imports(spec, view)))
        tables = Tables(connection.transport, connection.provider, parents, Halt())
        loads = [
            resources.enter_context(
                closing(Expecting(one, place, view, connection, attachments=attachments, rows=rows))
            )
            for place, one in enumerate(spec.in_order)
            if one.title in begun - left_out
        ]
        checks = [
            resources.enter_context(closing(_Check([one for one in loads if one.spec.resource == name], connection)))
            for name in dict.fromkeys(one.spec.resource for one in loads)
        ]
        for check in checks:
            await check.run(tables)
        minutes = [one for check in checks for one in await worked(check.worked, connection)]
        told = {place: one for check in checks for place, one in check.loads()}
        order = {one.spec.title: one.place for one in loads}
        differences = [one for check in checks for one in check.differences]
        differences.sort(key=lambda one: (order[one.load], one.line))
    found = [told[place] for place in sorted(told)]
    sums = {name: sum(getattr(one, name) for one in found) for name in ("checked", "differing", "missing", "changed")}
    return Verified(
        import_name=spec.name,
        provider=connection.provider.name,
        requests=meter.spent()["requests"],
        seconds=round(meter.seconds, 3),
        loads=tuple(found),
        differences=tuple(differences[:MOST]),
        minutes=tuple(minutes),
        notices=(
            *connection.notices,
            *(one for check in checks for one in check.notices()),
            *(f"{title}: files are compared with {OPTION} only" for title in sorted(left_out)),
        ),
        **sums,
    )


class _Check:
    """The check of one resource.

    Mutable state: what is expected, what differs by load, which fields were sent and found, and the minutes sent.
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
        self.differences: list[Difference] = []
        self.worked: Worked = Counter()

    async def run(self, tables: Tables) -> None:
        """Gather what is expected, read what there is, and compare."""
        for load in self._loads:
            await load.gather(tables, self._expected)
        if len(self._expected):
            is_whole = await self._read()
            for rows in self._expected.left():
                self._judge(rows, None if is_whole and not rows[-1].is_there else await self._record(rows))

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
        if untold := sorted(self._sent - self._found):
            name = self._connection.provider.name
            yield f"{name} does not tell {', '.join(untold)} of {self._resource.name}: not compared"

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
                is_gone = not rows[-1].is_there  # or so it should be: a list may lag behind
                self._judge(rows, await self._record(rows) if is_gone else items[rows[-1].remote_id])
            if pages >= len(self._expected):
                return page.following is None
        return True

    def _first(self) -> Request:
        provider, asking = self._connection.provider, self._asking
        first = provider.wire.listing(
            provider, self._resource, filters=asking.filters, include=asking.links, by_cursor=asking.by_cursor
        )
        return replace(first, lane=Lane.ROWS)

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
        if self._is_reported and self._by_place[first.load].makes_records:
            fields = {name: value for _, its in said for name, value in its.items()}
            self.worked[whose(fields)] += int(fields["time"])
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
                    line=row.line,
                    load=load.spec.title,
                    id=row.remote_id,
                    field=field,
                    sent=sent,
                    found=found,
                )
            )
