"""The parking place: rows that were sent without a conclusive answer, until it can be looked up what became of them."""

from asyncio import Event, get_running_loop
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import anyio
from msgspec import Struct
from msgspec.structs import replace

from headrace.dispatch.halt import Halt
from headrace.model import InDoubt, Recalled, Record, Settled

MOST_UNKNOWN: Final = 5_000
"""Rows that may be unknown at once; then writers wait until some are settled (RELIABILITY.md, I9)."""
GATHER: Final = 5.0
"""Seconds that a row which is due waits for others, so that one question asks for many."""
REPEAT_AFTER: Final = 10.0
"""Seconds after which a request that may be repeated is: long enough for a restart, short enough for nobody to mind."""
LAGS: Final = 5
"""How many times the worst lag that was seen is waited."""
SLACK: Final = 86_400.0
"""Seconds by which the window of an idempotency key is taken to be shorter than promised."""


class Parked(Struct, frozen=True, gc=False, kw_only=True):
    """One record whose request's answer was given up, and the intent that is still open for it.

    It cannot have been executed before `since` (seconds since the epoch, the server's; None where nobody knows), and
    nothing is proven before `due` (the loop's time). `is_answered` says that the provider did answer, and refused a
    batch of which it may have stored a part; `goes_alone` that the row, if it has to be sent again, is not put together
    with others: it comes from a refused batch, and one bad row would keep it away again. `is_recalled` says that an
    earlier run sent it.
    """

    record: Record
    intent: int
    since: float | None
    why: str
    due: float = 0.0
    is_answered: bool = False
    goes_alone: bool = False
    is_recalled: bool = False


class Repeat(Struct, frozen=True):
    """That a request may be repeated without looking, because doing it twice is doing it once.

    Always, where `window` is None; else within so many seconds of the first sending, `now` being the server's time.
    """

    window: float | None
    now: Callable[[], float | None]

    def covers(self, one: Parked) -> bool:
        """Whether a row may be sent again as it is. Where nobody knows when it was sent, only in the run that did."""
        if self.window is None or not one.is_recalled:
            return True
        now = self.now()
        return one.since is not None and now is not None and now - one.since < self.window - SLACK


class Quiet(Struct):
    """How long nothing is proven: D and L of RELIABILITY.md 1.7, in seconds; less where repeating needs no proof.

    Mutable state: L, which grows with what is learnt.
    """

    commit: float
    visible: float
    repeat: Repeat | None = None

    def learn(self, lag: float) -> None:
        """Take note of how many seconds a record stayed unseen: L is five times that at least."""
        self.visible = max(self.visible, LAGS * lag)

    def after(self, one: Parked) -> float:
        """Return the quiet period of a row: of a request that was answered nothing is under way any more."""
        if self.repeats(one):
            return REPEAT_AFTER
        return self.visible if one.is_answered else self.commit + self.visible

    def repeats(self, one: Parked) -> bool:
        """Whether a row may be sent again without looking."""
        return self.repeat is not None and self.repeat.covers(one)


class Parking:
    """The unknown rows of one load. Writers park, the settling task takes away; nobody else is held up.

    `on_recall` is told of rows that an earlier run sent, before any newer row is, and `on_settled` of rows that need
    not be sent again. Mutable state: the rows by offset, whether more may come, and what wakes those who wait.
    """

    def __init__(self, quiet: Quiet, halt: Halt) -> None:
        self.on_recall: Callable[[Record], None] = lambda _: None
        self.on_settled: Callable[[Record], None] = lambda _: None
        self._quiet = quiet
        self._halt = halt
        self._rows: dict[int, Parked] = {}
        self._is_closed = False
        self._changed = Event()
        self._room = Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, parked: Iterable[Parked]) -> None:
        """Take rows in. Their quiet period begins now, in the loop's time, which only ever goes on."""
        now = get_running_loop().time()
        self._keep(replace(one, due=now + self._quiet.after(one)) for one in parked)

    def recall(self, found: Iterable[tuple[Record, Recalled]]) -> None:
        """Take rows in that an earlier run left unknown. Their quiet period begins now, whatever any clock says."""
        recalled = [
            Parked(record=record, intent=one.intent, since=one.since, why=_KILLED, is_recalled=True)
            for record, one in found
            if one.intent is not None
        ]
        for one in recalled:
            self.on_recall(one.record)
        self.put(recalled)

    def put_off(self, one: Parked, seconds: float) -> None:
        """Have a row looked up again so many seconds from now."""
        self._keep([replace(one, due=get_running_loop().time() + seconds)])

    def repeats(self, one: Parked) -> bool:
        """Whether a row may be sent again without looking."""
        return self._quiet.repeats(one)

    def committed_by(self, one: Parked) -> float:
        """Return the loop's time from which on nothing of what was sent of a row is still to be executed."""
        return one.due - self._quiet.after(one) + self._quiet.commit

    def take(self, parked: Iterable[Parked]) -> None:
        """Take rows out: something is proven of them."""
        for one in parked:
            del self._rows[one.record.row.offset]
        self._note()

    def close(self) -> None:
        """Say that writers park no more. What is parked is still to be settled."""
        self._is_closed = True
        self._note()

    @property
    def rows(self) -> Sequence[Parked]:
        """All rows that are unknown."""
        return [*self._rows.values()]

    @property
    def is_closed(self) -> bool:
        """Whether writers are through: whatever else is parked comes from settling."""
        return self._is_closed

    @property
    def is_over(self) -> bool:
        """Whether nothing is parked and nothing will be."""
        return self._is_closed and not self._rows

    @property
    def left(self) -> int:
        """How many rows of this run are unknown."""
        return sum(not one.is_recalled for one in self._rows.values())

    @property
    def seconds(self) -> float:
        """How long until all that is parked is due."""
        latest = max((one.due for one in self._rows.values()), default=0.0)
        return max(0.0, latest - get_running_loop().time()) if self._rows else 0.0

    def unsettled(self) -> list[Settled]:
        """Return what there is to say, for now, of the rows that are parked: their intents stay open."""
        return [
            Settled(one.record.row, InDoubt(one.record.row.offset, one.record.row.line, f"{one.why}; {_NEXT_RUN}"))
            for one in self._rows.values()
        ]

    async def wait_room(self) -> None:
        """Wait while too many rows are unknown; not once the run ends."""
        if not self._room.is_set():
            with self._halt.scope():
                await self._room.wait()

    async def wait_due(self) -> list[Parked]:
        """Wait until rows are due, or for any other change; return those that are due."""
        earliest = min((one.due for one in self._rows.values()), default=None)
        self._changed.clear()
        with self._halt.scope():
            if earliest is None:
                await self._changed.wait()
            else:  # what is parked meanwhile is due later, so only the end of the run shortens this
                gather = min(GATHER, self._quiet.visible)
                await anyio.sleep(max(0.0, earliest + gather - get_running_loop().time()))
        now = get_running_loop().time()
        return [one for one in self._rows.values() if one.due <= now]

    def _keep(self, parked: Iterable[Parked]) -> None:
        self._rows.update((one.record.row.offset, one) for one in parked)
        self._note()

    def _note(self) -> None:
        self._changed.set()
        if len(self._rows) < MOST_UNKNOWN:
            self._room.set()
        else:
            self._room.clear()

    def __repr__(self) -> str:
        return f"<Parking: {len(self)} rows unknown>"


_KILLED: Final = "sent by an earlier run, and no answer was recorded"
_NEXT_RUN: Final = "the next run looks it up"
