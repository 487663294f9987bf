"""Fitting: a provider as the user's own account has it, where the vendor does not publish what that is like."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from headrace.naming import suggestion
from headrace.provider import Provider, Resource, Setting

Problem: TypeAlias = tuple[str, str, str | None]
"""What is wrong, the word in the import file that it is about, and a hint."""


def setting_problems(settings: Mapping[str, Any], provider: Provider) -> Iterator[Problem]:
    """Yield what is wrong with `[provider_settings]`."""
    known = {setting.name: setting for setting in provider.settings}
    for name, value in settings.items():
        if not known:
            yield f"{provider.name} has no settings", name, "its table is as the vendor publishes it"
        elif name not in known:
            yield f"{provider.name} has no setting {name!r}", name, suggestion(name, known)
        elif said := _misfit(known[name], value):
            yield f"{name}: {said}", name, known[name].description


def _misfit(setting: Setting, value: Any) -> str | None:
    try:
        msgspec.convert(value, setting.type)
    except msgspec.ValidationError as error:
        return str(error)[:1].lower() + str(error)[1:]
    return None


def name_problems(names: Mapping[str, Mapping[str, str]], provider: Provider) -> Iterator[Problem]:
    """Yield what is wrong with `[provider_fields.RESOURCE]`."""
    for name, own in names.items():
        resource = provider.resource(name)
        if resource is None:
            known = [each.name for each in provider.resources if each.renamable]
            yield f"{provider.name} has no resource {name!r}", name, suggestion(name, known) if known else None
        else:
            yield from _own_name_problems(resource, own)


def _own_name_problems(resource: Resource, own: Mapping[str, str]) -> Iterator[Problem]:
    held = {resource.name_of(field): field for field in resource.struct.__struct_fields__ if field not in own}
    for field, name in own.items():
        if field not in resource.struct.__struct_fields__:
            yield f"{resource.name} has no field {field!r}", field, suggestion(field, resource.renamable or [field])
        elif field not in resource.renamable:
            yield f"the vendor publishes what {field!r} is called", field, f"leave it out: {resource.name_of(field)}"
        elif not name.strip() or name != name.strip():
            yield f"{name!r} is no name of a field", field, "write the name that the vendor has for it"
        elif (other := held.setdefault(name, field)) != field:
            yield f"{other!r} and {field!r} cannot both be called {name!r}", name, None
