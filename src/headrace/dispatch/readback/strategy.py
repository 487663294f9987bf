"""The strategies of reading back: one for each guarantee, chosen once a load, as data."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from msgspec import Struct

from headrace.dispatch.readback import natural
from headrace.dispatch.readback.matching import Like
from headrace.dispatch.readback.question import Question
from headrace.model import Record
from headrace.provider import NaturalKey, Resource

Ask: TypeAlias = Callable[[Sequence[Record], float | None], list[Question]]
"""From rows, and the earliest time that any of them was sent, to the questions whose answers hold all of them."""


class Strategy(Struct, frozen=True):
    """How rows are found again: what to ask, and how to tell that a record of the answer is a row."""

    ask: Ask
    like: Like


def strategy(resource: Resource) -> Strategy | None:
    """Return how rows of `resource` are found again; None where nothing can be read back."""
    make = _STRATEGIES.get(type(resource.guarantee))
    return None if make is None else make(resource, resource.guarantee)


def _natural(resource: Resource, guarantee: NaturalKey) -> Strategy:
    def ask(records: Sequence[Record], since: float | None) -> list[Question]:
        return natural.questions(resource, guarantee.fields, records, since)

    return Strategy(ask, natural.likeness(resource, guarantee.fields))


_STRATEGIES: Final[Mapping[type, Callable[[Resource, Any], Strategy]]] = MappingProxyType({NaturalKey: _natural})
