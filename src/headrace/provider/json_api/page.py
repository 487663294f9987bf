"""A page of a listing: its records, flat, and the request for the page after it."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from headrace.model import Request
from headrace.provider.decoding import decoded
from headrace.provider.json_api.listing import NUMBER
from headrace.provider.wire import Page, ids_of


class _Record(Struct):
    type: str
    id: str | int
    attributes: dict[str, Any] | None = None
    relationships: dict[str, Any] | None = None


class _Counts(Struct):
    """What `meta` says of pages. All else in it is skipped (settings of 15 kB were seen)."""

    total_pages: Any = None
    total_count: Any = None


class _Links(Struct):
    next: Any = None


class _Listing(Struct):
    data: list[_Record] | _Record | None
    meta: _Counts | None = None
    links: _Links | None = None


class _Included(Struct):
    included: list[_Record] = []


_included: Final = Decoder(_Included)
_listing: Final = Decoder(_Listing)
_NOWHERE: Final = _Links()
_UNCOUNTED: Final = _Counts()


def page(request: Request, body: bytes) -> Page | None:
    """Return the page that answers `request`, None where `body` is not a JSON:API document (`Wire.page`)."""
    answer = decoded(_listing, body)
    if answer is None:
        return None
    counts, links = answer.meta or _UNCOUNTED, answer.links or _NOWHERE
    records = _as_list(answer.data)
    return Page(
        items=[_flat(record) for record in records],
        following=_following(request, counts, links) if records else None,  # an empty page ends any walk
        total=_whole(counts.total_count),
        left=max(0, (_whole(counts.total_pages) or 0) - _number(request)),
    )


def ahead(page: Page, count: int) -> list[Request]:
    """Return the requests for the pages after one, as far as they are counted: `Wire.ahead`."""
    if page.following is None:
        return []
    first = _number(page.following)
    others = tuple(pair for pair in page.following.params if pair[0] != NUMBER)
    further = (
        msgspec.structs.replace(page.following, params=(*others, (NUMBER, str(number))))
        for number in range(first + 1, first + min(count, page.left))
    )
    return [page.following, *further]


def related(body: bytes) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what a document includes beside its own records (`Wire.related`)."""
    answer = decoded(_included, body)
    return {} if answer is None else {(one.type, str(one.id)): _flat(one) for one in answer.included}


def _as_list(data: list[_Record] | _Record | None) -> list[_Record]:
    """Return the primary data as a list: a request for one record is answered with one, or null."""
    if isinstance(data, list):
        return data
    return [] if data is None else [data]


def _flat(record: _Record) -> dict[str, Any]:
    """Return the record as one mapping: its id, its attributes, and the ids it is related to. Ids are text."""
    links = (record.relationships or {}).items()
    related = dict(pair for name, link in links for pair in _related(name, link))
    return {"id": str(record.id), **(record.attributes or {}), **related} | {"id": str(record.id)}


def _related(name: str, link: Any) -> Iterator[tuple[str, Any]]:
    """Yield the field of a relationship that carries data: `<name>_id`, or `<names>_ids` where it is to several."""
    match link:
        case {"data": {"id": str() | int() as identity}}:
            yield f"{name}_id", str(identity)
        case {"data": None}:
            yield f"{name}_id", None
        case {"data": list(several)}:
            yield ids_of(name), [str(one["id"]) for one in several if isinstance(one, dict) and "id" in one]


# --- the next page ----------------------------------------------------------------------------------------------


def _following(request: Request, counts: _Counts, links: _Links) -> Request | None:
    """Return the request for the next page: the next number where pages are counted, else the link's parameters."""
    total = _whole(counts.total_pages)
    params = _linked(request, links.next) if total is None else _numbered(request, total)
    return None if params is None else msgspec.structs.replace(request, params=params)


def _numbered(request: Request, total: int) -> tuple[tuple[str, str], ...] | None:
    """Return the parameters of the next of `total` pages, None after the last."""
    number = _number(request)
    others = tuple(pair for pair in request.params if pair[0] != NUMBER)
    return (*others, (NUMBER, str(number + 1))) if number < total else None


def _number(request: Request) -> int:
    """Return which page a request asks for, where pages are counted."""
    return _whole(dict(request.params).get(NUMBER)) or 1


def _linked(request: Request, link: Any) -> tuple[tuple[str, str], ...] | None:
    """Return the parameters of a link, None where it leads nowhere or back to the same page.

    Never its host or path: an answer does not decide where the token goes.
    """
    query = link.partition("?")[2] if isinstance(link, str) else ""
    params = tuple(parse_qsl(query, keep_blank_values=True))
    return params if params and set(params) != set(request.params) else None


def _whole(value: Any) -> int | None:
    """Return a count, written as a number or as text; None for anything else."""
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None
