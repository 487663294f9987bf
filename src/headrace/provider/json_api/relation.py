"""Relations to several records: read as a whole, and replaced as a whole (https://jsonapi.org/format/#crud-updating)."""

from collections.abc import Sequence

from msgspec import Struct

from headrace.model import Request
from headrace.provider.json_api.document import HEADERS, Document, Identifier, Item, encode
from headrace.provider.json_api.listing import record
from headrace.provider.table import Provider, Resource


class _Members(Struct, frozen=True):
    """A relationship to several records."""

    data: Sequence[Identifier]


def members(provider: Provider, resource: Resource, identity: str, relation: str) -> Request:
    """Return the request for the records that one is related to: `Wire.members`."""
    return record(provider, resource, identity, fields=(relation,), include=(relation,))


def related_to(provider: Provider, resource: Resource, identity: str, relation: str, ids: Sequence[str]) -> Request:
    """Return the request that replaces them: `Wire.related_to`."""
    linked = {relation: _Members([Identifier(relation, one) for one in ids])}
    item = Item(identity, resource.name, relationships=linked)  # type: ignore[arg-type]  # a mapping encodes alike
    path = f"{resource.path}/{identity}"
    body = encode(Document(item))
    return Request(method="PATCH", path=path, headers=HEADERS, body=body, route=provider.route("PATCH", path))
