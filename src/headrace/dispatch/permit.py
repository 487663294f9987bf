"""The permit: leave to send one request, and the account of what became of all of them. Between gate and wire."""

from typing import Final

from headrace.dispatch.clock import Clock
from headrace.dispatch.pause import Pause
from headrace.dispatch.permits import Lease, PermitLog

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

    def settle(self) -> None:
        """Note that an answer came, whatever its status."""
        if (lease := self._end()) is not None:
            self._account.settle(lease, self._sent_at)

    def lost(self) -> None:
        """Note that a byte may have left and no complete answer came: the server may count the request yet."""
        if (lease := self._end()) is not None:
            self._account.lose(lease)

    def refund(self) -> None:
        """Note that not a byte left: the request never was."""
        if (lease := self._end()) is not None:
            self._account.refund(lease)

    def rejected(self, retry_after: float | None = None) -> None:
        """Note a 429. It pauses the whole gate for `retry_after` seconds, or where it does not say, for 2 to 60."""
        if (lease := self._end()) is not None:
            self._account.reject(lease, self._sent_at, retry_after)

    def _end(self) -> Lease | None:
        lease, self._lease = self._lease, None
        return lease

    def __repr__(self) -> str:
        return "<Permit: ended>" if self._lease is None else "<Permit: open>"


class Account:
    """What became of the permits of one budget: tells the log and the pause, and counts.

    Mutable state: the counters, and `round_trip`, the mean seconds from a permit to its answer.
    """

    def __init__(self, log: PermitLog, pause: Pause, clock: Clock) -> None:
        self._log = log
        self._pause = pause
        self._clock = clock
        self._answers_averaged = 0
        self.granted = 0
        self.refunded = 0
        self.throttled = 0
        self.lost = 0
        self.round_trip = EXPECTED_ROUND_TRIP

    def grant(self, lease: Lease) -> Permit:
        """Open a permit for a request that is sent now."""
        self.granted += 1
        return Permit(self, lease, self._clock())

    def settle(self, lease: Lease, sent_at: float) -> None:
        """See `Permit.settle`."""
        self._note_round_trip(self._clock() - sent_at)
        self._pause.accept(sent_at)
        self._log.settle(lease)

    def reject(self, lease: Lease, sent_at: float, retry_after: float | None) -> None:
        """See `Permit.rejected`."""
        self.throttled += 1
        self._pause.reject(self._clock(), sent_at, retry_after)
        self._log.settle(lease)

    def lose(self, lease: Lease) -> None:
        """See `Permit.lost`."""
        self.lost += 1
        self._log.lost(lease)

    def refund(self, lease: Lease) -> None:
        """See `Permit.refund`."""
        self.refunded += 1
        self._log.refund(lease)

    def _note_round_trip(self, seconds: float) -> None:
        self._answers_averaged = min(self._answers_averaged + 1, ROUND_TRIPS_REMEMBERED)
        self.round_trip += (seconds - self.round_trip) / self._answers_averaged

    def __repr__(self) -> str:
        return f"<Account: {self.granted} granted, {self.throttled} throttled, {self.lost} lost>"
