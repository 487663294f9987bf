"""What the tests of providers share: a row of every Productive resource, and Hypothesis settings."""

from typing import Final

from hypothesis import settings

UNHURRIED: Final = settings(deadline=None)
"""For properties whose examples may take long: a busy machine is not a failure."""

MINIMAL: Final[dict[str, dict[str, str]]] = {
    "companies": {"name": "Acme"},
    "people": {"company_id": "101", "role_id": "1"},
    "projects": {
        "name": "P",
        "project_type_id": "2",
        "company_id": "102",
        "project_manager_id": "201",
        "workflow_id": "728",
    },
    "folders": {"name": "F", "project_id": "501"},
    "task_lists": {"name": "L", "project_id": "501", "folder_id": "601"},
    "tasks": {"title": "T", "project_id": "501", "task_list_id": "701"},
    "todos": {"description": "D", "task_id": "1001"},
    "deals": {"name": "D", "deal_type_id": "2", "responsible_id": "201", "date": "2026-01-01", "company_id": "102"},
    "sections": {"name": "S", "deal_id": "801"},
    "services": {"name": "S", "deal_id": "801", "limitation_type": "no_limitation"},
    "service_assignments": {"service_id": "901", "person_id": "201"},
    "service_type_assignments": {"service_type_id": "301", "person_id": "201"},
    "time_entries": {"date": "2026-01-01", "time": "60", "person_id": "201", "service_id": "901"},
    "timesheets": {"date": "2026-01-01", "person_id": "201"},
    "bookings": {"person_id": "201", "started_on": "2026-01-01", "ended_on": "2026-01-02", "service_id": "901"},
    "expenses": {"name": "E", "date": "2026-01-01", "currency": "EUR"},
    "expense_line_items": {"expense_id": "81", "name": "L", "quantity": "2", "unit_price": "1250"},
    "invoices": {"company_id": "102", "currency": "EUR", "invoiced_on": "2026-01-31"},
    "line_items": {
        "invoice_id": "71",
        "description": "D",
        "quantity": "2.5",
        "unit_id": "1",
        "unit_price": "9000",
        "tax_rate_id": "41",
    },
    "comments": {"body": "B", "task_id": "1001"},
    "pages": {"title": "P"},
    "memberships": {"type_id": "1", "access_type_id": "5", "person_id": "201", "project_id": "501"},
    "custom_fields": {"name": "C", "data_type_id": "3", "customizable_type": "tasks"},
    "custom_field_options": {"name": "O", "custom_field_id": "60"},
}
"""A minimal valid row of every resource as text, as CSV has it; the ids are those of the sandbox's fixture."""
