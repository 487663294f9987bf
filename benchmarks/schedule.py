"""The schedule: when a contender sends so many requests, and what a permit costs it; in virtual time, so in no time."""

import asyncio
import itertools
import math
import random
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.contender import Contender
from msgspec import Struct
from msgspec.structs import replace

from headrace.testing import virtual_time

CONNECTIONS: Final = 25
"""Requests under way at once."""
FEW, MANY = 100, 10_000
"""How many wait at once while a permit's cost is measured: it should be the same for both."""
LONGEST: Final = 3.0
"""Seconds of CPU time after which measuring the cost of a permit is cut short: who polls would take hours."""

SEED: Final = 1
FASTEST, MEDIAN, SLOWEST, SPREAD = 0.05, 0.14, 0.4, 0.5
"""Seconds of one way, to the server or back: lognormal about the median, clipped."""


class Schedule(Struct, frozen=True):
    """When requests were sent and when the server counted them, in order of sending, in seconds from the start.

    `played` is how many seconds of CPU time it took to simulate.
    """

    sends: tuple[float, ...]
    arrivals: tuple[float, ...]
    played: float = 0.0


class Cost(Struct, frozen=True, kw_only=True):
    """What a permit costs: `cpu_us` of CPU time, its task's start and wake-up included, over so many `permits`.

    `is_cut` says that it was not measured to the end, so that more were waiting on average than for the others.
    """

    cpu_us: float
    permits: int
    is_cut: bool


def schedule(contender: Contender, requests: int) -> Schedule:
    """Have `contender` send `requests` over `CONNECTIONS` connections, each as soon as it may."""
    began = time.process_time()
    took = virtual_time.run(_send, contender, requests)
    return replace(took, played=time.process_time() - began)


def cost(contender: Contender, waiters: int) -> Cost:
    """Measure what a permit costs while so many wait for one."""
    return virtual_time.run(_crowd, contender, waiters)


async def _send(contender: Contender, requests: int) -> Schedule:
    clock = asyncio.get_running_loop().time
    left, ways, started = iter(range(requests)), _ways(contender), clock()
    sends, arrivals = [], []
    with contender.enter(clock) as acquire:

        async def send() -> None:
            for _ in left:
                answered = await acquire()
                there, back = next(ways), next(ways)
                sends.append(clock() - started)
                arrivals.append(sends[-1] + there)
                await asyncio.sleep(there + back)
                answered()

        await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
    return Schedule(tuple(sends), tuple(arrivals))


def _ways(contender: Contender) -> Iterator[float]:
    """Yield how long one way after the other takes: the same for every contender."""
    if contender.is_instant:
        return itertools.repeat(0.0)
    chance = random.Random(SEED)
    return (min(max(chance.lognormvariate(math.log(MEDIAN), SPREAD), FASTEST), SLOWEST) for _ in itertools.count())


async def _crowd(contender: Contender, waiters: int) -> Cost:
    began, permits, is_over = time.process_time(), itertools.count(1), asyncio.Event()
    with contender.enter(asyncio.get_running_loop().time) as acquire:

        async def pass_once() -> None:
            answered = await acquire()
            answered()
            if next(permits) == waiters or time.process_time() - began > LONGEST:
                is_over.set()

        crowd = [asyncio.ensure_future(pass_once()) for _ in range(waiters)]
        await is_over.wait()
        spent, passed = time.process_time() - began, sum(task.done() for task in crowd)
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
    return Cost(cpu_us=spent / passed * 1e6, permits=passed, is_cut=passed < waiters)
