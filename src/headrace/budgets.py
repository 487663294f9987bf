"""Budgets: the one of a set of credentials, and where it keeps what is spent: on disk, in Redis, or in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from headrace.dispatch.budget import Budget
from headrace.dispatch.clock import boottime
from headrace.dispatch.permits import PermitLog
from headrace.dispatch.permits.file import open_log
from headrace.dispatch.permits.redis import RedisLog, open_redis_log
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
    async with AsyncExitStack() as resources:
        log = await _log(provider, base_url, settings=settings, outside=outside, notice=notice, resources=resources)
        budget = Budget(
            provider.limits if settings.limits else (),
            log=log,
            share=settings.share,
            scopes={"token": secret, "user": secret, "organization": f"{base_url}#{organization}"},
            work=provider.work if settings.limits else (),
            jitter=outside.jitter,
            clock=outside.clock,
        )
        if isinstance(log, RedisLog):
            await log.look(budget.windows)  # what is far away is known only when it has been looked at
        yield budget


def is_remembered(outside: Outside) -> bool:
    """Whether what is spent outlives the process by default: not in a simulation."""
    return outside.clock is boottime


async def _log(
    provider: Provider,
    base_url: str,
    *,
    settings: Settings,
    outside: Outside,
    notice: Callable[[str], None],
    resources: AsyncExitStack,
) -> PermitLog | None:
    """Return where permits are kept, None for memory.

    By default on disk, where the next process and those beside this one find them; for several machines in Redis.
    """
    if not settings.limits:
        return None
    if settings.budget is not None:
        opening = open_redis_log(settings.budget, provider.name, base_url, clock=outside.clock)
        log: RedisLog = await resources.enter_async_context(opening)
        return log
    if not is_remembered(outside):
        return None
    return resources.enter_context(open_log(provider.name, base_url, notice=notice))
