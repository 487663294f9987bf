"""Line items: the lines of an invoice, which make its amount."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.vocabulary import (
    DOCS,
    Amount,
    Cents,
    ExpenseId,
    InvoiceId,
    Name,
    Percent,
    Position,
    ServiceId,
    ServiceTypeId,
    TaxRateId,
)


class LineItem(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line to create (https://developer.productive.io/line_items.html).

    The page requires invoice, unit, price, quantity and description; the specification and the vendor's own client
    the tax rate as well. `tax_name` and `tax_value` are what the tax rate replaced, and are not taken.
    """

    invoice_id: InvoiceId
    description: Annotated[Name, Meta(description="what is billed; HTML; not blank")]
    quantity: Annotated[Amount, Meta(description="how many units")]
    unit_id: Annotated[Literal[1, 2, 3], Meta(description="1 hour, 2 piece, 3 day")]
    unit_price: Annotated[Cents, Meta(description="price of one unit, in cents")]
    tax_rate_id: TaxRateId
    discount: Annotated[Percent, Meta(description="discount on the price, in percent")] | UnsetType = UNSET
    position: Annotated[Position, Meta(description="place on the invoice, 0 first")] | UnsetType = UNSET
    service_id: Annotated[ServiceId, Meta(description="the service that is billed")] | UnsetType = UNSET
    service_type_id: ServiceTypeId | UnsetType = UNSET
    expense_id: Annotated[ExpenseId, Meta(description="the expense that is billed")] | UnsetType = UNSET


LINE_ITEMS: Final = Resource(
    name="line_items",
    struct=LineItem,
    guarantee=NaturalKey(
        ("invoice_id", "description", "quantity", "unit_id", "unit_price", "service_id", "expense_id")
    ),
    note="description",
    doc=f"{DOCS}line-items",
    bulk=Bulk(operations=frozenset({"create", "update", "delete"})),
    filters=frozenset({"invoice_id", "service_id", "expense_id", "service_type_id", "unit_id", "description"}),
)
