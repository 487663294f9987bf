"""The meter of a run: what it has spent, of a budget that others use too."""

from headrace.dispatch.budget import Budget
from headrace.dispatch.clock import Clock


class Meter:
    """What a run has spent since it began: its own seconds, requests and 429s."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._began = clock()
        self._before = budget.statistics()

    @property
    def seconds(self) -> float:
        """How long ago the run began."""
        return self._clock() - self._began

    def spent(self) -> dict[str, int]:
        """Return the requests sent and the 429s received, by the names that reports have for them."""
        now, before = self._budget.statistics(), self._before
        return {
            "requests": now.granted - now.refunded - (before.granted - before.refunded),
            "throttled": now.throttled - before.throttled,
        }
