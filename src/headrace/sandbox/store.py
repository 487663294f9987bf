"""The store: records by type and id, in memory, and which of them were created alike."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import orjson

Link: TypeAlias = int | tuple[int, ...] | None
"""What a relationship holds: the id of one record, or of several."""

MAX_LISTINGS: Final = 8
"""How many listings are remembered between their pages."""


class Record:
    """One record. Times are seconds since the epoch; it is listed from `visible_at` on."""

    __slots__ = ("attributes", "created_at", "id", "links", "print", "updated_at", "visible_at")

    def __init__(self, number: int, attributes: dict[str, Any], links: dict[str, Link], now: float) -> None:
        self.id = number
        self.attributes = attributes
        self.links = links
        self.created_at = self.updated_at = now
        self.visible_at = 0.0
        self.print: int | None = None

    def __repr__(self) -> str:
        return f"<record {self.id} {self.attributes} {self.links}>"


class Twins:
    """Finds records of one type that were created with equal content: by digest, never by comparing pairs."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}  # digest -> the first living record that was created so
        self._others: dict[int, list[int]] = {}  # digest -> the further ones

    def add(self, digest: int, number: int) -> None:
        """Take note of a record."""
        if self._first.setdefault(digest, number) != number:
            self._others.setdefault(digest, []).append(number)

    def remove(self, digest: int, number: int) -> None:
        """Forget a record that was deleted."""
        others = self._others.get(digest, [])
        if number in others:
            others.remove(number)
        elif others:
            self._first[digest] = others.pop(0)
        else:
            self._first.pop(digest, None)
        if not others:
            self._others.pop(digest, None)

    @property
    def surplus(self) -> int:
        """How many records are one too many."""
        return sum(map(len, self._others.values()))

    def groups(self) -> Iterator[list[int]]:
        """Yield the ids of records that are alike."""
        return ([self._first[digest], *others] for digest, others in self._others.items())


class Store:
    """All records of one sandbox. Ids count upwards per type and are never used twice."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[int, Record]] = {}
        self._last: dict[str, int] = {}
        self._twins: dict[str, Twins] = {}
        self._sequences: dict[str, int] = {}
        self.is_lagging = False  # whether some record may be missing from lists for a while
        self.kept: dict[tuple[str, ...], Any] = {}  # what an API remembers beside its records, as answers under a key
        self._listings: dict[Hashable, Sequence[Record]] = {}  # what was found, until something is written
        self.created: dict[str, int] = {}
        self.deleted: dict[str, int] = {}

    # Listings

    def remember(self, question: Hashable, found: Sequence[Record]) -> None:
        """Keep what a listing found for its further pages; the oldest one gives way."""
        self._listings.pop(question, None)
        self._listings[question] = found
        if len(self._listings) > MAX_LISTINGS:
            del self._listings[next(iter(self._listings))]

    def recall(self, question: Hashable) -> Sequence[Record] | None:
        """Return what a listing found; None where that is not known, or may be something else by now."""
        return self._listings.get(question)

    def forget(self) -> None:
        """Forget what listings found: something was written. Whoever changes a record in place calls this."""
        self._listings.clear()

    # Records

    def get(self, kind: str, number: int) -> Record | None:
        """Return one record, or None."""
        return self._tables.get(kind, {}).get(number)

    def table(self, kind: str) -> Mapping[int, Record]:
        """Return the records of a type by id, in the order of their ids."""
        return self._tables.get(kind, {})

    def place(
        self, kind: str, attributes: dict[str, Any], links: dict[str, Link], now: float, *, at: int = 0
    ) -> Record:
        """Put in a record of reference data, under the id `at` if one is wanted. Raises ValueError if it is taken."""
        table = self._tables.setdefault(kind, {})
        number = at or self._last.get(kind, 0) + 1
        if number in table:
            raise ValueError(f"{kind} {number} exists already")
        record = table[number] = Record(number, attributes, links, now)
        self.forget()
        self._last[kind] = max(number, self._last.get(kind, 0))
        return record

    def create(self, kind: str, attributes: dict[str, Any], links: dict[str, Link], now: float, given: Any) -> Record:
        """Put in a record that a client created, out of `given`: the JSON value that makes it equal to others.

        None for one that nobody sees yet.
        """
        record = self.place(kind, attributes, links, now)
        self.compare(kind, record, given)
        self.created[kind] = self.created.get(kind, 0) + 1
        return record

    def compare(self, kind: str, record: Record, given: Any) -> None:
        """Have a record compared with others by `given` from now on, by nothing where that is None."""
        twins = self._twins.setdefault(kind, Twins())
        if record.print is not None:
            twins.remove(record.print, record.id)
        record.print = None if given is None else _digest(given)
        if record.print is not None:
            twins.add(record.print, record.id)

    def remove(self, kind: str, record: Record) -> None:
        """Take out a record."""
        del self._tables[kind][record.id]
        self.forget()
        self.compare(kind, record, None)
        self.deleted[kind] = self.deleted.get(kind, 0) + 1

    def following(self, sequence: str) -> int:
        """Return the next number of a sequence: 1, 2, 3 ..."""
        self._sequences[sequence] = self._sequences.get(sequence, 0) + 1
        return self._sequences[sequence]

    @property
    def counts(self) -> dict[str, int]:
        """How many records there are, by type."""
        return {kind: len(table) for kind, table in self._tables.items() if table}

    @property
    def twins(self) -> Mapping[str, Twins]:
        """Which records were created alike, by type."""
        return self._twins


def _digest(given: Any) -> int:
    canonical = orjson.dumps(given, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return int.from_bytes(blake2b(canonical, digest_size=7).digest())
