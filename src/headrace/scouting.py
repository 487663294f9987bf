"""Scouting: what a run asks about the first rows of a load, asked now, so that a plan knows what it takes."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.connection import Connection
from headrace.dispatch import canary
from headrace.dispatch.readback.reader import Reader, Unreadable
from headrace.dispatch.readback.strategy import strategy
from headrace.feed import Load
from headrace.ledger import Identity
from headrace.marking import FieldSearch, Marking, find_field, marked_by, marks_field, preflight_of
from headrace.model import Record
from headrace.passage import Passage
from headrace.prospects import CANARY, MARKS, Prospects
from headrace.provider import Resource

_UNKNOWN: Final = "?"
"""The id of a field that the run will create: nothing carries it yet."""


class Scouting:
    """Asks for the loads of one import. Mutable state: the custom fields that will have been created."""

    def __init__(self, connection: Connection, identity: Identity, prospects: Prospects) -> None:
        self._connection = connection
        self._identity = identity
        self._prospects = prospects
        self._created: set[tuple[str, str | None]] = set()

    async def scout(self, passage: Passage, load: Load) -> "Scout":
        """Look for the custom field that carries a load's markers, and return what asks about its first rows."""
        number: str | None = ""
        if marks_field(passage.spec, load.resource):
            number = (await self._search(passage, load.resource)).id
        how = marked_by(_UNKNOWN if number is None else number, passage.spec, load.resource, self._identity)
        return Scout(replace(load, guarantee=how.guarantee), how, self._connection, self._prospects, number is not None)

    async def _search(self, passage: Passage, resource: Resource) -> FieldSearch:
        """Look for the custom field; where there is none, the run creates it once."""
        connection, name = self._connection, passage.spec.marker
        found = await find_field(passage.spec, resource, connection.provider, connection.transport)
        field = (name, resource.customizable)
        is_created = found.id is None and field not in self._created
        if is_created:
            self._created.add(field)
        self._prospects.note(
            "custom_fields", name, records=int(found.id is not None), pages=found.pages, is_created=is_created
        )
        return found


class Scout(Struct, frozen=True):
    """Asks about the first rows of one load; not where it `is_known` that nothing can be there."""

    load: Load
    how: Marking
    connection: Connection
    prospects: Prospects
    is_known: bool

    async def ask(self, records: Sequence[Record]) -> None:
        """Ask what a run asks before and after its first row, and note how many requests that takes."""
        marked = self.how.mark(records)
        reader = Reader(self.connection.transport, self.connection.provider, self.load.resource)
        fly = preflight_of(self.load, reader)
        if fly is not None:
            if self.is_known:  # else the field is yet to be created, and the answer is known to be one empty page
                await fly(marked)
            self.prospects.note(self.load.resource.name, MARKS, pages=max(1, reader.pages))
        if self.load.canary:
            self.prospects.note(self.load.resource.name, CANARY, pages=await self._pages_of_canary(marked[0]))

    async def _pages_of_canary(self, record: Record) -> int:
        """Return how many pages hold the row and what is like it, once it is there."""
        how, resource = strategy(self.load.resource, self.load.guarantee), self.load.resource
        if how is None or not self.is_known:
            return 1
        reader = Reader(self.connection.transport, self.connection.provider, resource)
        found = await reader.ask(canary.question(how, resource, record))
        if isinstance(found, Unreadable):
            return reader.pages + 1  # then it is read by its id
        return -(-(len(found) + 1) // self.connection.provider.page_size(resource))
