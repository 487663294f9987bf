"""Writes: records are created, changed and deleted, one at a time or in bulk, all or nothing unless told otherwise."""

from collections.abc import Callable, Sequence
from typing import Any

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi import document, problems
from headrace.sandbox.jsonapi.document import Item
from headrace.sandbox.jsonapi.kind import Draft, Kind
from headrace.sandbox.jsonapi.validation import drafted, unknown_names
from headrace.sandbox.message import Call
from headrace.sandbox.store import Record


def create_one(call: Call, kind: Kind, context: Context) -> Record:
    """Execute `POST /type`. Raises 422 and the rest."""
    return _create(call, kind, [document.one(call, kind)], context, is_bulk=False)[0]


def create_many(call: Call, kind: Kind, context: Context) -> list[Record]:
    """Execute a bulk `POST /type`."""
    items = document.many(call, kind, "create", context.conduct)
    return _ordered(_create(call, kind, items, context, is_bulk=True), context)


def update_one(call: Call, kind: Kind, context: Context, number: int) -> Record:
    """Execute `PATCH /type/id`."""
    before = found(kind, number, context)
    return _update(call, kind, [(document.one(call, kind, number), before)], context, is_bulk=False)[0]


def update_many(call: Call, kind: Kind, context: Context) -> list[Record]:
    """Execute a bulk `PATCH /type`."""
    items = document.many(call, kind, "update", context.conduct)
    pairs = [(item, found(kind, item.id, context)) for item in items]
    return _ordered(_update(call, kind, pairs, context, is_bulk=True), context)


def delete_one(call: Call, kind: Kind, context: Context, number: int) -> None:
    """Execute `DELETE /type/id`."""
    document.is_bulk(call)
    context.store.remove(kind.type, found(kind, number, context))


def delete_many(call: Call, kind: Kind, context: Context) -> None:
    """Execute a bulk `DELETE /type`."""
    items = document.many(call, kind, "delete", context.conduct)
    records = {item.id: found(kind, item.id, context) for item in items}
    for record in records.values():
        context.store.remove(kind.type, record)


def found(kind: Kind, number: int | None, context: Context) -> Record:
    """Return the record that a request names. Raises 404."""
    record = None if number is None else context.store.get(kind.type, number)
    if record is None:
        raise problems.not_found()
    return record


def _create(call: Call, kind: Kind, items: Sequence[Item], context: Context, *, is_bulk: bool) -> list[Record]:
    drafts = [drafted(kind, item, index, context.store) for index, item in enumerate(items)]
    _note_unknown(kind, items, context)
    return _commit(drafts, context, lambda draft: _add(call, kind, draft, context), is_bulk=is_bulk)


def _update(
    call: Call, kind: Kind, pairs: Sequence[tuple[Item, Record]], context: Context, *, is_bulk: bool
) -> list[Record]:
    drafts = [drafted(kind, item, index, context.store, before) for index, (item, before) in enumerate(pairs)]
    _note_unknown(kind, [item for item, _ in pairs], context)
    return _commit(drafts, context, lambda draft: _change(call, kind, draft, context), is_bulk=is_bulk)


def _commit(
    drafts: Sequence[Draft], context: Context, store: Callable[[Draft], Record], *, is_bulk: bool
) -> list[Record]:
    """Store the drafts if all are right; where the sandbox plays a partial API, the right ones in any case."""
    faults = [fault for draft in drafts for fault in draft.faults]
    records = []
    if not faults or context.conduct.atomicity == "partial":
        records = [store(draft) for draft in drafts if not draft.faults]
    if faults:
        raise problems.invalid(faults, indexed=is_bulk and context.conduct.pointers == "indexed")
    return records


def _add(call: Call, kind: Kind, draft: Draft, context: Context) -> Record:
    given = _content(draft)
    for complete in kind.completions:
        complete(draft, context.store)
    attributes = {name: value for name, value in draft.attributes.items() if value is not None}
    links = {name: link for name, link in draft.links.items() if link is not None}
    record = context.store.create(kind.type, attributes, links, call.now, None if kind.is_hidden else given)
    _react(kind, draft, record, context)
    if context.conduct.lag:
        record.visible_at = call.now + context.conduct.lag
        context.store.is_lagging = True
    return record


def _content(draft: Draft) -> dict[str, Any]:
    """Return what makes a record equal to another, however it was spelled."""
    return {"attributes": dict(draft.attributes), "links": dict(draft.links)}


def _react(kind: Kind, draft: Draft, record: Record, context: Context) -> None:
    for react in kind.reactions:
        react(draft, record, context.store)


def _change(call: Call, kind: Kind, draft: Draft, context: Context) -> Record:
    record = draft.before
    assert record is not None, "an update has a record"
    record.attributes |= draft.attributes
    record.links |= draft.links
    record.updated_at = call.now
    _react(kind, draft, record, context)
    return record


def _note_unknown(kind: Kind, items: Sequence[Item], context: Context) -> None:
    for item in items:
        if names := unknown_names(kind, item):
            context.audit.ignored(kind.type, names)


def _ordered(records: list[Record], context: Context) -> list[Record]:
    if context.conduct.order == "shuffled":
        context.random.shuffle(records)
    return records
