"""Deals and budgets: one endpoint, told apart by `budget`."""

from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import SOMETHING, Action, Bulk, NaturalKey, Resource
from headrace.providers.productive.resources.copies import copying
from headrace.providers.productive.rules import one_of
from headrace.providers.productive.vocabulary import (
    DOCS,
    CompanyId,
    Currency,
    CustomFields,
    Day,
    DealStatusId,
    Name,
    People,
    PersonId,
    Position,
    ProjectId,
    SubsidiaryId,
    Tags,
    TaxRateId,
)

CLIENT = 2
"""The `deal_type_id` of work for a client."""


class Deal(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A deal or budget to create.

    The specification requires name, responsible, type and date. A client's deal needs its company too; an internal one
    gets the internal company whatever is sent. `delivered_on` is missing: only `PATCH /deals/{id}/close` sets it.
    """

    name: Name
    deal_type_id: Annotated[Literal[1, 2], Meta(description="1 internal, 2 client")]
    responsible_id: Annotated[PersonId, Meta(description="the owner")]
    date: Annotated[Day, Meta(description="day it starts")]
    budget: Annotated[bool, Meta(description="whether it is a budget and not a deal")] | UnsetType = UNSET
    company_id: Annotated[CompanyId, Meta(description="the client; not the internal company")] | UnsetType = UNSET
    project_id: ProjectId | UnsetType = UNSET
    deal_status_id: DealStatusId | UnsetType = UNSET
    end_date: Annotated[Day, Meta(description="day it ends")] | UnsetType = UNSET
    sales_closed_on: Annotated[Day, Meta(description="day it was won or lost")] | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    probability: Annotated[int, Meta(ge=0, le=100, description="chance to win it, in percent")] | UnsetType = UNSET
    purchase_order_number: Annotated[str, Meta(description="the client's order number")] | UnsetType = UNSET
    note: Annotated[str, Meta(description="note; HTML")] | UnsetType = UNSET
    subsidiary_id: SubsidiaryId | UnsetType = UNSET
    tax_rate_id: TaxRateId | UnsetType = UNSET
    tracking_type_id: (
        Annotated[
            Literal[1, 2, 3],
            Meta(description="who may track time: 1 everyone, 2 on assigned services, 3 by assigned service types"),
        ]
        | UnsetType
    ) = UNSET
    time_approval: Annotated[bool, Meta(description="whether time needs approval")] | UnsetType = UNSET
    expense_approval: Annotated[bool, Meta(description="whether expenses need approval")] | UnsetType = UNSET
    client_access: Annotated[bool, Meta(description="whether the client may see it")] | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    tag_list: Tags | UnsetType = UNSET
    subscriber_ids: People | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.deal_type_id == CLIENT:
            one_of(self, "company_id", because="where deal_type_id is 2 (client)")


class Delivery(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """That a budget is delivered."""

    delivered_on: Annotated[Day, Meta(description="day it was delivered; by default today")] | UnsetType = UNSET


class DealCopy(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A deal or budget like the one of the `id`. The page gives ids as attributes here, so that none is a reference."""

    name: Name
    project_id: Annotated[int, Meta(ge=1, description="the project that it is for")] | UnsetType = UNSET
    company_id: Annotated[int, Meta(ge=1, description="the client; not the internal company")] | UnsetType = UNSET
    responsible_id: Annotated[int, Meta(ge=1, description="the owner")] | UnsetType = UNSET
    deal_status_id: Annotated[int, Meta(ge=1, description="the stage")] | UnsetType = UNSET
    subsidiary_id: Annotated[int, Meta(ge=1, description="the legal entity")] | UnsetType = UNSET
    date: Annotated[Day, Meta(description="day it starts")] | UnsetType = UNSET
    end_date: Annotated[Day, Meta(description="day it ends")] | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    tag_list: Tags | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET


DEALS = Resource(
    name="deals",
    struct=Deal,
    guarantee=NaturalKey(("name", "company_id", "project_id", "date", "budget")),
    note="note",
    customizable="deals",
    doc=f"{DOCS}deals",
    bulk=Bulk(operations=frozenset({"update", "delete"})),  # the vendor's FAQ: no bulk create
    lookups={"name": ("name",), "number": ("number",), "purchase_order_number": ("purchase_order_number",)},
    askable=frozenset({"name", "number", "purchase_order_number"}),
    instead=MappingProxyType({"delivered_on": "close"}),
    # The vendor's FAQ: only closing sets the day of delivery.
    actions=(
        Action(
            name="close",
            description="closed, and delivered on a day",
            tail="/close",
            struct=Delivery,
            is_repeatable=True,
            leaves=MappingProxyType({"delivered_on": SOMETHING}),
        ),
        # The vendor calls it `open`: "Open a Deal (Reopen Budget)".
        Action(
            name="reopen",
            description="open again, and not delivered",
            tail="/open",
            is_repeatable=True,
            leaves=MappingProxyType({"delivered_on": None}),
        ),
        # The specification has it as a bulk document of one deal, an older page as a single one.
        copying("a new deal or budget", DealCopy, as_list=True),
    ),
)
