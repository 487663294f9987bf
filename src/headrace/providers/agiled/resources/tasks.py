"""Tasks: work to be done, in a project or not."""

import datetime as dt
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Resource
from headrace.providers.agiled.vocabulary import DOCS, ProjectId, UserId, keyed


class Task(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A task to create. The names of its fields are ours: the vendor publishes none."""

    title: Annotated[str, Meta(min_length=1, description="title; not blank")]
    project_id: Annotated[ProjectId, Meta(description="the project that it belongs to")] | UnsetType = UNSET
    status: Annotated[str, Meta(description="status, as the workspace calls it")] | UnsetType = UNSET
    due_date: Annotated[dt.date, Meta(description="day by which it is to be done")] | UnsetType = UNSET
    assigned_user_id: Annotated[UserId, Meta(description="id of the user who is to do it")] | UnsetType = UNSET


TASKS = Resource(
    name="tasks",
    struct=Task,
    guarantee=keyed("title", "project_id", "due_date", "assigned_user_id"),
    doc=f"{DOCS}productivity-api",
    includes=frozenset({"project", "assigned_user", "assignees"}),
    lookups={"title": ("title",)},
    askable=frozenset({"title"}),
    filters=frozenset({"title", "status", "project_id"}),
    renamable=frozenset(Task.__struct_fields__),
)
