"""Strictness: what a client gets wrong is refused, with the error a real server would give."""

from typing import Any

import pytest
from sandbox_desk import BULK, Answer, Desk, entry, link

LATE = {"started_on": "2026-01-02", "ended_on": "2026-01-01"}

REQUIRED = {
    "companies": ["name"],
    "people": ["company", "role_id"],
    "projects": ["name", "project_type_id", "company", "project_manager"],
    "folders": ["name", "project"],
    "task_lists": ["name", "project", "folder"],
    "tasks": ["title", "project", "task_list"],
    "todos": ["description", "task"],
    "deals": ["name", "responsible", "deal_type_id", "date"],
    "services": ["name", "deal", "limitation_type"],
    "time_entries": ["service", "person", "date", "time"],
    "bookings": ["person", "started_on", "ended_on", "service"],
    "expenses": ["name", "currency", "date"],
    "comments": ["body", "task"],
    "attachments": ["name"],
    "pages": ["title"],
    "custom_fields": ["name", "data_type_id", "customizable_type"],
    "custom_field_options": ["name", "custom_field"],
    "timesheets": ["date", "person"],
    "invoices": ["company", "currency", "invoiced_on"],
    "line_items": ["invoice", "unit_id", "unit_price", "quantity", "description"],
    "service_assignments": ["service", "person"],
    "service_type_assignments": ["service_type", "person"],
    "memberships": ["type_id", "access_type_id", "project"],
}


@pytest.mark.parametrize("kind", REQUIRED)
def test_each_missing_required_field_is_named(kind: str) -> None:
    """An empty record is refused with one error for each required field, and nothing is stored."""
    desk = Desk()
    before = desk.count(kind)
    attributes = {"workflow_id": 728} if kind == "projects" else {}
    answer = desk.create(kind, **attributes)
    assert answer.status == 422
    assert answer.faults == [(f"data/attributes/{field}", "can't be blank") for field in REQUIRED[kind]]
    assert desk.count(kind) == before


@pytest.mark.parametrize(
    ("attributes", "field", "detail"),
    [
        ({"time": 0}, "time", "must be greater than 0"),
        ({"time": -5}, "time", "must be greater than 0"),
        ({"time": "60"}, "time", "is not a number"),
        ({"time": True}, "time", "is not a number"),
        ({"time": 1.5}, "time", "must be an integer"),
        ({"time": None}, "time", "can't be blank"),
        ({"date": "28.08.2024"}, "date", "is invalid"),
        ({"date": "2024-02-30"}, "date", "is invalid"),
        ({"date": "2024-08-28T10:00:00"}, "date", "is invalid"),
        ({"date": " "}, "date", "can't be blank"),
        ({"note": 7}, "note", "is invalid"),
        ({"started_at": "yesterday"}, "started_at", "is invalid"),
    ],
)
def test_wrong_values_of_a_time_entry(attributes: Any, field: str, detail: Any) -> None:
    """A value of the wrong type or range is refused under its field."""
    answer = Desk().call("POST", "/time_entries", {"data": entry(**attributes)})
    assert (answer.status, answer.faults) == (422, [(f"data/attributes/{field}", detail)])


@pytest.mark.parametrize(
    ("kind", "attributes", "field", "detail"),
    [
        ("projects", {"name": "x", "project_type_id": 3}, "project_type_id", "is not included in the list"),
        ("deals", {"deal_type_id": 2, "budget": "yes"}, "budget", "is not included in the list"),
        ("people", {"email": "nobody"}, "email", "is invalid"),
        ("companies", {"name": "x", "tag_list": ["a", 1]}, "tag_list", "is invalid"),
        ("services", {"price": "ten"}, "price", "is not a number"),
        ("custom_fields", {"customizable_type": "time_entries"}, "customizable_type", "is not included in the list"),
        ("bookings", LATE, "ended_on", "must be after or equal to started_on"),
        ("bookings", {"booking_method_id": 2}, "percentage", "can't be blank"),
    ],
)
def test_wrong_values_elsewhere(kind: str, attributes: Any, field: str, detail: Any) -> None:
    """Enums, booleans, lists, decimals and rules over several fields are checked."""
    answer = Desk().create(kind, workflow_id=728, **attributes)
    assert (f"data/attributes/{field}", detail) in answer.faults


def test_unknown_references_are_reported_alone() -> None:
    """References are resolved first: each that leads nowhere is "attribute is invalid", and nothing else is said."""
    answer = Desk().create("time_entries", date="nonsense", person_id=999, service_id=998)
    assert answer.status == 422
    invalid = "attribute is invalid"
    assert answer.faults == [("data/attributes/person", invalid), ("data/attributes/service", invalid)]


def test_a_project_without_a_workflow_as_on_the_vendors_page() -> None:
    """A blank project complains about the workflow only, as invalid."""
    answer = Desk().create("projects", name="")
    assert answer.faults == [("data/attributes/workflow", "attribute is invalid")]


def test_an_id_that_is_no_number_is_access_denied() -> None:
    """The vendor answers 403 to a reference it cannot parse, in either spelling and in bulk."""
    desk = Desk()
    assert desk.create("time_entries", date="2026-01-01", time=1, person_id="x7", service_id=901).status == 403
    bad = entry() | {"relationships": {"person": link("people", "abc")}}
    assert desk.bulk("POST", "/time_entries", [entry(), bad]).status == 403
    assert desk.count("time_entries") == 0


def test_a_reference_to_another_type_is_invalid() -> None:
    """`person` must point to `people`, not to `person` or to teams."""
    bad = entry() | {"relationships": {"person": link("person", 201), "service": link("services", 901)}}
    answer = Desk().call("POST", "/time_entries", {"data": bad})
    assert answer.faults == [("data/attributes/person", "attribute is invalid")]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"X_Auth_Token": "t0ke"}, 401),
        ({"X_Auth_Token": ""}, 401),
        ({"X_Organization_Id": ""}, 401),
        ({"X_Organization_Id": "acme"}, 401),
        ({"X_Organization_Id": "1"}, 403),
    ],
)
def test_credentials(change: dict[str, str], status: int) -> None:
    """A wrong token or malformed organization is 401, someone else's organization 403; neither counts in a limit."""
    desk = Desk(window="sliding")
    assert desk.get("/people", **change).status == status
    assert set(desk.audit()["worst"].values()) == {0}


@pytest.mark.parametrize(
    ("method", "path", "media_type", "data", "status"),
    [
        ("POST", "/tasks", "application/json", {}, 415),
        ("POST", "/tasks", "", {}, 415),
        ("PATCH", "/tasks/1001", "application/vnd.api+json; version=2", {}, 415),
        ("POST", "/tasks", "application/vnd.api+json; ext=patch", {}, 415),
        ("DELETE", "/tasks/1001", "", None, 415),
        ("PATCH", "/projects/501/archive", "", None, 415),
        ("POST", "/tasks", "application/vnd.api+json", [], 415),
        ("PATCH", "/tasks", "application/vnd.api+json", [{}], 415),
        ("POST", "/deals", BULK, [{"type": "deals"}], 415),
        ("POST", "/expenses", BULK, [{"type": "expenses"}], 415),
        ("POST", "/projects", BULK, [{"type": "projects"}], 415),
        ("POST", "/task_lists", BULK, [{"type": "task_lists"}], 415),
        ("DELETE", "/companies", BULK, [{"type": "companies", "id": 101}], 415),
        ("POST", "/tasks", BULK, {"type": "tasks"}, 400),
        ("PATCH", "/tasks/1001", BULK, {"type": "tasks"}, 400),
        ("POST", "/tasks", BULK, [], 400),
        ("POST", "/tasks", "application/vnd.api+json", "x", 400),
        ("POST", "/tasks", "application/vnd.api+json", {"attributes": {}}, 400),
        ("POST", "/tasks", "application/vnd.api+json", {"type": "task"}, 409),
        ("PATCH", "/tasks/1001", "application/vnd.api+json", {"type": "tasks", "id": "1002"}, 409),
        ("POST", "/tasks", "application/vnd.api+json; charset=utf-8", {"type": "tasks"}, 422),
    ],
)
def test_media_types_and_documents(method: str, path: str, media_type: str, data: Any, status: int) -> None:
    """Media types and documents are as the vendor and JSON:API want them, or refused."""
    document = None if data is None else {"data": data}
    assert Desk().call(method, path, document, Content_Type=media_type).status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nonsense"),
        ("GET", "/tasks/7777"),
        ("PATCH", "/tasks/7777"),
        ("DELETE", "/tasks/7777"),
        ("GET", "/tasks/abc"),
        ("PATCH", "/projects/7777/archive"),
        ("PATCH", "/tasks/1001/archive"),
        ("GET", "/reports/nonsense"),
        ("PUT", "/tasks/1001"),
        ("GET", ""),
    ],
)
def test_what_is_not_there_is_404(method: str, path: str) -> None:
    """Unknown ids, routes, actions and methods are 404."""
    document = {"data": {"type": "tasks", "attributes": {}}} if method == "PATCH" else None
    assert Desk().call(method, path, document).status == 404


def test_a_path_outside_the_api_is_404_without_credentials() -> None:
    """A wrong base URL is recognisable."""
    reply = Desk().sandbox.handle("GET", "/v2/people", now=0.0)
    assert reply.status == 404


def test_unknown_attributes_are_ignored_and_noted() -> None:
    """Like Rails, the API ignores what it does not know; the audit lists it."""
    desk = Desk()
    assert desk.create("companies", name="x", external_id="7").status == 201
    entry_with_field = entry(custom_fields={"51": "x"})
    assert desk.call("POST", "/time_entries", {"data": entry_with_field}).status == 201
    assert desk.audit()["unknown_attributes"] == {"companies.external_id": 1, "time_entries.custom_fields": 1}


def test_custom_fields_must_exist_and_fit() -> None:
    """A key is the id of a custom field for that type, a value fits its data type."""
    desk = Desk()
    for values, status in (
        ({"53": "K-1", "60": "1"}, 201),
        ({"53": None}, 201),
        ({"51": "for tasks"}, 422),
        ({"53": 7}, 422),
        ({"60": "99"}, 422),
        ({"x": "y"}, 422),
        ("text", 422),
    ):
        assert desk.create("companies", name="x", custom_fields=values).status == status, values


def test_deals_and_their_companies() -> None:
    """Client deals are for other companies, internal ones for the own, which the server fills in."""
    desk = Desk()
    fields = {"name": "x", "responsible_id": 201, "date": "2026-01-01"}
    internal = [("data/attributes/company", "can not be internal company")]
    assert desk.create("deals", **fields, deal_type_id=1, company_id=102).faults == internal
    assert desk.create("deals", **fields, deal_type_id=2, company_id=101).faults == internal
    assert desk.create("deals", **fields, deal_type_id=2).faults == [("data/attributes/company", "can't be blank")]
    assert desk.create("deals", **fields, deal_type_id=2, company_id=102).status == 201
    created = desk.create("deals", **fields, deal_type_id=1).document["data"]["id"]
    shown = desk.get(f"/deals/{created}", "include=company").document["data"]
    assert shown["relationships"]["company"] == link("companies", 101)


def test_exactly_one_target() -> None:
    """A to-do has a task or a deal, a comment one target, a booking a service or an event; never two."""
    desk = Desk()
    both = desk.create("todos", description="x", task_id=1001, deal_id=801)
    assert both.faults == [("data/attributes/deal", "must be blank")]
    assert desk.create("todos", description="x", deal_id=801).status == 201
    assert desk.create("comments", body="x", task_id=1001, company_id=102).status == 422
    booking = {"person_id": 201, "started_on": "2026-01-01", "ended_on": "2026-01-02"}
    assert desk.create("bookings", **booking, event_id=31, booking_method_id=1, time=480).status == 201


def test_a_membership_names_who_and_where() -> None:
    """Its type says whether a person, a group or a team is named; level and group fit the target, as the page says."""
    desk = Desk()
    member = {"type_id": 1, "access_type_id": 5, "person_id": 201, "project_id": 501}
    shown = desk.create("memberships", **member).document["data"]["attributes"]
    assert shown == {
        "type_id": 1,
        "access_type_id": 5,
        "dynamic_group_id": None,
        "options": None,
        "target_type": "project",
    }
    page = desk.create("pages", title="P").document["data"]["id"]
    blank, listed = "can't be blank", "is not included in the list"
    for change, field, detail in (
        ({"type_id": 2}, "dynamic_group_id", blank),
        ({"type_id": 3}, "team", blank),
        ({"deal_id": 801}, "deal", "must be blank"),
        ({"access_type_id": 1}, "access_type_id", listed),
        ({"type_id": 2, "dynamic_group_id": 6}, "dynamic_group_id", listed),
        ({"project_id": None, "page_id": page, "access_type_id": 5}, "access_type_id", listed),
        ({"project_id": None, "page_id": page, "access_type_id": 3, "dynamic_group_id": 6}, "dynamic_group_id", listed),
    ):
        assert desk.create("memberships", **member | change).faults == [(f"data/attributes/{field}", detail)]
    assert desk.create("memberships", type_id=3, access_type_id=3, team_id=35, page_id=page).status == 201
    assert desk.get("/memberships", "filter[person_id]=201&filter[project_id]=501").ids == ["1"]


def test_the_older_names_of_folders() -> None:
    """`boards` is another path for folders, `board` another name for a task list's folder."""
    desk = Desk()
    created = desk.call("POST", "/boards", {"data": {"type": "boards", "attributes": {"name": "x", "project_id": 501}}})
    number = created.document["data"]["id"]
    assert (created.status, desk.get(f"/folders/{number}").status) == (201, 200)
    assert desk.create("task_lists", name="x", project_id=501, board_id=number).status == 201
    pointed = {"project": link("projects", 501), "board": link("boards", number)}
    document = {"data": {"type": "task_lists", "attributes": {"name": "y"}, "relationships": pointed}}
    assert desk.call("POST", "/task_lists", document).status == 201
    assert desk.get("/task_lists", f"filter[folder_id]={number}").document["meta"]["total_count"] == 2


def test_an_update_changes_only_what_it_names() -> None:
    """`PATCH` keeps the rest, checks what it gets, and cannot take a required field away."""
    desk = Desk()
    number = desk.call("POST", "/time_entries", {"data": entry("old")}).document["data"]["id"]
    desk.now += 5

    def patch(**attributes: Any) -> Answer:
        return desk.call(
            "PATCH", f"/time_entries/{number}", {"data": {"type": "time_entries", "attributes": attributes}}
        )

    changed = patch(note="new").document["data"]["attributes"]
    assert (changed["note"], changed["time"]) == ("new", 120)
    assert changed["updated_at"] > changed["created_at"]
    assert patch(time=0).status == patch(person_id=None).status == patch(service_id=7777).status == 422
    assert patch(note=None).document["data"]["attributes"]["note"] is None
