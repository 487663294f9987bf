"""Rendering: records become resource objects, with the relationships and fields that the call asked for."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from headrace.sandbox.jsonapi import problems
from headrace.sandbox.jsonapi.kind import Kind
from headrace.sandbox.message import Call
from headrace.sandbox.store import Record, Store

Tree: TypeAlias = dict[str, Any]
"""Relationships to include, and theirs: `{"project": {"project_manager": {}}}`."""

_LEFT_OUT: Final = {"meta": {"included": False}}


def stamp(seconds: float) -> str:
    """Return a time since the epoch as the API writes it, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


_STAMPS: Final[Mapping[str, Callable[[Record], str]]] = {
    "created_at": lambda record: stamp(record.created_at),
    "updated_at": lambda record: stamp(record.updated_at),
    "last_activity_at": lambda record: stamp(math.floor(record.updated_at)),
}


@dataclass(frozen=True, slots=True)
class View:
    """How one call wants to see records."""

    kinds: Mapping[str, Kind]
    store: Store
    organization: str
    include: Tree
    fields: Mapping[str, frozenset[str]]

    def document(self, kind: Kind, records: Record | Iterable[Record]) -> dict[str, Any]:
        """Return the document of one record, or of several, with what is included."""
        shown = [records] if isinstance(records, Record) else list(records)
        data = [self._resource(kind, record, self.include) for record in shown]
        document: dict[str, Any] = {"data": data[0] if isinstance(records, Record) else data}
        if self.include:
            document["included"] = self._included(kind, shown)
        return document

    def _resource(self, kind: Kind, record: Record, include: Tree) -> dict[str, Any]:
        attributes = kind.template | record.attributes
        for name in kind.stamps:
            attributes[name] = _STAMPS[name](record)
        relationships = {"organization": {"data": {"type": "organizations", "id": self.organization}}}
        relationships |= {name: self._relationship(kind, record, name, include) for name in kind.relations}
        wanted = self.fields.get(kind.type)
        if wanted is not None:
            attributes = {name: value for name, value in attributes.items() if name in wanted}
            relationships = {name: value for name, value in relationships.items() if name in wanted}
        return {"id": str(record.id), "type": kind.type, "attributes": attributes, "relationships": relationships}

    def _relationship(self, kind: Kind, record: Record, name: str, include: Tree) -> dict[str, Any]:
        if name not in include:
            return _LEFT_OUT
        target, link = kind.relations[name].target, record.links.get(name)
        if kind.relations[name].is_many:
            return {"data": [{"type": target, "id": str(number)} for number in _numbers(link)]}
        return {"data": None if link is None else {"type": target, "id": str(link)}}

    def _included(self, kind: Kind, records: Iterable[Record]) -> list[dict[str, Any]]:
        found: dict[tuple[str, int], tuple[Record, Tree]] = {}
        for record in records:
            self._collect(kind, record, self.include, found)
        return [self._resource(self.kinds[name], record, tree) for (name, _), (record, tree) in found.items()]

    def _collect(self, kind: Kind, record: Record, include: Tree, found: dict[Any, tuple[Record, Tree]]) -> None:
        for name, below in include.items():
            target = self.kinds[kind.relations[name].target]
            for number in _numbers(record.links.get(name)):
                linked = self.store.get(target.type, number)
                if linked is not None:
                    # One record may be reached in several ways, each of which includes something else of it.
                    _, seen = found.get((target.type, number), (linked, {}))
                    found[target.type, number] = (linked, {**seen, **below})
                    self._collect(target, linked, below, found)


def _numbers(link: Any) -> tuple[int, ...]:
    if link is None:
        return ()
    return link if isinstance(link, tuple) else (link,)


def view_of(call: Call, kind: Kind, kinds: Mapping[str, Kind], store: Store, organization: str) -> View:
    """Return how `call` wants to see records of `kind`. Raises 400 for a relationship that there is not."""
    include: Tree = {}
    fields: dict[str, frozenset[str]] = {}
    for name, value in call.params if call.query else ():
        if name == "include":
            for path in filter(None, value.split(",")):
                _plant(include, path, kind, kinds)
        if name.startswith("fields[") and name.endswith("]"):
            fields[name[7:-1]] = frozenset(value.split(","))
    return View(kinds, store, organization, include, fields)


def _plant(tree: Tree, path: str, kind: Kind, kinds: Mapping[str, Kind]) -> None:
    for name in path.split("."):
        if name not in kind.relations:
            raise problems.unsupported("Include", f"Include '{path}'")
        tree = tree.setdefault(name, {})
        kind = kinds[kind.relations[name].target]
