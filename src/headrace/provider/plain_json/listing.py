"""Listings: the request for the first page of the records that pass a filter, and those that follow it."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from msgspec import structs

from headrace.model import Lane
from headrace.provider.plain_json.codec import ACCEPT, naming
from headrace.provider.plain_json.envelope import Envelope, Pages
from headrace.provider.plain_json.page import PageReader, ParentReader, Walk
from headrace.provider.plain_json.place import fields_in, filled
from headrace.provider.query import text
from headrace.provider.table import Provider, Resource, references

Params: TypeAlias = tuple[tuple[str, str], ...]

_ENDS: Final = ("gt_eq", "lt_eq")
"""The operations that a filter by a range may have."""
_SEVERAL: Final = (list, tuple, set, frozenset)


def listing(
    provider: Provider,
    resource: Resource,
    envelope: Envelope,
    parent: Envelope,
    *,
    filters: Mapping[str, Any],
    include: Sequence[str] = (),
    fields: Sequence[str] = (),
    sort: str | None = None,
    size: int | None = None,
    by_cursor: bool = False,
    group: str | None = None,
) -> Walk:
    """Return the request for the first page: `Wire.listing`.

    These APIs take one value for a filter, so of several values each has a listing of its own, one after the other;
    dates that are filtered by a range have one for all of them. Records that are listed under a parent are listed under
    the one that a filter names, else under all there are: `parent` is the envelope of their resource.
    """
    del fields, by_cursor, group  # none of them leaves fields out, has cursors, or reports that are listed
    pages = envelope.pages
    options = (*_included(pages, include), *_sorted(resource, pages, sort), *_paged(provider, resource, pages, size))
    walks = [
        _walk(provider, resource, envelope, chosen, (*_params(resource, pages, chosen), *options))
        for chosen in _chosen(filters, envelope)
    ]
    missing = [name for name in fields_in(resource.path) if name not in filters]
    first = _under_all(provider, resource, parent, missing[0], walks[0]) if missing else walks[0]
    return structs.replace(first, then=tuple(walks[1:]))


def record(provider: Provider, resource: Resource, envelope: Envelope, identity: str) -> Walk:
    """Return the request for one record: `Wire.record`."""
    walk = _walk(provider, resource, envelope, {}, ())
    path = f"{envelope.member or resource.path}/{quote(identity, safe='')}"
    return structs.replace(walk, path=path, route=provider.route("GET", path))


# --- bookmarks ------------------------------------------------------------------------------------------------------


def bookmark(walk: Walk) -> dict[str, Any]:
    """Return where a listing stands: its next page, and the listings that come after it (`Wire.bookmark`)."""
    reader = walk.reader
    below = {} if not isinstance(reader, ParentReader) else {"below": bookmark(reader.child(_PLACE))}
    known = reader.known if isinstance(reader, PageReader) else {}
    params = [list(pair) for pair in walk.params]
    return {"params": params, "known": dict(known), "then": [bookmark(one) for one in walk.then]} | below


def reopened(provider: Provider, resource: Resource, envelope: Envelope, parent: Envelope, held: Any) -> Walk:
    """Return the request that a bookmark was made of (`Wire.reopened`). Raises `ValueError` for what is none."""
    try:
        known = {str(name): value for name, value in held["known"].items()}
        params = tuple((str(name), str(value)) for name, value in held["params"])
        then = tuple(reopened(provider, resource, envelope, parent, one) for one in held["then"])
        below = held.get("below")
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError("not a bookmark of a listing") from None
    if below is None:
        return structs.replace(_walk(provider, resource, envelope, known, params), then=then)
    (field,) = fields_in(resource.path)
    child = reopened(provider, resource, envelope, parent, below | {"known": {field: _PLACE}})
    return structs.replace(_under_all(provider, resource, parent, field, child), params=params, then=then)


_PLACE: Final = "1"
"""The id of no parent in particular."""


# --- the first page -------------------------------------------------------------------------------------------------


def _chosen(filters: Mapping[str, Any], envelope: Envelope) -> Iterator[dict[str, Any]]:
    """Yield one set of single-valued filters after the other, which together let pass what `filters` do."""
    alternatives = [
        [value] if name in envelope.pages.ranges or not isinstance(value, _SEVERAL) else [*value]
        for name, value in filters.items()
    ]
    return (dict(zip(filters, values, strict=True)) for values in product(*alternatives))


def _params(resource: Resource, pages: Pages, filters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parameters of filters; those that the path holds are none."""
    for name, value in filters.items():
        if name in pages.ranges and isinstance(value, Mapping):
            named = dict(zip(_ENDS, pages.ranges[name], strict=True))
            yield from ((named[how], text(end)) for how, end in value.items() if how in named)
        elif name in pages.ranges:
            ends = sorted(value) if isinstance(value, _SEVERAL) else [value]
            yield from zip(pages.ranges[name], (text(ends[0]), text(ends[-1])), strict=True)
        elif name not in fields_in(resource.path):
            yield resource.name_of(name), text(value)


def _included(pages: Pages, include: Sequence[str]) -> Params:
    """Return the parameter for related records; their ids come anyway, so our names of these (`_id`) ask for none."""
    names = ",".join(name for name in include if not name.endswith("_id"))
    return ((pages.include, names),) if names and pages.include else ()


def _sorted(resource: Resource, pages: Pages, sort: str | None) -> Params:
    if not sort or not pages.sort:
        return ()
    direction = ((pages.order, "desc" if sort.startswith("-") else "asc"),) if pages.order else ()
    return ((pages.sort, resource.name_of(sort.removeprefix("-"))), *direction)


def _paged(provider: Provider, resource: Resource, pages: Pages, size: int | None) -> Params:
    most = provider.page_size(resource)
    number = ((pages.number, "1"),) if pages.number else ()
    return (*number, (pages.size, str(min(size or most, most)))) if pages.size else number


def _walk(
    provider: Provider, resource: Resource, envelope: Envelope, chosen: Mapping[str, Any], params: Params
) -> Walk:
    known = {name: str(chosen[name]) for name in fields_in(resource.path) if name in chosen}
    path = filled(resource.path, lambda name: known.get(name, ""))
    reader = PageReader(
        envelope=envelope,
        lists=(*envelope.pages.lists, resource.name),
        name_of=naming(resource, envelope),
        known=known,
    )
    return Walk(
        method="GET",
        path=path,
        params=params,
        headers=ACCEPT,
        route=provider.route("GET", path),
        lane=Lane.READBACK,
        is_read=True,
        reader=reader,
    )


def _under_all(provider: Provider, resource: Resource, parent: Envelope, field: str, below: Walk) -> Walk:
    """Return the listing of the parents, which goes on with what is `below` each of them."""
    target = provider.resource(references(resource.struct)[field])
    assert target is not None, "the table refers to its own resources"

    def child(identity: str) -> Walk:
        reader = below.reader
        assert isinstance(reader, PageReader)
        known = {field: identity}
        path = filled(resource.path, known.__getitem__)
        return structs.replace(below, path=path, reader=dataclasses.replace(reader, known=known))

    first = _walk(provider, target, parent, {}, _paged(provider, target, parent.pages, None))
    assert isinstance(first.reader, PageReader)
    return structs.replace(first, reader=ParentReader(inner=first.reader, child=child))
