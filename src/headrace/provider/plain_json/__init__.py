"""Plain JSON over REST: records as objects, bare or wrapped; what Agiled, Time Magic and Bezala speak.

What differs between them, and between resources of one of them, is an `Envelope`. Everything here is pure, and nothing
raises on foreign bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from headrace.model import Request
from headrace.provider.plain_json.codec import HEADERS, PlainCodec, codec
from headrace.provider.plain_json.envelope import Envelope, Pages
from headrace.provider.plain_json.listing import bookmark, listing, record, reopened
from headrace.provider.plain_json.page import Walk
from headrace.provider.plain_json.place import fields_in
from headrace.provider.plain_json.refusal import refusals
from headrace.provider.plain_json.unable import unable
from headrace.provider.table import Provider, Resource, references
from headrace.provider.wire import Hit, Listed, Ordered, Page, Refusal, Told

__all__ = ["Envelope", "Pages", "PlainCodec", "PlainJson"]


@dataclass(frozen=True)
class PlainJson:
    """The `Wire` of plain JSON: `envelope` for all resources but those that have their own in `own`, by name."""

    envelope: Envelope
    own: Mapping[str, Envelope] = field(default_factory=dict)

    @property
    def takes_several(self) -> bool:
        """`Wire.takes_several`: of several values each has a listing of its own."""
        return False

    @property
    def headers(self) -> Mapping[str, str]:
        """`Wire.headers`."""
        return HEADERS

    def codec(self, provider: Provider, resource: Resource, operation: str) -> PlainCodec:
        """`Wire.codec`."""
        return codec(provider, resource, self._of(resource.name), operation)

    def listing(
        self, provider: Provider, resource: Resource, *, filters: Mapping[str, Any], **how: Unpack[Listed]
    ) -> Walk:
        """`Wire.listing`."""
        return listing(provider, resource, self._of(resource.name), self._parent(resource), filters=filters, **how)

    def unable(self, resource: Resource, *, filters: Mapping[str, Any], **how: Unpack[Ordered]) -> str | None:
        """`Wire.unable`."""
        return unable(resource, self._of(resource.name).pages, filters=filters, **how)

    def record(self, provider: Provider, resource: Resource, identity: str, **_: Unpack[Told]) -> Walk:
        """`Wire.record`: none of these APIs leaves fields out, and all tell what a record refers to."""
        return record(provider, resource, self._of(resource.name), identity)

    def members(self, provider: Provider, resource: Resource, identity: str, relation: str) -> Request:
        """`Wire.members`: none of these APIs has such."""
        raise NotImplementedError

    def related_to(
        self, provider: Provider, resource: Resource, identity: str, relation: str, ids: Sequence[str]
    ) -> Request:
        """`Wire.related_to`: none of these APIs has such."""
        raise NotImplementedError

    def bookmark(self, request: Request) -> Any:
        """`Wire.bookmark`. Only of requests that follow a page of `listing`."""
        assert isinstance(request, Walk), "made by `listing`"
        return bookmark(request)

    def reopened(self, provider: Provider, resource: Resource, bookmark: Any) -> Walk:
        """`Wire.reopened`."""
        return reopened(provider, resource, self._of(resource.name), self._parent(resource), bookmark)

    def related(self, body: bytes) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """`Wire.related`: what these APIs include is part of the records."""
        del body
        return {}

    def page(self, request: Request, body: bytes) -> Page | None:
        """`Wire.page`. Only for requests that `listing` made, or that follow from such."""
        return request.reader.page(request, body) if isinstance(request, Walk) else None

    def ahead(self, page: Page, count: int) -> Sequence[Request]:
        """`Wire.ahead`: their limits allow a page a second at most, which one after the other is fast enough for."""
        del count
        return [] if page.following is None else [page.following]

    def refusals(self, body: bytes) -> list[Refusal] | None:
        """`Wire.refusals`."""
        return refusals(body)

    def hit(self, body: bytes) -> Hit | None:
        """`Wire.hit`: none of these APIs names the limit that was hit."""
        del body
        return None

    def _parent(self, resource: Resource) -> Envelope:
        """Return the envelope of the records below which those of `resource` are listed, if below any."""
        parents = [references(resource.struct)[name] for name in fields_in(resource.path)]
        return self._of(parents[0]) if parents else self.envelope

    def _of(self, name: str) -> Envelope:
        return self.own.get(name, self.envelope)
