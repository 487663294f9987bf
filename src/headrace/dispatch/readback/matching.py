"""Which records of a listing are which rows: a plain decision over everything that was read (RELIABILITY.md 1.9, E).

Identical rows are interchangeable: m records that nobody else holds settle m of k rows. A row is absent only where no
record could be it, and none could have become it by the provider's own rewriting.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct

from headrace.dispatch.parked import Parked
from headrace.model import Record

Item: TypeAlias = Mapping[str, Any]
"""One record of a listing, flat (`provider.Page`)."""


class Likeness(IntEnum):
    """How far a record of a listing is a row."""

    NO = 0
    NEAR = 1
    """It may be the row if the provider has rewritten a text; neither its presence nor its absence."""
    LOOSE = 2
    """It is the row but for what the row does not say, and for the way a text is written."""
    EXACT = 3
    SAME = 4
    """It is the row, however old it is."""


Sieve: TypeAlias = Callable[[Record], Sequence[int]]
"""From a row to the places, in order, of all records of a listing that it may be like at all; there may be more."""


class Like(Protocol):
    """How a row is compared with a record of a listing. Pure."""

    def __call__(self, record: Record, item: Item, /) -> Likeness:
        """Return how far the record is the row."""

    def sieve(self, items: Sequence[Item], /) -> Sieve:
        """Return what finds candidates among `items`, so that not every row is compared with every record."""


class Present(Struct, frozen=True):
    """The provider holds the row, under `ids`: more than one where it is there more often than it was wanted."""

    ids: tuple[str, ...]


class Absent(Struct, frozen=True):
    """The provider does not hold the row, and will not: it may be sent again."""


class Unclear(Struct, frozen=True):
    """Nobody can tell, now or later."""

    why: str


class Contested(Struct, frozen=True):
    """A record may be the row's, or that of a request which is under way: ask again when it is answered."""


Finding: TypeAlias = Present | Absent | Unclear | Contested

ALWAYS: Final = float("-inf")
"""The time since when a record that carries a row's own marker is the row."""
OF_THIS_IMPORT: Final = "\0of this import"
"""What a record says of itself, in our copy, that cannot be older than the import: no field of an API is called so."""
ABSENT: Final = Absent()
CONTESTED: Final = Contested()


def conclude(
    parked: Sequence[Parked],
    items: Sequence[Item],
    like: Like,
    *,
    rivals: Sequence[Record] = (),
    others: Sequence[Record] = (),
) -> list[Finding]:
    """Return what `items`, all records that may be any of `parked` and belong to no row that is done, make of each.

    `rivals` are records under way at the same time: what may be theirs proves nothing. `others` are further rows that
    are unknown and not asked for now: what is left over may be theirs, and is nobody's surplus.
    """
    board = _Board(parked, items, like)
    board.concede(rivals)
    for least in (Likeness.EXACT, Likeness.LOOSE):
        board.assign(least)
    board.leave(others)
    board.spread()
    return [board.finding(place) for place in range(len(parked))]


class _Board:
    """Rows on one side, records on the other. Mutable state: who has which, which are contested, what is left."""

    def __init__(self, parked: Sequence[Parked], items: Sequence[Item], like: Like) -> None:
        self._parked = parked
        self._items = sorted(items, key=_order)
        self._like = like
        self._sieve = like.sieve(self._items)
        self._found: list[list[str]] = [[] for _ in parked]
        self._contested: set[int] = set()
        self._free = set(range(len(self._items)))
        self._table = [self._compared(one.record) for one in parked]

    def _compared(self, record: Record) -> dict[int, Likeness]:
        """Return how far the records are the row, by their places, in order; those that are not it are left out."""
        compared = {at: self._like(record, self._items[at]) for at in self._sieve(record)}
        return {at: likeness for at, likeness in compared.items() if likeness > Likeness.NO}

    def _of(self, records: Sequence[Record]) -> set[int]:
        """Return the places of what is free and may be one of `records`."""
        return {
            at
            for one in records
            for at in self._sieve(one)
            if at in self._free and self._like(one, self._items[at]) >= Likeness.LOOSE
        }

    def concede(self, rivals: Sequence[Record]) -> None:
        """Leave to `rivals` what may be theirs; rows that it could be as well are contested."""
        theirs = self._of(rivals)
        for place, row in enumerate(self._table):
            if any(at in theirs and likeness >= Likeness.LOOSE for at, likeness in row.items()):
                self._contested.add(place)
        self._free -= theirs

    def assign(self, least: Likeness) -> None:
        """Give each row that has none a record that is at least so like it and not older."""
        for place in range(len(self._parked)):
            if not self._found[place] and place not in self._contested:
                at = next((at for at in self._left(place, least) if self._is_young(place, at)), None)
                if at is not None:
                    self._take(place, at)

    def leave(self, others: Sequence[Record]) -> None:
        """Leave to `others` what may be theirs."""
        self._free -= self._of(others)

    def spread(self) -> None:
        """Give what is left over to the rows that it repeats: they are there more often than wanted."""
        owners = {
            at: place
            for place, one in enumerate(self._parked)
            for at in (self._left(place, Likeness.EXACT) if self._found[place] else ())
            if is_since(self._items[at], one.since)
        }
        for at, place in sorted(owners.items()):
            self._take(place, at)

    def finding(self, place: int) -> Finding:
        """Return what has become of one row."""
        if place in self._contested:
            return CONTESTED
        if self._found[place]:
            return Present(tuple(self._found[place]))
        near = [at for at in self._left(place, Likeness.NEAR) if self._may_be_new(place, at)]
        if near:
            ids = ", ".join(str(self._items[at]["id"]) for at in near[:3])
            return Unclear(f"a record that may be it, or another one: {ids}")
        return ABSENT

    def _left(self, place: int, least: Likeness) -> list[int]:
        """Return the places, in order, of what is free and at least so like a row."""
        return [at for at, likeness in self._table[place].items() if at in self._free and likeness >= least]

    def _is_young(self, place: int, at: int) -> bool:
        """Whether a record is not too old to be the row, as far as that matters."""
        return self._table[place][at] is Likeness.SAME or is_since(self._items[at], self._parked[place].since)

    def _may_be_new(self, place: int, at: int) -> bool:
        """Whether a record may have been made by the row's request: not where both times are known and it is older."""
        made, since = created(self._items[at]), self._parked[place].since
        return made is None or since is None or made >= since

    def _take(self, place: int, at: int) -> None:
        self._found[place].append(str(self._items[at]["id"]))
        self._free.remove(at)


def created(item: Item) -> float | None:
    """Return when a record was created, in seconds since the epoch; None where it does not say."""
    try:
        made = datetime.fromisoformat(str(item["created_at"]))
    except (KeyError, ValueError):
        return None
    return made.replace(tzinfo=made.tzinfo or UTC).timestamp()


def is_since(item: Item, since: float | None) -> bool:
    """Whether a record was certainly made no earlier than `since`."""
    if since == ALWAYS or OF_THIS_IMPORT in item:
        return True
    made = created(item)
    return made is not None and since is not None and made >= since


def _order(item: Item) -> tuple[int, str]:
    """Return what sorts records in the order of their making, as far as ids tell it."""
    return len(str(item["id"])), str(item["id"])
