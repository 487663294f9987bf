"""Names as a source: one row for each different name by which rows of other sources refer to records.

So records that are missing can be created as any others are. Names are told apart as lookups do: case and blanks do not
matter. A row is made of the first that has the name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, Struct

from headrace.identity import digest, folded
from headrace.intake.first import first_rows
from headrace.intake.header import Header
from headrace.intake.load import Intake
from headrace.intake.rule import Rule
from headrace.intake.source import Source
from headrace.model import Chunk, Row

KEY: Final = "name looked up"
"""The column of the name as it is told apart: the row's key. No field is called so, nor the next."""
PLACE: Final = "first named in"
"""The last column: file and line of the first row with the name."""


def columns_of(fields: Mapping[str, Rule]) -> dict[str, str]:
    """Return, for the columns of names that fill `fields`, those of the rows that have the names."""
    return {
        column: named
        for field, rule in fields.items()
        for column, named in ((field, rule.column), (until(field), rule.until))
        if named is not None
    }


def until(field: str) -> str:
    """Return the name of the second column of a field that is filled from two."""
    return f"{field} until"


class Origin(Struct, frozen=True):
    """Rows that refer to records by name: their source and intake, the `field` that does, and what fills the others.

    `columns` are as of `columns_of`.
    """

    source: Source
    intake: Intake
    field: str
    columns: Mapping[str, str]


class Names:
    """The different names of some origins as a `Source`, its name column called `attribute`.

    Of each origin the first `limit` rows count, None for all. A row has no line of its own: its `line` is its place,
    counted from 1, because one row of an origin may have several names. For each chunk of an origin there is one of its
    new names, though it be none, so that nobody waits for long. Mutable state: how many origins were gone through.
    """

    has_open_columns = False
    may_block = False
    is_replayable = True

    def __init__(self, name: str, attribute: str, origins: Sequence[Origin], limit: int | None = None) -> None:
        self.name = name
        self._origins = origins
        self._limit = limit
        self._columns = (attribute, *origins[0].columns, KEY, PLACE)
        self._at = 0

    def fingerprint(self) -> bytes:
        """See `Source`. With another limit they are other rows."""
        return digest(repr(self._limit).encode(), *(one.source.fingerprint() or b"" for one in self._origins))

    def chunks(self) -> Iterator[Chunk]:
        """See `Source`."""
        seen: set[str] = set()
        for at, origin in enumerate(self._origins):
            self._at = at
            for chunk in first_rows(origin.source.chunks(), self._limit):
                offset, rows = len(seen), [*_rows(chunk, origin, seen)]
                yield Chunk(self._columns, offset, range(offset + 1, len(seen) + 1), rows)
        self._at = len(self._origins)

    def spellings(self, most: int) -> set[str] | None:
        """Return all names as they are spelt anywhere; None beyond `most` of them."""
        found: set[str] = set()
        for one in self._origins:
            some = one.intake.names(first_rows(one.source.chunks(), self._limit), one.field, most)
            if some is None:
                return None
            found |= some
        return found if len(found) <= most else None

    def fraction(self) -> float | None:
        """See `Source`."""
        now = self._origins[self._at].source.fraction() if self._at < len(self._origins) else 0.0
        return None if now is None else (self._at + now) / len(self._origins)

    def close(self) -> None:
        """See `Source`."""
        for origin in self._origins:
            origin.source.close()


def _rows(chunk: Chunk, origin: Origin, seen: set[str]) -> Iterator[list[Any]]:
    """Yield a row for each name of `chunk` that was not `seen`, and note it."""
    header = Header(chunk.columns, source=origin.source.name, is_open=origin.source.has_open_columns)
    places = [header.find(named, f"for the field '{column}'") for column, named in origin.columns.items()]
    for at, texts in origin.intake.referring(chunk, origin.field):
        for text, key in _new(texts, seen):
            cells = chunk.rows[at]
            others = (UNSET if place is None or place >= len(cells) else cells[place] for place in places)
            yield [text, *others, key, f"{origin.source.name}:{chunk.lines[at]}"]


def _new(texts: Iterable[str], seen: set[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        key = folded(text)
        if key and key not in seen:
            seen.add(key)
            yield text.strip(), key


def place_of(row: Row) -> tuple[str, int]:
    """Return file and line of the row that first had the name."""
    file, _, line = str(row.cells[-1]).rpartition(":")
    return file, int(line)
