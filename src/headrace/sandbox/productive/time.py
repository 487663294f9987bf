"""Time entries, bookings and their neighbours, as Productive's pages describe them. Times are in minutes.

Fields: the vendor's OpenAPI document (PROVIDERS.md 1.5, column a). Filters: PROVIDERS.md 1.6, as in `people`.
"""

from headrace.sandbox.jsonapi.checks import (
    BOOLEAN,
    COUNT,
    DATE,
    INTEGER,
    OBJECT,
    POSITIVE,
    TEXT,
    TIME,
    choice,
)
from headrace.sandbox.jsonapi.kind import Kind, To, exactly_one_of, words
from headrace.sandbox.productive.rules import booking_amount, custom_values, in_order, same_as

ALL_BULK = frozenset({"create", "update", "delete"})

TIME_ENTRIES = Kind(
    "time_entries",
    attributes={
        "date": DATE,
        "time": POSITIVE,
        "billable_time": COUNT,
        "note": TEXT,
        "started_at": TIME,
        "jira_issue_id": TEXT,
        "jira_issue_status": TEXT,
        "jira_issue_summary": TEXT,
        "jira_organization": TEXT,
        "jira_worklog_id": TEXT,
        "calendar_event_id": TEXT,
        "use_salary_currency": BOOLEAN,
    },
    relations={"person": To("people"), "service": To("services"), "task": To("tasks")},
    required=("service", "person", "date", "time"),
    defaults={
        "track_method_id": 1,
        "timer_started_at": None,
        "timer_stopped_at": None,
        "approved": False,
        "approved_at": None,
        "rejected": False,
        "rejected_at": None,
        "rejected_reason": None,
        "invoiced": False,
        "overhead": False,
        "submitted": False,
    },
    unseen=frozenset({"use_salary_currency"}),
    filters=words("person_id service_id task_id date note created_at updated_at jira_worklog_id jira_issue_id query"),
    sorts=words("id date time created_at updated_at"),
    text=("note",),
    bulk=ALL_BULK,
    completions=(same_as("billable_time", "time"),),
)

TIMESHEETS = Kind(
    "timesheets",
    lacks=frozenset({"update"}),
    attributes={"date": DATE},
    relations={"person": To("people"), "creator": To("people")},
    required=("date", "person"),
    filters=words("date person_id"),
    sorts=words("id date created_at"),
    bulk=frozenset({"create"}),
)

BOOKINGS = Kind(
    "bookings",
    attributes={
        "started_on": DATE,
        "ended_on": DATE,
        "booking_method_id": choice(1, 2, 3),
        "time": COUNT,
        "total_time": COUNT,
        "percentage": COUNT,
        "autotracking": BOOLEAN,
        "note": TEXT,
        "draft": BOOLEAN,
        "custom_fields": OBJECT,
    },
    relations={
        "person": To("people"),
        "service": To("services"),
        "event": To("events"),
        "task": To("tasks"),
        "approver": To("people"),
        "attachments": To("attachments", flat="attachment_ids", is_many=True),
    },
    required=("person", "started_on", "ended_on"),
    defaults={"draft": False, "approved": False, "rejected": False, "canceled": False},
    filters=words("person_id event_id task_id started_on ended_on note draft custom_fields"),
    sorts=words("id started_on ended_on created_at updated_at"),
    text=("note",),
    bulk=ALL_BULK,
    rules=(
        exactly_one_of("service", "event"),
        booking_amount,
        in_order("started_on", "ended_on"),
        custom_values("bookings"),
    ),
    hides=("with_draft", lambda record: bool(record.attributes.get("draft"))),
)

EVENTS = Kind(
    "events",
    attributes={"name": TEXT, "event_type_id": INTEGER, "icon_id": TEXT, "color_id": INTEGER},
    required=("name",),
    defaults={"archived_at": None},
    stamps=(),
    filters=words("name query"),
    sorts=words("id name"),
    text=("name",),
)
