"""Steps: what creating a record takes where one request is not enough, as with a file that goes to a storage.

`headrace.dispatch.steps` carries them out, one after the other: first the create, then these in their order.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import UNSET, Struct


class Create(Struct, frozen=True):
    """The request that makes the record: `make` makes of a row's value the `struct` that it carries."""

    struct: type[Struct]
    make: Callable[[Any], Struct]
    requests: int = 1


class Upload(Struct, frozen=True):
    """The file that the field `file` names goes to `url`, as a multipart form (RFC 7578) with the file last.

    The other fields of the form are what the answer to the create holds under `form`; the answer to the upload says in
    its `Location` where the file is. `url` is not the API's, so that this counts in none of its windows.
    """

    url: str
    form: str
    file: str
    requests: int = 0


class Locate(Struct, frozen=True):
    """The record is told, in `field`, where its file is."""

    field: str
    requests: int = 1


class Link(Struct, frozen=True):
    """A record that is there gets the new one among those in its `relation`, and keeps the others.

    `targets` are the fields that may name it, exactly one of which does, and the resources that they name records of.
    What is there is read first, because an API replaces the whole list.
    """

    relation: str
    targets: Mapping[str, str]
    requests: int = 2

    def target(self, value: Struct) -> tuple[str, str]:
        """Return the resource and the id of the record that `value` names."""
        named = ((of, getattr(value, name)) for name, of in self.targets.items())
        ((resource, identity),) = ((of, one) for of, one in named if one is not UNSET)
        return resource, str(identity)


Step: TypeAlias = Create | Upload | Locate | Link
