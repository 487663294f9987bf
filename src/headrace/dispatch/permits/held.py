"""The permits of a shared log that have not ended, and the ends that its store has not been told of. No clock."""

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from msgspec import Struct

from headrace.dispatch.permits.step import End, Ending, Held

MOST: Final = 500
"""Ends that one step tells at most."""


class _Ended(Struct, frozen=True):
    """The end of a permit: how, and when by our clock. `marks` as in `Holdings`."""

    number: int
    marks: dict[str, str]
    ending: Ending
    at: float


class Holdings:
    """Mutable state: what we hold, and what has ended, in order, until it was told. `owner` is our name at the store.

    Of every permit we know its marks: the keys of its windows, each with the marker of the data in which it is held.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._held: dict[int, dict[str, str]] = {}
        self._ended: deque[_Ended] = deque()

    def name(self, number: int) -> str:
        """Return what the store calls a permit of ours."""
        return f"{self._owner}:{number}"

    def add(self, number: int, marks: Iterable[tuple[str, str]]) -> None:
        """Hold one permit more."""
        self._held[number] = dict(marks)

    def end(self, number: int, ending: Ending, at: float) -> None:
        """Note how a permit ended; the first word counts."""
        marks = self._held.pop(number, None)
        if marks is not None:
            self._ended.append(_Ended(number, marks, ending, at))

    def told(self, number: int) -> None:
        """Forget the oldest so many ends: the store has heard of them."""
        for _ in range(number):
            self._ended.popleft()

    def renewed(self, held: Iterable[Held], markers: Mapping[str, str]) -> None:
        """Note that the store holds these permits in the data that `markers` name, whatever it has lost before."""
        names = {one.name for one in held}
        for number, marks in self._held.items():
            if self.name(number) in names:
                marks.update({key: markers[key] for key in marks})

    def ends(self, places: Mapping[str, int], now: float) -> tuple[End, ...]:
        """Return the oldest ends, for a step whose windows are at `places`."""
        return tuple(
            End(
                name=self.name(ended.number),
                places=tuple(places[key] for key in ended.marks),
                markers=tuple(ended.marks.values()),
                ending=ended.ending,
                age=max(0.0, now - ended.at),
            )
            for ended in islice(self._ended, MOST)
        )

    def held(self, places: Mapping[str, int]) -> tuple[Held, ...]:
        """Return all that we hold, likewise."""
        return tuple(
            Held(name=self.name(number), places=tuple(places[key] for key in marks))
            for number, marks in self._held.items()
        )

    @property
    def numbers(self) -> tuple[int, ...]:
        """The permits that have not ended."""
        return tuple(self._held)

    @property
    def untold(self) -> int:
        """How many ends the store has not heard of."""
        return len(self._ended)

    def in_window(self, key: str) -> int:
        """Return how many slots of a window are ours as the store sees it: what it was not told has not ended."""
        return sum(key in marks for marks in self._held.values()) + sum(key in one.marks for one in self._ended)

    def refunds(self, key: str) -> int:
        """Return how many slots of a window are free already, but for the store's hearing of it."""
        return sum(key in one.marks and one.ending is Ending.REFUNDED for one in self._ended)

    def __repr__(self) -> str:
        return f"<Holdings: {len(self._held)} permits, {len(self._ended)} ends to tell>"
