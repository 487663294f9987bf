"""People: employees, contractors and contacts of clients."""

from types import MappingProxyType
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from headrace.provider import SOMETHING, Action, Bulk, NaturalKey, Resource
from headrace.providers.productive.resources.lifecycle import ARCHIVE, KEPT, RESTORE
from headrace.providers.productive.vocabulary import (
    DOCS,
    CompanyId,
    CustomFields,
    People,
    PersonId,
    RoleId,
    SubsidiaryId,
    Tags,
)


class Person(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A person to create. The specification requires the company and the role; contacts may lack an e-mail."""

    company_id: Annotated[CompanyId, Meta(description="the employer; of employees the internal company")]
    role_id: Annotated[int, Meta(ge=1, description="id of the role, which decides what the person may see and do")]
    email: Annotated[str, Meta(pattern="@", description="e-mail address")] | UnsetType = UNSET
    first_name: Annotated[str, Meta(description="first name")] | UnsetType = UNSET
    last_name: Annotated[str, Meta(description="last name")] | UnsetType = UNSET
    nickname: Annotated[str, Meta(description="name to be called by")] | UnsetType = UNSET
    title: Annotated[str, Meta(description="job title")] | UnsetType = UNSET
    manager_id: Annotated[PersonId, Meta(description="the person's manager")] | UnsetType = UNSET
    custom_role_id: RoleId | UnsetType = UNSET
    subsidiary_id: SubsidiaryId | UnsetType = UNSET
    tag_list: Tags | UnsetType = UNSET
    subscriber_ids: People | UnsetType = UNSET
    virtual: Annotated[bool, Meta(description="whether it stands for a shared or pooled resource")] | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET


PEOPLE = Resource(
    name="people",
    writes=KEPT,
    struct=Person,
    guarantee=NaturalKey(("email", "first_name", "last_name", "company_id")),
    customizable="employees",
    doc=f"{DOCS}people",
    bulk=Bulk(operations=frozenset({"update"})),
    lookups={"email": ("email",), "name": ("first_name", "last_name"), "last_name": ("last_name",)},
    askable=frozenset({"email", "last_name"}),
    # Contacts are archived, those who can sign in deactivated.
    actions=(
        replace(ARCHIVE, description="archived; bookings and engagements are deleted"),
        RESTORE,
        Action(
            name="deactivate",
            description="no longer able to sign in",
            tail="/deactivate",
            is_repeatable=True,
            leaves=MappingProxyType({"deactivated_at": SOMETHING}),
        ),
        Action(
            name="activate",
            description="able to sign in again",
            tail="/activate",
            is_repeatable=True,
            leaves=MappingProxyType({"deactivated_at": None}),
        ),
    ),
)
