"""Where the fields of a Struct stand in a JSON:API document: which are attributes, which are relationships."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from headrace.provider.table import references

ID: Final = "id"
_SUFFIX: Final = "_id"
_SEVERAL: Final = "_ids"


class Link(Struct, frozen=True):
    """A relationship to one other record: our field, the vendor's name for it, and the type it points at."""

    field: str
    name: str
    target: str


class Layout(Struct, frozen=True, kw_only=True):
    """The fields of one Struct: `attributes` from our name to the vendor's, and `links`. `id` is neither."""

    attributes: Mapping[str, str]
    links: tuple[Link, ...]

    def field_of(self, name: str) -> str:
        """Return our field for what the vendor calls `name`, attribute or relationship; `name` itself if unknown."""
        return self._fields.get(name, name)

    @property
    def _fields(self) -> dict[str, str]:
        """The vendor's names to ours. A relationship is also known by our name, which the vendor takes as well."""
        ours = {wire: field for field, wire in self.attributes.items()}
        return ours | {link.field: link.field for link in self.links} | {link.name: link.field for link in self.links}


@lru_cache(maxsize=512)  # a progress bar asks for it with every picture
def layout(struct: type[Struct]) -> Layout:
    """Return the layout of `struct`: fields that are ids of other records are relationships, named without `_id`."""
    targets = {name: target for name, target in references(struct).items() if _is_link(name)}
    return Layout(
        attributes={
            field.name: field.encode_name
            for field in msgspec.structs.fields(struct)
            if field.name not in targets and field.name != ID
        },
        links=tuple(Link(name, name.removesuffix(_SUFFIX), target) for name, target in targets.items()),
    )


def related(field: str) -> str:
    """Return the vendor's name of the relationship that is our `field`: `person`, or `subscribers` of `_ids`."""
    return f"{field.removesuffix(_SEVERAL)}s" if field.endswith(_SEVERAL) else field.removesuffix(_SUFFIX)


def _is_link(name: str) -> bool:
    """Whether a reference called `name` is a relationship. Lists of ids (`subscriber_ids`) are plain attributes."""
    return name.endswith(_SUFFIX)
