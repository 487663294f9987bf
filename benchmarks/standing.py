"""The standing: how a contender's schedule compares with the shortest possible, and with what servers allow."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from benchmarks.contender import LONG, SHORT
from benchmarks.schedule import FEW, MANY, Cost, Schedule
from msgspec import Struct

from headrace.provider import Limit
from headrace.testing.servers import MODELS, Model, refusals, worst_window

PHASES: Final = 20
"""At how many alignments of its windows a server is asked."""
PHASED: Final = frozenset({"counter", "fixed"})
"""The models whose windows are aligned to a clock of their own."""


class Rule(Struct, frozen=True):
    """A server: how it counts, and which limits it enforces."""

    model: str
    limits: Sequence[Limit] = (SHORT, LONG)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {name: Rule(name) for name in MODELS} | {"counter, 10 s": Rule("counter", (SHORT,))}
)
"""The five models enforce both windows. The counter is asked once more without the long one, for which no greedy
schedule is even enough: it shows what pacing the short one is worth."""


class Standing(Struct, frozen=True, kw_only=True):
    """How a contender did. Times are seconds; `ratio` is the last send's over T(k), below 1 where limits are broken.

    `worst_short` and `worst_long` are the most requests that arrived in any half-open window of either length,
    `refused` the 429s of each server, at the worst of its phases; nobody reacts to them. `played` is how many seconds
    of CPU time the simulation of it took, `costs` what a permit costs while so many wait.
    """

    name: str
    requests: int
    last_send: float
    ratio: float
    worst_short: int
    worst_long: int
    refused: Mapping[str, int]
    played: float
    costs: Mapping[int, Cost]


class Absent(Struct, frozen=True):
    """A library that is not installed here."""

    name: str


class Ranking(Struct, frozen=True, kw_only=True):
    """How all contenders did with the same number of requests."""

    name: str
    about: str
    figures: tuple[Standing | Absent, ...]


def standing(name: str, took: Schedule, costs: Mapping[int, Cost]) -> Standing:
    """Judge the schedule that the contender of this name took."""
    requests, last = len(took.sends), max(took.sends)
    return Standing(
        name=name,
        requests=requests,
        last_send=last,
        ratio=last / shortest(requests),
        worst_short=worst_window(took.arrivals, SHORT.per),
        worst_long=worst_window(took.arrivals, LONG.per),
        refused={server: _refused(took.arrivals, rule) for server, rule in RULES.items()},
        played=took.played,
        costs=costs,
    )


def shortest(requests: int) -> float:
    """Return T(k): in how many seconds at best the last of `requests` is sent; above 0 for more than `SHORT.calls`."""
    rounds, rest = divmod(requests - 1, LONG.calls)
    return LONG.per * rounds + SHORT.per * (rest // SHORT.calls)


def _refused(arrivals: Sequence[float], rule: Rule) -> int:
    times, model = sorted(arrivals), MODELS[rule.model]
    phases = PHASES if rule.model in PHASED else 1
    return max(_refused_at(times, model, rule.limits, place / phases) for place in range(phases))


def _refused_at(times: Sequence[float], model: Model, limits: Sequence[Limit], phase: float) -> int:
    """Return how many are refused where every window begins `phase` of its length early."""
    return refusals(times, [model(limit.calls, limit.per, limit.per * phase) for limit in limits])


def _refusals_of(server: str, one: Standing) -> str:
    return f"{one.refused[server]:,}"


def _cost_of(waiters: int, one: Standing) -> str:
    cost = one.costs[waiters]
    return f"{'~' * cost.is_cut}{cost.cpu_us:,.0f}"


COLUMNS: Final[Mapping[str, Callable[[Standing], str]]] = MappingProxyType(
    {
        "last send s": lambda one: f"{one.last_send:,.1f}",
        "x T(k)": lambda one: f"{one.ratio:.4f}",
        "in 10 s": lambda one: f"{one.worst_short:,}",
        "in 1800 s": lambda one: f"{one.worst_long:,}",
        **{server: partial(_refusals_of, server) for server in RULES},
        **{f"us/permit, {waiters:,}": partial(_cost_of, waiters) for waiters in (FEW, MANY)},
        "CPU s": lambda one: f"{one.played:,.1f}",
    }
)
