"""The prospects of a plan: the names that a run will find, and the pages that it will read to find them.

A run reads a table of names when a load first needs it, and again after a load has written to the resource. What is
there now is read once; what the loads of the import itself will have made by then is added to it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from headrace.dispatch.transport import Transport
from headrace.intake import Intake
from headrace.intake.references import NameTable, Reference
from headrace.ownfields import OwnFields, fitted, named, read_own_fields
from headrace.parents import Parents
from headrace.provider import Provider, Resource
from headrace.resolving import Names, Resolving, looked_up, lookups_of, stood_for
from headrace.roster import Roster, Wanted, name_of

_FIRST_ID: Final = 10**15
"""Of records that are yet to be made; above any that there are, and different, so that two of one name show."""


OWN: Final = "own fields"
"""What the definitions of the account's own fields of a resource are called, which `by` names."""
MARKS: Final = "marks"
"""What a preflight looks records up by; no table of names is called so."""
CANARY: Final = "canary"
"""What the row that goes ahead is read back by."""


class Lookup(Struct, frozen=True, kw_only=True):
    """A table of names that a run will read before `load`: all of `resource`, for what its records have as `by`.

    `records` is how many it will hold, `pages` how many requests that takes: where `asked` is not 0, the first page and
    then questions for so many names, in place of the other pages. Where `resource` is `custom_fields` it is the search
    for the field `by` that carries a load's markers; `is_created` says that the run will create it. By `MARKS`, it is
    the question whether the load's first rows are there already; by `CANARY`, the read-back of the row that goes ahead.
    """

    load: str
    resource: str
    by: str
    pages: int
    records: int = 0
    asked: int = 0
    is_created: bool = False

    @property
    def requests(self) -> int:
        """How many requests it takes, with the field's creation."""
        return self.pages + self.is_created


class Prospects:
    """The names that loads will find, one load after the other: `resolving`, `made` for its records, `forget`.

    `intakes` are those of all loads. Mutable state: what was read, what will have been made by now, the tables that a
    run would have at hand, and the lookups so far.
    """

    def __init__(self, transport: Transport, provider: Provider, parents: Parents, intakes: Sequence[Intake]) -> None:
        self._transport = transport
        self._provider = provider
        self._parents = parents
        self._bys: dict[str, set[str]] = defaultdict(set)
        for resource, by in (wanted for intake in intakes for wanted in lookups_of(intake).values()):
            self._bys[resource].add(by)
        self._rosters: dict[tuple[str, str], Roster] = {}
        self._written: set[str] = set()
        self._made: Counter[str] = Counter()
        self._names: dict[tuple[str, str], list[tuple[str, int | str]]] = defaultdict(list)
        self._ids = count(_FIRST_ID)
        self._at_hand: set[tuple[str, str]] = set()
        self._before: dict[tuple[str, str], NameTable] = {}
        self._own: dict[str, OwnFields] = {}
        self.title = ""
        self.lookups: list[Lookup] = []

    async def fitted(self, intake: Intake) -> Intake:
        """See `resolving.Naming`."""
        if not named(intake):
            return intake
        name = intake.resource.name
        if name not in self._own:
            own = self._own[name] = await read_own_fields(self._transport, self._provider, intake.resource)
            self.note(OWN, name, records=len(own.fields), pages=own.pages)
        return fitted(intake, self._own[name])

    async def resolving(self, intake: Intake, names: Names | None = None, also: Sequence[Reference] = ()) -> Resolving:
        """See `resolving.Naming`."""
        tables: dict[str, NameTable] = {}
        for field, (resource, by) in lookups_of(intake, also).items():
            wanted = None if names is None else partial(names, field)
            is_new = resource in self._written
            tables[field] = await (self._reread(resource, by) if is_new else self._table(resource, by, wanted))
        self._before.update(stood_for(intake, tables))
        return Resolving(intake, tables, self._parents, before=self._before)

    def made(self, resource: Resource, values: Sequence[Struct]) -> None:
        """Note that `resource` will have these records, before a later load begins."""
        self._made[resource.name] += len(values)
        for by in self._bys.get(resource.name, ()):
            attributes = resource.lookups.get(by, ("name",))
            for value in values:
                if name := name_of(_present(value, attributes), attributes):
                    self._names[resource.name, by].append((name, self.identity(resource)))

    def identity(self, resource: Resource) -> str:
        """Return the id of a record that is yet to be made: no other one's."""
        return resource.ids.of(next(self._ids))

    def note(self, resource: str, by: str, *, pages: int, **more: Any) -> None:
        """Note what the present load will read; `more` are further fields of `Lookup`."""
        self.lookups.append(Lookup(load=self.title, resource=resource, by=by, pages=pages, **more))

    def forget(self, resource: str) -> None:
        """Note that a load has written to `resource`: whoever needs its names reads them again, all of them."""
        self._written.add(resource)
        self._at_hand = {key for key in self._at_hand if key[0] != resource}

    def _roster(self, resource: str, by: str) -> Roster:
        if (resource, by) not in self._rosters:
            target = looked_up(self._provider, resource)
            self._rosters[resource, by] = Roster(self._transport, self._provider, target, by)
        return self._rosters[resource, by]

    async def _table(self, resource: str, by: str, wanted: Wanted | None) -> NameTable:
        """Return what there is now, as a run will read it."""
        roster = self._roster(resource, by)
        before, known = roster.pages, len(roster.asked)
        table = await roster.table(wanted)
        if roster.pages > before:
            asked = 0 if roster.is_whole else len(roster.asked) - known
            records = roster.records if roster.is_whole else len(table)
            self.note(resource, by, pages=roster.pages - before, records=records, asked=asked)
        return table

    async def _reread(self, resource: str, by: str) -> NameTable:
        """Return what there will be, when it has been written to."""
        roster, key = self._roster(resource, by), (resource, by)
        await roster.whole()
        if key not in self._at_hand:
            self._at_hand.add(key)
            records = roster.records + self._made[resource]
            size = self._provider.page_size(looked_up(self._provider, resource))
            self.note(resource, by, pages=max(1, -(-records // size)), records=records)
        return NameTable([*roster.pairs, *self._names[key]])


def _present(value: Struct, attributes: Sequence[str]) -> dict[str, object]:
    """Return the attributes of a record that it has, by the names that the provider has for them."""
    fields = {one.encode_name: one.name for one in msgspec.structs.fields(value) if one.encode_name in attributes}
    found = {name: getattr(value, field) for name, field in fields.items()}
    return {name: given for name, given in found.items() if given is not UNSET}
