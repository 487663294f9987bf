"""Validation: mapped values to records of the resource's Struct, or to all the faults of a row at once."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from headrace.intake.fields import fields_of
from headrace.intake.mapping import Mapped, Mapping
from headrace.intake.misfit import misfit
from headrace.intake.suggestion import shown
from headrace.model import Fault, Invalid, Record, Row, Settled, Sifted
from headrace.provider import references


class Validator:
    """Judges rows by `struct`: a chunk in one call where all is well, else row by row, and a bad row by its fields."""

    def __init__(self, struct: type[Struct]) -> None:
        self._struct = struct
        self._list = list[struct]  # type: ignore[valid-type] # a type that is only known at run time
        self._fields = fields_of(struct)
        self._references = references(struct)

    def sift(self, rows: Sequence[Row], mapped: Mapped, mapping: Mapping) -> Sifted:
        """Return the records that `rows` are, and those rows that are none, both in order.

        `mapped` is what `mapping` made of them.
        """
        if not mapped.faults:
            try:
                values = msgspec.convert(mapped.values, self._list, strict=False)
            except msgspec.ValidationError:
                pass  # at least one row is at fault; which, and why, is found row by row
            else:
                return Sifted(list(map(Record, rows, values)), [])
        return self._one_by_one(rows, mapped, mapping)

    def _one_by_one(self, rows: Sequence[Row], mapped: Mapped, mapping: Mapping) -> Sifted:
        records, invalid = [], []
        for place, (row, values) in enumerate(zip(rows, mapped.values, strict=True)):
            known = mapped.faults.get(place, [])
            judged = self._judge(row, values, known, mapping)
            if isinstance(judged, Struct):
                records.append(Record(row, judged))
            else:
                invalid.append(Settled(row, Invalid(row.offset, row.line, tuple(judged))))
        return Sifted(records, invalid)

    def _judge(self, row: Row, values: dict[str, Any], known: list[Fault], mapping: Mapping) -> Struct | list[Fault]:
        """Return the Struct, or every fault, those `known` from mapping first."""
        said = ""
        if not known:
            try:
                return msgspec.convert(values, self._struct, strict=False)
            except msgspec.ValidationError as error:
                said = str(error)
        named = {fault.field for fault in known}
        faults = [*known, *self._faults_of_fields(row, values, named, mapping)]
        return faults or [self._fault_between_fields(said, row, values, mapping)]

    def _faults_of_fields(
        self, row: Row, values: dict[str, Any], known: set[str | None], mapping: Mapping
    ) -> list[Fault]:
        """Return the faults of the fields one by one, without those that have a known one."""
        faults = []
        for name, field in self._fields.items():
            if name not in values:
                if field.is_required and name not in known:
                    faults.append(_missing(name, mapping.columns.get(name), field.description))
                continue
            value = values[name]
            try:
                msgspec.convert(value, field.type, strict=False)
            except msgspec.ValidationError as error:
                found = misfit(field, value, str(error), self._references.get(name))
                faults.append(found.fault(name, mapping.columns.get(name), mapping.found(row, name, value)))
        return faults

    def _fault_between_fields(self, said: str, row: Row, values: dict[str, Any], mapping: Mapping) -> Fault:
        """Return the fault that the Struct itself found, where every field is fine: `field: message`, or a message."""
        name, _, rest = said.partition(": ")
        if name not in self._fields or not rest:
            return Fault(code="invalid", error=said)
        column = mapping.columns.get(name)
        if name not in values:
            return Fault(code="missing", error=rest, field=name, column=column)
        value = shown(mapping.found(row, name, values[name]))
        return Fault(code="invalid", error=rest, field=name, column=column, value=value)


def _missing(field: str, column: str | None, description: str | None) -> Fault:
    where = "nothing fills it" if column is None else "the cell is blank"
    return Fault(code="missing", error=f"required, but {where}", field=field, column=column, hint=description)
