"""Cost centers: what Bezala calls projects, customers and everything else that costs are booked on."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import NaturalKey, Resource, StoredMarker
from headrace.providers.bezala.vocabulary import DOCS, ExternalId, Name


class CostCenter(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A cost center to create."""

    name: Name
    dimension_name: Annotated[str, Meta(description="name of the dimension that it belongs to")] | UnsetType = UNSET
    assignee_ids: (
        Annotated[list[Annotated[int, Meta(ge=1)]], Meta(description="ids of the users who may book on it")] | UnsetType
    ) = UNSET
    deactivated: Annotated[bool, Meta(description="whether it is out of use")] | UnsetType = UNSET
    send_to_accounting: Annotated[bool, Meta(description="whether accounting is told of it")] | UnsetType = UNSET
    external_id: ExternalId | UnsetType = UNSET


COST_CENTERS = Resource(
    name="cost_centers",
    struct=CostCenter,
    guarantee=StoredMarker("external_id", otherwise=NaturalKey(("name", "dimension_name", "external_id"))),
    doc=f"{DOCS}cost_centers.html",
    lookups={"name": ("name",), "external_id": ("external_id",)},
    page_size=1000,
)
