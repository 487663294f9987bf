"""By natural key: a record is the row when all fields that identify it are equal (RELIABILITY.md 1.9, class E)."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from types import MappingProxyType, NoneType
from typing import Any, Final, TypeAlias
from unicodedata import normalize

import msgspec
from msgspec import UNSET, Struct, UnsetType

from headrace.dispatch.readback.matching import Item, Likeness, Sieve
from headrace.dispatch.readback.question import Question
from headrace.identity import folded
from headrace.model import Record
from headrace.provider import Resource, references

AT_ONCE: Final = 40
"""Rows that one question asks for: their values must fit into one address."""
DAY: Final = 86_400.0
UNSAID: Final = object()
CREATED: Final = "created_at"
_PREFIX: Final = 8
"""Characters from which on the beginning of a text may stand for the whole of it."""
Clue: TypeAlias = Callable[[Any], Hashable]
"""From a value to what it shares with every value that may stand for it."""


def questions(
    resource: Resource, fields: Sequence[str], records: Sequence[Record], since: float | None
) -> list[Question]:
    """Return the questions whose answers together hold every record that may be one of `records`.

    Only by references, dates and numbers, each with the values of all rows: providers compare these exactly. Texts
    they may have rewritten, so nothing is filtered by them. Rows of equal values are asked for together: the fewer
    values a question has, the fewer pages its answer.
    """
    links = [name for name in references(resource.struct) if name in fields]
    told = [name for name in fields if name in resource.filters]
    order = sorted(range(len(records)), key=lambda place: _spelt_all(told, records[place]))
    return [
        Question(
            filters={**created_since(resource, since), **_filters(resource, fields, [records[at] for at in places])},
            include=links,
            places=places,
        )
        for places in (order[start : start + AT_ONCE] for start in range(0, len(order), AT_ONCE))
    ]


def _spelt_all(names: Sequence[str], record: Record) -> list[str]:
    return [spelt(getattr(record.value, name, UNSET)) for name in names]


def created_since(resource: Resource, since: float | None) -> dict[str, Any]:
    """Return the filter that leaves older records out, by whole days and one to spare: vendors cut times to dates."""
    if since is None or CREATED not in resource.filters:
        return {}
    return {CREATED: {"gt_eq": datetime.fromtimestamp(max(0.0, since - DAY), UTC).date()}}


def _filters(resource: Resource, fields: Sequence[str], records: Sequence[Record]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name in fields:
        values: set[Any] = (
            {getattr(record.value, name, UNSET) for record in records} if name in resource.filters else {""}
        )
        if not any(isinstance(value, str | UnsetType | NoneType) for value in values):
            chosen[name] = sorted(values)
    return chosen


# --- comparing ---------------------------------------------------------------------------------------------------


class Natural(Struct, frozen=True):
    """Compares a record with one of a listing in `names`: each as our field, and as the API calls it."""

    names: tuple[tuple[str, str], ...]

    def __call__(self, record: Record, item: Item, /) -> Likeness:
        """Return the least likeness of any field."""
        found = Likeness.EXACT
        for ours, theirs in self.names:
            value = getattr(record.value, ours, UNSET)
            found = min(found, compare(value, item.get(ours, item.get(theirs, UNSAID))))
            if found is Likeness.NO:
                break
        return found

    def sieve(self, items: Sequence[Item], /) -> Sieve:
        """Return what finds records by the fields that all of them say."""
        columns = {ours: [item.get(ours, item.get(theirs, UNSAID)) for item in items] for ours, theirs in self.names}
        said = {name: values for name, values in columns.items() if not any(value is UNSAID for value in values)}
        return _Index(said, len(items)).places


class Named(Natural, frozen=True):
    """Compares by one name: a record that has it, by `folded`, is the row, however old it is."""

    def __call__(self, record: Record, item: Item, /) -> Likeness:
        """Return how far the name is the row's."""
        ((ours, theirs),) = self.names
        wanted, told = getattr(record.value, ours, UNSET), item.get(ours, item.get(theirs, UNSAID))
        is_same = isinstance(wanted, str) and isinstance(told, str) and folded(wanted) == folded(told)
        return Likeness.SAME if is_same else super().__call__(record, item)


def likeness(resource: Resource, fields: Sequence[str], kind: type[Natural] = Natural) -> Natural:
    """Return what compares a record with one of a listing in `fields`."""
    encoded = {field.name: field.encode_name for field in msgspec.structs.fields(resource.struct)}
    return kind(tuple((name, encoded.get(name, name)) for name in fields))


class _Index:
    """The records of a listing by what they say, in columns. Mutable state: an index for each set of fields in use."""

    def __init__(self, columns: Mapping[str, Sequence[Any]], count: int) -> None:
        self._columns = columns
        self._all = range(count)
        self._by_fields: dict[tuple[tuple[str, Clue], ...], dict[tuple[Hashable, ...], list[int]]] = {}

    def places(self, record: Record) -> Sequence[int]:
        """Return where the records are that say the same in all fields that the row says and a clue is known for."""
        values = {name: getattr(record.value, name, UNSET) for name in self._columns}
        clues = {name: clue for name, value in values.items() if (clue := clue_of(value)) is not None}
        fields = tuple(clues.items())
        if not fields:
            return self._all
        if fields not in self._by_fields:
            self._by_fields[fields] = self._indexed(fields)
        return self._by_fields[fields].get(tuple(clue(values[name]) for name, clue in fields), ())

    def _indexed(self, fields: tuple[tuple[str, Clue], ...]) -> dict[tuple[Hashable, ...], list[int]]:
        found: defaultdict[tuple[Hashable, ...], list[int]] = defaultdict(list)
        told = zip(*([clue(value) for value in self._columns[name]] for name, clue in fields), strict=True)
        for at, key in enumerate(told):
            found[key].append(at)
        return found


def compare(ours: Any, theirs: Any) -> Likeness:
    """Return how far a value that was sent is the one that is told; `UNSAID` stands for what is not told."""
    if theirs is UNSAID or (ours is UNSET and theirs is not None):
        return Likeness.LOOSE  # what one side does not say is no difference: the provider may have filled it in
    if isinstance(ours, str):
        return _compare_texts(ours, str(theirs or ""))
    if isinstance(ours, datetime):
        return _compare_times(ours, theirs)
    return Likeness.EXACT if spelt(ours) == spelt(theirs) or _is_same_number(ours, theirs) else Likeness.NO


def _compare_texts(ours: str, theirs: str) -> Likeness:
    if ours.strip() == theirs.strip():
        return Likeness.EXACT
    mine, its = essence(ours), essence(theirs)
    if mine == its:
        return Likeness.LOOSE if mine else Likeness.NEAR
    shorter, longer = sorted((mine, its), key=len)
    return Likeness.NEAR if len(shorter) >= _PREFIX and longer.startswith(shorter) else Likeness.NO


def _compare_times(ours: datetime, theirs: Any) -> Likeness:
    """Compare instants where both have a zone; else a time without one stands for several, a zone's width apart."""
    try:
        its = theirs if isinstance(theirs, datetime) else datetime.fromisoformat(str(theirs))
    except ValueError:
        return Likeness.NO
    if (ours.tzinfo is None) == (its.tzinfo is None):
        return Likeness.EXACT if ours == its else Likeness.NO
    apart = abs((ours.replace(tzinfo=None) - its.replace(tzinfo=None)).total_seconds())
    return Likeness.LOOSE if not apart else Likeness.NEAR if apart <= DAY else Likeness.NO


def _is_same_number(ours: Any, theirs: Any) -> bool:
    """Whether both are one number: money and quantities come back as text, with as many zeros as it pleases."""
    if isinstance(ours, bool) or not isinstance(ours, int | float | Decimal):
        return False
    try:
        return Decimal(str(ours)) == Decimal(str(theirs))
    except ArithmeticError:
        return False


_TAG: Final = re.compile(r"<[^<>]*>")
_BLANK: Final = re.compile(r"[\W_]+")


def essence(text: str) -> str:
    """Return what providers leave of a text however they rewrite it: letters and digits, without markup and case."""
    return _BLANK.sub("", normalize("NFC", unescape(_TAG.sub(" ", text)))).casefold()


# --- clues: what is equal wherever `compare` says anything but no ------------------------------------------------


def clue_of(ours: Any) -> Clue | None:
    """Return what makes clues of a value that was sent and of what is told; None where none is shared for certain."""
    if ours is UNSET or isinstance(ours, datetime):
        return None
    return _gist if isinstance(ours, str) else _worth


def _gist(text: Any) -> Hashable:
    """Return how a text begins, of which the provider may have left no more than that."""
    return essence(str(text or ""))[:_PREFIX]


def _worth(value: Any) -> Hashable:
    """Return the number that a value is however it is written, else its one spelling."""
    text = spelt(value)
    try:
        number = Decimal(text)
    except ArithmeticError:
        return text
    return text if number.is_nan() else number


def spelt(value: Any) -> str:
    """Return one spelling of a value: ids, numbers and dates come back as text or with a fraction of zero."""
    spell = _SPELLINGS.get(type(value))
    return str(value) if spell is None else spell(value)


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


_SPELLINGS: Final[Mapping[type, Callable[[Any], str]]] = MappingProxyType(
    {
        str: str.strip,
        NoneType: lambda _: "",
        UnsetType: lambda _: "",
        bool: lambda value: "true" if value else "false",
        float: _number,
        date: date.isoformat,
        datetime: lambda value: str(value.timestamp()),
    }
)
