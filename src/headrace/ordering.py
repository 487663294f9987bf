"""The order of loads: each after those that its rows take ids from, else as the import file has them."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

Load = TypeVar("Load")


def ordered(loads: Mapping[str, Load], parents: Mapping[str, AbstractSet[str]]) -> Iterator[Load]:
    """Yield loads, given by title, after their `parents`; stable. One that is part of a cycle comes as it stands.

    A load may be its own parent: that is a matter of its rows.
    """
    left = dict(loads)
    while left:
        ready = (title for title in left if not (parents[title] - {title}) & left.keys())
        yield left.pop(next(ready, next(iter(left))))


def cycle(parents: Mapping[str, AbstractSet[str]]) -> Sequence[str]:
    """Return titles that each take ids from the next, the first again at the end; empty where there is none such."""
    for start in parents:
        found = _way_back(start, parents)
        if found:
            return found
    return ()


def _way_back(start: str, parents: Mapping[str, AbstractSet[str]]) -> Sequence[str]:
    """Return the shortest way from a load to itself over others."""
    ways, seen = [[start]], {start}
    for way in ways:  # grows while it is gone through
        for title in sorted(parents.get(way[-1], frozenset()) - {way[-1]}):
            if title == start:
                return [*way, start]
            if title not in seen:
                seen.add(title)
                ways.append([*way, title])
    return ()
