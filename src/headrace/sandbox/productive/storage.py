"""The storage of files: forms that are made out for attachments, and uploads that are taken only with one.

Written from https://developer.productive.io/guides/attachments; it checks what a storage of that kind checks (a signed
policy that expires, its conditions, the file as the last field), and that the API's credentials do not come here.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

import orjson

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi.kind import Draft
from headrace.sandbox.jsonapi.problems import BLANK, INVALID
from headrace.sandbox.jsonapi.rendering import stamp
from headrace.sandbox.message import Call, Reply
from headrace.sandbox.multipart import Part, parts
from headrace.sandbox.store import Record, Store

PATH: Final = "/__storage"
"""As `core.STORAGE`, which imports this."""
EXPIRES: Final = 3600.0
"""Seconds for which a form is good."""
TOKEN: Final = "sandbox-storage-token-7c21"  # noqa: S105  # the sandbox's, which guards nothing
"""Goes with every form; a test looks for it where no secret may be."""
_KEY: Final = b"the storage's own key"
_FILES: Final = "https://files.productive.io/"
_CREDENTIALS: Final = frozenset({"x-auth-token", "x-organization-id", "authorization"})
_MATTERS: Final = frozenset({"key", "Content-Type"})


# --- what the API says of it ------------------------------------------------------------------------------------


def form(record: Record) -> Mapping[str, Any]:
    """Return what only the answer to a create shows: the form for the upload. None for a file of unknown size."""
    held = record.attributes
    if held.get("content_type") is None or held.get("size") is None:
        return {"aws_policy": None}
    key = _key(record)
    policy = b64encode(
        orjson.dumps(
            {
                "expiration": record.created_at + EXPIRES,
                "key": key,
                "Content-Type": held["content_type"],
                "size": held["size"],
            }
        )
    ).decode()
    fields = {
        "key": key,
        "success_action_status": "201",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "SANDBOX/20260101/eu-west-1/s3/aws4_request",
        "x-amz-date": stamp(record.created_at),
        "x-amz-signature": _signature(policy),
        "x-amz-security-token": TOKEN,
        "policy": policy,
        "Content-Type": held["content_type"],
    }
    return {"aws_policy": fields}


def _key(record: Record) -> str:
    number = f"{record.id:09d}"
    return f"attachments/files/{number[:3]}/{number[3:6]}/{number[6:]}/original/{record.attributes['name']}"


def uploaded(draft: Draft, store: Store) -> Iterable[tuple[str, str]]:
    """Require of an attachment that it is told where its file is only when the storage has it, and its own."""
    where = draft.attributes.get("temp_url")
    if where is None:
        return
    if draft.before is None or store.kept.get(("file", where)) != _key(draft.before):
        yield "temp_url", INVALID


def present(draft: Draft, store: Store) -> Iterable[tuple[str, str]]:
    """Require of attachments that are linked that their files are there."""
    for number in draft.links.get("attachments") or ():
        attachment = store.get("attachments", number)
        if attachment is None or attachment.attributes.get("url") is None:
            yield "attachments", BLANK


def located(_: Draft, record: Record, __: Store) -> None:
    """Show where the file is, once the API has been told."""
    if record.attributes.get("temp_url") is not None:
        record.attributes["url"] = f"{_FILES}attachments/{record.id}"


def linked(kind: str, name: str) -> Any:
    """Return what happens to attachments when a record of `kind`, which they call `name`, is linked to others."""

    def react(draft: Draft, record: Record, store: Store) -> None:
        if "attachments" not in draft.links:
            return
        here = draft.links["attachments"] or ()
        for attachment in store.table("attachments").values():
            is_here = attachment.id in here
            if is_here != (attachment.links.get(name) == record.id):
                attachment.links[name] = record.id if is_here else None
                facts = [*_facts(attachment), kind, record.id] if is_here else None
                store.compare("attachments", attachment, facts)

    return react


def _facts(record: Record) -> list[Any]:
    return [record.attributes.get(name) for name in ("name", "content_type", "size")]


# --- what it takes ----------------------------------------------------------------------------------------------


def store_file(call: Call, context: Context) -> Reply:
    """Take an upload. Refuses, as the storage does, in XML with a code."""
    if _CREDENTIALS & set(call.headers):
        context.audit.uploads["with_credentials"] += 1
    found = parts(call.headers.get("content-type", ""), call.body)
    code = "MethodNotAllowed" if call.method != "POST" else _objection(found, call.now)
    context.audit.uploads["taken" if code is None else "refused"] += 1
    if code is not None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
        return Reply(403 if code == "AccessDenied" else 400, {"Content-Type": "application/xml"}, body.encode())
    key = next(part.content.decode() for part in found if part.name == "key")
    where = f"{call.base.partition('/api/')[0]}{PATH}/{key}"
    context.store.kept["file", where] = key
    return Reply(201, {"Content-Type": "application/xml", "Location": where}, b"<PostResponse/>")


def _objection(found: list[Part], now: float) -> str | None:
    """Return the code of what is wrong with a form, None where it is right."""
    if not found or found[-1].name.lower() != "file" or found[-1].filename is None:
        return "InvalidArgument"
    fields, file = {part.name: part.content.decode() for part in found[:-1]}, found[-1]
    policy = fields.get("policy", "")
    if not hmac.compare_digest(fields.get("x-amz-signature", ""), _signature(policy)):
        return "AccessDenied"
    conditions = orjson.loads(b64decode(policy))
    if now > conditions["expiration"] or any(fields.get(name) != conditions[name] for name in _MATTERS):
        return "AccessDenied"
    return None if len(file.content) == conditions["size"] else "EntityTooLarge"


def _signature(policy: str) -> str:
    return hmac.new(_KEY, policy.encode(), sha256).hexdigest()
