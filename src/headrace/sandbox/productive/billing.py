"""Invoices and the lines of invoices and expenses, as Productive's pages describe them. Amounts are in cents.

Fields: the vendor's OpenAPI document; of line items the page https://developer.productive.io/line_items.html, with its
filters. Filters of invoices: the schema of the vendor's own client. Lines of expenses have bulk operations only, and
no page lists filters for them.
"""

from headrace.sandbox.jsonapi.checks import DATE, DECIMAL, INTEGER, OBJECT, TEXT, choice
from headrace.sandbox.jsonapi.kind import Draft, Kind, To, words
from headrace.sandbox.productive.rules import custom_values
from headrace.sandbox.store import Store

ALL_BULK = frozenset({"create", "update", "delete"})


def _currency(draft: Draft, store: Store) -> None:
    """Give a line the currency of its invoice."""
    invoice = store.get("invoices", draft.link("invoice") or 0)
    draft.attributes["currency"] = invoice and invoice.attributes.get("currency")


INVOICES = Kind(
    "invoices",
    attributes={
        "currency": TEXT,
        "invoiced_on": DATE,
        "subject": TEXT,
        "number": TEXT,
        "invoice_type_id": choice(1, 2),
        "pay_on": DATE,
        "delivery_on": DATE,
        "sent_on": DATE,
        "discount": DECIMAL,
        "note": TEXT,
        "purchase_order_number": TEXT,
        "custom_fields": OBJECT,
    },
    relations={
        "company": To("companies"),
        "parent_invoice": To("invoices"),
        "subsidiary": To("subsidiaries"),
        "issuer": To("people"),
        "subscribers": To("people", flat="subscriber_ids", is_many=True),
    },
    required=("company", "currency", "invoiced_on"),
    defaults={"finalized_on": None, "paid_on": None, "exported": False, "credited": False},
    filters=words(
        "number invoiced_on pay_on delivery_on sent_on currency purchase_order_number company_id subsidiary_id "
        "issuer_id parent_invoice_id created_at query"
    ),
    sorts=words("id number subject invoiced_on pay_on delivery_on sent_on created_at"),
    text=("number", "subject"),
    rules=(custom_values("invoices"),),
)

LINE_ITEMS = Kind(
    "line_items",
    attributes={
        "description": TEXT,
        "quantity": DECIMAL,
        "unit_id": choice(1, 2, 3),
        "unit_price": DECIMAL,
        "discount": DECIMAL,
        "position": INTEGER,
        "tax_name": TEXT,
        "tax_value": DECIMAL,
    },
    relations={
        "invoice": To("invoices"),
        "tax_rate": To("tax_rates"),
        "service": To("services"),
        "service_type": To("service_types"),
        "expense": To("expenses"),
    },
    required=("invoice", "unit_id", "unit_price", "quantity", "description"),
    defaults={"currency": None},
    stamps=(),
    filters=words("invoice_id service_id expense_id service_type_id unit_id description discount tax_name tax_value"),
    sorts=words("id"),
    text=("description",),
    bulk=ALL_BULK,
    completions=(_currency,),
)

EXPENSE_LINE_ITEMS = Kind(
    "expense_line_items",
    attributes={"name": TEXT, "quantity": DECIMAL, "unit_price": INTEGER, "position": INTEGER},
    relations={"expense": To("expenses"), "tax_rate": To("tax_rates")},
    required=("name", "quantity", "unit_price", "expense"),
    stamps=(),
    sorts=words("id"),
    text=("name",),
    bulk=ALL_BULK,
    lacks=ALL_BULK,
)
