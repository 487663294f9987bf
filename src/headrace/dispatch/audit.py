"""The closing audit: rows that were proven absent and sent again are looked up once more at the end of a load.

If a commit came later than D, or was visible later than L, a row is there twice now: nobody could have prevented it,
but it is found and listed (RELIABILITY.md 1.6, step 7). Where nothing was ever absent there is nothing to ask.
"""

from asyncio import get_running_loop
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import anyio

from headrace.dispatch.halt import Halt
from headrace.dispatch.journal import Journal
from headrace.dispatch.lookup import LookUp, Wanted
from headrace.dispatch.parked import Quiet
from headrace.dispatch.readback.matching import ALWAYS, Item, Likeness, is_since
from headrace.dispatch.readback.reader import Unreadable
from headrace.dispatch.teller import Tell, Told
from headrace.dispatch.wakeup import Wakeup
from headrace.model import Duplicated, Record, Row, Settled

AGAIN: Final = 10.0
"""Seconds until a question is asked again that could not be answered for now."""


class Audit:
    """The audit of one load. Mutable state: the suspects by offset, and from when on they can be judged."""

    def __init__(self, lookup: LookUp | None, journal: Journal, tell: Tell, halt: Halt, quiet: Quiet) -> None:
        self._lookup = lookup
        self._journal = journal
        self._tell = tell
        self._halt = halt
        self._quiet = quiet
        self._wakeup = Wakeup()
        self._suspects: dict[int, Wanted] = {}
        self._due = 0.0
        self.revised = 0
        """How many rows that were done are duplicated now."""

    def __len__(self) -> int:
        return len(self._suspects)

    def suspect(self, wanted: Iterable[Wanted]) -> None:
        """Take rows that were proven absent; what is known of a row's first sending stays."""
        for one in wanted:
            self._suspects.setdefault(one.record.row.offset, one)
        self._due = get_running_loop().time() + self._quiet.commit + self._quiet.visible

    def drop(self, rows: Sequence[Row]) -> None:
        """Take rows off the list that are known by now to be there more often than once."""
        suspects = [row for row in rows if self._suspects.pop(row.offset, None) is not None]
        if suspects:
            self._journal.clear(suspects)

    @property
    def seconds(self) -> float:
        """How long until the suspects can be judged."""
        return max(0.0, self._due - get_running_loop().time()) if self._suspects else 0.0

    async def run(self) -> None:
        """Judge all suspects, unless the run is halted: then the next one does. Raises as `LookUp.ask` does."""
        if self._lookup is None or not self._suspects:
            return
        with self._halt.scope():
            await anyio.sleep(self.seconds)
        suspects = [*self._suspects.values()]
        for question in self._lookup.questions(suspects):
            asked = [suspects[place] for place in question.places]
            items = None
            while items is None and not self._halt:  # bounded: `ask` raises when it fails too often
                items = await self._lookup.ask(question)
                if items is None:
                    with self._halt.scope():
                        await anyio.sleep(AGAIN)
            if items is None or isinstance(items, Unreadable):
                return
            await self._judge(self._lookup, asked, await self._lookup.unheld(items))

    async def _judge(self, lookup: LookUp, asked: Sequence[Wanted], items: Sequence[Item]) -> None:
        """List what is there beside the rows, and close the books on the others."""
        surplus: defaultdict[int, list[str]] = defaultdict(list)
        for item in items:
            owners = [one.record for one in asked if _repeats(lookup, one, item)]
            if owners:
                surplus[owners[-1].row.offset].append(str(item["id"]))
        twice = [one.record for one in asked if surplus[one.record.row.offset]]
        if twice:
            settled = [self._duplicated(record, surplus[record.row.offset]) for record in twice]
            self.revised += len(twice)
            durable = self._journal.revise(settled)
            await self._wakeup.wait_done(durable)
            await self._tell(Told(settled))
        await self._wakeup.wait_done(self._journal.clear([one.record.row for one in asked]))
        for one in asked:
            del self._suspects[one.record.row.offset]

    def _duplicated(self, record: Record, ids: Sequence[str]) -> Settled:
        own = self._journal.id_of(record.row)
        row = record.row
        return Settled(row, Duplicated(row.offset, row.line, (*(() if own is None else (own,)), *ids)))

    def __repr__(self) -> str:
        return f"<Audit: {len(self)} suspects, {self.revised} found twice>"


def _repeats(lookup: LookUp, one: Wanted, item: Item) -> bool:
    """Whether a record that nobody holds is what the row's lost request made."""
    since = ALWAYS if lookup.is_certain else one.since
    return lookup.like(one.record, item) >= Likeness.LOOSE and is_since(item, since)
