"""Services: lines of a deal or budget, on which time and expenses are tracked."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.vocabulary import (
    DOCS,
    Amount,
    Cents,
    CustomFields,
    DealId,
    Minutes,
    Name,
    Percent,
    PersonId,
    Position,
    SectionId,
    ServiceTypeId,
)


class Service(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A service to create.

    The specification requires name, deal and limitation. The vendor's own client asks for more (service type, section,
    billing type, unit, quantity), which its server fills in.
    """

    name: Name
    deal_id: DealId
    limitation_type: Annotated[
        Literal["no_limitation", "estimate_limitation", "quantity_limitation", "budget_fully_used"],
        Meta(description="what limits tracking: nothing, the estimated time, the quantity, or the used-up budget"),
    ]
    service_type_id: ServiceTypeId | UnsetType = UNSET
    section_id: SectionId | UnsetType = UNSET
    billing_type_id: (
        Annotated[Literal[1, 2, 3], Meta(description="1 fixed price, 2 actuals (time and materials), 3 not billed")]
        | UnsetType
    ) = UNSET
    unit_id: Annotated[Literal[1, 2, 3], Meta(description="1 hour, 2 piece, 3 day")] | UnsetType = UNSET
    price: Annotated[Cents, Meta(description="price of one unit, in cents")] | UnsetType = UNSET
    quantity: Annotated[Amount, Meta(description="units that are budgeted for")] | UnsetType = UNSET
    estimated_time: Annotated[Minutes, Meta(description="estimated work, in minutes")] | UnsetType = UNSET
    discount: Annotated[Percent, Meta(description="discount on the price, in percent")] | UnsetType = UNSET
    markup: Annotated[Percent, Meta(description="mark-up on the price, in percent")] | UnsetType = UNSET
    billable: Annotated[bool, Meta(description="whether the client is billed")] | UnsetType = UNSET
    description: Annotated[str, Meta(description="description; HTML")] | UnsetType = UNSET
    person_id: Annotated[PersonId, Meta(description="the person whom it is for")] | UnsetType = UNSET
    position: Annotated[Position, Meta(description="place in its section")] | UnsetType = UNSET
    time_tracking_enabled: Annotated[bool, Meta(description="whether time may be tracked")] | UnsetType = UNSET
    expense_tracking_enabled: Annotated[bool, Meta(description="whether expenses may be added")] | UnsetType = UNSET
    booking_tracking_enabled: Annotated[bool, Meta(description="whether people may be booked")] | UnsetType = UNSET
    budget_cap_enabled: Annotated[bool, Meta(description="whether the budget caps what is billed")] | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET


SERVICES = Resource(
    name="services",
    struct=Service,
    guarantee=NaturalKey(("name", "deal_id", "service_type_id", "price", "quantity")),
    customizable="services",
    doc=f"{DOCS}services",
    bulk=Bulk(operations=frozenset({"create", "update", "delete"})),
    filters=frozenset({"name", "deal_id", "section_id"}),
    lookups={"name": ("name",)},
    askable=frozenset({"name"}),
)
