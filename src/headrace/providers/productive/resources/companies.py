"""Companies: clients, and the organization's own internal one."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.resources.lifecycle import ARCHIVE, KEPT, RESTORE
from headrace.providers.productive.vocabulary import (
    DOCS,
    CompanyId,
    Currency,
    CustomFields,
    Name,
    People,
    SubsidiaryId,
    Tags,
)


class Company(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A company to create."""

    name: Name
    billing_name: Annotated[str, Meta(description="name on invoices")] | UnsetType = UNSET
    company_code: Annotated[str, Meta(description="short code of your own")] | UnsetType = UNSET
    vat: Annotated[str, Meta(description="VAT or tax number")] | UnsetType = UNSET
    domain: Annotated[str, Meta(description="web domain")] | UnsetType = UNSET
    due_days: Annotated[int, Meta(ge=0, description="days until an invoice is due")] | UnsetType = UNSET
    default_currency: Currency | UnsetType = UNSET
    default_subsidiary_id: SubsidiaryId | UnsetType = UNSET
    parent_company_id: Annotated[CompanyId, Meta(description="the company that it belongs to")] | UnsetType = UNSET
    tag_list: Tags | UnsetType = UNSET
    subscriber_ids: People | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET


COMPANIES = Resource(
    name="companies",
    writes=KEPT,
    struct=Company,
    guarantee=NaturalKey(("name", "company_code", "vat")),
    customizable="companies",
    doc=f"{DOCS}companies",
    bulk=Bulk(operations=frozenset({"update"})),
    lookups={"name": ("name",), "company_code": ("company_code",), "vat": ("vat",), "billing_name": ("billing_name",)},
    askable=frozenset({"name", "company_code", "vat", "billing_name"}),
    actions=(ARCHIVE, RESTORE),
)
