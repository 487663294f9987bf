"""The resources of Productive, one noun a file, in the order in which a migration creates them."""

from typing import Final

from headrace.provider import Resource
from headrace.providers.productive.resources.attachments import ATTACHMENTS
from headrace.providers.productive.resources.bookings import BOOKINGS
from headrace.providers.productive.resources.comments import COMMENTS
from headrace.providers.productive.resources.companies import COMPANIES
from headrace.providers.productive.resources.custom_fields import CUSTOM_FIELD_OPTIONS, CUSTOM_FIELDS
from headrace.providers.productive.resources.deals import DEALS
from headrace.providers.productive.resources.expense_line_items import EXPENSE_LINE_ITEMS
from headrace.providers.productive.resources.expenses import EXPENSES
from headrace.providers.productive.resources.folders import FOLDERS
from headrace.providers.productive.resources.invoices import INVOICES
from headrace.providers.productive.resources.line_items import LINE_ITEMS
from headrace.providers.productive.resources.memberships import MEMBERSHIPS
from headrace.providers.productive.resources.pages import PAGES
from headrace.providers.productive.resources.people import PEOPLE
from headrace.providers.productive.resources.projects import PROJECTS
from headrace.providers.productive.resources.sections import SECTIONS
from headrace.providers.productive.resources.service_assignments import SERVICE_ASSIGNMENTS, SERVICE_TYPE_ASSIGNMENTS
from headrace.providers.productive.resources.services import SERVICES
from headrace.providers.productive.resources.settings import SETTINGS
from headrace.providers.productive.resources.task_lists import TASK_LISTS
from headrace.providers.productive.resources.tasks import TASKS
from headrace.providers.productive.resources.time_entries import TIME_ENTRIES
from headrace.providers.productive.resources.timesheets import TIMESHEETS
from headrace.providers.productive.resources.todos import TODOS

RESOURCES: Final[tuple[Resource, ...]] = (
    COMPANIES,
    PEOPLE,
    PROJECTS,
    FOLDERS,
    TASK_LISTS,
    TASKS,
    TODOS,
    DEALS,
    SECTIONS,
    SERVICES,
    SERVICE_ASSIGNMENTS,
    SERVICE_TYPE_ASSIGNMENTS,
    TIME_ENTRIES,
    TIMESHEETS,
    BOOKINGS,
    EXPENSES,
    EXPENSE_LINE_ITEMS,
    INVOICES,
    LINE_ITEMS,
    COMMENTS,
    PAGES,
    MEMBERSHIPS,
    ATTACHMENTS,
    CUSTOM_FIELDS,
    CUSTOM_FIELD_OPTIONS,
    *SETTINGS,
)
