"""What a field of a resource takes, in words: made of its type, as msgspec sees it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct, UnsetType, inspect

from headrace.provider import Resource, references
from headrace.provider.form import form


class FieldNote(Struct, frozen=True, kw_only=True):
    """One field. `type` is in words; `reference` names the resource whose id it takes, `values` an enum's values."""

    name: str
    type: str
    required: bool
    description: str = ""
    values: tuple[Any, ...] = ()
    reference: str | None = None


def notes(resource: Resource, operation: str = "create") -> list[FieldNote]:
    """Return a note on every field of a create, or of another operation, in the order of the table."""
    struct = form(resource, operation)
    targets = references(struct)
    shape = inspect.type_info(struct)
    assert isinstance(shape, inspect.StructType)
    return [_note(field, targets.get(field.encode_name)) for field in shape.fields]


def _note(field: inspect.Field, target: str | None) -> FieldNote:
    kind, description = _bare(field.type)
    return FieldNote(
        name=field.encode_name,
        type=f"id of {target}" if target else _words(kind),
        required=field.required,
        description=description,
        values=tuple(kind.values) if isinstance(kind, inspect.LiteralType) else (),
        reference=target,
    )


def _bare(kind: inspect.Type) -> tuple[inspect.Type, str]:
    """Return a type without "may be absent" and the notes around it, and its description."""
    if isinstance(kind, inspect.UnionType):
        kinds = [member for member in kind.types if not _is_absence(member)]
        return _bare(kinds[0]) if len(kinds) == 1 else (msgspec.structs.replace(kind, types=tuple(kinds)), "")
    if isinstance(kind, inspect.Metadata):
        inner, description = _bare(kind.type)
        return inner, str((kind.extra_json_schema or {}).get("description", description))
    return kind, ""


def _is_absence(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType) or (isinstance(kind, inspect.CustomType) and kind.cls is UnsetType)


def _words(kind: inspect.Type) -> str:
    kind, _ = _bare(kind)
    return _WORDS.get(type(kind), lambda _: "any value")(kind)


def _number(noun: str) -> Callable[[Any], str]:
    """Return a writer of numbers with their range: `whole number, above 0, at most 1440`."""

    def words(kind: Any) -> str:
        bounds = [f"{word} {value:g}" for name, word in _BOUNDS.items() if (value := getattr(kind, name)) is not None]
        return ", ".join((noun, *bounds))

    return words


_BOUNDS: Final[Mapping[str, str]] = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def _text(kind: Any) -> str:
    longest = None if kind.max_length is None else f"at most {kind.max_length} characters"
    pattern = None if kind.pattern is None else f"like {kind.pattern}"
    return ", ".join(filter(None, ("text", longest, pattern)))


_WORDS: Final[Mapping[type, Callable[[Any], str]]] = MappingProxyType(
    {
        inspect.StrType: _text,
        inspect.IntType: _number("whole number"),
        inspect.FloatType: _number("number"),
        inspect.DecimalType: _number("decimal number"),
        inspect.BoolType: lambda _: "yes or no",
        inspect.DateType: lambda _: "date YYYY-MM-DD",
        inspect.TimeType: lambda _: "time HH:MM:SS",
        inspect.DateTimeType: lambda _: "date and time",
        inspect.LiteralType: lambda kind: "one of " + ", ".join(map(str, kind.values)),
        inspect.ListType: lambda kind: f"list of {_words(kind.item_type)}",
        inspect.DictType: lambda _: "table of values",
        inspect.UnionType: lambda kind: " or ".join(map(_words, kind.types)),
    }
)
