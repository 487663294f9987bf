"""Organizations: whose account it is. Only ever read."""

from typing import Annotated

from msgspec import Meta, Struct

from headrace.provider import NoGuarantee, Resource
from headrace.providers.productive.vocabulary import DOCS


class Organization(Struct, frozen=True, kw_only=True, gc=False):
    """An organization that the token can see."""

    name: Annotated[str, Meta(description="name")]


ORGANIZATIONS = Resource(
    name="organizations",
    struct=Organization,
    guarantee=NoGuarantee(),
    doc=f"{DOCS}organizations",
    writes=frozenset(),
    lookups={"name": ("name",)},
)
