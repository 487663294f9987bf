"""The resources of Agiled as the sandbox plays them, and the fixture.

users 11 Ada Lovelace, 12 Grace Hopper, 13 Alan Turing · accounts 21 Acme, 22 Globex · projects 501 Acme website,
502 Globex app · tasks 1001 Kick-off (501), 1002 Prototype (502)
"""

from collections.abc import Mapping
from typing import Any, Final

from headrace.sandbox.jsonapi.checks import DATE, TEXT, integer
from headrace.sandbox.plain.kind import Kind
from headrace.sandbox.store import Record


def _text_is(name: str) -> Any:
    return lambda record, text: str(record.attributes.get(name) or "") == text


def _link_is(name: str) -> Any:
    def test(record: Record, text: str) -> bool:
        return record.links.get(name) == int(text)

    return test


PROJECTS: Final = Kind(
    type="projects",
    root="project",
    attributes={"name": TEXT, "status": TEXT},
    links={"account_id": "accounts", "owner_id": "users"},
    required=("name",),
    defaults={"status": "active"},
    filters={"name": _text_is("name"), "status": _text_is("status")},
)
TASKS: Final = Kind(
    type="tasks",
    root="task",
    attributes={"title": TEXT, "status": TEXT, "due_date": DATE},
    links={"project_id": "projects", "assigned_user_id": "users"},
    required=("title",),
    defaults={"status": "open"},
    filters={"title": _text_is("title"), "status": _text_is("status"), "project_id": _link_is("project_id")},
)
TIME_ENTRIES: Final = Kind(
    type="time-entries",
    root="time_entry",
    attributes={"date": DATE, "duration_minutes": integer(above=0), "notes": TEXT},
    links={"project_id": "projects", "task_id": "tasks", "user_id": "users"},
    required=("date", "duration_minutes"),
)
KINDS: Final[Mapping[str, Kind]] = {kind.type: kind for kind in (PROJECTS, TASKS, TIME_ENTRIES)}


def furnish() -> dict[str, list[dict[str, Any]]]:
    """Return the fixture: records by type."""
    return {
        "users": [
            {"id": 11, "name": "Ada Lovelace"},
            {"id": 12, "name": "Grace Hopper"},
            {"id": 13, "name": "Alan Turing"},
        ],
        "accounts": [{"id": 21, "name": "Acme Corporation"}, {"id": 22, "name": "Globex"}],
        "projects": [
            {"id": 501, "name": "Acme website", "account_id": 21, "owner_id": 11},
            {"id": 502, "name": "Globex app", "account_id": 22, "owner_id": 12},
        ],
        "tasks": [
            {"id": 1001, "title": "Kick-off", "project_id": 501, "assigned_user_id": 11},
            {"id": 1002, "title": "Prototype", "project_id": 502, "assigned_user_id": 12},
        ],
    }
