"""Pages of a list: which part of it a call asks for."""

from dataclasses import dataclass
from typing import Any

from headrace.sandbox.message import Call


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a list: its records, its number, how many records fit, and how many pages and records there are."""

    records: list[Any]
    number: int
    size: int
    pages: int
    total: int


def part_of(call: Call, records: list[Any], *, usual: int, most: int) -> Part:
    """Return the page that `page` and `per_page` ask for; numbers out of range are taken as the nearest that is not."""
    params = dict(call.params)
    size = min(max(1, _whole(params.get("per_page"), usual)), most)
    number = max(1, _whole(params.get("page"), 1))
    return Part(
        records=records[(number - 1) * size : number * size],
        number=number,
        size=size,
        pages=max(1, -(-len(records) // size)),
        total=len(records),
    )


def _whole(text: str | None, usual: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else usual
