"""Comments: on tasks, deals, companies, people and projects."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import NaturalKey, Resource
from headrace.providers.productive.rules import exactly_one
from headrace.providers.productive.vocabulary import DOCS, CompanyId, DealId, Name, PersonId, ProjectId, TaskId


class Comment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A comment to create. The vendor's own client requires the body and exactly one record it is about."""

    body: Annotated[Name, Meta(description="the text; HTML; not blank")]
    task_id: TaskId | UnsetType = UNSET
    deal_id: DealId | UnsetType = UNSET
    company_id: CompanyId | UnsetType = UNSET
    person_id: PersonId | UnsetType = UNSET
    project_id: ProjectId | UnsetType = UNSET
    hidden: Annotated[bool, Meta(description="whether clients cannot see it")] | UnsetType = UNSET
    draft: Annotated[bool, Meta(description="whether it is not published yet")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        exactly_one(self, "task_id", "deal_id", "company_id", "person_id", "project_id")


COMMENTS = Resource(
    name="comments",
    struct=Comment,
    guarantee=NaturalKey(("body", "task_id", "deal_id", "company_id", "person_id", "project_id")),
    note="body",
    doc=f"{DOCS}comments",
)
