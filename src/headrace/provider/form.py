"""The Struct that a row must fit, by operation: of a create the resource's own, else one made from it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import FieldInfo

from headrace.provider.guarantee import UPSERT
from headrace.provider.table import Action, Resource, reference


def form(resource: Resource, operation: str) -> type[Struct]:
    """Return the Struct of `operation` on `resource`: `create`, `update`, `upsert`, `delete` or an action. Built anew.

    An update has a required `id` and every other field optional but for those in `resource.always`, without those in
    `resource.create_only`; a delete has the `id` alone, and an upsert what a create has. The `id` is a reference to the
    resource itself, so that it may be looked up like any other. An action has the `id`, and the fields that it takes.
    Raises `KeyError` for an operation that there is not.
    """
    action = resource.action(operation)
    return _FORMS[operation](resource) if action is None else _action(resource, action)


def _action(resource: Resource, action: Action) -> type[Struct]:
    own = () if action.struct is None else msgspec.structs.fields(action.struct)
    fields = [_changeable(field, is_needed=field.required) for field in own]
    return _made(resource, action.name.title().replace("_", ""), *fields)


def _create(resource: Resource) -> type[Struct]:
    return resource.struct


def _update(resource: Resource) -> type[Struct]:
    changeable = [
        _changeable(field, is_needed=field.name in resource.always)
        for field in msgspec.structs.fields(resource.struct)
        if field.name not in resource.create_only
    ]
    return _made(resource, "Update", *changeable)


def _changeable(field: FieldInfo, *, is_needed: bool) -> tuple[str, Any, Any]:
    if is_needed:
        return field.name, field.type, msgspec.field(name=field.encode_name)
    return field.name, field.type | UnsetType, msgspec.field(default=UNSET, name=field.encode_name)


def _delete(resource: Resource) -> type[Struct]:
    return _made(resource, "Delete")


def _made(resource: Resource, suffix: str, *fields: tuple[str, Any, Any]) -> type[Struct]:
    """Return a Struct of the record's id and `fields`."""
    identity = ("id", reference(resource.name, ids=resource.ids, description="id of the record"))
    name = f"{resource.struct.__name__}{suffix}"
    return msgspec.defstruct(name, [identity, *fields], frozen=True, kw_only=True, omit_defaults=True, gc=False)


_FORMS: Final[Mapping[str, Callable[[Resource], type[Struct]]]] = MappingProxyType(
    {"create": _create, "update": _update, "delete": _delete, UPSERT: _create}
)
