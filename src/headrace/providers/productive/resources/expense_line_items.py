"""Expense line items: what an expense consists of."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.vocabulary import DOCS, Amount, Cents, ExpenseId, Name, Position, TaxRateId

ALL: Final = frozenset({"create", "update", "delete"})


class ExpenseLineItem(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line of an expense to create. The specification requires all but the position and the tax rate."""

    expense_id: ExpenseId
    name: Name
    quantity: Annotated[Amount, Meta(description="how many were bought")]
    unit_price: Annotated[Cents, Meta(description="cost of one, in cents")]
    tax_rate_id: TaxRateId | UnsetType = UNSET
    position: Annotated[Position, Meta(description="place on the expense, 0 first")] | UnsetType = UNSET


EXPENSE_LINE_ITEMS: Final = Resource(
    name="expense_line_items",
    struct=ExpenseLineItem,
    # No page says by what they can be filtered, so that a read-back goes through all of them.
    guarantee=NaturalKey(("expense_id", "name", "quantity", "unit_price")),
    doc=f"{DOCS}expense-line-items",
    # The specification has bulk operations and no others: one line too is sent as a list of one.
    bulk=Bulk(operations=ALL, only=ALL),
)
