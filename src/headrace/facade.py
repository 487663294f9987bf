"""The facade for programs without an event loop: an import planned, or run from beginning to end, by one call."""

import asyncio
import os
from pathlib import Path

import anyio
from msgspec.structs import replace

from headrace.address import base_url_of, check_told
from headrace.client import Client
from headrace.errors import UsageError
from headrace.importfile import ImportSpec, check_import, read_import, stem
from headrace.migration import Report
from headrace.model import Secret
from headrace.naming import provider_named
from headrace.pipeline import Settings
from headrace.planning import Plan
from headrace.provider import Login


def run(
    path: str | Path,
    *,
    token: str | Secret | None = None,
    organization: str | None = None,
    base_url: str | None = None,
    checkpoint: str | Path | None = None,
    results: str | Path | None = None,
    settings: Settings | None = None,
) -> Report:
    """Run the import file at `path` to its end, as `headrace run` does, and return how it ended.

    For programs without an event loop: raises `UsageError` inside a running one, where `Client.run` is to be used.
    Credentials, and where the budget is kept (HEADRACE_BUDGET), come from the environment unless given. Raises
    `HeadraceError` where nothing was begun.
    """
    spec, place = _spec(path, "run"), _place(path, checkpoint)
    folder = Path(results or place.with_suffix(".results"))

    async def main() -> Report:
        async with _client(spec, token, organization, base_url, settings) as client:
            return await client.run(spec, checkpoint=place, results=folder)

    return anyio.run(main)


def plan(
    path: str | Path,
    *,
    token: str | Secret | None = None,
    organization: str | None = None,
    base_url: str | None = None,
    checkpoint: str | Path | None = None,
    settings: Settings | None = None,
) -> Plan:
    """Return what `run` with the same arguments would do, and how long it would take; nothing is written. As `run`."""
    spec, place = _spec(path, "plan"), _place(path, checkpoint)

    async def main() -> Plan:
        async with _client(spec, token, organization, base_url, settings) as client:
            return await client.plan(spec, checkpoint=place)

    return anyio.run(main)


def _spec(path: str | Path, verb: str) -> ImportSpec:
    """Return the import file's content. Raises `UsageError` inside a running loop."""
    if _is_in_loop():
        raise UsageError(
            f"headrace.{verb}() is for programs without an event loop", hint=f"await Client.{verb}() there"
        )
    return read_import(Path(path))


def _place(path: str | Path, checkpoint: str | Path | None) -> Path:
    return Path(checkpoint or f"{stem(str(path))}.headrace")


def _client(
    spec: ImportSpec,
    token: str | Secret | None,
    organization: str | None,
    base_url: str | None,
    settings: Settings | None,
) -> Client:
    name = spec.provider.upper()
    settings, provider = settings or Settings(), provider_named(spec.provider)
    check_import(spec, provider)
    if base_url is None:
        check_told(provider, spec.base_url, allow_host=settings.allow_host, environ=os.environ)
    return Client(
        spec.fitted(provider),
        token=token or _token(name),
        organization=organization or os.environ.get(f"HEADRACE_{name}_ORGANIZATION"),
        base_url=base_url_of(provider, base_url, spec.base_url),
        settings=_settled(settings),
    )


def _token(name: str) -> str | Login:
    """Return the environment's token, or where it has none, what to sign in with."""
    token, email = os.environ.get(f"HEADRACE_{name}_TOKEN", ""), os.environ.get(f"HEADRACE_{name}_EMAIL", "")
    return Login(email, Secret(os.environ.get(f"HEADRACE_{name}_PASSWORD", ""))) if email and not token else token


def _settled(settings: Settings) -> Settings:
    """Return the settings with the budget of the environment, where they name none."""
    return replace(settings, budget=settings.budget or os.environ.get("HEADRACE_BUDGET") or None)


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
