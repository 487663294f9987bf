"""The session: the innermost layer with the credentials in its headers, for which one may have to sign in first."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from headrace.address import is_loopback
from headrace.dispatch.endings import misdirected
from headrace.dispatch.http import open_http
from headrace.dispatch.transport import Sender, Transport
from headrace.errors import CredentialsError, HeadraceError, LostError, NotSentError, UnreachableError, UsageError
from headrace.model import Lane, Request, Response, Secret
from headrace.outside import Outside
from headrace.pipeline import Settings
from headrace.provider import Login, Provider, SignIn, Upload, Verdict, verdict

UPLOAD_SECONDS: Final = 3600.0
"""How long one file may take."""
SANDBOX_STORAGE: Final = "/__storage"
"""Where a sandbox has its storage of files."""
_LONGEST: Final = 8192
"""Characters of a token at most."""
_SHORTEST: Final = 8
"""Characters of a token that is looked for in what a server says."""
_HIDDEN: Final = "…".encode()


@asynccontextmanager
async def open_sender(
    provider: Provider, base_url: str, headers: Mapping[str, str], *, settings: Settings, outside: Outside
) -> AsyncIterator[Sender]:
    """Give what sends requests with `headers`, and with those that go with every request of the provider."""
    every = {**provider.headers, **headers}
    secrets = _secrets(provider, headers)
    if outside.sender is not None:
        yield Discreet(outside.sender(every), secrets)
        return
    connections, time_limit = settings.concurrency + 1, settings.request_seconds
    async with open_http(base_url, every, connections=connections, time_limit=time_limit) as http:
        yield Discreet(http, secrets)


@asynccontextmanager
async def open_storage(
    provider: Provider, base_url: str, *, settings: Settings, outside: Outside
) -> AsyncIterator[Sender | None]:
    """Give what sends files to the provider's storage, without any of its headers; None where none are to be sent.

    Raises `UsageError` where the storage cannot be known from the address.
    """
    step = next((step for one in provider.resources for step in one.steps if isinstance(step, Upload)), None)
    if step is None or settings.attachments_dir is None:
        yield None
        return
    url = _storage_url(provider, base_url, step.url)
    if outside.storage is not None:
        yield outside.storage
        return
    connections, time_limit = settings.concurrency + 1, max(UPLOAD_SECONDS, settings.request_seconds)
    async with open_http(url, {}, connections=connections, time_limit=time_limit) as http:
        yield http


def _storage_url(provider: Provider, base_url: str, usual: str) -> str:
    """Return where files go: from the vendor's address to its storage, from a sandbox to the sandbox's own."""
    parts = urlsplit(base_url)
    if is_loopback(parts.hostname or ""):
        return f"{parts.scheme}://{parts.netloc}{SANDBOX_STORAGE}"
    if base_url != provider.base_url:
        raise UsageError(
            f"files cannot be sent to {provider.name} through {base_url}",
            hint="its storage takes only what its own address, or a sandbox, has made out a form for",
        )
    return usual


class Discreet:
    """Takes our own token out of what a server says of a refused request: its words go into reject files."""

    def __init__(self, inner: Sender, secrets: Sequence[bytes]) -> None:
        self._inner = inner
        self._secrets = secrets

    async def send(self, request: Request) -> Response:
        """See `transport.Sender`."""
        response = await self._inner.send(request)
        if response.status < 300 or not any(secret in response.body for secret in self._secrets):
            return response
        body = response.body
        for secret in self._secrets:
            body = body.replace(secret, _HIDDEN)
        return replace(response, body=body)


def _secrets(provider: Provider, headers: Mapping[str, str]) -> list[bytes]:
    """Return the tokens in `headers`, without the words around them; a very short one would be found anywhere."""
    templates = provider.auth.headers
    values = [value.split()[-1] for name, value in headers.items() if "{token}" in templates.get(name, "") and value]
    return [value.encode() for value in values if len(value) >= _SHORTEST]


def auth_headers(provider: Provider, token: Secret, organization: str) -> dict[str, str]:
    """Return the headers that carry the credentials. Only the session ever holds them."""
    values = {"token": token.reveal(), "organization": organization}
    return {name: template.format(**values) for name, template in provider.auth.headers.items()}


def check_login(provider: Provider, token: Secret | Login) -> None:
    """Raise `CredentialsError` where there is nothing to sign in with, or nowhere to sign in."""
    variable = f"HEADRACE_{provider.name.upper()}"
    if isinstance(token, Login) and provider.auth.sign_in is None:
        raise CredentialsError(f"{provider.name} takes a token, and no password", hint=f"set {variable}_TOKEN")
    if not (token.password if isinstance(token, Login) else token):
        either = f", or {variable}_EMAIL and {variable}_PASSWORD" if provider.auth.sign_in else ""
        raise CredentialsError(f"there is no token for {provider.name}", hint=f"set {variable}_TOKEN{either}")


async def signed_in(provider: Provider, login: Login, transport: Transport) -> Secret:
    """Return the token that an e-mail and its password get. Paid for as any other request.

    Raises `CredentialsError` where they are refused, `AddressError` or `UnreachableError` where no token comes back.
    """
    how = provider.auth.sign_in
    assert how is not None, "check_login has looked"
    body = msgspec.json.encode({how.email: login.email, how.password: login.password.reveal()})
    request = Request(
        method="POST",
        path=how.path,
        headers={"Accept": "application/json", "Content-Type": "application/json"},
        body=body,
        route=provider.route("POST", how.path),
        lane=Lane.READBACK,
        is_read=True,  # signing in twice is signing in once
    )
    try:
        response = await transport.send(request)
    except (NotSentError, LostError) as error:
        raise UnreachableError(
            f"the provider cannot be reached to sign in: {error}",
            hint="check the network and --base-url, then run the same command again",
        ) from None
    token = _token(how, response)
    if token is None:
        raise _not_signed_in(provider, response)
    return token


def _token(how: SignIn, response: Response) -> Secret | None:
    """Return the token of an answer, under one of the keys that it may have."""
    try:
        answer: Any = msgspec.json.decode(response.body) if 200 <= response.status < 300 else None
    except ValueError:
        return None
    held = (answer.get(name) for name in how.token) if isinstance(answer, dict) else iter(())
    found = next((one for one in held if isinstance(one, str) and one.isascii() and one.isprintable()), "")
    return Secret(found) if 0 < len(found) <= _LONGEST else None


_REFUSED: Final[frozenset[Verdict]] = frozenset({Verdict.UNAUTHORIZED, Verdict.FORBIDDEN, Verdict.REFUSED})
_DOWN: Final[frozenset[Verdict]] = frozenset({Verdict.UNKNOWN, Verdict.THROTTLED})


def _not_signed_in(provider: Provider, response: Response) -> HeadraceError:
    found, name = verdict(response.status, provider.verdicts), provider.name
    if found in _REFUSED and provider.wire.refusals(response.body) is not None:
        return CredentialsError(
            f"{name} does not accept e-mail and password (status {response.status})",
            hint=f"check HEADRACE_{name.upper()}_EMAIL and its password, or set HEADRACE_{name.upper()}_TOKEN",
        )
    if found in _DOWN:
        return UnreachableError(
            f"{name} answers a sign-in with status {response.status}", hint="run the same command again later"
        )
    return misdirected(provider, response)
