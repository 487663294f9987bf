"""Shaping: what of a record an export writes, under which names, and the fields of related records beside it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from headrace.errors import UsageError
from headrace.naming import suggestion
from headrace.provider import Resource, Wire, references

_LINK: Final = "_id"
_Fields: TypeAlias = Mapping[str, Any]


class Shape:
    """What was asked for of the records of a resource: `fields`, none for all, and `include`d related records.

    Mutable state: which fields any record had so far.
    """

    def __init__(self, resource: Resource, wire: Wire, *, fields: Sequence[str], include: Sequence[str]) -> None:
        self._resource = resource
        self._wire = wire
        self._own = [field.encode_name for field in msgspec.structs.fields(resource.struct)]
        self.include = tuple(name.removesuffix(_LINK) for name in include)
        """Related records, under the vendor's names."""
        self.fields = tuple(fields)
        self.seen: set[str] = set()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The fields to ask for: also those that lead to what is included."""
        return (*self.fields, *self.include) if self.fields else ()

    def shaped(self, records: Sequence[dict[str, Any]], body: bytes) -> list[dict[str, Any]]:
        """Return the records of a page, whose answer is `body`, as they are written."""
        included = self._wire.related(body) if self.include else {}
        by_id = {identity: fields for (_, identity), fields in included.items()}
        found = [self._with_related(record, included, by_id) for record in records]
        self.seen.update(name for record in found for name in record)
        if not self.fields:
            return found
        return [{name: value for name, value in record.items() if self._is_wanted(name)} for record in found]

    def check(self) -> None:
        """Raise `UsageError` where a field was asked for that no record has had, and that no import takes either."""
        known = {*self.seen, *self._own}
        for name in self.fields:
            if self.seen and not {name, f"{name}{_LINK}"} & known:
                raise UsageError(f"{self._resource.name} have no field {name!r}", hint=suggestion(name, sorted(known)))

    def columns(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the columns: the id, the fields that an import takes, then all others as they came."""
        seen = dict.fromkeys(name for record in records for name in record)
        known = self._own if records and not self.fields else [name for name in self._own if name in seen]
        return [*dict.fromkeys(("id", *known, *seen))]

    def unseen(self) -> Iterator[str]:
        """Yield the fields of an import that no record had, among those that were asked for."""
        if self.seen:
            yield from (
                name for name in self._own if name not in self.seen and (not self.fields or name in self.fields)
            )

    def _is_wanted(self, name: str) -> bool:
        bare, _, _ = name.partition(".")
        link = bare.removesuffix(_LINK)
        return name == "id" or link in self.include or bare in self.fields or link in self.fields

    def _with_related(
        self, record: dict[str, Any], included: Mapping[tuple[str, str], _Fields], by_id: Mapping[str, _Fields]
    ) -> dict[str, Any]:
        """Return a record with the fields of those that it refers to, whether they came beside it or inside."""
        kinds = references(self._resource.struct)
        for name in self.include:
            link = f"{name}{_LINK}"
            identity = str(record.get(link))
            found = included.get((kinds[link], identity)) if link in kinds else by_id.get(identity)
            if isinstance(record.get(name), dict):
                found = record.pop(name)
            record.update((f"{name}.{field}", value) for field, value in (found or {}).items())
        return record
