"""The table against the sandbox, which someone else wrote from the vendor's pages."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import pytest
from msgspec import Struct
from providers_rows import MINIMAL

from headrace.model import Request
from headrace.provider import Resource
from headrace.provider.form import form
from headrace.providers import PROVIDERS
from headrace.sandbox.core import Sandbox
from headrace.sandbox.message import Reply
from headrace.sandbox.options import Options

PRODUCTIVE: Final = PROVIDERS["productive"]

CREDENTIALS: Final = {"X-Auth-Token": "secret", "X-Organization-Id": "948"}


def sandbox(**options: Any) -> Sandbox:
    return Sandbox(Options(token="secret", window="off", **options))


def send(target: Sandbox, request: Request) -> Reply:
    return target.handle(
        request.method,
        f"/api/v2{request.path}",
        urlencode(request.params),
        headers={**CREDENTIALS, **request.headers},
        body=request.body or b"",
        now=1.0,
    )


def table(name: str) -> Resource:
    found = PRODUCTIVE.resource(name)
    assert found is not None
    return found


def written(target: Sandbox, resource: Resource, operation: str, values: Sequence[Struct], *, bulk: bool) -> list[str]:
    codec = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, operation)
    reply = send(target, codec.request(values, bulk=bulk))
    ids = codec.ids(reply.body, values)
    assert ids is not None, (reply.status, reply.body)
    return ids


@pytest.mark.parametrize("name", MINIMAL)
@pytest.mark.parametrize("bulk", [False, True])
def test_every_resource_is_created_changed_and_deleted(name: str, *, bulk: bool) -> None:
    """A minimal row can be created, changed and deleted, singly and in bulk; what the table lacks is not there."""
    target, resource = sandbox(), table(name)
    value = msgspec.convert(MINIMAL[name], resource.struct, strict=False)
    (identity,) = written(target, resource, "create", [value], bulk=bulk and resource.takes_bulk("create"))
    kept = {field: cell for field, cell in MINIMAL[name].items() if field not in resource.create_only}
    for operation, fields in (("update", kept), ("delete", {})):
        value = msgspec.convert({"id": identity, **fields}, form(resource, operation), strict=False)
        if operation in resource.writes:
            in_bulk = bulk and resource.takes_bulk(operation)
            assert written(target, resource, operation, [value], bulk=in_bulk) == [identity]
        else:
            codec = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, operation)
            assert send(target, codec.request([value], bulk=False)).status == 404


def test_shuffled_bulk_answers_give_every_row_its_own_id() -> None:
    """With answers in any order, what is stored under an id is what was sent for it."""
    target, resource = sandbox(order="shuffled", seed=3), table("time_entries")
    rows = [MINIMAL["time_entries"] | {"time": str(1 + place % 9), "note": f"note {place}"} for place in range(60)]
    values = [msgspec.convert(row, resource.struct, strict=False) for row in rows]
    ids = written(target, resource, "create", values, bulk=True)
    listing = PRODUCTIVE.wire.listing(PRODUCTIVE, resource, filters={}, include=["person_id", "service_id"], size=25)
    request: Request | None = listing
    found: dict[str, dict[str, Any]] = {}
    while request is not None:
        page = PRODUCTIVE.wire.page(request, send(target, request).body)
        assert page is not None
        found |= {item["id"]: item for item in page.items}
        request = page.following
    assert [found[identity]["note"] for identity in ids] == [row["note"] for row in rows]
    assert {item["person_id"] for item in found.values()} == {"201"}


def test_records_without_attributes_are_told_apart_by_their_references() -> None:
    """Assignments are answered in any order, and yet the id of each is that of its person."""
    target, resource = sandbox(order="shuffled", seed=3), table("service_assignments")
    people = [201, 202, 203, 204, 205, 206]
    values = [msgspec.convert({"service_id": 901, "person_id": person}, resource.struct) for person in people]
    ids = written(target, resource, "create", values, bulk=True)
    listing = PRODUCTIVE.wire.listing(PRODUCTIVE, resource, filters={}, include=["person_id"])
    page = PRODUCTIVE.wire.page(listing, send(target, listing).body)
    assert page is not None
    found = {item["id"]: item["person_id"] for item in page.items}
    assert [found[identity] for identity in ids] == [str(person) for person in people]


@pytest.mark.parametrize("pointers", ["plain", "indexed"])
def test_refusals_name_rows_and_fields(pointers: str) -> None:
    """An unknown person in a batch is refused as `person_id`, with the row where the server says which."""
    target, resource = sandbox(pointers=pointers), table("time_entries")
    rows = [MINIMAL["time_entries"], MINIMAL["time_entries"] | {"person_id": "99999"}]
    codec = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, "create")
    reply = send(
        target, codec.request([msgspec.convert(row, resource.struct, strict=False) for row in rows], bulk=True)
    )
    refusals = codec.refusals(reply.body)
    assert reply.status == 422
    assert refusals is not None
    assert [(refusal.index, refusal.field) for refusal in refusals] == [
        (1 if pointers == "indexed" else None, "person_id")
    ]


@pytest.mark.parametrize("name", sorted(each.name for each in PRODUCTIVE.resources if each.lookups))
def test_names_can_be_looked_up(name: str) -> None:
    """What a lookup reads is in the listing of its resource, under the names that the table gives."""
    target, resource = sandbox(), table(name)
    reply = send(target, PRODUCTIVE.wire.listing(PRODUCTIVE, resource, filters={}))
    page = PRODUCTIVE.wire.page(PRODUCTIVE.wire.listing(PRODUCTIVE, resource, filters={}), reply.body)
    assert page is not None
    for item in page.items:
        assert all(set(fields) <= set(item) for fields in resource.lookups.values())


@pytest.mark.parametrize("name", sorted(each.name for each in PRODUCTIVE.resources if each.askable))
def test_names_can_be_asked_for(name: str) -> None:
    """A filter by a name that is askable is taken, with several names too, and lets just those records pass."""
    target, resource = sandbox(), table(name)
    for by in resource.askable:
        (attribute,) = resource.lookups[by]
        everything = PRODUCTIVE.wire.listing(PRODUCTIVE, resource, filters={})
        page = PRODUCTIVE.wire.page(everything, send(target, everything).body)
        assert page is not None
        held = [str(item[attribute]) for item in page.items if item.get(attribute)] or ["7"]
        question = PRODUCTIVE.wire.listing(PRODUCTIVE, resource, filters={attribute: [held[0], "12345"]})
        reply = send(target, question)
        found = PRODUCTIVE.wire.page(question, reply.body)
        assert found is not None, reply.body
        assert [str(item[attribute]) for item in found.items] == [one for one in held if one == held[0] != "7"]


MAP: Final = {"2001": 2011, "2002": 2012, "2003": 2014}
ACTED: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("projects", "archive"): {"id": 501},
    ("projects", "restore"): {"id": 501},
    ("projects", "copy"): {"id": 501, "name": "Copy", "project_type_id": 2, "copy_boards": True, "copy_tasks": True},
    **{(name, action): {"id": 1} for name in ("companies", "people") for action in ("archive", "restore")},
    **{("people", action): {"id": 206} for action in ("deactivate", "activate")},
    **{(name, action): {"id": 1} for name in ("folders", "task_lists") for action in ("archive", "restore")},
    **{(name, "archive"): {"id": 1} for name in ("custom_fields", "custom_field_options")},
    ("folders", "copy"): {
        "id": 601,
        "name": "Copy",
        "project_id": 502,
        "copy_task_lists": True,
        "copy_open_tasks": True,
        "copy_assignees": True,
    },
    ("task_lists", "copy"): {
        "id": 701,
        "name": "Copy",
        "project_id": 502,
        "folder_id": 602,
        "copy_open_tasks": True,
    },
    ("tasks", "copy"): {
        "id": 1001,
        "title": "Copy",
        "project_id": 502,
        "task_list_id": 702,
        "workflow_status_id": 2001,
    },
    ("deals", "copy"): {"id": 801, "name": "Copy", "project_id": 501, "date": "2026-02-01"},
    ("projects", "change_workflow"): {"id": 501, "workflow_id": 729, "map": MAP},
    ("projects", "map_to_workflow"): {"id": 501, "map": {"701": 2002}},
    ("deals", "close"): {"id": 801, "delivered_on": "2026-01-31"},
    ("deals", "reopen"): {"id": 801},
    ("expenses", "unapprove"): {"id": 81},
    ("invoices", "finalize"): {"id": 71},
    ("time_entries", "approve"): {"id": 1},
    ("time_entries", "unapprove"): {"id": 1},
    ("expenses", "approve"): {"id": 1},
}
"""A row of every action; record 1 is one that the test makes."""


def test_every_action_has_a_row_here() -> None:
    """No action of the table is left out."""
    assert set(ACTED) == {
        (resource.name, action.name) for resource in PRODUCTIVE.resources for action in resource.actions
    }


@pytest.mark.parametrize(("name", "action"), ACTED)
def test_every_action_is_taken(name: str, action: str) -> None:
    """The sandbox executes every action, and its answer bears that out; of a record that is not there it refuses it."""
    target, resource = sandbox(), table(name)
    fields = dict(ACTED[name, action])
    if fields["id"] == 1:
        value = msgspec.convert(MINIMAL[name], resource.struct, strict=False)
        (identity,) = written(target, resource, "create", [value], bulk=False)
        fields["id"] = int(identity)
    shape, bulk = form(resource, action), resource.takes_bulk(action)
    (done,) = written(target, resource, action, [msgspec.convert(fields, shape, strict=False)], bulk=bulk)
    assert (done == str(fields["id"])) is (action != "copy")
    lost = msgspec.convert({**fields, "id": 999_999}, shape, strict=False)
    codec = PRODUCTIVE.wire.codec(PRODUCTIVE, resource, action)
    reply = send(target, codec.request([lost], bulk=bulk))
    assert reply.status in {404, 422}
    assert codec.refusals(reply.body)
