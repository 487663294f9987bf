"""The sandbox's options: everything about it that can be chosen, checked once."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from headrace.sandbox.faults import Rule

WindowName: TypeAlias = Literal["fixed", "sliding", "counter", "off"]
ResetName: TypeAlias = Literal["x-ratelimit-reset", "retry-after", "none"]
PointerName: TypeAlias = Literal["plain", "indexed"]
AtomicityName: TypeAlias = Literal["atomic", "partial"]
OrderName: TypeAlias = Literal["same", "shuffled"]
IncludesName: TypeAlias = Literal["shown", "ignored", "refused"]
ShapeName: TypeAlias = Literal["wrapped", "bare"]
PlanName: TypeAlias = Literal["paid", "free"]

_CHOICES: Final[dict[str, Any]] = {
    "window": WindowName,
    "reset": ResetName,
    "pointers": PointerName,
    "atomicity": AtomicityName,
    "order": OrderName,
    "includes": IncludesName,
    "shape": ShapeName,
    "plan": PlanName,
}


def _token() -> str:
    return secrets.token_hex(20)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How a sandbox behaves. The limits themselves are the vendor's and cannot be chosen, only how they are counted.

    `port` 0 picks a free one; it always listens on loopback. `window` is the algorithm behind every limit, and
    `counts_rejected` says whether a 429 uses up budget too. `reset` names the header of a 429 that says when to come
    back, None for the API's own. `latency` is the shortest and the longest time in milliseconds between a request's
    departure and its answer. `pointers` says whether the errors of a bulk request name the record
    (`data/1/attributes/x`), `atomicity` whether a bulk request with a bad record stores the good ones, `order` whether
    its answer keeps the request's order, `max_bulk` the most records one takes. `includes` says what becomes of
    the relationships that a create asks to see, of which no vendor's page speaks. `shape` says whether records come
    wrapped in a key or bare, where the vendor's pages contradict each other, and `plan` what the account has paid for,
    where that matters. `runtime` is what a request and each of its records cost, in seconds of the server's time,
    `server_time` how many of these an hour allows, None for any number. `seed` makes everything random repeatable, but
    for the token if none is given. Raises ValueError for a value that is not one of these.
    """

    provider: str = "productive"
    port: int = 0
    window: WindowName = "sliding"
    counts_rejected: bool = False
    reset: ResetName | None = None
    latency: tuple[float, float] = (0.0, 0.0)
    faults: tuple[Rule, ...] = ()
    seed: int = 0
    pointers: PointerName = "plain"
    atomicity: AtomicityName = "atomic"
    order: OrderName = "same"
    includes: IncludesName = "shown"
    max_bulk: int = 100
    shape: ShapeName = "wrapped"
    plan: PlanName = "paid"
    runtime: tuple[float, float] = (0.040, 0.002)
    server_time: float | None = None
    token: str = field(default_factory=_token, repr=False)
    organization: str = "948"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in {*get_args(choices), *((None,) if name == "reset" else ())}:
                raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, not {getattr(self, name)!r}")
        if not 0 <= self.latency[0] <= self.latency[1] <= 600_000:
            raise ValueError("latency must be two numbers of milliseconds, the smaller first, at most 600000")
        if not (self.organization.isascii() and self.organization.isdigit()):
            raise ValueError("organization must be a number")
        if min(self.runtime) < 0 or (self.server_time is not None and self.server_time <= 0):
            raise ValueError("runtime must be two numbers of seconds, server_time a number of seconds above 0")
        if self.max_bulk < 1 or not self.token:
            raise ValueError("max_bulk must be at least 1 and token not empty")
