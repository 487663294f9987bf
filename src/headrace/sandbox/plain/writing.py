"""Writes: a request becomes a draft with everything that is wrong with it, and a draft a record."""

from collections.abc import Iterator
from typing import Any

import orjson

from headrace.sandbox.api import Context
from headrace.sandbox.message import Call
from headrace.sandbox.plain.kind import Draft, Fault, Kind, Manners
from headrace.sandbox.store import Record, Store

BLANK = "can't be blank"
UNKNOWN = "must exist"


def body_of(call: Call, manners: Manners) -> dict[str, Any]:
    """Return the object that a request carries. Raises what `manners` have for anything else."""
    try:
        document = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        raise manners.unreadable() from None
    if not isinstance(document, dict) or not call.headers.get("content-type", "").startswith("application/json"):
        raise manners.unreadable()
    return document


def drafted(call: Call, kind: Kind, manners: Manners, context: Context, before: Record | None = None) -> Draft:
    """Return the draft that a request wants. Raises what is wrong with it."""
    given = manners.unwrap(kind, body_of(call, manners))
    if given is None:
        raise manners.unreadable()
    given = {kind.aliases.get(name, name): value for name, value in given.items()}
    if surplus := sorted(given.keys() - kind.attributes.keys() - kind.links.keys()):
        context.audit.ignored(kind.type, surplus)
    return judged(kind, given, manners, context.store, before)


def judged(kind: Kind, given: dict[str, Any], manners: Manners, store: Store, before: Record | None) -> Draft:
    """Return the draft of `given`. Raises what is wrong with it."""
    draft = Draft(before=before)
    fixed = kind.fixed if before else frozenset()
    for name, value in given.items():
        if name not in fixed:
            draft.faults += _taken(draft, kind, (name, value), manners, store)
    wrong = {fault.field for fault in draft.faults}
    needed = kind.always if before else kind.required
    draft.faults[:0] = [Fault(name, BLANK) for name in needed if name not in wrong and _is_missing(kind, draft, name)]
    if not draft.faults:
        draft.faults += [fault for rule in kind.rules for fault in rule(draft)]
    if draft.faults:
        raise manners.invalid(draft.faults)
    return draft


def _taken(draft: Draft, kind: Kind, given: tuple[str, Any], manners: Manners, store: Store) -> Iterator[Fault]:
    """Take one value into the draft, or say what is wrong with it."""
    name, value = given
    if name in kind.attributes:
        if not _is_blank(value) and (detail := kind.attributes[name].fault(value)):
            yield Fault(name, detail)
        else:
            draft.attributes[name] = None if _is_blank(value) else value
    elif name in kind.links:
        number = manners.number(kind.links[name], value)
        if value is None or store.get(kind.links[name], number) is not None:
            draft.links[name] = None if value is None else number
        elif name not in kind.dropped:
            yield Fault(name, UNKNOWN)


def _is_missing(kind: Kind, draft: Draft, name: str) -> bool:
    """Whether a create, or an update that must repeat it, does not give a field a value."""
    given = draft.links if name in kind.links else draft.attributes
    return given.get(name) is None


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def added(call: Call, kind: Kind, draft: Draft, context: Context) -> Record:
    """Store a new record."""
    given = {"attributes": dict(draft.attributes), "links": dict(draft.links)}
    record = context.store.create(kind.type, dict(draft.attributes), dict(draft.links), call.now, given)
    if context.conduct.lag:
        record.visible_at = call.now + context.conduct.lag
    return record


def changed(call: Call, draft: Draft) -> Record:
    """Change a record as its draft says."""
    record = draft.before
    assert record is not None, "an update has a record"
    record.attributes |= draft.attributes
    record.links |= draft.links
    record.updated_at = call.now
    return record


def removed(kind: Kind, record: Record, kinds: dict[str, Kind], store: Store) -> None:
    """Take out a record and what it owns."""
    for owned, link in kind.owns:
        for other in [each for each in store.table(owned).values() if each.links.get(link) == record.id]:
            removed(kinds[owned], other, kinds, store)
    store.remove(kind.type, record)
