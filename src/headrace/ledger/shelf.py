"""The shelf: the books of all loads, kept as one by the group commit."""

import sqlite3
from collections.abc import Iterator
from itertools import chain

from msgspec import Struct

from headrace.ledger.commit import Books
from headrace.ledger.progress import Progress
from headrace.ledger.results import Results


class LoadBooks(Struct, frozen=True):
    """What is kept of one load beside its records: how far its source was read, and its results files."""

    progress: Progress
    results: Results | None


class Shelf:
    """The books of all loads. Used by the thread that commits."""

    def __init__(self) -> None:
        self._books: dict[int, LoadBooks] = {}

    def put(self, load_id: int, books: LoadBooks) -> None:
        """Keep the books of one load from now on, in the place of earlier ones of the same load."""
        earlier = self._books.pop(load_id, None)
        if earlier is not None and earlier.results is not None:
            earlier.results.close()
        self._books[load_id] = books

    def record(self, connection: sqlite3.Connection) -> None:
        """See `commit.Books`."""
        for books in self._all():
            books.record(connection)

    def recorded(self) -> None:
        """See `commit.Books`."""
        for books in self._all():
            books.recorded()

    def seal(self, connection: sqlite3.Connection) -> None:
        """Make all files durable, and record that they are complete. Raises `OSError`."""
        for results in self._results():
            results.seal(connection)

    def close(self) -> None:
        """Close all files."""
        for results in self._results():
            results.close()

    def _results(self) -> Iterator[Results]:
        return (books.results for books in self._books.values() if books.results is not None)

    def _all(self) -> Iterator[Books]:
        return chain((books.progress for books in self._books.values()), self._results())
