"""The actions and reports: the vendor's examples of the projects page and the FAQ, status by status."""

from typing import Any

import pytest
from sandbox_desk import Answer, Desk, entry, link


def patch(desk: Desk, path: str, attributes: Any = None, relationships: Any = None, kind: str = "projects") -> Answer:
    document = {"data": {"type": kind, "attributes": attributes or {}, "relationships": relationships or {}}}
    return desk.call("PATCH", path, document)


def test_archive_and_restore() -> None:
    """Both answer with the project; `archived_at` comes and goes. No body is needed."""
    desk = Desk()
    archived = desk.call("PATCH", "/projects/501/archive")
    assert archived.document["data"]["attributes"]["archived_at"] == "2023-11-14T22:13:20.000+00:00"
    assert desk.call("PATCH", "/projects/501/restore").document["data"]["attributes"]["archived_at"] is None


def test_an_update_does_not_change_the_workflow() -> None:
    """`PATCH` with a workflow answers 200 and changes nothing, in either spelling."""
    desk = Desk()
    assert patch(desk, "/projects/501", {"workflow_id": 729, "name": "new"}).status == 200
    assert patch(desk, "/projects/501", relationships={"workflow": link("workflows", 729)}).status == 200
    data = desk.get("/projects/501", "include=workflow").document["data"]
    assert (data["relationships"]["workflow"], data["attributes"]["name"]) == (link("workflows", 728), "new")


def test_who_is_archived_is_booked_no_more() -> None:
    """Archiving a person deletes the bookings; deactivated people stay booked, and can be activated again."""
    desk = Desk()
    for person in (201, 202):
        days = {"started_on": "2026-01-01", "ended_on": "2026-01-02"}
        assert desk.create("bookings", **days, person_id=person, service_id=901).status == 201
    assert desk.call("PATCH", "/people/201/archive").document["data"]["attributes"]["archived_at"]
    away = desk.call("PATCH", "/people/202/deactivate").document["data"]["attributes"]
    assert (away["status"], away["deactivated_at"]) == (2, "2023-11-14T22:13:20.000+00:00")
    assert desk.get("/bookings").ids == ["2"]
    back = desk.call("PATCH", "/people/202/activate").document["data"]["attributes"]
    assert (back["status"], back["deactivated_at"]) == (1, None)


def test_custom_fields_are_archived_for_good() -> None:
    """Fields and options can be archived; no page restores them."""
    desk = Desk()
    for path in ("/custom_fields/60", "/custom_field_options/1"):
        assert desk.call("PATCH", f"{path}/archive").document["data"]["attributes"]["archived_at"]
        assert desk.call("PATCH", f"{path}/restore").status == 404


MAP = {"2001": 2011, "2002": 2012, "2003": 2014}
BLANK, PARTLY = "can't be blank", "doesn't contain all statuses from current project workflow"
FEW = "must have 2 (including one closed) or more workflow statuses defined"


def test_change_workflow_maps_the_tasks() -> None:
    """The project has the new workflow and its tasks the statuses that the map leads to."""
    desk = Desk()
    answer = patch(desk, "/projects/501/change_workflow", {"map": MAP}, {"workflow": link("workflows", 729)})
    assert (answer.status, answer.document["data"]["id"]) == (200, "501")
    status = desk.get("/tasks/1001", "include=workflow_status").document["data"]["relationships"]["workflow_status"]
    assert status == link("workflow_statuses", 2011)


@pytest.mark.parametrize(
    ("mapping", "workflow", "faults"),
    [
        ({"map": {}}, 730, [("map", BLANK), ("workflow", FEW), ("map", PARTLY)]),
        ({"map": MAP}, 0, [("workflow", "attribute is invalid")]),
        ({}, 729, [("map", BLANK)]),
        ({"map": {"2001": 2011, "2002": 2012}}, 729, [("map", PARTLY)]),
        ({"map": MAP | {"2002": "0"}}, 729, [("map", "contains invalid statuses")]),
    ],
)
def test_change_workflow_as_refused_on_the_vendors_page(mapping: Any, workflow: Any, faults: Any) -> None:
    """The five errors of the vendor's page, in its order and words."""
    desk = Desk()
    desk.call("POST", "/__sandbox/seed", {"workflows": [{"id": 730, "name": "empty"}]})
    answer = patch(desk, "/projects/501/change_workflow", mapping, {"workflow": link("workflows", workflow)})
    assert answer.status == 422
    assert answer.faults == [(f"data/attributes/{field}", detail) for field, detail in faults]


@pytest.mark.parametrize(
    ("attributes", "detail"),
    [
        ({"map": {"701": 2002}}, None),
        ({}, BLANK),
        ({"map": {"0": 2001, "701": 2002}}, "contains invalid task_list_id"),
        ({"map": {"701": "0"}}, "contains invalid statuses"),
    ],
)
def test_map_to_workflow(attributes: Any, detail: Any) -> None:
    """Task lists become statuses, or the vendor's three errors."""
    desk = Desk()
    answer = patch(desk, "/projects/501/map_to_workflow", attributes)
    assert answer.status == (422 if detail else 200)
    if detail:
        assert answer.faults == [("data/attributes/map", detail)]
    else:
        assert desk.get("/tasks", "filter[workflow_status_id]=2002").ids == ["1001"]


def copy(desk: Desk, **attributes: Any) -> Answer:
    return desk.call("POST", "/projects/copy", {"data": {"type": "projects", "attributes": attributes}})


def test_copies_of_projects() -> None:
    """A copy has its own number and, where asked for, copies of folders, lists and tasks that hang together."""
    desk = Desk()
    answer = copy(
        desk, name="Copy", template_id=501, project_type_id=2, copy_boards=True, copy_task_lists=True, copy_tasks=True
    )
    assert (answer.status, answer.document["data"]["attributes"]["number"]) == (201, "4")
    number = answer.document["data"]["id"]
    task = desk.get("/tasks", f"filter[project_id]={number}&include=task_list.folder").document
    assert [each["attributes"]["title"] for each in task["data"]] == ["Planning"]
    included = {each["type"]: each["id"] for each in task["included"]}
    assert included == {"task_lists": "704", "folders": "604"}


def test_a_template_has_no_number() -> None:
    """`copy_as_template` makes a template with a description and no number."""
    answer = copy(Desk(), name="T", template_id=501, project_type_id=2, copy_as_template=True, description="d")
    shown = answer.document["data"]["attributes"]
    assert (shown["template"], shown["number"], shown["description"]) == (True, None, "d")


def test_an_empty_copy_is_refused_as_on_the_vendors_page() -> None:
    """Four errors, two of them for the type."""
    answer = copy(Desk())
    fields = ("name", "template_id", "project_type_id")
    blank = [(f"data/attributes/{field}", BLANK) for field in fields]
    assert answer.faults == [*blank, ("data/attributes/project_type_id", "is not included in the list")]
    assert copy(Desk(), name="x", template_id=9, project_type_id=2).faults == [
        ("data/attributes/template_id", "attribute is invalid")
    ]


def test_only_close_delivers_a_budget() -> None:
    """`PATCH /deals/{id}` leaves `delivered_on` alone, `/close` sets it, `/open` takes it back (FAQ)."""
    desk = Desk()

    def shown(path: str) -> Any:
        return patch(desk, path, {"delivered_on": "2024-03-14"}, kind="deals").document["data"]["attributes"]

    assert shown("/deals/801")["delivered_on"] is None
    assert shown("/deals/801/close")["delivered_on"] == "2024-03-14"
    assert shown("/deals/801/open")["delivered_on"] is None
    today = desk.call("PATCH", "/deals/802/close").document["data"]["attributes"]["delivered_on"]
    assert today == "2023-11-14"


def test_a_finalized_invoice_has_a_number() -> None:
    """A draft has none unless it was given one; lines have the currency of their invoice."""
    desk = Desk()
    own = {"company_id": 102, "currency": "USD", "invoiced_on": "2026-02-28"}
    drafted = desk.create("invoices", **own, number="2025-17").document["data"]["id"]
    assert desk.get("/invoices/71").document["data"]["attributes"]["number"] is None
    for number, expected in (("71", "1"), (drafted, "2025-17")):
        shown = desk.call("PATCH", f"/invoices/{number}/finalize").document["data"]["attributes"]
        assert (shown["number"], shown["finalized_on"]) == (expected, "2023-11-14")
    line = {"description": "D", "quantity": "3.0", "unit_id": 2, "unit_price": "5000.0", "tax_rate_id": 41}
    made = desk.create("line_items", **line, invoice_id=int(drafted)).document["data"]["attributes"]
    assert made["currency"] == "USD"


def test_time_reports_add_up() -> None:
    """Totals by person, project and date are the sums over the entries; a missing or unknown group is 400."""
    desk = Desk()
    desk.bulk("POST", "/time_entries", [entry(time=60), entry(time=30, billable_time=0), entry(time=5)])
    desk.create("time_entries", date="2026-01-01", time=7, person_id=202, service_id=903)

    def totals(query: str) -> dict[str, int]:
        data = desk.get("/reports/time_reports", query).document["data"]
        return {each["id"]: each["attributes"]["total_worked_time"] for each in data}

    assert totals("group=person") == {"person-201": 95, "person-202": 7}
    assert totals("group=project") == {"project-501": 95, "project-502": 7}
    assert totals("group=date&filter[person_id]=202") == {"date-2026-01-01": 7}
    assert desk.get("/reports/time_reports").document["errors"][0]["title"] == "Unsupported Group"
    assert desk.get("/reports/invoice_reports", "group=person").document["data"] == []
