"""Reading back: whether the provider holds a record that we sent, asked by the fields that identify it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from headrace.dispatch.reading import read_pages
from headrace.dispatch.transport import Transport
from headrace.model import Lane, Record, Response
from headrace.provider import NaturalKey, Provider, Resource, references

SAMPLES: Final = 3
"""Of how many records of a refused batch it is asked whether they were stored after all."""
MOST_PAGES: Final = 5
"""Pages that are read for one record; a filter that lets more pass does not identify anything."""
MARGIN: Final = 2.0
"""Seconds by which the servers' clocks may differ."""


async def is_stored(
    transport: Transport, provider: Provider, resource: Resource, record: Record, since: datetime | None
) -> bool:
    """Whether the provider holds a record that equals `record` in its natural key and was created after `since`.

    False where the resource has no natural key that can be filtered by. Raises what `read_pages` raises.
    """
    wanted = _wanted(resource, record)
    filters = {name: value for name, value in wanted.items() if name in resource.filters}
    if not filters:
        return False
    links = [name for name in references(resource.struct) if name in wanted]
    first = provider.wire.listing(provider, resource, filters=filters, include=links)
    pages = 0
    async for page in read_pages(transport, provider, replace(first, lane=Lane.READBACK)):
        if any(_is_it(item, wanted, since) for item in page.items):
            return True
        pages += 1
        if pages == MOST_PAGES:
            break
    return False


def samples(records: Sequence[Record]) -> Sequence[Record]:
    """Return a few of `records`, spread over all of them: the first, the last and those between."""
    if len(records) <= SAMPLES:
        return records
    step = (len(records) - 1) / (SAMPLES - 1)
    return [records[round(at * step)] for at in range(SAMPLES)]


def server_time(response: Response, seconds_ago: float) -> datetime | None:
    """Return the server's time so many seconds before it gave `response`, less a margin; None where it tells none."""
    try:
        answered = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError, OverflowError):
        return None
    return answered.replace(tzinfo=answered.tzinfo or UTC) - timedelta(seconds=seconds_ago + MARGIN)


def _wanted(resource: Resource, record: Record) -> dict[str, Any]:
    """Return the values of the natural key, as far as the record has them."""
    if not isinstance(resource.guarantee, NaturalKey):
        return {}
    values = {name: getattr(record.value, name, UNSET) for name in resource.guarantee.fields}
    return {name: value for name, value in values.items() if value is not UNSET}


def _is_it(item: Mapping[str, Any], wanted: Mapping[str, Any], since: datetime | None) -> bool:
    if any(str(item.get(name)) != str(value) for name, value in wanted.items()):
        return False
    try:
        created = datetime.fromisoformat(str(item["created_at"]))
    except (KeyError, ValueError):
        return True
    return since is None or created.tzinfo is None or created >= since
