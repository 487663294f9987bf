"""The Productive table: its facts, its Structs, and what both promise the rest of headrace."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from providers_rows import MINIMAL, UNHURRIED

from headrace.dispatch.steps import StepCodec
from headrace.provider import NaturalKey, Provider, Resource, references
from headrace.provider.form import form
from headrace.providers import PROVIDERS
from headrace.providers.productive.resources.attachments import ATTACHMENTS
from headrace.providers.productive.resources.memberships import MEMBERSHIPS

PRODUCTIVE: Final = PROVIDERS["productive"]
WRITTEN: Final = [resource for resource in PRODUCTIVE.resources if resource.writes]
SINGLE: Final = [resource for resource in WRITTEN if not resource.steps]
"""Those that one request creates."""

ALL: Final = frozenset({"create", "update", "delete"})
BULK: Final[Mapping[str, frozenset[str] | set[str]]] = {
    **dict.fromkeys(
        ("time_entries", "tasks", "todos", "bookings", "services", "line_items", "expense_line_items"), ALL
    ),
    "timesheets": {"create"},
    **{name: {"create", "delete"} for name in ("service_assignments", "service_type_assignments")},
    **{name: {"update", "delete"} for name in ("expenses", "deals")},
    **{name: {"update"} for name in ("projects", "people", "companies")},
}
"""PROVIDERS.md 1.4."""


def named(resources: Iterable[Resource]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("resource", resources, ids=lambda resource: resource.name)


def fault(resource: str, **fields: Any) -> str:
    table = PRODUCTIVE.resource(resource)
    assert table is not None
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(MINIMAL[resource] | fields, table.struct, strict=False)
    return str(caught.value)


def valid(resource: str, **fields: Any) -> None:
    table = PRODUCTIVE.resource(resource)
    assert table is not None
    msgspec.convert(MINIMAL[resource] | fields, table.struct, strict=False)


# --- the provider -----------------------------------------------------------------------------------------------


def test_the_address_credentials_and_limits_are_the_vendors() -> None:
    """Base URL, headers, windows, page size and the header of a 429, as the vendor's guides state them."""
    assert PRODUCTIVE.base_url == "https://api.productive.io/api/v2"
    assert "api.productive.io" in PRODUCTIVE.hosts
    assert set(PRODUCTIVE.auth.headers) == {"X-Auth-Token", "X-Organization-Id"}
    assert PRODUCTIVE.auth.needs_organization
    assert [limit.name for limit in PRODUCTIVE.limits] == ["100/10s", "4000/1800s", "reports 10/30s"]
    assert [limit.scope for limit in PRODUCTIVE.limits] == ["token", "organization", "token"]
    assert PRODUCTIVE.route("GET", "/reports/time_reports") == "reports"
    assert PRODUCTIVE.route("GET", "/time_entries") is None
    assert PRODUCTIVE.max_page_size == 200
    assert PRODUCTIVE.reset_header == "x-ratelimit-reset"


def test_providers_are_found_by_name() -> None:
    """The mapping lists names without importing tables, and an unknown name is a KeyError."""
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert "productive" in PROVIDERS
    assert "productive" in PROVIDERS
    assert "nothing" not in PROVIDERS
    assert isinstance(PROVIDERS["productive"], Provider)
    with pytest.raises(KeyError):
        PROVIDERS["nothing"]


def test_bulk_is_where_the_vendor_has_it_and_nowhere_else() -> None:
    """Bulk operations are exactly those of PROVIDERS.md 1.4; deals cannot be created in bulk."""
    table = {resource.name: set(resource.bulk.operations) for resource in PRODUCTIVE.resources if resource.bulk}
    assert table == BULK


# --- the resources ----------------------------------------------------------------------------------------------


@named(PRODUCTIVE.resources)
def test_every_reference_names_a_resource(resource: Resource) -> None:
    """No field refers to a resource that the table does not have, and every reference is an `_id`, or several."""
    names = {other.name for other in PRODUCTIVE.resources}
    assert set(references(resource.struct).values()) <= names
    assert all(field.endswith(("_id", "_ids")) for field in references(resource.struct))


@named(PRODUCTIVE.resources)
def test_every_field_has_a_description(resource: Resource) -> None:
    """`headrace providers` has something to say about every field, and JSON Schema can be made of every form."""
    for operation in ALL:
        struct = form(resource, operation)
        described = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
        assert all(schema.get("description") for schema in described.values())
        assert list(described) == [field.encode_name for field in msgspec.structs.fields(struct)]


@named(PRODUCTIVE.resources)
def test_guarantees_and_create_only_fields_are_fields(resource: Resource) -> None:
    """Natural keys and fields that cannot be changed are fields; a lookup reads some attribute."""
    fields = set(resource.struct.__struct_fields__)
    assert resource.create_only <= fields
    assert all(resource.lookups.values())
    assert resource.path == f"/{resource.name}"
    if isinstance(resource.guarantee, NaturalKey):
        assert set(resource.guarantee.fields) <= fields


@named(SINGLE)
def test_a_minimal_row_of_text_is_valid(resource: Resource) -> None:
    """Text converts to ids, dates, enums and numbers; every reference becomes a relationship."""
    value = msgspec.convert(MINIMAL[resource.name], resource.struct, strict=False)
    request = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, "create").request([value], bulk=False)
    data = orjson.loads(request.body or b"")["data"]
    data = data[0] if isinstance(data, list) else data
    links = {name for name in references(resource.struct) if name in MINIMAL[resource.name]}
    assert data["type"] == resource.name
    assert {f"{name}_id" for name in data.get("relationships", {})} == links
    assert set(data["attributes"]) == MINIMAL[resource.name].keys() - links


@named(SINGLE)
def test_a_missing_required_field_is_named(resource: Resource) -> None:
    """Leaving out any field of the minimal row is refused, with the field's name."""
    for name in MINIMAL[resource.name]:
        row = {field: cell for field, cell in MINIMAL[resource.name].items() if field != name}
        if resource.name == "sections" and name == "name":
            continue  # the specification has it optional
        with pytest.raises(msgspec.ValidationError, match=name):
            msgspec.convert(row, resource.struct, strict=False)


# --- rules and enums --------------------------------------------------------------------------------------------


def test_todos_belong_to_a_task_or_a_deal() -> None:
    """Exactly one of the two; the fault is on a field."""
    assert fault("todos", deal_id=1).startswith("deal_id: give exactly one of task_id, deal_id")
    table = PRODUCTIVE.resource("todos")
    assert table is not None
    with pytest.raises(msgspec.ValidationError, match="task_id: give exactly one"):
        msgspec.convert({"description": "D"}, table.struct)


def test_attachments_belong_to_one_record() -> None:
    """Exactly one of task, comment and page; the first request says which kind it is, and names none."""
    for others, said in (
        ({}, "task_id: give exactly one of"),
        ({"task_id": 1, "page_id": 2}, "page_id: give exactly one of"),
        ({"task_id": 1, "size": 0}, "size"),
    ):
        with pytest.raises(msgspec.ValidationError, match=said):
            msgspec.convert({"file": "a.txt", **others}, ATTACHMENTS.struct)
    file = {"file": "b/a.txt", "page_id": 2, "name": "A", "content_type": "c", "size": 3}
    value = msgspec.convert(file, ATTACHMENTS.struct)
    request = StepCodec(PRODUCTIVE, ATTACHMENTS).request([value], bulk=False)
    assert orjson.loads(request.body or b"")["data"] == {
        "type": "attachments",
        "attributes": {"name": "A", "content_type": "c", "size": 3, "attachable_type": "page"},
    }
    assert ATTACHMENTS.requests("create") == 4


def test_comments_are_about_one_record() -> None:
    """Exactly one target."""
    assert fault("comments", person_id=1).startswith("person_id: give exactly one of")


@pytest.mark.parametrize(("method", "amount"), [(1, "time"), (2, "percentage"), (3, "total_time"), (3, "time")])
def test_bookings_need_the_amount_of_their_method(method: int, amount: str) -> None:
    """A method comes with its amount; without one the method may be left to the vendor."""
    assert f"required where booking_method_id is {method}" in fault("bookings", booking_method_id=str(method))
    valid("bookings", booking_method_id=str(method), **{amount: "50"})


def test_bookings_are_work_or_absence_and_end_after_they_start() -> None:
    """Service or event, never both; the last day is not before the first."""
    assert fault("bookings", event_id=1).startswith("event_id: give exactly one of")
    assert fault("bookings", ended_on="2025-12-31").startswith("ended_on: before started_on, 2026-01-01")


def test_client_deals_need_their_company_and_internal_ones_do_not() -> None:
    """An internal deal gets the internal company whatever is sent."""
    table = PRODUCTIVE.resource("deals")
    assert table is not None
    row = {field: cell for field, cell in MINIMAL["deals"].items() if field != "company_id"}
    with pytest.raises(msgspec.ValidationError, match="company_id: required where"):
        msgspec.convert(row, table.struct, strict=False)
    msgspec.convert(row | {"deal_type_id": "1"}, table.struct, strict=False)


def test_memberships_name_who_and_where() -> None:
    """One person, team or group by the type, one target, and a level of access that the target has."""
    for fields, said in (
        ({"team_id": 35}, "team_id: give exactly one of person_id, dynamic_group_id, team_id"),
        ({"type_id": 3}, "team_id: required where type_id is 3"),
        ({"page_id": 1}, "page_id: give exactly one of project_id, deal_id, page_id"),
        ({"access_type_id": 1}, "access_type_id: with project_id one of 5"),
    ):
        assert fault("memberships", **fields).startswith(said)
    group = {"type_id": 2, "access_type_id": 3, "dynamic_group_id": 6, "page_id": 1}
    msgspec.convert(group, MEMBERSHIPS.struct)


def test_a_custom_field_can_be_global() -> None:
    """The vendor's word for it is one of Python's own: rows, bodies and messages have the vendor's."""
    table = PRODUCTIVE.resource("custom_fields")
    assert table is not None
    value = msgspec.convert(MINIMAL["custom_fields"] | {"global": "true"}, table.struct, strict=False)
    request = PRODUCTIVE.wire.codec(PRODUCTIVE, table, "create").request([value], bulk=False)
    assert orjson.loads(request.body or b"")["data"]["attributes"]["global"] is True
    assert "$.global" in fault("custom_fields", **{"global": "perhaps"})


@UNHURRIED
@given(st.integers(-5, 2000))
def test_time_is_minutes_of_one_day(minutes: int) -> None:
    """A time entry has 1 to 1,440 minutes, in text as in numbers."""
    if 1 <= minutes <= 1440:
        valid("time_entries", time=str(minutes))
    else:
        assert "$.time" in fault("time_entries", time=minutes)


@pytest.mark.parametrize(
    ("resource", "field", "text"),
    [
        ("projects", "project_type_id", "3"),
        ("tasks", "type_id", "2"),
        ("tasks", "due_time", "24:00"),
        ("tasks", "title", ""),
        ("deals", "currency", "Euro"),
        ("deals", "probability", "101"),
        ("services", "unit_id", "4"),
        ("services", "limitation_type", "none"),
        ("people", "email", "nobody"),
        ("time_entries", "person_id", "0"),
        ("time_entries", "date", "31.01.2026"),
    ],
)
def test_values_outside_their_range_are_refused(resource: str, field: str, text: str) -> None:
    """Enums, patterns, ranges and ids are checked before anything is sent."""
    assert f"$.{field}" in fault(resource, **{field: text})


def test_updates_need_the_id_and_nothing_else() -> None:
    """The form of an update has no rule of a create, and its id refers to the resource itself."""
    for resource in WRITTEN:
        update = form(resource, "update")
        msgspec.convert({"id": "1"}, update, strict=False)
        assert references(update)["id"] == resource.name
        with pytest.raises(msgspec.ValidationError, match="id"):
            msgspec.convert({}, update)


def test_ids_are_described_by_their_own_field() -> None:
    """A field's description wins over its type's, so that `manager` and `assignee` are told apart."""
    table = PRODUCTIVE.resource("time_entries")
    assert table is not None
    (person,) = (field for field in msgspec.structs.fields(table.struct) if field.name == "person_id")
    assert [meta.description for meta in person.type.__metadata__ if isinstance(meta, Meta)][-1] == "who worked"
    assert get_args(person.type) == (int, *person.type.__metadata__)


def test_the_readme_names_every_resource_that_is_written() -> None:
    """README's row of Productive lists exactly the resources that can be written, and those created in bulk."""
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (row,) = [line for line in readme.splitlines() if line.startswith("| Productive |")]
    _, _, resources, bulk, *_ = (cell.strip() for cell in row.split("|"))
    assert set(resources.split(", ")) == {resource.name for resource in WRITTEN}
    assert set(bulk.split(", ")) == {resource.name for resource in WRITTEN if resource.takes_bulk("create")}
