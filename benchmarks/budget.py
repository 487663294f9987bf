"""Budgets: how fast limiters spend the same two windows, and how often five kinds of servers would refuse them.

All of it in virtual time, so the schedules are the same on every machine; only a permit's cost is measured.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Final

from benchmarks.contender import Contender
from benchmarks.options import Options
from benchmarks.schedule import FEW, MANY, Cost, cost, schedule
from benchmarks.standing import Absent, Ranking, Standing, standing

SIZES: Final = (600, 4_000, 10_000)
FULL_SIZES: Final = (*SIZES, 100_000)

LIMITERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "headrace": "ours",
        "aiolimiter": "leaky",
        "pyrate-limiter": "pyrate",
        "limits": "moving",
        "throttled-py": "throttle",
    }
)
"""Libraries, and the modules in `benchmarks.limiters` that set them up. The last three come with headrace's `bench`."""

ABOUT: Final = "100 in 10 s and 4000 in 1800 s, 25 connections, each way 50-400 ms (lognormal, median 140), no retries"


def measure(options: Options) -> Iterator[Ranking]:
    """Compare all contenders at one size after the other."""
    for size in FULL_SIZES if options.is_full else SIZES:
        figures = tuple(_figures(size, options.rounds))
        yield Ranking(name=f"budget, {size:,} requests", about=ABOUT, figures=figures)


def _figures(requests: int, rounds: int) -> Iterator[Standing | Absent]:
    for library, module in LIMITERS.items():
        if not is_installed(library):
            yield Absent(library)
        else:
            contenders: tuple[Contender, ...] = import_module(f"benchmarks.limiters.{module}").CONTENDERS
            yield from (standing(one.name, schedule(one, requests), _costs(one, rounds)) for one in contenders)


def is_installed(library: str) -> bool:
    """Return whether there is a library of this name here."""
    try:
        version(library)
    except PackageNotFoundError:
        return False
    return True


@cache
def _costs(contender: Contender, rounds: int) -> Mapping[int, Cost]:
    """Return what a permit costs, by how many wait; it does not depend on how many are to be sent."""
    return {waiters: _cost(contender, waiters, rounds) for waiters in (FEW, MANY)}


def _cost(contender: Contender, waiters: int, rounds: int) -> Cost:
    """Return the median over `rounds`."""
    costs = [cost(contender, waiters)]
    while len(costs) < rounds and not costs[0].is_cut:
        costs.append(cost(contender, waiters))
    return sorted(costs, key=lambda one: one.cpu_us)[len(costs) // 2]
