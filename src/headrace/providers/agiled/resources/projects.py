"""Projects: what tasks and time entries belong to."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Resource
from headrace.providers.agiled.vocabulary import DOCS, UserId, keyed


class Project(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A project to create. The names of its fields are ours: the vendor publishes none."""

    name: Annotated[str, Meta(min_length=1, description="name; not blank")]
    status: Annotated[str, Meta(description="status, as the workspace calls it")] | UnsetType = UNSET
    account_id: Annotated[int, Meta(ge=1, description="id of the customer's account")] | UnsetType = UNSET
    owner_id: Annotated[UserId, Meta(description="id of the user who owns it")] | UnsetType = UNSET


PROJECTS = Resource(
    name="projects",
    struct=Project,
    guarantee=keyed("name", "account_id"),
    doc=f"{DOCS}productivity-api",
    includes=frozenset({"owner", "members"}),
    lookups={"name": ("name",)},
    askable=frozenset({"name"}),
    filters=frozenset({"name", "status"}),
    renamable=frozenset(Project.__struct_fields__),
)
