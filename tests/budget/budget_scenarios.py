"""What the budget's tests share: calls with lattice times, the run of them in virtual time, and a plain oracle.

The invariants are those of BUDGETS.md 6; the docstring of a test begins with those that it is about::

    I1   no window counts too many                     test_budget_limits, test_budget_file_log
    I2   first come, first served within a lane        test_budget_order
    I3   never idle while the head would fit           test_budget_order, against `oracle`
    I4   the last send is at T(k)                      test_budget_order
    I5   no permit leaks                               test_budget_limits
    I6   no lane stands in another's way               test_budget_order
    I7   nothing is saved up in a stall                test_budget_limits
    I8   I1 over crashes and restarts                  test_budget_file_log
    I9   a log has one owner                           test_budget_file_log
    I10  I1 over processes                             test_budget_file_log
    I11  an estimating server refuses nothing          test_budget_limits (pacer), test_budget_counter (profile)
    I12  hits at the server are permits taken          tests/dispatch/test_dispatch_paid.py

`mutants.py` shows that they have teeth.

Times come from a lattice, not from a continuum: coincidences and extremes are where limiters break (BUDGETS.md 6).
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from headrace.dispatch.budget import Budget, Permit
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time

EPSILON = 2e-3
"""Seconds: twice what the gate sleeps at least, far less than any step of the lattice."""
PRODUCTIVE = (Limit(100, 10), Limit(4000, 1800, "organization"), Limit(10, 30, routes="reports"))
LINGER = 5.0
"""Seconds: more than the longest way to the server below, as the theorem demands."""

latencies = st.sampled_from([0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
fates = st.sampled_from(["answer", "answer", "answer", "lose", "raise", "throttle", "refund", "cancel", "cancel"])


def limits(routes: str | None = None, *, most: int = 6) -> st.SearchStrategy[list[Limit]]:
    """One to three small windows, of at most `most` calls each, general or of one route class."""
    windows = st.builds(
        Limit, st.integers(1, most), st.sampled_from([1.0, 2.5, 4.0, 9.0, 20.0]), st.just("token"), st.just(routes)
    )
    return st.lists(windows, min_size=1, max_size=3, unique_by=lambda limit: limit.per)


@dataclass(frozen=True)
class Call:
    """One request of a scenario. All times are seconds; `up` is the way to the server, `down` the way back."""

    at: float
    up: float = 0.0
    down: float = 0.0
    fate: str = "answer"
    cancel_after: float = 0.0
    retry_after: float | None = None
    route: str | None = None
    lane: Lane = Lane.ROWS


calls = st.builds(
    Call,
    at=st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 2.5, 4.0, 5.0, 9.0, 10.0, 20.0]),
    up=latencies,
    down=latencies,
    fate=fates,
    cancel_after=st.sampled_from([0.0, 0.1, 0.5, 1.0, 1.5, 2.5, 4.0, 9.0]),
    retry_after=st.sampled_from([None, 0.0, 1.0, 7.0]),
    route=st.sampled_from([None, None, "reports"]),
    lane=st.sampled_from(list(Lane)),
)


@dataclass
class Trace:
    """What a run did: when the server counted requests, by route class, and every pause that was asked for."""

    arrivals: dict[str | None, list[float]] = field(default_factory=lambda: defaultdict(list))
    sends: list[float] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)

    def counted_by(self, limit: Limit) -> list[float]:
        """Return the instants at which the server's window of `limit` counted."""
        return sorted(time for route, times in self.arrivals.items() if limit.routes in {None, route} for time in times)


async def play(budget: Budget, scenario: Sequence[Call]) -> Trace:
    """Run all calls against `budget`, each as a task of its own, and return when all have ended."""
    trace = Trace()

    async def live(call: Call) -> None:
        await asyncio.sleep(call.at)
        task = asyncio.ensure_future(_request(budget, call, trace))
        if call.fate == "cancel":
            asyncio.get_running_loop().call_later(call.cancel_after, task.cancel)
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*map(live, scenario))
    return trace


async def _request(budget: Budget, call: Call, trace: Trace) -> None:
    permit = await budget.acquire(call.route, call.lane)
    if call.fate == "refund":
        permit.refund()
        return
    try:
        now = virtual_time.clock()
        trace.sends.append(now)
        # The server counts what was sent, whatever becomes of us.
        trace.arrivals[call.route].append(now + call.up)
        await asyncio.sleep(call.up + call.down)
        _end(permit, call, trace)
    except BaseException:
        permit.lost()
        raise


def _end(permit: Permit, call: Call, trace: Trace) -> None:
    match call.fate:
        case "lose":
            permit.lost()
        case "raise":
            raise RuntimeError("the connection is gone")
        case "throttle":
            if call.retry_after is not None:
                trace.pauses.append((virtual_time.clock(), call.retry_after))
            permit.rejected(call.retry_after)
        case _:
            permit.settle()


def oracle(windows: Sequence[Limit], scenario: Sequence[Call]) -> list[float]:
    """Return when each call is granted by a gate that obeys the rules, worked out the slow and obvious way.

    A request holds a slot of every window it touches until its answer plus the window; where it was lost, `LINGER`
    longer. Whenever something happens, the first by lane, then by arrival, for which all its windows have room is
    granted, again and again.
    """
    granted: dict[int, float] = {}

    def fits(number: int, now: float) -> bool:
        call = scenario[number]
        return all(
            sum(_holds(scenario[other], at, limit, now) for other, at in granted.items()) < limit.calls
            for limit in windows
            if limit.routes in {None, call.route}
        )

    now = 0.0
    while len(granted) < len(scenario):
        waiting = [n for n, call in enumerate(scenario) if n not in granted and call.at <= now]
        turn = sorted(waiting, key=lambda n: (scenario[n].lane, scenario[n].at))
        chosen = next((n for n in turn if fits(n, now)), None)
        if chosen is not None:
            granted[chosen] = now
            continue
        events = [call.at for call in scenario]
        events += [_counted_by(scenario[n], at) + limit.per for n, at in granted.items() for limit in windows]
        now = min(event for event in events if event > now)
    return [granted[number] for number in range(len(scenario))]


def _holds(call: Call, granted_at: float, limit: Limit, now: float) -> bool:
    return limit.routes in {None, call.route} and now < _counted_by(call, granted_at) + limit.per


def _counted_by(call: Call, granted_at: float) -> float:
    """Return when the server has counted `call` at the latest."""
    return granted_at + call.up + (LINGER if call.fate == "lose" else 0.0)


def fastest(requests: int, short: Limit, long: Limit) -> float:
    """Return T(k) of BUDGETS.md 3: the seconds until the last of `requests` sends, with nothing spent before."""
    rounds, rest = divmod(requests - 1, long.calls)
    return long.per * rounds + short.per * math.floor(rest / short.calls)
