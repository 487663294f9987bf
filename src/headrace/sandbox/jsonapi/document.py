"""The document: what a request's headers and body say, read strictly. Media types, one record or many."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from headrace.sandbox.effects import Conduct
from headrace.sandbox.jsonapi import problems
from headrace.sandbox.jsonapi.kind import Kind
from headrace.sandbox.message import Call

MEDIA_TYPE: Final = "application/vnd.api+json"

_ACCEPTED: Final = frozenset({"*/*", "application/*", MEDIA_TYPE, "application/json"})


@dataclass(frozen=True, slots=True)
class Item:
    """One resource object of a request."""

    id: int | None
    attributes: dict[str, Any]
    relationships: dict[str, Any]


def check_accept(call: Call) -> None:
    """Raise 406 for a call that takes nothing we could answer with."""
    ranges = (part.split(";", 1)[0].strip().lower() for part in call.headers.get("accept", "*/*").split(","))
    if _ACCEPTED.isdisjoint(ranges):
        raise problems.not_acceptable()


def is_bulk(call: Call) -> bool:
    """Whether the call's content type is that of the bulk extension. Raises 415 unless it is JSON:API's at all."""
    media_type, *parameters = (part.strip() for part in call.headers.get("content-type", "").split(";"))
    named = {name.strip().lower(): value.strip(' "') for name, _, value in (part.partition("=") for part in parameters)}
    if media_type.lower() != MEDIA_TYPE or set(named) - {"ext", "charset", ""} or named.get("ext", "bulk") != "bulk":
        raise problems.unsupported_media()
    return "ext" in named


def one(call: Call, kind: Kind, number: int | None = None) -> Item:
    """Return the record of a single request; `number` is the id of its URL. Raises 400, 409, 415."""
    if is_bulk(call):
        raise problems.bad_request()
    data = _data(call.body)
    if isinstance(data, list):
        raise problems.unsupported_media()
    item = _item(data, kind)
    if number is not None and item.id not in {None, number}:
        raise problems.conflict("The id of the document is not the id of the URL")
    return item


def many(call: Call, kind: Kind, operation: str, conduct: Conduct) -> list[Item]:
    """Return the records of a bulk request. Raises 400, 409, 413, 415."""
    if operation not in kind.bulk or not is_bulk(call):
        raise problems.unsupported_media()
    data = _data(call.body)
    if not isinstance(data, list) or not data:
        raise problems.bad_request()
    if len(data) > conduct.max_bulk:
        raise problems.too_large(f"A bulk request takes at most {conduct.max_bulk} records")
    return [_item(each, kind) for each in data]


def _data(body: bytes) -> Any:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise problems.bad_request() from None
    if not isinstance(document, dict) or "data" not in document:
        raise problems.bad_request()
    return document["data"]


def _item(data: Any, kind: Kind) -> Item:
    if not isinstance(data, dict) or "type" not in data:
        raise problems.bad_request()
    if data["type"] not in (kind.type, *kind.also):
        raise problems.conflict(f"The type of the document must be {kind.type}")
    attributes, relationships = data.get("attributes", {}), data.get("relationships", {})
    if not isinstance(attributes, dict) or not isinstance(relationships, dict):
        raise problems.bad_request()
    return Item(None if data.get("id") is None else number_of(data["id"]), attributes, relationships)


def number_of(value: Any) -> int:
    """Return an id, given as a number or as its digits. Raises 403, as the vendor does, for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    raise problems.denied()
