"""Projects: where work is planned and done."""

from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Action, Bulk, NaturalKey, Resource
from headrace.providers.productive.resources.copies import COPY_PROJECT
from headrace.providers.productive.resources.lifecycle import ARCHIVE, RESTORE
from headrace.providers.productive.vocabulary import DOCS, CompanyId, CustomFields, Name, PersonId, WorkflowId


class Project(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A project to create.

    The specification requires name, manager and type; the project page requires company and workflow as well, and
    shows the 422 "attribute is invalid" that a missing workflow gets. So all five are required here.
    """

    name: Name
    project_type_id: Annotated[Literal[1, 2], Meta(description="1 internal, 2 client")]
    project_manager_id: Annotated[PersonId, Meta(description="the project manager")]
    company_id: Annotated[CompanyId, Meta(description="the client, or the internal company")]
    workflow_id: Annotated[WorkflowId, Meta(description="the workflow that its tasks go through")]
    project_color_id: Annotated[int, Meta(ge=1, description="number of its colour")] | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET


StatusMap: TypeAlias = Annotated[
    dict[str, int | str], Meta(description="what leads to which status: id of a status, or of a task list, to a status")
]


class NewWorkflow(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Another workflow for a project, and what becomes of the statuses of its tasks: all of the old one's."""

    workflow_id: Annotated[WorkflowId, Meta(description="the new workflow; two statuses or more, one of them closed")]
    map: StatusMap


class MappedTasks(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Which status of the project's workflow the tasks of each task list get."""

    map: StatusMap


PROJECTS = Resource(
    name="projects",
    struct=Project,
    guarantee=NaturalKey(("name", "company_id", "project_manager_id", "project_type_id")),
    customizable="projects",
    filters=frozenset({"created_at"}),
    doc=f"{DOCS}projects",
    bulk=Bulk(operations=frozenset({"update"})),
    lookups={"name": ("name",), "project_number": ("project_number",)},
    askable=frozenset({"name", "project_number"}),
    # PATCH /projects/{id} with a workflow answers 200 and changes nothing: that is what `change_workflow` is for.
    create_only=frozenset({"workflow_id"}),
    instead=MappingProxyType({"workflow_id": "change_workflow"}),
    # The projects page of 19 April 2024, and for copies its newer edition.
    actions=(
        ARCHIVE,
        RESTORE,
        COPY_PROJECT,
        # Not repeatable: done once, the map does not hold the statuses of the project's workflow any more.
        Action(
            name="change_workflow",
            description="given another workflow, its tasks other statuses",
            tail="/change_workflow",
            struct=NewWorkflow,
        ),
        Action(
            name="map_to_workflow",
            description="left as it is, its tasks given the statuses that their lists stand for",
            tail="/map_to_workflow",
            struct=MappedTasks,
            is_repeatable=True,
        ),
    ),
)
