"""What a CSV file's first lines say about it: its delimiter and its header."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec import Struct

from headrace.errors import SourceError
from headrace.intake.source.protocol import MAX_COLUMNS
from headrace.intake.suggestion import listed

DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE_ROWS: Final = 50
EXCEL_SAYS: Final = re.compile(r"sep=(.)(?:\r\n|\r|\n)", re.IGNORECASE)
"""The line before the header by which Excel is told the delimiter."""

REJECTS_TAIL: Final = ("line", "field", "code", "error", "hint")
"""The columns that our own reject files add at the end of the header; they mark such a file."""


REMOTE_ID: Final = "remote_id"
"""The last column of our own lists of rows that are done."""


class Header(Struct, frozen=True):
    """The columns of a file. `tail` says how many cells may follow them in a row and mean nothing.

    `is_ours` marks one of our own results files, whose cells carry a `'` where a spreadsheet could run them.
    """

    columns: tuple[str, ...]
    tail: int = 0
    is_ours: bool = False


def delimiter_of(sample: str, *, file: str) -> str:
    """Return the delimiter of the text that begins with `sample`, which holds whole lines.

    The header decides, and the rows that follow bear it out: a delimiter that splits the header but not the rows into
    equally many cells is none. Raises `SourceError` where two are as likely: a wrong guess would not be noticed.
    """
    widths = {sign: _widths(sample, sign) for sign in DELIMITERS}
    likely = {sign: found for sign, found in widths.items() if found and found[0] > 1}
    if not likely:
        return ","
    rating = {sign: (_agreement(found), found[0]) for sign, found in likely.items()}
    best = max(rating, key=lambda sign: rating[sign])
    rivals = [sign for sign in rating if sign != best and _rivals(rating[sign], rating[best])]
    if rivals:
        names = " or ".join(DELIMITERS[sign] for sign in (best, *rivals))
        raise SourceError(
            f"its header can be split at {names}", file=file, hint=f'say which it is, for example delimiter = "{best}"'
        )
    return best


def _rivals(rating: tuple[float, int], best: tuple[float, int]) -> bool:
    """Whether a delimiter could be the right one although another is rated higher."""
    return rating[0] >= 0.8 and rating[1] >= best[1]


def _agreement(widths: list[int]) -> float:
    """Return the share of the rows that have as many cells as the header."""
    return sum(width == widths[0] for width in widths) / len(widths)


def _widths(sample: str, delimiter: str) -> list[int]:
    """Return the number of cells of the sample's first rows, without blank ones and a last one that may be cut."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    widths: list[int] = []
    try:
        widths.extend(len(row) for row in islice(_filled(reader), SAMPLE_ROWS + 1))
    except csv.Error:
        return widths
    return widths[:-1] if len(widths) > 2 else widths


def _filled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    return filter(any, rows)


def header_of(cells: list[str], *, file: str, line: int) -> Header:
    """Return the columns that the header row names. Raises `SourceError` for names that are empty or double."""
    names = [cell.strip() for cell in cells]
    if any("\0" in name for name in names):
        hint = 'it may be UTF-16 without a mark: say encoding = "utf-16-le"'
        raise SourceError("the header holds NUL characters", file=file, line=line, hint=hint)
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise SourceError(f"more than {MAX_COLUMNS:,} columns", file=file, line=line)
    _refuse_nameless(names, file, line)
    _refuse_doubles(names, file, line)
    tail = len(REJECTS_TAIL)
    if tuple(names[-tail:]) == REJECTS_TAIL and len(names) > tail:
        return Header(tuple(map(unquoted, names[:-tail])), tail, is_ours=True)
    is_ours = names[-1:] == [REMOTE_ID]
    return Header(tuple(map(unquoted, names) if is_ours else names), is_ours=is_ours)


def _refuse_nameless(names: list[str], file: str, line: int) -> None:
    empty = [place for place, name in enumerate(names, start=1) if not name]
    if empty:
        where = ", ".join(map(str, empty[:10]))
        raise SourceError(
            f"the header has no name for column {where}", file=file, line=line, hint="name every column, or delete it"
        )


def _refuse_doubles(names: list[str], file: str, line: int) -> None:
    doubles = (
        list(dict.fromkeys(name for name in names if names.count(name) > 1)) if len(set(names)) < len(names) else []
    )
    if doubles:
        raise SourceError(
            f"the header names {listed(doubles)} more than once", file=file, line=line, hint="rename one of them"
        )


_QUOTED: Final = re.compile(r"'(?='*[=+\-@\t\r])")


def unquoted(cell: str) -> str:
    """Return a cell of our own results file without the `'` that keeps spreadsheets from running it."""
    return cell[1:] if _QUOTED.match(cell) else cell
