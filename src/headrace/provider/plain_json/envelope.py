"""How an API that speaks plain JSON spells one resource: what goes around a record, and around a list of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

_NOTHING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
_NO_RANGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({})


class Pages(Struct, frozen=True, kw_only=True):
    """How records are listed.

    Records come as a bare list, or under one of `lists`. `number` and `size` name the query's parameters for the page
    and for how many records it holds, `most` at the most; None where a list comes whole. `counts` is the key under
    which an answer counts pages, by `last`, and records, by `total`; where it does not, a page that is not full is the
    last one. `sort` and `order` are the parameters to sort by and for the direction, `include` that for related
    records. `ranges` says for a field that is filtered by a range which parameters hold its ends.
    """

    lists: tuple[str, ...] = ("data",)
    number: str | None = "page"
    size: str | None = "per_page"
    counts: str = "meta"
    last: tuple[str, ...] = ("last_page", "total_pages")
    total: tuple[str, ...] = ("total", "total_count")
    sort: str | None = "sort_by"
    order: str | None = "order"
    include: str | None = None
    ranges: Mapping[str, tuple[str, str]] = _NO_RANGES


class Envelope(Struct, frozen=True, kw_only=True):
    """How one resource is spelt.

    `root` is the key that a record is wrapped in when it is sent, None for none. An answer may hold the record itself,
    or wrapped in `root` or in one of `wraps`, with its id under one of `ids`; `also` are further names that fields have
    in answers, and `lowered` are those that come back with a capital and are sent without. `member` is the path below
    which a single record is found, by default that of the resource. `update` is the method of an update.
    """

    root: str | None = None
    wraps: tuple[str, ...] = ("data",)
    ids: tuple[str, ...] = ("id",)
    also: Mapping[str, tuple[str, ...]] = _NOTHING
    lowered: tuple[str, ...] = ()
    member: str | None = None
    update: str = "PUT"
    pages: Pages = Pages()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that an answer may wrap a record in."""
        return self.wraps if self.root is None else (self.root, *self.wraps)
