"""The types that fields of several Productive resources share: ids of other records, minutes, cents, dates."""

import datetime as dt
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta

from headrace.provider.table import REFERENCE

DOCS: Final = "https://developer.productive.io/reference/download_spec?group="
"""Where the vendor specifies each resource: this, and the name of its group."""

# --- ids of other records ---------------------------------------------------------------------------------------
# Written out and not made by `reference()`, so that type checkers see integers.

CompanyId: TypeAlias = Annotated[int, Meta(ge=1, description="the company", extra={REFERENCE: "companies"})]
DealId: TypeAlias = Annotated[int, Meta(ge=1, description="the deal or budget", extra={REFERENCE: "deals"})]
DealStatusId: TypeAlias = Annotated[int, Meta(ge=1, description="the stage", extra={REFERENCE: "deal_statuses"})]
EventId: TypeAlias = Annotated[int, Meta(ge=1, description="the absence category", extra={REFERENCE: "events"})]
ExpenseId: TypeAlias = Annotated[int, Meta(ge=1, description="the expense", extra={REFERENCE: "expenses"})]
FolderId: TypeAlias = Annotated[int, Meta(ge=1, description="the folder", extra={REFERENCE: "folders"})]
InvoiceId: TypeAlias = Annotated[int, Meta(ge=1, description="the invoice", extra={REFERENCE: "invoices"})]
PersonId: TypeAlias = Annotated[int, Meta(ge=1, description="the person", extra={REFERENCE: "people"})]
PipelineId: TypeAlias = Annotated[int, Meta(ge=1, description="the pipeline", extra={REFERENCE: "pipelines"})]
ProjectId: TypeAlias = Annotated[int, Meta(ge=1, description="the project", extra={REFERENCE: "projects"})]
RoleId: TypeAlias = Annotated[int, Meta(ge=1, description="the permission set", extra={REFERENCE: "roles"})]
SectionId: TypeAlias = Annotated[int, Meta(ge=1, description="the section of the deal", extra={REFERENCE: "sections"})]
ServiceId: TypeAlias = Annotated[int, Meta(ge=1, description="the service", extra={REFERENCE: "services"})]
ServiceTypeId: TypeAlias = Annotated[
    int, Meta(ge=1, description="the kind of work", extra={REFERENCE: "service_types"})
]
SubsidiaryId: TypeAlias = Annotated[int, Meta(ge=1, description="the legal entity", extra={REFERENCE: "subsidiaries"})]
TaskId: TypeAlias = Annotated[int, Meta(ge=1, description="the task", extra={REFERENCE: "tasks"})]
TaskListId: TypeAlias = Annotated[int, Meta(ge=1, description="the task list", extra={REFERENCE: "task_lists"})]
TaxRateId: TypeAlias = Annotated[int, Meta(ge=1, description="the tax rate", extra={REFERENCE: "tax_rates"})]
TeamId: TypeAlias = Annotated[int, Meta(ge=1, description="the team", extra={REFERENCE: "teams"})]
WorkflowId: TypeAlias = Annotated[int, Meta(ge=1, description="the workflow", extra={REFERENCE: "workflows"})]
WorkflowStatusId: TypeAlias = Annotated[int, Meta(ge=1, description="status", extra={REFERENCE: "workflow_statuses"})]
PageId: TypeAlias = Annotated[int, Meta(ge=1, description="the page", extra={REFERENCE: "pages"})]
CommentId: TypeAlias = Annotated[int, Meta(ge=1, description="the comment", extra={REFERENCE: "comments"})]
CustomFieldId: TypeAlias = Annotated[
    int, Meta(ge=1, description="the custom field", extra={REFERENCE: "custom_fields"})
]

People: TypeAlias = Annotated[
    list[Annotated[int, Meta(ge=1, extra={REFERENCE: "people"})]], Meta(description="people who are told of changes")
]

# --- values -----------------------------------------------------------------------------------------------------

Name: TypeAlias = Annotated[str, Meta(min_length=1, description="name; not blank")]
Day: TypeAlias = Annotated[dt.date, Meta(description="day")]
Minutes: TypeAlias = Annotated[int, Meta(ge=0, description="minutes")]
Cents: TypeAlias = Annotated[int, Meta(description="cents of the currency")]
Amount: TypeAlias = Annotated[
    # Whole numbers stay whole, read from text as well, so that they are not sent as `50.0`.
    Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)],
    Meta(description="a number, 0 or more"),
]
Percent: TypeAlias = Annotated[Amount, Meta(description="percent")]
Currency: TypeAlias = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code, for example EUR")]
Position: TypeAlias = Annotated[int, Meta(ge=0, description="place among its siblings, 0 first")]
Tags: TypeAlias = Annotated[list[str], Meta(description="tags")]
CustomFields: TypeAlias = Annotated[
    dict[str, Any],
    Meta(description="values by id of the custom field: text, number, option id, list of option ids, id of a person"),
]
