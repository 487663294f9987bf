"""The past of a load: which rows of its source are settled, and how.

While the source is unchanged a row is known by its offset: one byte a row. Rows of earlier generations of the source
are known by their key, through a temporary index on disk; identical rows are counted, so that the first k copies are
the k settled ones. Memory stays flat.
"""

import sqlite3
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from headrace.identity import KEY_BYTES, PRINT_BYTES
from headrace.ledger.packing import GENERATION_BITS, SETTLED, State, runs, unpack_keys, unpack_runs
from headrace.ledger.recovery import unknown
from headrace.model import Row

_REQUESTS: Final = (
    "SELECT numbers, keys, outcomes, prints FROM request WHERE load = ? AND settled IS NOT NULL ORDER BY seq"
)
_FAULTS: Final = "SELECT number, key, state FROM fault WHERE load = ?"
_WITH_KEY: Final = "SELECT key, number, state, print FROM entry WHERE key"
_PUT: Final = (
    "INSERT INTO entry VALUES (?, ?, ?, ?) ON CONFLICT (number)"
    " DO UPDATE SET key = excluded.key, state = excluded.state, print = excluded.print"
)
_TABLE: Final = "CREATE TABLE entry (key BLOB, number INTEGER PRIMARY KEY, state INTEGER, print BLOB)"
_FORGET: Final = "DELETE FROM entry WHERE number IN"
_UNSENT: Final = bytes([State.UNSENT])
_KEPT: Final = SETTLED | {State.UNKNOWN}
_AT_ONCE: Final = 500


_Candidate: TypeAlias = tuple[bytes, int, int, bytes | None]
"""Key, number, state and print."""


class Matches(Struct, frozen=True, gc=False):
    """What the ledger knows of some rows, in their order: the numbers they are recorded under, and their states.

    `prints` are the digests of what was sent of those that an earlier version of the source had, by their places.
    """

    numbers: Sequence[int]
    states: bytes
    prints: Mapping[int, bytes]


class States:
    """The states of row numbers. Those of the current generation are bytes; any others are few, and in a dict."""

    def __init__(self, generation: int) -> None:
        self._base = generation << GENERATION_BITS
        self._current = bytearray()
        self._earlier: dict[int, int] = {}

    def get(self, run: range) -> bytes:
        """Return the states of consecutive numbers."""
        start = run.start - self._base
        if start < 0:
            return bytes(self._earlier.get(number, State.UNSENT) for number in run)
        return bytes(self._current[start : start + len(run)]).ljust(len(run), _UNSENT)

    def put(self, run: range, states: bytes) -> None:
        """Set the states of consecutive numbers."""
        start = run.start - self._base
        if start < 0:
            self._earlier.update(zip(run, states, strict=True))
            return
        if len(self._current) < start:
            self._current.extend(bytes(start - len(self._current)))
        self._current[start : start + len(run)] = states


class Past:
    """What is known of the rows of one load. `unseen` counts settled rows that the source has not shown (yet)."""

    def __init__(self, connection: sqlite3.Connection, load_id: int, generation: int) -> None:
        self._base = generation << GENERATION_BITS
        self.states = States(generation)
        self._earlier = KeyIndex()
        self._read(connection, load_id)
        self.unseen = self._earlier.complete()

    def match(self, rows: Sequence[Row]) -> Matches:
        """Return what is known of `rows`. Each settled row of an earlier generation is found once."""
        numbers = [self._base + row.offset for row in rows]
        states = b"".join(map(self.states.get, runs(numbers)))
        if self.unseen and State.UNSENT in states:
            return self._match_earlier(rows, numbers, bytearray(states))
        return Matches(numbers, states, {})

    def knows_any(self, keys: Sequence[bytes]) -> bool:
        """Whether a settled row of an earlier generation has one of `keys`."""
        return self._earlier.has_any(keys)

    def close(self) -> None:
        """Drop the index."""
        self._earlier.close()

    def _match_earlier(self, rows: Sequence[Row], numbers: list[int], states: bytearray) -> Matches:
        """Look for the rows of which nothing is known by offset among those of earlier generations."""
        prints: dict[int, bytes] = {}
        unknown = [place for place, state in enumerate(states) if state == State.UNSENT]
        found = self._earlier.take([rows[place].key for place in unknown])
        for place, entry in zip(unknown, found, strict=True):
            if entry is not None:
                self.states.put(range(numbers[place], numbers[place] + 1), bytes([entry.state]))
                numbers[place], states[place] = entry.number, entry.state
                self.unseen -= 1
                if entry.print is not None:
                    prints[place] = entry.print
        return Matches(numbers, bytes(states), prints)

    def _read(self, connection: sqlite3.Connection, load_id: int) -> None:
        """Read what was settled, in the order in which it was: of several records of one row the last one counts."""
        for numbers, keys, outcomes, prints in connection.execute(_REQUESTS, (load_id,)):
            self._put(unpack_runs(numbers), keys, outcomes, prints)
        for number, key, state in connection.execute(_FAULTS, (load_id,)):
            self._put([range(number, number + 1)], key, bytes([state]))
        for one in unknown(connection, load_id):  # last: a row that is unknown may be listed as in doubt as well
            self._put(runs(one.numbers), b"".join(one.keys), bytes([State.UNKNOWN]) * len(one.numbers))

    def _put(self, record: list[range], keys: bytes, outcomes: bytes, prints: bytes | None = None) -> None:
        """Keep what is known of the rows of a record: by number those of this generation, by key the others."""
        place = 0
        for run in record:
            states = outcomes[place : place + len(run)]
            if run.start < self._base:
                its = range(place, place + len(run))
                self._earlier.put(run, _of(its, keys, KEY_BYTES), states, prints and _of(its, prints, PRINT_BYTES))
            elif State.UNSENT in states:
                for number, state in zip(run, states, strict=True):
                    if state != State.UNSENT:
                        self.states.put(range(number, number + 1), bytes([state]))
            else:
                self.states.put(run, states)
            place += len(run)


def _of(places: range, packed: bytes, size: int) -> bytes:
    """Return the parts of `packed`, which are of `size` bytes each, at consecutive places."""
    return packed[places.start * size : places.stop * size]


class Entry(Struct, frozen=True, gc=False):
    """A settled row of an earlier generation; `print` is the digest of what was sent, None where it is not known."""

    number: int
    state: int
    print: bytes | None


class KeyIndex:
    """Settled rows by key, in a temporary database that is on disk as soon as it is large."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None

    def put(self, run: range, keys: bytes, states: bytes, prints: bytes | None) -> None:
        """Keep the settled and the unknown ones of consecutive rows; the last state of a number counts."""
        each = (
            [None] * len(run) if not prints else [_of(range(at, at + 1), prints, PRINT_BYTES) for at in range(len(run))]
        )
        entries = zip(unpack_keys(keys), run, states, each, strict=True)
        self._opened().executemany(_PUT, (entry for entry in entries if entry[2] in _KEPT))

    def complete(self) -> int:
        """Build the index after the last `put`, sorted at once, which is several times faster; return its size."""
        if self._connection is None:
            return 0
        self._connection.execute("CREATE INDEX entry_key ON entry (key, number, state, print)")
        return int(self._connection.execute("SELECT count(*) FROM entry").fetchone()[0])

    def take(self, keys: Sequence[bytes]) -> list[Entry | None]:
        """Return and forget one row for each of `keys`, in their order; None where none is left."""
        found: dict[bytes, deque[Entry]] = defaultdict(deque)
        for key, number, state, digest in self._candidates(keys):
            found[key].append(Entry(number, state, digest))
        taken = [found[key].popleft() if found.get(key) else None for key in keys]
        gone = [entry.number for entry in taken if entry is not None]
        for start in range(0, len(gone), _AT_ONCE):
            some = gone[start : start + _AT_ONCE]
            self._opened().execute(f"{_FORGET} ({', '.join('?' * len(some))})", some)
        return taken

    def has_any(self, keys: Sequence[bytes]) -> bool:
        """Whether a row with one of `keys` is there."""
        return bool(self._candidates(keys))

    def close(self) -> None:
        """Delete the database."""
        if self._connection is not None:
            self._connection.close()

    def _candidates(self, keys: Sequence[bytes]) -> list[_Candidate]:
        """Return as many rows with each of `keys` as `keys` asks for, if there are."""
        if self._connection is None:
            return []
        candidates: list[_Candidate] = []
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            most = 2 * len(some)
            query = f"{_WITH_KEY} IN ({', '.join('?' * len(some))}) ORDER BY key, number LIMIT {most}"
            found = self._connection.execute(query, some).fetchall()
            candidates += found if len(found) < most else self._few_of_each(some)
        return candidates

    def _few_of_each(self, keys: Sequence[bytes]) -> Iterator[_Candidate]:
        """As `_candidates`, one query a key: the single query would read all copies of a row that has very many."""
        assert self._connection is not None  # asked by _candidates
        for key, count in Counter(keys).items():
            yield from self._connection.execute(f"{_WITH_KEY} = ? ORDER BY number LIMIT ?", (key, count))

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = scratch()
            self._connection.execute(_TABLE)
            self._connection.execute("BEGIN")  # never ended: the database is dropped with the connection
        return self._connection


def scratch() -> sqlite3.Connection:
    """Return a database of our own that is dropped when closed: in memory up to 16 MiB, beyond that on disk."""
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16384"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
