"""Companies, people and the organization's own tables, as Productive's pages describe them.

Fields: the vendor's OpenAPI document (PROVIDERS.md 1.5, column a) and recorded traffic. Filters: those of PROVIDERS.md
1.6 and no others, so that a read-back by an undocumented one fails here; for settings, of which no page lists any, the
name. What the vendor's OpenAPI document does not delete cannot be deleted here: it is archived.
"""

from headrace.sandbox.jsonapi.checks import (
    BOOLEAN,
    COUNT,
    DECIMAL,
    EMAIL,
    INTEGER,
    OBJECT,
    TAGS,
    TEXT,
    WORDS,
    choice,
    word,
)
from headrace.sandbox.jsonapi.kind import Kind, To, words
from headrace.sandbox.productive.rules import custom_values

CUSTOMIZABLE = words(
    "deals projects companies budgets invoices tasks bookings project_expenses services employees contacts pages "
    "survey_responses"
)

COMPANIES = Kind(
    "companies",
    lacks=frozenset({"delete"}),
    attributes={
        "name": TEXT,
        "billing_name": TEXT,
        "company_code": TEXT,
        "vat": TEXT,
        "domain": TEXT,
        "default_currency": TEXT,
        "due_days": COUNT,
        "domains": WORDS,
        "payment_terms_type": TEXT,
        "avatar_url": TEXT,
        "tag_list": TAGS,
        "contact": OBJECT,
        "settings": OBJECT,
        "custom_fields": OBJECT,
    },
    relations={
        "default_subsidiary": To("subsidiaries"),
        "default_tax_rate": To("tax_rates"),
        "parent_company": To("companies"),
        "subscribers": To("people", flat="subscriber_ids", is_many=True),
    },
    required=("name",),
    defaults={"archived_at": None, "internal": False, "tag_list": [], "sample_data": False, "last_activity_at": None},
    filters=words("name company_code vat billing_name query custom_fields"),
    sorts=words("id name company_code created_at updated_at"),
    text=("name", "billing_name", "company_code"),
    bulk=frozenset({"update"}),
    rules=(custom_values("companies"),),
)

PEOPLE = Kind(
    "people",
    lacks=frozenset({"delete"}),
    attributes={
        "first_name": TEXT,
        "last_name": TEXT,
        "nickname": TEXT,
        "email": EMAIL,
        "title": TEXT,
        "role_id": INTEGER,
        "avatar_url": TEXT,
        "virtual": BOOLEAN,
        "autotracking": BOOLEAN,
        "tag_list": TAGS,
        "contact": OBJECT,
        "custom_fields": OBJECT,
    },
    relations={
        "company": To("companies"),
        "manager": To("people"),
        "custom_role": To("roles"),
        "subsidiary": To("subsidiaries"),
        "subscribers": To("people", flat="subscriber_ids", is_many=True),
    },
    required=("company", "role_id"),
    defaults={
        "archived_at": None,
        "deactivated_at": None,
        "is_user": True,
        "status": 1,
        "tag_list": [],
        "sample_data": False,
        "last_activity_at": None,
        "virtual": False,
        "autotracking": False,
    },
    filters=words("email first_name last_name company_id custom_fields"),
    sorts=words("id first_name last_name email created_at updated_at"),
    text=("first_name", "last_name", "nickname", "email", "title"),
    bulk=frozenset({"update"}),
    rules=(custom_values("employees", "contacts"),),
)

SUBSIDIARIES = Kind(
    "subsidiaries",
    attributes={"name": TEXT, "invoice_number_format": TEXT, "default_currency": TEXT},
    required=("name",),
    defaults={"archived_at": None},
    filters=words("name query"),
    sorts=words("id name created_at"),
    text=("name",),
)

TAX_RATES = Kind(
    "tax_rates",
    attributes={"name": TEXT, "primary_component_name": TEXT, "primary_component_value": DECIMAL},
    relations={"subsidiary": To("subsidiaries")},
    required=("name",),
    defaults={"archived_at": None},
    filters=words("name query"),
    sorts=words("id name"),
    text=("name",),
)

ROLES = Kind(
    "roles",
    attributes={"name": TEXT, "description": TEXT},
    required=("name",),
    filters=words("name query"),
    sorts=words("id name"),
    text=("name",),
)

ORGANIZATIONS = Kind("organizations", attributes={"name": TEXT}, required=("name",), sorts=words("id name"))

CUSTOM_FIELDS = Kind(
    "custom_fields",
    lacks=frozenset({"delete"}),
    attributes={
        "name": TEXT,
        "data_type_id": choice(1, 2, 3, 4, 5, 6, 7),
        "customizable_type": word(*CUSTOMIZABLE),
        "description": TEXT,
        "global": BOOLEAN,
        "required": BOOLEAN,
        "sensitive": BOOLEAN,
        "show_in_add_edit_views": BOOLEAN,
        "quick_add_enabled": BOOLEAN,
        "position": INTEGER,
        "formatting_type_id": choice(1, 2),
        "aggregation_type_id": choice(1, 2),
    },
    relations={"project": To("projects")},
    required=("name", "data_type_id", "customizable_type"),
    defaults={
        "archived_at": None,
        "required": False,
        "global": True,
        "show_in_add_edit_views": True,
        "quick_add_enabled": False,
        "sensitive": False,
    },
    filters=words("name project_id customizable_type archived global"),
    special={"archived": lambda record: int(record.attributes.get("archived_at") is not None)},
    sorts=words("id name position created_at"),
    text=("name",),
)

CUSTOM_FIELD_OPTIONS = Kind(
    "custom_field_options",
    lacks=frozenset({"delete"}),
    attributes={"name": TEXT, "position": INTEGER, "color_id": INTEGER},
    relations={"custom_field": To("custom_fields")},
    required=("name", "custom_field"),
    defaults={"archived_at": None},
    filters=words("name custom_field_id"),
    sorts=words("id name position"),
    text=("name",),
)
