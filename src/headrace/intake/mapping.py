"""The mapping: columns of a source to fields of a resource, compiled once per load, between source and validation."""

import collections.abc
from collections.abc import Sequence
from itertools import repeat
from typing import Any

from msgspec import UNSET, Struct

from headrace.intake.fields import CUSTOM
from headrace.intake.header import Header
from headrace.intake.key import Key
from headrace.intake.plan import Plan, Rules, plan
from headrace.intake.references import Resolver, resolve, texts_of
from headrace.intake.rule import Rule
from headrace.intake.slot import Faults
from headrace.intake.unfit import UnfitError
from headrace.model import Cell, Chunk, Row
from headrace.provider import Resource

__all__ = ["Mapped", "Mapping", "Rule", "Rules"]

Resolvers = collections.abc.Mapping[str, Resolver]
"""Field to who knows what it may refer to."""


class Mapped(Struct):
    """What mapping makes of a chunk's rows: the values of the fields that are filled, and faults, by place.

    A field that is at fault has no value. References are filled, and faults added, in place.
    """

    values: list[dict[str, Any]]
    faults: Faults


class Mapping:
    """A mapping for one tuple of columns. Rules are interpreted when it is compiled and never again."""

    def __init__(self, plan: Plan, key: Key) -> None:
        self._slots = plan.slots
        self._constants = plan.constants
        self._names = tuple(slot.field.name for slot in plan.slots) + tuple(plan.constants)
        self._custom = [name for name in self._names if name.startswith(f"{CUSTOM}.")]
        self._key = key
        self.references = plan.references
        self.columns = {slot.field.name: slot.column for slot in plan.slots}
        """Field to the column that fills it."""

    @classmethod
    def compile(
        cls,
        resource: Resource,
        rules: Rules | None,
        columns: tuple[str, ...],
        key: Sequence[str] = (),
        *,
        struct: type[Struct] | None = None,
        source: str | None = None,
        is_open: bool = False,
    ) -> "Mapping":
        """Compile `rules` for a source with `columns`, whose rows `key` identifies (by default all that is mapped).

        A field without a rule takes the column of its name. With `is_open` more columns may come: a rule's column may
        be absent, unless a required field needs it. Raises `UsageError` for rules that cannot be meant, `SourceError`
        for columns that are not there.
        """
        header = Header(columns, source=source, is_open=is_open)
        planned = plan(resource, rules, header, struct)
        return cls(planned, Key.of(header, key, planned.slots))

    def identify(self, chunk: Chunk) -> list[Row]:
        """Return the rows of `chunk` with their keys."""
        end = chunk.offset + len(chunk.rows)
        return list(map(Row, range(chunk.offset, end), chunk.lines, self._key.of_rows(chunk.rows), chunk.rows))

    def found(self, row: Row, field: str, value: Any) -> Any:
        """Return the cell that `field` was filled from, `value` where that was no cell."""
        slot = next((slot for slot in self._slots if slot.field.name == field), None)
        return value if slot is None else row.cells[slot.index]

    def is_keyless(self, row: Row) -> bool:
        """Whether the row's key columns are all blank."""
        return row.key == self._key.blank

    def apply(self, rows: Sequence[Row]) -> Mapped:
        """Return the values of the fields, by column and then by row. References are still names and keys."""
        faults: Faults = {}
        cells = [row.cells for row in rows]
        filled = [slot.fill(cells, faults) for slot in self._slots]
        if not filled:
            return Mapped([dict(self._constants) for _ in rows], faults)
        table = zip(*(column.values for column in filled), *map(repeat, self._constants.values()), strict=False)
        names = self._names
        if all(column.is_full for column in filled):
            return Mapped(list(map(dict, map(zip, repeat(names), table))), faults)
        return Mapped(
            [
                {name: value for name, value in zip(names, values, strict=False) if value is not UNSET}
                for values in table
            ],
            faults,
        )

    def wanted(self, rows: Sequence[Row]) -> dict[str, set[str]]:
        """Return, for every field that refers to other records, the texts by which `rows` do."""
        names, cells = [reference.field for reference in self.references], [row.cells for row in rows]
        return {name: {text for texts in self.texts(cells, name) for text in texts} for name in names}

    def texts(self, rows: Sequence[Sequence[Cell]], field: str) -> list[Sequence[str]]:
        """Return, for the cells of each row, the texts by which its `field` refers to other records."""
        slot = next((slot for slot in self._slots if slot.field.name == field), None)
        if slot is None:
            return [texts_of(self._constants.get(field, UNSET))] * len(rows)
        return [texts_of(value) for value in slot.fill(rows, {}).values]

    def resolve(self, mapped: Mapped, resolvers: Resolvers) -> None:
        """Put ids in the place of names and keys, and gather an account's own fields in one."""
        for reference in self.references:
            field, resolver = reference.field, resolvers[reference.field]
            for place, values in enumerate(mapped.values):
                if field not in values:
                    continue
                try:
                    values[field] = resolve(reference, values[field], resolver)
                except UnfitError as unfit:
                    fault = unfit.fault(field, self.columns.get(field), values.pop(field))
                    mapped.faults.setdefault(place, []).append(fault)
        if self._custom:
            for values in mapped.values:
                self._gather(values)

    def _gather(self, values: dict[str, Any]) -> None:
        """Move `custom_fields.<id>` into `custom_fields`."""
        own = {name.partition(".")[2]: values.pop(name) for name in self._custom if name in values}
        if own:
            given = values.get(CUSTOM)
            values[CUSTOM] = {**given, **own} if isinstance(given, dict) else own
