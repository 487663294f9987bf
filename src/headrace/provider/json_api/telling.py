"""Telling apart: the relationships that the answer to a bulk create must show, so that each record is known again.

By itself an answer shows attributes only. Rows that are alike in these are told apart by what they refer to: where the
answer came in another order, they would get each other's ids.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from headrace.provider.json_api.echo import spelt
from headrace.provider.json_api.layout import Layout

Tell: TypeAlias = Callable[[Sequence[Struct]], str]
_Get: TypeAlias = Callable[[Any], Any]


def telling(layout: Layout) -> Tell:
    """Return the function that names what to include in the answer about values, joined by commas; mostly nothing.

    https://developer.productive.io/guides/resource-representation: "to include relationships in the response, you must
    pass an include query parameter".
    """
    said: list[_Get] = [attrgetter(name) for name in layout.attributes]
    links: list[tuple[str, _Get]] = [(link.name, attrgetter(link.field)) for link in layout.links]

    def tell(values: Sequence[Struct]) -> str:
        groups = [*_alike(values, said)] if links else []
        return ",".join(name for name, get in links if any(len(set(map(get, group))) > 1 for group in groups))

    return tell


def _alike(values: Sequence[Struct], said: Sequence[_Get]) -> Iterator[Sequence[Struct]]:
    """Yield the groups of several values that say the same in all attributes."""
    columns = [column for get in said if (column := [*map(get, values)]).count(UNSET) < len(column)]
    try:
        keys = [*zip(*columns, strict=True)] or [()] * len(values)
        if len(set(keys)) == len(values):  # nearly always
            return
    except TypeError:  # lists and tables have no hash
        keys = [*zip(*map(spelt, columns), strict=True)]
    groups = defaultdict(list)
    for key, value in zip(keys, values, strict=True):
        groups[key].append(value)
    yield from (group for group in groups.values() if len(group) > 1)
