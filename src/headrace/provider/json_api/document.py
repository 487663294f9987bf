"""The documents that go out: values of one resource as JSON:API, built as Structs and encoded once a request."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from headrace.provider.json_api.layout import ID, Layout

MEDIA_TYPE: Final = "application/vnd.api+json"
BULK_MEDIA_TYPE: Final = f"{MEDIA_TYPE}; ext=bulk"


def _negotiation(media_type: str) -> Mapping[str, str]:
    return MappingProxyType({"Content-Type": media_type, "Accept": media_type})


HEADERS: Final = _negotiation(MEDIA_TYPE)
BULK_HEADERS: Final = _negotiation(BULK_MEDIA_TYPE)

Build: TypeAlias = Callable[[Struct], "Item"]
_Values: TypeAlias = Callable[[Struct], tuple[Any, ...]]


class Identifier(Struct, frozen=True, gc=False):
    """A resource identifier: which record of which type."""

    type: str
    id: str


class Linkage(Struct, frozen=True, gc=False):
    """A relationship to one record, or to none."""

    data: Identifier | None


class Item(Struct, frozen=True, gc=False, omit_defaults=True):
    """A resource object."""

    id: str | UnsetType
    type: str
    attributes: Struct | UnsetType = UNSET
    relationships: Struct | UnsetType = UNSET


class Document(Struct, frozen=True, gc=False):
    """The top of what goes out."""

    data: Item | Sequence[Item]


encode: Final = msgspec.json.Encoder().encode


def new_item(kind: str, layout: Layout) -> Build:
    """Return the function that makes a new record of type `kind` from a value."""
    attributes, relationships = _attributes(layout), _relationships(layout)
    return lambda value: Item(UNSET, kind, attributes(value), relationships(value))


def known_item(kind: str, layout: Layout) -> Build:
    """As `new_item`, for a value with an `id`: the record to change."""
    attributes, relationships, identity = _attributes(layout), _relationships(layout), attrgetter(ID)
    return lambda value: Item(str(identity(value)), kind, attributes(value), relationships(value))


def identifier(kind: str) -> Build:
    """Return the function that names the record to delete."""
    identity = attrgetter(ID)
    return lambda value: Item(str(identity(value)), kind)


def _attributes(layout: Layout) -> Callable[[Struct], Struct]:
    """Return the function that makes the attributes object. Fields that are UNSET encode as nothing."""
    fields = [(name, Any, UNSET) for name in layout.attributes]
    attributes = msgspec.defstruct("Attributes", fields, rename=dict(layout.attributes), frozen=True, gc=False)
    values = _values(tuple(layout.attributes))
    return lambda value: attributes(*values(value))


def _relationships(layout: Layout) -> Callable[[Struct], Struct | UnsetType]:
    """Return the function that makes the relationships object, UNSET where a value refers to nothing."""
    relationships = msgspec.defstruct(
        "Relationships", [(link.name, Any, UNSET) for link in layout.links], frozen=True, gc=False
    )
    targets = tuple(link.target for link in layout.links)
    ids = _values(tuple(link.field for link in layout.links))
    nothing = (UNSET,) * len(targets)

    def build(value: Struct) -> Struct | UnsetType:
        found = ids(value)
        return UNSET if found == nothing else relationships(*map(_linkage, targets, found))

    return build


def _linkage(target: str, identity: Any) -> Linkage | UnsetType:
    if identity is UNSET:
        return UNSET
    return Linkage(None if identity is None else Identifier(target, str(identity)))


def _values(names: tuple[str, ...]) -> _Values:
    """Return the function that takes `names` off a value, as a tuple however many they are."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)
