"""Time Magic's API as the sandbox plays it, written from the vendor's pages and its skill, which contradict each other.

With `shape` wrapped as the pages have it: records under a key, `id`, only what the pages show, 200 for a create,
`{"status": "deleted"}` for a delete, `started_at` and `ended_at`. With `shape` bare as the skill has it: bare records,
`uuid`, 201, 204, `begin_time` and `end_time`. Further:

- With `plan` free every GET is 402. Credentials come before the limit, the limit before the plan.
- An unknown resource_id is dropped without a word, as the skill says; an unknown project is 404.
- A 429 names no time to come back. Unknown fields are ignored, and listed in the audit.
- Two tasks at most are tracked at a time; a transition that makes no sense is 422, an unknown event 500.
"""

from collections.abc import Mapping
from typing import Any, Final
from zlib import crc32

from headrace.sandbox.api import Api, Context, Credentials
from headrace.sandbox.limits import Limit
from headrace.sandbox.message import Call, Reply, json_reply
from headrace.sandbox.plain import routes
from headrace.sandbox.plain.kind import Fault, Kind, Manners, RefusalError, Shown
from headrace.sandbox.plain.usual import bears, by_field, under_root
from headrace.sandbox.store import Record, Store
from headrace.sandbox.timemagic.kinds import FIXTURE, KINDS, TASKS
from headrace.sandbox.timemagic.tracking import EVENTS

LIMITS: Final = (Limit(5, 60, "user"),)
_RENAMED: Final[Mapping[str, str]] = {"begin_time": "started_at", "end_time": "ended_at", "project_id": "project_uuid"}
_SHOWN_BARE: Final[Mapping[str, str]] = {"id": "uuid", "project_id": "project_uuid"}
_DOCUMENTED: Final = frozenset({"id", "name", "task_type", "status"})


def identify(kind: str, number: int) -> str:
    """Return the UUID of a record: told apart by type, so that a mix-up leads nowhere."""
    return f"{crc32(kind.encode()):08x}-0000-4000-8000-{number:012x}"


def number(kind: str, value: Any) -> int:
    """Return the number behind a UUID of a type, 0 for anything else."""
    try:
        found = int(str(value)[-12:], 16)
    except ValueError:
        return 0
    return found if value == identify(kind, found) else 0


def _is_wrapped(context: Context) -> bool:
    return context.conduct.shape == "wrapped"


def _look(kind: Kind, record: Record, shown: Shown, context: Context) -> Shown:
    if not _is_wrapped(context):
        extra = {"data": {}, "status": record.attributes.get("status", "pending")} if kind is TASKS else {}
        return {_SHOWN_BARE.get(name, name): value for name, value in {**shown, **extra}.items()}
    if kind is TASKS:
        return {name: value for name, value in shown.items() if name in _DOCUMENTED}
    return {
        _RENAMED.get(name, name): value for name, value in shown.items() if name not in {"created_at", "updated_at"}
    }


def _capital(kind: Kind, shown: Shown) -> Shown:
    """Return the record with its resource type as it is read: with a capital."""
    held = shown.get("resource_type")
    return {**shown, "resource_type": held.capitalize()} if kind.type == "time_entries" and held else shown


def _invalid(faults: list[Fault]) -> RefusalError:
    return RefusalError(422, {"errors": by_field(faults)})


def _gone(context: Context) -> Reply:
    return json_reply(200, {"status": "deleted"}) if _is_wrapped(context) else Reply(204)


MANNERS: Final = Manners(
    identify=identify,
    number=number,
    unwrap=under_root,
    one=lambda kind, shown, context: {kind.root: shown} if _is_wrapped(context) else shown,
    many=lambda _, kind, records, context: {kind.type: records} if _is_wrapped(context) else records,
    look=lambda kind, record, shown, context: _look(kind, record, _capital(kind, shown), context),
    invalid=_invalid,
    missing=lambda: RefusalError(404, {"errors": "Not found"}),
    unreadable=lambda: RefusalError(422, {"errors": {"base": ["param is missing or the value is empty"]}}),
    gone=_gone,
    created=lambda context: 200 if _is_wrapped(context) else 201,
    updates=frozenset({"PUT"}),
)


def _subscription(call: Call, context: Context) -> Reply | None:
    is_due = call.method == "GET" and not context.conduct.is_paid
    return json_reply(402, {"info": "Subscription required for GET requests."}) if is_due else None


def _event(call: Call, context: Context) -> Reply | None:
    """`PUT /tasks/:id?event=`: move a task on."""
    event = dict(call.params).get("event")
    if call.method != "PUT" or event is None or len(call.segments) != 2 or call.segments[0] != TASKS.type:
        return None
    task = routes.found(CATALOG, TASKS, call.segments[1], context)
    if event not in EVENTS:
        raise RefusalError(500, {"status": 500, "error": "Internal Server Error"})
    if (fault := EVENTS[event](task, context.store, call.now)) is not None:
        raise _invalid([fault])
    return json_reply(200, MANNERS.one(TASKS, routes.show(CATALOG, TASKS, task, context), context))


def _tracking(call: Call, context: Context) -> Reply | None:
    """`GET /tasks/tracking`: the tasks that are tracked now."""
    if call.method != "GET" or call.segments != ["tasks", "tracking"]:
        return None
    tracked = [task for task in context.store.table(TASKS.type).values() if task.links.get("running")]
    shown = [routes.show(CATALOG, TASKS, task, context) for task in tracked]
    return json_reply(200, MANNERS.many(call, TASKS, shown, context))


CATALOG: Final = routes.Catalog(kinds=KINDS, manners=MANNERS, specials=(_subscription, _event, _tracking))


def _refuse(call: Call, credentials: Credentials) -> Reply | None:
    return None if bears(call, credentials) else json_reply(401, {"errors": "Unauthorized"})


def _furnish(store: Store, _: str, now: float) -> None:
    for kind, rows in FIXTURE.items():
        for row in rows:
            routes.plant(CATALOG, CATALOG.by_type[kind], store, row, now)


def _throttled() -> Reply:
    return json_reply(429, {"info": "Rate limit exceeded. Try again later."})


TIME_MAGIC: Final = Api(
    prefix="/api",
    limits=LIMITS,
    refuse=_refuse,
    throttled=lambda _: _throttled(),
    overworked=lambda _, __: _throttled(),
    failure=lambda: json_reply(500, {"status": 500, "error": "Internal Server Error"}),
    missing=lambda: json_reply(404, {"errors": "Not found"}),
    answer=lambda call, context: routes.answer(CATALOG, call, context),
    furnish=_furnish,
    sow=lambda store, kind, wanted, now: routes.sow(CATALOG, store, kind, wanted, now),
    identify=identify,
    reset="none",
)
