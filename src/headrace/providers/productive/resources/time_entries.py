"""Time entries: who worked how long on what. The bulk of most imports."""

import datetime as dt
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.resources.approvals import APPROVE, UNAPPROVE
from headrace.providers.productive.vocabulary import DOCS, Day, Minutes, PersonId, ServiceId, TaskId


class TimeEntry(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A time entry to create. The person needs a cost rate (a salary) on that day, the service time tracking."""

    date: Annotated[Day, Meta(description="day of the work")]
    time: Annotated[int, Meta(gt=0, le=1440, description="minutes worked")]
    person_id: Annotated[PersonId, Meta(description="who worked")]
    service_id: Annotated[ServiceId, Meta(description="the service that it counts on")]
    task_id: Annotated[TaskId, Meta(description="the task that was worked on")] | UnsetType = UNSET
    note: Annotated[str, Meta(description="what was done; HTML")] | UnsetType = UNSET
    billable_time: Annotated[Minutes, Meta(description="minutes to bill; by default all")] | UnsetType = UNSET
    started_at: Annotated[dt.datetime, Meta(description="when the work began")] | UnsetType = UNSET
    use_salary_currency: (
        Annotated[bool, Meta(description="whether the cost is in the salary's currency")] | UnsetType
    ) = UNSET
    calendar_event_id: Annotated[str, Meta(description="id of the calendar event it was made of")] | UnsetType = UNSET
    jira_issue_id: Annotated[str, Meta(description="id of the Jira issue")] | UnsetType = UNSET
    jira_issue_summary: Annotated[str, Meta(description="summary of the Jira issue")] | UnsetType = UNSET
    jira_issue_status: Annotated[str, Meta(description="status of the Jira issue")] | UnsetType = UNSET
    jira_organization: Annotated[str, Meta(description="Jira organization")] | UnsetType = UNSET
    jira_worklog_id: (
        Annotated[str, Meta(description="id of the Jira worklog; belongs to the vendor's Jira integration")] | UnsetType
    ) = UNSET


TIME_ENTRIES = Resource(
    name="time_entries",
    struct=TimeEntry,
    guarantee=NaturalKey(("person_id", "service_id", "task_id", "date", "time", "note")),
    note="note",
    doc=f"{DOCS}time-entries",
    bulk=Bulk(operations=frozenset({"create", "update", "delete"})),
    filters=frozenset({"person_id", "service_id", "task_id", "date", "note", "created_at"}),
    # Of the specification: they name many entries, and are answered with nothing.
    actions=(APPROVE, UNAPPROVE),
)
