"""Resolving: the names and keys by which rows refer to other records, and where their ids are found.

Names are looked up before a load begins, in pages, inside the budget: one table per resource and name. Keys of earlier
loads are found a chunk at a time in the checkpoint. So intake, which asks for every row, never waits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from headrace.dispatch.reading import read_pages
from headrace.dispatch.transport import Transport
from headrace.errors import StoppedError
from headrace.intake import Intake
from headrace.intake.references import KeyTable, NameTable, Reference, Resolver, keys_of
from headrace.ledger import View
from headrace.model import Chunk, Row
from headrace.provider import Page, Provider, Resource

MOST_NAMES: Final = 1_000_000
"""Bounds one table: about 200 MB of names. Whoever has more gives ids, or refers to an earlier load."""


class Tables:
    """Tables of names, each read when a load first needs it and again after a load has written to its resource.

    Mutable state: the tables read so far.
    """

    def __init__(self, transport: Transport, provider: Provider, checkpoint: View) -> None:
        self._transport = transport
        self._provider = provider
        self._checkpoint = checkpoint
        self._known: dict[tuple[str, str], NameTable] = {}

    async def resolving(self, intake: Intake) -> "Resolving":
        """Read what the references of one load need. Raises what `read_pages` raises."""
        names = {
            reference.field: await self._table(reference.target, reference.by or "")
            for reference in intake.references
            if reference.kind == "lookup"
        }
        return Resolving(intake, names, self._checkpoint)

    def forget(self, resource: str) -> None:
        """Drop the tables of a resource that has been written to."""
        self._known = {key: table for key, table in self._known.items() if key[0] != resource}

    async def _table(self, resource_name: str, by: str) -> NameTable:
        key = (resource_name, by)
        if key not in self._known:
            resource = self._provider.resource(resource_name)
            assert resource is not None, "the import file was checked"
            self._known[key] = await self._read(resource, resource.lookups[by])
        return self._known[key]

    async def _read(self, resource: Resource, attributes: Sequence[str]) -> NameTable:
        first = self._provider.wire.listing(self._provider, resource, filters={}, fields=attributes)
        pairs: list[tuple[str, int | str]] = []
        async for page in read_pages(self._transport, self._provider, first):
            pairs += _names(page, attributes)
            if len(pairs) > MOST_NAMES:
                raise StoppedError(
                    f"there are more than {MOST_NAMES} {resource.name} to look names up in",
                    hint="give ids instead of names, or refer to an earlier load with `from`",
                )
        return NameTable(pairs)


class Resolving:
    """What one load's intake resolves references by."""

    def __init__(self, intake: Intake, names: Mapping[str, NameTable], checkpoint: View) -> None:
        self._intake = intake
        self._names = names
        self._keys = [reference for reference in intake.references if reference.kind == "from"]
        self._checkpoint = checkpoint

    def resolvers(self, chunk: Chunk, rows: Sequence[Row]) -> Mapping[str, Resolver]:
        """Return a resolver for each field of `rows` that refers to other records."""
        if not self._keys:
            return self._names
        wanted = self._intake.wanted(chunk, rows)
        return {**self._names, **{found.field: self._key_table(found, wanted) for found in self._keys}}

    def _key_table(self, reference: Reference, wanted: Mapping[str, set[str]]) -> KeyTable:
        return KeyTable(self._checkpoint.ids(reference.target, keys_of(wanted.get(reference.field, ()))))


def _names(page: Page, attributes: Sequence[str]) -> Iterator[tuple[str, int | str]]:
    """Yield the name and id of each record of a page that has a name."""
    for item in page.items:
        name = " ".join(str(item[attribute]) for attribute in attributes if item.get(attribute))
        if name:
            yield name, _id(item["id"])


def _id(remote_id: Any) -> int | str:
    return int(remote_id) if str(remote_id).isdecimal() else str(remote_id)
