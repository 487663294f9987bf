"""Fields of an account's own, by their names: `custom_fields.Region` becomes the field's id, its cells what it takes.

The definitions are read once for each kind of record. Options are found by name, people by e-mail.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import UNSET, Struct
from msgspec.structs import replace

from headrace.dispatch.reading import read_pages
from headrace.dispatch.transport import Transport
from headrace.errors import UsageError
from headrace.identity import folded
from headrace.intake import Intake, Rule
from headrace.intake.fields import CUSTOM
from headrace.intake.suggestion import did_you_mean, listed
from headrace.provider import Provider, Resource

OPTIONS: Final = "custom_field_options"
_PREFIX: Final = f"{CUSTOM}."

TEXT, NUMBER, SELECT, DATE, SEVERAL, PERSON, ATTACHMENT = range(1, 8)
"""The data types of a custom field (https://developer.productive.io/guides/working-with-custom-fields)."""


class OwnField(Struct, frozen=True):
    """The definition of one field."""

    id: str
    name: str
    type: int


class OwnFields(Struct, frozen=True):
    """All fields of one kind of record; read in so many pages."""

    fields: tuple[OwnField, ...]
    pages: int


def named(intake: Intake) -> list[str]:
    """Return the names of custom fields by which a load calls them; those that are called by id are none."""
    names = (field.removeprefix(_PREFIX) for field in intake.rules if field.startswith(_PREFIX))
    return [name for name in names if not name.isdecimal()]


async def read_own_fields(transport: Transport, provider: Provider, resource: Resource) -> OwnFields:
    """Read the definitions of the fields that records of `resource` may have. Raises what `read_pages` raises."""
    definitions = provider.resource(CUSTOM)
    if definitions is None or resource.customizable is None:
        raise UsageError(f"{provider.name}: {resource.name} have no custom fields", hint="leave custom_fields out")
    wanted = {"customizable_type": resource.customizable}
    found, pages = list[OwnField](), 0
    first = provider.wire.listing(provider, definitions, filters=wanted)
    async for page in read_pages(transport, provider, first):
        pages += 1
        found += [
            OwnField(str(item["id"]), str(item.get("name", "")), int(item.get("data_type_id") or TEXT))
            for item in page.items
            # An archived field takes no values, and its name may be that of another by now.
            if item.get("customizable_type", resource.customizable) == resource.customizable
            and item.get("archived_at") is None
        ]
    return OwnFields(tuple(found), pages)


def fitted(intake: Intake, own: OwnFields) -> Intake:
    """Return the intake with its custom fields called by id, each with what its type takes.

    Raises `UsageError` that lists all names which no field has, or several.
    """
    by_name: dict[str, list[OwnField]] = {}
    for field in own.fields:
        by_name.setdefault(folded(field.name), []).append(field)
    names = named(intake)
    wrong = [_problem(name, by_name, intake.resource) for name in names if len(by_name.get(folded(name), ())) != 1]
    if wrong:
        raise UsageError("; ".join(wrong), hint=f"there are {listed([field.name for field in own.fields], limit=40)}")
    return intake.with_rules(dict(_renamed(field, rule, by_name) for field, rule in intake.rules.items()))


def _problem(name: str, by_name: Mapping[str, Sequence[OwnField]], resource: Resource) -> str:
    same = by_name.get(folded(name), ())
    if same:
        return f"{len(same)} custom fields of {resource.name} are called {name!r}: call it by id, {_ids(same)}"
    near = did_you_mean(name, [field.name for fields in by_name.values() for field in fields])
    return f"{resource.name} have no custom field {name!r}{f' ({near})' if near else ''}"


def _ids(fields: Sequence[OwnField]) -> str:
    return " or ".join(f"{_PREFIX}{field.id}" for field in fields)


def _renamed(field: str, rule: Rule, by_name: Mapping[str, Sequence[OwnField]]) -> tuple[str, Rule]:
    name = field.removeprefix(_PREFIX)
    if not field.startswith(_PREFIX) or name.isdecimal():
        return field, rule
    (own,) = by_name[folded(name)]
    rule = rule if rule.column is not None or rule.value is not UNSET else replace(rule, column=field)
    return f"{_PREFIX}{own.id}", _typed(rule, own)


def _typed(rule: Rule, own: OwnField) -> Rule:
    """Return the rule with what the field's type takes, where it says nothing of that itself."""
    if rule.lookup is not None or rule.from_ is not None or rule.as_ is not None:
        return rule
    make = _TYPED.get(own.type)
    return rule if make is None else make(rule, own)


_TYPED: Final[Mapping[int, Callable[[Rule, OwnField], Rule]]] = MappingProxyType(
    {
        TEXT: lambda rule, _: replace(rule, as_="text") if rule.format is None else rule,
        NUMBER: lambda rule, _: replace(rule, as_="decimal"),
        SELECT: lambda rule, own: replace(rule, lookup=OPTIONS, by=own.id),
        DATE: lambda rule, _: replace(rule, format=rule.format or "%Y-%m-%d"),
        SEVERAL: lambda rule, own: replace(rule, lookup=OPTIONS, by=own.id, split=rule.split or ";"),
        PERSON: lambda rule, _: replace(rule, lookup="people", by="email"),
    }
)
"""By data type, the rule with what the field takes. An attachment takes the id of one, as it is."""
