"""The writer: when entries are committed. One thread with group commit, or inline for simulation and memory."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from headrace.errors import InvariantError, StoppedError
from headrace.ledger.commit import Entry, GroupCommit, Urgency

LINGER: Final = 0.05
"""Seconds that an outcome waits for company before it is committed."""
_LARGEST_GROUP: Final = 256
_LONGEST_CLOSE: Final = 60.0


class Writer(Protocol):
    """Takes entries in order and commits them in that order. Never blocks, never raises for a bad disk."""

    def submit(self, entry: Entry) -> None:
        """Have `entry` written. Its future is resolved, one way or the other, by the time `close` returns."""

    def close(self) -> None:
        """Write what is waiting and accept nothing more. Calling it again does nothing."""


class InlineWriter:
    """Commits each entry at once, in the thread that submits it."""

    def __init__(self, commits: GroupCommit) -> None:
        self._commits = commits
        self._is_closed = False

    def submit(self, entry: Entry) -> None:
        """Commit `entry` now."""
        _check_open(self._is_closed)
        self._commits.commit([entry])

    def close(self) -> None:
        """Accept nothing more."""
        self._is_closed = True


class ThreadWriter:
    """Commits in a thread of its own: at once for intents, else after `linger` seconds, all that waits together."""

    def __init__(self, commits: GroupCommit, *, linger: float = LINGER) -> None:
        self._commits = commits
        self._linger = linger
        # The state that both threads share, all under `_changed`.
        self._changed = threading.Condition()
        self._queue: deque[Entry] = deque()
        self._pressing = 0
        self._failure: InvariantError | None = None
        self._is_closed = False
        # A daemon: a process that dies without closing must not hang here; the checkpoint is sound at every moment.
        self._thread = threading.Thread(target=self._run, name="headrace-ledger", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry) -> None:
        """Put `entry` in the queue. Whoever submits waits for the futures, and so bounds the queue."""
        with self._changed:
            _check_open(self._is_closed)
            failure = self._failure
            if failure is None:
                self._queue.append(entry)
                self._pressing += _is_pressing(entry)
                # Whoever waits for company need not be woken by each of it, only by the first, and when it is enough.
                if self._pressing or len(self._queue) in {1, _LARGEST_GROUP}:
                    self._changed.notify()
        if failure is not None:
            entry.future.set_exception(failure)

    def close(self) -> None:
        """Write what is waiting and end the thread. Raises `StoppedError` when the disk hangs for a minute."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(_LONGEST_CLOSE)
        if self._thread.is_alive():
            raise StoppedError("The disk of the checkpoint does not answer.", hint="Run the same command again.")

    def _run(self) -> None:
        group: list[Entry] = []
        try:
            while group := self._next_group():
                self._commits.commit(group)
        except BaseException as error:  # noqa: BLE001 - a thread that dies in silence leaves others waiting for ever
            self._abandon(group, error)

    def _abandon(self, group: Sequence[Entry], error: BaseException) -> None:
        """Give what is under way, waiting, or yet to come the reason why nothing more is written."""
        failure = InvariantError(f"The thread of the ledger has ended: {error!r}.")
        failure.__cause__ = error
        with self._changed:
            self._failure = failure
            left = [*group, *self._queue]
            self._queue.clear()
        for entry in left:
            if not entry.future.done():
                entry.future.set_exception(failure)

    def _next_group(self) -> list[Entry]:
        """Wait for entries and return those that are committed together; empty when closed."""
        with self._changed:
            while not self._queue and not self._is_closed:
                self._changed.wait()
            self._wait_for_company()
            group = self._take_group()
            self._pressing -= sum(map(_is_pressing, group))
            return group

    def _wait_for_company(self) -> None:
        """Wait until something pressing comes, or the moment is over."""
        deadline = time.monotonic() + self._linger
        while not self._pressing and not self._is_closed:
            left = deadline - time.monotonic()
            if left <= 0 or len(self._queue) >= _LARGEST_GROUP:
                return
            self._changed.wait(left)

    def _take_group(self) -> list[Entry]:
        """Take entries from the queue up to, and not with, one that wants to be alone."""
        group: list[Entry] = []
        while self._queue and len(group) < _LARGEST_GROUP:
            if self._queue[0].urgency is Urgency.ALONE and group:
                break
            group.append(self._queue.popleft())
            if group[0].urgency is Urgency.ALONE:
                break
        return group


def _is_pressing(entry: Entry) -> bool:
    """Whether `entry` is committed at once."""
    return entry.urgency is not Urgency.OUTCOME


def _check_open(is_closed: bool) -> None:  # noqa: FBT001 - a predicate's value, not an option
    """Raise where an entry comes after the end."""
    if is_closed:
        raise InvariantError("The ledger was used after it was closed.")
