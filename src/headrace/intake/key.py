"""The key of a row, as a load defines it: from its key columns, or from all that is mapped."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from headrace.identity import RecordKey, row_key, row_keys
from headrace.intake.header import Header
from headrace.intake.slot import Slot
from headrace.model import Cell


class Key:
    """Gives rows their keys.

    Without key columns a key is made of the fields that are mapped and not blank, by field name: so that neither the
    order nor the names of the columns matter, nor a blank column more.
    """

    def __init__(self, picks: Sequence[int | None], *, names: tuple[str, ...] | None) -> None:
        self._pick = _picker(picks)
        self._of_rows = row_keys if names is None else RecordKey(names).of_rows
        self.blank = row_key(("",) * len(picks)) if names is None else None
        """The key of rows whose key columns are all blank, None where there are no key columns."""

    @classmethod
    def of(cls, header: Header, columns: Sequence[str], slots: Iterable[Slot]) -> "Key":
        """Return the key made of `columns`, or without any, of what `slots` map, or if that is nothing, of all."""
        if columns:
            return cls([header.find(name, "for the key") for name in columns], names=None)
        parts = sorted((slot.field.name, slot.index) for slot in slots)
        parts = parts or sorted((name, place) for place, name in enumerate(header.columns))
        return cls([place for _, place in parts], names=tuple(name for name, _ in parts))

    def of_rows(self, rows: Iterable[Sequence[Cell]]) -> list[bytes]:
        """Return the 16-byte keys of `rows`."""
        return self._of_rows(list(map(self._pick, rows)))


def _picker(places: Sequence[int | None]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return the function that takes the cells at `places` out of a row; the empty text where there is no place."""
    if len(places) > 1 and None not in places:
        return itemgetter(*places)
    return lambda row: tuple("" if place is None else row[place] for place in places)
