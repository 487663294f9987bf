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
    copies,
    encode,
    identifiers,
    known_items,
    new_items,
)
from headrace.provider.json_api.layout import layout
from headrace.provider.json_api.refusal import Refuse, refused
from headrace.provider.json_api.telling import Tell, telling
from headrace.provider.table import Action, Bulk, Provider, Resource
from headrace.provider.wire import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonApiCodec:
    """The `Codec` of JSON:API: `build` makes the items of a request, `read` and `refuse` understand its answers.

    `tail` stands behind the path of an action; `is_collective` says that records are a list in the body, be it one.
    `tell` names the relationships that a bulk request asks for; `has_body` is false where the path says it all.
    """

    method: str
    path: str
    route: str | None
    build: Build
    read: Read
    refuse: Refuse
    tail: str = ""
    is_collective: bool = False
    tell: Tell | None = None
    has_body: bool = True

    def request(self, values: Sequence[Struct], *, bulk: bool) -> Request:
        """Return the request for `values`: in bulk to the collection, else to the record if it has an id."""
        items = self.build(values)
        if bulk or self.is_collective:
            return Request(
                method=self.method,
                path=self.path + self.tail,
                params=self._included(values),
                headers=BULK_HEADERS,
                body=encode(Document(items)),
                route=self.route,
            )
        (item,) = items
        return Request(
            method=self.method,
            path=self.path + ("" if item.id is UNSET else f"/{item.id}") + self.tail,
            headers=HEADERS,
            body=encode(Document(item)) if self.has_body else None,
            route=self.route,
        )

    def _included(self, values: Sequence[Struct]) -> tuple[tuple[str, str], ...]:
        names = "" if self.tell is None else self.tell(values)
        return (("include", names),) if names else ()

    def ids(self, body: bytes, values: Sequence[Struct]) -> list[str] | None:
        """`Codec.ids`."""
        return self.read(body, values)

    def refusals(self, body: bytes) -> list[Refusal] | None:
        """`Codec.refusals`."""
        return self.refuse(body)


def codec(provider: Provider, resource: Resource, operation: str) -> JsonApiCodec:
    """Return the codec of `operation`. Raises `KeyError` for an operation that there is not."""
    action = resource.action(operation)
    if action is not None:
        return _acting(provider, resource, action)
    method, build, read = _OPERATIONS[operation](resource)
    bulk = resource.bulk or Bulk(operations=frozenset())
    return JsonApiCodec(
        method=method,
        path=resource.path,
        route=provider.route(method, resource.path),
        build=build,
        read=read,
        refuse=refused(layout(form(resource, operation))),
        is_collective=operation in bulk.only,
        tell=telling(layout(resource.struct)) if operation == "create" and not bulk.ordered else None,
        has_body=method != "DELETE",  # the path names what to delete
    )


def _acting(provider: Provider, resource: Resource, action: Action) -> JsonApiCodec:
    """Return the codec of an action: on one record, on many that the body names, or one that makes a record."""
    shape = layout(form(resource, action.name))
    if action.collective:
        build, read = identifiers(resource.name), deleted()
    elif action.source is not None:
        build = copies(resource.name, shape, action.source)
        read = created(resource.name, shape, ordered=True)
    else:
        build, read = known_items(resource.name, shape), updated(resource.name)
    return JsonApiCodec(
        method=action.method,
        path=resource.path,
        route=provider.route(action.method, resource.path + action.tail),
        build=build,
        read=read,
        refuse=refused(shape),
        tail=action.tail,
        is_collective=action.collective or action.as_list,
        has_body=action.struct is not None or action.source is not None,
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
