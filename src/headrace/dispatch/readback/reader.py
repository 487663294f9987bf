"""The reader: asks a question to its end, inside the budget, in the lane of read-backs."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.dispatch.endings import misdirected, unauthorized
from headrace.dispatch.readback.matching import Item
from headrace.dispatch.readback.question import Question
from headrace.dispatch.transport import Transport
from headrace.errors import LostError, NotSentError, UnreachableError
from headrace.model import Lane, Request, Response
from headrace.provider import Page, Provider, Resource, Verdict, ids_of, verdict

MOST_PAGES: Final = 50
"""Pages of one question: a filter that lets more pass does not identify anything."""


class Unreadable(Struct, frozen=True):
    """The question cannot be answered: the provider refuses it, or there is too much to read."""

    why: str


class Reader:
    """Reads listings of one resource. Mutable state: how many pages were asked for."""

    def __init__(self, transport: Transport, provider: Provider, resource: Resource) -> None:
        self._transport = transport
        self._provider = provider
        self._resource = resource
        self.pages = 0

    async def ask(self, question: Question) -> list[Item] | Unreadable:
        """Return every record that the question is about, complete (RELIABILITY.md, I7 b), each once.

        Raises `CredentialsError`, `AddressError` or `UnreachableError` where no answer is to be had now.
        """
        if question.members is not None:
            return await self._members(*question.members)
        first = self._provider.wire.listing(
            self._provider, self._resource, filters=question.filters, include=question.include
        )
        request: Request | None = replace(first, lane=Lane.READBACK)
        found: dict[str, Item] = {}
        total: int | None = None
        for _ in range(MOST_PAGES):
            if request is None:
                return [*found.values()] if total is None or len(found) >= total else Unreadable(_MOVED)
            page = await self._page(request)
            if isinstance(page, Unreadable):
                return page
            found.update(_by_id(page))
            total = page.total
            request = page.following and replace(page.following, lane=Lane.READBACK, route=first.route)
        return Unreadable(f"more than {MOST_PAGES} pages of records could be it")

    async def _members(self, name: str, identity: str, relation: str) -> list[Item] | Unreadable:
        """Return the records of `relation` that a record of the resource `name` has."""
        resource, wire = self._provider.resource(name), self._provider.wire
        assert resource is not None, "the table names its own resources"
        request = wire.members(self._provider, resource, identity, relation)
        response = await self._answer(request)
        page = wire.page(request, response.body) if response.status == 200 else None
        if response.status in _GONE and wire.refusals(response.body) is not None:
            return []  # what is not there has nothing
        if page is None or not page.items:
            return self._refused(response)
        ids = page.items[0].get(ids_of(relation))
        if not isinstance(ids, list):
            return Unreadable(f"the provider does not say which {relation} it has")
        held = wire.related(response.body)
        return [held.get((relation, str(one)), {"id": str(one)}) for one in ids]

    async def _page(self, request: Request) -> Page | Unreadable:
        response = await self._answer(request)
        page = self._provider.wire.page(request, response.body) if response.status == 200 else None
        return self._refused(response) if page is None else page

    async def _answer(self, request: Request) -> Response:
        self.pages += 1
        try:
            return await self._transport.send(request)
        except (NotSentError, LostError) as error:
            raise _out_of_reach(str(error)) from None

    def _refused(self, response: Response) -> Unreadable:
        match verdict(response.status, self._provider.verdicts):
            case Verdict.REFUSED | Verdict.FORBIDDEN if self._provider.wire.refusals(response.body) is not None:
                return Unreadable(f"the provider does not let it be looked up (status {response.status})")
            case Verdict.UNAUTHORIZED:
                raise unauthorized(self._provider, response)
            case Verdict.MISDIRECTED:
                raise misdirected(self._provider, response)
            case _:
                raise _out_of_reach(f"status {response.status}")


_GONE: Final = frozenset({404, 410})
_MOVED: Final = "the listing changed while it was read"


def _by_id(page: Page) -> Iterator[tuple[str, Item]]:
    return ((str(item["id"]), item) for item in page.items)


def _out_of_reach(what: str) -> UnreachableError:
    return UnreachableError(
        f"rows that were sent without an answer cannot be looked up: {what}",
        hint="run the same command again later: it goes on where it stopped",
    )
