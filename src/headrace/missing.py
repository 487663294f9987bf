"""Missing: what can be wrong with records that are to be created where names lead to none (`create_missing`)."""

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from headrace.fitting import Problem
from headrace.loads import LoadSpec, MissingSpec, Need, fields_of_names
from headrace.provider import UPSERT, Provider, Resource
from headrace.provider.form import form
from headrace.provider.guarantee import CREATE


def missing_problems(load: MissingSpec, loads: Sequence[LoadSpec], provider: Provider) -> Iterator[Problem]:
    """Yield what is wrong with an implied load, one of `loads`, beside what may be wrong with any."""
    resource = provider.resource(load.resource)
    if resource is None or load.looked_up not in resource.lookups:
        return  # which is said of who refers to it
    yield from chain(_unspelt(load, resource), _made_twice(load, loads, provider), _unlike(load))


def attribute(resource: Resource, looked_up: str) -> str | None:
    """Return the field of a create that spells a name of `resource`; None where no single one does."""
    attributes = resource.lookups[looked_up]
    taken = {field.encode_name for field in msgspec.structs.fields(form(resource, CREATE))}
    return attributes[0] if len(attributes) == 1 and taken.issuperset(attributes) else None


def _unspelt(load: MissingSpec, resource: Resource) -> Iterator[Problem]:
    """Yield what a create would lack, or have twice."""
    name = attribute(resource, load.looked_up)
    if name is None:
        spelt = [repr(by) for by in resource.lookups if attribute(resource, by) is not None]
        hint = f"create those that are found by {' or '.join(spelt)}" if spelt else "they need a load of their own"
        yield (
            f"{resource.name} that are found by {load.looked_up!r} cannot be created by it",
            _word(load.needs[0]),
            hint,
        )
        return
    if name in load.fields:
        yield f"{name} is what missing {resource.name} are called already", f"{name} create_missing", "leave it out"
    given = {name, *load.fields}
    needed = [one.encode_name for one in msgspec.structs.fields(form(resource, CREATE)) if one.required]
    lacks = [field for field in needed if field not in given]
    if lacks:
        hint = f'create_missing = {{ {lacks[0]} = "<column>" }} gives it, or {{ value = ... }} for all'
        yield f"missing {resource.name} cannot be created without {', '.join(lacks)}", _word(load.needs[0]), hint


def _made_twice(load: MissingSpec, loads: Sequence[LoadSpec], provider: Provider) -> Iterator[Problem]:
    """Yield what else would create the same records: a search that lags would not show them in time."""
    need = load.needs[0]
    for other in loads:
        if other.resource == load.resource and other is not load and _makes(other, provider):
            hint = f'refer to the rows of that load: from = "{other.title}"'
            if isinstance(other, MissingSpec):
                hint = "look them up by one name, wherever they may be created"
            yield f"{need.field}: {other.title} creates {load.resource} as well", _word(need), hint


def _makes(load: LoadSpec, provider: Provider) -> bool:
    resource = provider.resource(load.resource)
    action = None if resource is None else resource.action(load.operation)
    return load.operation in {CREATE, UPSERT} or (action is not None and action.source is not None)


def _unlike(load: MissingSpec) -> Iterator[Problem]:
    """Yield who does not ask for the same."""
    first = load.needs[0]
    for need in load.needs:
        if need.field == "id":
            hint = 'operation = "upsert" creates those that are not there'
            yield f"id is which of the {load.resource} a row is about", _word(need), hint
        if fields_of_names(need.rule) != load.fields:
            both = f"{first.load.title} ({first.field}) and {need.load.title} ({need.field})"
            hint = "give both the same table, but for the columns"
            yield f"{both} create missing {load.resource} in two ways", _word(need), hint


def _word(need: Need) -> str:
    return f"{need.field} create_missing"
