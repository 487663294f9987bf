"""JSON:API (https://jsonapi.org) with its bulk extension: the envelope that Productive speaks.

Documents go out, answers, refusals and pages come in. Everything here is pure, and nothing raises on foreign bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

from headrace.model import Request
from headrace.provider.json_api.codec import JsonApiCodec, codec
from headrace.provider.json_api.document import HEADERS
from headrace.provider.json_api.listing import listing, record, reopened
from headrace.provider.json_api.page import ahead, page, related
from headrace.provider.json_api.refusal import hit, refused
from headrace.provider.json_api.relation import members, related_to
from headrace.provider.table import Provider, Resource
from headrace.provider.wire import Hit, Listed, Ordered, Page, Refusal, Told, Wire

__all__ = ["JSON_API", "JsonApi", "JsonApiCodec"]

_refused = refused()


class JsonApi:
    """The `Wire` of JSON:API."""

    takes_several: Final = True
    """See `Wire.takes_several`."""
    headers: Final[Mapping[str, str]] = HEADERS
    """See `Wire.headers`."""

    def codec(self, provider: Provider, resource: Resource, operation: str) -> JsonApiCodec:
        """`Wire.codec`."""
        return codec(provider, resource, operation)

    def listing(
        self, provider: Provider, resource: Resource, *, filters: Mapping[str, Any], **how: Unpack[Listed]
    ) -> Request:
        """`Wire.listing`."""
        return listing(provider, resource, filters=filters, **how)

    def unable(self, resource: Resource, *, filters: Mapping[str, Any], **how: Unpack[Ordered]) -> str | None:
        """`Wire.unable`: what a server of JSON:API does not know it refuses."""
        del resource, filters, how
        return None

    def record(self, provider: Provider, resource: Resource, identity: str, **what: Unpack[Told]) -> Request:
        """`Wire.record`."""
        return record(provider, resource, identity, **what)

    def members(self, provider: Provider, resource: Resource, identity: str, relation: str) -> Request:
        """`Wire.members`."""
        return members(provider, resource, identity, relation)

    def related_to(
        self, provider: Provider, resource: Resource, identity: str, relation: str, ids: Sequence[str]
    ) -> Request:
        """`Wire.related_to`."""
        return related_to(provider, resource, identity, relation, ids)

    def bookmark(self, request: Request) -> Any:
        """`Wire.bookmark`."""
        return [list(pair) for pair in request.params]

    def reopened(self, provider: Provider, resource: Resource, bookmark: Any) -> Request:
        """`Wire.reopened`."""
        return reopened(provider, resource, bookmark)

    def related(self, body: bytes) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """`Wire.related`."""
        return related(body)

    def page(self, request: Request, body: bytes) -> Page | None:
        """`Wire.page`."""
        return page(request, body)

    def ahead(self, page: Page, count: int) -> Sequence[Request]:
        """`Wire.ahead`."""
        return ahead(page, count)

    def refusals(self, body: bytes) -> list[Refusal] | None:
        """`Wire.refusals`."""
        return _refused(body)

    def hit(self, body: bytes) -> Hit | None:
        """`Wire.hit`."""
        return hit(body)


JSON_API: Final[Wire] = JsonApi()
