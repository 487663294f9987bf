"""The watchers of a permit log: whom to tell that an answer of `take` may have changed."""

from collections.abc import Callable
from weakref import WeakMethod


class Watchers:
    """Bound methods to call, none of whose objects is kept alive by being in here."""

    def __init__(self) -> None:
        # Mutable state: who watches, and whether one of them was told that only an answer can tell.
        self._references: list[WeakMethod[Callable[[], None]]] = []
        self._is_answer_awaited = False

    def add(self, wake: Callable[[], None]) -> None:
        """Call `wake` from now on, for as long as its object lives."""
        self._references = [reference for reference in self._references if reference() is not None]
        self._references.append(WeakMethod(wake))

    def await_answer(self) -> None:
        """Note that somebody was told something that an answer can make sooner.

        That is so while nobody knows, or waits for those who linger: who is answered now will be free before them. It
        will not be free before any that was counted until now.
        """
        self._is_answer_awaited = True

    def answered(self) -> None:
        """Call all of them if that can change what they were told."""
        if self._is_answer_awaited:
            self.notify()

    def notify(self) -> None:
        """Call all of them."""
        self._is_answer_awaited = False
        for reference in self._references:
            wake = reference()
            if wake is not None:
                wake()

    def __len__(self) -> int:
        return len(self._references)
