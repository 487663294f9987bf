"""The destination: which provider, at which address, as whom, and the client that goes there."""

import os
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from headrace.address import base_url_of, check_told, is_loopback
from headrace.cli import credentials
from headrace.cli.choices import Access, Pace
from headrace.cli.options import Threshold
from headrace.client import Client
from headrace.errors import UsageError
from headrace.pipeline import Settings
from headrace.provider import Provider


class Destination(NamedTuple):
    """Where the rows go: the provider, its address, and the organization."""

    provider: Provider
    base_url: str
    organization: str | None

    @classmethod
    def of(cls, provider: Provider, access: Access, told: str | None, *, is_own: bool = False) -> Self:
        """Return the destination: the base URL of the command line, else the one `told` by a file, else the usual one.

        `is_own` says that the file is the user's own: a checkpoint. Raises `UsageError` where there is no address or
        the file must not say it, `CredentialsError` as `organization`.
        """
        if access.base_url is None and not is_own:
            check_told(provider, told, allow_host=access.allow_host, environ=os.environ)
        return cls(provider, base_url_of(provider, access.base_url, told), credentials.organization(provider))

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine: a sandbox, not somebody's data."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def __str__(self) -> str:
        organization = f", organization {self.organization}" if self.organization else ""
        return f"{self.provider.name}{organization} ({self.base_url})"


def client_of(where: Destination, access: Access, pace: Pace) -> Client:
    """Return the client, not yet open. Raises what the credentials and the client raise."""
    return Client(
        where.provider,
        token=credentials.token(where.provider, access.token_file, from_stdin=access.token_stdin),
        organization=where.organization,
        base_url=where.base_url,
        settings=_settings(pace, access),
    )


def _settings(pace: Pace, access: Access) -> Settings:
    """Return the engine's settings; what the user left open stays the engine's own default."""
    threshold = pace.max_errors or Threshold()
    chosen: dict[str, Any] = {
        "limit": pace.limit,
        "batch_size": pace.batch_size,
        "concurrency": pace.concurrency,
        "share": pace.share,
        "deadline": pace.deadline,
        "max_errors": threshold.rows,
        "max_error_part": threshold.part,
        "settle_after": pace.settle_after,
        "budget": pace.budget,
        "attachments_dir": pace.attachments_dir,
    }
    return Settings(
        bulk=not pace.no_bulk,
        limits=not pace.no_limits,
        accept_mapping_change=pace.accept_mapping_change,
        allow_host=access.allow_host,
        canary=pace.canary,
        **{name: value for name, value in chosen.items() if value is not None},
    )


def check_input(file: str, access: Access) -> None:
    """Raise `UsageError` where both the rows and the token would come from standard input."""
    if file == "-" and access.token_stdin:
        raise UsageError("standard input cannot hold both the rows and the token", hint="give --token-file")
