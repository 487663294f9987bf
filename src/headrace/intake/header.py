"""The header as mapping reads it: columns by name, and what to say when one is missing."""

import re
from collections.abc import Iterable
from typing import Final

from headrace.errors import SourceError
from headrace.intake.suggestion import did_you_mean, listed

_FILLERS: Final = re.compile(r"[\s_-]+")


class Header:
    """The columns of one source. `is_open` says that more may come, so that an absent one is no error yet."""

    def __init__(self, columns: tuple[str, ...], *, source: str | None, is_open: bool) -> None:
        self.columns = columns
        self.source = source
        self.is_open = is_open
        self._places = {name.strip(): place for place, name in enumerate(columns)}
        self._alike: dict[str, list[int]] = {}
        for place, name in enumerate(columns):
            self._alike.setdefault(_folded(name), []).append(place)

    def find(self, name: str, purpose: str) -> int | None:
        """Return the place of the column called `name`; None where it may yet come.

        Raises `SourceError` where it cannot, with what it is needed for.
        """
        place = self._places.get(name.strip())
        if place is None and not self.is_open:
            hint = did_you_mean(name, self.columns) or f"the columns are {listed(self.columns)}"
            raise SourceError(f"there is no column '{name}' {purpose}", file=self.source, hint=hint)
        return place

    def like(self, field: str) -> int | None:
        """Return the place of the column named like `field`, whatever its case, blanks, dashes and underscores."""
        if field in self._places:
            return self._places[field]
        places = self._alike.get(_folded(field), [])
        if len(places) > 1:
            names = listed([self.columns[place] for place in places])
            raise SourceError(
                f"the columns {names} are both called like the field '{field}'",
                file=self.source,
                hint=f'say which one it is: {field} = "<column>" in the mapping',
            )
        return places[0] if places else None

    def lacks(self, fields: Iterable[str], resource: str) -> SourceError:
        """Return the error for required `fields` that nothing fills."""
        names = list(fields)
        near = [f"'{field}': {hint}" for field in names if (hint := did_you_mean(field, self.columns))]
        columns = "; ".join(near) or f"the columns are {listed(self.columns)}"
        what = f"no column and no rule fills {listed(names)}, which {resource} cannot be created without"
        return SourceError(what, file=self.source, hint=f'map a column, {names[0]} = "<column>"; {columns}')


def _folded(name: str) -> str:
    return _FILLERS.sub("", name).casefold()
