"""Settling: what was sent without an answer waits its quiet period, is read back, and then is done or sent again.

A task of its own beside the writers, who never wait for it (but for room, when too much is unknown). What it proves is
recorded at once; only after a durable "not applied" is a row sent again, under a new intent (RELIABILITY.md 1.3, I2).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from headrace.dispatch.audit import AGAIN, Audit
from headrace.dispatch.halt import Halt
from headrace.dispatch.journal import Journal
from headrace.dispatch.lookup import LookUp, Wanted
from headrace.dispatch.merging import Merging
from headrace.dispatch.parked import Parked, Parking
from headrace.dispatch.readback.matching import (
    ABSENT,
    ALWAYS,
    CONTESTED,
    Absent,
    Contested,
    Finding,
    Present,
    Unclear,
    conclude,
)
from headrace.dispatch.readback.question import Question
from headrace.dispatch.readback.reader import Unreadable
from headrace.dispatch.stepping import Stepping
from headrace.dispatch.teller import Tell, Told
from headrace.dispatch.upserting import Upserting
from headrace.dispatch.wakeup import Wakeup
from headrace.dispatch.writer import Writer
from headrace.errors import HeadraceError, UnreachableError
from headrace.model import Batch, Done, Duplicated, InDoubt, NotAttempted, Outcome, Record, Settled

MOST_SENDS: Final = 5
"""How often a row is sent again in one run after it was proven absent. Then the provider is taken to be down."""


class Settling:
    """Settles the unknown rows of one load. `run` is a task of its own; it ends when the parking place is over.

    `lookup` is None where nothing can be read back. Mutable state: how often each row was sent again.
    """

    def __init__(
        self,
        *,
        lookup: LookUp | None,
        journal: Journal,
        writer: Writer | Merging | Stepping | Upserting,
        parking: Parking,
        audit: Audit,
        tell: Tell,
        halt: Halt,
        size: int,
    ) -> None:
        self._lookup = lookup
        self._audit = audit
        self._journal = journal
        self._writer = writer
        self._parking = parking
        self._tell = tell
        self._halt = halt
        self._size = size
        self._wakeup = Wakeup()
        self._sent: Counter[int] = Counter()
        self.recalled = 0
        """How many rows of earlier runs have been concluded."""

    # The task

    async def run(self) -> None:
        """Settle what is due, until nothing is parked and nothing more will be, or the run is halted."""
        try:
            while not self._halt and not self._parking.is_over:
                due = await self._parking.wait_due()
                if due and not self._halt:
                    await self._settle(due)
            if not self._halt:
                await self._audit.run()
        except HeadraceError as error:
            self._halt.stop(error)

    # Looking up

    async def _settle(self, due: Sequence[Parked]) -> None:
        await self._repeat([one for one in due if self._parking.repeats(one)])
        due = [one for one in due if not self._parking.repeats(one)]
        if self._lookup is None:
            await self._apply(due, [_NOTHING_TO_READ] * len(due))
            return
        for question in self._lookup.questions([Wanted(one.record, one.since) for one in due]):
            if self._halt:
                return
            asked = [due[place] for place in question.places]
            await self._apply(asked, await self._look_up(self._lookup, question, asked))

    async def _repeat(self, due: Sequence[Parked]) -> None:
        """Send again what needs no proof, under the intents that are open for it."""
        by_intent: defaultdict[int, list[Parked]] = defaultdict(list)
        for one in due:
            by_intent[one.intent].append(one)
        for some in by_intent.values():
            if self._halt or self._is_too_often(some):
                return
            self._parking.take(some)
            self._count(some)
            await self._tell(await self._writer.repeat(some))

    def _count(self, concluded: Sequence[Parked]) -> None:
        self.recalled += sum(one.is_recalled for one in concluded)

    def _is_too_often(self, some: Sequence[Parked]) -> bool:
        """Whether rows were sent so often that the provider must be down: then the run ends. Counts a sending more."""
        is_over = any(self._sent[one.record.row.offset] >= MOST_SENDS for one in some)
        if is_over:
            self._halt.stop(_never_arrives())
        else:
            self._sent.update(one.record.row.offset for one in some)
        return is_over

    async def _look_up(self, lookup: LookUp, question: Question, asked: Sequence[Parked]) -> list[Finding]:
        """Return what became of the rows that one question is about."""
        items = await lookup.ask(question)
        if items is None:
            return [CONTESTED] * len(asked)
        if isinstance(items, Unreadable):
            return [Unclear(items.why)] * len(asked)
        rivals = self._writer.under_way()
        # Whoever is answered from here on was a rival a moment ago; whoever was answered before is durable then.
        free = await lookup.unheld(items)
        offsets = {one.record.row.offset for one in asked}
        return conclude(
            [replace(one, since=ALWAYS) for one in asked] if lookup.is_certain else asked,
            free,
            lookup.like,
            rivals=[*rivals, *self._writer.under_way()],
            others=[one.record for one in self._parking.rows if one.record.row.offset not in offsets],
        )

    # Concluding

    async def _apply(self, asked: Sequence[Parked], findings: Sequence[Finding]) -> None:
        """Record what was found, and send again what is absent."""
        by_intent: defaultdict[int, list[tuple[Parked, Outcome]]] = defaultdict(list)
        absent: list[Parked] = []
        for one, finding in zip(asked, findings, strict=True):
            if isinstance(finding, Contested):
                self._parking.put_off(one, AGAIN)
                continue
            by_intent[one.intent].append((one, _outcome(one, finding)))
            if finding == ABSENT:
                absent.append(one)
        await self._conclude(by_intent)
        await self._send_again(absent)

    async def _conclude(self, by_intent: Mapping[int, Sequence[tuple[Parked, Outcome]]]) -> None:
        """Settle rows of several intents, all before the first is waited for: one commit takes them together."""
        durable = [
            self._journal.settle(intent, [Settled(one.record.row, outcome) for one, outcome in some])
            for intent, some in by_intent.items()
        ]
        concluded = [pair for some in by_intent.values() for pair in some]
        self._parking.take(one for one, _ in concluded)
        self._count([one for one, _ in concluded])
        self._audit.drop([one.record.row for one, outcome in concluded if isinstance(outcome, Duplicated)])
        told = [(one.record, outcome) for one, outcome in concluded if not isinstance(outcome, NotAttempted)]
        for record, _ in told:
            self._parking.on_settled(record)
        for future in durable:
            await self._wakeup.wait_done(future)
        if told:
            await self._tell(Told([Settled(record.row, outcome) for record, outcome in told]))

    async def _send_again(self, absent: Sequence[Parked]) -> None:
        """Send rows that are proven absent under new intents; those that `goes_alone` says alone."""
        again = [one for one in absent if self._sent[one.record.row.offset] < MOST_SENDS]
        if len(again) < len(absent):
            self._halt.stop(_never_arrives())
        self._sent.update(one.record.row.offset for one in again)
        together = [one.record for one in again if not one.goes_alone]
        alone = [[one.record] for one in again if one.goes_alone]
        for records in (*_batches(together, self._size), *alone):
            await self._tell(await self._writer.write(Batch(records)))
        if absent:
            self._audit.suspect(Wanted(one.record, one.since) for one in absent)

    def __repr__(self) -> str:
        return f"<Settling: {len(self._parking)} rows unknown, {self.recalled} of earlier runs concluded>"


_NOTHING_TO_READ: Final = Unclear("nothing can be read back of this resource")


def _never_arrives() -> UnreachableError:
    return UnreachableError(
        f"rows were sent {MOST_SENDS + 1} times, and neither an answer came nor were they stored",
        hint="the provider seems to be unwell; run the same command again later, it goes on where it stopped",
    )


def _outcome(one: Parked, finding: Finding) -> Outcome:
    row = one.record.row
    match finding:
        case Present(ids=(only,)):
            return Done(row.offset, row.line, only, "readback")
        case Present(ids=several):
            return Duplicated(row.offset, row.line, several)
        case Absent():
            return NotAttempted(row.offset, row.line, "sent, and proven not to have been executed")
        case Unclear(why=why):
            return InDoubt(row.offset, row.line, f"{one.why}; {why}")
        case Contested():
            raise AssertionError("a contested row has no outcome yet")


def _batches(records: Sequence[Record], size: int) -> list[Sequence[Record]]:
    return [records[start : start + size] for start in range(0, len(records), size)]
