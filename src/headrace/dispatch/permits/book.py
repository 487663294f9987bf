"""The book of one window: what the records of its file add up to. Pure bookkeeping, no file and no clock."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from headrace.dispatch.permits.record import Kind, Moment, Record
from headrace.dispatch.permits.slots import Slots
from headrace.dispatch.permits.toil import Toil
from headrace.dispatch.permits.window import Window


class Book:
    """Mutable state: the slots of one window, the grants that have no end yet, and when it was last wholly spent.

    `linger` is how many seconds after a loss the server may still count the request, `hold` how many seconds permits
    are needed for at least; `kept` is how many they are kept for by what was entered.
    """

    def __init__(self, linger: float, hold: float) -> None:
        self.slots = Slots()
        self.slots.hold = hold
        self.toil = Toil()
        self.kept = 0.0
        self.under_way: dict[tuple[int, int], Record] = {}
        self._linger = linger
        self._spent_at = -math.inf

    def enter(self, records: Iterable[Record], moment: Moment) -> None:
        """Take `records` into account, in the order of the file. The end of a permit that is not under way is none."""
        for record in records:
            _ENTRIES[record.kind](self, record, moment)
        self.slots.unanswered = len(self.under_way)

    def expire(self, moment: Moment) -> None:
        """Forget what the server cannot count any longer."""
        self.slots.expire(moment.now, self.slots.hold)

    def free_at(self, window: Window, moment: Moment) -> float:
        """Return the instant from which `window` has room; infinity where only an answer can tell."""
        return max(self.slots.free_at(window, moment.now), self._spent_until)

    def used(self, window: Window, moment: Moment) -> int:
        """Return how many slots are held now: all of them while it is not known."""
        return max(self.slots.used, window.calls) if self._spent_until > moment.now else self.slots.used

    def releases(self, window: Window, moment: Moment) -> list[float]:
        """Return in how many seconds each slot comes free, in order; those of unanswered requests are left out."""
        unknown = self.used(window, moment) - self.slots.used
        instants = [*chain(self.slots.counted, self.slots.lingering), *[self._spent_at] * unknown]
        return sorted(at + window.hold - moment.now for at in instants)

    def has_others(self, owner: int) -> bool:
        """Whether a request of another log than `owner` is under way."""
        return any(holder != owner for holder, _ in self.under_way)

    def summary(self, moment: Moment) -> Iterator[Record]:
        """Yield the records that say all that is still true."""
        yield moment.record(Kind.KEPT, 0, 0, self.slots.hold)
        if self._spent_until > moment.now:
            yield moment.record(Kind.SPENT, 0, 0, self._spent_at)
        for at, number in self.slots.past():
            yield moment.record(Kind.PAST, 0, number, at)
        for at in self.slots.counted:
            yield moment.record(Kind.SETTLED, 0, 0, at)
        for until in self.slots.lingering:
            yield moment.record(Kind.LOST, 0, 0, until - self._linger)
        for at, worked in self.toil.dump():
            yield moment.record(Kind.WORKED, 0, worked, at)
        yield from self.under_way.values()

    def __len__(self) -> int:
        return self.slots.used + len(self.slots.history) + len(self.toil) + 2

    @property
    def _spent_until(self) -> float:
        return self._spent_at + self.slots.hold

    def _grant(self, record: Record, _: Moment) -> None:
        self.under_way[record.owner, record.number] = record

    def _settle(self, record: Record, moment: Moment) -> None:
        if self._ends(record):
            self.slots.count(moment.instant(record), moment.now)

    def _lose(self, record: Record, moment: Moment) -> None:
        if self._ends(record):
            self.slots.count(moment.instant(record) + self._linger, moment.now)

    def _refund(self, record: Record, _: Moment) -> None:
        self._ends(record)

    def _spend(self, record: Record, moment: Moment) -> None:
        self._spent_at = max(self._spent_at, moment.instant(record))

    def _recall(self, record: Record, moment: Moment) -> None:
        self.slots.history.count(moment.instant(record), self.slots.hold, record.number)

    def _work(self, record: Record, _: Moment) -> None:
        self.toil.enter(record.at, record.number)

    def _keep(self, record: Record, _: Moment) -> None:
        self.kept = max(self.kept, record.at)
        self.slots.hold = max(self.slots.hold, record.at)

    def _ends(self, record: Record) -> bool:
        return self.under_way.pop((record.owner, record.number), None) is not None or record.owner == 0


_ENTRIES: dict[Kind, Callable[[Book, Record, Moment], None]] = {
    Kind.GRANTED: Book._grant,  # noqa: SLF001  # the table of the class above
    Kind.SETTLED: Book._settle,  # noqa: SLF001
    Kind.LOST: Book._lose,  # noqa: SLF001
    Kind.REFUNDED: Book._refund,  # noqa: SLF001
    Kind.SPENT: Book._spend,  # noqa: SLF001
    Kind.KEPT: Book._keep,  # noqa: SLF001
    Kind.PAST: Book._recall,  # noqa: SLF001
    Kind.WORKED: Book._work,  # noqa: SLF001
}
