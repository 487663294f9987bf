"""Differing: the fields of a record that are not what was sent, but for the provider's own way of writing them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from headrace.dispatch.readback.matching import Item, Likeness
from headrace.dispatch.readback.natural import UNSAID, compare
from headrace.provider import SOMETHING


def sent_fields(value: Struct) -> dict[str, Any]:
    """Return what was sent of a record, but for the id that an update was about."""
    names = ((field.name, field.encode_name) for field in msgspec.structs.fields(value))
    found = {encoded: getattr(value, name) for name, encoded in names}
    return {name: given for name, given in found.items() if given is not UNSET and name != "id"}


def differing(sent: Mapping[str, Any], item: Item) -> list[str]:
    """Return the names of the fields that differ; what the provider does not say is no difference."""
    return [name for name, value in sent.items() if not _is_same(value, item.get(name, UNSAID))]


def _is_same(sent: Any, found: Any) -> bool:
    match sent:
        case str() if sent == SOMETHING:
            return found is not None and found != ""
        case dict() if isinstance(found, dict):
            return all(_is_same(value, found.get(name, UNSAID)) for name, value in sent.items())
        case list() if isinstance(found, list):
            return sorted(map(str, sent)) == sorted(map(str, found))
    return compare(sent, found) >= Likeness.LOOSE
