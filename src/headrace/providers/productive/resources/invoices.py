"""Invoices: what clients are billed. Their amount is that of their line items (https://developer.productive.io/faq)."""

from types import MappingProxyType
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import SOMETHING, Action, NaturalKey, Resource
from headrace.providers.productive.vocabulary import (
    DOCS,
    CompanyId,
    Currency,
    CustomFields,
    Day,
    InvoiceId,
    People,
    Percent,
    PersonId,
    SubsidiaryId,
)


class Invoice(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An invoice to create, as a draft. The specification requires company, currency and date.

    Tags are missing: the specification has them as one text, the vendor's own client as a list.
    """

    company_id: Annotated[CompanyId, Meta(description="the client who is billed")]
    currency: Currency
    invoiced_on: Annotated[Day, Meta(description="day it is issued")]
    subject: Annotated[str, Meta(description="subject")] | UnsetType = UNSET
    number: Annotated[str, Meta(description="number; by default one is given when it is finalized")] | UnsetType = UNSET
    invoice_type_id: Annotated[Literal[1, 2], Meta(description="1 invoice, 2 credit note")] | UnsetType = UNSET
    parent_invoice_id: Annotated[InvoiceId, Meta(description="the invoice that is credited")] | UnsetType = UNSET
    pay_on: Annotated[Day, Meta(description="day it is due")] | UnsetType = UNSET
    delivery_on: Annotated[Day, Meta(description="day of the delivery")] | UnsetType = UNSET
    sent_on: Annotated[Day, Meta(description="day it was sent")] | UnsetType = UNSET
    discount: Annotated[Percent, Meta(description="discount on the whole, in percent")] | UnsetType = UNSET
    note: Annotated[str, Meta(description="note; HTML")] | UnsetType = UNSET
    purchase_order_number: Annotated[str, Meta(description="the client's order number")] | UnsetType = UNSET
    subsidiary_id: SubsidiaryId | UnsetType = UNSET
    issuer_id: Annotated[PersonId, Meta(description="who issues it")] | UnsetType = UNSET
    subscriber_ids: People | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET


INVOICES: Final = Resource(
    name="invoices",
    struct=Invoice,
    guarantee=NaturalKey(("company_id", "invoiced_on", "subject", "number", "purchase_order_number", "currency")),
    note="note",
    customizable="invoices",
    doc=f"{DOCS}invoices",
    lookups={"number": ("number",)},
    askable=frozenset({"number"}),
    filters=frozenset({"company_id", "invoiced_on", "created_at"}),
    actions=(
        Action(
            name="finalize",
            description="finalized: numbered, and locked",
            tail="/finalize",
            leaves=MappingProxyType({"finalized_on": SOMETHING}),
        ),
    ),
)
