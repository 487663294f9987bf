"""What a listing of plain JSON cannot do: these APIs ignore what they do not know, and would answer with everything."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from headrace.provider.plain_json.envelope import Pages
from headrace.provider.plain_json.place import fields_in
from headrace.provider.table import Resource

_ALSO: Final = frozenset({"id", "created_at", "updated_at"})
_ENDS: Final = frozenset({"gt_eq", "lt_eq"})


def unable(
    resource: Resource,
    pages: Pages,
    *,
    filters: Mapping[str, Any],
    include: Sequence[str] = (),
    sort: str | None = None,
) -> str | None:
    """Return the first thing that is asked for in vain, in words, None where there is none (`Wire.unable`)."""
    found = (*_filters(resource, pages, filters), *_includes(resource, pages, include), *_sort(resource, pages, sort))
    return next(iter(found), None)


def _filters(resource: Resource, pages: Pages, filters: Mapping[str, Any]) -> Iterator[str]:
    known = {*resource.filters, *fields_in(resource.path)}
    for name, value in filters.items():
        if name.startswith("$"):
            yield "take no groups of filters"
        elif name not in known:
            yield f"are not filtered by {name!r}; {_known(known, 'filters are', 'there are no filters')}"
        elif isinstance(value, Mapping) and not (name in pages.ranges and set(value) <= _ENDS):
            ends = "gt_eq and lt_eq" if name in pages.ranges else "no operation"
            yield f"take {ends} with the filter {name!r}, not {', '.join(sorted(set(value) - _ENDS) or value)}"


def _includes(resource: Resource, pages: Pages, include: Sequence[str]) -> Iterator[str]:
    told = {field.encode_name for field in msgspec.structs.fields(resource.struct)}  # ids come without being asked for
    for name in set(include) - told:
        if not pages.include or name not in resource.includes:
            known = _known(resource.includes if pages.include else (), "they bring", "they bring no related records")
            yield f"do not bring {name!r} along; {known}"


def _sort(resource: Resource, pages: Pages, sort: str | None) -> Iterator[str]:
    if sort and not pages.sort:
        yield "come in no order of choice"
    known = {*(field.encode_name for field in msgspec.structs.fields(resource.struct)), *_ALSO}
    if sort and pages.sort and sort.removeprefix("-") not in known:
        yield f"are not sorted by {sort.removeprefix('-')!r}; {_known(known, 'they are by', '')}"


def _known(names: Any, some: str, none: str) -> str:
    return f"{some} {', '.join(sorted(names))}" if names else none
