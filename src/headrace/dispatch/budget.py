"""The budget: what a provider's limits allow, kept for one credential. Every physical request passes it.

    gate (all windows in one step) -> pacer -> the request is sent -> settle | lost | refund | rejected

No window of the server ever counts more than its limit because of us, whatever the latency (BUDGETS.md, section 2).
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial

import anyio
from aiolimiter import AsyncLimiter
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from headrace.dispatch import pacing
from headrace.dispatch.allowance import Allowance
from headrace.dispatch.clock import Clock, boottime
from headrace.dispatch.decay import Decay
from headrace.dispatch.forecast import Course, Pace, Track, last_send
from headrace.dispatch.gate import Gate, bounded
from headrace.dispatch.pacing import Pacer
from headrace.dispatch.pause import Jitter, Pause, exactly
from headrace.dispatch.permit import Account, Permit
from headrace.dispatch.permits import PermitLog, Window
from headrace.dispatch.permits.memory import LINGER, MemoryLog
from headrace.dispatch.permits.window import windows
from headrace.dispatch.work import Work
from headrace.model import Lane, WindowUse
from headrace.provider import Limit, WorkLimit

__all__ = ["Budget", "BudgetStatistics", "Permit", "WindowUse", "WorkUse"]


class WorkUse(Struct, frozen=True):
    """How much of a quota of the server's time is used now: `used` of `limit` seconds."""

    name: str
    used: float
    limit: float


class BudgetStatistics(Struct, frozen=True, kw_only=True):
    """The budget now, and what has passed it since it was made.

    `waiting` requests stand before the gate, which is shut for `paused_for` more seconds. `granted` counts permits,
    `refunded` those of them that were not used, `throttled` 429s, `lost` requests without an answer. `round_trip` is
    the mean seconds to an answer. The limits are those that we keep to now, less than the vendor's after 429s that
    nothing of ours explains; `is_counter_safe` says that long ones are then spent more evenly (`Budget`).
    """

    windows: tuple[WindowUse, ...]
    work: tuple[WorkUse, ...]
    waiting: int
    paused_for: float
    granted: int
    refunded: int
    throttled: int
    lost: int
    round_trip: float
    is_counter_safe: bool


class Budget:
    """The limits of one provider for one credential. One event loop; any number of tasks.

    `log` keeps the permits, by default in memory (`linger`, in seconds, and `clock` are then its own). It may be shared
    with other budgets, and `scopes` then says whose windows these are: scope (`token`, `organization`) to a digest of
    its owner. `pacer` spaces requests out; by default it is made for `limits` (`pacing.limiter`), None leaves it out.
    `share`, above 0 and at most 1, is the part of every limit that is ours. `slack`, in seconds, replaces the default
    margin for clocks. `is_counter_safe` keeps long windows in the way that satisfies servers which estimate them from
    two fixed ones (`permits.history`): from the start, and not from the first unexplained 429 on. `work` are quotas of
    the server's own time. `jitter` makes pauses a little longer (`pause.SPREAD`), by default not.

    Without limits, as for `--no-limits`, it only counts; nothing waits, except in the pause that a 429 asks for.
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        *,
        log: PermitLog | None = None,
        pacer: AsyncLimiter | UnsetType | None = UNSET,
        share: float = 1.0,
        linger: float = LINGER,
        slack: float | None = None,
        scopes: Mapping[str, str] | None = None,
        is_counter_safe: bool = False,
        work: Sequence[WorkLimit] = (),
        jitter: Jitter = exactly,
        clock: Clock = boottime,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError("share is a part of the limits: above 0, at most 1")
        limiter = pacing.limiter(limits, share=share) if pacer is UNSET else pacer
        self._allowance = Allowance(
            windows(limits, share=share, scopes=scopes, margin=slack), is_counter_safe=is_counter_safe
        )
        self._log = MemoryLog(linger=linger, clock=clock) if log is None else log
        self._clock = clock
        self._pacer = None if limiter is None else Pacer(limiter, clock)
        self._pause = Pause(jitter)
        self._work = Work(work, self._log, scopes or {}, clock=clock, wall=time.time)
        self._account = Account(self._log, self._pause, self._allowance, self._work, clock)
        self._gate = Gate(self._allowance, self._log, self._pause, self._pacer, self._work, clock=clock)

    async def acquire(self, route: str | None, lane: Lane) -> Permit:
        """Wait until one more request of the route class `route` (None: the general one) may be sent.

        The request must then be sent at once, and its end be told to the permit. Requests of one lane and route class
        go in the order in which they came; those of the lanes before go first. Cancelled, it costs nothing.
        """
        lease = await self._gate.enter(route, lane)
        try:
            await self._pass()
        except BaseException:
            self._log.refund(lease)
            raise
        finally:
            self._gate.leave()
        return self._account.grant(lease)

    async def _pass(self) -> None:
        """Leave the pacer; if a 429 came meanwhile, when its pause is over."""
        if self._pacer is not None:
            await self._pacer.pace()
        while (left := self._pause.left(self._clock())) > 0:  # noqa: ASYNC110  # time ends a pause, and no event
            await anyio.sleep(bounded(left))

    def eta(self, requests: int, route: str | None = None, *, concurrency: int | None = None) -> float:
        """Return in how many seconds the last of `requests` is sent, if none but they are sent from now on.

        Those who wait already are among them. `concurrency` is how many are under way at once, None for as many as the
        limits allow. The round trip is the mean of those seen so far.
        """
        course = self.course(route)
        if concurrency is not None:
            course = replace(course, tracks=[*course.tracks, Track(concurrency, 0.0, course.under_way)])
        return last_send(requests, course, route)

    def course(self, *routes: str | None) -> Course:
        """Return all that decides when general requests and those of `routes` are sent from now on; see `forecast`."""
        pacer = self._pacer
        touched = [window for window in self._allowance.windows if window.routes in {None, *routes}]
        return Course(
            tracks=[self._track(window) for window in touched],
            # What was cut comes back in the tracks; the pace comes back with it.
            pace=Pace() if pacer is None else Pace(pacer.full_gap, pacer.tolerance, pacer.backlog),
            round_trip=self._account.round_trip,
            pause=self._pause.left(self._clock()),
            under_way=sorted(self._account.answers()),
            turnstiles=self._work.turnstiles()
            | {one.name: partial(self._decay, one) for one in touched if one.is_counter_safe},
            gates=self._work.gates(),
            apart={window.name: window.routes for window in touched},
        )

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows as they may be used now."""
        return self._allowance.windows

    def statistics(self) -> BudgetStatistics:
        """Return the state of every window, and the counters."""
        account = self._account
        return BudgetStatistics(
            windows=tuple(
                WindowUse(window.name, self._log.used(window), window.calls) for window in self._allowance.windows
            ),
            work=tuple(WorkUse(limit.name, seconds, limit.seconds) for limit, seconds in self._work.used()),
            waiting=self._gate.waiting,
            paused_for=self._pause.left(self._clock()),
            granted=account.granted,
            refunded=account.refunded,
            throttled=account.throttled,
            lost=account.lost,
            round_trip=account.round_trip,
            is_counter_safe=self._allowance.is_counter_safe,
        )

    def notices(self) -> tuple[str, ...]:
        """Return what the user should know about how it went, in sentences."""
        notice = self._allowance.notice()
        return () if notice is None else (notice,)

    def _decay(self, window: Window) -> Decay:
        counted = [(seconds - window.hold, 1) for seconds in self._log.releases(window)]
        awaited = [(seconds, 1) for seconds in self._account.answers(window)]
        past = [(-age, number) for age, number in self._log.past(window)]
        return Decay(window.calls, window.hold, [*past, *counted, *awaited], self._account.round_trip)

    def _track(self, window: Window) -> Track:
        known = self._log.releases(window)
        answers = self._account.answers(window)
        # Who is being paced has a slot already and is still to be sent; the rest belongs to others who share the log.
        passing = self._gate.passing
        is_touched = passing is not None and window in passing.windows
        others = self._log.used(window) - len(known) - len(answers) - is_touched
        answers += [self._account.round_trip] * others
        # What was cut from a window is as good as taken, until it comes back.
        returns = self._allowance.returns(window, self._clock())
        releases = sorted([*known, *(seconds + window.hold for seconds in answers), *returns])
        return Track(window.calls + len(returns), window.hold, releases, window.name)

    def __repr__(self) -> str:
        now = self.statistics()
        used = ", ".join(f"{use.used} of {use.name}" for use in now.windows)
        pause = f", paused for {now.paused_for:.1f} s" if now.paused_for else ""
        return f"<Budget: {used or 'no limits'}, {now.waiting} waiting{pause}>"
