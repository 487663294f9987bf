"""Resolving: the names and keys by which rows refer to other records, and where their ids are found.

Names are looked up before a load begins, in pages, inside the budget: one table per resource and name. Keys of earlier
loads are found a chunk at a time in the checkpoint. So intake, which asks for every row, never waits.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from msgspec import Struct

from headrace.dispatch.halt import Halt
from headrace.dispatch.reading import read_pages
from headrace.dispatch.transport import Transport
from headrace.errors import StoppedError
from headrace.intake import Intake
from headrace.intake.references import KeyTable, NameTable, Reference, Resolver
from headrace.intake.strays import Strays
from headrace.model import Chunk, Row, Sifted
from headrace.ownfields import OPTIONS, OwnFields, fitted, named, read_own_fields
from headrace.parents import Parents
from headrace.provider import Page, Provider, Resource
from headrace.waves import Wave

MOST_NAMES: Final = 1_000_000
"""Bounds one table: about 200 MB of names. Whoever has more gives ids, or refers to an earlier load."""


class Names(Struct, frozen=True):
    """The names that the records of one resource have, each with the record's id; read in so many pages."""

    pairs: list[tuple[str, int | str]]
    records: int
    pages: int


class Naming(Protocol):
    """Knows what the references of a load resolve to."""

    async def fitted(self, intake: Intake) -> Intake:
        """Return the intake with the account's own fields called by id, after reading what they are."""

    async def resolving(self, intake: Intake) -> "Resolving":
        """Return what the references of one load resolve to, after reading what it takes. Raises as `read_names`."""


class Tables:
    """Tables of names, each read when a load first needs it and again after a load has written to its resource.

    Mutable state: the tables read so far, and how many pages each resource had when it was last read.
    """

    def __init__(self, transport: Transport, provider: Provider, parents: Parents, halt: Halt) -> None:
        self._transport = transport
        self._provider = provider
        self._parents = parents
        self._halt = halt
        self._known: dict[tuple[str, str], NameTable] = {}
        self._pages: dict[str, int] = {}
        self._own: dict[str, OwnFields] = {}

    async def fitted(self, intake: Intake) -> Intake:
        """See `Naming`."""
        if not named(intake):
            return intake
        with self._halt.scope():
            own = self._own.get(intake.resource.name)
            if own is None:
                own = await read_own_fields(self._transport, self._provider, intake.resource)
                self._own[intake.resource.name] = own
            return fitted(intake, own)
        return intake  # halted: no row will be judged

    async def resolving(self, intake: Intake) -> "Resolving":
        """See `Naming`. After a halt nothing is read, for no row will be judged."""
        names: dict[str, NameTable] = {}
        with self._halt.scope():
            for field, wanted in lookups_of(intake).items():
                names[field] = await self._table(*wanted)
        return Resolving(intake, names, self._parents)

    def pages_ahead(self, intakes: Sequence[Intake]) -> list[int]:
        """Return about how many pages of names will be read before each of some loads, which come one after another.

        What has not been read yet is taken to be a page. Every load is followed by `forget`.
        """
        known, ahead = set(self._known), list[int]()
        for intake in intakes:
            wanted = set(lookups_of(intake).values()) - known
            ahead.append(sum(self._pages.get(resource, 1) for resource, _ in wanted))
            known = {key for key in known | wanted if key[0] != intake.resource.name}
        return ahead

    def forget(self, resource: str) -> None:
        """Drop the tables of a resource that has been written to."""
        self._known = {key: table for key, table in self._known.items() if key[0] != resource}

    async def _table(self, resource: str, by: str) -> NameTable:
        if (resource, by) not in self._known:
            names = await read_names(self._transport, self._provider, resource, by)
            self._known[resource, by] = NameTable(names.pairs)
            self._pages[resource] = names.pages
        return self._known[resource, by]


async def read_names(transport: Transport, provider: Provider, resource_name: str, by: str) -> Names:
    """Read all records of a resource for the names that they have `by`, page after page, inside the budget.

    Raises `StoppedError` where there are too many of them, and what `read_pages` raises.
    """
    resource = looked_up(provider, resource_name)
    # Options are found by name, among those of the field whose id stands for it.
    attributes = resource.lookups["name" if resource_name == OPTIONS else by]
    filters = {"custom_field_id": by} if resource_name == OPTIONS and by.isdecimal() else {}
    first = provider.wire.listing(provider, resource, filters=filters, fields=attributes)
    pairs: list[tuple[str, int | str]] = []
    records = pages = 0
    async for page in read_pages(transport, provider, first):
        pairs += _names(page, attributes)
        records, pages = records + len(page.items), pages + 1
        if len(pairs) > MOST_NAMES:
            raise StoppedError(
                f"there are more than {MOST_NAMES} {resource.name} to look names up in",
                hint="give ids instead of names, or refer to an earlier load with `from`",
            )
    return Names(pairs, records, pages)


def lookups_of(intake: Intake) -> dict[str, tuple[str, str]]:
    """Return for each field that is looked up by name, in which resource and by what."""
    return {one.field: (one.target, one.by or "") for one in intake.references if one.kind == "lookup"}


def looked_up(provider: Provider, name: str) -> Resource:
    """Return a resource that an import which was checked looks names up in."""
    resource = provider.resource(name)
    assert resource is not None, "the import file was checked"
    return resource


class Resolving:
    """What one load's intake resolves references by."""

    def __init__(
        self, intake: Intake, names: Mapping[str, NameTable], parents: Parents, wave: Wave | None = None
    ) -> None:
        self._wave = wave
        self._intake = intake
        self._names = names
        self._keys = [reference for reference in intake.references if reference.kind == "from"]
        self._parents = parents
        self.strays = Strays(intake, "" if wave is None else wave.title)

    def within(self, wave: Wave | None) -> "Resolving":
        """Return the same for one wave of a load whose rows refer to each other."""
        return Resolving(self._intake, self._names, self._parents, wave)

    def sifted(self, chunk: Chunk, found: Sifted) -> Sifted:
        """Return what validation has found, without the rows that wait for others of the same source.

        Names that lead nowhere are noted in `strays`.
        """
        left = found if self._wave is None else self._wave.sifted(chunk, found)
        self.strays.add(chunk, left.invalid, partial(self.resolvers, chunk))
        return left

    def resolvers(self, chunk: Chunk, rows: Sequence[Row]) -> Mapping[str, Resolver]:
        """Return a resolver for each field of `rows` that refers to other records."""
        if not self._keys:
            return self._names
        wanted = self._intake.wanted(chunk, rows)
        return {**self._names, **{found.field: self._key_table(found, wanted) for found in self._keys}}

    def _key_table(self, reference: Reference, wanted: Mapping[str, set[str]]) -> KeyTable:
        texts = wanted.get(reference.field, set())
        if self._wave is not None and reference.target == self._wave.title:
            return self._wave.table(texts)
        return self._parents.table(reference.target, texts)


def _names(page: Page, attributes: Sequence[str]) -> Iterator[tuple[str, int | str]]:
    """Yield the name and id of each record of a page that has a name."""
    for item in page.items:
        if name := name_of(item, attributes):
            yield name, _id(item["id"])


def name_of(item: Mapping[str, Any], attributes: Sequence[str]) -> str:
    """Return the name that `attributes` spell, empty where there is none."""
    return " ".join(str(item[attribute]) for attribute in attributes if item.get(attribute))


def _id(remote_id: Any) -> int | str:
    return int(remote_id) if str(remote_id).isdecimal() else str(remote_id)
