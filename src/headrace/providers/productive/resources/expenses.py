"""Expenses: what was bought for a budget."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.resources.approvals import APPROVE, UNAPPROVE
from headrace.providers.productive.vocabulary import (
    DOCS,
    Amount,
    Cents,
    CompanyId,
    Currency,
    CustomFields,
    Day,
    Name,
    Percent,
    PersonId,
    Position,
    ServiceId,
    TaxRateId,
)


class Expense(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An expense to create. The vendor's own client asks for the service as well; the specification does not."""

    name: Name
    date: Annotated[Day, Meta(description="day of the purchase")]
    currency: Currency
    service_id: Annotated[ServiceId, Meta(description="the service that it counts on")] | UnsetType = UNSET
    person_id: Annotated[PersonId, Meta(description="who paid")] | UnsetType = UNSET
    amount: Annotated[Cents, Meta(description="cost of one, in cents")] | UnsetType = UNSET
    billable_amount: Annotated[Cents, Meta(description="what the client is billed, in cents")] | UnsetType = UNSET
    quantity: Annotated[Amount, Meta(description="how many were bought")] | UnsetType = UNSET
    markup: Annotated[Percent, Meta(description="mark-up on the cost, in percent")] | UnsetType = UNSET
    vendor_id: Annotated[CompanyId, Meta(description="the company it was bought from")] | UnsetType = UNSET
    tax_rate_id: TaxRateId | UnsetType = UNSET
    tax_inclusion: Annotated[bool, Meta(description="whether the amount includes the tax")] | UnsetType = UNSET
    pay_on: Annotated[Day, Meta(description="day it is to be paid")] | UnsetType = UNSET
    paid_on: Annotated[Day, Meta(description="day it was paid")] | UnsetType = UNSET
    reimbursable: Annotated[bool, Meta(description="whether the person gets it back")] | UnsetType = UNSET
    reimbursed_on: Annotated[Day, Meta(description="day the person got it back")] | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET


EXPENSES = Resource(
    name="expenses",
    struct=Expense,
    guarantee=NaturalKey(("name", "date", "service_id", "person_id", "amount", "currency")),
    customizable="project_expenses",
    doc=f"{DOCS}expenses",
    bulk=Bulk(operations=frozenset({"update", "delete"})),
    lookups={"name": ("name",)},
    askable=frozenset({"name"}),
    # Of the specification: many are approved at once, under another name, and each is unapproved by itself.
    actions=(replace(APPROVE, tail="/bulk_approve"), replace(UNAPPROVE, collective=False)),
)
