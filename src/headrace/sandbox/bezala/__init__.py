"""Bezala's API as the sandbox plays it, written from the vendor's pages.

What the pages leave open is decided so:

- A limit of 60 a minute, answered with a plain 429 that names no time to come back.
- Bodies are wrapped in the singular key, answers are not. 201 for a create, 204 for a delete.
- A 422 has `error`, `message` and, by field, `errors`; 404 goes before 403.
- external_id is stored and shown, and neither unique nor a filter. Unknown fields are ignored, and listed in the audit.
- Who signs in with ada.lovelace@northwind.example and the password "rehearsal" gets the sandbox's token.
"""

from typing import Any, Final

import orjson

from headrace.sandbox.api import Api, Context, Credentials
from headrace.sandbox.bezala.kinds import FIXTURE, KINDS
from headrace.sandbox.limits import Limit
from headrace.sandbox.message import Call, Reply, json_reply
from headrace.sandbox.plain import routes
from headrace.sandbox.plain.kind import Fault, Kind, Manners, RefusalError, Shown
from headrace.sandbox.plain.paging import part_of
from headrace.sandbox.plain.usual import bears, by_field, error, number, reply, under_root
from headrace.sandbox.store import Record, Store

LIMITS: Final = (Limit(60, 60, "user"),)
EMAIL: Final = "ada.lovelace@northwind.example"
PASSWORD: Final = "rehearsal"  # noqa: S105  # of a server on loopback that holds nothing
_SIGN_IN: Final = "/auth/token"


def _invalid(faults: list[Fault]) -> RefusalError:
    return error(422, "Validation failed", message=f"{faults[0].field} {faults[0].detail}", errors=by_field(faults))


def _many(call: Call, kind: Kind, records: list[Shown], _: Context) -> Any:
    if kind.type == "cost_centers":
        is_whole = dict(call.params).get("skip_pagination") == "true"
        return records if is_whole else part_of(call, records, usual=500, most=1000).records
    part = part_of(call, _sorted(call, records), usual=50, most=500)
    counts = {"current_page": part.number, "total_pages": part.pages, "total_count": part.total}
    return {"collection": part.records, "pagination": counts}


def _sorted(call: Call, records: list[Shown]) -> list[Shown]:
    params = dict(call.params)
    name = params.get("sort_by", "id")
    if not all(name in record for record in records):
        raise error(400, f"Invalid parameter 'sort_by' value {name!r}")
    return sorted(records, key=lambda one: (one[name] is not None, one[name]), reverse=params.get("order") == "desc")


def _look(kind: Kind, record: Record, shown: Shown, context: Context) -> Shown:
    """Return what the pages show: no times of creation, and of a task the name of its cost center."""
    seen = {name: value for name, value in shown.items() if name not in {"created_at", "updated_at"}}
    if kind.type != "tasks":
        return seen
    center = context.store.get("cost_centers", number("", record.links.get("cost_center_id")))
    return {**seen, "cost_center_name": center.attributes["name"] if center else None}


MANNERS: Final = Manners(
    identify=lambda _, number: number,
    number=number,
    unwrap=under_root,
    one=lambda _, shown, __: shown,
    many=_many,
    look=_look,
    invalid=_invalid,
    missing=lambda: error(404, "Not found"),
    unreadable=lambda: error(400, "Missing or invalid parameters"),
    gone=lambda _: Reply(204),
    created=lambda _: 201,
    updates=frozenset({"PUT"}),
)

CATALOG: Final = routes.Catalog(kinds=KINDS, manners=MANNERS)


def _answer(call: Call, context: Context) -> Reply:
    if call.path != _SIGN_IN:
        return routes.answer(CATALOG, call, context)
    try:
        given = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        given = None
    if call.method != "POST" or not isinstance(given, dict):
        return reply(error(400, "Missing or invalid parameters"))
    if (given.get("email"), given.get("password")) != (EMAIL, PASSWORD):
        return reply(error(401, "Invalid email or password"))
    return json_reply(200, {"token": context.token, "user_id": 11, "receipts_email": "receipts@northwind.example"})


def _refuse(call: Call, credentials: Credentials) -> Reply | None:
    if call.path == _SIGN_IN:
        return None
    return None if bears(call, credentials) else reply(error(401, "Unauthorized"))


def _furnish(store: Store, _: str, now: float) -> None:
    for user in (11, 12, 13):
        store.place("users", {"name": f"user {user}"}, {}, now, at=user)
    for kind, rows in FIXTURE.items():
        for row in rows:
            routes.plant(CATALOG, CATALOG.by_type[kind], store, row, now)


BEZALA: Final = Api(
    prefix="/api",
    limits=LIMITS,
    refuse=_refuse,
    throttled=lambda _: reply(error(429, "Too many requests")),
    overworked=lambda _, __: reply(error(429, "Too many requests")),
    failure=lambda: reply(error(500, "Internal server error")),
    missing=lambda: reply(error(404, "Not found")),
    answer=_answer,
    furnish=_furnish,
    sow=lambda store, kind, wanted, now: routes.sow(CATALOG, store, kind, wanted, now),
    reset="none",
)
