"""Group commit: what waits to be written goes into one transaction, is committed once, and is then told to people.

An entry's future gets its result only when the entry is durable. When the disk fills up, new intents are refused and
outcomes still go in, on space kept in reserve; a disk that fails otherwise is never written (or synced) again, because
nobody knows what a second sync would be worth (RELIABILITY.md, matrix rows 10 and 11).
"""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Protocol

from msgspec import Struct, field

from headrace.errors import HeadraceError, InvariantError, StoppedError, UsageError
from headrace.ledger.anchor import Anchor
from headrace.ledger.reserve import Reserve
from headrace.ledger.schema import translated


class Urgency(Enum):
    """How an entry is grouped, and what becomes of it on a full disk."""

    INTENT = auto()
    """Committed at once; the first to be refused when space runs out."""
    OUTCOME = auto()
    """Waits for the next intent, or a moment; still accepted when intents no longer are."""
    TOLD = auto()
    """Committed at once; nothing but lines for people, so refused like an intent."""
    ALONE = auto()
    """Committed at once, in a transaction of its own."""


def nothing() -> None:
    """Tell nobody."""


class Entry(Struct):
    """One thing to write: `execute` inside the transaction, `tell` after the commit; `future` hears the result."""

    urgency: Urgency
    execute: Callable[[sqlite3.Connection], Any]
    tell: Callable[[], None] = nothing
    future: "Future[Any]" = field(default_factory=Future)

    def __post_init__(self) -> None:
        # Running futures cannot be cancelled: what was asked to be written is, whoever stopped waiting for it.
        self.future.set_running_or_notify_cancel()


class Books(Protocol):
    """What is written to other files after a commit, and recorded in the next one."""

    def record(self, connection: sqlite3.Connection) -> None:
        """Record how far the files have been written. Called first in each transaction; may be repeated."""

    def recorded(self) -> None:
        """Forget what `record` recorded last: it is durable."""


class SealedBooks(Books, Protocol):
    """Books with an end."""

    def seal(self, connection: sqlite3.Connection) -> None:
        """Record that the files are complete. Raises `OSError`."""


class GroupCommit:
    """Writes groups of entries, one transaction each. Used by one thread; `commit` raises nothing."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        reserve: Reserve | None,
        books: SealedBooks,
        anchor: Anchor | None = None,
    ) -> None:
        self._connection = connection
        self._anchor = anchor
        self._reserve = reserve
        self._books = books
        self._full: HeadraceError | None = None  # why no intents are accepted any more
        self._failure: HeadraceError | None = None  # why nothing is accepted any more

    def commit(self, entries: Sequence[Entry]) -> None:
        """Write `entries` together and give each future its result, or the exception that says why not."""
        admitted = self._admit(entries)
        if not admitted:
            return
        try:
            results = self._transact(admitted)
        except UsageError as error:  # the user's to repair; nothing of it was written, and the ledger is sound
            _fail(admitted, error)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, every future must hear of it, and no write follows
            self._recover(admitted, error)
            return
        if not self._tell(admitted):
            return
        for entry, result in zip(admitted, results, strict=True):
            entry.future.set_result(result)

    def conclude(self) -> None:
        """Record the books for the last time and seal the files, as far as the disk allows: nothing is lost if not."""
        if self._failure is None:
            with suppress(sqlite3.Error, OSError):
                self._transact([Entry(Urgency.ALONE, self._books.seal)])

    def _admit(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return the entries that may still be written; the others hear why not."""
        if self._failure is not None:
            return _fail(entries, self._failure)
        if self._full is None and self._anchor is not None:  # outcomes go on: a file that was moved can be put back
            self._full = self._anchor.displaced()
        if self._full is None:
            return list(entries)
        _fail([entry for entry in entries if entry.urgency is not Urgency.OUTCOME], self._full)
        return [entry for entry in entries if entry.urgency is Urgency.OUTCOME]

    def _transact(self, entries: Sequence[Entry]) -> list[Any]:
        """Commit `entries` and return their results; leave nothing of them where one fails."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._books.record(self._connection)
            results = [entry.execute(self._connection) for entry in entries]
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        self._books.recorded()
        return results

    def _recover(self, entries: list[Entry], error: Exception) -> None:
        """Refuse intents from now on where the disk is full and try the outcomes again; else refuse everything."""
        if _is_full(error) and self._full is None:
            self._full = translated(error)
            self._release()
            self.commit(entries)
            return
        known = isinstance(error, (HeadraceError, sqlite3.OperationalError, sqlite3.DatabaseError, OSError))
        self._failure = _ours(error) if known else InvariantError(f"The ledger cannot write an entry: {error!r}.")
        self._failure.__cause__ = error
        self._release()
        _fail(entries, self._failure)

    def _tell(self, entries: Sequence[Entry]) -> bool:
        """Write the lines for people; return whether the entries' results may be given.

        Lines are owed, not lost, where the disk fails: only new intents are refused. Anything else that goes wrong is
        ours, and nothing is written after it.
        """
        try:
            for entry in entries:
                entry.tell()
        except OSError as error:
            self._full = self._full or translated(error)
            self._release()
        except Exception as error:  # noqa: BLE001 - whatever it is, every future must hear of it
            self._failure = _untold(error)
            self._release()
            _fail(entries, self._failure)
        return self._failure is None

    def _release(self) -> None:
        if self._reserve is not None:
            self._reserve.release()


def _fail(entries: Sequence[Entry], failure: HeadraceError) -> list[Entry]:
    """Give every entry's future `failure`; return that none is left."""
    for entry in entries:
        entry.future.set_exception(failure)
    return []


def _untold(error: Exception) -> HeadraceError:
    """Return why nothing is accepted any more after the lines of durable entries could not be written."""
    message = f"The results files could not be written: {error}."
    failure = StoppedError(message) if isinstance(error, HeadraceError) else InvariantError(f"{message} ({error!r})")
    failure.hint = getattr(error, "hint", None)
    failure.__cause__ = error
    return failure


def _is_full(error: Exception) -> bool:
    """Whether the disk (not a sync) refused: then, and only then, writing less may still succeed."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def _ours(error: Exception) -> HeadraceError:
    """Return `error` as one of ours."""
    return error if isinstance(error, HeadraceError) else translated(error)
