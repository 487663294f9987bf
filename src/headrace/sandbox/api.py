"""One API as the sandbox plays it: what a provider's folder hands to the core. Plain functions in a value."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from headrace.sandbox.audit import Audit
from headrace.sandbox.effects import Conduct
from headrace.sandbox.limits import Limit
from headrace.sandbox.message import Call, Reply
from headrace.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client must present. Nothing is accepted once they are revoked."""

    token: str
    organization: str
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What the execution of one request may touch."""

    store: Store
    audit: Audit
    conduct: Conduct
    random: Random
    organization: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Api:
    """A provider's API. `prefix` is the path of its base URL; all functions are pure but for the store.

    `refuse` returns the answer to a call without valid credentials, None where they are good; `throttled` the 429 for a
    limit of so many calls, without the header that says when to come back, and `overworked` that for so many seconds of
    the server's time in so many seconds; `failure` the API's own 500; `missing` the 404 of a path outside the API;
    `answer` executes a call. `furnish` fills the fresh store of an organization with the fixture; `sow` adds reference
    records of a type to it and returns their ids, raising ValueError for what cannot be. `identify` makes of a type and
    a number the id that clients see; `reset` is the header of a 429 that says when to come back, `none` for none.
    `storage` takes files, beside the API, where there is one.
    """

    prefix: str
    limits: tuple[Limit, ...]
    refuse: Callable[[Call, Credentials], Reply | None]
    throttled: Callable[[int], Reply]
    overworked: Callable[[float, float], Reply]
    failure: Callable[[], Reply]
    missing: Callable[[], Reply]
    answer: Callable[[Call, Context], Reply]
    furnish: Callable[[Store, str, float], None]
    sow: Callable[[Store, str, object, float], list[str]]
    identify: Callable[[str, int], str] = lambda _, number: str(number)
    reset: str = "x-ratelimit-reset"
    storage: Callable[[Call, Context], Reply] | None = None
