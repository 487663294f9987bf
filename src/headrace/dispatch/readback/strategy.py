"""The strategies of reading back: one for each guarantee, chosen once a load, as data."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from msgspec import Struct

from headrace.dispatch.parked import Repeat
from headrace.dispatch.readback import linked, marked, natural
from headrace.dispatch.readback.matching import Like
from headrace.dispatch.readback.question import Question
from headrace.model import Record
from headrace.provider import (
    Guarantee,
    IdempotencyKey,
    Link,
    Marker,
    Name,
    NaturalKey,
    NoteMarker,
    Resource,
    StoredMarker,
)

Ask: TypeAlias = Callable[[Sequence[Record], float | None], list[Question]]
"""From rows, and the earliest time that any of them was sent, to the questions whose answers hold all of them."""


class Strategy(Struct, frozen=True):
    """How rows are found again: what to ask, and how to tell that a record of the answer is a row.

    `is_certain` says that being like a row is proof enough; else a record also has to be younger than the request.
    """

    ask: Ask
    like: Like
    is_certain: bool = False


def strategy(resource: Resource, guarantee: Guarantee, operation: str = "create") -> Strategy | None:
    """Return how rows of `resource` are found again; None where nothing can be read back, or need not be."""
    make = None if resource.repeats(operation) else _STRATEGIES.get(type(guarantee))
    return None if make is None else make(resource, guarantee)


def repeat(resource: Resource, guarantee: Guarantee, operation: str, now: Callable[[], float | None]) -> Repeat | None:
    """Return whether, and how long, a request may be repeated without looking; `now` is the server's time."""
    if resource.repeats(operation):
        return Repeat(None, now)
    return Repeat(guarantee.window, now) if isinstance(guarantee, IdempotencyKey) else None


def _natural(resource: Resource, guarantee: NaturalKey) -> Strategy:
    return Strategy(_by_fields(resource, guarantee.fields), natural.likeness(resource, guarantee.fields))


def _named(resource: Resource, guarantee: Name) -> Strategy:
    fields = (guarantee.field,)
    return Strategy(_by_fields(resource, fields), natural.likeness(resource, fields, natural.Named))


def _by_fields(resource: Resource, fields: Sequence[str]) -> Ask:
    for link in (step for step in resource.steps if isinstance(step, Link)):
        return lambda records, _: linked.questions(link, records)
    return lambda records, since: natural.questions(resource, fields, records, since)


def _keyed(resource: Resource, guarantee: IdempotencyKey) -> Strategy | None:
    return strategy(resource, guarantee.then)


def _marked(_: Resource, guarantee: Marker) -> Strategy:
    ask: Ask = lambda records, _: marked.questions(guarantee.field, records)  # noqa: E731  # an `Ask` like the others
    return Strategy(ask, marked.in_field(guarantee.field), is_certain=True)


def _noted(resource: Resource, guarantee: NoteMarker) -> Strategy:
    ask = _by_fields(resource, guarantee.key.fields)
    return Strategy(ask, marked.in_text(guarantee.field), is_certain=True)


def _stored(resource: Resource, guarantee: StoredMarker) -> Strategy:
    fields = guarantee.otherwise.fields if isinstance(guarantee.otherwise, NaturalKey) else ()
    return Strategy(_by_fields(resource, fields), marked.in_store(guarantee.field), is_certain=True)


_STRATEGIES: Final[Mapping[type, Callable[[Resource, Any], Strategy | None]]] = MappingProxyType(
    {
        NaturalKey: _natural,
        Name: _named,
        IdempotencyKey: _keyed,
        Marker: _marked,
        NoteMarker: _noted,
        StoredMarker: _stored,
    }
)
