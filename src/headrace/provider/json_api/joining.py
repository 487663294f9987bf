"""Which answer belongs to which value: a bulk answer's records joined to what was sent, by what they echo. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Column: TypeAlias = list[str]
"""What every record says in one attribute or relationship, in the spelling of `echo.canonical`."""

_Columns: TypeAlias = Sequence[tuple[Column, Column]]
_Pair: TypeAlias = tuple[int, int]
_Group: TypeAlias = tuple[list[int], list[int]]
"""Places among what was sent and among the answers that belong together, equally many."""


def join(columns: _Columns, count: int, hidden: Sequence[Column] = ()) -> list[int] | None:
    """Return for each of `count` values the place of its answer, given what was sent and echoed in every column.

    A column is *faithful* where it holds the same values on both sides, each equally often; a server may rewrite
    others (sanitised notes, defaults). Rows are told apart by faithful columns, one after the other, each judged anew
    among the rows that are still alike. Rows that stay alike are paired where they are equal, else in order.

    None where that would be a guess: where several would be paired by an order that is known to be another one, or
    rows that are answered alike differ in what is `hidden`, which was sent and not echoed.
    """
    places: list[int] | None = list(range(count))
    if any(sent != echoed for sent, echoed in columns):  # else nothing says that the order is another
        places = _joined(columns, count)
    return places if places is not None and _is_told(places, columns, hidden) else None


def _joined(columns: _Columns, count: int) -> list[int] | None:
    places, is_shuffled = [-1] * count, any(map(_is_moved, columns))
    for group in _alike(columns, count):
        for ours, theirs in _split((group, group), columns, is_shuffled=is_shuffled):
            places[ours] = theirs
    return None if -1 in places else places


def _is_moved(column: tuple[Column, Column]) -> bool:
    """Whether a column came back whole, and in another order."""
    sent, echoed = column
    return sent != echoed and Counter(sent) == Counter(echoed)


def _is_told(places: Sequence[int], columns: _Columns, hidden: Sequence[Column]) -> bool:
    """Whether all rows that are answered alike are alike in what is hidden too."""
    unseen = [*zip(*hidden, strict=True)]
    if len(set(unseen)) <= 1:
        return True
    told = [*zip(*(echoed for _, echoed in columns), strict=True)] or [()] * len(places)
    kinds = set(told)
    return len(kinds) == len(told) or len(set(zip(map(told.__getitem__, places), unseen, strict=True))) == len(kinds)


def _alike(columns: _Columns, count: int) -> list[list[int]]:
    """Return the groups to begin with: rows of one value in every column that came back in order.

    Whatever order the answers are in, it kept these columns; so it kept the groups.
    """
    in_order = [sent for sent, echoed in columns if sent == echoed]
    alike: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for place in range(count):
        alike[tuple(column[place] for column in in_order)].append(place)
    return [*alike.values()]


def _split(group: _Group, columns: _Columns, *, is_shuffled: bool) -> Iterator[_Pair]:
    """Yield the pairs of `group`, split by its most telling faithful column until there is none."""
    column = _telling(group, columns)
    if column is None:
        yield from _pairs(group, columns, is_shuffled=is_shuffled)
        return
    sent, echoed = column
    ours, theirs = _by_value(group[0], sent), _by_value(group[1], echoed)
    for value, places in ours.items():
        yield from _split((places, theirs[value]), columns, is_shuffled=is_shuffled)


def _telling(group: _Group, columns: _Columns) -> tuple[Column, Column] | None:
    """Return the faithful column with the most distinct values, None where every faithful one has a single value."""
    best, most = None, 1
    for sent, echoed in columns if len(group[0]) > 1 else ():
        values = Counter(sent[place] for place in group[0])
        if len(values) > most and values == Counter(echoed[place] for place in group[1]):
            best, most = (sent, echoed), len(values)
    return best


def _by_value(places: list[int], column: Column) -> dict[str, list[int]]:
    found = defaultdict(list)
    for place in places:
        found[column[place]].append(place)
    return found


def _pairs(group: _Group, columns: _Columns, *, is_shuffled: bool) -> list[_Pair]:
    """Pair rows that no column tells apart: equal ones of equal rank first, then equal ones, then by rank.

    The last only where that is no guess: in an answer that kept its order, or where any of them serves.
    """
    sent = {place: tuple(ours[place] for ours, _ in columns) for place in group[0]}
    echoed = {place: tuple(theirs[place] for _, theirs in columns) for place in group[1]}
    equal = [(ours, theirs) for ours, theirs in zip(*group, strict=True) if sent[ours] == echoed[theirs]]
    waiting = defaultdict(list)
    ours_left, theirs_left = _without(group, equal)
    for theirs in reversed(theirs_left):
        waiting[echoed[theirs]].append(theirs)
    equal += [(ours, waiting[sent[ours]].pop()) for ours in ours_left if waiting[sent[ours]]]
    ours_left, theirs_left = _without(group, equal)
    is_guess = is_shuffled and len({sent[place] for place in ours_left}) > 1
    return equal if is_guess else [*equal, *zip(ours_left, theirs_left, strict=True)]


def _without(group: _Group, pairs: list[_Pair]) -> _Group:
    """Return `group` without what is paired already."""
    ours, theirs = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return [place for place in group[0] if place not in ours], [place for place in group[1] if place not in theirs]
