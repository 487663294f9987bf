"""The work that a provider's server did for its owners, as a store of a shared log keeps it. No clock."""

from collections.abc import Mapping, Sequence
from typing import Final

from headrace.dispatch.permits.step import Worked
from headrace.dispatch.permits.toil import HOUR, Toil, microseconds

MOST: Final = 500
"""Pieces of work that one step tells at most."""


class Labour:
    """Mutable state: the work for each owner by hour, all of it that we know, and what the store was not told of."""

    def __init__(self) -> None:
        self._toils: dict[str, Toil] = {}
        self._untold: list[tuple[str, int, int]] = []
        self._unheard: set[str] = set()

    def enter(self, owner: str, at: float, seconds: float) -> None:
        """Note that the server worked `seconds` at its instant `at`; nothing but the owner where it is 0."""
        toil = self._toils.get(owner)
        if toil is None:
            toil = self._toils[owner] = Toil()
            self._unheard.add(owner)
        if seconds > 0:
            amount = microseconds(seconds)
            toil.enter(at, amount)
            self._untold.append((owner, int(at // HOUR), amount))

    def since(self, owner: str, since: float) -> float:
        """Return the seconds that the server has worked for `owner` from `since` on."""
        return self._toils[owner].since(since)

    @property
    def owners(self) -> tuple[str, ...]:
        """Whom we know."""
        return tuple(self._toils)

    @property
    def is_untold(self) -> bool:
        """Whether there is something to tell or to ask."""
        return bool(self._untold or self._unheard)

    def work(self) -> tuple[Worked, ...]:
        """Return the oldest of what the store was not told of, for a step about all our owners."""
        places = {owner: place for place, owner in enumerate(self._toils)}
        return tuple(
            Worked(place=places[owner], hour=hour, amount=amount) for owner, hour, amount in self._untold[:MOST]
        )

    def heard(self, told: int, owners: Sequence[str], hours: Sequence[Mapping[int, int]]) -> None:
        """Take the store's answer to the oldest `told` pieces of work: all the work for `owners`, by hour."""
        del self._untold[:told]
        for owner, known in zip(owners, hours, strict=True):
            toil = self._toils[owner] = Toil()
            for hour, amount in known.items():
                toil.enter(hour * HOUR, amount)
            for whose, hour, amount in self._untold:
                if whose == owner:
                    toil.enter(hour * HOUR, amount)
        self._unheard -= set(owners)

    def __repr__(self) -> str:
        return f"<Labour: {len(self._untold)} pieces to tell>"
