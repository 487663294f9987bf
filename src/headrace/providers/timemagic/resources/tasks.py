"""Tasks: work in a project, which can be tracked."""

from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.model import NO_MAPPING
from headrace.provider import Action, Ids, NaturalKey, Resource
from headrace.providers.timemagic.vocabulary import DOCS, Name, ProjectId


class Task(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A task to create, in a project."""

    project_id: Annotated[ProjectId, Meta(description="the project that it belongs to")]
    name: Name
    description: Annotated[str, Meta(description="what is to be done")] | UnsetType = UNSET
    task_type: (
        Annotated[Literal["default", "permanent"], Meta(description="permanent ones are not finished")] | UnsetType
    ) = UNSET


def _event(name: str, description: str, status: str | None = None) -> Action:
    """Return an event of a task, which leaves it in a `status` where the vendor names it."""
    leaves = NO_MAPPING if status is None else MappingProxyType({"status": status})
    return Action(name=name, description=description, method="PUT", params=(("event", name),), leaves=leaves)


TASKS = Resource(
    name="tasks",
    path="/projects/{project_id}/tasks",
    struct=Task,
    guarantee=NaturalKey(("project_id", "name", "description", "task_type")),
    note="description",
    doc=f"{DOCS}/tasks",
    lookups={"name": ("name",)},
    filters=frozenset({"project_id"}),
    create_only=frozenset({"project_id"}),
    ids=Ids.UUID,
    actions=(
        _event("start_tracking", "in progress, with a time entry that runs; at most two at a time", "in_progress"),
        _event("start_without_tracking", "in progress, without a time entry", "in_progress"),
        _event("stop_tracking", "paused; a time entry that runs is closed"),
        _event("finish", "completed; a time entry that runs is closed", "completed"),
    ),
)
