"""The audit: what arrived, what was refused, the worst window of each limit. Exact, in bounded memory."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from headrace.sandbox.limits import Limit
from headrace.sandbox.message import Call, Reply
from headrace.sandbox.store import Store

MAX_TIMES: Final = 1_000_000
"""How many arrivals one window remembers. A worst count of this size means "at least"."""

MAX_EXAMPLES: Final = 20
"""How many groups of duplicates are shown per type, and how many unknown attributes are told apart."""


class Busiest:
    """The most arrivals in any half-open window of `per` seconds, wherever it starts."""

    def __init__(self, per: float) -> None:
        self._per = per
        self._times: deque[float] = deque(maxlen=MAX_TIMES)
        self.worst = 0

    def count(self, now: float) -> None:
        """Count an arrival. Calls come in the order of time."""
        self._times.append(now)
        while self._times[0] + self._per <= now:
            self._times.popleft()
        self.worst = max(self.worst, len(self._times))


class Audit:
    """Everything that a run can be judged by. Control routes are not part of it."""

    def __init__(self, limits: Iterable[Limit]) -> None:
        self._windows = [(limit, Busiest(limit.per)) for limit in limits]
        self._statuses: Counter[int] = Counter()
        self._methods: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self.uploads: Counter[str] = Counter(taken=0, refused=0, with_credentials=0)
        """What became of files that were sent to the storage."""

    def arrived(self, call: Call) -> None:
        """Take note of a request with valid credentials, in every window that covers it, refused or not."""
        for limit, window in self._windows:
            if limit.covers(call.method, call.path):
                window.count(call.now)

    def answered(self, call: Call, reply: Reply) -> None:
        """Take note of an answer."""
        self._methods[call.method] += 1
        self._statuses[reply.status] += 1

    def struck(self, fault: str) -> None:
        """Take note of a fault that was played."""
        self._faults[fault] += 1

    def ignored(self, kind: str, names: Iterable[str]) -> None:
        """Take note of attributes that the API does not know and that it therefore ignored."""
        for name in names:
            key = f"{kind}.{name}"
            if key in self._unknown or len(self._unknown) < 50 * MAX_EXAMPLES:
                self._unknown[key] += 1

    def report(self, store: Store, identify: Callable[[str, int], str]) -> dict[str, Any]:
        """Return the audit as JSON; `identify` makes of a type and a number the id that clients see."""
        return {
            "requests": self._statuses.total(),
            "throttled": self._statuses[429],
            "worst": {limit.name: window.worst for limit, window in self._windows},
            "duplicates": sum(twins.surplus for twins in store.twins.values()),
            "duplicate_examples": _examples(store, identify),
            "records": store.counts,
            "created": store.created,
            "deleted": store.deleted,
            "unknown_attributes": dict(self._unknown),
            "methods": dict(self._methods),
            "statuses": {str(status): count for status, count in sorted(self._statuses.items())},
            "faults": dict(self._faults),
            "uploads": dict(self.uploads),
        }


def _examples(store: Store, identify: Callable[[str, int], str]) -> dict[str, list[list[str]]]:
    return {
        kind: [
            [identify(kind, number) for number in group[:MAX_EXAMPLES]]
            for group in islice(twins.groups(), MAX_EXAMPLES)
        ]
        for kind, twins in store.twins.items()
        if twins.surplus
    }
