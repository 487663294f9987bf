"""One batch on its way: its intent, which is recorded once, however often the request is sent."""

from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import Future

from headrace.dispatch.journal import Journal
from headrace.dispatch.judge import Ruling
from headrace.dispatch.parked import Parked
from headrace.dispatch.wakeup import Wakeup
from headrace.model import Batch


class Attempt:
    """A batch that is sent under one intent: a new one, or for a repetition the one that is still open for it.

    `is_part` says that it is what is left of a refused batch.

    Mutable state: the number of the intent, None until it is durable, and the loop's and the server's time of it.
    """

    __slots__ = ("_began", "_intent", "_journal", "_now", "_since", "_wakeup", "batch", "is_part", "is_repeat")

    def __init__(
        self,
        journal: Journal,
        wakeup: Wakeup,
        batch: Batch,
        now: Callable[[], float | None],
        *,
        is_repeat: bool = False,
        is_part: bool = False,
        of: Parked | None = None,
    ) -> None:
        self.batch = batch
        self.is_repeat = is_repeat
        self.is_part = is_part
        self._now = now
        self._since = None if of is None else of.since
        self._journal = journal
        self._wakeup = wakeup
        self._intent = None if of is None else of.intent
        self._began = get_running_loop().time()

    def part(self, batch: Batch) -> "Attempt":
        """Return the attempt for a part of a refused batch: of a repetition under the same intent, else a new one."""
        part = Attempt(self._journal, self._wakeup, batch, self._now, is_repeat=self.is_repeat, is_part=True)
        if self.is_repeat:
            part._intent, part._since = self._intent, self._since
        return part

    @property
    def is_open(self) -> bool:
        """Whether there is an intent."""
        return self._intent is not None

    async def intend(self) -> None:
        """Make the intent durable, where there is none yet (RELIABILITY.md, I1)."""
        if self._intent is None:
            self._began = get_running_loop().time()
            self._since = self._now()
            self._intent = await self._wakeup.wait_done(self._journal.intend(self.batch, self._since))

    @property
    def age(self) -> float:
        """Seconds since the intent: at least as long ago as the request was sent."""
        return get_running_loop().time() - self._began

    def settle(self, ruling: Ruling) -> "Future[None] | None":
        """Record what is known; what is not stays open, and is given up."""
        if self._intent is None:
            return None
        durable = self._journal.settle(self._intent, ruling.settled) if ruling.settled else None
        return self._journal.give_up(self._intent) if ruling.unknown else durable

    def parked(self, ruling: Ruling) -> list[Parked]:
        """Return the records that are to be looked up."""
        if not ruling.unknown:
            return []
        assert self._intent is not None, "what was never meant to be sent is not unknown"
        return [
            Parked(
                record=record,
                intent=self._intent,
                since=self._since,
                why=ruling.why,
                is_answered=ruling.is_answered,
                goes_alone=ruling.is_answered or self.is_part or len(self.batch) == 1,
            )
            for record in ruling.unknown
        ]
