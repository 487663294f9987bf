"""Copies: what a request must say, and what of the original is copied with it, as the vendor's pages have it."""

from typing import Any

import pytest
from sandbox_desk import BULK, Answer, Desk

BLANK = "can't be blank"


def copy(desk: Desk, kind: str, template: int, **attributes: Any) -> Answer:
    document = {"data": {"type": kind, "attributes": {"template_id": template, **attributes}}}
    return desk.call("POST", f"/{kind}/copy", document)


def titles(desk: Desk, query: str) -> list[str]:
    return [each["attributes"]["title"] for each in desk.get("/tasks", query).document["data"]]


@pytest.fixture
def desk() -> Desk:
    """Make a desk whose task list 701 has an open task, Planning, and a closed one, Done."""
    made = Desk()
    made.create("tasks", title="Done", project_id=501, task_list_id=701, workflow_status_id=2003)
    return made


@pytest.mark.parametrize(
    ("flags", "copied"),
    [
        ({}, []),
        ({"copy_open_tasks": True}, ["Planning"]),
        ({"copy_closed_tasks": True, "copy_tags": True}, ["Done"]),
        ({"copy_open_tasks": True, "copy_closed_tasks": True}, ["Planning", "Done"]),
    ],
)
def test_a_task_list_is_copied_with_the_tasks_that_are_asked_for(
    desk: Desk, flags: dict[str, bool], copied: list[str]
) -> None:
    """It and its tasks are in the project and folder of the request, whether they were open or closed."""
    made = copy(desk, "task_lists", 701, name="Sprint 5", project_id=502, folder_id=602, **flags)
    assert made.status == 201
    number = made.document["data"]["id"]
    assert titles(desk, f"filter[task_list_id]={number}&filter[project_id]=502") == copied


def test_a_folder_is_copied_with_its_task_lists(desk: Desk) -> None:
    """Task lists and tasks follow where they are asked for; `boards` is the older name of the path and the type."""
    flags = {"copy_task_lists": True, "copy_open_tasks": True}
    number = copy(desk, "folders", 601, name="F", project_id=503, **flags).document["data"]["id"]
    lists = desk.get("/task_lists", f"filter[folder_id]={number}&filter[project_id]=503").ids
    assert titles(desk, f"filter[task_list_id]={lists[0]}") == ["Planning"]
    assert copy(desk, "boards", 601, name="F", project_id=503).status == 201


@pytest.mark.parametrize(
    ("kind", "flags", "field", "detail"),
    [
        ("task_lists", {"copy_estimate": True}, "copy_estimate", "tasks_required"),
        ("folders", {"copy_open_tasks": True}, "copy_open_tasks", "task_lists_required"),
        ("folders", {"copy_task_lists": True, "copy_assignees": True}, "copy_assignees", "tasks_required"),
        ("folders", {"copy_task_lists": "yes"}, "copy_task_lists", "is not included in the list"),
        ("folders", {"template_id": 9}, "template_id", "attribute is invalid"),
    ],
)
def test_flags_without_what_they_presume_are_refused(
    desk: Desk, kind: str, flags: dict[str, Any], field: str, detail: str
) -> None:
    """Details need tasks, and in a folder tasks need task lists: 422, as the pages say; nothing is stored."""
    before = desk.count(kind)
    own = {"name": "C", "project_id": 502, **({"folder_id": 602} if kind == "task_lists" else {})}
    answer = copy(desk, kind, **({"template": 601 if kind == "folders" else 701} | own | flags))
    assert (answer.status, answer.faults) == (422, [(f"data/attributes/{field}", detail)])
    assert desk.count(kind) == before


def test_a_task_is_copied_under_its_own_number(desk: Desk) -> None:
    """It is where the request says, with what the original had; the request must say title, place and status."""
    missing = copy(desk, "tasks", 1001)
    names = ("title", "project", "task_list", "workflow_status")
    assert missing.faults == [(f"data/attributes/{name}", BLANK) for name in names]
    place = {"project_id": 502, "task_list_id": 702, "workflow_status_id": 2002}
    shown = copy(desk, "tasks", 1001, title="C", **place).document["data"]["attributes"]
    assert (shown["title"], shown["task_number"], shown["type_id"]) == ("C", "5", 1)


def test_a_deal_is_copied_as_a_list_of_one_or_singly(desk: Desk) -> None:
    """The copy has a number of its own, and was not delivered; two in one document are refused."""
    desk.call("PATCH", "/deals/801/close")
    deal = {"type": "deals", "attributes": {"name": "Again", "template_id": 801, "project_id": 502}}
    for sent, numbered in ((desk.bulk("POST", "/deals/copy", [deal]), "4"), (copy(desk, "deals", 801, name="C"), "5")):
        shown = sent.document["data"]["attributes"]
        assert (sent.status, shown["number"], shown["delivered_on"], shown["budget"]) == (201, numbered, None, True)
    assert desk.bulk("POST", "/deals/copy", [deal, deal]).status == 400
    folder = {"data": [{"type": "folders", "attributes": {"template_id": 601}}]}
    assert desk.call("POST", "/folders/copy", folder, Content_Type=BULK).status == 400


def test_flags_that_the_api_does_not_know_are_noted(desk: Desk) -> None:
    """They are ignored, as Rails does, and listed in the audit."""
    assert copy(desk, "folders", 601, name="F", project_id=503, copy_everything=True).status == 201
    assert desk.audit()["unknown_attributes"] == {"folders.copy_everything": 1}
