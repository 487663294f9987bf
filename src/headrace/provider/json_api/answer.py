"""The answers that come in: from the body of an accepted write to the remote ids of the values it carried."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.json import Decoder

from headrace.provider.decoding import decoded
from headrace.provider.json_api.echo import Answer, Known, echo
from headrace.provider.json_api.joining import join
from headrace.provider.json_api.layout import ID, Layout

Read: TypeAlias = Callable[[bytes, Sequence[Struct]], list[str] | None]


class _Emptied(Struct, forbid_unknown_fields=True):
    """What a delete may say instead of nothing."""

    data: None = None
    meta: Any = None
    jsonapi: Any = None


_answer: Final = Decoder(Answer)
_emptied: Final = Decoder(_Emptied)


def created(kind: str, layout: Layout, *, ordered: bool) -> Read:
    """Return the reader of a create's answer: its ids, joined to the values by what it echoes; none if that is a guess.

    With `ordered` the table says that answers come in request order, and they are joined by position.
    """
    answer, compare = echo(layout)
    decoder: Decoder[Any] = Decoder(answer)

    def read(body: bytes, values: Sequence[Struct]) -> list[str] | None:
        items = _items(decoded(decoder, body))
        ids = _ids(items, kind, len(values))
        if ids is None or ordered or len(ids) == 1:
            return ids
        found = compare(values, items)
        places = join(found.columns, len(ids), found.hidden)
        return None if places is None else [ids[place] for place in places]

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


def _ids(items: Sequence[Known], kind: str, count: int) -> list[str] | None:
    """Return the ids of `items` if they are `count` different records of type `kind`."""
    ids = [str(item.id) for item in items if item.type == kind and item.id != ""]
    return ids if len(ids) == len(items) == count == len(set(ids)) else None
