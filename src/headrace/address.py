"""Addresses: which hosts may be sent a provider's token (RELIABILITY.md 3, rows 4 and 6)."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from headrace.errors import CredentialsError, UsageError
from headrace.model import Secret
from headrace.provider import Provider


def check_address(provider: Provider, base_url: str, *, allow_host: bool, limits: bool) -> None:
    """Raise `UsageError` where the token must not be sent to `base_url`, or not without limits.

    Loopback may be anything. Elsewhere it must be https and a host of the provider's, or one that is allowed.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or parts.username or not _is_plain(parts):
        raise UsageError(f"{base_url!r} is no base URL", hint=f"give the whole base, as in {provider.base_url}")
    if is_loopback(host):
        return
    if not limits:
        raise UsageError("--no-limits is for loopback only", hint="a provider would answer with 429s, or worse")
    if parts.scheme != "https":
        raise UsageError("plain http is for loopback only: it would show the token", hint="use https")
    if host not in provider.hosts and not allow_host:
        raise UsageError(
            f"{host} is not a host of {provider.name}, and would get your token",
            hint=f"if that is what you want, give --allow-host; known: {', '.join(sorted(provider.hosts))}",
        )


def _is_plain(parts: SplitResult) -> bool:
    """Whether there is nothing behind the path, and no port but a possible one."""
    try:
        return not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        return False


def check_credentials(token: Secret, organization: str) -> None:
    """Raise `CredentialsError` where the token or the organization cannot go into a header; never shows either."""
    for what, value in (("token", token.reveal()), ("organization", organization)):
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
