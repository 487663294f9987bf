"""Checks of listings."""

from pathlib import Path
from typing import Final

from headrace.client import Client
from headrace.testing.conformance.bench import Bench, Subject

EXTRA: Final = 7
"""Records beyond two full pages."""


def every_page_is_read(subject: Subject, folder: Path) -> None:
    """A listing of several pages has each record once."""
    kind, name = subject.many
    resource = subject.resource(name)
    bench = Bench(subject, folder)
    count = 2 * subject.provider.page_size(resource) + EXTRA
    sown = bench.sandbox.api.sow(bench.sandbox.store, kind, count, 0.0)

    async def act(client: Client) -> list[str]:
        return [item["id"] async for item in client.read(name)]

    found = bench.use(act)
    assert len(found) == len(set(found)), "a record was read twice"
    assert set(sown) <= set(found), "a record was not read"
