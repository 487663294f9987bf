"""Plain JSON: what goes out for each operation, and what is made of whatever comes in."""

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers_rows import UNHURRIED

from headrace.model import Lane, Request
from headrace.provider import Page, Provider, Resource, fitted
from headrace.provider.form import form
from headrace.provider.plain_json.refusal import refusals
from headrace.providers import PROVIDERS

AGILED = PROVIDERS["agiled"]


def table(name: str, provider: Provider = AGILED) -> Resource:
    resource = provider.resource(name)
    assert resource is not None
    return resource


def request(operation: str, name: str, provider: Provider = AGILED, /, **row: Any) -> Request:
    resource = table(name, provider)
    value = msgspec.convert(row, form(resource, operation), strict=False)
    return provider.wire.codec(provider, resource, operation).request([value], bulk=False)


def ids(operation: str, body: Any, **row: Any) -> list[str] | None:
    resource = table("tasks")
    value = msgspec.convert(row, form(resource, operation), strict=False)
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return AGILED.wire.codec(AGILED, resource, operation).ids(raw, [value])


# --- what goes out ----------------------------------------------------------------------------------------------


def test_each_operation_has_its_method_path_and_body() -> None:
    """A create posts what was mapped, an update changes what was given, a delete names the record and nothing else."""
    made = request("create", "time_entries", date="2026-03-02", duration_minutes="90", notes="Kick-off")
    assert (made.method, made.path, made.route) == ("POST", "/time-entries", "writes")
    assert orjson.loads(made.body or b"") == {"date": "2026-03-02", "duration_minutes": 90, "notes": "Kick-off"}
    changed = request("update", "tasks", id="7", status="done")
    assert (changed.method, changed.path, changed.body) == ("PATCH", "/tasks/7", b'{"status":"done"}')
    gone = request("delete", "projects", id="7")
    assert (gone.method, gone.path, gone.body, gone.route) == ("DELETE", "/projects/7", None, "writes")


def test_what_the_user_says_about_the_api_is_what_is_sent() -> None:
    """Names and settings change bodies, filters and methods; saying it twice is saying it once."""
    names = {"tasks": {"project_id": "project", "title": "name"}}
    own = fitted(AGILED, {"update_method": "PUT"}, names)
    assert fitted(own, {"update_method": "PUT"}, names).resources == own.resources
    assert request("create", "tasks", own, title="T", project_id="5").body == b'{"name":"T","project":5}'
    assert request("update", "tasks", own, id="7", title="T").method == "PUT"
    first = own.wire.listing(own, table("tasks", own), filters={"project_id": 5}, sort="-title")
    assert ("project", "5") in first.params
    assert ("sort_by", "name") in first.params
    page = own.wire.page(first, b'{"data":[{"id":1,"name":"T","project":5}]}')
    assert page is not None
    assert page.items == [{"id": "1", "title": "T", "project_id": 5}]
    codec = own.wire.codec(own, table("tasks", own), "create")
    assert [one.field for one in codec.refusals(b'{"errors":{"name":["is blank"]}}') or []] == ["title"]
    with pytest.raises(KeyError):
        fitted(AGILED, None, {"tasks": {"titel": "name"}})


# --- what comes in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{"id": 7}, {"data": {"id": "7", "title": "T"}}, {"id": 7, "data": {"id": 9}}])
def test_an_answer_may_be_wrapped_or_bare(body: Any) -> None:
    """The record is found in either form; where the answer itself has an id, it is the record."""
    assert ids("create", body, title="T") == ["7"]
    assert ids("update", body, id="7") == ["7"]
    assert ids("delete", body, id="7") == ["7"]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", {}, {"data": []}, {"id": ""}, {"id": None}, {"id": True}, {"data": {}}]
)
def test_an_answer_without_a_record_is_no_success(body: Any) -> None:
    """A login page, an empty object or an id that is none does not bear a create out."""
    assert ids("create", body, title="T") is None


def test_updates_and_deletes_are_borne_out_by_their_own_record() -> None:
    """Another record's answer proves nothing; an empty one does, and a word of success for a delete."""
    assert ids("update", {"id": 8}, id="7") is None
    assert ids("update", b"", id="7") == ["7"]
    assert ids("delete", {"id": 8}, id="7") is None
    assert ids("delete", b"", id="7") == ids("delete", {"status": "deleted"}, id="7") == ["7"]
    assert ids("delete", {"error": "Not found."}, id="7") is None
    assert ids("delete", b"<html>", id="7") is None


@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(orjson.dumps))
@UNHURRIED
def test_no_body_raises(body: bytes) -> None:
    """Whatever answers, reading it ends in a result or in None."""
    for operation in ("create", "update", "delete"):
        codec = AGILED.wire.codec(AGILED, table("tasks"), operation)
        value = msgspec.convert({"id": 1, "title": "T"}, form(table("tasks"), operation))
        codec.ids(body, [value])
        codec.refusals(body)
    AGILED.wire.page(AGILED.wire.listing(AGILED, table("tasks"), filters={}), body)
    AGILED.wire.hit(body)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"error": "Forbidden."}, [(None, "Forbidden.")]),
        ({"errors": "Unauthorized"}, [(None, "Unauthorized")]),
        ({"info": "Rate limit exceeded."}, [(None, "Rate limit exceeded.")]),
        ({"errors": {"name": ["is blank", "is short"]}}, [("name", "is blank"), ("name", "is short")]),
        ({"errors": {"base": ["no"]}}, [(None, "no")]),
        ({"error": "Invalid", "errors": {"task.name": "is blank"}}, [("name", "is blank")]),
        ({"error": {"task[name]": ["is blank"]}}, [("name", "is blank")]),
        ({"errors": ["one", "two"], "message": "more"}, [(None, "one")]),
        ({"data": {"id": 1}}, None),
        ({"error": ""}, None),
        ({"errors": {}}, None),
        ([], None),
    ],
)  # fmt: skip
def test_every_form_of_refusal_is_understood(body: Any, found: Any) -> None:
    """The fields where the answer names them, else its sentence; what is none of the forms is no refusal."""
    said = refusals(orjson.dumps(body))
    assert (None if said is None else [(one.field, one.error) for one in said]) == found


def test_refusals_of_one_kind_have_one_code() -> None:
    """The code of a sentence does not depend on the ids in it, so that a systematic fault shows."""
    texts = ("Couldn't find Task with id 12", "Couldn't find Task with id 4711")
    codes = {one.code for text in texts for one in refusals(orjson.dumps({"error": text})) or []}
    assert codes == {"couldn_t_find_task_with_id"}


# --- listings ---------------------------------------------------------------------------------------------------


def walked(first: Request, answer: Any, wire: Any) -> tuple[list[dict[str, Any]], int]:
    """Return all records of a listing and how many requests it took; `answer` makes a body of a request."""
    items: list[dict[str, Any]] = []
    following: Request | None = first
    requests = 0
    while following is not None:
        assert (following.method, following.lane, following.is_read) == ("GET", Lane.READBACK, True)
        page: Page | None = wire.page(following, orjson.dumps(answer(following)))
        assert page is not None
        items, following, requests = items + page.items, page.following, requests + 1
    return items, requests


@given(total=st.integers(0, 40), size=st.integers(1, 9), counted=st.booleans(), wrapped=st.booleans())
@UNHURRIED
def test_every_record_of_a_listing_is_read_once(total: int, size: int, *, counted: bool, wrapped: bool) -> None:
    """Whether pages are counted or not, wrapped or bare, a walk ends and has each record once, in order."""

    def answer(request: Request) -> Any:
        params = dict(request.params)
        number, most = int(params["page"]), int(params["per_page"])
        records = [{"id": at} for at in range(total)][(number - 1) * most : number * most]
        counts = {"meta": {"last_page": max(1, -(-total // most)), "total": total}} if counted else {}
        return {"data": records, **counts} if wrapped or counted else records

    first = AGILED.wire.listing(AGILED, table("tasks"), filters={}, size=size)
    items, requests = walked(first, answer, AGILED.wire)
    assert [item["id"] for item in items] == [str(at) for at in range(total)]
    assert requests <= total // size + 1


def test_several_values_of_a_filter_are_asked_one_after_the_other() -> None:
    """An API that takes one value for a filter is asked for each; together the answers hold all of them."""
    first = AGILED.wire.listing(AGILED, table("tasks"), filters={"project_id": [5, 6, 7], "status": "open"})

    def answer(request: Request) -> Any:
        params = dict(request.params)
        assert params["status"] == "open"
        return {"data": [{"id": int(params["project_id"]) * 10, "project_id": int(params["project_id"])}]}

    items, requests = walked(first, answer, AGILED.wire)
    assert ([item["project_id"] for item in items], requests) == ([5, 6, 7], 3)


# --- Time Magic -------------------------------------------------------------------------------------------------

TIME_MAGIC = PROVIDERS["timemagic"]
A, B = "11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-555555555556"


def test_a_record_is_created_below_its_owner_and_wrapped() -> None:
    """The path holds the project, the body what else there is, under the singular key."""
    made = request("create", "tasks", TIME_MAGIC, project_id=A, name="T")
    assert (made.method, made.path, made.body) == ("POST", f"/projects/{A}/tasks", b'{"task":{"name":"T"}}')
    changed = request("update", "tasks", TIME_MAGIC, id=B, task_type="permanent")
    assert (changed.method, changed.path) == ("PUT", f"/tasks/{B}")
    assert changed.body == b'{"task":{"task_type":"permanent"}}'
    assert "project_id" not in form(table("tasks", TIME_MAGIC), "update").__struct_fields__


@pytest.mark.parametrize("event", ["start_tracking", "stop_tracking", "start_without_tracking", "finish"])
def test_events_are_named_actions(event: str) -> None:
    """An action is a request on the record that is there: the event in the query, no body."""
    resource = table("tasks", TIME_MAGIC)
    assert event in resource.operations
    asked = request(event, "tasks", TIME_MAGIC, id=B)
    assert (asked.method, asked.path, asked.params, asked.body) == ("PUT", f"/tasks/{B}", (("event", event),), None)
    codec = TIME_MAGIC.wire.codec(TIME_MAGIC, resource, event)
    value = msgspec.convert({"id": B}, form(resource, event))
    assert codec.ids(orjson.dumps({"task": {"id": B, "status": "x"}}), [value]) == [B]
    assert codec.ids(orjson.dumps({"uuid": A}), [value]) is None


def test_what_is_listed_below_an_owner_is_walked_through_all_of_them() -> None:
    """Without a project named, all projects are listed, and their tasks one project after the other."""
    held = {A: ["a1", "a2"], B: [], A[:-1] + "9": ["c1"]}

    def answer(request: Request) -> Any:
        if request.path == "/projects":
            return {"projects": [{"id": project} for project in held]}
        return [{"uuid": task, "name": task} for task in held[request.path.split("/")[2]]]

    items, requests = walked(
        TIME_MAGIC.wire.listing(TIME_MAGIC, table("tasks", TIME_MAGIC), filters={}), answer, TIME_MAGIC.wire
    )
    assert [(item["id"], item["project_id"]) for item in items] == [("a1", A), ("a2", A), ("c1", A[:-1] + "9")]
    assert requests == 4
    some = TIME_MAGIC.wire.listing(TIME_MAGIC, table("tasks", TIME_MAGIC), filters={"project_id": [A, B]})
    items, requests = walked(some, answer, TIME_MAGIC.wire)
    assert ([item["id"] for item in items], requests) == (["a1", "a2"], 2)


@pytest.mark.parametrize("names", [("begin_time", "end_time"), ("started_at", "ended_at")])
def test_times_are_read_under_both_names(names: tuple[str, str]) -> None:
    """The vendor calls the times of an entry two ways; ours are the skill's."""
    resource = table("time_entries", TIME_MAGIC)
    first = TIME_MAGIC.wire.listing(TIME_MAGIC, resource, filters={})
    body = orjson.dumps([{"uuid": A, names[0]: "2026-03-02T09:00:00Z", names[1]: None}])
    page = TIME_MAGIC.wire.page(first, body)
    assert page is not None
    assert page.items == [{"id": A, "begin_time": "2026-03-02T09:00:00Z", "end_time": None}]


def test_an_entry_is_about_something_or_nothing() -> None:
    """Type and id of what was worked on go together, and an entry does not end before it begins."""
    struct = table("time_entries", TIME_MAGIC).struct
    begin = {"begin_time": "2026-03-02T09:00:00Z"}
    with pytest.raises(msgspec.ValidationError, match="resource_type: "):
        msgspec.convert(begin | {"resource_id": A}, struct)
    with pytest.raises(msgspec.ValidationError, match="end_time: "):
        msgspec.convert(begin | {"end_time": "2026-03-02T08:00:00Z"}, struct)
    msgspec.convert(begin | {"resource_id": A, "resource_type": "task"}, struct)
