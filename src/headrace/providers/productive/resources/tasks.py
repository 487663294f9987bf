"""Tasks: units of work in a task list."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.resources.copies import COPY_TASK
from headrace.providers.productive.vocabulary import (
    DOCS,
    CustomFields,
    Day,
    Minutes,
    Name,
    People,
    PersonId,
    ProjectId,
    ServiceId,
    Tags,
    TaskId,
    TaskListId,
    WorkflowStatusId,
)


class Task(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A task to create.

    The vendor's short example names the task list only; recorded traffic (a 422 for empty attributes) asks for title,
    project and task list, and so does the specification.
    """

    title: Annotated[Name, Meta(description="title; not blank")]
    project_id: ProjectId
    task_list_id: TaskListId
    description: Annotated[str, Meta(description="what is to be done; HTML")] | UnsetType = UNSET
    assignee_id: Annotated[PersonId, Meta(description="who is to do it")] | UnsetType = UNSET
    start_date: Annotated[Day, Meta(description="day the work starts")] | UnsetType = UNSET
    due_date: Annotated[Day, Meta(description="day it is due")] | UnsetType = UNSET
    due_time: (
        Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]", description="time of day it is due, as HH:MM")]
        | UnsetType
    ) = UNSET
    initial_estimate: Annotated[Minutes, Meta(description="estimated work, in minutes")] | UnsetType = UNSET
    remaining_time: Annotated[Minutes, Meta(description="work left, in minutes")] | UnsetType = UNSET
    type_id: Annotated[Literal[1, 3], Meta(description="1 task, 3 milestone")] | UnsetType = UNSET
    workflow_status_id: (
        Annotated[WorkflowStatusId, Meta(description="status; by default the workflow's first")] | UnsetType
    ) = UNSET
    parent_task_id: Annotated[TaskId, Meta(description="the task that it is part of")] | UnsetType = UNSET
    service_id: Annotated[ServiceId, Meta(description="the service that its time counts on")] | UnsetType = UNSET
    private: Annotated[bool, Meta(description="whether clients cannot see it")] | UnsetType = UNSET
    tag_list: Tags | UnsetType = UNSET
    subscriber_ids: People | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET


TASKS = Resource(
    name="tasks",
    struct=Task,
    guarantee=NaturalKey(("title", "project_id", "task_list_id", "parent_task_id", "due_date")),
    note="description",
    customizable="tasks",
    doc=f"{DOCS}tasks",
    bulk=Bulk(operations=frozenset({"create", "update", "delete"})),
    filters=frozenset({"title", "project_id", "task_list_id", "created_at"}),
    lookups={"title": ("title",), "task_number": ("task_number",)},
    askable=frozenset({"title", "task_number"}),
    actions=(COPY_TASK,),
)
