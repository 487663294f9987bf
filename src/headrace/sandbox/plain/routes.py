"""The routes: lists, creates, and single records, of a collection or below a parent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from headrace.sandbox.api import Context
from headrace.sandbox.message import Call, Reply, json_reply
from headrace.sandbox.plain import writing
from headrace.sandbox.plain.kind import Kind, Manners, RefusalError, Shown
from headrace.sandbox.store import Record, Store

Special: TypeAlias = Callable[[Call, Context], Reply | None]
"""A route of its own: the reply, None where the call is not for it. Raises `RefusalError`."""
MAX_COUNT = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All that one server serves: kinds by their path. `specials` are asked first."""

    kinds: Mapping[str, Kind]
    manners: Manners
    specials: tuple[Special, ...] = ()
    by_type: dict[str, Kind] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_type", {kind.type: kind for kind in self.kinds.values()})


def answer(catalog: Catalog, call: Call, context: Context) -> Reply:
    """Execute a call with valid credentials. Raises nothing."""
    try:
        for special in catalog.specials:
            if (reply := special(call, context)) is not None:
                return reply
        return _route(catalog, call, context)
    except RefusalError as refusal:
        return json_reply(refusal.status, refusal.document)


def _route(catalog: Catalog, call: Call, context: Context) -> Reply:
    kinds, manners = catalog.kinds, catalog.manners
    match call.segments:
        case [path] if path in kinds and (kinds[path].under is None or call.method == "POST"):
            return _collection(catalog, kinds[path], call, context, {})
        case [parent, identity, path] if parent in kinds and path in kinds and kinds[path].under:
            owner = found(catalog, kinds[parent], identity, context)
            return _collection(catalog, kinds[path], call, context, {str(kinds[path].under): owner.id})
        case [path, identity] if path in kinds:
            return _member(catalog, kinds[path], call, context, found(catalog, kinds[path], identity, context))
    raise manners.missing()


def _collection(catalog: Catalog, kind: Kind, call: Call, context: Context, above: dict[str, int]) -> Reply:
    manners = catalog.manners
    if call.method == "GET":
        shown = [show(catalog, kind, record, context) for record in _listed(catalog, kind, call, context, above)]
        return json_reply(200, manners.many(call, kind, shown, context))
    if call.method != "POST" or (kind.under is not None and not above):
        raise manners.missing()
    draft = writing.drafted(call, kind, manners, context)
    draft.links |= above
    record = writing.added(call, kind, draft, context)
    return json_reply(manners.created(context), manners.one(kind, show(catalog, kind, record, context), context))


def _member(catalog: Catalog, kind: Kind, call: Call, context: Context, record: Record) -> Reply:
    manners = catalog.manners
    if call.method in manners.updates:
        writing.changed(call, writing.drafted(call, kind, manners, context, record))
    elif call.method == "DELETE":
        writing.removed(kind, record, catalog.by_type, context.store)
        return manners.gone(context)
    elif call.method != "GET":
        raise manners.missing()
    return json_reply(200, manners.one(kind, show(catalog, kind, record, context), context))


def found(catalog: Catalog, kind: Kind, identity: str, context: Context) -> Record:
    """Return the record that a path names. Raises the API's 404."""
    record = context.store.get(kind.type, catalog.manners.number(kind.type, _spelt(identity)))
    if record is None:
        raise catalog.manners.missing()
    return record


def _spelt(identity: str) -> int | str:
    return int(identity) if identity.isascii() and identity.isdigit() and len(identity) < 16 else identity


def _listed(catalog: Catalog, kind: Kind, call: Call, context: Context, above: dict[str, int]) -> list[Record]:
    records = [
        record
        for record in context.store.table(kind.type).values()
        if record.visible_at <= call.now and all(record.links.get(name) == number for name, number in above.items())
    ]
    for name, text in call.params:
        if name in kind.filters:
            try:
                records = [record for record in records if kind.filters[name](record, text)]
            except ValueError:
                raise catalog.manners.unreadable() from None
    return records


def show(catalog: Catalog, kind: Kind, record: Record, context: Context) -> Shown:
    """Return a record as the API shows it."""
    manners = catalog.manners
    links = {
        name: None if (number := record.links.get(name)) is None else manners.identify(target, _number(number))
        for name, target in kind.links.items()
    }
    shown: dict[str, Any] = {
        "id": manners.identify(kind.type, record.id),
        **dict.fromkeys(kind.attributes),
        **kind.defaults,
        **{name: value for name, value in record.attributes.items() if value is not None},
        **links,
        "created_at": stamp(record.created_at),
        "updated_at": stamp(record.updated_at),
    }
    return manners.look(kind, record, shown, context)


def _number(link: Any) -> int:
    assert isinstance(link, int), "links of these kinds are to one record"
    return link


def stamp(seconds: float) -> str:
    """Return a time as these APIs show it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- reference data ---------------------------------------------------------------------------------------------


def sow(catalog: Catalog, store: Store, name: str, wanted: object, now: float) -> list[str]:
    """Add reference records of a type: rows, or a number of made-up ones. Returns their ids.

    Raises ValueError for an unknown type, an id that is taken, or a wish that is neither rows nor a number.
    """
    kind = catalog.by_type.get(name)
    if kind is None:
        raise ValueError(f"there is no type {name}")
    return [str(plant(catalog, kind, store, row, now)) for row in _rows(kind, wanted)]


def plant(catalog: Catalog, kind: Kind, store: Store, row: Mapping[str, Any], now: float) -> Any:
    """Put in one record of reference data, under its own `id` if it has one, and return its id as shown."""
    attributes = {name: value for name, value in row.items() if name in kind.attributes}
    links = {name: value for name, value in row.items() if name in kind.links}
    record = store.place(kind.type, attributes, links, now, at=row.get("id", 0))
    return catalog.manners.identify(kind.type, record.id)


def _rows(kind: Kind, wanted: object) -> list[dict[str, Any]]:
    if isinstance(wanted, list) and all(isinstance(row, dict) for row in wanted):
        return wanted
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 0 <= wanted <= MAX_COUNT:
        raise ValueError(f"{kind.type}: a list of rows is wanted, or a number of at most {MAX_COUNT}")
    title = next((name for name in ("name", "title") if name in kind.attributes), None)
    return [{title: f"{kind.root} {number}"} if title else {} for number in range(1, wanted + 1)]
