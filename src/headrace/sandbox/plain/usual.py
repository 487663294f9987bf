"""What is usual among these APIs: a token as a bearer, ids that are numbers, an error with a word, faults by field."""

from hmac import compare_digest
from typing import Any

from headrace.sandbox.api import Credentials
from headrace.sandbox.message import Call, Reply, json_reply
from headrace.sandbox.plain.kind import Fault, Kind, RefusalError


def bears(call: Call, credentials: Credentials) -> bool:
    """Whether a call bears the token."""
    given = call.headers.get("authorization", "").encode()
    return compare_digest(given, b"Bearer " + credentials.token.encode()) and not credentials.is_revoked


def number(_: str, value: Any) -> int:
    """Return the number of an id that is one, 0 for anything else (`Manners.number`)."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def under_root(kind: Kind, document: dict[str, Any]) -> dict[str, Any] | None:
    """Return the record that a request holds under what a single one is called (`Manners.unwrap`)."""
    held = document.get(kind.root)
    return held if isinstance(held, dict) else None


def error(status: int, text: str, **more: Any) -> RefusalError:
    """Return a refusal that has a word as its `error`."""
    return RefusalError(status, {"error": text, **more})


def by_field(faults: list[Fault]) -> dict[str, list[str]]:
    """Return what is wrong, by field."""
    fields: dict[str, list[str]] = {}
    for fault in faults:
        fields.setdefault(fault.field, []).append(fault.detail)
    return fields


def reply(refusal: RefusalError) -> Reply:
    """Return a refusal as the answer that it is."""
    return json_reply(refusal.status, refusal.document)
