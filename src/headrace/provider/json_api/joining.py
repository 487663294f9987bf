"""Which answer belongs to which value: a bulk answer's records joined to what was sent, by what they echo. Pure."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import TypeAlias

Row: TypeAlias = tuple[Hashable, ...]
"""What one record says in every column (attribute or relationship), in the spelling of `canonical`."""

_Group: TypeAlias = tuple[list[int], list[int]]
"""Places in `sent` and places in `echoed` that belong together, equally many."""


def join(sent: Sequence[Row], echoed: Sequence[Row]) -> list[int]:
    """Return for every row of `sent` the place of its answer in `echoed`. Both are of one length.

    A column is *faithful* where it holds the same values on both sides, each equally often; a server may rewrite
    others (sanitised notes, defaults). Rows are told apart by faithful columns, one after the other, each judged anew
    among the rows that are still alike. Rows that stay alike are paired where they are equal, else in order.
    """
    if list(sent) == list(echoed):
        return list(range(len(sent)))
    everything = list(range(len(sent)))
    places = dict(pair for group in _split((everything, everything), sent, echoed) for pair in group)
    return [places[place] for place in everything]


def _split(group: _Group, sent: Sequence[Row], echoed: Sequence[Row]) -> Iterator[list[tuple[int, int]]]:
    """Yield the pairs of `group`, split by its most telling faithful column until there is none."""
    column = _telling(group, sent, echoed)
    if column is None:
        yield _pairs(group, sent, echoed)
        return
    ours, theirs = _by_value(group[0], sent, column), _by_value(group[1], echoed, column)
    for value, places in ours.items():
        yield from _split((places, theirs[value]), sent, echoed)


def _telling(group: _Group, sent: Sequence[Row], echoed: Sequence[Row]) -> int | None:
    """Return the faithful column with the most distinct values, None where every faithful one has a single value."""
    best, most = None, 1
    for column in range(len(sent[0]) if len(group[0]) > 1 else 0):
        ours = Counter(sent[place][column] for place in group[0])
        if len(ours) > most and ours == Counter(echoed[place][column] for place in group[1]):
            best, most = column, len(ours)
    return best


def _by_value(places: list[int], rows: Sequence[Row], column: int) -> dict[Hashable, list[int]]:
    found = defaultdict(list)
    for place in places:
        found[rows[place][column]].append(place)
    return found


def _pairs(group: _Group, sent: Sequence[Row], echoed: Sequence[Row]) -> list[tuple[int, int]]:
    """Pair rows that no column tells apart: equal ones of equal rank first, then equal ones, then by rank."""
    equal = [(i, j) for i, j in zip(*group, strict=True) if sent[i] == echoed[j]]
    ours, theirs = _without(group, equal)
    for i in ours:
        match = next((j for j in theirs if sent[i] == echoed[j]), None)
        if match is not None:
            theirs.remove(match)
            equal.append((i, match))
    return equal + list(zip(*_without(group, equal), strict=True))


def _without(group: _Group, pairs: list[tuple[int, int]]) -> _Group:
    """Return `group` without what is paired already."""
    left, right = {i for i, _ in pairs}, {j for _, j in pairs}
    return [i for i in group[0] if i not in left], [j for j in group[1] if j not in right]
