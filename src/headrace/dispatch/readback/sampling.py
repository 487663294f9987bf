"""Sampling: whether the provider holds any of some records that it refused, asked by the fields that identify them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from headrace.dispatch.readback.natural import questions
from headrace.dispatch.readback.question import Question
from headrace.dispatch.reading import read_pages
from headrace.dispatch.transport import Transport
from headrace.model import Lane, Record, Response
from headrace.provider import NaturalKey, Provider, Resource, references

SAMPLES: Final = 3
"""Of how many records it is asked one by one where there is too much to read about all of them."""
MOST_PAGES: Final = 5
"""Pages that are read for one question; a filter that lets more pass does not identify anything."""
MARGIN: Final = 2.0
"""Seconds by which the servers' clocks may differ."""


class Sampling:
    """Looks for records of one resource that a refused batch may have left behind."""

    def __init__(self, transport: Transport, provider: Provider, resource: Resource) -> None:
        self._transport = transport
        self._provider = provider
        self._resource = resource
        self._fields = resource.guarantee.fields if isinstance(resource.guarantee, NaturalKey) else ()

    async def is_any_stored(self, records: Sequence[Record], since: datetime | None) -> bool:
        """Whether the provider holds a record that equals one of `records` in its natural key and is not older.

        Of many records at once, as far as that is answered in a few pages; else of some of them. False where the
        resource has no natural key that can be filtered by. Raises what `read_pages` raises.
        """
        if not set(self._fields) & set(self._resource.filters):
            return False
        seconds = None if since is None else since.timestamp()
        for question in questions(self._resource, self._fields, records, seconds):
            asked = [records[place] for place in question.places]
            found = await self._look(question, asked, since)
            if found is None:
                found = any([await self._is_stored(one, since) for one in samples(asked)])
            if found:
                return True
        return False

    async def _is_stored(self, record: Record, since: datetime | None) -> bool:
        """Whether the provider holds one record, asked by all of its key that can be filtered by."""
        wanted = self._wanted(record)
        filters = {name: value for name, value in wanted.items() if name in self._resource.filters}
        links = [name for name in references(self._resource.struct) if name in wanted]
        question = Question(filters=filters, include=links, places=range(1))
        return bool(filters) and bool(await self._look(question, [record], since))

    async def _look(self, question: Question, records: Sequence[Record], since: datetime | None) -> bool | None:
        """Whether one of `records` is in the answer to a question; None where it is too long to tell."""
        each = [self._wanted(record) for record in records]
        wire = self._provider.wire
        first = wire.listing(self._provider, self._resource, filters=question.filters, include=question.include)
        pages = 0
        async for page in read_pages(self._transport, self._provider, replace(first, lane=Lane.READBACK)):
            if any(_is_it(item, wanted, since) for item in page.items for wanted in each):
                return True
            pages += 1
            if pages == MOST_PAGES:
                return None
        return False

    def _wanted(self, record: Record) -> dict[str, Any]:
        """Return the values of the natural key, as far as the record has them."""
        values = {name: getattr(record.value, name, UNSET) for name in self._fields}
        return {name: value for name, value in values.items() if value is not UNSET}


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


def _is_it(item: Mapping[str, Any], wanted: Mapping[str, Any], since: datetime | None) -> bool:
    if any(str(item.get(name)) != str(value) for name, value in wanted.items()):
        return False
    try:
        created = datetime.fromisoformat(str(item["created_at"]))
    except (KeyError, ValueError):
        return True
    return since is None or created.tzinfo is None or created >= since
