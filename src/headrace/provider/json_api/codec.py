"""One operation on one resource: its requests, its ids, its refusals. Compiled once a load from the Structs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from msgspec import UNSET, Struct

from headrace.model import Request
from headrace.provider.form import form
from headrace.provider.json_api.answer import Read, created, deleted, updated
from headrace.provider.json_api.document import (
    BULK_HEADERS,
    HEADERS,
    Build,
    Document,
    encode,
    identifiers,
    known_items,
    new_items,
)
from headrace.provider.json_api.layout import layout
from headrace.provider.json_api.refusal import Refuse, refused
from headrace.provider.table import Provider, Resource
from headrace.provider.wire import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonApiCodec:
    """The `Codec` of JSON:API: `build` makes the items of a request, `read` and `refuse` understand its answers."""

    method: str
    path: str
    route: str | None
    build: Build
    read: Read
    refuse: Refuse

    def request(self, values: Sequence[Struct], *, bulk: bool) -> Request:
        """Return the request for `values`: in bulk to the collection, else to the record if it has an id."""
        items = self.build(values)
        if bulk:
            return Request(
                method=self.method,
                path=self.path,
                headers=BULK_HEADERS,
                body=encode(Document(items)),
                route=self.route,
            )
        (item,) = items
        return Request(
            method=self.method,
            path=self.path if item.id is UNSET else f"{self.path}/{item.id}",
            headers=HEADERS,
            body=None if self.method == "DELETE" else encode(Document(item)),  # the path names what to delete
            route=self.route,
        )

    def ids(self, body: bytes, values: Sequence[Struct]) -> list[str] | None:
        """`Codec.ids`."""
        return self.read(body, values)

    def refusals(self, body: bytes) -> list[Refusal] | None:
        """`Codec.refusals`."""
        return self.refuse(body)


def codec(provider: Provider, resource: Resource, operation: str) -> JsonApiCodec:
    """Return the codec of `operation`. Raises `KeyError` for an operation that there is not."""
    method, build, read = _OPERATIONS[operation](resource)
    return JsonApiCodec(
        method=method,
        path=resource.path,
        route=provider.route(method, resource.path),
        build=build,
        read=read,
        refuse=refused(layout(form(resource, operation))),
    )


def _create(resource: Resource) -> tuple[str, Build, Read]:
    shape = layout(form(resource, "create"))
    ordered = resource.bulk is not None and resource.bulk.ordered
    return "POST", new_items(resource.name, shape), created(resource.name, shape, ordered=ordered)


def _update(resource: Resource) -> tuple[str, Build, Read]:
    return "PATCH", known_items(resource.name, layout(form(resource, "update"))), updated(resource.name)


def _delete(resource: Resource) -> tuple[str, Build, Read]:
    return "DELETE", identifiers(resource.name), deleted()


_OPERATIONS: Final[Mapping[str, Callable[[Resource], tuple[str, Build, Read]]]] = MappingProxyType(
    {"create": _create, "update": _update, "delete": _delete}
)
