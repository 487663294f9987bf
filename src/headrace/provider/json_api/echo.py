"""What an answer echoes of the values it is about: the Struct to read it with, and the columns to join it by."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import attrgetter
from types import MappingProxyType, NoneType
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from headrace.provider.json_api.joining import Column
from headrace.provider.json_api.layout import Layout

Compare: TypeAlias = Callable[[Sequence[Struct], Sequence[Any]], "Comparison"]
"""Compares values with the records of an answer."""


class Comparison(Struct, frozen=True, gc=False):
    """The columns that both sides have, what was sent and what came back; and the references that are not answered."""

    columns: list[tuple[Column, Column]]
    hidden: list[Column]


class Known(Struct, gc=False):
    """A record in an answer. Whatever else it says is skipped; that an id is missing is for the reader to find."""

    type: str
    id: str | int = ""


class Answer(Struct):
    """An answer to a write: one record, or many."""

    data: Known | list[Known]


def echo(layout: Layout) -> tuple[type[Struct], Compare]:
    """Return the Struct of an answer that keeps of its records what we sent, and the function that compares.

    Values are kept as whatever they come back; all else is skipped, however large.
    """
    attributes = _loose("Attributes", layout.attributes)
    relationships = _loose("Relationships", {link.field: link.name for link in layout.links})
    record = msgspec.defstruct(
        "Record",
        [("attributes", attributes | None, None), ("relationships", relationships | None, None)],
        bases=(Known,),
    )
    answer = msgspec.defstruct("EchoingAnswer", [("data", record | list[record])])  # type: ignore[valid-type]  # made above
    return answer, _compare(attributes(), relationships())


def _loose(name: str, names: Mapping[str, str]) -> type[Struct]:
    """Return a Struct with a field of any type for each of `names` (ours to the vendor's), null where it is missing."""
    return msgspec.defstruct(name, [(ours, Any, None) for ours in names], rename=dict(names))


def _compare(no_attributes: Struct, no_relationships: Struct) -> Compare:
    attributes, relationships = no_attributes.__struct_fields__, no_relationships.__struct_fields__

    def compare(values: Sequence[Struct], records: Sequence[Any]) -> Comparison:
        said = [record.attributes or no_attributes for record in records]
        related = [record.relationships or no_relationships for record in records]
        told = (_pair(name, values, _as_it_is, said) for name in attributes)
        linked = [pair for name in relationships if (pair := _pair(name, values, _related, related))]
        return Comparison(
            [pair for pair in (*told, *linked) if pair and any(pair[1])],
            [sent for sent, echoed in linked if not any(echoed)],
        )

    return compare


def _pair(
    name: str, values: Sequence[Struct], read: Callable[[list[Any]], list[Any]], echoes: Sequence[Any]
) -> tuple[Column, Column] | None:
    """Return what was sent and what came back of one field, None where nobody sent it."""
    get = attrgetter(name)
    raw = [*map(get, values)]
    if raw.count(UNSET) == len(raw):  # most fields of most loads: not worth a look at the answer
        return None
    sent = spelt(raw)
    return (sent, spelt(read([*map(get, echoes)]))) if any(sent) else None


def _as_it_is(column: list[Any]) -> list[Any]:
    return column


def _related(column: list[Any]) -> list[Any]:
    """Return the ids that relationship objects name, None where one names none (`{"meta": {"included": false}}`)."""
    try:
        return [relationship["data"]["id"] for relationship in column]  # all of them, mostly: one look at each
    except (LookupError, TypeError):
        return [*map(_id_of, column)]


def _id_of(relationship: Any) -> Any:
    data = relationship.get("data") if isinstance(relationship, dict) else None
    return data.get("id") if isinstance(data, dict) else data


# --- one spelling -----------------------------------------------------------------------------------------------


def canonical(value: Any) -> str:
    """Return one spelling of a value, sent or echoed, for what servers spell in several.

    Numbers may come back as text (money) or with a fraction of zero, the empty text as null, text without the blanks
    around it.
    """
    return _SPELLINGS.get(type(value), _other)(value)


def spelt(column: list[Any]) -> Column:
    """Return `canonical` of each value. Where all are of one type, as they mostly are, no call per value is ours."""
    kinds = set(map(type, column))
    return [*map(_SPELLINGS.get(kinds.pop(), _other) if len(kinds) == 1 else canonical, column)]


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _nested(value: list[Any] | dict[str, Any]) -> str:
    return _encode(value).decode() if value else ""


def _other(value: Any) -> str:
    """Spell what JSON has no type for (a time, a decimal) as JSON would."""
    return canonical(msgspec.to_builtins(value))


_encode: Final = msgspec.json.Encoder(order="deterministic").encode

_SPELLINGS: Final[Mapping[type, Callable[[Any], str]]] = MappingProxyType(
    {
        str: str.strip,
        NoneType: lambda _: "",
        UnsetType: lambda _: "",
        bool: lambda value: "true" if value else "false",
        int: str,
        float: _number,
        list: _nested,
        dict: _nested,
        date: date.isoformat,
    }
)
