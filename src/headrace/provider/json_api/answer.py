"""The answers that come in: from the body of an accepted write to the remote ids of the values it carried."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType, NoneType
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from headrace.provider.json_api.decoding import decoded
from headrace.provider.json_api.document import Build, Document, encode
from headrace.provider.json_api.joining import Row, join
from headrace.provider.json_api.layout import ID, Layout

Read: TypeAlias = Callable[[bytes, Sequence[Struct]], list[str] | None]
_T = TypeVar("_T")


class _Known(Struct, gc=False):
    """A record in an answer. Whatever else it says is skipped; an id that is missing is found out later."""

    type: str
    id: str | int = ""


class _Answer(Struct):
    data: _Known | list[_Known]


class _Emptied(Struct, forbid_unknown_fields=True):
    """What a delete may say instead of nothing."""

    data: None = None
    meta: Any = None
    jsonapi: Any = None


_answer: Final = msgspec.json.Decoder(_Answer)
_emptied: Final = msgspec.json.Decoder(_Emptied)


# --- the three operations ---------------------------------------------------------------------------------------


def created(kind: str, layout: Layout, build: Build, *, ordered: bool) -> Read:
    """Return the reader of a create's answer: its ids, joined to the values by what it echoes.

    With `ordered` the table says that answers come in request order, and they are joined by position.
    """
    decoder = msgspec.json.Decoder(_echo(layout))
    row = _row_of(layout)

    def read(body: bytes, values: Sequence[Struct]) -> list[str] | None:
        items = _items(decoded(decoder, body))
        ids = _ids(items, kind, len(values))
        if ids is None or ordered or len(ids) == 1:
            return ids
        # What the values look like in an answer that echoes them to the letter: read by the very same decoder.
        sent = decoder.decode(encode(Document([build(value) for value in values]))).data
        return [ids[place] for place in join([*map(row, sent)], [*map(row, items)])]

    return read


def updated(kind: str) -> Read:
    """Return the reader of an update's answer: the ids that were sent, if it names exactly these."""
    identity = attrgetter(ID)

    def read(body: bytes, values: Sequence[Struct]) -> list[str] | None:
        ids = _ids(_items(decoded(_answer, body)), kind, len(values))
        sent = [str(identity(value)) for value in values]
        return sent if ids is not None and set(ids) == set(sent) else None

    return read


def deleted() -> Read:
    """Return the reader of a delete's answer: the ids that were sent, if it says nothing (204) or has no data."""
    identity = attrgetter(ID)

    def read(body: bytes, values: Sequence[Struct]) -> list[str] | None:
        is_empty = not body.strip() or decoded(_emptied, body) is not None
        return [str(identity(value)) for value in values] if is_empty else None

    return read


def _items(answer: Any) -> list[Any]:
    """Return the records of an answer, be it one, many, or not an answer at all."""
    data = [] if answer is None else answer.data
    return data if isinstance(data, list) else [data]


def _ids(items: Sequence[_Known], kind: str, count: int) -> list[str] | None:
    """Return the ids of `items` if they are `count` different records of type `kind`."""
    ids = [str(item.id) for item in items if item.type == kind and item.id != ""]
    return ids if len(ids) == len(items) == count == len(set(ids)) else None


# --- what an answer echoes --------------------------------------------------------------------------------------


def _echo(layout: Layout) -> type[_Answer]:
    """Return the Struct of an answer that keeps what we sent, as whatever it comes back, and skips all else."""
    attributes = _loose("Attributes", dict.fromkeys(layout.attributes.values()))
    relationships = _loose("Relationships", dict.fromkeys(link.name for link in layout.links))
    record = msgspec.defstruct(
        "Record", [("attributes", attributes | None, None), ("relationships", relationships | None, None)], bases=(_Known,)
    )
    return msgspec.defstruct("Answer", [("data", record | list[record])], bases=(_Answer,))


def _loose(name: str, names: Mapping[str, None]) -> type[Struct]:
    """Return a Struct with a field for each of `names`, of any type, null where it is missing."""
    fields = [(f"field_{place}", Any, None) for place in range(len(names))]
    rename = {f"field_{place}": wire for place, wire in enumerate(names)}
    return msgspec.defstruct(name, fields, rename=rename)
