"""The effects of faults: what each does to a request before, while and after it is executed. Tables of functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from headrace.sandbox.faults import FaultKind, Rule
from headrace.sandbox.message import Ending, Reply

LOGIN_PAGE: Final = b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Log in</form></body></html>"


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the API executes one request: the sandbox's options, changed by the faults that struck."""

    pointers: str
    atomicity: str
    order: str
    max_bulk: int
    includes: str = "shown"
    lag: float = 0.0
    """For how many seconds new records stay out of lists."""
    shape: str = "wrapped"
    is_paid: bool = True


def _page(status: int, body: bytes, **headers: str) -> Reply:
    return Reply(status, {"Content-Type": "text/html; charset=utf-8", **headers}, body)


def gateway(status: int) -> Reply:
    """Return what a proxy in front of the API answers when the API does not."""
    return _page(status, b"<html><head><title>%d</title></head><body>gateway</body></html>" % status)


def redirect(rule: Rule) -> Reply:
    """Return a redirect to a place that is not the API."""
    return _page(rule.status or 302, b"", Location=rule.location or "/login")


def _halved(reply: Reply) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def _without_last(items: list[Any]) -> list[Any]:
    return items[:-1]


def _last_as_first(items: list[Any]) -> list[Any]:
    return [*items[:-1], {**items[-1], "id": items[0]["id"]}]


def _edited(reply: Reply, edit: Callable[[list[Any]], list[Any]]) -> Reply:
    """Return `reply` with the records of its document edited; unchanged where it holds no list of records."""
    try:
        document = orjson.loads(reply.body) if reply.status < 300 and reply.body else {}
    except ValueError:  # another fault has broken it already
        return reply
    if not isinstance(document.get("data"), list) or not document["data"]:
        return reply
    return replace(reply, body=orjson.dumps({**document, "data": edit(document["data"])}))


INSTEAD: Final[Mapping[FaultKind, Callable[[Rule], Reply]]] = MappingProxyType(
    {
        FaultKind.DROP_BEFORE_COMMIT: lambda _: Reply(0, ending=Ending.DROPPED),
        FaultKind.ERROR_BEFORE_COMMIT: lambda rule: gateway(rule.status or 503),
        FaultKind.LATE_COMMIT: lambda rule: gateway(rule.status or 504),
        FaultKind.HTML: lambda _: _page(200, LOGIN_PAGE),
        FaultKind.REDIRECT: redirect,
    }
)
"""Answers that take the place of the API's. The request is not executed, or not now."""

WHILE: Final[Mapping[FaultKind, Callable[[Rule], dict[str, Any]]]] = MappingProxyType(
    {
        FaultKind.SEARCH_LAG: lambda rule: {"lag": rule.seconds},
        FaultKind.PARTIAL: lambda _: {"atomicity": "partial"},
        FaultKind.SHUFFLED: lambda _: {"order": "shuffled"},
    }
)
"""What changes in the conduct of the API while it executes the request."""

AFTERWARDS: Final[Mapping[FaultKind, Callable[[Rule, Reply], Reply]]] = MappingProxyType(
    {
        FaultKind.DROP_AFTER_COMMIT: lambda _, reply: replace(reply, ending=Ending.DROPPED),
        FaultKind.DROP_MID_ANSWER: lambda _, reply: replace(reply, ending=Ending.CUT),
        FaultKind.DRIP: lambda _, reply: replace(reply, ending=Ending.DRIPPED),
        FaultKind.SLOW: lambda rule, reply: replace(reply, delay=reply.delay + (rule.seconds or 0.0)),
        FaultKind.ERROR_AFTER_COMMIT: lambda rule, _: gateway(rule.status or 502),
        FaultKind.HTML_AFTER_COMMIT: lambda _, __: _page(200, LOGIN_PAGE),
        FaultKind.TRUNCATED_JSON: lambda _, reply: _halved(reply),
        FaultKind.MISSING_ITEM: lambda _, reply: _edited(reply, _without_last),
        FaultKind.REPEATED_ID: lambda _, reply: _edited(reply, _last_as_first),
    }
)
"""What becomes of the answer after the request was executed."""


def conduct_under(conduct: Conduct, rules: list[Rule]) -> Conduct:
    """Return `conduct` as the rules that struck change it."""
    for rule in rules:
        if rule.kind in WHILE:
            conduct = replace(conduct, **WHILE[rule.kind](rule))
    return conduct


def aftermath(reply: Reply, rules: list[Rule]) -> Reply:
    """Return what leaves instead of `reply`."""
    for rule in rules:
        if rule.kind in AFTERWARDS:
            reply = AFTERWARDS[rule.kind](rule, reply)
    return reply
