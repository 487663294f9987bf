"""A client of the sandbox's core for tests: speaks JSON, holds the credentials, keeps the time."""

from typing import Any, NamedTuple

import orjson
from hypothesis import settings

from headrace.sandbox.core import Sandbox
from headrace.sandbox.faults import Rule
from headrace.sandbox.message import Reply
from headrace.sandbox.options import Options

START = 1_700_000_000.0
SINGLE = "application/vnd.api+json"
BULK = "application/vnd.api+json; ext=bulk"

many = settings(deadline=None)  # a shared machine may stall at any time
few = settings(many, max_examples=20)


class Answer(NamedTuple):
    status: int
    document: Any
    reply: Reply

    @property
    def ids(self) -> list[str]:
        return [each["id"] for each in self.document["data"]]

    @property
    def faults(self) -> list[tuple[str, str]]:
        return [(error["source"]["pointer"], error["detail"]) for error in self.document["errors"]]


class Desk:
    def __init__(self, *rules: Rule, **options: Any) -> None:
        chosen: dict[str, Any] = {"window": "off", "token": "t0ken", "faults": rules} | options
        self.sandbox = Sandbox(Options(**chosen), START)
        self.now = START
        self.headers = {"X-Auth-Token": "t0ken", "X-Organization-Id": "948", "Host": "127.0.0.1:8400"}

    def call(self, method: str, path: str, document: Any = None, query: str = "", **headers: str) -> Answer:
        body = document if isinstance(document, bytes) else b"" if document is None else orjson.dumps(document)
        own = {"Content-Type": SINGLE} | {name.replace("_", "-"): value for name, value in headers.items()}
        whole = path if path.startswith("/__") else f"/api/v2{path}"
        reply = self.sandbox.handle(method, whole, query, headers=self.headers | own, body=body, now=self.now)
        return Answer(reply.status, _read(reply), reply)

    def bulk(self, method: str, path: str, data: Any) -> Answer:
        return self.call(method, path, {"data": data}, Content_Type=BULK)

    def get(self, path: str, query: str = "", **headers: str) -> Answer:
        return self.call("GET", path, query=query, **headers)

    def create(self, kind: str, **attributes: Any) -> Answer:
        return self.call("POST", f"/{kind}", {"data": {"type": kind, "attributes": attributes}})

    def audit(self) -> Any:
        return self.call("GET", "/__sandbox/audit").document

    def count(self, kind: str) -> int:
        return self.sandbox.store.counts.get(kind, 0)


def _read(reply: Reply) -> Any:
    try:
        return orjson.loads(reply.body) if reply.body else None
    except orjson.JSONDecodeError:
        return None


def link(kind: str, number: int | str) -> dict[str, Any]:
    return {"data": {"type": kind, "id": str(number)}}


def entry(note: str = "work", **attributes: Any) -> dict[str, Any]:
    """Return a time entry as the vendor's bulk example spells it."""
    return {
        "type": "time_entries",
        "attributes": {"note": note, "date": "2024-08-28", "time": 120} | attributes,
        "relationships": {
            "person": link("people", 201),
            "service": link("services", 901),
            "task": link("tasks", 1001),
        },
    }
