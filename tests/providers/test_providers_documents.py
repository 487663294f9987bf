"""What goes out: the bodies of requests, against the vendor's own examples."""

import datetime as dt
from typing import Any

import msgspec
import orjson
import pytest
from msgspec import UNSET, Struct

from headrace.model import Request
from headrace.provider import Codec
from headrace.provider.form import form
from headrace.providers import PROVIDERS

PRODUCTIVE = PROVIDERS["productive"]
JSON_API = "application/vnd.api+json"
BULK = "application/vnd.api+json; ext=bulk"


def codec(resource: str, operation: str = "create") -> Codec:
    table = PRODUCTIVE.resource(resource)
    assert table is not None
    return PRODUCTIVE.wire.codec(PRODUCTIVE, table, operation)


def value(resource: str, operation: str = "create", **fields: Any) -> Struct:
    table = PRODUCTIVE.resource(resource)
    assert table is not None
    return msgspec.convert(fields, form(table, operation), strict=False)


def body(request: Request) -> Any:
    return orjson.loads(request.body or b"null")


def link(kind: str, identity: str) -> dict[str, Any]:
    return {"data": {"type": kind, "id": identity}}


def test_bulk_time_entries_are_the_vendors_example() -> None:
    """The body, path and both media types of the vendor's bulk example, to the letter."""
    values = [
        value(
            "time_entries", note="first note", date="2024-08-28", time=120, person_id=7759, service_id=1161, task_id=414
        ),
        value("time_entries", note="second note", date="2024-08-29", time=60, person_id=7759, service_id=1161),
    ]
    request = codec("time_entries").request(values, bulk=True)
    assert (request.method, request.path) == ("POST", "/time_entries")
    assert request.headers == {"Content-Type": BULK, "Accept": BULK}
    people, services = link("people", "7759"), link("services", "1161")
    assert body(request) == {
        "data": [
            {
                "type": "time_entries",
                "attributes": {"note": "first note", "date": "2024-08-28", "time": 120},
                "relationships": {"person": people, "service": services, "task": link("tasks", "414")},
            },
            {
                "type": "time_entries",
                "attributes": {"note": "second note", "date": "2024-08-29", "time": 60},
                "relationships": {"person": people, "service": services},
            },
        ]
    }


def test_create_project_is_the_vendors_example() -> None:
    """The projects page's create: a single object, single media type, relationships without `_id`, ids as text."""
    values = [
        value(
            "projects", name="test name", project_type_id=2, company_id=2365, project_manager_id=3169, workflow_id=728
        )
    ]
    request = codec("projects").request(values, bulk=False)
    assert (request.method, request.path) == ("POST", "/projects")
    assert request.headers == {"Content-Type": JSON_API, "Accept": JSON_API}
    assert body(request) == {
        "data": {
            "type": "projects",
            "attributes": {"name": "test name", "project_type_id": 2},
            "relationships": {
                "company": link("companies", "2365"),
                "project_manager": link("people", "3169"),
                "workflow": link("workflows", "728"),
            },
        }
    }


def test_create_task_is_the_vendors_example_with_its_project() -> None:
    """The create of llms.txt, byte for byte but for the project that recorded traffic requires as well."""
    request = codec("tasks").request([value("tasks", title="My task", project_id=5, task_list_id=123)], bulk=False)
    assert request.body == (
        b'{"data":{"type":"tasks","attributes":{"title":"My task"},"relationships":{'
        b'"project":{"data":{"type":"projects","id":"5"}},"task_list":{"data":{"type":"task_lists","id":"123"}}}}}'
    )


def test_single_time_entry_is_the_vendors_example() -> None:
    """The "log time" example of llms.txt, byte for byte."""
    entry = value("time_entries", date="2024-01-15", time=60, person_id=456, service_id=789)
    assert codec("time_entries").request([entry], bulk=False).body == (
        b'{"data":{"type":"time_entries","attributes":{"date":"2024-01-15","time":60},"relationships":{'
        b'"person":{"data":{"type":"people","id":"456"}},"service":{"data":{"type":"services","id":"789"}}}}}'
    )


def test_updates_carry_their_ids_and_nothing_unset() -> None:
    """Bulk updates go to the collection with ids in the body, single ones to the record."""
    values = [value("time_entries", "update", id="223", note="new first note"), value("time_entries", "update", id=224)]
    bulk = codec("time_entries", "update").request(values, bulk=True)
    assert (bulk.method, bulk.path) == ("PATCH", "/time_entries")
    assert body(bulk) == {
        "data": [
            {"id": "223", "type": "time_entries", "attributes": {"note": "new first note"}},
            {"id": "224", "type": "time_entries", "attributes": {}},
        ]
    }
    single = codec("projects", "update").request([value("projects", "update", id=659, name="new name")], bulk=False)
    assert (single.method, single.path) == ("PATCH", "/projects/659")
    assert body(single) == {"data": {"id": "659", "type": "projects", "attributes": {"name": "new name"}}}


def test_deletes_name_records_and_say_no_more() -> None:
    """Bulk deletes carry identifiers in the body; a single one is named by its path alone."""
    values = [value("expenses", "delete", id=36), value("expenses", "delete", id=37)]
    bulk = codec("expenses", "delete").request(values, bulk=True)
    assert (bulk.method, bulk.path, bulk.headers["Content-Type"]) == ("DELETE", "/expenses", BULK)
    assert body(bulk) == {"data": [{"id": "36", "type": "expenses"}, {"id": "37", "type": "expenses"}]}
    single = codec("expenses", "delete").request(values[:1], bulk=False)
    assert (single.method, single.path, single.body) == ("DELETE", "/expenses/36", None)


def test_relationships_may_be_missing_from_some_values_or_all() -> None:
    """A value that refers to nothing has no relationships, and one that refers to something keeps its own."""
    values = [value("companies", name="A"), value("companies", name="B", parent_company_id=1)]
    first, second = body(codec("companies").request(values, bulk=True))["data"]
    assert "relationships" not in first
    assert second["relationships"] == {"parent_company": link("companies", "1")}
    (alone,) = body(codec("companies").request(values[:1], bulk=True))["data"]
    assert alone == {"type": "companies", "attributes": {"name": "A"}}


def test_lists_of_ids_and_custom_fields_are_attributes() -> None:
    """Lists of ids stay flat attributes, as the specification has them; so do custom fields, a hash."""
    task = value("tasks", title="T", project_id=1, task_list_id=1, subscriber_ids=[3, 4], custom_fields={"307": "x"})
    attributes = body(codec("tasks").request([task], bulk=False))["data"]["attributes"]
    assert attributes == {"title": "T", "subscriber_ids": [3, 4], "custom_fields": {"307": "x"}}


def test_a_request_for_several_values_must_be_bulk() -> None:
    """A single request cannot carry two values."""
    with pytest.raises(ValueError, match="unpack"):
        codec("companies").request([value("companies", name=name) for name in "AB"], bulk=False)


def test_an_update_cannot_carry_what_it_would_not_change() -> None:
    """A project's workflow is not a field of its update: the vendor answers 200 and changes nothing."""
    table = PRODUCTIVE.resource("projects")
    assert table is not None
    names = set(form(table, "update").__struct_fields__)
    assert names == {"id"} | set(table.struct.__struct_fields__) - {"workflow_id"}
    empty = value("projects", "update", id=1)
    assert [name for name in empty.__struct_fields__ if getattr(empty, name) is not UNSET] == ["id"]


def test_dates_and_times_are_iso() -> None:
    """Dates go out as ISO 8601 text, whatever they came from."""
    entry = value(
        "time_entries", date=dt.date(2024, 2, 29), time=1, person_id=1, service_id=1, started_at="2024-02-29T08:00:00Z"
    )
    attributes = body(codec("time_entries").request([entry], bulk=False))["data"]["attributes"]
    assert attributes == {"date": "2024-02-29", "time": 1, "started_at": "2024-02-29T08:00:00Z"}
