"""A roster: the names that the records of one resource have, as far as a run needs to know them.

All of them are read, page after page, unless the first page shows that it takes fewer requests to ask for those that
the rows have. A name that is then not found as it is spelt has all read after all: case does not matter in names, and
what is close can only be said of names that are known.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from headrace.dispatch.reading import read_answer, read_pages
from headrace.dispatch.transport import Transport
from headrace.errors import StoppedError, UsageError
from headrace.intake.references import NameTable
from headrace.model import Request
from headrace.ownfields import OPTIONS
from headrace.provider import Page, Provider, Resource

MOST_NAMES: Final = 1_000_000
"""Bounds one table: about 200 MB of names. Whoever has more gives ids, or refers to an earlier load."""
AT_ONCE: Final = 40
"""Names in one question, where a question may have several ..."""
ADDRESS: Final = 4_000
"""... and how many characters of its address they may take together."""

Wanted: TypeAlias = Callable[[int], Awaitable[AbstractSet[str] | None]]
"""Returns the different names that rows have; None where there are more than so many, or where nobody can say."""


class Roster:
    """The names `by` which records of a resource are found.

    Mutable state: the pairs of name and id so far, what is still to be read, the names that were asked for, and how
    many requests it has taken (`pages`).
    """

    def __init__(self, transport: Transport, provider: Provider, resource: Resource, by: str) -> None:
        self._transport = transport
        self._provider = provider
        self._resource = resource
        # Options are found by name, among those of the field whose id stands for it.
        is_option = resource.name == OPTIONS
        self._attributes = resource.lookups["name" if is_option else by]
        filters = {"custom_field_id": by} if is_option and by.isdecimal() else {}
        self._can_ask = not is_option and by in resource.askable
        self._following: Request | None = self._listing(filters)
        self._pages_left: int | None = None
        self._pairs: list[tuple[str, int | str]] = []
        self._table: NameTable | None = None
        self._answers: list[tuple[str, int | str]] = []
        self.asked: set[str] = set()
        self.records = self.pages = 0

    @property
    def is_whole(self) -> bool:
        """Whether all names have been read."""
        return self._following is None

    @property
    def pairs(self) -> Sequence[tuple[str, int | str]]:
        """The names that have been read, each with the record's id."""
        return self._pairs

    async def whole(self) -> NameTable:
        """Return all names, after reading what was not read yet.

        Raises `StoppedError` where there are too many of them, and what `read_pages` raises.
        """
        while self._following is not None:
            await self._read_page()
        if self._table is None:
            self._table = NameTable(self._pairs)
        return self._table

    async def table(self, wanted: Wanted | None) -> NameTable:
        """Return at least the names that are wanted, by as few requests as it takes. Raises as `whole` does."""
        if wanted is not None and not self.is_whole and await wanted(0) is not None:
            return NameTable(())  # no row has any
        if self._can_ask and wanted is not None and not self.is_whole:
            if not self.pages:
                await self._read_page()
            names = await self._worth_asking(wanted)
            if names is not None and await self._ask(sorted(names - self.asked)):
                table = NameTable(self._answers)
                if all(map(table.has, names)):
                    return table
        return await self.whole()

    async def _worth_asking(self, wanted: Wanted) -> AbstractSet[str] | None:
        """Return the names that rows have, where asking for them takes fewer requests than reading what is left."""
        left = self._pages_left
        if left is None or left < 2:
            return None
        names = await wanted((left - 1) * self._at_once + len(self.asked))
        if names is None or any("," in name for name in names):  # some APIs take a comma for the next name
            return None
        return names if sum(1 for _ in self._questions(sorted(names - self.asked))) < left else None

    async def _ask(self, names: Sequence[str]) -> bool:
        """Ask for names; False where the API does not take the question."""
        (attribute,) = self._attributes
        try:
            for some in self._questions(names):
                value = [*some] if len(some) > 1 else some[0]
                async for page in read_pages(self._transport, self._provider, self._listing({attribute: value})):
                    self._answers += _names(page, self._attributes)
                    self.pages += 1
                self.asked.update(some)
        except UsageError:
            self.pages += 1
            self._can_ask = False
        return self._can_ask

    def _questions(self, names: Sequence[str]) -> Iterator[Sequence[str]]:
        """Yield the names of one question after the other."""
        for start in range(0, len(names), self._at_once):
            some = names[start : start + self._at_once]
            if sum(len(quote(name)) for name in some) <= ADDRESS:
                yield some
            else:
                yield from ([name] for name in some)

    @property
    def _at_once(self) -> int:
        return AT_ONCE if self._provider.wire.takes_several else 1

    async def _read_page(self) -> None:
        request = self._following
        assert request is not None, "there is another page"
        page, _ = await read_answer(self._transport, self._provider, request)
        self.pages, self.records = self.pages + 1, self.records + len(page.items)
        self._pairs += _names(page, self._attributes)
        if len(self._pairs) > MOST_NAMES:
            raise StoppedError(
                f"there are more than {MOST_NAMES} {self._resource.name} to look names up in",
                hint="give ids instead of names, or refer to an earlier load with `from`",
            )
        self._following = page.following
        size = self._provider.page_size(self._resource)
        self._pages_left = None if page.total is None else -(-(page.total - self.records) // size)

    def _listing(self, filters: Mapping[str, Any]) -> Request:
        return self._provider.wire.listing(self._provider, self._resource, filters=filters, fields=self._attributes)

    def __repr__(self) -> str:
        how = "whole" if self.is_whole else f"{len(self.asked)} asked for" if self.asked else "not read yet"
        return f"<Roster of {self._resource.name}, {how}>"


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
