"""The resources of Time Magic as the sandbox plays them, and the fixture.

projects 1 Acme website, 2 Globex app · tasks 1 Kick-off (1), 2 Prototype (2)
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from headrace.sandbox.jsonapi.checks import COUNT, TEXT, TIME, word
from headrace.sandbox.plain.kind import Draft, Fault, Kind


def _in_order(draft: Draft) -> Iterator[Fault]:
    begin, end = draft.value("begin_time"), draft.value("end_time")
    if begin and end:
        times = [datetime.fromisoformat(text) for text in (begin, end)]
        if len({time.tzinfo is None for time in times}) == 1 and times[1] < times[0]:
            yield Fault("end_time", "must be after begin_time")


PROJECTS: Final = Kind(
    type="projects",
    root="project",
    attributes={
        "name": TEXT,
        "description": TEXT,
        "project_type": word("tech_startup", "creator", "salary", "other", "outsource"),
        "rate_cents": COUNT,
        "rate_currency": TEXT,
    },
    required=("name",),
    defaults={"project_type": "other"},
    owns=(("tasks", "project_id"),),
)
TASKS: Final = Kind(
    type="tasks",
    root="task",
    attributes={"name": TEXT, "description": TEXT, "task_type": word("default", "permanent")},
    links={"project_id": "projects"},
    required=("name",),
    defaults={"task_type": "default"},
    fixed=frozenset({"project_id"}),
    under="project_id",
    owns=(("time_entries", "resource_id"),),
)
TIME_ENTRIES: Final = Kind(
    type="time_entries",
    root="time_entry",
    attributes={"begin_time": TIME, "end_time": TIME, "comment": TEXT, "resource_type": word("task", "activity")},
    links={"resource_id": "tasks"},
    required=("begin_time",),
    aliases={"started_at": "begin_time", "ended_at": "end_time"},
    fixed=frozenset({"resource_type", "resource_id"}),
    dropped=frozenset({"resource_id"}),
    rules=(_in_order,),
)
KINDS: Final[Mapping[str, Kind]] = {kind.type: kind for kind in (PROJECTS, TASKS, TIME_ENTRIES)}

FIXTURE: Final[Mapping[str, list[dict[str, Any]]]] = {
    "projects": [{"id": 1, "name": "Acme website"}, {"id": 2, "name": "Globex app"}],
    "tasks": [
        {"id": 1, "name": "Kick-off", "project_id": 1},
        {"id": 2, "name": "Prototype", "project_id": 2},
    ],
}
