"""The plan of a mapping: rules, header and fields brought together once, before the first row."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct

from headrace.errors import UsageError
from headrace.intake.fields import CUSTOM, Field, custom_field, fields_of
from headrace.intake.header import Header
from headrace.intake.misfit import misfit
from headrace.intake.references import Reference, reference_of
from headrace.intake.rule import Rule, read_rules
from headrace.intake.slot import Slot
from headrace.intake.suggestion import did_you_mean, listed, shown
from headrace.intake.transforms import CONVERTED, Transform, text, transform_of
from headrace.intake.unfit import UnfitError
from headrace.provider import Resource

Rules: TypeAlias = Mapping[str, Any]
"""Field to rule: a `Rule`, a table with a rule's keys, or the name of a column."""

_OWN: Final = f"{CUSTOM}."
AUTOMATIC: Final = Rule()
"""What holds for a field that no rule names: the column of its name, as it is."""


class Plan(Struct, frozen=True):
    """What a mapping does: `slots` fill fields from columns, `constants` the same way in every row."""

    slots: tuple[Slot, ...]
    constants: dict[str, Any]
    references: tuple[Reference, ...]


def plan(resource: Resource, rules: Rules | None, header: Header, struct: type[Struct] | None = None) -> Plan:
    """Return what `rules` and equal names make of the columns, for `struct` or else the resource's own.

    Raises `UsageError` for rules that cannot be meant, `SourceError` for columns that are not there.
    """
    read = read_rules(rules)
    fields = _known(fields_of(struct or resource.struct), read, header, resource)
    places = _places(fields, read, header)
    slots = [
        Slot(
            field,
            header.columns[place],
            place,
            _transform(resource, field, rule),
            drops=rule.map is not None,
            until=None if rule.until is None else header.find(rule.until, f"for the field '{name}'"),
        )
        for name, place in places.items()
        for field, rule in [(fields[name], read.get(name, AUTOMATIC))]
    ]
    constants = {name: _constant(fields[name], rule) for name, rule in read.items() if rule.value is not UNSET}
    absent = [name for name, field in fields.items() if field.is_required and name not in {*places, *constants}]
    if absent:
        raise header.lacks(absent, resource.name)
    references = [found for name, rule in read.items() if (found := reference_of(name, rule))]
    return Plan(tuple(slots), constants, tuple(references))


def _transform(resource: Resource, field: Field, rule: Rule) -> Transform | None:
    """Return the transform of a field: one of the closed list, or a conversion that the resource itself brings."""
    if rule.as_ not in CONVERTED:
        return transform_of(field, rule)
    convert = resource.conversions.get(rule.as_)
    if convert is None:
        raise UsageError(f"{resource.name} take no {rule.as_}", hint=f'leave as = "{rule.as_}" out')
    try:
        convert("")
    except ImportError:  # now, not at the first row
        raise UsageError(f'as = "{rule.as_}" needs an extra', hint=f"pip install 'headrace[{rule.as_}]'") from None
    return lambda cell: convert(text(cell))


def _known(fields: dict[str, Field], rules: Mapping[str, Rule], header: Header, resource: Resource) -> dict[str, Field]:
    """Return the resource's fields, and of an account's own ones those that rules or columns name."""
    own = [name for name in rules if name.startswith(_OWN)] + _own_columns(rules, header) if CUSTOM in fields else []
    known = {**fields, **{name: custom_field(name) for name in own}}
    for name in rules:
        if name not in known:
            hint = did_you_mean(name, known) or f"its fields are {listed(list(fields), limit=40)}"
            raise UsageError(f"{resource.name} has no field '{name}'", hint=hint)
    return known


def _own_columns(rules: Mapping[str, Rule], header: Header) -> list[str]:
    """Return the columns that are called as an account's own fields, by id. By name only a rule calls one."""
    used = {*rules, *(name for rule in rules.values() for name in rule.columns)}
    own = [name for name in header.columns if name.startswith(_OWN) and name not in used]
    for name in own:
        if not name.removeprefix(_OWN).isdecimal():
            hint = f'say under [load.fields] "{name}" = "{name}", so that its name is looked up'
            raise UsageError(f"the column '{name}' is of a custom field, and no rule says so", hint=hint)
    return own


def _places(fields: Mapping[str, Field], rules: Mapping[str, Rule], header: Header) -> dict[str, int]:
    """Return the column of every field that one fills."""
    found = {name: _place(name, rules.get(name), header) for name in fields}
    return {name: place for name, place in found.items() if place is not None}


def _place(name: str, rule: Rule | None, header: Header) -> int | None:
    if rule is None:
        return header.like(name)
    if rule.value is not UNSET:
        return None
    if rule.column is None and (place := header.like(name)) is not None:
        return place
    return header.find(name if rule.column is None else rule.column, f"for the field '{name}'")


def _constant(field: Field, rule: Rule) -> Any:
    """Return the value that a rule gives to every row, after its transforms. Raises `UsageError` if it does not fit."""
    try:
        transform = transform_of(field, rule)
        value = rule.value if transform is None else transform(rule.value)
    except UnfitError as unfit:
        raise _unfit_constant(field, rule, unfit.error, unfit.hint) from None
    if rule.lookup is not None or rule.from_ is not None:
        return value
    try:
        msgspec.convert(value, field.type, strict=False)
    except msgspec.ValidationError as error:
        found = misfit(field, value, str(error))
        raise _unfit_constant(field, rule, found.error, found.hint) from None
    return value


def _unfit_constant(field: Field, rule: Rule, error: str, hint: str | None) -> UsageError:
    return UsageError(f"the value of '{field.name}' does not fit: '{shown(rule.value)}' is {error}", hint=hint)


def rule_columns(rules: Rules | None, key: Sequence[str]) -> set[str]:
    """Return the columns that rules and key name."""
    return {name for rule in read_rules(rules).values() for name in rule.columns} | set(key)
