"""The documents that go out: values of one resource as JSON:API, built as Structs and encoded once a request."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from headrace.provider.json_api.layout import ID, Layout, Link

MEDIA_TYPE: Final = "application/vnd.api+json"
BULK_MEDIA_TYPE: Final = f"{MEDIA_TYPE}; ext=bulk"


def _negotiation(media_type: str) -> Mapping[str, str]:
    return MappingProxyType({"Content-Type": media_type, "Accept": media_type})


HEADERS: Final = _negotiation(MEDIA_TYPE)
BULK_HEADERS: Final = _negotiation(BULK_MEDIA_TYPE)

Build: TypeAlias = Callable[[Sequence[Struct]], list["Item"]]
_Column: TypeAlias = Callable[[Sequence[Struct]], Iterable[Any]]
"""Makes one part of every item. Column by column is twice as fast as item by item: no call per cell."""


class Identifier(Struct, frozen=True, gc=False):
    """A resource identifier: which record of which type."""

    type: str
    id: str


class Linkage(Struct, frozen=True, gc=False):
    """A relationship to one record, or to none."""

    data: Identifier | None


class Item(Struct, frozen=True, gc=False, omit_defaults=True):
    """A resource object, or with only an `id` and a `type` the name of one."""

    id: str | UnsetType
    type: str
    attributes: Struct | UnsetType = UNSET
    relationships: Struct | UnsetType = UNSET


class Document(Struct, frozen=True, gc=False):
    """The top of what goes out."""

    data: Item | Sequence[Item]


encode: Final = msgspec.json.Encoder().encode


def new_items(kind: str, layout: Layout) -> Build:
    """Return the function that makes new records of type `kind` from values."""
    attributes, relationships = _attributes(layout), _relationships(layout)
    return lambda values: [*map(Item, repeat(UNSET), repeat(kind), attributes(values), relationships(values))]


def known_items(kind: str, layout: Layout) -> Build:
    """As `new_items`, for values with an `id`: the records to change."""
    attributes, relationships = _attributes(layout), _relationships(layout)
    return lambda values: [*map(Item, _ids(values), repeat(kind), attributes(values), relationships(values))]


def copies(kind: str, layout: Layout, source: str) -> Build:
    """As `new_items`, for values whose `id` is that of another record, which goes into the field `source`."""
    attributes, relationships = _attributes(layout), _relationships(layout)

    def named(value: Struct, given: Struct) -> dict[str, Any]:
        return {source: int(getattr(value, ID)), **msgspec.to_builtins(given)}

    def build(values: Sequence[Struct]) -> list[Item]:
        all_attributes = map(named, values, attributes(values))
        each = zip(all_attributes, relationships(values), strict=False)
        return [Item(UNSET, kind, of, links) for of, links in each]  # type: ignore[arg-type]  # a mapping encodes alike

    return build


def identifiers(kind: str) -> Build:
    """Return the function that names the records to delete."""
    return lambda values: [*map(Item, _ids(values), repeat(kind))]


def _ids(values: Sequence[Struct]) -> Iterable[str]:
    return map(str, map(attrgetter(ID), values))


def _attributes(layout: Layout) -> _Column:
    """Return the function that makes the attributes objects. Fields that are UNSET encode as nothing."""
    names = tuple(layout.attributes)
    attributes = msgspec.defstruct(
        "Attributes",
        [(name, Any, UNSET) for name in names],
        rename=dict(layout.attributes),
        frozen=True,
        gc=False,
    )
    getters = [attrgetter(name) for name in names]
    return lambda values: map(attributes, *(map(get, values) for get in getters)) if names else repeat(attributes())


def _relationships(layout: Layout) -> _Column:
    """Return the function that makes the relationships objects, UNSET where a value refers to nothing."""
    links = [(link.name, Any, UNSET) for link in layout.links]
    relationships = msgspec.defstruct("Relationships", links, frozen=True, gc=False)
    columns = [_linkages(link) for link in layout.links]
    nothing = relationships()

    def build(values: Sequence[Struct]) -> Iterable[Struct | UnsetType]:
        made = map(relationships, *(column(values) for column in columns))
        return (UNSET if one == nothing else one for one in made)

    return build if columns else lambda _: repeat(UNSET)


def _linkages(link: Link) -> _Column:
    """Return the function that makes one relationship of every value, each distinct one once: people repeat."""
    get, target = attrgetter(link.field), link.target

    def build(values: Sequence[Struct]) -> Iterable[Linkage | UnsetType]:
        ids = [*map(get, values)]
        made = {identity: _linkage(target, identity) for identity in set(ids)}
        return map(made.__getitem__, ids)

    return build


def _linkage(target: str, identity: int | UnsetType | None) -> Linkage | UnsetType:
    if isinstance(identity, UnsetType):
        return UNSET
    return Linkage(None if identity is None else Identifier(target, str(identity)))
