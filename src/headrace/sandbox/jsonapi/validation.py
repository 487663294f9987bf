"""Validation: an item of a request becomes a draft, with everything that is wrong with it.

As the vendor's answers show, references are resolved first: where one leads nowhere, its error is the only kind that
is reported. Then come required fields in a fixed order, values, and the rules that join several fields.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from headrace.sandbox.jsonapi.document import Item, number_of
from headrace.sandbox.jsonapi.kind import Draft, Kind, To
from headrace.sandbox.jsonapi.problems import BLANK, INVALID, Fault
from headrace.sandbox.store import Record, Store


class _WrongReferenceError(ValueError):
    """A relationship does not have the shape of one, or points to another type."""


def drafted(kind: Kind, item: Item, index: int, store: Store, before: Record | None = None) -> Draft:
    """Return the draft of the `index`-th item: of a new record, or of a change to `before`.

    Raises the 403 of an id that is not a number.
    """
    draft = Draft({}, {}, before)
    draft.faults.extend(Fault(*fault, index) for fault in _link(kind, item, draft, store))
    if not draft.faults:
        draft.faults.extend(Fault(*fault, index) for fault in _judge(kind, item, draft, store))
    return draft


def unknown_names(kind: Kind, item: Item) -> Iterable[str]:
    """Return what an item carries and the API does not know; servers ignore it silently."""
    names = item.attributes.keys() | item.relationships.keys()
    return sorted(names - kind.writable)


# References...


def _link(kind: Kind, item: Item, draft: Draft, store: Store) -> Iterator[tuple[str, str]]:
    pointers = _pointers(kind, item)
    for name, to in kind.relations.items():
        if name not in pointers:
            if to.is_early and draft.before is None:
                yield name, INVALID
        elif draft.before is None or name not in kind.fixed:
            try:
                draft.links[name] = _resolved(to, pointers[name], store)
            except _WrongReferenceError:
                yield name, INVALID


def _pointers(kind: Kind, item: Item) -> dict[str, Any]:
    """Return what the item says about each relationship; the spelling as relationship beats the flat one."""
    given = {
        name: _identifiers(kind.relations[name], item.attributes[flat])
        for flat, name in kind.flat.items()
        if flat in item.attributes
    }
    return given | {
        relation: item.relationships[name] for name, relation in kind.pointers.items() if name in item.relationships
    }


def _identifiers(to: To, flat: Any) -> Any:
    """Return a flat id, or a list of them, in the shape of a relationship."""
    if to.is_many and isinstance(flat, list):
        return {"data": [{"type": to.target, "id": each} for each in flat]}
    return {"data": None if flat in (None, "") else {"type": to.target, "id": flat}}


def _resolved(to: To, pointer: Any, store: Store) -> Any:
    if not isinstance(pointer, dict) or "data" not in pointer:
        raise _WrongReferenceError
    data = pointer["data"]
    if data is None and to.is_early:
        raise _WrongReferenceError
    if isinstance(data, list) != (to.is_many and data is not None):
        raise _WrongReferenceError
    if isinstance(data, list):
        return tuple(_target(to, each, store) for each in data)
    return None if data is None else _target(to, data, store)


def _target(to: To, identifier: Any, store: Store) -> int:
    if not isinstance(identifier, dict) or identifier.get("type") not in (to.target, *to.also):
        raise _WrongReferenceError
    number = number_of(identifier.get("id"))
    if store.get(to.target, number) is None:
        raise _WrongReferenceError
    return number


# ...and values


def _judge(kind: Kind, item: Item, draft: Draft, store: Store) -> Iterator[tuple[str, str]]:
    settable = kind.attributes.keys() - (kind.unseen if draft.before is None else kind.unseen | kind.fixed)
    given = {name: value for name, value in item.attributes.items() if name in settable}
    wrong = {name: fault for name, value in given.items() if (fault := _fault_in(kind, name, value))}
    right = {name: value for name, value in given.items() if name not in wrong}
    draft.attributes.update((name, None if _blank(value) else value) for name, value in right.items())
    yield from ((name, BLANK) for name in kind.required if name not in wrong and _is_missing(name, draft))
    yield from wrong.items()
    for rule in kind.rules:
        yield from rule(draft, store)


def _fault_in(kind: Kind, name: str, value: Any) -> str | None:
    return None if _blank(value) else kind.attributes[name].fault(value)


def _is_missing(name: str, draft: Draft) -> bool:
    """Whether a required field has no value: not given on a creation, taken away on an update."""
    held = draft.before
    is_kept = held is not None and name not in draft.attributes and name not in draft.links
    return not is_kept and draft.attributes.get(name) is None and not draft.links.get(name)


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
