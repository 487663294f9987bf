"""Settings: what administrators set up once. An import looks these up by name and never writes them."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import NoGuarantee, Resource
from headrace.providers.productive.vocabulary import DOCS, Name, PipelineId, WorkflowId


class Named(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What has no field of interest but its name."""

    name: Name


class WorkflowStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A status that tasks of a workflow may have."""

    name: Name
    workflow_id: WorkflowId
    category_id: Annotated[Literal[1, 2, 3], Meta(description="1 not started, 2 started, 3 closed")]


class Pipeline(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An ordered set of the stages that deals go through."""

    name: Name
    pipeline_type_id: Annotated[Literal[1, 2], Meta(description="1 sales, 2 production")] | UnsetType = UNSET


class DealStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A stage of a pipeline."""

    name: Name
    pipeline_id: PipelineId | UnsetType = UNSET


def _setting(name: str, group: str, struct: type[Struct] = Named) -> Resource:
    """Return a resource that is only read and looked up by its name."""
    return Resource(
        name=name,
        struct=struct,
        guarantee=NoGuarantee(),
        doc=f"{DOCS}{group}",
        writes=frozenset(),
        lookups={"name": ("name",)},
    )


SETTINGS: Final = (
    _setting("workflows", "workflows"),
    _setting("workflow_statuses", "workflow-statuses", WorkflowStatus),
    _setting("service_types", "service-types"),
    _setting("pipelines", "pipelines", Pipeline),
    _setting("deal_statuses", "deal-statuses", DealStatus),
    _setting("subsidiaries", "subsidiaries"),
    _setting("tax_rates", "taxrates"),
    _setting("events", "events"),
    _setting("teams", "teams"),
    _setting("roles", "permission-sets"),
    _setting("organizations", "organizations"),
)
