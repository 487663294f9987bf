"""The catalogue of providers: what the tables say, for people or as JSON."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from rich.text import Text

from headrace.cli import terminal
from headrace.cli.fieldnotes import FieldNote, notes
from headrace.cli.screen import aligned, plain
from headrace.cli.screen import show as show_lines
from headrace.errors import UsageError
from headrace.importfile import import_schema
from headrace.naming import provider_named, resource_named
from headrace.provider import NaturalKey, Provider, Resource, StoredMarker
from headrace.providers import PROVIDERS


def show(name: str | None, *, schema: bool, as_json: bool) -> int:
    """Print all providers, one of them, or one resource. Raises `UsageError` for a name that there is not."""
    provider, resource = _named(name)
    if schema:
        if provider and resource is None:
            raise UsageError(
                "a provider has no schema of its own",
                hint=f"name a resource, {provider.name}:RESOURCE, or nothing for the import file's schema",
            )
        terminal.emit(msgspec.json.schema(resource.struct) if resource else import_schema())
    elif as_json:
        terminal.emit(_facts(provider, resource))
    else:
        show_lines(*_lines(provider, resource))
    return 0


def _named(name: str | None) -> tuple[Provider | None, Resource | None]:
    if name is None:
        return None, None
    first, colon, second = name.partition(":")
    provider = provider_named(first)
    return provider, resource_named(provider, second) if colon else None


def _known() -> Iterator[Provider]:
    """Yield all providers; of a package that is broken only a word of warning."""
    for name in PROVIDERS:
        try:
            yield provider_named(name)
        except UsageError as error:
            terminal.say(f"warning: {error.message}")


# --- for machines -----------------------------------------------------------------------------------------------


def _facts(provider: Provider | None, resource: Resource | None) -> Any:
    if provider is None:
        return {"providers": [_provider_facts(each) for each in _known()]}
    if resource is None:
        return _provider_facts(provider) | {"resources": [_resource_facts(each) for each in provider.resources]}
    return {
        "provider": provider.name,
        **_resource_facts(resource),
        "fields": msgspec.to_builtins(notes(resource)),
        "action_fields": {
            action.name: msgspec.to_builtins(notes(resource, action.name)) for action in resource.actions
        },
    }


def _provider_facts(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "base_url": provider.base_url or None,
        "address": provider.address or None,
        "doc": provider.doc,
        "needs_organization": provider.auth.needs_organization,
        "settings": {
            setting.name: {"default": setting.default, "description": setting.description}
            for setting in provider.settings
        },
        "limits": [msgspec.to_builtins(limit) | {"name": limit.name} for limit in provider.limits],
    }


def _resource_facts(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "writes": sorted(resource.writes),
        "actions": {action.name: action.description for action in resource.actions},
        "bulk": sorted(resource.bulk.operations) if resource.bulk else [],
        "bulk_size": resource.bulk.size if resource.bulk else None,
        "guarantee": type(resource.guarantee).__name__,
        "promise": resource.guarantee.promise,
        "natural_key": list(_compared(resource)),
        "names": {name: resource.name_of(name) for name in sorted(resource.renamable)},
        "lookups": {name: list(fields) for name, fields in resource.lookups.items()},
        "doc": resource.doc,
    }


def _compared(resource: Resource) -> tuple[str, ...]:
    """Return the fields that are compared to find a row again."""
    match resource.guarantee:
        case NaturalKey(fields=fields):
            return fields
        case StoredMarker(field=field):
            return (field,)
        case _:
            return ()


# --- for people -------------------------------------------------------------------------------------------------


def _lines(provider: Provider | None, resource: Resource | None) -> Iterator[Text]:
    if provider is None:
        yield from _overview()
    elif resource is None:
        yield from _provider_lines(provider)
    else:
        yield from _resource_lines(provider, resource)


def _overview() -> Iterator[Text]:
    rows = [
        (plain(each.name, "bold"), f"{sum(bool(r.writes) for r in each.resources)} resources", _limits(each))
        for each in _known()
    ]
    yield from aligned([("provider", "can be written", "limits"), *rows])
    yield plain("")
    yield plain("next: headrace providers NAME, headrace providers NAME:RESOURCE", "dim")


def _limits(provider: Provider) -> str:
    return ", ".join(f"{limit.name} per {limit.scope}" for limit in provider.limits)


def _provider_lines(provider: Provider) -> Iterator[Text]:
    yield plain(f"{provider.name}  {provider.base_url or '(base URL: yours)'}", "bold")
    if provider.address:
        yield plain(f"base URL: {provider.address}; {_variable(provider, 'BASE_URL')} or --base-url")
    yield plain(f"limits: {_limits(provider)}")
    yield plain(f"credentials: {_variable(provider, 'TOKEN')}{_organization(provider)}")
    for setting in provider.settings:
        yield plain(f"[provider_settings] {setting.name} = {setting.default!r}: {setting.description}")
    yield plain("")
    written = [each for each in provider.resources if each.writes]
    rows = [(plain(each.name, "bold"), _words(each.writes), _bulk(each), _guarantee(each)) for each in written]
    yield from aligned([("resource", "writes", "in bulk", "guarantee"), *rows])
    yield plain("")
    for name, promise in {_guarantee(each): each.guarantee.promise for each in written}.items():
        yield plain(f"{name}: a row is created {promise}")
    yield plain(f"to look up only: {', '.join(each.name for each in provider.resources if not each.writes) or 'none'}")
    yield plain(f"next: headrace providers {provider.name}:RESOURCE", "dim")


def _variable(provider: Provider, what: str) -> str:
    return f"HEADRACE_{provider.name.upper()}_{what}"


def _organization(provider: Provider) -> str:
    return f", {_variable(provider, 'ORGANIZATION')}" if provider.auth.needs_organization else ""


_ORDER: Final = ("create", "update", "delete")


def _words(operations: frozenset[str]) -> str:
    """Return operations in the order of a record's life, further actions after them."""
    return ", ".join(sorted(operations, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)))


def _bulk(resource: Resource) -> str:
    return f"{_words(resource.bulk.operations)}, by {resource.bulk.size}" if resource.bulk else "-"


def _guarantee(resource: Resource) -> str:
    """Return the kind of guarantee in words: `NaturalKey` is "natural key"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(resource.guarantee).__name__).lower()


def _resource_lines(provider: Provider, resource: Resource) -> Iterator[Text]:
    yield plain(f"{provider.name}:{resource.name}", "bold")
    yield plain(f"writes: {_words(resource.writes) or 'none, to look up only'}; bulk: {_bulk(resource)}")
    yield plain(f"a row is created {resource.guarantee.promise}")
    if compared := _compared(resource):
        yield plain(f"it is found again by {', '.join(compared)}")
    for action in resource.actions:
        yield plain(f'operation = "{action.name}": {action.description}')
    if resource.lookups:
        yield plain(f"others look it up by = {', '.join(repr(name) for name in resource.lookups)}")
    if resource.renamable:
        called = ", ".join(
            resource.name_of(name) for name in resource.struct.__struct_fields__ if name in resource.renamable
        )
        yield plain(f"the vendor does not say for sure what these fields are called: {called}")
        yield plain(f'where it is otherwise: [provider_fields.{resource.name}] {min(resource.renamable)} = "..."')
    yield plain(f"facts: {resource.doc}")
    yield plain("")
    yield from aligned([("field", "", "takes", "meaning"), *map(_field_row, notes(resource))])
    for action in resource.actions:
        if action.struct is not None:
            yield plain("")
            yield plain(f'with operation = "{action.name}"', "bold")
            needed_first = sorted(notes(resource, action.name), key=lambda note: not note.required)
            yield from aligned([("field", "", "takes", "meaning"), *map(_field_row, needed_first)])


def _field_row(note: FieldNote) -> tuple[Text | str, ...]:
    need = plain("required", "bold") if note.required else ""
    return plain(note.name, "bold" if note.required else ""), need, note.type, note.description
