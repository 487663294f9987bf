"""Listings: the request for the first page of the records that pass a filter."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from msgspec.structs import replace

from headrace.model import Lane, Request
from headrace.provider.json_api.document import HEADERS
from headrace.provider.json_api.layout import related
from headrace.provider.query import text
from headrace.provider.table import Provider, Resource, references

Params: TypeAlias = Iterator[tuple[str, str]]

NUMBER: Final = "page[number]"
AFTER: Final = "page[after]"
SIZE: Final = "page[size]"


def listing(
    provider: Provider,
    resource: Resource,
    *,
    filters: Mapping[str, Any],
    include: Sequence[str] = (),
    fields: Sequence[str] = (),
    sort: str | None = None,
    size: int | None = None,
    by_cursor: bool = False,
    group: str | None = None,
) -> Request:
    """Return the request for the first page: `Wire.listing`.

    A filter's value is a scalar, a sequence of alternatives, or a mapping of operations (`{"contains": "x"}`); groups
    are written as the vendor does, `{"$op": "or", "0": {"name": {"eq": "x"}}, "1": ...}`. `include` and `fields` take
    our names (`person_id`) and the vendor's (`person`).
    """
    spelt, most = _spelling(resource), provider.page_size(resource)
    options = {
        "include": ",".join(map(spelt, include)),
        f"fields[{resource.name}]": ",".join(map(spelt, fields)),
        "sort": sort or "",
        "group": group or "",
    }
    return Request(
        method="GET",
        path=resource.path,
        params=(
            *(pair for name, value in _whole(resource, filters).items() for pair in _filter(f"filter[{name}]", value)),
            *((name, value) for name, value in options.items() if value),
            (AFTER, "") if by_cursor else (NUMBER, "1"),
            (SIZE, str(min(size or most, most))),
        ),
        headers=HEADERS,
        route=provider.route("GET", resource.path),
        lane=Lane.READBACK,
        is_read=True,
    )


def record(
    provider: Provider,
    resource: Resource,
    identity: str,
    *,
    fields: Sequence[str] = (),
    include: Sequence[str] = (),
) -> Request:
    """Return the request for one record: `Wire.record`."""
    path, spelt = f"{resource.path}/{quote(identity, safe='')}", _spelling(resource)
    options = {"include": ",".join(map(spelt, include)), f"fields[{resource.name}]": ",".join(map(spelt, fields))}
    return Request(
        method="GET",
        path=path,
        params=tuple((name, value) for name, value in options.items() if value),
        headers=HEADERS,
        route=provider.route("GET", path),
        lane=Lane.READBACK,
        is_read=True,
    )


def reopened(provider: Provider, resource: Resource, bookmark: Any) -> Request:
    """Return the request of a listing whose parameters are the bookmark's: `Wire.reopened`."""
    match bookmark:
        case [*pairs] if all(isinstance(pair, list) and list(map(type, pair)) == [str, str] for pair in pairs):
            first = listing(provider, resource, filters={})
            return replace(first, params=tuple((name, value) for name, value in pairs))
    raise ValueError("not a bookmark of a JSON:API listing")


def _spelling(resource: Resource) -> Callable[[str], str]:
    """Return the function from our name of a relationship to the vendor's; other names stay."""
    links = {name: related(name) for name in references(resource.struct)}
    return lambda name: links.get(name, name)


def _whole(resource: Resource, filters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the filters with those of the resource; what is in a group stays in it."""
    if not resource.whole:
        return filters
    return {**resource.whole, **({"$op": "and", "0": filters} if "$op" in filters else filters)}


def _filter(name: str, value: Any) -> Params:
    """Yield the parameters of one filter."""
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _filter(f"{name}[{key}]", inner)
        case list() | tuple() | set() | frozenset():
            yield from ((f"{name}[]", text(inner)) for inner in value)
        case _:
            yield name, text(value)
