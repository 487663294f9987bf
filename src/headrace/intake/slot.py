"""A slot of the mapping: one field filled from one column, a whole chunk at a time."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, Final

from msgspec import UNSET, Struct

from headrace.intake.fields import Field, Kind
from headrace.intake.transforms import Transform
from headrace.intake.unfit import UnfitError
from headrace.model import Cell, Fault

MEMO: Final = 4_096
"""Texts whose value a slot remembers: dates, durations and yes-or-no repeat from row to row."""

Faults = dict[int, list[Fault]]
"""Faults of a chunk's rows, by place in the chunk."""


class Filled(Struct, gc=False):
    """The values of one field for the rows of a chunk, `UNSET` where it has none; `is_full` says that all have one."""

    values: list[Any]
    is_full: bool


class Slot:
    """Fills `field` from the cells of `column`, which stands at `index` in every row.

    With `until`, from these and the cells at that index, which `transform` is given as a pair.
    """

    def __init__(
        self,
        field: Field,
        column: str,
        index: int,
        transform: Transform | None,
        *,
        drops: bool = False,
        until: int | None = None,
    ) -> None:
        """Compile the slot; `drops` says that `transform` may return `UNSET`."""
        self.field = field
        self.column = column
        self.index = index
        self._pick = itemgetter(index) if until is None else itemgetter(index, until)
        self._is_whole = not drops
        # Text goes as it was found, with its blanks; everything else without blanks around it.
        self._is_text = field.kind in (Kind.TEXT, Kind.ANY)
        self._memo = None if transform is None else _Memo(transform)

    def fill(self, rows: Sequence[Sequence[Cell]], faults: Faults) -> Filled:
        """Return the field's values for the cells of `rows`; add to `faults` what does not fit.

        Each step that works for all cells at once is one call into C; a cell that is blank, no text, or does not fit
        sends the column the slow way.
        """
        cells = list(map(self._pick, rows))
        try:
            stripped = list(map(str.strip, cells))
        except TypeError:
            return self._one_by_one(cells, faults)
        if "" in stripped:
            return self._one_by_one(cells, faults)
        kept = cells if self._is_text else stripped
        if self._memo is None:
            return Filled(kept, is_full=True)
        try:
            return Filled(list(map(self._memo.__getitem__, kept)), is_full=self._is_whole)
        except UnfitError:
            return self._one_by_one(cells, faults)

    def _one_by_one(self, cells: Iterable[Cell], faults: Faults) -> Filled:
        values = []
        for place, cell in enumerate(cells):
            value = self._cleaned(cell)
            if value is not UNSET and self._memo is not None:
                try:
                    value = self._memo[value] if type(value) is str else self._memo.transform(value)
                except UnfitError as unfit:
                    faults.setdefault(place, []).append(unfit.fault(self.field.name, self.column, cell))
                    value = UNSET
            values.append(value)
        return Filled(values, is_full=False)

    def _cleaned(self, cell: Cell) -> Any:
        """Return the cell, stripped where that means nothing, and `UNSET` where it is blank."""
        if isinstance(cell, str):
            stripped = cell.strip()
            return UNSET if not stripped else cell if self._is_text else stripped
        if isinstance(cell, tuple):  # of two columns
            return UNSET if all(self._cleaned(one) is UNSET for one in cell) else cell
        # NaN is how tables in memory spell a blank; it is the one value that is not itself.
        return UNSET if cell is None or (isinstance(cell, float) and cell != cell) else cell  # noqa: PLR0124 - see above


class _Memo(dict[str, Any]):
    """Values of texts, worked out once; emptied when it is full."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform = transform

    def __missing__(self, text: str) -> Any:
        if len(self) >= MEMO:
            self.clear()
        value = self[text] = self.transform(text)
        return value
