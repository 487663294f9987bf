"""Agiled's public API v1 as the sandbox plays it, written from the vendor's pages.

What the pages leave open is decided so, and can be chosen where it says so:

- Records are flat, and their fields called as the issue's defaults have it; answers wrap them in `data` (`shape`).
- A 422 names fields in `errors`, beside the `error` that the pages promise; with `shape` bare there is only that.
- PATCH and PUT both change what they name. Unknown fields are ignored, and listed in the audit.
- Credentials are checked before the limits. A replayed answer counts as any other request does.
- An idempotency key belongs to method and path; only what succeeded is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from headrace.sandbox.agiled.kinds import KINDS, furnish
from headrace.sandbox.api import Api, Context, Credentials
from headrace.sandbox.limits import Limit
from headrace.sandbox.message import Call, Reply, json_reply
from headrace.sandbox.plain import routes
from headrace.sandbox.plain.kind import Fault, Kind, Manners, RefusalError, Shown
from headrace.sandbox.plain.paging import part_of
from headrace.sandbox.plain.usual import bears, by_field, error, number, reply
from headrace.sandbox.store import Record, Store

READS: Final = frozenset({"GET", "HEAD"})
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEPT_FOR: Final = 30 * 86_400.0
"""Seconds: keys expire after 30 days."""

LIMITS: Final = (
    Limit(60, 60, "token", methods=READS, title="reads"),
    Limit(30, 60, "token", methods=WRITES, title="writes"),
)


def _invalid(faults: list[Fault]) -> RefusalError:
    return error(422, f"{faults[0].field} {faults[0].detail}.", errors=by_field(faults))


def _one(_: Kind, shown: Shown, context: Context) -> Any:
    return {"data": shown} if context.conduct.shape == "wrapped" else shown


def _many(call: Call, kind: Kind, records: list[Shown], context: Context) -> Any:
    part = part_of(call, _sorted(call, records), usual=25, most=100)
    counts = {"current_page": part.number, "last_page": part.pages, "per_page": part.size, "total": part.total}
    return {"data": [_with_included(call, kind, record, context.store) for record in part.records], "meta": counts}


def _with_included(call: Call, kind: Kind, record: Shown, store: Store) -> Shown:
    """Return a record with those that it refers to inside, as a call asks for them; unknown names are ignored."""
    for name in dict(call.params).get("include", "").split(","):
        target = kind.links.get(f"{name}_id")
        linked = store.get(target, record[f"{name}_id"] or 0) if target else None
        if target:
            record[name] = None if linked is None else {"id": linked.id, **linked.attributes}
    return record


def _sorted(call: Call, records: list[Shown]) -> list[Shown]:
    """Return the records in the order that a call asks for; an unknown field falls back to the usual one."""
    params = dict(call.params)
    name = params.get("sort_by", "id")
    if not all(name in record for record in records):
        name = "id"
    is_down = params.get("sort_direction") == "desc"
    return sorted(records, key=lambda record: (record[name] is not None, record[name]), reverse=is_down)


MANNERS: Final = Manners(
    identify=lambda _, number: number,
    number=number,
    unwrap=lambda _, document: document,
    one=_one,
    many=_many,
    look=lambda _, __, shown, ___: shown,
    invalid=_invalid,
    missing=lambda: error(404, "Not found."),
    unreadable=lambda: error(400, "Invalid JSON."),
    gone=lambda _: Reply(204),
    created=lambda _: 201,
    updates=frozenset({"PUT", "PATCH"}),
)

CATALOG: Final = routes.Catalog(kinds=KINDS, manners=MANNERS)


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer that is kept under an idempotency key, the body that it answered, and until when."""

    body: bytes
    reply: Reply
    until: float


def _answer(call: Call, context: Context) -> Reply:
    """Execute a call, or replay what was answered under its key."""
    key = call.headers.get("idempotency-key", "") if call.method in WRITES else ""
    if not key:
        return _executed(call, context)
    place = (call.method, call.path, key)
    kept = context.store.kept.get(place)
    if isinstance(kept, _Kept) and call.now < kept.until:
        return kept.reply if kept.body == call.body else reply(error(409, "Idempotency key reused."))
    answer = _executed(call, context)
    if answer.status < 300:
        context.store.kept[place] = _Kept(call.body, answer, call.now + KEPT_FOR)
    return answer


def _executed(call: Call, context: Context) -> Reply:
    if call.segments == ["me"] and call.method == "GET":
        return json_reply(200, {"data": {"id": 11, "name": "Ada Lovelace"}})
    answer = routes.answer(CATALOG, call, context)
    is_bare = answer.status == 422 and context.conduct.shape == "bare"
    return reply(error(422, "Validation failed.")) if is_bare else answer


def _refuse(call: Call, credentials: Credentials) -> Reply | None:
    return None if bears(call, credentials) else reply(error(401, "Unauthorized."))


def _furnish(store: Store, _: str, now: float) -> None:
    for kind, rows in furnish().items():
        for row in rows:
            _planted(store, kind, row, now)


def _planted(store: Store, kind: str, row: Mapping[str, Any], now: float) -> Record | None:
    if kind in CATALOG.by_type:
        routes.plant(CATALOG, CATALOG.by_type[kind], store, row, now)
        return None
    return store.place(kind, {"name": row["name"]}, {}, now, at=row["id"])


AGILED: Final = Api(
    prefix="/public/v1",
    limits=LIMITS,
    refuse=_refuse,
    throttled=lambda _: reply(error(429, "Too many requests.")),
    overworked=lambda _, __: reply(error(429, "Too many requests.")),
    failure=lambda: reply(error(500, "Server error.")),
    missing=lambda: reply(error(404, "Not found.")),
    answer=_answer,
    furnish=_furnish,
    sow=lambda store, kind, wanted, now: routes.sow(CATALOG, store, kind, wanted, now),
    reset="retry-after",
)
