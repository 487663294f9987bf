"""Sections: they group the services of a deal or budget."""

from msgspec import UNSET, Struct, UnsetType

from headrace.provider import NaturalKey, Resource
from headrace.providers.productive.vocabulary import DOCS, DealId, Name, Position


class Section(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A section to create. The specification requires the deal only; one without a name cannot be looked up."""

    deal_id: DealId
    name: Name | UnsetType = UNSET
    position: Position | UnsetType = UNSET


SECTIONS = Resource(
    name="sections",
    struct=Section,
    guarantee=NaturalKey(("name", "deal_id")),
    doc=f"{DOCS}sections",
    lookups={"name": ("name",)},
)
