"""The look-up: what the provider holds that may be some rows and belongs to no row of this import that is done."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from headrace.dispatch.halt import Halt
from headrace.dispatch.journal import Journal
from headrace.dispatch.readback.matching import OF_THIS_IMPORT, Item, Like, created
from headrace.dispatch.readback.question import Question
from headrace.dispatch.readback.reader import Reader, Unreadable
from headrace.dispatch.readback.strategy import Strategy
from headrace.dispatch.wakeup import Wakeup
from headrace.errors import UnreachableError
from headrace.model import Record
from headrace.provider import Resource, references

MOST_TRIES: Final = 5
"""How often a look-up that gets no answer is repeated before the provider is taken to be down."""


class Wanted(Struct, frozen=True):
    """A row to be looked up, and the server's time before which it was not sent; None where nobody knows that."""

    record: Record
    since: float | None


class LookUp:
    """Asks, and leaves out what is known. Mutable state: how many questions in a row got no answer."""

    def __init__(self, reader: Reader, strategy: Strategy, journal: Journal, halt: Halt, resource: Resource) -> None:
        self._resource = resource
        self._reader = reader
        self._strategy = strategy
        self._journal = journal
        self._halt = halt
        self._wakeup = Wakeup()
        self._failures = 0

    @property
    def is_certain(self) -> bool:
        """Whether being like a row is proof enough, however old a record is."""
        return self._strategy.is_certain

    @property
    def like(self) -> Like:
        """What compares a row with what was found."""
        return self._strategy.like

    def questions(self, wanted: Sequence[Wanted]) -> list[Question]:
        """Return the questions whose answers together hold all of `wanted`."""
        known = [one.since for one in wanted if one.since is not None]
        since = min(known) if known and len(known) == len(wanted) else None
        return self._strategy.ask([one.record for one in wanted], since)

    async def ask(self, question: Question) -> list[Item] | Unreadable | None:
        """Return every record that the question is about; None where there is no answer for now.

        Raises `UnreachableError` when there was none too often.
        """
        with self._halt.scope():
            try:
                items = await self._reader.ask(question)
            except UnreachableError:
                self._failures += 1
                if self._failures >= MOST_TRIES:
                    raise
                return None
            self._failures = 0
            return items
        return None

    async def unheld(self, items: Sequence[Item]) -> list[Item]:
        """Return those of `items` that belong to no row which is done by now.

        Where the API does not say when a record was made, one below a record of this import is younger than that.
        """
        await self._wakeup.wait_done(self._journal.sync())
        held = self._journal.held([str(item["id"]) for item in items], self._resource.name)
        free = [item for item in items if str(item["id"]) not in held]
        undated = [item for item in free if created(item) is None]
        return [*(item for item in free if created(item) is not None), *self._dated(undated)]

    def _dated(self, items: Sequence[Item]) -> list[Item]:
        """Return the records; those that are part of something of this import say so of themselves."""
        ours: set[int] = set()
        for field, resource in references(self._resource.struct).items():
            parents = {place: str(item[field]) for place, item in enumerate(items) if item.get(field)}
            held = self._journal.held([*parents.values()], resource) if parents else set()
            ours |= {place for place, parent in parents.items() if parent in held}
        return [{**item, OF_THIS_IMPORT: True} if place in ours else item for place, item in enumerate(items)]

    def __repr__(self) -> str:
        return f"<LookUp: {self._failures} failures in a row>"
