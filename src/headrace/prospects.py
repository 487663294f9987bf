"""The prospects of a plan: the names that a run will find, and the pages that it will read to find them.

A run reads a table of names when a load first needs it, and again after a load has written to the resource. What is
there now is read once; what the loads of the import itself will have made by then is added to it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Final

import msgspec
from msgspec import UNSET, Struct

from headrace.dispatch.transport import Transport
from headrace.intake import Intake
from headrace.intake.references import NameTable
from headrace.ownfields import OwnFields, fitted, named, read_own_fields
from headrace.parents import Parents
from headrace.provider import Provider, Resource
from headrace.resolving import Names, Resolving, looked_up, lookups_of, name_of, read_names

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

    `records` is how many it will hold, `pages` how many requests reading it takes. Where `resource` is `custom_fields`
    it is the search for the field `by` that carries a load's markers; `is_created` says that the run will create it.
    By `MARKS`, it is the question whether the load's first rows are there already; by `CANARY`, the read-back of the
    row that goes ahead.
    """

    load: str
    resource: str
    by: str
    records: int
    pages: int
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
        self._read: dict[tuple[str, str], Names] = {}
        self._made: Counter[str] = Counter()
        self._names: dict[tuple[str, str], list[tuple[str, int | str]]] = defaultdict(list)
        self._ids = count(_FIRST_ID)
        self._at_hand: set[tuple[str, str]] = set()
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

    async def resolving(self, intake: Intake) -> Resolving:
        """See `resolving.Naming`."""
        names = {field: await self._table(*wanted) for field, wanted in lookups_of(intake).items()}
        return Resolving(intake, names, self._parents)

    def made(self, resource: Resource, values: Sequence[Struct]) -> None:
        """Note that `resource` will have these records, before a later load begins."""
        self._made[resource.name] += len(values)
        for by in self._bys.get(resource.name, ()):
            attributes = resource.lookups.get(by, ("name",))
            for value in values:
                if name := name_of(_present(value, attributes), attributes):
                    self._names[resource.name, by].append((name, resource.ids.of(next(self._ids))))

    def note(self, resource: str, by: str, *, pages: int, records: int = 0, is_created: bool = False) -> None:
        """Note what the present load will read that is no table of names."""
        self.lookups.append(
            Lookup(load=self.title, resource=resource, by=by, records=records, pages=pages, is_created=is_created)
        )

    def forget(self, resource: str) -> None:
        """Note that a load has written to `resource`: whoever needs its names reads them again."""
        self._at_hand = {key for key in self._at_hand if key[0] != resource}

    async def _table(self, resource: str, by: str) -> NameTable:
        key = (resource, by)
        if key not in self._read:
            self._read[key] = await read_names(self._transport, self._provider, resource, by)
        if key not in self._at_hand:
            self._at_hand.add(key)
            self.lookups.append(self._lookup(looked_up(self._provider, resource), by))
        return NameTable([*self._read[key].pairs, *self._names[key]])

    def _lookup(self, resource: Resource, by: str) -> Lookup:
        found, made = self._read[resource.name, by], self._made[resource.name]
        records = found.records + made
        pages = max(1, -(-records // self._provider.page_size(resource))) if made else found.pages
        return Lookup(load=self.title, resource=resource.name, by=by, records=records, pages=pages)


def _present(value: Struct, attributes: Sequence[str]) -> dict[str, object]:
    """Return the attributes of a record that it has, by the names that the provider has for them."""
    fields = {one.encode_name: one.name for one in msgspec.structs.fields(value) if one.encode_name in attributes}
    found = {name: getattr(value, field) for name, field in fields.items()}
    return {name: given for name, given in found.items() if given is not UNSET}
