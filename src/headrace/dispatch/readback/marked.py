"""By marker: a record is the row when it carries the row's marker (RELIABILITY.md 1.9, classes C and D).

Identical rows share a marker and are counted. Where it cannot be filtered by, records are found as by natural key.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET

from headrace.dispatch.readback.matching import Item, Like, Likeness
from headrace.dispatch.readback.question import Question
from headrace.model import Record

FIELDS: Final = "custom_fields"
AT_ONCE: Final = 40
"""Markers in one question: they must fit into one address."""
_MARKER: Final = re.compile(r"hr-[a-z2-7]{26}")


def questions(number: str, records: Sequence[Record]) -> list[Question]:
    """Return the questions for all records that carry one of the markers in the custom field of that number."""
    return [
        Question(
            filters={
                FIELDS: {number: {"eq": sorted({_held(one, number) for one in records[start : start + AT_ONCE]})}}
            },
            places=range(start, min(start + AT_ONCE, len(records))),
        )
        for start in range(0, len(records), AT_ONCE)
    ]


def in_field(number: str) -> Like:
    """Return what compares by the custom field of that number."""

    def like(record: Record, item: Item) -> Likeness:
        fields = item.get(FIELDS)
        found = fields.get(number) if isinstance(fields, dict) else None
        return _says(found is not None and str(found) == _held(record, number))

    return like


def in_text(field: str) -> Like:
    """Return what compares by the marker at the end of a text, whatever the provider has made of the rest."""

    def like(record: Record, item: Item) -> Likeness:
        found = _MARKER.findall(str(getattr(record.value, field, "")))
        return _says(bool(found) and found[-1] in str(item.get(field) or ""))

    return like


def in_store(field: str) -> Like:
    """Return what compares by a field that holds nothing but the marker, or what the row itself has there."""

    def like(record: Record, item: Item) -> Likeness:
        held: Any = getattr(record.value, field, UNSET)
        return _says(held is not UNSET and str(item.get(field)) == str(held))

    return like


def _held(record: Record, number: str) -> str:
    fields: Any = getattr(record.value, FIELDS, None)
    return str(fields[number])


def _says(same: bool) -> Likeness:  # noqa: FBT001  # a comparison's result, not an option
    return Likeness.EXACT if same else Likeness.NO
