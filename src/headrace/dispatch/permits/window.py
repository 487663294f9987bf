"""A window of the budget: a provider's limit as the permit log keeps it, scaled and with its slack."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from headrace.provider import Limit

CLOCK_OFFSET: Final = 0.05
"""Seconds by which the clocks of the servers behind one address may differ."""
CLOCK_DRIFT: Final = 500e-6
"""How far apart our clock and the server's may run, per second: the most that NTP slews a clock by."""


class Window(Struct, frozen=True, gc=False):
    """At most `calls` permits at a time, each held for `hold` seconds after the server has counted it.

    `key` says whose window it is: the scope, the credential's digest and the limit. `name` is for people. `routes` is
    the class of requests that it counts, None for all. `per` is the window's length at the server, in seconds, `limit`
    what it allows to all who use it, of which `calls` is our part. `is_counter_safe` asks that a server which estimates
    the window from two fixed ones (`history`) is satisfied too. A log goes by the window that it is asked with: calls
    and safety may differ from one time to the next.
    """

    key: str
    name: str
    calls: int
    hold: float
    routes: str | None = None
    per: float = 0.0
    limit: int = 0
    is_counter_safe: bool = False


def slack(per: float) -> float:
    """Return the default margin, in seconds, on top of a window of `per` seconds."""
    return CLOCK_OFFSET + CLOCK_DRIFT * per


def windows(
    limits: Sequence[Limit], *, share: float = 1.0, scopes: Mapping[str, str] | None = None, margin: float | None = None
) -> tuple[Window, ...]:
    """Return the windows of `limits`, each scaled to `share` of its calls, but at least one.

    `scopes` maps a scope (`token`, `organization`) to what identifies its owner, a digest and never the credential.
    `margin` replaces the default slack, in seconds.
    """
    owners = scopes or {}
    return tuple(
        Window(
            key=f"{limit.scope}:{owners.get(limit.scope, '')}:{limit.name}",
            name=limit.name,
            calls=scaled(limit, share),
            hold=limit.per + (slack(limit.per) if margin is None else margin),
            routes=limit.routes,
            per=limit.per,
            limit=limit.calls,
        )
        for limit in limits
    )


def scaled(limit: Limit, share: float) -> int:
    """Return how many calls of `limit` are ours at `share` of it: rounded down, at least one."""
    return max(1, math.floor(limit.calls * share))
