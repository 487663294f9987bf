"""How cells are written for people: as CSV that no spreadsheet takes for formulas, and that reads back the same.

A cell that starts with `=`, `+`, `-`, `@`, TAB or CR gets a leading `'`, unless it is a plain number such as -3.5. So
does a cell that already starts with such `'`: the rule is reversible, and `exposed` reverses it.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[+-][0-9]+(?:[.,][0-9]+)*")
_PROTECTED: Final = re.compile(r"'+[=+\-@\t\r]")
_SUSPECTS: Final = frozenset("=+-@\t\r'")

# Both ends of the line are quoted inside cells by every version of csv only where both are in the line's end.
LINE_END: Final = "\r\n"
ENCODING: Final = "utf-8"

_encode_json = msgspec.json.Encoder().encode


def text(cell: Any) -> str:
    """Return a cell as found as text: JSON for what is not text, empty for null and for what is missing."""
    if isinstance(cell, str):
        return cell
    if cell is None or cell is UNSET:
        return ""
    return _encode_json(cell).decode()


def protected(cell: str) -> str:
    """Return `cell` so that a spreadsheet takes it for text."""
    if cell[:1] not in _SUSPECTS or not _FORMULA.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return "'" + cell


def exposed(cell: str) -> str:
    """Return what `protected` was given."""
    return cell[1:] if _PROTECTED.match(cell) else cell


def render(rows: Iterable[Sequence[Any]], *, is_safe: bool = True) -> list[bytes]:
    """Return one CSV line of bytes per row; its cells `protected` unless that is not wanted."""
    lines: list[str] = []
    kept = protected if is_safe else str
    write = csv.writer(_Appending(lines), lineterminator=LINE_END).writerow
    for row in rows:
        # The first test spares nearly every cell two calls.
        write([c if type(c) is str and (not is_safe or c[:1] not in _SUSPECTS) else kept(text(c)) for c in row])
    # A lone surrogate has no UTF-8; shown as an escape it is at least seen.
    return [line.encode(ENCODING, "backslashreplace") for line in lines]


class _Appending:
    """A file for csv.writer that keeps what it is given, one line a call."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append
