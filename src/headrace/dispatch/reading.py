"""Reading: pages of a listing, one after the other, and the first question of every run."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import anyio
from msgspec.structs import replace

from headrace.dispatch.endings import misdirected, unauthorized
from headrace.dispatch.transport import Transport
from headrace.errors import CredentialsError, HeadraceError, LostError, NotSentError, UnreachableError, UsageError
from headrace.model import Lane, Request, Response
from headrace.provider import Page, Provider, Resource, Verdict, verdict

MAX_PAGES: Final = 100_000
"""Bounds one listing: 20 million records at 200 a page."""
_GONE: Final = frozenset({404, 410})


async def read_pages(transport: Transport, provider: Provider, first: Request) -> AsyncIterator[Page]:
    """Yield the pages of the listing that `first` begins, in order.

    Raises `CredentialsError`, `AddressError` or `UnreachableError` where an answer is not a page.
    """
    async for page, _ in read_answers(transport, provider, first):
        yield page


async def read_answers(
    transport: Transport, provider: Provider, first: Request, *, at_once: int = 1
) -> AsyncIterator[tuple[Page, bytes]]:
    """As `read_pages`, each page with the answer that it was; `at_once` pages are asked for together where counted."""
    requests, pages, page = [first], 0, Page(items=[])
    while requests and pages < MAX_PAGES:
        for request, answer in zip(requests, await _answers(transport, requests), strict=True):
            if isinstance(answer, HeadraceError):
                raise answer
            found = provider.wire.page(request, answer.body) if answer.status == 200 else None
            if found is None:
                raise _not_a_page(provider, request, answer)
            page, pages = found, pages + 1
            yield page, answer.body
        # What the last one says of the pages after it is the newest: there may be more of them by now, or fewer.
        following = provider.wire.ahead(page, at_once)
        requests = [replace(one, lane=first.lane, route=first.route) for one in following]


async def read_answer(transport: Transport, provider: Provider, request: Request) -> tuple[Page, bytes]:
    """Return one page and the answer that it was. Raises as `read_pages` does."""
    response = await _answer(transport, request)
    page = provider.wire.page(request, response.body) if response.status == 200 else None
    if page is None:
        raise _not_a_page(provider, request, response)
    following = page.following and replace(page.following, lane=request.lane, route=request.route)
    return replace(page, following=following), response.body


async def read_record(transport: Transport, provider: Provider, request: Request) -> Mapping[str, Any] | None:
    """Return the record that `request` asks for by its id, None where the provider says that there is none.

    Raises as `read_pages` does.
    """
    response = await _answer(transport, request)
    if response.status in _GONE and provider.wire.refusals(response.body) is not None:
        return None
    page = provider.wire.page(request, response.body) if response.status == 200 else None
    if page is None:
        raise _not_a_page(provider, request, response)
    return page.items[0] if page.items else None


async def probe(transport: Transport, provider: Provider, resource: Resource) -> None:
    """Ask for one record of `resource`, so that a wrong address or token shows before anything is written.

    Raises what `read_pages` raises. A token that may write but not list (403) passes, unless it may not even see its
    own account: then that is another one's.
    """
    request, response = await _asked_for_one(transport, provider, resource)
    if _is_forbidden(provider, response):
        account = provider.resource(provider.account or "")
        if account is None:
            return
        request, response = await _asked_for_one(transport, provider, account)
        if _is_forbidden(provider, response):
            raise unauthorized(provider, response)
        return
    if response.status != 200 or provider.wire.page(request, response.body) is None:
        raise _not_a_page(provider, request, response)


async def _asked_for_one(transport: Transport, provider: Provider, resource: Resource) -> tuple[Request, Response]:
    request = replace(provider.wire.listing(provider, resource, filters={}, size=1), lane=Lane.READBACK)
    return request, await _answer(transport, request)


def _is_forbidden(provider: Provider, response: Response) -> bool:
    """Whether the provider itself says 403."""
    is_forbidden = verdict(response.status, provider.verdicts) is Verdict.FORBIDDEN
    return is_forbidden and bool(provider.wire.refusals(response.body))


async def _answers(transport: Transport, requests: Sequence[Request]) -> list[Response | HeadraceError]:
    """Return the answers to requests that are sent together, in their order, or why there is none."""
    if len(requests) == 1:
        return [await _answer(transport, requests[0])]
    answers: dict[int, Response | HeadraceError] = {}

    async def ask(place: int) -> None:
        try:
            answers[place] = await _answer(transport, requests[place])
        except HeadraceError as error:
            answers[place] = error

    async with anyio.create_task_group() as tasks:
        for place in range(len(requests)):
            tasks.start_soon(ask, place)
    return [answers[place] for place in range(len(requests))]


async def _answer(transport: Transport, request: Request) -> Response:
    try:
        return await transport.send(request)
    except (NotSentError, LostError) as error:
        raise UnreachableError(
            f"the provider cannot be reached: {error}",
            hint="check the network and --base-url, then run the same command again",
        ) from None


def _not_a_page(provider: Provider, request: Request, response: Response) -> HeadraceError:
    """Return what to raise for an answer that is no page of records."""
    match verdict(response.status, provider.verdicts):
        case Verdict.UNAUTHORIZED:
            return unauthorized(provider, response)
        case Verdict.UNKNOWN | Verdict.THROTTLED:
            return UnreachableError(
                f"{provider.name} answers {request.method} {request.path} with status {response.status}",
                hint="the provider seems to be down; run the same command again later",
            )
        case Verdict.FORBIDDEN:
            return _closed(provider, request, response)
        case Verdict.REFUSED if response.status == 400 and (said := provider.wire.refusals(response.body)):
            return UsageError(
                f"{provider.name} does not list {request.path} in this way: {said[0].error}",
                hint="leave that filter, sort key, group or include out, or give one that the provider's page names",
            )
        case _:
            return misdirected(provider, response)


def _closed(provider: Provider, request: Request, response: Response) -> HeadraceError:
    """Return the error for a listing that the account may not read, in the provider's own words where it has any."""
    said = provider.wire.refusals(response.body)
    if not said:
        return unauthorized(provider, response)
    return CredentialsError(
        f"{provider.name} does not let {request.path} be read (status {response.status}): {said[0].error}",
        hint="give ids where the import looks names up, or refer to an earlier load with `from`; else change the plan "
        "or the rights of the account",
    )
