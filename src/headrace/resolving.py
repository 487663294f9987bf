"""Resolving: the names and keys by which rows refer to other records, and where their ids are found.

Names are looked up before a load begins, inside the budget: one roster per resource and name. Keys of earlier loads
are found a chunk at a time in the checkpoint. So intake, which asks for every row, never waits.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Final, Protocol, TypeAlias

from msgspec.structs import replace

from headrace.dispatch.halt import Halt
from headrace.dispatch.transport import Transport
from headrace.identity import folded
from headrace.intake import Intake
from headrace.intake.references import (
    UNKNOWN,
    Ambiguous,
    Answer,
    Folded,
    Found,
    Missing,
    NameTable,
    Reference,
    Resolver,
    key_of,
    refusal,
)
from headrace.intake.rule import missing_load
from headrace.intake.strays import Strays
from headrace.model import Chunk, Invalid, Outcome, Row, Settled, Sifted, Skipped
from headrace.ownfields import OwnFields, fitted, named, read_own_fields
from headrace.parents import Parents
from headrace.provider import Provider, Resource
from headrace.roster import Roster, Wanted
from headrace.waves import Wave

Names: TypeAlias = Callable[[str, int], Awaitable[AbstractSet[str] | None]]
"""Returns the different names that rows have in a field, as `roster.Wanted` does."""


class Naming(Protocol):
    """Knows what the references of a load resolve to."""

    async def fitted(self, intake: Intake) -> Intake:
        """Return the intake with the account's own fields called by id, after reading what they are."""

    async def resolving(
        self, intake: Intake, names: Names | None = None, also: Sequence[Reference] = ()
    ) -> "Resolving":
        """Return what the references of one load resolve to, after reading what it takes. Raises as `Roster.whole`.

        `names` knows what the rows have in a field; without it all names are read. `also` are further lookups, of names
        that the loads which they are keys of may not know.
        """


class Tables:
    """Tables of names, each read when a load first needs it and again after a load has written to its resource.

    Then all of it: a plan cannot know what a question about records that are yet to be made will be answered. Mutable
    state: the rosters so far, how many pages each resource had when it was last read, which were written to, and the
    names that were there before those that are missing were created.
    """

    def __init__(self, transport: Transport, provider: Provider, parents: Parents, halt: Halt) -> None:
        self._transport = transport
        self._provider = provider
        self._parents = parents
        self._halt = halt
        self._known: dict[tuple[str, str], Roster] = {}
        self._written: set[str] = set()
        self._pages: dict[str, int] = {}
        self._own: dict[str, OwnFields] = {}
        self._before: dict[tuple[str, str], NameTable] = {}

    async def fitted(self, intake: Intake) -> Intake:
        """See `Naming`."""
        if not named(intake):
            return intake
        with self._halt.scope():
            own = self._own.get(intake.resource.name)
            if own is None:
                own = await read_own_fields(self._transport, self._provider, intake.resource)
                self._own[intake.resource.name] = own
            return fitted(intake, own)
        return intake  # halted: no row will be judged

    async def resolving(
        self, intake: Intake, names: Names | None = None, also: Sequence[Reference] = ()
    ) -> "Resolving":
        """See `Naming`. After a halt nothing is read, for no row will be judged."""
        tables: dict[str, NameTable] = {}
        with self._halt.scope():
            for field, (resource, by) in lookups_of(intake, also).items():
                wanted = partial(names, field) if names is not None and resource not in self._written else None
                tables[field] = await self._table(resource, by, wanted)
            self._before.update(stood_for(intake, tables))
        return Resolving(intake, tables, self._parents, before=self._before)

    def pages_ahead(self, intakes: Sequence[Intake]) -> list[int]:
        """Return about how many pages of names will be read before each of some loads, which come one after another.

        What has not been read yet is taken to be a page. Every load is followed by `forget`.
        """
        known, ahead = set(self._known), list[int]()
        for intake in intakes:
            wanted = set(lookups_of(intake).values()) - known
            ahead.append(sum(self._pages.get(resource, 1) for resource, _ in wanted))
            known = {key for key in known | wanted if key[0] != intake.resource.name}
        return ahead

    def forget(self, resource: str) -> None:
        """Drop the tables of a resource that has been written to."""
        self._written.add(resource)
        self._known = {key: roster for key, roster in self._known.items() if key[0] != resource}

    async def _table(self, resource: str, by: str, wanted: Wanted | None) -> NameTable:
        roster = self._known.get((resource, by))
        if roster is None:
            roster = Roster(self._transport, self._provider, looked_up(self._provider, resource), by)
            self._known[resource, by] = roster
        table = await roster.table(wanted)
        self._pages[resource] = roster.pages
        return table


def lookups_of(intake: Intake, also: Sequence[Reference] = ()) -> dict[str, tuple[str, str]]:
    """Return for each field that is looked up by name, in which resource and by what; `also` are further ones."""
    found = (*also, *(() if intake.stands_for is None else (intake.stands_for,)), *intake.references)
    return {one.field: (one.target, one.by or "") for one in found if one.kind == "lookup"}


def stood_for(intake: Intake, tables: Mapping[str, NameTable]) -> dict[tuple[str, str], NameTable]:
    """Return the table of the names that are there, by resource and name, of a load whose rows are names."""
    one = intake.stands_for
    return {} if one is None else {(one.target, one.by or ""): tables[one.field]}


def looked_up(provider: Provider, name: str) -> Resource:
    """Return a resource that an import which was checked looks names up in."""
    resource = provider.resource(name)
    assert resource is not None, "the import file was checked"
    return resource


class Resolving:
    """What one load's intake resolves references by.

    `before` has the names that were there before the missing ones were created, by resource and name. Mutable state:
    the keys of the names that were handed on to be created, or looked up.
    """

    def __init__(
        self,
        intake: Intake,
        names: Mapping[str, NameTable],
        parents: Parents,
        wave: Wave | None = None,
        *,
        before: Mapping[tuple[str, str], NameTable] | None = None,
    ) -> None:
        self._wave = wave
        self._before = {} if before is None else before
        self._handed_on: set[bytes] = set()
        self._intake = intake
        self._names = names
        self._keys = [reference for reference in intake.references if reference.kind == "from"]
        self._parents = parents
        self.strays = Strays(intake, "" if wave is None else wave.title)

    def within(self, wave: Wave | None) -> "Resolving":
        """Return the same for one wave of a load whose rows refer to each other."""
        return Resolving(self._intake, self._names, self._parents, wave, before=self._before)

    def sift(self, chunk: Chunk, rows: Sequence[Row]) -> Sifted:
        """Return what `rows` of `chunk` are, without those that wait for others of the same source.

        A name is judged first, for the record that has it needs nothing else. Names that lead nowhere are noted in
        `strays`.
        """
        named = self._named(chunk, rows)
        others = rows if not named else [row for row in rows if row.offset not in named]
        found = self._intake.sift(chunk, others, self.resolvers(chunk, others))
        left = found if self._wave is None else self._wave.sifted(chunk, found)
        there = [one for one in named.values() if isinstance(one.outcome, Skipped)]
        invalid = [*left.invalid, *(one for one in named.values() if isinstance(one.outcome, Invalid))]
        self.strays.add(chunk, invalid, partial(self.resolvers, chunk))
        return Sifted(left.records, invalid, there)

    def hand_on(self, chunk: Chunk, rows: Sequence[Row]) -> set[int]:
        """Note names that an earlier run sent and that are looked up now: no other row may take their records.

        Return the offsets of those that were not corrected: what was sent was the name, whatever else rows say.
        """
        stands_for = self._intake.stands_for
        whole = [row for row in rows if row.offset - chunk.offset not in chunk.broken]
        if stands_for is None or not whole:
            return set()
        found = self._intake.texts(chunk, whole, stands_for.field)
        keys = [{key_of(folded(text)) for text in texts} for texts in found]
        self._handed_on.update(*keys)
        return {row.offset for row, its in zip(whole, keys, strict=True) if row.key in its}

    def close_to(self, text: str) -> Sequence[str]:
        """Return names that are there and close to one that is not, of a load whose rows are names."""
        stands_for = self._intake.stands_for
        return () if stands_for is None else self._names[stands_for.field].close_to(text)

    def _named(self, chunk: Chunk, rows: Sequence[Row]) -> dict[int, Settled]:
        """Return by offset what becomes of rows that are names which some record has already."""
        stands_for = self._intake.stands_for
        if stands_for is None or not rows:
            return {}
        table, found = self._names[stands_for.field], dict[int, Settled]()
        for row, texts in zip(rows, self._intake.texts(chunk, rows, stands_for.field), strict=True):
            for text in texts:
                outcome = self._judged(row, text, table.ids(text), stands_for)
                if outcome is not None:
                    found[row.offset] = Settled(row, outcome)
        return found

    def _judged(self, row: Row, text: str, ids: Sequence[int | str], stands_for: Reference) -> Outcome | None:
        """Return what becomes of a name that the records `ids` have; None where one is to be created.

        In a reject file it may have been corrected to the name of another row.
        """
        name, title = folded(text), missing_load(stands_for.target, stands_for.by or "")
        other = None if key_of(name) == row.key else self._other(title, name)
        if isinstance(other, Missing):
            return self._invalid(row, text, replace(stands_for, kind="from", target=title), other)
        if key_of(name) in self._handed_on:
            twice = Missing(why="another row has been corrected to this name", code="duplicate_row")
            return self._invalid(row, text, replace(stands_for, kind="from", target=title), twice)
        if ids:
            return self._outcome(row, text, ids, stands_for)
        if isinstance(other, Found):
            return Skipped(row.offset, row.line, "there already", str(other.id))
        self._handed_on.add(key_of(name))
        return None

    def _other(self, title: str, name: str) -> Answer | None:
        """Return what there is to say of the row whose name it was, None where the name is free for another."""
        if self._parents.is_unknown(title, key_of(name)):
            return Missing(why=f"the row of '{title}' that had this name before is in doubt", code="parent_in_doubt")
        answer = self._parents.table(title, {name}).find(name)
        return None if isinstance(answer, Missing) and answer.code in _IS_FREE else answer

    def _outcome(self, row: Row, text: str, ids: Sequence[int | str], stands_for: Reference) -> Outcome:
        """Return what becomes of a name that the records `ids` have."""
        if len(ids) == 1:
            return Skipped(row.offset, row.line, "there already", str(ids[0]))
        return self._invalid(row, text, stands_for, Ambiguous(tuple(ids)))

    def _invalid(self, row: Row, text: str, stands_for: Reference, answer: Missing | Ambiguous) -> Invalid:
        refused = refusal(stands_for, answer)
        fault = refused.fault(stands_for.field, self._intake.columns.get(stands_for.field), text)
        return Invalid(row.offset, row.line, (fault,))

    def resolvers(self, chunk: Chunk, rows: Sequence[Row]) -> Mapping[str, Resolver]:
        """Return a resolver for each field of `rows` that refers to other records."""
        if not self._keys:
            return self._names
        wanted = self._intake.wanted(chunk, rows)
        return {**self._names, **{found.field: self._key_table(found, wanted) for found in self._keys}}

    def _key_table(self, reference: Reference, wanted: Mapping[str, set[str]]) -> Resolver:
        texts = {reference.spelt(text) for text in wanted.get(reference.field, ())}
        if self._wave is not None and reference.target == self._wave.title:
            return self._wave.table(texts)
        table = self._parents.table(reference.target, texts)
        if reference.among is None:
            return table
        others = self._names.get(reference.field)
        return Folded(table, others, others or self._before.get((reference.among, reference.by or "")))


_IS_FREE: Final = frozenset({UNKNOWN, "parent_rejected", "parent_invalid"})
"""What may have become of the row that a name was first of, where another row may be corrected to it all the same."""
