"""The permit: leave to send one request, and the account of what became of all of them. Between gate and wire."""

from typing import Final

from headrace.dispatch.allowance import Allowance, Surprise
from headrace.dispatch.clock import Clock
from headrace.dispatch.pause import Pause
from headrace.dispatch.permits import Lease, PermitLog, Window
from headrace.dispatch.work import Work
from headrace.provider import Hit

EXPECTED_ROUND_TRIP: Final = 0.25
"""Seconds: the mean round trip until one has been measured."""
ROUND_TRIPS_REMEMBERED: Final = 100
"""Over about how many of the last answers the mean round trip is taken."""


class Permit:
    """Leave to send one request, now. Whoever holds it says once what became of it; the first word counts.

    None of the methods waits: what was paid for can be settled while its task is being cancelled.
    """

    __slots__ = ("_account", "_lease", "_sent_at")

    def __init__(self, account: "Account", lease: Lease, sent_at: float) -> None:
        self._account = account
        self._sent_at = sent_at
        # Mutable state: None once it has been told what became of the request.
        self._lease: Lease | None = lease

    def settle(self, runtime: float | None = None, date: str = "") -> None:
        """Note that an answer came, whatever its status.

        `runtime` is how many seconds it took the server, None where it does not say; `date` its `Date` header.
        """
        if (lease := self._end()) is not None:
            self._account.settle(lease, self._sent_at)
            if runtime is None:
                self._account.presume(self._sent_at)
            else:
                self._account.work.note(runtime, date)

    def lost(self) -> None:
        """Note that a byte may have left and no complete answer came: the server may count the request yet."""
        if (lease := self._end()) is not None:
            self._account.lose(lease)
            self._account.presume(self._sent_at)

    def refund(self) -> None:
        """Note that not a byte left: the request never was."""
        if (lease := self._end()) is not None:
            self._account.refund(lease)

    def rejected(self, retry_after: float | None = None, named: Hit | None = None) -> None:
        """Note a 429. It pauses the whole gate for `retry_after` seconds, or where it does not say, for 2 to 60.

        `named` is the limit that the answer names, None where it names none. See `Allowance` for what else follows.
        """
        if (lease := self._end()) is not None:
            self._account.reject(lease, self._sent_at, retry_after, named)

    def _end(self) -> Lease | None:
        lease, self._lease = self._lease, None
        return lease

    def __repr__(self) -> str:
        return "<Permit: ended>" if self._lease is None else "<Permit: open>"


class Account:
    """What became of the permits of one budget: tells the log and the pause, and counts.

    Mutable state: the counters, `round_trip`, the mean seconds from a permit to its answer, and who is under way.
    """

    def __init__(self, log: PermitLog, pause: Pause, allowance: Allowance, work: Work, clock: Clock) -> None:
        self._log = log
        self._pause = pause
        self._allowance = allowance
        self.work = work
        self._clock = clock
        self._answers_averaged = 0
        self._under_way: dict[int, tuple[Lease, float]] = {}
        self.granted = 0
        self.refunded = 0
        self.throttled = 0
        self.lost = 0
        self.round_trip = EXPECTED_ROUND_TRIP

    def grant(self, lease: Lease) -> Permit:
        """Open a permit for a request that is sent now."""
        sent_at = self._clock()
        self.granted += 1
        self._under_way[lease.number] = lease, sent_at
        self.work.under_way += 1
        return Permit(self, lease, sent_at)

    def settle(self, lease: Lease, sent_at: float) -> None:
        """See `Permit.settle`."""
        self._arrived(lease)
        self._note_round_trip(self._clock() - sent_at)
        self._pause.accept(sent_at)
        self._log.settle(lease)

    def reject(self, lease: Lease, sent_at: float, retry_after: float | None, named: Hit | None) -> None:
        """See `Permit.rejected`."""
        self._arrived(lease)
        self.throttled += 1
        now = self._clock()
        self._pause.reject(now, sent_at, retry_after)
        if named is None or not self.work.exhaust(named):
            self._allowance.hit(lease.windows, self._log.used, Surprise(now, retry_after, named))
        self._log.settle(lease)

    def lose(self, lease: Lease) -> None:
        """See `Permit.lost`."""
        self._arrived(lease)
        self.lost += 1
        self._log.lost(lease)

    def refund(self, lease: Lease) -> None:
        """See `Permit.refund`."""
        self._arrived(lease)
        self.refunded += 1
        self._log.refund(lease)

    def presume(self, sent_at: float) -> None:
        """Note that nobody says how long the server worked for a request sent at `sent_at`: at most until now."""
        self.work.presume(self._clock() - sent_at)

    def answers(self, window: Window | None = None) -> list[float]:
        """Return in how many seconds the answers of those under way (in `window`) are expected, in no order."""
        expected_since = self._clock() - self.round_trip
        # By their keys: calls and safety of a window may have changed since the lease.
        return [
            max(0.0, at - expected_since)
            for lease, at in self._under_way.values()
            if window is None or any(one.key == window.key for one in lease.windows)
        ]

    def _arrived(self, lease: Lease) -> None:
        del self._under_way[lease.number]
        self.work.under_way -= 1

    def _note_round_trip(self, seconds: float) -> None:
        self._answers_averaged = min(self._answers_averaged + 1, ROUND_TRIPS_REMEMBERED)
        self.round_trip += (seconds - self.round_trip) / self._answers_averaged

    def __repr__(self) -> str:
        return f"<Account: {self.granted} granted, {self.throttled} throttled, {self.lost} lost>"
