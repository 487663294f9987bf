"""The open intents of one load: those under way, and those that are unknown, of this run or an earlier one.

Kept in memory, bounded: as many as the caller has in hand, and what a killed run had.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field

from headrace.errors import InvariantError
from headrace.ledger.packing import State
from headrace.ledger.recovery import Suspect, Unknown
from headrace.model import Recalled, Row


class Intent(Struct):
    """One open intent: its rows' numbers, their states before it, and the rows, None where not seen in this run.

    `former` are the numbers under which rows are recorded that have another one in the source as it is now.
    """

    numbers: list[int]
    before: bytes
    rows: list[Row | None]
    is_unknown: bool = False
    is_recalled: bool = False
    since: float | None = None
    prints: list[bytes] | None = None
    former: dict[int, int] = field(default_factory=dict)


class Closing(Struct, frozen=True, kw_only=True):
    """Rows of an intent on their way out of it: their places in its record, and what they were before.

    `is_whole` says that the intent has no others.
    """

    places: list[int]
    before: bytes
    is_whole: bool
    is_unknown: bool
    must_move: bool
    """Whether the record has to be parted, or its rows renumbered."""
    listed: list[int]
    """The numbers under which they may be listed as in doubt."""
    since: float | None


class Intents:
    """All open intents of one load, and the rows that were proven absent and await their audit."""

    def __init__(self, found: Iterable[Unknown], suspects: Iterable[Suspect]) -> None:
        self._open = {
            one.intent: Intent(
                numbers=one.numbers,
                before=bytes([State.UNSENT]) * len(one.numbers),
                rows=[None] * len(one.numbers),
                is_unknown=True,
                is_recalled=True,
                since=one.since,
                prints=one.prints,
            )
            for one in found
        }
        self._unknown = {number: intent for intent, one in self._open.items() for number in one.numbers}
        self._former: dict[int, int] = {}  # from a number of a recalled row now to the one it was recorded under
        self._suspects = {one.number: one for one in suspects}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, intent: int, numbers: list[int], before: bytes, rows: Sequence[Row], since: float | None) -> None:
        """Keep an intent that was just made."""
        self._open[intent] = Intent(numbers, before, [*rows], since=since)

    def give_up(self, intent: int) -> None:
        """Take note that the answer to an intent is no longer waited for."""
        self._open[intent].is_unknown = True

    def close(self, intent: int, numbers: list[int]) -> Closing:
        """Take rows, by number, out of an intent; the others stay open. Raises `InvariantError` for any other row."""
        opened = self._open.get(intent)
        if opened is None or not numbers:
            raise InvariantError(f"Request {intent} was settled twice, or without rows.")
        if opened.numbers == numbers and not opened.is_recalled:
            del self._open[intent]
            return Closing(
                places=[],
                before=opened.before,
                is_whole=True,
                is_unknown=opened.is_unknown,
                must_move=False,
                listed=numbers,
                since=opened.since,
            )
        return self._close_some(intent, opened, numbers)

    def _close_some(self, intent: int, opened: Intent, numbers: list[int]) -> Closing:
        places_of = {number: place for place, number in enumerate(opened.numbers)}
        places = [places_of.get(number, -1) for number in numbers]
        if -1 in places or len(set(places)) != len(places):
            raise InvariantError(f"Request {intent} is settled with rows that it does not carry.")
        rest = [place for place in range(len(opened.numbers)) if place not in set(places)]
        closing = Closing(
            places=places,
            before=bytes(opened.before[place] for place in places),
            is_whole=not rest,
            is_unknown=opened.is_unknown,
            must_move=True,
            listed=[*numbers, *(opened.former[number] for number in numbers if number in opened.former)],
            since=opened.since,
        )
        for number in closing.listed:
            self._unknown.pop(number, None)
        if rest:
            self._keep(opened, rest)
        else:
            del self._open[intent]
        return closing

    @staticmethod
    def _keep(opened: Intent, places: Sequence[int]) -> None:
        opened.before = bytes(opened.before[place] for place in places)
        opened.numbers = [opened.numbers[place] for place in places]
        opened.rows = [opened.rows[place] for place in places]
        opened.prints = opened.prints and [opened.prints[place] for place in places]

    # What an earlier run left, when its rows come by

    def recall(self, row: Row, recorded: int, number: int, before: int = State.UNSENT) -> Recalled | None:
        """Return what `row` is recalled for: recorded as `recorded`, in the source as it is now `number`."""
        intent = self._unknown.get(recorded)
        if intent is None:
            suspect = self._suspects.get(recorded)
            return None if suspect is None else Recalled(row, None, suspect.since, suspect.print)
        opened = self._open[intent]
        place = opened.numbers.index(recorded)
        opened.rows[place] = row
        opened.before = opened.before[:place] + bytes([before]) + opened.before[place + 1 :]
        if number != recorded:
            opened.numbers[place] = number
            opened.former[number] = self._former[number] = recorded
        return Recalled(row, intent, opened.since, None if opened.prints is None else opened.prints[place])

    def recorded(self, number: int) -> int:
        """Return the number under which a row was sent first, as far as this run knows."""
        return self._former.get(number, number)

    def is_unknown(self, recorded: int) -> bool:
        """Whether an earlier run left the row of that number unknown."""
        return recorded in self._unknown

    @property
    def recalls_any(self) -> bool:
        """Whether there may be rows to recall."""
        return bool(self._unknown or self._suspects)

    @property
    def unseen(self) -> int:
        """How many rows of earlier runs' intents the source has not shown."""
        return sum(row is None for one in self._open.values() for row in one.rows)

    def left(self) -> Iterator[tuple[int, Row, int]]:
        """Return intent, row and number of each row that is unknown and was seen in this run."""
        for intent, one in self._open.items():
            for row, number in zip(one.rows, one.numbers, strict=True):
                if row is not None and one.is_unknown:
                    yield intent, row, one.former.get(number, number)

    # What was proven absent

    def suspect(self, request: int, numbers: Iterable[int], since: float | None) -> None:
        """Keep rows that were proven absent for the audit."""
        self._suspects.update((number, Suspect(request, number, since, None)) for number in numbers)

    def clear(self, numbers: Iterable[int]) -> list[int]:
        """Forget audited rows; return the requests of which none is left."""
        cleared = [one for number in numbers if (one := self._suspects.pop(number, None)) is not None]
        left = {one.request for one in self._suspects.values()}
        return sorted({one.request for one in cleared} - left)
