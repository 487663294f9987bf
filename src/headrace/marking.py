"""Marking: what a load promises about rows whose answer is lost, and the mark by which each is known again.

A marker is written only where the load asks for one (`marker` in the import file): into a text of the record, into a
custom field that the user names, or into a field that the API keeps for it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from msgspec import UNSET, Struct
from msgspec.structs import replace

from headrace.dispatch.readback.preflight import preflight
from headrace.dispatch.readback.reader import Reader
from headrace.dispatch.readback.strategy import strategy
from headrace.dispatch.reading import read_pages
from headrace.dispatch.transport import Transport
from headrace.errors import UnreachableError, UsageError
from headrace.feed import Load
from headrace.identity import marker, operation_id, value_prints
from headrace.ledger import Identity
from headrace.loads import LoadSpec
from headrace.model import Lane, Record, Row
from headrace.provider import (
    UPSERT,
    Guarantee,
    IdempotencyKey,
    Marker,
    NoteMarker,
    Provider,
    Resource,
    StoredMarker,
    Verdict,
    effective,
    verdict,
)

Write: TypeAlias = Callable[[Struct, str], Struct]
"""From a value and its marker to the value that carries it."""

Preflight: TypeAlias = Callable[[Sequence[Record]], Awaitable[None]]

_FIELDS: Final = "custom_fields"
_TEXT: Final = 1


class Marking(Struct, frozen=True):
    """How the rows of one load are known again. `guarantee` is what holds, `write` puts a marker into a value."""

    guarantee: Guarantee
    operation: Callable[[bytes], bytes]
    write: Write | None = None

    def mark(self, records: Sequence[Record]) -> list[Record]:
        """Return the records as they are sent: with their markers, where the load has any."""
        if self.write is None:
            return [*records]
        return [Record(one.row, self.write(one.value, marker(self.operation(one.row.key)))) for one in records]

    def key(self, number: Callable[[Row], int]) -> Callable[[Record], str] | None:
        """Return what makes a record's idempotency key: of the row, its number in the ledger and what it says.

        So copies of a row have keys of their own, and a repaired row has another one than before.
        """
        if not isinstance(self.guarantee, IdempotencyKey):
            return None

        def make(record: Record) -> str:
            (print_,) = value_prints([record.value])
            return marker(self.operation(record.row.key + number(record.row).to_bytes(8, "big") + print_))

        return make


def preflight_of(load: Load, reader: Reader) -> Preflight | None:
    """Return what is to be asked before the first row of a load is sent; None where nothing would show.

    That is a load of which nothing was sent so far, and whose rows carry marks.
    """
    how = strategy(load.resource, load.guarantee, load.operation)
    if load.has_sent or how is None or not how.is_certain or load.operation == UPSERT:
        return None
    return partial(preflight, reader, how, load.journal, load.resource.name)


async def marking(spec: LoadSpec, load: Load, identity: Identity, provider: Provider, transport: Transport) -> Marking:
    """Return how the rows of a load are known again; looks up, or creates, the custom field that it names.

    Raises `UsageError` where there is no such field, and what `read_pages` raises.
    """
    has_field = marks_field(spec, load.resource)
    number = await _field_id(spec, load.resource, provider, transport) if has_field else ""
    return marked_by(number, spec, load.resource, identity)


def marked_by(number: str, spec: LoadSpec, resource: Resource, identity: Identity) -> Marking:
    """Return how the rows of a load are known again, in the custom field of that id where it names one."""

    def operation(key: bytes) -> bytes:
        target = f"{identity.base_url}#{identity.organization}"
        name, verb = identity.import_name, spec.operation
        return operation_id(import_name=name, target=target, resource=resource.name, key=key, verb=verb)

    guarantee = effective(resource, spec.marker, spec.operation)
    if isinstance(guarantee, Marker):
        return Marking(Marker(number), operation, _into_field(number))
    if isinstance(guarantee, NoteMarker | StoredMarker):
        return Marking(guarantee, operation, _WRITES[type(guarantee)](guarantee.field))
    return Marking(guarantee, operation)


# --- writing --------------------------------------------------------------------------------------------------------


def _into_field(number: str) -> Write:
    def write(value: Any, text: str) -> Struct:
        held = getattr(value, _FIELDS, UNSET)
        marked: Struct = replace(value, **{_FIELDS: {**(held or {}), number: text}})
        return marked

    return write


def _into_text(field: str) -> Write:
    def write(value: Any, text: str) -> Struct:
        held = getattr(value, field, UNSET) or ""
        # Markup is closed before the marker, which stands in a paragraph of its own; plain text gets a line.
        added = f"{held}<p>{text}</p>" if held.rstrip().endswith(">") else f"{held}\n{text}".lstrip()
        marked: Struct = replace(value, **{field: added})
        return marked

    return write


def _into_store(field: str) -> Write:
    def write(value: Any, text: str) -> Struct:
        marked: Struct = value if getattr(value, field, UNSET) else replace(value, **{field: text})
        return marked

    return write


_WRITES: Final[Mapping[type, Callable[[str], Write]]] = MappingProxyType(
    {NoteMarker: _into_text, StoredMarker: _into_store}
)


# --- the custom field -----------------------------------------------------------------------------------------------


class FieldSearch(Struct, frozen=True):
    """What became of the search for a custom field: its id, None where it is to be created, and the pages it took."""

    id: str | None
    pages: int


def marks_field(spec: LoadSpec, resource: Resource) -> bool:
    """Whether the rows of a load carry a marker in a custom field, which is to be found first."""
    return isinstance(effective(resource, spec.marker, spec.operation), Marker)


async def find_field(spec: LoadSpec, resource: Resource, provider: Provider, transport: Transport) -> FieldSearch:
    """Look for the custom field that a load names. Raises as `marking` does."""
    fields, wanted = _wanted(spec, resource, provider)
    first = replace(provider.wire.listing(provider, fields, filters=wanted), lane=Lane.READBACK)
    pages = 0
    async for page in read_pages(transport, provider, first):
        pages += 1
        for item in page.items:
            # An archived field takes no values.
            if item.get("archived_at") is None and all(str(item.get(name)) == wanted[name] for name in wanted):
                return FieldSearch(_checked(item, spec.marker), pages)
    if not spec.create_marker:
        raise UsageError(
            f"{resource.name} have no custom field {spec.marker!r} to hold a marker",
            hint="create a text field of that name there, or say create_marker = true",
        )
    return FieldSearch(None, pages)


async def _field_id(spec: LoadSpec, resource: Resource, provider: Provider, transport: Transport) -> str:
    """Return the id of the custom field that the load names."""
    found = await find_field(spec, resource, provider, transport)
    if found.id is not None:
        return found.id
    return await _create(*_wanted(spec, resource, provider), provider, transport)


def _wanted(spec: LoadSpec, resource: Resource, provider: Provider) -> tuple[Resource, Mapping[str, str]]:
    """Return the resource of custom fields, and what tells the one that the load names."""
    fields = provider.resource(_FIELDS)
    if fields is None or resource.customizable is None:
        raise UsageError(f"{provider.name}: {resource.name} have no custom fields", hint='marker = "note" or "off"')
    return fields, {"name": spec.marker, "customizable_type": resource.customizable}


def _checked(item: Mapping[str, Any], name: str) -> str:
    if str(item.get("data_type_id", _TEXT)) != str(_TEXT):
        raise UsageError(f"the custom field {name!r} holds no text, so no marker", hint="name a text field")
    return str(item["id"])


async def _create(fields: Resource, wanted: Mapping[str, str], provider: Provider, transport: Transport) -> str:
    """Create the field. A lost answer costs nothing but a second look: it is found by its name."""
    codec = provider.wire.codec(provider, fields, "create")
    value = fields.struct(**wanted, data_type_id=_TEXT)
    response = await transport.send(codec.request([value], bulk=False))
    if verdict(response.status, provider.verdicts) is not Verdict.ACCEPTED:
        refusals = codec.refusals(response.body) or []
        why = refusals[0].error if refusals else f"status {response.status}"
        raise UsageError(f"the custom field {wanted['name']!r} could not be created: {why}", hint="create it by hand")
    ids = codec.ids(response.body, [value])
    if ids is None:
        raise UnreachableError("the answer to the creation of a custom field is no answer", hint="run it again")
    return ids[0]
