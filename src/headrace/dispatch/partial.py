"""Partial answers: a success whose body confirms some of the records, or none (RELIABILITY.md 1.8).

What is echoed back is done, the rest unknown. One id for two records is a bug of the provider's: the run stops.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from headrace.dispatch.readback.matching import Item, Likeness
from headrace.dispatch.readback.natural import likeness
from headrace.model import Record
from headrace.provider import Page, Resource


def has_repeated_ids(page: Page) -> bool:
    """Whether two records of an answer have one id."""
    return len({str(item["id"]) for item in page.items}) < len(page.items)


def echoed(resource: Resource, records: Sequence[Record], page: Page) -> dict[int, str]:
    """Return place and remote id of the records that an answer holds without any doubt.

    A record of the answer counts where it is like one of ours only, or like several that are equal.
    """
    found: dict[int, str] = {}
    for item in page.items:
        places = [place for place, record in enumerate(records) if _is_echo(resource, record, item)]
        free = [place for place in places if place not in found]
        if free and all(records[place].value == records[places[0]].value for place in places):
            found[free[0]] = str(item["id"])
    return found


def _is_echo(resource: Resource, record: Record, item: Item) -> bool:
    """Whether an answer's record repeats what was sent: all that it says of it, and at least one thing."""
    sent = [name for name in record.value.__struct_fields__ if getattr(record.value, name) is not UNSET]
    encoded = {field.name: field.encode_name for field in msgspec.structs.fields(resource.struct)}
    said = [name for name in sent if name in item or encoded.get(name) in item]
    return bool(said) and likeness(resource, said)(record, item) >= Likeness.LOOSE
