"""Addresses: which hosts may be sent a provider's token (RELIABILITY.md 3, rows 4 and 6)."""

import ipaddress
import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from headrace.errors import CredentialsError, UsageError
from headrace.model import Secret
from headrace.provider import Login, Provider

_SHAPE: Final = "https://api.example.com/v1"
"""What a base URL looks like, where the provider has none of its own."""


def base_url_of(provider: Provider, *given: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the base URL to use: the first that is given, else the environment's, else the provider's own.

    Raises `UsageError` where there is none.
    """
    variable = f"HEADRACE_{provider.name.upper()}_BASE_URL"
    usual = (environ.get(variable) or None, provider.base_url or None)
    found = next((one for one in (*given, *usual) if one is not None), None)
    if found is None:
        raise UsageError(
            f"{provider.name} has no base URL of its own: every customer has another one",
            hint=f'{provider.address}; give --base-url, base_url = "..." in the import file, or {variable}',
        )
    return whole(provider, found)


def whole(provider: Provider, base_url: str) -> str:
    """Return `base_url` without a slash at its end, and with the path that every base URL of the provider ends with."""
    bare = base_url.rstrip("/")
    return bare if bare.endswith(provider.base_path) else bare + provider.base_path


def check_told(provider: Provider, told: str | None, *, allow_host: bool, environ: Mapping[str, str]) -> None:
    """Raise `UsageError` where only a file says where the token of a provider without known hosts goes.

    Files are passed on; who passes one on should not get the token of whoever runs it.
    """
    if told is None or provider.hosts or allow_host:
        return
    host = urlsplit(told).hostname or ""
    variable = f"HEADRACE_{provider.name.upper()}_BASE_URL"
    if not is_loopback(host) and host != urlsplit(environ.get(variable, "")).hostname:
        raise UsageError(
            f"only the file says that {host} is {provider.name}, and it would get your token",
            hint=f"if it is, give --allow-host, or set {variable}; {provider.address}",
        )


def check_address(provider: Provider, base_url: str, *, allow_host: bool, limits: bool) -> None:
    """Raise `UsageError` where the token must not be sent to `base_url`, or not without limits.

    Loopback may be anything. Elsewhere it must be https and a host of the provider's, or one that is allowed; where the
    provider has no hosts that are known, the one that the user names is.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or parts.username or not _is_plain(parts):
        raise UsageError(
            f"{_shown(base_url)!r} is no base URL", hint=f"give the whole base, as in {provider.base_url or _SHAPE}"
        )
    if is_loopback(host):
        return
    if not limits:
        raise UsageError("--no-limits is for loopback only", hint="a provider would answer with 429s, or worse")
    if parts.scheme != "https":
        raise UsageError("plain http is for loopback only: it would show the token", hint="use https")
    if provider.hosts and host not in provider.hosts and not allow_host:
        raise UsageError(
            f"{host} is not a host of {provider.name}, and would get your token",
            hint=f"if that is what you want, give --allow-host; known: {', '.join(sorted(provider.hosts))}",
        )


def _shown(url: str) -> str:
    """Return a URL without the parts in which people put secrets."""
    before, sign, after = url.rpartition("@")
    scheme = "https://" if before.startswith("https://") else "http://" if before.startswith("http://") else ""
    kept, mark, _ = after.replace("#", "?").partition("?")
    return (f"{scheme}…@" if sign else "") + kept + (f"{mark}…" if mark else "")


def _is_plain(parts: SplitResult) -> bool:
    """Whether there is nothing behind the path, and no port but a possible one."""
    try:
        return not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        return False


def check_credentials(token: Secret | Login, organization: str) -> None:
    """Raise `CredentialsError` where the token or the organization cannot go into a header; never shows either."""
    given = "" if isinstance(token, Login) else token.reveal()  # a login goes into a body
    for what, value in (("token", given), ("organization", organization)):
        if not (value.isascii() and value.isprintable()) or value != value.strip():
            raise CredentialsError(
                f"the {what} holds characters that no {what} has",
                hint="it was probably copied with a line end or a blank; set it again",
            )


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: localhost or a loopback address, in any spelling."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
