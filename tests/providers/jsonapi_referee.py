"""An independent judge of JSON:API 1.0: the `jsonschema` package over a schema written from the specification.

`jsonapi_schema.json` says where each of its definitions stands in https://jsonapi.org/format/1.0/. What a schema cannot
say (fields share one namespace, resources are unique, everything included is linked to) is checked here, from the same
text. Where the vendor itself deviates, `DEVIATIONS` says so with its source; everything else is a fault.

JSON:API 1.0 has one resource object in the `data` of a request. Its bulk extension, which the vendor names in its media
type, puts an array there: that is judged by definitions of its own, and only where the media type says `ext=bulk`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from jsonschema import Draft202012Validator

from headrace.model import Request
from headrace.sandbox.core import Sandbox
from headrace.sandbox.message import Ending, Reply

MEDIA_TYPE: Final = "application/vnd.api+json"
BULK: Final = f"{MEDIA_TYPE}; ext=bulk"
SCHEMA: Final = orjson.loads((Path(__file__).parent / "jsonapi_schema.json").read_bytes())
JUDGES: Final = {
    role: Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{role}"})
    for role in ("answer", "errors", "create", "update", "bulkCreate", "bulkUpdate", "bulkDelete")
}
"""A validator for each kind of document."""


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where: the place as `data/0/id`, the rule as JSON Schema calls it or in words of our own."""

    place: str
    rule: str
    words: str


@dataclass(frozen=True)
class Deviation:
    """A fault of the vendor's own. `words` are a pattern for what the validator says."""

    place: str
    rule: str
    words: str
    source: str

    def covers(self, fault: Fault) -> bool:
        return bool(
            re.fullmatch(self.place, fault.place) and self.rule == fault.rule and re.search(self.words, fault.words)
        )


DEVIATIONS: Final = (
    Deviation(
        r"errors/\d+/status",
        "type",
        r"^\d{3} is not of type 'string'$",
        "https://developer.productive.io/guides/error-handling shows the status as a number",
    ),
    Deviation(
        r"errors/\d+",
        "additionalProperties",
        r"\('limit'(, 'period')? (was|were) unexpected\)$",
        "the 429 of the vendor's FAQ has `limit`, and https://developer.productive.io/guides/rate-limits `period`",
    ),
    Deviation(
        r"errors/\d+/source/pointer",
        "pattern",
        r"^'data/",
        "recorded 422 in the vendor's own client: productiveio/cli-toolbox, crates/tb-prod, errors_422.json",
    ),
    Deviation(
        "Content-Type",
        "media type",
        "charset=utf-8$",
        "recorded answers in the vendor's own client: productiveio/cli-toolbox, crates/tb-prod, tests/cassettes",
    ),
)
"""Where the vendor departs from JSON:API 1.0, and so does whoever plays it."""


def judge(role: str, document: Any) -> list[Fault]:
    """Return all that is wrong with a document, the vendor's own deviations included."""
    found = [
        Fault("/".join(map(str, error.absolute_path)), str(error.validator), error.message)
        for error in JUDGES[role].iter_errors(document)
    ]
    return found or [*_beyond_schema(document)]


def ours(faults: list[Fault]) -> list[Fault]:
    """Return the faults that are not the vendor's."""
    return [fault for fault in faults if not any(deviation.covers(fault) for deviation in DEVIATIONS)]


def _beyond_schema(document: Mapping[str, Any]) -> Iterator[Fault]:
    data = document.get("data")
    primary = data if isinstance(data, list) else [] if data is None else [data]
    included = document.get("included", [])
    if "included" in document and "data" not in document:
        yield Fault("included", "compound", "there is no data that it belongs to")
    for resource in (*primary, *included):
        shared = set(resource.get("attributes", ())) & set(resource.get("relationships", ()))
        if shared:
            yield Fault(_name(resource), "fields", f"{shared} is both an attribute and a relationship")
    names = [_name(resource) for resource in (*primary, *included) if "id" in resource]
    yield from (Fault(name, "unique", "stands there twice") for name in set(names) if names.count(name) > 1)
    linked = {name for resource in (*primary, *included) for name in _linked(resource)}
    for resource in included:
        if _name(resource) not in linked:
            yield Fault(_name(resource), "full linkage", "nothing in the document links to it")


def _linked(resource: Mapping[str, Any]) -> Iterator[str]:
    for relationship in resource.get("relationships", {}).values():
        data = relationship.get("data")
        yield from map(_name, data if isinstance(data, list) else [] if data is None else [data])


def _name(resource: Mapping[str, Any]) -> str:
    return f"{resource['type']} {resource.get('id')}"


# --- requests and replies ---------------------------------------------------------------------------------------

_ROLES: Final = {"POST": ("create", "bulkCreate"), "PATCH": ("update", "bulkUpdate"), "DELETE": (None, "bulkDelete")}


def judge_request(request: Request) -> list[Fault]:
    """Return what is wrong with a request, its media types included."""
    if request.method == "GET":
        return [Fault("body", "method", "a GET has no body")] if request.body else []
    media_type = request.headers.get("Content-Type", "")
    if media_type not in {MEDIA_TYPE, BULK}:
        return [Fault("Content-Type", "media type", f"{media_type!r}")]
    role = _ROLES[request.method][media_type == BULK]
    if not request.body:
        return [] if media_type == MEDIA_TYPE else [Fault("body", "bulk", "there is nothing in it")]
    if role is None:
        return [Fault("body", "method", "the path of a DELETE says it all")]
    return judge(role, orjson.loads(request.body))


def judge_reply(reply: Reply) -> list[Fault]:
    """Return what is wrong with an answer, the vendor's own deviations included."""
    if reply.status == 204:
        return [Fault("body", "204", "there is a body")] if reply.body else []
    media_type = reply.headers.get("Content-Type", "")
    faults = [] if media_type == MEDIA_TYPE else [Fault("Content-Type", "media type", media_type)]
    return faults + judge("errors" if reply.status >= 400 else "answer", orjson.loads(reply.body))


class Judged(Sandbox):
    """A sandbox of which every call and every reply is judged. `found` are all faults, the vendor's too.

    What is not JSON:API on purpose is left alone: the sandbox's own paths, pages of a proxy, bodies that are cut.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.found: list[Fault] = []
        self.judged = 0

    def handle(self, method: str, path: str, query: str = "", **call: Any) -> Reply:
        """See `Sandbox.handle`."""
        reply = super().handle(method, path, query, **call)
        if not path.startswith(self.api.prefix):
            return reply
        body = call.get("body") or None
        self.found += judge_request(Request(method=method, path=path, headers=call["headers"], body=body))
        if reply.ending is Ending.WHOLE and reply.headers.get("Content-Type", MEDIA_TYPE).startswith(MEDIA_TYPE):
            self.found += judge_reply(reply)
        self.judged += 1
        return reply

    def send(self, request: Request) -> Reply:
        """Handle a request of the engine as if it had arrived."""
        return self.handle(
            request.method,
            self.api.prefix + request.path,
            urlencode(request.params),
            headers={"X-Auth-Token": self.options.token, "X-Organization-Id": "948", **request.headers},
            body=request.body or b"",
            now=1.0,
        )
