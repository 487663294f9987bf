"""One operation on one resource: its requests, its ids, its refusals. Compiled once a load from the Struct."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from headrace.model import Request
from headrace.provider.form import form
from headrace.provider.plain_json.answer import Read, changed, created, deleted
from headrace.provider.plain_json.envelope import Envelope
from headrace.provider.plain_json.place import fields_in, filled
from headrace.provider.plain_json.refusal import refusals
from headrace.provider.table import Action, Provider, Resource
from headrace.provider.wire import Refusal

ID: Final = "id"
ACCEPT: Final[Mapping[str, str]] = MappingProxyType({"Accept": "application/json"})
HEADERS: Final[Mapping[str, str]] = MappingProxyType({**ACCEPT, "Content-Type": "application/json"})

Params: TypeAlias = tuple[tuple[str, str], ...]
Encode: TypeAlias = Callable[[Struct], bytes]

_NOT_FOUND: Final = "not_found"
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainCodec:
    """The `Codec` of plain JSON. `path` may hold fields of what is sent; `encode` makes the body, None for none.

    `owner` is the field of a create that its path holds: the one that a "not found" is about.
    """

    method: str
    path: str
    route: str | None
    encode: Encode | None
    read: Read
    field_of: Callable[[str], str]
    params: Params = ()
    owner: str | None = None

    def request(self, values: Sequence[Struct], *, bulk: bool) -> Request:
        """`Codec.request`. No API of this kind takes several records at once."""
        assert not bulk, "the table promises no bulk"
        (value,) = values
        return Request(
            method=self.method,
            path=filled(self.path, lambda name: getattr(value, name)),
            params=self.params,
            headers=ACCEPT if self.encode is None else HEADERS,
            body=None if self.encode is None else self.encode(value),
            route=self.route,
        )

    def ids(self, body: bytes, values: Sequence[Struct]) -> list[str] | None:
        """`Codec.ids`."""
        (value,) = values
        found = self.read(body, value)
        return None if found is None else [found]

    def refusals(self, body: bytes) -> list[Refusal] | None:
        """`Codec.refusals`."""
        found = refusals(body, self.field_of)
        if found is None or self.owner is None:
            return found
        return [replace(one, field=self.owner) if one.code == _NOT_FOUND and not one.field else one for one in found]


def codec(provider: Provider, resource: Resource, envelope: Envelope, operation: str) -> PlainCodec:
    """Return the codec of `operation`. Raises `KeyError` for an operation that there is not."""
    action = resource.action(operation)
    method, path, encode, read = (
        _OPERATIONS[operation](resource, envelope) if action is None else _act(resource, envelope, action)
    )
    return PlainCodec(
        method=method,
        path=path,
        route=provider.route(method, path),
        encode=encode,
        read=read,
        field_of=naming(resource, envelope),
        params=() if action is None else action.params,
        owner=next(iter(fields_in(path)), None) if operation == "create" else None,
    )


def naming(resource: Resource, envelope: Envelope) -> Callable[[str], str]:
    """Return the function from the vendor's name of a field to ours; others stay as they are."""
    own = [field.name for field in msgspec.structs.fields(resource.struct)]
    ours = {other: name for name in own for other in envelope.also.get(name, ())}
    ours |= {resource.name_of(name): name for name in own}
    return lambda name: ours.get(name, name)


# --- operations -------------------------------------------------------------------------------------------------

_Operation: TypeAlias = tuple[str, str, Encode | None, Read]


def _create(resource: Resource, envelope: Envelope) -> _Operation:
    left_out = fields_in(resource.path)
    return "POST", resource.path, _encoder(resource, envelope, "create", left_out), created(envelope)


def _update(resource: Resource, envelope: Envelope) -> _Operation:
    encode = _encoder(resource, envelope, "update", (ID,))
    return envelope.update, member(resource, envelope), encode, changed(envelope)


def _delete(resource: Resource, envelope: Envelope) -> _Operation:
    return "DELETE", member(resource, envelope), None, deleted(envelope)


def _act(resource: Resource, envelope: Envelope, action: Action) -> _Operation:
    encode = None if action.struct is None else _encoder(resource, envelope, action.name, (ID,))
    return action.method, member(resource, envelope) + action.tail, encode, changed(envelope)


_OPERATIONS: Final[Mapping[str, Callable[[Resource, Envelope], _Operation]]] = MappingProxyType(
    {"create": _create, "update": _update, "delete": _delete}
)


def member(resource: Resource, envelope: Envelope) -> str:
    """Return the path of one record, with its id as a field."""
    return f"{envelope.member or resource.path}/{{{ID}}}"


def _encoder(resource: Resource, envelope: Envelope, operation: str, left_out: Sequence[str]) -> Encode:
    """Return what makes a body: the fields that a value has, by the vendor's names, in `envelope.root` if any."""
    fields = [field.name for field in msgspec.structs.fields(form(resource, operation)) if field.name not in left_out]
    getters = [(resource.name_of(name), attrgetter(name)) for name in fields]

    def encode(value: Struct) -> bytes:
        record: dict[str, Any] = {name: held for name, get in getters if (held := get(value)) is not UNSET}
        return _encode(record if envelope.root is None else {envelope.root: record})

    return encode
