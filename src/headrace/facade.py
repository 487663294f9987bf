"""The facade for programs without an event loop: one function, one import, from beginning to end."""

import asyncio
import os
from pathlib import Path

import anyio

from headrace.client import Client
from headrace.errors import UsageError
from headrace.importfile import read_import, stem
from headrace.migration import Report
from headrace.model import Secret
from headrace.pipeline import Settings


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
    Credentials come from the environment unless given. Raises `HeadraceError` where nothing was begun.
    """
    if _is_in_loop():
        raise UsageError("headrace.run() is for programs without an event loop", hint="await Client.run() there")
    spec = read_import(Path(path))
    place = Path(checkpoint or f"{stem(str(path))}.headrace")
    name = spec.provider.upper()
    secret = token or os.environ.get(f"HEADRACE_{name}_TOKEN", "")
    owner = organization or os.environ.get(f"HEADRACE_{name}_ORGANIZATION")
    folder = Path(results or place.with_suffix(".results"))

    async def main() -> Report:
        async with Client(
            spec.provider,
            token=secret,
            organization=owner,
            base_url=spec.base_url if base_url is None else base_url,
            settings=settings,
        ) as client:
            return await client.run(spec, checkpoint=place, results=folder)

    return anyio.run(main)


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
