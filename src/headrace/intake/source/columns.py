"""The columns of rows that name their own: the union of all keys so far, in the order of their appearance."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from headrace.intake.source.compression import CutError
from headrace.intake.source.protocol import MAX_COLUMNS
from headrace.model import Cell


class Columns:
    """Turns mappings into cells. `names` only ever grows, at its end, so that a place keeps its meaning."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()

    def cells(self, rows: Iterable[Mapping[str, Any]]) -> list[list[Cell]]:
        """Return the cells of `rows` in column order, `UNSET` where a row lacks the column."""
        cells = [self._of(row) for row in rows]
        width = len(self.names)
        for row in cells:
            row.extend([UNSET] * (width - len(row)))
        return cells

    def _of(self, row: Mapping[str, Any]) -> list[Cell]:
        if tuple(row) == self.names:
            return list(row.values())
        if not row.keys() <= set(self.names):
            self._grow(row)
        return [row.get(name, UNSET) for name in self.names]

    def _grow(self, row: Mapping[str, Any]) -> None:
        known = set(self.names)
        self.names = (*self.names, *(name for name in row if name not in known))
        if len(self.names) > MAX_COLUMNS:
            raise CutError(
                f"its rows have more than {MAX_COLUMNS:,} different keys",
                hint="are the keys data, such as dates or ids?",
            )
