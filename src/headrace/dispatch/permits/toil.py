"""The toil of a server for one owner: how long it has worked, by the hour. The arithmetic that permit logs share."""

import math
from collections.abc import Iterator
from typing import Final

HOUR: Final = 3_600.0
KEPT: Final = 48
"""Hours that are remembered: the longest quota is a day's."""


class Toil:
    """Mutable state: microseconds of work by hour of the epoch, the latest hours only."""

    __slots__ = ("_hours",)

    def __init__(self) -> None:
        self._hours: dict[int, int] = {}

    def enter(self, at: float, microseconds: int) -> None:
        """Add what was worked at `at`."""
        hour = math.floor(at / HOUR)
        self._hours[hour] = self._hours.get(hour, 0) + microseconds
        if len(self._hours) > KEPT:
            del self._hours[min(self._hours)]

    def since(self, since: float) -> float:
        """Return the seconds worked in the hours from `since` on."""
        return sum(amount for hour, amount in self._hours.items() if hour * HOUR >= since) / 1e6

    def dump(self) -> Iterator[tuple[float, int]]:
        """Yield the start of each hour and what was worked in it."""
        return ((hour * HOUR, amount) for hour, amount in self._hours.items())

    def __len__(self) -> int:
        return len(self._hours)


def microseconds(seconds: float) -> int:
    """Return `seconds` as whole microseconds, rounded up: no work is lost in many small parts."""
    return math.ceil(seconds * 1e6)
