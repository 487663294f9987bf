"""The watchers of a permit log: whom to tell that an answer of `take` may have changed."""

from collections.abc import Callable
from weakref import WeakMethod


class Watchers:
    """Bound methods to call, none of whose objects is kept alive by being in here."""

    def __init__(self) -> None:
        self._references: list[WeakMethod[Callable[[], None]]] = []

    def add(self, wake: Callable[[], None]) -> None:
        """Call `wake` from now on, for as long as its object lives."""
        self._references = [reference for reference in self._references if reference() is not None]
        self._references.append(WeakMethod(wake))

    def notify(self) -> None:
        """Call all of them."""
        for reference in self._references:
            wake = reference()
            if wake is not None:
                wake()

    def __len__(self) -> int:
        return len(self._references)
