"""In-doubt files as they come back: with a column `decision` that somebody has filled in, or without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from headrace.ledger.returned import ReturnedFile
from headrace.ledger.sheet import OWN_COLUMNS, Kind

DECISION: Final = "decision"
_OTHERS: Final = len(OWN_COLUMNS[Kind.IN_DOUBT]) - 1
"""Our columns beside `line`."""
_REMEDY: Final = f"Keep the column `line` as headrace wrote it, and add one called {DECISION!r}."


class Listed(Struct, frozen=True):
    """One row of an in-doubt file: its line in the source, its cells by column, and the decision, "" for none."""

    line: int
    cells: dict[str, str]
    decision: str


def read_doubts(path: Path) -> Iterator[Listed]:
    """Return the rows of the in-doubt file at `path`. Raises `SourceError` where it cannot be read or understood."""
    file = ReturnedFile(path, Kind.IN_DOUBT, _REMEDY, added=(DECISION,))
    for one in file:
        yield Listed(one.line, dict(zip(file.columns, one.cells, strict=False)), "".join(one.own[_OTHERS:]).strip())
