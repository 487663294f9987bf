"""Productive's API v2 as the sandbox plays it: its tables, credentials, limits and actions in one value.

Written from the vendor's pages (llms.txt, projects page, guides) and recorded traffic, not from headrace's provider
table, so that a mistake there is found here. What the pages leave open is decided so:

- Missing or malformed credentials are 401, as is a wrong token; a well-formed organization that is not the token's is
  403. Both are checked before the limits: they count in no window.
- A limit refuses before any work is done. Every window that covers a path counts the request.
- Wrong media types are 415 on every POST, PATCH and DELETE, also without a body; bulk requests to resources that have
  no bulk operation are 415; a single record under the bulk media type is 400.
- Unknown attributes are ignored, as Rails ignores them, and listed in the audit.
- Bulk requests are all or nothing (as the JSON:API bulk extension demands) and answered in the request's order.
"""

import re
from collections.abc import Iterable
from hmac import compare_digest
from typing import Final

from headrace.sandbox.api import Api, Context, Credentials
from headrace.sandbox.jsonapi import problems, routes
from headrace.sandbox.jsonapi.kind import Kind
from headrace.sandbox.limits import Limit
from headrace.sandbox.message import Call, Reply
from headrace.sandbox.productive import access, billing, fixture, money, people, sowing, time, work
from headrace.sandbox.productive.actions import ACTIONS, COLLECTIVE_ACTIONS
from headrace.sandbox.productive.copies import COPIES
from headrace.sandbox.productive.reports import report
from headrace.sandbox.productive.storage import store_file
from headrace.sandbox.store import Store

LIMITS: Final = (
    Limit(100, 10, "token"),
    Limit(4000, 1800, "organization"),
    Limit(10, 30, "token", prefix="/reports"),
)
"""https://developer.productive.io/guides/rate-limits"""

KINDS: Final = tuple(
    value
    for module in (people, access, work, money, billing, time)
    for value in vars(module).values()
    if isinstance(value, Kind)
)


def _paths(kinds: Iterable[Kind]) -> dict[str, Kind]:
    return {path: kind for kind in kinds for path in (kind.type, *kind.also)}


CATALOG: Final = routes.Catalog(_paths(KINDS), ACTIONS, COPIES, COLLECTIVE_ACTIONS, report)


def _refuse(call: Call, credentials: Credentials) -> Reply | None:
    token = call.headers.get("x-auth-token", "").encode()
    organization = call.headers.get("x-organization-id", "")
    is_known = compare_digest(token, credentials.token.encode()) and not credentials.is_revoked
    if not is_known or not re.fullmatch(r"[0-9]+", organization):
        return routes.refusal(problems.unauthenticated())
    return None if organization == credentials.organization else routes.refusal(problems.denied())


def _throttled(calls: int) -> Reply:
    return routes.refusal(problems.throttled(calls))


def _overworked(seconds: float, per: float) -> Reply:
    return routes.refusal(problems.overworked(seconds, per))


def _failure() -> Reply:
    return routes.refusal(problems.failure())


def _missing() -> Reply:
    return routes.refusal(problems.not_found())


def _answer(call: Call, context: Context) -> Reply:
    return routes.answer(CATALOG, call, context)


def _furnish(store: Store, organization: str, now: float) -> None:
    fixture.furnish(store, CATALOG.kinds, organization, now)


def _sow(store: Store, kind: str, wanted: object, now: float) -> list[str]:
    return sowing.sow(store, CATALOG.kinds, kind, wanted, now)


PRODUCTIVE: Final = Api(
    prefix="/api/v2",
    limits=LIMITS,
    refuse=_refuse,
    throttled=_throttled,
    overworked=_overworked,
    failure=_failure,
    missing=_missing,
    answer=_answer,
    furnish=_furnish,
    sow=_sow,
    storage=store_file,
)
