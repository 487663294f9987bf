"""Projects: where work is planned and done."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
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


PROJECTS = Resource(
    name="projects",
    struct=Project,
    guarantee=NaturalKey(("name", "company_id", "project_manager_id", "project_type_id")),
    customizable="projects",
    doc=f"{DOCS}projects",
    bulk=Bulk(operations=frozenset({"update"})),
    lookups={"name": ("name",), "project_number": ("project_number",)},
    # PATCH /projects/{id} with a workflow answers 200 and changes nothing: that is what `change_workflow` is for.
    create_only=frozenset({"workflow_id"}),
)
