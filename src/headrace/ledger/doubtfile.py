"""In-doubt files as they come back: with a column `decision` that somebody has filled in, or without."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from headrace.errors import SourceError
from headrace.ledger.cells import exposed
from headrace.ledger.sheet import Kind, own_columns

DECISION: Final = "decision"
_OWN: Final = len(own_columns(Kind.IN_DOUBT, ()))
_REMEDY: Final = f"Keep the columns that headrace wrote, and add one called {DECISION!r} at the end."


class Listed(Struct, frozen=True):
    """One row of an in-doubt file: its line in the source, its cells by column, and the decision, "" for none."""

    line: int
    cells: dict[str, str]
    decision: str


def read_doubts(path: Path) -> Iterator[Listed]:
    """Return the rows of the in-doubt file at `path`. Raises `SourceError` where it cannot be read or understood."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = [exposed(name) for name in next(rows, [])]
            columns = _columns(path, header)
            for number, fields in enumerate(rows, 2):
                if any(fields):
                    yield _listed(path, number, columns, [exposed(cell) for cell in fields])
    except OSError as error:
        raise SourceError(f"Cannot be read: {error.strerror}.", file=str(path)) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise SourceError(f"Is not CSV in UTF-8: {error}.", file=str(path), hint=_REMEDY) from None


def _columns(path: Path, header: list[str]) -> tuple[str, ...]:
    """Return the source's columns of a file with this header."""
    bare = header[:-1] if header[-1:] == [DECISION] else header
    columns = tuple(bare[:-_OWN])
    if tuple(bare[-_OWN:]) != own_columns(Kind.IN_DOUBT, columns):
        raise SourceError("This is not an in-doubt file.", file=str(path), line=1, hint=_REMEDY)
    return columns


def _listed(path: Path, number: int, columns: tuple[str, ...], fields: list[str]) -> Listed:
    line, _, *rest = fields[len(columns) : len(columns) + 3] or [""]
    if not line.isascii() or not line.isdigit():
        raise SourceError(f"Record {number} does not say which line it is.", file=str(path), hint=_REMEDY)
    return Listed(int(line), dict(zip(columns, fields, strict=False)), (rest or [""])[0].strip())
