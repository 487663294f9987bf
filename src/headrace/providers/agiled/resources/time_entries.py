"""Time entries: who worked how long on what."""

import datetime as dt
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Resource
from headrace.providers.agiled.vocabulary import DOCS, ProjectId, TaskId, UserId, keyed


class TimeEntry(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A time entry to create. The names of its fields are ours: the vendor publishes none."""

    date: Annotated[dt.date, Meta(description="day of the work")]
    duration_minutes: Annotated[int, Meta(gt=0, le=1440, description="minutes worked")]
    project_id: Annotated[ProjectId, Meta(description="the project that was worked on")] | UnsetType = UNSET
    task_id: Annotated[TaskId, Meta(description="the task that was worked on")] | UnsetType = UNSET
    user_id: Annotated[UserId, Meta(description="id of the user who worked; by default the token's")] | UnsetType = (
        UNSET
    )
    notes: Annotated[str, Meta(description="what was done")] | UnsetType = UNSET


TIME_ENTRIES = Resource(
    name="time_entries",
    path="/time-entries",
    struct=TimeEntry,
    guarantee=keyed("date", "duration_minutes", "project_id", "task_id", "user_id", "notes"),
    note="notes",
    doc=f"{DOCS}productivity-api",
    includes=frozenset({"project", "task", "user"}),
    renamable=frozenset(TimeEntry.__struct_fields__),
)
