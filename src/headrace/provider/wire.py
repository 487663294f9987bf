"""How one API spells records, answers and refusals: two small protocols, implemented once per kind of envelope."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

from msgspec import Struct

from headrace.model import Request

if TYPE_CHECKING:
    from headrace.provider.table import Provider, Resource


class Refusal(Struct, frozen=True, kw_only=True):
    """One error of a provider's answer. `index` is the row's place in the batch, None where the answer names none.

    `field` is the resource's field where the answer points at one that we know, else the provider's own words.
    """

    code: str
    error: str
    index: int | None = None
    field: str | None = None


class Hit(Struct, frozen=True):
    """The limit that a 429 names: at most `limit` requests, or seconds of the server's time, in `period` seconds."""

    limit: float
    period: float | None = None


class Page(Struct, frozen=True, kw_only=True):
    """One page of a listing: `items` flattened to `{"id": ..., field: value, ...}`, and the next page's request.

    `total` is how many records there are and `left` how many pages come after this one, where the API counts them.
    """

    items: list[dict[str, Any]]
    following: Request | None = None
    total: int | None = None
    left: int = 0


class Told(TypedDict, total=False):
    """What is told of a record.

    `fields`: no more than these, where the API can leave others out. `include`: relationships that it does not tell by
    itself, and related records beside those of a listing.
    """

    fields: Sequence[str]
    include: Sequence[str]


class Ordered(TypedDict, total=False):
    """What is asked of a listing beside filters: `include` as of `Told`, `sort` by a name, `-` first for descending."""

    include: Sequence[str]
    sort: str | None


class Listed(Told, Ordered, total=False):
    """How a listing comes.

    `size` is the records per page, by default the most that the provider allows, `by_cursor` says that pages follow
    each other by the last record, where the API has such, `group` what the rows of a report are for.
    """

    size: int | None
    by_cursor: bool
    group: str | None


def ids_of(relation: str) -> str:
    """Return the field of a page's items that holds the ids of those that a record is related to: `x_ids` of `xs`."""
    return f"{relation.removesuffix('s')}_ids"


class Codec(Protocol):
    """One operation on one resource. Built once per load; pure and stateless."""

    @property
    def route(self) -> str | None:
        """The class that its requests are counted in, None for the general one (`Provider.route`)."""

    def request(self, values: Sequence[Struct], *, bulk: bool) -> Request:
        """Return the request that carries `values`: one of them, or several where `bulk` is true."""

    def ids(self, body: bytes, values: Sequence[Struct]) -> list[str] | None:
        """Return the remote ids of `values`, in their order, from the body of an accepted answer.

        None means that the body does not bear out the success (not the API's shape, another count, type or record,
        no id): the caller must treat the request as unknown. Raises nothing.
        """

    def refusals(self, body: bytes) -> list[Refusal] | None:
        """Return what a refusing answer says, or None where the body is not the provider's own error envelope."""


class Wire(Protocol):
    """One kind of envelope. Pure; stateless."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by which a request and its answer agree on the envelope."""

    @property
    def takes_several(self) -> bool:
        """Whether one request of a listing may ask for several values of a filter."""

    def codec(self, provider: "Provider", resource: "Resource", operation: str) -> Codec:
        """Return the codec of `operation` (`create`, `update`, `delete`) on `resource`."""

    def listing(
        self, provider: "Provider", resource: "Resource", *, filters: Mapping[str, Any], **how: Unpack[Listed]
    ) -> Request:
        """Return the request for the first page of a listing."""

    def unable(self, resource: "Resource", *, filters: Mapping[str, Any], **how: Unpack[Ordered]) -> str | None:
        """Return what of a listing the API would ignore without a word, as the end of a sentence about the records.

        None where it can do it all, or says itself what it cannot.
        """

    def record(self, provider: "Provider", resource: "Resource", identity: str, **what: Unpack[Told]) -> Request:
        """Return the request for one record."""

    def members(self, provider: "Provider", resource: "Resource", identity: str, relation: str) -> Request:
        """Return the request for the records that one is related to; its page's only item has their ids (`ids_of`).

        Raises `NotImplementedError`, as `related_to` does, where the envelope has no such relations.
        """

    def related_to(
        self, provider: "Provider", resource: "Resource", identity: str, relation: str, ids: Sequence[str]
    ) -> Request:
        """Return the request after which one record is related to those of `ids`, called as the relation, and no other.

        It is answered as an update.
        """

    def bookmark(self, request: Request) -> Any:
        """Return where a listing stands, as plain values: what `reopened` makes `request`, which follows a page, of."""

    def reopened(self, provider: "Provider", resource: "Resource", bookmark: Any) -> Request:
        """Return the request that a bookmark of a listing of `resource` was made of. Raises `ValueError` for others."""

    def related(self, body: bytes) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """Return the records that a page includes beside its own, flat, by resource and id; none where it has none."""

    def page(self, request: Request, body: bytes) -> Page | None:
        """Return the page that answers `request`, or None where the body is not of the API's shape."""

    def ahead(self, page: Page, count: int) -> Sequence[Request]:
        """Return the requests for at most `count` pages that come after one: more than the next where they are counted.

        What follows each of them is known when it is answered.
        """

    def refusals(self, body: bytes) -> list[Refusal] | None:
        """As `Codec.refusals`, without a resource whose fields could be named."""

    def hit(self, body: bytes) -> Hit | None:
        """Return the limit that a 429 names, None where it names none."""
