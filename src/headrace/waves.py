"""Waves: passes over a source whose rows refer to rows of the same source. A row goes when what it refers to is there.

In the first wave go the rows that refer to none, in the next those that refer to these, and so on. Of rows that wait
only the keys are kept: each wave reads the source anew. When a wave has brought nothing, what still waits is judged.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from headrace.intake import Intake
from headrace.intake.references import UNKNOWN, KeyTable, Missing, key_of, keys_of
from headrace.ledger import View
from headrace.ledger.idmap import IdMap
from headrace.model import Chunk, Invalid, Settled, Sifted
from headrace.parents import Parents

WAITS: Final = "parent_waits"
"""The code of the fault that puts a row off. It is never told."""
MOST: Final = 100_000
"""Rows that wait of which it is kept what they wait for, to name circles; beyond that these are only called such."""

Waiting: TypeAlias = dict[bytes, tuple[str, ...]]
"""From the keys of rows that wait to the cells by which they refer to others."""


class Wave:
    """One pass of the load called `title`. With `judged`, the rows that wait, nothing more is put off.

    Mutable state: the ids of the rows that were done before it, and the rows that it puts off.
    """

    def __init__(
        self, title: str, intake: Intake, checkpoint: View, parents: Parents, judged: Waiting | None = None
    ) -> None:
        self.title = title
        self._intake = intake
        self._checkpoint = checkpoint
        self._parents = parents
        self._judged = judged
        self._ids: IdMap | None = None
        self.put_off = 0
        self.waiting: Waiting = {}

    def table(self, texts: set[str]) -> KeyTable:
        """Return what cells refer to among the rows that were done before this wave began."""
        if self._ids is None:
            self._ids = self._checkpoint.ids_so_far(self.title)
        keys = keys_of(texts)
        ids = self._ids.find(keys)
        if self._judged is None:
            return KeyTable({**ids}, why=lambda _: Missing(code=WAITS))
        why = self._parents.why(self.title, [key for key in keys if key not in ids])
        return KeyTable({**ids}, why=lambda text: self._judge(text, why(text)))

    def sifted(self, chunk: Chunk, found: Sifted) -> Sifted:
        """Return `found` without the rows that only wait."""
        waiting = [one for one in found.invalid if _waits(one)]
        if not waiting:
            return found
        self.put_off += len(waiting)
        for one in waiting[: max(0, MOST - len(self.waiting))]:
            texts = self._intake.wanted(chunk, [one.row])
            own = (texts.get(name, set()) for name in self._fields)
            self.waiting[one.row.key] = tuple(sorted(set().union(*own)))
        return Sifted(found.records, [one for one in found.invalid if not _waits(one)])

    def close(self) -> None:
        """Drop the ids."""
        if self._ids is not None:
            self._ids.close()

    @property
    def _fields(self) -> Sequence[str]:
        return [one.field for one in self._intake.references if one.kind == "from" and one.target == self.title]

    def _judge(self, text: str, found: Missing) -> Missing:
        """Say of a row that nobody waits for any more why it is not there."""
        assert self._judged is not None, "asked in the last wave"
        if key_of(text) not in self._judged:
            return found
        circle = _circle(text, self._judged)
        if circle:  # which an earlier run may have found, and says of each of its rows that it is invalid
            return Missing(why=f"rows wait for each other: {' → '.join(circle)}", code="circular_reference")
        if found.code != UNKNOWN:
            return found
        return Missing(why=f"its row of '{self.title}' could not be sent either", code="parent_invalid")


def waves(title: str, intake: Intake, checkpoint: View, parents: Parents) -> Iterator[Wave | None]:
    """Yield one wave after the other, each when the one before is over; a single None where no row waits for another.

    That is known by how many rows are done in `checkpoint` then.
    """
    if not any(one.kind == "from" and one.target == title for one in intake.references):
        yield None
        return
    done, judged = -1, None
    while True:
        wave = Wave(title, intake, checkpoint, parents, judged)
        try:
            yield wave
        finally:
            wave.close()
        now = checkpoint.counts(title).done
        if not wave.put_off:
            return
        judged = wave.waiting if now == done else None
        done = now


def _waits(one: Settled) -> bool:
    return isinstance(one.outcome, Invalid) and all(fault.code == WAITS for fault in one.outcome.errors)


def _circle(text: str, waiting: Waiting) -> Sequence[str]:
    """Return the cells by which rows refer to each other, from `text` back to it; empty where there is no such way."""
    ways, seen = [[text]], {key_of(text)}
    for way in ways:  # grows while it is gone through
        for following in waiting.get(key_of(way[-1]), ()):
            if key_of(following) == key_of(text):
                return [*way, text]
            if key_of(following) not in seen:
                seen.add(key_of(following))
                ways.append([*way, following])
    return ()
