"""Budgets: the one of a set of credentials, and where it keeps what is spent: on disk, in Redis, or in memory."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from headrace.dispatch.budget import Budget
from headrace.dispatch.clock import boottime
from headrace.dispatch.permits import PermitLog
from headrace.dispatch.permits.file import open_log
from headrace.dispatch.permits.redis import open_redis_log
from headrace.dispatch.permits.shared import LEASE, SharedLog
from headrace.dispatch.permits.window import windows
from headrace.dispatch.work import owner_key
from headrace.identity import digest
from headrace.model import Secret
from headrace.outside import Outside
from headrace.pipeline import Settings
from headrace.provider import Login, Provider


@asynccontextmanager
async def open_budget(
    provider: Provider,
    base_url: str,
    token: Secret | Login,
    organization: str,
    *,
    settings: Settings,
    outside: Outside,
    notice: Callable[[str], None],
) -> AsyncIterator[Budget]:
    """Give the budget of these credentials, whose windows are told apart by keyed digests of them.

    `notice` is told, in a sentence for the user, where what is spent cannot be remembered. Raises what opening the
    log raises.
    """
    owner = token.email if isinstance(token, Login) else token.reveal()  # who signs in anew has another token each time
    secret = digest(base_url.encode(), owner.encode()).hex()
    scopes = {"token": secret, "user": secret, "organization": f"{base_url}#{organization}"}
    async with AsyncExitStack() as resources:
        place = _Place(provider, base_url, scopes, settings)
        log = await _log(place, outside=outside, notice=notice, resources=resources)
        yield Budget(
            provider.limits if settings.limits else (),
            log=log,
            share=settings.share,
            scopes=scopes,
            work=provider.work if settings.limits else (),
            jitter=outside.jitter,
            clock=outside.clock,
        )


def is_remembered(outside: Outside) -> bool:
    """Whether what is spent outlives the process by default: not in a simulation."""
    return outside.clock is boottime


class _Place(NamedTuple):
    """Whose budget it is, and how it is to be kept."""

    provider: Provider
    base_url: str
    scopes: Mapping[str, str]
    settings: Settings


async def _log(
    place: _Place, *, outside: Outside, notice: Callable[[str], None], resources: AsyncExitStack
) -> PermitLog | None:
    """Return where permits are kept, None for memory.

    By default on disk, where the next process and those beside this one find them; for several machines in Redis.
    """
    provider, settings = place.provider, place.settings
    if not settings.limits:
        return None
    if settings.budget:
        opening = open_redis_log(
            settings.budget,
            provider.name,
            place.base_url,
            windows=windows(provider.limits, share=settings.share, scopes=place.scopes),
            owners=[owner_key(limit, place.scopes) for limit in provider.work],
            notice=notice,
            lease=max(LEASE, 2 * settings.request_seconds),
            clock=outside.clock,
        )
        log: SharedLog = await resources.enter_async_context(opening)
        return log
    if not is_remembered(outside):
        return None
    return resources.enter_context(open_log(provider.name, place.base_url, notice=notice))
