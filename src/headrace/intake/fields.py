"""The fields of a resource as intake sees them: what each takes, and whether it must be there."""

from enum import Enum
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

CUSTOM: Final = "custom_fields"
"""The field that holds an account's own fields, by their ids; `custom_fields.<id>` is one of them."""


class Kind(Enum):
    """What values a field takes."""

    TEXT = "text"
    INTEGER = "a whole number"
    NUMBER = "a number"
    DECIMAL = "a decimal number"
    BOOLEAN = "yes or no"
    DATE = "a date"
    DATETIME = "a date and time"
    TIME = "a time of day"
    LIST = "a list"
    OBJECT = "an object"
    CHOICE = "one of a few values"
    ANY = "anything"


TEMPORAL: Final = frozenset({Kind.DATE, Kind.DATETIME, Kind.TIME})
NUMERIC: Final = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL})

_KINDS: Final[dict[type[inspect.Type], Kind]] = {
    inspect.StrType: Kind.TEXT,
    inspect.IntType: Kind.INTEGER,
    inspect.FloatType: Kind.NUMBER,
    inspect.DecimalType: Kind.DECIMAL,
    inspect.BoolType: Kind.BOOLEAN,
    inspect.DateType: Kind.DATE,
    inspect.DateTimeType: Kind.DATETIME,
    inspect.TimeType: Kind.TIME,
    inspect.ListType: Kind.LIST,
    inspect.SetType: Kind.LIST,
    inspect.FrozenSetType: Kind.LIST,
    inspect.VarTupleType: Kind.LIST,
    inspect.DictType: Kind.OBJECT,
    inspect.StructType: Kind.OBJECT,
    inspect.LiteralType: Kind.CHOICE,
    inspect.EnumType: Kind.CHOICE,
}


class Field(Struct, frozen=True):
    """One field. `type` is its annotation, `choices` the values that are allowed where they are few.

    `item` is the kind of a list's elements, else the field's own kind.
    """

    name: str
    kind: Kind
    item: Kind
    is_required: bool
    type: Any
    choices: tuple[Any, ...] = ()
    description: str | None = None


def fields_of(struct: type[Struct]) -> dict[str, Field]:
    """Return the fields of `struct` by name, in their order."""
    found = inspect.type_info(struct)
    assert isinstance(found, inspect.StructType)
    annotations = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    return {
        field.encode_name: _field(field.encode_name, field.type, field.required, annotations[field.encode_name])
        for field in found.fields
    }


def custom_field(name: str) -> Field:
    """Return the field that `custom_fields.<id>` is."""
    return Field(name, Kind.ANY, Kind.ANY, is_required=False, type=Any)


def _field(name: str, info: inspect.Type, is_required: bool, annotation: Any) -> Field:  # noqa: FBT001 - as msgspec says it
    bare, description = _bare(info)
    kind = _KINDS.get(type(bare), Kind.ANY)
    item = kind
    if isinstance(bare, inspect.CollectionType):
        item = _KINDS.get(type(_bare(bare.item_type)[0]), Kind.ANY)
    return Field(name, kind, item, is_required, annotation, _choices(bare), description)


def _bare(info: inspect.Type) -> tuple[inspect.Type, str | None]:
    """Return the type below descriptions and "or null", and its description."""
    description = None
    while True:
        match info:
            case inspect.Metadata(type=inner, extra_json_schema=schema):
                description = description or (schema or {}).get("description")
                info = inner
            case inspect.UnionType(types=types) if len(_real(types)) == 1:
                info = _real(types)[0]
            case _:
                return info, description


def _real(types: tuple[inspect.Type, ...]) -> list[inspect.Type]:
    return [one for one in types if not isinstance(one, inspect.NoneType)]


def _choices(info: inspect.Type) -> tuple[Any, ...]:
    match info:
        case inspect.LiteralType(values=values):
            return tuple(values)
        case inspect.EnumType(cls=cls):
            return tuple(member.value for member in cls)
    return ()
