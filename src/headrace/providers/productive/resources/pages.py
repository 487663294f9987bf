"""Pages: the Docs of an account, written from Markdown or HTML."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import NaturalKey, Resource
from headrace.providers.productive.document import CONVERSIONS
from headrace.providers.productive.vocabulary import DOCS, CustomFields, Name, PageId, ProjectId


class Page(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A page to create. One below another names its parent and the root of the tree, which may be the same."""

    title: Name
    body: (
        Annotated[str, Meta(description='JSON of the document format; as = "markdown" or "html" makes it')] | UnsetType
    ) = UNSET
    project_id: ProjectId | UnsetType = UNSET
    parent_page_id: Annotated[PageId, Meta(description="the page that it is below")] | UnsetType = UNSET
    root_page_id: Annotated[PageId, Meta(description="the page at the top of its tree")] | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.parent_page_id is UNSET) != (self.root_page_id is UNSET):
            missing = "root_page_id" if self.root_page_id is UNSET else "parent_page_id"
            raise ValueError(f"{missing}: a page below another names its parent and the root of the tree")


PAGES = Resource(
    name="pages",
    struct=Page,
    # Not by the body: it may show an older version for up to an hour (https://developer.productive.io/guides).
    guarantee=NaturalKey(("title", "project_id", "parent_page_id")),
    customizable="pages",
    doc=f"{DOCS}pages",
    lookups={"title": ("title",)},
    filters=frozenset({"project_id", "parent_page_id"}),
    conversions=CONVERSIONS,
)
