"""Existing records: which of them some rows are about, found by the fields that an upsert names.

Where there are few, all are read once. Else each batch asks for its own, many rows a question.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import anyio
import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from headrace.dispatch.readback.natural import spelt
from headrace.dispatch.reading import read_pages
from headrace.dispatch.transport import Transport
from headrace.errors import StoppedError
from headrace.model import Lane, Record
from headrace.provider import Page, Provider, Resource, references

FEW_PAGES: Final = 10
"""Pages up to which all records are read, where they could be asked for as well."""
MOST: Final = 1_000_000
"""Records that are read where they cannot be asked for; beyond that the load ends."""
AT_ONCE: Final = 40
"""Rows in one question: their values must fit into one address."""

Key: TypeAlias = tuple[str, ...]


class Existing:
    """Finds records of one resource `by` some of its fields.

    Mutable state: how it asks, once that is known; the records that were read, and how many pages that took.
    """

    def __init__(self, transport: Transport, provider: Provider, resource: Resource, by: Sequence[str]) -> None:
        self._transport = transport
        self._provider = provider
        self._resource = resource
        encoded = {field.encode_name: field.name for field in msgspec.structs.fields(resource.struct)}
        self._fields = {name: encoded.get(name, name) for name in by}
        self._links = [name for name in by if self._fields[name] in references(resource.struct)]
        self._can_ask = provider.wire.takes_several and any(name in resource.filters for name in by)
        self._all: dict[Key, list[str]] | None = None
        self._is_asking = False
        self._turn = anyio.Lock()
        self.pages = 0

    async def find(self, records: Sequence[Record]) -> list[list[str]]:
        """Return the ids of the records that each of `records` is about. Raises what `read_pages` raises."""
        async with self._turn:
            if self._all is None and not self._is_asking:
                await self._begin()
        if self._all is not None:
            return [self._all.get(self.key(record), []) for record in records]
        found: list[list[str]] = []
        for start in range(0, len(records), AT_ONCE):
            some = records[start : start + AT_ONCE]
            table = await self._read(self._filters(some))
            found += [table.get(self.key(record), []) for record in some]
        return found

    def key(self, record: Record) -> Key:
        """Return what tells which record a row is about."""
        return tuple(spelt(getattr(record.value, field, UNSET)) for field in self._fields.values())

    async def _begin(self) -> None:
        """Read all records, unless the first page shows that there are many and that they can be asked for."""
        most = FEW_PAGES if self._can_ask else None
        table: defaultdict[Key, list[str]] = defaultdict(list)
        size, count = self._provider.page_size(self._resource), 0
        async for page in self._pages({}):
            if most is not None and page.total is not None and page.total > most * size:
                self._is_asking = True
                return
            count += self._add(table, page)
            if count > MOST:
                raise StoppedError(
                    f"there are more than {MOST} {self._resource.name} to look through",
                    hint="update by id instead, which needs no look",
                )
        self._all = table

    async def _read(self, filters: dict[str, Any]) -> dict[Key, list[str]]:
        table: defaultdict[Key, list[str]] = defaultdict(list)
        async for page in self._pages(filters):
            self._add(table, page)
        return table

    async def _pages(self, filters: dict[str, Any]) -> Any:
        first = self._provider.wire.listing(self._provider, self._resource, filters=filters, include=self._links)
        async for page in read_pages(self._transport, self._provider, replace(first, lane=Lane.READBACK)):
            self.pages += 1
            yield page

    def _add(self, table: dict[Key, list[str]], page: Page) -> int:
        for item in page.items:
            key = tuple(spelt(item.get(field, item.get(name))) for name, field in self._fields.items())
            ids = table[key]
            if str(item["id"]) not in ids:
                ids.append(str(item["id"]))
        return len(page.items)

    def _filters(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return the filters that let all records pass which `records` may be about."""
        values = {
            name: {getattr(record.value, field, UNSET) for record in records}
            for name, field in self._fields.items()
            if name in self._resource.filters
        }
        return {name: sorted(its, key=str) for name, its in values.items() if UNSET not in its and "" not in its}

    def __repr__(self) -> str:
        how = "asked for" if self._is_asking else "all read" if self._all is not None else "not looked at yet"
        return f"<Existing {self._resource.name} by {', '.join(self._fields)}, {how}>"
