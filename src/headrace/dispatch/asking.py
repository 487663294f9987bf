"""Asking for all of a listing: what we add to a question of our own accord gives way where the API does not take it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from headrace.dispatch.reading import read_answers
from headrace.dispatch.transport import Transport
from headrace.errors import UsageError
from headrace.model import NO_MAPPING, Request
from headrace.provider import Page, Provider, Resource


def check_listing(
    provider: Provider,
    resource: Resource,
    *,
    filters: Mapping[str, Any],
    include: Sequence[str] = (),
    sort: str | None = None,
) -> None:
    """Raise `UsageError` where the API would ignore what a user asks for, and answer with something else unsaid."""
    found = provider.wire.unable(resource, filters=filters, include=include, sort=sort)
    if found is not None:
        what, _, known = found.partition("; ")
        raise UsageError(
            f"{resource.name} of {provider.name} {what}", hint=known or "leave it out, and sort or choose in the file"
        )


class Asking:
    """The relationships that are to be told, filters of ours, and whether pages follow a cursor.

    Without being included a relationship says nothing; in the order of a cursor no record is twice or missing, whoever
    makes others meanwhile. Mutable state: what is left of that.
    """

    def __init__(self, links: Sequence[str], *, by_cursor: bool, filters: Mapping[str, Any] = NO_MAPPING) -> None:
        self.links = [*links]
        self.by_cursor = by_cursor
        self.filters = filters
        self.untold: list[str] = []

    async def answers(
        self,
        transport: Transport,
        provider: Provider,
        first: Callable[[], Request],
        *,
        is_begun: bool = False,
        at_once: int = 1,
    ) -> AsyncIterator[tuple[Page, bytes]]:
        """Yield the pages of the listing that `first` begins, as `read_answers` does."""
        while True:
            try:
                async for answer in read_answers(transport, provider, first(), at_once=at_once):
                    is_begun = True
                    yield answer
            except UsageError as error:
                if is_begun or not self._gives_way(error):
                    raise
            else:
                return

    def _gives_way(self, error: UsageError) -> bool:
        """Whether there is something to leave out of the first question that is not the user's own."""
        refused = [name for name in self.links if any(f"'{one}'" in error.message for one in _spellings(name))]
        if refused:
            self.links = [name for name in self.links if name not in refused]
            self.untold += refused
            return True
        by_cursor, filters = self.by_cursor, self.filters
        if by_cursor and not any(f"'{name}'" in error.message for name in filters):
            self.by_cursor = False
            return True
        self.filters = NO_MAPPING
        return bool(filters)

    def __repr__(self) -> str:
        return f"<Asking for {len(self.links)} relationships>"


def _spellings(field: str) -> tuple[str, str, str]:
    """Return what an API may call the relationship that is our `field`."""
    return field, field.removesuffix("_id"), f"{field.removesuffix('_ids')}s"
