"""The examination: what an account lets us do and promise, found out by reading. Nothing is written.

Every question is one request inside the budget, in the lane of read-backs, so that a run beside it is not held up.
"""

import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from headrace.connection import Connection
from headrace.dispatch.budget import WorkUse
from headrace.dispatch.reading import probe
from headrace.dispatch.servertime import date_of
from headrace.errors import LostError, NotSentError
from headrace.model import Lane, Response, WindowUse
from headrace.provider import NaturalKey, Provider, Resource, Verdict, references, verdict
from headrace.provider.guarantee import effective, promise

CLOCK_SKEW: Final = 30.0
"""Seconds by which our clock may differ from the provider's before it is worth a word: TLS minds minutes."""
IGNORED: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
NOBODY: Final = 2_147_483_647
"""An id that no record has."""


class State(StrEnum):
    """How something was found. `NOTE` is worth knowing, `WARNING` makes a promise weaker than the table says."""

    FINE = "fine"
    NOTE = "note"
    WARNING = "warning"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at: `check` in a word, how it was found, what that is, and what to do about it."""

    check: str
    state: State
    detail: str
    hint: str | None = None


class Diagnosis(Struct, frozen=True, kw_only=True):
    """Everything that was found. `clock` is how many seconds our clock is ahead of the provider's, if that is known."""

    provider: str
    base_url: str
    organization: str
    clock: float | None
    windows: tuple[WindowUse, ...]
    work: tuple[WorkUse, ...]
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 where all is as the tables say, 3 with a warning."""
        return 3 if any(finding.state is State.WARNING for finding in self.findings) else 0


async def examine(connection: Connection, environment: Mapping[str, str] = os.environ) -> Diagnosis:
    """Look at credentials, rights, clock, budget and guarantees.

    Raises what the first question of a run raises: `CredentialsError`, `AddressError` or `UnreachableError`.
    """
    provider = connection.provider
    writable = [resource for resource in provider.resources if resource.writes]
    await probe(connection.transport, provider, writable[0])
    ahead = await _clock_ahead(connection, writable[0])
    findings = [
        Finding(check="credentials", state=State.FINE, detail=f"{provider.name} accepts the token"),
        await _organization(connection),
        _clock(ahead),
        *_environment(environment),
        *[finding async for finding in _resources(connection, writable)],
    ]
    now = connection.budget.statistics()
    return Diagnosis(
        provider=provider.name,
        base_url=connection.base_url,
        organization=connection.organization,
        clock=ahead,
        windows=now.windows,
        work=now.work,
        findings=tuple(findings),
    )


# --- who we are -------------------------------------------------------------------------------------------------


async def _organization(connection: Connection) -> Finding:
    """Find the name behind the organization's id, so that a wrong one is seen before rows are in it."""
    resource = connection.provider.resource(connection.provider.account or "")
    if resource is None:
        return Finding(check="organization", state=State.NOTE, detail="the API does not tell whose account it is")
    response = await _ask(connection, resource, {})
    page = (
        None if response is None else connection.provider.wire.page(_listing(connection, resource, {}), response.body)
    )
    items = [] if page is None else page.items
    own = next((one for one in items if str(one["id"]) == connection.organization), None)
    if own is None:
        detail = f"{connection.organization} is accepted; the token may not read its name"
        return Finding(check="organization", state=State.NOTE, detail=detail)
    return Finding(check="organization", state=State.FINE, detail=f"{connection.organization} is {own.get('name')}")


# --- clock and surroundings -------------------------------------------------------------------------------------


async def _clock_ahead(connection: Connection, resource: Resource) -> float | None:
    response = await _ask(connection, resource, {})
    date = None if response is None else date_of(response.headers)
    return None if date is None else round(time.time() - date, 1)


def _clock(ahead: float | None) -> Finding:
    if ahead is None:
        return Finding(check="clock", state=State.NOTE, detail="the provider does not tell the time")
    if abs(ahead) <= CLOCK_SKEW:
        return Finding(check="clock", state=State.FINE, detail=f"{ahead:+.0f} s against the provider's")
    return Finding(
        check="clock",
        state=State.NOTE,
        detail=f"ours is {ahead:+.0f} s against the provider's",
        hint="set it; limits and read-backs do not depend on it, but certificates and dates in reports do",
    )


def _environment(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Name what other programs would obey and we do not, because it would send the token elsewhere."""
    proxies = [name for name in IGNORED if environment.get(name)]
    if proxies:
        yield Finding(
            check="proxy",
            state=State.NOTE,
            detail=f"{', '.join(proxies)} is set and ignored: it would be shown the token",
        )
    if "HOME" in environment and (Path(environment["HOME"]) / ".netrc").is_file():
        yield Finding(check="netrc", state=State.NOTE, detail="~/.netrc is there and ignored")


# --- rights and guarantees --------------------------------------------------------------------------------------


async def _resources(connection: Connection, resources: list[Resource]) -> AsyncIterator[Finding]:
    for resource in resources:
        readable = await _rights(connection, resource)
        yield readable
        if readable.state is State.FINE:
            yield await _guarantee(connection, resource)


async def _rights(connection: Connection, resource: Resource) -> Finding:
    check = f"read {resource.name}"
    response = await _ask(connection, resource, {})
    if response is not None and response.status == 200:
        return Finding(check=check, state=State.FINE, detail="may be listed; whether it may be written shows only then")
    status = "no answer" if response is None else f"status {response.status}"
    return Finding(
        check=check,
        state=State.WARNING,
        detail=f"cannot be listed ({status}): what is unknown after a lost answer stays in doubt",
        hint="give the token the right to read it",
    )


async def _guarantee(connection: Connection, resource: Resource) -> Finding:
    """Ask for a record that cannot be there: a filter that is refused, or lets others through, identifies nothing."""
    check, promised = f"promise {resource.name}", promise(resource)
    filters = _impossible(resource)
    if not filters:
        return Finding(check=check, state=State.NOTE, detail=f"{promised}; found by listing, not by a filter")
    response = await _ask(connection, resource, filters)
    page = (
        None if response is None else connection.provider.wire.page(_listing(connection, resource, {}), response.body)
    )
    if response is not None and response.status == 200 and page is not None and not page.items:
        return Finding(check=check, state=State.FINE, detail=promised)
    said = "no answer" if response is None else _said(connection.provider, response)
    return Finding(
        check=check,
        state=State.WARNING,
        detail=f"the filter by {', '.join(filters)} does not work here ({said}): unknown rows stay in doubt",
        hint="name a marker for the load (marker = ...), or settle by hand with `headrace resolve`",
    )


def _said(provider: Provider, response: Response) -> str:
    if verdict(response.status, provider.verdicts) is Verdict.ACCEPTED:
        return "it lets other records through"
    refusals = provider.wire.refusals(response.body) or []
    return "; ".join(refusal.error for refusal in refusals[:1]) or f"status {response.status}"


def _impossible(resource: Resource) -> dict[str, Any]:
    """Return filters by the key of a resource that no record passes; what stands in its path is no filter."""
    guarantee = effective(resource)
    key = guarantee.fields if isinstance(guarantee, NaturalKey) else ()
    texts = {field.name for field in msgspec.structs.fields(resource.struct) if "str" in str(field.type)}
    links = references(resource.struct)
    found = {name: NOBODY if name in links else f"headrace-{secrets.token_hex(8)}" for name in key}
    filters = {name for name in resource.filters if f"{{{name}}}" not in resource.path}
    return {name: value for name, value in found.items() if name in filters & {*texts, *links}}


# --- asking -----------------------------------------------------------------------------------------------------


def _listing(connection: Connection, resource: Resource, filters: Mapping[str, Any]) -> Any:
    request = connection.provider.wire.listing(connection.provider, resource, filters=filters, size=1)
    return replace(request, lane=Lane.READBACK)


async def _ask(connection: Connection, resource: Resource, filters: Mapping[str, Any]) -> Response | None:
    try:
        return await connection.transport.send(_listing(connection, resource, filters))
    except (NotSentError, LostError):
        return None
