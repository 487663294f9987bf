"""By marker: a record is the row when it carries the row's marker (RELIABILITY.md 1.9, classes C and D).

Identical rows share a marker and are counted. Where it cannot be filtered by, records are found as by natural key.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from msgspec import UNSET, Struct

from headrace.dispatch.readback.matching import Item, Likeness, Sieve
from headrace.dispatch.readback.question import Question
from headrace.model import Record

FIELDS: Final = "custom_fields"
AT_ONCE: Final = 40
"""Markers in one question: they must fit into one address."""
_MARKER: Final = re.compile(r"hr-[a-z2-7]{26}")
_ANYWHERE: Final = re.compile(rf"(?=({_MARKER.pattern}))")
"""Also a marker that begins where what looks like another one ends."""


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


class Marked(Struct, frozen=True):
    """Compares by a marker: `ours` is that of a row, None without one, `theirs` are those that a record carries."""

    ours: Callable[[Record], str | None]
    theirs: Callable[[Item], Collection[str]]

    def __call__(self, record: Record, item: Item, /) -> Likeness:
        """Return that it is the row, or not: there is nothing between."""
        return Likeness.EXACT if self.ours(record) in self.theirs(item) else Likeness.NO

    def sieve(self, items: Sequence[Item], /) -> Sieve:
        """Return what finds records by the markers that they carry."""
        places: defaultdict[str | None, list[int]] = defaultdict(list)
        for at, item in enumerate(items):
            for marker in dict.fromkeys(self.theirs(item)):
                places[marker].append(at)
        return lambda record: places.get(self.ours(record), ())


def in_field(number: str) -> Marked:
    """Return what compares by the custom field of that number."""

    def theirs(item: Item) -> Collection[str]:
        fields = item.get(FIELDS)
        found = fields.get(number) if isinstance(fields, dict) else None
        return () if found is None else (str(found),)

    def ours(record: Record) -> str | None:
        return _held(record, number) if isinstance(getattr(record.value, FIELDS, None), dict) else None

    return Marked(ours, theirs)


def in_text(field: str) -> Marked:
    """Return what compares by the marker at the end of a text, whatever the provider has made of the rest."""

    def ours(record: Record) -> str | None:
        found = _MARKER.findall(str(getattr(record.value, field, "")))
        return found[-1] if found else None

    return Marked(ours, lambda item: _ANYWHERE.findall(str(item.get(field) or "")))


def in_store(field: str) -> Marked:
    """Return what compares by a field that holds nothing but the marker, or what the row itself has there."""

    def ours(record: Record) -> str | None:
        held: Any = getattr(record.value, field, UNSET)
        return None if held is UNSET else str(held)

    return Marked(ours, lambda item: (str(item.get(field)),))


def _held(record: Record, number: str) -> str:
    fields: Any = getattr(record.value, FIELDS, None)
    return str(fields[number])
