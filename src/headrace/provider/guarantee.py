"""What a provider lets us promise about a row whose answer was lost (RELIABILITY.md 1.9): classes A, C, D, E and F.

A resource has the guarantee that holds when nothing is added to the user's data. A load may choose a marker;
`effective` is then its guarantee.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from headrace.provider.table import Resource

NOTE: Final = "note"
OFF: Final = "off"
"""Values of a load's `marker`; any other is the name of a field."""
CUSTOM_FIELDS: Final = "custom_fields"


class NaturalKey(Struct, frozen=True, tag=True):
    """Class E: records that match all these fields are counted; identical rows are interchangeable."""

    fields: tuple[str, ...]
    promise = "once, by counting matching records, unless others create the same rows meanwhile"


class Name(Struct, frozen=True, tag=True):
    """A row that is a name, which stands in `field`: whatever record has it is the one that rows mean by it."""

    field: str
    promise = "once: any record that has the name serves"


class NoGuarantee(Struct, frozen=True, tag=True):
    """Class F: nothing can be read back; what is unknown stays in doubt and is never sent again blindly."""

    promise = "at most once; what is unknown is listed for you to decide"


class IdempotencyKey(Struct, frozen=True, tag=True):
    """Class A: the API keeps the answer under a key, sent in `header`, for `window` seconds; `then` is for later."""

    window: float
    header: str = "Idempotency-Key"
    then: NaturalKey | NoGuarantee = NoGuarantee()
    promise = "once, if retried within the key's lifetime"


class Marker(Struct, frozen=True, tag=True):
    """Class C: a custom field, called `field` by the user, that can be filtered on exactly carries a row's marker."""

    field: str
    promise = "once, by read-back of a marker; a miss is found and listed by the closing audit"


class NoteMarker(Struct, frozen=True, tag=True):
    """Class C: the text of `field` ends with a row's marker; found by the fields of `key`, told by the marker."""

    field: str
    key: NaturalKey
    promise = "once, by read-back of a marker in the text; a miss is found and listed by the closing audit"


class StoredMarker(Struct, frozen=True, tag=True):
    """Class D: a field that we can write and read, but not filter on, carries the marker; found by listing.

    It is written only where a load asks for it by the field's name; else, and where the row fills the field itself,
    `otherwise` holds.
    """

    field: str
    otherwise: NaturalKey | NoGuarantee = NoGuarantee()
    promise = "once, by listing and comparing a stored marker"


Guarantee: TypeAlias = IdempotencyKey | Marker | NoteMarker | StoredMarker | NaturalKey | Name | NoGuarantee

REPEATABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "update": "as the last value sent; a repeated update changes nothing more",
        "delete": "once; a record that is gone already is done",
    }
)
"""The operations that may be repeated without a read-back, because doing them twice is doing them once: operation to
what is promised. What is not here is a create, or to be treated like one."""


CREATE: Final = "create"
UPSERT: Final = "upsert"
"""Creates what is not there and updates what is: what it leaves can be found again as after a create."""
_FOUND_AGAIN: Final = frozenset({CREATE, UPSERT})


def effective(resource: "Resource", marker: str = OFF, operation: str = CREATE) -> Guarantee:
    """Return what holds for an `operation` on `resource` with the `marker` of a load.

    What is not a create leaves nothing that could be found again: it has the API's keys, or no guarantee. Raises
    `ValueError`, with the reason in words, for a marker that cannot be carried.
    """
    if operation not in _FOUND_AGAIN:
        return _without_records(resource, marker)
    if operation == UPSERT and isinstance(resource.guarantee, IdempotencyKey):
        return resource.guarantee.then if marker == OFF else effective(resource, marker)
    if marker == OFF:
        return resource.guarantee.otherwise if isinstance(resource.guarantee, StoredMarker) else resource.guarantee
    if marker == NOTE:
        return _note_marker(resource)
    if isinstance(resource.guarantee, StoredMarker) and marker == resource.guarantee.field:
        return resource.guarantee
    if CUSTOM_FIELDS not in {field.name for field in msgspec.structs.fields(resource.struct)}:
        raise ValueError(f"{resource.name} have no custom field that could hold a marker")
    return Marker(marker)


def _without_records(resource: "Resource", marker: str) -> Guarantee:
    if marker != OFF:
        raise ValueError("only what is created can carry a marker")
    keyed = resource.guarantee
    return IdempotencyKey(keyed.window, keyed.header) if isinstance(keyed, IdempotencyKey) else NoGuarantee()


def promise(resource: "Resource", operation: str = CREATE, marker: str = OFF) -> str:
    """Return the sentence of what is promised: "a row is created ...". Raises as `effective` does."""
    if resource.repeats(operation):
        return REPEATABLE.get(operation, "as often as needed; doing it twice is doing it once")
    return effective(resource, marker, operation).promise


def _note_marker(resource: "Resource") -> NoteMarker:
    if resource.note is None:
        raise ValueError(f"{resource.name} have no text that could hold a marker")
    key = resource.guarantee
    if not isinstance(key, NaturalKey):
        key = getattr(key, "then", getattr(key, "otherwise", NaturalKey(())))
    return NoteMarker(resource.note, key if isinstance(key, NaturalKey) else NaturalKey(()))
