"""Access: the way from credentials to an open connection, with the budget of these credentials."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from msgspec import Struct

from headrace.budgets import is_remembered, open_budget
from headrace.connection import Connection
from headrace.dispatch.budget import Budget
from headrace.dispatch.servertime import ServerTime
from headrace.dispatch.transport import Sender, Transport
from headrace.model import Secret
from headrace.outside import Outside
from headrace.pipeline import Settings, connect
from headrace.provider import Login, Provider
from headrace.session import auth_headers, open_sender, open_storage, signed_in


class Access(Struct, frozen=True, kw_only=True):
    """Where a provider is, as whom, and how: everything that it takes to connect."""

    provider: Provider
    base_url: str
    token: Secret | Login
    organization: str
    settings: Settings
    outside: Outside


@asynccontextmanager
async def open_connection(access: Access) -> AsyncIterator[Connection]:
    """Give an open connection. Raises what opening the budget, and signing in where there is no token, raise."""
    notices: list[str] = []
    time = ServerTime()
    async with AsyncExitStack() as resources:
        budget = await resources.enter_async_context(
            open_budget(
                access.provider,
                access.base_url,
                access.token,
                access.organization,
                settings=access.settings,
                outside=access.outside,
                notice=notices.append,
            )
        )
        storage = open_storage(access.provider, access.base_url, settings=access.settings, outside=access.outside)
        is_kept = bool(access.settings.budget) or (is_remembered(access.outside) and not notices)
        yield Connection(
            provider=access.provider,
            base_url=access.base_url,
            organization=access.organization,
            transport=await _transport(access, budget, time, resources),
            budget=budget,
            outside=access.outside,
            time=time,
            storage=await resources.enter_async_context(storage),
            is_shared=access.settings.limits and is_kept,
            notices=notices,
        )


async def _transport(access: Access, budget: Budget, time: ServerTime, resources: AsyncExitStack) -> Transport:
    """Return the layers over a session that carries the credentials, having signed in where there is no token."""

    def stacked(sender: Sender) -> Transport:
        return connect(sender, budget, access.provider, time, access.outside.jitter)

    token = access.token
    if isinstance(token, Login):
        async with _open(access, {}) as sender:
            token = await signed_in(access.provider, token, stacked(sender))
    headers = auth_headers(access.provider, token, access.organization)
    return stacked(await resources.enter_async_context(_open(access, headers)))


def _open(access: Access, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Sender]:
    return open_sender(access.provider, access.base_url, headers, settings=access.settings, outside=access.outside)
