"""A journey: one whole path from files to a server, measured in a process of its own so that its memory is its own.

What starting the process and importing headrace takes is left out.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Final

import aiohttp
from benchmarks.measure import Sample, peak_mib
from benchmarks.processes import FORKED, alone
from benchmarks.sink import Place
from msgspec import Struct

from headrace.client import Client
from headrace.dispatch.batching import Batching
from headrace.importfile import ImportSpec
from headrace.intake import Intake, open_source
from headrace.loads import LoadSpec
from headrace.model import Request
from headrace.pipeline import CONCURRENCY, Settings
from headrace.provider import Resource
from headrace.providers import PROVIDERS

PROVIDER: Final = PROVIDERS["productive"]


class Journey(Struct, frozen=True, kw_only=True):
    """What to send where.

    `checkpoint` is None for one in memory, `results` None for no files. `is_bare` sends the requests of the first
    load, encoded beforehand, with aiohttp alone and the same concurrency: the least that any way through aiohttp costs.
    """

    place: Place
    loads: tuple[LoadSpec, ...]
    bulk: bool = True
    checkpoint: Path | None = None
    results: Path | None = None
    is_bare: bool = False


def travel(journey: Journey, *, context: BaseContext = FORKED) -> Sample:
    """Make `journey` in a process of its own."""
    return alone(context, _make, journey)


def _make(journey: Journey) -> Sample:
    return asyncio.run(make(journey))


async def make(journey: Journey) -> Sample:
    """Make `journey` in this process."""
    requests = list(encoded(journey)) if journey.is_bare else []
    seconds, cpu = time.perf_counter(), time.process_time()
    rows = await (_send(journey, requests) if journey.is_bare else _import(journey))
    return Sample(
        rows=rows, seconds=time.perf_counter() - seconds, cpu=time.process_time() - cpu, peak=round(peak_mib(), 1)
    )


async def _import(journey: Journey) -> int:
    """Import the whole way; return how many rows the import has. Raises `RuntimeError` unless all of them are done."""
    place, settings = journey.place, Settings(limits=False, bulk=journey.bulk)
    spec = ImportSpec(provider=PROVIDER.name, name="benchmark", load=journey.loads)
    async with Client(
        PROVIDER, token=place.token, organization=place.organization, base_url=place.url, settings=settings
    ) as client:
        report = await client.run(spec, checkpoint=journey.checkpoint, results=journey.results)
    if report.reason is not None or report.summary.done != report.summary.rows:
        raise RuntimeError(f"the import did not end well: {report.reason} {report.summary}")
    return report.summary.rows


# --- the baseline -----------------------------------------------------------------------------------------------


class Encoded(Struct, frozen=True):
    """A request, and how many rows it carries."""

    rows: int
    request: Request


def encoded(journey: Journey) -> Iterator[Encoded]:
    """Yield the requests of a journey's first load, as headrace sends them."""
    load = journey.loads[0]
    resource = resource_of(load)
    codec = PROVIDER.wire.codec(PROVIDER, resource, "create")
    intake = Intake(resource)
    batching = Batching(Settings(bulk=journey.bulk).batch(resource, "create"))
    for chunk in open_source(load.source).chunks():
        batching.add(intake.sift(chunk, intake.rows(chunk)).records)
        while batch := batching.take():
            values = [record.value for record in batch.records]
            yield Encoded(len(values), codec.request(values, bulk=len(values) > 1))


def resource_of(load: LoadSpec) -> Resource:
    """Return the resource that `load` creates."""
    resource = PROVIDER.resource(load.resource)
    assert resource is not None, "the benchmarks name resources that there are"
    return resource


async def _send(journey: Journey, requests: list[Encoded]) -> int:
    """Send `requests` with as many workers as headrace has; return how many rows they carry."""
    waiting = iter(requests)
    async with (
        aiohttp.ClientSession(
            headers=_credentials(journey.place), connector=aiohttp.TCPConnector(limit=CONCURRENCY)
        ) as session,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(CONCURRENCY):
            tasks.create_task(_post(session, journey.place.url, waiting))
    return sum(one.rows for one in requests)


async def _post(session: aiohttp.ClientSession, url: str, waiting: Iterator[Encoded]) -> None:
    for one in waiting:
        request = one.request
        async with session.post(url + request.path, data=request.body, headers=request.headers) as answer:
            answer.raise_for_status()
            await answer.read()


def _credentials(place: Place) -> Mapping[str, str]:
    values = {"token": place.token, "organization": place.organization}
    return {name: template.format(**values) for name, template in PROVIDER.auth.headers.items()}
