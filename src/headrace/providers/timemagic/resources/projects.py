"""Projects: what tasks belong to."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Ids, NaturalKey, Resource
from headrace.providers.timemagic.vocabulary import DOCS, Name


class Project(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A project to create."""

    name: Name
    description: Annotated[str, Meta(description="what it is about")] | UnsetType = UNSET
    project_type: (
        Annotated[
            Literal["tech_startup", "creator", "salary", "other", "outsource"],
            Meta(description="kind of project; by default other"),
        ]
        | UnsetType
    ) = UNSET
    rate_cents: Annotated[int, Meta(ge=0, description="cents per hour")] | UnsetType = UNSET
    rate_currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code")] | UnsetType = UNSET


PROJECTS = Resource(
    name="projects",
    struct=Project,
    # Names are not unique, and there is no idempotency: a list of all projects is all there is to look into.
    guarantee=NaturalKey(("name", "description", "project_type", "rate_cents", "rate_currency")),
    note="description",
    doc=f"{DOCS}/projects",
    lookups={"name": ("name",)},
    ids=Ids.UUID,
)
