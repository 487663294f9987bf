"""References: names and keys of other records become their ids, between mapping and validation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, TypeAlias

from msgspec import UNSET, Struct

from headrace.identity import folded, row_key
from headrace.intake.rule import Rule
from headrace.intake.suggestion import close_to, listed
from headrace.intake.unfit import UnfitError

SHOWN: Final = 10
"""Ids of an ambiguous name, and names that are close to an unknown one, that a fault lists at most."""


class Reference(Struct, frozen=True):
    """A field whose cells refer to other records.

    `kind` is `lookup` (a record of the resource `target`, found `by` one of its names) or `from` (the record that the
    load called `target` made of the row with that key). Where these keys are names, `folded`, by which records of a
    resource are found, `among` is that resource; so it is of names that stand for such records.
    """

    field: str
    kind: Literal["lookup", "from"]
    target: str
    by: str | None = None
    among: str | None = None

    def spelt(self, text: str) -> str:
        """Return `text` without what does not matter in it: in keys everything does."""
        return folded(text) if self.kind == "lookup" or self.among is not None else text

    @property
    def lookup(self) -> "Reference | None":
        """The lookup that finds the records which have its names already; None where its keys are no names."""
        return None if self.among is None else Reference(self.field, "lookup", self.among, self.by, self.among)


UNKNOWN: Final = "unknown_reference"
AMBIGUOUS: Final = "ambiguous_reference"


class Found(Struct, frozen=True, gc=False):
    """Exactly one record; its remote id."""

    id: int | str


class Missing(Struct, frozen=True, gc=False):
    """No record. `suggestions` are names that are close; `why` says more than that there is none, if there is more.

    `code` is the fault's.
    """

    suggestions: tuple[str, ...] = ()
    why: str | None = None
    code: str = UNKNOWN


class Ambiguous(Struct, frozen=True, gc=False):
    """Several records."""

    ids: tuple[int | str, ...]


Answer: TypeAlias = Found | Missing | Ambiguous


class Resolver(Protocol):
    """Knows the records that one reference may refer to. Asked for every row: it answers from memory."""

    def find(self, text: str) -> Answer:
        """Return what `text` refers to."""


def reference_of(field: str, rule: Rule) -> Reference | None:
    """Return the reference that `rule` makes of `field`, None where it makes none."""
    if rule.load is not None:
        return Reference(field, "from", rule.load, rule.by, rule.lookup)
    if rule.lookup is not None:
        return Reference(field, "lookup", rule.lookup, rule.by)
    return None


def resolve(reference: Reference, value: Any, resolver: Resolver) -> Any:
    """Return the id, or the list of ids, that `value` refers to. Raises `UnfitError` where one is not exactly one."""
    if isinstance(value, list):
        return [_id(reference, item, resolver) for item in value]
    return _id(reference, value, resolver)


def texts_of(value: Any) -> Sequence[str]:
    """Return the texts that a mapped value refers by."""
    return () if value is UNSET else [*map(str, value)] if isinstance(value, list) else (str(value),)


def _id(reference: Reference, text: Any, resolver: Resolver) -> int | str:
    answer = resolver.find(str(text))
    if isinstance(answer, Found):
        return answer.id
    raise refusal(reference, answer)


def refusal(reference: Reference, answer: Missing | Ambiguous) -> UnfitError:
    """Return what is said of a cell that refers to no record, or to several."""
    return _unknown(reference, answer) if isinstance(answer, Missing) else _ambiguous(reference, answer.ids)


def _unknown(reference: Reference, missing: Missing) -> UnfitError:
    near, why = missing.suggestions, missing.why
    if reference.kind == "from" and reference.among is not None and not why:
        error = f"there is no such {called(reference)} among the {reference.among}, nor was it in the source"
        hint = f"correct the {called(reference)}: a retry creates none but those of the source"
    elif reference.kind == "from":
        error = why or f"the load '{reference.target}' made no record of a row with this key"
        hint = _REMEDIES.get(missing.code, "correct the key, or add that row to '{load}'").format(load=reference.target)
    else:
        error = why or f"there is no such {called(reference)} among the {reference.target}"
        hint = f"create it first, or correct the {called(reference)}"
    meant = f"did you mean {listed(near[:SHOWN], last='or')}? " if near else ""
    return UnfitError(missing.code, error, f"{meant}{hint}")


_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "parent_rejected": "repair that row of '{load}' and retry it; then this one can go",
        "parent_invalid": "repair that row of '{load}'; then this one can go",
        "parent_in_doubt": "resolve that row of '{load}' (headrace resolve), then run again",
        "duplicate_row": "retry again when that one is done: then it is found",
        "parent_duplicated": "keep one of its records, and give the id itself here",
        "circular_reference": "leave one of these references out, and set it by a load that updates",
    }
)


def _ambiguous(reference: Reference, ids: tuple[int | str, ...]) -> UnfitError:
    named = ", ".join(map(str, ids[:SHOWN])) + (" ..." if len(ids) > SHOWN else "")
    error = f"{len(ids)} of the {reference.among or reference.target} have this {called(reference)}"
    # Where names are created, an id in the place of one would be created as well.
    remedy = "give the id itself instead" if reference.among is None else "leave one of them with it, and run again"
    return UnfitError(AMBIGUOUS, error, f"{remedy}: {named}")


def called(reference: Reference) -> str:
    """Return by what a record is found, in words; a number stands for the names that belong to one record."""
    by = reference.by or "key"
    return "name" if by.isdecimal() else by


# --- resolvers


class NameTable:
    """Records by name: all of them, read before the run. Case and surrounding blanks do not matter.

    Where names differ in case only, the one that is written exactly so is meant.
    """

    def __init__(self, pairs: Iterable[tuple[str, int | str]]) -> None:
        self._exact: dict[str, list[int | str]] = {}
        self._folded: dict[str, list[int | str]] = {}
        self._split: set[str] = set()
        for name, record in pairs:
            _add(self._exact, name.strip(), record)
            if _add(self._folded, key := folded(name), record) != len(self._exact[name.strip()]):
                self._split.add(key)
        # Mutable: answers to what was not found, because looking for what is close is slow; at most `MISSES`.
        self._missed: dict[str, Missing] = {}

    def __len__(self) -> int:
        return len(self._exact)

    def __repr__(self) -> str:
        return f"<NameTable of {len(self)} names>"

    def has(self, text: str) -> bool:
        """Whether a record is called exactly so."""
        return text.strip() in self._exact

    def is_split(self, text: str) -> bool:
        """Whether several records are called so that are spelt differently: it matters then how `text` is."""
        return bool(self._split) and folded(text) in self._split

    def ids(self, text: str) -> Sequence[int | str]:
        """Return the ids of all records that `text` may refer to."""
        ids = self._folded.get(folded(text), ())
        return ids if len(ids) < 2 else self._exact.get(text.strip(), ids)

    def close_to(self, text: str) -> Sequence[str]:
        """Return names that are close to one that there is not."""
        return close_to(text, self._exact)

    def find(self, text: str) -> Answer:
        """See `Resolver`."""
        ids = self.ids(text)
        if not ids:
            return self._missing(text)
        return Found(ids[0]) if len(ids) == 1 else Ambiguous(tuple(ids))

    def _missing(self, text: str) -> Missing:
        known = self._missed.get(text)
        if known is not None:
            return known
        if len(self._missed) >= MISSES:
            return Missing()
        found = self._missed[text] = Missing(close_to(text, self._exact))
        return found


MISSES: Final = 200
"""Names that are not found, for which close ones are looked for; a file with more has another problem."""


class Folded:
    """Finds by any spelling what `resolver` finds by folded names; what it does not know, `others` may.

    Where records were there under names that differ in no more than their spelling, these are told apart by `before`.
    """

    def __init__(self, resolver: Resolver, others: Resolver | None = None, before: NameTable | None = None) -> None:
        self._resolver = resolver
        self._others = others
        self._before = before

    def find(self, text: str) -> Answer:
        """See `Resolver`."""
        if self._before is not None and self._before.is_split(text):
            return self._before.find(text)
        found = self._resolver.find(folded(text))
        is_unknown = isinstance(found, Missing) and found.code == UNKNOWN
        return found if self._others is None or not is_unknown else self._others.find(text)


class AnyRecord:
    """Takes every reference to be right, for checking offline; `id` is one of the form that the provider's have."""

    def __init__(self, id: str) -> None:  # noqa: A002 - what it is
        self._found = Found(id)

    def find(self, text: str) -> Answer:  # noqa: ARG002 - the protocol's
        """See `Resolver`."""
        return self._found


class KeyTable:
    """Records that an earlier load made, by the key of the row that each was made of.

    `ids` are those of the rows that the load has done, by `identity.row_key`, several where earlier imports disagree;
    one chunk's worth is enough. `why` says of a key that has none what became of its row.
    """

    def __init__(
        self,
        ids: Mapping[bytes, int | str | tuple[int | str, ...]],
        *,
        why: Callable[[str], Missing] | None = None,
    ) -> None:
        self._ids = ids
        self._why = why

    def find(self, text: str) -> Answer:
        """See `Resolver`."""
        found = self._ids.get(key_of(text))
        if found is None:
            return self._why(text) if self._why else Missing()
        return Ambiguous(found) if isinstance(found, tuple) else Found(found)


def key_of(text: str) -> bytes:
    """Return the key of the row that a `from` cell refers to: that of a row with `text` in its one key column."""
    return row_key((text,))


def keys_of(texts: Iterable[str]) -> Sequence[bytes]:
    """Return the keys of many such cells."""
    return [key_of(text) for text in texts]


def _add(table: dict[str, list[int | str]], name: str, record: int | str) -> int:
    """Add a record, and return how many have the name."""
    ids = table.setdefault(name, [])
    if record not in ids:
        ids.append(record)
    return len(ids)
