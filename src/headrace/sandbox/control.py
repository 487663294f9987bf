"""The control routes below `/__sandbox/`: audit, seed, faults, records. Without credentials, in no limit or audit.

GET  /__sandbox/audit             what was done to the sandbox (see `audit`)
GET  /__sandbox/records/TYPE      all records of a type, one JSON object a line: id, attributes, links, created_at
POST /__sandbox/seed              {TYPE: [{attribute: value, ...}, ...]} or {TYPE: count}: adds reference records
                                  and returns {TYPE: [id, ...]}; relationships as flat ids, own `id` if wanted
POST /__sandbox/faults            {"fault": [{...}]}: replaces the faults (see `faults`)
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import orjson

from headrace.sandbox.faults import parse_faults
from headrace.sandbox.message import Reply, json_reply

if TYPE_CHECKING:
    from headrace.sandbox.core import Sandbox

PREFIX: Final = "/__sandbox/"


def answer(sandbox: "Sandbox", method: str, path: str, body: bytes, now: float) -> Reply:
    """Return the reply to a control request: 400 with the reason where it makes no sense, 404 where there is none."""
    name, _, rest = path.removeprefix(PREFIX).partition("/")
    route = _ROUTES.get((method, name))
    if route is None:
        return json_reply(404, {"error": f"there is no {method} {path}"})
    try:
        return route(sandbox, rest, body, now)
    except ValueError as error:  # also orjson's
        return json_reply(400, {"error": str(error)})


def _audit(sandbox: "Sandbox", _: str, __: bytes, ___: float) -> Reply:
    return json_reply(200, sandbox.audit.report(sandbox.store, sandbox.api.identify))


def _records(sandbox: "Sandbox", kind: str, _: bytes, __: float) -> Reply:
    lines = (
        orjson.dumps(
            {
                "id": sandbox.api.identify(kind, number),
                "attributes": each.attributes,
                "links": each.links,
                "created_at": each.created_at,
            }
        )
        for number, each in sandbox.store.table(kind).items()
    )
    return Reply(200, {"Content-Type": "application/x-ndjson"}, b"".join(line + b"\n" for line in lines))


def _seed(sandbox: "Sandbox", _: str, body: bytes, now: float) -> Reply:
    wanted = orjson.loads(body)
    if not isinstance(wanted, dict):
        return json_reply(400, {"error": "an object of types is wanted"})
    return json_reply(201, {kind: sandbox.api.sow(sandbox.store, kind, what, now) for kind, what in wanted.items()})


def _faults(sandbox: "Sandbox", _: str, body: bytes, __: float) -> Reply:
    rules = parse_faults(orjson.loads(body))
    sandbox.arm(rules)
    return json_reply(200, {"fault": len(rules)})


_ROUTES: Final[Mapping[tuple[str, str], Callable[["Sandbox", str, bytes, float], Reply]]] = {
    ("GET", "audit"): _audit,
    ("GET", "records"): _records,
    ("POST", "seed"): _seed,
    ("POST", "faults"): _faults,
}
