"""Strays: the names by which rows refer to no record, or to several. Each is told once, however many rows have it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.intake.load import Intake
from headrace.intake.mapping import Resolvers
from headrace.intake.references import (
    AMBIGUOUS,
    SHOWN,
    UNKNOWN,
    Ambiguous,
    Answer,
    Found,
    Missing,
    Reference,
    called,
    refusal,
)
from headrace.intake.suggestion import shown
from headrace.model import Chunk, Invalid, Row, Settled

MOST: Final = 10_000
"""Different names that are kept of one load; its reject file has the rest."""
PLACES: Final = 5
"""Of each name, the first places that are kept."""


class Place(Struct, frozen=True):
    """Where a name stands: the source as it is called, and the 1-based line."""

    file: str
    line: int


class Stray(Struct, frozen=True, kw_only=True):
    """A name of no record of `resource`, or of several: then `ids` are those of the first of them.

    `resource` is the load's name where it is a key of one of its rows. `by` says what the name is: a name, an e-mail.
    `rows` have it, the first of them at `places`; `file`, `line`, `column`, `field`, `code` and `hint` are those of the
    first fault. `suggestions` are names that there are and that are close.
    """

    resource: str
    by: str
    name: str
    rows: int
    code: str
    file: str
    line: int
    column: str | None
    field: str
    hint: str | None
    places: tuple[Place, ...]
    ids: tuple[int | str, ...] = ()
    suggestions: tuple[str, ...] = ()

    def __add__(self, other: "Stray") -> "Stray":
        """Return the same stray of the rows of both."""
        places = (*self.places, *other.places)[:PLACES]
        return replace(self, rows=self.rows + other.rows, places=places)


class Strays:
    """The strays of the load called `title`, told as its rows are judged.

    Keys of its own rows are none: they may come yet. `are_of_names` says that its rows are names themselves.
    Mutable state: the strays, and how many rows have further ones.
    """

    def __init__(self, intake: Intake, title: str) -> None:
        self._intake = intake
        self.are_of_names = intake.stands_for is not None
        stands = () if intake.stands_for is None else (intake.stands_for,)
        own = (one for one in intake.references if one.target != title or one.kind == "lookup")
        self._references = [*stands, *own]
        self._found: dict[tuple[str, str, str], Stray] = {}
        self.further = 0

    def add(self, chunk: Chunk, invalid: Sequence[Settled], resolvers: Callable[[Sequence[Row]], Resolvers]) -> None:
        """Look through rows of `chunk` that are invalid; `resolvers` knows what some of them refer to."""
        for reference in self._references if invalid else ():
            rows = [one.row for one in invalid if _is_astray(one, reference)]
            if not rows:
                continue
            resolver = resolvers(rows)[reference.field]
            for row, texts in zip(rows, self._intake.texts(chunk, rows, reference.field), strict=True):
                for text in {reference.spelt(text): text for text in texts}.values():
                    self._note(row, reference, text, resolver.find(text))

    def found(self) -> dict[tuple[str, str, str], Stray]:
        """Return the strays, by what tells them apart."""
        return self._found

    def _note(self, row: Row, reference: Reference, text: str, answer: Answer) -> None:
        if isinstance(answer, Found):
            return
        key = (reference.among or reference.target, reference.by or "", reference.spelt(text))
        known = self._found.get(key)
        if known is None and len(self._found) >= MOST:
            self.further += 1
            return
        stray = self._stray(row, reference, text, answer)
        self._found[key] = stray if known is None else known + stray

    def _stray(self, row: Row, reference: Reference, text: str, answer: Missing | Ambiguous) -> Stray:
        refused, place = refusal(reference, answer), Place(*self._intake.place(row))
        return Stray(
            resource=reference.among or reference.target,
            by=called(reference),
            name=shown(text.strip()),
            rows=1,
            code=refused.code,
            file=place.file,
            line=place.line,
            column=None if reference == self._intake.stands_for else self._intake.columns.get(reference.field),
            field=reference.field,
            hint=refused.hint,
            places=(place,),
            ids=answer.ids[:SHOWN] if isinstance(answer, Ambiguous) else (),
            suggestions=answer.suggestions if isinstance(answer, Missing) else (),
        )


def together(loads: Mapping[str, Strays]) -> tuple[Stray, ...]:
    """Return the strays of several loads, each once, those of the most rows first.

    A name that is a row itself, of a load before the others, is left out where rows that have it are strays as well.
    """
    found: dict[tuple[str, str, str], Stray] = {}
    names: set[tuple[str, str, str]] = set()
    for strays in loads.values():
        for key, stray in strays.found().items():
            found[key] = found[key] + stray if key in found and key not in names else stray
            (names.add if strays.are_of_names else names.discard)(key)
    return tuple(sorted(found.values(), key=lambda stray: -stray.rows))


def further(loads: Mapping[str, Strays]) -> Iterator[str]:
    """Yield a sentence for every load, by title, that has more strays than are kept."""
    for title, strays in loads.items():
        if strays.further:
            yield f"{title}: {strays.further:,} rows have further names that lead nowhere; its reject file has them all"


def _is_astray(one: Settled, reference: Reference) -> bool:
    return isinstance(one.outcome, Invalid) and any(
        fault.field == reference.field and fault.code in {UNKNOWN, AMBIGUOUS} for fault in one.outcome.errors
    )
