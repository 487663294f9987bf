"""The routes of a JSON:API server: method and path lead to a read, a write or an action of the provider's tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi import document, problems, writing
from headrace.sandbox.jsonapi.kind import Kind
from headrace.sandbox.jsonapi.listing import listing
from headrace.sandbox.jsonapi.rendering import View, view_of
from headrace.sandbox.message import Call, Reply, json_reply
from headrace.sandbox.store import Record

Action: TypeAlias = Callable[[Call, Record, Context], Record]
"""`PATCH /type/id/action`: changes a record and returns it."""

CollectionAction: TypeAlias = Callable[[Call, Context], Record]
"""`POST /type/action`: creates a record and returns it."""

Report: TypeAlias = Callable[[Call, str, Context], dict[str, Any]]
"""`GET /reports/name`: returns the document."""


@dataclass(frozen=True)
class Catalog:
    """All that one server serves. `paths` leads a path to the type it serves; several paths may serve one type."""

    paths: Mapping[str, Kind]
    actions: Mapping[tuple[str, str], Action]
    collection_actions: Mapping[tuple[str, str], CollectionAction]
    collective_actions: Mapping[tuple[str, str], Action]
    report: Report

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kinds by type."""
        return {kind.type: kind for kind in self.paths.values()}


def refusal(error: problems.RefusalError) -> Reply:
    """Return the reply that carries an error's body."""
    return json_reply(error.status, error.document, document.MEDIA_TYPE)


def answer(catalog: Catalog, call: Call, context: Context) -> Reply:
    """Execute a call with valid credentials. Raises nothing."""
    try:
        document.check_accept(call)
        return _route(catalog, call, context)
    except problems.RefusalError as error:
        return refusal(error)


def _route(catalog: Catalog, call: Call, context: Context) -> Reply:
    match call.segments:
        case ["reports", name] if call.method == "GET":
            return _reply(200, catalog.report(call, name, context))
        case [name] if name in catalog.paths:
            return _collection(catalog, catalog.paths[name], call, context)
        case [name, action] if call.method == "POST" and (name, action) in catalog.collection_actions:
            return _acted(catalog, name, call, context)
        case [name, action] if call.method == "PATCH" and (name, action) in catalog.collective_actions:
            return _acted_on_all(catalog, name, call, context)
        case [name, number, action] if call.method == "PATCH" and (name, action) in catalog.actions:
            return _acted(catalog, name, call, context)
        case [name, number] if name in catalog.paths and number.isdigit():
            return _member(catalog, catalog.paths[name], call, context, document.number_of(number))
    raise problems.not_found()


def _collection(catalog: Catalog, kind: Kind, call: Call, context: Context) -> Reply:
    view = view_of(call, kind, catalog.kinds, context.store, context.organization)
    match call.method:
        case "GET":
            return _reply(200, listing(call, kind, view, context))
        case "POST" if document.is_bulk(call):
            view = _of_create(view, context)
            return _shown(201, view, kind, writing.create_many(call, kind, context))
        case "POST" if "create" not in kind.lacks:
            return _made(view, kind, writing.create_one(call, kind, context))
        case "POST":
            raise problems.unsupported_media()
        case "PATCH":
            return _shown(200, view, kind, writing.update_many(call, kind, context))
        case "DELETE":
            writing.delete_many(call, kind, context)
            return Reply(204)
    raise problems.not_found()


def _of_create(view: View, context: Context) -> View:
    """Return what a create shows of `view`: of the relationships that it asks to see no page speaks."""
    if view.include and context.conduct.includes == "refused":
        raise problems.unsupported("Include", f"Include '{next(iter(view.include))}'")
    return replace(view, include={}) if context.conduct.includes == "ignored" else view


def _member(catalog: Catalog, kind: Kind, call: Call, context: Context, number: int) -> Reply:
    view = view_of(call, kind, catalog.kinds, context.store, context.organization)
    match call.method:
        case "GET":
            return _shown(200, view, kind, writing.found(kind, number, context))
        case "PATCH" if "update" not in kind.lacks:
            return _shown(200, view, kind, writing.update_one(call, kind, context, number))
        case "DELETE" if "delete" not in kind.lacks:
            writing.delete_one(call, kind, context, number)
            return Reply(204)
    raise problems.not_found()


def _acted(catalog: Catalog, name: str, call: Call, context: Context) -> Reply:
    """Execute an action, of the collection or of one record."""
    kind = catalog.paths[name]
    view = view_of(call, kind, catalog.kinds, context.store, context.organization)
    if call.method == "POST":
        created = catalog.collection_actions[name, call.segments[1]](call, context)
        return _shown(201, view, kind, created)
    document.is_bulk(call)
    record = writing.found(kind, document.number_of(call.segments[1]), context)
    return _shown(200, view, kind, catalog.actions[name, call.segments[2]](call, record, context))


def _acted_on_all(catalog: Catalog, name: str, call: Call, context: Context) -> Reply:
    """Execute an action on all records that a bulk body names, or on none."""
    kind = catalog.paths[name]
    items = document.many(call, kind, "delete", context.conduct)  # the same body: identifiers
    for record in [writing.found(kind, item.id, context) for item in items]:
        catalog.collective_actions[name, call.segments[1]](call, record, context)
    return Reply(204)


def _shown(status: int, view: View, kind: Kind, records: Record | list[Record]) -> Reply:
    shown = view.document(kind, records) | {"meta": {}}
    return _reply(status, shown, items=1 if isinstance(records, Record) else len(records))


def _made(view: View, kind: Kind, record: Record) -> Reply:
    """Return the answer to a create, with what only this shows."""
    shown = view.document(kind, record) | {"meta": {}}
    shown["data"]["attributes"] |= {} if kind.once is None else kind.once(record)
    return _reply(201, shown)


def _reply(status: int, shown: dict[str, Any], *, items: int = 1) -> Reply:
    return json_reply(status, shown, document.MEDIA_TYPE, items=items)
