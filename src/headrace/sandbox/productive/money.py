"""Deals, budgets, services and expenses, as Productive's pages describe them. Amounts are in cents.

Fields: the vendor's OpenAPI document (PROVIDERS.md 1.5, column a). Filters: PROVIDERS.md 1.6, as in `people`.
"""

from headrace.sandbox.jsonapi.checks import (
    BOOLEAN,
    COUNT,
    DATE,
    DECIMAL,
    INTEGER,
    OBJECT,
    TEXT,
    WORDS,
    choice,
)
from headrace.sandbox.jsonapi.kind import Kind, To, words
from headrace.sandbox.productive.rules import company_of_deal, custom_values, in_order, internal_company, numbered

DEALS = Kind(
    "deals",
    attributes={
        "name": TEXT,
        "date": DATE,
        "end_date": DATE,
        "deal_type_id": choice(1, 2),
        "budget": BOOLEAN,
        "currency": TEXT,
        "probability": DECIMAL,
        "position": INTEGER,
        "sales_closed_on": DATE,
        "deal_value": DECIMAL,
        "budget_warning": INTEGER,
        "man_day_minutes": COUNT,
        "time_approval": BOOLEAN,
        "expense_approval": BOOLEAN,
        "client_access": BOOLEAN,
        "purchase_order_number": TEXT,
        "note": TEXT,
        "tag_list": WORDS,
        "tracking_type_id": INTEGER,
        "custom_fields": OBJECT,
        "delivered_on": DATE,
    },
    relations={
        "responsible": To("people"),
        "company": To("companies"),
        "subsidiary": To("subsidiaries"),
        "project": To("projects"),
        "deal_status": To("deal_statuses"),
        "contact": To("people"),
        "tax_rate": To("tax_rates"),
        "origin_deal": To("deals"),
        "subscribers": To("people", flat="subscriber_ids", is_many=True),
    },
    required=("name", "responsible", "deal_type_id", "date"),
    defaults={"number": None, "deal_number": None, "budget": False, "closed_at": None, "tag_list": []},
    filters=words("name number purchase_order_number company_id project_id custom_fields"),
    sorts=words("id name number date end_date created_at updated_at"),
    text=("name", "deal_number"),
    bulk=frozenset({"update", "delete"}),
    fixed=frozenset({"delivered_on"}),  # set by PATCH /deals/{id}/close only (guides/faq)
    rules=(company_of_deal, custom_values("deals", "budgets"), in_order("date", "end_date")),
    completions=(internal_company, numbered("deals", "number", "deal_number")),
)

DEAL_STATUSES = Kind(
    "deal_statuses",
    attributes={"name": TEXT, "status_id": choice(1, 2, 3), "color_id": INTEGER, "position": INTEGER},
    relations={"pipeline": To("pipelines")},
    required=("name", "pipeline"),
    defaults={"archived_at": None},
    filters=words("name pipeline_id query"),
    sorts=words("id name position"),
    text=("name",),
)

PIPELINES = Kind(
    "pipelines",
    attributes={"name": TEXT, "position": INTEGER, "pipeline_type_id": choice(1, 2)},
    required=("name",),
    filters=words("name query"),
    sorts=words("id name position"),
    text=("name",),
)

SECTIONS = Kind(
    "sections",
    attributes={"name": TEXT, "position": INTEGER},
    relations={"deal": To("deals")},
    required=("deal",),
    filters=words("deal_id"),
    sorts=words("id name position"),
    text=("name",),
)

SERVICES = Kind(
    "services",
    attributes={
        "name": TEXT,
        "position": INTEGER,
        "billing_type_id": choice(1, 2, 3),
        "unit_id": choice(1, 2, 3),
        "limitation_type": TEXT,
        "price": DECIMAL,
        "quantity": DECIMAL,
        "discount": DECIMAL,
        "markup": DECIMAL,
        "estimated_time": COUNT,
        "billable": BOOLEAN,
        "time_tracking_enabled": BOOLEAN,
        "expense_tracking_enabled": BOOLEAN,
        "booking_tracking_enabled": BOOLEAN,
        "budget_cap_enabled": BOOLEAN,
        "estimated_cost": DECIMAL,
        "rolled_over_time": INTEGER,
        "description": TEXT,
        "custom_fields": OBJECT,
    },
    relations={
        "deal": To("deals"),
        "section": To("sections"),
        "service_type": To("service_types"),
        "person": To("people"),
    },
    required=("name", "deal", "limitation_type"),
    defaults={"billable": True, "time_tracking_enabled": True, "deleted_at": None, "worked_time": 0},
    stamps=(),
    filters=words("name deal_id section_id custom_fields"),
    sorts=words("id name position"),
    text=("name",),
    bulk=frozenset({"create", "update", "delete"}),
    rules=(custom_values("services"),),
)

SERVICE_TYPES = Kind(
    "service_types",
    attributes={"name": TEXT, "description": TEXT},
    required=("name",),
    defaults={"archived_at": None},
    stamps=(),
    filters=words("name query"),
    sorts=words("id name"),
    text=("name",),
)

EXPENSES = Kind(
    "expenses",
    attributes={
        "name": TEXT,
        "date": DATE,
        "currency": TEXT,
        "amount": INTEGER,
        "billable_amount": INTEGER,
        "quantity": DECIMAL,
        "markup": DECIMAL,
        "position": INTEGER,
        "tax_inclusion": BOOLEAN,
        "rejected_reason": TEXT,
        "reimbursed_on": DATE,
        "pay_on": DATE,
        "paid_on": DATE,
        "reimbursable": BOOLEAN,
        "custom_fields": OBJECT,
    },
    relations={
        "service": To("services"),
        "deal": To("deals"),
        "person": To("people"),
        "vendor": To("companies"),
        "attachment": To("attachments"),
        "tax_rate": To("tax_rates"),
    },
    required=("name", "currency", "date"),
    defaults={"approved": False, "rejected": False, "reimbursable": False, "deleted_at": None},
    filters=words("name date service_id deal_id custom_fields"),
    sorts=words("id name date created_at updated_at"),
    text=("name",),
    bulk=frozenset({"update", "delete"}),
    rules=(custom_values("project_expenses"),),
)
